package storetest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/servers"
)

func testServers(t *testing.T, w *world) {
	equal(t, "Server", value(w.Server(w.ctx, w.server.ID))(t), w.server)

	first, second := w.server, w.newServer(t, mint[beep.UserID](w))
	third := w.newServer(t, w.owner)
	equal(t, "ServersOf the owner", value(w.ServersOf(w.ctx, w.owner))(t), []servers.Server{first, third})

	// The order is that of joining, whatever the ids, the names and the times.
	user := mint[beep.UserID](w)
	for _, s := range []servers.Server{third, first, second} {
		w.must(t, servers.Commit{Scope: beep.ServerScope(s.ID), Changes: []servers.Change{join(s.ID, user)}})
	}
	equal(t, "ServersOf", ids(value(w.ServersOf(w.ctx, user))(t)), []beep.ServerID{third.ID, first.ID, second.ID})

	w.commit(t, servers.MemberRemoved{User: user})
	w.commit(t, join(first.ID, user))
	got := value(w.ServersOf(w.ctx, user))(t)
	equal(t, "ServersOf after coming back", ids(got), []beep.ServerID{third.ID, second.ID, first.ID})

	changed := w.server
	changed.Name, changed.Description, changed.Owner, changed.MemberCount = "x", "", user, 2
	w.commit(t, servers.ServerSet{Server: changed})
	equal(t, "Server after a change", value(w.Server(w.ctx, w.server.ID))(t), changed)
}

func testMembers(t *testing.T, w *world) {
	low, high := mint[beep.RoleID](w), mint[beep.RoleID](w)
	for i, id := range []beep.RoleID{low, high} {
		w.commit(t, servers.RoleSet{Role: servers.Role{ID: id, Server: w.server.ID, Position: uint32(i) + 1}, New: true})
	}
	list := w.sorted(5)
	for _, i := range []int{3, 0, 4, 1, 2} { // not in the order of the answer
		w.commit(t, join(w.server.ID, list[i]))
	}
	with := func(user beep.UserID, roles ...beep.RoleID) servers.Member {
		return servers.Member{Server: w.server.ID, User: user, Roles: roles, JoinedAt: now()}
	}
	w.commit(t, servers.MemberSet{Member: with(list[0], low)}, servers.MemberSet{Member: with(list[2], low, high)})

	all := append([]beep.UserID{w.owner}, list...)
	equal(t, "all", users(value(w.Members(w.ctx, w.server.ID, 0, 100))(t)), all)
	page := value(w.Members(w.ctx, w.server.ID, w.owner, 3))(t)
	equal(t, "a page", page, []servers.Member{with(list[0], low), with(list[1]), with(list[2], low, high)})
	equal(t, "its end", users(value(w.Members(w.ctx, w.server.ID, list[2], 3))(t)), list[3:])
	equal(t, "after the end", value(w.Members(w.ctx, w.server.ID, list[4], 3))(t), nil)

	w.commit(t, servers.MemberSet{Member: with(list[2], high)})
	equal(t, "a role less", value(w.Members(w.ctx, w.server.ID, list[1], 1))(t), []servers.Member{with(list[2], high)})

	w.commit(t, servers.MemberRemoved{User: list[2]})
	equal(t, "without who left", slices.Contains(users(value(w.Members(w.ctx, w.server.ID, 0, 9))(t)), list[2]), false)
	equal(t, "member count", value(w.Server(w.ctx, w.server.ID))(t).MemberCount, 5)
	w.commit(t, join(w.server.ID, list[2]))
	equal(t, "who comes back has no roles", value(w.Members(w.ctx, w.server.ID, list[1], 1))(t), []servers.Member{with(list[2])})
}

