// Package community has the use-cases of a server as a community: the server itself, its members and their
// moderation, its roles, its invitations and the record of what was done. Its channels are package channels'.
//
// Start with Service.
package community

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/beep-chat/beep"
	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	"github.com/beep-chat/beep/servers"
)

// Service has the use-cases. Each reads: authorise, validate, change, reply. Reads go the other way round, first
// read and then authorise: what is shown is then never newer than the permissions it is shown under.
type Service struct {
	store    servers.Store
	authz    *servers.Authorizer
	changes  *servers.Committer
	messages messagesv1.ChannelLogClient
	purges   chan struct{} // of capacity 1: there is something to purge
	limits   beep.Limits
	minter   *beep.Minter
	log      *slog.Logger
}

// New is a Service ready to be served (package grpcapi).
func New(d servers.Deps) (*Service, error) {
	if err := d.Check(); err != nil {
		return nil, err
	}
	return &Service{
		d.Store, servers.NewAuthorizer(d.Authz), servers.NewCommitter(d), d.ChannelLog, make(chan struct{}, 1), d.Limits,
		d.Minter, d.Log,
	}, nil
}

// Run is the service's background work until ctx ends: the end of mutes, and what bans have deleted. All else that
// follows from a change is driven by the readers of the scope log.
func (s *Service) Run(ctx context.Context) error {
	var work sync.WaitGroup
	defer work.Wait()
	work.Go(func() { s.endMutesUntil(ctx) })
	work.Go(func() { s.purgeUntil(ctx) })
	<-ctx.Done()
	return nil
}

func (s *Service) endMutesUntil(ctx context.Context) {
	tick := time.NewTicker(endingMutes)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.endMutes(ctx)
		}
	}
}

// purgeUntil looks at once when a ban of this process wants it, and otherwise from time to time: for what another
// process, or this one before a crash, has left.
func (s *Service) purgeUntil(ctx context.Context) {
	tick := time.NewTicker(purgeEvery)
	defer tick.Stop()
	passed := map[uint64]bool{}
	for {
		s.purge(ctx, passed)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-s.purges:
		}
	}
}
