package provider_test

import (
	"context"
	"encoding/json"
	"errors"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/beep-chat/beep/kit/bus"
	"github.com/beep-chat/beep/users"
	"github.com/beep-chat/beep/users/provider"
	"github.com/beep-chat/beep/users/sqlstore"
)

// site is a provider on a free loopback port.
type site struct {
	*users.Service
	URL   string
	store *sqlstore.Store
	bus   *bus.Memory
}

type siteOptions struct {
	deps     func(*users.Deps)
	provider provider.Options
}

func newSite(t *testing.T, change func(*siteOptions)) *site {
	t.Helper()
	var lc net.ListenConfig
	listener, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	s := &site{URL: "http://" + listener.Addr().String(), bus: bus.NewMemory()}
	s.store, err = sqlstore.Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "users.db"))
	must(t, err)
	deps := users.Deps{Store: s.store, Bus: s.bus, PublicURL: s.URL, Cost: users.Cost{MemoryKiB: 8, Passes: 1, Threads: 1}}
	var o siteOptions
	if change != nil {
		change(&o)
	}
	if o.deps != nil {
		o.deps(&deps)
	}
	s.Service, err = users.New(deps)
	must(t, err)
	p, err := provider.New(s.Service, o.provider)
	must(t, err)
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: p.Handler(), ReadHeaderTimeout: time.Minute}}
	server.Start()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 2)
	go func() { done <- s.Run(ctx) }()
	go func() { done <- s.bus.Run(ctx) }()
	t.Cleanup(func() {
		server.Close()
		stop()
		if err := errors.Join(<-done, <-done, s.store.Close()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// browser keeps cookies, follows redirects within the site, and stops where the client would take over.
type browser struct {
	t    *testing.T
	site *site
	http *http.Client
	lang string
}

func (s *site) browser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, err)
	return &browser{t: t, site: s, lang: "en", http: &http.Client{
		Jar: jar,
		CheckRedirect: func(r *http.Request, _ []*http.Request) error {
			if !strings.HasPrefix(r.URL.Path, "/oidc/") {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}}
}

// screen is what a browser shows.
type screen struct {
	b      *browser
	status int
	header http.Header
	url    *url.URL // of the page, or where the browser was sent when it left the site
	html   string
}

func (b *browser) do(r *http.Request) screen {
	b.t.Helper()
	r.Header.Set("Accept-Language", b.lang)
	resp, err := b.http.Do(r)
	must(b.t, err)
	defer func() { must(b.t, resp.Body.Close()) }()
	body, err := io.ReadAll(resp.Body)
	must(b.t, err)
	at := resp.Request.URL
	if to, err := resp.Location(); err == nil {
		at = to
	}
	return screen{b: b, status: resp.StatusCode, header: resp.Header, url: at, html: string(body)}
}

func (b *browser) open(address string) screen {
	b.t.Helper()
	if !strings.HasPrefix(address, "http") {
		address = b.site.URL + address
	}
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, address, http.NoBody)
	must(b.t, err)
	return b.do(r)
}

var (
	formIn   = regexp.MustCompile(`(?s)<form method="post" action="([^"]*)".*?</form>`)
	inputIn  = regexp.MustCompile(`<input [^>]*>`)
	attrIn   = regexp.MustCompile(`([a-z-]+)="([^"]*)"`)
	buttonIn = regexp.MustCompile(`<button [^>]*value="([^"]*)"`)
	tagIn    = regexp.MustCompile(`<[^>]*>`)
	titleIn  = regexp.MustCompile(`<h1>(.*?)</h1>`)
)

func (s screen) title() string {
	m := titleIn.FindStringSubmatch(s.html)
	if m == nil {
		return ""
	}
	return html.UnescapeString(m[1])
}

// text is the page without its tags.
func (s screen) text() string {
	_, body, _ := strings.Cut(s.html, "<body")
	_, body, _ = strings.Cut(body, ">")
	return strings.Join(strings.Fields(html.UnescapeString(tagIn.ReplaceAllString(body, " "))), " ")
}

// inputs are the attributes of the form's inputs, by name.
func (s screen) inputs() map[string]map[string]string {
	inputs := map[string]map[string]string{}
	for _, in := range inputIn.FindAllString(formIn.FindString(s.html), -1) {
		attrs := map[string]string{}
		for _, a := range attrIn.FindAllStringSubmatch(in, -1) {
			attrs[a[1]] = html.UnescapeString(a[2])
		}
		inputs[attrs["name"]] = attrs
	}
	return inputs
}

// request is the form's POST with its hidden and given values; values are pairs of name and value.
func (s screen) request(values ...string) *http.Request {
	s.b.t.Helper()
	form := formIn.FindStringSubmatch(s.html)
	if form == nil {
		s.b.t.Fatalf("no form on %q (%d %s): %s", s.title(), s.status, s.url, s.text())
	}
	body := url.Values{}
	for name, attrs := range s.inputs() {
		body.Set(name, attrs["value"])
	}
	if m := buttonIn.FindStringSubmatch(form[0]); m != nil {
		body.Set("do", m[1])
	}
	for i := 0; i+1 < len(values); i += 2 {
		body.Set(values[i], values[i+1])
	}
	r, err := http.NewRequestWithContext(s.b.t.Context(), http.MethodPost, s.b.site.URL+html.UnescapeString(form[1]), strings.NewReader(body.Encode()))
	must(s.b.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", s.b.site.URL)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return r
}

func (s screen) submit(values ...string) screen {
	s.b.t.Helper()
	return s.b.do(s.request(values...))
}

// want fails unless the page has that title and status.
func (s screen) want(status int, title string) screen {
	s.b.t.Helper()
	if s.status != status || s.title() != title {
		s.b.t.Fatalf("%s shows %d %q, want %d %q: %s", s.url, s.status, s.title(), status, title, s.text())
	}
	return s
}

// letters reads the mailbox until there are n for an address.
func (s *site) letters(t *testing.T, to string, n int) []string {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for time.Now().Before(deadline) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/oidc/mailbox?format=json&to="+url.QueryEscape(to), http.NoBody)
		must(t, err)
		resp, err := http.DefaultClient.Do(r)
		must(t, err)
		var box struct {
			Letters []struct{ To, Subject, Text, At string }
		}
		err = json.NewDecoder(resp.Body).Decode(&box)
		must(t, errors.Join(err, resp.Body.Close()))
		if len(box.Letters) >= n {
			var texts []string
			for _, l := range box.Letters {
				texts = append(texts, l.Text)
			}
			return texts
		}
		<-tick.C
	}
	t.Fatalf("fewer than %d letters to %s", n, to)
	return nil
}

var (
	codeIn = regexp.MustCompile(`\b\d{6}\b`)
	linkIn = regexp.MustCompile(`http://\S+link=\S+`)
)

const password = "correct horse battery"

// app is the web client, played by a library that shares no code with the provider.
type app struct {
	t        *testing.T
	site     *site
	provider *oidc.Provider
	config   oauth2.Config
	verifier string
	state    string
	nonce    string
}

func (s *site) app(t *testing.T) *app {
	t.Helper()
	p, err := oidc.NewProvider(t.Context(), s.URL)
	must(t, err)
	return &app{
		t: t, site: s, provider: p, verifier: oauth2.GenerateVerifier(), state: "state-" + oauth2.GenerateVerifier(), nonce: "nonce-" + oauth2.GenerateVerifier(),
		config: oauth2.Config{
			ClientID: provider.WebClient, Endpoint: p.Endpoint(), RedirectURL: s.URL + "/callback",
			Scopes: []string{oidc.ScopeOpenID, "profile", "email", oidc.ScopeOfflineAccess},
		},
	}
}

// authorize is the address where a sign-in begins; extra are pairs of parameters, empty ones taken away.
func (a *app) authorize(extra ...string) string {
	u, err := url.Parse(a.config.AuthCodeURL(a.state, oauth2.S256ChallengeOption(a.verifier), oidc.Nonce(a.nonce)))
	must(a.t, err)
	q := u.Query()
	for i := 0; i+1 < len(extra); i += 2 {
		if q.Set(extra[i], extra[i+1]); extra[i+1] == "" {
			q.Del(extra[i])
		}
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// code is what the callback got.
func (a *app) code(s screen) string {
	a.t.Helper()
	q := s.url.Query()
	if s.url.Path != "/callback" || q.Get("state") != a.state || q.Get("code") == "" {
		a.t.Fatalf("not back at the client with a code: %d %s %q: %s", s.status, s.url, s.title(), s.text())
	}
	return q.Get("code")
}

// tokens trades the code of the callback, and checks the ID token as a client must.
func (a *app) tokens(s screen) (*oauth2.Token, *oidc.IDToken) {
	a.t.Helper()
	token, err := a.config.Exchange(a.t.Context(), a.code(s), oauth2.VerifierOption(a.verifier))
	must(a.t, err)
	return token, a.idToken(token)
}

func (a *app) idToken(token *oauth2.Token) *oidc.IDToken {
	a.t.Helper()
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		a.t.Fatal("no ID token")
	}
	id, err := a.provider.Verifier(&oidc.Config{ClientID: provider.WebClient}).Verify(a.t.Context(), raw)
	must(a.t, err)
	must(a.t, id.VerifyAccessToken(token.AccessToken))
	return id
}

// post calls an endpoint of the protocol.
func (s *site) post(t *testing.T, path string, values ...string) (status int, answer map[string]any, header http.Header) {
	t.Helper()
	body := url.Values{}
	for i := 0; i+1 < len(values); i += 2 {
		body.Set(values[i], values[i+1])
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+path, strings.NewReader(body.Encode()))
	must(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return send(t, r)
}

func send(t *testing.T, r *http.Request) (status int, answer map[string]any, header http.Header) {
	t.Helper()
	resp, err := http.DefaultClient.Do(r)
	must(t, err)
	raw, err := io.ReadAll(resp.Body)
	must(t, errors.Join(err, resp.Body.Close()))
	if len(raw) > 0 && strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		must(t, json.Unmarshal(raw, &answer))
	}
	return resp.StatusCode, answer, resp.Header
}

// join goes through sign-up in a browser and answers where it ends.
func (b *browser) join(a *app, name string) screen {
	b.t.Helper()
	email := name + "@example.org"
	page := b.open(a.authorize("prompt", "create")).want(http.StatusOK, "Create an account")
	page = page.submit("username", name, "email", email, "password", password).want(http.StatusOK, "Confirm your e-mail")
	return page.submit("code", codeIn.FindString(b.site.letters(b.t, email, 1)[0]))
}

// signIn signs in from an authorization request.
func (b *browser) signIn(a *app, name string, extra ...string) screen {
	b.t.Helper()
	return b.open(a.authorize(extra...)).want(http.StatusOK, "Sign in").submit("email", name+"@example.org", "password", password)
}

// try asks for a password reset as the proxy or stranger on this machine would pass it on, and answers the status.
func (s *site) try(t *testing.T, email, forwarded string) int {
	t.Helper()
	b := s.browser(t)
	// Over the issuer's own name the cookies would not come along, so they are carried by hand.
	page := b.open("/oidc/forgot")
	r := page.request("email", email)
	r.Header.Set("Origin", s.Issuer())
	r.Header.Set("X-Forwarded-For", forwarded)
	return b.do(r).status
}

// forget takes back what was counted against anyone.
func (s *site) forget(t *testing.T) error {
	t.Helper()
	_, err := s.store.DB().Exec(t.Context(), "DELETE FROM attempts")
	return err
}

// post takes every letter and keeps none.
type post struct{}

func (post) Send(context.Context, users.Letter) error { return nil }

// serve answers one request without a network.
func serve(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func readCloser(s string) io.ReadCloser { return io.NopCloser(strings.NewReader(s)) }

// fuzzHandler is a provider for fuzzing.
func fuzzHandler(f *testing.F) http.Handler {
	f.Helper()
	store, err := sqlstore.Open(f.Context(), "sqlite://"+filepath.Join(f.TempDir(), "users.db"))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = store.Close() })
	service, err := users.New(users.Deps{Store: store, Bus: bus.NewMemory(), PublicURL: "http://127.0.0.1:8080", Cost: users.Cost{MemoryKiB: 8, Passes: 1, Threads: 1}})
	if err != nil {
		f.Fatal(err)
	}
	p, err := provider.New(service, provider.Options{})
	if err != nil {
		f.Fatal(err)
	}
	return p.Handler()
}
