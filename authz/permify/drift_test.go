package permify_test

import (
	"context"
	"sync"
	"testing"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/authz"
	"github.com/beep-chat/beep/authz/authztest"
	"github.com/beep-chat/beep/perm"
)

// fate kills a process at its n-th step: a call to the log or to Permify, before it, after it, or, of a write, amid it.
type fate struct {
	mu    sync.Mutex // guards the rest
	steps int
	at    int // 0 is never
	died  bool
}

// step says whether the process dies here; afterwards it is dead for good.
func (f *fate) step() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.steps++
	if f.steps == f.at {
		f.died = true
	}
	if f.died {
		return errDied
	}
	return nil
}

// mortal is a graph of a process that may die.
type mortal struct {
	authz.Graph
	fate *fate
}

func (m mortal) Stamps(ctx context.Context, scopes []beep.Scope) ([]authz.Stamp, error) {
	if err := m.fate.step(); err != nil {
		return nil, err
	}
	return m.Graph.Stamps(ctx, scopes)
}

func (m mortal) Write(ctx context.Context, s authz.State) error {
	if err := m.fate.step(); err != nil {
		return err
	}
	if err := m.fate.step(); err != nil { // the first of several transactions went in
		part := s
		part.Stamp, part.Roles, part.Channels = authz.Stamp{}, nil, nil
		_ = m.Graph.Write(ctx, part)
		return err
	}
	if err := m.Graph.Write(ctx, s); err != nil {
		return err
	}
	return m.fate.step() // it went in and nobody was told
}

// changes are what happens while processes die.
func changes() [][]perm.Row {
	return [][]perm.Row{
		{perm.Role{ID: 71, Position: 1, Rights: perm.ManageMessages}},
		{perm.Member{User: 2, Roles: []beep.RoleID{71}}, perm.Member{User: 3}},
		{perm.Overwrite{Channel: 5, Role: 71, Mask: perm.Mask{Deny: perm.SendMessages}}},
		{perm.Member{User: 2, Roles: []beep.RoleID{71}, Muted: true}},
		{perm.MemberRemoved{User: 3}},
		{perm.Channel{ID: 6, Kind: perm.Category}, perm.Channel{ID: 5, Kind: perm.Text, Parent: 6, Synced: true}},
		{perm.Channel{ID: 8, Kind: perm.Thread, Parent: 5}},
		{perm.RoleRemoved{ID: 71}},
		{perm.ChannelRemoved{ID: 5}},
	}
}

// TestDrift_NoneAfterADeath: a process dies at each step between a commit and the end of the write to Permify, one
// after another; the next one brings Permify to where the log is, without a difference.
func TestDrift_NoneAfterADeath(t *testing.T) {
	t.Parallel()
	at := address(t)
	log := authztest.NewLog()
	view := perm.NewView(club)
	apply := func(rows ...perm.Row) uint64 {
		for _, row := range rows {
			if _, err := view.Apply(perm.Change{Scope: club, Rev: view.Rev() + 1, Row: row}); err != nil {
				t.Fatal(err)
			}
		}
		return log.Add(club, rows...)
	}
	apply(perm.Role{ID: 70, Rights: perm.ViewChannels}, perm.Server{Owner: 1}, perm.Member{User: 1}, perm.Member{User: 2},
		perm.Channel{ID: 5, Kind: perm.Text})
	graph := open(t, at)
	deaths := 0
	for _, rows := range changes() {
		for n := 1; ; n++ {
			f := &fate{at: n}
			rev := apply(rows...)
			rows = nil // a change happens once, and then comes a process that dies at the next step
			log.Fault = func(string) error { return f.step() }
			die(t, mortal{graph, f}, log, rev)
			log.Fault = nil
			if !f.died {
				break
			}
			deaths++
			if n%2 == 0 { // now and then one lives in between
				live(t, graph, log, rev)
				same(t, graph, view)
				rows = []perm.Row{perm.Member{User: 4, Muted: n%4 == 0}}
			}
		}
		live(t, graph, log, view.Rev())
		same(t, graph, view)
		if t.Failed() {
			t.Fatalf("after %d deaths, at %d", deaths, view.Rev())
		}
	}
	if deaths < 40 {
		t.Errorf("only %d deaths: the test says little", deaths)
	}
	t.Logf("%d deaths", deaths)
}

// die runs a process until it has told Permify of a revision, or is dead.
func die(t *testing.T, g mortal, log *authztest.Log, rev uint64) {
	t.Helper()
	e := authztest.Remote(g, log, authz.RemoteOptions{})
	stop := authztest.RunEngine(t, e)
	defer stop()
	for {
		_, _, err := e.Decide(t.Context(), member, rev)
		g.fate.mu.Lock()
		died := g.fate.died
		g.fate.mu.Unlock()
		if err == nil || died || t.Context().Err() != nil {
			return
		}
	}
}

// live runs a process that does not die until Permify is at a revision.
func live(t *testing.T, g authz.Graph, log *authztest.Log, rev uint64) {
	t.Helper()
	e := authztest.Remote(g, log, authz.RemoteOptions{})
	stop := authztest.RunEngine(t, e)
	defer stop()
	if _, _, err := authztest.Ask(t.Context(), e, member, rev); err != nil {
		t.Fatal(err)
	}
}

// same fails the test where Permify has it otherwise than perm.
func same(t *testing.T, g authz.Graph, view *perm.View) {
	t.Helper()
	want := authz.Whole(view)
	got, err := g.Get(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	if got.Stamp.Rev != view.Rev() {
		t.Errorf("Permify is at %d, the log at %d", got.Stamp.Rev, view.Rev())
	}
	for _, d := range authz.Differences(want, got) {
		t.Errorf("%s was %s, want %s", d.What, d.Had, d.Want)
	}
	err = g.Scan(t.Context(), func(s authz.State) error {
		for _, d := range authz.Surplus(view, s) {
			t.Errorf("%s should not be there", d)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestReconcile_RepairsWhatAnOperatorChanged, and says so, once.
func TestReconcile_RepairsWhatAnOperatorChanged(t *testing.T) {
	t.Parallel()
	at, log := address(t), authztest.NewLog()
	g := open(t, at)
	e := authztest.Remote(g, log, authz.RemoteOptions{})
	authztest.RunEngine(t, e)
	rev := found(log)
	expect(t, e, member, rev, sends)
	o := newOperator(t, at)
	o.set(t, "seat:70.2", "muted", yes(true))
	o.set(t, "seat:70.9", "member", yes(true))
	o.set(t, "channel:70.6", "place", text("text 0 false"))
	o.set(t, "channel:70.5", "allow", words("r70:manage_messages"))
	o.set(t, "role:70.70", "rights", words("administrator"))
	o.set(t, "role:70.75", "rights", words("administrator"))
	o.set(t, "server:70", "owner", text("9"))
	for _, want := range []int{7, 0} {
		found := map[string]bool{}
		if err := e.Reconcile(t.Context(), func(d authz.Drift) { found[d.What] = true }); err != nil {
			t.Fatal(err)
		}
		if len(found) != want {
			t.Errorf("%d differences, want %d: %v", len(found), want, found)
		}
	}
	expect(t, e, member, rev, sends)
	expect(t, e, authz.Query{Scope: club, User: 9}, rev, authz.Answer{})
}
