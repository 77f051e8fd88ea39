package decisions

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/beep-chat/beep"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
)

// vaulted is ann's server with bob and cat in it, and a channel that only bob among the members sees, by an overwrite of
// his own.
func (s *system) vaulted(t testing.TB) (server, vault uint64) {
	t.Helper()
	server, code := s.community(t)
	s.join(t, code, cat)
	owner := s.as(t, ann)
	vault = value(s.CreateChannel(owner, &serversv1.CreateChannelRequest{ServerId: server, Name: "vault"}))(t).GetChannel().GetId()
	value(s.SetOverwrite(owner, &serversv1.SetOverwriteRequest{ChannelId: vault, RoleId: server, Deny: []string{"view_channels"}}))(t)
	value(s.SetOverwrite(owner, &serversv1.SetOverwriteRequest{ChannelId: vault, MemberId: bob, Allow: []string{"view_channels"}}))(t)
	return server, vault
}

func (s *system) give(t testing.TB, server uint64, user beep.UserID, rights ...string) (role uint64) {
	t.Helper()
	owner := s.as(t, ann)
	role = value(s.CreateRole(owner, &serversv1.CreateRoleRequest{ServerId: server, Name: "r", Rights: rights}))(t).GetRole().GetId()
	if user != 0 {
		value(s.AssignRole(owner, &serversv1.AssignRoleRequest{ServerId: server, UserId: uint64(user), RoleId: role}))(t)
	}
	return role
}

func (s *system) explain(t testing.TB, asks, about beep.UserID, channel uint64, right string) (*serversv1.Explanation, error) {
	t.Helper()
	a, err := s.ExplainChannelRight(s.as(t, asks), &serversv1.ExplainChannelRightRequest{ChannelId: channel, UserId: uint64(about), Right: right})
	return a.GetExplanation(), err
}

// TestExplain_NamesOverwritesToWhoMayListThem: others learn that there is one.
func TestExplain_NamesOverwritesToWhoMayListThem(t *testing.T) {
	each(t, func(t *testing.T, s *system) {
		t.Helper()
		server, vault := s.vaulted(t)
		want := &serversv1.Explanation{Held: true, Steps: []*serversv1.ExplanationStep{
			{Kind: "everyone", Held: true, RoleId: server},
			{Kind: "overwrite_everyone", RoleId: server, ChannelId: vault},
			{Kind: "overwrite_member", Held: true, Decides: true, ChannelId: vault},
		}}
		got := value(s.explain(t, ann, bob, vault, "view_channels"))(t)
		if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
			t.Errorf("to the owner (-want +got):\n%s", diff)
		}
		want.Steps[1] = &serversv1.ExplanationStep{Kind: "overwrite"}
		want.Steps[2] = &serversv1.ExplanationStep{Kind: "overwrite", Held: true, Decides: true}
		for _, about := range []beep.UserID{0, bob} {
			got = value(s.explain(t, bob, about, vault, "view_channels"))(t)
			if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
				t.Errorf("to bob about himself (-want +got):\n%s", diff)
			}
		}
		if got := value(s.explain(t, ann, cat, vault, "send_messages"))(t); got.GetHeld() || got.GetSteps()[len(got.GetSteps())-1].GetKind() != "no_view" {
			t.Errorf("why cat cannot send: %v", got)
		}
	})
}

// TestExplain_IsForWhoManages: about others it takes a right, and of what one does not see there is nothing to explain.
func TestExplain_IsForWhoManages(t *testing.T) {
	each(t, func(t *testing.T, s *system) {
		t.Helper()
		server, vault := s.vaulted(t)
		onServer := func(asks, about beep.UserID) error {
			return second(s.ExplainServerRight(s.as(t, asks), &serversv1.ExplainServerRightRequest{ServerId: server, UserId: uint64(about), Right: "speak"}))
		}
		in := func(asks, about beep.UserID) error { return second(s.explain(t, asks, about, vault, "speak")) }
		for what, tt := range map[string]struct {
			err  error
			code beep.Code
		}{
			"a member about another":       {onServer(bob, cat), beep.CodeForbidden},
			"a member about another there": {in(bob, ann), beep.CodeForbidden},
			"who does not see it":          {in(cat, cat), beep.CodeChannelNotFound},
			"about a stranger":             {onServer(ann, eve), beep.CodeMemberNotFound},
			"about a stranger there":       {in(ann, eve), beep.CodeMemberNotFound},
			"a stranger":                   {onServer(eve, eve), beep.CodeServerNotFound},
			"a stranger about another":     {onServer(eve, bob), beep.CodeServerNotFound},
			"a stranger there":             {in(eve, bob), beep.CodeChannelNotFound},
		} {
			refused(t, what, tt.err, tt.code)
		}
		if err := onServer(bob, 0); err != nil {
			t.Errorf("a member about himself: %v", err)
		}
		s.give(t, server, bob, "manage_roles")
		s.give(t, server, cat, "manage_roles")
		if err := onServer(bob, cat); err != nil {
			t.Errorf("who manages roles: %v", err)
		}
		if got, err := s.explain(t, bob, ann, vault, "speak"); err != nil || got.GetSteps()[0].GetKind() != "owner" {
			t.Errorf("who manages roles, there: %v, %v", got, err)
		}
		refused(t, "who manages roles and does not see it", in(cat, bob), beep.CodeChannelNotFound)
	})
}

// TestViewAs_ShowsNoMoreThanOneSees: a role that sees more than the caller may be looked at, and what the caller does not
// see is left out.
func TestViewAs_ShowsNoMoreThanOneSees(t *testing.T) {
	each(t, func(t *testing.T, s *system) {
		t.Helper()
		server, vault := s.vaulted(t)
		s.give(t, server, cat, "manage_roles")
		lords := s.give(t, server, 0, "manage_channels")
		value(s.SetOverwrite(s.as(t, ann), &serversv1.SetOverwriteRequest{ChannelId: vault, RoleId: lords, Allow: []string{"view_channels"}}))(t)
		as := func(user beep.UserID, roles ...uint64) (*serversv1.ViewAsRolesResponse, error) {
			return s.ViewAsRoles(s.as(t, user), &serversv1.ViewAsRolesRequest{ServerId: server, RoleIds: roles})
		}
		if got := value(as(ann))(t); len(got.GetChannels()) != 1 || len(got.GetRights()) != 6 {
			t.Errorf("as everyone: %v", got)
		}
		got := value(as(ann, lords))(t)
		if len(got.GetChannels()) != 2 || got.GetChannels()[1].GetChannelId() != vault || len(got.GetRights()) != 7 {
			t.Errorf("to the owner: %v", got)
		}
		if got := value(as(cat, lords))(t); len(got.GetChannels()) != 1 || len(got.GetRights()) != 7 {
			t.Errorf("to cat, who does not see the vault: %v", got)
		}
		refused(t, "an unknown role", second(as(ann, 7)), beep.CodeRoleNotFound)
		refused(t, "a member", second(as(bob, lords)), beep.CodeForbidden)
		refused(t, "a stranger", second(as(eve, 7)), beep.CodeServerNotFound)
	})
}
