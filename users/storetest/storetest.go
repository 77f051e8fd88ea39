// Package storetest is what every users.Store must do, as a test that each driver runs.
//
// A group holds one promise of the port, and its name says which. What the port promises of things that happen at
// once is tried at once, so a driver that is right for one caller at a time fails. There is no list of exceptions: a
// driver that cannot pass a group is mended, or the port is changed for all of them.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/users"
)

// Run runs the suite; fresh answers an empty store that lives as long as its test. The groups run side by side, each
// on a store of its own, and none builds on another.
func Run(t *testing.T, fresh func(t *testing.T) users.Store) {
	t.Helper()
	for _, group := range []struct {
		name string
		test func(t *testing.T, s users.Store)
	}{
		{"users are listed in the order asked", listUsers},
		{"a user is changed by one at a time", updateUser},
		{"an account is made whole or not at all", createAccount},
		{"an account has one name and one address", takenValues},
		{"an account is made once from a sign-up", createAccountOnce},
		{"text keeps every character", unicodeText},
		{"a password changes under its version", setPassword},
		{"a reset works once", resetOnce},
		{"a password is hashed anew under its version", rehash},
		{"a session keeps all of itself", sessionRoundTrip},
		{"a browser is known where it was", sessionBrowser},
		{"a session needs the proven password", sessionVersion},
		{"no session escapes a change of the password", sessionRace},
		{"a session of another identity is not found", sessionIdentity},
		{"a session ends once", endSessionOnce},
		{"the feed has no gaps and no surprises", feedContiguous},
		{"the feed is paged", feedPages},
		{"a code is found and traded once", codeTrade},
		{"a refresh token is traded and its family known", refreshTrade},
		{"a refused change changes nothing", refusedChange},
		{"changes of one session are in line", grantsInLine},
		{"an ended session has no refresh tokens", endForgetsTokens},
		{"tickets are kept by kind and id", tickets},
		{"a ticket is changed by one at a time", ticketsInLine},
		{"attempts are counted in line", attemptsInLine},
		{"a refused count is not kept", attemptsRefused},
		{"signing keys have one generation each", signingKeys},
		{"a mail is claimed by one", claimMail},
		{"a mail is claimed again after its lease", claimAfterLease},
		{"letters are bounded", letters},
		{"sweeping takes what is over and nothing else", sweep},
	} {
		t.Run(group.name, func(t *testing.T) {
			t.Parallel()
			group.test(t, fresh(t))
		})
	}
}

// at is the n-th second of the tests' time, with milliseconds that must survive.
func at(n int) time.Time {
	return time.Date(2026, 3, 1, 12, 0, 0, 123e6, time.UTC).Add(time.Duration(n) * time.Second)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantErr takes a wrapped error too: a driver may say what it was doing.
func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error = %v, want %v", err, want)
	}
}

// equal names the field that differs, which for a driver is the column to look at.
func equal[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// digest stands for the secret of those words; the same words are the same secret.
func digest(format string, args ...any) users.Digest {
	return users.DigestOf(fmt.Sprintf(format, args...))
}

// newAccount is what makes user n. The address is written with a capital that its folded form lacks, so a driver that
// keeps one for the other is seen.
func newAccount(n int) users.NewAccount {
	id := beep.UserID(1000 + n)
	name := fmt.Sprintf("user%d", n)
	return users.NewAccount{
		User:     users.User{ID: id, Username: name, DisplayName: name, Email: name + "@Example.org", CreatedAt: at(n)},
		Account:  users.Account{User: id, Email: name + "@example.org", Password: "hash", Version: 1},
		Identity: users.Identity{Issuer: "beep", Subject: id.String()},
		Signup:   digest("signup %d", n),
	}
}

// addUser makes user n with its sign-up. The ticket is made first because there is no other way to an account.
func addUser(t *testing.T, s users.Store, n int) users.User {
	t.Helper()
	a := newAccount(n)
	must(t, s.PutTicket(t.Context(), users.Ticket{Kind: users.TicketSignup, ID: a.Signup, Data: []byte("{}"), Expires: at(1000)}))
	must(t, s.CreateAccount(t.Context(), a))
	return a.User
}

// newSession is session n of u. All have one browser: who needs another sets it.
func newSession(u users.User, n int) users.Session {
	return users.Session{
		ID: beep.SessionID(5000 + n), User: u.ID, Secret: digest("secret %d", n), Browser: digest("browser"),
		SignedIn: at(1), Proven: at(2), Seen: at(3), Expires: at(4000),
	}
}

// addSession opens session n of an account that still has its first password.
func addSession(t *testing.T, s users.Store, u users.User, n int) users.Session {
	t.Helper()
	session := newSession(u, n)
	must(t, s.CreateSession(t.Context(), session, 1))
	return session
}

// together runs fn n times at once.
func together(n int, fn func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { fn(i) })
	}
	wg.Wait()
}

