// Package bus carries wake-ups between the parts of Beep: that a log has grown, that a user types. It is not a
// queue. A message may be lost, doubled or come out of order, so whoever listens looks at the store, and looks there
// from time to time without being woken too.
//
// Memory serves one process, Redis several.
package bus

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// Bus publishes to whoever subscribes to a topic at the moment.
type Bus interface {
	// Publish hands payload, which the caller no longer changes, to the topic's subscribers in every process, at
	// most once each. It answers within 50 ms; its error means that some may not have got it, and is no reason to
	// fail what the message tells of.
	Publish(ctx context.Context, topic string, payload []byte) error
	// Subscribe calls fn for what is published on topic from about now on. fn runs on a goroutine of the bus that
	// all subscribers share: it must not block, nor keep or change the payload, which others get too. Payloads that
	// outrun the subscribers are dropped, newest first. No call begins after cancel has returned; one that had begun
	// may still be running. cancel may be called more than once.
	Subscribe(topic string, fn func(payload []byte)) (cancel func())
}

var (
	_ Bus = (*Memory)(nil)
	_ Bus = (*Redis)(nil)
)

var (
	// ErrClosed is what Publish answers after Close.
	ErrClosed = errors.New("bus: closed")
	// ErrFull is what Publish answers when what was published before is not yet on its way.
	ErrFull = errors.New("bus: too much is waiting")
)

// maxQueue bounds the payloads that wait for subscribers. A wake-up lost to the bound costs a second, a queue without
// one the process.
const maxQueue = 8192

// hub calls the subscribers in this process. Its goroutine lives only while there is something to deliver, so a hub
// that nobody publishes to costs nothing.
type hub struct {
	mu      sync.Mutex // guards the rest
	topics  map[string][]*subscription
	queue   []message
	running bool
	ended   chan struct{} // closed when the goroutine that runs ends
	closed  bool
	dropped uint64
	// moved is called, with mu held, when a topic gets its first subscriber or loses its last one.
	moved func(topic string)
}

type subscription struct{ fn func(payload []byte) }

type message struct {
	topic   string
	payload []byte
}

func newHub(moved func(topic string)) *hub {
	return &hub{topics: map[string][]*subscription{}, moved: moved}
}

func (h *hub) subscribe(topic string, fn func(payload []byte)) (cancel func()) {
	s := &subscription{fn: fn}
	h.mu.Lock()
	defer h.mu.Unlock()
	// A new list each time: the goroutine may be walking the old one.
	list := append(slices.Clone(h.topics[topic]), s)
	h.topics[topic] = list
	if len(list) == 1 {
		h.moved(topic)
	}
	return func() { h.cancel(topic, s) }
}

func (h *hub) cancel(topic string, s *subscription) {
	h.mu.Lock()
	defer h.mu.Unlock()
	i := slices.Index(h.topics[topic], s)
	if i < 0 {
		return // cancelled before
	}
	list := slices.Delete(slices.Clone(h.topics[topic]), i, i+1)
	if len(list) > 0 {
		h.topics[topic] = list
		return
	}
	delete(h.topics, topic)
	h.moved(topic)
}

// deliver queues a message for the subscribers and answers false if it dropped it.
func (h *hub) deliver(m message) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || len(h.topics[m.topic]) == 0 {
		return true // nobody to lose it
	}
	if len(h.queue) >= maxQueue {
		h.dropped++
		return false
	}
	h.queue = append(h.queue, m)
	if !h.running {
		h.running, h.ended = true, make(chan struct{})
		go h.run(h.ended)
	}
	return true
}

// run delivers until nothing is left; close waits for it.
func (h *hub) run(ended chan struct{}) {
	defer close(ended)
	var batch []message
	for {
		h.mu.Lock()
		if len(h.queue) == 0 {
			h.running = false
			h.mu.Unlock()
			return
		}
		batch, h.queue = h.queue, batch[:0]
		h.mu.Unlock()
		for _, m := range batch {
			for _, s := range h.subscribers(m.topic) {
				if h.live(m.topic, s) {
					s.fn(m.payload)
				}
			}
		}
		clear(batch)
	}
}

func (h *hub) subscribers(topic string) []*subscription {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.topics[topic]
}

// live says whether s was not cancelled by one called before it.
func (h *hub) live(topic string, s *subscription) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.closed && slices.Contains(h.topics[topic], s)
}

// close drops what waits and waits for the call in progress. It is not called by a subscriber.
func (h *hub) close() {
	h.mu.Lock()
	h.closed, h.queue = true, nil
	ended := h.ended
	h.mu.Unlock()
	if ended != nil {
		<-ended
	}
}

func (h *hub) isClosed() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.closed
}

func (h *hub) droppedSoFar() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.dropped
}
