// Package oidc says what an access token is worth. A Verifier checks it by its signature, asks the users service
// about it at most once per token and TTL, and follows the revocation feed, so that a token dies everywhere within
// a second of being revoked. Keys alone, without asking anyone, is what the issuer itself needs.
//
// It is not a provider and not a client of one: that is users/provider and the web client.
package oidc

import (
	"context"
	"time"

	"github.com/beep-chat/beep"
)

// Source is where the truth about tokens lives: the users service, in this process or another one.
type Source interface {
	// Keys answers the issuer that tokens must name and its public keys as a JSON Web Key Set.
	Keys(ctx context.Context) (issuer string, jwks []byte, err error)
	// Introspect says whether a token is good now. A bad token is an answer, not an error.
	Introspect(ctx context.Context, token string) (Introspection, error)
	// Revocations answers what follows seq after, in order and without gaps, some of it if it is much, and the
	// newest seq there is.
	Revocations(ctx context.Context, after uint64) (list []Revocation, head uint64, err error)
}

// Introspection is what the users service says of a token.
type Introspection struct {
	Active  bool
	Caller  beep.Caller // none if not active
	Expires time.Time   // when it ends by itself
}

// Revocation ends the tokens of a session, or those of a user that were issued before an instant.
type Revocation struct {
	Seq       uint64
	Session   beep.SessionID // or none
	User      beep.UserID    // or none
	NotBefore time.Time      // with User
}

// Options of a Verifier. Zero durations stand for the defaults.
type Options struct {
	Audience string        // what tokens must be meant for
	TTL      time.Duration // how long an introspection counts; 30 s
	Poll     time.Duration // how often the feed is read without being woken; 250 ms
	Bound    time.Duration // how long the feed may be unreadable before what is remembered counts no more; 15 s
	Size     int           // how many tokens are remembered; 16,384
	// OnError hears of a feed that cannot be read, once per outage, and of its end (nil). May be nil.
	OnError func(err error)
}

const (
	defaultTTL   = 30 * time.Second
	defaultPoll  = 250 * time.Millisecond
	defaultBound = 15 * time.Second
	defaultSize  = 16 << 10
	// unfollowed is how long an introspection counts while the feed is unreadable for longer than the bound: what a
	// revocation may take in any case.
	unfollowed = time.Second
	// refetch bounds how often tokens with made-up key ids can make us ask for the keys.
	refetch = 5 * time.Second
	// keysAge is after how long the keys are asked for again, so that a withdrawn one goes.
	keysAge = 5 * time.Minute
	// retry is how long keys that could not be had are not asked for again.
	retry = time.Second
)
