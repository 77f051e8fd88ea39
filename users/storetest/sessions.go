package storetest

import (
	"errors"
	"sync/atomic"
	"testing"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/users"
)

// Every field comes back as it went in. No two times are the same, so columns that are mixed up are seen; and a touch
// moves three of them and nothing else.
func sessionRoundTrip(t *testing.T, s users.Store) {
	ctx, u := t.Context(), addUser(t, s, 1)
	want := addSession(t, s, u, 1)
	got, owner, err := s.SessionBySecret(ctx, want.Secret)
	must(t, err)
	equal(t, "session", got, want)
	equal(t, "user", owner, u)
	want.Proven, want.Seen, want.Expires = at(20), at(21), at(22)
	must(t, s.TouchSession(ctx, want))
	got, _, err = s.SessionBySecret(ctx, want.Secret)
	must(t, err)
	equal(t, "session after a touch", got, want)
	_, _, err = s.SessionBySecret(ctx, digest("nobody's"))
	wantErr(t, err, beep.ErrNotFound)
	// A driver that inserts or replaces would let a second session of that id take over the first.
	wantErr(t, s.CreateSession(ctx, want, 1), beep.ErrConflict)
}

// A browser is known to the accounts that it was in, signed out or not, and to no other.
func sessionBrowser(t *testing.T, s users.Store) {
	ctx, u, other := t.Context(), addUser(t, s, 1), addUser(t, s, 2)
	known, elsewhere := newSession(u, 1), newSession(other, 2)
	elsewhere.Browser = digest("another browser")
	must(t, s.CreateSession(ctx, known, 1))
	must(t, s.CreateSession(ctx, elsewhere, 1))
	// Signed out: that makes a browser no stranger.
	_, err := s.EndSession(ctx, known.ID, at(9))
	must(t, err)
	for name, c := range map[string]struct {
		email   string
		browser users.Digest
		want    bool
	}{
		"signed out since":     {users.FoldEmail(u.Email), known.Browser, true},
		"of another's account": {users.FoldEmail(u.Email), elsewhere.Browser, false},
		"never signed in":      {users.FoldEmail(u.Email), digest("a stranger's"), false},
		"none":                 {users.FoldEmail(u.Email), users.Digest{}, false},
		// An address without an account is a no like another, not an error that would give it away.
		"of nobody's account": {"nobody@example.org", known.Browser, false},
	} {
		got, err := s.BrowserKnown(ctx, c.email, c.browser)
		must(t, err)
		equal(t, "a browser "+name, got, c.want)
	}
}

// Between the proof of a password and the session that it opens, the password may change. The version carries the
// proof: a session under another version, or of an account that is not there, is refused and leaves nothing.
func sessionVersion(t *testing.T, s users.Store) {
	u := addUser(t, s, 1)
	wantErr(t, s.CreateSession(t.Context(), newSession(u, 1), 2), beep.ErrConflict)
	wantErr(t, s.CreateSession(t.Context(), newSession(users.User{ID: 7}, 1), 1), beep.ErrConflict)
	_, _, err := s.SessionBySecret(t.Context(), newSession(u, 1).Secret)
	wantErr(t, err, beep.ErrNotFound)
}

// Whoever signs in with the old password while it is changed gets a session that the change ends, or none. A driver
// that reads the version without a lock lets one in after the change has looked for sessions to end: whoever was
// being locked out stays.
func sessionRace(t *testing.T, s users.Store) {
	ctx, u := t.Context(), addUser(t, s, 1)
	together(9, func(i int) {
		if i == 4 {
			if _, err := s.SetPassword(ctx, users.PasswordChange{User: u.ID, Version: 1, Password: "new", At: at(9)}); err != nil {
				t.Error(err)
			}
			return
		}
		if err := s.CreateSession(ctx, newSession(u, i), 1); err != nil && !errors.Is(err, beep.ErrConflict) {
			t.Error(err)
		}
	})
	// A session that is missing came after the change; one that is there came before and was ended by it.
	for i := range 9 {
		got, _, err := s.SessionBySecret(ctx, newSession(u, i).Secret)
		if err == nil && got.Ended.IsZero() {
			t.Errorf("session %d outlived the password that opened it", i)
		}
	}
}

