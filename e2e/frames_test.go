package e2e_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/beep-chat/beep/e2e/people"
)

// wire is one bare connection to the socket: what is sent and received is seen as it is.
type wire struct {
	*websocket.Conn

	t *testing.T
}

// wireTo connects to a node and takes its hello.
func wireTo(t *testing.T, node int) wire {
	t.Helper()
	conn, _, err := websocket.Dial(t.Context(), site.Sockets[node%len(site.Sockets)], nil)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadLimit(8 << 20)
	t.Cleanup(func() { _ = conn.CloseNow() })
	w := wire{conn, t}
	w.wants("hello")
	return w
}

// identified is a bare connection of p's that is in use.
func identified(t *testing.T, p *people.Person, node int) wire {
	t.Helper()
	w := wireTo(t, node)
	w.say(identify(t, p, ""))
	w.wants("ready")
	return w
}

func identify(t *testing.T, p *people.Person, more string) string {
	t.Helper()
	token, err := p.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return `{"op":"identify","d":{"token":"` + token + `"` + more + `}}`
}

func (w wire) say(frame string) {
	w.t.Helper()
	if err := w.Write(w.t.Context(), websocket.MessageText, []byte(frame)); err != nil {
		w.t.Fatal(err)
	}
}

// sayWhatEnds sends a frame that the node ends the connection for, perhaps before all of it was sent.
func (w wire) sayWhatEnds(frame string) {
	_ = w.Write(w.t.Context(), websocket.MessageText, []byte(frame))
}

// next is the next frame, or how the connection ended.
func (w wire) next() (op string, d json.RawMessage, err error) {
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	_, raw, err := w.Read(ctx)
	if err != nil {
		return "", nil, err
	}
	var f struct {
		Op string          `json:"op"`
		D  json.RawMessage `json:"d"`
	}
	return f.Op, f.D, json.Unmarshal(raw, &f)
}

// wants reads on until a frame with this op comes, and answers what it says.
func (w wire) wants(op string) json.RawMessage {
	w.t.Helper()
	for {
		got, d, err := w.next()
		if err != nil {
			w.t.Fatalf("waiting for %s: %v", op, err)
		}
		if got == op {
			return d
		}
	}
}

// outcome reads on until a frame was refused or the connection ended: "error CODE" or "closed CODE".
func (w wire) outcome() string {
	w.t.Helper()
	for {
		op, d, err := w.next()
		var ended websocket.CloseError
		switch {
		case errors.As(err, &ended):
			return fmt.Sprintf("closed %d", ended.Code)
		case err != nil:
			return "broken: " + err.Error()
		case op == "error":
			var refused struct{ Code string }
			if err := json.Unmarshal(d, &refused); err != nil || !known(w.t, refused.Code) {
				w.t.Errorf("error says %s, %v", d, err)
			}
			return "error " + refused.Code
		}
	}
}

// alive fails the test unless the connection still answers.
func (w wire) alive() {
	w.t.Helper()
	w.say(`{"op":"heartbeat","d":{}}`)
	w.wants("heartbeat_ack")
}

