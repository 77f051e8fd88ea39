package grpcapi_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/servers"
)

// newChannel makes one as ann; kind and parent may be left out.
func (w *world) newChannel(t *testing.T, r *serversv1.CreateChannelRequest) *serversv1.Channel {
	t.Helper()
	return value(w.CreateChannel(w.as(t, ann), r))(t).GetChannel()
}

// masks are a channel's overwrites by target, as "role 3 +view_channels -speak".
func (w *world) masks(t *testing.T, channel uint64) (masks []string) {
	t.Helper()
	list := value(w.ListOverwrites(w.as(t, ann), &serversv1.ListOverwritesRequest{ChannelId: channel}))(t)
	return maskTexts(list.GetOverwrites())
}

func maskTexts(list []*serversv1.Overwrite) (masks []string) {
	for _, o := range list {
		text := fmt.Sprintf("member %d", o.GetMemberId())
		if o.GetRoleId() != 0 {
			text = fmt.Sprintf("role %d", o.GetRoleId())
		}
		for _, right := range o.GetAllow() {
			text += " +" + right
		}
		for _, right := range o.GetDeny() {
			text += " -" + right
		}
		masks = append(masks, text)
	}
	slices.Sort(masks)
	return masks
}

func (w *world) deny(t *testing.T, channel, role uint64, rights ...string) {
	t.Helper()
	value(w.SetOverwrite(w.as(t, ann), &serversv1.SetOverwriteRequest{ChannelId: channel, RoleId: role, Deny: rights}))(t)
}

// TestSync: a channel follows its category or has its own overwrites, never both, and between any two rows of the change
// nothing is open that was closed before and after.
func TestSync(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, _ := w.server(t)
	id := server.GetId()
	scope := beep.ServerScope(beep.ServerID(id))
	category := w.newChannel(t, &serversv1.CreateChannelRequest{ServerId: id, Kind: "category", Name: "Staff"})
	w.deny(t, category.GetId(), id, "view_channels")
	inside := w.newChannel(t, &serversv1.CreateChannelRequest{ServerId: id, Name: "plans", ParentId: category.GetId()})
	everyoneOut := []string{fmt.Sprintf("role %d -view_channels", id)}
	equal(t, "what holds while it follows", w.masks(t, inside.GetId()), everyoneOut)
	update := func(r *serversv1.UpdateChannelRequest) *serversv1.Channel {
		t.Helper()
		r.ChannelId = inside.GetId()
		return value(w.UpdateChannel(w.as(t, ann), r))(t).GetChannel()
	}
	yes, no, none := true, false, uint64(0)

	rev := w.rev(t, id)
	equal(t, "ended", update(&serversv1.UpdateChannelRequest{Synced: &no}).GetSynced(), false)
	equal(t, "the copy comes first", kinds(w.rows(t, scope, rev)), []string{"overwrite_set", "channel_set"})
	equal(t, "what it keeps", w.masks(t, inside.GetId()), everyoneOut)
	w.deny(t, inside.GetId(), id, "speak")

	rev = w.rev(t, id)
	equal(t, "begun again", update(&serversv1.UpdateChannelRequest{Synced: &yes}).GetSynced(), true)
	equal(t, "its own go last", kinds(w.rows(t, scope, rev)), []string{"channel_set", "overwrite_removed"})
	equal(t, "what holds then", w.masks(t, inside.GetId()), everyoneOut)

	rev = w.rev(t, id)
	out := update(&serversv1.UpdateChannelRequest{ParentId: &none})
	equal(t, "out of the category", []any{out.GetParentId(), out.GetSynced()}, []any{uint64(0), false})
	equal(t, "with a copy first", kinds(w.rows(t, scope, rev)), []string{"overwrite_set", "channel_set"})
	equal(t, "of what held", w.masks(t, inside.GetId()), everyoneOut)
	back := update(&serversv1.UpdateChannelRequest{ParentId: &category.Id})
	equal(t, "back in it with its own", []any{back.GetParentId(), back.GetSynced()}, []any{category.GetId(), false})

	update(&serversv1.UpdateChannelRequest{Synced: &yes})
	rev = w.rev(t, id)
	value(w.DeleteChannel(w.as(t, ann), &serversv1.DeleteChannelRequest{ChannelId: category.GetId()}))(t)
	equal(t, "the end of the category", kinds(w.rows(t, scope, rev)), []string{"overwrite_set", "channel_set", "channel_removed"})
	equal(t, "what is left", w.masks(t, inside.GetId()), everyoneOut)
	refused(t, "to follow nothing", second(w.UpdateChannel(w.as(t, ann), &serversv1.UpdateChannelRequest{
		ChannelId: inside.GetId(), Synced: &yes,
	})), beep.KindInvalid, beep.CodeInvalidField)
}

