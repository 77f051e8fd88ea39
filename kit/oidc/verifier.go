package oidc

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"time"

	"github.com/beep-chat/beep"
)

// Verifier turns access tokens into callers. It must Run: without the feed, a revoked token would live on for
// Options.TTL. Safe for concurrent use.
type Verifier struct {
	src  Source
	opts Options
	wake chan struct{} // holds one wake-up; owned by the Verifier, never closed

	keysMu sync.Mutex // guards the four below; held over a fetch, so that one is enough for all who wait
	// issuer and keys are what the source said at fetched; tried is when it was last asked in vain.
	issuer         string
	keys           *Keys
	fetched, tried time.Time

	mu sync.Mutex // guards everything below; held for map work only
	// seen remembers verified and refused tokens in two generations: when young is full it becomes old.
	young, old map[tokenID]*verdict
	flights    map[tokenID]chan struct{} // closed when the introspection of that token is over
	ended      map[beep.SessionID]time.Time
	cutOff     map[beep.UserID]cut
	listeners  map[int]func(beep.SessionID, beep.UserID, time.Time)
	nextKey    int
	era        int       // grows when everything remembered stops counting
	followed   time.Time // when the feed was last read to its head
}

// tokenID stands for a token in memory, so that no dump of it holds one.
type tokenID [sha256.Size]byte

// verdict is what is known of one token.
type verdict struct {
	Introspection
	issuedAt time.Time
	asked    time.Time
	until    time.Time // when to ask again
	era      int       // as it was when the question was put
}

// cut ends the tokens of a user issued before; it is remembered until then.
type cut struct{ before, until time.Time }

// NewVerifier makes a Verifier over src.
func NewVerifier(src Source, opts Options) *Verifier {
	if opts.TTL <= 0 {
		opts.TTL = defaultTTL
	}
	if opts.Poll <= 0 {
		opts.Poll = defaultPoll
	}
	if opts.Bound <= 0 {
		opts.Bound = defaultBound
	}
	if opts.Size <= 0 {
		opts.Size = defaultSize
	}
	return &Verifier{
		src: src, opts: opts, wake: make(chan struct{}, 1), keys: &Keys{},
		young: map[tokenID]*verdict{}, old: map[tokenID]*verdict{}, flights: map[tokenID]chan struct{}{},
		ended: map[beep.SessionID]time.Time{}, cutOff: map[beep.UserID]cut{},
		listeners: map[int]func(beep.SessionID, beep.UserID, time.Time){},
	}
}

// Verify says who sent token and until when it holds. A token that does not pass is Unauthenticated(invalid_token);
// not being able to tell is Unavailable, never a pass.
func (v *Verifier) Verify(ctx context.Context, token string) (beep.Caller, time.Time, error) {
	if len(token) > MaxToken {
		return beep.Caller{}, time.Time{}, refused(errors.New("token too large"))
	}
	id := sha256.Sum256([]byte(token))
	for {
		known, flight := v.lookUp(id)
		switch {
		case known != nil:
			return v.answer(known)
		case flight == nil: // ours to find out
			known, err := v.judge(ctx, token)
			v.land(id, known)
			if err != nil {
				return beep.Caller{}, time.Time{}, err
			}
			return v.answer(known)
		}
		// The flight may land with nothing; then the next turn is somebody's to find out.
		select {
		case <-flight:
		case <-ctx.Done():
			return beep.Caller{}, time.Time{}, beep.Unavailable(ctx.Err())
		}
	}
}

// lookUp is what is known of a token; if nothing is, the flight of whoever is finding out, or none: then the
// caller has taken it on and must land it.
func (v *Verifier) lookUp(id tokenID) (*verdict, chan struct{}) {
	now := time.Now()
	v.mu.Lock()
	defer v.mu.Unlock()
	known := v.young[id]
	if known == nil {
		// Asked for, so it moves to the young. What nobody asks for goes with the old.
		if known = v.old[id]; known != nil {
			v.rememberLocked(id, known)
		}
	}
	if known != nil && v.countsLocked(known, now) {
		return known, nil
	}
	// One asks and the others wait: a client that comes back with twenty requests costs one question.
	if flight := v.flights[id]; flight != nil {
		return nil, flight
	}
	v.flights[id] = make(chan struct{})
	return nil, nil
}

