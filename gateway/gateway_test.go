package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"google.golang.org/grpc"

	"github.com/beep-chat/beep"
	usersv1 "github.com/beep-chat/beep/api/beep/users/v1"
	"github.com/beep-chat/beep/gateway"
	"github.com/beep-chat/beep/kit/limit"
	"github.com/beep-chat/beep/kit/rest"
	"github.com/beep-chat/beep/kit/rpc"
	"github.com/beep-chat/beep/kit/telemetry"
)

// usersFake answers GetMe with the caller.
type usersFake struct {
	usersv1.UnimplementedUsersServer
}

func (usersFake) GetMe(ctx context.Context, _ *usersv1.GetMeRequest) (*usersv1.GetMeResponse, error) {
	return &usersv1.GetMeResponse{User: &usersv1.User{Id: uint64(beep.CallerFrom(ctx).User)}}, nil
}

// tokensFake knows one token.
type tokensFake struct{ err error }

func (f tokensFake) Verify(_ context.Context, token string) (beep.Caller, time.Time, error) {
	if f.err != nil {
		return beep.Caller{}, time.Time{}, f.err
	}
	if token != "good" {
		return beep.Caller{}, time.Time{}, beep.Unauthenticated(beep.CodeInvalidToken, "that token is not good")
	}
	return beep.Caller{User: 7, Session: 8}, time.Now().Add(time.Minute), nil
}

func serve(t *testing.T, change func(*gateway.Deps)) http.Handler {
	t.Helper()
	ca, err := rpc.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ca.Issue("gateway")
	if err != nil {
		t.Fatal(err)
	}
	minter, err := rpc.NewMinter(cert)
	if err != nil {
		t.Fatal(err)
	}
	local := rpc.NewLocal(rpc.Options{
		Policy: rpc.Policy{usersv1.Users_ServiceDesc.ServiceName: {Callers: []string{"gateway"}}}, Verifier: rpc.NewVerifier(ca.Pool()),
	})
	usersv1.RegisterUsersServer(local, usersFake{})
	public, _ := url.Parse("https://chat.example.org")
	pages := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "page "+r.URL.Path) })
	conn := local.As("gateway")
	d := gateway.Deps{
		Users: conn, Servers: conn, Messages: conn, Tokens: tokensFake{}, Throttle: limit.NewMemory(), Minter: minter, Limits: beep.DefaultLimits(),
		Log: slog.New(slog.DiscardHandler), PublicURL: public, ClientID: "beep-web", Pages: pages, WebBuilt: true,
		Web: fstest.MapFS{
			"index.html":           {Data: []byte("<!doctype html><title>Beep</title>")},
			"assets/app-1.js":      {Data: []byte("plain script")},
			"assets/app-1.js.br":   {Data: []byte("brotli")},
			"assets/app-1.js.gz":   {Data: []byte("gzip")},
			"manifest.webmanifest": {Data: []byte("{}")},
		},
		OpenAPI: []byte("openapi: 3.1.0"), Docs: []byte("<h1>API</h1>"),
	}
	if change != nil {
		change(&d)
	}
	g, err := gateway.New(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	return g.Handler()
}

func get(h http.Handler, path string, header ...string) (*http.Response, string) {
	r := httptest.NewRequest(http.MethodGet, "https://chat.example.org"+path, http.NoBody)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	body, _ := io.ReadAll(w.Result().Body)
	return w.Result(), string(body)
}

func TestAPI_TellsServicesWhoCalls(t *testing.T) {
	h := serve(t, nil)
	if resp, body := get(h, "/api/users/@me", "Authorization", "Bearer good"); resp.StatusCode != http.StatusOK || !strings.Contains(body, `"id":"7"`) {
		t.Errorf("got %d %s", resp.StatusCode, body)
	}
}