// A token names its subject and its session, and both have to fit. A driver that compares the subject but not the
// issuer takes another provider's user for ours, as soon as there is one.
func sessionIdentity(t *testing.T, s users.Store) {
	ctx, u, other := t.Context(), addUser(t, s, 1), addUser(t, s, 2)
	session := addSession(t, s, u, 1)
	got, owner, err := s.SessionOf(ctx, session.ID, users.Identity{Issuer: "beep", Subject: u.ID.String()})
	must(t, err)
	equal(t, "session", got, session)
	equal(t, "user", owner, u)
	for _, identity := range []users.Identity{
		{Issuer: "beep", Subject: other.ID.String()}, {Issuer: "elsewhere", Subject: u.ID.String()}, {},
	} {
		_, _, err = s.SessionOf(ctx, session.ID, identity)
		wantErr(t, err, beep.ErrNotFound)
	}
	_, _, err = s.SessionOf(ctx, 7, users.Identity{Issuer: "beep", Subject: u.ID.String()})
	wantErr(t, err, beep.ErrNotFound)
}

// Of eight who end a session one has ended it, and the feed gets one row. A driver that appends without having
// changed anything makes every reader of the feed act on what did not happen.
func endSessionOnce(t *testing.T, s users.Store) {
	ctx, u := t.Context(), addUser(t, s, 1)
	session := addSession(t, s, u, 1)
	var ended atomic.Int64
	together(8, func(int) {
		did, err := s.EndSession(ctx, session.ID, at(9))
		if err != nil {
			t.Error(err)
		}
		if did {
			ended.Add(1)
		}
	})
	equal(t, "times that it ended", ended.Load(), 1)
	feed, _, err := s.ListRevocations(ctx, 0, 10)
	must(t, err)
	equal(t, "feed", feed, []users.Revocation{{Seq: 1, Session: session.ID}})
	// A touch that was on its way when the session ended does not bring it back.
	wantErr(t, s.TouchSession(ctx, session), beep.ErrNotFound)
	did, err := s.EndSession(ctx, 7, at(9))
	must(t, err)
	equal(t, "ended one that never was", did, false)
}

// A reader that follows while sessions end must see each number once, in order, whatever commits when. A driver that
// takes numbers from a sequence commits them out of order: a reader who has seen 5 never asks for the 4 that comes
// late, and the session that it ends lives on there.
func feedContiguous(t *testing.T, s users.Store) {
	const writers, each = 6, 8
	ctx, u := t.Context(), addUser(t, s, 1)
	// Made beforehand, so that only the ends race.
	for i := range writers * each {
		addSession(t, s, u, i)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		together(writers, func(w int) {
			for i := range each {
				if _, err := s.EndSession(ctx, newSession(u, w*each+i).ID, at(9)); err != nil {
					t.Error(err)
				}
			}
		})
	}()
	var have uint64
	seen := map[beep.SessionID]bool{}
	for finished := false; have < writers*each; {
		// In small pages, so that some end among rows that are being written.
		list, head, err := s.ListRevocations(ctx, have, 5)
		must(t, err)
		for _, r := range list {
			if have++; r.Seq != have || r.Seq > head || seen[r.Session] {
				t.Fatalf("row %+v after %d with head %d", r, have-1, head)
			}
			seen[r.Session] = true
		}
		// The read began after the last commit: what it does not find is not there.
		if finished && len(list) == 0 {
			t.Fatalf("the feed stops at %d of %d", have, writers*each)
		}
		select {
		case <-done:
			finished = true
		default:
		}
	}
	<-done
}

// A page ends at its limit, and says besides how far the feed goes. That holds for a reader beyond the end too:
// without the head it could not tell a quiet feed from one that was put back by a backup.
func feedPages(t *testing.T, s users.Store) {
	ctx, u := t.Context(), addUser(t, s, 1)
	list, head, err := s.ListRevocations(ctx, 0, 10)
	must(t, err)
	equal(t, "an empty feed", len(list)+int(head), 0)
	for i := range 5 {
		session := addSession(t, s, u, i)
		_, err := s.EndSession(ctx, session.ID, at(i))
		must(t, err)
	}
	list, head, err = s.ListRevocations(ctx, 1, 2)
	must(t, err)
	equal(t, "page", list, []users.Revocation{{Seq: 2, Session: 5001}, {Seq: 3, Session: 5002}})
	equal(t, "head", head, 5)
	// The largest number that a reader can ask for: a driver that adds one to it asks for a negative one.
	list, head, err = s.ListRevocations(ctx, beep.MaxID, 2)
	must(t, err)
	equal(t, "rows after the end", len(list), 0)
	equal(t, "head from the end", head, 5)
}