// countsLocked says whether a verdict is still good enough to answer with. Without the feed it soon is not: a
// revocation would go unheard.
func (v *Verifier) countsLocked(known *verdict, now time.Time) bool {
	heard := now.Sub(v.followed) < v.opts.Bound || now.Sub(known.asked) < unfollowed
	return heard && known.era == v.era && now.Before(known.until)
}

// land ends the flight of a token; known is nil if nothing could be found out.
func (v *Verifier) land(id tokenID, known *verdict) {
	v.mu.Lock()
	defer v.mu.Unlock()
	close(v.flights[id])
	delete(v.flights, id)
	if known != nil {
		v.rememberLocked(id, known)
	}
}

// rememberLocked keeps Size at most. Half of them go at once, which needs no account of when each was used.
func (v *Verifier) rememberLocked(id tokenID, known *verdict) {
	if len(v.young) >= v.opts.Size/2 {
		v.young, v.old = map[tokenID]*verdict{}, v.young
	}
	v.young[id] = known
}

// judge checks a token here, then at its issuer. A token that fails here costs the issuer nothing and is not
// remembered: whoever makes tokens up must not push good ones out.
func (v *Verifier) judge(ctx context.Context, token string) (*verdict, error) {
	claims, err := v.check(ctx, token)
	if err != nil {
		return nil, err
	}
	// Read before the question: an answer from before forgetAll must not count after it.
	v.mu.Lock()
	era := v.era
	v.mu.Unlock()
	got, err := v.src.Introspect(ctx, token)
	if err != nil {
		return nil, beep.Unavailable(err)
	}
	now := time.Now()
	until := now.Add(v.opts.TTL)
	if got.Active && got.Expires.Add(Leeway).Before(until) {
		until = got.Expires.Add(Leeway)
	}
	return &verdict{Introspection: got, issuedAt: claims.IssuedAt, asked: now, until: until, era: era}, nil
}

// answer is Verify's reply from what is known. The feed is asked each time, because it may have moved since.
func (v *Verifier) answer(known *verdict) (beep.Caller, time.Time, error) {
	if !known.Active {
		return beep.Caller{}, time.Time{}, refused(errors.New("not active"))
	}
	v.mu.Lock()
	_, over := v.ended[known.Caller.Session]
	over = over || known.issuedAt.Before(v.cutOff[known.Caller.User].before)
	v.mu.Unlock()
	if over {
		return beep.Caller{}, time.Time{}, refused(errors.New("revoked"))
	}
	return known.Caller, known.Expires, nil
}

// check verifies a token against the issuer's keys, fetching them if they are old or if the token names another.
func (v *Verifier) check(ctx context.Context, token string) (Claims, error) {
	issuer, keys, err := v.currentKeys(ctx, keysAge)
	if err != nil {
		return Claims{}, err
	}
	claims, err := keys.Verify(token, Expect{issuer, v.opts.Audience}, time.Now())
	// A new key, or a made-up one, which refetch keeps from costing a question each.
	if errors.Is(err, errUnknownKey) {
		if issuer, keys, err = v.currentKeys(ctx, refetch); err != nil {
			return Claims{}, err
		}
		claims, err = keys.Verify(token, Expect{issuer, v.opts.Audience}, time.Now())
	}
	if err != nil {
		return Claims{}, refused(err)
	}
	return claims, nil
}

// currentKeys are the issuer's keys, not older than age. Old keys serve on while new ones cannot be had, as long
// as they are not asked for by age refetch: then the answer is that nobody knows.
func (v *Verifier) currentKeys(ctx context.Context, age time.Duration) (string, *Keys, error) {
	v.keysMu.Lock()
	defer v.keysMu.Unlock()
	if !v.fetched.IsZero() && time.Since(v.fetched) < age {
		return v.issuer, v.keys, nil
	}
	err := v.fetchKeysLocked(ctx)
	if err != nil && (v.fetched.IsZero() || age == refetch) {
		return "", nil, beep.Unavailable(err)
	}
	return v.issuer, v.keys, nil
}

// fetchKeysLocked asks the source, at most once a second while it does not answer, because everyone waits for it.
func (v *Verifier) fetchKeysLocked(ctx context.Context) error {
	if time.Since(v.tried) < retry {
		return errors.New("the keys could not be had a moment ago")
	}
	issuer, jwks, err := v.src.Keys(ctx)
	if err != nil {
		v.tried = time.Now()
		return err
	}
	keys, err := ParseKeys(jwks)
	if err != nil {
		v.tried = time.Now()
		return err
	}
	v.issuer, v.keys, v.fetched = issuer, keys, time.Now()
	return nil
}
