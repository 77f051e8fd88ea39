package users

import (
	"context"

	"google.golang.org/grpc"

	"github.com/beep-chat/beep"
	usersv1 "github.com/beep-chat/beep/api/beep/users/v1"
)

// Register offers the Users and Identity services on r.
func (s *Service) Register(r grpc.ServiceRegistrar) {
	usersv1.RegisterUsersServer(r, usersServer{service: s})
	usersv1.RegisterIdentityServer(r, identityServer{service: s})
}

// usersServer is the contract of people.
type usersServer struct {
	usersv1.UnimplementedUsersServer
	service *Service
}

// ListUsers decodes, asks and encodes.
func (g usersServer) ListUsers(ctx context.Context, req *usersv1.ListUsersRequest) (*usersv1.ListUsersResponse, error) {
	ids, err := userIDs(req.GetIds())
	if err != nil {
		return nil, err
	}
	list, err := g.service.ListUsers(ctx, ids)
	if err != nil {
		return nil, err
	}
	out := &usersv1.ListUsersResponse{Users: make([]*usersv1.Profile, len(list))}
	for i, u := range list {
		out.Users[i] = profileProto(u)
	}
	return out, nil
}

// GetMe asks and encodes.
func (g usersServer) GetMe(ctx context.Context, _ *usersv1.GetMeRequest) (*usersv1.GetMeResponse, error) {
	u, err := g.service.GetMe(ctx)
	if err != nil {
		return nil, err
	}
	return &usersv1.GetMeResponse{User: userProto(u)}, nil
}

// UpdateMe decodes, asks and encodes.
func (g usersServer) UpdateMe(ctx context.Context, req *usersv1.UpdateMeRequest) (*usersv1.UpdateMeResponse, error) {
	u, err := g.service.UpdateMe(ctx, req.DisplayName)
	if err != nil {
		return nil, err
	}
	return &usersv1.UpdateMeResponse{User: userProto(u)}, nil
}

// identityServer is the contract of tokens; kit/rpc lets the gateway and realtime alone call it.
type identityServer struct {
	usersv1.UnimplementedIdentityServer
	service *Service
}

// GetKeys asks and encodes.
func (g identityServer) GetKeys(ctx context.Context, _ *usersv1.GetKeysRequest) (*usersv1.GetKeysResponse, error) {
	jwks, err := g.service.PublicKeys(ctx)
	if err != nil {
		return nil, err
	}
	return &usersv1.GetKeysResponse{Issuer: g.service.Issuer(), Jwks: jwks}, nil
}

// Introspect asks and encodes.
func (g identityServer) Introspect(ctx context.Context, req *usersv1.IntrospectRequest) (*usersv1.IntrospectResponse, error) {
	got, err := g.service.Introspect(ctx, req.GetToken())
	if err != nil || !got.Active {
		return &usersv1.IntrospectResponse{}, err
	}
	return introspectionProto(got), nil
}

// ListRevocations asks and encodes.
func (g identityServer) ListRevocations(ctx context.Context, req *usersv1.ListRevocationsRequest) (*usersv1.ListRevocationsResponse, error) {
	// Before it becomes an int, which on a small machine could wrap around.
	if req.GetLimit() > maxRevocations {
		return nil, beep.InvalidField(beep.CodeInvalidField, "limit", "1 to 1000")
	}
	list, head, err := g.service.ListRevocations(ctx, req.GetAfter(), int(req.GetLimit()))
	if err != nil {
		return nil, err
	}
	out := &usersv1.ListRevocationsResponse{Head: head, Revocations: make([]*usersv1.Revocation, len(list))}
	for i, r := range list {
		out.Revocations[i] = revocationProto(r)
	}
	return out, nil
}
