package grpcapi_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/servers"
)

func (w *world) createRole(t *testing.T, server uint64, name string, rights ...string) *serversv1.Role {
	t.Helper()
	return value(w.CreateRole(w.as(t, ann), &serversv1.CreateRoleRequest{ServerId: server, Name: name, Rights: rights}))(t).GetRole()
}

// roles are the names of a server's roles, highest first.
func (w *world) roles(t *testing.T, server uint64) (names []string) {
	t.Helper()
	for _, r := range value(w.ListRoles(w.as(t, ann), &serversv1.ListRolesRequest{ServerId: server}))(t).GetRoles() {
		names = append(names, r.GetName())
	}
	return names
}

// last is the newest entry of the audit log.
func (w *world) last(t *testing.T, server uint64) *serversv1.AuditEntry {
	t.Helper()
	list := value(w.ListAuditEntries(w.as(t, ann), &serversv1.ListAuditEntriesRequest{ServerId: server, Limit: 1}))(t).GetEntries()
	if len(list) == 0 {
		t.Fatal("the audit log is empty")
	}
	return list[0]
}

func TestRoles_AreCreatedChangedAndRemoved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, _ := w.server(t)
	id := server.GetId()
	made := value(w.CreateRole(w.as(t, ann), &serversv1.CreateRoleRequest{
		ServerId: id, Name: "  Crew ", Color: 0x3498DB, Hoist: true, Rights: []string{"speak", "connect"}, Reason: "we sail",
	}))(t).GetRole()
	equal(t, "the new role", made, &serversv1.Role{
		Id: made.GetId(), ServerId: id, Name: "Crew", Position: made.GetPosition(), Rights: []string{"connect", "speak"},
		Color: 0x3498DB, Hoist: true,
	})
	entry := w.last(t, id)
	if entry.GetAction() != "role_create" || entry.GetTargetId() != made.GetId() || entry.GetActorId() != uint64(ann) || entry.GetReason() != "we sail" {
		t.Errorf("the record is %v", entry)
	}
	w.createRole(t, id, "Cook")
	equal(t, "the newer one is lower", w.roles(t, id), []string{"Crew", "Cook", "@everyone"})

	mentionable := true
	changed := value(w.UpdateRole(w.as(t, ann), &serversv1.UpdateRoleRequest{
		ServerId: id, RoleId: made.GetId(), Mentionable: &mentionable, Rights: &serversv1.Rights{Names: []string{"speak"}},
	}))(t).GetRole()
	equal(t, "what is left out stays", changed, &serversv1.Role{
		Id: made.GetId(), ServerId: id, Name: "Crew", Position: made.GetPosition(), Rights: []string{"speak"}, Color: 0x3498DB,
		Hoist: true, Mentionable: true,
	})
	equal(t, "the record has what changed, alone", w.last(t, id).GetChanges(), []*serversv1.AuditChange{
		{Field: "mentionable", From: []string{"false"}, To: []string{"true"}},
		{Field: "rights", From: []string{"connect", "speak"}, To: []string{"speak"}},
	})
	rev := w.rev(t, id)
	value(w.UpdateRole(w.as(t, ann), &serversv1.UpdateRoleRequest{ServerId: id, RoleId: made.GetId(), Mentionable: &mentionable}))(t)
	equal(t, "no row for what is so already", w.rev(t, id), rev)

	value(w.DeleteRole(w.as(t, ann), &serversv1.DeleteRoleRequest{ServerId: id, RoleId: made.GetId()}))(t)
	equal(t, "removed", w.roles(t, id), []string{"Cook", "@everyone"})
	refused(t, "again", second(w.DeleteRole(w.as(t, ann), &serversv1.DeleteRoleRequest{ServerId: id, RoleId: made.GetId()})),
		beep.KindNotFound, beep.CodeRoleNotFound)
}

