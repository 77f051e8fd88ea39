package oidc_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/kit/oidc"
)

// source is a users service of one user and one session, which counts what it is asked.
type source struct {
	jwks []byte

	keysAsked, introspected atomic.Int64

	mu     sync.Mutex // guards the fields below
	down   error
	deaf   error // the feed alone is unreadable
	feed   []oidc.Revocation
	ended  bool
	before func() // runs in an introspection after its answer is known
}

func (s *source) Keys(context.Context) (string, []byte, error) {
	s.keysAsked.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	return issuer, s.jwks, s.down
}

func (s *source) Introspect(context.Context, string) (oidc.Introspection, error) {
	s.introspected.Add(1)
	s.mu.Lock()
	down, ended, before := s.down, s.ended, s.before
	s.mu.Unlock()
	if before != nil {
		before()
	}
	if down != nil || ended {
		return oidc.Introspection{}, down
	}
	return oidc.Introspection{
		Active: true, Caller: beep.Caller{User: 42, Session: 7, Roles: []string{"UserModerator"}},
		Expires: time.Now().Add(5 * time.Minute),
	}, nil
}

func (s *source) Revocations(_ context.Context, after uint64) ([]oidc.Revocation, uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := errors.Join(s.down, s.deaf); err != nil {
		return nil, 0, err
	}
	head := uint64(len(s.feed))
	if after >= head {
		return nil, head, nil
	}
	return s.feed[after:min(after+2, head)], head, nil // small pages, so that followers must turn them
}

func (s *source) revoke(rs ...oidc.Revocation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range rs {
		r.Seq = uint64(len(s.feed)) + 1
		s.feed = append(s.feed, r)
	}
}

func (s *source) set(fn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn()
}

// bubble runs fn with a running verifier on a fake clock.
func bubble(t *testing.T, fn func(t *testing.T, s *source, is *issue, v *oidc.Verifier)) {
	t.Helper()
	is := newIssue(t)
	synctest.Test(t, func(t *testing.T) {
		s := &source{jwks: is.jwks(t)}
		v := oidc.NewVerifier(s, oidc.Options{Audience: audience})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- v.Run(ctx) }()
		synctest.Wait()
		fn(t, s, is, v)
		stop()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}

func wantCode(t *testing.T, err error, want beep.Code) {
	t.Helper()
	var e *beep.Error
	if want == "" && err == nil {
		return
	}
	if !errors.As(err, &e) || e.Code != want {
		t.Errorf("error = %v, want code %q", err, want)
	}
}

func TestVerify_AsksOncePerTokenAndTTL(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, s *source, is *issue, v *oidc.Verifier) {
		token := is.token(t, nil)
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				caller, expires, err := v.Verify(t.Context(), token)
				if err != nil || caller.User != 42 || caller.Session != 7 || expires.IsZero() {
					t.Errorf("Verify = %+v, %v, %v", caller, expires, err)
				}
			})
		}
		wg.Wait()
		if got := s.introspected.Load(); got != 1 {
			t.Errorf("50 requests at once asked %d times, want 1", got)
		}
		time.Sleep(29 * time.Second)
		_, _, err := v.Verify(t.Context(), token)
		wantCode(t, err, "")
		if got := s.introspected.Load(); got != 1 {
			t.Errorf("asked %d times within the TTL, want 1", got)
		}
		time.Sleep(2 * time.Second)
		_, _, err = v.Verify(t.Context(), token)
		wantCode(t, err, "")
		if got := s.introspected.Load(); got != 2 {
			t.Errorf("asked %d times after the TTL, want 2", got)
		}
	})
}

func TestVerify_AllowsFixedCallersOnly(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, s *source, is *issue, v *oidc.Verifier) {
		_, _, err := v.Verify(t.Context(), is.token(t, map[string]any{"iss": "https://evil.example"}))
		wantCode(t, err, beep.CodeInvalidToken)
		if got := s.introspected.Load(); got != 0 {
			t.Errorf("a token of another issuer cost %d introspections, want 0", got)
		}
		s.set(func() { s.ended = true })
		token := is.token(t, nil)
		for range 3 {
			_, _, err = v.Verify(t.Context(), token)
			wantCode(t, err, beep.CodeInvalidToken)
		}
		if got := s.introspected.Load(); got != 1 {
			t.Errorf("a refused token cost %d introspections, want 1", got)
		}
	})
}

