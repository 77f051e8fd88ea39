package community

import (
	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/servers"
)

// The actions that authz is asked about, and as what it knows them.

// onMember is an action on a member that takes a right.
func onMember(id beep.ServerID, target beep.UserID, right perm.Rights) *authzv1.Action {
	return &authzv1.Action{Kind: &authzv1.Action_ActOnMember{ActOnMember: &authzv1.ActOnMember{
		ServerId: uint64(id), TargetId: uint64(target), Right: right.String(),
	}}}
}

func target(id beep.ServerID, user beep.UserID) *authzv1.MemberTarget {
	return &authzv1.MemberTarget{ServerId: uint64(id), TargetId: uint64(user)}
}

func createRole(r servers.Role) *authzv1.Action {
	return &authzv1.Action{Kind: &authzv1.Action_CreateRole{CreateRole: roleState(r)}}
}

func editRole(r servers.Role) *authzv1.Action {
	return &authzv1.Action{Kind: &authzv1.Action_EditRole{EditRole: roleState(r)}}
}

func moveRole(r servers.Role) *authzv1.Action {
	return &authzv1.Action{Kind: &authzv1.Action_MoveRole{MoveRole: roleState(r)}}
}

func deleteRole(at RoleRef) *authzv1.Action {
	return &authzv1.Action{Kind: &authzv1.Action_DeleteRole{DeleteRole: &authzv1.RoleState{
		ServerId: uint64(at.Server), RoleId: uint64(at.Role),
	}}}
}

// roleState is a role as it is to be.
func roleState(r servers.Role) *authzv1.RoleState {
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
