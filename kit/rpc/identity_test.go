package rpc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/metadata"

	"github.com/beep-chat/beep"
)

// forgery is an identity made by hand; its zero value but for cert is a valid one.
type forgery struct {
	cert     tls.Certificate
	typ      jose.ContentType
	chain    [][]byte // nil: the certificate's
	alg      jose.SignatureAlgorithm
	key      any
	claims   func(*identityClaims)
	mangle   func(token string) string
	noHeader bool
}

func (f forgery) token(t *testing.T) string {
	t.Helper()
	now := time.Now()
	leaf, err := leafOf(f.cert)
	if err != nil {
		t.Fatal(err)
	}
	claims := identityClaims{Claims: jwt.Claims{
		Issuer: leaf.Subject.CommonName, Audience: jwt.Audience{identityAudience}, Subject: "7",
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(IdentityLife)),
	}}
	if f.claims != nil {
		f.claims(&claims)
	}
	if f.typ == "" {
		f.typ = identityType
	}
	if f.alg == "" {
		f.alg, f.key = jose.EdDSA, f.cert.PrivateKey
	}
	if f.chain == nil {
		f.chain = f.cert.Certificate
	}
	options := (&jose.SignerOptions{}).WithType(f.typ)
	if !f.noHeader {
		var chain []string
		for _, der := range f.chain {
			chain = append(chain, base64.StdEncoding.EncodeToString(der))
		}
		options = options.WithHeader("x5c", chain)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: f.alg, Key: f.key}, options)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	if f.mangle != nil {
		token = f.mangle(token)
	}
	return token
}

func testCA(t testing.TB, services ...string) (*CA, map[string]tls.Certificate) {
	t.Helper()
	ca, err := NewCA()
	if err != nil {
		t.Fatal(err)
	}
	certs := map[string]tls.Certificate{}
	for _, s := range services {
		if certs[s], err = ca.Issue(s); err != nil {
			t.Fatal(err)
		}
	}
	return ca, certs
}

