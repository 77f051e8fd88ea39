package limit

import (
	"context"
	_ "embed" // for the script
	"math"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// prefix keeps our keys apart on a shared Redis.
	prefix = "beep:limit:"

	redisTimeout = 50 * time.Millisecond
	breakAfter   = 3                      // failures in a row: one slow answer is not an outage
	breakFor     = 500 * time.Millisecond // then without asking Redis again
)

// allow.lua decides in one step, so that of a hundred uses at once exactly n are admitted.
//
//go:embed allow.lua
var allowScript string

// Redis is the limiter of several processes. While Redis does not answer, each process decides alone, by its share of
// n and by what it saw admitted before; together they then admit at most twice n.
type Redis struct {
	client   redis.UniversalClient // ours, with our time limits
	script   *redis.Script
	replicas int
	local    *Memory
	timeout  time.Duration

	// brokenTill is when Redis may be asked again, in Unix nanoseconds; 0: it answers. One caller at a time tries.
	brokenTill atomic.Int64
	failures   atomic.Int64 // in a row
	fallbacks  atomic.Uint64
}

// NewRedis is a limiter on the server that client is connected to: a *redis.Client or a *redis.ClusterClient, which
// stays the caller's. replicas is how many processes share the limits; when in doubt, more.
func NewRedis(client redis.UniversalClient, replicas int) *Redis {
	return &Redis{
		client: bounded(client), script: redis.NewScript(allowScript), replicas: max(1, replicas), local: NewMemory(),
		timeout: redisTimeout,
	}
}

// bounded is a client of its own for the same server that never retries and keeps to its context.
func bounded(client redis.UniversalClient) redis.UniversalClient {
	switch c := client.(type) {
	case *redis.Client:
		o := *c.Options()
		o.MaxRetries, o.ContextTimeoutEnabled = -1, true
		o.PushNotificationProcessor = nil // each client registers its own
		return redis.NewClient(&o)
	case *redis.ClusterClient:
		o := *c.Options()
		o.MaxRedirects, o.ContextTimeoutEnabled = 1, true
		o.PushNotificationProcessor = nil
		return redis.NewClusterClient(&o)
	}
	return client
}

// Allow admits or refuses one use, over all processes.
func (r *Redis) Allow(ctx context.Context, key string, n int, window time.Duration, nonce string) (ok bool, retryAfter time.Duration) {
	if r.mayAsk() {
		ok, retryAfter, err := r.ask(ctx, key, n, window, nonce)
		if err == nil {
			r.failures.Store(0)
			r.brokenTill.Store(0)
			if ok {
				r.local.allow(key, math.MaxInt, window, nonce) // so that it counts if Redis goes away now
			}
			return ok, retryAfter
		}
		if r.failures.Add(1) >= breakAfter {
			r.brokenTill.Store(time.Now().Add(breakFor).UnixNano())
		}
	}
	r.fallbacks.Add(1)
	share := n
	if n > 0 {
		share = max(1, n/r.replicas)
	}
	return r.local.allow(key, share, window, nonce)
}

// mayAsk says whether this call goes to Redis: all do while it answers, and one at a time after breakFor.
func (r *Redis) mayAsk() bool {
	till := r.brokenTill.Load()
	if till == 0 {
		return true
	}
	now := time.Now()
	return now.UnixNano() >= till && r.brokenTill.CompareAndSwap(till, now.Add(breakFor).UnixNano())
}

func (r *Redis) ask(ctx context.Context, key string, n int, window time.Duration, nonce string) (ok bool, retryAfter time.Duration, err error) {
	// Not the caller's end: a caller who leaves at the right moment must not turn Redis off for the others.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.timeout)
	defer cancel()
	answer, err := r.script.Run(ctx, r.client, []string{prefix + "{" + key + "}"},
		n, window.Microseconds(), max(window, keepNonces).Microseconds(), nonce).Int64Slice()
	if err != nil {
		return false, 0, err
	}
	if len(answer) != 2 {
		return false, 0, redis.Nil
	}
	return answer[0] == 1, time.Duration(answer[1]) * time.Microsecond, nil
}

// Fallbacks counts the uses that were decided without Redis.
func (r *Redis) Fallbacks() uint64 { return r.fallbacks.Load() }

// Close closes the limiter's own connections.
func (r *Redis) Close() error { return r.client.Close() }
