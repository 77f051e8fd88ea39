package servers

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
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

// Deps is what the use-cases need; all of it.
type Deps struct {
	Store      Store
	Authz      authzv1.AuthzClient
	ChannelLog messagesv1.ChannelLogClient // of messages: what a ban has deleted
	// Messages is asked what only the log of a channel tells, as the caller.
	Messages messagesv1.MessagesClient
	Bus      Publisher
	Limits   beep.Limits
	Minter   *beep.Minter
	Log      *slog.Logger
}

// Check refuses what is not whole.
func (d Deps) Check() error {
	if d.Store == nil || d.Authz == nil || d.ChannelLog == nil || d.Messages == nil || d.Bus == nil || d.Minter == nil || d.Log == nil {
		return errors.New("servers: a dependency is missing")
	}
	return nil
}

// ErrMoved is a change that was decided before something happened which could have decided otherwise.
var ErrMoved = errors.New("the scope moved on")

// Settle runs try until it commits as it was decided. try decides (Authorizer) and commits (Committer) from the
// beginning each time; it answers ErrMoved to be run again.
func Settle(ctx context.Context, try func() error) error {
	for range maxTries {
		if err := try(); !errors.Is(err, ErrMoved) {
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
	return beep.Unavailable(ErrMoved)
}

// Committer makes changes, and wakes those who follow the scopes that they touch.
type Committer struct {
	store  Store
	bus    Publisher
	minter *beep.Minter
	log    *slog.Logger
}

// NewCommitter is one for these dependencies, which are checked.
func NewCommitter(d Deps) *Committer { return &Committer{d.Store, d.Bus, d.Minter, d.Log} }

// Commit makes a change, now, and wakes the readers of the scopes that it touched. A conflict is ErrMoved.
func (c *Committer) Commit(ctx context.Context, change Commit) error {
	change.At = beep.Now()
	if err := c.store.Commit(ctx, change); err != nil {
		if errors.Is(err, beep.ErrConflict) {
			return ErrMoved
		}
		return err
	}
	for _, part := range change.Parts() {
		if len(part.Changes) == 0 {
			continue
		}
		// Who follows one scope, and who follows all of them.
		err := errors.Join(c.bus.Publish(ctx, "scope:"+part.Scope.String(), nil), c.bus.Publish(ctx, "scopes", []byte(part.Scope.String())))
		if err != nil {
			c.log.DebugContext(ctx, "wake-up lost", "scope", part.Scope.String(), "error", err)
		}
	}
	return nil
}
