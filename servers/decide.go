package servers

import (
	"context"

	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	"github.com/beep-chat/beep/perm"
)

// Every question to authz is here, and what becomes of its answers: "may not know of it" is not_found, "knows of it
// and may not" names what is missing. No question is asked inside a transaction.

// decision is what authz allowed, and the revision of the scope that it holds for.
type decision struct {
	rev  uint64
	kind ChannelKind // of the channel asked about
}

// onServer asks for a right on a server; 0 is only to be a member.
func (s *Service) onServer(ctx context.Context, user beep.UserID, id beep.ServerID, right perm.Rights) (decision, error) {
	return s.check(ctx, right, noServer(), &authzv1.CheckRequest{
		UserId: uint64(user), Object: &authzv1.CheckRequest_ServerId{ServerId: uint64(id)},
	})
}

// inChannel asks for a right in a channel; 0 is only to see it.
func (s *Service) inChannel(ctx context.Context, user beep.UserID, id beep.ChannelID, right perm.Rights) (decision, error) {
	return s.check(ctx, right, noChannel(), &authzv1.CheckRequest{
		UserId: uint64(user), Object: &authzv1.CheckRequest_ChannelId{ChannelId: uint64(id)},
	})
}

// check turns a refusal into the error that the caller may see. Whether the object is not there or only hidden, authz
// does not say and the answer is hidden, the same for both.
func (s *Service) check(ctx context.Context, right perm.Rights, hidden *beep.Error, q *authzv1.CheckRequest) (decision, error) {
	if right != 0 {
		q.Right = right.String()
	}
	answer, err := s.authz.Check(ctx, q)
	switch {
	case err != nil:
		return decision{}, err
	case !answer.GetVisible():
		return decision{}, hidden
	case right != 0 && !answer.GetAllowed():
		return decision{}, beep.Forbidden(beep.CodeForbidden, "you need "+q.Right)
	}
	return decision{answer.GetRev(), ChannelKind(answer.GetChannelKind())}, nil
}

// may asks whether a user may make changes, all on one server. hidden is the answer to who may not know of what they
// are about.
func (s *Service) may(
	ctx context.Context, user beep.UserID, hidden *beep.Error, actions ...*authzv1.Action,
) (decision, error) {
	answer, err := s.authz.CheckActions(ctx, &authzv1.CheckActionsRequest{UserId: uint64(user), Actions: actions})
	switch {
	case err != nil:
		return decision{}, err
	case !answer.GetVisible():
		return decision{}, hidden
	case !answer.GetAllowed():
		return decision{}, refusal(answer.GetCode(), answer.GetReason())
	}
	return decision{rev: answer.GetRev()}, nil
}

// onMember is an action on a member that takes a right.
func onMember(id beep.ServerID, target beep.UserID, right perm.Rights) *authzv1.Action {
	return &authzv1.Action{Kind: &authzv1.Action_ActOnMember{ActOnMember: &authzv1.ActOnMember{
		ServerId: uint64(id), TargetId: uint64(target), Right: right.String(),
	}}}
}

// moveChannel is to give a channel the place that it has here.
func moveChannel(c Channel) *authzv1.Action {
	return &authzv1.Action{Kind: &authzv1.Action_MoveChannel{MoveChannel: &authzv1.ChannelPlace{
		ChannelId: uint64(c.ID), CategoryId: uint64(c.Parent), Synced: c.Synced,
	}}}
}

// mayListOverwrites wants one of the rights by which overwrites are set.
func (s *Service) mayListOverwrites(ctx context.Context, user beep.UserID, id beep.ChannelID) error {
	_, err := s.inChannel(ctx, user, id, perm.ManagePermissions)
	if beep.CodeOf(err) == beep.CodeForbidden {
		if _, err = s.inChannel(ctx, user, id, perm.ManageChannels); beep.CodeOf(err) == beep.CodeForbidden {
			return beep.Forbidden(beep.CodeForbidden, "you need manage_channels or manage_permissions")
		}
	}
	return err
}

// toOverwrite is to give an overwrite these rights; none at all is to clear it.
func toOverwrite(o Overwrite) *authzv1.Action {
	return &authzv1.Action{Kind: &authzv1.Action_SetOverwrite{SetOverwrite: &authzv1.OverwriteState{
		ChannelId: uint64(o.Channel), RoleId: uint64(o.Role), MemberId: uint64(o.Member),
		Allow: o.Allow.Names(), Deny: o.Deny.Names(),
	}}}
}

func target(id beep.ServerID, user beep.UserID) *authzv1.MemberTarget {
	return &authzv1.MemberTarget{ServerId: uint64(id), TargetId: uint64(user)}
}

func createRole(r Role) *authzv1.Action {
	return &authzv1.Action{Kind: &authzv1.Action_CreateRole{CreateRole: r.state()}}
}

func editRole(r Role) *authzv1.Action {
	return &authzv1.Action{Kind: &authzv1.Action_EditRole{EditRole: r.state()}}
}

func moveRole(r Role) *authzv1.Action {
	return &authzv1.Action{Kind: &authzv1.Action_MoveRole{MoveRole: r.state()}}
}

func deleteRole(at RoleRef) *authzv1.Action {
	return &authzv1.Action{Kind: &authzv1.Action_DeleteRole{DeleteRole: &authzv1.RoleState{
		ServerId: uint64(at.Server), RoleId: uint64(at.Role),
	}}}
}

// state is a role as it is to be.
func (r Role) state() *authzv1.RoleState {
	return &authzv1.RoleState{
		ServerId: uint64(r.Server), RoleId: uint64(r.ID), Position: r.Position, Rights: r.Rights.Names(),
	}
}

func assignRole(at RoleRef, user beep.UserID) *authzv1.Action {
	return &authzv1.Action{Kind: &authzv1.Action_AssignRole{AssignRole: at.of(user)}}
}

func unassignRole(at RoleRef, user beep.UserID) *authzv1.Action {
	return &authzv1.Action{Kind: &authzv1.Action_UnassignRole{UnassignRole: at.of(user)}}
}

func (at RoleRef) of(user beep.UserID) *authzv1.RoleOfMember {
	return &authzv1.RoleOfMember{ServerId: uint64(at.Server), RoleId: uint64(at.Role), TargetId: uint64(user)}
}

// refusal gives authz's reason the kind of error that belongs to its code.
func refusal(code, reason string) *beep.Error {
	kinds := map[beep.Code]beep.Kind{
		beep.CodeRoleNotFound:    beep.KindNotFound,
		beep.CodeMemberNotFound:  beep.KindNotFound,
		beep.CodeOverwriteTarget: beep.KindInvalid,
		beep.CodeInvalidField:    beep.KindInvalid,
		beep.CodeChannelSynced:   beep.KindPrecondition,
	}
	kind, ok := kinds[beep.Code(code)]
	if !ok {
		kind = beep.KindForbidden // "forbidden", "hierarchy", and whatever a newer authz refuses with
	}
	return &beep.Error{Kind: kind, Code: beep.Code(code), Msg: reason}
}
