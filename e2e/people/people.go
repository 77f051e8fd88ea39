// Package people gives tests people: they sign up, confirm their address and sign in on the pages of the OpenID
// Provider, as in a browser without scripts, and hold the tokens that Beep's own client would. Nothing here knows
// more of Beep than what a browser is told.
//
// Start with SignUp; a Person's API and Socket speak for that person.
package people

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	usersv1 "github.com/beep-chat/beep/api/beep/users/v1"
	"github.com/beep-chat/beep/client"
)

// Person is somebody with an account, signed in with one browser. Safe for concurrent use.
type Person struct {
	ID       uint64
	Name     string // the username
	Email    string
	Password string

	base     string
	provider provider
	browser  *browser
	http     *http.Client

	mu     sync.Mutex // guards tokens; held over a refresh, so that there is one at a time
	tokens tokens
}

// SignUp makes an account with a username that starts with name, confirms its address from the mailbox of the
// installation at base, and signs in.
func SignUp(ctx context.Context, base, name string) (*Person, error) {
	// The rest keeps people of one name apart over the whole life of an installation.
	name = fmt.Sprintf("%s-%s", strings.ToLower(name), strings.ToLower(rand.Text()[:8]))
	p := &Person{Name: name, Email: name + "@example.org", Password: "tide " + rand.Text(), base: base}
	err := p.signedIn(ctx, func(ctx context.Context, at *page) (*page, error) { return p.signUp(ctx, at) })
	if err != nil {
		return nil, fmt.Errorf("sign %s up: %w", name, err)
	}
	return p, nil
}

// SignIn signs the same person in with another browser, which is a session of its own.
func (p *Person) SignIn(ctx context.Context) (*Person, error) {
	other := &Person{Name: p.Name, Email: p.Email, Password: p.Password, base: p.base}
	err := other.signedIn(ctx, func(ctx context.Context, at *page) (*page, error) {
		return other.fill(ctx, at, map[string]string{"email": p.Email, "password": p.Password})
	})
	if err != nil {
		return nil, fmt.Errorf("sign %s in: %w", p.Name, err)
	}
	return other, nil
}

// signedIn goes to the provider with a new browser; pages leads from its sign-in page to where it sends people who
// are signed in.
func (p *Person) signedIn(ctx context.Context, pages func(context.Context, *page) (*page, error)) error {
	// Connections of its own: people share none, as browsers do not.
	p.http = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute}, Timeout: callTimeout}
	var err error
	if p.provider, err = discover(ctx, p.http, p.base); err != nil {
		return err
	}
	if p.browser, err = newBrowser(p.provider.redirect); err != nil {
		return err
	}
	// The pages come over the same connections as the API: it is one program that speaks to both.
	p.browser.http.Transport = p.http.Transport
	attempt := newAttempt(p.provider)
	at, err := p.browser.open(ctx, attempt.address())
	if err != nil {
		return err
	}
	if at, err = pages(ctx, at); err != nil {
		return err
	}
	if p.tokens, err = attempt.finish(ctx, p.http, at); err != nil {
		return err
	}
	me := &usersv1.User{}
	if err := p.ask(ctx, "/api/users/@me", me); err != nil {
		return fmt.Errorf("who am I: %w", err)
	}
	p.ID = me.GetId()
	return nil
}

// ask reads, again where the answer is only that there is none yet: an installation that has just started, or whose
// parts are being killed, says so, and whoever signs up then is no test of that.
func (p *Person) ask(ctx context.Context, path string, out proto.Message) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	again := time.NewTicker(250 * time.Millisecond)
	defer again.Stop()
	for {
		err := p.API().Call(ctx, http.MethodGet, path, nil, out)
		if !client.Unknown(err) {
			return err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return err
		}
	}
}

// signUp goes from the sign-in page over the form and the mail to the end.
func (p *Person) signUp(ctx context.Context, at *page) (*page, error) {
	at, err := p.browser.follow(ctx, at, "sign-up")
	if err != nil {
		return nil, err
	}
	at, err = p.fill(ctx, at, map[string]string{"username": p.Name, "email": p.Email, "password": p.Password})
	if err != nil {
		return nil, err
	}
	if !at.has("code") {
		return nil, fmt.Errorf("no code is asked for on %s", at)
	}
	code, err := p.mailedCode(ctx)
	if err != nil {
		return nil, err
	}
	return p.fill(ctx, at, map[string]string{"code": code})
}

// fill fills in the form with these fields and submits it.
func (p *Person) fill(ctx context.Context, at *page, fields map[string]string) (*page, error) {
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	f, err := at.form(names...)
	if err != nil {
		return nil, err
	}
	for name, value := range fields {
		f.values.Set(name, value)
	}
	return p.browser.submit(ctx, at, f)
}

// API calls the REST API as this person.
func (p *Person) API() *client.API { return p.At(p.base) }

// At calls the REST API of another gateway of the installation.
func (p *Person) At(base string) *client.API {
	return &client.API{Base: base, Token: p.Token, HTTP: p.http}
}

// Socket is a socket of this person, not yet connected.
func (p *Person) Socket(url string) *client.Socket {
	return &client.Socket{URL: url, Token: p.Token}
}

// SignOut ends this browser's session at the provider.
func (p *Person) SignOut(ctx context.Context) error {
	p.mu.Lock()
	hint := p.tokens.ID
	p.mu.Unlock()
	at, err := p.browser.open(ctx, p.provider.endSession(hint))
	if err != nil {
		return fmt.Errorf("sign %s out: %w", p.Name, err)
	}
	if at.status >= http.StatusBadRequest {
		return fmt.Errorf("sign %s out: %s", p.Name, at)
	}
	return nil
}

var errNoMail = errors.New("no mail yet")
