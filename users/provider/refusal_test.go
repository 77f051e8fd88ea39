package provider_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/users"
)

// What an authorization request must not be. Whatever is wrong with the redirect URI itself must not be told to it.
func TestAuthorize_Refuses(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	a, b := s.app(t), s.browser(t)
	a.tokens(b.join(a, "ann")) // someone is signed in, so that anything let through ends in a code
	base := s.URL + "/callback"
	tests := []struct {
		name  string
		extra []string
		want  string // the error that the client is told; "" for a page
	}{
		{"another client", []string{"client_id", "beep-other"}, ""},
		{"no client", []string{"client_id", ""}, ""},
		{"no redirect URI", []string{"redirect_uri", ""}, ""},
		{"a redirect URI with a suffix", []string{"redirect_uri", base + ".evil.example"}, ""},
		{"a redirect URI with a slash", []string{"redirect_uri", base + "/"}, ""},
		{"a redirect URI with a deeper path", []string{"redirect_uri", base + "/../evil"}, ""},
		{"a redirect URI with a query", []string{"redirect_uri", base + "?next=//evil.example"}, ""},
		{"a redirect URI with a fragment", []string{"redirect_uri", base + "#x"}, ""},
		{"a redirect URI in another case", []string{"redirect_uri", strings.ToUpper(base)}, ""},
		{"a redirect URI with a user", []string{"redirect_uri", strings.Replace(base, "http://", "http://evil@", 1)}, ""},
		{"our host as a user of another", []string{"redirect_uri", base + "@evil.example/callback"}, ""},
		{"a redirect URI at localhost", []string{"redirect_uri", strings.Replace(base, "127.0.0.1", "localhost", 1)}, ""},
		{"a redirect URI at another port", []string{"redirect_uri", "http://127.0.0.1:1/callback"}, ""},
		{"a redirect URI that is a script", []string{"redirect_uri", "javascript:alert(1)"}, ""},
		{"a redirect URI without a scheme", []string{"redirect_uri", "//evil.example/callback"}, ""},
		{"an encoded redirect URI", []string{"redirect_uri", url.QueryEscape(base)}, ""},
		{"no PKCE", []string{"code_challenge", "", "code_challenge_method", ""}, "invalid_request"},
		{"plain PKCE", []string{"code_challenge_method", "plain"}, "invalid_request"},
		{"PKCE without a method", []string{"code_challenge_method", ""}, "invalid_request"},
		{"PKCE with an unknown method", []string{"code_challenge_method", "S512"}, "invalid_request"},
		{"a challenge that is none", []string{"code_challenge", "short"}, "invalid_request"},
		{"no state", []string{"state", ""}, "invalid_request"},
		{"a state of a kilobyte and more", []string{"state", strings.Repeat("x", 1025)}, "invalid_request"},
		{"no nonce", []string{"nonce", ""}, "invalid_request"},
		{"no scope", []string{"scope", ""}, "invalid_request"},
		{"a scope without openid", []string{"scope", "profile email"}, "invalid_scope"},
		{"the implicit flow", []string{"response_type", "id_token token"}, "unauthorized_client"},
		{"the hybrid flow", []string{"response_type", "code id_token"}, "unauthorized_client"},
		{"no response type", []string{"response_type", ""}, "invalid_request"},
		{"a form as the answer", []string{"response_mode", "form_post"}, "invalid_request"},
		{"a request object", []string{"request", "e30.e30."}, "request_not_supported"},
		{"a request object elsewhere", []string{"request_uri", "https://evil.example/r"}, "request_not_supported"},
		{"none and another prompt", []string{"prompt", "none login"}, "invalid_request"},
		{"a hint that is not ours", []string{"id_token_hint", "e30.e30.x"}, "invalid_request"},
		{"a value that is no text", []string{"login_hint", "\xff"}, ""},
		{"a value with a zero", []string{"login_hint", "a\x00b"}, ""},
		{"a request of nine kilobytes", []string{"x", strings.Repeat("x", 9<<10)}, ""},
	}
	for _, tt := range tests {
		got := b.open(a.authorize(tt.extra...))
		switch {
		case tt.want == "":
			if got.status < 400 || got.status >= 500 || got.title() == "" || got.header.Get("Location") != "" {
				t.Errorf("%s: %d %q to %q, want a page", tt.name, got.status, got.title(), got.header.Get("Location"))
			}
		case got.url.Query().Get("error") != tt.want && !strings.Contains(got.url.Fragment, "error="+tt.want):
			t.Errorf("%s: %s, want %s", tt.name, got.url, tt.want)
		}
		if strings.Contains(got.url.String(), "code=") {
			t.Errorf("%s: a code was given: %s", tt.name, got.url)
		}
	}
	twice := b.open(a.authorize() + "&redirect_uri=" + url.QueryEscape("https://evil.example"))
	twice.want(http.StatusBadRequest, "This request is not in order")
}

