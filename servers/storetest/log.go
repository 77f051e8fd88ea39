package storetest

import (
	"context"
	"slices"
	"testing"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/servers"
)

// testLog holds every kind of row against what was committed. What is New in a Commit is not in its row.
func testLog(t *testing.T, w *world) {
	before := w.rows(t, w.scope)
	equal(t, "the first rows", before, []servers.Row{
		{Rev: 1, Actor: w.owner, Change: servers.ServerSet{Server: servers.Server{
			ID: w.server.ID, Name: w.server.Name, Description: w.server.Description, Owner: w.owner, CreatedAt: now(),
		}}},
		{Rev: 2, Actor: w.owner, Change: servers.RoleSet{Role: servers.Role{
			ID: beep.RoleID(w.server.ID), Server: w.server.ID, Name: "everyone", Rights: perm.DefaultEveryone,
		}}},
		{Rev: 3, Actor: w.owner, Change: servers.MemberSet{Member: join(w.server.ID, w.owner).Member}},
		{Rev: 4, Actor: w.owner, Change: servers.ChannelSet{Channel: w.channel(w.general, 0)}},
	})

	user := mint[beep.UserID](w)
	role := servers.Role{ID: mint[beep.RoleID](w), Server: w.server.ID, Name: "mod \" ' \\", Position: 1, Rights: perm.All}
	member := servers.Member{Server: w.server.ID, User: user, JoinedAt: now(), Roles: []beep.RoleID{role.ID}}
	overwrite := servers.Overwrite{ID: beep.MaxID, Channel: w.general, Role: role.ID, Allow: perm.Connect, Deny: perm.Speak}
	removals := []servers.Change{
		servers.OverwriteRemoved{Overwrite: overwrite}, servers.MemberRemoved{User: user}, servers.ChannelRemoved{ID: w.general},
	}
	w.commit(t, append([]servers.Change{
		servers.RoleSet{Role: role, New: true},
		servers.MemberSet{Member: member, New: true},
		servers.OverwriteSet{Overwrite: overwrite, New: true},
	}, removals...)...)
	want := append([]servers.Change{
		servers.RoleSet{Role: role}, servers.MemberSet{Member: member}, servers.OverwriteSet{Overwrite: overwrite},
	}, removals...)
	after := w.rows(t, w.scope)
	equal(t, "the rows before", after[:len(before)], before)
	for i, row := range after[len(before):] {
		equal(t, "a row", row, servers.Row{Rev: uint64(len(before)+i) + 1, Actor: w.owner, Change: want[i]})
	}

	equal(t, "the personal log", w.rows(t, beep.UserScope(user)), []servers.Row{
		{Rev: 1, Actor: w.owner, Change: servers.ScopeJoined{Scope: w.scope}},
		{Rev: 2, Actor: w.owner, Change: servers.ScopeLeft{Scope: w.scope}},
	})
	w.must(t, servers.Commit{Scope: w.scope, Changes: []servers.Change{join(w.server.ID, user)}})
	last := w.rows(t, w.scope)
	equal(t, "the actor of a row of the system", last[len(last)-1].Actor, 0)
}

// testLogPages reads one log in every page size and from every place.
func testLogPages(t *testing.T, w *world) {
	for range 6 {
		w.commit(t, join(w.server.ID, mint[beep.UserID](w)))
	}
	all := w.rows(t, w.scope)
	for limit := 1; limit <= len(all)+1; limit++ {
		for after := range len(all) + 3 {
			rows, head, err := w.Log(w.ctx, w.scope, uint64(after), limit)
			if err != nil {
				t.Fatal(err)
			}
			from := min(after, len(all))
			want := all[from:min(from+limit, len(all))]
			if len(want) == 0 {
				want = nil
			}
			equal(t, "a page", rows, want)
			equal(t, "its head", head, uint64(len(all)))
		}
	}
	rows, _, err := w.Log(w.ctx, w.scope, 1<<63, 10)
	equal(t, "far beyond", len(rows), 0)
	refused(t, "far beyond", err, nil)
}

