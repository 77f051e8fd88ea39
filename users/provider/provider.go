// Package provider is the built-in OpenID Provider: the protocol's endpoints and the pages on which people sign up,
// sign in, and look after their password. It translates between HTTP and users.Service and holds no rule of its own.
//
// The pages are plain HTML: they need no script, and their policy allows none. Start with New; server.go has the
// protocol, pages.go what all pages share.
//
// An authorization request that cannot be answered at once waits in the store, and the pages carry its id along. Each
// page ends in next, which goes by what the request still lacks and not by the page it was called from: so it makes no
// difference in which order, in how many tabs or by which link somebody comes to have done it all.
package provider

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"hash/fnv"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/beep-chat/beep/kit/rest"
	"github.com/beep-chat/beep/users"
)

// WebClient is the id of Beep's own web client, the one client that people sign in to.
const WebClient = "beep-web"

// Where the endpoints are, below the issuer.
const (
	pathAuthorize  = "/oidc/authorize"
	pathToken      = "/oidc/token"
	pathUserinfo   = "/oidc/userinfo"
	pathKeys       = "/oidc/keys"
	pathRevoke     = "/oidc/revoke"
	pathEndSession = "/oidc/end-session"
	pathDiscovery  = "/.well-known/openid-configuration"
)

// Options of a Provider.
type Options struct {
	// Proxies are believed about whom a request comes from (X-Forwarded-For); nobody else is.
	Proxies []netip.Prefix
	// Gateway says that only our own gateway can connect: it is believed about whom its requests come from, but not
	// what that one claims.
	Gateway bool
	// Log hears of faults.
	Log *slog.Logger
}

// Provider serves the OpenID endpoints and pages of one users.Service.
type Provider struct {
	users   *users.Service
	opts    Options
	client  *client
	pages   *pages
	handler http.Handler
	secure  bool   // the issuer is https
	suffix  string // tells the cookies of two installations on one host apart
}

// New makes a Provider.
func New(service *users.Service, opts Options) (*Provider, error) {
	if service == nil {
		return nil, errors.New("provider: no users service")
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	issuer, err := url.Parse(service.Issuer())
	if err != nil {
		return nil, err
	}
	pages, err := loadPages()
	if err != nil {
		return nil, err
	}
	// Browsers do not tell the cookies of two ports apart (RFC 6265, 8.5): two installations on this machine would sign
	// each other out.
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(service.Issuer())) // never fails
	p := &Provider{
		users: service, opts: opts, pages: pages, secure: issuer.Scheme == "https",
		suffix: strconv.FormatUint(uint64(sum.Sum32()), 36),
		client: &client{
			redirects: []string{service.Issuer() + "/callback"},
			// Compared to the letter, and written by people with and without the slash.
			postLogouts: []string{service.Issuer() + "/", service.Issuer()},
		},
	}
	p.handler = p.routes()
	return p, nil
}

// Handler serves /.well-known/openid-configuration and everything below /oidc/.
func (p *Provider) Handler() http.Handler { return p.handler }

func (p *Provider) routes() http.Handler {
	endpoints := op.Endpoints{
		Authorization: op.NewEndpoint(pathAuthorize), Token: op.NewEndpoint(pathToken), Userinfo: op.NewEndpoint(pathUserinfo),
		Revocation: op.NewEndpoint(pathRevoke), EndSession: op.NewEndpoint(pathEndSession), JwksURI: op.NewEndpoint(pathKeys),
	}
	// There is no introspection: Beep's own services ask over gRPC, and there are no others.
	// No page of another origin has any business here, so there are no CORS headers.
	protocol := op.RegisterServer(&server{p: p, endpoints: endpoints}, endpoints, op.WithServerCORSOptions(nil))

	mux := http.NewServeMux()
	for _, path := range []string{pathDiscovery, pathKeys} {
		mux.Handle("GET "+path, cached(protocol))
	}
	for _, path := range []string{pathToken, pathRevoke} {
		mux.Handle("POST "+path, formOnly(protocol))
		mux.HandleFunc("GET "+path, postOnly)
	}
	// OpenID Connect Core wants both methods (5.3).
	mux.Handle("GET "+pathUserinfo, bearerOnly(protocol))
	mux.Handle("POST "+pathUserinfo, bearerOnly(protocol))
	// As here (3.1.2.1).
	for _, path := range []string{pathAuthorize, pathEndSession} {
		mux.Handle("GET "+path, p.person(protocol))
		mux.Handle("POST "+path, p.person(protocol))
	}
	p.routePages(mux)
	return p.headers(mux)
}

// headers are those of every answer; pages and files that differ say so themselves.
func (p *Provider) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		// In a frame of another site people would press what they do not see.
		h.Set("X-Frame-Options", "DENY")
		// Not no-referrer: with it browsers send forms of our own pages with the Origin "null".
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

const (
	maxBody = 64 << 10
	// maxQuery is more than any request of a client of ours, and less than what would be dear to keep.
	maxQuery = 8 << 10
)

// The cookies. On https their prefix keeps other hosts of the domain from setting them.
func (p *Provider) cookieName(what string) string {
	if p.secure {
		return "__Host-beep-" + what
	}
	return "beep-" + what + "-" + p.suffix
}

// setCookie sets Lax and not Strict: a link from another site to something in Beep goes through authorize, which has
// to see who is signed in.
func (p *Provider) setCookie(w http.ResponseWriter, what, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // it is Secure wherever the site is
		Name: p.cookieName(what), Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, Secure: p.secure, SameSite: http.SameSiteLaxMode,
	})
}

const (
	cookieBrowser = "browser" // who this browser is, before anyone has signed in with it
	cookieSession = "session" // the secret of the session
	yearSeconds   = 365 * 24 * 60 * 60
	noCookie      = -1

	// sessionSeconds is as long as any session can live. How long this one does is the service's to say, and grows while
	// it is used, mostly by tokens that are traded far from any page of ours: a cookie that went first would end it here.
	sessionSeconds = int(users.SessionLife / time.Second)
)

// cookie is the value of a cookie of ours, empty if there is none.
func (p *Provider) cookie(h http.Header, what string) string {
	// The library hands on headers, and no request that could be asked.
	c, err := (&http.Request{Header: h}).Cookie(p.cookieName(what))
	if err != nil {
		return ""
	}
	return c.Value
}

// browser is this browser's own secret; one that has none gets one, in this request already.
func (p *Provider) browser(w http.ResponseWriter, r *http.Request) string {
	// A shorter one was not made here.
	if secret := p.cookie(r.Header, cookieBrowser); len(secret) >= 43 {
		return secret
	}
	var b [32]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never fails
	secret := base64.RawURLEncoding.EncodeToString(b[:])
	p.setCookie(w, cookieBrowser, secret, yearSeconds)
	r.AddCookie(&http.Cookie{Name: p.cookieName(cookieBrowser), Value: secret}) //nolint:gosec // into our own request, as if it had come
	return secret
}

// address is whom a request comes from.
func (p *Provider) address(r *http.Request) netip.Addr {
	return rest.ClientAddress(r, p.opts.Proxies, p.opts.Gateway)
}
