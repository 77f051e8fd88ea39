package authz

import (
	"context"
	"maps"
	"slices"

	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
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

// Explain decodes, calls and encodes.
func (g *authzServer) Explain(ctx context.Context, r *authzv1.ExplainRequest) (*authzv1.ExplainResponse, error) {
	if r.GetRight() == "" {
		return nil, beep.InvalidField(beep.CodeInvalidField, "right", "is missing")
	}
	object := &authzv1.CheckRequest{UserId: r.GetUserId(), Right: r.GetRight()}
	switch o := r.GetObject().(type) {
	case *authzv1.ExplainRequest_ServerId:
		object.Object = &authzv1.CheckRequest_ServerId{ServerId: o.ServerId}
	case *authzv1.ExplainRequest_ChannelId:
		object.Object = &authzv1.CheckRequest_ChannelId{ChannelId: o.ChannelId}
	}
	q, err := questionOf(object)
	if err != nil || q.nothing() {
		return &authzv1.ExplainResponse{}, err
	}
	e, member, err := g.s.Explain(ctx, q)
	if err != nil || !member {
		return &authzv1.ExplainResponse{}, err
	}
	return &authzv1.ExplainResponse{Member: true, Explanation: explanationOf(e)}, nil
}

// ViewAs decodes, calls and encodes.
func (g *authzServer) ViewAs(ctx context.Context, r *authzv1.ViewAsRequest) (*authzv1.ViewAsResponse, error) {
	if nothing(beep.ServerID(r.GetServerId()), 0) {
		return &authzv1.ViewAsResponse{}, nil
	}
	roles := make([]beep.RoleID, len(r.GetRoleIds()))
	for i, id := range r.GetRoleIds() {
		roles[i] = beep.RoleID(id)
	}
	sight, err := g.s.ViewAs(ctx, beep.ServerID(r.GetServerId()), roles)
	answer := &authzv1.ViewAsResponse{Known: sight.Known, Rights: sight.Rights.Names()}
	for _, id := range slices.Sorted(maps.Keys(sight.Channels)) {
		answer.Channels = append(answer.Channels, &serversv1.ChannelRights{ChannelId: uint64(id), Rights: sight.Channels[id].Names()})
	}
	return answer, err
}
