package logmodel

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/beep-chat/beep/kit/rpc"
	"github.com/beep-chat/beep/messages"
	messagesql "github.com/beep-chat/beep/messages/sqlstore"
	"github.com/beep-chat/beep/servers"
	serversql "github.com/beep-chat/beep/servers/sqlstore"
)

// Site is the stores that schedules are played on, one after the other: each makes a server of its own and looks at
// nothing else.
type Site struct {
	messages *messagesql.Store
	servers  *serversql.Store
	ca       *rpc.CA

	// Floods makes some schedules long: more is said than a client that was away is sent entry by entry.
	Floods bool
}

// OpenSite opens empty stores in a folder.
func OpenSite(ctx context.Context, dir string) (*Site, error) {
	ms, err1 := messagesql.Open(ctx, "sqlite://"+filepath.Join(dir, "messages.db"))
	ss, err2 := serversql.Open(ctx, "sqlite://"+filepath.Join(dir, "servers.db"))
	ca, err3 := rpc.NewCA()
	return &Site{messages: ms, servers: ss, ca: ca}, errors.Join(err1, err2, err3)
}

// Close closes the stores.
func (s *Site) Close() error { return errors.Join(s.messages.Close(), s.servers.Close()) }

// Plant is a mistake put between the parts, which the judge must find. The zero Plant is none.
type Plant struct {
	Name string
	// Found are the rules one of which must be seen broken: a plant that only makes a schedule fail in some other way has
	// not shown that its rule is watched.
	Found []string

	store  func(messages.Store) messages.Store // under all replicas
	own    func(messages.Store) messages.Store // under each
	scopes func(servers.Store) servers.Store
	since  bool          // realtime is told of no revision that content needs
	deaf   bool          // no wake-up arrives, ever
	late   int           // once in so many times an insert comes late and an apply stops halfway; 0 is seldom
	sweep  time.Duration // how often realtime looks by itself; 0 is often
}

// Stats is what happened in a schedule, to see that schedules are worth playing.
type Stats struct {
	Entries, Acks, Unknown, Refused, Frames, Resets, Removals, Connects, Crashes, Late int
}

// Play plays the schedule of a seed and answers what was wrong, nothing if all rules held. The seed decides what is
// done and what goes wrong; how the goroutines then meet is the machine's, so that a seed found guilty may have to be
// played a few times.
func (s *Site) Play(ctx context.Context, seed uint64, plant Plant) (wrong []string, stats Stats, err error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	w, err := newWorld(ctx, s, seed, plant)
	if err != nil {
		return nil, Stats{}, fmt.Errorf("seed %d: %w", seed, err)
	}
	w.play()
	w.judge(ctx)
	w.stop()
	wrong, stats = w.ledger.verdict()
	return wrong, stats, nil
}

// discard keeps the faults of a schedule out of the output of the tests.
func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }
