package realtime

import (
	"encoding/base64"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lxzan/gws"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/kit/rest"
)

const (
	writeTimeout = 10 * time.Second
	// coalesce bounds one write; a longer queue takes several.
	coalesce = 64 << 10
)

// socket is the Outbox of a WebSocket: a queue bounded by bytes and a writer that runs only while there is
// something to write, and then writes everything waiting at once. An idle socket has no writer.
type socket struct {
	conn  *gws.Conn
	limit int
	wait  *sync.WaitGroup // of the node: counts writers

	mu       sync.Mutex // guards everything below
	queue    []Frame
	bytes    int
	flushing bool
	closed   bool
}

// Push queues f. While more than the limit waits typing and presence are dropped first, then the client is. One frame may
// be larger than the limit: it would be as large the next time, and its client would never get past it.
func (k *socket) Push(f Frame) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return
	}
	if k.bytes > k.limit {
		if f.ephemeral {
			return
		}
		k.dropEphemeralLocked()
		if k.bytes > k.limit {
			k.closeLocked(closeTooSlow, "too slow, resume")
			return
		}
	}
	k.queue = append(k.queue, f)
	k.bytes += len(f.data)
	if !k.flushing {
		k.flushing = true
		k.wait.Go(k.flush)
	}
}

// Close ends the socket after what is queued has been written; a full queue is not waited for.
func (k *socket) Close(code uint16, reason string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closeLocked(code, reason)
}

// closeLocked ends the socket once. What is queued may still be written; what is pushed from now on is dropped.
func (k *socket) closeLocked(code uint16, reason string) {
	if k.closed {
		return
	}
	k.closed = true
	slow := code == closeTooSlow
	k.wait.Go(func() {
		// It is slow because its client does not read: nothing of the queue would leave.
		if !slow { // give the last frames a moment to leave
			k.drain(time.Second)
		}
		_ = k.conn.SetWriteDeadline(time.Now().Add(time.Second))
		_ = k.conn.WriteClose(code, []byte(reason)) // closes the connection whatever happens
	})
}

func (k *socket) dropEphemeralLocked() {
	k.queue = slices.DeleteFunc(k.queue, func(f Frame) bool {
		if f.ephemeral {
			k.bytes -= len(f.data)
		}
		return f.ephemeral
	})
}

// drain waits until the writer has written what was queued, at most for d. It looks from time to time instead of
// being told, since it happens once in the life of a socket.
func (k *socket) drain(d time.Duration) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(d); time.Now().Before(deadline); <-tick.C {
		k.mu.Lock()
		idle := !k.flushing
		k.mu.Unlock()
		if idle {
			return
		}
	}
}

// buffers are shared by the writers at work, so that idle sockets need none.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, coalesce); return &b }}

// flush writes until the queue is empty. Every write holds whole frames, so that the pongs and close frames
// that gws writes by itself fall between them.
func (k *socket) flush() {
	buf, _ := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	for {
		k.mu.Lock()
		batch, n := k.takeLocked()
		if len(batch) == 0 {
			k.flushing = false
			k.mu.Unlock()
			return
		}
		k.bytes -= n
		k.mu.Unlock()
		if err := k.write(batch, (*buf)[:0]); err != nil {
			k.mu.Lock()
			// Whatever is pushed from here on is dropped: the client resumes on another connection.
			k.closed, k.flushing, k.queue, k.bytes = true, false, nil, 0
			k.mu.Unlock()
			_ = k.conn.NetConn().Close() // the read loop sees it and cleans up
			return
		}
	}
}

// takeLocked takes the frames of the next write: as many as fit one buffer, at least one.
func (k *socket) takeLocked() (batch []Frame, n int) {
	i := 0
	for ; i < len(k.queue) && (i == 0 || n+len(k.queue[i].data) <= coalesce); i++ {
		n += len(k.queue[i].data)
	}
	batch, k.queue = k.queue[:i], k.queue[i:]
	// Let go of the array, and with it of frames that were written.
	if len(k.queue) == 0 {
		k.queue = nil
	}
	return batch, n
}

// write goes past gws, which would frame and copy what is whole frames already, and once for each socket.
func (k *socket) write(batch []Frame, buf []byte) error {
	conn := k.conn.NetConn()
	if err := conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	// The usual case, without a copy.
	if len(batch) == 1 {
		_, err := conn.Write(batch[0].data)
		return err
	}
	for _, f := range batch {
		buf = append(buf, f.data...)
	}
	_, err := conn.Write(buf)
	return err
}

// Handler serves the WebSocket. What is wrong before the upgrade is answered as a problem document.
func (n *Node) Handler() http.Handler {
	edge := rest.New(rest.Options{})
	upgrader := gws.NewUpgrader(&events{n: n}, &gws.ServerOption{
		// Text that is not UTF-8 fails the connection (RFC 6455, 8.1).
		ReadMaxPayloadSize: n.limits.FrameBytes, ReadBufferSize: 1 << 10, CheckUtf8Enabled: true,
		HandshakeTimeout: 5 * time.Second,
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := n.admit(r); err != nil {
			edge.Problem(w, r, err)
			return
		}
		conn, err := upgrader.Upgrade(w, r)
		if err != nil {
			return // the connection is gone, or gws has answered 400
		}
		if !n.start(func() { n.readAll(conn) }) {
			_ = conn.NetConn().Close()
		}
	})
}

// readAll reads until the connection ends. What a client sends must not end more than that, and the library panics on
// a length of 2^63 or more, which it takes for a negative one.
func (n *Node) readAll(conn *gws.Conn) {
	defer func() {
		reason := recover()
		if reason == nil {
			return
		}
		n.peers.Logger.Warn("socket ended by a frame that cannot be read", "reason", reason)
		_ = conn.NetConn().Close()
		if s := sessionOf(conn); s != nil {
			n.Leave(s)
		}
	}()
	conn.ReadLoop()
}

// admit refuses pages of foreign origins before the upgrade (a browser sends its cookies along with it), a
// token in the address, which logs keep, and everyone while the node drains.
func (n *Node) admit(r *http.Request) error {
	switch {
	case !rest.SameOrigin(r) && !slices.Contains(n.origins, r.Header.Get("Origin")):
		return beep.Forbidden(beep.CodeOriginRefused, "pages of that origin may not connect")
	case r.URL.RawQuery != "":
		return beep.Invalid(beep.CodeInvalidQuery, "the address takes no query; the token goes into the first frame")
	case n.draining.Load():
		return beep.Unavailable(nil)
	case r.Method != http.MethodGet:
		return beep.Invalid(beep.CodeMethodNotAllowed, "this address speaks WebSocket")
	case !isHandshake(r.Header):
		return beep.Invalid(beep.CodeInvalidFrame, "this address speaks WebSocket")
	}
	return nil
}

// isHandshake says whether a request with these headers asks for a WebSocket (RFC 6455 §4.1). The library refuses others
// too, but without saying why, and closes connections that the client believes it may use again.
func isHandshake(h http.Header) bool {
	key, err := base64.StdEncoding.DecodeString(h.Get("Sec-WebSocket-Key"))
	return err == nil && len(key) == 16 && h.Get("Sec-WebSocket-Version") == "13" && strings.EqualFold(h.Get("Upgrade"), "websocket") &&
		strings.Contains(strings.ToLower(strings.Join(h.Values("Connection"), ",")), "upgrade")
}

// events are gws's callbacks; the session hangs on the connection.
type events struct {
	gws.BuiltinEventHandler
	n *Node
}

const sessionKey = "s"

// OnOpen greets.
func (ev *events) OnOpen(conn *gws.Conn) {
	if tcp, ok := conn.NetConn().(*net.TCPConn); ok {
		// A write holds all that waits, so there is nothing to hold it back for.
		_ = tcp.SetNoDelay(true)
	}
	s := ev.n.Open(&socket{conn: conn, limit: ev.n.limits.SendQueueBytes, wait: &ev.n.wait})
	conn.Session().Store(sessionKey, s)
}

// OnMessage handles one frame; the next is read when it is done.
func (ev *events) OnMessage(conn *gws.Conn, msg *gws.Message) {
	defer func() { _ = msg.Close() }() // gives the buffer back
	s := sessionOf(conn)
	if s == nil {
		return
	}
	defer func() {
		if fault := recover(); fault != nil {
			ev.n.peers.Logger.Error("frame panicked", "panic", fault, "stack", string(debug.Stack()))
			s.out.Close(closeFault, "a fault of ours")
		}
	}()
	ev.n.Receive(s, msg.Bytes())
}

// OnClose forgets the session.
func (ev *events) OnClose(conn *gws.Conn, _ error) {
	if s := sessionOf(conn); s != nil {
		ev.n.Leave(s)
	}
}

func sessionOf(conn *gws.Conn) *Session {
	v, _ := conn.Session().Load(sessionKey)
	s, _ := v.(*Session)
	return s
}
