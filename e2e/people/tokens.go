package people

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

const (
	// ClientID is Beep's own web client.
	ClientID = "beep-web"

	scopes      = "openid profile email offline_access"
	callTimeout = 30 * time.Second
	maxAnswer   = 1 << 20
	// renewBefore the end of a token, as the web client does.
	renewBefore = 30 * time.Second
	// A mail goes out within a second. The rest is for a machine that has other suites to run.
	mailWithin = 20 * time.Second
)

// provider is what the discovery document says.
type provider struct {
	Issuer        string `json:"issuer"`
	Authorization string `json:"authorization_endpoint"`
	Token         string `json:"token_endpoint"`
	EndSession    string `json:"end_session_endpoint"`
	// Where the client is registered to be sent back to; the document does not say it.
	redirect string
}

// discover asks where everything is, as any OpenID client does: nothing but the base is known beforehand.
func discover(ctx context.Context, c *http.Client, base string) (provider, error) {
	var p provider
	if err := fetch(ctx, c, base+"/.well-known/openid-configuration", &p); err != nil {
		return p, err
	}
	p.redirect = p.Issuer + "/callback"
	return p, nil
}

// fetch gets a JSON document.
func fetch(ctx context.Context, c *http.Client, address string, out any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return err
	}
	return answer(c, r, out)
}

func answer(c *http.Client, r *http.Request, out any) error {
	resp, err := c.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return &RefusedError{Path: r.URL.Path, Status: resp.StatusCode, Body: string(raw)}
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return fmt.Errorf("%s answers %.200q: %w", r.URL.Path, raw, err)
	}
	return nil
}

// RefusedError is an answer of the provider other than 200.
type RefusedError struct {
	Path   string
	Status int
	Body   string
}

// Error says who answered what.
func (r *RefusedError) Error() string {
	return fmt.Sprintf("%s answers %d %.300q", r.Path, r.Status, r.Body)
}

// attempt is one authorization request.
type attempt struct {
	provider               provider
	state, nonce, verifier string
}

// newAttempt makes what ties the answer to this attempt. A verifier has 43 to 128 characters (RFC 7636, 4.1), and one
// Text has 26.
func newAttempt(p provider) attempt {
	return attempt{provider: p, state: rand.Text(), nonce: rand.Text(), verifier: rand.Text() + rand.Text()}
}

// address is where the attempt starts.
func (a attempt) address() string {
	sum := sha256.Sum256([]byte(a.verifier))
	return a.provider.Authorization + "?" + url.Values{
		"client_id": {ClientID}, "redirect_uri": {a.provider.redirect}, "response_type": {"code"}, "scope": {scopes},
		"state": {a.state}, "nonce": {a.nonce},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}.Encode()
}

// finish trades the code that the last redirect carries.
func (a attempt) finish(ctx context.Context, c *http.Client, at *page) (tokens, error) {
	if !at.home {
		return tokens{}, fmt.Errorf("the provider is not done: %s", at)
	}
	q := at.url.Query()
	// With another state it is the answer to somebody else's attempt.
	if q.Get("state") != a.state {
		return tokens{}, errors.New("the provider came back with another state")
	}
	if q.Get("code") == "" {
		return tokens{}, fmt.Errorf("the provider came back with %s", q.Get("error"))
	}
	return a.provider.trade(ctx, c, url.Values{
		"grant_type": {"authorization_code"}, "code": {q.Get("code")}, "redirect_uri": {a.provider.redirect}, "code_verifier": {a.verifier},
	})
}

// tokens are what a trade gives.
type tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	ID      string `json:"id_token"`
	Seconds int    `json:"expires_in"`
	expires time.Time
}

func (p provider) trade(ctx context.Context, c *http.Client, grant url.Values) (tokens, error) {
	grant.Set("client_id", ClientID)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.Token, strings.NewReader(grant.Encode()))
	if err != nil {
		return tokens{}, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	// From before the question on, so that a slow answer makes the token's life shorter and never longer.
	asked := time.Now()
	var t tokens
	if err := answer(c, r, &t); err != nil {
		return tokens{}, err
	}
	t.expires = asked.Add(time.Duration(t.Seconds) * time.Second)
	return t, nil
}

