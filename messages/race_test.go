package messages_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/messages"
	"github.com/beep-chat/beep/messages/storetest"
)

// flaky is a store as a bad network makes it: replies get lost, inserts get lost, and inserts land after they were
// given up; a process may die between inserting and applying.
type flaky struct {
	messages.Store

	late sync.WaitGroup // inserts on their way

	mu  sync.Mutex // guards rnd
	rnd *rand.Rand
}

func (f *flaky) draw(n int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rnd.IntN(max(n, 1))
}

func (f *flaky) Insert(ctx context.Context, batch []messages.Entry) (int, error) {
	switch f.draw(20) {
	case 0:
		return 0, errLost()
	case 1:
		_, _ = f.Store.Insert(ctx, batch)
		return 0, errLost()
	case 2:
		ctx := context.WithoutCancel(ctx)
		f.late.Go(func() { _, _ = f.Store.Insert(ctx, batch) })
		return 0, errLost()
	case 3: // a part went in, and is known to have
		done, _ := f.Store.Insert(ctx, batch[:1+f.draw(len(batch))])
		return done, errLost()
	}
	return f.Store.Insert(ctx, batch)
}

func (f *flaky) Apply(ctx context.Context, entries []messages.Entry) error {
	switch f.draw(20) {
	case 0:
		return errLost()
	case 1: // died in the middle
		_ = f.Store.Apply(ctx, entries[:f.draw(len(entries))])
		return errLost()
	}
	return f.Store.Apply(ctx, entries)
}

// errLost is what a driver makes of an outage.
func errLost() error { return beep.Unavailable(errPlanted) }

// intent is what a client wants and what it was told.
type intent struct {
	user    beep.UserID
	kind    messages.Kind
	target  messages.Target
	content string

	acked   messages.Entry // R is 0 if it was not
	again   uint32         // another R that it was answered later
	refused bool           // for good
}

// client sends, edits and deletes its own messages, repeating what it is not sure of, on whatever replica.
type client struct {
	user     beep.UserID
	rnd      *rand.Rand
	replicas []*world
	own      []beep.MessageID
	intents  []*intent
}

func (c *client) act(t *testing.T, i int) {
	it := &intent{user: c.user, target: target(0, fmt.Sprintf("%d-%d", c.user, i)), content: fmt.Sprintf("%d says %d", c.user, i)}
	it.kind = messages.Create
	if len(c.own) > 0 && c.rnd.IntN(2) == 0 {
		it.kind = messages.Edit + messages.Kind(c.rnd.IntN(3)/2)
		it.target.Mid = c.own[c.rnd.IntN(len(c.own))]
	}
	c.intents = append(c.intents, it)
	for tries := 1 + c.rnd.IntN(12); tries > 0; tries-- {
		e, err := it.try(t.Context(), c.replicas[c.rnd.IntN(len(c.replicas))])
		switch {
		case err == nil:
			if it.acked.R > 0 && it.acked.R != e.R {
				it.again = e.R
			}
			if it.kind == messages.Create && it.acked.R == 0 {
				c.own = append(c.own, e.Mid)
			}
			it.acked = e
			if c.rnd.IntN(4) > 0 {
				return
			}
		case errors.Is(err, beep.ErrNotFound):
			it.refused = true
			return
		default:
			if be, ok := errors.AsType[*beep.Error](err); !ok || be.Kind != beep.KindUnavailable {
				t.Errorf("%s: %v", it.target.Nonce, err)
			}
		}
	}
}

func (it *intent) try(ctx context.Context, w *world) (messages.Entry, error) {
	ctx = as(ctx, it.user)
	switch it.kind {
	case messages.Create:
		return w.Send(ctx, it.target, it.content)
	case messages.Edit:
		return w.Edit(ctx, it.target, it.content)
	default:
		return messages.Entry{R: 1, Mid: it.target.Mid}, w.Delete(ctx, it.target)
	}
}

// play lets clients loose on three replicas, and answers what they were told. wrap stands between the replicas and
// the store.
func play(t *testing.T, seed uint64, store messages.Store, wrap func(messages.Store) messages.Store) []*intent {
	t.Helper()
	rnd := func(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, stream)) }
	bad := &flaky{Store: store, rnd: rnd(0)}
	shared := wrap(bad)
	replicas := []*world{newWorldOn(t, shared), newWorldOn(t, shared), newWorldOn(t, shared)}
	clients := make([]*client, 6)
	for i := range clients {
		clients[i] = &client{user: ann + beep.UserID(1000*i), rnd: rnd(uint64(i) + 1), replicas: replicas}
	}
	var wg sync.WaitGroup
	for _, c := range clients {
		wg.Go(func() {
			for i := range 25 {
				c.act(t, i)
			}
		})
	}
	wg.Wait()
	bad.late.Wait()
	var intents []*intent
	for _, c := range clients {
		intents = append(intents, c.intents...)
	}
	return intents
}

