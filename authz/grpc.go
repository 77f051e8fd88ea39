package authz

import (
	"context"

	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	"github.com/beep-chat/beep/perm"
)

// authzServer is the service as gRPC sees it: decode, call, encode.
type authzServer struct {
	authzv1.UnimplementedAuthzServer
	s *Service
}

// Check decodes, calls and encodes.
func (g *authzServer) Check(ctx context.Context, r *authzv1.CheckRequest) (*authzv1.CheckResponse, error) {
	q, err := questionOf(r)
	if err != nil || q.nothing() {
		return &authzv1.CheckResponse{}, err
	}
	d, err := g.s.Check(ctx, q)
	return d.proto(), err
}

// ListVisibleChannels decodes, calls and encodes.
func (g *authzServer) ListVisibleChannels(
	ctx context.Context, r *authzv1.ListVisibleChannelsRequest,
) (*authzv1.ListVisibleChannelsResponse, error) {
	q := Question{User: beep.UserID(r.GetUserId()), Server: beep.ServerID(r.GetServerId()), MinRev: r.GetMinRev()}
	if q.nothing() {
		return &authzv1.ListVisibleChannelsResponse{}, nil
	}
	ids, d, err := g.s.VisibleChannels(ctx, q)
	answer := &authzv1.ListVisibleChannelsResponse{Member: d.Visible, Rev: d.Rev, ChannelIds: make([]uint64, len(ids))}
	for i, id := range ids {
		answer.ChannelIds[i] = uint64(id)
	}
	return answer, err
}

// CheckOverwrite decodes, calls and encodes.
func (g *authzServer) CheckOverwrite(
	ctx context.Context, r *authzv1.CheckOverwriteRequest,
) (*authzv1.CheckOverwriteResponse, error) {
	o, err := overwriteOf(r)
	q := Question{User: beep.UserID(r.GetUserId()), Channel: o.Channel}
	if err != nil || q.nothing() {
		return &authzv1.CheckOverwriteResponse{}, err
	}
	v, err := g.s.CheckOverwrite(ctx, q.User, o)
	return &authzv1.CheckOverwriteResponse{
		Allowed: v.Allowed, Visible: v.Visible, Code: string(v.Code), Reason: v.Reason, Rev: v.Rev,
	}, err
}

// CheckMember decodes, calls and encodes.
func (g *authzServer) CheckMember(
	ctx context.Context, r *authzv1.CheckMemberRequest,
) (*authzv1.CheckMemberResponse, error) {
	right, err := perm.ParseRight(r.GetRight())
	q := Question{User: beep.UserID(r.GetUserId()), Server: beep.ServerID(r.GetServerId()), Right: right}
	if err != nil || q.nothing() {
		return &authzv1.CheckMemberResponse{}, err
	}
	v, err := g.s.CheckMember(ctx, q, beep.UserID(r.GetTargetId()))
	return &authzv1.CheckMemberResponse{
		Allowed: v.Allowed, Visible: v.Visible, TargetFound: v.TargetFound, Code: string(v.Code), Reason: v.Reason, Rev: v.Rev,
	}, err
}
