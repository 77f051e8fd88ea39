package users

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
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

// The bounds of what strangers may try. What is counted for an account alone would let anyone lock its owner out and
// block the mail that lets them back in, so the narrow bound is on the account as tried from one address, or from one
// browser that has been in it before. The wide one, on the account from everywhere else, holds against many addresses
// at once; its pauses are shorter than those of one address, which therefore cannot keep it shut. An address shares its
// count with everyone behind it, so it gets more.
func triesOfAccount() tries  { return tries{5, 15 * time.Second, 15 * time.Minute, 24 * time.Hour} }
func triesOfEveryone() tries { return tries{100, 15 * time.Second, 5 * time.Minute, 24 * time.Hour} }
func triesOfAddress() tries  { return tries{50, 15 * time.Second, 15 * time.Minute, time.Hour} }
func mailsTo() tries         { return tries{5, time.Minute, time.Hour, time.Hour} }
func mailsOfEveryone() tries { return tries{20, time.Minute, 10 * time.Minute, time.Hour} }
func mailsFrom() tries       { return tries{30, time.Minute, time.Hour, time.Hour} }
func requestsFrom() tries    { return tries{1000, time.Second, time.Minute, time.Hour} }

// count is one more failure; it answers for how long to refuse, which is 0 for one that may go on.
func (t tries) count(a *Attempts, now time.Time) time.Duration {
	// Not counted, or impatience alone would keep someone out.
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

// throttled is one kind of attempt by one stranger: a bound for each key. The first is of this browser or address
// alone, and forgotten when it has proven itself.
type throttled struct {
	keys  []string
	tries []tries
}

// throttleKey names what is counted. It is a digest because the store has no business knowing who failed where.
func throttleKey(what, who string) string {
	sum := sha256.Sum256([]byte(what + "\x00" + who))
	return what + ":" + hex.EncodeToString(sum[:16])
}

func (s *Service) signInTries(ctx context.Context, email string, v Visitor) (throttled, error) {
	return s.triesOn(ctx, "account", email, v, []tries{triesOfAccount(), triesOfEveryone(), triesOfAddress()})
}

func (s *Service) mailTries(ctx context.Context, email string, v Visitor) (throttled, error) {
	return s.triesOn(ctx, "mail", email, v, []tries{mailsTo(), mailsOfEveryone(), mailsFrom()})
}

// triesOn are the bounds of a visitor who tries something on the account of an address: their own, everyone's on that
// account, and their address's on all accounts. A browser that has been in the account has its own alone: nothing that
// strangers do keeps it out. (What it may gain is little: its owner knew the password.)
func (s *Service) triesOn(ctx context.Context, what, email string, v Visitor, bounds []tries) (throttled, error) {
	email = FoldEmail(email)
	known, err := s.store.BrowserKnown(ctx, email, v.Browser)
	if err != nil {
		return throttled{}, err
	}
	if known {
		return throttled{[]string{throttleKey(what+"-device", v.Browser.String()+" "+email)}, bounds[:1]}, nil
	}
	from := rest.Neighbourhood(v.IP)
	t := throttled{[]string{throttleKey(what, from+" "+email), throttleKey(what+"-all", email), throttleKey(what+"-from", from)}, bounds}
	if s.local { // everyone comes from this machine and shares its address
		return throttled{t.keys[:1], t.tries[:1]}, nil
	}
	return t, nil
}

// attempt counts a try before it is made, as a failure until it is forgiven: who tries a thousand times at once has
// a thousand counted. It answers how many are left, or Limited.
func (s *Service) attempt(ctx context.Context, t throttled) (left int, err error) {
	now := beep.Now()
	var wait time.Duration
	err = s.store.UpdateAttempts(ctx, t.keys, func(known []Attempts) error {
		// Set anew, because the store may run this again.
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

// attemptMail is attempt for a mail that someone asks for.
func (s *Service) attemptMail(ctx context.Context, email string, v Visitor) error {
	t, err := s.mailTries(ctx, email, v)
	if err != nil {
		return err
	}
	_, err = s.attempt(ctx, t)
	return err
}

// forgive takes back what attempt counted: all of it for who has proven to be the owner, one of what others share.
func (s *Service) forgive(ctx context.Context, t throttled) error {
	return s.store.UpdateAttempts(ctx, t.keys, func(known []Attempts) error {
		known[0] = Attempts{}
		for i := 1; i < len(known); i++ {
			known[i].Failures = max(known[i].Failures-1, 0)
			// What was forgiven must not hold anybody back any longer.
			if known[i].Failures < t.tries[i].Free {
				known[i].Until = time.Time{}
			}
		}
		return nil
	})
}
