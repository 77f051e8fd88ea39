package client

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	realtimev1 "github.com/beep-chat/beep/api/beep/realtime/v1"
)

// Event is what a socket tells: a frame, after the windows have taken it in.
type Event struct {
	Op      string
	D       json.RawMessage
	Applied []*messagesv1.Entry // the entries that moved a window, in order
	Channel uint64              // of entries, delta and the channel events
	Reset   bool                // the window was replaced
}

// Socket keeps the windows of one client over any number of connections.
type Socket struct {
	URL    string // ws://…/ws
	Token  func(ctx context.Context) (string, error)
	Status string
	// On is told of every frame, in order, under the lock of the windows; may be nil.
	On func(Event)

	mu      sync.Mutex // guards everything below
	windows map[uint64]*Window
	servers map[uint64]uint64 // of channels
	conn    *websocket.Conn
	ready   *realtimev1.Ready
}

// Windows calls f with the windows, which do not move meanwhile.
func (s *Socket) Windows(f func(map[uint64]*Window)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.windows == nil {
		s.windows = map[uint64]*Window{}
	}
	f(s.windows)
}

const maxFrame = 8 << 20

// Connect connects, identifies, and reads until the connection or ctx ends; its error says which. onReady is
// called when the server has answered identify; may be nil.
func (s *Socket) Connect(ctx context.Context, onReady func(*realtimev1.Ready)) error {
	conn, _, err := websocket.Dial(ctx, s.URL, nil) //nolint:bodyclose // the library has read it
	if err != nil {
		return err
	}
	defer func() { _ = conn.CloseNow() }()
	conn.SetReadLimit(maxFrame)
	token, err := s.Token(ctx)
	if err != nil {
		return err
	}
	hello := &realtimev1.Identify{Token: token, Status: s.Status, Channels: map[uint64]uint32{}}
	// Each channel that is named here is answered unasked, so until then none is asked for.
	s.Windows(func(ws map[uint64]*Window) {
		s.conn = conn
		for id, w := range ws {
			w.Asks = true
			hello.Channels[id] = w.R
		}
	})
	if err := s.write(ctx, conn, "identify", hello); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	var beats sync.WaitGroup
	// After stop, since what is deferred runs backwards.
	defer beats.Wait()
	defer stop()
	for {
		_, raw, err := conn.Read(ctx)
		if err != nil {
			return err
		}
		if err := s.take(ctx, conn, raw, func(h *realtimev1.Hello) {
			beats.Go(func() { s.beat(ctx, conn, time.Duration(h.GetHeartbeatInterval())*time.Millisecond) })
		}, onReady); err != nil {
			return err
		}
	}
}

func (s *Socket) beat(ctx context.Context, conn *websocket.Conn, every time.Duration) {
	// A server that says 0 must not keep us busy.
	tick := time.NewTicker(max(every, time.Second))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if s.write(ctx, conn, "heartbeat", nil) != nil {
				return
			}
		}
	}
}

// Send sends a frame on the present connection.
func (s *Socket) Send(ctx context.Context, op string, d proto.Message) error {
	s.mu.Lock()
	conn := s.conn
	s.mu.Unlock()
	if conn == nil {
		return fmt.Errorf("send %s: not connected", op)
	}
	return s.write(ctx, conn, op, d)
}

// write is called by the reader and by beat at once; the library puts writes in line.
func (s *Socket) write(ctx context.Context, conn *websocket.Conn, op string, d proto.Message) error {
	body := []byte("{}")
	if d != nil {
		var err error
		if body, err = (protojson.MarshalOptions{UseProtoNames: true}).Marshal(d); err != nil {
			return err
		}
	}
	frame, err := json.Marshal(map[string]any{"op": op, "d": json.RawMessage(body)})
	if err != nil {
		return err
	}
	return conn.Write(ctx, websocket.MessageText, frame)
}

// take takes one frame in and answers what it asks for.
func (s *Socket) take(ctx context.Context, conn *websocket.Conn, raw []byte, onHello func(*realtimev1.Hello), onReady func(*realtimev1.Ready)) error {
	f, err := parse(raw)
	if err != nil {
		return err
	}
	switch f.Op {
	case "hello":
		h := &realtimev1.Hello{}
		if err := decode(f.D, h); err != nil {
			return err
		}
		onHello(h)
	case "ready":
		r := &realtimev1.Ready{}
		if err := decode(f.D, r); err != nil {
			return err
		}
		s.mu.Lock()
		s.ready = r
		s.mu.Unlock()
		if onReady != nil {
			onReady(r)
		}
	case "token_expiring":
		token, err := s.Token(ctx)
		if err != nil {
			return err
		}
		if err := s.write(ctx, conn, "token", &realtimev1.RenewToken{Token: token}); err != nil {
			return err
		}
	}
	asks, err := s.apply(f.Op, f.D)
	if err != nil {
		return err
	}
	if asks != nil {
		return s.write(ctx, conn, "since", asks)
	}
	return nil
}