func TestVerify_EndsWithTheFeed(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		r    oidc.Revocation
		want beep.Code
	}{
		{"its session", oidc.Revocation{Session: 7}, beep.CodeInvalidToken},
		{"another session", oidc.Revocation{Session: 8}, ""},
		{"its user, later than it", oidc.Revocation{User: 42, NotBefore: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}, beep.CodeInvalidToken},
		{"its user, earlier than it", oidc.Revocation{User: 42, NotBefore: time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)}, ""},
		{"another user", oidc.Revocation{User: 43, NotBefore: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, s *source, is *issue, v *oidc.Verifier) {
				var heard []oidc.Revocation
				cancel := v.OnRevoked(func(session beep.SessionID, user beep.UserID, nb time.Time) {
					heard = append(heard, oidc.Revocation{Session: session, User: user, NotBefore: nb})
				})
				token := is.token(t, nil)
				_, _, err := v.Verify(t.Context(), token)
				wantCode(t, err, "")
				s.revoke(oidc.Revocation{Session: 99}, oidc.Revocation{Session: 98}, tt.r)
				time.Sleep(251 * time.Millisecond)
				_, _, err = v.Verify(t.Context(), token)
				wantCode(t, err, tt.want)
				synctest.Wait()
				if len(heard) != 3 || heard[2] != tt.r {
					t.Errorf("OnRevoked heard %+v, want three, %+v last", heard, tt.r)
				}
				cancel()
				s.revoke(oidc.Revocation{Session: 97})
				time.Sleep(time.Second)
				if len(heard) != 3 {
					t.Error("heard more after cancel")
				}
			})
		})
	}
}

func TestRun_ReadsAtOnceWhenWoken(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, s *source, is *issue, v *oidc.Verifier) {
		token := is.token(t, nil)
		_, _, err := v.Verify(t.Context(), token)
		wantCode(t, err, "")
		s.revoke(oidc.Revocation{Session: 7})
		v.Wake()
		v.Wake()
		synctest.Wait()
		_, _, err = v.Verify(t.Context(), token)
		wantCode(t, err, beep.CodeInvalidToken)
	})
}

// A revocation that is read while the introspection from before it is still on its way must win over it.
func TestVerify_RevokedWhileInFlight(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, s *source, is *issue, v *oidc.Verifier) {
		token := is.token(t, nil)
		s.set(func() {
			s.before = func() {
				s.revoke(oidc.Revocation{Session: 7})
				time.Sleep(time.Second) // the feed is read meanwhile
			}
		})
		_, _, err := v.Verify(t.Context(), token)
		wantCode(t, err, beep.CodeInvalidToken)
		s.set(func() { s.before = nil })
		time.Sleep(5 * time.Second)
		_, _, err = v.Verify(t.Context(), token)
		wantCode(t, err, beep.CodeInvalidToken)
	})
}

func TestVerify_FailsClosed(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, s *source, is *issue, v *oidc.Verifier) {
		known, fresh := is.token(t, nil), is.token(t, map[string]any{"jti": "2"})
		_, _, err := v.Verify(t.Context(), known)
		wantCode(t, err, "")
		s.set(func() { s.down = errors.New("connection refused") })
		time.Sleep(10 * time.Second)
		_, _, err = v.Verify(t.Context(), known)
		wantCode(t, err, "") // asked within the TTL, and the feed was read within the bound
		_, _, err = v.Verify(t.Context(), fresh)
		wantCode(t, err, beep.CodeUnavailable)
		time.Sleep(6 * time.Second)
		_, _, err = v.Verify(t.Context(), known)
		wantCode(t, err, beep.CodeUnavailable)
		s.revoke(oidc.Revocation{Session: 7}) // while it cannot be read
		s.set(func() { s.down = nil })
		time.Sleep(time.Second)
		_, _, err = v.Verify(t.Context(), fresh)
		wantCode(t, err, beep.CodeInvalidToken)
	})
}

// Where the feed cannot be read, what is remembered soon counts no more, and the source is asked instead.
func TestVerify_WithoutTheFeedAsksAgain(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, s *source, is *issue, v *oidc.Verifier) {
		token := is.token(t, nil)
		s.set(func() { s.deaf = errors.New("no such table") })
		time.Sleep(16 * time.Second)
		for range 100 {
			_, _, err := v.Verify(t.Context(), token)
			wantCode(t, err, "")
		}
		if got := s.introspected.Load(); got != 1 {
			t.Errorf("asked %d times within a second, want 1", got)
		}
		s.set(func() { s.ended = true }) // and the feed does not say so
		time.Sleep(1100 * time.Millisecond)
		_, _, err := v.Verify(t.Context(), token)
		wantCode(t, err, beep.CodeInvalidToken)
	})
}

