package logmodel

import (
	"context"
	"errors"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/beep-chat/beep"
	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	"github.com/beep-chat/beep/kit/rpc"
)

// proc is one life of a process. When it is dead nothing of it reaches a store, a peer or the bus any more, though its
// goroutines may take a moment to notice.
type proc struct {
	local  *rpc.Local
	cancel context.CancelFunc
	dead   chan struct{}
	over   chan struct{} // closed when its background work has ended
	once   sync.Once
}

func (p *proc) kill() {
	p.once.Do(func() {
		close(p.dead)
		p.cancel()
	})
}

func (p *proc) isDead() bool {
	select {
	case <-p.dead:
		return true
	default:
		return false
	}
}

// pool is the processes of one target.
type pool struct {
	mu    sync.Mutex // guards procs
	procs []*proc
}

func (p *pool) pick(d *dice) *proc {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.procs[d.upTo(len(p.procs))]
}

// replace puts next in the place of one, which dies.
func (p *pool) replace(i int, next *proc) {
	p.swap(i, next).kill()
}

// swap puts next in the place of one, which it answers.
func (p *pool) swap(i int, next *proc) *proc {
	p.mu.Lock()
	defer p.mu.Unlock()
	old := p.procs[i]
	p.procs[i] = next
	return old
}

// wire is how one process, or with none the edge, calls any process of a target. Requests and answers get lost, and
// nothing comes back from a process that died: whether it did what was asked is then unknown.
type wire struct {
	w    *world
	as   string
	to   *pool
	from *proc
}

var (
	errLost   = errors.New("lost on the way")
	errDied   = errors.New("the process has died")
	errStream = errors.New("nothing here streams")
)

// Invoke makes one call.
func (c wire) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	to := c.to.pick(c.w.dice)
	c.w.step(ctx)
	if c.from.isDead() || c.w.fault(60) {
		return beep.Unavailable(errLost)
	}
	// An answer of its own: who no longer waits must not have it written behind its back.
	message, _ := reply.(proto.Message)
	answer := message.ProtoReflect().New().Interface()
	done := make(chan error, 1)
	c.w.calls.Go(func() { done <- to.local.As(c.as).Invoke(ctx, method, args, answer, opts...) })
	select {
	case err := <-done:
		if err != nil {
			return err
		}
	case <-to.dead:
		return beep.Unavailable(errDied)
	case <-c.from.dead:
		return beep.Unavailable(errDied)
	}
	c.w.step(ctx)
	if to.isDead() || c.from.isDead() || c.w.fault(60) {
		return beep.Unavailable(errLost)
	}
	if since, ok := answer.(*messagesv1.SinceResponse); ok && c.w.plant.since {
		for _, e := range since.GetEntries() {
			e.Ve = 0
		}
	}
	proto.Merge(message, answer)
	return nil
}

// NewStream refuses: no method of these services streams.
func (c wire) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, errStream
}
