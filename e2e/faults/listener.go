package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	realtimev1 "github.com/beep-chat/beep/api/beep/realtime/v1"
	"github.com/beep-chat/beep/client"
)

// Listener is a client that keeps the windows of docs/realtime.md over any number of connections, each to the next
// node, and remembers every move of them.
type Listener struct {
	Name   string
	Socket *client.Socket
	Nodes  []string // addresses of sockets
	// Also is told of every frame, in order, under the lock of the windows; may be nil.
	Also func(client.Event)

	mu       sync.Mutex // guards the rest
	steps    map[uint64][]Step
	connects int
}

// Run connects, and again when a connection ends, until ctx ends. It may be run again later, which is a client that
// was away.
func (l *Listener) Run(ctx context.Context) {
	l.Socket.On = l.note
	// Far quicker than a client that spares the server; a listener that is away hears nothing worth checking.
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for n := 0; ctx.Err() == nil; n++ {
		l.Socket.URL = l.Nodes[n%len(l.Nodes)]
		_ = l.Socket.Connect(ctx, func(*realtimev1.Ready) { // that it ends is what is tested
			l.mu.Lock()
			defer l.mu.Unlock()
			l.connects++
		})
		select {
		case <-ctx.Done():
		case <-again.C:
		}
	}
}

// Connects is how often it was let in.
func (l *Listener) Connects() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.connects
}

func (l *Listener) note(ev client.Event) {
	if l.Also != nil {
		l.Also(ev)
	}
	var steps []Step
	if ev.Reset {
		d := &realtimev1.Delta{}
		if err := decode(ev.D, d); err != nil {
			return // the socket would have refused it
		}
		steps = append(steps, Step{Reset: d.GetHead()})
	}
	for _, e := range ev.Applied {
		steps = append(steps, Step{Entry: e})
	}
	if len(steps) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.steps == nil {
		l.steps = map[uint64][]Step{}
	}
	l.steps[ev.Channel] = append(l.steps[ev.Channel], steps...)
}

// Forget forgets what it was told of a channel.
func (l *Listener) Forget(channel uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.steps, channel)
}

func decode(raw json.RawMessage, d proto.Message) error {
	return protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(raw, d)
}

// At is up to where its window of a channel is, and whether it has one.
func (l *Listener) At(channel uint64) (r uint32, ok bool) {
	l.Socket.Windows(func(ws map[uint64]*client.Window) {
		if w := ws[channel]; w != nil {
			r, ok = w.R, true
		}
	})
	return r, ok
}

// Heard is all that it was told of a channel. Where a page has replaced its window, it first loads what is older, as
// a person who scrolls back does.
func (l *Listener) Heard(ctx context.Context, api *client.API, channel uint64) (Heard, error) {
	l.mu.Lock()
	h := Heard{Name: l.Name, Steps: slices.Clone(l.steps[channel])}
	l.mu.Unlock()
	if slices.ContainsFunc(h.Steps, func(s Step) bool { return s.Entry == nil }) {
		err := pages(ctx, api, channel, func(p *messagesv1.ListMessagesResponse) (err error) {
			l.Socket.Windows(func(ws map[uint64]*client.Window) {
				if w := ws[channel]; w == nil || !w.Page(p) {
					err = fmt.Errorf("%s cannot use a page read at %d", l.Name, p.GetHead())
				}
			})
			return err
		})
		if err != nil {
			return h, err
		}
	}
	l.Socket.Windows(func(ws map[uint64]*client.Window) {
		if w := ws[channel]; w != nil {
			h.R, h.Messages = w.R, maps.Clone(w.Messages)
		}
	})
	return h, nil
}

// History reads all of a channel over REST.
func History(ctx context.Context, api *client.API, channel uint64) (head uint32, all []*messagesv1.Message, err error) {
	err = pages(ctx, api, channel, func(p *messagesv1.ListMessagesResponse) error {
		if len(all) == 0 {
			head = p.GetHead()
		}
		all = append(all, p.GetMessages()...)
		return nil
	})
	return head, all, err
}

// pages reads a channel's pages, newest first.
func pages(ctx context.Context, api *client.API, channel uint64, take func(*messagesv1.ListMessagesResponse) error) error {
	path := fmt.Sprintf("/api/channels/%d/messages?limit=100", channel)
	for query := ""; ; {
		p := &messagesv1.ListMessagesResponse{}
		if err := api.Call(ctx, http.MethodGet, path+query, nil, p); err != nil {
			return fmt.Errorf("history of %d: %w", channel, err)
		}
		if err := take(p); err != nil {
			return err
		}
		if !p.GetHasBefore() || len(p.GetMessages()) == 0 {
			return nil
		}
		query = fmt.Sprintf("&before=%d", p.GetMessages()[len(p.GetMessages())-1].GetId())
	}
}
