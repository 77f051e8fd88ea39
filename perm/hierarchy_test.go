package perm_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/perm"
)

// The hierarchy tests have, from the top: ada the owner, bob with chief (3), cyn with mods (2), dan with
// guests (1), and eve with no role. Chief holds all that manages; mods manage messages.
const (
	chief beep.RoleID = 4
	dan   beep.UserID = 13
	eve   beep.UserID = 14
)

func newHierarchy(t *testing.T, rows ...perm.Row) *perm.View {
	t.Helper()
	v := newServer(
		t,
		perm.Role{ID: everyone, Rights: view | send | perm.ChangeNickname},
		perm.Role{ID: chief, Position: 3, Rights: perm.ManageRoles | perm.ManageChannels | perm.ManageMembers | perm.ManageNicknames | perm.MuteMembers},
		perm.Role{ID: mods, Position: 2, Rights: perm.ManageMembers},
		perm.Member{User: bob, Roles: []beep.RoleID{chief}},
		perm.Member{User: cyn, Roles: []beep.RoleID{mods}},
		perm.Member{User: dan, Roles: []beep.RoleID{guests}},
		perm.Member{User: eve},
	)
	apply(t, v, rows...)
	return v
}

type asked struct {
	name string
	got  *perm.Refusal
	want *perm.Refusal
}

func compareAll(t *testing.T, all []asked) {
	t.Helper()
	for _, a := range all {
		if diff := cmp.Diff(a.want, a.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", a.name, diff)
		}
	}
}

func no(reason perm.Reason) *perm.Refusal { return &perm.Refusal{Reason: reason} }
func lacks(missing perm.Rights) *perm.Refusal {
	return &perm.Refusal{Reason: perm.Lacks, Missing: missing}
}

func lacksOneOf(rights perm.Rights) *perm.Refusal {
	return &perm.Refusal{Reason: perm.LacksOneOf, Missing: rights}
}

func TestMay_Roles(t *testing.T) {
	v := newHierarchy(t, perm.Role{ID: guests, Position: 1, Rights: perm.ManageWebhooks})
	compareAll(t, []asked{
		{"create below with rights held", v.MayCreateRole(bob, 2, send|perm.ManageRoles), nil},
		{"create at one's own place", v.MayCreateRole(bob, 3, 0), no(perm.NotBelow)},
		{"create with a right not held", v.MayCreateRole(bob, 1, send|perm.Administrator), lacks(perm.Administrator)},
		{"create at the bottom", v.MayCreateRole(bob, 0, 0), no(perm.BadRole)},
		{"create with a per-channel right", v.MayCreateRole(ada, 1, perm.ManagePermissions), no(perm.BadRole)},
		{"create without manage roles", v.MayCreateRole(cyn, 1, 0), lacks(perm.ManageRoles)},
		{"create as a stranger", v.MayCreateRole(99, 1, 0), no(perm.NotMember)},
		{"the owner creates above all", v.MayCreateRole(ada, 9, perm.Administrator), nil},
		{"edit below", v.MayEditRole(bob, mods, send), nil},
		{"edit one's own top role", v.MayEditRole(bob, chief, send), no(perm.NotBelow)},
		{"edit @everyone", v.MayEditRole(bob, everyone, view), nil},
		{"edit a role with a right not held", v.MayEditRole(bob, guests, 0), lacks(perm.ManageWebhooks)},
		{"edit what is not there", v.MayEditRole(bob, 99, 0), no(perm.NoRole)},
		{"move below", v.MayMoveRole(bob, mods, 1), nil},
		{"move up to oneself", v.MayMoveRole(bob, mods, 3), no(perm.NotBelow)},
		{"move @everyone", v.MayMoveRole(ada, everyone, 2), no(perm.BadRole)},
		{"delete below", v.MayDeleteRole(bob, mods), nil},
		{"delete @everyone", v.MayDeleteRole(ada, everyone), no(perm.BadRole)},
		{"delete one's own top role", v.MayDeleteRole(bob, chief), no(perm.NotBelow)},
	})
}

func TestMayDeleteRole_DoesNotFreeTheActor(t *testing.T) {
	v := newHierarchy(
		t,
		perm.Member{User: bob, Roles: []beep.RoleID{chief, mods}},
		perm.Overwrite{Channel: general, Role: mods, Mask: perm.Mask{Deny: view}},
	)
	if got := v.ChannelRights(bob, general); got != 0 {
		t.Fatalf("bob holds %s", got)
	}
	gain := perm.ManageChannels | view | send | perm.ManageRoles | perm.ManageMembers | perm.ManageNicknames | perm.ChangeNickname
	compareAll(t, []asked{
		{"a role that hides a channel from the actor", v.MayDeleteRole(bob, mods), lacks(gain)},
		{"the owner", v.MayDeleteRole(ada, mods), nil},
	})
}

