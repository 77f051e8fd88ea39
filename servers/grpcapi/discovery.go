package grpcapi

import (
	"context"

	"github.com/beep-chat/beep"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/servers/community"
)

// discoveryServer is discovery as gRPC sees it: decode, call, encode.
type discoveryServer struct {
	serversv1.UnimplementedDiscoveryServer
	s *community.Service
}

// ListPublicServers decodes, calls and encodes.
func (g *discoveryServer) ListPublicServers(
	ctx context.Context, r *serversv1.ListPublicServersRequest,
) (*serversv1.ListPublicServersResponse, error) {
	after, err := idOrNone[beep.ServerID]("after", r.GetAfter())
	if err != nil {
		return nil, err
	}
	page, next, err := g.s.ListPublicServers(ctx, r.GetQuery(), after, int(r.GetLimit()))
	return &serversv1.ListPublicServersResponse{Servers: protos(page, protoPublicServer), Next: uint64(next)}, err
}

// JoinServer decodes, calls and encodes.
func (g *discoveryServer) JoinServer(
	ctx context.Context, r *serversv1.JoinServerRequest,
) (*serversv1.JoinServerResponse, error) {
	id, err := idOf[beep.ServerID]("server_id", r.GetServerId())
	if err != nil {
		return nil, err
	}
	server, err := g.s.JoinServer(ctx, id)
	return &serversv1.JoinServerResponse{Server: protoServer(server)}, err
}
