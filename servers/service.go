package servers

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
)

const (
	// maxTries is how often a change is decided anew because something that matters to it happened meanwhile. A try
	// takes a few milliseconds, so this many fail in a row only where roles and channels change hundreds of times a
	// second.
	maxTries = 12
	// maxPause bounds the random wait between two tries.
	maxPause = 20 * time.Millisecond
)

// Publisher wakes those who follow a topic. A wake-up may be lost: followers look by themselves every second.
type Publisher interface {
	Publish(ctx context.Context, topic string, payload []byte) error
}

// Deps is what a Service needs; all of it.
type Deps struct {
	Store  Store
	Authz  authzv1.AuthzClient
	Bus    Publisher
	Limits beep.Limits
	Minter *beep.Minter
	Log    *slog.Logger
}

// Service has the use-cases. Each reads: authorise, validate, change, reply. Reads go the other way round, first
// read and then authorise: what is shown is then never newer than the permissions it is shown under.
type Service struct {
	store  Store
	authz  authzv1.AuthzClient
	bus    Publisher
	limits beep.Limits
	minter *beep.Minter
	log    *slog.Logger
}

// New is a Service ready to be served (package grpcapi).
func New(d Deps) (*Service, error) {
	if d.Store == nil || d.Authz == nil || d.Bus == nil || d.Minter == nil || d.Log == nil {
		return nil, errors.New("servers: a dependency is missing")
	}
	return &Service{d.Store, d.Authz, d.Bus, d.Limits, d.Minter, d.Log}, nil
}

// Log is the scope log, for the services that build their Views from it. It asks nobody whether they may.
func (s *Service) Log() LogReader { return s.store }

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

// errMoved is a change that was decided before something happened which could have decided otherwise.
var errMoved = errors.New("the scope moved on")

// settle runs try until it commits as it was decided. try decides and commits from the
// beginning each time; it answers errMoved to be run again.
func (s *Service) settle(ctx context.Context, try func() error) error {
	for range maxTries {
		if err := try(); !errors.Is(err, errMoved) {
			return err
		}
		pause := time.NewTimer(rand.N(maxPause)) //nolint:gosec // spreading, not a secret
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return beep.Unavailable(ctx.Err())
		}
	}
	return beep.Unavailable(errMoved)
}

// commit makes a change, now, and wakes the readers of the scopes that it touched. A conflict is errMoved.
func (s *Service) commit(ctx context.Context, c Commit) error {
	c.At = beep.Now()
	if err := s.store.Commit(ctx, c); err != nil {
		if errors.Is(err, beep.ErrConflict) {
			return errMoved
		}
		return err
	}
	for _, part := range c.Parts() {
		if len(part.Changes) == 0 {
			continue
		}
		if err := s.bus.Publish(ctx, "scope:"+part.Scope.String(), nil); err != nil {
			s.log.DebugContext(ctx, "wake-up lost", "scope", part.Scope.String(), "error", err)
		}
	}
	return nil
}

// first is the first error of several checks.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// instead is what a use-case answers for a thing that is not there; every other error stays as it is.
func instead(err error, missing *beep.Error) error {
	if errors.Is(err, beep.ErrNotFound) {
		return missing
	}
	return err
}

func noServer() *beep.Error {
	return beep.NotFound(beep.CodeServerNotFound, "there is no such server")
}

func noChannel() *beep.Error {
	return beep.NotFound(beep.CodeChannelNotFound, "there is no such channel")
}

func noMember() *beep.Error {
	return beep.NotFound(beep.CodeMemberNotFound, "there is no such member")
}

func noInvitation() *beep.Error {
	return beep.NotFound(beep.CodeInviteNotFound, "this invitation does not work, or no more")
}