func TestRoles_AskForWhatTheyGive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, _ := w.server(t)
	id := server.GetId()
	role := w.createRole(t, id, "Crew", "speak")
	var got *authzv1.Action
	w.authz.actions = func(r *authzv1.CheckActionsRequest, _ *authzv1.CheckActionsResponse) { got = r.GetActions()[0] }
	state := func(position uint32, rights ...string) *authzv1.RoleState {
		return &authzv1.RoleState{ServerId: id, RoleId: role.GetId(), Position: position, Rights: rights}
	}
	of := &authzv1.RoleOfMember{ServerId: id, RoleId: role.GetId(), TargetId: uint64(bob)}

	value(w.UpdateRole(w.as(t, bob), &serversv1.UpdateRoleRequest{
		ServerId: id, RoleId: role.GetId(), Rights: &serversv1.Rights{Names: []string{"manage_roles"}},
	}))(t)
	equal(t, "a change: the rights to come", got.GetEditRole(), state(role.GetPosition(), "manage_roles"))
	value(w.AssignRole(w.as(t, ann), &serversv1.AssignRoleRequest{ServerId: id, RoleId: role.GetId(), UserId: uint64(bob)}))(t)
	equal(t, "giving it", got.GetAssignRole(), of)
	value(w.UnassignRole(w.as(t, ann), &serversv1.UnassignRoleRequest{ServerId: id, RoleId: role.GetId(), UserId: uint64(bob)}))(t)
	equal(t, "taking it", got.GetUnassignRole(), of)
	value(w.DeleteRole(w.as(t, ann), &serversv1.DeleteRoleRequest{ServerId: id, RoleId: role.GetId()}))(t)
	equal(t, "its removal", got.GetDeleteRole(), state(0))
}

func TestRoles_RefuseNonsense(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, _ := w.server(t)
	id := server.GetId()
	name, color := "x", uint32(0x1000000)
	rev := w.rev(t, id)
	for what, err := range map[string]error{
		"no name":             second(w.CreateRole(w.as(t, ann), &serversv1.CreateRoleRequest{ServerId: id})),
		"a right of no role":  second(w.CreateRole(w.as(t, ann), &serversv1.CreateRoleRequest{ServerId: id, Name: "n", Rights: []string{"manage_permissions"}})),
		"a word, no right":    second(w.CreateRole(w.as(t, ann), &serversv1.CreateRoleRequest{ServerId: id, Name: "n", Rights: []string{"fly"}})),
		"no color":            second(w.CreateRole(w.as(t, ann), &serversv1.CreateRoleRequest{ServerId: id, Name: "n", Color: color})),
		"a name of @everyone": second(w.UpdateRole(w.as(t, ann), &serversv1.UpdateRoleRequest{ServerId: id, RoleId: id, Name: &name})),
		"a long reason": second(w.CreateRole(w.as(t, ann), &serversv1.CreateRoleRequest{
			ServerId: id, Name: "n", Reason: string(make([]byte, 513)),
		})),
	} {
		refused(t, what, err, beep.KindInvalid, beep.CodeInvalidField)
	}
	equal(t, "revision", w.rev(t, id), rev)
	value(w.UpdateRole(w.as(t, ann), &serversv1.UpdateRoleRequest{ServerId: id, RoleId: id, Rights: &serversv1.Rights{}}))(t)
}

func TestRoles_AreLimited(t *testing.T) {
	t.Parallel()
	limits := beep.DefaultLimits()
	limits.RolesPerServer = 3
	w := newWorldOn(t, "sqlite://"+t.TempDir()+"/servers.db", limits)
	server, _ := w.server(t)
	w.createRole(t, server.GetId(), "one")
	w.createRole(t, server.GetId(), "two")
	refused(t, "a fourth, @everyone counted", second(w.CreateRole(w.as(t, ann), &serversv1.CreateRoleRequest{
		ServerId: server.GetId(), Name: "three",
	})), beep.KindConflict, beep.CodeRoleLimit)
}

// TestReorderRoles: one role that is dragged elsewhere is one row and one question.
func TestReorderRoles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, _ := w.server(t)
	id := server.GetId()
	var list []uint64
	for i := range 6 {
		list = append(list, w.createRole(t, id, fmt.Sprint(i)).GetId())
	}
	order := func(list []uint64) ([]*serversv1.Role, error) {
		answer, err := w.ReorderRoles(w.as(t, ann), &serversv1.ReorderRolesRequest{ServerId: id, RoleIds: list})
		return answer.GetRoles(), err
	}
	asked := 0
	w.authz.actions = func(r *authzv1.CheckActionsRequest, _ *authzv1.CheckActionsResponse) { asked = len(r.GetActions()) }
	rev := w.rev(t, id)
	list = []uint64{list[0], list[5], list[1], list[2], list[3], list[4]}
	value(order(list))(t)
	equal(t, "the order", w.roles(t, id), []string{"0", "5", "1", "2", "3", "4", "@everyone"})
	equal(t, "rows", w.rev(t, id), rev+1)
	equal(t, "questions", asked, 1)
	equal(t, "the record", w.last(t, id).GetAction(), "role_reorder")
	value(order(list))(t)
	equal(t, "no row for the same order", w.rev(t, id), rev+1)
	for name, wrong := range map[string][]uint64{
		"one less":           list[1:],
		"one twice":          append(slices.Clone(list[1:]), list[1]),
		"one of nowhere":     append(slices.Clone(list[1:]), 12345),
		"@everyone among it": append(slices.Clone(list), id),
		"none":               nil,
	} {
		_, err := order(wrong)
		refused(t, name, err, beep.KindPrecondition, beep.CodeRolesChanged)
	}
}

