package provider

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
	"golang.org/x/text/language"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/users"
)

// server answers the endpoints of the protocol. The library has parsed each request and checked what the standards
// say of its form; a redirect URI, above all, is one that the client has registered, to the letter.
type server struct {
	op.UnimplementedServer // which refuses every grant that is not here

	p         *Provider
	endpoints op.Endpoints
}

var _ op.Server = (*server)(nil)

// Discovery says what this provider can do, and no more than that.
func (s *server) Discovery(context.Context, *op.Request[struct{}]) (*op.Response, error) {
	issuer := s.p.users.Issuer()
	d := &oidc.DiscoveryConfiguration{
		Issuer: issuer, AuthorizationEndpoint: s.endpoints.Authorization.Absolute(issuer), TokenEndpoint: s.endpoints.Token.Absolute(issuer),
		UserinfoEndpoint: s.endpoints.Userinfo.Absolute(issuer), RevocationEndpoint: s.endpoints.Revocation.Absolute(issuer),
		EndSessionEndpoint: s.endpoints.EndSession.Absolute(issuer), JwksURI: s.endpoints.JwksURI.Absolute(issuer),
		ScopesSupported:                        scopes(),
		ResponseTypesSupported:                 []string{string(oidc.ResponseTypeCode)},
		ResponseModesSupported:                 []string{string(oidc.ResponseModeQuery), string(oidc.ResponseModeFragment)},
		GrantTypesSupported:                    s.p.client.GrantTypes(),
		SubjectTypesSupported:                  []string{"public"},
		IDTokenSigningAlgValuesSupported:       []string{"ES256"},
		TokenEndpointAuthMethodsSupported:      []oidc.AuthMethod{oidc.AuthMethodNone},
		RevocationEndpointAuthMethodsSupported: []oidc.AuthMethod{oidc.AuthMethodNone},
		ClaimsSupported: []string{
			"iss", "sub", "aud", "azp", "exp", "iat", "auth_time", "nonce", "at_hash", "sid", "preferred_username", "name", "email", "email_verified",
		},
		CodeChallengeMethodsSupported: []oidc.CodeChallengeMethod{oidc.CodeChallengeMethodS256},
		UILocalesSupported:            []language.Tag{language.English, language.French},
	}
	return op.NewResponse(d), nil
}

// Keys answers the keys that tokens are signed with.
func (s *server) Keys(ctx context.Context, _ *op.Request[struct{}]) (*op.Response, error) {
	jwks, err := s.p.users.PublicKeys(ctx)
	if err != nil {
		return nil, s.fault(ctx, err)
	}
	return op.NewResponse(json.RawMessage(jwks)), nil
}

// fault is an error that is ours, for the log; whoever asked learns that it was, and whether to come again.
func (s *server) fault(ctx context.Context, err error) error {
	status, level := http.StatusInternalServerError, slog.LevelError
	var e *beep.Error
	if errors.As(err, &e) && (e.Kind == beep.KindUnavailable || e.Kind == beep.KindLimited) {
		status, level = http.StatusServiceUnavailable, slog.LevelWarn
	}
	s.p.opts.Log.Log(ctx, level, "openid request failed", slog.Any("error", err))
	return op.NewStatusError(oidc.ErrServerError().WithDescription("try again in a moment"), status)
}

// VerifyAuthRequest finds the client.
func (s *server) VerifyAuthRequest(_ context.Context, r *op.Request[oidc.AuthRequest]) (*op.ClientRequest[oidc.AuthRequest], error) {
	if r.Data.ClientID != WebClient {
		// Without a client there is no address that this could be sent to: the library shows it here.
		return nil, oidc.ErrInvalidRequestRedirectURI().WithDescription("unknown client_id")
	}
	return &op.ClientRequest[oidc.AuthRequest]{Request: r, Client: s.p.client}, nil
}

// VerifyClient lets the web client in, which is public: a secret from it is a mistake that must not pass for proof.
func (s *server) VerifyClient(_ context.Context, r *op.Request[op.ClientCredentials]) (op.Client, error) {
	c := r.Data
	if c.ClientID != WebClient || c.ClientSecret != "" || c.ClientAssertion != "" {
		e := oidc.ErrInvalidClient().WithDescription("unknown client, or one that has no secret")
		return nil, op.NewStatusError(e, http.StatusUnauthorized)
	}
	return s.p.client, nil
}

// CodeExchange trades a code for tokens.
func (s *server) CodeExchange(ctx context.Context, r *op.ClientRequest[oidc.AccessTokenRequest]) (*op.Response, error) {
	issued, err := s.p.users.TradeCode(ctx, users.CodeTrade{
		Code: r.Data.Code, Client: r.Client.GetID(), RedirectURI: r.Data.RedirectURI, Verifier: r.Data.CodeVerifier,
	})
	return s.tokens(ctx, issued, err)
}

// RefreshToken trades a refresh token for tokens.
func (s *server) RefreshToken(ctx context.Context, r *op.ClientRequest[oidc.RefreshTokenRequest]) (*op.Response, error) {
	issued, err := s.p.users.TradeRefresh(ctx, r.Client.GetID(), r.Data.RefreshToken, r.Data.Scopes)
	return s.tokens(ctx, issued, err)
}

// tokens is the answer to a trade.
func (s *server) tokens(ctx context.Context, issued users.Issued, err error) (*op.Response, error) {
	// One text for all reasons: a thief does not hear which.
	if errors.Is(err, users.ErrGrant) {
		return nil, oidc.ErrInvalidGrant().WithDescription("expired, revoked, used before, or not for this client")
	}
	if err != nil {
		return nil, s.fault(ctx, err)
	}
	resp, err := s.respond(ctx, issued)
	if err != nil {
		return nil, s.fault(ctx, err)
	}
	return op.NewResponse(resp), nil
}