func testRevs(t *testing.T, w *world) {
	// More than any chunk, in an order that no key has, with unknown ones and some asked twice.
	var scopes []beep.Scope
	var want []uint64
	for i := range 1300 {
		scopes, want = append(scopes, beep.UserScope(mint[beep.UserID](w))), append(want, 0)
		if i%400 == 7 {
			scopes, want = append(scopes, w.scope, beep.UserScope(w.owner)), append(want, 4, 1)
		}
	}
	equal(t, "Revs", value(w.Revs(w.ctx, scopes))(t), want)
	equal(t, "Revs of none", len(value(w.Revs(w.ctx, nil))(t)), 0)
	// The same number in another kind is another scope.
	equal(t, "another kind", w.rev(t, beep.DirectScope(beep.ChannelID(w.scope.ID))), 0)
	equal(t, "another kind", w.rev(t, beep.UserScope(beep.UserID(w.scope.ID))), 0)
}

// testScopes: every scope that changed is listed once, in the order of kind and id, however short the pages.
func testScopes(t *testing.T, w *world) {
	for range 3 {
		w.newServer(t, mint[beep.UserID](w))
	}
	all := value(w.Scopes(w.ctx, beep.Scope{}, 1000))(t)
	for i, scope := range all {
		if i > 0 && (scope.Kind < all[i-1].Kind || (scope.Kind == all[i-1].Kind && scope.ID <= all[i-1].ID)) {
			t.Errorf("%s after %s", scope, all[i-1])
		}
		if w.rev(t, scope) == 0 {
			t.Errorf("%s never changed", scope)
		}
	}
	for _, scope := range []beep.Scope{w.scope, beep.UserScope(w.owner)} {
		equal(t, "lists "+scope.String(), slices.Contains(all, scope), true)
	}
	var paged []beep.Scope
	for after := (beep.Scope{}); ; after = paged[len(paged)-1] {
		page := value(w.Scopes(w.ctx, after, 2))(t)
		if paged = append(paged, page...); len(page) < 2 {
			break
		}
	}
	equal(t, "page by page", paged, all)
}

