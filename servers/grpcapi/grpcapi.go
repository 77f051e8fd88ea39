// Package grpcapi is the servers service as its peers and the edge see it, over gRPC: it decodes a request, calls one
// use-case and encodes the answer. It has no rule of the product. REST is transcoded from the same contract.
//
// Start with Register.
package grpcapi

import (
	"google.golang.org/grpc"

	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/servers"
)

// Register adds the service, and the scope log that its peers read, to a server.
func Register(r grpc.ServiceRegistrar, s *servers.Service) {
	serversv1.RegisterServersServer(r, &serversServer{s: s})
	serversv1.RegisterRolesServer(r, &rolesServer{s: s})
	serversv1.RegisterModerationServer(r, &moderationServer{s: s})
	serversv1.RegisterScopeLogServer(r, &scopeLogServer{log: s.Log()})
}
