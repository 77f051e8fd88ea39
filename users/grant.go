package users

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/kit/oidc"
	"github.com/beep-chat/beep/kit/rest"
)

// ErrGrant is a code or refresh token that is worth nothing, for whatever reason.
var ErrGrant = errors.New("the grant is not valid")

// Request is an authorization request that was found in order, while its user signs in.
type Request struct {
	Client      string    `json:"client"`
	RedirectURI string    `json:"redirect_uri"`
	Mode        string    `json:"mode"` // response_mode
	State       string    `json:"state"`
	Nonce       string    `json:"nonce"`
	Challenge   string    `json:"challenge"` // PKCE, S256
	Scopes      []string  `json:"scopes"`
	Locale      string    `json:"locale"` // ui_locales, as a browser would list them
	Hint        string    `json:"hint"`   // login_hint
	Action      string    `json:"action"` // kc_action
	MaxAge      *uint     `json:"max_age"`
	Login       bool      `json:"login"`   // prompt=login
	Other       bool      `json:"other"`   // someone else than was signed in when it began
	Browser     Digest    `json:"browser"` // which began it, and alone may go on with it
	Began       time.Time `json:"began"`
}

// Begin keeps a request and answers the id that the pages carry along. It is no secret: it works in the browser of
// the request only. One address may begin so many in an hour and no more: each is kept for a day.
func (s *Service) Begin(ctx context.Context, ip netip.Addr, r Request) (id Digest, err error) {
	// Where nobody else comes, the one address is everyone's.
	if !s.local {
		t := throttled{[]string{throttleKey("begin", rest.Neighbourhood(ip))}, []tries{requestsFrom()}}
		if _, err := s.attempt(ctx, t); err != nil {
			return Digest{}, err
		}
	}
	id = DigestOf(newSecret())
	r.Began = beep.Now()
	data, err := json.Marshal(r)
	if err != nil {
		return Digest{}, err
	}
	return id, s.store.PutTicket(ctx, Ticket{Kind: TicketRequest, ID: id, Data: data, Expires: r.Began.Add(requestLife)})
}

// Pending answers a request that waits, for the browser that began it. ErrLinkOver if there is none.
func (s *Service) Pending(ctx context.Context, id Digest, v Visitor) (Request, error) {
	t, err := s.ticket(ctx, TicketRequest, id)
	if err != nil {
		return Request{}, err
	}
	var r Request
	if err := json.Unmarshal(t.Data, &r); err != nil {
		return Request{}, err
	}
	// Otherwise whoever began it could have another person finish it, and that person would be signed in to what they
	// never asked for (login CSRF).
	if r.Browser != v.Browser {
		return Request{}, ErrLinkOver
	}
	return r, nil
}

// codeData is the ticket of a code.
type codeData struct {
	Client      string    `json:"client"`
	RedirectURI string    `json:"redirect_uri"`
	Nonce       string    `json:"nonce"`
	Challenge   string    `json:"challenge"`
	Scopes      []string  `json:"scopes"`
	Proven      time.Time `json:"proven"`
}

// IssueCode answers a code for the client of r. The request itself stays, so that a page sent twice ends the same way.
func (s *Service) IssueCode(ctx context.Context, r Request, session Session) (code string, err error) {
	code = newSecret()
	data, err := json.Marshal(codeData{r.Client, r.RedirectURI, r.Nonce, r.Challenge, r.Scopes, session.Proven})
	if err != nil {
		return "", err
	}
	return code, s.store.PutTicket(ctx, Ticket{
		Kind: TicketCode, ID: DigestOf(code), Session: session.ID, Data: data, Expires: beep.Now().Add(codeLife),
	})
}

// Issued is what tokens are made from, and the refresh token that goes with them.
type Issued struct {
	User    User
	Session Session
	Client  string
	Scopes  []string
	Nonce   string    // of the request, at the trade of a code
	Proven  time.Time // when the password was given
	Refresh string
	Expires time.Time // of the access token
}