// TestFrames_Misused: a wrong frame is refused with a code and has no effect, and the connection goes on; what
// breaks the protocol itself ends it with the documented close code. Nobody else notices.
func TestFrames_Misused(t *testing.T) {
	t.Parallel()
	ada, bob := newcomer(t, "ada"), newcomer(t, "bob")
	_, tides := harbour(t, ada, bob)
	at(t, ada, 0).deny(tides, bob, "send_messages")
	_, foreign := harbour(t, ada)
	here, there := id(tides.GetId()), id(foreign.GetId())
	adas, err := ada.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	t.Run("before identify", func(t *testing.T) {
		for i, c := range []struct{ frame, want string }{
			{`{"op":"typing","d":{"channel_id":"` + here + `"}}`, "error not_identified"},
			{`{"op":"since","d":{"channel_id":"` + here + `","r":0}}`, "error not_identified"},
			{`{"op":"presence","d":{"status":"idle"}}`, "error not_identified"},
			{`{"op":"token","d":{"token":"x"}}`, "error not_identified"},
			{`{"op":"identify","d":{}}`, "closed 4401"},
			{`{"op":"identify","d":{"token":""}}`, "closed 4401"},
			{`{"op":"identify","d":{"token":"` + strings.Repeat("a", 9000) + `"}}`, "closed 4401"},
			{`{"op":"identify","d":{"token":"a.b.c"}}`, "closed 4401"},
			{identify(t, bob, `,"status":"sleepy"`), "error invalid_field"},
			{identify(t, bob, `,"channels":{"abc":1}`), "error invalid_frame"},
			{identify(t, bob, `,"channels":{"1":-1}`), "error invalid_frame"},
			{identify(t, bob, `,"channels":{"1":4294967296}`), "error invalid_frame"},
			{identify(t, bob, `,"channels":{"1":1,"1":2}`), "error invalid_frame"},
			{identify(t, bob, `,"channels":[]`), "error invalid_frame"},
			{identify(t, bob, `,"admin":true`), "error invalid_frame"},
		} {
			w := wireTo(t, i)
			w.alive()
			w.say(c.frame)
			if got := w.outcome(); got != c.want {
				t.Errorf("%.80s: got %s, want %s", c.frame, got, c.want)
			}
			if strings.HasPrefix(c.want, "error") {
				w.alive()
			}
		}
	})

	t.Run("after identify", func(t *testing.T) {
		w := identified(t, bob, 0)
		for _, c := range []struct{ frame, want string }{
			{``, "invalid_frame"},
			{` `, "invalid_frame"},
			{`x`, "invalid_frame"},
			{`null`, "invalid_frame"},
			{`[]`, "invalid_frame"},
			{`1`, "invalid_frame"},
			{`{}`, "unknown_op"},
			{`{"op":null,"d":{}}`, "unknown_op"},
			{`{"op":1,"d":{}}`, "invalid_frame"},
			{`{"op":["typing"],"d":{}}`, "invalid_frame"},
			{`{"op":"shutdown","d":{}}`, "unknown_op"},
			{`{"op":"Typing","d":{}}`, "unknown_op"},
			{`{"op":"entries","d":{}}`, "unknown_op"},
			{`{"op":"typing"}`, "invalid_frame"},
			{`{"op":"typing","d":null}`, "invalid_frame"},
			{`{"op":"typing","d":[]}`, "invalid_frame"},
			{`{"op":"typing","d":"x"}`, "invalid_frame"},
			{`{"op":"typing","d":{"channel_id":"` + here + `"},"x":1}`, "invalid_frame"},
			{`{"op":"typing","op":"typing","d":{}}`, "invalid_frame"},
			{`{"op":"typing","d":{"channel_id":"1","channel_id":"2"}}`, "invalid_frame"},
			{`{"op":"typing","d":{"channelId":"` + here + `"}}`, "invalid_frame"},
			{`{"op":"typing","d":{"channel_id":"x"}}`, "invalid_frame"},
			{`{"op":"typing","d":{"channel_id":-1}}`, "invalid_frame"},
			{`{"op":"typing","d":{"channel_id":"18446744073709551616"}}`, "invalid_frame"},
			{`{"op":"typing","d":{"channel_id":{}}}`, "invalid_frame"},
			{`{"op":"typing","d":{"channel_id":"` + here + `"}} {}`, "invalid_frame"},
			{`{"op":"typing","d":` + strings.Repeat(`{"a":`, 1000) + `1` + strings.Repeat("}", 1001), "invalid_frame"},
			{`{"op":"heartbeat","d":{"x":1}}`, "invalid_frame"},
			{`{"op":"presence","d":{"status":1}}`, "invalid_frame"},
			{`{"op":"since","d":{"channel_id":"` + here + `","r":"x"}}`, "invalid_frame"},
			{`{"op":"since","d":{"channel_id":"` + here + `","r":-1}}`, "invalid_frame"},
			{`{"op":"since","d":{"channel_id":"` + here + `","r":1.5}}`, "invalid_frame"},
			{`{"op":"since","d":{"channel_id":"` + here + `","r":4294967296}}`, "invalid_frame"},
			{`{"op":"presence","d":{"status":"sleepy"}}`, "invalid_field"},
			{`{"op":"presence","d":{"status":"offline"}}`, "invalid_field"},
			{`{"op":"typing","d":{"channel_id":"` + here + `"}}`, "forbidden"},
			{`{"op":"typing","d":{"channel_id":"` + there + `"}}`, "channel_not_found"},
			{`{"op":"typing","d":{}}`, "channel_not_found"},
			{`{"op":"typing","d":{"channel_id":"18446744073709551615"}}`, "invalid_frame"},
			{`{"op":"since","d":{"channel_id":"` + there + `","r":0}}`, "channel_not_found"},
			{`{"op":"since","d":{"channel_id":"5","r":0}}`, "channel_not_found"},
		} {
			w.say(c.frame)
			if got := w.outcome(); got != "error "+c.want {
				t.Errorf("%.100s: got %s, want error %s", c.frame, got, c.want)
			}
		}
		w.alive()
	})

	t.Run("what ends the connection", func(t *testing.T) {
		for i, c := range []struct{ what, frame, want string }{
			{"a second identify", identify(t, bob, ""), "closed 1008"},
			{"a token that is none", `{"op":"token","d":{"token":"a.b.c"}}`, "closed 4401"},
			{"another's token", `{"op":"token","d":{"token":"` + adas + `"}}`, "closed 4401"},
			{"bytes that are not UTF-8", "{\"op\":\"presence\",\"d\":{\"status\":\"\xff\"}}", "closed 1007"},
			{"a frame that is too large", `{"op":"presence","d":{"status":"` + strings.Repeat("a", 17<<10) + `"}}`, "closed 1009"},
		} {
			w := identified(t, bob, i)
			w.sayWhatEnds(c.frame)
			got := w.outcome()
			// Whoever closes without reading on resets the connection, and that can overtake the close frame.
			if cut := c.want == "closed 1009" && strings.HasPrefix(got, "broken") && !strings.Contains(got, "deadline"); got != c.want && !cut {
				t.Errorf("%s: got %s, want %s", c.what, got, c.want)
			}
		}
	})

	t.Run("at random", func(t *testing.T) {
		atRandom(t, bob, here)
	})
	identified(t, bob, 0).alive()
}

