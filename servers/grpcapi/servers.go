package grpcapi

import (
	"context"
	"time"

	"github.com/beep-chat/beep"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/servers"
)

// serversServer is the service as gRPC sees it: decode, call, encode.
type serversServer struct {
	serversv1.UnimplementedServersServer
	s *servers.Service
}

// CreateServer decodes, calls and encodes.
func (g *serversServer) CreateServer(
	ctx context.Context, r *serversv1.CreateServerRequest,
) (*serversv1.CreateServerResponse, error) {
	server, err := g.s.CreateServer(ctx, servers.NewServer{Name: r.GetName(), Description: r.GetDescription(), Closed: r.GetClosed()})
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
	server, err := g.s.UpdateServer(ctx, id, servers.ServerUpdate{Name: r.Name, Description: r.Description}, r.GetReason())
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

// CreateChannel decodes, calls and encodes.
func (g *serversServer) CreateChannel(
	ctx context.Context, r *serversv1.CreateChannelRequest,
) (*serversv1.CreateChannelResponse, error) {
	id, err := idOf[beep.ServerID]("server_id", r.GetServerId())
	if err != nil {
		return nil, err
	}
	parent, err := idOrNone[beep.ChannelID]("parent_id", r.GetParentId())
	if err != nil {
		return nil, err
	}
	access, err := targetsOf("role_ids", r.GetRoleIds(), "member_ids", r.GetMemberIds())
	if err != nil {
		return nil, err
	}
	channel, err := g.s.CreateChannel(ctx, servers.NewChannel{
		Server: id, Kind: servers.ChannelKind(r.GetKind()), Name: r.GetName(), Topic: r.GetTopic(), Parent: parent,
		Private: r.GetPrivate(), Access: access,
	})
	return &serversv1.CreateChannelResponse{Channel: protoChannel(channel)}, err
}

// ListChannels decodes, calls and encodes.
func (g *serversServer) ListChannels(
	ctx context.Context, r *serversv1.ListChannelsRequest,
) (*serversv1.ListChannelsResponse, error) {
	id, err := idOf[beep.ServerID]("server_id", r.GetServerId())
	if err != nil {
		return nil, err
	}
	list, err := g.s.ListChannels(ctx, id)
	return &serversv1.ListChannelsResponse{Channels: protos(list, protoChannel)}, err
}

// GetChannel decodes, calls and encodes.
func (g *serversServer) GetChannel(
	ctx context.Context, r *serversv1.GetChannelRequest,
) (*serversv1.GetChannelResponse, error) {
	id, err := idOf[beep.ChannelID]("channel_id", r.GetChannelId())
	if err != nil {
		return nil, err
	}
	channel, err := g.s.GetChannel(ctx, id)
	return &serversv1.GetChannelResponse{Channel: protoChannel(channel)}, err
}

// UpdateChannel decodes, calls and encodes.
func (g *serversServer) UpdateChannel(
	ctx context.Context, r *serversv1.UpdateChannelRequest,
) (*serversv1.UpdateChannelResponse, error) {
	id, err := idOf[beep.ChannelID]("channel_id", r.GetChannelId())
	if err != nil {
		return nil, err
	}
	u := servers.ChannelUpdate{Name: r.Name, Topic: r.Topic, Synced: r.Synced}
	if r.ParentId != nil {
		parent, err := idOrNone[beep.ChannelID]("parent_id", r.GetParentId())
		if err != nil {
			return nil, err
		}
		u.Parent = &parent
	}
	channel, err := g.s.UpdateChannel(ctx, id, u, r.GetReason())
	return &serversv1.UpdateChannelResponse{Channel: protoChannel(channel)}, err
}

// ReorderChannels decodes, calls and encodes.
func (g *serversServer) ReorderChannels(
	ctx context.Context, r *serversv1.ReorderChannelsRequest,
) (*serversv1.ReorderChannelsResponse, error) {
	id, err := idOf[beep.ServerID]("server_id", r.GetServerId())
	if err != nil {
		return nil, err
	}
	order, err := idsOf[beep.ChannelID]("channel_ids", r.GetChannelIds())
	if err != nil {
		return nil, err
	}
	list, err := g.s.ReorderChannels(ctx, id, order)
	return &serversv1.ReorderChannelsResponse{Channels: protos(list, protoChannel)}, err
}

// SetChannelAccess decodes, calls and encodes.
func (g *serversServer) SetChannelAccess(
	ctx context.Context, r *serversv1.SetChannelAccessRequest,
) (*serversv1.SetChannelAccessResponse, error) {
	a := servers.Access{Private: r.Private}
	var err error
	if a.Channel, err = idOf[beep.ChannelID]("channel_id", r.GetChannelId()); err != nil {
		return nil, err
	}
	if a.Add, err = targetsOf("add_role_ids", r.GetAddRoleIds(), "add_member_ids", r.GetAddMemberIds()); err != nil {
		return nil, err
	}
	if a.Remove, err = targetsOf("remove_role_ids", r.GetRemoveRoleIds(), "remove_member_ids", r.GetRemoveMemberIds()); err != nil {
		return nil, err
	}
	list, err := g.s.SetChannelAccess(ctx, a, r.GetReason())
	return &serversv1.SetChannelAccessResponse{Overwrites: protos(list, protoOverwrite)}, err
}

// DeleteChannel decodes, calls and encodes.
func (g *serversServer) DeleteChannel(
	ctx context.Context, r *serversv1.DeleteChannelRequest,
) (*serversv1.DeleteChannelResponse, error) {
	id, err := idOf[beep.ChannelID]("channel_id", r.GetChannelId())
	if err != nil {
		return nil, err
	}
	return &serversv1.DeleteChannelResponse{}, g.s.DeleteChannel(ctx, id, r.GetReason())
}

// ListOverwrites decodes, calls and encodes.
func (g *serversServer) ListOverwrites(
	ctx context.Context, r *serversv1.ListOverwritesRequest,
) (*serversv1.ListOverwritesResponse, error) {
	id, err := idOf[beep.ChannelID]("channel_id", r.GetChannelId())
	if err != nil {
		return nil, err
	}
	list, err := g.s.ListOverwrites(ctx, id)
	return &serversv1.ListOverwritesResponse{Overwrites: protos(list, protoOverwrite)}, err
}

// SetOverwrite decodes, calls and encodes.
func (g *serversServer) SetOverwrite(
	ctx context.Context, r *serversv1.SetOverwriteRequest,
) (*serversv1.SetOverwriteResponse, error) {
	o, err := overwriteOf(r)
	if err != nil {
		return nil, err
	}
	o, err = g.s.SetOverwrite(ctx, o, r.GetReason())
	return &serversv1.SetOverwriteResponse{Overwrite: protoOverwrite(o)}, err
}

// ClearOverwrite decodes, calls and encodes.
func (g *serversServer) ClearOverwrite(
	ctx context.Context, r *serversv1.ClearOverwriteRequest,
) (*serversv1.ClearOverwriteResponse, error) {
	channel, err := idOf[beep.ChannelID]("channel_id", r.GetChannelId())
	if err != nil {
		return nil, err
	}
	id, err := idOf[uint64]("overwrite_id", r.GetOverwriteId())
	if err != nil {
		return nil, err
	}
	return &serversv1.ClearOverwriteResponse{}, g.s.ClearOverwrite(ctx, channel, id, r.GetReason())
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
	invitation, err := g.s.CreateInvitation(ctx, servers.NewInvitation{
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
