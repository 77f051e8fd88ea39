package realtime

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/beep-chat/beep"
)

// pipe is one end of a connection in memory that holds nothing: what one end writes waits until the other reads it, so
// a client that does not read is as slow as can be.
type pipe struct {
	net.Conn

	writing chan struct{} // one write at a time; net.Pipe's own lock would hold up the bubble's clock
}

// Write waits for the writes before it.
func (p *pipe) Write(b []byte) (int, error) {
	p.writing <- struct{}{}
	defer func() { <-p.writing }()
	return p.Conn.Write(b)
}

// handshake is a response that can become a WebSocket.
type handshake struct {
	*httptest.ResponseRecorder

	conn   net.Conn
	before func() // before the connection is handed over; nil does nothing
}

// Hijack hands over the connection.
func (h *handshake) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if h.before != nil {
		h.before()
	}
	return h.conn, bufio.NewReadWriter(bufio.NewReader(h.conn), bufio.NewWriter(h.conn)), nil
}

// wire is a client at the other end of a connection, without a library: it reads and writes frames by RFC 6455.
type wire struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

func upgrade() *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/ws", nil)
	for name, value := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
	} {
		r.Header.Set(name, value)
	}
	return r
}

// dial connects; before runs between the decision to let it in and the connection.
func dial(t *testing.T, n *Node, before func()) *wire {
	t.Helper()
	client, server := net.Pipe()
	k := &wire{t: t, conn: client, r: bufio.NewReader(client)}
	conn := &pipe{Conn: server, writing: make(chan struct{}, 1)}
	go n.Handler().ServeHTTP(&handshake{httptest.NewRecorder(), conn, before}, upgrade())
	resp, err := http.ReadResponse(k.r, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("handshake: %v %v", resp, err)
	}
	_ = resp.Body.Close()
	t.Cleanup(func() { _ = client.Close() })
	return k
}

// dialAs dials, identifies and reads the beginning, up to and with the first delta.
func (w *world) dialAs(t *testing.T, n *Node, who beep.UserID) *wire {
	t.Helper()
	k := dial(t, n, nil)
	k.sendJSON("identify", map[string]string{"token": tokenOf(who)})
	for !strings.HasPrefix(k.next(), "delta general") {
	}
	return k
}

// next is the next frame as a line; "close 1012" is a close frame, "gone" the end of the connection.
func (k *wire) next() string {
	for {
		head := make([]byte, 2, 10)
		if _, err := io.ReadFull(k.r, head); err != nil {
			return "gone"
		}
		head = head[:max(2, map[byte]int{126: 4, 127: 10}[head[1]])]
		if _, err := io.ReadFull(k.r, head[2:]); err != nil {
			return "gone"
		}
		payload := make([]byte, declared(head))
		if _, err := io.ReadFull(k.r, payload); err != nil {
			return "gone"
		}
		if head[0] == 0x88 {
			return fmt.Sprintf("close %d", binary.BigEndian.Uint16(payload))
		}
		if op, line := render(k.t, payload); op != "presence" {
			return line
		}
	}
}

// rest is every frame until the connection ends.
func (k *wire) rest() (lines []string) {
	for line := k.next(); line != "gone"; line = k.next() {
		lines = append(lines, line)
	}
	return lines
}

func (k *wire) sendJSON(op string, d any) {
	k.t.Helper()
	b, err := json.Marshal(map[string]any{"op": op, "d": d})
	if err != nil {
		k.t.Fatal(err)
	}
	k.send(b)
}

// send writes a text frame, masked with zeroes.
func (k *wire) send(payload []byte) {
	head := []byte{0x81, 0x80 | 126}
	head = binary.BigEndian.AppendUint16(head, uint16(len(payload)))
	k.write(slices.Concat(head, make([]byte, 4), payload))
}

// write writes bytes as they are; that the node closes before it has read them all is no fault.
func (k *wire) write(b []byte) { _, _ = k.conn.Write(b) }

// small is a node with a queue of 1 KiB per socket.
func (w *world) small() (n *Node, stop func()) {
	limits := beep.DefaultLimits()
	limits.SendQueueBytes = 1 << 10
	n = w.newNode(limits)
	return n, w.run(n)
}

