package grpcapi

import (
	"context"

	"github.com/beep-chat/beep"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/servers"
	"github.com/beep-chat/beep/servers/threads"
)

// threadsServer is threads as gRPC sees them: decode, call, encode.
type threadsServer struct {
	serversv1.UnimplementedThreadsServer
	s *threads.Service
}

func threadOf(r interface{ GetThreadId() uint64 }) (beep.ChannelID, error) {
	return idOf[beep.ChannelID]("thread_id", r.GetThreadId())
}

// CreateThread decodes, calls and encodes.
func (g *threadsServer) CreateThread(
	ctx context.Context, r *serversv1.CreateThreadRequest,
) (*serversv1.CreateThreadResponse, error) {
	channel, err := idOf[beep.ChannelID]("channel_id", r.GetChannelId())
	if err != nil {
		return nil, err
	}
	message, err := idOf[beep.MessageID]("message_id", r.GetMessageId())
	if err != nil {
		return nil, err
	}
	thread, err := g.s.Create(ctx, threads.NewThread{Channel: channel, Message: message, Name: r.GetName()})
	return &serversv1.CreateThreadResponse{Thread: protoThread(thread)}, err
}

// GetThread decodes, calls and encodes.
func (g *threadsServer) GetThread(ctx context.Context, r *serversv1.GetThreadRequest) (*serversv1.GetThreadResponse, error) {
	id, err := threadOf(r)
	if err != nil {
		return nil, err
	}
	thread, err := g.s.Get(ctx, id)
	return &serversv1.GetThreadResponse{Thread: protoThread(thread)}, err
}

// ListThreads decodes, calls and encodes.
func (g *threadsServer) ListThreads(
	ctx context.Context, r *serversv1.ListThreadsRequest,
) (*serversv1.ListThreadsResponse, error) {
	channel, err := idOf[beep.ChannelID]("channel_id", r.GetChannelId())
	if err != nil {
		return nil, err
	}
	before, err := idOrNone[beep.ChannelID]("before", r.GetBefore())
	if err != nil {
		return nil, err
	}
	list, err := g.s.List(ctx, servers.ThreadQuery{
		Channel: channel, Archived: r.GetArchived(), Before: before, Limit: int(r.GetLimit()),
	})
	return &serversv1.ListThreadsResponse{Threads: protos(list, protoThread)}, err
}

// ListMyThreads decodes, calls and encodes.
func (g *threadsServer) ListMyThreads(
	ctx context.Context, r *serversv1.ListMyThreadsRequest,
) (*serversv1.ListMyThreadsResponse, error) {
	server, err := idOf[beep.ServerID]("server_id", r.GetServerId())
	if err != nil {
		return nil, err
	}
	after, err := idOrNone[beep.ChannelID]("after", r.GetAfter())
	if err != nil {
		return nil, err
	}
	list, next, err := g.s.ListMine(ctx, server, after, int(r.GetLimit()))
	return &serversv1.ListMyThreadsResponse{Threads: protos(list, protoThread), Next: uint64(next)}, err
}

// UpdateThread decodes, calls and encodes.
func (g *threadsServer) UpdateThread(
	ctx context.Context, r *serversv1.UpdateThreadRequest,
) (*serversv1.UpdateThreadResponse, error) {
	id, err := threadOf(r)
	if err != nil {
		return nil, err
	}
	thread, err := g.s.Update(ctx, id, threads.Update{Name: r.Name, Archived: r.Archived, Locked: r.Locked}, r.GetReason())
	return &serversv1.UpdateThreadResponse{Thread: protoThread(thread)}, err
}

// DeleteThread decodes, calls and encodes.
func (g *threadsServer) DeleteThread(
	ctx context.Context, r *serversv1.DeleteThreadRequest,
) (*serversv1.DeleteThreadResponse, error) {
	id, err := threadOf(r)
	if err != nil {
		return nil, err
	}
	return &serversv1.DeleteThreadResponse{}, g.s.Delete(ctx, id, r.GetReason())
}

// JoinThread decodes, calls and encodes.
func (g *threadsServer) JoinThread(
	ctx context.Context, r *serversv1.JoinThreadRequest,
) (*serversv1.JoinThreadResponse, error) {
	id, err := threadOf(r)
	if err != nil {
		return nil, err
	}
	return &serversv1.JoinThreadResponse{}, g.s.Join(ctx, id)
}

// LeaveThread decodes, calls and encodes.
func (g *threadsServer) LeaveThread(
	ctx context.Context, r *serversv1.LeaveThreadRequest,
) (*serversv1.LeaveThreadResponse, error) {
	id, err := threadOf(r)
	if err != nil {
		return nil, err
	}
	return &serversv1.LeaveThreadResponse{}, g.s.Leave(ctx, id)
}

// AddThreadMember decodes, calls and encodes.
func (g *threadsServer) AddThreadMember(
	ctx context.Context, r *serversv1.AddThreadMemberRequest,
) (*serversv1.AddThreadMemberResponse, error) {
	id, err := threadOf(r)
	if err != nil {
		return nil, err
	}
	user, err := idOf[beep.UserID]("user_id", r.GetUserId())
	if err != nil {
		return nil, err
	}
	return &serversv1.AddThreadMemberResponse{}, g.s.AddMember(ctx, id, user)
}

// ListThreadMembers decodes, calls and encodes.
func (g *threadsServer) ListThreadMembers(
	ctx context.Context, r *serversv1.ListThreadMembersRequest,
) (*serversv1.ListThreadMembersResponse, error) {
	id, err := threadOf(r)
	if err != nil {
		return nil, err
	}
	after, err := idOrNone[beep.UserID]("after", r.GetAfter())
	if err != nil {
		return nil, err
	}
	list, err := g.s.ListMembers(ctx, id, after, int(r.GetLimit()))
	return &serversv1.ListThreadMembersResponse{
		UserIds: protos(list, func(id beep.UserID) uint64 { return uint64(id) }),
	}, err
}
