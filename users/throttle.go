package users

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"time"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/kit/rest"
)

// tries is how many failures are free and how long the pauses are that follow them, each twice the one before.
type tries struct {
	Free   int
	First  time.Duration
	Most   time.Duration
	Forget time.Duration // after so long without one, all is forgotten
}

// The bounds of what strangers may try. An address shares its count with everyone behind it, so it gets more.
func triesOfAccount() tries { return tries{5, 15 * time.Second, 15 * time.Minute, 24 * time.Hour} }
func triesOfAddress() tries { return tries{50, 15 * time.Second, 15 * time.Minute, time.Hour} }
func mailsTo() tries        { return tries{5, time.Minute, time.Hour, time.Hour} }
func mailsFrom() tries      { return tries{30, time.Minute, time.Hour, time.Hour} }
func requestsFrom() tries   { return tries{1000, time.Second, time.Minute, time.Hour} }

// count is one more failure; it answers for how long to refuse, which is 0 for one that may go on.
func (t tries) count(a *Attempts, now time.Time) time.Duration {
	if now.Before(a.Until) {
		return a.Until.Sub(now)
	}
	if now.Sub(a.Last) > t.Forget {
		*a = Attempts{}
	}
	a.Failures++
	a.Last = now
	if over := a.Failures - t.Free; over >= 0 {
		pause := t.First << min(over, 20)
		a.Until = now.Add(min(pause, t.Most))
	}
	return 0
}

// left is how many more are free.
func (t tries) left(a Attempts) int { return max(t.Free-a.Failures, 0) }

// throttled is one kind of attempt by one stranger: a bound for each key. The first is what is attempted upon, the
// second whence it comes.
type throttled struct {
	keys  []string
	tries []tries
}

// throttleKey names what is counted. It is a digest because the store has no business knowing who failed where.
func throttleKey(what, who string) string {
	sum := sha256.Sum256([]byte(what + "\x00" + who))
	return what + ":" + hex.EncodeToString(sum[:16])
}

func (s *Service) signInTries(email string, ip netip.Addr) throttled {
	return s.whence(throttled{
		[]string{throttleKey("account", FoldEmail(email)), throttleKey("address", rest.Neighbourhood(ip))},
		[]tries{triesOfAccount(), triesOfAddress()},
	})
}

func (s *Service) mailTries(email string, ip netip.Addr) throttled {
	return s.whence(throttled{
		[]string{throttleKey("mail", FoldEmail(email)), throttleKey("mailer", rest.Neighbourhood(ip))},
		[]tries{mailsTo(), mailsFrom()},
	})
}

// whence leaves the address out where everyone comes from this machine and shares it.
func (s *Service) whence(t throttled) throttled {
	if s.local {
		return throttled{t.keys[:1], t.tries[:1]}
	}
	return t
}

// attempt counts a try before it is made, as a failure until it is forgiven: who tries a thousand times at once has
// a thousand counted. It answers how many are left, or Limited.
func (s *Service) attempt(ctx context.Context, t throttled) (left int, err error) {
	now := beep.Now()
	var wait time.Duration
	err = s.store.UpdateAttempts(ctx, t.keys, func(known []Attempts) error {
		left, wait = 1<<30, 0
		for i := range known {
			wait = max(wait, t.tries[i].count(&known[i], now))
			left = min(left, t.tries[i].left(known[i]))
		}
		if wait > 0 {
			return errLocked // and what was counted just now is not stored
		}
		return nil
	})
	if wait > 0 {
		return 0, beep.Limited(beep.CodeRateLimited, "too many tries", wait)
	}
	return left, err
}

// forgive takes back what attempt counted: all of it for the account, which has proven itself, one for the address,
// which has many behind it.
func (s *Service) forgive(ctx context.Context, t throttled) error {
	return s.store.UpdateAttempts(ctx, t.keys, func(known []Attempts) error {
		known[0] = Attempts{}
		for i := 1; i < len(known); i++ {
			known[i].Failures = max(known[i].Failures-1, 0)
			if known[i].Failures < t.tries[i].Free {
				known[i].Until = time.Time{}
			}
		}
		return nil
	})
}
