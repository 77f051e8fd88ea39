package limit_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/beep-chat/beep/kit/limit"
	"github.com/beep-chat/beep/kit/redistest"
)

// drivers make limiters that count together, as so many processes would. The windows are what a test waits for: real
// time with Redis.
func drivers() map[string]func(t *testing.T, processes int) []limit.Limiter {
	return map[string]func(t *testing.T, processes int) []limit.Limiter{
		"memory": func(t *testing.T, processes int) []limit.Limiter {
			t.Helper()
			m := limit.NewMemory()
			list := make([]limit.Limiter, processes)
			for i := range list {
				list[i] = m
			}
			return list
		},
		"redis": func(t *testing.T, processes int) []limit.Limiter {
			t.Helper()
			list := make([]limit.Limiter, processes)
			for i := range list {
				r := limit.Patient(limit.NewRedis(redistest.Client(t), processes))
				t.Cleanup(func() {
					if n := r.Fallbacks(); n != 0 {
						t.Errorf("%d uses were decided without Redis", n)
					}
					if err := r.Close(); err != nil {
						t.Errorf("close: %v", err)
					}
				})
				list[i] = r
			}
			return list
		},
	}
}

// pause is how long a user waits between two uses.
func pause(d time.Duration) { <-time.After(d) }

func TestLimiter_AdmitsExactlyNOfManyAtOnce(t *testing.T) {
	for name, open := range drivers() {
		t.Run(name, func(t *testing.T) {
			limiters := open(t, 3)
			for range 20 {
				key := redistest.Name(t)
				var admitted atomic.Int64
				var wg sync.WaitGroup
				for i := range 100 {
					wg.Go(func() {
						ok, wait := limiters[i%3].Allow(t.Context(), key, 10, 10*time.Second, "")
						if ok {
							admitted.Add(1)
						}
						if ok != (wait == 0) || wait > 10*time.Second {
							t.Errorf("ok %v with a wait of %s", ok, wait)
						}
					})
				}
				wg.Wait()
				if n := admitted.Load(); n != 10 {
					t.Errorf("%d of 100 admitted, want 10", n)
				}
			}
		})
	}
}

func TestLimiter_AdmitsAgainAfterTheWaitItTold(t *testing.T) {
	const window = 400 * time.Millisecond
	for name, open := range drivers() {
		t.Run(name, func(t *testing.T) {
			l := open(t, 1)[0]
			key := redistest.Name(t)
			for i := range 3 {
				if ok, _ := l.Allow(t.Context(), key, 3, window, ""); !ok {
					t.Fatalf("use %d was refused", i)
				}
				pause(window / 10)
			}
			ok, wait := l.Allow(t.Context(), key, 3, window, "")
			if ok {
				t.Fatal("the fourth was admitted")
			}
			// Refusals must not push the time back.
			for range 20 {
				if ok, again := l.Allow(t.Context(), key, 3, window, ""); ok || again > wait {
					t.Fatalf("refused again: %v, %s after %s", ok, again, wait)
				}
			}
			pause(wait)
			if ok, wait := l.Allow(t.Context(), key, 3, window, ""); !ok {
				t.Errorf("still refused, for another %s", wait)
			}
		})
	}
}

func TestLimiter_NeverRefusesThePolite(t *testing.T) {
	const window = 100 * time.Millisecond
	for name, open := range drivers() {
		t.Run(name, func(t *testing.T) {
			l := open(t, 1)[0]
			key := redistest.Name(t)
			// 1.1 uses per window against a limit of 2 (each window holds at most 2): a fixed window whose time is renewed
			// by each use would refuse the third.
			for i := range 25 {
				if ok, _ := l.Allow(t.Context(), key, 2, window, ""); !ok {
					t.Fatalf("use %d was refused", i)
				}
				pause(window * 10 / 11)
			}
		})
	}
}

func TestLimiter_LetsARetryPassUncounted(t *testing.T) {
	for name, open := range drivers() {
		t.Run(name, func(t *testing.T) {
			limiters := open(t, 2)
			key := redistest.Name(t)
			for i := range 5 {
				if ok, _ := limiters[0].Allow(t.Context(), key, 5, time.Minute, fmt.Sprint("nonce", i)); !ok {
					t.Fatalf("use %d was refused", i)
				}
				for range 3 {
					if ok, _ := limiters[1].Allow(t.Context(), key, 5, time.Minute, fmt.Sprint("nonce", i)); !ok {
						t.Fatalf("the retry of %d was refused", i)
					}
				}
			}
			for _, nonce := range []string{"", "another"} {
				if ok, _ := limiters[0].Allow(t.Context(), key, 5, time.Minute, nonce); ok {
					t.Errorf("nonce %q passed the limit", nonce)
				}
			}
			// What was refused is not remembered as admitted.
			if ok, _ := limiters[0].Allow(t.Context(), key, 5, time.Minute, "another"); ok {
				t.Error("the retry of a refused use was admitted")
			}
			if ok, _ := limiters[0].Allow(t.Context(), redistest.Name(t), 0, time.Minute, "nonce0"); ok {
				t.Error("a nonce of one key opened another")
			}
		})
	}
}

func TestLimiter_RefusesAllUnderALimitOfNone(t *testing.T) {
	for name, open := range drivers() {
		t.Run(name, func(t *testing.T) {
			l := open(t, 1)[0]
			for _, n := range []int{0, -1} {
				if ok, wait := l.Allow(t.Context(), redistest.Name(t), n, time.Second, ""); ok || wait != time.Second {
					t.Errorf("limit %d: %v, %s", n, ok, wait)
				}
			}
		})
	}
}

// Any window, not only those that begin with a use: a model counts every admitted pair of uses n apart.
func TestMemory_HoldsInAnyWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n, window = 10, 10 * time.Second
		r := rand.New(rand.NewPCG(1, 2))
		m := limit.NewMemory()
		var admitted []time.Time
		refused := 0
		for range 20_000 {
			pause(time.Duration(r.ExpFloat64() * float64(window) / n / 2))
			ok, wait := m.Allow(t.Context(), "user", n, window, "")
			now := time.Now()
			full := len(admitted) >= n && now.Sub(admitted[len(admitted)-n]) < window
			if ok == full {
				t.Fatalf("ok is %v with %d admitted", ok, len(admitted))
			}
			if !ok {
				refused++
				if want := admitted[len(admitted)-n].Add(window).Sub(now); wait != want {
					t.Fatalf("wait %s, want %s", wait, want)
				}
				continue
			}
			admitted = append(admitted, now)
		}
		if refused < 1000 || len(admitted) < 1000 {
			t.Errorf("%d refused, %d admitted: the test tries too little", refused, len(admitted))
		}
	})
}

func TestMemory_RemembersANonceForTenMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := limit.NewMemory()
		use := func(nonce string) bool {
			ok, _ := m.Allow(t.Context(), "user", 1, 10*time.Second, nonce)
			return ok
		}
		if !use("a") {
			t.Fatal("the first was refused")
		}
		pause(10 * time.Minute / 2)
		if !use("b") || !use("a") || use("c") {
			t.Error("after five minutes a's retry must pass, and c be over the limit")
		}
		pause(10 * time.Minute / 2)
		if !use("c") || use("a") {
			t.Error("after ten minutes a is a new use, and over the limit")
		}
	})
}

func BenchmarkAllow(b *testing.B) {
	b.Run("memory", func(b *testing.B) { benchmark(b, limit.NewMemory()) })
	b.Run("redis", func(b *testing.B) { benchmark(b, limit.NewRedis(redistest.Client(b), 1)) })
}

func benchmark(b *testing.B, l limit.Limiter) {
	b.Helper()
	key := redistest.Name(b)
	var i atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			l.Allow(context.WithoutCancel(b.Context()), key, 10, 10*time.Second, fmt.Sprint(i.Add(1)))
		}
	})
}
