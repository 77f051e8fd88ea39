// Package grpcapi is the servers service as its peers and the edge see it, over gRPC: it decodes a request, calls one
// use-case and encodes the answer. It has no rule of the product. REST is transcoded from the same contract.
//
// Start with New.
package grpcapi

import (
	"context"

	"google.golang.org/grpc"

	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/servers"
	"github.com/beep-chat/beep/servers/channels"
	"github.com/beep-chat/beep/servers/community"
	"github.com/beep-chat/beep/servers/direct"
	"github.com/beep-chat/beep/servers/threads"
	"github.com/beep-chat/beep/servers/webhooks"
)

// API is the whole service, ready to be served.
type API struct {
	community *community.Service
	channels  *channels.Service
	webhooks  *webhooks.Service
	threads   *threads.Service
	direct    *direct.Service
	log       servers.LogReader
}

// New is the service over its dependencies.
func New(d servers.Deps) (*API, error) {
	ofCommunity, err := community.New(d)
	if err != nil {
		return nil, err
	}
	ofChannels, err := channels.New(d)
	if err != nil {
		return nil, err
	}
	ofWebhooks, err := webhooks.New(d)
	if err != nil {
		return nil, err
	}
	ofThreads, err := threads.New(d)
	if err != nil {
		return nil, err
	}
	ofDirect, err := direct.New(d)
	if err != nil {
		return nil, err
	}
	return &API{ofCommunity, ofChannels, ofWebhooks, ofThreads, ofDirect, d.Store}, nil
}

// Register adds the service, and the scope log that its peers read, to a server.
func (a *API) Register(r grpc.ServiceRegistrar) {
	serversv1.RegisterServersServer(r, &serversServer{s: a.community, channels: a.channels})
	serversv1.RegisterRolesServer(r, &rolesServer{s: a.community})
	serversv1.RegisterModerationServer(r, &moderationServer{s: a.community})
	serversv1.RegisterWebhooksServer(r, &webhooksServer{s: a.webhooks})
	serversv1.RegisterDiscoveryServer(r, &discoveryServer{s: a.community})
	serversv1.RegisterThreadsServer(r, &threadsServer{s: a.threads})
	serversv1.RegisterDirectMessagesServer(r, &directServer{s: a.direct})
	serversv1.RegisterScopeLogServer(r, &scopeLogServer{log: a.log})
}

// Run is the background work of all of it until ctx ends.
func (a *API) Run(ctx context.Context) error { return a.community.Run(ctx) }
