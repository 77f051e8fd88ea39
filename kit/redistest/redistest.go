// Package redistest gives tests a Redis: BEEP_TEST_REDIS=redis://… names it. Without it the test is skipped, or with
// BEEP_TEST_REQUIRE_REAL=1 fails. Faults come from Proxy, which stands between the test and the server.
package redistest

import (
	"crypto/rand"
	"net"
	"net/url"
	"os"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"
)

// URL is the server's. Reading the environment is this package's purpose; nothing but tests imports it.
func URL(tb testing.TB) string {
	tb.Helper()
	// A machine without a Redis skips. Where a skip would hide what has broken, it fails.
	server := os.Getenv("BEEP_TEST_REDIS")
	if server == "" && os.Getenv("BEEP_TEST_REQUIRE_REAL") == "1" {
		tb.Fatal("BEEP_TEST_REQUIRE_REAL=1, and BEEP_TEST_REDIS is not set")
	}
	if server == "" {
		tb.Skip("BEEP_TEST_REDIS is not set")
	}
	return server
}

// Client is connected to the server that URL names.
func Client(tb testing.TB) *redis.Client {
	tb.Helper()
	return client(tb, URL(tb))
}

// Name is a key or topic that no other test uses: tests share one server and leave it as it is.
func Name(tb testing.TB) string {
	tb.Helper()
	return "test:" + rand.Text()
}

func client(tb testing.TB, server string) *redis.Client {
	tb.Helper()
	options, err := redis.ParseURL(server)
	if err != nil {
		tb.Fatalf("BEEP_TEST_REDIS: %v", err)
	}
	c := redis.NewClient(options)
	tb.Cleanup(func() { _ = c.Close() }) // a test may have closed it
	return c
}

// Proxy forwards to the server until it is told otherwise. It knows bytes and no commands, so that a cut may fall
// into the middle of one.
type Proxy struct {
	listener net.Listener
	upstream string
	url      string
	work     sync.WaitGroup

	mu     sync.Mutex // guards the rest
	moved  *sync.Cond // after every change of state
	frozen bool
	down   bool
	conns  map[net.Conn]bool // true: stranded
}

// NewProxy stands before the server that URL names, until the test ends.
func NewProxy(tb testing.TB) *Proxy {
	tb.Helper()
	u, err := url.Parse(URL(tb))
	if err != nil {
		tb.Fatalf("BEEP_TEST_REDIS: %v", err)
	}
	p := &Proxy{upstream: u.Host, conns: map[net.Conn]bool{}}
	p.moved = sync.NewCond(&p.mu)
	p.listener, err = (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	u.Host = p.listener.Addr().String()
	p.url = u.String()
	p.work.Go(p.accept)
	tb.Cleanup(func() {
		// Down wakes whoever waits in passes and ends every connection, so nothing is left to wait for in vain.
		p.Down()
		_ = p.listener.Close()
		p.work.Wait()
	})
	return p
}

// Client is connected through the proxy.
func (p *Proxy) Client(tb testing.TB) *redis.Client {
	tb.Helper()
	return client(tb, p.url)
}

// Freeze keeps the connections, new ones too, and forwards nothing, like a server that was stopped.
func (p *Proxy) Freeze() { p.change(func() { p.frozen = true }) }

// Thaw forwards again, what came meanwhile too.
func (p *Proxy) Thaw() { p.change(func() { p.frozen = false }) }

// Strand forwards nothing more on the connections there are and tells nobody, like a gateway that forgot them. New
// ones are forwarded.
func (p *Proxy) Strand() {
	p.change(func() {
		for c := range p.conns {
			p.conns[c] = true
		}
	})
}

// Down cuts every connection, and each new one at once. The server knows nothing of it: a command that reached it
// before is carried out.
func (p *Proxy) Down() {
	p.change(func() {
		p.down = true
		for c := range p.conns {
			_ = c.Close()
		}
	})
}

// Up ends Down.
func (p *Proxy) Up() { p.change(func() { p.down = false }) }

// change is how the state changes: whoever waits in passes has to look again.
func (p *Proxy) change(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
	p.moved.Broadcast()
}

// accept ends when the listener is closed.
func (p *Proxy) accept() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.work.Go(func() { p.serve(c) })
	}
}

// serve joins a connection to one of its own to the server, until either ends.
func (p *Proxy) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	up, err := net.Dial("tcp", p.upstream) //nolint:noctx // ends with the connections, see Down
	if err != nil {
		return
	}
	defer func() { _ = up.Close() }()
	if !p.track(c, up) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { p.copy(up, c) })
	both.Go(func() { p.copy(c, up) })
	both.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
	delete(p.conns, up)
}

// track takes connections in and says whether they may go on, in one step: Down finds them in the map or is seen
// here.
func (p *Proxy) track(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		p.conns[c] = false
	}
	return !p.down
}

// copy ends both connections when either ends.
func (p *Proxy) copy(to, from net.Conn) {
	defer func() { _, _ = to.Close(), from.Close() }()
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		// Asked after the read: what came while the server was frozen is not lost, and goes on when it thaws.
		if err != nil || !p.passes(from) {
			return
		}
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
	}
}

// passes waits while what comes from a connection is held back; false when the proxy is down.
func (p *Proxy) passes(from net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for (p.frozen || p.conns[from]) && !p.down {
		p.moved.Wait()
	}
	return !p.down
}