// atRandom damages good frames. Some stay good; each of the others is refused, or ends its connection as documented.
func atRandom(t *testing.T, p *people.Person, channel string) {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	good := []string{
		`{"op":"typing","d":{"channel_id":"` + channel + `"}}`, `{"op":"since","d":{"channel_id":"` + channel + `","r":3}}`,
		`{"op":"presence","d":{"status":"idle"}}`, `{"op":"token","d":{"token":"x"}}`, identify(t, p, `,"channels":{"`+channel+`":1}`),
	}
	for node := range 12 {
		w := identified(t, p, node)
		var err error
		for range 20 {
			if err = w.Write(t.Context(), websocket.MessageText, damaged(random, []byte(good[random.IntN(len(good))]))); err != nil {
				break
			}
		}
		_ = w.Write(t.Context(), websocket.MessageText, []byte(`{"op":"heartbeat","d":{}}`)) // it may be closed by now
		for {
			op, _, err := w.next()
			if code := websocket.CloseStatus(err); code == 1007 || code == 1008 || code == 4401 {
				break
			}
			if err != nil {
				t.Fatalf("damaged frames ended in %v", err)
			}
			if op == "heartbeat_ack" {
				break
			}
		}
		_ = w.CloseNow()
	}
}

// TestFrames_Floods: too many frames, or sockets, of one person end with 4429; a socket on which nobody says who they
// are ends after ten seconds.
func TestFrames_Floods(t *testing.T) {
	t.Parallel()
	bob := newcomer(t, "bob")
	silent := wireTo(t, 0)

	w := identified(t, bob, 1)
	for range 200 {
		if w.Write(t.Context(), websocket.MessageText, []byte(`{"op":"heartbeat","d":{}}`)) != nil {
			break
		}
	}
	if got := w.outcome(); got != "closed 4429" {
		t.Errorf("200 frames at once: got %s, want closed 4429", got)
	}

	open := make([]wire, 0, 20)
	eventually(t, patience, func() error { // the one above counts until the node has seen it end
		more := wireTo(t, 1)
		more.say(identify(t, bob, ""))
		if op, _, err := more.next(); op != "ready" {
			return fmt.Errorf("socket %d is answered %s %w", len(open), op, err)
		}
		if open = append(open, more); len(open) < 20 {
			return fmt.Errorf("%d sockets are open", len(open))
		}
		return nil
	})
	last := wireTo(t, 1)
	last.say(identify(t, bob, ""))
	if got := last.outcome(); got != "closed 4429" {
		t.Errorf("the 21st socket: got %s, want closed 4429", got)
	}
	open[0].alive()

	begun := time.Now()
	if got := silent.outcome(); got != "closed 1008" {
		t.Errorf("a silent socket: got %s after %s, want closed 1008", got, time.Since(begun))
	}
}

