package grpcapi

import (
	"context"

	"github.com/beep-chat/beep"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/servers/community"
)

// rolesServer is the roles as gRPC sees them: decode, call, encode.
type rolesServer struct {
	serversv1.UnimplementedRolesServer
	s *community.Service
}

// ListRoles decodes, calls and encodes.
func (g *rolesServer) ListRoles(ctx context.Context, r *serversv1.ListRolesRequest) (*serversv1.ListRolesResponse, error) {
	id, err := idOf[beep.ServerID]("server_id", r.GetServerId())
	if err != nil {
		return nil, err
	}
	list, err := g.s.ListRoles(ctx, id)
	return &serversv1.ListRolesResponse{Roles: protos(list, protoRole)}, err
}

// CreateRole decodes, calls and encodes.
func (g *rolesServer) CreateRole(
	ctx context.Context, r *serversv1.CreateRoleRequest,
) (*serversv1.CreateRoleResponse, error) {
	id, err := idOf[beep.ServerID]("server_id", r.GetServerId())
	if err != nil {
		return nil, err
	}
	rights, err := perm.ParseRights(r.GetRights())
	if err != nil {
		return nil, err
	}
	role, err := g.s.CreateRole(ctx, id, community.RoleUpdate{
		Name: &r.Name, Color: &r.Color, Hoist: &r.Hoist, Mentionable: &r.Mentionable, Rights: &rights,
	}, r.GetReason())
	return &serversv1.CreateRoleResponse{Role: protoRole(role)}, err
}

// UpdateRole decodes, calls and encodes.
func (g *rolesServer) UpdateRole(
	ctx context.Context, r *serversv1.UpdateRoleRequest,
) (*serversv1.UpdateRoleResponse, error) {
	at, err := roleOf(r)
	if err != nil {
		return nil, err
	}
	u := community.RoleUpdate{Name: r.Name, Color: r.Color, Hoist: r.Hoist, Mentionable: r.Mentionable}
	if r.Rights != nil {
		rights, err := perm.ParseRights(r.GetRights().GetNames())
		if err != nil {
			return nil, err
		}
		u.Rights = &rights
	}
	role, err := g.s.UpdateRole(ctx, at, u, r.GetReason())
	return &serversv1.UpdateRoleResponse{Role: protoRole(role)}, err
}

// DeleteRole decodes, calls and encodes.
func (g *rolesServer) DeleteRole(
	ctx context.Context, r *serversv1.DeleteRoleRequest,
) (*serversv1.DeleteRoleResponse, error) {
	at, err := roleOf(r)
	if err != nil {
		return nil, err
	}
	return &serversv1.DeleteRoleResponse{}, g.s.DeleteRole(ctx, at, r.GetReason())
}

// ReorderRoles decodes, calls and encodes.
func (g *rolesServer) ReorderRoles(
	ctx context.Context, r *serversv1.ReorderRolesRequest,
) (*serversv1.ReorderRolesResponse, error) {
	id, err := idOf[beep.ServerID]("server_id", r.GetServerId())
	if err != nil {
		return nil, err
	}
	order, err := idsOf[beep.RoleID]("role_ids", r.GetRoleIds())
	if err != nil {
		return nil, err
	}
	list, err := g.s.ReorderRoles(ctx, id, order, r.GetReason())
	return &serversv1.ReorderRolesResponse{Roles: protos(list, protoRole)}, err
}

// AssignRole decodes, calls and encodes.
func (g *rolesServer) AssignRole(
	ctx context.Context, r *serversv1.AssignRoleRequest,
) (*serversv1.AssignRoleResponse, error) {
	at, err := roleOf(r)
	if err != nil {
		return nil, err
	}
	user, err := idOf[beep.UserID]("user_id", r.GetUserId())
	if err != nil {
		return nil, err
	}
	return &serversv1.AssignRoleResponse{}, g.s.AssignRole(ctx, at, user, r.GetReason())
}

// UnassignRole decodes, calls and encodes.
func (g *rolesServer) UnassignRole(
	ctx context.Context, r *serversv1.UnassignRoleRequest,
) (*serversv1.UnassignRoleResponse, error) {
	at, err := roleOf(r)
	if err != nil {
		return nil, err
	}
	user, err := idOf[beep.UserID]("user_id", r.GetUserId())
	if err != nil {
		return nil, err
	}
	return &serversv1.UnassignRoleResponse{}, g.s.UnassignRole(ctx, at, user, r.GetReason())
}

// ExplainServerRight decodes, calls and encodes.
func (g *rolesServer) ExplainServerRight(
	ctx context.Context, r *serversv1.ExplainServerRightRequest,
) (*serversv1.ExplainServerRightResponse, error) {
	id, err := idOf[beep.ServerID]("server_id", r.GetServerId())
	if err != nil {
		return nil, err
	}
	member, right, err := explainedOf(r)
	if err != nil {
		return nil, err
	}
	e, err := g.s.ExplainRight(ctx, id, member, right)
	return &serversv1.ExplainServerRightResponse{Explanation: protoExplanation(e)}, err
}

// ViewAsRoles decodes, calls and encodes.
func (g *rolesServer) ViewAsRoles(
	ctx context.Context, r *serversv1.ViewAsRolesRequest,
) (*serversv1.ViewAsRolesResponse, error) {
	id, err := idOf[beep.ServerID]("server_id", r.GetServerId())
	if err != nil {
		return nil, err
	}
	roles, err := idsOf[beep.RoleID]("role_ids", r.GetRoleIds())
	if err != nil {
		return nil, err
	}
	sight, err := g.s.ViewAs(ctx, id, roles)
	return &serversv1.ViewAsRolesResponse{Rights: sight.Rights, Channels: protos(sight.Channels, protoChannelSight)}, err
}
