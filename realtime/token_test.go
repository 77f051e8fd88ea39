package realtime

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/beep-chat/beep"
)

// A socket lives as long as the token that it has proved itself with, and no longer.

// purse holds tokens that a test makes; what is not in it is no token.
type purse struct {
	mu     sync.Mutex // guards tokens
	tokens map[string]token
}

type token struct {
	caller  beep.Caller
	expires time.Time
}

func (w *world) purse() *purse {
	p := &purse{tokens: map[string]token{}}
	w.tokens.verify.set(func(t string) (beep.Caller, time.Time, error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		x, ok := p.tokens[t]
		if !ok {
			return beep.Caller{}, time.Time{}, beep.Unauthenticated(beep.CodeInvalidToken, "the token is not one")
		}
		return x.caller, x.expires, nil
	})
	return p
}

func (p *purse) issue(name string, who beep.UserID, signIn beep.SessionID, good time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tokens[name] = token{beep.Caller{User: who, Session: signIn}, time.Now().Add(good)}
}

func (p *purse) revoke(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.tokens, name)
}

// enter is a client that identifies with a token of that name.
func (w *world) enter(token string) *client {
	w.t.Helper()
	c := w.open(w.node)
	c.send("identify", map[string]string{"token": token})
	c.heard()
	return c
}

func renewal(name string) map[string]string { return map[string]string{"token": name} }

func TestToken_TheSocketEndsWithIt(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.purse().issue("bob's", bob, 1, time.Minute)
		b := w.enter("bob's")
		w.pass(time.Minute - tokenWarning)
		wantHeard(t, "Bob, too early to be warned,", b)
		w.pass(time.Second)
		wantHeard(t, "Bob", b, "token_expiring expires_in=44000")
		b.send("heartbeat", struct{}{})
		w.pass(43 * time.Second)
		wantHeard(t, "Bob, who is warned once,", b, "heartbeat_ack")
		wantClosed(t, "Bob, in the last second,", b, 0)
		w.pass(time.Second)
		wantClosed(t, "Bob", b, closeToken)
	})
}

func TestToken_ANewOneIsTakenInTheSocket(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p := w.purse()
		p.issue("first", bob, 1, time.Minute)
		b := w.enter("first")
		w.pass(20 * time.Second)
		wantHeard(t, "Bob", b, "token_expiring expires_in=44000")
		p.issue("second", bob, 1, 2*time.Minute)
		b.send("token", renewal("second"))
		w.pass(50 * time.Second)
		wantHeard(t, "Bob, who has renewed,", b)
		wantClosed(t, "Bob, whose first token has ended,", b, 0)
		b.send("heartbeat", struct{}{})
		w.pass(30 * time.Second)
		wantHeard(t, "Bob, of the second token,", b, "heartbeat_ack", "token_expiring expires_in=44000")
	})
}

func TestToken_AWrongOneEndsTheSocket(t *testing.T) {
	for name, offer := range map[string]string{"no token": "", "somebody else's": "ada's", "made up": "xyz"} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				p := w.purse()
				p.issue("bob's", bob, 1, time.Hour)
				p.issue("ada's", ada, 2, time.Hour)
				b := w.enter("bob's")
				b.send("token", renewal(offer))
				wantClosed(t, "Bob", b, closeToken)
			})
		})
	}
}

// Until the socket has its new token, a revocation looks at the one before.
func TestToken_ANewOneRevokedMeanwhileEndsTheSocket(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.purse().issue("first", bob, 1, time.Hour)
		b := w.enter("first")
		checks := 0
		w.tokens.verify.set(func(string) (beep.Caller, time.Time, error) {
			if checks++; checks > 1 {
				return beep.Caller{}, time.Time{}, beep.Unauthenticated(beep.CodeInvalidToken, "revoked")
			}
			w.node.Revoked(2, 0)
			return beep.Caller{User: bob, Session: 2}, time.Now().Add(time.Hour), nil
		})
		b.send("token", renewal("second"))
		wantClosed(t, "Bob", b, closeToken)
	})
}

func TestRevoked_EndsTheSocketsOfTheSignIn(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p := w.purse()
		p.issue("phone", bob, 1, time.Hour)
		p.issue("laptop", bob, 2, time.Hour)
		p.issue("ada's", ada, 3, time.Hour)
		phone, laptop, a, unknown := w.enter("phone"), w.enter("laptop"), w.enter("ada's"), w.open(w.node)
		p.revoke("phone")
		w.node.Revoked(1, 0)
		wantClosed(t, "the phone", phone, closeToken)
		wantClosed(t, "the laptop", laptop, 0)
		wantClosed(t, "Ada", a, 0)
		wantClosed(t, "who has not identified", unknown, 0)
	})
}

func TestRevoked_EndsEverySocketOfTheUser(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p := w.purse()
		p.issue("phone", bob, 1, time.Hour)
		p.issue("laptop", bob, 2, time.Hour)
		p.issue("ada's", ada, 3, time.Hour)
		phone, laptop, a := w.enter("phone"), w.enter("laptop"), w.enter("ada's")
		p.revoke("phone")
		p.revoke("laptop")
		w.node.Revoked(0, bob)
		wantClosed(t, "the phone", phone, closeToken)
		wantClosed(t, "the laptop", laptop, closeToken)
		wantClosed(t, "Ada", a, 0)
	})
}

// A socket does not stay on a guess, and the client, which did nothing, is not asked to sign in again.
func TestRevoked_WhoCannotBeCheckedComesAgain(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.purse().issue("bob's", bob, 1, time.Hour)
		b := w.enter("bob's")
		w.tokens.verify.set(func(string) (beep.Caller, time.Time, error) {
			return beep.Caller{}, time.Time{}, beep.Unavailable(context.DeadlineExceeded)
		})
		w.node.Revoked(1, bob)
		wantClosed(t, "Bob", b, closeGoingAway)
	})
}

// The feed names tokens up to an instant: a token that is younger still holds.
func TestRevoked_ATokenThatHoldsKeepsItsSocket(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.purse().issue("young", bob, 1, time.Hour)
		b := w.enter("young")
		w.node.Revoked(1, bob)
		wantClosed(t, "Bob", b, 0)
	})
}
