package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/servers"
)

func testRoles(t *testing.T, w *world) {
	everyone := servers.Role{ID: beep.RoleID(w.server.ID), Server: w.server.ID, Name: "everyone", Rights: perm.DefaultEveryone}
	low := servers.Role{
		ID: mint[beep.RoleID](w), Server: w.server.ID, Name: "Équipage", Position: 7, Rights: perm.All,
		Color: 0xFFFFFF, Hoist: true, Mentionable: true,
	}
	high := servers.Role{ID: mint[beep.RoleID](w), Server: w.server.ID, Name: "Captain", Position: 1 << 30}
	w.commit(t, servers.RoleSet{Role: low, New: true}, servers.RoleSet{Role: high, New: true})
	equal(t, "highest first", value(w.Roles(w.ctx, w.server.ID))(t), []servers.Role{high, low, everyone})

	low.Name, low.Position, low.Rights, low.Color, low.Hoist, low.Mentionable = "x", 1<<30+1, 0, 0, false, false
	w.commit(t, servers.RoleSet{Role: low})
	equal(t, "after a change", value(w.Roles(w.ctx, w.server.ID))(t), []servers.Role{low, high, everyone})

	member := join(w.server.ID, mint[beep.UserID](w))
	member.Roles = []beep.RoleID{low.ID, high.ID}
	gone := servers.Overwrite{ID: w.ids.Next(), Channel: w.general, Role: low.ID, Deny: perm.Speak}
	stays := servers.Overwrite{ID: w.ids.Next(), Channel: w.general, Role: high.ID, Deny: perm.Speak}
	w.commit(t, member, servers.OverwriteSet{Overwrite: gone, New: true}, servers.OverwriteSet{Overwrite: stays, New: true})
	w.commit(t, servers.RoleRemoved{ID: low.ID})
	equal(t, "after its removal", value(w.Roles(w.ctx, w.server.ID))(t), []servers.Role{high, everyone})
	equal(t, "nobody has it", value(w.Member(w.ctx, w.server.ID, member.User))(t).Roles, []beep.RoleID{high.ID})
	equal(t, "its overwrites are gone", value(w.Overwrites(w.ctx, w.general))(t), []servers.Overwrite{stays})

	other := w.newServer(t, mint[beep.UserID](w))
	err := w.Commit(w.ctx, servers.Commit{Scope: beep.ServerScope(other.ID), Changes: []servers.Change{servers.RoleRemoved{ID: high.ID}}})
	refused(t, "another server's", err, beep.ErrConflict)
	equal(t, "and it is still had", value(w.Member(w.ctx, w.server.ID, member.User))(t).Roles, []beep.RoleID{high.ID})
}

func testMutes(t *testing.T, w *world) {
	list := w.sorted(4)
	for _, user := range list {
		w.commit(t, join(w.server.ID, user))
	}
	member := func(i int, ends time.Duration) servers.Member {
		m := join(w.server.ID, list[i]).Member
		m.MutedUntil, m.Nickname = now().Add(ends), "Évie"
		return m
	}
	long, short, edge := member(0, time.Hour), member(1, -time.Second), member(2, 0)
	w.commit(t, servers.MemberSet{Member: long}, servers.MemberSet{Member: short}, servers.MemberSet{Member: edge})
	equal(t, "Member", value(w.Member(w.ctx, w.server.ID, list[0]))(t), long)
	equal(t, "Members", value(w.Members(w.ctx, w.server.ID, list[0], 1))(t), []servers.Member{short})
	_, err := w.Member(w.ctx, w.server.ID, list[3]+1)
	refused(t, "no member", err, beep.ErrNotFound)

	equal(t, "over, longest first", value(w.MutesEnding(w.ctx, now(), 9))(t), []servers.Member{short, edge})
	equal(t, "as many as asked", value(w.MutesEnding(w.ctx, now(), 1))(t), []servers.Member{short})
	equal(t, "none yet", value(w.MutesEnding(w.ctx, now().Add(-time.Minute), 9))(t), nil)

	w.commit(t, servers.MemberRemoved{User: short.User})
	equal(t, "who left is no member", value(w.MutesEnding(w.ctx, now(), 9))(t), []servers.Member{edge})
	equal(t, "the mute stays", value(w.MuteEnd(w.ctx, w.server.ID, short.User))(t), short.MutedUntil)
	w.commit(t, servers.MemberSet{Member: short, New: true})
	equal(t, "who comes back with it", value(w.MutesEnding(w.ctx, now(), 9))(t), []servers.Member{short, edge})

	for _, m := range []servers.Member{short, edge} {
		m.MutedUntil = time.Time{}
		w.commit(t, servers.MemberSet{Member: m})
		_, err := w.MuteEnd(w.ctx, w.server.ID, m.User)
		refused(t, "MuteEnd after the end", err, beep.ErrNotFound)
	}
	equal(t, "none any more", value(w.MutesEnding(w.ctx, now(), 9))(t), nil)
}

