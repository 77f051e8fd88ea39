package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"time"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/kit/rest"
)

// Throttle counts what users and addresses do, over all gateways; a limiter of kit/limit does.
type Throttle interface {
	// Allow counts one use of key, at most n in any window, and answers how long to wait when they are used up. One
	// that was admitted passes again by its nonce, not counted.
	Allow(ctx context.Context, key string, n int, window time.Duration, nonce string) (ok bool, retryAfter time.Duration)
}

// admit bounds the guessing of invitations' codes, each of which is a key to a server. It counts different codes, of
// a user and of an address, whatever they lead to: the one link that a whole school opens at once counts once, and to
// count misses alone would let as many guesses through as are made before the first is answered.
func (g *Gateway) admit(r *http.Request, path map[string]string) error {
	code, ok := path["code"]
	if !ok {
		return nil
	}
	sum := sha256.Sum256([]byte(code)) // who may read the counters must not learn codes from them
	// Of the same code a further use is not counted, so the code is the nonce.
	nonce := hex.EncodeToString(sum[:8])
	keys := []string{"invitation:" + rest.Neighbourhood(rest.ClientAddress(r, g.deps.Proxies, false))}
	if user := beep.CallerFrom(r.Context()).User; user != 0 {
		keys = append(keys, "invitation:"+user.String())
	}
	limits := g.deps.Limits
	// Each has its bound: neither many accounts at one address nor many addresses of one account get more.
	for _, key := range keys {
		if ok, wait := g.deps.Throttle.Allow(r.Context(), key, limits.InvitationRate, limits.InvitationWindow, nonce); !ok {
			return beep.LimitedTo(limits.InvitationRate, beep.CodeRateLimited, "too many invitations tried; wait a moment", wait)
		}
	}
	return nil
}
