package grpcapi_test

import (
	"strings"
	"testing"

	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/servers"
)

func TestCreateServer(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		closed bool
		rights perm.Rights
	}{
		"open":   {false, perm.DefaultEveryone},
		"closed": {true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			server := value(w.CreateServer(w.as(t, ann), &serversv1.CreateServerRequest{
				Name: "  Chess club\t", Description: "e4\ne5", Closed: tt.closed,
			}))(t).GetServer()
			if server.GetCreatedAt() == nil || server.GetId() == 0 {
				t.Error("no id, or no time of creation")
			}
			equal(t, "Server", server, &serversv1.Server{
				Id: server.GetId(), Name: "Chess club", Description: "e4\ne5", OwnerId: uint64(ann), CreatedAt: server.GetCreatedAt(),
				SystemChannelId: server.GetSystemChannelId(),
			})
			got := value(w.GetServer(w.as(t, ann), &serversv1.GetServerRequest{ServerId: server.GetId()}))(t)
			equal(t, "GetServer", got.GetServer(), server)

			scope := beep.ServerScope(beep.ServerID(server.GetId()))
			rows := w.rows(t, scope, 0)
			equal(t, "rows", kinds(rows), []string{"server_set", "role_set", "member_set", "channel_set"})
			equal(t, "@everyone", rows[1].Change, servers.Change(servers.RoleSet{Role: servers.Role{
				ID: beep.RoleID(server.GetId()), Server: beep.ServerID(server.GetId()), Name: "@everyone", Rights: tt.rights,
			}}))
			channels := value(w.ListChannels(w.as(t, ann), &serversv1.ListChannelsRequest{ServerId: server.GetId()}))(t).GetChannels()
			equal(t, "channels", channels, []*serversv1.Channel{{
				Id: server.GetSystemChannelId(), ServerId: server.GetId(), Kind: "text", Name: "general",
			}})
			equal(t, "the owner's own log", kinds(w.rows(t, beep.UserScope(ann), 0)), []string{"scope_joined"})
		})
	}
}

func TestCreateServer_RefusesBadInput(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, r := range map[string]*serversv1.CreateServerRequest{
		"no name":                {},
		"only spaces":            {Name: " \t\u00a0 "},
		"nothing to see":         {Name: "\u200b \u200d"},
		"a name too long":        {Name: strings.Repeat("é", 101)},
		"a control character":    {Name: "a\x00b"},
		"a line break in a name": {Name: "a\nb"},
		"a description too long": {Name: "n", Description: strings.Repeat("x", 1025)},
		"a bell":                 {Name: "n", Description: "a\ab"},
		"not UTF-8":              {Name: "n\xff"},
	} {
		refused(t, name, second(w.CreateServer(w.as(t, ann), r)), beep.KindInvalid, beep.CodeInvalidField)
	}
	value(w.CreateServer(w.as(t, ann), &serversv1.CreateServerRequest{
		Name: strings.Repeat("é", 100), Description: strings.Repeat("漢", 1024),
	}))(t)
	equal(t, "servers", len(value(w.ListServers(w.as(t, ann), &serversv1.ListServersRequest{}))(t).GetServers()), 1)
}

func TestListServers_InTheOrderJoined(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, _ := w.server(t)
	second, _ := w.server(t)
	var got []uint64
	for _, s := range value(w.ListServers(w.as(t, bob), &serversv1.ListServersRequest{}))(t).GetServers() {
		got = append(got, s.GetId())
	}
	equal(t, "ListServers", got, []uint64{first.GetId(), second.GetId()})
	equal(t, "of a stranger", len(value(w.ListServers(w.as(t, eve), &serversv1.ListServersRequest{}))(t).GetServers()), 0)
}

func TestLeaveServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, _ := w.server(t)
	leave := &serversv1.LeaveServerRequest{ServerId: server.GetId()}
	refused(t, "the owner", second(w.LeaveServer(w.as(t, ann), leave)), beep.KindConflict, beep.CodeOwnerCannotLeave)
	value(w.LeaveServer(w.as(t, bob), leave))(t)
	refused(t, "again", second(w.LeaveServer(w.as(t, bob), leave)), beep.KindNotFound, beep.CodeServerNotFound)
	equal(t, "bob's own log", kinds(w.rows(t, beep.UserScope(bob), 0)), []string{"scope_joined", "scope_left"})
	row := w.rows(t, beep.ServerScope(beep.ServerID(server.GetId())), 5)[0]
	equal(t, "the row", row, servers.Row{Rev: 6, Actor: bob, Change: servers.MemberRemoved{User: bob}})
	w.join(t, server.GetId(), bob) // whoever left may come back
}

func TestKickMember(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, _ := w.server(t)
	kick := &serversv1.KickMemberRequest{ServerId: server.GetId(), UserId: uint64(bob)}
	for name, tt := range map[string]struct {
		code, reason string
		kind         beep.Kind
	}{
		"a right lacking":   {"forbidden", "you need manage_members", beep.KindForbidden},
		"someone not below": {"hierarchy", "your highest role is not above this", beep.KindForbidden},
		"no member":         {"member_not_found", "there is no such member", beep.KindNotFound},
	} {
		w.authz.actions = func(r *authzv1.CheckActionsRequest, answer *authzv1.CheckActionsResponse) {
			equal(t, "right", r.GetActions()[0].GetActOnMember().GetRight(), "manage_members")
			answer.Allowed, answer.Code, answer.Reason = false, tt.code, tt.reason
		}
		err := second(w.KickMember(w.as(t, ann), kick))
		refused(t, name, err, tt.kind, beep.Code(tt.code))
		if !strings.Contains(err.Error(), tt.reason) {
			t.Errorf("%s: %v does not say %q", name, err, tt.reason)
		}
	}
	w.authz.actions = nil
	value(w.KickMember(w.as(t, ann), kick))(t)
	row := w.rows(t, beep.ServerScope(beep.ServerID(server.GetId())), 5)[0]
	equal(t, "the row", row, servers.Row{Rev: 6, Actor: ann, Change: servers.MemberRemoved{User: bob}})
	refused(t, "of what was his", second(w.GetServer(w.as(t, bob), &serversv1.GetServerRequest{ServerId: server.GetId()})),
		beep.KindNotFound, beep.CodeServerNotFound)
}

func TestListMembers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, _ := w.server(t)
	w.join(t, server.GetId(), eve)
	page := func(after, limit uint32) (users []uint64) {
		t.Helper()
		answer := value(w.ListMembers(w.as(t, bob), &serversv1.ListMembersRequest{
			ServerId: server.GetId(), After: uint64(after), Limit: limit,
		}))(t)
		for _, m := range answer.GetMembers() {
			if m.GetJoinedAt() == nil || m.GetServerId() != server.GetId() {
				t.Errorf("member %v", m)
			}
			users = append(users, m.GetUserId())
		}
		return users
	}
	equal(t, "all", page(0, 0), []uint64{101, 102, 103})
	equal(t, "a page", page(101, 1), []uint64{102})
	equal(t, "the end", page(103, 100), nil)
	refused(t, "too many", second(w.ListMembers(w.as(t, bob), &serversv1.ListMembersRequest{
		ServerId: server.GetId(), Limit: 101,
	})), beep.KindInvalid, beep.CodeInvalidField)
}

