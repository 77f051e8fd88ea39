package provider_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/kit/oidc"
	"github.com/beep-chat/beep/users"
	"github.com/beep-chat/beep/users/provider"
)

// source is the users service as kit/oidc asks it.
type source struct{ *users.Service }

func (s source) Keys(ctx context.Context) (string, []byte, error) {
	jwks, err := s.PublicKeys(ctx)
	return s.Issuer(), jwks, err
}

func (s source) Introspect(ctx context.Context, token string) (oidc.Introspection, error) {
	got, err := s.Service.Introspect(ctx, token)
	if err != nil || !got.Active {
		return oidc.Introspection{}, err
	}
	return oidc.Introspection{
		Active: true, Caller: beep.Caller{User: got.User.ID, Session: got.Session.ID, Roles: got.User.Roles}, Expires: got.Expires,
	}, nil
}

func (s source) Revocations(ctx context.Context, after uint64) ([]oidc.Revocation, uint64, error) {
	list, head, err := s.ListRevocations(ctx, after, 0)
	out := make([]oidc.Revocation, len(list))
	for i, r := range list {
		out[i] = oidc.Revocation(r)
	}
	return out, head, err
}

// verifier is a token check that follows the site's feed, as the gateway and realtime have one.
func (s *site) verifier(t *testing.T) *oidc.Verifier {
	t.Helper()
	v := oidc.NewVerifier(source{s.Service}, oidc.Options{Audience: users.Audience})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- v.Run(ctx) }()
	t.Cleanup(s.bus.Subscribe(users.Topic, func([]byte) { v.Wake() }))
	t.Cleanup(func() { stop(); must(t, <-done) })
	return v
}

// Whatever ends a session ends its tokens at every edge within a second, and tells who holds sockets.
func TestRevocation_ReachesEveryEdge(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	a := s.app(t)
	edges := []*oidc.Verifier{s.verifier(t), s.verifier(t)}
	end := map[string]func(t *testing.T, b *browser, token *oauth2.Token){
		"sign-out at the provider": func(t *testing.T, b *browser, token *oauth2.Token) {
			t.Helper()
			raw, _ := token.Extra("id_token").(string)
			b.open("/oidc/end-session?id_token_hint=" + raw)
		},
		"the client's revocation": func(t *testing.T, _ *browser, token *oauth2.Token) {
			t.Helper()
			s.post(t, "/oidc/revoke", "token", token.RefreshToken, "client_id", "beep-web")
		},
		"another password": func(t *testing.T, _ *browser, _ *oauth2.Token) {
			t.Helper()
			other := s.browser(t)
			page := other.open(a.authorize("kc_action", "UPDATE_PASSWORD")).submit("email", "another-password@example.org", "password", password)
			a.tokens(page.want(http.StatusOK, "Change your password").submit("password", "a better password"))
		},
	}
	for name, do := range end {
		b := s.browser(t)
		slug := map[string]string{"sign-out at the provider": "sign-out", "the client's revocation": "revocation", "another password": "another-password"}[name]
		token, _ := a.tokens(b.join(a, slug))
		var heard atomic.Int64
		caller, _, err := edges[0].Verify(t.Context(), token.AccessToken)
		must(t, err)
		_, _, err = edges[1].Verify(t.Context(), token.AccessToken)
		must(t, err)
		for _, v := range edges {
			cancel := v.OnRevoked(func(session beep.SessionID, _ beep.UserID, _ time.Time) {
				if session == caller.Session {
					heard.Add(1)
				}
			})
			defer cancel()
		}
		began := time.Now()
		do(t, b, token)
		eventually(t, name+" reached both edges", func() bool {
			_, _, err0 := edges[0].Verify(t.Context(), token.AccessToken)
			_, _, err1 := edges[1].Verify(t.Context(), token.AccessToken)
			return err0 != nil && err1 != nil && heard.Load() == 2
		})
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("%s took %s", name, took)
		}
		if status, answer, _ := s.post(t, "/oidc/token", "grant_type", "refresh_token", "client_id", "beep-web", "refresh_token", token.RefreshToken); status != http.StatusBadRequest {
			t.Errorf("%s: refresh = %d %v", name, status, answer)
		}
	}
}

// Two replicas on one store are one provider: each goes on with what the other began, and a third that starts after
// both are gone still does.
func TestReplicas_AreOneProvider(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	a, b := s.app(t), s.browser(t)
	replica := func() http.Handler {
		service, err := users.New(users.Deps{Store: s.store, Bus: s.bus, PublicURL: s.URL})
		must(t, err)
		p, err := provider.New(service, provider.Options{})
		must(t, err)
		return p.Handler()
	}
	other := httptest.NewServer(replica())
	t.Cleanup(other.Close)
	back := b.join(a, "ann")
	config := a.config
	config.Endpoint.TokenURL = other.URL + "/oidc/token" // the code came from the first
	token, err := config.Exchange(t.Context(), a.code(back), oauth2.VerifierOption(a.verifier))
	must(t, err)
	a.idToken(token) // by the first one's keys
	third := httptest.NewServer(replica())
	t.Cleanup(third.Close)
	config.Endpoint.TokenURL = third.URL + "/oidc/token"
	next, err := config.TokenSource(t.Context(), &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
	must(t, err)
	if _, err := a.provider.UserInfo(t.Context(), oauth2.StaticTokenSource(next)); err != nil {
		t.Errorf("the first replica does not know a token of the third: %v", err)
	}
}
