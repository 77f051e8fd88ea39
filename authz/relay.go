package authz

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/scopelog"
)

const (
	// relayTimeout is how long a check waits for the graph to be told what it needs to know.
	relayTimeout = 300 * time.Millisecond
	// workers is how many scopes are relayed at once.
	workers = 8
	// retryEvery is how often a scope that could not be relayed is tried again.
	retryEvery = 200 * time.Millisecond
	// drainTimeout bounds one try: the first of a very large server takes long.
	drainTimeout = 2 * time.Minute
	// maxQueue bounds the scopes that wait for a worker. One that finds no place waits for the next retry.
	maxQueue = 4096
)

// relay tells a graph what happened in the logs of scopes: in order for each, at once when it is woken or asked, and again
// until it is done. What it wrote it knows by its stamp. It trusts a stamp only if the log, asked after the write was
// answered, had not gone beyond it: then no other relay can have written anything newer that this write overwrote.
type relay struct {
	graph Graph
	log   *scopelog.Log
	out   *slog.Logger
	queue chan *relayed // taken by the workers of run; never closed

	mu     sync.Mutex // guards scopes
	scopes map[beep.Scope]*relayed
}

// relayed is one scope.
type relayed struct {
	scope beep.Scope

	mu      sync.Mutex // guards the rest
	touched Touched    // what rows after floor were about
	floor   uint64     // up to here rows were forgotten
	stamp   Stamp      // of the graph, as far as is known
	known   bool       // the stamp was read or written, and no write since has an unknown outcome
	sure    bool       // the graph is as the scope was at the stamp's revision
	wanted  bool       // waits for a worker, or is to be looked at again by the one that has it
	taken   bool       // a worker has it
	failed  bool       // the last try did not succeed
	news    chan struct{}
}

func newRelay(graph Graph, log *scopelog.Log, out *slog.Logger) *relay {
	return &relay{graph: graph, log: log, out: out, queue: make(chan *relayed, maxQueue), scopes: map[beep.Scope]*relayed{}}
}

// of is a scope's place in the relay.
func (r *relay) of(scope beep.Scope) *relayed {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.scopes[scope]
	if s == nil {
		s = &relayed{scope: scope, news: make(chan struct{})}
		r.scopes[scope] = s
	}
	return s
}

// note is told of each row as the View comes to it.
func (r *relay) note(c perm.Change, a perm.Affects) {
	if !kept(c.Scope) {
		return
	}
	s := r.of(c.Scope)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known && c.Rev <= s.stamp.Rev {
		s.floor = max(s.floor, c.Rev) // the graph knows of it
		return
	}
	s.touched.Note(c, a)
}

// kept says whether a graph has scopes of this kind: nobody has rights in a personal one.
func kept(scope beep.Scope) bool {
	return scope.Kind == beep.ScopeServer || scope.Kind == beep.ScopeDirect
}

// wake has a scope relayed soon.
func (r *relay) wake(scope beep.Scope) {
	if kept(scope) {
		r.want(r.of(scope))
	}
}

func (r *relay) want(s *relayed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wanted {
		return
	}
	s.wanted = true
	if s.taken {
		return // whoever has it looks again
	}
	r.enqueueLocked(s)
}

// enqueueLocked gives a scope to the workers, or, where there is no place, leaves it to the next retry.
func (r *relay) enqueueLocked(s *relayed) {
	select {
	case r.queue <- s:
	default:
		s.wanted, s.failed = false, true
	}
}

// await is until, with no more patience than a request has.
func (r *relay) await(ctx context.Context, scope beep.Scope, rev uint64) (Stamp, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, relayTimeout, errBehind)
	defer cancel()
	return r.until(ctx, scope, rev)
}

// until is the stamp of a scope in the graph, at a revision or later, once it is there.
func (r *relay) until(ctx context.Context, scope beep.Scope, rev uint64) (Stamp, error) {
	s := r.of(scope)
	for {
		s.mu.Lock()
		stamp, sure, news := s.stamp, s.sure, s.news
		s.mu.Unlock()
		if sure && stamp.Rev >= rev {
			return stamp, nil
		}
		r.want(s)
		select {
		case <-news:
		case <-ctx.Done():
			return Stamp{}, beep.Unavailable(context.Cause(ctx))
		}
	}
}

var errBehind = errors.New("the permission graph is behind the scope log")

// doubt has a scope looked at again after the graph was found at another stamp.
func (r *relay) doubt(scope beep.Scope, stamp Stamp) {
	s := r.of(scope)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stamp == stamp {
		s.known, s.sure = false, false
	}
}