func TestVerifier_RefusesForgeries(t *testing.T) {
	ca, certs := testCA(t, "gateway", "realtime", "messages")
	_, foreign := testCA(t, "gateway")
	gateway := certs["gateway"]
	at := func(d time.Duration) *jwt.NumericDate { return jwt.NewNumericDate(time.Now().Add(d)) }
	claims := func(change func(*identityClaims)) forgery { return forgery{cert: gateway, claims: change} }
	for _, c := range []struct {
		name string
		forgery
		ok bool
	}{
		{"the gateway's", forgery{cert: gateway}, true},
		{"realtime's", forgery{cert: certs["realtime"]}, true},
		{"a clock a little ahead", claims(func(c *identityClaims) { c.IssuedAt = at(3 * time.Second) }), true},
		{"another service's", forgery{cert: certs["messages"]}, false},
		{"another CA's", forgery{cert: foreign["gateway"]}, false},
		{"ours, signed by another", forgery{cert: foreign["gateway"], chain: gateway.Certificate}, false},
		{"the CA's own", forgery{cert: tls.Certificate{Certificate: [][]byte{ca.cert.Raw}, PrivateKey: ca.key}}, false},
		{"no certificate", forgery{cert: gateway, noHeader: true}, false},
		{"another type", forgery{cert: gateway, typ: "JWT"}, false},
		{"another algorithm", forgery{cert: gateway, alg: jose.HS256, key: []byte(strings.Repeat("k", 32))}, false},
		{"no algorithm", forgery{cert: gateway, mangle: func(s string) string {
			_, rest, _ := strings.Cut(s, ".")
			return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"`+identityType+`"}`)) + "." + rest
		}}, false},
		{"a changed payload", forgery{cert: gateway, mangle: func(s string) string {
			parts := strings.Split(s, ".")
			payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
			parts[1] = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(payload), `"7"`, `"8"`, 1)))
			return strings.Join(parts, ".")
		}}, false},
		{"no token", forgery{cert: gateway, mangle: func(string) string { return "" }}, false},
		{"garbage", forgery{cert: gateway, mangle: func(string) string { return "a.b.c" }}, false},
		{"too long", claims(func(c *identityClaims) { c.Roles = []string{strings.Repeat("r", maxIdentityBytes)} }), false},
		{"another audience", claims(func(c *identityClaims) { c.Audience = jwt.Audience{"elsewhere"} }), false},
		{"another issuer", claims(func(c *identityClaims) { c.Issuer = "realtime" }), false},
		{"expired", claims(func(c *identityClaims) { c.IssuedAt, c.Expiry = at(-70*time.Second), at(-10*time.Second) }), false},
		{"of the future", claims(func(c *identityClaims) { c.IssuedAt, c.Expiry = at(20*time.Second), at(80*time.Second) }), false},
		{"no end", claims(func(c *identityClaims) { c.Expiry = nil }), false},
		{"no beginning", claims(func(c *identityClaims) { c.IssuedAt = nil }), false},
		{"a long life", claims(func(c *identityClaims) { c.Expiry = at(time.Hour) }), false},
		{"no user", claims(func(c *identityClaims) { c.Subject = "0" }), false},
		{"a user of another form", claims(func(c *identityClaims) { c.Subject = "root" }), false},
		{"a session of another form", claims(func(c *identityClaims) { c.Session = "-1" }), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			caller, _, err := NewVerifier(ca.Pool()).verify(c.token(t), time.Now())
			if (err == nil) != c.ok {
				t.Errorf("got %+v, %v", caller, err)
			}
			if c.ok && caller.User != 7 {
				t.Errorf("got user %s", caller.User)
			}
		})
	}
}

func TestNewMinter_RefusesOtherServices(t *testing.T) {
	_, certs := testCA(t, "gateway", "messages")
	if _, err := NewMinter(certs["messages"]); err == nil {
		t.Error("messages may sign identities")
	}
	other := certs["gateway"]
	other.PrivateKey = nil
	if _, err := NewMinter(other); err == nil {
		t.Error("no key, and no error")
	}
	if _, err := NewMinter(tls.Certificate{}); err == nil {
		t.Error("no certificate, and no error")
	}
}

func TestMinter_ReusesForHalfALife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca, certs := testCA(t, "gateway")
		m, err := NewMinter(certs["gateway"])
		if err != nil {
			t.Fatal(err)
		}
		mint := func(c beep.Caller) string {
			t.Helper()
			token, err := m.mint(c, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			return token
		}
		caller := beep.Caller{User: 7, Session: 8, Roles: []string{"UserModerator"}}
		first := mint(caller)
		<-time.After(identityReuse - time.Second)
		if mint(caller) != first {
			t.Error("a second identity within the time of reuse")
		}
		<-time.After(2 * time.Second)
		if mint(caller) == first {
			t.Error("the same identity after the time of reuse")
		}
		for _, other := range []beep.Caller{{User: 7}, {User: 7, Session: 8}, {User: 9, Session: 8, Roles: caller.Roles}} {
			got, _, err := NewVerifier(ca.Pool()).verify(mint(other), time.Now())
			if diff := cmp.Diff(other, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		}
	})
}

func withIncoming(ctx context.Context, token string) context.Context {
	return metadata.NewIncomingContext(ctx, metadata.Pairs(identityKey, token))
}

func TestVerifier_RemembersUntilTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca, certs := testCA(t, "gateway")
		v := NewVerifier(ca.Pool())
		token := forgery{cert: certs["gateway"]}.token(t)
		ctx := t.Context()
		if _, caller, err := v.incoming(withIncoming(ctx, token), time.Now()); err != nil || caller.User != 7 {
			t.Fatalf("got %+v, %v", caller, err)
		}
		v.creds.CA = x509.NewCertPool() // from here on only memory can accept it
		<-time.After(IdentityLife)
		if _, _, err := v.incoming(withIncoming(ctx, token), time.Now()); err != nil {
			t.Errorf("forgot it early: %v", err)
		}
		<-time.After(identitySkew + time.Second)
		var e *beep.Error
		_, _, err := v.incoming(withIncoming(ctx, token), time.Now())
		if !errors.As(err, &e) || e.Code != beep.CodeInvalidToken {
			t.Errorf("after its end: %v", err)
		}
	})
}

func TestVerifier_EndsWithTheCertificate(t *testing.T) {
	ca, certs := testCA(t, "gateway")
	end := certs["gateway"].Leaf.NotAfter
	token := forgery{cert: certs["gateway"], claims: func(c *identityClaims) {
		c.IssuedAt = jwt.NewNumericDate(end.Add(-10 * time.Second))
		c.Expiry = jwt.NewNumericDate(end.Add(20 * time.Second))
	}}.token(t)
	_, until, err := NewVerifier(ca.Pool()).verify(token, end.Add(-time.Second))
	if err != nil || !until.Equal(end) {
		t.Errorf("before its end: valid until %v, %v; want %v", until, err, end)
	}
	if _, _, err := NewVerifier(ca.Pool()).verify(token, end.Add(time.Second)); err == nil {
		t.Error("accepted after the certificate's end")
	}
}

func TestVerifier_GivesEachRequestItsOwnRoles(t *testing.T) {
	ca, certs := testCA(t, "gateway")
	v := NewVerifier(ca.Pool())
	token := forgery{cert: certs["gateway"], claims: func(c *identityClaims) { c.Roles = []string{"UserModerator"} }}.token(t)
	for range 3 {
		_, caller, err := v.incoming(withIncoming(t.Context(), token), time.Now())
		if err != nil || len(caller.Roles) != 1 || caller.Roles[0] != "UserModerator" {
			t.Fatalf("got %v, %v", caller.Roles, err)
		}
		caller.Roles[0] = "ApplicationAdministrator"
	}
}

func FuzzVerifier(f *testing.F) {
	ca, certs := testCA(f, "gateway")
	m, err := NewMinter(certs["gateway"])
	if err != nil {
		f.Fatal(err)
	}
	now := time.Now()
	token, err := m.mint(beep.Caller{User: 7, Session: 8, Roles: []string{"r"}}, now)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{token, "", ".", "..", "a.b.c", token[:len(token)-2], token + "=", `{"payload":""}`} {
		f.Add(seed)
	}
	v := NewVerifier(ca.Pool())
	f.Fuzz(func(t *testing.T, s string) {
		caller, until, err := v.verify(s, now)
		if err == nil && (caller.User != 7 || caller.Session != 8 || until.After(now.Add(IdentityLife+identitySkew))) {
			t.Errorf("accepted %q as %+v until %v", s, caller, until)
		}
	})
}

func TestExpiring_IsBounded(t *testing.T) {
	now := time.Now()
	x := newExpiring[int, string](100)
	for i := range 50 {
		x.put(i, "old", now.Add(time.Second), now)
	}
	now = now.Add(time.Minute)
	for i := 50; i < 100; i++ {
		x.put(i, "new", now.Add(time.Hour), now)
	}
	x.put(100, "new", now.Add(time.Hour), now)
	for i := 50; i <= 100; i++ {
		if _, ok := x.get(i, now); !ok {
			t.Fatalf("%d was dropped although others had ended", i)
		}
	}
	for i := 101; i < 1000; i++ {
		x.put(i, fmt.Sprint(i), now.Add(time.Hour), now)
		if len(x.entries) > 100 {
			t.Fatalf("%d entries", len(x.entries))
		}
		if got, ok := x.get(i, now); !ok || got != fmt.Sprint(i) {
			t.Fatalf("the newest is not there: %q, %v", got, ok)
		}
	}
	if _, ok := x.get(999, now.Add(time.Hour)); ok {
		t.Error("an entry outlived its end")
	}
}

func BenchmarkVerifier(b *testing.B) {
	ca, certs := testCA(b, "gateway")
	m, err := NewMinter(certs["gateway"])
	if err != nil {
		b.Fatal(err)
	}
	token, err := m.mint(beep.Caller{User: 7}, time.Now())
	if err != nil {
		b.Fatal(err)
	}
	v := NewVerifier(ca.Pool())
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := v.verify(token, time.Now()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("known", func(b *testing.B) {
		ctx := withIncoming(b.Context(), token)
		for b.Loop() {
			if _, _, err := v.incoming(ctx, time.Now()); err != nil {
				b.Fatal(err)
			}
		}
	})
}