// What the token endpoint must not take.
func TestToken_Refuses(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	a, b := s.app(t), s.browser(t)
	token, _ := a.tokens(b.join(a, "ann"))
	idToken, _ := token.Extra("id_token").(string)
	code := a.code(b.open(a.authorize()))
	trade := func(change ...string) []string {
		form := map[string]string{
			"grant_type": "authorization_code", "code": code, "client_id": "beep-web", "redirect_uri": s.URL + "/callback", "code_verifier": a.verifier,
		}
		for i := 0; i < len(change); i += 2 {
			form[change[i]] = change[i+1]
		}
		var values []string
		for name, value := range form {
			if value != "" {
				values = append(values, name, value)
			}
		}
		return values
	}
	tests := []struct {
		name   string
		form   []string
		status int
		want   string
	}{
		{"no grant", trade("grant_type", ""), 400, "invalid_request"},
		{"the password grant", trade("grant_type", "password", "username", "ann@example.org", "password", password), 400, "unsupported_grant_type"},
		{"client credentials", trade("grant_type", "client_credentials"), 400, "unauthorized_client"},
		{"a JWT as a grant", trade("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion", idToken), 400, "unsupported_grant_type"},
		{"token exchange", trade("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"), 400, "unauthorized_client"},
		{"another client", trade("client_id", "beep-other"), 401, "invalid_client"},
		{"no client", trade("client_id", ""), 400, "invalid_request"},
		{"a secret of a client that has none", trade("client_secret", "x"), 401, "invalid_client"},
		{"no code", trade("code", ""), 400, "invalid_request"},
		{"another code", trade("code", code+"x"), 400, "invalid_grant"},
		{"no redirect URI", trade("redirect_uri", ""), 400, "invalid_request"},
		{"another redirect URI", trade("redirect_uri", s.URL+"/"), 400, "invalid_grant"},
		{"no verifier", trade("code_verifier", ""), 400, "invalid_grant"},
		{"another verifier", trade("code_verifier", a.verifier+"x"), 400, "invalid_grant"},
		{"an access token as a refresh token", []string{"grant_type", "refresh_token", "client_id", "beep-web", "refresh_token", token.AccessToken}, 400, "invalid_grant"},
		{"a code as a refresh token", []string{"grant_type", "refresh_token", "client_id", "beep-web", "refresh_token", code}, 400, "invalid_grant"},
		{"a refresh token as a code", trade("code", token.RefreshToken), 400, "invalid_grant"},
		{"more scopes than were granted", []string{"grant_type", "refresh_token", "client_id", "beep-web", "refresh_token", token.RefreshToken, "scope", "openid admin"}, 400, "invalid_grant"},
		{"no refresh token", []string{"grant_type", "refresh_token", "client_id", "beep-web"}, 400, "invalid_request"},
	}
	for _, tt := range tests {
		status, answer, header := s.post(t, "/oidc/token", tt.form...)
		if status != tt.status || answer["error"] != tt.want || answer["access_token"] != nil || header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v, want %d %s", tt.name, status, answer, tt.status, tt.want)
		}
	}
	// None of it cost the code, nor the session.
	if status, answer, _ := s.post(t, "/oidc/token", trade()...); status != http.StatusOK || answer["access_token"] == nil {
		t.Errorf("the code afterwards: %d %v", status, answer)
	}
}