// redo has parts of a scope's state told again, if the graph is still at a stamp: as if their newest rows had not been.
func (r *relay) redo(scope beep.Scope, stamp Stamp, parts State) {
	s := r.of(scope)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stamp != stamp || !s.known {
		return
	}
	s.touched.again(stamp.Rev, parts)
	s.stamp.Rev--
	s.floor, s.sure = min(s.floor, s.stamp.Rev), false
}

// run relays until ctx ends.
func (r *relay) run(ctx context.Context) error {
	var g errgroup.Group
	for range workers {
		g.Go(func() error { return r.work(ctx) })
	}
	g.Go(func() error { return r.retry(ctx) })
	return g.Wait()
}

func (r *relay) work(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case s := <-r.queue:
			r.take(ctx, s)
		}
	}
}

// take relays one scope, again if it was wanted meanwhile.
func (r *relay) take(ctx context.Context, s *relayed) {
	for {
		s.mu.Lock()
		if !s.wanted {
			s.taken = false
			s.mu.Unlock()
			return
		}
		s.wanted, s.taken = false, true
		s.mu.Unlock()
		bounded, cancel := context.WithTimeout(ctx, drainTimeout)
		err := r.drain(bounded, s)
		cancel()
		if err != nil && ctx.Err() == nil {
			r.out.WarnContext(ctx, "scope not relayed", "scope", s.scope.String(), "error", err)
		}
		s.mu.Lock()
		s.failed = err != nil
		if err != nil {
			s.wanted, s.taken = false, false // not at once: the others have their turn, and the graph a pause
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
	}
}

// retry gives the scopes that failed to the workers again.
func (r *relay) retry(ctx context.Context) error {
	tick := time.NewTicker(retryEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			for _, s := range r.failures() {
				r.want(s)
			}
		}
	}
}

func (r *relay) failures() (list []*relayed) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.scopes {
		s.mu.Lock()
		if s.failed {
			list = append(list, s)
		}
		s.mu.Unlock()
	}
	return list
}

// drain brings the graph to where the log is.
func (r *relay) drain(ctx context.Context, s *relayed) error {
	if err := r.learn(ctx, s); err != nil {
		return err
	}
	for {
		fresh, err := r.log.Fresh(ctx, s.scope) // asked after the last write was answered
		if err != nil {
			return err
		}
		from, done := s.settle(fresh)
		if done {
			return nil
		}
		if err := r.step(ctx, s, from, fresh); err != nil {
			return err
		}
	}
}

// learn reads the stamp of a scope if it is not known: of a process that ran before, or of another that runs now.
func (r *relay) learn(ctx context.Context, s *relayed) error {
	s.mu.Lock()
	known := s.known
	s.mu.Unlock()
	if known {
		return nil
	}
	stamps, err := r.graph.Stamps(ctx, []beep.Scope{s.scope})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stamp, s.known = stamps[0], true
	return nil
}

// settle says that the log, asked just now, is at a revision. It answers from where on the graph has to be told, or that
// there is nothing to tell.
func (s *relayed) settle(fresh uint64) (from uint64, done bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stamp.Rev == fresh {
		s.sure = true
		s.touched.Forget(fresh)
		s.floor = max(s.floor, fresh)
		close(s.news)
		s.news = make(chan struct{})
		return 0, true
	}
	if s.stamp.Rev > fresh {
		return 0, false // the log was put back to an older copy: tell all of it
	}
	return s.stamp.Rev, false
}

// step tells the graph what happened after a revision.
func (r *relay) step(ctx context.Context, s *relayed, from, to uint64) error {
	if err := r.recall(ctx, s, from, to); err != nil {
		return err
	}
	var state State
	err := r.log.At(ctx, s.scope, to, func(v *perm.View) {
		s.mu.Lock()
		defer s.mu.Unlock()
		state = s.touched.State(v, from)
		state.Stamp = NewStamp(v.Rev())
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.known = false // until the outcome is
	s.mu.Unlock()
	if err := r.graph.Write(ctx, state); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stamp, s.known, s.sure = state.Stamp, true, false
	return nil
}

// recall reads the log again where rows are needed that were forgotten: the graph fell behind what it was once told.
func (r *relay) recall(ctx context.Context, s *relayed, from, to uint64) error {
	s.mu.Lock()
	floor := s.floor
	s.mu.Unlock()
	if from >= floor {
		return nil
	}
	err := r.log.Replay(ctx, s.scope, max(floor, to), func(c perm.Change, a perm.Affects) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.touched.Note(c, a)
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.floor = 0
	return nil
}
