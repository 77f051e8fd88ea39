package limit_test

import (
	"testing"
	"time"

	"github.com/beep-chat/beep/kit/limit"
	"github.com/beep-chat/beep/kit/redistest"
)

// slack is what a loaded machine may add to the 50 ms.
const slack = 450 * time.Millisecond

// warm waits until Redis decides.
func warm(t *testing.T, r *limit.Redis) {
	t.Helper()
	key := redistest.Name(t)
	for deadline := time.Now().Add(30 * time.Second); ; {
		before := r.Fallbacks()
		r.Allow(t.Context(), key, 1_000_000, time.Second, "")
		if r.Fallbacks() == before {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("Redis does not answer")
		}
		pause(10 * time.Millisecond)
	}
}

func TestRedis_DecidesAloneWhileRedisDoesNot(t *testing.T) {
	faults := map[string]struct{ begin, end func(p *redistest.Proxy) }{
		"down":   {(*redistest.Proxy).Down, (*redistest.Proxy).Up},
		"frozen": {(*redistest.Proxy).Freeze, (*redistest.Proxy).Thaw},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			const n, replicas = 10, 3
			p := redistest.NewProxy(t)
			r := limit.NewRedis(p.Client(t), replicas)
			t.Cleanup(func() {
				if err := r.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			})
			warm(t, r)
			seen := redistest.Name(t)
			for i := range 2 {
				if ok, _ := r.Allow(t.Context(), seen, n, time.Minute, string(rune('a'+i))); !ok {
					t.Fatal("refused while Redis was there")
				}
			}
			fault.begin(p)
			admitted, slow := 0, 0
			key := redistest.Name(t)
			for range 100 {
				start := time.Now()
				if ok, _ := r.Allow(t.Context(), key, n, time.Minute, ""); ok {
					admitted++
				}
				d := time.Since(start)
				if d > 50*time.Millisecond+slack {
					t.Errorf("an answer took %s", d)
				}
				if d > 40*time.Millisecond {
					slow++
				}
			}
			if admitted != n/replicas {
				t.Errorf("%d of 100 admitted alone, want %d, the share of one of %d", admitted, n/replicas, replicas)
			}
			if slow > 10 {
				t.Errorf("%d of 100 waited for Redis, want one per half second", slow)
			}
			// What it saw admitted before counts, and its retries pass.
			if ok, _ := r.Allow(t.Context(), seen, n, time.Minute, "a"); !ok {
				t.Error("the retry of what Redis had admitted was refused")
			}
			if ok, _ := r.Allow(t.Context(), seen, n, time.Minute, "c"); !ok {
				t.Error("the third of a share of three was refused")
			}
			if ok, _ := r.Allow(t.Context(), seen, n, time.Minute, "d"); ok {
				t.Error("what Redis had admitted was not counted")
			}
			fault.end(p)
			warm(t, r)
			if ok, _ := r.Allow(t.Context(), redistest.Name(t), 1, time.Minute, ""); !ok {
				t.Error("refused when Redis was back")
			}
		})
	}
}