func TestCreateChannel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, general := w.server(t)
	ctx := w.as(t, ann)
	create := func(r *serversv1.CreateChannelRequest) *serversv1.Channel {
		t.Helper()
		r.ServerId = server.GetId()
		return value(w.CreateChannel(ctx, r))(t).GetChannel()
	}
	category := create(&serversv1.CreateChannelRequest{Kind: "category", Name: "Games"})
	inside := create(&serversv1.CreateChannelRequest{Name: " chess ", Topic: "e4", ParentId: category.GetId()})
	equal(t, "in a category", inside, &serversv1.Channel{
		Id: inside.GetId(), ServerId: server.GetId(), Kind: "text", Name: "chess", Topic: "e4", ParentId: category.GetId(),
		Position: inside.GetPosition(), Synced: true,
	})
	if general.GetPosition() >= category.GetPosition() || category.GetPosition() >= inside.GetPosition() {
		t.Errorf("they stand at %d, %d and %d", general.GetPosition(), category.GetPosition(), inside.GetPosition())
	}
	got := value(w.GetChannel(w.as(t, bob), &serversv1.GetChannelRequest{ChannelId: inside.GetId()}))(t)
	equal(t, "GetChannel", got.GetChannel(), inside)
	list := value(w.ListChannels(w.as(t, bob), &serversv1.ListChannelsRequest{ServerId: server.GetId()}))(t)
	equal(t, "ListChannels", list.GetChannels(), []*serversv1.Channel{general, category, inside})

	other := value(w.CreateServer(ctx, &serversv1.CreateServerRequest{Name: "other"}))(t).GetServer()
	for name, tt := range map[string]struct {
		r    *serversv1.CreateChannelRequest
		kind beep.Kind
		code beep.Code
	}{
		"no name":                  {&serversv1.CreateChannelRequest{}, beep.KindInvalid, beep.CodeInvalidField},
		"a topic too long":         {&serversv1.CreateChannelRequest{Name: "n", Topic: strings.Repeat("x", 1025)}, beep.KindInvalid, beep.CodeInvalidField},
		"another kind":             {&serversv1.CreateChannelRequest{Name: "n", Kind: "thread"}, beep.KindInvalid, beep.CodeInvalidField},
		"a category in a category": {&serversv1.CreateChannelRequest{Name: "n", Kind: "category", ParentId: category.GetId()}, beep.KindInvalid, beep.CodeInvalidField},
		"in a text channel":        {&serversv1.CreateChannelRequest{Name: "n", ParentId: general.GetId()}, beep.KindInvalid, beep.CodeInvalidField},
		"in a channel that is not": {&serversv1.CreateChannelRequest{Name: "n", ParentId: 5}, beep.KindNotFound, beep.CodeChannelNotFound},
		"in another server's category": {&serversv1.CreateChannelRequest{
			Name: "n", ParentId: category.GetId(), ServerId: other.GetId(),
		}, beep.KindNotFound, beep.CodeChannelNotFound},
		"a parent that is no id": {&serversv1.CreateChannelRequest{Name: "n", ParentId: 1 << 63}, beep.KindInvalid, beep.CodeInvalidID},
	} {
		if tt.r.GetServerId() == 0 {
			tt.r.ServerId = server.GetId()
		}
		refused(t, name, second(w.CreateChannel(ctx, tt.r)), tt.kind, tt.code)
	}
}

func TestCreateChannel_HoldsTheLimit(t *testing.T) {
	t.Parallel()
	limits := beep.DefaultLimits()
	limits.ChannelsPer = 4
	w := newWorldOn(t, "sqlite://"+t.TempDir()+"/servers.db", limits)
	server, _ := w.server(t)
	ctx := w.as(t, ann)
	errs := make(chan error)
	for range 8 {
		go func() {
			errs <- second(w.CreateChannel(ctx, &serversv1.CreateChannelRequest{ServerId: server.GetId(), Name: "n"}))
		}()
	}
	made := 0
	for range 8 {
		err := <-errs
		if err == nil {
			made++
			continue
		}
		refused(t, "one too many", err, beep.KindConflict, beep.CodeChannelLimit)
	}
	equal(t, "made", made, 3)
	below := int64(-1)
	for _, c := range value(w.ListChannels(ctx, &serversv1.ListChannelsRequest{ServerId: server.GetId()}))(t).GetChannels() {
		if int64(c.GetPosition()) <= below {
			t.Errorf("a channel stands at %d, after one at %d", c.GetPosition(), below)
		}
		below = int64(c.GetPosition())
	}
}

