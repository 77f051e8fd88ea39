package storetest

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/messages"
)

// Fault plants one mistake in a store, to show that a test would see it. A test that passes with one planted does not
// hold what its name says.
type Fault struct {
	Name string
	Wrap func(messages.Store) messages.Store
}

// The faults that break the promises of the log, for tests of everything above the store.
const (
	FaultNotStored  = "answers before it stored"   // what was acknowledged may be lost
	FaultLostNonces = "forgets nonces"             // a retry becomes a second message
	FaultNoScrub    = "keeps deleted content"      // deleted content stays in the log
	FaultNoPatch    = "does not apply"             // rows stay behind the log
	FaultAnyChannel = "applies in other channels"  // a message taken by its id alone
	FaultNoRevision = "forgets the scope revision" // content shown under an older View
)

// Faults is every planted mistake; Run finds each of them in a driver.
func Faults() []Fault {
	return slices.Concat(insertFaults(), applyFaults(), readFaults())
}

// FaultNamed is one of Faults.
func FaultNamed(name string) Fault {
	all := Faults()
	return all[slices.IndexFunc(all, func(f Fault) bool { return f.Name == name })]
}

// ApplyOnlyOwn plants a replica that catches up without applying, and so reads rows that are behind the log: of what
// it is told to apply it applies what it inserted and was acknowledged. A driver cannot be at fault so, and Run does
// not find it.
func ApplyOnlyOwn(s messages.Store) messages.Store {
	type place struct {
		channel beep.ChannelID
		r       uint32
	}
	var own sync.Map // of place
	inserting := insertFunc{s, func(ctx context.Context, batch []messages.Entry) (int, error) {
		done, err := s.Insert(ctx, batch)
		for _, e := range batch[:done] {
			own.Store(place{e.Channel, e.R}, true)
		}
		return done, err
	}}
	return applyFunc{inserting, func(ctx context.Context, entries []messages.Entry) error {
		return s.Apply(ctx, slices.DeleteFunc(slices.Clone(entries), func(e messages.Entry) bool {
			_, ok := own.Load(place{e.Channel, e.R})
			return !ok
		}))
	}}
}

// insertFunc and applyFunc wrap one method of a store; reader wraps those that read.
type (
	insertFunc struct {
		messages.Store
		insert func(ctx context.Context, batch []messages.Entry) (int, error)
	}
	applyFunc struct {
		messages.Store
		apply func(ctx context.Context, entries []messages.Entry) error
	}
)

// Insert is wrapped.
func (s insertFunc) Insert(ctx context.Context, batch []messages.Entry) (int, error) {
	return s.insert(ctx, batch)
}

// Apply is wrapped.
func (s applyFunc) Apply(ctx context.Context, entries []messages.Entry) error {
	return s.apply(ctx, entries)
}

// changeEach plants a mistake in every entry on its way into the store.
func changeEach(name string, change func(e *messages.Entry)) Fault {
	return Fault{name, func(s messages.Store) messages.Store {
		return insertFunc{s, func(ctx context.Context, batch []messages.Entry) (int, error) {
			// A copy, since the caller goes on with its own.
			batch = slices.Clone(batch)
			for i := range batch {
				change(&batch[i])
			}
			return s.Insert(ctx, batch)
		}}
	}}
}

// insertFaults are mistakes on the way in.
func insertFaults() []Fault {
	insert := func(name string, f func(ctx context.Context, s messages.Store, batch []messages.Entry) (int, error)) Fault {
		return Fault{name, func(s messages.Store) messages.Store {
			return insertFunc{s, func(ctx context.Context, batch []messages.Entry) (int, error) { return f(ctx, s, batch) }}
		}}
	}
	return []Fault{
		{FaultLostNonces, func(s messages.Store) messages.Store { return &forgetful{Store: s} }},
		insert(FaultNotStored, func(_ context.Context, _ messages.Store, batch []messages.Entry) (int, error) {
			return len(batch), nil
		}),
		// What is behind the duplicate is acknowledged, and is nowhere.
		insert("answers all for a part", func(ctx context.Context, s messages.Store, batch []messages.Entry) (int, error) {
			done, err := s.Insert(ctx, batch)
			if done > 0 {
				return len(batch), nil
			}
			return done, err
		}),
		// Nothing is lost, but the same batch would be refused for ever.
		insert("refuses the whole batch", func(ctx context.Context, s messages.Store, batch []messages.Entry) (int, error) {
			for _, e := range batch {
				if _, err := s.ByNonce(ctx, e.Key()); err == nil {
					return 0, beep.ErrConflict
				}
			}
			return s.Insert(ctx, batch)
		}),
		// The rest goes in one place lower, so that no hole gives it away; its requests were told other places.
		insert("goes on behind a duplicate", func(ctx context.Context, s messages.Store, batch []messages.Entry) (int, error) {
			done, err := s.Insert(ctx, batch)
			if done > 0 && done < len(batch)-1 {
				rest := slices.Clone(batch[done+1:])
				for i := range rest {
					rest[i].R--
				}
				_, _ = s.Insert(ctx, rest)
			}
			return done, err
		}),
		// See insertEndedContext.
		insert("calls an outage a conflict", func(ctx context.Context, s messages.Store, batch []messages.Entry) (int, error) {
			done, err := s.Insert(ctx, batch)
			if err != nil {
				err = beep.ErrConflict
			}
			return done, err
		}),
		// These are what columns and drivers do to values unasked.
		changeEach("keeps whole seconds", func(e *messages.Entry) { e.At = e.At.Truncate(time.Second) }),
		changeEach("trims content", func(e *messages.Entry) { e.State.Content = strings.TrimSpace(e.State.Content) }),
		changeEach("cuts content", func(e *messages.Entry) { e.State.Content = e.State.Content[:min(len(e.State.Content), 4000)] }),
		changeEach("folds nonces", func(e *messages.Entry) { e.Nonce = strings.ToLower(e.Nonce) }),
		// As a number of JavaScript would be, which has 53 bits.
		changeEach("rounds ids", func(e *messages.Entry) { e.Actor = beep.UserID(float64(e.Actor)) - 1 }),
		changeEach("loses hashes", func(e *messages.Entry) { e.Hash = messages.Hash{} }),
	}
}

