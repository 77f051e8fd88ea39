package storetest

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/users"
)

// A ticket is found by its kind and its id together: a driver that goes by the id alone would let the secret of a
// sign-up set a password anew. Its data are bytes, which a column of text would spoil.
func tickets(t *testing.T, s users.Store) {
	ctx, id := t.Context(), digest("a")
	want := users.Ticket{Kind: users.TicketReset, ID: id, Session: 9, Data: []byte{0, 255, '{'}, Expires: at(60)}
	must(t, s.PutTicket(ctx, want))
	// A second one must not replace the first: what a secret stands for never changes in its holder's hands.
	wantErr(t, s.PutTicket(ctx, want), beep.ErrConflict)
	same := want
	same.Kind = users.TicketRequest
	must(t, s.PutTicket(ctx, same)) // another kind, so another ticket
	got, err := s.GetTicket(ctx, users.TicketReset, id)
	must(t, err)
	equal(t, "ticket", got, want)
	_, err = s.GetTicket(ctx, users.TicketCode, id)
	wantErr(t, err, beep.ErrNotFound)
	must(t, s.DeleteTicket(ctx, users.TicketReset, id))
	// Twice, because two requests may use one ticket up at once, and the later one has nothing to complain of.
	must(t, s.DeleteTicket(ctx, users.TicketReset, id))
	_, err = s.GetTicket(ctx, users.TicketReset, id)
	wantErr(t, err, beep.ErrNotFound)
	// A driver that deletes by the id alone took this one too.
	_, err = s.GetTicket(ctx, users.TicketRequest, id)
	must(t, err)
}

// What is counted in a ticket, such as the guesses of a code, is a bound only if no count is lost. A driver that
// reads, calls fn and writes without a lock around them loses some of the sixteen.
func ticketsInLine(t *testing.T, s users.Store) {
	ctx, id := t.Context(), digest("a")
	update := func(fn func(*users.Ticket) error) error { return s.UpdateTicket(ctx, users.TicketSignup, id, fn) }
	// An update makes no ticket: one that was used up meanwhile stays used up.
	wantErr(t, update(func(*users.Ticket) error { return nil }), beep.ErrNotFound)
	must(t, s.PutTicket(ctx, users.Ticket{Kind: users.TicketSignup, ID: id, Data: []byte{}, Expires: at(60)}))
	together(16, func(int) {
		if err := update(func(k *users.Ticket) error { k.Data = append(k.Data, 'x'); return nil }); err != nil {
			t.Error(err)
		}
	})
	refuse := errors.New("no")
	// fn clears the data before it refuses, so a driver that stores what fn left in spite of its error is seen.
	wantErr(t, update(func(k *users.Ticket) error { k.Data = nil; return refuse }), refuse)
	got, err := s.GetTicket(ctx, users.TicketSignup, id)
	must(t, err)
	equal(t, "data after 16 updates", string(got.Data), "xxxxxxxxxxxxxxxx")
}

