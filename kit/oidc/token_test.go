package oidc_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/beep-chat/beep/kit/oidc"
)

const (
	issuer   = "https://chat.example.org"
	audience = "beep"
)

// issue is a token factory with one key of each kind that matters to an attack.
type issue struct {
	ec  *ecdsa.PrivateKey
	rsa *rsa.PrivateKey
}

func newIssue(tb testing.TB) *issue {
	tb.Helper()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		tb.Fatal(err)
	}
	return &issue{ec, rsaKey}
}

func (i *issue) jwks(tb testing.TB) []byte {
	tb.Helper()
	b, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{KeyID: "ec", Key: i.ec.Public(), Algorithm: "ES256", Use: "sig"},
		{KeyID: "rsa", Key: i.rsa.Public(), Use: "sig"},
		{KeyID: "wrap", Key: i.rsa.Public(), Use: "enc"},
	}})
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// claims are those of a good token, changed by change.
func claims(now time.Time, change map[string]any) map[string]any {
	c := map[string]any{
		"iss": issuer, "sub": "42", "aud": []string{audience}, "sid": "7", "jti": "j", "client_id": "beep-web",
		"scope": "openid", "roles": []string{"UserModerator"}, "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
	}
	maps.Copy(c, change)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

type headers map[jose.HeaderKey]any

func sign(tb testing.TB, alg jose.SignatureAlgorithm, key any, h headers, body any) string {
	tb.Helper()
	opts := &jose.SignerOptions{}
	for k, v := range h {
		opts.WithHeader(k, v)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, opts)
	if err != nil {
		tb.Fatal(err)
	}
	payload, err := json.Marshal(body)
	if err != nil {
		tb.Fatal(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		tb.Fatal(err)
	}
	token, err := jws.CompactSerialize()
	if err != nil {
		tb.Fatal(err)
	}
	return token
}

func (i *issue) token(tb testing.TB, change map[string]any) string {
	tb.Helper()
	return sign(tb, jose.ES256, i.ec, headers{"kid": "ec", "typ": "at+jwt"}, claims(time.Now(), change))
}

func raw(header, body string) string {
	enc := base64.RawURLEncoding.EncodeToString
	return enc([]byte(header)) + "." + enc([]byte(body)) + "."
}

func TestKeys_Verify(t *testing.T) {
	t.Parallel()
	is, other := newIssue(t), newIssue(t)
	keys, err := oidc.ParseKeys(is.jwks(t))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	good := claims(now, nil)
	at := headers{"kid": "ec", "typ": "at+jwt"}
	with := func(k string, v any) string { return sign(t, jose.ES256, is.ec, at, claims(now, map[string]any{k: v})) }
	head := func(h headers) string {
		merged := maps.Clone(at)
		maps.Copy(merged, h)
		return sign(t, jose.ES256, is.ec, merged, good)
	}
	der, err := x509.MarshalPKIXPublicKey(is.rsa.Public())
	if err != nil {
		t.Fatal(err)
	}
	asSecret := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	whole := sign(t, jose.ES256, is.ec, at, good)
	parts := strings.Split(whole, ".")

	tests := []struct {
		name  string
		token string
		ok    bool
	}{
		{"a good token", whole, true},
		{"one audience as a string", with("aud", audience), true},
		{"our audience among several", with("aud", []string{"x", audience}), true},
		{"fractions of a second", with("iat", float64(now.UnixMilli())/1000), true},
		{"the long form of typ", sign(t, jose.ES256, is.ec, headers{"kid": "ec", "typ": "application/AT+JWT"}, good), true},
		{"Keycloak's access token", sign(t, jose.RS256, is.rsa, headers{"kid": "rsa", "typ": "JWT"}, claims(now, map[string]any{"typ": "Bearer"})), true},
		{"expired less than the leeway ago", with("exp", now.Add(-59*time.Second).Unix()), true},
		{"issued by a clock ahead by less than the leeway", with("iat", now.Add(59*time.Second).Unix()), true},

		{"empty", "", false},
		{"not a token", "not a token", false},
		{"two parts", parts[0] + "." + parts[1], false},
		{"five parts", whole + ".a.b", false},
		{"an ID token", sign(t, jose.ES256, is.ec, headers{"kid": "ec", "typ": "JWT"}, good), false},
		{"Keycloak's ID token", sign(t, jose.RS256, is.rsa, headers{"kid": "rsa", "typ": "JWT"}, claims(now, map[string]any{"typ": "ID"})), false},
		{"Keycloak's refresh token", sign(t, jose.RS256, is.rsa, headers{"kid": "rsa", "typ": "JWT"}, claims(now, map[string]any{"typ": "Refresh"})), false},
		{"no typ", sign(t, jose.ES256, is.ec, headers{"kid": "ec"}, good), false},
		{"alg none", raw(`{"alg":"none","kid":"ec","typ":"at+jwt"}`, `{"iss":"`+issuer+`"}`), false},
		{"alg None", raw(`{"alg":"None","kid":"ec","typ":"at+jwt"}`, `{"iss":"`+issuer+`"}`), false},
		{"the public key as a shared secret", sign(t, jose.HS256, asSecret, headers{"kid": "rsa", "typ": "at+jwt"}, good), false},
		{"another algorithm than the key's", sign(t, jose.RS256, is.rsa, at, good), false},
		{"RS512, which is not on the list", sign(t, jose.RS512, is.rsa, headers{"kid": "rsa", "typ": "at+jwt"}, good), false},
		{"another's key under our id", sign(t, jose.ES256, other.ec, at, good), false},
		{"an unknown key", sign(t, jose.ES256, is.ec, headers{"kid": "../../dev/null", "typ": "at+jwt"}, good), false},
		{"a key that is for encryption", sign(t, jose.RS256, is.rsa, headers{"kid": "wrap", "typ": "at+jwt"}, good), false},
		{"no key id", sign(t, jose.ES256, is.ec, headers{"typ": "at+jwt"}, good), false},
		{"a key in the header", sign(t, jose.ES256, other.ec, headers{"kid": "ec", "typ": "at+jwt", "jwk": jose.JSONWebKey{Key: other.ec.Public()}}, good), false},
		{"the address of a key in the header", head(headers{"jku": "https://evil.example/keys"}), false},
		{"the address of a certificate", head(headers{"x5u": "https://evil.example/cert"}), false},
		{"an extension that must be understood", head(headers{"crit": []string{"exp"}, "exp": 1}), false},
		{"the body of another token", parts[0] + "." + strings.Split(with("sub", "1"), ".")[1] + "." + parts[2], false},
		{"the signature cut off", parts[0] + "." + parts[1] + ".", false},
		{"another issuer", with("iss", "https://chat.example.org.evil.example"), false},
		{"our issuer with a slash", with("iss", issuer+"/"), false},
		{"no issuer", with("iss", nil), false},
		{"another audience", with("aud", "beep-web"), false},
		{"no audience", with("aud", nil), false},
		{"no subject", with("sub", nil), false},
		{"no session", with("sid", nil), false},
		{"no expiry", with("exp", nil), false},
		{"expired more than the leeway ago", with("exp", now.Add(-61*time.Second).Unix()), false},
		{"an expiry in another case", sign(t, jose.ES256, is.ec, at, claims(now, map[string]any{"exp": nil, "EXP": now.Add(time.Hour).Unix()})), false},
		{"an expiry that overflows", with("exp", 1e300), false},
		{"an expiry that is a string", with("exp", "9999999999"), false},
		{"no time of issue", with("iat", nil), false},
		{"issued by a clock ahead by more than the leeway", with("iat", now.Add(62*time.Second).Unix()), false},
		{"not valid yet", with("nbf", now.Add(time.Hour).Unix()), false},
		{"a body that is no object", sign(t, jose.ES256, is.ec, at, []string{"x"}), false},
		{"too large", with("pad", strings.Repeat("x", oidc.MaxToken)), false},
		{"a megabyte of header", strings.Repeat("A", 1<<20) + "." + parts[1] + "." + parts[2], false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := keys.Verify(tt.token, oidc.Expect{Issuer: issuer, Audience: audience}, now)
			if (err == nil) != tt.ok {
				t.Fatalf("Verify = %+v, %v; want ok %v", got, err, tt.ok)
			}
			if tt.ok && (got.Subject != "42" || got.Session != "7" || len(got.Roles) != 1 || got.Client != "beep-web") {
				t.Errorf("Verify = %+v, want the token's claims", got)
			}
		})
	}
}

func TestKeys_VerifyRefusesWithoutExpectation(t *testing.T) {
	t.Parallel()
	is := newIssue(t)
	keys, err := oidc.ParseKeys(is.jwks(t))
	if err != nil {
		t.Fatal(err)
	}
	token := is.token(t, map[string]any{"iss": nil, "aud": []string{""}})
	if _, err := keys.Verify(token, oidc.Expect{}, time.Now()); err == nil {
		t.Error("a token without an issuer passed a verifier that expects none")
	}
}

func TestParseKeys_LeavesOutWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	is := newIssue(t)
	set := strings.Replace(string(is.jwks(t)), `{"keys":[`, `{"keys":[{"kty":"future","kid":"f"},`, 1)
	keys, err := oidc.ParseKeys([]byte(set))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Verify(is.token(t, nil), oidc.Expect{Issuer: issuer, Audience: audience}, time.Now()); err != nil {
		t.Errorf("Verify beside a key of an unknown kind: %v", err)
	}
	if _, err := oidc.ParseKeys([]byte("<html>")); err == nil {
		t.Error("ParseKeys took a web page")
	}
}

func FuzzKeys_Verify(f *testing.F) {
	is := newIssue(f)
	keys, err := oidc.ParseKeys(is.jwks(f))
	if err != nil {
		f.Fatal(err)
	}
	genuine := is.token(f, nil)
	f.Add(genuine)
	f.Add(raw(`{"alg":"none","kid":"ec","typ":"at+jwt"}`, `{}`))
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, token string) {
		// The last character of a signature has bits that mean nothing; all else of a changed token must be noticed.
		_, err := keys.Verify(token, oidc.Expect{Issuer: issuer, Audience: audience}, time.Now())
		if err == nil && token[:len(token)-1] != genuine[:len(genuine)-1] {
			t.Errorf("a token that nobody signed passed: %q", token)
		}
	})
}