func TestListChannels_OnlyTheVisible(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, general := w.server(t)
	hidden := value(w.CreateChannel(w.as(t, ann), &serversv1.CreateChannelRequest{ServerId: server.GetId(), Name: "x"}))(t)
	w.authz.visible = func(answer *authzv1.ListVisibleChannelsResponse) {
		answer.ChannelIds = []uint64{general.GetId(), 999} // one that came later than the list read
	}
	list := value(w.ListChannels(w.as(t, bob), &serversv1.ListChannelsRequest{ServerId: server.GetId()}))(t)
	equal(t, "ListChannels", list.GetChannels(), []*serversv1.Channel{general})
	w.authz.check = func(r *authzv1.CheckRequest, answer *authzv1.CheckResponse) error {
		answer.Visible = r.GetChannelId() != hidden.GetChannel().GetId()
		return nil
	}
	refused(t, "GetChannel", second(w.GetChannel(w.as(t, bob), &serversv1.GetChannelRequest{
		ChannelId: hidden.GetChannel().GetId(),
	})), beep.KindNotFound, beep.CodeChannelNotFound)
}

func TestUpdateChannel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, general := w.server(t)
	ctx := w.as(t, ann)
	text := func(s string) *string { return &s }
	update := func(name, topic *string) *serversv1.Channel {
		t.Helper()
		answer := value(w.UpdateChannel(ctx, &serversv1.UpdateChannelRequest{
			ChannelId: general.GetId(), Name: name, Topic: topic,
		}))(t)
		return answer.GetChannel()
	}
	equal(t, "name", update(text(" lobby "), nil).GetName(), "lobby")
	equal(t, "topic", update(nil, text("hi\nthere")).GetTopic(), "hi\nthere")
	got := update(text("hall"), text(""))
	equal(t, "both", got, &serversv1.Channel{Id: general.GetId(), ServerId: server.GetId(), Kind: "text", Name: "hall"})
	rev := w.rev(t, server.GetId())
	equal(t, "nothing", update(nil, nil), got)
	equal(t, "the same", update(text("hall"), text("")), got)
	equal(t, "no row for no change", w.rev(t, server.GetId()), rev)
	for what, r := range map[string]*serversv1.UpdateChannelRequest{
		"an empty name":    {ChannelId: general.GetId(), Name: text(" ")},
		"a long name":      {ChannelId: general.GetId(), Name: text(strings.Repeat("x", 101))},
		"a topic too long": {ChannelId: general.GetId(), Topic: text(strings.Repeat("x", 1025))},
	} {
		refused(t, what, second(w.UpdateChannel(ctx, r)), beep.KindInvalid, beep.CodeInvalidField)
	}
}

func TestDeleteChannel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, general := w.server(t)
	ctx := w.as(t, ann)
	value(w.DeleteChannel(ctx, &serversv1.DeleteChannelRequest{ChannelId: general.GetId()}))(t)
	refused(t, "again", second(w.DeleteChannel(ctx, &serversv1.DeleteChannelRequest{ChannelId: general.GetId()})),
		beep.KindNotFound, beep.CodeChannelNotFound)
	scope := value(w.log.ResolveChannel(t.Context(), &serversv1.ResolveChannelRequest{ChannelId: general.GetId()}))(t)
	equal(t, "its scope", scope.GetScope(), &serversv1.Scope{Kind: "server", Id: general.GetServerId()})
}