// testRefusals: a Commit that fails leaves nothing behind, though everything else in it would have passed.
func testRefusals(t *testing.T, w *world) {
	user, stranger := mint[beep.UserID](w), mint[beep.UserID](w)
	w.commit(t, join(w.server.ID, user))
	there := servers.Overwrite{ID: w.ids.Next(), Channel: w.general, Member: user, Deny: perm.SendMessages}
	w.commit(t, servers.OverwriteSet{Overwrite: there, New: true})
	usedUp := servers.Invitation{Code: "x", Server: w.server.ID, MaxUses: 1, Uses: 1, CreatedAt: now()}
	c := w.of()
	c.Records = []servers.Record{servers.InvitationCreated{Invitation: usedUp}}
	w.must(t, c)
	w.newServer(t, stranger)
	banned := mint[beep.UserID](w)
	c = w.of()
	c.Records = []servers.Record{servers.BanSet{Ban: servers.Ban{ID: w.ids.Next(), Server: w.server.ID, User: banned}}}
	w.must(t, c)
	rev := w.rev(t, w.scope)

	sameTarget, unknown := there, there
	sameTarget.ID, unknown.ID = w.ids.Next(), w.ids.Next()
	everyone := servers.Role{ID: beep.RoleID(w.server.ID), Server: w.server.ID}
	noRole := servers.Role{ID: 1, Server: w.server.ID, Position: 1}
	change := func(c servers.Change) servers.Commit { return servers.Commit{Changes: []servers.Change{c}} }

	before := w.state(t, user, stranger, w.owner)
	for name, tt := range map[string]struct {
		commit servers.Commit
		want   error
	}{
		"a revision behind":           {servers.Commit{Expect: rev - 1}, beep.ErrConflict},
		"a revision ahead":            {servers.Commit{Expect: rev + 1}, beep.ErrConflict},
		"a server that is there":      {change(servers.ServerSet{Server: w.server, New: true}), beep.ErrConflict},
		"a server that is not":        {change(servers.ServerSet{Server: servers.Server{ID: 1}}), beep.ErrConflict},
		"a role that is there":        {change(servers.RoleSet{Role: everyone, New: true}), beep.ErrConflict},
		"a role that is not":          {change(servers.RoleSet{Role: noRole}), beep.ErrConflict},
		"a member who is there":       {change(join(w.server.ID, user)), beep.ErrConflict},
		"a member who is not":         {change(servers.MemberSet{Member: join(w.server.ID, 1).Member}), beep.ErrConflict},
		"a member of no server":       {change(join(1, user)), beep.ErrConflict},
		"the removal of a stranger":   {change(servers.MemberRemoved{User: 1}), beep.ErrConflict},
		"a channel that is there":     {change(servers.ChannelSet{Channel: w.channel(w.general, 1), New: true}), beep.ErrConflict},
		"a channel that is not":       {change(servers.ChannelSet{Channel: w.channel(1, 1)}), beep.ErrConflict},
		"the removal of no channel":   {change(servers.ChannelRemoved{ID: 1}), beep.ErrConflict},
		"another for the same target": {change(servers.OverwriteSet{Overwrite: sameTarget, New: true}), beep.ErrConflict},
		"an overwrite that is not":    {change(servers.OverwriteSet{Overwrite: unknown}), beep.ErrConflict},
		"the removal of no overwrite": {change(servers.OverwriteRemoved{Overwrite: unknown}), beep.ErrConflict},
		"a code that is there":        {servers.Commit{Records: []servers.Record{servers.InvitationCreated{Invitation: usedUp}}}, beep.ErrConflict},
		"an invitation used up":       {servers.Commit{Records: []servers.Record{servers.InvitationUsed{Code: "x"}}}, beep.ErrNotFound},
		"an unknown invitation":       {servers.Commit{Records: []servers.Record{servers.InvitationUsed{Code: "y"}}}, beep.ErrNotFound},
		"the removal of no role":      {change(servers.RoleRemoved{ID: 1}), beep.ErrConflict},
		"the removal of no ban":       {servers.Commit{Records: []servers.Record{servers.BanRemoved{Server: w.server.ID, User: 1}}}, beep.ErrNotFound},
		"a ban of a member":           {servers.Commit{Records: []servers.Record{servers.BanSet{Ban: servers.Ban{ID: 1, Server: w.server.ID, User: user}}}}, beep.ErrConflict},
		"a member who is banned":      {change(join(w.server.ID, banned)), servers.ErrBanned},
		"one server too many":         {servers.Commit{MaxServers: 1}, servers.ErrServerLimit},
	} {
		t.Run(name, func(t *testing.T) {
			// Good changes stand before the bad one, in the server's scope and in someone's own.
			c := tt.commit
			c.Scope, c.Actor, c.At = w.scope, w.owner, now()
			c.Changes = append([]servers.Change{
				servers.ChannelSet{Channel: w.channel(mint[beep.ChannelID](w), 5), New: true},
				servers.ServerSet{Server: servers.Server{ID: w.server.ID, Name: "renamed", Owner: w.owner, CreatedAt: now()}},
				join(w.server.ID, stranger),
			}, c.Changes...)
			refused(t, name, w.Commit(w.ctx, c), tt.want)
			equal(t, "the state", w.state(t, user, stranger, w.owner), before)
		})
	}
}