// newRefresh is a token of a family as it is before its first trade; name tells the tokens of one test apart.
func newRefresh(session users.Session, family users.Digest, name string) users.Refresh {
	return users.Refresh{
		Token: digest("token %s", name), Family: family, Session: session.ID, Client: "beep-web",
		Scopes: []string{"openid", "email"}, Created: at(10), Expires: at(500),
	}
}

// A code is traded once; whoever comes with it later must find the family that it began. That is how a stolen code is
// noticed (RFC 6749, 4.1.2), and why ErrNotFound is the wrong answer for a code that was there. A driver that reads
// the code before it holds the session's lock trades it twice.
func codeTrade(t *testing.T, s users.Store) {
	ctx, u := t.Context(), addUser(t, s, 1)
	session, code := addSession(t, s, u, 1), digest("code")
	_, err := grant(ctx, s, code)
	wantErr(t, err, beep.ErrNotFound)
	must(t, s.PutTicket(ctx, users.Ticket{Kind: users.TicketCode, ID: code, Session: session.ID, Data: []byte("data"), Expires: at(60)}))
	got, err := grant(ctx, s, code)
	must(t, err)
	equal(t, "grant of a code", got, users.Grant{Code: []byte("data"), Expires: at(60), Session: session, User: u})

	var traded, seen atomic.Int64
	// Every trader has a token of its own to issue, so it is not the token's key that keeps the others out.
	together(6, func(i int) {
		err := s.ChangeGrant(ctx, code, func(g users.Grant) (users.Change, error) {
			if g.Code == nil {
				if g.Refresh.Family != code {
					t.Errorf("a code used twice finds %+v", g.Refresh)
				}
				return users.Change{}, beep.ErrConflict
			}
			return users.Change{DropCode: true, Issue: []users.Refresh{newRefresh(session, code, string(rune('a'+i)))}}, nil
		})
		switch {
		case err == nil:
			traded.Add(1)
		case errors.Is(err, beep.ErrConflict):
			seen.Add(1)
		default:
			t.Error(err)
		}
	})
	equal(t, "trades", traded.Load(), 1)
	equal(t, "trades seen to come again", seen.Load(), 5)
}

// issue puts refresh tokens into a session by trading a code for them. The port knows no other way: no token without
// a code.
func issue(t *testing.T, s users.Store, session users.Session, family users.Digest, tokens ...users.Refresh) {
	t.Helper()
	must(t, s.PutTicket(t.Context(), users.Ticket{Kind: users.TicketCode, ID: family, Session: session.ID, Data: []byte("{}"), Expires: at(60)}))
	must(t, s.ChangeGrant(t.Context(), family, func(users.Grant) (users.Change, error) {
		return users.Change{DropCode: true, Issue: tokens}, nil
	}))
}

// A traded token is kept, with when and how often: one that comes again can only be told from one that never was
// while it is known (RFC 9700, 4.14.2). A code leads to its family's tokens once it is traded itself.
func refreshTrade(t *testing.T, s users.Store) {
	ctx, u := t.Context(), addUser(t, s, 1)
	session, code := addSession(t, s, u, 1), digest("code")
	first, second := newRefresh(session, code, "1"), newRefresh(session, code, "2")
	issue(t, s, session, code, first)
	got, err := grant(ctx, s, first.Token)
	must(t, err)
	equal(t, "grant of a token", got, users.Grant{Refresh: first, Session: session, User: u})
	first.Rotated, first.Trades = at(30), 1
	must(t, s.ChangeGrant(ctx, first.Token, func(users.Grant) (users.Change, error) {
		return users.Change{Trade: true, Refresh: first, Issue: []users.Refresh{second}}, nil
	}))
	got, err = grant(ctx, s, first.Token)
	must(t, err)
	equal(t, "the traded token", got.Refresh, first)
	got, err = grant(ctx, s, second.Token)
	must(t, err)
	equal(t, "the new token", got.Refresh, second)
	got, err = grant(ctx, s, code)
	must(t, err)
	equal(t, "the family of the code", got.Refresh.Family, code)
	// A token that is there is not written over: two holders must never have the same secret.
	wantErr(t, s.ChangeGrant(ctx, second.Token, func(users.Grant) (users.Change, error) {
		return users.Change{Issue: []users.Refresh{first}}, nil
	}), beep.ErrConflict)
}

