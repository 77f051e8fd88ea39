package rest_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/beep-chat/beep/kit/rest"
)

func from(remote string, forwarded ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	r.RemoteAddr = remote
	for _, f := range forwarded {
		r.Header.Add("X-Forwarded-For", f)
	}
	return r
}

func TestClientAddress_IsWhatBelievedProxiesSay(t *testing.T) {
	inner := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for name, c := range map[string]struct {
		remote    string
		forwarded []string
		believed  bool
		want      string
	}{
		"nobody between":                 {"192.0.2.1:5", nil, false, "192.0.2.1"},
		"a stranger's claim":             {"192.0.2.1:5", []string{"198.51.100.1"}, false, "192.0.2.1"},
		"a proxy's word":                 {"10.0.0.1:5", []string{"198.51.100.1"}, false, "198.51.100.1"},
		"what the client told the proxy": {"10.0.0.1:5", []string{"203.0.113.1, 198.51.100.1"}, false, "198.51.100.1"},
		"two proxies":                    {"10.0.0.1:5", []string{"203.0.113.1, 198.51.100.1, 10.0.0.2"}, false, "198.51.100.1"},
		"two headers":                    {"10.0.0.1:5", []string{"203.0.113.1", "198.51.100.1,10.0.0.2"}, false, "198.51.100.1"},
		"a proxy that says nothing":      {"10.0.0.1:5", nil, false, "10.0.0.1"},
		"a proxy that says nonsense":     {"10.0.0.1:5", []string{"198.51.100.1, unknown"}, false, "10.0.0.1"},
		"an address with a port":         {"10.0.0.1:5", []string{"198.51.100.1:80"}, false, "10.0.0.1"},
		"whoever it is, believed":        {"192.0.2.1:5", []string{"203.0.113.1, 198.51.100.1"}, true, "198.51.100.1"},
		"version 6":                      {"[fd00::1]:5", []string{"2001:db8::1"}, false, "2001:db8::1"},
		"version 4 in 6":                 {"[::ffff:10.0.0.1]:5", []string{"::ffff:198.51.100.1"}, false, "198.51.100.1"},
		"no address":                     {"@", []string{"198.51.100.1"}, true, "invalid IP"},
	} {
		if got := rest.ClientAddress(from(c.remote, c.forwarded...), inner, c.believed); got.String() != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}

func TestNeighbourhood_IsWhoSharesAnAddress(t *testing.T) {
	for addr, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "2001:db8:0:1:ffff::1": "2001:db8:0:1::/64", "fe80::1%eth0": "fe80::/64",
	} {
		if got := rest.Neighbourhood(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: got %s, want %s", addr, got, want)
		}
	}
}

// Whatever a client writes before what a proxy appended, and wherever it breaks lines, the answer is the proxy's.
func FuzzClientAddress(f *testing.F) {
	for _, seed := range []string{"", "198.51.100.9", "10.0.0.9", "10.0.0.9, 10.0.0.8", ",,", "unknown", "[::1]:80", "::ffff:10.0.0.1", "fe80::1%eth0", "a\x00,b"} {
		f.Add(seed)
	}
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	f.Fuzz(func(t *testing.T, claimed string) {
		if got := rest.ClientAddress(from("192.0.2.1:5", claimed), proxies, false).String(); got != "192.0.2.1" {
			t.Errorf("a stranger who claims %q is taken for %s", claimed, got)
		}
		if got := rest.ClientAddress(from("10.0.0.1:5", claimed+",198.51.100.1"), proxies, false).String(); got != "198.51.100.1" {
			t.Errorf("behind a proxy %q becomes %s", claimed, got)
		}
		if got := rest.Neighbourhood(rest.ClientAddress(from("10.0.0.1:5", claimed), proxies, false)); strings.ContainsAny(got, ", \x00") {
			t.Errorf("%q is counted as %q", claimed, got)
		}
	})
}