func testChannels(t *testing.T, w *world) {
	general := w.channel(w.general, 0)
	category := w.channel(mint[beep.ChannelID](w), 2)
	category.Kind, category.Topic = servers.Category, ""
	inside := w.channel(mint[beep.ChannelID](w), 1)
	inside.Parent, inside.Synced, inside.Name = category.ID, true, strings.Repeat("é", 100)
	w.commit(t, servers.ChannelSet{Channel: category, New: true}, servers.ChannelSet{Channel: inside, New: true})

	equal(t, "Channels", value(w.Channels(w.ctx, w.server.ID))(t), []servers.Channel{general, inside, category})
	equal(t, "Channel", value(w.Channel(w.ctx, inside.ID))(t), inside)
	equal(t, "ChannelScope", value(w.ChannelScope(w.ctx, inside.ID))(t), w.scope)

	inside.Parent, inside.Synced, inside.Position, inside.Name, inside.Topic = 0, false, 7, "n", "t"
	w.commit(t, servers.ChannelSet{Channel: inside})
	equal(t, "Channel after a change", value(w.Channel(w.ctx, inside.ID))(t), inside)

	w.commit(t, servers.ChannelRemoved{ID: inside.ID})
	_, err := w.Channel(w.ctx, inside.ID)
	refused(t, "Channel after its removal", err, beep.ErrNotFound)
	equal(t, "ChannelScope after its removal", value(w.ChannelScope(w.ctx, inside.ID))(t), w.scope)
	equal(t, "Channels", value(w.Channels(w.ctx, w.server.ID))(t), []servers.Channel{general, category})

	err = w.Commit(w.ctx, w.of(servers.ChannelSet{Channel: inside, New: true}))
	refused(t, "a removed channel's id again", err, beep.ErrConflict)
}

func testOverwrites(t *testing.T, w *world) {
	user := mint[beep.UserID](w)
	forRole := servers.Overwrite{
		ID: w.ids.Next(), Channel: w.general, Role: beep.RoleID(w.server.ID),
		Allow: perm.SendMessages, Deny: perm.ViewChannels | perm.AttachFiles,
	}
	forUser := servers.Overwrite{ID: w.ids.Next(), Channel: w.general, Member: user, Allow: perm.OverwriteRights}
	w.commit(t, servers.OverwriteSet{Overwrite: forUser, New: true}, servers.OverwriteSet{Overwrite: forRole, New: true})
	equal(t, "Overwrites", value(w.Overwrites(w.ctx, w.general))(t), []servers.Overwrite{forRole, forUser})

	forRole.Allow, forRole.Deny = 0, perm.Speak
	w.commit(t, servers.OverwriteSet{Overwrite: forRole})
	w.commit(t, join(w.server.ID, user))
	w.commit(t, servers.MemberRemoved{User: user})
	equal(t, "they outlive a membership", value(w.Overwrites(w.ctx, w.general))(t), []servers.Overwrite{forRole, forUser})

	w.commit(t, servers.OverwriteRemoved{Overwrite: forRole})
	equal(t, "one less", value(w.Overwrites(w.ctx, w.general))(t), []servers.Overwrite{forUser})
	w.commit(t, servers.ChannelRemoved{ID: w.general})
	equal(t, "gone with their channel", value(w.Overwrites(w.ctx, w.general))(t), nil)
}

