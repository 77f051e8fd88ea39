package authz

import (
	"fmt"

	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	"github.com/beep-chat/beep/perm"
)

// maxActions is a reordering of every channel that a server may have.
const maxActions = 500

// actionsOf decodes what someone wants to do. What kind of rights a role or an overwrite may hold at all is left to
// perm; a right that nobody knows is refused here.
func actionsOf(r *authzv1.CheckActionsRequest) ([]Action, error) {
	if n := len(r.GetActions()); n == 0 || n > maxActions {
		return nil, beep.InvalidField(beep.CodeInvalidField, "actions", fmt.Sprintf("are not between 1 and %d", maxActions))
	}
	actions := make([]Action, len(r.GetActions()))
	for i, p := range r.GetActions() {
		a, err := actionOf(p)
		if err != nil {
			return nil, err
		}
		actions[i] = a
	}
	return actions, nil
}

func actionOf(p *authzv1.Action) (Action, error) {
	switch k := p.GetKind().(type) {
	case *authzv1.Action_ActOnMember:
		return actOnMember(k.ActOnMember)
	case *authzv1.Action_Ban:
		return onMember(k.Ban, perm.ManageMembers, (*perm.View).MayBan), nil
	case *authzv1.Action_Rename:
		return onMember(k.Rename, perm.ManageNicknames|perm.ChangeNickname, (*perm.View).MayRename), nil
	case *authzv1.Action_CreateRole:
		return changeRole(k.CreateRole, func(v *perm.View, actor beep.UserID, r perm.Role) *perm.Refusal {
			return v.MayCreateRole(actor, r.Position, r.Rights)
		})
	case *authzv1.Action_EditRole:
		return changeRole(k.EditRole, func(v *perm.View, actor beep.UserID, r perm.Role) *perm.Refusal {
			return v.MayEditRole(actor, r.ID, r.Rights)
		})
	case *authzv1.Action_MoveRole:
		return changeRole(k.MoveRole, func(v *perm.View, actor beep.UserID, r perm.Role) *perm.Refusal {
			return v.MayMoveRole(actor, r.ID, r.Position)
		})
	case *authzv1.Action_DeleteRole:
		return changeRole(k.DeleteRole, func(v *perm.View, actor beep.UserID, r perm.Role) *perm.Refusal {
			return v.MayDeleteRole(actor, r.ID)
		})
	case *authzv1.Action_AssignRole:
		return ofMember(k.AssignRole, (*perm.View).MayAssignRole), nil
	case *authzv1.Action_UnassignRole:
		return ofMember(k.UnassignRole, (*perm.View).MayUnassignRole), nil
	case *authzv1.Action_SetOverwrite:
		return setOverwrite(k.SetOverwrite)
	case *authzv1.Action_CreateChannel:
		return createChannel(k.CreateChannel), nil
	case *authzv1.Action_MoveChannel:
		return moveChannel(k.MoveChannel), nil
	case *authzv1.Action_ArchiveThread:
		return archiveThread(k.ArchiveThread), nil
	}
	return Action{}, beep.InvalidField(beep.CodeInvalidField, "actions", "has one of no kind")
}

func actOnMember(p *authzv1.ActOnMember) (Action, error) {
	right, err := perm.ParseRight(p.GetRight())
	return Action{
		Server: beep.ServerID(p.GetServerId()), AnyOf: right,
		May: func(v *perm.View, actor beep.UserID) *perm.Refusal {
			return v.MayActOn(actor, beep.UserID(p.GetTargetId()), right)
		},
	}, err
}

func onMember(p *authzv1.MemberTarget, anyOf perm.Rights, may func(v *perm.View, actor, target beep.UserID) *perm.Refusal) Action {
	return Action{
		Server: beep.ServerID(p.GetServerId()), AnyOf: anyOf,
		May: func(v *perm.View, actor beep.UserID) *perm.Refusal {
			return may(v, actor, beep.UserID(p.GetTargetId()))
		},
	}
}

func changeRole(
	p *authzv1.RoleState, may func(v *perm.View, actor beep.UserID, r perm.Role) *perm.Refusal,
) (Action, error) {
	rights, err := perm.ParseRights(p.GetRights())
	role := perm.Role{ID: beep.RoleID(p.GetRoleId()), Position: p.GetPosition(), Rights: rights}
	return Action{
		Server: beep.ServerID(p.GetServerId()), AnyOf: perm.ManageRoles,
		May: func(v *perm.View, actor beep.UserID) *perm.Refusal { return may(v, actor, role) },
	}, err
}

func ofMember(
	p *authzv1.RoleOfMember, may func(v *perm.View, actor, target beep.UserID, id beep.RoleID) *perm.Refusal,
) Action {
	return Action{
		Server: beep.ServerID(p.GetServerId()), AnyOf: perm.ManageRoles | perm.ManageMembers,
		May: func(v *perm.View, actor beep.UserID) *perm.Refusal {
			return may(v, actor, beep.UserID(p.GetTargetId()), beep.RoleID(p.GetRoleId()))
		},
	}
}

func setOverwrite(p *authzv1.OverwriteState) (Action, error) {
	o := perm.Overwrite{
		Channel: beep.ChannelID(p.GetChannelId()), Role: beep.RoleID(p.GetRoleId()), Member: beep.UserID(p.GetMemberId()),
	}
	var err error
	if o.Allow, err = perm.ParseRights(p.GetAllow()); err != nil {
		return Action{}, err
	}
	o.Deny, err = perm.ParseRights(p.GetDeny())
	return Action{
		Channel: o.Channel, In: o.Channel, AnyOf: perm.ManageChannels | perm.ManagePermissions,
		May: func(v *perm.View, actor beep.UserID) *perm.Refusal { return v.MaySetOverwrite(actor, o) },
	}, err
}

func createChannel(p *authzv1.ChannelPlace) Action {
	return Action{
		Server: beep.ServerID(p.GetServerId()), In: beep.ChannelID(p.GetCategoryId()), AnyOf: perm.ManageChannels,
		May: func(v *perm.View, actor beep.UserID) *perm.Refusal {
			return v.MayCreateChannel(actor, beep.ChannelID(p.GetCategoryId()))
		},
	}
}

func moveChannel(p *authzv1.ChannelPlace) Action {
	return Action{
		Channel: beep.ChannelID(p.GetChannelId()), In: beep.ChannelID(p.GetChannelId()), AnyOf: perm.ManageChannels,
		May: func(v *perm.View, actor beep.UserID) *perm.Refusal {
			return v.MayMoveChannel(actor, beep.ChannelID(p.GetChannelId()), beep.ChannelID(p.GetCategoryId()), p.GetSynced())
		},
	}
}

func archiveThread(p *authzv1.ThreadOf) Action {
	thread := beep.ChannelID(p.GetChannelId())
	return Action{
		Channel: thread,
		May: func(v *perm.View, actor beep.UserID) *perm.Refusal {
			return v.MayArchive(actor, thread, beep.UserID(p.GetAuthorId()))
		},
	}
}
