package authztest

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/authz"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/perm/permref"
)

// RunGraph holds a Graph against its contract. fresh makes an empty one; worlds is how many random servers it is asked
// about.
func RunGraph(t *testing.T, worlds int, fresh func(t *testing.T) authz.Graph) {
	t.Helper()
	for _, group := range []struct {
		name string
		run  func(t *testing.T, g authz.Graph)
	}{
		{"worlds", func(t *testing.T, g authz.Graph) { t.Helper(); graphWorlds(t, g, worlds) }},
		{"directs", graphDirects},
		{"stamps", graphStamps},
		{"parts", graphParts},
		{"large", graphLarge},
	} {
		t.Run(group.name, func(t *testing.T) {
			t.Parallel()
			group.run(t, fresh(t))
		})
	}
}

// told is a scope as a relay tells a graph of it.
type told struct {
	view    *perm.View
	touched authz.Touched
	stamp   authz.Stamp
}

func newTold(scope beep.Scope) *told { return &told{view: perm.NewView(scope)} }

// tell applies rows and writes what they touched.
func (s *told) tell(t *testing.T, g authz.Graph, rows ...perm.Row) {
	t.Helper()
	from := s.view.Rev()
	for _, row := range rows {
		c := perm.Change{Scope: s.view.Scope(), Rev: s.view.Rev() + 1, Row: row}
		a, err := s.view.Apply(c)
		if err != nil {
			t.Fatalf("%T %+v: %v", row, row, err)
		}
		s.touched.Note(c, a)
	}
	state := s.touched.State(s.view, from)
	state.Stamp = authz.NewStamp(s.view.Rev())
	if err := g.Write(t.Context(), state); err != nil {
		t.Fatal(err)
	}
	s.stamp = state.Stamp
}

// check asks until there is an answer, on a machine with much else to do.
func (s *told) check(ctx context.Context, g authz.Graph, q authz.Query) (a authz.Answer, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		a, err = g.Check(ctx, s.stamp, q)
		if err == nil || errors.Is(err, authz.ErrMoved) || ctx.Err() != nil {
			return a, err
		}
	}
}

// graphWorlds asks about random servers, and again after they changed: threads that are closed and numbers that come
// again among them.
func graphWorlds(t *testing.T, g authz.Graph, worlds int) {
	t.Helper()
	for seed := range uint64(worlds) {
		w, rows := newWorld(seed, beep.ServerScope(beep.ServerID(10_000+seed)), false)
		s := newTold(w.scope)
		s.tell(t, g, rows...)
		for range 2 {
			w.ask(t, 3, func(q authz.Query) (authz.Answer, error) { return s.check(t.Context(), g, q) })
			s.tell(t, g, w.step())
		}
	}
}

// together calls functions side by side and answers their errors.
func together(calls []func() error) (errs []error) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	for _, call := range calls {
		wg.Go(func() {
			if err := call(); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, err)
			}
		})
	}
	wg.Wait()
	return errs
}

// graphDirects: every participant holds the same, nobody else anything, and a block leaves the history.
func graphDirects(t *testing.T, g authz.Graph) {
	t.Helper()
	rng := rand.New(rand.NewPCG(9, 0)) //nolint:gosec // repeatable on purpose
	for n := range uint64(20) {
		scope := beep.DirectScope(beep.ChannelID(500 + n))
		s := newTold(scope)
		s.tell(t, g, perm.ParticipantAdded{User: 1}, perm.ParticipantAdded{User: 2})
		for range 4 {
			rows := []perm.Row{
				perm.ParticipantAdded{User: 3},
				perm.ParticipantRemoved{User: 2},
				perm.BlockSet{By: 1},
				perm.BlockRemoved{By: 1},
				perm.ParticipantAdded{User: 2},
				perm.BlockSet{By: 2},
				perm.BlockRemoved{By: 2},
			}
			s.tell(t, g, rows[rng.IntN(len(rows))])
			for range 12 {
				q := authz.Query{Scope: scope, User: beep.UserID(rng.IntN(5)), Channel: beep.ChannelID(scope.ID), Right: 1 << rng.IntN(17)}
				if rng.IntN(6) == 0 {
					q.Channel++
				}
				held := s.view.ChannelRights(q.User, q.Channel)
				want := authz.Answer{Visible: held.Has(perm.ViewChannels), Allowed: held.Has(q.Right)}
				if got, err := s.check(t.Context(), g, q); err != nil || got != want {
					t.Fatalf("%+v (%s): got %+v, %v, want %+v", q, q.Right, got, err, want)
				}
			}
		}
	}
}

