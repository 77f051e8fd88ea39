package e2e_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/beep-chat/beep/client"
	"github.com/beep-chat/beep/e2e/people"
)

// exchange is a request and its answer.
func exchange(t *testing.T, r *http.Request) (*http.Response, []byte) {
	t.Helper()
	resp, err := plain.Do(r)
	if err != nil {
		t.Errorf("%s %.200s: %v", r.Method, r.URL.Opaque+r.URL.Path, err)
		return &http.Response{Header: http.Header{}}, nil
	}
	defer func() { _ = resp.Body.Close() }()
	out, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Errorf("%s %.200s: %v", r.Method, r.URL.Opaque+r.URL.Path, err)
	}
	return resp, out
}

// secured: what every answer says to browsers, whatever it is: believe no other type than the one said, let nobody
// frame it, run no script that is not ours, tell other sites nothing of where people come from.
func secured(t *testing.T, what string, resp *http.Response) {
	t.Helper()
	h := resp.Header
	policy := map[string]string{}
	for directive := range strings.SplitSeq(h.Get("Content-Security-Policy"), ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), " ")
		policy[name] = value
	}
	script := policy["script-src"]
	if script == "" {
		script = policy["default-src"]
	}
	for wrong, is := range map[string]bool{
		"X-Content-Type-Options":                  h.Get("X-Content-Type-Options") != "nosniff",
		"X-Frame-Options":                         h.Get("X-Frame-Options") != "DENY",
		"Referrer-Policy":                         h.Get("Referrer-Policy") != "no-referrer" && h.Get("Referrer-Policy") != "same-origin",
		"Cross-Origin-Opener-Policy":              h.Get("Cross-Origin-Opener-Policy") != "same-origin",
		"Content-Security-Policy more than once":  len(h.Values("Content-Security-Policy")) != 1,
		"Content-Security-Policy frame-ancestors": policy["frame-ancestors"] != "'none'",
		"Content-Security-Policy script-src":      script != "'none'" && script != "'self'",
		"what it is made with":                    h.Get("Server") != "" || h.Get("X-Powered-By") != "",
		"another origin":                          h.Get("Access-Control-Allow-Origin") == "*" || h.Get("Access-Control-Allow-Credentials") != "",
	} {
		if is {
			t.Errorf("%s: the headers are wrong about %s: %v", what, wrong, h)
		}
	}
}