func testBans(t *testing.T, w *world) {
	list := w.sorted(4)
	w.commit(t, join(w.server.ID, list[0]))
	ban := func(user beep.UserID) servers.Ban {
		return servers.Ban{ID: w.ids.Next(), Server: w.server.ID, User: user, Actor: w.owner, Reason: "spam\n☕", CreatedAt: now()}
	}
	with := func(record servers.Record, changes ...servers.Change) error {
		c := w.of(changes...)
		c.Records = []servers.Record{record}
		return w.Commit(w.ctx, c)
	}
	first, second, third := ban(list[0]), ban(list[1]), ban(list[2])
	refused(t, "a member", with(servers.BanSet{Ban: first}), beep.ErrConflict)
	refused(t, "a member who goes by it", with(servers.BanSet{Ban: first}, servers.MemberRemoved{User: list[0]}), nil)
	refused(t, "others", with(servers.BanSet{Ban: second}), nil)
	refused(t, "others", with(servers.BanSet{Ban: third}), nil)
	refused(t, "once more", with(servers.BanSet{Ban: ban(list[1])}), beep.ErrConflict)

	equal(t, "Ban", value(w.Ban(w.ctx, w.server.ID, list[0]))(t), first)
	equal(t, "newest first", value(w.Bans(w.ctx, w.server.ID, 0, 2))(t), []servers.Ban{third, second})
	equal(t, "the next page", value(w.Bans(w.ctx, w.server.ID, second.ID, 2))(t), []servers.Ban{first})
	_, err := w.Ban(w.ctx, w.server.ID, list[3])
	refused(t, "who is not banned", err, beep.ErrNotFound)

	refused(t, "the banned joins", w.Commit(w.ctx, w.of(join(w.server.ID, list[0]))), servers.ErrBanned)
	other := w.newServer(t, mint[beep.UserID](w))
	w.must(t, servers.Commit{Scope: beep.ServerScope(other.ID), Changes: []servers.Change{join(other.ID, list[0])}})

	gone := servers.BanRemoved{Server: w.server.ID, User: list[0]}
	refused(t, "removed", with(gone), nil)
	refused(t, "removed again", with(gone), beep.ErrNotFound)
	w.commit(t, join(w.server.ID, list[0]))
}

// testBanRace: whoever is banned while joining ends up banned or a member, never both.
func testBanRace(t *testing.T, w *world) {
	for range 12 {
		user := mint[beep.UserID](w)
		errs := together(2, func(i int) error {
			if i == 0 {
				return w.Commit(w.ctx, w.of(join(w.server.ID, user)))
			}
			c := w.of()
			c.Records = []servers.Record{servers.BanSet{Ban: servers.Ban{ID: w.ids.Next(), Server: w.server.ID, User: user}}}
			return w.Commit(w.ctx, c)
		})
		_, member := w.Member(w.ctx, w.server.ID, user)
		_, ban := w.Ban(w.ctx, w.server.ID, user)
		if (member == nil) == (ban == nil) || (errs[0] == nil) == (errs[1] == nil) {
			t.Errorf("joining: %v, banning: %v; a member: %v, banned: %v", errs[0], errs[1], member, ban)
		}
	}
}

