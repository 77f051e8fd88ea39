package logmodel

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	kitbus "github.com/beep-chat/beep/kit/bus"
)

// bus loses, doubles and reorders, to each process differently.
type bus struct {
	w     *world
	muted atomic.Bool // nothing arrives any more

	mu   sync.Mutex // guards ends
	ends []*end
}

// end is the bus as one process has it.
type end struct {
	bus *bus
	of  *proc

	calling sync.Mutex // one call of a subscriber at a time, as a bus promises

	mu   sync.Mutex // guards subs
	subs map[*subscription]struct{}
}

type subscription struct {
	topic string
	fn    func([]byte)
}

var _ kitbus.Bus = (*end)(nil)

func (b *bus) end(of *proc) *end {
	e := &end{bus: b, of: of, subs: map[*subscription]struct{}{}}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ends = append(slices.DeleteFunc(slices.Clone(b.ends), func(e *end) bool { return e.of.isDead() }), e)
	return e
}

// Publish sends a payload on its way to every process, once, not at all or twice.
func (e *end) Publish(ctx context.Context, topic string, payload []byte) error {
	w := e.bus.w
	if e.of.isDead() || w.fault(20) {
		return kitbus.ErrFull
	}
	e.bus.mu.Lock()
	ends := e.bus.ends
	e.bus.mu.Unlock()
	if w.plant.since && strings.HasPrefix(topic, "ch:") {
		payload = withoutRevision(payload)
	}
	ctx = context.WithoutCancel(ctx)
	for _, to := range ends {
		for range w.copies(topic) {
			w.calls.Go(func() {
				if w.fault(2) {
					wait(ctx, time.Duration(w.upTo(4000))*time.Microsecond)
				}
				to.deliver(topic, payload)
			})
		}
	}
	return nil
}

// copies is how often a payload arrives. Of changes of rights half get lost: a node that does not hear of one is the one
// that could leak.
func (w *world) copies(topic string) int {
	if w.fault(3) || (strings.HasPrefix(topic, "scope:") && w.fault(2)) {
		return 2 * w.upTo(2)
	}
	return 1
}

func (e *end) deliver(topic string, payload []byte) {
	if e.of.isDead() || e.bus.muted.Load() {
		return
	}
	e.calling.Lock()
	defer e.calling.Unlock()
	e.mu.Lock()
	subs := slices.Collect(maps.Keys(e.subs))
	e.mu.Unlock()
	for _, s := range subs {
		e.mu.Lock()
		_, live := e.subs[s]
		e.mu.Unlock()
		if live && s.topic == topic {
			s.fn(payload)
		}
	}
}

// Subscribe calls fn for what arrives from now on.
func (e *end) Subscribe(topic string, fn func([]byte)) (cancel func()) {
	s := &subscription{topic, fn}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.subs[s] = struct{}{}
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.subs, s)
	}
}

// withoutRevision is a wake that says that its content needs no revision.
func withoutRevision(payload []byte) []byte {
	wake := &messagesv1.Wake{}
	if proto.Unmarshal(payload, wake) != nil {
		return payload
	}
	wake.E = 0
	lying, err := proto.Marshal(wake)
	if err != nil {
		return payload
	}
	return lying
}
