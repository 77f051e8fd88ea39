// Package community has the use-cases of a server as a community: the server itself, its members and their
// moderation, its roles, its invitations and the record of what was done. Its channels are package channels'.
//
// Start with Service.
package community

import (
	"context"
	"log/slog"
	"time"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/servers"
)

// Service has the use-cases. Each reads: authorise, validate, change, reply. Reads go the other way round, first
// read and then authorise: what is shown is then never newer than the permissions it is shown under.
type Service struct {
	store   servers.Store
	authz   *servers.Authorizer
	changes *servers.Committer
	limits  beep.Limits
	minter  *beep.Minter
	log     *slog.Logger
}

// New is a Service ready to be served (package grpcapi).
func New(d servers.Deps) (*Service, error) {
	if err := d.Check(); err != nil {
		return nil, err
	}
	return &Service{d.Store, servers.NewAuthorizer(d.Authz), servers.NewCommitter(d), d.Limits, d.Minter, d.Log}, nil
}

// Run is the service's background work until ctx ends: the end of mutes. All else that follows from a change is driven
// by the readers of the scope log.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(endingMutes)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			s.endMutes(ctx)
		}
	}
}