// graphStamps: about a scope that is at another stamp there is no answer, neither yes nor no.
func graphStamps(t *testing.T, g authz.Graph) {
	t.Helper()
	scope, never := beep.ServerScope(7), beep.ServerScope(8)
	s := newTold(scope)
	s.tell(t, g, perm.Role{ID: 7, Rights: perm.ViewChannels}, perm.Server{Owner: 1}, perm.Member{User: 1}, perm.Member{User: 2})
	old := s.stamp
	s.tell(t, g, perm.Member{User: 3})
	stamps, err := g.Stamps(t.Context(), []beep.Scope{never, scope, beep.DirectScope(7)})
	if want := []authz.Stamp{{}, s.stamp, {}}; err != nil || !cmp.Equal(stamps, want) {
		t.Errorf("Stamps = %v, %v, want %v", stamps, err, want)
	}
	for _, q := range []authz.Query{
		{Scope: scope, User: 1, Right: perm.Administrator},
		{Scope: scope, User: 2, Right: perm.ManageRoles},
		{Scope: scope, User: 9},
		{Scope: scope, User: 1, Channel: 5, Right: perm.SendMessages},
	} {
		for _, at := range []authz.Stamp{old, {}, {Rev: s.stamp.Rev, Nonce: "another"}} {
			if got, err := g.Check(t.Context(), at, q); !errors.Is(err, authz.ErrMoved) {
				t.Errorf("%+v at stamp %q: %+v, %v, want ErrMoved", q, at, got, err)
			}
		}
		if _, err := g.Check(t.Context(), s.stamp, q); err != nil {
			t.Errorf("%+v: %v", q, err)
		}
	}
}

// graphParts: a write leaves alone what it does not have, and what was written is read again as it was.
func graphParts(t *testing.T, g authz.Graph) {
	t.Helper()
	w, rows := newWorld(3, beep.ServerScope(77), false)
	s := newTold(w.scope)
	for _, row := range rows {
		s.tell(t, g, row)
	}
	want := authz.Whole(s.view)
	got, err := g.Get(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	want.Stamp = s.stamp
	if got.Stamp != s.stamp || len(got.Seats) != len(want.Seats) || len(got.Channels) != len(want.Channels) {
		t.Errorf("Get = %+v, want %+v", got, want)
	}
	for _, d := range authz.Differences(want, got) {
		t.Errorf("%s: %s, want %s", d.What, d.Had, d.Want)
	}
	seats, channels := 0, 0
	err = g.Scan(t.Context(), func(part authz.State) error {
		if part.Scope == w.scope {
			seats += len(part.Seats)
			channels += len(part.Channels)
		}
		return nil
	})
	if err != nil || seats != len(w.ref.Members) || channels != len(w.ref.Channels) {
		t.Errorf("Scan saw %d seats and %d channels, %v, want %d and %d", seats, channels, err, len(w.ref.Members), len(w.ref.Channels))
	}
	if unknown, err := g.Get(t.Context(), authz.State{Scope: w.scope, Seats: []authz.Seat{{Member: perm.Member{User: permref.Users + 9}}}}); err != nil ||
		len(unknown.Seats) != 1 || unknown.Seats[0].There {
		t.Errorf("a seat that is not there: %+v, %v", unknown, err)
	}
}

// graphLarge: more than a transaction takes goes in whole, last and first.
func graphLarge(t *testing.T, g authz.Graph) {
	t.Helper()
	scope := beep.ServerScope(99)
	rows := []perm.Row{perm.Role{ID: 99, Rights: perm.ViewChannels}, perm.Server{Owner: 1}}
	const members = 900
	for user := range beep.UserID(members) {
		rows = append(rows, perm.Member{User: user + 1})
	}
	s := newTold(scope)
	s.tell(t, g, rows...)
	for _, user := range []beep.UserID{1, 2, members, members + 1} {
		want := authz.Answer{Visible: user <= members, Allowed: user <= members}
		if got, err := s.check(t.Context(), g, authz.Query{Scope: scope, User: user, Right: perm.ViewChannels}); err != nil || got != want {
			t.Errorf("user %d: %+v, %v, want %+v", user, got, err, want)
		}
	}
}