// Two strangers who share one of their keys, in either order, are counted one after the other. A driver that locks in
// the order given meets another in a circle; one that locks only rows that are there lets the first failures through
// side by side, and counts them as one.
func attemptsInLine(t *testing.T, s users.Store) {
	ctx := t.Context()
	together(20, func(i int) {
		keys := []string{"shared", fmt.Sprintf("own %d", i%2)}
		if i%3 == 0 {
			// The order in which a careless driver takes its locks.
			keys[0], keys[1] = keys[1], keys[0]
		}
		err := s.UpdateAttempts(ctx, keys, func(a []users.Attempts) error {
			for j := range a {
				a[j].Failures++
				a[j].Last, a[j].Until = at(1), at(2)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	// In an order that was not asked for above: the answer goes by the keys, not by the rows.
	must(t, s.UpdateAttempts(ctx, []string{"own 1", "shared", "own 0"}, func(a []users.Attempts) error {
		for i, want := range []int{10, 20, 10} {
			equal(t, "attempts", a[i], users.Attempts{Failures: want, Last: at(1), Until: at(2)})
		}
		return nil
	}))
}

// What a failing fn did to the counts is not kept: else every refused try would lengthen the pause that refuses it. A
// key that fn leaves at zero begins anew.
func attemptsRefused(t *testing.T, s users.Store) {
	ctx, keys, refuse := t.Context(), []string{"a", "b"}, errors.New("no")
	wantErr(t, s.UpdateAttempts(ctx, keys, func(a []users.Attempts) error { a[0].Failures = 9; return refuse }), refuse)
	must(t, s.UpdateAttempts(ctx, keys, func(a []users.Attempts) error {
		equal(t, "attempts after a refusal", a, make([]users.Attempts, 2))
		a[0].Failures = 3
		return nil
	}))
	must(t, s.UpdateAttempts(ctx, keys, func(a []users.Attempts) error { a[0] = users.Attempts{}; return nil }))
	must(t, s.UpdateAttempts(ctx, keys, func(a []users.Attempts) error {
		equal(t, "attempts forgotten", a, make([]users.Attempts, 2))
		return nil
	}))
}

// Every replica makes a key when the newest is old, and the generation decides which of them all will use. A driver
// that takes two of one generation leaves each replica signing with a key that the others do not know.
func signingKeys(t *testing.T, s users.Store) {
	ctx := t.Context()
	var added atomic.Int64
	together(5, func(i int) {
		// Each has another id, so it is the generation that clashes.
		err := s.AddSigningKey(ctx, users.SigningKey{Generation: 1, ID: fmt.Sprint(i), Private: []byte{1}, Public: []byte{2}, Created: at(1), Active: at(2)})
		if err == nil {
			added.Add(1)
		} else if !errors.Is(err, beep.ErrConflict) {
			t.Error(err)
		}
	})
	equal(t, "keys of one generation", added.Load(), 1)
	// No two bytes and no two times are the same, so columns that are mixed up are seen.
	want := users.SigningKey{Generation: 2, ID: "two", Private: []byte{3}, Public: []byte{4}, Created: at(3), Active: at(4)}
	must(t, s.AddSigningKey(ctx, want))
	got, err := s.SigningKeys(ctx)
	must(t, err)
	if len(got) != 2 || got[1].Generation != 1 {
		t.Fatalf("SigningKeys = %+v, want generations 2, 1", got)
	}
	equal(t, "newest", got[0], want)
}

// newMail is mail n, due at its n-th second. The upper-case letter in its address has to survive.
func newMail(n int) users.Mail {
	return users.Mail{
		ID: uint64(n), Kind: users.MailReset, To: "Someone@example.org", Locale: "fr", Ticket: digest("t"), Browser: digest("b"),
		Due: at(n), Created: at(n),
	}
}

// A mail is claimed by one process at a time, the longest waiting first. A driver that looks for one and marks it in
// two steps gives it to two, and its reader gets two codes of which only the second works.
func claimMail(t *testing.T, s users.Store) {
	ctx := t.Context()
	_, err := s.ClaimMail(ctx, at(100), time.Minute)
	wantErr(t, err, beep.ErrNotFound)
	const mails = 6
	for n := range mails {
		must(t, s.PostMail(ctx, newMail(n+1)))
	}
	// All six wait, and none is due yet.
	_, err = s.ClaimMail(ctx, at(0), time.Minute)
	wantErr(t, err, beep.ErrNotFound)
	first, err := s.ClaimMail(ctx, at(100), time.Minute)
	must(t, err)
	want := newMail(1)
	// The claim counts a try and moves the mail by the lease, in the answer and in the store alike.
	want.Tries, want.Due = 1, at(160)
	equal(t, "the longest waiting", first, want)
	var claimed [mails + 1]atomic.Int64
	// Each of the four asks more often than there are mails: who finds none is told so by ErrNotFound and nothing else,
	// also when the last was taken from under its hand.
	together(4, func(int) {
		for range mails * 3 {
			m, err := s.ClaimMail(ctx, at(100), time.Minute)
			if err == nil {
				claimed[m.ID].Add(1)
			} else if !errors.Is(err, beep.ErrNotFound) {
				t.Error(err)
			}
		}
	})
	for n := 2; n <= mails; n++ {
		equal(t, fmt.Sprintf("claims of mail %d", n), claimed[n].Load(), 1)
	}
	equal(t, "claims of what is claimed", claimed[1].Load(), 0)
}

// A claim is a loan. A process that dies with a mail must not take it along, so the mail is due again after the
// lease, one try later; and not a second before, while its holder may still be sending it.
func claimAfterLease(t *testing.T, s users.Store) {
	ctx := t.Context()
	must(t, s.PostMail(ctx, newMail(1)))
	_, err := s.ClaimMail(ctx, at(10), time.Minute)
	must(t, err)
	_, err = s.ClaimMail(ctx, at(69), time.Minute)
	wantErr(t, err, beep.ErrNotFound)
	m, err := s.ClaimMail(ctx, at(70), time.Minute)
	must(t, err)
	equal(t, "tries", m.Tries, 2)
	must(t, s.DelayMail(ctx, m.ID, at(500)))
	_, err = s.ClaimMail(ctx, at(499), time.Minute)
	wantErr(t, err, beep.ErrNotFound)
	_, err = s.ClaimMail(ctx, at(500), time.Minute)
	must(t, err)
	// Twice: after a lease that was too short, two have sent it and both drop it.
	must(t, s.DropMail(ctx, m.ID))
	must(t, s.DropMail(ctx, m.ID))
	// A mail that another process has sent and dropped must not come back.
	wantErr(t, s.DelayMail(ctx, m.ID, at(1)), beep.ErrNotFound)
	_, err = s.ClaimMail(ctx, at(9999), time.Minute)
	wantErr(t, err, beep.ErrNotFound)
}

// Where there is no mail server nobody takes letters away, so their number is bounded, over all addresses together: a
// driver that counts each address for itself keeps all five here.
func letters(t *testing.T, s users.Store) {
	ctx := t.Context()
	for n := 1; n <= 5; n++ {
		to := []string{"Ann@example.org", "bob@example.org"}[n%2]
		must(t, s.KeepLetter(ctx, uint64(n), users.Letter{To: to, Subject: fmt.Sprint("é ", n), Text: "line\nline\n", At: at(n)}, 3))
	}
	got, err := s.Letters(ctx, "", 10)
	must(t, err)
	equal(t, "letters kept", len(got), 3)
	equal(t, "newest", got[0], users.Letter{To: "bob@example.org", Subject: "é 5", Text: "line\nline\n", At: at(5)})
	// Looked for by the folded address, shown as it was written.
	got, err = s.Letters(ctx, "ann@example.org", 10)
	must(t, err)
	equal(t, "letters to Ann", got, []users.Letter{{To: "Ann@example.org", Subject: "é 4", Text: "line\nline\n", At: at(4)}})
	got, err = s.Letters(ctx, "", 1)
	must(t, err)
	equal(t, "limited", len(got), 1)
}
