package grpcapi

import (
	"context"
	"time"

	"github.com/beep-chat/beep"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/servers"
	"github.com/beep-chat/beep/servers/community"
)

// moderationServer is moderation as gRPC sees it: decode, call, encode.
type moderationServer struct {
	serversv1.UnimplementedModerationServer
	s *community.Service
}

// KickMember decodes, calls and encodes.
func (g *moderationServer) KickMember(
	ctx context.Context, r *serversv1.KickMemberRequest,
) (*serversv1.KickMemberResponse, error) {
	id, user, err := memberOf(r)
	if err != nil {
		return nil, err
	}
	return &serversv1.KickMemberResponse{}, g.s.KickMember(ctx, id, user, r.GetReason())
}

// UpdateNickname decodes, calls and encodes.
func (g *moderationServer) UpdateNickname(
	ctx context.Context, r *serversv1.UpdateNicknameRequest,
) (*serversv1.UpdateNicknameResponse, error) {
	id, user, err := memberOf(r)
	if err != nil {
		return nil, err
	}
	member, err := g.s.UpdateNickname(ctx, servers.Member{Server: id, User: user, Nickname: r.GetNickname()}, r.GetReason())
	return &serversv1.UpdateNicknameResponse{Member: protoMember(member)}, err
}

// MuteMember decodes, calls and encodes.
func (g *moderationServer) MuteMember(
	ctx context.Context, r *serversv1.MuteMemberRequest,
) (*serversv1.MuteMemberResponse, error) {
	id, user, err := memberOf(r)
	if err != nil {
		return nil, err
	}
	member, err := g.s.MuteMember(ctx, id, user, time.Duration(r.GetSeconds())*time.Second, r.GetReason())
	return &serversv1.MuteMemberResponse{Member: protoMember(member)}, err
}

// UnmuteMember decodes, calls and encodes.
func (g *moderationServer) UnmuteMember(
	ctx context.Context, r *serversv1.UnmuteMemberRequest,
) (*serversv1.UnmuteMemberResponse, error) {
	id, user, err := memberOf(r)
	if err != nil {
		return nil, err
	}
	return &serversv1.UnmuteMemberResponse{}, g.s.UnmuteMember(ctx, id, user, r.GetReason())
}

// BanUser decodes, calls and encodes.
func (g *moderationServer) BanUser(ctx context.Context, r *serversv1.BanUserRequest) (*serversv1.BanUserResponse, error) {
	id, user, err := memberOf(r)
	if err != nil {
		return nil, err
	}
	ban, err := g.s.BanUser(ctx, community.NewBan{
		Server: id, User: user, Purge: time.Duration(r.GetPurgeSeconds()) * time.Second, Reason: r.GetReason(),
	})
	return &serversv1.BanUserResponse{Ban: protoBan(ban)}, err
}

// UnbanUser decodes, calls and encodes.
func (g *moderationServer) UnbanUser(
	ctx context.Context, r *serversv1.UnbanUserRequest,
) (*serversv1.UnbanUserResponse, error) {
	id, user, err := memberOf(r)
	if err != nil {
		return nil, err
	}
	return &serversv1.UnbanUserResponse{}, g.s.UnbanUser(ctx, id, user, r.GetReason())
}

// ListBans decodes, calls and encodes.
func (g *moderationServer) ListBans(
	ctx context.Context, r *serversv1.ListBansRequest,
) (*serversv1.ListBansResponse, error) {
	id, err := idOf[beep.ServerID]("server_id", r.GetServerId())
	if err != nil {
		return nil, err
	}
	before, err := idOrNone[uint64]("before", r.GetBefore())
	if err != nil {
		return nil, err
	}
	list, err := g.s.ListBans(ctx, id, before, int(r.GetLimit()))
	return &serversv1.ListBansResponse{Bans: protos(list, protoBan)}, err
}

// ListAuditEntries decodes, calls and encodes.
func (g *moderationServer) ListAuditEntries(
	ctx context.Context, r *serversv1.ListAuditEntriesRequest,
) (*serversv1.ListAuditEntriesResponse, error) {
	q := servers.AuditQuery{Action: servers.AuditAction(r.GetAction()), Limit: int(r.GetLimit())}
	var err error
	if q.Server, err = idOf[beep.ServerID]("server_id", r.GetServerId()); err != nil {
		return nil, err
	}
	if q.Before, err = idOrNone[uint64]("before", r.GetBefore()); err != nil {
		return nil, err
	}
	if q.Actor, err = idOrNone[beep.UserID]("actor_id", r.GetActorId()); err != nil {
		return nil, err
	}
	if q.Target, err = idOrNone[uint64]("target_id", r.GetTargetId()); err != nil {
		return nil, err
	}
	list, err := g.s.ListAuditEntries(ctx, q)
	return &serversv1.ListAuditEntriesResponse{Entries: protos(list, protoAuditEntry)}, err
}
