// Package authztest is the contract of package authz's engines and of the graphs behind one of them, as tests that all
// of them pass: Run and RunGraph. Log is the scope log that they are played on.
package authztest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/authz"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/scopelog"
)

// patience is how long an engine may say that it has no decision yet, on a machine with much else to do.
const patience = 30 * time.Second

// Run holds an engine against its contract. fresh makes one over a log; worlds is how many random servers it is asked
// about.
func Run(t *testing.T, worlds int, fresh func(t *testing.T, log *Log) authz.Engine) {
	t.Helper()
	for _, group := range []struct {
		name string
		run  func(t *testing.T, e *site)
	}{
		{"worlds", func(t *testing.T, e *site) { t.Helper(); engineWorlds(t, e, worlds) }},
		{"revisions", engineRevisions},
		{"revocations", engineRevocations},
		{"ends", engineEnds},
	} {
		t.Run(group.name, func(t *testing.T) {
			t.Parallel()
			group.run(t, Start(t, fresh))
		})
	}
}

// site is an engine that runs, and its log.
type site struct {
	*Log
	engine authz.Engine
}

// Start makes an engine over an empty log and runs it until the test ends.
func Start(t *testing.T, fresh func(t *testing.T, log *Log) authz.Engine) *site { //nolint:revive // only tests of this folder hold one
	t.Helper()
	log := NewLog()
	s := &site{Log: log, engine: fresh(t, log)}
	RunEngine(t, s.engine)
	return s
}

// Remote is an engine over a graph and a log that nobody else reads through the same client.
func Remote(g authz.Graph, log *Log, o authz.RemoteOptions) *authz.Remote {
	return authz.NewRemote(g, log, scopelog.New(log), o)
}

// Embedded is the other engine.
func Embedded(log *Log) *authz.Embedded { return authz.NewEmbedded(scopelog.New(log)) }

// RunEngine runs an engine until the test ends, or until stop is called.
func RunEngine(t *testing.T, e authz.Engine) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() {
		if err := e.Run(ctx); err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	stop = func() { cancel(); running.Wait() }
	t.Cleanup(stop)
	return stop
}

// Ask asks until there is a decision.
func Ask(ctx context.Context, e authz.Engine, q authz.Query, rev uint64) (a authz.Answer, at uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		a, at, err = e.Decide(ctx, q, rev)
		if beep.CodeOf(err) != beep.CodeUnavailable || ctx.Err() != nil {
			return a, at, err
		}
	}
}

// expect fails the test unless the engine answers so, as the scope is at rev or later.
func (s *site) expect(t *testing.T, q authz.Query, rev uint64, want authz.Answer) {
	t.Helper()
	got, at, err := Ask(t.Context(), s.engine, q, rev)
	if err != nil || got != want || at < rev {
		t.Errorf("%+v (%s) at %d: got %+v at %d, %v, want %+v", q, q.Right, rev, got, at, err, want)
	}
}

// engineWorlds asks about random servers, and again after each of some changes.
func engineWorlds(t *testing.T, s *site, worlds int) {
	t.Helper()
	for seed := range uint64(worlds) {
		w, rows := newWorld(1<<32+seed, beep.ServerScope(beep.ServerID(10_000+seed)), true)
		rev := s.Add(w.scope, rows...)
		for range 2 {
			w.ask(t, 3, func(q authz.Query) (authz.Answer, error) {
				got, at, err := Ask(t.Context(), s.engine, q, rev)
				if err == nil && at != rev {
					err = fmt.Errorf("at %d, not at %d", at, rev)
				}
				return got, err
			})
			rev = s.Add(w.scope, w.step())
		}
	}
}

// small is a server with an owner, 1, and a member, 2.
func (s *site) small(scope beep.Scope) (rev uint64) {
	return s.Add(scope, perm.Role{ID: beep.RoleID(scope.ID), Rights: perm.ViewChannels | perm.SendMessages}, perm.Server{Owner: 1},
		perm.Member{User: 1}, perm.Member{User: 2}, perm.Channel{ID: 5, Kind: perm.Text})
}