// TestHeaders_OfEveryAnswer asks for one of each kind of thing.
func TestHeaders_OfEveryAnswer(t *testing.T) {
	t.Parallel()
	ada := newcomer(t, "ada")
	for _, base := range site.Gateways {
		v := voice{ada.At(base), t}
		for _, c := range []struct {
			method, path, body string
			status             int
			kind, cache        string
		}{
			{"GET", "/", "", 200, "text/html", "no-cache"},
			{"GET", "/channels/1/2", "", 200, "text/html", "no-cache"},
			{"GET", "/invite/7Xk2mQ9tVw4B", "", 200, "text/html", "no-cache"},
			{"GET", "/assets/nothing.js", "", 404, "application/problem+json", "no-store"},
			{"POST", "/", "", 405, "application/problem+json", "no-store"},
			{"GET", "/config.json", "", 200, "application/json", "no-cache"},
			{"GET", "/docs", "", 200, "text/html", "no-cache"},
			{"GET", "/docs/docs.css", "", 200, "text/css", "no-cache"},
			{"GET", "/api/openapi.yaml", "", 200, "application/yaml", "no-cache"},
			{"GET", "/api/limits", "", 200, "application/json", "no-store"},
			{"GET", "/api/servers", "", 200, "application/json", "no-store"},
			{"POST", "/api/servers", `{"name":"Harbour"}`, 201, "application/json", "no-store"},
			{"POST", "/api/servers", `{`, 400, "application/problem+json", "no-store"},
			{"GET", "/api/nothing", "", 404, "application/problem+json", "no-store"},
			{"GET", "/.well-known/openid-configuration", "", 200, "application/json", ""},
			{"GET", "/oidc/keys", "", 200, "application/json", ""},
			{"GET", "/oidc/sign-in", "", 0, "text/html", "no-store"},
			{"GET", "/oidc/sign-out", "", 0, "text/html", "no-store"},
			{"GET", "/oidc/nothing", "", 404, "text/html", "no-store"},
			{"POST", "/oidc/token", "grant_type=password", 400, "application/json", "no-store"},
			{"GET", "/oidc/mailbox", "", 200, "text/html", "no-store"},
			{"GET", "/ws-nothing", "", 200, "text/html", "no-cache"},
		} {
			r, err := http.NewRequestWithContext(t.Context(), c.method, base+c.path, strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Accept", "text/html, */*")
			switch {
			case strings.HasPrefix(c.path, "/api/"):
				v.authorize(r)
				r.Header.Set("Content-Type", "application/json")
			case c.method == http.MethodPost:
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			}
			if c.body == "" {
				r.Body, r.ContentLength = http.NoBody, 0
			}
			resp, out := exchange(t, r)
			what := c.method + " " + c.path
			secured(t, what, resp)
			if c.status != 0 && resp.StatusCode != c.status {
				t.Errorf("%s: got %d %.200s, want %d", what, resp.StatusCode, out, c.status)
			}
			if !strings.HasPrefix(resp.Header.Get("Content-Type"), c.kind) || !strings.Contains(resp.Header.Get("Cache-Control"), c.cache) {
				t.Errorf("%s: got type %s, cache %s, want %s, %s", what, resp.Header.Get("Content-Type"), resp.Header.Get("Cache-Control"), c.kind, c.cache)
			}
		}
	}
}

// TestOrigins: pages of other sites get nothing done and read nothing, however they ask; those that the installation
// lists may call, and are answered that they and nobody else may.
func TestOrigins(t *testing.T) {
	t.Parallel()
	strict, err := site.strict()
	if err != nil {
		t.Fatal(err)
	}
	ada := newcomerAt(t, strict.URL, "ada")
	for _, base := range strict.Gateways {
		v := voice{ada.At(base), t}
		before := len(v.servers())
		for _, origin := range []string{
			"https://evil.example", "null", strict.URL + ".evil.example", "http://127.0.0.1:1", "https://friend.example.evil.example", "http://friend.example", "file://",
		} {
			for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodOptions} {
				resp, out := from(t, v, origin, method)
				if resp.StatusCode != http.StatusForbidden || !strings.Contains(string(out), `"origin_refused"`) || resp.Header.Get("Access-Control-Allow-Origin") != "" {
					t.Errorf("%s from %s: got %d %s %v", method, origin, resp.StatusCode, out, resp.Header)
				}
				secured(t, "a refused origin", resp)
			}
		}
		if got := len(v.servers()); got != before {
			t.Errorf("another site made %d servers", got-before)
		}
		resp, _ := from(t, v, "https://friend.example", http.MethodOptions)
		if resp.StatusCode != http.StatusNoContent || resp.Header.Get("Access-Control-Allow-Origin") != "https://friend.example" ||
			!strings.Contains(resp.Header.Get("Access-Control-Allow-Headers"), "Authorization") {
			t.Errorf("a listed origin asks first: got %d %v", resp.StatusCode, resp.Header)
		}
		resp, _ = from(t, v, "https://friend.example", http.MethodPost)
		if resp.StatusCode != http.StatusCreated || resp.Header.Get("Access-Control-Allow-Origin") != "https://friend.example" || resp.Header.Get("Vary") == "" {
			t.Errorf("a listed origin: got %d %v", resp.StatusCode, resp.Header)
		}
		if resp, _ = from(t, v, base, http.MethodPost); resp.StatusCode != http.StatusCreated {
			t.Errorf("our own page: got %d", resp.StatusCode)
		}
	}
}

// from is a request that a page of an origin makes.
func from(t *testing.T, v voice, origin, method string) (*http.Response, []byte) {
	t.Helper()
	body := ""
	if method == http.MethodPost {
		body = `{"name":"made by a page"}`
	}
	r, err := http.NewRequestWithContext(t.Context(), method, v.Base+"/api/servers", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Origin", origin)
	if method == http.MethodOptions {
		r.Header.Set("Access-Control-Request-Method", "POST")
		r.Header.Set("Access-Control-Request-Headers", "authorization,content-type")
		return exchange(t, r)
	}
	v.authorize(r)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return exchange(t, r)
}

// TestTokens_OnlyWhereTheyBelong: neither a cookie nor the address says who calls; only the header does, once.
func TestTokens_OnlyWhereTheyBelong(t *testing.T) {
	t.Parallel()
	ada := newcomer(t, "ada")
	token, err := ada.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, base := range site.Gateways {
		for what, change := range map[string]func(*http.Request){
			"the cookies of somebody who is signed in": func(r *http.Request) { withCookies(t, r, ada) },
			"a token in the address":                   func(r *http.Request) { r.URL.RawQuery = url.Values{"access_token": {token}}.Encode() },
			"a token in a cookie":                      func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "access_token", Value: token}) },
			"an identity of one's own making":          func(r *http.Request) { r.Header.Set("Grpc-Metadata-Beep-Identity", token) },
			"a user id":                                func(r *http.Request) { r.Header.Set("X-User-Id", id(ada.ID)) },
			"two headers": func(r *http.Request) {
				r.Header.Add("Authorization", "Bearer "+token)
				r.Header.Add("Authorization", "Bearer "+token)
			},
		} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/api/users/@me", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			change(r)
			if resp, out := exchange(t, r); resp.StatusCode != http.StatusUnauthorized && resp.StatusCode != http.StatusBadRequest {
				t.Errorf("with %s: got %d %s", what, resp.StatusCode, out)
			}
		}
	}
	if err := (&client.API{Base: site.URL, Token: ada.Token, HTTP: http.DefaultClient}).Call(t.Context(), http.MethodGet, "/api/users/@me", nil, nil); err != nil {
		t.Errorf("with the header: %v", err)
	}
}

func withCookies(t *testing.T, r *http.Request, p *people.Person) {
	t.Helper()
	cookies := p.Cookies(r.URL)
	for _, c := range cookies {
		r.AddCookie(c)
	}
	if len(cookies) == 0 {
		t.Error("the browser has no cookies")
	}
}

// TestPages_UnderAnotherName: an installation answers to its own name. A page whose name was made to lead here reads
// no mail, and no address that Beep names is taken from what a request says.
func TestPages_UnderAnotherName(t *testing.T) {
	t.Parallel()
	for _, base := range site.Gateways {
		for path, want := range map[string]int{"/oidc/mailbox?format=json": http.StatusNotFound, "/.well-known/openid-configuration": 0, "/config.json": 0, "/": 0} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+path, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = "evil.example"
			r.Header.Set("X-Forwarded-Host", "evil.example")
			r.Header.Set("Forwarded", "host=evil.example")
			resp, out := exchange(t, r)
			if want != 0 && resp.StatusCode != want {
				t.Errorf("%s: got %d, want %d", path, resp.StatusCode, want)
			}
			if strings.Contains(string(out), "evil.example") || strings.Contains(resp.Header.Get("Location"), "evil.example") {
				t.Errorf("%s believes the request: %s", path, out)
			}
		}
	}
}
