package authz

import (
	"context"

	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
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

// CheckActions decodes, calls and encodes.
func (g *authzServer) CheckActions(
	ctx context.Context, r *authzv1.CheckActionsRequest,
) (*authzv1.CheckActionsResponse, error) {
	actions, err := actionsOf(r)
	if err != nil {
		return nil, err
	}
	v, err := g.s.CheckActions(ctx, beep.UserID(r.GetUserId()), actions)
	return &authzv1.CheckActionsResponse{
		Allowed: v.Allowed, Visible: v.Visible, Code: string(v.Code), Reason: v.Reason, Refused: uint32(v.Refused), Rev: v.Rev,
	}, err
}