// engineRevisions: of a scope that never was nobody holds anything, and before its log is there no answer is given.
func engineRevisions(t *testing.T, s *site) {
	t.Helper()
	scope := beep.ServerScope(50)
	if a, at, err := s.engine.Decide(t.Context(), authz.Query{Scope: scope, User: 1}, 0); err != nil || at != 0 || a != (authz.Answer{}) {
		t.Errorf("at revision 0: %+v at %d, %v", a, at, err)
	}
	rev := s.small(scope)
	q := authz.Query{Scope: scope, User: 2, Channel: 5, Right: perm.SendMessages}
	s.expect(t, q, rev, authz.Answer{Visible: true, Allowed: true})
	s.expect(t, q, 1, authz.Answer{Visible: true, Allowed: true})
	if a, _, err := s.engine.Decide(t.Context(), q, rev+1); beep.CodeOf(err) != beep.CodeUnavailable || a != (authz.Answer{}) {
		t.Errorf("at a revision ahead: %+v, %v", a, err)
	}
}

// engineRevocations: whoever loses something has lost it at the revision that says so, however often it was asked before,
// and gets it back the same way.
func engineRevocations(t *testing.T, s *site) {
	t.Helper()
	scope := beep.ServerScope(51)
	s.small(scope)
	yes, blind := authz.Answer{Visible: true, Allowed: true}, authz.Answer{}
	q := authz.Query{Scope: scope, User: 2, Channel: 5, Right: perm.SendMessages}
	for _, change := range []struct {
		row  perm.Row
		want authz.Answer
	}{
		{perm.Member{User: 2, Muted: true}, authz.Answer{Visible: true}},
		{perm.Member{User: 2}, yes},
		{perm.Overwrite{Channel: 5, Member: 2, Mask: perm.Mask{Deny: perm.ViewChannels}}, blind},
		{perm.Member{User: 3}, blind},
		{perm.OverwriteRemoved{Channel: 5, Member: 2}, yes},
		{perm.Overwrite{Channel: 5, Role: 51, Mask: perm.Mask{Deny: perm.SendMessages}}, authz.Answer{Visible: true}},
		{perm.Role{ID: 60, Position: 1, Rights: perm.Administrator}, authz.Answer{Visible: true}},
		{perm.Member{User: 2, Roles: []beep.RoleID{60}}, yes},
		{perm.Role{ID: 60, Position: 1}, authz.Answer{Visible: true}},
		{perm.Role{ID: 60, Position: 1, Rights: perm.Administrator}, yes},
		{perm.RoleRemoved{ID: 60}, authz.Answer{Visible: true}},
		{perm.OverwriteRemoved{Channel: 5, Role: 51}, yes},
		{perm.MemberRemoved{User: 2}, blind},
		{perm.Member{User: 2}, yes},
		{perm.Channel{ID: 5, Kind: perm.Text, Parent: 6, Synced: true}, blind},
		{perm.Channel{ID: 6, Kind: perm.Category}, yes},
		{perm.Overwrite{Channel: 6, Role: 51, Mask: perm.Mask{Deny: perm.ViewChannels}}, blind},
		{perm.Server{Owner: 2}, yes},
		{perm.Server{Owner: 1}, blind},
		{perm.Channel{ID: 5, Kind: perm.Text}, yes},
		{perm.ChannelRemoved{ID: 5}, blind},
	} {
		rev := s.Add(scope, change.row)
		for range 2 {
			s.expect(t, q, rev, change.want)
		}
		if t.Failed() {
			t.Fatalf("after %T %+v", change.row, change.row)
		}
	}
}

// engineEnds: with its server everything ends, and a channel takes its threads along.
func engineEnds(t *testing.T, s *site) {
	t.Helper()
	scope := beep.ServerScope(52)
	s.small(scope)
	rev := s.Add(scope, perm.Channel{ID: 9, Kind: perm.Thread, Parent: 5})
	thread := authz.Query{Scope: scope, User: 2, Channel: 9, Right: perm.SendMessages}
	s.expect(t, thread, rev, authz.Answer{Visible: true, Allowed: true})
	rev = s.Add(scope, perm.ChannelRemoved{ID: 5})
	s.expect(t, thread, rev, authz.Answer{})
	rev = s.Add(scope, perm.Channel{ID: 5, Kind: perm.Text}) // which no server does: the thread stays away
	s.expect(t, thread, rev, authz.Answer{})
	s.expect(t, authz.Query{Scope: scope, User: 1, Right: perm.ManageServer}, rev, authz.Answer{Visible: true, Allowed: true})
	rev = s.Add(scope, perm.ServerRemoved{})
	for user := range beep.UserID(4) {
		for _, channel := range []beep.ChannelID{0, 5, 9} {
			s.expect(t, authz.Query{Scope: scope, User: user, Channel: channel}, rev, authz.Answer{})
		}
	}
	if _, _, err := Ask(t.Context(), s.engine, thread, rev); errors.Is(err, authz.ErrMoved) {
		t.Error(err)
	}
}
