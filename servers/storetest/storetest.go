// Package storetest is the contract of servers.Store as a test: every driver passes Run, whole. A difference between
// drivers is a bug in one of them or a change of the contract for all.
package storetest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/servers"
)

// Run tests a driver. fresh makes an empty store, gone when its test ends.
func Run(t *testing.T, fresh func(t *testing.T) servers.Store) {
	t.Helper()
	for _, group := range []struct {
		name string
		test func(t *testing.T, w *world)
	}{
		{"servers", testServers},
		{"members", testMembers},
		{"roles", testRoles},
		{"mutes", testMutes},
		{"bans", testBans},
		{"purges", testPurges},
		{"audit log", testAudit},
		{"the end of a server", testServerRemoved},
		{"discovery", testDiscovery},
		{"channels", testChannels},
		{"overwrites", testOverwrites},
		{"invitations", testInvitations},
		{"webhooks", testWebhooks},
		{"the signing key", testSigningKey},
		{"threads", testThreads},
		{"members of threads", testThreadMembers},
		{"direct messages", testDirects},
		{"closed direct messages", testClosed},
		{"companions", testCompanions},
		{"refusals of direct messages", testDirectRefusals},
		{"log", testLog},
		{"log pages", testLogPages},
		{"revisions", testRevs},
		{"scopes", testScopes},
		{"missing", testMissing},
		{"refusals", testRefusals},
		{"expectations", testExpect},
		{"order of checks", testOrderOfChecks},
		{"cancelled", testCancelled},
		{"concurrent changes", testConcurrentChanges},
		{"concurrent expectations", testConcurrentExpect},
		{"concurrent joins of a user", testServerLimit},
		{"concurrent joins and leaves", testJoinsAndLeaves},
		{"concurrent uses of an invitation", testMaxUses},
		{"concurrent webhooks", testWebhookLimit},
		{"concurrent joins and bans", testBanRace},
		{"concurrent pairs", testPairRace},
		{"concurrent groups", testGroupRace},
		{"concurrent threads", testThreadRace},
		{"concurrent readers", testConcurrentReaders},
	} {
		t.Run(group.name, func(t *testing.T) {
			// One after another: eighteen pools at once are more connections than a PostgreSQL lets in.
			group.test(t, newWorld(t, fresh(t)))
		})
	}
}

// now is a stored instant like any other: a store has no clock, so the suite needs none.
func now() time.Time { return time.Date(2031, 5, 17, 8, 9, 10, 123e6, time.UTC) }

// world is a store with a server in it.
type world struct {
	servers.Store
	ctx     context.Context //nolint:containedctx // of the one test that made it
	ids     *beep.Minter
	server  servers.Server
	scope   beep.Scope
	owner   beep.UserID
	general beep.ChannelID
}

func newWorld(t *testing.T, store servers.Store) *world {
	t.Helper()
	w := &world{Store: store, ctx: t.Context(), ids: beep.NewMinter()}
	w.owner = mint[beep.UserID](w)
	w.server = w.newServer(t, w.owner)
	w.scope = beep.ServerScope(w.server.ID)
	w.general = mint[beep.ChannelID](w)
	w.commit(t, servers.ChannelSet{Channel: w.channel(w.general, 0), New: true})
	return w
}

func mint[ID ~uint64](w *world) ID { return ID(w.ids.Next()) }

// newServer makes a server with its @everyone role and its owner: three rows, and one in the owner's own scope.
func (w *world) newServer(t *testing.T, owner beep.UserID) servers.Server {
	t.Helper()
	s := servers.Server{ID: mint[beep.ServerID](w), Name: "Café ☕", Description: "日本語", Owner: owner, CreatedAt: now()}
	w.must(t, servers.Commit{Scope: beep.ServerScope(s.ID), Actor: owner, At: now(), Changes: []servers.Change{
		servers.ServerSet{Server: s, New: true},
		servers.RoleSet{Role: servers.Role{
			ID: beep.RoleID(s.ID), Server: s.ID, Name: "everyone", Rights: perm.DefaultEveryone,
		}, New: true},
		join(s.ID, owner),
	}})
	s.MemberCount = 1
	return s
}

func join(server beep.ServerID, user beep.UserID) servers.MemberSet {
	return servers.MemberSet{Member: servers.Member{Server: server, User: user, JoinedAt: now()}, New: true}
}

func (w *world) channel(id beep.ChannelID, position uint32) servers.Channel {
	return servers.Channel{ID: id, Server: w.server.ID, Kind: servers.Text, Name: "général", Topic: "a\nb", Position: position}
}