// TestDeleteChannel_OfACategoryOpensNothing: what followed a private category stays private, at every revision.
func TestDeleteChannel_OfACategoryOpensNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, _ := w.server(t)
	ctx := w.as(t, ann)
	category := value(w.CreateChannel(ctx, &serversv1.CreateChannelRequest{
		ServerId: server.GetId(), Kind: "category", Name: "private",
	}))(t).GetChannel()
	inside := value(w.CreateChannel(ctx, &serversv1.CreateChannelRequest{
		ServerId: server.GetId(), Name: "plans", ParentId: category.GetId(),
	}))(t).GetChannel()
	value(w.SetOverwrite(ctx, &serversv1.SetOverwriteRequest{
		ChannelId: category.GetId(), RoleId: server.GetId(), Deny: []string{"view_channels"},
	}))(t)
	rev := w.rev(t, server.GetId())
	value(w.DeleteChannel(ctx, &serversv1.DeleteChannelRequest{ChannelId: category.GetId()}))(t)

	rows := w.rows(t, beep.ServerScope(beep.ServerID(server.GetId())), rev)
	equal(t, "rows", kinds(rows), []string{"overwrite_set", "channel_set", "channel_removed"})
	got := value(w.GetChannel(ctx, &serversv1.GetChannelRequest{ChannelId: inside.GetId()}))(t).GetChannel()
	inside.ParentId, inside.Synced = 0, false
	equal(t, "the channel", got, inside)
	list := value(w.ListOverwrites(ctx, &serversv1.ListOverwritesRequest{ChannelId: inside.GetId()}))(t).GetOverwrites()
	equal(t, "its overwrites", list, []*serversv1.Overwrite{{
		Id: list[0].GetId(), ChannelId: inside.GetId(), RoleId: server.GetId(), Deny: []string{"view_channels"},
	}})
}

func TestOverwrites(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, general := w.server(t)
	ctx := w.as(t, ann)
	set := func(r *serversv1.SetOverwriteRequest) *serversv1.Overwrite {
		t.Helper()
		r.ChannelId = general.GetId()
		return value(w.SetOverwrite(ctx, r))(t).GetOverwrite()
	}
	list := func() []*serversv1.Overwrite {
		t.Helper()
		return value(w.ListOverwrites(ctx, &serversv1.ListOverwritesRequest{ChannelId: general.GetId()}))(t).GetOverwrites()
	}
	first := set(&serversv1.SetOverwriteRequest{RoleId: server.GetId(), Allow: []string{"speak", "connect"}})
	equal(t, "first", first, &serversv1.Overwrite{
		Id: first.GetId(), ChannelId: general.GetId(), RoleId: server.GetId(), Allow: []string{"connect", "speak"},
	})
	second := set(&serversv1.SetOverwriteRequest{MemberId: uint64(bob), Deny: []string{"send_messages"}})
	equal(t, "both", list(), []*serversv1.Overwrite{first, second})

	rev := w.rev(t, server.GetId())
	set(&serversv1.SetOverwriteRequest{MemberId: uint64(bob), Deny: []string{"send_messages"}})
	equal(t, "no row for the same again", w.rev(t, server.GetId()), rev)
	changed := set(&serversv1.SetOverwriteRequest{MemberId: uint64(bob), Allow: []string{"send_messages"}})
	equal(t, "the id stays", changed.GetId(), second.GetId())
	equal(t, "changed", list(), []*serversv1.Overwrite{first, changed})

	w.authz.actions = func(r *authzv1.CheckActionsRequest, _ *authzv1.CheckActionsResponse) {
		equal(t, "clearing is to have no rights there", r.GetActions()[0].GetSetOverwrite(), &authzv1.OverwriteState{
			ChannelId: general.GetId(), MemberId: uint64(bob),
		})
	}
	clearing := &serversv1.ClearOverwriteRequest{ChannelId: general.GetId(), OverwriteId: second.GetId()}
	value(w.ClearOverwrite(ctx, clearing))(t)
	equal(t, "cleared", list(), []*serversv1.Overwrite{first})
	_, err := w.ClearOverwrite(ctx, clearing)
	refused(t, "again", err, beep.KindNotFound, beep.CodeOverwriteNotFound)
}