// CodeTrade is a client's claim to a code.
type CodeTrade struct {
	Code        string
	Client      string
	RedirectURI string
	Verifier    string // PKCE
}

// TradeCode takes a code, once. A code that comes a second time ends the session that it gave: one of the two who had
// it has stolen it. So RFC 6749 wants it in 4.1.2.
func (s *Service) TradeCode(ctx context.Context, in CodeTrade) (Issued, error) {
	key, now, secret := DigestOf(in.Code), beep.Now(), newSecret()
	var out Issued
	replayed := false
	err := s.store.ChangeGrant(ctx, key, func(g Grant) (Change, error) {
		// The store may run this again, and nothing of an earlier run may stay.
		out, replayed = Issued{}, false
		if g.Code == nil {
			if replayed = g.Refresh.Family == key && g.Refresh.Client == in.Client; replayed {
				return Change{End: now}, nil
			}
			return Change{}, ErrGrant
		}
		var data codeData
		if err := json.Unmarshal(g.Code, &data); err != nil {
			return Change{}, err
		}
		// The redirect URI must be that of the request (RFC 6749, 4.1.3). What does not fit leaves the code alone: who
		// has it without its verifier must not be able to use it up.
		fits := data.Client == in.Client && data.RedirectURI == in.RedirectURI && proves(in.Verifier, data.Challenge)
		if !fits || !now.Before(g.Expires) || !g.Session.Lives(now) {
			return Change{}, ErrGrant
		}
		out = Issued{User: g.User, Session: g.Session, Client: in.Client, Scopes: data.Scopes, Nonce: data.Nonce, Proven: data.Proven, Refresh: secret}
		return Change{DropCode: true, Issue: []Refresh{{
			Token: DigestOf(secret), Family: key, Session: g.Session.ID, Client: in.Client, Scopes: data.Scopes,
			Created: now, Expires: refreshUntil(g.Session, now),
		}}}, nil
	})
	return s.issued(ctx, out, replayed, err)
}

// proves says whether verifier is what challenge was made from (RFC 7636, S256), which is 43 to 128 characters.
func proves(verifier, challenge string) bool {
	sum := sha256.Sum256([]byte(verifier))
	got := base64.RawURLEncoding.EncodeToString(sum[:])
	return len(verifier) >= 43 && len(verifier) <= 128 && subtle.ConstantTimeCompare([]byte(got), []byte(challenge)) == 1
}

// refreshUntil is when a refresh token made now expires: never after its session can.
func refreshUntil(session Session, now time.Time) time.Time {
	until, last := now.Add(refreshLife), session.SignedIn.Add(SessionLife)
	if last.Before(until) {
		return last
	}
	return until
}

// TradeRefresh trades a refresh token for the next one. Within the grace it may be traded again, because two tabs of
// one browser do so at once; after it, a token that comes again has been stolen, and its session ends. RFC 9700
// describes it in 4.14.2.
func (s *Service) TradeRefresh(ctx context.Context, client, token string, scopes []string) (Issued, error) {
	key, now, secret := DigestOf(token), beep.Now(), newSecret()
	var out Issued
	reused := false
	err := s.store.ChangeGrant(ctx, key, func(g Grant) (Change, error) {
		out, reused = Issued{}, false
		r := g.Refresh
		good := r.Token == key && r.Client == client && now.Before(r.Expires) && g.Session.Lives(now)
		if !good || !within(scopes, r.Scopes) {
			return Change{}, ErrGrant
		}
		if reused = r.reused(now); reused {
			return Change{End: now}, nil
		}
		out = Issued{User: g.User, Session: g.Session, Client: client, Scopes: r.Scopes, Proven: g.Session.Proven, Refresh: secret}
		if len(scopes) > 0 {
			out.Scopes = scopes
		}
		// With all the scopes that were granted: fewer are asked for once and not given up (RFC 6749, 6).
		return Change{Trade: true, Refresh: r.traded(now), Issue: []Refresh{{
			Token: DigestOf(secret), Family: r.Family, Session: r.Session, Client: client, Scopes: r.Scopes,
			Created: now, Expires: refreshUntil(g.Session, now),
		}}}, nil
	})
	out, err = s.issued(ctx, out, reused, err)
	if err != nil {
		return Issued{}, err
	}
	return out, s.touch(ctx, out.Session)
}

