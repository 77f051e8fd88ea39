package logmodel

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/beep-chat/beep"
	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	realtimev1 "github.com/beep-chat/beep/api/beep/realtime/v1"
	"github.com/beep-chat/beep/realtime"
)

// link is one connection of a client: to the node an outbox, to the client a queue of frames. It is where the judge sees
// what a node decides to send, whether the client gets to read it or not.
type link struct {
	w    *world
	user beep.UserID

	mu     sync.Mutex // guards everything below
	queue  [][]byte
	live   map[uint64]uint32 // per channel the r that the next live frame may begin with; none before the first
	ended  bool
	lost   bool          // what is queued does not arrive
	signal chan struct{} // of capacity 1: there is something to read, or it has ended
}

var _ realtime.Outbox = (*link)(nil)

func (w *world) newLink(user beep.UserID) *link {
	return &link{w: w, user: user, live: map[uint64]uint32{}, signal: make(chan struct{}, 1)}
}

// Push takes what the node sends.
func (l *link) Push(f realtime.Frame) {
	payload := f.Payload()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return
	}
	l.watch(payload)
	l.queue = append(l.queue, payload)
	l.wake()
}

// Close ends the connection; what was queued may still be read.
func (l *link) Close(uint16, string) {
	l.end(l.w.fault(2))
}

func (l *link) end(lost bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost = l.lost || (lost && !l.ended)
	l.ended = true
	l.wake()
}

func (l *link) wake() {
	select {
	case l.signal <- struct{}{}:
	default:
	}
}

// next is the next frame that the client reads, waited for; false when there is none any more.
func (l *link) next(ctx context.Context) ([]byte, bool) {
	for {
		l.mu.Lock()
		if len(l.queue) > 0 && !l.lost {
			f := l.queue[0]
			l.queue = l.queue[1:]
			l.mu.Unlock()
			return f, true
		}
		ended := l.ended
		l.mu.Unlock()
		if ended {
			return nil, false
		}
		select {
		case <-l.signal:
		case <-ctx.Done():
			return nil, false
		}
	}
}

// frame is what every frame is.
type frame struct {
	Op string          `json:"op"`
	D  json.RawMessage `json:"d"`
}

// read reads a payload; one of the wrong form is a fault of whoever made it.
func (l *link) read(d json.RawMessage, m proto.Message) bool {
	err := protojson.Unmarshal(d, m)
	if err != nil {
		l.w.ledger.broken(ruleOrder, "%d is sent %q: %v", l.user, d, err)
	}
	return err == nil
}

// watch notes what of channels is shown, and holds live frames against the order of the log. l.mu is held.
func (l *link) watch(payload []byte) {
	var f frame
	if err := json.NewDecoder(bytes.NewReader(payload)).Decode(&f); err != nil {
		l.w.ledger.broken(ruleOrder, "%d is sent %q: %v", l.user, payload, err)
		return
	}
	l.w.ledger.count(func(s *Stats) { s.Frames++ })
	switch f.Op {
	case "entries":
		m := &realtimev1.Entries{}
		if l.read(f.D, m) {
			l.told(m.GetChannelId(), m.GetEntries(), true)
		}
	case "delta":
		m := &realtimev1.Delta{}
		if !l.read(f.D, m) {
			return
		}
		if m.GetReset_() {
			l.w.ledger.count(func(s *Stats) { s.Resets++ })
			l.live[m.GetChannelId()] = max(l.live[m.GetChannelId()], m.GetHead()+1)
			l.exposed(m.GetChannelId(), m.GetEntries(), "a reset")
			return
		}
		l.told(m.GetChannelId(), m.GetEntries(), !m.GetAnswer())
	case "channel_removed":
		m := &realtimev1.ChannelRemoved{}
		if l.read(f.D, m) {
			delete(l.live, m.GetChannelId())
			l.w.ledger.count(func(s *Stats) { s.Removals++ })
		}
	case "server_removed":
		clear(l.live)
		l.w.ledger.count(func(s *Stats) { s.Removals++ })
	}
}