// TestReorderRoles_FindsRoom: however often roles are dragged between the same two, there is a place.
func TestReorderRoles_FindsRoom(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, _ := w.server(t)
	id := server.GetId()
	var list []uint64
	for i := range 4 {
		list = append(list, w.createRole(t, id, fmt.Sprint(i)).GetId())
	}
	for range 60 { // a gap halves each time: 2^30 has no room for 60
		list = []uint64{list[0], list[3], list[1], list[2]}
		got := value(w.ReorderRoles(w.as(t, ann), &serversv1.ReorderRolesRequest{ServerId: id, RoleIds: list}))(t).GetRoles()
		for i, r := range got[:4] {
			if r.GetId() != list[i] || (i > 0 && r.GetPosition() >= got[i-1].GetPosition()) {
				t.Fatalf("the order is %v, want %v", got, list)
			}
		}
	}
}

func TestAssignRole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, _ := w.server(t)
	id := server.GetId()
	first, other := w.createRole(t, id, "first"), w.createRole(t, id, "second")
	give := func(role *serversv1.Role) {
		t.Helper()
		value(w.AssignRole(w.as(t, ann), &serversv1.AssignRoleRequest{ServerId: id, UserId: uint64(bob), RoleId: role.GetId()}))(t)
	}
	has := func() []uint64 {
		t.Helper()
		return value(w.GetMember(w.as(t, bob), &serversv1.GetMemberRequest{ServerId: id, UserId: uint64(bob)}))(t).GetMember().GetRoleIds()
	}
	give(other)
	give(first)
	equal(t, "both, in order", has(), []uint64{first.GetId(), other.GetId()})
	rev := w.rev(t, id)
	give(first)
	equal(t, "no row for what is had", w.rev(t, id), rev)
	value(w.UnassignRole(w.as(t, ann), &serversv1.UnassignRoleRequest{ServerId: id, UserId: uint64(bob), RoleId: first.GetId()}))(t)
	equal(t, "one less", has(), []uint64{other.GetId()})
	equal(t, "the record", w.last(t, id).GetAction(), "role_unassign")
}

func TestMutes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, _ := w.server(t)
	id := server.GetId()
	mute := func(seconds uint32) (*serversv1.MuteMemberResponse, error) {
		return w.MuteMember(w.as(t, ann), &serversv1.MuteMemberRequest{ServerId: id, UserId: uint64(bob), Seconds: seconds, Reason: "loud"})
	}
	for _, seconds := range []uint32{0, 28*24*3600 + 1} {
		refused(t, fmt.Sprint(seconds), second(mute(seconds)), beep.KindInvalid, beep.CodeInvalidField)
	}
	before := beep.Now()
	ends := value(mute(28 * 24 * 3600))(t).GetMember().GetMutedUntil().AsTime()
	if length := ends.Sub(before); length < 28*24*time.Hour || length > 28*24*time.Hour+time.Minute {
		t.Errorf("muted for %s", length)
	}
	value(w.LeaveServer(w.as(t, bob), &serversv1.LeaveServerRequest{ServerId: id}))(t)
	w.join(t, id, bob)
	member := func() *serversv1.Member {
		t.Helper()
		return value(w.GetMember(w.as(t, ann), &serversv1.GetMemberRequest{ServerId: id, UserId: uint64(bob)}))(t).GetMember()
	}
	equal(t, "who comes back is muted as before", member().GetMutedUntil().AsTime(), ends)
	unmute := &serversv1.UnmuteMemberRequest{ServerId: id, UserId: uint64(bob)}
	value(w.UnmuteMember(w.as(t, ann), unmute))(t)
	equal(t, "unmuted", member().GetMutedUntil() == nil, true)
	rev := w.rev(t, id)
	value(w.UnmuteMember(w.as(t, ann), unmute))(t)
	equal(t, "no row for who is not muted", w.rev(t, id), rev)
}