// With an error fn has decided nothing, whatever Change came with it: the code is still good and the session lives.
func refusedChange(t *testing.T, s users.Store) {
	ctx, u, refuse := t.Context(), addUser(t, s, 1), errors.New("no")
	session, code := addSession(t, s, u, 1), digest("code")
	must(t, s.PutTicket(ctx, users.Ticket{Kind: users.TicketCode, ID: code, Session: session.ID, Data: []byte("{}"), Expires: at(60)}))
	wantErr(t, s.ChangeGrant(ctx, code, func(users.Grant) (users.Change, error) {
		return users.Change{DropCode: true, End: at(9)}, refuse
	}), refuse)
	got, err := grant(ctx, s, code)
	must(t, err)
	equal(t, "code", got.Code, []byte("{}"))
	equal(t, "session", got.Session, session)
}

// Of trades at once each sees the one before: none is lost and none is made of an old count.
func grantsInLine(t *testing.T, s users.Store) {
	ctx, u := t.Context(), addUser(t, s, 1)
	session, code := addSession(t, s, u, 1), digest("code")
	token := newRefresh(session, code, "1")
	issue(t, s, session, code, token)
	var ended atomic.Int64
	together(12, func(i int) {
		if i == 6 {
			if _, err := s.EndSession(ctx, session.ID, at(9)); err != nil {
				t.Error(err)
			}
			ended.Add(1)
			return
		}
		// Read before the call: if the session had ended by then, nothing of it may be found.
		before := ended.Load()
		err := s.ChangeGrant(ctx, token.Token, func(g users.Grant) (users.Change, error) {
			if before > 0 || !g.Session.Ended.IsZero() {
				t.Errorf("a token outlived its session: %+v", g)
			}
			g.Refresh.Trades++
			return users.Change{Trade: true, Refresh: g.Refresh, Issue: []users.Refresh{newRefresh(session, code, "n"+string(rune('a'+i)))}}, nil
		})
		if err != nil && !errors.Is(err, beep.ErrNotFound) {
			t.Error(err)
		}
	})
	// However the race went, the session has ended and nothing of it is left.
	_, err := grant(ctx, s, token.Token)
	wantErr(t, err, beep.ErrNotFound)

	// The same without an end among them: ten trades are counted as ten.
	session, code = addSession(t, s, u, 2), digest("code 2")
	token = newRefresh(session, code, "2")
	issue(t, s, session, code, token)
	together(10, func(i int) {
		err := s.ChangeGrant(ctx, token.Token, func(g users.Grant) (users.Change, error) {
			g.Refresh.Trades++
			return users.Change{Trade: true, Refresh: g.Refresh}, nil
		})
		if err != nil {
			t.Error(err, i)
		}
	})
	got, err := grant(ctx, s, token.Token)
	must(t, err)
	equal(t, "trades counted", got.Refresh.Trades, 10)
}

// An end that fn decides is an end like EndSession's: every token of the session goes, with the feed's row in the
// same transaction, and what the same Change would issue is never made. The user's other session keeps its token.
func endForgetsTokens(t *testing.T, s users.Store) {
	ctx, u := t.Context(), addUser(t, s, 1)
	session, code := addSession(t, s, u, 1), digest("code")
	token := newRefresh(session, code, "1")
	issue(t, s, session, code, token)
	other, code2 := addSession(t, s, u, 2), digest("code 2")
	theirs := newRefresh(other, code2, "2")
	issue(t, s, other, code2, theirs)
	must(t, s.ChangeGrant(ctx, token.Token, func(users.Grant) (users.Change, error) {
		return users.Change{End: at(9), Issue: []users.Refresh{newRefresh(session, code, "never")}}, nil
	}))
	for _, key := range []users.Digest{token.Token, code, digest("token never")} {
		_, err := grant(ctx, s, key)
		wantErr(t, err, beep.ErrNotFound)
	}
	_, err := grant(ctx, s, theirs.Token)
	must(t, err)
	feed, _, err := s.ListRevocations(ctx, 0, 10)
	must(t, err)
	equal(t, "feed", feed, []users.Revocation{{Seq: 1, Session: session.ID}})
	got, _, err := s.SessionBySecret(ctx, session.Secret)
	must(t, err)
	equal(t, "end", got.Ended, at(9))
}

