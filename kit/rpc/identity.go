package rpc

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"google.golang.org/grpc/metadata"

	"github.com/beep-chat/beep"
)

// An identity is the proof, passed from service to service, of which user a call is made for: a JWT signed
// by the edge that checked the user's own token. It lives so short that nothing revokes it; revocation is
// the edge's, which stops minting.

const (
	// IdentityLife is how long a minted identity is valid.
	IdentityLife = 60 * time.Second
	// identityReuse is how long the edge hands out the same identity; the rest of its life is for the request.
	identityReuse = 30 * time.Second
	// identitySkew is how far apart the clocks of two services may be.
	identitySkew = 5 * time.Second

	identityKey      = "beep-identity" // in metadata
	identityType     = "beep-identity+jwt"
	identityAudience = "beep-internal"
	maxIdentityBytes = 8 << 10
	identityCache    = 8192 // entries of about 1.5 KB
)

// minters are the services that sign identities: the edges that users reach, and no other.
func minters() []string { return []string{"gateway", "realtime"} }

type identityClaims struct {
	jwt.Claims

	Session string   `json:"sid,omitempty"`
	Roles   []string `json:"roles,omitempty"`
}

// Minter signs identities. Only the gateway and realtime have one. Safe for concurrent use.
type Minter struct {
	creds Credentials

	mu   sync.Mutex // guards hand
	hand *hand
}

// hand is what a minter signs with until its certificate is renewed. What it has signed goes with it: an identity is
// refused when the certificate in it has ended.
type hand struct {
	leaf    *x509.Certificate
	service string
	signer  jose.Signer
	minted  *expiring[mintKey, string]
}

// mintKey is all of a Caller that an identity says.
type mintKey struct {
	user    beep.UserID
	session beep.SessionID
	roles   string
}

// NewMinter signs as the service of cert, whose chain goes along in each identity. The certificate must be
// the gateway's or realtime's and its key Ed25519.
func NewMinter(cert tls.Certificate) (*Minter, error) { return Credentials{Cert: cert}.Minter() }

// Minter is NewMinter with these credentials, and with those that take their place.
func (c Credentials) Minter() (*Minter, error) {
	h, err := newHand(c.now().Cert)
	if err != nil {
		return nil, fmt.Errorf("new minter: %w", err)
	}
	return &Minter{creds: c, hand: h}, nil
}

func newHand(cert tls.Certificate) (*hand, error) {
	leaf, err := leafOf(cert)
	if err != nil {
		return nil, err
	}
	service, err := serviceOf(leaf)
	if err != nil {
		return nil, err
	}
	key, ok := cert.PrivateKey.(ed25519.PrivateKey)
	if !ok || !slices.Contains(minters(), service) {
		return nil, fmt.Errorf("%s with a %T may not sign identities", service, cert.PrivateKey)
	}
	chain := make([]string, len(cert.Certificate))
	for i, der := range cert.Certificate {
		chain[i] = base64.StdEncoding.EncodeToString(der)
	}
	// The certificate travels in the token, so that who verifies needs to know the CA and none of the edges.
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: key},
		(&jose.SignerOptions{}).WithType(identityType).WithHeader("x5c", chain))
	if err != nil {
		return nil, err
	}
	return &hand{leaf: leaf, service: service, signer: signer, minted: newExpiring[mintKey, string](identityCache)}, nil
}

// current is the hand of the certificate that holds now.
func (m *Minter) current() (*hand, error) {
	cert := m.creds.now().Cert
	m.mu.Lock()
	defer m.mu.Unlock()
	if cert.Leaf == nil || cert.Leaf.Equal(m.hand.leaf) {
		return m.hand, nil
	}
	h, err := newHand(cert)
	if err != nil {
		return nil, err
	}
	m.hand = h
	return h, nil
}

// WithIdentity is how the edge starts a call for a user: calls made with the context it returns carry the
// caller's user, session and roles, and so do the calls that their handlers make. For a caller without a
// user the context carries no identity.
func WithIdentity(ctx context.Context, m *Minter, caller beep.Caller) (context.Context, error) {
	token := ""
	if caller.User != 0 {
		var err error
		if token, err = m.mint(caller, time.Now()); err != nil {
			return nil, err
		}
	}
	return withToken(beep.WithCaller(ctx, caller), token), nil
}

func (m *Minter) mint(caller beep.Caller, now time.Time) (string, error) {
	h, err := m.current()
	if err != nil {
		return "", fmt.Errorf("mint an identity: %w", err)
	}
	// With the roles, so that a change of them makes another identity at once.
	key := mintKey{caller.User, caller.Session, strings.Join(caller.Roles, " ")}
	if token, ok := h.minted.get(key, now); ok {
		return token, nil
	}
	claims := identityClaims{
		Claims: jwt.Claims{
			Issuer: h.service, Audience: jwt.Audience{identityAudience}, Subject: caller.User.String(),
			IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(IdentityLife)),
		},
		Roles: caller.Roles,
	}
	if caller.Session != 0 {
		claims.Session = caller.Session.String()
	}
	token, err := jwt.Signed(h.signer).Claims(claims).Serialize()
	if err != nil {
		return "", fmt.Errorf("mint an identity: %w", err)
	}
	h.minted.put(key, token, now.Add(identityReuse), now)
	return token, nil
}

// Verifier accepts identities that the gateway or realtime of this installation has signed. It remembers
// those it has accepted until they expire, so that the usual cost of one is a lookup. Safe for concurrent use.
type Verifier struct {
	creds    Credentials // whose CA signs for this installation
	accepted *expiring[string, beep.Caller]
}