func TestMay_Members(t *testing.T) {
	v := newHierarchy(t, perm.Role{ID: guests, Position: 1, Rights: perm.AttachFiles})
	one := lacksOneOf(perm.ManageRoles | perm.ManageMembers)
	compareAll(t, []asked{
		{"assign below to below", v.MayAssignRole(bob, eve, mods), nil},
		{"assign with manage members alone", v.MayUnassignRole(cyn, dan, guests), nil},
		{"assign rights not held", v.MayAssignRole(cyn, eve, guests), lacks(perm.AttachFiles)},
		{"assign one's own top role", v.MayAssignRole(bob, eve, chief), no(perm.NotBelow)},
		{"assign to oneself", v.MayAssignRole(bob, bob, mods), no(perm.NotBelow)},
		{"assign to the owner", v.MayAssignRole(bob, ada, mods), no(perm.IsOwner)},
		{"the owner to herself", v.MayAssignRole(ada, ada, chief), nil},
		{"assign @everyone", v.MayAssignRole(ada, bob, everyone), no(perm.BadRole)},
		{"assign to a stranger", v.MayAssignRole(bob, 99, mods), no(perm.NoMember)},
		{"assign what is not there", v.MayAssignRole(bob, eve, 99), no(perm.NoRole)},
		{"assign without right", v.MayAssignRole(dan, eve, guests), one},
		{"kick below", v.MayActOn(bob, cyn, perm.ManageMembers), nil},
		{"kick above", v.MayActOn(cyn, bob, perm.ManageMembers), no(perm.NotBelow)},
		{"kick oneself", v.MayActOn(bob, bob, perm.ManageMembers), no(perm.NotBelow)},
		{"kick the owner", v.MayActOn(bob, ada, perm.ManageMembers), no(perm.IsOwner)},
		{"the owner kicks herself", v.MayActOn(ada, ada, perm.ManageMembers), no(perm.IsOwner)},
		{"kick a stranger", v.MayActOn(bob, 99, perm.ManageMembers), no(perm.NoMember)},
		{"kick without right", v.MayActOn(dan, eve, perm.ManageMembers), lacks(perm.ManageMembers)},
		{"ban a stranger", v.MayBan(cyn, 99), nil},
		{"ban above", v.MayBan(cyn, bob), no(perm.NotBelow)},
		{"rename oneself", v.MayRename(eve, eve), nil},
		{"rename below", v.MayRename(bob, cyn), nil},
		{"rename without right", v.MayRename(cyn, dan), lacks(perm.ManageNicknames)},
	})
	apply(t, v, perm.Role{ID: chief, Position: 3, Rights: perm.Administrator})
	compareAll(t, []asked{
		{"an administrator does not bypass the hierarchy", v.MayActOn(bob, ada, perm.ManageMembers), no(perm.IsOwner)},
		{"nor over equals", v.MayCreateRole(bob, 3, 0), no(perm.NotBelow)},
	})
	apply(t, v, perm.Member{User: cyn, Roles: []beep.RoleID{mods}, Muted: true})
	compareAll(t, []asked{{"muted", v.MayActOn(cyn, eve, perm.ManageMembers), lacks(perm.ManageMembers)}})
}