func TestMove_AsksForThePlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, channel := w.server(t)
	category := w.newChannel(t, &serversv1.CreateChannelRequest{ServerId: server.GetId(), Kind: "category", Name: "c"})
	var got *authzv1.ChannelPlace
	w.authz.actions = func(r *authzv1.CheckActionsRequest, _ *authzv1.CheckActionsResponse) {
		got = r.GetActions()[0].GetMoveChannel()
	}
	yes, name := true, "renamed"
	value(w.UpdateChannel(w.as(t, ann), &serversv1.UpdateChannelRequest{ChannelId: channel.GetId(), ParentId: &category.Id, Synced: &yes}))(t)
	equal(t, "the place", got, &authzv1.ChannelPlace{ChannelId: channel.GetId(), CategoryId: category.GetId(), Synced: true})
	got = nil
	value(w.UpdateChannel(w.as(t, ann), &serversv1.UpdateChannelRequest{ChannelId: channel.GetId(), Name: &name}))(t)
	if got != nil {
		t.Errorf("a new name asks for the place %v", got)
	}
}

// TestPrivateChannel: from its first row on a private channel is closed to all but those it is for.
func TestPrivateChannel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, _ := w.server(t)
	id := server.GetId()
	crew := w.createRole(t, id, "Crew").GetId()
	category := w.newChannel(t, &serversv1.CreateChannelRequest{ServerId: id, Kind: "category", Name: "c"})
	value(w.SetOverwrite(w.as(t, ann), &serversv1.SetOverwriteRequest{
		ChannelId: category.GetId(), RoleId: crew, Allow: []string{"view_channels"}, Deny: []string{"speak"},
	}))(t)
	rev := w.rev(t, id)
	secret := w.newChannel(t, &serversv1.CreateChannelRequest{
		ServerId: id, Name: "secret", ParentId: category.GetId(), Private: true, MemberIds: []uint64{uint64(bob)},
	})
	equal(t, "it follows nothing", []any{secret.GetParentId(), secret.GetSynced()}, []any{category.GetId(), false})
	equal(t, "whom it is for", w.masks(t, secret.GetId()), []string{
		"member 101 +view_channels", "member 102 +view_channels", fmt.Sprintf("role %d -view_channels", id), fmt.Sprintf("role %d -speak", crew),
	})
	rows := w.rows(t, beep.ServerScope(beep.ServerID(id)), rev)
	first, _ := rows[0].Change.(servers.ChannelSet)
	if !first.Synced || first.Parent == beep.ChannelID(category.GetId()) || first.Parent == 0 {
		t.Errorf("its first row is %+v, which someone may see", first)
	}

	access := func(r *serversv1.SetChannelAccessRequest) []string {
		t.Helper()
		r.ChannelId = secret.GetId()
		list := value(w.SetChannelAccess(w.as(t, ann), r))(t).GetOverwrites()
		texts := maskTexts(list)
		equal(t, "the answer is what there is", texts, w.masks(t, secret.GetId()))
		return texts
	}
	yes, no := true, false
	rev = w.rev(t, id)
	equal(t, "a role in, a member out", access(&serversv1.SetChannelAccessRequest{
		AddRoleIds: []uint64{crew}, RemoveMemberIds: []uint64{uint64(bob)},
	}), []string{
		"member 101 +view_channels", fmt.Sprintf("role %d -view_channels", id), fmt.Sprintf("role %d +view_channels -speak", crew),
	})
	equal(t, "in one commit", kinds(w.rows(t, beep.ServerScope(beep.ServerID(id)), rev)), []string{"overwrite_set", "overwrite_removed"})
	rev = w.rev(t, id)
	access(&serversv1.SetChannelAccessRequest{Private: &yes, AddRoleIds: []uint64{crew}})
	equal(t, "no row for what is so", w.rev(t, id), rev)
	equal(t, "for everyone", access(&serversv1.SetChannelAccessRequest{Private: &no}), []string{
		"member 101 +view_channels", fmt.Sprintf("role %d +view_channels -speak", crew),
	})
}

func TestSetChannelAccess_IsAllOrNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, channel := w.server(t)
	id := server.GetId()
	rev := w.rev(t, id)
	yes := true
	w.authz.actions = func(r *authzv1.CheckActionsRequest, answer *authzv1.CheckActionsResponse) {
		equal(t, "all in one question", len(r.GetActions()), 2)
		answer.Allowed, answer.Code, answer.Refused = false, "hierarchy", 1
	}
	refused(t, "the second", second(w.SetChannelAccess(w.as(t, ann), &serversv1.SetChannelAccessRequest{
		ChannelId: channel.GetId(), Private: &yes, AddMemberIds: []uint64{uint64(bob)},
	})), beep.KindForbidden, beep.CodeHierarchy)
	w.authz.actions = nil
	for name, r := range map[string]*serversv1.SetChannelAccessRequest{
		"nothing":               {},
		"a target twice":        {AddRoleIds: []uint64{id, id}},
		"both in and out":       {AddMemberIds: []uint64{uint64(bob)}, RemoveMemberIds: []uint64{uint64(bob)}},
		"more than one can say": {AddMemberIds: make([]uint64, 0, 101), RemoveRoleIds: many(101)},
	} {
		r.ChannelId = channel.GetId()
		refused(t, name, second(w.SetChannelAccess(w.as(t, ann), r)), beep.KindInvalid, beep.CodeInvalidField)
	}
	equal(t, "revision", w.rev(t, id), rev)
	refused(t, "@everyone let in by name", second(w.SetChannelAccess(w.as(t, ann), &serversv1.SetChannelAccessRequest{
		ChannelId: channel.GetId(), Private: &yes, AddRoleIds: []uint64{id},
	})), beep.KindInvalid, beep.CodeInvalidField)
	refused(t, "@everyone let in by name from the start", second(w.CreateChannel(w.as(t, ann), &serversv1.CreateChannelRequest{
		ServerId: id, Name: "n", Private: true, RoleIds: []uint64{id},
	})), beep.KindInvalid, beep.CodeInvalidField)
	for name, tt := range map[string]struct {
		r    *serversv1.CreateChannelRequest
		code beep.Code
	}{
		"no such role":   {&serversv1.CreateChannelRequest{Private: true, RoleIds: []uint64{12345}}, beep.CodeRoleNotFound},
		"no such member": {&serversv1.CreateChannelRequest{Private: true, MemberIds: []uint64{uint64(eve)}}, beep.CodeMemberNotFound},
	} {
		tt.r.ServerId, tt.r.Name = id, "n"
		refused(t, name, second(w.CreateChannel(w.as(t, ann), tt.r)), beep.KindNotFound, tt.code)
	}
}

