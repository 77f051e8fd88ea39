package e2e_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	realtimev1 "github.com/beep-chat/beep/api/beep/realtime/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/client"
	"github.com/beep-chat/beep/e2e/people"
)

const (
	// patience is for what must happen at all; a machine that runs other suites beside this one is slow.
	patience = 30 * time.Second
	// promised is within what changes must reach everyone, and slack how much longer a busy machine may take.
	promised = time.Second
	slack    = 3
)

// eventually waits until ask answers nil, and fails the test with its last error if that takes too long.
func eventually(t *testing.T, within time.Duration, ask func() error) {
	t.Helper()
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ask()
		if err == nil {
			return
		}
		select {
		case <-deadline.C:
			t.Fatalf("not within %s: %v", within, err)
		case <-tick.C:
		}
	}
}

// ear is one client of a person that listens: it keeps the windows that docs/realtime.md speaks of and, when its
// connection ends, comes back by itself, each time to the next node. It remembers every frame it was sent.
type ear struct {
	*client.Socket

	who     *people.Person
	nodes   []string
	release func() // ends it and waits for that

	mu    sync.Mutex // guards the rest
	heard []frame
	ends  []error // of connections
	ready []*realtimev1.Ready
	hold  chan struct{} // while it is not nil, nothing is read; closed to read on
	away  chan struct{} // while it is not nil, it does not come back; closed to do so
	cut   context.CancelFunc
	node  string // where it was when the server was last ready
}

// frame is one that was received.
type frame struct {
	client.Event

	at time.Time
}

// listen connects p to the node with a number and waits until the server is ready for it.
func listen(t *testing.T, p *people.Person, node int) *ear {
	t.Helper()
	e := newEar(t, p, rotated(site.Sockets, node))
	eventually(t, patience, func() error { return e.connected(1) })
	return e
}

// rotated is list from the n-th on, and then from its start.
func rotated(list []string, n int) []string {
	n %= len(list)
	return slices.Concat(list[n:], list[:n])
}

// newEar starts a client that begins with the first of the nodes.
func newEar(t *testing.T, p *people.Person, nodes []string) *ear {
	t.Helper()
	e := &ear{Socket: p.Socket(nodes[0]), who: p, nodes: nodes}
	e.On = e.note
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() { e.run(ctx) })
	e.release = sync.OnceFunc(func() { e.readOn(); stop(); running.Wait() })
	t.Cleanup(e.release)
	return e
}

// run connects until ctx ends. It comes back at once, for a test has no crowd to spread.
func (e *ear) run(ctx context.Context) {
	pause := time.NewTicker(20 * time.Millisecond)
	defer pause.Stop()
	for n := 0; ctx.Err() == nil; n++ {
		life, cut := context.WithCancel(ctx)
		e.mu.Lock()
		e.cut = cut
		e.mu.Unlock()
		e.URL = e.nodes[n%len(e.nodes)]
		err := e.Connect(life, func(r *realtimev1.Ready) {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.ready, e.node = append(e.ready, r), e.nodes[n%len(e.nodes)]
		})
		cut()
		e.mu.Lock()
		e.ends = append(e.ends, err)
		away := e.away
		e.mu.Unlock()
		if away != nil {
			select {
			case <-ctx.Done():
			case <-away:
			}
		}
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
	}
}

// note remembers a frame.
func (e *ear) note(ev client.Event) {
	e.mu.Lock()
	e.heard = append(e.heard, frame{ev, time.Now()})
	hold := e.hold
	e.mu.Unlock()
	if hold != nil {
		<-hold
	}
}

// stopReading leaves the connection open and reads nothing from it, as a frozen phone does.
func (e *ear) stopReading() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.hold = make(chan struct{})
}

func (e *ear) readOn() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.hold != nil {
		close(e.hold)
		e.hold = nil
	}
}

// disconnect cuts the connection as a broken network does; the client comes back to another node.
func (e *ear) disconnect() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.cut()
}

// goAway cuts the connection until comeBack, as a tunnel does.
func (e *ear) goAway() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.away = make(chan struct{})
	e.cut()
}

func (e *ear) comeBack() {
	e.mu.Lock()
	defer e.mu.Unlock()
	close(e.away)
	e.away = nil
}

// connected answers nil when the server has been ready for this client n times.
func (e *ear) connected(n int) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.ready) < n {
		return fmt.Errorf("%s was connected %d times, not %d: %v", e.who.Name, len(e.ready), n, e.ends)
	}
	return nil
}

// lives is how many connections the server was ready on.
func (e *ear) lives() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.ready)
}

// place is the number of the node that it is on.
func (e *ear) place() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Index(site.Sockets, e.node)
}

// state is what the newest ready said.
func (e *ear) state() *realtimev1.Ready {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.ready[len(e.ready)-1]
}

// closedWith answers nil if one of the connections has ended with this code.
func (e *ear) closedWith(code websocket.StatusCode) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, err := range e.ends {
		if websocket.CloseStatus(err) == code {
			return nil
		}
	}
	return fmt.Errorf("%s was not closed with %d: %v", e.who.Name, code, e.ends)
}

// endings are how its connections ended, but for the present one.
func (e *ear) endings() []error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.ends)
}

// mark is a place in what was heard, for hears and deaf.
func (e *ear) mark() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.heard)
}

// since are the frames with an op that came after a mark.
func (e *ear) since(mark int, op string) []frame {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(e.heard[mark:]), func(f frame) bool { return f.Op != op })
}

// hears waits for a frame with this op, after a mark, whose payload is as wanted, and answers when it came.
func hears[T any, M interface {
	*T
	proto.Message
}](t *testing.T, e *ear, mark int, op string, want func(M) bool,
) (M, time.Time) {
	t.Helper()
	var found M
	var when time.Time
	eventually(t, patience, func() error {
		frames := e.since(mark, op)
		for _, f := range frames {
			d := M(new(T))
			if err := protojson.Unmarshal(f.D, d); err != nil {
				t.Fatalf("%s %s: %v", op, f.D, err)
			}
			if want(d) {
				found, when = d, f.at
				return nil
			}
		}
		return fmt.Errorf("%s heard %d frames %s, none of them as wanted; its connections ended: %v", e.who.Name, len(frames), op, e.endings())
	})
	return found, when
}

// inTime fails the test if it took longer than promised from one instant to another, and says how long it took.
func inTime(t *testing.T, what string, from, to time.Time) {
	t.Helper()
	took := to.Sub(from)
	t.Logf("%s after %s", what, took.Round(time.Millisecond))
	if took > slack*promised {
		t.Errorf("%s took %s, want at most %s", what, took, promised)
	}
}

// sees waits until e's window of a channel shows these contents, oldest first, and no others.
func sees(t *testing.T, e *ear, c *serversv1.Channel, contents ...string) {
	t.Helper()
	eventually(t, patience, func() error {
		if got := e.contents(c); !slices.Equal(got, contents) {
			return fmt.Errorf("%s sees %s in %s, want %s", e.who.Name, brief(got), c.GetName(), brief(contents))
		}
		return nil
	})
}

// brief is a list that fits a line.
func brief(list []string) string {
	s := strings.Join(list, " | ")
	if len(s) > 600 {
		s = s[:300] + " … " + s[len(s)-300:]
	}
	return fmt.Sprintf("%d [%s]", len(list), s)
}

// contents are the messages of e's window that are not deleted, oldest first.
func (e *ear) contents(c *serversv1.Channel) (list []string) {
	e.Windows(func(ws map[uint64]*client.Window) {
		w := ws[c.GetId()]
		if w == nil {
			return
		}
		messages := make([]*messagesv1.Message, 0, len(w.Messages))
		for _, m := range w.Messages {
			messages = append(messages, m)
		}
		slices.SortFunc(messages, func(a, b *messagesv1.Message) int { return int(int64(a.GetId()) - int64(b.GetId())) })
		for _, m := range messages {
			if !m.GetDeleted() {
				list = append(list, m.GetContent())
			}
		}
	})
	return list
}

// has says whether e keeps a window of a channel, which it does as long as it may see it.
func (e *ear) has(c *serversv1.Channel) (has bool) {
	e.Windows(func(ws map[uint64]*client.Window) { has = ws[c.GetId()] != nil })
	return has
}