// Requests that are not what the endpoints of the protocol are for.
func TestEndpoints_RefuseOtherForms(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	form := "application/x-www-form-urlencoded"
	tests := []struct {
		method, path, media, body string
		status                    int
	}{
		{"GET", "/oidc/token?grant_type=refresh_token", "", "", 405},
		{"PUT", "/oidc/token", form, "grant_type=refresh_token", 405},
		{"POST", "/oidc/token", "text/plain", "grant_type=refresh_token", 415},
		{"POST", "/oidc/token", "application/json", "{}", 415},
		{"POST", "/oidc/token", "", "grant_type=refresh_token", 415},
		{"POST", "/oidc/token?grant_type=refresh_token", form, "client_id=beep-web", 400},
		{"POST", "/oidc/token", form, "grant_type=refresh_token&grant_type=authorization_code", 400},
		{"POST", "/oidc/token", form, "grant_type=%zz", 400},
		{"POST", "/oidc/token", form, "grant_type=%ff", 400},
		{"POST", "/oidc/token", form, "x=" + strings.Repeat("x", 65<<10), 400},
		{"GET", "/oidc/revoke?token=x", "", "", 405},
		{"POST", "/oidc/revoke", form, "token=x", 400},
		{"POST", "/oidc/revoke", form, "token=x&client_id=beep-other", 401},
		{"POST", "/oidc/revoke", form, "client_id=beep-web", 400},
		{"POST", "/oidc/revoke", form, "token=x&client_id=beep-web", 200},
		{"POST", "/oidc/introspect", form, "token=x", 405}, // no such endpoint: below /oidc/ there are pages to read
		{"GET", "/oidc/userinfo", "", "", 401},
		{"GET", "/oidc/userinfo?access_token=x", "", "", 401},
		{"POST", "/oidc/userinfo", form, "access_token=x", 401},
		{"DELETE", "/oidc/authorize", "", "", 405},
		{"POST", "/oidc/mailbox", form, "", 405},
		{"GET", "/oidc/device", "", "", 404},
		{"GET", "/healthz", "", "", 404},
		{"GET", "/ready", "", "", 404},
	}
	for _, tt := range tests {
		r, err := http.NewRequestWithContext(t.Context(), tt.method, s.URL+tt.path, strings.NewReader(tt.body))
		must(t, err)
		if tt.media != "" {
			r.Header.Set("Content-Type", tt.media)
		}
		if status, _, _ := send(t, r); status != tt.status {
			t.Errorf("%s %.60s %q %.60q = %d, want %d", tt.method, tt.path, tt.media, tt.body, status, tt.status)
		}
	}
}