func TestMay_Overwrites(t *testing.T) {
	v := newHierarchy(
		t,
		perm.Overwrite{Channel: general, Member: dan, Mask: perm.Mask{Allow: perm.ManagePermissions, Deny: perm.AttachFiles}},
		perm.Overwrite{Channel: general, Member: 99, Mask: perm.Mask{Deny: send}},
		perm.Overwrite{Channel: staff, Role: chief, Mask: perm.Mask{Allow: view}},
	)
	set := func(actor beep.UserID, ch beep.ChannelID, role beep.RoleID, member beep.UserID, mask perm.Mask) *perm.Refusal {
		return v.MaySetOverwrite(actor, perm.Overwrite{Channel: ch, Role: role, Member: member, Mask: mask})
	}
	deny := perm.Mask{Deny: send}
	compareAll(t, []asked{
		{"for a role below", set(bob, general, mods, 0, deny), nil},
		{"for @everyone", set(bob, general, everyone, 0, deny), nil},
		{"for a member below", set(bob, general, 0, eve, deny), nil},
		{"for one's own top role", set(bob, general, chief, 0, deny), no(perm.NotBelow)},
		{"for oneself", set(bob, general, 0, bob, deny), no(perm.NotBelow)},
		{"for the owner", set(bob, general, 0, ada, deny), no(perm.IsOwner)},
		{"a right not held", set(bob, general, mods, 0, perm.Mask{Allow: perm.Connect | send}), lacks(perm.Connect)},
		{"taking a right not held", set(bob, general, 0, dan, perm.Mask{}), lacks(perm.ManagePermissions | perm.AttachFiles)},
		{"what stays need not be held", set(bob, general, 0, dan, perm.Mask{Allow: perm.ManagePermissions, Deny: perm.AttachFiles | send}), nil},
		{"with manage permissions there", set(dan, general, 0, eve, deny), nil},
		{"with neither right", set(cyn, general, 0, eve, deny), lacksOneOf(perm.ManageChannels | perm.ManagePermissions)},
		{"in a channel not seen", set(dan, staff, 0, eve, deny), no(perm.NoChannel)},
		{"in a thread", set(ada, thread, 0, eve, deny), no(perm.BadChannel)},
		{"in one that follows", set(ada, plans, 0, eve, deny), no(perm.Follows)},
		{"for nobody", set(bob, general, 0, 0, deny), no(perm.BadTarget)},
		{"for two", set(bob, general, mods, eve, deny), no(perm.BadTarget)},
		{"allowed and denied", set(ada, general, mods, 0, perm.Mask{Allow: send, Deny: send}), no(perm.BadMask)},
		{"not of channels", set(ada, general, mods, 0, perm.Mask{Allow: perm.ManageRoles}), no(perm.BadMask)},
		{"for a role that is not there", set(bob, general, 99, 0, deny), no(perm.NoRole)},
		{"clearing for who has left", set(bob, general, 0, 99, perm.Mask{}), nil},
		{"setting for who has left", set(bob, general, 0, 99, perm.Mask{Deny: view}), no(perm.NoMember)},
		{"clearing nothing for a stranger", set(bob, general, 0, 98, perm.Mask{}), no(perm.NoMember)},
	})
}

func TestMay_Channels(t *testing.T) {
	v := newHierarchy(
		t,
		perm.OverwriteRemoved{Channel: staff, Role: mods},
		perm.Overwrite{Channel: staff, Role: chief, Mask: perm.Mask{Allow: view}},
		perm.Channel{ID: 30, Kind: perm.Category},
		perm.Overwrite{Channel: 30, Role: mods, Mask: perm.Mask{Deny: send}},
		perm.Channel{ID: 31, Kind: perm.Conference},
		perm.Overwrite{Channel: 31, Role: everyone, Mask: perm.Mask{Allow: perm.Connect}},
		perm.Channel{ID: 32, Kind: perm.Thread, Parent: general},
	)
	compareAll(t, []asked{
		{"create", v.MayCreateChannel(bob, 0), nil},
		{"create in a category", v.MayCreateChannel(bob, staff), nil},
		{"create in no category", v.MayCreateChannel(bob, general), no(perm.BadChannel)},
		{"create unseen", v.MayCreateChannel(dan, staff), no(perm.NoChannel)},
		{"create without right", v.MayCreateChannel(dan, 0), lacks(perm.ManageChannels)},
		{"move without following", v.MayMoveChannel(bob, general, staff, false), nil},
		{"follow one whose overwrites are below", v.MayMoveChannel(bob, general, 30, true), nil},
		{"follow one with an overwrite for oneself", v.MayMoveChannel(bob, general, staff, true), no(perm.NotBelow)},
		{"the owner does", v.MayMoveChannel(ada, general, staff, true), nil},
		{"leave one with an overwrite for oneself", v.MayMoveChannel(bob, plans, 30, true), no(perm.NotBelow)},
		{"stop following", v.MayMoveChannel(bob, plans, 0, false), nil},
		{"follow again", v.MayMoveChannel(bob, plans, staff, true), nil},
		{"follow nothing", v.MayMoveChannel(bob, general, 0, true), no(perm.BadChannel)},
		{"a category", v.MayMoveChannel(bob, 30, staff, false), no(perm.BadChannel)},
		{"mute a voice below", v.MayMuteVoice(bob, cyn, 31), nil},
		{"mute a voice above", v.MayMuteVoice(bob, ada, 31), no(perm.IsOwner)},
		{"mute a voice without right", v.MayMuteVoice(cyn, dan, 31), lacks(perm.MuteMembers)},
		{"mute a stranger's voice", v.MayMuteVoice(bob, 99, 31), no(perm.NoMember)},
		{"lock", v.MayInChannel(bob, 32, perm.ManageChannels), nil},
		{"lock without right", v.MayInChannel(cyn, 32, perm.ManageChannels), lacks(perm.ManageChannels)},
		{"archive one's own", v.MayArchive(eve, 32, eve), nil},
		{"archive another's", v.MayArchive(eve, 32, dan), lacks(perm.ManageMessages)},
		{"archive what is no thread", v.MayArchive(ada, general, ada), no(perm.BadChannel)},
	})
	apply(t, v, perm.Channel{ID: 32, Kind: perm.Thread, Parent: general, Archived: true})
	compareAll(t, []asked{{"open one's own again", v.MayArchive(eve, 32, eve), nil}})
	apply(t, v, perm.Member{User: eve, Muted: true})
	compareAll(t, []asked{{"not while muted", v.MayArchive(eve, 32, eve), lacks(perm.ManageMessages)}})
	apply(t, v, perm.ChannelRemoved{ID: staff}, perm.Role{ID: chief, Position: 3, Rights: perm.Administrator})
	compareAll(t, []asked{
		{"mend one whose category is gone", v.MayMoveChannel(bob, plans, 30, true), nil},
		{"which others do not see", v.MayMoveChannel(cyn, plans, 30, true), no(perm.NoChannel)},
	})
}

