package scopelog

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/beep-chat/beep"
)

// store is a primary whose queries take a while: each reads the revision when it starts.
type store struct {
	rev     atomic.Uint64
	queries atomic.Int64
	fail    atomic.Bool
}

func (s *store) read(_ context.Context, scopes []beep.Scope) ([]uint64, error) {
	s.queries.Add(1)
	rev := s.rev.Load()
	<-time.After(10 * time.Millisecond) // synctest's clock: the query is in flight
	if s.fail.Load() {
		return nil, errors.New("down")
	}
	out := make([]uint64, len(scopes))
	for i := range out {
		out[i] = rev
	}
	return out, nil
}

// joinsInFlight is the mistake that the rule is there against: a question is answered by a query that may
// have started before it.
func joinsInFlight(s *store) func(context.Context, beep.Scope) (uint64, error) {
	var mu sync.Mutex
	var flying *batch
	return func(ctx context.Context, scope beep.Scope) (uint64, error) {
		mu.Lock()
		b := flying
		if b == nil {
			b = &batch{scopes: map[beep.Scope]uint64{}, done: make(chan struct{})}
			flying = b
			go func() {
				revs, err := s.read(ctx, []beep.Scope{scope})
				mu.Lock()
				defer mu.Unlock()
				if b.err = err; err == nil {
					b.scopes[scope] = revs[0]
				}
				flying = nil
				close(b.done)
			}()
		}
		mu.Unlock()
		<-b.done
		return b.scopes[scope], b.err
	}
}

// stale asks at many moments around a commit and counts answers older than what had been committed when the
// question came.
func stale(s *store, get func(context.Context, beep.Scope) (uint64, error)) int64 {
	var wrong atomic.Int64
	var all sync.WaitGroup
	for i := range 200 {
		<-time.After(time.Millisecond)
		if i%7 == 0 {
			s.rev.Add(1)
		}
		want := s.rev.Load()
		all.Go(func() {
			got, err := get(context.Background(), beep.Scope{Kind: beep.ScopeServer, ID: 1})
			if err != nil || got < want {
				wrong.Add(1)
			}
		})
	}
	all.Wait()
	return wrong.Load()
}

func TestFresh_NeverAnswersFromAQueryThatStartedBeforeTheQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		f := &fresher{read: s.read}
		if n := stale(s, f.get); n > 0 {
			t.Errorf("%d stale answers", n)
		}
		if n := s.queries.Load(); n >= 200 {
			t.Errorf("%d queries for 200 questions: they are not asked together", n)
		}
	})
}

func TestFresh_TheCheckCatchesJoiningAQueryInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		if n := stale(s, joinsInFlight(s)); n == 0 {
			t.Error("a reader that joins queries in flight passed")
		}
	})
}

func TestFresh_AnswersManyScopesByOneQuery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		s.rev.Store(5)
		f := &fresher{read: s.read}
		var all sync.WaitGroup
		for id := range uint64(100) {
			all.Go(func() {
				if rev, err := f.get(t.Context(), beep.Scope{Kind: beep.ScopeServer, ID: id}); err != nil || rev != 5 {
					t.Errorf("scope %d: got %d, %v", id, rev, err)
				}
			})
		}
		all.Wait()
		if n := s.queries.Load(); n > 2 {
			t.Errorf("got %d queries, want at most 2", n)
		}
	})
}

func TestFresh_FailsRatherThanGuess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		s.fail.Store(true)
		f := &fresher{read: s.read}
		if _, err := f.get(t.Context(), beep.Scope{}); err == nil {
			t.Error("an unreadable log answered")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		var e *beep.Error
		if _, err := f.get(ctx, beep.Scope{}); !errors.As(err, &e) || e.Kind != beep.KindUnavailable {
			t.Errorf("past its deadline it said %v", err)
		}
		<-time.After(time.Second) // lets the query that is still in flight end
	})
}
