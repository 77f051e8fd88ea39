package logmodel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/beep-chat/beep"
	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	realtimev1 "github.com/beep-chat/beep/api/beep/realtime/v1"
	"github.com/beep-chat/beep/client"
)

type windows = map[uint64]*client.Window

// edge is one life of a window: a reset begins another.
type edge struct {
	window *client.Window
	base   uint32
}

// member is a person with one client, which is the one that the project gives to others, but for its connections.
type member struct {
	w      *world
	user   beep.UserID
	socket client.Socket
	log    messagesv1.MessagesClient

	mu   sync.Mutex // guards link and mine
	link *link
	mine []*intent // messages sent, acknowledged or not

	// What the owner has done to this person; the owner's alone.
	out    bool              // kicked
	denied map[uint64]uint64 // by channel, the overwrite that hides it

	// low is the oldest message that a window shows without a hole up to its newest. Guarded by the lock of the windows.
	low  map[edge]uint64
	last map[*client.Window]uint32 // its r when it last moved; guarded likewise
}

func (w *world) newMember(user beep.UserID) *member {
	m := &member{
		w: w, user: user, log: messagesv1.NewMessagesClient(wire{w, edgeName, &w.replicas, w.edge}),
		low: map[edge]uint64{}, denied: map[uint64]uint64{}, last: map[*client.Window]uint32{},
	}
	m.socket.Windows(func(ws windows) {
		m.socket.On = func(ev client.Event) { m.noticed(ws[ev.Channel], ev) }
	})
	return m
}

// noticed sees each frame after the windows took it in, under their lock: a window moves by entries that follow each
// other and by nothing else but a reset.
func (m *member) noticed(win *client.Window, ev client.Event) {
	if win == nil {
		return
	}
	was := m.last[win]
	for _, e := range ev.Applied {
		if was++; e.GetR() != was && !ev.Reset {
			m.w.ledger.broken(ruleOrder, "%d applies %d/%d after %d", m.user, ev.Channel, e.GetR(), was-1)
		}
		m.w.ledger.seen(e.GetMessage())
	}
	if win.R < m.last[win] || (win.R != was && !ev.Reset) {
		m.w.ledger.broken(ruleOrder, "%d moves from %d/%d to %d", m.user, ev.Channel, m.last[win], win.R)
	}
	m.last[win] = win.R
	d := &realtimev1.Delta{}
	if !ev.Reset || protojson.Unmarshal(ev.D, d) != nil || len(d.GetEntries()) == 0 {
		return
	}
	oldest := d.GetEntries()[len(d.GetEntries())-1].GetMessage()
	m.low[edge{win, win.Base}] = oldest.GetId()
	if oldest.GetN() == 1 {
		m.low[edge{win, win.Base}] = 0
	}
}

// stay keeps the client connected, to any node, until ctx ends. Between two connections it may be away for a while, and
// come back as another device that knows nothing.
func (m *member) stay(ctx context.Context) {
	for ctx.Err() == nil {
		m.connect(ctx)
		wait(ctx, time.Millisecond)
		if m.w.fault(2) {
			wait(ctx, time.Duration(m.w.upTo(30))*time.Millisecond)
		}
		if m.w.fault(5) {
			m.socket.Windows(func(ws windows) { clear(ws) })
		}
	}
}

// hangUp ends the present connection.
func (m *member) hangUp() {
	m.mu.Lock()
	l := m.link
	m.mu.Unlock()
	if l != nil {
		l.end(m.w.oneIn(2))
	}
}

// act is what a person does next.
func (m *member) act(ctx context.Context) {
	ch := m.w.channels[m.w.upTo(len(m.w.channels))]
	switch m.w.upTo(10) {
	case 0:
		m.hangUp()
	case 1, 2, 3:
		m.look(ctx, ch)
	case 4, 5:
		m.change(ctx, ch, "edit")
	case 6:
		m.change(ctx, ch, "delete")
	default:
		m.say(ctx, ch)
	}
}

// newIntent gives it a nonce and content that nothing else has.
func (m *member) newIntent(kind string, channel, mid uint64) *intent {
	nonce := fmt.Sprintf("%d-%x%08x", m.user, m.w.upTo(1<<30), m.w.upTo(1<<30))
	it := &intent{channel: channel, author: m.user, nonce: nonce, kind: kind, mid: mid}
	if kind != "delete" {
		it.content = kind + " " + nonce
	}
	m.w.ledger.want(it)
	return it
}

func (m *member) say(ctx context.Context, channel uint64) {
	it := m.newIntent("create", channel, 0)
	m.mu.Lock()
	m.mine = append(m.mine, it)
	m.mu.Unlock()
	m.insist(ctx, it)
}

