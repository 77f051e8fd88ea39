package oidc

import (
	"context"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/beep-chat/beep"
)

// fromHead asks the feed for nothing but where it ends. No seq is larger.
const fromHead = math.MaxInt64

// Wake makes Run read the feed now. It never blocks: give it to the bus.
func (v *Verifier) Wake() {
	select {
	case v.wake <- struct{}{}:
	default: // one is waiting already, and it will see what this one would
	}
}

// OnRevoked calls fn for each revocation from now on, in the order of the feed: for a session, or for a user's
// tokens issued before an instant. fn runs between two reads of the feed and must not block.
func (v *Verifier) OnRevoked(fn func(session beep.SessionID, user beep.UserID, notBefore time.Time)) (cancel func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	key := v.nextKey
	v.nextKey++
	v.listeners[key] = fn
	return func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		delete(v.listeners, key)
	}
}

// Run follows the revocation feed until ctx is done.
//
// It starts at the feed's head: whatever was revoked before, the source says itself when it is first asked about a
// token, and nothing is remembered from earlier than that.
func (v *Verifier) Run(ctx context.Context) error {
	tick := time.NewTicker(v.opts.Poll)
	defer tick.Stop()
	var have uint64
	started, failing := false, false
	for {
		err := v.follow(ctx, &have, &started)
		if ctx.Err() != nil {
			return nil
		}
		// Told as it begins and as it ends: a line for each look would be four a second.
		if (err != nil) != failing {
			failing = err != nil
			if v.opts.OnError != nil {
				v.opts.OnError(err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-v.wake:
		}
	}
}

// follow reads the feed from have to its head. have and started say what was applied so far, so that after an error
// the next call goes on from there.
func (v *Verifier) follow(ctx context.Context, have *uint64, started *bool) error {
	if !*started {
		_, head, err := v.src.Revocations(ctx, fromHead)
		if err != nil {
			return err
		}
		*have, *started = head, true
		v.forgetAll() // what was remembered before the feed was followed
	}
	for {
		list, head, err := v.src.Revocations(ctx, *have)
		if err != nil {
			return err
		}
		if head < *have || (len(list) > 0 && list[0].Seq != *have+1) {
			// Another feed, such as a restored backup's, or one whose old end is gone: nothing known still counts.
			*have = head
			v.forgetAll()
			v.caughtUp()
			return nil
		}
		if len(list) == 0 {
			v.caughtUp()
			return nil
		}
		for _, r := range list {
			v.apply(r)
		}
		*have = list[len(list)-1].Seq
	}
}

// apply ends the tokens that r names, those already judged and those in flight, then tells the listeners.
func (v *Verifier) apply(r Revocation) {
	// An introspection that was answered before r and lands after it is the only one that can still say "active".
	until := time.Now().Add(v.opts.TTL + time.Minute)
	v.mu.Lock()
	if r.Session != 0 {
		v.ended[r.Session] = until
	}
	// An earlier one ends nothing that is not over already.
	if r.User != 0 && r.NotBefore.After(v.cutOff[r.User].before) {
		v.cutOff[r.User] = cut{r.NotBefore, until}
	}
	// Without the lock: a listener may ask what a token is worth, or cancel itself.
	tell := slices.Collect(maps.Values(v.listeners))
	v.mu.Unlock()
	for _, fn := range tell {
		fn(r.Session, r.User, r.NotBefore)
	}
}

// caughtUp notes that the feed was read to its head, and drops the revocations that the source's own answers say by
// now.
func (v *Verifier) caughtUp() {
	now := time.Now()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.followed = now
	maps.DeleteFunc(v.ended, func(_ beep.SessionID, until time.Time) bool { return now.After(until) })
	maps.DeleteFunc(v.cutOff, func(_ beep.UserID, c cut) bool { return now.After(c.until) })
}

// forgetAll drops every verdict, those in flight too, so that each token is asked about again.
func (v *Verifier) forgetAll() {
	v.mu.Lock()
	defer v.mu.Unlock()
	// A verdict that is on its way has the number of the old era, and does not count when it lands.
	v.era++
	clear(v.young)
	clear(v.old)
}