func many(n int) []uint64 {
	list := make([]uint64, n)
	for i := range list {
		list[i] = uint64(i) + 1
	}
	return list
}

// TestReorderChannels: the channels that one sees change places; those that one does not see keep theirs.
func TestReorderChannels(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, general := w.server(t)
	id := server.GetId()
	list := []uint64{general.GetId()}
	for i := range 4 {
		list = append(list, w.newChannel(t, &serversv1.CreateChannelRequest{ServerId: id, Name: fmt.Sprint(i)}).GetId())
	}
	hidden := list[2]
	w.authz.visible = func(answer *authzv1.ListVisibleChannelsResponse) {
		answer.ChannelIds = slices.DeleteFunc(answer.ChannelIds, func(id uint64) bool { return id == hidden })
	}
	order := func(list ...uint64) ([]*serversv1.Channel, error) {
		answer, err := w.ReorderChannels(w.as(t, ann), &serversv1.ReorderChannelsRequest{ServerId: id, ChannelIds: list})
		return answer.GetChannels(), err
	}
	standing := func() (ids []uint64) {
		t.Helper()
		for _, c := range value(w.store.Channels(t.Context(), beep.ServerID(id)))(t) {
			ids = append(ids, uint64(c.ID))
		}
		return ids
	}
	value(order(list[4], list[0], list[1], list[3]))(t) // there is no room before the first: all are spread out
	value(order(list[0], list[1], list[3], list[4]))(t)
	rev := w.rev(t, id)
	got := value(order(list[4], list[0], list[1], list[3]))(t)
	equal(t, "the answer", []uint64{got[0].GetId(), got[1].GetId(), got[2].GetId(), got[3].GetId()}, []uint64{list[4], list[0], list[1], list[3]})
	equal(t, "the hidden one keeps its place", standing(), []uint64{list[4], list[0], hidden, list[1], list[3]})
	if rows := w.rev(t, id) - rev; rows > 2 {
		t.Errorf("%d rows, though two moves are enough", rows)
	}
	rev = w.rev(t, id)
	value(order(list[4], list[0], list[1], list[3]))(t)
	equal(t, "no row for the same order", w.rev(t, id), rev)
	for name, wrong := range map[string][]uint64{
		"one less":   {list[4], list[0], list[1]},
		"one twice":  {list[4], list[0], list[1], list[1]},
		"one hidden": {list[4], list[0], list[1], hidden},
		"none":       nil,
	} {
		_, err := order(wrong...)
		refused(t, name, err, beep.KindPrecondition, beep.CodeChannelsChanged)
	}
	for range 40 { // a gap halves each time
		list[0], list[1], list[3] = list[1], list[3], list[0]
		value(order(list[4], list[0], list[1], list[3]))(t)
		equal(t, "dragged", standing(), []uint64{list[4], list[0], hidden, list[1], list[3]})
	}
}

// TestInvitations_AreLimited: as many work as are listed; who cannot see one could not revoke it.
func TestInvitations_AreLimited(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, _ := w.server(t)
	create := func() error {
		return second(w.CreateInvitation(w.as(t, ann), &serversv1.CreateInvitationRequest{ServerId: server.GetId()}))
	}
	for range 99 { // one let bob in
		if err := create(); err != nil {
			t.Fatal(err)
		}
	}
	refused(t, "one more", create(), beep.KindConflict, beep.CodeInviteLimit)
	list := value(w.ListInvitations(w.as(t, ann), &serversv1.ListInvitationsRequest{ServerId: server.GetId()}))(t).GetInvitations()
	equal(t, "all are listed", len(list), 100)
	value(w.RevokeInvitation(w.as(t, ann), &serversv1.RevokeInvitationRequest{Code: list[0].GetCode()}))(t)
	if err := create(); err != nil {
		t.Error(err)
	}
}