func TestVerify_NewKeyIsFetchedButNotForEveryLiar(t *testing.T) {
	t.Parallel()
	next := newIssue(t)
	bubble(t, func(t *testing.T, s *source, is *issue, v *oidc.Verifier) {
		_, _, err := v.Verify(t.Context(), is.token(t, nil))
		wantCode(t, err, "")
		rotated := sign(t, jose.ES256, next.ec, headers{"kid": "ec", "typ": "at+jwt"}, claims(time.Now(), nil))
		_, _, err = v.Verify(t.Context(), rotated)
		wantCode(t, err, beep.CodeInvalidToken)

		liar := sign(t, jose.ES256, next.ec, headers{"kid": "made up", "typ": "at+jwt"}, claims(time.Now(), nil))
		for range 100 {
			_, _, err = v.Verify(t.Context(), liar)
			wantCode(t, err, beep.CodeInvalidToken)
		}
		if got := s.keysAsked.Load(); got > 2 {
			t.Errorf("asked for the keys %d times, want at most 2", got)
		}
		time.Sleep(6 * time.Minute)
		s.set(func() { s.jwks = next.jwks(t) })
		fresh := sign(t, jose.ES256, next.ec, headers{"kid": "ec", "typ": "at+jwt"}, claims(time.Now(), nil))
		_, _, err = v.Verify(t.Context(), fresh)
		wantCode(t, err, "")
		_, _, err = v.Verify(t.Context(), is.token(t, nil))
		wantCode(t, err, beep.CodeInvalidToken) // the withdrawn key
	})
}

// A restored backup makes the feed shorter: what is remembered must not outlive the sessions that it undid.
func TestRun_AnotherFeedForgetsEverything(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, s *source, is *issue, v *oidc.Verifier) {
		s.revoke(oidc.Revocation{Session: 1}, oidc.Revocation{Session: 2})
		time.Sleep(time.Second)
		token := is.token(t, nil)
		_, _, err := v.Verify(t.Context(), token)
		wantCode(t, err, "")
		s.set(func() { s.feed, s.ended = nil, true })
		time.Sleep(time.Second)
		_, _, err = v.Verify(t.Context(), token)
		wantCode(t, err, beep.CodeInvalidToken)
	})
}

func TestVerify_MemoryIsBounded(t *testing.T) {
	t.Parallel()
	is := newIssue(t)
	s := &source{jwks: is.jwks(t)}
	v := oidc.NewVerifier(s, oidc.Options{Audience: audience, Size: 8})
	first := is.token(t, nil)
	_, _, err := v.Verify(t.Context(), first)
	wantCode(t, err, "")
	for i := range 20 {
		_, _, err := v.Verify(t.Context(), is.token(t, map[string]any{"jti": i}))
		wantCode(t, err, beep.CodeInvalidToken) // jti must be a string
		_, _, err = v.Verify(t.Context(), is.token(t, map[string]any{"scope": string(rune('a' + i))}))
		wantCode(t, err, "")
	}
	before := s.introspected.Load()
	_, _, err = v.Verify(t.Context(), first)
	wantCode(t, err, "")
	if s.introspected.Load() != before+1 {
		t.Error("a memory of 8 tokens still held one after 20 others")
	}
}

func TestRun_TellsOncePerOutage(t *testing.T) {
	t.Parallel()
	is := newIssue(t)
	synctest.Test(t, func(t *testing.T) {
		s := &source{jwks: is.jwks(t)}
		var said []error
		v := oidc.NewVerifier(s, oidc.Options{Audience: audience, OnError: func(err error) { said = append(said, err) }})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); _ = v.Run(ctx) }()
		time.Sleep(time.Second)
		s.set(func() { s.down = errors.New("gone") })
		time.Sleep(time.Minute)
		s.set(func() { s.down = nil })
		time.Sleep(time.Second)
		stop()
		<-done
		if len(said) != 2 || said[0] == nil || said[1] != nil {
			t.Errorf("OnError heard %v, want one error and one nil", said)
		}
	})
}

// BenchmarkVerify is the cost of a request whose token is known, and of one whose token is new.
func BenchmarkVerify(b *testing.B) {
	is := newIssue(b)
	s := &source{jwks: is.jwks(b)}
	v := oidc.NewVerifier(s, oidc.Options{Audience: audience})
	ctx, stop := context.WithCancel(b.Context())
	done := make(chan error)
	go func() { done <- v.Run(ctx) }()
	defer func() { stop(); <-done }()
	token := is.token(b, nil)
	b.Run("known", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := v.Verify(b.Context(), token); err != nil {
				b.Fatal(err)
			}
		}
	})
	keys, err := oidc.ParseKeys(s.jwks)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			if _, err := keys.Verify(token, oidc.Expect{Issuer: issuer, Audience: audience}, time.Now()); err != nil {
				b.Fatal(err)
			}
		}
	})
}