// violations recounts the log from what was asked for: nothing lost, doubled, invented or out of order, every row at
// its newest state, nothing of what was deleted left.
func violations(list []messages.Entry, intents []*intent) (found []string) {
	fail := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	wanted, times := map[string]*intent{}, map[string]int{}
	for _, it := range intents {
		wanted[it.target.Nonce] = it
	}
	states, versions := map[beep.MessageID]messages.State{}, map[beep.MessageID]uint32{}
	var n uint32
	var last beep.MessageID
	for i, e := range list {
		it := wanted[e.Nonce]
		times[e.Nonce]++
		if e.R != uint32(i)+1 {
			fail("place %d holds entry %d", i+1, e.R)
		}
		if it == nil || it.kind != e.Kind || it.user != e.Actor || (e.Kind != messages.Create && it.target.Mid != e.Mid) {
			fail("entry %d was not asked for", e.R)
			continue
		}
		before, exists := states[e.Mid]
		if exists == (e.Kind == messages.Create) || before.Deleted {
			fail("entry %d changes a message that is not there", e.R)
		}
		if e.Kind == messages.Create {
			n++
			if e.Mid <= last {
				fail("message %d comes after %d", e.Mid, last)
			}
			last = e.Mid
			before.Origin = messages.Origin{Author: e.Actor, Nonce: e.Nonce, N: n, CreatedAt: e.At}
		}
		if e.N != n || e.LastID != last {
			fail("entry %d counts %d messages, the last %d; want %d, %d", e.R, e.N, e.LastID, n, last)
		}
		after := messages.State{Origin: before.Origin, Content: it.content, EditedAt: e.At}
		switch e.Kind {
		case messages.Create:
			after.EditedAt = before.EditedAt
		case messages.Delete:
			after = messages.State{Origin: before.Origin, Deleted: true}
		case messages.Edit:
		}
		states[e.Mid], versions[e.Mid] = after, e.R
	}
	for _, e := range list {
		final := states[e.Mid]
		switch {
		case e.Kind == messages.Create && (e.State != final || e.V != versions[e.Mid]):
			fail("row %d is %+v at %d, want %+v at %d", e.R, e.State, e.V, final, versions[e.Mid])
		case final.Deleted && e.State != final:
			fail("entry %d keeps %q", e.R, e.State.Content)
		case final.Deleted && e.Kind != messages.Delete && e.Hash != (messages.Hash{}):
			fail("entry %d keeps a hash", e.R)
		}
	}
	for nonce, it := range wanted {
		if k := times[nonce]; k > 1 || (it.acked.R > 0 && k == 0) || (it.refused && k > 0) {
			fail("nonce %s is in the log %d times, acknowledged %v, refused %v", nonce, k, it.acked.R > 0, it.refused)
		}
		if it.again > 0 {
			fail("nonce %s was answered at %d and at %d", nonce, it.acked.R, it.again)
		}
		if it.kind == messages.Create && it.acked.R > 0 && (int(it.acked.R) > len(list) || list[it.acked.R-1].Nonce != nonce) {
			fail("nonce %s was acknowledged at %d, and is not there", nonce, it.acked.R)
		}
	}
	return found
}

// settled is the log once somebody has caught up with it.
func settledLog(t *testing.T, store messages.Store) []messages.Entry {
	t.Helper()
	w := newWorldOn(t, store)
	if _, err := w.List(as(t.Context(), ann), messages.Query{Channel: channel}); err != nil {
		t.Fatalf("List: %v", err)
	}
	return w.log(t)
}

func TestReplicas_LoseDoubleAndReorderNothing(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			store := openStore(t)
			intents := play(t, seed, store, func(s messages.Store) messages.Store { return s })
			list := settledLog(t, store)
			for _, v := range violations(list, intents) {
				t.Error(v)
			}
			acked := slices.DeleteFunc(intents, func(it *intent) bool { return it.acked.R == 0 })
			if len(list) < 40 || len(acked) < 40 {
				t.Errorf("%d entries, %d acknowledged: too few to show anything", len(list), len(acked))
			}
		})
	}
}

// TestReplicas_FindsPlantedFaults shows that the test above would see what it looks for.
func TestReplicas_FindsPlantedFaults(t *testing.T) {
	t.Parallel()
	faults := []storetest.Fault{{Name: "catches up without applying", Wrap: storetest.ApplyOnlyOwn}}
	for _, name := range []string{
		storetest.FaultNotStored, storetest.FaultLostNonces, storetest.FaultNoScrub, storetest.FaultNoPatch,
	} {
		faults = append(faults, storetest.FaultNamed(name))
	}
	for _, f := range faults {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			// Whether a fault shows depends on the schedule.
			for seed := range uint64(30) {
				store := openStore(t)
				intents := play(t, seed, store, f.Wrap)
				if found := violations(settledLog(t, f.Wrap(store)), intents); len(found) > 0 {
					t.Logf("found by seed %d: %s", seed, found[0])
					return
				}
			}
			t.Error("nothing is found with the fault planted")
		})
	}
}
