package scopelog

import (
	"context"
	"sync"

	"github.com/beep-chat/beep"
)

// fresher answers what the revision of a scope is now, many questions by one query. The rule that matters: an
// answer comes from a query that started after its question came, never from one in flight, which may have
// read before a revocation that was answered before the question.
type fresher struct {
	read func(context.Context, []beep.Scope) ([]uint64, error)

	mu      sync.Mutex // guards everything below
	next    *batch     // collects the questions of the next query; nil if there are none
	running bool
}

// batch is one query and those who wait for it.
type batch struct {
	scopes map[beep.Scope]uint64
	done   chan struct{} // closed when scopes holds the answers or err is set
	err    error
}

// maxBatch is what one GetRevs takes.
const maxBatch = 10_000

func (f *fresher) get(ctx context.Context, scope beep.Scope) (uint64, error) {
	b := f.join(scope)
	select {
	case <-b.done:
		return b.scopes[scope], b.err
	case <-ctx.Done():
		return 0, beep.Unavailable(context.Cause(ctx))
	}
}

// join puts a question into the batch that has not started yet, and starts it if no query runs.
func (f *fresher) join(scope beep.Scope) *batch {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.next == nil {
		f.next = &batch{scopes: map[beep.Scope]uint64{}, done: make(chan struct{})}
	}
	b := f.next
	b.scopes[scope] = 0
	if !f.running {
		f.running = true
		go f.run()
	}
	return b
}

// run asks batch after batch until no question is left. A query belongs to all who wait for it, so none of
// their contexts bounds it.
func (f *fresher) run() {
	for {
		f.mu.Lock()
		b := f.next
		f.next = nil
		if b == nil {
			f.running = false
			f.mu.Unlock()
			return
		}
		f.mu.Unlock()
		f.ask(b)
	}
}

func (f *fresher) ask(b *batch) {
	defer close(b.done)
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
	defer cancel()
	scopes := make([]beep.Scope, 0, len(b.scopes))
	for s := range b.scopes {
		scopes = append(scopes, s)
	}
	for len(scopes) > 0 && b.err == nil {
		n := min(len(scopes), maxBatch)
		var revs []uint64
		if revs, b.err = f.read(ctx, scopes[:n]); b.err == nil {
			for i, rev := range revs {
				b.scopes[scopes[i]] = rev
			}
		}
		scopes = scopes[n:]
	}
}
