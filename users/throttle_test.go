package users_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/users"
)

// remote is an installation that strangers reach.
func remote(d *users.Deps) {
	d.PublicURL = "https://chat.example.org"
	d.Mailer = mailerFunc(func(context.Context, users.Letter) error { return nil })
}

// from is a visitor at an address of 198.51.100.0/22.
func from(browser string, host int) users.Visitor {
	v := visitor(browser)
	v.IP = netip.AddrFrom4([4]byte{198, 51, byte(100 + host/256), byte(host)})
	return v
}

func signIn(t *testing.T, e *env, v users.Visitor, password string) error {
	t.Helper()
	_, err := e.SignIn(t.Context(), users.SignIn{Visitor: v, Email: "ann@example.org", Password: password})
	return err
}

// besiege tries wrong passwords from many addresses until none is let through.
func besiege(t *testing.T, e *env) {
	t.Helper()
	for host := range 300 {
		if err := signIn(t, e, from("attacker", host), "wrong password"); !errors.Is(err, users.ErrWrongPassword) {
			wantCode(t, err, beep.CodeRateLimited)
			return
		}
	}
	t.Fatal("three hundred addresses guessed and no bound held")
}

func TestSignIn_AStrangerLocksNobodyOut(t *testing.T) {
	t.Parallel()
	bubble(t, remote, func(t *testing.T, e *env) {
		must(t, seed(t, e, "ann"))
		for range 5 {
			wantErr(t, signIn(t, e, from("attacker", 1), "wrong password"), users.ErrWrongPassword)
		}
		wantCode(t, signIn(t, e, from("attacker", 1), password), beep.CodeRateLimited)
		must(t, signIn(t, e, from("ann's new phone", 2), password))
	})
}

func TestSignIn_ABrowserThatWasInIsNotKeptOut(t *testing.T) {
	t.Parallel()
	bubble(t, remote, func(t *testing.T, e *env) {
		must(t, seed(t, e, "ann"))
		opened, err := e.SignIn(t.Context(), users.SignIn{Visitor: from("ann's", 1), Email: "ann@example.org", Password: password})
		must(t, err)
		besiege(t, e)
		must(t, signIn(t, e, from("ann's", 900), password)) // on the road, at an address never seen
		_, err = e.Reprove(t.Context(), opened.Session, password, from("ann's", 901).IP)
		must(t, err)
		must(t, e.EndSession(t.Context(), opened.Session.ID))
		must(t, signIn(t, e, from("ann's", 1), password))

		// To be known to one account says nothing of another.
		must(t, seed(t, e, "bob"))
		v := from("bob's", 903)
		_, err = e.SignIn(t.Context(), users.SignIn{Visitor: v, Email: "bob@example.org", Password: password})
		must(t, err)
		wantCode(t, signIn(t, e, v, password), beep.CodeRateLimited)

		// Nor may a browser that was in guess without end.
		for range 5 {
			wantErr(t, signIn(t, e, from("ann's", 1), "wrong password"), users.ErrWrongPassword)
		}
		wantCode(t, signIn(t, e, from("ann's", 1), password), beep.CodeRateLimited)
	})
}

// The bound on everyone's tries holds against many addresses, and one of them cannot keep it shut.
func TestSignIn_ManyAddressesAreBoundedTogether(t *testing.T) {
	t.Parallel()
	bubble(t, remote, func(t *testing.T, e *env) {
		must(t, seed(t, e, "ann"))
		tried := 0
		for host := range 300 {
			if errors.Is(signIn(t, e, from("attacker", host), "wrong password"), users.ErrWrongPassword) {
				tried++
			}
		}
		if tried != 100 {
			t.Errorf("%d guesses from 300 addresses, want 100", tried)
		}
		for hour := range 48 { // a day later and on, one address alone goes on
			e.sleep(t, time.Hour)
			_ = signIn(t, e, from("attacker", 1), "wrong password")
			e.sleep(t, 6*time.Minute)
			if err := signIn(t, e, from(fmt.Sprint("unknown ", hour), 2), password); err != nil {
				t.Fatalf("after %d hours the owner is kept out: %v", hour, err)
			}
		}
	})
}

func TestForgotPassword_AStrangerBlocksNoMail(t *testing.T) {
	t.Parallel()
	bubble(t, remote, func(t *testing.T, e *env) {
		must(t, seed(t, e, "ann"))
		forgot := func(v users.Visitor) error {
			return e.ForgotPassword(t.Context(), v, "ann@example.org", users.Digest{})
		}
		must(t, signIn(t, e, from("ann's", 1), password))
		for range 5 {
			must(t, forgot(from("attacker", 2)))
		}
		wantCode(t, forgot(from("attacker", 2)), beep.CodeRateLimited)
		must(t, forgot(from("ann's new phone", 3)))

		sent := 6
		for host := 10; host < 60; host++ {
			if forgot(from("attacker", host)) == nil {
				sent++
			}
		}
		if sent != 20 {
			t.Errorf("%d mails in an hour to whoever asks, want 20", sent)
		}
		must(t, forgot(from("ann's", 900)))
	})
}

func TestConfirm_ThePasswordIsNotGuessedForEver(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, e *env) {
		in := users.SignUp{Visitor: visitor("mallory"), Username: "ann", Email: "ann@example.org", Password: password}
		handle, err := e.SignUp(t.Context(), in)
		must(t, err)
		l := e.letter(t, in.Email)
		var wrong, over atomic.Int64
		var wg sync.WaitGroup
		for range 30 {
			wg.Go(func() {
				_, err := e.Confirm(t.Context(), users.Confirm{Visitor: visitor("b"), Link: link(t, l), Password: "guess"})
				if errors.Is(err, users.ErrWrongPassword) {
					wrong.Add(1)
				} else if errors.Is(err, users.ErrLinkOver) {
					over.Add(1)
				}
			})
		}
		wg.Wait()
		if wrong.Load() != 10 || over.Load() != 20 {
			t.Errorf("%d guesses were looked at and %d refused, want 10 and 20", wrong.Load(), over.Load())
		}
		_, err = e.Confirm(t.Context(), users.Confirm{Visitor: visitor("b"), Link: link(t, l), Password: password})
		wantErr(t, err, users.ErrLinkOver)
		// Nobody elsewhere spoils it for the browser that signed up.
		_, err = e.Confirm(t.Context(), users.Confirm{Visitor: in.Visitor, Handle: handle, Code: code(l)})
		must(t, err)
	})
}
