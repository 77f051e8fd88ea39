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

func tickets(t *testing.T, s users.Store) {
	ctx, id := t.Context(), digest("a")
	want := users.Ticket{Kind: users.TicketReset, ID: id, Session: 9, Data: []byte{0, 255, '{'}, Expires: at(60)}
	must(t, s.PutTicket(ctx, want))
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
	must(t, s.DeleteTicket(ctx, users.TicketReset, id))
	_, err = s.GetTicket(ctx, users.TicketReset, id)
	wantErr(t, err, beep.ErrNotFound)
	_, err = s.GetTicket(ctx, users.TicketRequest, id)
	must(t, err)
}

func ticketsInLine(t *testing.T, s users.Store) {
	ctx, id := t.Context(), digest("a")
	update := func(fn func(*users.Ticket) error) error { return s.UpdateTicket(ctx, users.TicketSignup, id, fn) }
	wantErr(t, update(func(*users.Ticket) error { return nil }), beep.ErrNotFound)
	must(t, s.PutTicket(ctx, users.Ticket{Kind: users.TicketSignup, ID: id, Data: []byte{}, Expires: at(60)}))
	together(16, func(int) {
		if err := update(func(k *users.Ticket) error { k.Data = append(k.Data, 'x'); return nil }); err != nil {
			t.Error(err)
		}
	})
	refuse := errors.New("no")
	wantErr(t, update(func(k *users.Ticket) error { k.Data = nil; return refuse }), refuse)
	got, err := s.GetTicket(ctx, users.TicketSignup, id)
	must(t, err)
	equal(t, "data after 16 updates", string(got.Data), "xxxxxxxxxxxxxxxx")
}

// Two strangers who share one of their keys, in either order, are counted one after the other.
func attemptsInLine(t *testing.T, s users.Store) {
	ctx := t.Context()
	together(20, func(i int) {
		keys := []string{"shared", fmt.Sprintf("own %d", i%2)}
		if i%3 == 0 {
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
	must(t, s.UpdateAttempts(ctx, []string{"own 1", "shared", "own 0"}, func(a []users.Attempts) error {
		for i, want := range []int{10, 20, 10} {
			equal(t, "attempts", a[i], users.Attempts{Failures: want, Last: at(1), Until: at(2)})
		}
		return nil
	}))
}

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

func signingKeys(t *testing.T, s users.Store) {
	ctx := t.Context()
	var added atomic.Int64
	together(5, func(i int) {
		err := s.AddSigningKey(ctx, users.SigningKey{Generation: 1, ID: fmt.Sprint(i), Private: []byte{1}, Public: []byte{2}, Created: at(1), Active: at(2)})
		if err == nil {
			added.Add(1)
		} else if !errors.Is(err, beep.ErrConflict) {
			t.Error(err)
		}
	})
	equal(t, "keys of one generation", added.Load(), 1)
	want := users.SigningKey{Generation: 2, ID: "two", Private: []byte{3}, Public: []byte{4}, Created: at(3), Active: at(4)}
	must(t, s.AddSigningKey(ctx, want))
	got, err := s.SigningKeys(ctx)
	must(t, err)
	if len(got) != 2 || got[1].Generation != 1 {
		t.Fatalf("SigningKeys = %+v, want generations 2, 1", got)
	}
	equal(t, "newest", got[0], want)
}

func newMail(n int) users.Mail {
	return users.Mail{
		ID: uint64(n), Kind: users.MailReset, To: "Someone@example.org", Locale: "fr", Ticket: digest("t"), Browser: digest("b"),
		Due: at(n), Created: at(n),
	}
}

func claimMail(t *testing.T, s users.Store) {
	ctx := t.Context()
	_, err := s.ClaimMail(ctx, at(100), time.Minute)
	wantErr(t, err, beep.ErrNotFound)
	const mails = 6
	for n := range mails {
		must(t, s.PostMail(ctx, newMail(n+1)))
	}
	_, err = s.ClaimMail(ctx, at(0), time.Minute)
	wantErr(t, err, beep.ErrNotFound)
	first, err := s.ClaimMail(ctx, at(100), time.Minute)
	must(t, err)
	want := newMail(1)
	want.Tries, want.Due = 1, at(160)
	equal(t, "the longest waiting", first, want)
	var claimed [mails + 1]atomic.Int64
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
	must(t, s.DropMail(ctx, m.ID))
	must(t, s.DropMail(ctx, m.ID))
	wantErr(t, s.DelayMail(ctx, m.ID, at(1)), beep.ErrNotFound)
	_, err = s.ClaimMail(ctx, at(9999), time.Minute)
	wantErr(t, err, beep.ErrNotFound)
}

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
	got, err = s.Letters(ctx, "ann@example.org", 10)
	must(t, err)
	equal(t, "letters to Ann", got, []users.Letter{{To: "Ann@example.org", Subject: "é 4", Text: "line\nline\n", At: at(4)}})
	got, err = s.Letters(ctx, "", 1)
	must(t, err)
	equal(t, "limited", len(got), 1)
}
