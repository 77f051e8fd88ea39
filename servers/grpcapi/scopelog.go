package grpcapi

import (
	"context"
	"errors"

	"github.com/beep-chat/beep"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/servers"
)

const (
	maxScopes  = 10_000
	maxChanges = 1000
)

// scopeLogServer is the log as its readers see it, authz, realtime and messages: nothing here asks who is allowed,
// since the readers are who decides. Which service may call is the policy's matter.
type scopeLogServer struct {
	serversv1.UnimplementedScopeLogServer
	log servers.LogReader
}

// ListScopes decodes, reads and encodes.
func (g *scopeLogServer) ListScopes(ctx context.Context, r *serversv1.ListScopesRequest) (*serversv1.ListScopesResponse, error) {
	var after beep.Scope
	if r.GetAfter().GetKind() != "" {
		var err error
		if after, err = scopeOf(r.GetAfter()); err != nil {
			return nil, err
		}
	}
	limit := r.GetLimit()
	if limit > maxChanges {
		return nil, beep.InvalidField(beep.CodeInvalidField, "limit", "is not between 1 and 1000")
	}
	if limit == 0 {
		limit = maxChanges
	}
	scopes, err := g.log.Scopes(ctx, after, int(limit))
	if err != nil {
		return nil, err
	}
	answer := &serversv1.ListScopesResponse{Scopes: make([]*serversv1.Scope, len(scopes))}
	for i, scope := range scopes {
		answer.Scopes[i] = protoScope(scope)
	}
	return answer, nil
}

// GetRevs decodes, reads and encodes.
func (g *scopeLogServer) GetRevs(ctx context.Context, r *serversv1.GetRevsRequest) (*serversv1.GetRevsResponse, error) {
	if n := len(r.GetScopes()); n == 0 || n > maxScopes {
		return nil, beep.InvalidField(beep.CodeInvalidField, "scopes", "are not between 1 and 10000")
	}
	scopes := make([]beep.Scope, len(r.GetScopes()))
	for i, p := range r.GetScopes() {
		scope, err := scopeOf(p)
		if err != nil {
			return nil, err
		}
		scopes[i] = scope
	}
	revs, err := g.log.Revs(ctx, scopes)
	return &serversv1.GetRevsResponse{Revs: revs}, err
}

// ListChanges decodes, reads and encodes.
func (g *scopeLogServer) ListChanges(
	ctx context.Context, r *serversv1.ListChangesRequest,
) (*serversv1.ListChangesResponse, error) {
	scope, err := scopeOf(r.GetScope())
	if err != nil {
		return nil, err
	}
	limit := r.GetLimit()
	if limit > maxChanges {
		return nil, beep.InvalidField(beep.CodeInvalidField, "limit", "is not between 1 and 1000")
	}
	if limit == 0 {
		limit = maxChanges
	}
	rows, head, err := g.log.Log(ctx, scope, r.GetAfter(), int(limit))
	if err != nil {
		return nil, err
	}
	return &serversv1.ListChangesResponse{Changes: protos(rows, protoRow), Head: head}, nil
}

// ResolveChannel decodes, reads and encodes.
func (g *scopeLogServer) ResolveChannel(
	ctx context.Context, r *serversv1.ResolveChannelRequest,
) (*serversv1.ResolveChannelResponse, error) {
	id, err := idOf[beep.ChannelID]("channel_id", r.GetChannelId())
	if err != nil {
		return nil, err
	}
	scope, err := g.log.ChannelScope(ctx, id)
	return &serversv1.ResolveChannelResponse{Scope: protoScope(scope)}, noneSuch(err)
}

func noneSuch(err error) error {
	if errors.Is(err, beep.ErrNotFound) {
		return beep.NotFound(beep.CodeChannelNotFound, "there is no such channel")
	}
	return err
}