// What a person is shown of a fault leads to its cause in the log, and says nothing of it.
func TestAPI_AFaultIsFoundByItsTrace(t *testing.T) {
	var out strings.Builder
	log := telemetry.NewLogger(&out, "info")
	tel, err := telemetry.New(t.Context(), telemetry.Options{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	h := tel.HTTP(serve(t, func(d *gateway.Deps) {
		d.Log, d.TraceID, d.Tokens = log, tel.TraceID, tokensFake{err: errors.New("the disk is gone")}
	}))
	resp, body := get(h, "/api/users/@me", "Authorization", "Bearer good")
	var p rest.Problem
	if err := json.Unmarshal([]byte(body), &p); err != nil || resp.StatusCode != http.StatusInternalServerError || len(p.TraceID) != 32 {
		t.Fatalf("got %d %s, want 500 with a trace", resp.StatusCode, body)
	}
	if strings.Contains(body, "disk") {
		t.Errorf("the cause is told: %s", body)
	}
	var cause map[string]any
	line, _, _ := strings.Cut(out.String(), "\n")
	if err := json.Unmarshal([]byte(line), &cause); err != nil || cause["level"] != "ERROR" || cause["trace_id"] != p.TraceID || cause["error"] != "the disk is gone" {
		t.Errorf("got %q, want the cause with trace %s", line, p.TraceID)
	}
}

// A proxy in front that does not hand on Host must not turn our own pages into foreign ones.
func TestAPI_KnowsItsOwnPagesBehindAProxy(t *testing.T) {
	h := serve(t, nil)
	for origin, want := range map[string]int{"https://chat.example.org": http.StatusOK, "https://evil.example.org": http.StatusForbidden} {
		r := httptest.NewRequest(http.MethodGet, "http://10.0.0.7:8080/api/limits", http.NoBody)
		r.Header.Set("Origin", origin)
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != want {
			t.Errorf("from a page of %s: got %d, want %d", origin, w.Code, want)
		}
	}
}

func TestAPI_RefusesWhatIsNotOneGoodToken(t *testing.T) {
	cases := map[string]struct {
		header []string
		code   beep.Code
	}{
		"none":          {nil, beep.CodeUnauthenticated},
		"bad":           {[]string{"Authorization", "Bearer bad"}, beep.CodeInvalidToken},
		"empty":         {[]string{"Authorization", "Bearer "}, beep.CodeInvalidToken},
		"basic":         {[]string{"Authorization", "Basic Z29vZA=="}, beep.CodeInvalidToken},
		"no scheme":     {[]string{"Authorization", "good"}, beep.CodeInvalidToken},
		"two headers":   {[]string{"Authorization", "Bearer good", "Authorization", "Bearer good"}, beep.CodeInvalidToken},
		"two tokens":    {[]string{"Authorization", "Bearer good, Bearer good"}, beep.CodeInvalidToken},
		"huge":          {[]string{"Authorization", "Bearer " + strings.Repeat("x", 9<<10)}, beep.CodeInvalidToken},
		"in a cookie":   {[]string{"Cookie", "access_token=good"}, beep.CodeUnauthenticated},
		"claimed by id": {[]string{"X-User-Id", "7"}, beep.CodeUnauthenticated},
	}
	h := serve(t, nil)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			resp, body := get(h, "/api/users/@me", c.header...)
			var p rest.Problem
			if err := json.Unmarshal([]byte(body), &p); err != nil || resp.StatusCode != http.StatusUnauthorized || p.Code != c.code {
				t.Errorf("got %d %s, want 401 %s", resp.StatusCode, body, c.code)
			}
		})
	}
}

func TestAPI_FailsClosedWhenTokensCannotBeChecked(t *testing.T) {
	h := serve(t, func(d *gateway.Deps) { d.Tokens = tokensFake{err: beep.Unavailable(nil)} })
	if resp, _ := get(h, "/api/users/@me", "Authorization", "Bearer good"); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("got %d, want 503", resp.StatusCode)
	}
}

