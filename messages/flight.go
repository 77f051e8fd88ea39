package messages

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/beep-chat/beep"
)

// errPanicked is what those who share a call are answered when it panics, instead of nothing at all.
var errPanicked = errors.New("a shared call panicked")

// flight runs at most one call per key at a time and lets everyone who asks meanwhile share the next one. What a
// caller is answered was always read by a call that began after it asked: what had happened by then is in.
type flight[K comparable, A, V any] struct {
	timeout time.Duration // of a call: it goes on when the caller that began it has left
	fn      func(ctx context.Context, key K, args []A) (V, error)
	calls   sync.WaitGroup // a goroutine for each call that runs

	mu     sync.Mutex // guards what follows, and args of the calls in running
	closed bool       // no call is begun for a new caller
	// running has a key while a call for it runs; the value gathers those who came since, nil while nobody did.
	running map[K]*call[A, V]
}

// call is one run of fn for many callers.
type call[A, V any] struct {
	ctx  context.Context // the values of the first caller's; only handed to run
	args []A
	done chan struct{} // closed by run, once value and err are final

	value V
	err   error
}

func newFlight[K comparable, A, V any](timeout time.Duration, fn func(context.Context, K, []A) (V, error)) *flight[K, A, V] {
	return &flight[K, A, V]{timeout: timeout, fn: fn, running: map[K]*call[A, V]{}}
}

// do answers fn for the key, with arg among its args.
func (f *flight[K, A, V]) do(ctx context.Context, key K, arg A) (V, error) {
	c := f.join(ctx, key, arg)
	select {
	case <-c.done:
		return c.value, c.err
	case <-ctx.Done():
		var none V
		return none, context.Cause(ctx)
	}
}

// join is the call that arg will be an argument of.
func (f *flight[K, A, V]) join(ctx context.Context, key K, arg A) *call[A, V] {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		c := &call[A, V]{done: make(chan struct{}), err: beep.Unavailable(errClosed)}
		close(c.done)
		return c
	}
	c, busy := f.running[key]
	if c == nil {
		c = &call[A, V]{ctx: context.WithoutCancel(ctx), done: make(chan struct{}), err: errPanicked}
		f.running[key] = c
	}
	c.args = append(c.args, arg)
	if !busy {
		f.startLocked(key, c)
	}
	return c
}

// startLocked runs what has gathered.
func (f *flight[K, A, V]) startLocked(key K, c *call[A, V]) {
	f.running[key] = nil
	f.calls.Go(func() {
		defer f.end(key)
		defer close(c.done)
		ctx, cancel := context.WithTimeout(c.ctx, f.timeout)
		defer cancel()
		c.value, c.err = f.fn(ctx, key, c.args)
	})
}

// end begins the call that gathered meanwhile, if any.
func (f *flight[K, A, V]) end(key K) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if next := f.running[key]; next != nil {
		f.startLocked(key, next)
		return
	}
	delete(f.running, key)
}

// close refuses who asks from now on, as unavailable, and waits until all who asked before are answered.
func (f *flight[K, A, V]) close() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.calls.Wait()
}