// UserInfo says who an access token is for, as far as its scopes go.
func (s *server) UserInfo(ctx context.Context, r *op.Request[oidc.UserInfoRequest]) (*op.Response, error) {
	// By the session and not by the signature alone: one that has ended tells nothing more.
	got, err := s.p.users.Introspect(ctx, r.Data.AccessToken)
	if err != nil {
		return nil, s.fault(ctx, err)
	}
	if !got.Active {
		return nil, op.NewStatusError(oidc.ErrAccessDenied().WithDescription("the access token is not good"), http.StatusUnauthorized)
	}
	c := claimsOf(got.User, strings.Fields(got.Scope))
	return op.NewResponse(&oidc.UserInfo{
		Subject:         got.User.ID.String(),
		UserInfoProfile: oidc.UserInfoProfile{Name: c.Name, PreferredUsername: c.Username},
		UserInfoEmail:   oidc.UserInfoEmail{Email: c.Email, EmailVerified: oidc.Bool(c.EmailVerified)},
	}), nil
}

// Revocation ends the session of a token.
func (s *server) Revocation(ctx context.Context, r *op.ClientRequest[oidc.RevocationRequest]) (*op.Response, error) {
	if err := s.p.users.RevokeToken(ctx, r.Client.GetID(), r.Data.Token); err != nil {
		return nil, s.fault(ctx, err)
	}
	return op.NewResponse(struct{}{}), nil
}

// EndSession signs out. Who brings the ID token of the session in this browser has said enough; anyone else is asked
// first, so that no link can sign people out.
func (s *server) EndSession(ctx context.Context, r *op.Request[oidc.EndSessionRequest]) (*op.Redirect, error) {
	// First of all: what is not in order has no effect.
	back, err := s.p.postLogout(r.Data.ClientID, r.Data.PostLogoutRedirectURI, r.Data.State)
	if err != nil {
		return nil, err
	}
	if r.Data.IdTokenHint != "" {
		done, err := s.endHinted(ctx, r)
		if err != nil {
			return nil, err
		}
		if done {
			red := op.NewRedirect(back)
			red.Header.Set("Clear-Site-Data", clearSiteData)
			red.Header.Add("Set-Cookie", s.p.droppedCookie(cookieSession))
			return red, nil
		}
	}
	// Without the hint: the page asks.
	ask := url.Values{}
	for name, value := range map[string]string{
		"client_id": r.Data.ClientID, "post_logout_redirect_uri": r.Data.PostLogoutRedirectURI, "state": r.Data.State,
	} {
		if value != "" {
			ask.Set(name, value)
		}
	}
	return op.NewRedirect("/oidc/sign-out?" + ask.Encode()), nil
}

// endHinted ends the session that an ID token names, and says whether that leaves nobody signed in here.
func (s *server) endHinted(ctx context.Context, r *op.Request[oidc.EndSessionRequest]) (bool, error) {
	h, err := s.p.readHint(ctx, r.Data.IdTokenHint)
	if errors.Is(err, errHint) {
		return false, oidc.ErrInvalidRequest().WithDescription("id_token_hint is not ours")
	}
	if err != nil {
		return false, s.fault(ctx, err)
	}
	var id beep.SessionID
	if err := id.UnmarshalText([]byte(h.Session)); err != nil {
		return false, oidc.ErrInvalidRequest().WithDescription("id_token_hint names no session")
	}
	if err := s.p.users.EndSession(ctx, id); err != nil {
		return false, s.fault(ctx, err)
	}
	// It may have been another session than this browser's: then nobody must be told that they are signed out here.
	_, _, err = s.p.users.Session(ctx, s.p.cookie(r.Header, cookieSession))
	if err != nil && !errors.Is(err, beep.ErrNotFound) {
		return false, s.fault(ctx, err)
	}
	return err != nil, nil
}

// postLogout is where to go after a sign-out: an address that the client has registered, to the letter, or our own.
func (p *Provider) postLogout(clientID, uri, state string) (string, error) {
	if clientID != "" && clientID != WebClient {
		return "", oidc.ErrInvalidRequest().WithDescription("unknown client_id")
	}
	back := p.users.Issuer() + "/"
	if uri != "" {
		if !slices.Contains(p.client.postLogouts, uri) {
			return "", oidc.ErrInvalidRequest().WithDescription("post_logout_redirect_uri is not registered")
		}
		back = uri
	}
	if state == "" {
		return back, nil
	}
	u, err := url.Parse(back)
	if err != nil {
		return "", err
	}
	q := u.Query()
	q.Set("state", state)
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// clearSiteData leaves nothing that one person was shown for the next at this computer. Not "storage": theme and
// language lie there, which belong to the computer, and clients remove what they keep of an account themselves. Not
// "cookies": browsers would drop those of every neighbour in the same domain, and the session's goes by name.
const clearSiteData = `"cache"`

// droppedCookie is what setCookie does with noCookie, for answers that the library writes.
func (p *Provider) droppedCookie(what string) string {
	return (&http.Cookie{ //nolint:gosec // it is Secure wherever the site is
		Name: p.cookieName(what), Path: "/", MaxAge: noCookie, HttpOnly: true, Secure: p.secure, SameSite: http.SameSiteLaxMode,
		Expires: time.Unix(1, 0),
	}).String()
}
