package app

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beep-chat/beep/kit/rest"
)

// A page of another process keeps its own policy, alone; what it says nothing about is said by us.
func TestOnce_APageHasOnePolicy(t *testing.T) {
	const own = "default-src 'none'; style-src 'self'"
	behind := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", own)
		w.Header().Set("Referrer-Policy", "same-origin")
		w.Header().Add("Set-Cookie", "a=1")
		w.Header().Add("Set-Cookie", "b=2")
	}))
	defer behind.Close()
	at, err := url.Parse(behind.URL)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(at) }}
	rest.Secure(true, once(proxy)).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/oidc/sign-in", http.NoBody))
	for name, want := range map[string][]string{
		"Content-Security-Policy": {own}, "Referrer-Policy": {"same-origin"}, "X-Frame-Options": {"DENY"}, "Set-Cookie": {"a=1", "b=2"},
	} {
		if diff := cmp.Diff(want, w.Header().Values(name)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