// of is a commit to the world's server.
func (w *world) of(changes ...servers.Change) servers.Commit {
	return servers.Commit{Scope: w.scope, Actor: w.owner, At: now(), Changes: changes}
}

// commit makes changes that must succeed.
func (w *world) commit(t *testing.T, changes ...servers.Change) {
	t.Helper()
	w.must(t, w.of(changes...))
}

func (w *world) must(t *testing.T, c servers.Commit) {
	t.Helper()
	if err := w.Commit(w.ctx, c); err != nil {
		t.Fatalf("Commit(%+v): %v", c, err)
	}
}

// rev is the revision that a scope is at.
func (w *world) rev(t *testing.T, scope beep.Scope) uint64 {
	t.Helper()
	return value(w.Revs(w.ctx, []beep.Scope{scope}))(t)[0]
}

// rows is the whole log of a scope, whose revisions must be 1, 2, 3… up to the head.
func (w *world) rows(t *testing.T, scope beep.Scope) []servers.Row {
	t.Helper()
	rows, head, err := w.Log(w.ctx, scope, 0, 10_000)
	if err != nil {
		t.Fatalf("Log(%s): %v", scope, err)
	}
	for i, row := range rows {
		if row.Rev != uint64(i)+1 {
			t.Fatalf("row %d of the log of %s is at revision %d", i, scope, row.Rev)
		}
	}
	if head != uint64(len(rows)) || head != w.rev(t, scope) {
		t.Fatalf("%s has %d rows, head %d, revision %d: want all the same", scope, len(rows), head, w.rev(t, scope))
	}
	return rows
}

// changes is what the rows say, without their places.
func (w *world) changes(t *testing.T, scope beep.Scope) []servers.Change {
	t.Helper()
	var list []servers.Change
	for _, row := range w.rows(t, scope) {
		list = append(list, row.Change)
	}
	return list
}

// state is everything that can be read about the world's server and some users; comparing two tells whether anything
// happened in between.
type state struct {
	Server      servers.Server
	Channels    []servers.Channel
	Overwrites  map[beep.ChannelID][]servers.Overwrite
	Members     []servers.Member
	Roles       []servers.Role
	Bans        []servers.Ban
	Audit       []servers.AuditEntry
	Invitations []servers.Invitation
	Logs        map[beep.Scope][]servers.Row
	Servers     map[beep.UserID][]servers.Server
}

func (w *world) state(t *testing.T, users ...beep.UserID) state {
	t.Helper()
	s := state{
		Server:      value(w.Server(w.ctx, w.server.ID))(t),
		Channels:    value(w.Channels(w.ctx, w.server.ID))(t),
		Overwrites:  map[beep.ChannelID][]servers.Overwrite{},
		Members:     value(w.Members(w.ctx, w.server.ID, 0, 10_000))(t),
		Roles:       value(w.Roles(w.ctx, w.server.ID))(t),
		Bans:        value(w.Bans(w.ctx, w.server.ID, 0, 10_000))(t),
		Audit:       value(w.AuditEntries(w.ctx, servers.AuditQuery{Server: w.server.ID, Limit: 10_000}))(t),
		Invitations: value(w.Invitations(w.ctx, w.server.ID, now(), 10_000))(t),
		Logs:        map[beep.Scope][]servers.Row{w.scope: w.rows(t, w.scope)},
		Servers:     map[beep.UserID][]servers.Server{},
	}
	for _, c := range s.Channels {
		s.Overwrites[c.ID] = value(w.Overwrites(w.ctx, c.ID))(t)
	}
	for _, u := range users {
		s.Servers[u] = value(w.ServersOf(w.ctx, u))(t)
		s.Logs[beep.UserScope(u)] = w.rows(t, beep.UserScope(u))
	}
	return s
}

// value is the answer of a call that must succeed.
func value[V any](v V, err error) func(t *testing.T) V {
	return func(t *testing.T) V {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func equal[V any](t *testing.T, what string, got, want V) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func refused(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func ids(list []servers.Server) (ids []beep.ServerID) {
	for _, s := range list {
		ids = append(ids, s.ID)
	}
	return ids
}

func users(list []servers.Member) (users []beep.UserID) {
	for _, m := range list {
		users = append(users, m.User)
	}
	return users
}

// sorted is n new user ids in order.
func (w *world) sorted(n int) []beep.UserID {
	list := make([]beep.UserID, n)
	for i := range list {
		list[i] = mint[beep.UserID](w)
	}
	slices.Sort(list)
	return list
}