func (l *link) exposed(channel uint64, entries []*messagesv1.Entry, how string) {
	revisions := make([]uint32, 0, 2*len(entries))
	for _, e := range entries {
		revisions = append(revisions, e.GetMessage().GetV())
		if how != "a reset" {
			revisions = append(revisions, e.GetR())
		}
	}
	l.w.ledger.shown(l.user, channel, how, revisions...)
}

// told checks entries that follow each other. Those of live frames also follow what the connection was told before: from
// its registration on a node loses nothing, though it may say something twice.
func (l *link) told(channel uint64, entries []*messagesv1.Entry, live bool) {
	if len(entries) == 0 {
		return
	}
	l.exposed(channel, entries, map[bool]string{true: "live", false: "an answer"}[live])
	for i, e := range entries {
		if i > 0 && e.GetR() != entries[i-1].GetR()+1 {
			l.w.ledger.broken(ruleOrder, "%d is sent %d/%d after %d", l.user, channel, e.GetR(), entries[i-1].GetR())
		}
	}
	if !live {
		return
	}
	first, last := entries[0].GetR(), entries[len(entries)-1].GetR()
	if due, begun := l.live[channel]; begun && first > due {
		l.w.ledger.broken(ruleOrder, "%d is sent %d/%d live where %d was due", l.user, channel, first, due)
	}
	l.live[channel] = max(l.live[channel], last+1)
}

// connect is one connection from its beginning to its end: frames are read and taken in, and what the client then asks
// for is sent, one frame at a time as a socket's are.
func (m *member) connect(ctx context.Context) {
	p := m.w.sockets.pick(m.w.dice)
	v, ok := m.w.nodes.Load(p)
	node, isNode := v.(*realtime.Node)
	if !ok || !isNode {
		m.w.ledger.fault("a process without a node")
		return
	}
	m.w.ledger.count(func(s *Stats) { s.Connects++ })
	l := m.w.newLink(m.user)
	m.mu.Lock()
	m.link = l
	m.mu.Unlock()
	s := node.Open(l)
	asks := make(chan []byte, 1024) // a client asks once per channel and answer
	asks <- m.hello()
	over := make(chan struct{})
	m.w.calls.Go(func() {
		for f := range asks {
			node.Receive(s, f)
		}
	})
	m.w.calls.Go(func() { // the connection ends with its node
		select {
		case <-p.dead:
			l.end(m.w.oneIn(2))
		case <-over:
		}
	})
	m.takeAll(ctx, l, asks)
	close(over)
	close(asks)
	l.end(true)
	node.Leave(s)
}

// takeAll takes frames in until there are no more.
func (m *member) takeAll(ctx context.Context, l *link, asks chan<- []byte) {
	for {
		payload, ok := l.next(ctx)
		if !ok {
			return
		}
		if m.w.fault(6) {
			wait(ctx, time.Duration(m.w.upTo(3000))*time.Microsecond)
		}
		ask, err := m.socket.Apply(payload)
		if err != nil {
			m.w.ledger.broken(ruleOrder, "%d cannot read %q: %v", m.user, payload, err)
		}
		if ask == nil {
			continue
		}
		select {
		case asks <- clientFrame("since", ask):
		default:
			m.w.ledger.fault("%d asks too much", m.user)
		}
	}
}

// hello is identify with what the client still shows.
func (m *member) hello() []byte {
	id := &realtimev1.Identify{Token: strconv.FormatUint(uint64(m.user), 10), Channels: map[uint64]uint32{}}
	m.socket.Windows(func(ws windows) {
		for ch, win := range ws {
			win.Asks = true
			id.Channels[ch] = win.R
		}
	})
	return clientFrame("identify", id)
}

func clientFrame(op string, m proto.Message) []byte {
	d, err := (protojson.MarshalOptions{UseProtoNames: true}).Marshal(m)
	if err != nil { // our own messages of numbers
		d = []byte(`{}`)
	}
	return fmt.Appendf(nil, `{"op":%q,"d":%s}`, op, d)
}