func TestSocket_CarriesTheProtocol(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		k := dial(t, w.node, nil)
		if got := k.next(); got != "hello heartbeat_interval=30000" {
			t.Fatalf("got %q first", got)
		}
		k.sendJSON("identify", map[string]string{"token": "bob"})
		for _, want := range []string{"ready [guild]", "channel_added general", "delta general answer reset head=0"} {
			if got := k.next(); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		w.publish("ch:"+general.String(), marshal(t, w.post(general)))
		if got := k.next(); got != "entries general [1]" {
			t.Errorf("got %q", got)
		}
		_ = k.conn.Close()
		synctest.Wait()
		if left := w.node.all(); len(left) != 0 {
			t.Errorf("%d sessions are left of a client that is gone", len(left))
		}
	})
}

// state is what waits in the one socket of a node.
func state(n *Node) (bytes int, closed bool) {
	k, _ := n.all()[0].out.(*socket)
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.bytes, k.closed
}

// The queue is bounded by bytes. A client that falls behind further is sent away, and resumes without loss.
func TestSocket_ASlowClientIsSentAway(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		n, stop := w.small()
		defer stop()
		slow, quick := w.dialAs(t, n, bob), w.connect(cyd)
		w.say(general) // is being written
		for waiting, closed := 0, false; !closed; waiting, closed = state(n) {
			if limit := n.limits.SendQueueBytes; waiting > limit+200 {
				t.Fatalf("%d bytes wait of a client that is not sent away", waiting)
			}
			w.say(general)
		}
		got, sent := slow.rest(), len(quick.heard())
		last := len(got) - 1
		if sent < 5 || last < 1 || got[last] != "close 1013" {
			t.Fatalf("after %d messages got %q, want to be sent away after a kilobyte", sent, got)
		}
		for i, line := range got[:last] {
			if want := fmt.Sprintf("entries general [%d]", i+1); line != want {
				t.Errorf("got %q, want %q", line, want)
			}
		}
		again := w.open(n)
		again.identify(bob, map[beep.ChannelID]uint32{general: uint32(last)})
		want := fmt.Sprintf("delta general answer head=%d [%d ", sent, last+1)
		if got := again.heard(); !strings.HasPrefix(got[len(got)-1], want) {
			t.Errorf("resumed with %q, want %q", got[len(got)-1], want)
		}
	})
}

func TestSocket_ASlowClientLosesTypingAndPresenceFirst(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		n, stop := w.small()
		defer stop()
		slow := w.dialAs(t, n, bob)
		w.say(general) // is being written
		for range 100 {
			w.publish("typing:"+general.String(), []byte(ada.String()))
		}
		synctest.Wait()
		if waiting, closed := state(n); waiting > n.limits.SendQueueBytes+100 || closed {
			t.Errorf("%d bytes wait, closed: %t", waiting, closed)
		}
		for range 3 {
			w.say(general)
		}
		for i := range 4 {
			if got, want := slow.next(), fmt.Sprintf("entries general [%d]", i+1); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
	})
}

// One frame larger than the whole queue goes out: it would be as large the next time.
func TestSocket_OneLargeFrameIsNotTooMuch(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		n, stop := w.small()
		defer stop()
		slow := w.dialAs(t, n, bob)
		w.wake(w.log.add(general, 0, strings.Repeat("x", 5000)))
		if got := slow.next(); got != "entries general [1]" {
			t.Errorf("got %q", got)
		}
	})
}

func TestSocket_AClientThatNeverReadsIsCutOff(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.dialAs(t, w.node, bob)
		w.say(general)
		w.pass(writeTimeout + time.Second)
		if left := w.node.all(); len(left) != 0 {
			t.Errorf("%d sessions are left", len(left))
		}
	})
}

