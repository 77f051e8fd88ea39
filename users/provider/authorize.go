package provider

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/users"
)

// updatePassword is the kc_action that changes the password; it is Keycloak's name, so that clients need know one.
const updatePassword = "UPDATE_PASSWORD"

// promptCreate asks for the page to sign up on (OpenID Connect Prompt Create 1.0).
const promptCreate = "create"

// isChallenge is what S256 makes of any verifier. It is the 256 bits of a SHA-256 in base64url (RFC 7636, 4.2).
var isChallenge = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`).MatchString

// maxState bounds what each request has us keep for a day and then send back in an address.
const maxState = 1 << 10

// Authorize answers with a code at once if its user is signed in and nothing is to be asked, and with a page if not.
// The library has found the redirect URI registered before anything is answered to it: else a link of a stranger's
// could send people anywhere by way of us (RFC 6749, 10.15).
func (s *server) Authorize(ctx context.Context, r *op.ClientRequest[oidc.AuthRequest]) (*op.Redirect, error) {
	req, refusal := readRequest(r)
	if refusal != nil {
		return refuseTo(r.Data, refusal)
	}
	// It is this browser's: its id is worth nothing in another.
	req.Browser = users.DigestOf(s.p.cookie(r.Header, cookieBrowser))
	session, refusal, err := s.signedIn(ctx, r, &req)
	switch {
	case err != nil:
		return nil, s.fault(ctx, err)
	case refusal != nil:
		return refuseTo(r.Data, refusal)
	}
	ready := session != nil && s.p.satisfied(req, *session)
	// No page may be shown then, and the client has to hear which it would have been (OpenID Connect Core, 3.1.2.6).
	if slices.Contains(r.Data.Prompt, oidc.PromptNone) {
		switch {
		case !ready:
			return refuseTo(r.Data, oidc.ErrLoginRequired().WithDescription("nobody is signed in, or not lately enough"))
		case req.Action != "":
			return refuseTo(r.Data, oidc.ErrInteractionRequired().WithDescription("that cannot be done without a page"))
		}
	}
	address, err := s.proceed(ctx, r, req, session, ready)
	if err != nil {
		return nil, s.fault(ctx, err)
	}
	return op.NewRedirect(address), nil
}

// proceed is where a request that is in order goes: to the client if all is there, to a page if not.
func (s *server) proceed(ctx context.Context, r *op.ClientRequest[oidc.AuthRequest], req users.Request, session *users.Session, ready bool) (string, error) {
	if ready && req.Action == "" {
		return s.p.finish(ctx, req, *session, "")
	}
	// Kept only now: a browser that is signed in already leaves nothing behind.
	ip, _ := netip.ParseAddr(r.Header.Get(addressHeader)) // person wrote it
	id, err := s.p.users.Begin(ctx, ip, req)
	if err != nil {
		return "", err
	}
	// Who is signed in has an account.
	if session == nil && slices.Contains(r.Data.Prompt, promptCreate) {
		return "/oidc/sign-up?request=" + id.String(), nil
	}
	return s.p.next(ctx, id, req, session)
}

// refuseTo tells the client why not. The library would do it too, with a line of warning in the log for each browser
// that asks whether anyone is signed in.
func refuseTo(d *oidc.AuthRequest, e *oidc.Error) (*op.Redirect, error) {
	e.State = d.State
	address, err := op.AuthResponseURL(d.RedirectURI, d.ResponseType, d.ResponseMode, e, oidc.NewEncoder())
	if err != nil {
		return nil, err
	}
	return op.NewRedirect(address), nil
}

// readRequest checks what the library leaves to us.
func readRequest(r *op.ClientRequest[oidc.AuthRequest]) (users.Request, *oidc.Error) {
	d := r.Data
	problem := ""
	switch {
	// What they hold would take the place of all that is checked here, and a request_uri would have us fetch what a
	// stranger names.
	case d.RequestParam != "" || r.Form.Get("request_uri") != "":
		return users.Request{}, oidc.ErrRequestNotSupported()
	case !slices.Contains(d.Scopes, oidc.ScopeOpenID):
		return users.Request{}, oidc.ErrInvalidScope().WithDescription("scope must contain openid")
	// A public client has no other proof that it is who began (RFC 9700, 2.1.1).
	case d.CodeChallengeMethod != oidc.CodeChallengeMethodS256 || !isChallenge(d.CodeChallenge):
		problem = "PKCE with S256 is required"
	// By state a client knows its own answer and by nonce its own ID token. One that sends none does not look.
	case d.State == "" || d.Nonce == "" || len(d.State) > maxState || len(d.Nonce) > maxState:
		problem = "state and nonce are required, of 1024 bytes at most"
	// form_post needs a page with a script, and ours have none.
	case d.ResponseMode != "" && d.ResponseMode != oidc.ResponseModeQuery && d.ResponseMode != oidc.ResponseModeFragment:
		problem = "response_mode must be query or fragment"
	}
	if problem != "" {
		return users.Request{}, oidc.ErrInvalidRequest().WithDescription("%s", problem)
	}
	return users.Request{
		Client: d.ClientID, RedirectURI: d.RedirectURI, Mode: string(d.ResponseMode), State: d.State, Nonce: d.Nonce,
		Challenge: d.CodeChallenge, Scopes: d.Scopes, Locale: strings.ReplaceAll(d.UILocales.String(), " ", ","), Hint: d.LoginHint,
		Action: r.Form.Get("kc_action"), MaxAge: d.MaxAge, Other: slices.Contains(d.Prompt, oidc.PromptSelectAccount),
		Login: slices.Contains(d.Prompt, oidc.PromptLogin) || (d.MaxAge != nil && *d.MaxAge == 0),
	}, nil
}

// signedIn is the session of the browser, none if there is none. It notes in req if the client means someone else.
func (s *server) signedIn(ctx context.Context, r *op.ClientRequest[oidc.AuthRequest], req *users.Request) (*users.Session, *oidc.Error, error) {
	session, user, err := s.p.users.Session(ctx, s.p.cookie(r.Header, cookieSession))
	if errors.Is(err, beep.ErrNotFound) {
		return nil, nil, nil
	}
	if err != nil || r.Data.IDTokenHint == "" {
		return &session, nil, err
	}
	h, err := s.p.readHint(ctx, r.Data.IDTokenHint)
	if errors.Is(err, errHint) {
		return nil, oidc.ErrInvalidRequest().WithDescription("id_token_hint is not ours"), nil
	}
	req.Other = req.Other || h.Subject != user.ID.String()
	return &session, nil, err
}

// satisfied says whether a session is enough of a proof for a request. Login and Other look for something that was
// done since the request began, so that a page which is left and found again does not ask twice.
func (p *Provider) satisfied(req users.Request, session users.Session) bool {
	if (req.Login && older(session.Proven, req)) || (req.Other && older(session.SignedIn, req)) {
		return false
	}
	// Bounded, so that the product is a Duration; so long ago there is no session.
	if req.MaxAge != nil && *req.MaxAge > 0 && !p.users.Fresh(session, time.Duration(min(*req.MaxAge, 1<<31))*time.Second) {
		return false
	}
	// Whoever finds a browser open must not be able to change the password in it.
	return req.Action != updatePassword || p.users.Fresh(session, users.ProofLife)
}

// older says whether something happened before a request began; all has, for one that is only now looked at.
func older(at time.Time, req users.Request) bool { return req.Began.IsZero() || at.Before(req.Began) }

// next is the page that a request needs next, or the client's address when it needs none.
func (p *Provider) next(ctx context.Context, id users.Digest, req users.Request, session *users.Session) (string, error) {
	switch {
	case session == nil || !p.satisfied(req, *session):
		return "/oidc/sign-in?request=" + id.String(), nil
	case req.Action == updatePassword:
		return "/oidc/password?request=" + id.String(), nil
	case req.Action != "":
		return p.finish(ctx, req, *session, "error") // an action that there is not
	}
	return p.finish(ctx, req, *session, "")
}

// finish is the client's address with a code, and with the outcome of the action that it asked for.
func (p *Provider) finish(ctx context.Context, req users.Request, session users.Session, status string) (string, error) {
	code, err := p.users.IssueCode(ctx, req, session)
	if err != nil {
		return "", err
	}
	q := url.Values{"code": {code}, "state": {req.State}}
	if status != "" {
		q.Set("kc_action", req.Action)
		q.Set("kc_action_status", status)
	}
	u, err := url.Parse(req.RedirectURI)
	if err != nil {
		return "", err
	}
	if req.Mode == string(oidc.ResponseModeFragment) {
		u.Fragment, u.RawFragment = "", ""
		return u.String() + "#" + q.Encode(), nil
	}
	// What the registered address has in its query stays there (RFC 6749, 3.1.2).
	maps.Copy(q, u.Query())
	u.RawQuery = q.Encode()
	return u.String(), nil
}