func TestMay_DirectScopeIsRefusedWithoutFault(t *testing.T) {
	v := perm.NewView(beep.DirectScope(general))
	apply(t, v, perm.ParticipantAdded{User: ada}, perm.ParticipantAdded{User: bob})
	compareAll(t, []asked{
		{"send", v.MayInChannel(ada, general, send), nil},
		{"kick", v.MayActOn(ada, bob, perm.ManageMembers), lacks(perm.ManageMembers)},
		{"overwrite", v.MaySetOverwrite(ada, perm.Overwrite{Channel: general, Member: bob}), no(perm.BadChannel)},
		{"archive", v.MayArchive(ada, general, ada), no(perm.BadChannel)},
		{"move", v.MayMoveChannel(ada, general, 0, false), lacks(perm.ManageChannels)},
		{"create", v.MayCreateChannel(ada, general), lacks(perm.ManageChannels)},
	})
}

func TestRefusal_SaysWhatIsMissing(t *testing.T) {
	if err := (*perm.Refusal)(nil).Err(); err != nil {
		t.Errorf("no refusal is %v", err)
	}
	for _, c := range []struct {
		refusal *perm.Refusal
		kind    beep.Kind
		code    beep.Code
		msg     string
	}{
		{no(perm.NotMember), beep.KindNotFound, beep.CodeServerNotFound, "there is no such server"},
		{no(perm.NoChannel), beep.KindNotFound, beep.CodeChannelNotFound, "there is no such channel"},
		{no(perm.NoRole), beep.KindNotFound, beep.CodeRoleNotFound, "there is no such role"},
		{no(perm.NoMember), beep.KindNotFound, beep.CodeMemberNotFound, "there is no such member"},
		{lacks(perm.Connect | perm.Speak), beep.KindForbidden, beep.CodeForbidden, "you need connect and speak"},
		{lacksOneOf(perm.Connect | perm.Speak), beep.KindForbidden, beep.CodeForbidden, "you need connect or speak"},
		{no(perm.NotBelow), beep.KindForbidden, beep.CodeHierarchy, "your highest role is not above this"},
		{no(perm.IsOwner), beep.KindForbidden, beep.CodeHierarchy, "nobody acts on the owner"},
		{no(perm.Follows), beep.KindPrecondition, beep.CodeChannelSynced, "the channel follows its category: end that first"},
		{no(perm.BadTarget), beep.KindInvalid, beep.CodeOverwriteTarget, "give exactly one of a role and a member"},
		{no(perm.BadMask), beep.KindInvalid, beep.CodeInvalidField, "a right is in both lists, or cannot be set in a channel"},
		{no(perm.BadChannel), beep.KindInvalid, beep.CodeInvalidField, "this cannot be done with a channel of this kind"},
		{no(perm.BadRole), beep.KindInvalid, beep.CodeInvalidField, "a role cannot have this place or these rights"},
	} {
		var e *beep.Error
		if err := c.refusal.Err(); !errors.As(err, &e) || e.Kind != c.kind || e.Code != c.code || e.Msg != c.msg {
			t.Errorf("%+v: got %v, want %s (%s)", c.refusal, err, c.msg, c.code)
		}
	}
}