// change edits or deletes one of one's own messages there, if there is one that is known.
func (m *member) change(ctx context.Context, channel uint64, kind string) {
	m.mu.Lock()
	mine := slices.Clone(m.mine)
	m.mu.Unlock()
	var mids []uint64
	m.w.ledger.count(func(*Stats) {
		for _, it := range mine {
			if it.channel == channel && it.mid != 0 {
				mids = append(mids, it.mid)
			}
		}
	})
	if len(mids) > 0 {
		m.insist(ctx, m.newIntent(kind, channel, mids[m.w.upTo(len(mids))]))
	}
}

// insist asks for the same until there is an answer, or for as long as it seems worth it.
func (m *member) insist(ctx context.Context, it *intent) {
	for tries := 1 + m.w.upTo(5); ctx.Err() == nil && (tries > 0 || m.w.calm.Load()); tries-- {
		if m.try(ctx, it) {
			if !m.w.fault(12) {
				return // else the answer was not noticed, and the same is asked for again
			}
		}
	}
}

// try asks once; true says that the answer settles it, at least for this user's rights now.
func (m *member) try(ctx context.Context, it *intent) bool {
	patience := 10 * time.Second
	if m.w.fault(4) {
		patience = time.Duration(m.w.upTo(15_000)) * time.Microsecond
	}
	q := m.w.ledger.request(m.user, it.channel)
	ctx, cancel := context.WithTimeout(m.w.asIn(ctx, m.user), patience)
	defer cancel()
	message, err := m.ask(ctx, it)
	known, ok := errors.AsType[*beep.Error](err)
	switch {
	case err == nil:
		m.w.ledger.acked(q, it, message)
		return true
	case ok && known.Code == beep.CodeMessageNotFound:
		m.w.ledger.refusedForGood(it)
		return true
	case ok && (known.Code == beep.CodeChannelNotFound || known.Code == beep.CodeForbidden):
		m.w.ledger.denied(q, it.kind)
		return true
	case ok && unknown(known):
		m.w.ledger.count(func(s *Stats) { s.Unknown++ })
		return false
	}
	m.w.ledger.broken(ruleNonce, "%s %s by %d is answered %v", it.kind, it.nonce, m.user, err)
	return true
}

// unknown says whether an answer leaves open what became of the request: a fault on the other side does as well.
func unknown(err *beep.Error) bool {
	return err.Kind == beep.KindUnavailable || err.Kind == beep.KindInternal
}

func (m *member) ask(ctx context.Context, it *intent) (*messagesv1.Message, error) {
	switch it.kind {
	case "create":
		r, err := m.log.SendMessage(ctx, &messagesv1.SendMessageRequest{ChannelId: it.channel, Content: it.content, Nonce: it.nonce})
		return r.GetMessage(), err
	case "edit":
		r, err := m.log.EditMessage(ctx, &messagesv1.EditMessageRequest{
			ChannelId: it.channel, MessageId: it.mid, Content: it.content, Nonce: it.nonce,
		})
		return r.GetMessage(), err
	}
	_, err := m.log.DeleteMessage(ctx, &messagesv1.DeleteMessageRequest{ChannelId: it.channel, MessageId: it.mid, Nonce: it.nonce})
	return nil, err
}

// pageSize is small, so that a history of few messages has several pages.
const pageSize = 4

// look loads a page of history, the newest or the one before what the window shows.
func (m *member) look(ctx context.Context, channel uint64) {
	var at edge
	var before uint64
	m.socket.Windows(func(ws windows) {
		if win := ws[channel]; win != nil {
			at = edge{win, win.Base}
			if m.low[at] > 0 && m.w.oneIn(2) {
				before = m.low[at]
			}
		}
	})
	q := m.w.ledger.request(m.user, channel)
	ask := &messagesv1.ListMessagesRequest{ChannelId: channel, Before: before, Limit: pageSize}
	page, err := m.log.ListMessages(m.w.asIn(ctx, m.user), ask)
	known, ok := errors.AsType[*beep.Error](err)
	switch {
	case ok && known.Code == beep.CodeChannelNotFound:
		m.w.ledger.denied(q, "a read")
		return
	case ok && unknown(known):
		return
	case err != nil:
		m.w.ledger.broken(ruleRead, "a read by %d in %d is answered %v", m.user, channel, err)
		return
	}
	m.w.ledger.page(q, ask, page)
	m.socket.Windows(func(ws windows) { m.merge(ws[channel], at, before, page) })
}

// merge takes a page into the window that it was asked for, at the edge that it was asked at.
func (m *member) merge(win *client.Window, at edge, before uint64, page *messagesv1.ListMessagesResponse) {
	if win == nil || win != at.window || win.Base != at.base || (before > 0 && m.low[at] != before) || !win.Page(page) {
		return
	}
	low := uint64(0)
	if n := len(page.GetMessages()); page.GetHasBefore() && n > 0 {
		low = page.GetMessages()[n-1].GetId()
	}
	if was, shown := m.low[at]; !shown || low < was {
		m.low[at] = low
	}
}
