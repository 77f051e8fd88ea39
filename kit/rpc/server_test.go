package rpc

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"net/url"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// signed is a certificate by ca of whatever the template says.
func signed(t *testing.T, ca *CA, template *x509.Certificate) *x509.Certificate {
	t.Helper()
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Minute), time.Now().Add(time.Hour)
	pub, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	der, err := sign(template, ca.cert, pub, ca.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// A certificate by our CA that names no service, or several, calls as nobody.
func TestCallingService_IsWhatTheCertificateNames(t *testing.T) {
	ca, _ := testCA(t)
	uris := func(texts ...string) *x509.Certificate {
		template := &x509.Certificate{DNSNames: []string{"gateway.beep.internal"}}
		for _, text := range texts {
			u, err := url.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			template.URIs = append(template.URIs, u)
		}
		return template
	}
	isCA := uris("beep://service/gateway")
	isCA.IsCA, isCA.BasicConstraintsValid = true, true
	for _, c := range []struct {
		name     string
		template *x509.Certificate
		want     string
	}{
		{"one service", uris("beep://service/gateway"), "gateway"},
		{"no URI", uris(), ""},
		{"two services", uris("beep://service/gateway", "beep://service/users"), ""},
		{"another scheme", uris("https://service/gateway"), ""},
		{"another host", uris("beep://services/gateway"), ""},
		{"a longer path", uris("beep://service/gateway/x"), ""},
		{"a query", uris("beep://service/gateway?x"), ""},
		{"no name", uris("beep://service/"), ""},
		{"a CA", isCA, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			chain := []*x509.Certificate{signed(t, ca, c.template), ca.cert}
			with := func(state tls.ConnectionState) context.Context {
				return peer.NewContext(t.Context(), &peer.Peer{AuthInfo: credentials.TLSInfo{State: state}})
			}
			if got := callingService(with(tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{chain}})); got != c.want {
				t.Errorf("verified: got %q, want %q", got, c.want)
			}
			if got := callingService(with(tls.ConnectionState{PeerCertificates: chain})); got != "" {
				t.Errorf("only presented: got %q", got)
			}
		})
	}
	if got := callingService(t.Context()); got != "" {
		t.Errorf("no peer: got %q", got)
	}
}

// overdue is a context whose deadline has passed and whose timer has not run yet.
type overdue struct{ context.Context }

func (overdue) Deadline() (time.Time, bool) { return time.Now().Add(-time.Second), true }

// Our clients don't send a call whose time is up, but it may be up when it arrives.
func TestChain_RefusesWhatIsLate(t *testing.T) {
	c := newChain(Options{Policy: Policy{"s": {Callers: []string{"gateway"}, Guest: true}}})
	root := func(parent context.Context) context.Context { return &localCall{Context: parent, service: "gateway"} }
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		name string
		ctx  context.Context
		want codes.Code
	}{
		{"in time", root(t.Context()), codes.OK},
		{"overdue", root(overdue{t.Context()}), codes.DeadlineExceeded},
		{"given up", root(cancelled), codes.Unavailable},
	} {
		ran := false
		_, err := c.unary(tt.ctx, nil, &grpc.UnaryServerInfo{FullMethod: "/s/m"}, func(context.Context, any) (any, error) {
			ran = true
			return nil, nil
		})
		if status.Code(err) != tt.want || ran != (tt.want == codes.OK) {
			t.Errorf("%s: got %v, ran %v; want %s", tt.name, err, ran, tt.want)
		}
	}
}

func TestPolicy_MatchesWholeNames(t *testing.T) {
	p := Merge(
		Policy{"a.S": {Callers: []string{"x"}}, "/a.S/One": {Callers: []string{"x"}}},
		Policy{"/a.S/One": {Callers: []string{"y"}, Guest: true}})
	for method, want := range map[string]string{
		"/a.S/One": "y", "/a.S/Two": "x",
		"a.S/Two": "", "a.S/One": "", "//a.S/One": "", "/a.S/": "", "/a.S": "", "a.S": "", "/a.s/Two": "", "/a.S2/Two": "", "": "",
	} {
		rule, ok := p.Rule(method)
		if got := strings.Join(rule.Callers, " "); got != want || ok != (want != "") {
			t.Errorf("%q: got %q, %v; want %q", method, got, ok, want)
		}
	}
}