// NewVerifier trusts the certificates that roots have signed.
func NewVerifier(roots *x509.CertPool) *Verifier { return Credentials{CA: roots}.Verifier() }

// Verifier is NewVerifier with whom these credentials trust, and with whom they will.
func (c Credentials) Verifier() *Verifier {
	return &Verifier{creds: c, accepted: newExpiring[string, beep.Caller](identityCache)}
}

// incoming is the identity that a request carries and whom it names; no token and the zero Caller if none.
// Several are refused: which one counts must not depend on who looks.
func (v *Verifier) incoming(ctx context.Context, now time.Time) (string, beep.Caller, error) {
	tokens := metadata.ValueFromIncomingContext(ctx, identityKey)
	if len(tokens) == 0 {
		return "", beep.Caller{}, nil
	}
	if len(tokens) > 1 || v == nil {
		return "", beep.Caller{}, badIdentity(errors.New("not one identity, or none can be verified here"))
	}
	if caller, ok := v.accepted.get(tokens[0], now); ok {
		caller.Roles = slices.Clone(caller.Roles) // a handler's are its own
		return tokens[0], caller, nil
	}
	caller, until, err := v.verify(tokens[0], now)
	if err != nil {
		return "", beep.Caller{}, badIdentity(err)
	}
	v.accepted.put(tokens[0], caller, until, now)
	caller.Roles = slices.Clone(caller.Roles)
	return tokens[0], caller, nil
}

func badIdentity(err error) error {
	e := beep.Unauthenticated(beep.CodeInvalidToken, "the identity of the request is not valid")
	e.Err = err
	return e
}

// verify checks everything about a token, and says until when it holds.
func (v *Verifier) verify(token string, now time.Time) (caller beep.Caller, until time.Time, err error) {
	if len(token) > maxIdentityBytes {
		return caller, until, errors.New("identity too long")
	}
	// The one algorithm that we sign with: what a token says of itself is no choice (RFC 8725, 3.1).
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil {
		return caller, until, fmt.Errorf("parse identity: %w", err)
	}
	leaf, service, err := v.signer(parsed.Headers[0], now)
	if err != nil {
		return caller, until, err
	}
	var claims identityClaims
	if err = parsed.Claims(leaf.PublicKey, &claims); err != nil {
		return caller, until, fmt.Errorf("identity of %s: %w", service, err)
	}
	until, err = claims.check(service, now)
	if err != nil {
		return caller, until, fmt.Errorf("identity of %s: %w", service, err)
	}
	// It must not outlive the certificate that vouches for it.
	if leaf.NotAfter.Before(until) {
		until = leaf.NotAfter
	}
	caller, err = claims.caller()
	return caller, until, err
}

// signer is the certificate in a token's header, if it is one that may sign identities.
func (v *Verifier) signer(h jose.Header, now time.Time) (*x509.Certificate, string, error) {
	if typ, _ := h.ExtraHeaders[jose.HeaderType].(string); typ != identityType {
		return nil, "", fmt.Errorf("identity of type %q", typ)
	}
	chains, err := h.Certificates(x509.VerifyOptions{
		Roots: v.creds.now().CA, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return nil, "", fmt.Errorf("certificate of identity: %w", err)
	}
	leaf := chains[0][0]
	service, err := serviceOf(leaf)
	if err != nil {
		return nil, "", fmt.Errorf("certificate of identity: %w", err)
	}
	// Every service has a certificate of this CA. Only the edges may say who a user is, or whoever breaks into one
	// service could be anyone in all of them.
	if _, ok := leaf.PublicKey.(ed25519.PublicKey); !ok || !slices.Contains(minters(), service) {
		return nil, "", fmt.Errorf("%s may not sign identities", service)
	}
	return leaf, service, nil
}

// check is the time-bound part: whoever signs can't make an identity that lives longer than they may.
func (c identityClaims) check(service string, now time.Time) (until time.Time, err error) {
	if c.Expiry == nil || c.IssuedAt == nil {
		return until, errors.New("no exp or no iat")
	}
	until = c.Expiry.Time()
	if until.Sub(c.IssuedAt.Time()) > IdentityLife {
		return until, errors.New("lives too long")
	}
	want := jwt.Expected{Issuer: service, AnyAudience: jwt.Audience{identityAudience}, Time: now}
	if err := c.ValidateWithLeeway(want, identitySkew); err != nil {
		return until, err
	}
	return until.Add(identitySkew), nil
}

func (c identityClaims) caller() (beep.Caller, error) {
	caller := beep.Caller{Roles: c.Roles}
	if err := caller.User.UnmarshalText([]byte(c.Subject)); err != nil {
		return beep.Caller{}, fmt.Errorf("identity of no user: %q", c.Subject)
	}
	if c.Session == "" {
		return caller, nil
	}
	if err := caller.Session.UnmarshalText([]byte(c.Session)); err != nil {
		return beep.Caller{}, fmt.Errorf("identity of no session: %q", c.Session)
	}
	return caller, nil
}

// tokenKey is where a context keeps the identity of its request; the client side sends it on.
type tokenKey struct{}

func withToken(ctx context.Context, token string) context.Context {
	if tokenFrom(ctx) == token {
		return ctx
	}
	return context.WithValue(ctx, tokenKey{}, token)
}

func tokenFrom(ctx context.Context) string {
	token, _ := ctx.Value(tokenKey{}).(string)
	return token
}