// testPurges: a purge is kept until it is done, and ends with its server.
func testPurges(t *testing.T, w *world) {
	other := w.newServer(t, w.owner)
	purge := func(server beep.ServerID) servers.Purge {
		return servers.Purge{
			ID: w.ids.Next(), Server: server, User: mint[beep.UserID](w), Actor: w.owner, Since: now().Add(-time.Hour), CreatedAt: now(),
		}
	}
	first, second, third := purge(w.server.ID), purge(w.server.ID), purge(other.ID)
	for _, p := range []servers.Purge{third, second, first} {
		refused(t, "a purge", w.record(servers.PurgeWanted{Purge: p}), nil)
	}
	refused(t, "the same again", w.record(servers.PurgeWanted{Purge: first}), beep.ErrConflict)
	equal(t, "oldest first", value(w.Purges(w.ctx, 9))(t), []servers.Purge{first, second, third})
	equal(t, "as many as asked", value(w.Purges(w.ctx, 1))(t), []servers.Purge{first})
	refused(t, "done", w.record(servers.PurgeDone{ID: first.ID}), nil)
	refused(t, "done twice", w.record(servers.PurgeDone{ID: first.ID}), beep.ErrNotFound)
	w.commit(t, servers.ServerRemoved{ID: w.server.ID})
	equal(t, "another server's", value(w.Purges(w.ctx, 9))(t), []servers.Purge{third})
}

func testAudit(t *testing.T, w *world) {
	bob, eve := mint[beep.UserID](w), mint[beep.UserID](w)
	var all []servers.AuditEntry
	for i, action := range []servers.AuditAction{servers.AuditMemberMute, servers.AuditRoleUpdate, servers.AuditMemberMute} {
		e := servers.AuditEntry{
			ID: w.ids.Next(), Server: w.server.ID, Actor: bob, Action: action, Target: uint64(eve), Reason: "être\n" + string(action), CreatedAt: now(),
			Changes: []servers.AuditChange{{Field: "rights", From: []string{"speak", "connect"}}, {Field: "name", To: []string{"x"}}},
		}
		if i == 2 {
			e.Actor, e.Target, e.Changes, e.Reason = 0, 0, nil, ""
		}
		c := w.of()
		c.Records = []servers.Record{servers.Audited{AuditEntry: e}}
		w.must(t, c)
		all = append(all, e)
	}
	other := w.newServer(t, eve)
	c := servers.Commit{Scope: beep.ServerScope(other.ID), Records: []servers.Record{servers.Audited{AuditEntry: servers.AuditEntry{
		ID: w.ids.Next(), Server: other.ID, Actor: bob, Action: servers.AuditMemberMute, Target: uint64(eve),
	}}}}
	w.must(t, c)
	slices.Reverse(all)
	for name, tt := range map[string]struct {
		q    servers.AuditQuery
		want []servers.AuditEntry
	}{
		"all, newest first": {servers.AuditQuery{Limit: 9}, all},
		"a page":            {servers.AuditQuery{Limit: 2}, all[:2]},
		"the next":          {servers.AuditQuery{Limit: 2, Before: all[1].ID}, all[2:]},
		"of an actor":       {servers.AuditQuery{Limit: 9, Actor: bob}, all[1:]},
		"of an action":      {servers.AuditQuery{Limit: 9, Action: servers.AuditMemberMute}, []servers.AuditEntry{all[0], all[2]}},
		"to a target":       {servers.AuditQuery{Limit: 9, Target: uint64(eve)}, all[1:]},
		"of everything":     {servers.AuditQuery{Limit: 9, Actor: bob, Action: servers.AuditRoleUpdate, Target: uint64(eve)}, all[1:2]},
		"of nobody":         {servers.AuditQuery{Limit: 9, Actor: eve}, nil},
	} {
		tt.q.Server = w.server.ID
		equal(t, name, value(w.AuditEntries(w.ctx, tt.q))(t), tt.want)
	}
}