// TestMutes_End by a change that the system makes, once the time is over and not before.
func TestMutes_End(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, _ := w.server(t)
	id := server.GetId()
	was := servers.Member{User: bob, Server: beep.ServerID(id), JoinedAt: beep.Now(), MutedUntil: beep.Now().Add(-time.Second)}
	lasting := servers.Member{User: ann, Server: beep.ServerID(id), JoinedAt: beep.Now(), MutedUntil: beep.Now().Add(time.Hour)}
	if err := w.store.Commit(t.Context(), servers.Commit{Scope: beep.ServerScope(beep.ServerID(id)), Changes: []servers.Change{
		servers.MemberSet{Member: was}, servers.MemberSet{Member: lasting},
	}}); err != nil {
		t.Fatal(err)
	}
	rev := w.rev(t, id)
	w.work(t, func() bool { return w.rev(t, id) > rev })
	was.MutedUntil = time.Time{}
	equal(t, "the rows since", w.rows(t, beep.ServerScope(beep.ServerID(id)), rev), []servers.Row{
		{Rev: rev + 1, Change: servers.MemberSet{Member: was}},
	})
	if e := w.last(t, id); e.GetAction() != "member_unmute" || e.GetActorId() != 0 || e.GetTargetId() != uint64(bob) {
		t.Errorf("the record is %v", e)
	}
}

