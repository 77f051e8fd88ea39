package scopelog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"

	"github.com/beep-chat/beep"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/perm"
)

// fakeLog is the scope log in memory. A query reads at once and then takes a while to arrive, as over a network.
type fakeLog struct {
	serversv1.ScopeLogClient // what the package does not call

	took time.Duration
	page int // rows at most, less than asked for

	mu      sync.Mutex // guards the fields below
	rows    map[beep.Scope][]*serversv1.Change
	lag     map[beep.Scope]uint64 // revisions announced that have no row
	queries int
	down    error
}

func newFakeLog() *fakeLog {
	return &fakeLog{rows: map[beep.Scope][]*serversv1.Change{}, lag: map[beep.Scope]uint64{}, page: 1000}
}

// add appends rows to a scope's log.
func (f *fakeLog) add(scope beep.Scope, rows ...*serversv1.Change) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, row := range rows {
		row.Rev = uint64(len(f.rows[scope])) + 1
		f.rows[scope] = append(f.rows[scope], row)
	}
}

func (f *fakeLog) rev(scope beep.Scope) uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return uint64(len(f.rows[scope])) + f.lag[scope]
}

func (f *fakeLog) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down = err
}

func (f *fakeLog) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.queries
}

func scopeOf(p *serversv1.Scope) beep.Scope {
	scope, _ := FromProto(p)
	return scope
}

// arrive is the way back of an answer that has been read.
func (f *fakeLog) arrive(ctx context.Context) error {
	f.mu.Lock()
	f.queries++
	down := f.down
	f.mu.Unlock()
	select {
	case <-time.After(f.took):
		return down
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *fakeLog) GetRevs(
	ctx context.Context, r *serversv1.GetRevsRequest, _ ...grpc.CallOption,
) (*serversv1.GetRevsResponse, error) {
	if len(r.GetScopes()) > 10_000 {
		return nil, errors.New("too many scopes")
	}
	answer := &serversv1.GetRevsResponse{}
	for _, s := range r.GetScopes() {
		answer.Revs = append(answer.Revs, f.rev(scopeOf(s)))
	}
	return answer, f.arrive(ctx)
}

func (f *fakeLog) ListChanges(
	ctx context.Context, r *serversv1.ListChangesRequest, _ ...grpc.CallOption,
) (*serversv1.ListChangesResponse, error) {
	f.mu.Lock()
	rows := f.rows[scopeOf(r.GetScope())]
	answer := &serversv1.ListChangesResponse{Head: uint64(len(rows)) + f.lag[scopeOf(r.GetScope())]}
	from := min(int(r.GetAfter()), len(rows))
	answer.Changes = rows[from:min(from+f.page, len(rows))]
	f.mu.Unlock()
	return answer, f.arrive(ctx)
}

func (f *fakeLog) ResolveChannel(
	ctx context.Context, r *serversv1.ResolveChannelRequest, _ ...grpc.CallOption,
) (*serversv1.ResolveChannelResponse, error) {
	if err := f.arrive(ctx); err != nil {
		return nil, err
	}
	if r.GetChannelId() == 404 {
		return nil, beep.NotFound(beep.CodeChannelNotFound, "there is no such channel")
	}
	return &serversv1.ResolveChannelResponse{Scope: &serversv1.Scope{Kind: "server", Id: r.GetChannelId() / 10}}, nil
}

// The scope of most tests, and a row that changes nothing.
func server(id uint64) beep.Scope { return beep.Scope{Kind: beep.ScopeServer, ID: id} }

func owned(by beep.UserID) *serversv1.Change {
	return &serversv1.Change{Kind: &serversv1.Change_ServerSet{ServerSet: &serversv1.Server{OwnerId: uint64(by)}}}
}

func joined(user beep.UserID) *serversv1.Change {
	return &serversv1.Change{Kind: &serversv1.Change_MemberSet{MemberSet: &serversv1.Member{UserId: uint64(user)}}}
}

func unavailableError(t *testing.T, what string, err error) {
	t.Helper()
	var e *beep.Error
	if !errors.As(err, &e) || e.Kind != beep.KindUnavailable {
		t.Errorf("%s: %v, want unavailable", what, err)
	}
}

// fresher is what the check below is about: Log.Fresh, or a faulty one.
type fresher interface {
	Fresh(ctx context.Context, scope beep.Scope) (uint64, error)
}

// staleFresh joins whatever query is in flight, as a careless single flight does.
type staleFresh struct {
	log *fakeLog

	mu      sync.Mutex // guards running
	running *staleCall
}

type staleCall struct {
	done chan struct{}
	rev  uint64
}

func (s *staleFresh) Fresh(ctx context.Context, scope beep.Scope) (uint64, error) {
	s.mu.Lock()
	c := s.running
	leads := c == nil
	if leads {
		c = &staleCall{done: make(chan struct{})}
		s.running = c
	}
	s.mu.Unlock()
	if !leads {
		<-c.done
		return c.rev, nil
	}
	answer, err := s.log.GetRevs(ctx, &serversv1.GetRevsRequest{Scopes: []*serversv1.Scope{ToProto(scope)}})
	c.rev = answer.GetRevs()[0]
	s.mu.Lock()
	s.running = nil
	s.mu.Unlock()
	close(c.done)
	return c.rev, err
}

// staleness has many ask while the log grows, and answers how many got less than was committed before they asked.
func staleness(t *testing.T, log *fakeLog, f fresher) (stale int) {
	t.Helper()
	var wg sync.WaitGroup
	var mu sync.Mutex
	for i := range 20 {
		wg.Go(func() {
			for k := range 30 {
				<-time.After(time.Duration(i*7+k*13) * time.Millisecond / 10)
				if i == 0 {
					log.add(server(1), owned(1))
				}
				before := log.rev(server(1))
				got, err := f.Fresh(t.Context(), server(1))
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				if got < before {
					stale++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return stale
}

// TestFresh_IsNeverStale, and the check does find a Fresh that joins a query already in flight.
func TestFresh_IsNeverStale(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := newFakeLog()
		log.took = 2 * time.Millisecond
		if n := staleness(t, log, New(log)); n > 0 {
			t.Errorf("%d answers were older than their question", n)
		}
		if log.count() >= 600 {
			t.Errorf("%d queries for 600 questions: nothing was shared", log.count())
		}
		if n := staleness(t, log, &staleFresh{log: log}); n == 0 {
			t.Error("the planted fault was not found")
		}
	})
}

// TestFresh_JoinsTheNextRound: whoever comes while a query is in flight shares the next one, whatever the scopes.
func TestFresh_JoinsTheNextRound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := newFakeLog()
		log.took = time.Second
		log.add(server(1), owned(1))
		l := New(log)
		var first uint64
		done := make(chan error, 1)
		go func() {
			var err error
			first, err = l.Fresh(t.Context(), server(1))
			done <- err
		}()
		synctest.Wait() // its query has read revision 1 and is under way
		log.add(server(1), owned(1))
		log.add(server(2), owned(1), owned(1), owned(1))

		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				revs, err := l.FreshAll(t.Context(), []beep.Scope{server(2), server(1), server(3), server(2)})
				if err != nil || fmt.Sprint(revs) != "[3 2 0 3]" {
					t.Errorf("FreshAll = %v, %v", revs, err)
				}
			})
		}
		wg.Wait()
		if err := <-done; err != nil || first != 1 {
			t.Errorf("the first: %d, %v", first, err)
		}
		if log.count() != 2 {
			t.Errorf("%d queries, want 2", log.count())
		}
	})
}

