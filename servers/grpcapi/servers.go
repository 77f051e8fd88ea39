package grpcapi

import (
	"context"
	"time"

	"github.com/beep-chat/beep"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/servers/channels"
	"github.com/beep-chat/beep/servers/community"
)

// serversServer is the service as gRPC sees it: decode, call, encode.
type serversServer struct {
	serversv1.UnimplementedServersServer
	s        *community.Service
	channels *channels.Service
}

// CreateServer decodes, calls and encodes.
func (g *serversServer) CreateServer(
	ctx context.Context, r *serversv1.CreateServerRequest,
) (*serversv1.CreateServerResponse, error) {
	server, err := g.s.CreateServer(ctx, community.NewServer{
		Name: r.GetName(), Description: r.GetDescription(), Closed: r.GetClosed(), Public: r.GetPublic(),
	})
	return &serversv1.CreateServerResponse{Server: protoServer(server)}, err
}

// ListServers decodes, calls and encodes.
func (g *serversServer) ListServers(
	ctx context.Context, _ *serversv1.ListServersRequest,
) (*serversv1.ListServersResponse, error) {
	list, err := g.s.ListServers(ctx)
	return &serversv1.ListServersResponse{Servers: protos(list, protoServer)}, err
}

// GetServer decodes, calls and encodes.
func (g *serversServer) GetServer(
	ctx context.Context, r *serversv1.GetServerRequest,
) (*serversv1.GetServerResponse, error) {
	id, err := idOf[beep.ServerID]("server_id", r.GetServerId())
	if err != nil {
		return nil, err
	}
	server, err := g.s.GetServer(ctx, id)
	return &serversv1.GetServerResponse{Server: protoServer(server)}, err
}

// UpdateServer decodes, calls and encodes.
func (g *serversServer) UpdateServer(
	ctx context.Context, r *serversv1.UpdateServerRequest,
) (*serversv1.UpdateServerResponse, error) {
	id, err := idOf[beep.ServerID]("server_id", r.GetServerId())
	if err != nil {
		return nil, err
	}
	u := community.ServerUpdate{Name: r.Name, Description: r.Description, Public: r.Public}
	if r.SystemChannelId != nil {
		channel, err := idOrNone[beep.ChannelID]("system_channel_id", r.GetSystemChannelId())
		if err != nil {
			return nil, err
		}
		u.SystemChannel = &channel
	}
	server, err := g.s.UpdateServer(ctx, id, u, r.GetReason())
	return &serversv1.UpdateServerResponse{Server: protoServer(server)}, err
}

// DeleteServer decodes, calls and encodes.
func (g *serversServer) DeleteServer(
	ctx context.Context, r *serversv1.DeleteServerRequest,
) (*serversv1.DeleteServerResponse, error) {
	id, err := idOf[beep.ServerID]("server_id", r.GetServerId())
	if err != nil {
		return nil, err
	}
	return &serversv1.DeleteServerResponse{}, g.s.DeleteServer(ctx, id, r.GetName())
}

// TransferServer decodes, calls and encodes.
func (g *serversServer) TransferServer(
	ctx context.Context, r *serversv1.TransferServerRequest,
) (*serversv1.TransferServerResponse, error) {
	id, user, err := memberOf(r)
	if err != nil {
		return nil, err
	}
	server, err := g.s.TransferServer(ctx, id, user)
	return &serversv1.TransferServerResponse{Server: protoServer(server)}, err
}

// LeaveServer decodes, calls and encodes.
func (g *serversServer) LeaveServer(
	ctx context.Context, r *serversv1.LeaveServerRequest,
) (*serversv1.LeaveServerResponse, error) {
	id, err := idOf[beep.ServerID]("server_id", r.GetServerId())
	if err != nil {
		return nil, err
	}
	return &serversv1.LeaveServerResponse{}, g.s.LeaveServer(ctx, id)
}

// ListMembers decodes, calls and encodes.
func (g *serversServer) ListMembers(
	ctx context.Context, r *serversv1.ListMembersRequest,
) (*serversv1.ListMembersResponse, error) {
	id, err := idOf[beep.ServerID]("server_id", r.GetServerId())
	if err != nil {
		return nil, err
	}
	after, err := idOrNone[beep.UserID]("after", r.GetAfter())
	if err != nil {
		return nil, err
	}
	list, err := g.s.ListMembers(ctx, id, after, int(r.GetLimit()))
	return &serversv1.ListMembersResponse{Members: protos(list, protoMember)}, err
}

// GetMember decodes, calls and encodes.
func (g *serversServer) GetMember(ctx context.Context, r *serversv1.GetMemberRequest) (*serversv1.GetMemberResponse, error) {
	id, user, err := memberOf(r)
	if err != nil {
		return nil, err
	}
	member, err := g.s.GetMember(ctx, id, user)
	return &serversv1.GetMemberResponse{Member: protoMember(member)}, err
}

// CreateInvitation decodes, calls and encodes.
func (g *serversServer) CreateInvitation(
	ctx context.Context, r *serversv1.CreateInvitationRequest,
) (*serversv1.CreateInvitationResponse, error) {
	id, err := idOf[beep.ServerID]("server_id", r.GetServerId())
	if err != nil {
		return nil, err
	}
	invitation, err := g.s.CreateInvitation(ctx, community.NewInvitation{
		Server: id, MaxUses: r.GetMaxUses(), ExpiresIn: time.Duration(r.GetExpiresIn()) * time.Second,
	})
	return &serversv1.CreateInvitationResponse{Invitation: protoInvitation(invitation)}, err
}

// ListInvitations decodes, calls and encodes.
func (g *serversServer) ListInvitations(
	ctx context.Context, r *serversv1.ListInvitationsRequest,
) (*serversv1.ListInvitationsResponse, error) {
	id, err := idOf[beep.ServerID]("server_id", r.GetServerId())
	if err != nil {
		return nil, err
	}
	list, err := g.s.ListInvitations(ctx, id)
	return &serversv1.ListInvitationsResponse{Invitations: protos(list, protoInvitation)}, err
}

// RevokeInvitation decodes, calls and encodes.
func (g *serversServer) RevokeInvitation(
	ctx context.Context, r *serversv1.RevokeInvitationRequest,
) (*serversv1.RevokeInvitationResponse, error) {
	return &serversv1.RevokeInvitationResponse{}, g.s.RevokeInvitation(ctx, r.GetCode())
}

// GetInvitation decodes, calls and encodes.
func (g *serversServer) GetInvitation(
	ctx context.Context, r *serversv1.GetInvitationRequest,
) (*serversv1.GetInvitationResponse, error) {
	server, err := g.s.GetInvitation(ctx, r.GetCode())
	return &serversv1.GetInvitationResponse{Preview: protoPreview(r.GetCode(), server)}, err
}

// AcceptInvitation decodes, calls and encodes.
func (g *serversServer) AcceptInvitation(
	ctx context.Context, r *serversv1.AcceptInvitationRequest,
) (*serversv1.AcceptInvitationResponse, error) {
	server, err := g.s.AcceptInvitation(ctx, r.GetCode())
	return &serversv1.AcceptInvitationResponse{Server: protoServer(server)}, err
}