// testExpect: what may have happened since a decision, and what not. In each case something happens after the
// revision expected, and then bob, who is a member, kicks the victim.
func testExpect(t *testing.T, w *world) {
	bob, victim, other := mint[beep.UserID](w), mint[beep.UserID](w), mint[beep.UserID](w)
	role := servers.Role{ID: mint[beep.RoleID](w), Server: w.server.ID, Position: 1}
	w.commit(t, servers.RoleSet{Role: role, New: true}, join(w.server.ID, bob), join(w.server.ID, other))
	overwrite := servers.Overwrite{ID: w.ids.Next(), Channel: w.general, Member: other}
	with := func(user beep.UserID, roles ...beep.RoleID) servers.Change {
		return servers.MemberSet{Member: servers.Member{Server: w.server.ID, User: user, Roles: roles, JoinedAt: now()}}
	}
	for _, tt := range []struct {
		name    string
		between []servers.Change
		want    error
	}{
		{"nothing", nil, nil},
		{"another joins", []servers.Change{join(w.server.ID, mint[beep.UserID](w))}, nil},
		{"another gets a role", []servers.Change{with(other, role.ID)}, nil},
		{"another leaves", []servers.Change{servers.MemberRemoved{User: other}}, nil},
		{"who does it gets a role", []servers.Change{with(bob, role.ID)}, beep.ErrConflict},
		{"who does it loses a role", []servers.Change{with(bob)}, beep.ErrConflict},
		{"whom it is about gets a role", []servers.Change{with(victim, role.ID)}, beep.ErrConflict},
		{"many join, and one of them matters", []servers.Change{
			join(w.server.ID, mint[beep.UserID](w)), with(victim), join(w.server.ID, mint[beep.UserID](w)),
		}, beep.ErrConflict},
		{"a role changes", []servers.Change{servers.RoleSet{Role: role}}, beep.ErrConflict},
		{"the server changes", []servers.Change{servers.ServerSet{Server: w.server}}, beep.ErrConflict},
		{"a channel changes", []servers.Change{servers.ChannelSet{Channel: w.channel(w.general, 1)}}, beep.ErrConflict},
		{"an overwrite of another's is set", []servers.Change{servers.OverwriteSet{Overwrite: overwrite, New: true}}, beep.ErrConflict},
		{"an overwrite of another's is cleared", []servers.Change{servers.OverwriteRemoved{Overwrite: overwrite}}, beep.ErrConflict},
	} {
		w.commit(t, join(w.server.ID, victim))
		rev := w.rev(t, w.scope)
		if tt.between != nil {
			w.commit(t, tt.between...)
		}
		kick := servers.Commit{Scope: w.scope, Expect: rev, Actor: bob, Changes: []servers.Change{servers.MemberRemoved{User: victim}}}
		before := w.state(t, victim)
		err := w.Commit(w.ctx, kick)
		refused(t, tt.name, err, tt.want)
		if err != nil {
			equal(t, tt.name, w.state(t, victim), before)
			w.commit(t, servers.MemberRemoved{User: victim})
		}
	}
	// An overwrite for a member is decided by that member's place too.
	rev := w.rev(t, w.scope)
	w.commit(t, join(w.server.ID, victim))
	c := w.of(servers.OverwriteSet{Overwrite: servers.Overwrite{ID: w.ids.Next(), Channel: w.general, Member: victim}, New: true})
	c.Expect = rev
	refused(t, "an overwrite for who has just joined", w.Commit(w.ctx, c), beep.ErrConflict)
}

// testOrderOfChecks: where a Commit fails in two ways the answer is settled, since callers act on it.
func testOrderOfChecks(t *testing.T, w *world) {
	c := w.of(join(w.server.ID, w.owner)) // a member already
	c.Records, c.MaxServers = []servers.Record{servers.InvitationUsed{Code: "unknown"}}, 1
	refused(t, "a member with an unknown invitation", w.Commit(w.ctx, c), beep.ErrConflict)

	user := mint[beep.UserID](w)
	w.newServer(t, user)
	c.Changes = []servers.Change{join(w.server.ID, user)}
	refused(t, "too many servers, and an unknown invitation", w.Commit(w.ctx, c), servers.ErrServerLimit)

	// Leaving is not joining: who is over the limit already may leave.
	w.newServer(t, user)
	third := w.newServer(t, user)
	w.must(t, servers.Commit{
		Scope: beep.ServerScope(third.ID), Changes: []servers.Change{servers.MemberRemoved{User: user}}, MaxServers: 1,
	})
}

func testCancelled(t *testing.T, w *world) {
	ctx, cancel := context.WithCancel(w.ctx)
	cancel()
	before := w.state(t, w.owner)
	if err := w.Commit(ctx, w.of(join(w.server.ID, mint[beep.UserID](w)))); err == nil {
		t.Error("a cancelled Commit answers nil")
	}
	equal(t, "the state", w.state(t, w.owner), before)
}