// TestFresh_OutlivesItsLeader: a leader that gives up takes nobody along, and a follower leaves when it wants.
func TestFresh_OutlivesItsLeader(t *testing.T) {
	t.Parallel()
	for range 20 { // who leads the second round is chance; each comes to it
		synctest.Test(t, outliveLeader)
	}
}

func outliveLeader(t *testing.T) {
	t.Helper()
	log := newFakeLog()
	log.took = time.Second
	log.add(server(1), owned(1))
	l := New(log)
	ask := func(after, patience time.Duration) chan error {
		done := make(chan error, 1)
		go func() {
			<-time.After(after)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			_, err := l.Fresh(ctx, server(1))
			done <- err
		}()
		return done
	}
	first := ask(0, time.Minute)
	leader := ask(time.Millisecond, 1500*time.Millisecond) // leads the second round, from 1 s to 1.501 s
	var followers []chan error
	for range 5 {
		followers = append(followers, ask(2*time.Millisecond, time.Minute))
	}
	hasty := ask(3*time.Millisecond, 100*time.Millisecond)
	unavailableError(t, "a follower that leaves", <-hasty)
	if err := <-first; err != nil {
		t.Errorf("the first: %v", err)
	}
	unavailableError(t, "the leader that gives up", <-leader)
	for _, f := range followers {
		if err := <-f; err != nil {
			t.Errorf("a follower: %v", err)
		}
	}
}

