package grpcapi

import (
	"context"

	"github.com/beep-chat/beep"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/servers"
	"github.com/beep-chat/beep/servers/direct"
)

// directServer is direct messages as gRPC sees them: decode, call, encode.
type directServer struct {
	serversv1.UnimplementedDirectMessagesServer
	s *direct.Service
}

func directOf(r interface{ GetChannelId() uint64 }) (beep.ChannelID, error) {
	return idOf[beep.ChannelID]("channel_id", r.GetChannelId())
}

// protoConversation is a direct message as one who is in it has it.
func protoConversation(c servers.Conversation) *serversv1.DirectMessage {
	p := protoDirect(c.DirectMessage)
	if c.Closed {
		p.ClosedR = &c.R
	}
	return p
}

// CreateDirectMessage decodes, calls and encodes.
func (g *directServer) CreateDirectMessage(
	ctx context.Context, r *serversv1.CreateDirectMessageRequest,
) (*serversv1.CreateDirectMessageResponse, error) {
	others, err := idsOf[beep.UserID]("user_ids", r.GetUserIds())
	if err != nil {
		return nil, err
	}
	d, err := g.s.Create(ctx, others, r.GetName())
	return &serversv1.CreateDirectMessageResponse{DirectMessage: protoConversation(d)}, err
}

// ListDirectMessages decodes, calls and encodes.
func (g *directServer) ListDirectMessages(
	ctx context.Context, r *serversv1.ListDirectMessagesRequest,
) (*serversv1.ListDirectMessagesResponse, error) {
	after, err := idOrNone[beep.ChannelID]("after", r.GetAfter())
	if err != nil {
		return nil, err
	}
	list, err := g.s.List(ctx, after, int(r.GetLimit()))
	return &serversv1.ListDirectMessagesResponse{DirectMessages: protos(list, protoConversation)}, err
}

// GetDirectMessage decodes, calls and encodes.
func (g *directServer) GetDirectMessage(
	ctx context.Context, r *serversv1.GetDirectMessageRequest,
) (*serversv1.GetDirectMessageResponse, error) {
	id, err := directOf(r)
	if err != nil {
		return nil, err
	}
	d, err := g.s.Get(ctx, id)
	return &serversv1.GetDirectMessageResponse{DirectMessage: protoConversation(d)}, err
}

// RenameDirectMessage decodes, calls and encodes.
func (g *directServer) RenameDirectMessage(
	ctx context.Context, r *serversv1.RenameDirectMessageRequest,
) (*serversv1.RenameDirectMessageResponse, error) {
	id, err := directOf(r)
	if err != nil {
		return nil, err
	}
	d, err := g.s.Rename(ctx, id, r.GetName())
	return &serversv1.RenameDirectMessageResponse{DirectMessage: protoDirect(d)}, err
}

// AddUsers decodes, calls and encodes.
func (g *directServer) AddUsers(ctx context.Context, r *serversv1.AddUsersRequest) (*serversv1.AddUsersResponse, error) {
	id, err := directOf(r)
	if err != nil {
		return nil, err
	}
	others, err := idsOf[beep.UserID]("user_ids", r.GetUserIds())
	if err != nil {
		return nil, err
	}
	d, err := g.s.Add(ctx, id, others)
	return &serversv1.AddUsersResponse{DirectMessage: protoDirect(d)}, err
}

// LeaveDirectMessage decodes, calls and encodes.
func (g *directServer) LeaveDirectMessage(
	ctx context.Context, r *serversv1.LeaveDirectMessageRequest,
) (*serversv1.LeaveDirectMessageResponse, error) {
	id, err := directOf(r)
	if err != nil {
		return nil, err
	}
	return &serversv1.LeaveDirectMessageResponse{}, g.s.Leave(ctx, id)
}

// CloseDirectMessage decodes, calls and encodes.
func (g *directServer) CloseDirectMessage(
	ctx context.Context, r *serversv1.CloseDirectMessageRequest,
) (*serversv1.CloseDirectMessageResponse, error) {
	id, err := directOf(r)
	if err != nil {
		return nil, err
	}
	return &serversv1.CloseDirectMessageResponse{}, g.s.Close(ctx, id, r.R)
}
