package faults

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	realtimev1 "github.com/beep-chat/beep/api/beep/realtime/v1"
	"github.com/beep-chat/beep/client"
)

// Ear is a listener that remembers when it was told what. One that NewEar makes is ready to be run.
type Ear struct {
	*Listener

	mu     sync.Mutex // guards the rest
	tracks map[uint64]*track
	beats  int // heartbeats that were answered
}

// track is what an ear was told of one channel.
type track struct {
	server  uint64
	added   int
	removed []time.Time
	silent  []time.Time
	words   []Word
}

// NewEar makes a listener into an ear.
func NewEar(l *Listener) *Ear {
	e := &Ear{Listener: l, tracks: map[uint64]*track{}}
	l.Also = e.hear
	return e
}

func (e *Ear) hear(ev client.Event) {
	now := time.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	switch ev.Op {
	case "heartbeat_ack":
		e.beats++
	case "channel_added":
		added := &realtimev1.ChannelAdded{}
		if decode(ev.D, added) == nil {
			e.trackLocked(ev.Channel).server = added.GetChannel().GetServerId()
			e.trackLocked(ev.Channel).added++
		}
	case "channel_updated":
		updated := &realtimev1.ChannelUpdated{}
		if decode(ev.D, updated) == nil && !slices.Contains(updated.GetRights(), "send_messages") {
			t := e.trackLocked(updated.GetChannel().GetId())
			t.silent = append(t.silent, now)
		}
	case "channel_removed":
		t := e.trackLocked(ev.Channel)
		t.removed = append(t.removed, now)
	case "server_removed":
		gone := &realtimev1.ServerRemoved{}
		_ = decode(ev.D, gone) // the socket would have refused it
		for _, t := range e.tracks {
			if t.server == gone.GetServerId() {
				t.removed = append(t.removed, now)
			}
		}
	case "entries", "delta": // what both have is all that is wanted of them
		d := &realtimev1.Delta{}
		_ = decode(ev.D, d)
		for _, entry := range d.GetEntries() {
			t := e.trackLocked(ev.Channel)
			t.words = append(t.words, Word{now, entry.GetNonce()})
		}
	}
}

func (e *Ear) trackLocked(channel uint64) *track {
	t := e.tracks[channel]
	if t == nil {
		t = &track{}
		e.tracks[channel] = t
	}
	return t
}

// follows answers nil when the ear was given the channel n times and told where its log stands.
func (e *Ear) follows(channel uint64, n int) error {
	e.mu.Lock()
	added := e.trackLocked(channel).added
	e.mu.Unlock()
	asks := true
	e.Socket.Windows(func(ws map[uint64]*client.Window) {
		if w := ws[channel]; w != nil {
			asks = w.Asks
		}
	})
	if added < n || asks {
		return fmt.Errorf("%s was given channel %d %d times, not %d, and waits for an answer: %t", e.Name, channel, added, n, asks)
	}
	return nil
}

// knows answers nil when the ear has heard of a message.
func (e *Ear) knows(channel uint64, nonce string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !slices.ContainsFunc(e.trackLocked(channel).words, func(w Word) bool { return w.Nonce == nonce }) {
		return fmt.Errorf("%s has not heard %q in channel %d", e.Name, nonce, channel)
	}
	return nil
}

// told answers nil when the ear was told of what a race takes.
func (e *Ear) told(r *Race) error {
	if _, ok := r.TookToTell(e.overheard(r.Channel)); !ok {
		return fmt.Errorf("%s was not told of %s in channel %d", e.Name, r.Kind, r.Channel)
	}
	return nil
}

// overheard is what the ear was told of a channel.
func (e *Ear) overheard(channel uint64) Overheard {
	e.mu.Lock()
	defer e.mu.Unlock()
	t := e.trackLocked(channel)
	return Overheard{Name: e.Name, Words: slices.Clone(t.words), Removed: slices.Clone(t.removed), Silenced: slices.Clone(t.silent)}
}

// flush waits until everything has come that was on its way when it was called: the answer to a heartbeat comes
// after it, over the same connection.
func (e *Ear) flush(ctx context.Context) error {
	beats := func() int { e.mu.Lock(); defer e.mu.Unlock(); return e.beats }
	before := beats()
	if err := e.Socket.Send(ctx, "heartbeat", nil); err != nil {
		return err
	}
	return until(ctx, func() error {
		if beats() == before {
			return fmt.Errorf("%s has no answer to its heartbeat", e.Name)
		}
		return nil
	})
}

// take is what the ear was told of a channel, which it then forgets; its window is loaded with all that there is.
func (e *Ear) take(ctx context.Context, api *client.API, channel uint64) (Overheard, error) {
	heard, err := e.Heard(ctx, api, channel)
	if err != nil {
		return Overheard{}, err
	}
	o := e.overheard(channel)
	o.Window = heard.Messages
	e.forget(channel)
	return o, nil
}

func (e *Ear) forget(channel uint64) {
	e.Forget(channel)
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.tracks, channel)
}

// until waits until ask answers nil, or, with its last error, until ctx ends.
func until(ctx context.Context, ask func() error) error {
	for {
		err := ask()
		if err == nil {
			return nil
		}
		if pause(ctx, 5*time.Millisecond) != nil {
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
	}
}