// within says whether each of the scopes asked for was granted.
func within(asked, granted []string) bool {
	return !slices.ContainsFunc(asked, func(scope string) bool { return !slices.Contains(granted, scope) })
}

// reused says whether a token that comes now was traded before, by someone else than another tab.
func (r Refresh) reused(now time.Time) bool {
	return !r.Rotated.IsZero() && (now.Sub(r.Rotated) > grace || r.Trades >= graceTrades)
}

// traded is the token after one more trade; the grace counts from the first.
func (r Refresh) traded(now time.Time) Refresh {
	if r.Rotated.IsZero() {
		r.Rotated = now
	}
	r.Trades++
	return r
}

// issued is the end of a trade. A theft is answered like a token that never was: the thief learns nothing from it.
func (s *Service) issued(ctx context.Context, out Issued, stolen bool, err error) (Issued, error) {
	if errors.Is(err, beep.ErrNotFound) {
		return Issued{}, ErrGrant
	}
	if err != nil {
		return Issued{}, err
	}
	if stolen {
		s.log.WarnContext(ctx, "grant used twice, session ended")
		s.announce(ctx)
		return Issued{}, ErrGrant
	}
	out.Expires = beep.Now().Add(TokenLife)
	return out, nil
}

// RevokeToken ends the session that a client's refresh or access token belongs to. A token that is worth nothing is
// revoked already. RFC 7009 wants that in 2.2.
func (s *Service) RevokeToken(ctx context.Context, client, token string) error {
	key, now := DigestOf(token), beep.Now()
	err := s.store.ChangeGrant(ctx, key, func(g Grant) (Change, error) {
		if g.Refresh.Token != key || g.Refresh.Client != client {
			return Change{}, ErrGrant
		}
		return Change{End: now}, nil
	})
	switch {
	case err == nil:
		s.announce(ctx)
		return nil
	case !errors.Is(err, beep.ErrNotFound) && !errors.Is(err, ErrGrant):
		return err
	}
	// An access token then, perhaps: those are kept nowhere, and name their session themselves.
	got, err := s.Introspect(ctx, token)
	if err != nil || !got.Active || got.Client != client {
		return err
	}
	return s.EndSession(ctx, got.Session.ID)
}

// Introspection is what a token is worth now.
type Introspection struct {
	Active  bool
	User    User
	Session Session
	oidc.Claims
}

// Introspect says what an access token is worth now. A bad token is an answer, not an error. The signature is checked
// before the store is asked, so what we have not signed costs no look there.
func (s *Service) Introspect(ctx context.Context, token string) (Introspection, error) {
	keys, err := s.knownKeys(ctx)
	if err != nil {
		return Introspection{}, err
	}
	claims, err := keys.Verify(token, oidc.Expect{Issuer: s.issuer, Audience: Audience}, time.Now())
	if err != nil {
		return Introspection{}, nil //nolint:nilerr // what the token lacks is the answer, and the caller's only
	}
	id, err := parseSession(claims.Session)
	if err != nil {
		return Introspection{}, nil //nolint:nilerr // as above
	}
	session, user, err := s.store.SessionOf(ctx, id, Identity{BuiltIn, claims.Subject})
	if errors.Is(err, beep.ErrNotFound) || (err == nil && !session.Lives(beep.Now())) {
		return Introspection{}, nil
	}
	if err != nil {
		return Introspection{}, err
	}
	return Introspection{Active: true, User: user, Session: session, Claims: claims}, nil
}

func parseSession(s string) (beep.SessionID, error) {
	var id beep.SessionID
	err := id.UnmarshalText([]byte(s))
	return id, err
}
