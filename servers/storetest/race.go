package storetest

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/servers"
)

// together runs n calls at once and answers their errors.
func together(n int, call func(i int) error) []error {
	var wg sync.WaitGroup
	start, errs := make(chan struct{}), make([]error, n)
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = call(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

// count is how many of errs are that error; every other must be nil.
func count(t *testing.T, errs []error, want error) (n int) {
	t.Helper()
	for _, err := range errs {
		switch {
		case errors.Is(err, want):
			n++
		case err != nil:
			t.Errorf("a concurrent call: %v, want %v or none", err, want)
		}
	}
	return n
}

// errNone is for count where no error at all is expected.
var errNone = errors.New("none")

// testConcurrentChanges: revisions have no holes and no doubles, whoever writes, and the rows are all there.
func testConcurrentChanges(t *testing.T, w *world) {
	const n = 40
	joined := w.sorted(n)
	errs := together(n, func(i int) error {
		return w.Commit(w.ctx, w.of(
			servers.ChannelSet{Channel: w.channel(mint[beep.ChannelID](w), uint32(i)), New: true},
			join(w.server.ID, joined[i]),
		))
	})
	count(t, errs, errNone)
	rows := w.rows(t, w.scope) // which checks that they are contiguous
	equal(t, "rows", len(rows), 4+2*n)
	for i := 4; i < len(rows); i += 2 {
		first, second := rows[i].Change.RowKind(), rows[i+1].Change.RowKind()
		if first != "channel_set" || second != "member_set" {
			t.Errorf("rows %d and %d are %s and %s: the rows of one Commit are not together", i, i+1, first, second)
		}
	}
	equal(t, "members", users(value(w.Members(w.ctx, w.server.ID, w.owner, 2*n))(t)), joined)
	equal(t, "member count", value(w.Server(w.ctx, w.server.ID))(t).MemberCount, n+1)
	equal(t, "channels", len(value(w.Channels(w.ctx, w.server.ID))(t)), n+1)
}

// testConcurrentExpect: of those who expect the same revision and change the scope as a whole, one commits. Those who
// only join, by the same revision, all do.
func testConcurrentExpect(t *testing.T, w *world) {
	for round := range uint32(5) {
		rev := w.rev(t, w.scope)
		errs := together(8, func(int) error {
			c := w.of(servers.ChannelSet{Channel: w.channel(mint[beep.ChannelID](w), round), New: true})
			c.Expect = rev
			return w.Commit(w.ctx, c)
		})
		equal(t, "refused", count(t, errs, beep.ErrConflict), 7)
		equal(t, "revision", w.rev(t, w.scope), rev+1)
	}
	rev := w.rev(t, w.scope)
	errs := together(8, func(int) error {
		user := mint[beep.UserID](w)
		return w.Commit(w.ctx, servers.Commit{
			Scope: w.scope, Expect: rev, Actor: user, Changes: []servers.Change{join(w.server.ID, user)},
		})
	})
	count(t, errs, errNone)
}

// testServerLimit: one user makes and joins servers 60 times at once and ends up in 50.
func testServerLimit(t *testing.T, w *world) {
	const limit, tries = 50, 60
	user := mint[beep.UserID](w)
	targets := make([]servers.Server, tries/2)
	for i := range targets {
		targets[i] = w.newServer(t, w.owner)
	}
	errs := together(tries, func(i int) error {
		if i < len(targets) {
			s := targets[i]
			return w.Commit(w.ctx, servers.Commit{
				Scope: beep.ServerScope(s.ID), MaxServers: limit, Changes: []servers.Change{join(s.ID, user)},
			})
		}
		s := servers.Server{ID: mint[beep.ServerID](w), Name: "mine", Owner: user, CreatedAt: now()}
		return w.Commit(w.ctx, servers.Commit{Scope: beep.ServerScope(s.ID), MaxServers: limit, Changes: []servers.Change{
			servers.ServerSet{Server: s, New: true}, join(s.ID, user),
		}})
	})
	equal(t, "refused", count(t, errs, servers.ErrServerLimit), tries-limit)
	equal(t, "servers", len(value(w.ServersOf(w.ctx, user))(t)), limit)
	equal(t, "the personal log", len(w.rows(t, beep.UserScope(user))), limit)
	for i, s := range targets {
		want := 2
		if errs[i] != nil {
			want = 1
		}
		equal(t, "members of a target", value(w.Server(w.ctx, s.ID))(t).MemberCount, want)
	}
}

// testJoinsAndLeaves: users go in and out of two servers at once, so that the same rows are locked in many
// transactions. None may wait for another for ever, and in the end the state is what the log says.
func testJoinsAndLeaves(t *testing.T, w *world) {
	targets := []servers.Server{w.server, w.newServer(t, w.owner)}
	people := w.sorted(6)
	errs := together(4*len(people), func(i int) error {
		user, s := people[i%len(people)], targets[i/len(people)%2]
		change := servers.Change(join(s.ID, user))
		if i >= 2*len(people) {
			change = servers.MemberRemoved{User: user}
		}
		for range 4 {
			err := w.Commit(w.ctx, servers.Commit{
				Scope: beep.ServerScope(s.ID), Actor: user, Changes: []servers.Change{change},
			})
			if err != nil && !errors.Is(err, beep.ErrConflict) {
				return err
			}
		}
		return nil
	})
	count(t, errs, errNone)
	for _, user := range people {
		logged := map[beep.Scope]bool{}
		for _, change := range w.changes(t, beep.UserScope(user)) {
			switch c := change.(type) {
			case servers.ScopeJoined:
				logged[c.Scope] = true
			case servers.ScopeLeft:
				delete(logged, c.Scope)
			}
		}
		listed := map[beep.Scope]bool{}
		for _, s := range value(w.ServersOf(w.ctx, user))(t) {
			listed[beep.ServerScope(s.ID)] = true
		}
		equal(t, "servers listed, and by the personal log", listed, logged)
		for _, s := range targets {
			page := value(w.Members(w.ctx, s.ID, user-1, 1))(t)
			equal(t, "member", len(page) == 1 && page[0].User == user, logged[beep.ServerScope(s.ID)])
		}
	}
}

// testMaxUses: an invitation for 7 lets 7 of 100 in, and nobody is half in.
func testMaxUses(t *testing.T, w *world) {
	const most, tries = 7, 100
	c := w.of()
	c.Records = []servers.Record{servers.InvitationCreated{Invitation: servers.Invitation{
		Code: "code", Server: w.server.ID, MaxUses: most, CreatedAt: now(),
	}}}
	w.must(t, c)
	errs := together(tries, func(int) error {
		c := w.of(join(w.server.ID, mint[beep.UserID](w)))
		c.Records = []servers.Record{servers.InvitationUsed{Code: "code"}}
		return w.Commit(w.ctx, c)
	})
	equal(t, "refused", count(t, errs, beep.ErrNotFound), tries-most)
	equal(t, "uses", value(w.Invitation(w.ctx, "code"))(t).Uses, most)
	equal(t, "members", len(value(w.Members(w.ctx, w.server.ID, w.owner, 2*tries))(t)), most)
	equal(t, "rows", len(w.rows(t, w.scope)), 4+most)
}

// testConcurrentReaders: while Commits of three rows each go on, no reader sees a hole, a row above the head, or a
// head amid a Commit.
func testConcurrentReaders(t *testing.T, w *world) {
	var done atomic.Bool
	start := w.rev(t, w.scope)
	errs := together(4, func(i int) error {
		if i == 0 {
			defer done.Store(true)
			return w.churn(30)
		}
		for at := start; !done.Load(); {
			rows, head, err := w.Log(w.ctx, w.scope, at, 2)
			if err != nil {
				return err
			}
			if (head-start)%3 != 0 {
				return errors.New("the head is amid the rows of a Commit")
			}
			for _, row := range rows {
				if at++; row.Rev != at || row.Rev > head {
					return errors.New("a hole, or a row above the head")
				}
			}
		}
		return nil
	})
	count(t, errs, errNone)
	equal(t, "revision", w.rev(t, w.scope), start+90)
}

// churn makes n Commits of three rows.
func (w *world) churn(n int) error {
	for range n {
		a, b := mint[beep.ChannelID](w), mint[beep.ChannelID](w)
		err := w.Commit(w.ctx, w.of(servers.ChannelSet{Channel: w.channel(a, 1), New: true},
			servers.ChannelSet{Channel: w.channel(b, 2), New: true}, servers.ChannelRemoved{ID: a}))
		if err != nil {
			return err
		}
	}
	return nil
}