// envelope is what every frame is.
type envelope struct {
	Op string          `json:"op"`
	D  json.RawMessage `json:"d"`
}

func parse(raw []byte) (envelope, error) {
	var f envelope
	if err := json.Unmarshal(raw, &f); err != nil {
		return envelope{}, fmt.Errorf("frame %.100q: %w", raw, err)
	}
	return f, nil
}

// Apply takes in the JSON of one frame that did not come over the connection in use: one that was under way when a newer
// took its place, or of a server in the same process. It answers what the client has to ask for now, nil for nothing;
// asking is the caller's. A frame may be late or come twice: what does not continue a window moves none, so the order
// among frames of one connection is all that matters.
func (s *Socket) Apply(frame []byte) (*realtimev1.Since, error) {
	f, err := parse(frame)
	if err != nil {
		return nil, err
	}
	return s.apply(f.Op, f.D)
}

// apply is docs/realtime.md's "what a client keeps". It answers what to ask for, or nil.
func (s *Socket) apply(op string, d json.RawMessage) (*realtimev1.Since, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.windows == nil {
		s.windows = map[uint64]*Window{}
	}
	ev := Event{Op: op, D: d}
	if err := s.applyLocked(&ev); err != nil {
		return nil, err
	}
	if s.On != nil {
		s.On(ev)
	}
	var ask *realtimev1.Since
	if w := s.windows[ev.Channel]; w != nil && w.behind() {
		ask = &realtimev1.Since{ChannelId: ev.Channel, R: w.R}
	}
	return ask, nil
}

func (s *Socket) applyLocked(ev *Event) error {
	switch ev.Op {
	case "channel_added":
		return s.addedLocked(ev)
	case "channel_removed":
		m := &realtimev1.ChannelRemoved{}
		if err := decode(ev.D, m); err != nil {
			return err
		}
		ev.Channel = m.GetChannelId()
		delete(s.windows, ev.Channel)
	case "server_removed":
		m := &realtimev1.ServerRemoved{}
		if err := decode(ev.D, m); err != nil {
			return err
		}
		// It stands for the removal of each of its channels, which is not told.
		maps.DeleteFunc(s.windows, func(id uint64, _ *Window) bool { return s.servers[id] == m.GetServerId() })
	case "entries":
		m := &realtimev1.Entries{}
		if err := decode(ev.D, m); err != nil {
			return err
		}
		ev.Channel = m.GetChannelId()
		if w := s.windows[ev.Channel]; w != nil {
			ev.Applied = w.live(m.GetEntries())
		}
	case "delta":
		m := &realtimev1.Delta{}
		if err := decode(ev.D, m); err != nil {
			return err
		}
		ev.Channel = m.GetChannelId()
		if w := s.windows[ev.Channel]; w != nil {
			// By the window as it was, which delta replaces.
			ev.Reset = m.GetReset_() && m.GetHead() > w.R
			ev.Applied = w.delta(m)
		}
	}
	return nil
}

func (s *Socket) addedLocked(ev *Event) error {
	m := &realtimev1.ChannelAdded{}
	if err := decode(ev.D, m); err != nil {
		return err
	}
	// One of the three is there, and the others have no id.
	ev.Channel = m.GetChannel().GetId() + m.GetThread().GetId() + m.GetDirectMessage().GetId()
	if s.windows[ev.Channel] == nil {
		s.windows[ev.Channel] = newWindow()
	}
	// An answer follows that nobody has to ask for.
	s.windows[ev.Channel].Asks = true
	if s.servers == nil {
		s.servers = map[uint64]uint64{}
	}
	s.servers[ev.Channel] = m.GetChannel().GetServerId() + m.GetThread().GetServerId()
	return nil
}

// decode passes over what it does not know, as docs/realtime.md tells every client to.
func decode(raw json.RawMessage, m proto.Message) error {
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(raw, m); err != nil {
		return fmt.Errorf("payload %.200q: %w", raw, err)
	}
	return nil
}

// SocketURL is the socket's address at a base URL.
func SocketURL(base string) string { return "ws" + strings.TrimPrefix(base, "http") + "/ws" }