// testServerRemoved: with a server goes everything of it, for each member a row says so, and another server's is as it
// was.
func testServerRemoved(t *testing.T, w *world) {
	other := w.newServer(t, w.owner)
	list := w.sorted(60)
	for _, user := range list {
		w.commit(t, join(w.server.ID, user))
	}
	w.must(t, servers.Commit{Scope: beep.ServerScope(other.ID), Changes: []servers.Change{join(other.ID, list[0])}})
	muted := join(w.server.ID, list[1]).Member
	muted.MutedUntil, muted.Roles = now(), []beep.RoleID{mint[beep.RoleID](w)}
	c := w.of(
		servers.RoleSet{Role: servers.Role{ID: muted.Roles[0], Server: w.server.ID, Position: 1}, New: true},
		servers.MemberSet{Member: muted},
		servers.OverwriteSet{Overwrite: servers.Overwrite{ID: w.ids.Next(), Channel: w.general, Member: list[0]}, New: true},
	)
	c.Records = []servers.Record{
		servers.InvitationCreated{Invitation: servers.Invitation{Code: "code", Server: w.server.ID, CreatedAt: now()}},
		servers.BanSet{Ban: servers.Ban{ID: w.ids.Next(), Server: w.server.ID, User: 1}},
		servers.Audited{AuditEntry: servers.AuditEntry{ID: w.ids.Next(), Server: w.server.ID}},
	}
	w.must(t, c)
	thread := w.newThread(t, w.general)
	w.joinThread(t, thread, list[0])
	rev := w.rev(t, w.scope)
	w.commit(t, servers.ServerRemoved{ID: w.server.ID})

	for name, err := range map[string]error{
		"Server":     second(w.Server(w.ctx, w.server.ID)),
		"Channel":    second(w.Channel(w.ctx, w.general)),
		"Member":     second(w.Member(w.ctx, w.server.ID, list[0])),
		"Invitation": second(w.Invitation(w.ctx, "code")),
		"Ban":        second(w.Ban(w.ctx, w.server.ID, 1)),
		"MuteEnd":    second(w.MuteEnd(w.ctx, w.server.ID, list[1])),
		"Thread":     second(w.Thread(w.ctx, thread.ID)),
	} {
		refused(t, name, err, beep.ErrNotFound)
	}
	equal(t, "Roles", value(w.Roles(w.ctx, w.server.ID))(t), nil)
	equal(t, "Channels", value(w.Channels(w.ctx, w.server.ID))(t), nil)
	equal(t, "Overwrites", value(w.Overwrites(w.ctx, w.general))(t), nil)
	equal(t, "AuditEntries", value(w.AuditEntries(w.ctx, servers.AuditQuery{Server: w.server.ID, Limit: 9}))(t), nil)
	equal(t, "MutesEnding", value(w.MutesEnding(w.ctx, now(), 9))(t), nil)
	equal(t, "ChannelScope", value(w.ChannelScope(w.ctx, w.general))(t), w.scope)
	equal(t, "ThreadMembers", value(w.ThreadMembers(w.ctx, thread.ID, 0, 9))(t), nil)

	rows := w.rows(t, w.scope)
	equal(t, "the last row", rows[rev:], []servers.Row{{Rev: rev + 1, Actor: w.owner, Change: servers.ServerRemoved{ID: w.server.ID}}})
	for _, user := range append(list, w.owner) {
		theirs := w.changes(t, beep.UserScope(user))
		equal(t, "the last row of a member's own", theirs[len(theirs)-1], servers.Change(servers.ScopeLeft{Scope: w.scope}))
	}
	equal(t, "what is left to who was in both", ids(value(w.ServersOf(w.ctx, list[0]))(t)), []beep.ServerID{other.ID})
	equal(t, "the other server's members", users(value(w.Members(w.ctx, other.ID, 0, 9))(t)), sortedUsers(w.owner, list[0]))
	refused(t, "removed again", w.Commit(w.ctx, w.of(servers.ServerRemoved{ID: w.server.ID})), beep.ErrConflict)
}

func sortedUsers(users ...beep.UserID) []beep.UserID {
	slices.Sort(users)
	return users
}
