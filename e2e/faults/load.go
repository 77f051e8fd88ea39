package faults

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	"github.com/beep-chat/beep/client"
)

// Author is somebody who writes, over any gateway.
type Author struct {
	ID  uint64
	API []*client.API
}

// Load is people who write without pause.
type Load struct {
	Ledger   *Ledger
	Authors  []Author
	Channels []uint64
	Lanes    int     // what each author does at once
	Rate     float64 // changes a second, of all together; what cannot be done in time is not made up for
	Seed     uint64
}

// In a hundred changes: edits, deletions, and creations that are asked for twice at once.
const (
	edits, deletions, doubles = 8, 4, 3

	// abandoned, in a hundred changes without an answer, are not asked for again, so that their outcome stays unknown.
	abandoned = 10
	// settleWithin bounds how long a change is asked for after the end.
	settleWithin = 30 * time.Second
	askWithin    = 10 * time.Second
)

// Run writes until ctx ends, and then until every change is answered that is not abandoned.
func (l *Load) Run(ctx context.Context) {
	permits := make(chan struct{}, max(1, int(l.Rate/10))) // closed when ctx ends
	var running sync.WaitGroup
	running.Go(func() {
		defer close(permits)
		tick := time.NewTicker(time.Duration(float64(time.Second) / l.Rate))
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			select {
			case permits <- struct{}{}:
			default:
			}
		}
	})
	for _, a := range l.Authors {
		for n := range l.Lanes {
			lane := &lane{load: l, author: a, id: n, rand: rand.New(rand.NewPCG(l.Seed, a.ID^uint64(n)))} //nolint:gosec // to be repeated
			running.Go(func() { lane.run(ctx, permits) })
		}
	}
	running.Wait()
}

// lane is one of the things that an author does at once; it changes only what it made itself, one after another.
type lane struct {
	load   *Load
	author Author
	id     int
	rand   *rand.Rand
	count  int
	own    []*Op // messages that can be changed: known, and with nothing unknown about them
}

func (n *lane) run(ctx context.Context, permits <-chan struct{}) {
	settled, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(settleWithin, cancel) })()
	for range permits {
		switch dice := n.rand.IntN(100); {
		case dice < edits && len(n.own) > 0:
			n.change(settled, edit)
		case dice < edits+deletions && len(n.own) > 0:
			n.change(settled, remove)
		case dice < edits+deletions+doubles:
			n.twice(settled)
		default:
			n.keep(settled, n.send())
		}
	}
}

func (n *lane) op(kind string, channel uint64) Op {
	n.count++
	nonce := fmt.Sprintf("%x-%d-%d", n.load.Seed, n.id, n.count)
	return Op{Kind: kind, Channel: channel, Author: n.author.ID, Nonce: nonce, Content: fmt.Sprintf("%s by %d", nonce, n.author.ID)}
}

func (n *lane) send() *Op {
	return n.load.Ledger.Ask(n.op(create, n.load.Channels[n.rand.IntN(len(n.load.Channels))]))
}

// twice asks for one message over two gateways at once.
func (n *lane) twice(ctx context.Context) {
	o := n.send()
	other := &lane{load: n.load, author: n.author, rand: rand.New(rand.NewPCG(n.rand.Uint64(), 0))} //nolint:gosec // to be repeated
	var second sync.WaitGroup
	second.Go(func() { other.settle(ctx, o) })
	n.keep(ctx, o)
	second.Wait()
}

func (n *lane) keep(ctx context.Context, o *Op) {
	const most = 20
	if n.settle(ctx, o) {
		n.own = append(n.own[max(0, len(n.own)-most+1):], o)
	}
}

// change edits or deletes one of the lane's messages. What is deleted, or of unknown state, is left alone then.
func (n *lane) change(ctx context.Context, kind string) {
	i := n.rand.IntN(len(n.own))
	target := n.own[i]
	o := n.op(kind, target.Channel)
	o.Target = target
	if !n.settle(ctx, n.load.Ledger.Ask(o)) || kind == remove {
		n.own = append(n.own[:i:i], n.own[i+1:]...)
	}
}

// settle asks for a change until it is answered, with the same nonce each time, and says whether it was.
func (n *lane) settle(ctx context.Context, o *Op) bool {
	wait := time.NewTimer(0)
	defer wait.Stop()
	for tries := 0; ; tries++ {
		select {
		case <-ctx.Done():
			n.load.Ledger.Wrong("%s is still not answered %s after the end", o, settleWithin)
			return false
		case <-wait.C:
		}
		err := n.request(ctx, o)
		switch {
		case err == nil:
			return true
		case ctx.Err() != nil:
			continue
		case !client.Unknown(err):
			n.load.Ledger.Wrong("%s was refused: %v", o, err)
			return false
		case n.rand.IntN(100) < abandoned:
			return false
		}
		wait.Reset(time.Duration(10+n.rand.IntN(20<<min(tries, 4))) * time.Millisecond)
	}
}

// request asks once, over any gateway.
func (n *lane) request(ctx context.Context, o *Op) error {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	api := n.author.API[n.rand.IntN(len(n.author.API))]
	path := fmt.Sprintf("/api/channels/%d/messages", o.Channel)
	if o.Kind != create {
		path += fmt.Sprintf("/%d", n.load.Ledger.Message(o.Target))
	}
	m := &messagesv1.Message{}
	var err error
	switch o.Kind {
	case create:
		err = api.Call(ctx, http.MethodPost, path, &messagesv1.SendMessageRequest{Content: o.Content, Nonce: o.Nonce}, m)
	case edit:
		err = api.Call(ctx, http.MethodPatch, path, &messagesv1.EditMessageRequest{Content: o.Content, Nonce: o.Nonce}, m)
	case remove:
		err = api.Call(ctx, http.MethodDelete, path+"?nonce="+o.Nonce, nil, nil)
		m.Id = n.load.Ledger.Message(o.Target) // a deletion is answered without a body
	}
	if err == nil {
		n.load.Ledger.Answer(o, m.GetId())
	}
	return err
}