// A token of another kind opens nothing.
func TestUserinfo_Refuses(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	a, b := s.app(t), s.browser(t)
	token, _ := a.tokens(b.join(a, "ann"))
	idToken, _ := token.Extra("id_token").(string)
	parts := strings.Split(token.AccessToken, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"at+jwt","kid":"x"}`)) + "." + parts[1] + "."
	tests := map[string]string{
		"nothing": "", "the ID token": idToken, "the refresh token": token.RefreshToken, "no signature": none,
		"another's body": parts[0] + "." + strings.Split(idToken, ".")[1] + "." + parts[2], "a megabyte": strings.Repeat("x", 500<<10),
	}
	for name, bad := range tests {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/oidc/userinfo", http.NoBody)
		must(t, err)
		r.Header.Set("Authorization", "Bearer "+bad)
		status, answer, header := send(t, r)
		if status != http.StatusUnauthorized || answer["sub"] != nil || !strings.HasPrefix(header.Get("WWW-Authenticate"), "Bearer") {
			t.Errorf("%s: %d %v %v", name, status, answer, header)
		}
	}
	// Nor does an access token pass for an ID token at sign-out.
	b.open("/oidc/end-session?id_token_hint="+token.AccessToken).want(http.StatusBadRequest, "This request is not in order")
	b.open("/oidc/end-session?id_token_hint="+url.QueryEscape(idToken)+"&post_logout_redirect_uri="+url.QueryEscape("https://evil.example/")).
		want(http.StatusBadRequest, "This request is not in order")
	b.open("/oidc/sign-out?post_logout_redirect_uri="+url.QueryEscape(s.URL+"/.evil.example")).want(http.StatusBadRequest, "This request is not in order")
	a.tokens(b.open(a.authorize("prompt", "none")))
}

// A form that another site sends, in whatever way, does nothing.
func TestForms_FromElsewhereDoNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	a, b := s.app(t), s.browser(t)
	a.tokens(b.join(a, "ann"))
	page := b.open("/oidc/sign-out").want(http.StatusOK, "Sign out")
	stranger := s.browser(t).open(a.authorize()).inputs()["csrf"]["value"]
	for name, change := range map[string]func(r *http.Request){
		"another origin":           func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") },
		"an opaque origin":         func(r *http.Request) { r.Header.Set("Origin", "null") },
		"our origin with a suffix": func(r *http.Request) { r.Header.Set("Origin", s.URL+".evil.example") },
		"a cross-site request":     func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"a same-site request":      func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") },
		"a plain text body":        func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") },
	} {
		r := page.request()
		change(r)
		if got := b.do(r); got.status != http.StatusForbidden || got.title() != "The form came from another page" {
			t.Errorf("%s: %d %q", name, got.status, got.title())
		}
	}
	for name, csrf := range map[string]string{"no token": "", "a token of another browser": stranger} {
		if got := page.submit("csrf", csrf); got.status != http.StatusForbidden {
			t.Errorf("%s: %d %q", name, got.status, got.title())
		}
	}
	// The token in the address is not the token in the form.
	r := page.request("csrf", "")
	r.URL.RawQuery = "csrf=" + page.inputs()["csrf"]["value"]
	if got := b.do(r); got.status == http.StatusSeeOther {
		t.Error("a token in the address was taken")
	}
	a.tokens(b.open(a.authorize("prompt", "none"))) // still signed in
}

// A request is its browser's: another one that is sent its address cannot go on with it.
func TestRequest_IsNotForAnotherBrowser(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	a, b := s.app(t), s.browser(t)
	at := b.open(a.authorize()).want(http.StatusOK, "Sign in").url.RequestURI()
	victim := s.browser(t)
	for _, path := range []string{at, strings.Replace(at, "sign-in", "sign-up", 1), "/oidc/sign-in?request=x", "/oidc/sign-in", "/oidc/password"} {
		victim.open(path).want(http.StatusGone, "This page has expired")
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	a, b := s.app(t), s.browser(t)
	const policy = "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self'; form-action 'self' %s; frame-ancestors 'none'; base-uri 'none'"
	for address, target := range map[string]string{
		a.authorize(): s.URL, a.authorize("prompt", "select_account"): s.URL,
	} {
		page := s.browser(t).open(address).want(http.StatusOK, "Sign in")
		for name, want := range map[string]string{
			"Content-Security-Policy": fmt.Sprintf(policy, target), "Cache-Control": "no-store", "X-Frame-Options": "DENY",
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Access-Control-Allow-Origin": "",
			"Content-Type": "text/html; charset=utf-8", "Content-Language": "en",
		} {
			if got := page.header.Get(name); got != want {
				t.Errorf("%s = %q, want %q", name, got, want)
			}
		}
		for _, forbidden := range []string{"<script", "style=", "javascript:", " on", "http-equiv"} {
			if forbidden != " on" && strings.Contains(page.html, forbidden) {
				t.Errorf("the page has %q", forbidden)
			}
		}
		style := b.open(regexpHref(page.html, "/oidc/style.css"))
		if style.status != http.StatusOK || !strings.Contains(style.header.Get("Cache-Control"), "immutable") || !strings.HasPrefix(style.header.Get("Content-Type"), "text/css") {
			t.Errorf("style: %d %v", style.status, style.header)
		}
	}
	for _, path := range []string{"/oidc/inter.woff2", "/oidc/mark.svg"} {
		if got := b.open(path); got.status != http.StatusOK || got.header.Get("Cache-Control") != "public, max-age=86400" {
			t.Errorf("%s: %d %v", path, got.status, got.header)
		}
	}
}

// On https the cookies are secure, and no other host of the domain can set them.
func TestCookies(t *testing.T) {
	t.Parallel()
	for publicURL, prefix := range map[string]string{"": "beep-", "https://chat.example.org": "__Host-beep-"} {
		s := newSite(t, func(o *siteOptions) {
			o.deps = func(d *users.Deps) {
				if publicURL != "" {
					d.PublicURL = publicURL
				}
			}
		})
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/oidc/forgot", http.NoBody)
		must(t, err)
		_, _, header := send(t, r)
		cookie := header.Get("Set-Cookie")
		secure := publicURL != ""
		if !strings.HasPrefix(cookie, prefix+"browser") || !strings.Contains(cookie, "; HttpOnly") || !strings.Contains(cookie, "; SameSite=Lax") ||
			!strings.Contains(cookie, "; Path=/;") || strings.Contains(cookie, "; Secure") != secure || strings.Contains(cookie, "Domain") {
			t.Errorf("%q: %s", publicURL, cookie)
		}
	}
}

// A session lives on while tokens are traded, which no page sees: its cookie lasts as long as it may.
func TestCookies_OfASessionLastsAsLongAsItCan(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	a, b := s.app(t), s.browser(t)
	b.join(a, "ann")
	b = s.browser(t)
	r := b.open(a.authorize()).want(http.StatusOK, "Sign in").request("email", "ann@example.org", "password", password)
	b.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	const days = 180
	cookie := strings.Join(b.do(r).header.Values("Set-Cookie"), "\n")
	if !strings.Contains(cookie, "beep-session-") || !strings.Contains(cookie, fmt.Sprintf("; Max-Age=%d;", days*24*60*60)) {
		t.Errorf("got %s, want a cookie for %d days", cookie, days)
	}
}

// endsMeanwhile ends a session just before it is touched.
type endsMeanwhile struct{ users.Store }

func (s endsMeanwhile) TouchSession(ctx context.Context, n users.Session) error {
	_, err := s.EndSession(ctx, n.ID, beep.Now())
	return errors.Join(err, s.Store.TouchSession(ctx, n))
}

func TestSignIn_AgainInASessionThatEndsMeanwhile(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *siteOptions) { o.deps = func(d *users.Deps) { d.Store = endsMeanwhile{d.Store} } })
	a, b := s.app(t), s.browser(t)
	b.join(a, "ann")
	again := b.open(a.authorize("prompt", "login")).want(http.StatusOK, "Confirm that it is you")
	again.submit("password", password).want(http.StatusOK, "Sign in").submit("email", "ann@example.org", "password", password)
}

// The pages say how long to wait, in words and for programs.
func TestSignIn_TooManyTries(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	a, b := s.app(t), s.browser(t)
	page := b.open(a.authorize()).want(http.StatusOK, "Sign in")
	for left := 4; left >= 0; left-- {
		got := page.submit("email", "ann@example.org", "password", "wrong password").want(http.StatusUnprocessableEntity, "Sign in")
		if left > 1 && !strings.Contains(got.text(), strconv.Itoa(left)+" tries left") {
			t.Errorf("with %d left the page says %s", left, got.text())
		}
		if got.inputs()["email"]["value"] != "ann@example.org" || got.inputs()["password"]["value"] != "" {
			t.Errorf("inputs = %v, want the address kept and the password not", got.inputs())
		}
	}
	got := page.submit("email", "ann@example.org", "password", "wrong password").want(http.StatusTooManyRequests, "Sign in")
	wait, err := strconv.Atoi(got.header.Get("Retry-After"))
	if err != nil || wait < 1 || wait > 15 || !strings.Contains(got.text(), "Too many tries. Try again in") {
		t.Errorf("Retry-After %q, page %s", got.header.Get("Retry-After"), got.text())
	}
}

// Whom a request comes from is what trusted proxies say, and nobody else's word.
func TestProxies(t *testing.T) {
	t.Parallel()
	local, inner := netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")
	for name, tt := range map[string]struct {
		gateway   bool
		trusted   []netip.Prefix
		forwarded string // with the number of the try
		limited   bool
	}{
		"a stranger who claims to be a proxy": {false, nil, "192.0.2.%d", true},
		"a proxy":                             {false, []netip.Prefix{local}, "192.0.2.%d", false},
		"what came to the proxy":              {false, []netip.Prefix{local, inner}, "198.51.100.%d, 192.0.2.7, 10.1.2.3", true},
		"the gateway":                         {true, nil, "192.0.2.%d", false},
		"what came to the gateway":            {true, nil, "198.51.100.%d, 192.0.2.7", true},
		"a proxy before the gateway":          {true, []netip.Prefix{inner}, "198.51.100.7, 192.0.2.%d, 10.1.2.3", false},
	} {
		s := newSite(t, func(o *siteOptions) {
			o.deps = func(d *users.Deps) { d.PublicURL, d.Mailer = "http://chat.example.org", post{} }
			o.provider.Proxies, o.provider.Gateway = tt.trusted, tt.gateway
		})
		limited := false
		for i := range 55 {
			limited = s.try(t, fmt.Sprintf("u%d@example.org", i), fmt.Sprintf(tt.forwarded, i)) == http.StatusTooManyRequests
		}
		if limited != tt.limited {
			t.Errorf("%s: limited %v, want %v", name, limited, tt.limited)
		}
	}
}

// Every page says the same in every language, and every problem of a field has words.
func TestLocales(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	a := s.app(t)
	for lang, want := range map[string]string{
		"fr": "Se connecter", "fr-CA,en;q=0.5": "Se connecter", "en-GB": "Sign in", "de": "Sign in", "de,fr;q=0.1": "Se connecter", "": "Sign in", "\"": "Sign in",
	} {
		b := s.browser(t)
		b.lang = lang
		b.open(a.authorize()).want(http.StatusOK, want)
		b.open(a.authorize("ui_locales", "fr")).want(http.StatusOK, "Se connecter")
		b.open(a.authorize("ui_locales", "tlh en")).want(http.StatusOK, "Sign in")
	}
	b := s.browser(t)
	b.lang = "fr"
	page := b.open(a.authorize("prompt", "create")).want(http.StatusOK, "Créer un compte")
	bad := page.submit("username", "x", "email", "x", "password", "x").want(http.StatusUnprocessableEntity, "Créer un compte")
	for _, untranslated := range []string{"field.problem", "{", "2 to 32"} {
		if strings.Contains(bad.text(), untranslated) {
			t.Errorf("the French page says %q: %s", untranslated, bad.text())
		}
	}
	page.submit("username", "ann", "email", "ann@example.org", "password", password)
	if mail := s.letters(t, "ann@example.org", 1)[0]; !strings.Contains(mail, "est le code") {
		t.Errorf("the mail to a French reader says %s", mail)
	}
}

// What people who cannot see the page, or who use no mouse, need of it.
func TestAccessibility(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	a, b := s.app(t), s.browser(t)
	in := b.open(a.authorize())
	up := b.open(a.authorize("prompt", "create"))
	pages := []screen{
		in, up, in.submit("email", "x@example.org", "password", "wrong"), up.submit("username", "x", "email", "x", "password", "x"),
		up.submit("username", "ann", "email", "ann@example.org", "password", password), b.open(regexpHref(in.html, "/oidc/forgot")),
		b.open("/oidc/mailbox"), b.open("/oidc/nothing"),
	}
	pages = append(pages, pages[4].submit("code", "000000"))
	for _, p := range pages {
		name := p.url.Path + " " + p.title()
		if strings.Count(p.html, "<h1>") != 1 || !strings.Contains(p.html, `<html lang="en">`) || !strings.Contains(p.html, "<main") || !strings.Contains(p.html, `name="viewport"`) {
			t.Errorf("%s: no single heading, language, main or viewport", name)
		}
		title, _, _ := strings.Cut(strings.SplitN(p.html, "<title>", 2)[1], "</title>")
		if !strings.Contains(title, p.title()) || strings.HasPrefix(title, "Error: ") != strings.Contains(p.html, `role="alert"`) {
			t.Errorf("%s: title %q", name, title)
		}
		ids := map[string]bool{}
		for id, in := range p.inputs() {
			if in["type"] == "hidden" {
				continue
			}
			if in["id"] == "" || !strings.Contains(p.html, `<label for="`+in["id"]+`">`) || in["autocomplete"] == "" || in["maxlength"] == "" {
				t.Errorf("%s: input %s without label, autocomplete or bound: %v", name, id, in)
			}
			for by := range strings.FieldsSeq(in["aria-describedby"]) {
				if !strings.Contains(p.html, `id="`+by+`"`) {
					t.Errorf("%s: %s is described by %s, which is not there", name, id, by)
				}
			}
			if (in["aria-invalid"] == "true") != strings.Contains(p.html, `id="`+id+`-error"`) {
				t.Errorf("%s: %s is not invalid where it has an error", name, id)
			}
			if ids[in["id"]] {
				t.Errorf("%s: id %s twice", name, in["id"])
			}
			ids[in["id"]] = true
		}
		focused := strings.Count(p.html, " autofocus")
		if want := min(1, len(ids)); focused != want {
			t.Errorf("%s: %d inputs take the focus, want %d", name, focused, want)
		}
	}
}

// Neither the answers nor their times tell who has an account. The quickest of many is compared, because other tests
// make the machine busy; and again where even that differs, since a real difference, such as a hash that is not
// made, is there every time.
func TestAnswers_DoNotTellWhoIsHere(t *testing.T) { //nolint:paralleltest // it measures time
	s := newSite(t, func(o *siteOptions) {
		o.deps = func(d *users.Deps) { d.Cost = users.Cost{MemoryKiB: 8 << 10, Passes: 1, Threads: 1} }
	})
	a, b, guest := s.app(t), s.browser(t), s.browser(t)
	b.join(a, "ann")
	in, forgot := guest.open(a.authorize()), guest.open("/oidc/forgot")
	emails := []string{"ann@example.org", "nobody@example.org"}
	for name, ask := range map[string]func(email string) screen{
		"sign-in": func(email string) screen { return in.submit("email", email, "password", "wrong password") },
		"forgot":  func(email string) screen { return forgot.submit("email", email) },
	} {
		var said [2]string
		best := [2]time.Duration{time.Hour, time.Hour}
		alike := func() bool { return (best[0] - best[1]).Abs() <= max(best[0]/4, time.Millisecond) }
		for round := 0; round < 5 || (round < 200 && !alike()); round++ {
			must(t, s.forget(t))
			for i := range emails {
				k := (i + round) % 2 // each is first in turn
				email := emails[k]
				began := time.Now()
				got := ask(email)
				best[k] = min(best[k], time.Since(began))
				said[k] = strings.ReplaceAll(got.text(), email, "")
			}
		}
		if !alike() {
			t.Errorf("%s: %s for an account and %s for none", name, best[0], best[1])
		}
		if said[0] != said[1] {
			t.Errorf("%s: %q and %q", name, said[0], said[1])
		}
	}
}

// FuzzForms: whatever comes in, nothing answers 500 and nobody is signed in by it.
func FuzzForms(f *testing.F) {
	f.Add("/oidc/authorize", "client_id=beep-web&redirect_uri=x&scope=openid", "")
	f.Add("/oidc/sign-in", "", "email=a%40b.c&password=x")
	f.Add("/oidc/token", "", "grant_type=authorization_code&code=x&client_id=beep-web")
	f.Add("/oidc/confirm", "link=abc.def", "link=x&do=confirm")
	f.Add("/oidc/end-session", "id_token_hint=a.b.c&state=%00", "")
	f.Add("/.well-known/openid-configuration", "%zz", "")
	handler := fuzzHandler(f)
	f.Fuzz(func(t *testing.T, path, query, body string) {
		u := &url.URL{Path: path, RawQuery: query}
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			r := &http.Request{Method: method, URL: u, Host: "127.0.0.1", Header: http.Header{}, Body: readCloser(body), ContentLength: int64(len(body)), RemoteAddr: "127.0.0.1:1"}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			w := serve(handler, r.WithContext(t.Context()))
			if w.Code >= http.StatusInternalServerError {
				t.Errorf("%s %s?%s %q = %d", method, path, query, body, w.Code)
			}
			if strings.Contains(w.Header().Get("Location"), "code=") || strings.Contains(w.Body.String(), `"access_token"`) {
				t.Errorf("%s %s?%s %q gave a code or a token", method, path, query, body)
			}
		}
	})
}