// applyFaults are mistakes in bringing rows up to the log: too little, too much, or elsewhere.
func applyFaults() []Fault {
	apply := func(name string, change func(ctx context.Context, s messages.Store, list []messages.Entry) []messages.Entry) Fault {
		return Fault{name, func(s messages.Store) messages.Store {
			return applyFunc{s, func(ctx context.Context, entries []messages.Entry) error {
				return s.Apply(ctx, change(ctx, s, slices.Clone(entries)))
			}}
		}}
	}
	return []Fault{
		apply(FaultNoPatch, func(context.Context, messages.Store, []messages.Entry) []messages.Entry { return nil }),
		// Taken for an edit, a deletion empties the row and nothing else.
		apply(FaultNoScrub, func(_ context.Context, _ messages.Store, list []messages.Entry) []messages.Entry {
			for i := range list {
				if list[i].Kind == messages.Delete {
					list[i].Kind = messages.Edit
				}
			}
			return list
		}),
		// The groups have a message of the same id in that channel.
		apply(FaultAnyChannel, func(_ context.Context, _ messages.Store, list []messages.Entry) []messages.Entry {
			for _, e := range slices.Clone(list) {
				e.Channel = other
				list = append(list, e)
			}
			return list
		}),
		apply(FaultNoRevision, func(_ context.Context, _ messages.Store, list []messages.Entry) []messages.Entry {
			for i := range list {
				list[i].E = 0
			}
			return list
		}),
		// R is put above what the row has, so that the condition on V never holds anything back.
		apply("applies the old over the new", func(ctx context.Context, s messages.Store, list []messages.Entry) []messages.Entry {
			for i := range list {
				rows, _ := s.Rows(ctx, list[i].Channel, []beep.MessageID{list[i].Mid})
				if len(rows) == 1 && list[i].Kind == messages.Edit {
					list[i].R = max(list[i].R, rows[0].V+1)
				}
			}
			return list
		}),
		apply("applies the first only", func(_ context.Context, _ messages.Store, list []messages.Entry) []messages.Entry {
			return list[:min(1, len(list))]
		}),
	}
}

// forgetful stores every nonce under a new name, so that none is ever taken, and finds none.
type forgetful struct {
	messages.Store
	names atomic.Uint64
}

const forgotten = "~" // no nonce has it

// Insert renames.
func (s *forgetful) Insert(ctx context.Context, batch []messages.Entry) (int, error) {
	batch = slices.Clone(batch)
	for i := range batch {
		batch[i].Nonce += forgotten + strconv.FormatUint(s.names.Add(1), 36)
	}
	return s.Store.Insert(ctx, batch)
}

// ByNonce finds nothing.
func (s *forgetful) ByNonce(context.Context, messages.Key) (messages.Entry, error) {
	return messages.Entry{}, beep.ErrNotFound
}

// clean gives the entries the nonces that they came with.
func (s *forgetful) clean(list []messages.Entry, err error) ([]messages.Entry, error) {
	for i := range list {
		list[i].Nonce, _, _ = strings.Cut(list[i].Nonce, forgotten)
		list[i].State.Nonce, _, _ = strings.Cut(list[i].State.Nonce, forgotten)
	}
	return list, err
}

// After hides the new names, as Rows, Newest and Page do.
func (s *forgetful) After(ctx context.Context, ch beep.ChannelID, r uint32, limit int) ([]messages.Entry, error) {
	return s.clean(s.Store.After(ctx, ch, r, limit))
}

// Rows is as After.
func (s *forgetful) Rows(ctx context.Context, ch beep.ChannelID, mids []beep.MessageID) ([]messages.Entry, error) {
	return s.clean(s.Store.Rows(ctx, ch, mids))
}

// Newest is as After.
func (s *forgetful) Newest(ctx context.Context, ch beep.ChannelID, limit int) ([]messages.Entry, error) {
	return s.clean(s.Store.Newest(ctx, ch, limit))
}

// Page is as After.
func (s *forgetful) Page(ctx context.Context, ch beep.ChannelID, rng messages.Range) ([]messages.Entry, error) {
	return s.clean(s.Store.Page(ctx, ch, rng))
}