func TestSocket_EndsWithTheDocumentedCode(t *testing.T) {
	huge := append([]byte{0x81, 0xff, 0x80}, make([]byte, 11)...) // a length of 2^63
	cases := map[string]struct {
		send []byte
		want []string
	}{
		"a frame over 16 KiB": {append([]byte{0x81, 0xfe, 0x40, 0x01, 0, 0, 0, 0}, make([]byte, 16385)...), []string{"close 1009"}},
		"text not in UTF-8":   {[]byte{0x81, 0x81, 0, 0, 0, 0, 0xff}, []string{"close 1007"}},
		"a length of 2^63":    {huge, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				k := w.dialAs(t, w.node, bob)
				go k.write(c.send)
				if diff := cmp.Diff(c.want, k.rest()); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if got := w.dialAs(t, w.node, cyd); got == nil || len(w.node.all()) != 1 {
					t.Error("the node does not go on")
				}
			})
		})
	}
}

func TestSocket_AFaultOfOursEndsOnlyTheOne(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		k, other := w.dialAs(t, w.node, bob), w.connect(cyd)
		w.tokens.verify.set(func(string) (beep.Caller, time.Time, error) { panic("planted") })
		k.sendJSON("token", map[string]string{"token": "bob"})
		if got := k.rest(); !slices.Equal(got, []string{"close 1011"}) {
			t.Errorf("got %q", got)
		}
		wantClosed(t, "Cyd", other, 0)
	})
}

func TestAdmit_RefusesWhatIsNoHandshakeOfOurs(t *testing.T) {
	cases := map[string]struct {
		change func(r *http.Request)
		status int
		code   beep.Code
	}{
		"a foreign page":     {func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }, 403, beep.CodeOriginRefused},
		"a token in the URL": {func(r *http.Request) { r.URL.RawQuery = "token=x" }, 400, beep.CodeInvalidQuery},
		"another method":     {func(r *http.Request) { r.Method = http.MethodPost }, 405, beep.CodeMethodNotAllowed},
		"a plain GET":        {func(r *http.Request) { r.Header.Del("Upgrade") }, 400, beep.CodeInvalidFrame},
		"an older version":   {func(r *http.Request) { r.Header.Set("Sec-WebSocket-Version", "8") }, 400, beep.CodeInvalidFrame},
		"a short key":        {func(r *http.Request) { r.Header.Set("Sec-WebSocket-Key", "AAAA") }, 400, beep.CodeInvalidFrame},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				r := upgrade()
				c.change(r)
				wantProblem(t, w.node, r, c.status, c.code)
			})
		})
	}
}

func wantProblem(t *testing.T, n *Node, r *http.Request, status int, code beep.Code) {
	t.Helper()
	rec := httptest.NewRecorder()
	n.Handler().ServeHTTP(rec, r)
	var problem struct{ Code beep.Code }
	if err := json.Unmarshal(rec.Body.Bytes(), &problem); err != nil || rec.Code != status || problem.Code != code {
		t.Errorf("got %d %s, want %d %s", rec.Code, rec.Body, status, code)
	}
}

// A node that ends tells its clients to come back over a while, and waits for none that does not listen.
func TestDrain_SendsEveryoneAway(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		reader, idle, mute := w.dialAs(t, w.node, bob), dial(t, w.node, nil), w.dialAs(t, w.node, cyd)
		w.say(general)
		idle.next()
		heard := make(chan []string, 2)
		go func() { heard <- reader.rest() }()
		go func() { heard <- idle.rest() }()
		began := time.Now()
		w.stop()
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("the drain took %s", took)
		}
		got := append(<-heard, <-heard...)
		slices.Sort(got)
		want := []string{"close 1012", "close 1012", "drain spread=8000", "drain spread=8000", "entries general [1]"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if got := mute.rest(); slices.Contains(got, "close 1000") {
			t.Errorf("who did not listen got %q", got)
		}
		wantProblem(t, w.node, upgrade(), 503, beep.CodeUnavailable)
	})
}

// A handshake that was let in before the drain began, and becomes a socket after, is sent away as well.
func TestDrain_MissesNobodyWhoIsJustComing(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		first := w.dialAs(t, w.node, bob) // keeps the drain waiting
		ended := make(chan struct{})
		late := dial(t, w.node, func() {
			go func() { w.stop(); close(ended) }()
			synctest.Wait()
		})
		if got := late.rest(); len(got) > 0 && got[len(got)-1] != "close 1012" {
			t.Errorf("got %q, want to be sent away", got)
		}
		first.rest()
		<-ended
	})
}