func TestWeb_ServesTheClient(t *testing.T) {
	h := serve(t, nil)
	resp, body := get(h, "/channels/1/2", "Accept", "text/html")
	if resp.StatusCode != http.StatusOK || !strings.Contains(body, "<title>Beep") || resp.Header.Get("Cache-Control") != "no-cache" {
		t.Errorf("a deep link got %d %s", resp.StatusCode, body)
	}
	if csp := resp.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "script-src 'self';") || !strings.Contains(csp, "require-trusted-types-for 'script'") {
		t.Errorf("got policy %s", csp)
	}
	if again, _ := get(h, "/", "Accept", "text/html", "If-None-Match", resp.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
		t.Errorf("an unchanged page got %d", again.StatusCode)
	}
	for accept, want := range map[string]string{"br, gzip": "brotli", "gzip": "gzip", "": "plain script"} {
		resp, body := get(h, "/assets/app-1.js", "Accept-Encoding", accept)
		if body != want || !strings.Contains(resp.Header.Get("Cache-Control"), "immutable") || !strings.Contains(resp.Header.Get("Content-Type"), "javascript") {
			t.Errorf("accepting %q got %q %v", accept, body, resp.Header)
		}
	}
}

func TestWeb_AMissingAssetIsNotThePage(t *testing.T) {
	h := serve(t, nil)
	for _, path := range []string{"/assets/gone.js", "/assets/../../etc/passwd", "/assets/app-1.js.br"} {
		if resp, body := get(h, path, "Accept", "*/*"); resp.StatusCode == http.StatusOK || strings.Contains(body, "<title>") {
			t.Errorf("%s got %d %s", path, resp.StatusCode, body)
		}
	}
}

func TestWeb_IsNoAnswerToAProbe(t *testing.T) {
	h := serve(t, nil)
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		resp, body := get(h, path, "Accept", "text/html")
		var p rest.Problem
		if err := json.Unmarshal([]byte(body), &p); err != nil || resp.StatusCode != http.StatusNotFound || p.Code != beep.CodeRouteNotFound ||
			resp.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: got %d %s, want 404 %s", path, resp.StatusCode, body, beep.CodeRouteNotFound)
		}
	}
}

func TestWeb_SaysWhenItIsNotBuilt(t *testing.T) {
	h := serve(t, func(d *gateway.Deps) { d.WebBuilt, d.Web = false, fstest.MapFS{} })
	if _, body := get(h, "/", "Accept", "text/html"); !strings.Contains(body, "make web") {
		t.Errorf("got %s", body)
	}
}

func TestConfig_IsWhatTheClientNeeds(t *testing.T) {
	h := serve(t, func(d *gateway.Deps) { d.RealtimeURL = "wss://rt.example.org/ws" })
	_, body := get(h, "/config.json")
	var got map[string]string
	if err := json.Unmarshal([]byte(body), &got); err != nil || got["issuer"] != "https://chat.example.org" || got["client_id"] != "beep-web" ||
		got["realtime_url"] != "wss://rt.example.org/ws" {
		t.Errorf("got %s, %v", body, err)
	}
	if resp, _ := get(h, "/", "Accept", "text/html"); !strings.Contains(resp.Header.Get("Content-Security-Policy"), "connect-src 'self' wss://rt.example.org/ws") {
		t.Error("the page may not reach the socket")
	}
}

func TestEveryAnswer_HasTheSecurityHeaders(t *testing.T) {
	h := serve(t, nil)
	for _, path := range []string{"/", "/api/limits", "/api/nothing", "/docs", "/docs/docs.css", "/api/openapi.yaml", "/config.json", "/oidc/authorize", "/assets/gone.js"} {
		resp, _ := get(h, path)
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
			"Strict-Transport-Security": "max-age=63072000", "Cross-Origin-Opener-Policy": "same-origin",
		} {
			if got := resp.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
		if csp := resp.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "frame-ancestors 'none'") {
			t.Errorf("%s: policy %q", path, csp)
		}
	}
}

func TestLimits_ArePublished(t *testing.T) {
	resp, body := get(serve(t, nil), "/api/limits")
	if resp.StatusCode != http.StatusOK || !strings.Contains(body, `"message_length":4000`) || !strings.Contains(body, `"invitation_rate":20`) {
		t.Errorf("got %d %s", resp.StatusCode, body)
	}
}

func TestNew_RefusesToRunWithHalfOfWhatItNeeds(t *testing.T) {
	if _, err := gateway.New(t.Context(), gateway.Deps{Users: grpc.ClientConnInterface(nil)}); err == nil {
		t.Error("made a gateway of nothing")
	}
}