func TestOverwrites_Refusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, general := w.server(t)
	ctx := w.as(t, bob)
	there := value(w.SetOverwrite(ctx, &serversv1.SetOverwriteRequest{ChannelId: general.GetId(), RoleId: server.GetId()}))(t)
	rev := w.rev(t, server.GetId())
	for code, kind := range map[beep.Code]beep.Kind{
		beep.CodeForbidden: beep.KindForbidden, beep.CodeHierarchy: beep.KindForbidden,
		beep.CodeRoleNotFound: beep.KindNotFound, beep.CodeMemberNotFound: beep.KindNotFound,
		beep.CodeChannelSynced: beep.KindPrecondition, beep.CodeInvalidField: beep.KindInvalid,
	} {
		w.authz.actions = func(_ *authzv1.CheckActionsRequest, answer *authzv1.CheckActionsResponse) {
			answer.Allowed, answer.Code, answer.Reason = false, string(code), "because of "+string(code)
		}
		_, err := w.SetOverwrite(ctx, &serversv1.SetOverwriteRequest{ChannelId: general.GetId(), MemberId: 1})
		refused(t, "SetOverwrite", err, kind, code)
		if !strings.Contains(err.Error(), "because of "+string(code)) {
			t.Errorf("SetOverwrite: %v does not say why", err)
		}
		_, err = w.ClearOverwrite(ctx, &serversv1.ClearOverwriteRequest{
			ChannelId: general.GetId(), OverwriteId: there.GetOverwrite().GetId(),
		})
		refused(t, "ClearOverwrite", err, kind, code)
	}
	for name, tt := range map[string]struct {
		r    *serversv1.SetOverwriteRequest
		code beep.Code
	}{
		"no target":                {&serversv1.SetOverwriteRequest{}, beep.CodeOverwriteTarget},
		"two targets":              {&serversv1.SetOverwriteRequest{RoleId: 1, MemberId: 1}, beep.CodeOverwriteTarget},
		"a right in both lists":    {&serversv1.SetOverwriteRequest{RoleId: 1, Allow: []string{"speak"}, Deny: []string{"speak"}}, beep.CodeInvalidField},
		"a word that is no right":  {&serversv1.SetOverwriteRequest{RoleId: 1, Allow: []string{"fly"}}, beep.CodeInvalidField},
		"a word that is no denial": {&serversv1.SetOverwriteRequest{RoleId: 1, Deny: []string{"Speak"}}, beep.CodeInvalidField},
		"a right of servers":       {&serversv1.SetOverwriteRequest{RoleId: 1, Allow: []string{"administrator"}}, beep.CodeInvalidField},
		"a denial of servers":      {&serversv1.SetOverwriteRequest{RoleId: 1, Deny: []string{"manage_roles"}}, beep.CodeInvalidField},
		"a role that is no id":     {&serversv1.SetOverwriteRequest{RoleId: 1 << 63}, beep.CodeInvalidID},
		"a member that is no id":   {&serversv1.SetOverwriteRequest{MemberId: 1 << 63}, beep.CodeInvalidID},
	} {
		tt.r.ChannelId = general.GetId()
		_, err := w.SetOverwrite(ctx, tt.r)
		refused(t, name, err, beep.KindInvalid, tt.code)
	}
	equal(t, "revision", w.rev(t, server.GetId()), rev)
}

// TestIDs: a number that is no id is refused as such by every method that takes one.
func TestIDs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, id := range []uint64{0, 1 << 63, 1<<64 - 1} {
		for name, call := range w.calls(id, id, "") {
			if name != "RevokeInvitation" {
				refused(t, name, call(w.as(t, ann)), beep.KindInvalid, beep.CodeInvalidID)
			}
		}
	}
	refused(t, "KickMember", second(w.KickMember(w.as(t, ann), &serversv1.KickMemberRequest{ServerId: 1})),
		beep.KindInvalid, beep.CodeInvalidID)
	refused(t, "ClearOverwrite", second(w.ClearOverwrite(w.as(t, ann), &serversv1.ClearOverwriteRequest{ChannelId: 1})),
		beep.KindInvalid, beep.CodeInvalidID)
	refused(t, "ListMembers", second(w.ListMembers(w.as(t, ann), &serversv1.ListMembersRequest{ServerId: 1, After: 1 << 63})),
		beep.KindInvalid, beep.CodeInvalidID)
}