// Asked for backwards, one of them twice and one that is not there: the answer keeps the order, has each once, and
// leaves out who is missing. A driver that answers in the order of its index fails, as does one that gives
// SQL an empty IN.
func listUsers(t *testing.T, s users.Store) {
	a, b := addUser(t, s, 1), addUser(t, s, 2)
	got, err := s.ListUsers(t.Context(), []beep.UserID{b.ID, 7, a.ID, b.ID})
	must(t, err)
	equal(t, "ListUsers", got, []users.User{b, a})
	got, err = s.ListUsers(t.Context(), nil)
	must(t, err)
	equal(t, "ListUsers of none", len(got), 0)
}

// Sixteen at once add to what they find. A driver that reads before it locks writes over a neighbour's change, and
// the name comes out short.
func updateUser(t *testing.T, s users.Store) {
	u := addUser(t, s, 1)
	together(16, func(int) {
		_, err := s.UpdateUser(t.Context(), u.ID, func(u *users.User) error {
			u.DisplayName += "+"
			u.Roles = append(u.Roles, "Role"+fmt.Sprint(len(u.Roles)))
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	got, err := s.UpdateUser(t.Context(), u.ID, func(*users.User) error { return nil })
	must(t, err)
	equal(t, "display name after 16 updates", got.DisplayName, u.DisplayName+"++++++++++++++++")
	equal(t, "roles after 16 updates", len(got.Roles), 16)
	// fn changes the user before it refuses; nothing of that may stay.
	refuse := errors.New("no")
	_, err = s.UpdateUser(t.Context(), u.ID, func(u *users.User) error { u.DisplayName = "x"; return refuse })
	wantErr(t, err, refuse)
	list, err := s.ListUsers(t.Context(), []beep.UserID{u.ID})
	must(t, err)
	equal(t, "user after a refused update", list[0], got)
	_, err = s.UpdateUser(t.Context(), 7, func(*users.User) error { return nil })
	wantErr(t, err, beep.ErrNotFound)
}

// User, identity and account are made together or not at all. A driver that stores the user before it has found the
// sign-up leaves a name that is taken and belongs to nobody. The sign-up goes with the account: it confirms nothing
// twice.
func createAccount(t *testing.T, s users.Store) {
	ctx, a := t.Context(), newAccount(1)
	wantErr(t, s.CreateAccount(ctx, a), beep.ErrNotFound) // no sign-up
	_, err := s.AccountOf(ctx, a.User.ID)
	wantErr(t, err, beep.ErrNotFound)
	free, err := s.UsernameFree(ctx, a.User.Username)
	must(t, err)
	equal(t, "free before", free, true)
	addUser(t, s, 1)
	got, err := s.AccountOf(ctx, a.User.ID)
	must(t, err)
	equal(t, "AccountOf", got, a.Account)
	got, err = s.AccountByEmail(ctx, a.Account.Email)
	must(t, err)
	equal(t, "AccountByEmail", got, a.Account)
	_, err = s.AccountByEmail(ctx, a.User.Email) // not folded
	wantErr(t, err, beep.ErrNotFound)
	free, err = s.UsernameFree(ctx, a.User.Username)
	must(t, err)
	equal(t, "free after", free, false)
	_, err = s.GetTicket(ctx, users.TicketSignup, a.Signup)
	wantErr(t, err, beep.ErrNotFound)
}

// The refusal says which value is another's, because the page has to say which one to change, and it is a conflict
// for whoever asks no further. The sign-up stays, since its owner comes back with another name.
func takenValues(t *testing.T, s users.Store) {
	addUser(t, s, 1)
	tests := []struct {
		name   string
		change func(a *users.NewAccount)
		want   error
	}{
		{"username", func(a *users.NewAccount) { a.User.Username = "user1" }, users.TakenError{What: users.TakenUsername}},
		{"email", func(a *users.NewAccount) { a.Account.Email = "user1@example.org" }, users.TakenError{What: users.TakenEmail}},
		// No TakenError: a person can do nothing about an id. The service mints another.
		{"id", func(a *users.NewAccount) { a.User.ID, a.Account.User = 1001, 1001 }, beep.ErrConflict},
	}
	for i, tt := range tests {
		a := newAccount(10 + i)
		tt.change(&a)
		// It has expired by any clock, and that is not the store's to judge.
		must(t, s.PutTicket(t.Context(), users.Ticket{Kind: users.TicketSignup, ID: a.Signup, Data: []byte("{}"), Expires: at(1)}))
		err := s.CreateAccount(t.Context(), a)
		wantErr(t, err, tt.want)
		wantErr(t, err, beep.ErrConflict)
		if _, err := s.GetTicket(t.Context(), users.TicketSignup, a.Signup); err != nil {
			t.Errorf("the sign-up of a taken %s is gone: %v", tt.name, err)
		}
		// Nothing else of the account may stay. (The id's is user 1's own.)
		if _, err := s.AccountOf(t.Context(), a.User.ID); tt.name != "id" && !errors.Is(err, beep.ErrNotFound) {
			t.Errorf("an account with a taken %s: %v", tt.name, err)
		}
	}
}

// Eight confirmations of one sign-up, as of a link that is opened in two tabs, each with an id minted for it. One of
// them makes the account.
func createAccountOnce(t *testing.T, s users.Store) {
	a := newAccount(1)
	must(t, s.PutTicket(t.Context(), users.Ticket{Kind: users.TicketSignup, ID: a.Signup, Data: []byte("{}"), Expires: at(1)}))
	var made atomic.Int64
	together(8, func(i int) {
		mine := a
		mine.User.ID = beep.UserID(2000 + i)
		mine.Account.User = mine.User.ID
		mine.Identity.Subject = mine.User.ID.String()
		if s.CreateAccount(t.Context(), mine) == nil {
			made.Add(1)
		}
	})
	equal(t, "accounts made of one sign-up", made.Load(), 1)
}

// What people write comes back to the character: marks that turn the direction, joiners within an emoji, quotes, and
// what LIKE or a placeholder would take for its own. A driver that writes values into its statements fails here.
func unicodeText(t *testing.T, s users.Store) {
	u := addUser(t, s, 1)
	name := "Zoë \u200fש 👩🏽\u200d🚀 'quoted\" \\ %_ ?"
	_, err := s.UpdateUser(t.Context(), u.ID, func(u *users.User) error { u.DisplayName = name; return nil })
	must(t, err)
	got, err := s.ListUsers(t.Context(), []beep.UserID{u.ID})
	must(t, err)
	equal(t, "display name", got[0].DisplayName, name)
}

// A new password ends every session but the one that set it, and each end has its row in the feed. It is one
// transaction: a driver that needs two leaves a thief signed in when it dies between them. Other users' sessions go
// on. A version that has moved on is refused: whoever allowed the change had seen another password.
func setPassword(t *testing.T, s users.Store) {
	ctx, u := t.Context(), addUser(t, s, 1)
	other := addUser(t, s, 2)
	keep, one, two := addSession(t, s, u, 1), addSession(t, s, u, 2), addSession(t, s, u, 3)
	theirs := addSession(t, s, other, 4)
	_, err := s.SetPassword(ctx, users.PasswordChange{User: u.ID, Version: 2, Password: "new", At: at(9)})
	wantErr(t, err, beep.ErrConflict)
	ended, err := s.SetPassword(ctx, users.PasswordChange{User: u.ID, Version: 1, Password: "new", Keep: keep.ID, At: at(9)})
	must(t, err)
	equal(t, "ended", ended, []beep.SessionID{one.ID, two.ID})
	got, err := s.AccountOf(ctx, u.ID)
	must(t, err)
	equal(t, "account", got, users.Account{User: u.ID, Email: "user1@example.org", Password: "new", Version: 2})
	// Looked up and not inferred from the answer, which a driver could give without doing it.
	for _, session := range []users.Session{keep, theirs} {
		kept, _, err := s.SessionBySecret(ctx, session.Secret)
		must(t, err)
		equal(t, "a session that lives on", kept.Ended, time.Time{})
	}
	over, _, err := s.SessionBySecret(ctx, one.Secret)
	must(t, err)
	equal(t, "end of the other", over.Ended, at(9))
	feed, head, err := s.ListRevocations(ctx, 0, 10)
	must(t, err)
	equal(t, "feed", feed, []users.Revocation{{Seq: 1, Session: one.ID}, {Seq: 2, Session: two.ID}})
	equal(t, "head", head, 2)
}

// The ticket of a reset is used up by the change that it allows. A driver that has changed the password before it
// misses the ticket, and does not undo that, is found by the version.
func resetOnce(t *testing.T, s users.Store) {
	ctx, u, reset := t.Context(), addUser(t, s, 1), digest("reset")
	session := addSession(t, s, u, 1)
	change := users.PasswordChange{User: u.ID, Version: 1, Password: "new", Reset: reset, At: at(9)}
	_, err := s.SetPassword(ctx, change)
	wantErr(t, err, beep.ErrNotFound)
	got, err := s.AccountOf(ctx, u.ID)
	must(t, err)
	equal(t, "version after a reset without its ticket", got.Version, 1)
	must(t, s.PutTicket(ctx, users.Ticket{Kind: users.TicketReset, ID: reset, Data: []byte("{}"), Expires: at(99)}))
	var done atomic.Int64
	together(4, func(int) {
		if _, err := s.SetPassword(ctx, change); err == nil {
			done.Add(1)
		}
	})
	equal(t, "resets with one ticket", done.Load(), 1)
	over, _, err := s.SessionBySecret(ctx, session.Secret)
	must(t, err)
	equal(t, "end of the session", over.Ended, at(9))
}

// A password that is hashed anew is the same password: its version stays and no session ends. If it was changed in
// the meantime, the hash of the old one must not come back.
func rehash(t *testing.T, s users.Store) {
	ctx, u := t.Context(), addUser(t, s, 1)
	must(t, s.Rehash(ctx, u.ID, 1, "same, dearer"))
	must(t, s.Rehash(ctx, u.ID, 2, "of another password"))
	got, err := s.AccountOf(ctx, u.ID)
	must(t, err)
	equal(t, "account", got, users.Account{User: u.ID, Email: "user1@example.org", Password: "same, dearer", Version: 1})
}

// grant gives key to look, and changes nothing.
func grant(ctx context.Context, s users.Store, key users.Digest) (users.Grant, error) {
	var got users.Grant
	err := s.ChangeGrant(ctx, key, func(g users.Grant) (users.Change, error) {
		got = g
		return users.Change{}, nil
	})
	return got, err
}