// endSession brings the ID token along, so that the provider need not ask whether it is meant.
func (p provider) endSession(hint string) string {
	return p.EndSession + "?" + url.Values{
		"client_id": {ClientID}, "id_token_hint": {hint}, "post_logout_redirect_uri": {p.Issuer + "/"},
	}.Encode()
}

// Token is an access token with some life left.
func (p *Person) Token(ctx context.Context) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Until(p.tokens.expires) > renewBefore {
		return p.tokens.Access, nil
	}
	if err := p.refreshLocked(ctx); err != nil {
		return "", err
	}
	return p.tokens.Access, nil
}

// Refresh trades the refresh token for new tokens and answers the one traded, which is worth nothing any more.
func (p *Person) Refresh(ctx context.Context) (old string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	old = p.tokens.Refresh
	return old, p.refreshLocked(ctx)
}

func (p *Person) refreshLocked(ctx context.Context) error {
	t, err := p.provider.trade(ctx, p.http, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {p.tokens.Refresh}})
	if err != nil {
		return fmt.Errorf("refresh the token of %s: %w", p.Name, err)
	}
	// A provider that does not rotate them cannot tell when one was stolen.
	if t.Refresh == "" || t.Refresh == p.tokens.Refresh {
		return errors.New("the refresh token was not rotated")
	}
	// It may be left out of the answer to a refresh (OpenID Connect Core, 12.2).
	if t.ID == "" {
		t.ID = p.tokens.ID
	}
	p.tokens = t
	return nil
}

// Replay trades a refresh token as somebody would who has stolen it; what comes of it is not kept.
func (p *Person) Replay(ctx context.Context, refresh string) error {
	_, err := p.provider.trade(ctx, p.http, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}})
	return err
}

// OtherTokens are what this browser holds besides its access token, by name. None of them is one.
func (p *Person) OtherTokens() map[string]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return map[string]string{"refresh token": p.tokens.Refresh, "ID token": p.tokens.ID}
}

// Cookies are those that this browser sends to an address.
func (p *Person) Cookies(u *url.URL) []*http.Cookie { return p.browser.http.Jar.Cookies(u) }

// Secrets are what no log may ever hold of this person.
func (p *Person) Secrets() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return []string{p.Password, p.Email, p.tokens.Access, p.tokens.Refresh, p.tokens.ID}
}

// mailbox is what the mailbox page says to programs, newest first.
type mailbox struct {
	Letters []letter `json:"letters"`
}

type letter struct {
	To      string `json:"to"`
	Subject string `json:"subject"`
	Text    string `json:"text"`
}

// sixDigits is the code, which the subject says, so that it can be read without opening the mail.
var sixDigits = regexp.MustCompile(`\b\d{6}\b`)

// mailedCode waits for the mail with the code that confirms this person's address.
func (p *Person) mailedCode(ctx context.Context) (string, error) {
	return p.mailed(ctx, func(l letter) string { return sixDigits.FindString(l.Subject) })
}

// mailed waits for a letter to this person in which find finds something.
func (p *Person) mailed(ctx context.Context, find func(letter) string) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, mailWithin, errNoMail)
	defer cancel()
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for {
		var box mailbox
		if err := fetch(ctx, p.http, p.base+"/oidc/mailbox?"+url.Values{"format": {"json"}, "to": {p.Email}}.Encode(), &box); err != nil {
			return "", err
		}
		for _, l := range box.Letters { // newest first
			if found := find(l); found != "" && strings.EqualFold(l.To, p.Email) {
				return found, nil
			}
		}
		select {
		case <-ctx.Done():
			return "", context.Cause(ctx)
		case <-tick.C:
		}
	}
}