func TestFresh_FailsWithTheLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := newFakeLog()
		l := New(log)
		log.fail(errors.New("no connection"))
		_, err := l.Fresh(t.Context(), server(1))
		unavailableError(t, "down", err)
		log.fail(nil)
		if _, err := l.Fresh(t.Context(), server(1)); err != nil {
			t.Errorf("up again: %v", err)
		}
		log.took = time.Hour
		start := time.Now()
		_, err = l.Fresh(t.Context(), server(1))
		unavailableError(t, "hanging", err)
		if took := time.Since(start); took != queryTimeout {
			t.Errorf("gave up after %s", took)
		}
	})
}

func TestFreshAll_OfMoreThanOneQueryTakes(t *testing.T) {
	t.Parallel()
	log := newFakeLog()
	scopes := make([]beep.Scope, 25_000)
	for i := range scopes {
		scopes[i] = server(uint64(i) + 1)
	}
	log.add(scopes[24_000], owned(1))
	revs, err := New(log).FreshAll(t.Context(), scopes)
	if err != nil || len(revs) != len(scopes) || revs[24_000] != 1 || revs[0] != 0 {
		t.Errorf("FreshAll: %v, %d revisions", err, len(revs))
	}
	if log.count() != 3 {
		t.Errorf("%d queries, want 3", log.count())
	}
}