// TestSocket_Admission: who may open a socket is decided before it is one.
func TestSocket_Admission(t *testing.T) {
	t.Parallel()
	own := site.URL
	for _, node := range site.Sockets {
		if _, _, err := websocket.Dial(t.Context(), node, &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {own}}}); err != nil {
			t.Errorf("a page of our own: %v", err)
		}
		for _, c := range []struct{ what, query, origin, want string }{
			{"a page of another host", "", "https://evil.example", "403 origin_refused"},
			{"a page whose origin is hidden", "", "null", "403 origin_refused"},
			{"a page of our host's name as a prefix", "", own + ".evil.example", "403 origin_refused"},
			{"a page of another port", "", "http://127.0.0.1:1", "403 origin_refused"},
			{"a token in the address", "?access_token=secret", own, "400 invalid_query"},
			{"a token in the address, from no page", "?token=secret", "", "400 invalid_query"},
		} {
			header := http.Header{}
			if c.origin != "" {
				header.Set("Origin", c.origin)
			}
			conn, resp, err := websocket.Dial(t.Context(), node+c.query, &websocket.DialOptions{HTTPHeader: header})
			if err == nil {
				_ = conn.CloseNow()
				t.Errorf("%s got a socket", c.what)
				continue
			}
			if resp == nil {
				t.Fatalf("%s: %v", c.what, err)
			}
			out, _ := io.ReadAll(resp.Body) // the library keeps the start of it
			var p struct{ Code string }
			if json.Unmarshal(out, &p) != nil || fmt.Sprintf("%d %s", resp.StatusCode, p.Code) != c.want {
				t.Errorf("%s: got %d %s, want %s", c.what, resp.StatusCode, out, c.want)
			}
			secured(t, c.what, resp)
		}
		notASocket(t, node)
	}
}

// notASocket asks the socket's address for what it does not do.
func notASocket(t *testing.T, node string) {
	t.Helper()
	address := "http" + strings.TrimPrefix(node, "ws")
	for _, c := range []struct {
		method string
		header map[string]string
	}{
		{http.MethodGet, nil},
		{http.MethodPost, nil},
		{http.MethodGet, map[string]string{"Upgrade": "websocket"}},
		{http.MethodGet, map[string]string{"Upgrade": "h2c", "Connection": "Upgrade"}},
		{http.MethodGet, map[string]string{"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "8", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}},
		{http.MethodPost, map[string]string{"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}},
	} {
		r, err := http.NewRequestWithContext(t.Context(), c.method, address, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		for key, value := range c.header {
			r.Header.Set(key, value)
		}
		resp, out := exchange(t, r)
		if resp.StatusCode < 400 || resp.StatusCode >= 500 {
			t.Errorf("%s %v is answered %d %s", c.method, c.header, resp.StatusCode, out)
		}
	}
}

// TestSocket_BrokenFrames sends what no library sends, each on a connection of its own, which the node ends.
func TestSocket_BrokenFrames(t *testing.T) {
	t.Parallel()
	for what, frame := range map[string]string{
		"a frame without a mask":           "\x81\x02{}",
		"a reserved bit":                   "\xf1\x82\x00\x00\x00\x00{}",
		"an unknown opcode":                "\x83\x82\x00\x00\x00\x00{}",
		"a continuation of nothing":        "\x80\x82\x00\x00\x00\x00{}",
		"a length of 2^63":                 "\x81\xff\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
		"a length of 1 GiB":                "\x81\xff\x00\x00\x00\x00\x40\x00\x00\x00\x00\x00\x00\x00",
		"a control frame that is too long": "\x89\xfe\x00\x7e\x00\x00\x00\x00" + strings.Repeat("a", 126),
		"a control frame in pieces":        "\x09\x80\x00\x00\x00\x00",
		"a close frame with one byte":      "\x88\x81\x00\x00\x00\x00a",
	} {
		for _, node := range site.Sockets {
			conn := upgraded(t, node)
			if _, err := conn.Write([]byte(frame)); err != nil {
				t.Errorf("%s: %v", what, err)
			}
			// Until the end: hello comes first, perhaps a close frame after it.
			if _, err := io.Copy(io.Discard, conn); errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
				t.Errorf("%s: the connection was not ended", what)
			}
			_ = conn.Close()
		}
	}
	wireTo(t, 0).alive()
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// upgraded is a TCP connection that has just become a WebSocket.
func upgraded(t *testing.T, node string) net.Conn {
	t.Helper()
	host := hostOf(t, node)
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	_, err = conn.Write([]byte("GET /ws HTTP/1.1\r\nHost: " + host + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReaderSize(conn, 16), nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("the upgrade was answered %v, %v", resp, err)
	}
	return conn
}
