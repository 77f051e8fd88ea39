package grpcapi

import (
	"context"

	"github.com/beep-chat/beep"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/servers"
	"github.com/beep-chat/beep/servers/channels"
)

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
	channel, err := g.channels.CreateChannel(ctx, channels.NewChannel{
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
	list, err := g.channels.ListChannels(ctx, id)
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
	channel, err := g.channels.GetChannel(ctx, id)
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
	u := channels.ChannelUpdate{Name: r.Name, Topic: r.Topic, Synced: r.Synced}
	if r.ParentId != nil {
		parent, err := idOrNone[beep.ChannelID]("parent_id", r.GetParentId())
		if err != nil {
			return nil, err
		}
		u.Parent = &parent
	}
	channel, err := g.channels.UpdateChannel(ctx, id, u, r.GetReason())
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
	list, err := g.channels.ReorderChannels(ctx, id, order)
	return &serversv1.ReorderChannelsResponse{Channels: protos(list, protoChannel)}, err
}

// SetChannelAccess decodes, calls and encodes.
func (g *serversServer) SetChannelAccess(
	ctx context.Context, r *serversv1.SetChannelAccessRequest,
) (*serversv1.SetChannelAccessResponse, error) {
	a := channels.Access{Private: r.Private}
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
	list, err := g.channels.SetChannelAccess(ctx, a, r.GetReason())
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
	return &serversv1.DeleteChannelResponse{}, g.channels.DeleteChannel(ctx, id, r.GetReason())
}

// ListOverwrites decodes, calls and encodes.
func (g *serversServer) ListOverwrites(
	ctx context.Context, r *serversv1.ListOverwritesRequest,
) (*serversv1.ListOverwritesResponse, error) {
	id, err := idOf[beep.ChannelID]("channel_id", r.GetChannelId())
	if err != nil {
		return nil, err
	}
	list, err := g.channels.ListOverwrites(ctx, id)
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
	o, err = g.channels.SetOverwrite(ctx, o, r.GetReason())
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
	return &serversv1.ClearOverwriteResponse{}, g.channels.ClearOverwrite(ctx, channel, id, r.GetReason())
}

// ExplainChannelRight decodes, calls and encodes.
func (g *serversServer) ExplainChannelRight(
	ctx context.Context, r *serversv1.ExplainChannelRightRequest,
) (*serversv1.ExplainChannelRightResponse, error) {
	id, err := idOf[beep.ChannelID]("channel_id", r.GetChannelId())
	if err != nil {
		return nil, err
	}
	member, right, err := explainedOf(r)
	if err != nil {
		return nil, err
	}
	e, err := g.channels.ExplainRight(ctx, id, member, right)
	return &serversv1.ExplainChannelRightResponse{Explanation: protoExplanation(e)}, err
}
