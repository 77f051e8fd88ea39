package logmodel

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/messages"
)

// errShaky is a store that did not answer: what it did meanwhile is unknown.
var errShaky = errors.New("the store does not answer")

// shaky is the store as one replica reaches it: answers get lost, inserts arrive late, changes of rows stop halfway, and
// nothing gets in or out once the replica is dead.
type shaky struct {
	store messages.Store
	w     *world
	of    *proc
}

var _ messages.Store = (*shaky)(nil)

// reach is before and after every use of the store.
func (s *shaky) reach(ctx context.Context) error {
	s.w.step(ctx)
	if s.of.isDead() || s.w.fault(80) {
		return errShaky
	}
	return nil
}

// Insert may go in after it was answered as unknown: the rest of the batch then follows in order, as the port allows.
func (s *shaky) Insert(ctx context.Context, batch []messages.Entry) (int, error) {
	if err := s.reach(ctx); err != nil {
		return 0, err
	}
	if s.w.fault(cmp.Or(s.w.plant.late, 8)) {
		late, ctx := slices.Clone(batch), context.WithoutCancel(ctx)
		s.w.ledger.count(func(st *Stats) { st.Late++ })
		s.w.late.Go(func() {
			wait(ctx, time.Duration(s.w.upTo(20_000))*time.Microsecond)
			_, _ = s.store.Insert(ctx, late)
		})
		return 0, errShaky
	}
	done, err := s.store.Insert(ctx, batch)
	if gone := s.reach(ctx); gone != nil {
		return 0, gone
	}
	return done, err
}

// Apply may stop halfway.
func (s *shaky) Apply(ctx context.Context, entries []messages.Entry) error {
	if err := s.reach(ctx); err != nil {
		return err
	}
	if s.w.fault(cmp.Or(s.w.plant.late, 15)) {
		_ = s.store.Apply(ctx, entries[:s.w.upTo(len(entries))])
		return errShaky
	}
	if err := s.store.Apply(ctx, entries); err != nil {
		return err
	}
	return s.reach(ctx)
}

// asked is a read that may get lost either way.
func asked[V any](ctx context.Context, s *shaky, read func() (V, error)) (V, error) {
	var none V
	if err := s.reach(ctx); err != nil {
		return none, err
	}
	v, err := read()
	if gone := s.reach(ctx); gone != nil {
		return none, gone
	}
	return v, err
}

// Rows may get lost.
func (s *shaky) Rows(ctx context.Context, ch beep.ChannelID, mids []beep.MessageID) ([]messages.Entry, error) {
	return asked(ctx, s, func() ([]messages.Entry, error) { return s.store.Rows(ctx, ch, mids) })
}

// ByNonce may get lost.
func (s *shaky) ByNonce(ctx context.Context, key messages.Key) (messages.Entry, error) {
	return asked(ctx, s, func() (messages.Entry, error) { return s.store.ByNonce(ctx, key) })
}

// Newest may get lost.
func (s *shaky) Newest(ctx context.Context, ch beep.ChannelID, limit int) ([]messages.Entry, error) {
	return asked(ctx, s, func() ([]messages.Entry, error) { return s.store.Newest(ctx, ch, limit) })
}

// After may get lost.
func (s *shaky) After(ctx context.Context, ch beep.ChannelID, r uint32, limit int) ([]messages.Entry, error) {
	return asked(ctx, s, func() ([]messages.Entry, error) { return s.store.After(ctx, ch, r, limit) })
}

// Page may get lost.
func (s *shaky) Page(ctx context.Context, ch beep.ChannelID, rng messages.Range) ([]messages.Entry, error) {
	return asked(ctx, s, func() ([]messages.Entry, error) { return s.store.Page(ctx, ch, rng) })
}

// Heads may get lost.
func (s *shaky) Heads(ctx context.Context, chs []beep.ChannelID) ([]uint32, error) {
	return asked(ctx, s, func() ([]uint32, error) { return s.store.Heads(ctx, chs) })
}
