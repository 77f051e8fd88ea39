// Package bench measures a whole Beep from outside: it starts one of its own on loopback, signs people up
// through the pages, and lets them send to listeners on sockets. What it prints is compared over versions by
// ratios in one run and by CPU per event: load and machine change everything else.
package bench

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/client"
	"github.com/beep-chat/beep/e2e/people"
)

// Options say what to measure.
type Options struct {
	Duration  time.Duration // of each step
	Senders   []int
	Listeners []int
	Idle      int // sockets that do nothing, for the memory of one
	Out       io.Writer
}

// Run measures and prints a table. It fails when an event is lost, doubled or out of order.
func Run(ctx context.Context, o Options) (err error) {
	dir, err := os.MkdirTemp("", "beep-bench")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	srv, err := start(ctx, dir)
	if err != nil {
		return err
	}
	defer srv.stop()
	r, err := newRoom(ctx, srv, maxOf(o.Senders))
	if err != nil {
		return err
	}
	fmt.Fprintf(o.Out, "%9s %7s %11s %9s %9s %12s %13s %9s\n",
		"listeners", "senders", "acked/s", "ack p50", "ack p99", "events/s", "CPU µs/event", "in flight")
	// Listeners on the outside, because it is they who take long to get ready.
	for _, listeners := range o.Listeners {
		ears, err := r.listen(ctx, listeners)
		if err != nil {
			return err
		}
		for _, senders := range o.Senders {
			res, err := r.measure(ctx, ears, senders, o.Duration)
			if err != nil {
				return fmt.Errorf("%d listeners, %d senders: %w", listeners, senders, err)
			}
			fmt.Fprintf(o.Out, "%9d %7d %11.0f %9s %9s %12.0f %13.1f %9d\n", listeners, senders, res.acked,
				res.p50.Round(10*time.Microsecond), res.p99.Round(10*time.Microsecond), res.events, res.cpu, senders)
		}
		ears.close()
	}
	return r.idle(ctx, o)
}

func maxOf(ns []int) (m int) {
	for _, n := range ns {
		m = max(m, n)
	}
	return m
}

// room is a server with one channel that everybody is in.
type room struct {
	srv     *server
	channel uint64
	people  []*client.API // the first listens, the rest send
	sent    atomic.Uint64 // numbers the messages of all steps
}

// newRoom signs everybody up on the pages and lets them in by an invitation, as it happens in life. None of that is
// measured.
func newRoom(ctx context.Context, srv *server, senders int) (*room, error) {
	r := &room{srv: srv}
	// And one more, who owns the server and listens.
	for i := range senders + 1 {
		p, err := people.SignUp(ctx, srv.url, fmt.Sprintf("bench-%d", i))
		if err != nil {
			return nil, fmt.Errorf("sign up: %w", err)
		}
		r.people = append(r.people, p.API())
	}
	owner := r.people[0]
	made := &serversv1.Server{}
	if err := owner.Call(ctx, http.MethodPost, "/api/servers", &serversv1.CreateServerRequest{Name: "Bench"}, made); err != nil {
		return nil, err
	}
	base := fmt.Sprintf("/api/servers/%d", made.GetId())
	inv := &serversv1.Invitation{}
	if err := owner.Call(ctx, http.MethodPost, base+"/invitations", &serversv1.CreateInvitationRequest{}, inv); err != nil {
		return nil, err
	}
	for _, p := range r.people[1:] {
		if err := p.Call(ctx, http.MethodPost, "/api/invitations/"+inv.GetCode()+"/accept", &serversv1.AcceptInvitationRequest{}, nil); err != nil {
			return nil, err
		}
	}
	channels := &serversv1.ListChannelsResponse{}
	if err := owner.Call(ctx, http.MethodGet, base+"/channels", nil, channels); err != nil {
		return nil, err
	}
	for _, c := range channels.GetChannels() {
		if c.GetKind() == "text" {
			r.channel = c.GetId()
		}
	}
	return r, nil
}

// send sends one message of about 100 bytes and waits for the acknowledgement.
func (r *room) send(ctx context.Context, p *client.API, n uint64) error {
	text := fmt.Sprintf("%08d The quick brown fox jumps over the lazy dog while the tide comes in at the old harbour wall.", n)
	in := &messagesv1.SendMessageRequest{Content: text, Nonce: fmt.Sprintf("b-%d", n)}
	return p.Call(ctx, http.MethodPost, fmt.Sprintf("/api/channels/%d/messages", r.channel), in, nil)
}

// idle opens sockets that do nothing and prints what one costs the server.
func (r *room) idle(ctx context.Context, o Options) error {
	if o.Idle == 0 {
		return nil
	}
	before, err := r.srv.settledRSS(ctx)
	if err != nil {
		return err
	}
	// Up to the last one's state, see open: a handshake alone would say little.
	began := time.Now()
	ears, err := r.listen(ctx, o.Idle)
	if err != nil {
		return err
	}
	defer ears.close()
	took := time.Since(began)
	after, err := r.srv.settledRSS(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(o.Out, "\n%d idle sockets: %.1f KB of server memory each; %.0f connects/s with token check and state\n",
		o.Idle, float64(after-before)/1024/float64(o.Idle), float64(o.Idle)/took.Seconds())
	return nil
}

func logFile(dir string) string { return filepath.Join(dir, "beep.log") }
