package realtime

import (
	"context"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/beep-chat/beep"
	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	realtimev1 "github.com/beep-chat/beep/api/beep/realtime/v1"
	"github.com/beep-chat/beep/perm"
)

// channel is a channel that sessions here are registered in.
type channel struct {
	id beep.ChannelID
	sc *scope

	// subs are the registered sessions with the rights that the client was told. Guarded by sc.mu.
	subs map[*Session]perm.Rights

	mu    sync.Mutex // guards everything below; taken inside sc.mu, never around it
	known bool       // whether have is: a channel nobody was registered in must ask for its head
	have  uint32     // what its sessions have been sent, or have not needed
	// What came and was not looked at, and whether the one worker that looks is running.
	inbox   []*messagesv1.Wake
	working bool
	unwatch func()
}

// maxInbox bounds the wake-ups that wait for one channel; more are dropped, as wake-ups may be.
const maxInbox = 256

func (ch *channel) isKnown() bool {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	return ch.known
}

// ensure makes have known, from a head that was asked for; it says whether have is known now. A head that was asked
// for before others made have known says nothing of what they were sent, and is not taken.
func (ch *channel) ensure(head uint32, asked bool) bool {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if !ch.known && asked {
		ch.known, ch.have = true, head
	}
	return ch.known
}

// setHave never takes have back: what was passed must not be passed again.
func (ch *channel) setHave(r uint32) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	ch.have = max(ch.have, r)
}

// unregister takes a session out. The last one out forgets how far the channel was sent. sc.mu is held. From then on
// entries go by that nobody here is sent, so have would be a guess.
func (ch *channel) unregister(s *Session) {
	if _, in := ch.subs[s]; !in {
		return
	}
	delete(ch.subs, s)
	if len(ch.subs) > 0 {
		return
	}
	ch.mu.Lock()
	defer ch.mu.Unlock()
	ch.known, ch.have, ch.inbox = false, 0, nil
	if ch.unwatch != nil {
		go ch.unwatch() // the bus has locks of its own
		ch.unwatch = nil
	}
}

// wake is rule 8: the channel's one worker looks at wake-ups in the order they came. What is not taken, because
// nobody is registered or too much waits, the next sweep finds.
func (n *Node) wake(ch *channel, w *messagesv1.Wake) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if !ch.known || len(ch.inbox) >= maxInbox {
		return
	}
	ch.inbox = append(ch.inbox, w)
	if !ch.working {
		ch.working = n.start(func() { n.work(ch) })
	}
}

// next is the next wake-up to look at, or nil when the worker may end.
func (ch *channel) next() (w *messagesv1.Wake, have uint32) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	for len(ch.inbox) > 0 {
		w, ch.inbox = ch.inbox[0], ch.inbox[1:]
		// Otherwise it came twice, or a Since has overtaken it.
		if w.GetLast() > ch.have {
			return w, ch.have
		}
	}
	// Under the lock under which wake looks at working: a wake-up is either in the inbox by now or starts a worker.
	ch.working, ch.inbox = false, nil
	return nil, 0
}

// work is the one goroutine that sends a channel's new entries to all, which is why they go out in order.
func (n *Node) work(ch *channel) {
	for {
		w, have := ch.next()
		if w == nil {
			return
		}
		ctx, cancel := context.WithTimeout(n.life, callTimeout)
		err := n.serve(ctx, ch, w, have)
		cancel()
		if err != nil { // what was missed is found by the next sweep
			n.peers.Logger.Warn("channel not delivered", "channel", ch.id, "error", err)
		}
	}
}

// serve delivers a wake-up that continues what was sent, and otherwise whatever follows it in the log.
func (n *Node) serve(ctx context.Context, ch *channel, w *messagesv1.Wake, have uint32) error {
	// It may begin before what is missing: a client passes over what it has. A sweep's wake-up has no frame.
	if w.GetFirst() <= have+1 && len(w.GetFrame()) > 0 {
		return n.pass(ctx, ch, wrap(w.GetFrame()), place{w.GetLast(), w.GetE()})
	}
	for {
		resp, err := n.peers.Log.Since(ctx, &messagesv1.SinceRequest{ChannelId: uint64(ch.id), R: have})
		if err != nil {
			return err
		}
		if resp.GetHead() <= have {
			return nil
		}
		// Each part is passed on before the next is asked for.
		have = resp.GetHead()
		err = n.pass(ctx, ch, encode("delta", delta(ch.id, resp, false)), place{have, newest(resp.GetEntries())})
		if err != nil || !endsEarly(resp) {
			return err
		}
	}
}

// place is where in a channel's log a frame ends, and the revision of the scope that it needs.
type place struct {
	last uint32
	e    uint64
}

// pass delivers a frame to those registered in a channel, under a View as new as it needs.
func (n *Node) pass(ctx context.Context, ch *channel, f Frame, to place) error {
	// First of all, by rule 9. On the way some of those registered may be told that they lose the channel.
	if err := n.follow(ctx, ch.sc, to.e); err != nil {
		return err
	}
	if !ch.sc.deliver(ch, f, to.last, to.e) {
		return beep.Unavailable(nil)
	}
	return nil
}

// endsEarly says whether an answer may be only the first part of what follows: one that is not small, which costs a
// question more where it was all.
func endsEarly(resp *messagesv1.SinceResponse) bool {
	const small = 64 << 10
	return !resp.GetReset_() && proto.Size(resp) > small
}

// delta is an answer of the log without the revisions, which are nobody's business.
func delta(id beep.ChannelID, resp *messagesv1.SinceResponse, answer bool) *realtimev1.Delta {
	d := &realtimev1.Delta{ChannelId: uint64(id), Reset_: resp.GetReset_(), Head: resp.GetHead(), Answer: answer}
	for _, x := range resp.GetEntries() {
		d.Entries = append(d.Entries, x.GetEntry())
	}
	return d
}

// watchOnce subscribes to a channel's wake-ups and typing, unless it is already. The bus is called without ch.mu,
// which its callbacks take.
func (n *Node) watchOnce(ch *channel) {
	ch.mu.Lock()
	watched := ch.unwatch != nil
	ch.mu.Unlock()
	if watched {
		return
	}
	stopWakes := n.peers.Bus.Subscribe("ch:"+ch.id.String(), func(payload []byte) {
		w := &messagesv1.Wake{}
		if proto.Unmarshal(payload, w) == nil && w.GetChannelId() == uint64(ch.id) {
			n.wake(ch, w)
		}
	})
	stopTyping := n.peers.Bus.Subscribe("typing:"+ch.id.String(), func(payload []byte) { n.typed(ch, payload) })
	ch.mu.Lock()
	defer ch.mu.Unlock()
	// Another was faster, or the last session has left meanwhile and nobody would end the subscription.
	if ch.unwatch != nil || !ch.known {
		go func() { stopWakes(); stopTyping() }()
		return
	}
	ch.unwatch = func() { stopWakes(); stopTyping() }
}
