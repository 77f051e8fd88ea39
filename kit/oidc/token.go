package oidc

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"

	"github.com/beep-chat/beep"
)

const (
	// MaxToken is the size in bytes above which a token is refused unread.
	MaxToken = 8 << 10
	// Leeway is how far the clocks of an issuer and of a verifier may be apart.
	Leeway = 60 * time.Second
	// TypeAccessToken is the typ header of an access token (RFC 9068), which keeps an ID token from passing for one.
	TypeAccessToken = "at+jwt"
)

// Expect is what a token must say to be meant for us.
type Expect struct {
	Issuer   string // exactly this one
	Audience string // among those that the token names
}

// Claims is what a verified access token says.
type Claims struct {
	Subject  string
	Session  string // sid
	ID       string // jti
	Client   string // client_id
	Scope    string
	Roles    []string
	IssuedAt time.Time
	Expires  time.Time
}

// Keys is the public half of an issuer's signing keys. The zero Keys verifies nothing.
type Keys struct{ byID map[string]jose.JSONWebKey }

// algorithms is the whole list of signatures that are accepted. Each is asymmetric, so that a public key can never
// be taken for a shared secret, and "none" is not among them.
func algorithms() []jose.SignatureAlgorithm {
	return []jose.SignatureAlgorithm{jose.ES256, jose.EdDSA, jose.RS256, jose.PS256}
}

// errUnknownKey is a token signed with a key that we have not seen: the issuer may have a new one.
var errUnknownKey = errors.New("signed with an unknown key")

// ParseKeys reads a JSON Web Key Set (RFC 7517). Keys that are not public, not for signatures, without an id or of
// a kind that we do not accept are left out.
func ParseKeys(jwks []byte) (*Keys, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(jwks, &set); err != nil {
		return nil, fmt.Errorf("parse key set: %w", err)
	}
	keys := &Keys{byID: map[string]jose.JSONWebKey{}}
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		if err := json.Unmarshal(raw, &key); err != nil {
			continue // a kind of key from the future must not take away the others
		}
		signs := key.Use == "" || key.Use == "sig"
		if key.KeyID != "" && signs && key.IsPublic() && key.Valid() {
			keys.byID[key.KeyID] = key
		}
	}
	return keys, nil
}

// Verify checks everything that can be checked without asking the issuer: size, form, type, algorithm, signature,
// issuer, audience and times. The errors say why, for the log only; whoever sent the token learns nothing of it.
func (k *Keys) Verify(token string, want Expect, now time.Time) (Claims, error) {
	if len(token) > MaxToken {
		return Claims{}, errors.New("token too large")
	}
	head, err := parseHeader(token)
	if err != nil {
		return Claims{}, err
	}
	payload, err := k.open(token, head)
	if err != nil {
		return Claims{}, err
	}
	var body body
	if err := json.Unmarshal(payload, &body); err != nil {
		return Claims{}, fmt.Errorf("token body: %w", err)
	}
	if err := body.check(head, want, now); err != nil {
		return Claims{}, err
	}
	return Claims{
		Subject: body.Subject, Session: body.Session, ID: body.ID, Client: body.Client, Scope: body.Scope,
		Roles: body.Roles, IssuedAt: body.IssuedAt.time(), Expires: body.Expires.time(),
	}, nil
}

// open checks the signature and gives what it covers.
func (k *Keys) open(token string, head header) ([]byte, error) {
	// The list is ours. The token's own alg only says which of it was used (RFC 8725, 3.1).
	jws, err := jose.ParseSignedCompact(token, algorithms())
	if err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	key, ok := k.byID[head.KeyID]
	if !ok {
		return nil, errUnknownKey
	}
	// A key that names its algorithm is good for no other.
	if key.Algorithm != "" && key.Algorithm != head.Algorithm {
		return nil, errors.New("algorithm is not the key's")
	}
	payload, err := jws.Verify(key.Key)
	if err != nil {
		return nil, fmt.Errorf("token signature: %w", err)
	}
	return payload, nil
}

// header is the part of a token that says how to read it. It is not signed for, so nothing in it is followed:
// a key or the address of one is a reason to refuse.
type header struct {
	Algorithm string          `json:"alg"`
	KeyID     string          `json:"kid"`
	Type      string          `json:"typ"`
	Critical  json.RawMessage `json:"crit"`
	KeyURL    json.RawMessage `json:"jku"`
	Key       json.RawMessage `json:"jwk"`
	CertURL   json.RawMessage `json:"x5u"`
	Certs     json.RawMessage `json:"x5c"`
}

func parseHeader(token string) (header, error) {
	first, _, _ := strings.Cut(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(first)
	if err != nil {
		return header{}, fmt.Errorf("token header: %w", err)
	}
	var h header
	if err := json.Unmarshal(raw, &h); err != nil {
		return header{}, fmt.Errorf("token header: %w", err)
	}
	// What is critical and not known must be refused (RFC 7515, 4.1.11), and a key that a token brings along proves
	// nothing.
	if h.Critical != nil || h.KeyURL != nil || h.Key != nil || h.CertURL != nil || h.Certs != nil {
		return header{}, errors.New("token header names a key or an extension")
	}
	if h.KeyID == "" {
		return header{}, errors.New("token header names no key id")
	}
	return h, nil
}

// body is what is signed for.
type body struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  audience `json:"aud"`
	Session   string   `json:"sid"`
	ID        string   `json:"jti"`
	Client    string   `json:"client_id"`
	Scope     string   `json:"scope"`
	Roles     []string `json:"roles"`
	Type      string   `json:"typ"`
	IssuedAt  instant  `json:"iat"`
	NotBefore instant  `json:"nbf"`
	Expires   instant  `json:"exp"`
}

func (b *body) check(head header, want Expect, now time.Time) error {
	typ := strings.TrimPrefix(strings.ToLower(head.Type), "application/")
	// Keycloak says "JWT" in the header and what kind of token it is in the body.
	if typ != TypeAccessToken && (typ != "jwt" || b.Type != "Bearer") {
		return errors.New("not an access token")
	}
	// With nothing expected, a token that names no issuer would pass.
	if b.Issuer != want.Issuer || want.Issuer == "" {
		return errors.New("another issuer")
	}
	if !slices.Contains(b.Audience, want.Audience) {
		return errors.New("another audience")
	}
	// Without a session no revocation could name it.
	if b.Subject == "" || b.Session == "" {
		return errors.New("names no subject or no session")
	}
	if b.Expires == 0 || !now.Before(b.Expires.time().Add(Leeway)) {
		return errors.New("expired")
	}
	if b.IssuedAt == 0 || max(b.IssuedAt, b.NotBefore).time().After(now.Add(Leeway)) {
		return errors.New("not valid yet")
	}
	return nil
}

// audience is one name or several. RFC 7519 allows both (4.1.3).
type audience []string

// UnmarshalJSON reads both forms.
func (a *audience) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(a))
}

// instant is a NumericDate: seconds since 1970, whole or not.
type instant float64

// UnmarshalJSON refuses what is no date of this era, so that no arithmetic can overflow.
func (i *instant) UnmarshalJSON(b []byte) error {
	var f float64
	if err := json.Unmarshal(b, &f); err != nil {
		return err
	}
	if f < 0 || f > 1e11 {
		return errors.New("not a date")
	}
	*i = instant(f)
	return nil
}

func (i instant) time() time.Time { return time.UnixMilli(int64(float64(i) * 1000)).UTC() }

// refused is what a caller learns of any token that does not pass.
func refused(why error) error {
	err := beep.Unauthenticated(beep.CodeInvalidToken, "sign in again")
	err.Err = why
	return err
}
