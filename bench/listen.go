package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/beep-chat/beep/client"
)

// ears are sockets that count what they are sent and check its order.
type ears struct {
	all    []*ear
	stop   context.CancelFunc
	wait   sync.WaitGroup
	events atomic.Int64
	wrong  atomic.Pointer[string] // the first thing that was lost, doubled, out of order, or closed
}

// ear is one socket. It decodes nothing: that would measure us.
type ear struct {
	conn *websocket.Conn
	last atomic.Uint64 // the newest r that it was sent
}

// connectAtOnce bounds the handshakes under way: in one great heap they would wait for each other, and that would be
// measured.
const connectAtOnce = 32

// listen opens n sockets that are sent the room's channel.
func (r *room) listen(ctx context.Context, n int) (*ears, error) {
	// All are one person's, since it is sockets that cost and not people; the server is started without the bound on
	// them.
	token, err := r.people[0].Token(ctx)
	if err != nil {
		return nil, err
	}
	identify, err := json.Marshal(map[string]any{"op": "identify", "d": map[string]string{"token": token}})
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	e := &ears{stop: stop, all: make([]*ear, n)}
	var opening sync.WaitGroup
	// With room for each, so that none waits to be heard.
	failed := make(chan error, n)
	gate := make(chan struct{}, connectAtOnce)
	for i := range n {
		opening.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			var err error
			if e.all[i], err = open(ctx, client.SocketURL(r.srv.url), identify); err != nil {
				failed <- err
			}
		})
	}
	opening.Wait()
	select {
	case err := <-failed:
		stop()
		return nil, fmt.Errorf("open a socket: %w", err)
	default:
	}
	for _, x := range e.all {
		e.wait.Go(func() { e.hear(ctx, x) })
	}
	e.wait.Go(func() { e.beat(ctx) })
	return e, nil
}

// open connects and reads until the channel's first delta, which says where the log stands.
func open(ctx context.Context, url string, identify []byte) (*ear, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, url, nil) //nolint:bodyclose // the library has read it
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(8 << 20)
	if err := conn.Write(ctx, websocket.MessageText, identify); err != nil {
		return nil, err
	}
	x := &ear{conn: conn}
	for {
		_, raw, err := conn.Read(ctx)
		if err != nil {
			return nil, err
		}
		if bytes.HasPrefix(raw, []byte(`{"op":"delta"`)) {
			head, _ := number(raw, `"head":`)
			x.last.Store(head)
			return x, nil
		}
	}
}

func (e *ears) hear(ctx context.Context, x *ear) {
	for {
		_, raw, err := x.conn.Read(ctx)
		if err != nil {
			if ctx.Err() == nil {
				e.complain("a listener was closed: " + err.Error())
			}
			return
		}
		// What a sweep finds before its wake-up comes is sent as a delta; both continue the log.
		if !bytes.HasPrefix(raw, []byte(`{"op":"entries"`)) && !bytes.HasPrefix(raw, []byte(`{"op":"delta"`)) {
			continue
		}
		e.count(x, raw)
	}
}

// count counts the entries in a frame and checks that each continues the log.
func (e *ears) count(x *ear, raw []byte) {
	for {
		// In a message's text the quotes are escaped, so this finds the field alone.
		r, rest := number(raw, `"r":`)
		if rest == nil {
			return
		}
		if last := x.last.Load(); r != last+1 {
			e.complain(fmt.Sprintf("entry %d came after %d", r, last))
		}
		x.last.Store(r)
		e.events.Add(1)
		raw = rest
	}
}

// number is the number after the next key, and what follows it; nil if there is no such key.
func number(raw []byte, key string) (uint64, []byte) {
	i := bytes.Index(raw, []byte(key))
	if i < 0 {
		return 0, nil
	}
	// protojson writes a space behind the colon in some builds and in others not, on purpose.
	raw = bytes.TrimLeft(raw[i+len(key):], " ")
	end := bytes.IndexFunc(raw, func(c rune) bool { return c < '0' || c > '9' })
	if end < 0 {
		return 0, nil
	}
	n, _ := strconv.ParseUint(string(raw[:end]), 10, 64)
	return n, raw[end:]
}

// beat keeps the sockets alive.
func (e *ears) beat(ctx context.Context) {
	tick := time.NewTicker(20 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			for _, x := range e.all {
				_ = x.conn.Write(ctx, websocket.MessageText, []byte(`{"op":"heartbeat","d":{}}`)) // its reader sees a failure
			}
		}
	}
}

// complain keeps the first, since the rest mostly follows from it.
func (e *ears) complain(what string) { e.wrong.CompareAndSwap(nil, &what) }

func (e *ears) close() {
	// First of all: what a listener meets after this is no complaint.
	e.stop()
	for _, x := range e.all {
		_ = x.conn.CloseNow()
	}
	e.wait.Wait()
}
