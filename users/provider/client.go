package provider

import (
	"slices"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// client is Beep's web client: public, so it has no secret and must prove each code by PKCE.
type client struct {
	redirects   []string
	postLogouts []string
}

var _ op.Client = (*client)(nil)

// GetID is the client_id.
func (c *client) GetID() string { return WebClient }

// RedirectURIs are where codes may go, to the letter.
func (c *client) RedirectURIs() []string { return c.redirects }

// PostLogoutRedirectURIs are where a sign-out may end, to the letter.
func (c *client) PostLogoutRedirectURIs() []string { return c.postLogouts }

// ApplicationType is a page in a browser, which can keep no secret.
func (c *client) ApplicationType() op.ApplicationType { return op.ApplicationTypeUserAgent }

// AuthMethod is none: what a secret in a page would prove, anyone could.
func (c *client) AuthMethod() oidc.AuthMethod { return oidc.AuthMethodNone }

// ResponseTypes leave no flow but that of the code.
func (c *client) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}

// GrantTypes are what the token endpoint trades.
func (c *client) GrantTypes() []oidc.GrantType {
	return []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken}
}

// LoginURL is not asked for: server.Authorize decides where to go.
func (c *client) LoginURL(string) string { return "" }

// AccessTokenType is a JWT, which services check by themselves.
func (c *client) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeJWT }

// IDTokenLifetime is how long an ID token holds.
func (c *client) IDTokenLifetime() time.Duration { return idTokenLife }

// DevMode allows redirects to http, which are as exact as all others: an installation on loopback has no https.
func (c *client) DevMode() bool { return true }

// RestrictAdditionalIdTokenScopes restricts nothing: claimsOf goes by the scopes that were granted.
func (c *client) RestrictAdditionalIdTokenScopes() func(scopes []string) []string { //nolint:revive,staticcheck // the library's name
	return func(scopes []string) []string { return scopes }
}

// RestrictAdditionalAccessTokenScopes restricts nothing either.
func (c *client) RestrictAdditionalAccessTokenScopes() func(scopes []string) []string {
	return func(scopes []string) []string { return scopes }
}

// IsScopeAllowed leaves out what means nothing here.
func (c *client) IsScopeAllowed(scope string) bool { return slices.Contains(scopes(), scope) }

// IDTokenUserinfoClaimsAssertion puts the profile into the ID token, so that a sign-in needs no second request.
func (c *client) IDTokenUserinfoClaimsAssertion() bool { return true }

// ClockSkew is none: kit/oidc and OpenID clients bring their own leeway.
func (c *client) ClockSkew() time.Duration { return 0 }

// scopes are those that mean something here.
func scopes() []string {
	return []string{oidc.ScopeOpenID, oidc.ScopeProfile, oidc.ScopeEmail, oidc.ScopeOfflineAccess}
}