// There is a row on either side of each bound. A driver that sweeps too much forgets what still has to be answered
// for, such as the end of a session whose tokens are about; one that sweeps too little keeps what was to be gone.
func sweep(t *testing.T, s users.Store) {
	ctx, u := t.Context(), addUser(t, s, 1)
	now, old := at(10_000), at(5000)
	// One session lives on, one expired and one ended before old, and one ended after it, which is still to be answered
	// for.
	live, code := newSession(u, 1), digest("code")
	live.Expires = at(20_000)
	must(t, s.CreateSession(ctx, live, 1))
	expired := addSession(t, s, u, 2)
	ended := newSession(u, 3)
	ended.Expires = at(20_000)
	must(t, s.CreateSession(ctx, ended, 1))
	_, err := s.EndSession(ctx, ended.ID, at(4999))
	must(t, err)
	recent := newSession(u, 4)
	recent.Expires = at(20_000)
	must(t, s.CreateSession(ctx, recent, 1))
	_, err = s.EndSession(ctx, recent.ID, at(5001))
	must(t, err)

	// In the session that lives, since tokens of another would go with it.
	gone, stays := newRefresh(live, code, "gone"), newRefresh(live, code, "stays")
	gone.Expires, stays.Expires = at(9999), at(10_001)
	issue(t, s, live, code, gone, stays)
	must(t, s.PutTicket(ctx, users.Ticket{Kind: users.TicketRequest, ID: digest("gone"), Data: []byte("{}"), Expires: at(9999)}))
	must(t, s.PutTicket(ctx, users.Ticket{Kind: users.TicketRequest, ID: digest("stays"), Data: []byte("{}"), Expires: at(10_001)}))
	for key, last := range map[string]int{"gone": 4999, "stays": 5001} {
		must(t, s.UpdateAttempts(ctx, []string{key}, func(a []users.Attempts) error { a[0] = users.Attempts{Failures: 3, Last: at(last)}; return nil }))
	}
	// A key is over when a newer one has been signing since before old: what it signed has expired by then.
	for i, active := range []int{1, 2, 4999, 5001} {
		must(t, s.AddSigningKey(ctx, users.SigningKey{Generation: int64(i + 1), ID: "k", Private: []byte("p"), Public: []byte("q"), Active: at(active)}))
	}
	for i, sent := range []int{4999, 5001} {
		must(t, s.KeepLetter(ctx, uint64(i+1), users.Letter{To: "a@example.org", At: at(sent)}, 10))
	}
	must(t, s.Sweep(ctx, now, old))

	for secret, want := range map[users.Digest]error{live.Secret: nil, expired.Secret: beep.ErrNotFound, ended.Secret: beep.ErrNotFound, recent.Secret: nil} {
		_, _, err := s.SessionBySecret(ctx, secret)
		wantErr(t, err, want)
	}
	_, err = grant(ctx, s, gone.Token)
	wantErr(t, err, beep.ErrNotFound)
	_, err = grant(ctx, s, stays.Token)
	wantErr(t, err, nil)
	_, err = s.GetTicket(ctx, users.TicketRequest, digest("gone"))
	wantErr(t, err, beep.ErrNotFound)
	_, err = s.GetTicket(ctx, users.TicketRequest, digest("stays"))
	wantErr(t, err, nil)
	for key, want := range map[string]int{"gone": 0, "stays": 3} {
		must(t, s.UpdateAttempts(ctx, []string{key}, func(a []users.Attempts) error { equal(t, key, a[0].Failures, want); return nil }))
	}
	keys, err := s.SigningKeys(ctx)
	must(t, err)
	equal(t, "signing keys", len(keys), 2) // the one that replaced the others before old, and the newest
	letters, err := s.Letters(ctx, "", 10)
	must(t, err)
	equal(t, "letters", len(letters), 1)
	feed, head, err := s.ListRevocations(ctx, 0, 10)
	must(t, err)
	equal(t, "feed", feed, []users.Revocation{{Seq: 2, Session: recent.ID}})
	equal(t, "head", head, 2)
	// The numbers go on though the rows are gone: a feed that began again at 1 would hide its new rows from every
	// reader.
	again := addSession(t, s, u, 5)
	_, err = s.EndSession(ctx, again.ID, at(9))
	must(t, err)
	_, head, err = s.ListRevocations(ctx, 0, 10)
	must(t, err)
	equal(t, "the feed goes on where it was", head, 3)
}