func TestAt_ReadsContiguously(t *testing.T) {
	t.Parallel()
	log := newFakeLog()
	log.page = 7
	log.add(server(1), owned(1))
	for user := range beep.UserID(100) {
		log.add(server(1), joined(user+1))
	}
	l := New(log)
	members := func(rev uint64) (n int) {
		t.Helper()
		if err := l.At(t.Context(), server(1), rev, func(v *perm.View) { n = v.MemberCount() }); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if got := members(0); got != 0 || log.count() != 0 {
		t.Errorf("at 0: %d members, %d queries", got, log.count())
	}
	if got := members(3); got != 100 { // on to the head, not amid what may be one change
		t.Errorf("at 3: %d members", got)
	}
	queries := log.count()
	if got := members(101); got != 100 || log.count() != queries {
		t.Errorf("at 101: %d members, %d queries more", got, log.count()-queries)
	}
	log.add(server(1), joined(500))
	if got := members(101); got != 100 {
		t.Errorf("still at 101: %d members", got)
	}
	if got := members(102); got != 101 {
		t.Errorf("at 102: %d members", got)
	}
}

// TestAt_NeverGuesses: a revision that the log does not reach, rows that do not come and rows that do not fit are
// errors, each time, until the log is well again.
func TestAt_NeverGuesses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		rows []*serversv1.Change
		lag  uint64
		down error
	}{
		"a revision ahead":     {rows: []*serversv1.Change{owned(1)}},
		"an empty log":         {},
		"rows that stay away":  {rows: []*serversv1.Change{owned(1)}, lag: 4},
		"a log that is down":   {rows: []*serversv1.Change{owned(1), owned(1)}, down: errors.New("down")},
		"an unknown row":       {rows: []*serversv1.Change{owned(1), {}}},
		"an unknown channel":   {rows: []*serversv1.Change{owned(1), {Kind: &serversv1.Change_ChannelSet{ChannelSet: &serversv1.Channel{Id: 1, Kind: "holodeck"}}}}},
		"a row of a stranger":  {rows: []*serversv1.Change{owned(1), {Kind: &serversv1.Change_ScopeJoined{ScopeJoined: &serversv1.Scope{Kind: "server", Id: 1}}}}},
		"a row for no channel": {rows: []*serversv1.Change{owned(1), {Kind: &serversv1.Change_OverwriteSet{OverwriteSet: &serversv1.Overwrite{ChannelId: 1, RoleId: 1, Allow: []string{"speak"}}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := newFakeLog()
			log.add(server(1), tt.rows...)
			log.lag[server(1)] = tt.lag
			log.fail(tt.down)
			l := New(log)
			for range 3 {
				err := l.At(t.Context(), server(1), 2, func(*perm.View) { t.Error("decided all the same") })
				unavailableError(t, "At", err)
			}
			log.fail(nil)
			log.mu.Lock()
			log.rows, log.lag = map[beep.Scope][]*serversv1.Change{}, map[beep.Scope]uint64{}
			log.mu.Unlock()
			log.add(server(1), owned(1), joined(1))
			if err := l.Now(t.Context(), server(1), func(*perm.View) {}); err != nil {
				t.Errorf("after the repair: %v", err)
			}
		})
	}
}

// TestAt_Hole: a page with a row missing is refused, not passed over.
func TestAt_Hole(t *testing.T) {
	t.Parallel()
	log := newFakeLog()
	log.add(server(1), owned(1), joined(1), joined(2))
	log.rows[server(1)] = append(log.rows[server(1)][:1:1], log.rows[server(1)][2])
	err := New(log).At(t.Context(), server(1), 2, func(*perm.View) { t.Error("decided all the same") })
	unavailableError(t, "At", err)
	if !errors.Is(err, perm.ErrGap) {
		t.Errorf("%v does not say why", err)
	}
}

// TestAt_Shared: many read a View while it moves on. Each sees at least what it asked for, and the log is read about
// once for each change, not once for each reader.
func TestAt_Shared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := newFakeLog()
		log.took = time.Millisecond
		log.add(server(1), owned(1))
		l := New(log)
		var wg sync.WaitGroup
		for i := range 30 {
			wg.Go(func() {
				for k := range 20 {
					<-time.After(time.Duration(i+1) * 300 * time.Microsecond)
					if i == 0 {
						log.add(server(1), joined(beep.UserID(k)+1))
					}
					want := log.rev(server(1))
					err := l.At(t.Context(), server(1), want, func(v *perm.View) {
						if v.Rev() < want || v.MemberCount() != int(v.Rev())-1 {
							t.Errorf("at %d with %d members, want at least %d", v.Rev(), v.MemberCount(), want)
						}
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if log.count() > 60 {
			t.Errorf("%d queries for 21 changes", log.count())
		}
	})
}

// TestNow_IsThePresent: it needs both the revision and the rows, and is an error without either.
func TestNow_IsThePresent(t *testing.T) {
	t.Parallel()
	log := newFakeLog()
	l := New(log)
	members := func() (n int, err error) {
		err = l.Now(t.Context(), server(1), func(v *perm.View) { n = v.MemberCount() })
		return n, err
	}
	if n, err := members(); n != 0 || err != nil {
		t.Errorf("of nothing: %d, %v", n, err)
	}
	if len(l.views.items) != 0 {
		t.Error("the view of nothing is kept")
	}
	log.add(server(1), owned(1), joined(1))
	if n, err := members(); n != 1 || err != nil {
		t.Errorf("Now: %d members, %v", n, err)
	}
	log.fail(errors.New("down"))
	_, err := members()
	unavailableError(t, "down", err)
}

func TestAt_WaitsNoLongerThanItsCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := newFakeLog()
		log.took = time.Second
		log.add(server(1), owned(1))
		l := New(log)
		go func() { _ = l.At(t.Context(), server(1), 1, func(*perm.View) {}) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		unavailableError(t, "At", l.At(ctx, server(1), 1, func(*perm.View) { t.Error("decided too late") }))
		if err := l.At(t.Context(), server(1), 1, func(*perm.View) {}); err != nil {
			t.Errorf("the patient: %v", err)
		}
	})
}

// TestAt_IsBounded: beyond the bound the View used least of late is let go, and read again when it is wanted.
func TestAt_IsBounded(t *testing.T) {
	t.Parallel()
	log := newFakeLog()
	l := New(log)
	l.views.most = 2
	for id := range uint64(3) {
		log.add(server(id+1), owned(1))
	}
	at := func(id uint64) {
		t.Helper()
		if err := l.At(t.Context(), server(id), 1, func(*perm.View) {}); err != nil {
			t.Fatal(err)
		}
	}
	at(1)
	at(2)
	at(1)
	at(3) // 2 goes
	at(1)
	if log.count() != 3 || len(l.views.items) != 2 {
		t.Errorf("%d queries, %d views", log.count(), len(l.views.items))
	}
	at(2)
	if log.count() != 4 {
		t.Errorf("%d queries, want 4: the one let go is read again", log.count())
	}
}

func TestChannel(t *testing.T) {
	t.Parallel()
	log := newFakeLog()
	l := New(log)
	for range 3 {
		if got, err := l.Channel(t.Context(), 77); err != nil || got != server(7) {
			t.Errorf("Channel = %v, %v", got, err)
		}
	}
	if log.count() != 1 {
		t.Errorf("%d queries, want 1", log.count())
	}
	for n := range 2 {
		if _, err := l.Channel(t.Context(), 404); !errors.Is(err, beep.ErrNotFound) {
			t.Errorf("an unknown channel: %v", err)
		}
		if log.count() != 2+n {
			t.Errorf("%d queries: that a channel is not there is not remembered", log.count())
		}
	}
	log.fail(errors.New("down"))
	_, err := l.Channel(t.Context(), 88)
	unavailableError(t, "down", err)
}