func testInvitations(t *testing.T, w *world) {
	invitation := func(code string, age time.Duration) servers.Invitation {
		return servers.Invitation{Code: code, Server: w.server.ID, Creator: w.owner, CreatedAt: now().Add(-age * time.Hour)}
	}
	forever, old := invitation("aaaaaaaaaaaa", 2), invitation("AAAAAAAAAAAA", 3)
	once, ending := invitation("bbbbbbbbbbbb", 1), invitation("cccccccccccc", 0)
	once.MaxUses = 1
	ending.ExpiresAt = now()
	for _, i := range []servers.Invitation{once, old, forever, ending} {
		c := w.of()
		c.Records = []servers.Record{servers.InvitationCreated{Invitation: i}}
		w.must(t, c)
		equal(t, "Invitation", value(w.Invitation(w.ctx, i.Code))(t), i)
	}
	equal(t, "no row for an invitation", w.rev(t, w.scope), 4)

	// One that ends now is over now: the instant itself is too late.
	before := now().Add(-time.Millisecond)
	live := value(w.Invitations(w.ctx, w.server.ID, before, 3))(t)
	equal(t, "newest first, as many as asked", live, []servers.Invitation{ending, once, forever})
	live = value(w.Invitations(w.ctx, w.server.ID, now(), 10))(t)
	c := w.of()
	c.Records = []servers.Record{servers.InvitationCreated{Invitation: invitation("one more", 0), MaxLive: 3}}
	refused(t, "one more than is allowed", w.Commit(w.ctx, c), servers.ErrInvitationLimit)
	equal(t, "without the expired", live, []servers.Invitation{once, forever, old})

	use := func(code string, at time.Time) error {
		user := mint[beep.UserID](w)
		c := w.of(join(w.server.ID, user))
		c.At, c.Records = at, []servers.Record{servers.InvitationUsed{Code: code}}
		err := w.Commit(w.ctx, c)
		if joined := len(value(w.ServersOf(w.ctx, user))(t)) == 1; joined != (err == nil) {
			t.Errorf("use of %s answers %v, joined %v", code, err, joined)
		}
		return err
	}
	refused(t, "the first use", use(once.Code, now()), nil)
	refused(t, "a use too many", use(once.Code, now()), beep.ErrNotFound)
	refused(t, "a use in time", use(ending.Code, before), nil)
	refused(t, "a use too late", use(ending.Code, now()), beep.ErrNotFound)
	refused(t, "a use of another case", use("aaaaAAAAaaaa", now()), beep.ErrNotFound)
	refused(t, "a use without end", use(forever.Code, now().AddDate(90, 0, 0)), nil)
	once.Uses, forever.Uses = 1, 1
	equal(t, "a used-up one can be read", value(w.Invitation(w.ctx, once.Code))(t), once)
	equal(t, "without the used-up", value(w.Invitations(w.ctx, w.server.ID, now(), 10))(t), []servers.Invitation{forever, old})

	c = w.of()
	c.Records = []servers.Record{servers.InvitationRevoked{Code: forever.Code}}
	w.must(t, c)
	_, err := w.Invitation(w.ctx, forever.Code)
	refused(t, "a revoked one", err, beep.ErrNotFound)
	refused(t, "revoking again", w.Commit(w.ctx, c), beep.ErrNotFound)
	refused(t, "a use of a revoked one", use(forever.Code, now()), beep.ErrNotFound)
}

func testMissing(t *testing.T, w *world) {
	for what, err := range map[string]error{
		"Server":       second(w.Server(w.ctx, 1)),
		"Channel":      second(w.Channel(w.ctx, 1)),
		"ChannelScope": second(w.ChannelScope(w.ctx, 1)),
		"Invitation":   second(w.Invitation(w.ctx, "missing")),
		"Thread":       second(w.Thread(w.ctx, 1)),
		"ThreadOf":     second(w.ThreadOf(w.ctx, w.general, 1)),
		"Direct":       second(w.Direct(w.ctx, 1)),
		"PairOf":       second(w.PairOf(w.ctx, 1, 2)),
	} {
		refused(t, what, err, beep.ErrNotFound)
	}
	equal(t, "ServersOf", value(w.ServersOf(w.ctx, 1))(t), nil)
	equal(t, "Members", value(w.Members(w.ctx, 1, 0, 9))(t), nil)
	equal(t, "Channels", value(w.Channels(w.ctx, 1))(t), nil)
	equal(t, "Overwrites", value(w.Overwrites(w.ctx, 1))(t), nil)
	equal(t, "Invitations", value(w.Invitations(w.ctx, 1, now(), 9))(t), nil)
	equal(t, "Threads", value(w.Threads(w.ctx, servers.ThreadQuery{Channel: 1, Limit: 9}))(t), nil)
	equal(t, "CountThreads", value(w.CountThreads(w.ctx, 1))(t), 0)
	equal(t, "ThreadsOf", value(w.ThreadsOf(w.ctx, 1, 1, 0, 9))(t), nil)
	equal(t, "ThreadMembers", value(w.ThreadMembers(w.ctx, 1, 0, 9))(t), nil)
	equal(t, "DirectsOf", value(w.DirectsOf(w.ctx, 1, 0, 9))(t), nil)
	equal(t, "Companions", value(w.Companions(w.ctx, 1, []beep.UserID{2, 3}))(t), nil)
	equal(t, "the log", w.rows(t, beep.ServerScope(1)), nil)
}

func second[V any](_ V, err error) error { return err }
