package permtest

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/perm/permref"
)

// answers are, by user, the rights on the server and in each channel; of users and channels that are not
// there as well.
type answers [permref.Users + 2]struct {
	server  perm.Rights
	channel [permref.Channels + 2]perm.Rights
}

// answersOf asks everything there is to ask, so that a change is seen wherever it shows.
func answersOf(v *perm.View) *answers {
	var a answers
	for user := range a {
		a[user].server = v.Rights(beep.UserID(user))
		for ch := range a[user].channel {
			a[user].channel[ch] = v.ChannelRights(beep.UserID(user), beep.ChannelID(ch))
		}
	}
	return &a
}

func answersIn(w *permref.World) *answers {
	var a answers
	for user := range a {
		a[user].server = Rights(w.Rights(uint64(user)))
		for ch := range a[user].channel {
			a[user].channel[ch] = Rights(w.Channel(uint64(user), uint64(ch)))
		}
	}
	return &a
}

func (a *answers) equal(want *answers) error {
	for user := range a {
		if got, want := a[user].server, want[user].server; got != want {
			return fmt.Errorf("rights of user %d: got %s, want %s", user, got, want)
		}
		for ch, got := range a[user].channel {
			if want := want[user].channel[ch]; got != want {
				return fmt.Errorf("rights of user %d in channel %d: got %s, want %s", user, ch, got, want)
			}
		}
	}
	return nil
}

// changedOnly names an answer that differs though it was not said to be affected. Caches are dropped by what a row is
// said to affect: an answer that it leaves out stays wrong in them.
func (a *answers) changedOnly(after *answers, said perm.Affects) error {
	for user := range a {
		everywhere := said.All || (said.User == beep.UserID(user) && len(said.Channels) == 0)
		if a[user].server != after[user].server && !everywhere {
			return fmt.Errorf("rights of user %d changed", user)
		}
		for ch := range a[user].channel {
			there := (said.User == 0 || said.User == beep.UserID(user)) && slices.Contains(said.Channels, beep.ChannelID(ch))
			if a[user].channel[ch] != after[user].channel[ch] && !everywhere && !there {
				return fmt.Errorf("rights of user %d in channel %d changed", user, ch)
			}
		}
	}
	return nil
}

// compareKernel holds the pure functions, without a view, against what members hold in channels of a world.
func compareKernel(w *permref.World, rng *rand.Rand) error {
	for _, user := range permref.Sorted(w.Members) {
		m := w.Members[user]
		base := kernelBase(w, user, rng)
		if want := Rights(w.Base(user)); base != want {
			return fmt.Errorf("base of user %d: got %s, want %s", user, base, want)
		}
		for _, id := range permref.Sorted(w.Channels) {
			c := w.Channels[id]
			overwrites, known := w.Holding(c)
			// Parents are the view's affair; the pure functions know of none.
			if c.Kind == "thread" || !known {
				continue
			}
			mask := func(to permref.Target) perm.Mask { return maskOf(overwrites[to], rng) }
			got := kernelIn(m, base, mask, permref.Target{Member: user})
			if want := Rights(w.Channel(user, id)); got != want {
				return fmt.Errorf("kernel, user %d in channel %d: got %s, want %s", user, id, got, want)
			}
		}
	}
	return nil
}

func kernelBase(w *permref.World, user uint64, rng *rand.Rand) perm.Rights {
	granted := Rights(w.Everyone) | noise(rng, perm.ManagePermissions)
	for role := range w.Members[user].Roles { // a union: the order is nobody's business
		granted |= Rights(w.Roles[role].Rights)
	}
	return perm.Base(user == w.Owner, granted)
}

// kernelIn is what the pure functions make of base in a channel where these overwrites hold.
func kernelIn(m permref.Member, base perm.Rights, mask func(permref.Target) perm.Mask, self permref.Target) perm.Rights {
	var roles perm.Mask
	for _, role := range permref.Sorted(m.Roles) {
		roles = roles.Union(mask(permref.Target{Role: role}))
	}
	return perm.Effective(perm.InChannel(base, mask(permref.Target{Everyone: true}), roles, mask(self)), m.Muted)
}