// TestBans_Purge: a ban may want messages gone. It is asked for at once in every channel, page by page, at a revision
// that the ban is part of; again until it succeeds, and once more when nothing can follow; then it is forgotten.
func TestBans_Purge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, general := w.server(t)
	id := server.GetId()
	value(w.CreateChannel(w.as(t, ann), &serversv1.CreateChannelRequest{ServerId: id, Name: "docks", Kind: "category"}))(t)
	quay := value(w.CreateChannel(w.as(t, ann), &serversv1.CreateChannelRequest{ServerId: id, Name: "quay"}))(t).GetChannel()
	ban := &serversv1.BanUserRequest{ServerId: id, UserId: uint64(bob), PurgeSeconds: 7*24*3600 + 1}
	refused(t, "more than a week", second(w.BanUser(w.as(t, ann), ban)), beep.KindInvalid, beep.CodeInvalidField)

	w.purged.fail(beep.Unavailable(errors.New("down")))
	before := beep.Now()
	ban.PurgeSeconds = 3600
	value(w.BanUser(w.as(t, ann), ban))(t)
	if e := w.last(t, id); e.GetAction() != "member_purge" || e.GetTargetId() != uint64(bob) || e.GetActorId() != uint64(ann) {
		t.Errorf("the record is %v", e)
	}
	w.work(t, func() bool { return len(w.purged.list()) > 0 })
	w.purged.fail(nil)
	w.work(t, func() bool { return len(w.purged.list()) == 4 }) // two pages of each channel that has messages

	list := value(w.store.Purges(t.Context(), 9))(t)
	if len(list) != 1 || list[0].Since.Before(before.Add(-time.Hour)) || list[0].Since.After(before.Add(-59*time.Minute)) {
		t.Fatalf("kept are %v", list)
	}
	rev := w.rev(t, id)
	for i, channel := range []uint64{general.GetId(), general.GetId(), quay.GetId(), quay.GetId()} {
		want := &messagesv1.PurgeAuthorRequest{
			PurgeId: list[0].ID, ChannelId: channel, AuthorId: uint64(bob), ActorId: uint64(ann), Rev: rev,
			After: beep.FirstID(list[0].Since) - 1 + uint64(i%2), Scope: &serversv1.Scope{Kind: "server", Id: id},
		}
		equal(t, fmt.Sprint("call ", i), w.purged.list()[i], want)
	}

	// As if it had been wanted long ago: what goes through the channels now is the last time.
	old := list[0]
	old.ID, old.CreatedAt = old.ID+1, old.CreatedAt.Add(-time.Minute)
	err := w.store.Commit(t.Context(), servers.Commit{
		Scope: beep.ServerScope(beep.ServerID(id)), Records: []servers.Record{servers.PurgeWanted{Purge: old}},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.work(t, func() bool { return len(value(w.store.Purges(t.Context(), 9))(t)) == 1 })
	equal(t, "the young one stays", value(w.store.Purges(t.Context(), 9))(t), list)
}

func TestBans(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, _ := w.server(t)
	id := server.GetId()
	ban := func(user beep.UserID, reason string) *serversv1.Ban {
		t.Helper()
		return value(w.BanUser(w.as(t, ann), &serversv1.BanUserRequest{ServerId: id, UserId: uint64(user), Reason: reason}))(t).GetBan()
	}
	rev := w.rev(t, id)
	first := ban(bob, "spam")
	equal(t, "the member goes", kinds(w.rows(t, beep.ServerScope(beep.ServerID(id)), rev)), []string{"member_removed"})
	equal(t, "once more is the same ban", ban(bob, "again"), first)
	ban(eve, "a bot")
	equal(t, "a stranger: no row", w.rev(t, id), rev+1)

	code := value(w.CreateInvitation(w.as(t, ann), &serversv1.CreateInvitationRequest{ServerId: id}))(t).GetInvitation().GetCode()
	refused(t, "by an invitation", second(w.AcceptInvitation(w.as(t, bob), &serversv1.AcceptInvitationRequest{Code: code})),
		beep.KindForbidden, beep.CodeBanned)
	list := value(w.ListBans(w.as(t, ann), &serversv1.ListBansRequest{ServerId: id, Limit: 1}))(t).GetBans()
	equal(t, "newest first", list[0].GetUserId(), uint64(eve))
	list = value(w.ListBans(w.as(t, ann), &serversv1.ListBansRequest{ServerId: id, Before: list[0].GetId()}))(t).GetBans()
	equal(t, "the next page", list, []*serversv1.Ban{first})

	unban := &serversv1.UnbanUserRequest{ServerId: id, UserId: uint64(bob)}
	value(w.UnbanUser(w.as(t, ann), unban))(t)
	refused(t, "again", second(w.UnbanUser(w.as(t, ann), unban)), beep.KindNotFound, beep.CodeBanNotFound)
	value(w.AcceptInvitation(w.as(t, bob), &serversv1.AcceptInvitationRequest{Code: code}))(t)
}

func TestServers_AreChangedHandedOverAndRemoved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, channel := w.server(t)
	id := server.GetId()
	description := "boats"
	got := value(w.UpdateServer(w.as(t, ann), &serversv1.UpdateServerRequest{ServerId: id, Description: &description}))(t).GetServer()
	equal(t, "changed", []string{got.GetName(), got.GetDescription()}, []string{"Ann's", "boats"})
	equal(t, "the record", w.last(t, id).GetChanges(), []*serversv1.AuditChange{{Field: "description", To: []string{"boats"}}})

	transfer := func(as, to beep.UserID) error {
		return second(w.TransferServer(w.as(t, as), &serversv1.TransferServerRequest{ServerId: id, UserId: uint64(to)}))
	}
	refused(t, "by who is not the owner", transfer(bob, bob), beep.KindForbidden, beep.CodeForbidden)
	refused(t, "to a stranger", transfer(ann, eve), beep.KindNotFound, beep.CodeMemberNotFound)
	if err := transfer(ann, bob); err != nil {
		t.Fatal(err)
	}
	refused(t, "the new owner leaves", second(w.LeaveServer(w.as(t, bob), &serversv1.LeaveServerRequest{ServerId: id})),
		beep.KindConflict, beep.CodeOwnerCannotLeave)

	remove := func(name string) error {
		return second(w.DeleteServer(w.as(t, bob), &serversv1.DeleteServerRequest{ServerId: id, Name: name}))
	}
	refused(t, "another name", remove("ann's"), beep.KindPrecondition, beep.CodeNameMismatch)
	if err := remove("Ann's"); err != nil {
		t.Fatal(err)
	}
	refused(t, "again", remove("Ann's"), beep.KindNotFound, beep.CodeServerNotFound)
	refused(t, "its channel", second(w.GetChannel(w.as(t, ann), &serversv1.GetChannelRequest{ChannelId: channel.GetId()})),
		beep.KindNotFound, beep.CodeChannelNotFound)
	equal(t, "nobody's server", len(value(w.ListServers(w.as(t, ann), &serversv1.ListServersRequest{}))(t).GetServers()), 0)
}
