package provider

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	zoidc "github.com/zitadel/oidc/v3/pkg/oidc"

	"github.com/beep-chat/beep/kit/oidc"
	"github.com/beep-chat/beep/users"
)

// idTokenLife: an ID token tells the client once who signed in, and the end of the session which one is meant.
const idTokenLife = 10 * time.Minute

// accessClaims are what an access token says (RFC 9068).
type accessClaims struct {
	Issuer   string   `json:"iss"`       // one installation's token opens nothing at another
	Subject  string   `json:"sub"`       // the user's id, never the name or address, which change hands
	Audience string   `json:"aud"`       // our services: an ID token, which is for the client, is refused there
	Client   string   `json:"client_id"` // a client may revoke its own tokens only
	Session  string   `json:"sid"`       // what the revocation feed names: ends the token before its time
	ID       string   `json:"jti"`       // makes two tokens of one second two
	Scope    string   `json:"scope"`     // how much of the profile userinfo tells
	Roles    []string `json:"roles"`     // as of the issue; introspection answers those of now
	IssuedAt int64    `json:"iat"`
	Expires  int64    `json:"exp"`
}

// idClaims are what an ID token says.
type idClaims struct {
	Issuer     string `json:"iss"`
	Subject    string `json:"sub"`
	Audience   string `json:"aud"`
	Party      string `json:"azp"`
	Session    string `json:"sid"`             // a sign-out that brings the token ends this one, unasked
	Nonce      string `json:"nonce,omitempty"` // the client's own: an answer that was meant for another sign-in is seen
	AccessHash string `json:"at_hash"`         // and so is an access token that was put beside it
	IssuedAt   int64  `json:"iat"`
	AuthTime   int64  `json:"auth_time"` // when the password was last given, for clients that ask for max_age
	Expires    int64  `json:"exp"`
	profileClaims
}

// profileClaims are what the scopes profile and email open.
type profileClaims struct {
	Username      string `json:"preferred_username,omitempty"`
	Name          string `json:"name,omitempty"`
	Email         string `json:"email,omitempty"`
	EmailVerified bool   `json:"email_verified,omitempty"`
}

// claimsOf calls every address verified, since none has an account before it is.
func claimsOf(u users.User, scopes []string) profileClaims {
	var c profileClaims
	if slices.Contains(scopes, zoidc.ScopeProfile) {
		c.Username, c.Name = u.Username, u.DisplayName
	}
	if slices.Contains(scopes, zoidc.ScopeEmail) {
		c.Email, c.EmailVerified = u.Email, true
	}
	return c
}

// respond makes the tokens of what was issued.
func (s *server) respond(ctx context.Context, i users.Issued) (*zoidc.AccessTokenResponse, error) {
	sign, err := s.signer(ctx)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	access, err := sign(oidc.TypeAccessToken, accessClaims{
		Issuer: s.p.users.Issuer(), Subject: i.User.ID.String(), Audience: users.Audience, Client: i.Client, Session: i.Session.ID.String(),
		ID: rand.Text(), Scope: strings.Join(i.Scopes, " "), Roles: append([]string{}, i.User.Roles...),
		IssuedAt: now.Unix(), Expires: i.Expires.Unix(),
	})
	if err != nil {
		return nil, err
	}
	hash, err := zoidc.ClaimHash(access, jose.ES256)
	if err != nil {
		return nil, err
	}
	id, err := sign("JWT", idClaims{
		Issuer: s.p.users.Issuer(), Subject: i.User.ID.String(), Audience: i.Client, Party: i.Client, Session: i.Session.ID.String(),
		Nonce: i.Nonce, AccessHash: hash, IssuedAt: now.Unix(), AuthTime: i.Proven.Unix(), Expires: now.Add(idTokenLife).Unix(),
		profileClaims: claimsOf(i.User, i.Scopes),
	})
	if err != nil {
		return nil, err
	}
	return &zoidc.AccessTokenResponse{
		AccessToken: access, IDToken: id, RefreshToken: i.Refresh, TokenType: zoidc.BearerToken,
		ExpiresIn: uint64(users.TokenLife.Seconds()), Scope: i.Scopes,
	}, nil
}

// signer answers what signs claims as a token of a type with the key of the day. Both tokens of an answer are signed
// with the same.
func (s *server) signer(ctx context.Context) (func(typ jose.ContentType, claims any) (string, error), error) {
	id, key, err := s.p.users.SigningKey(ctx)
	if err != nil {
		return nil, err
	}
	return func(typ jose.ContentType, claims any) (string, error) {
		opts := (&jose.SignerOptions{}).WithType(typ).WithHeader("kid", id)
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, opts)
		if err != nil {
			return "", fmt.Errorf("sign token: %w", err)
		}
		payload, err := json.Marshal(claims)
		if err != nil {
			return "", fmt.Errorf("sign token: %w", err)
		}
		jws, err := signer.Sign(payload)
		if err != nil {
			return "", fmt.Errorf("sign token: %w", err)
		}
		return jws.CompactSerialize()
	}, nil
}

// hint is what an id_token_hint says: a token of ours, which may be long over.
type hint struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Audience string `json:"aud"`
	Session  string `json:"sid"`
}

var errHint = errors.New("the id_token_hint is not ours")

// readHint checks a hint by its signature. Its expiry does not count: people sign out when their ID token is long
// over, and RP-Initiated Logout 1.0 wants it taken (2).
func (p *Provider) readHint(ctx context.Context, token string) (hint, error) {
	if len(token) > oidc.MaxToken {
		return hint{}, errHint
	}
	jwks, err := p.users.PublicKeys(ctx)
	if err != nil {
		return hint{}, err
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(jwks, &set); err != nil {
		return hint{}, err
	}
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil || len(jws.Signatures) != 1 {
		return hint{}, errHint
	}
	// An access token has another typ: it is for our services, and no proof of anything here.
	head := jws.Signatures[0].Protected
	keys := set.Key(head.KeyID)
	if len(keys) != 1 || head.ExtraHeaders[jose.HeaderType] != "JWT" {
		return hint{}, errHint
	}
	payload, err := jws.Verify(keys[0].Key)
	if err != nil {
		return hint{}, errHint
	}
	var h hint
	if json.Unmarshal(payload, &h) != nil || h.Issuer != p.users.Issuer() || h.Audience != WebClient {
		return hint{}, errHint
	}
	return h, nil
}
