package cache_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/beep-chat/beep/kit/cache"
)

// answer is a load that counts how often it ran.
func answer(n *int, value string, err error) func(context.Context) (string, error) {
	return func(context.Context) (string, error) {
		*n++
		return value, err
	}
}

func get(t *testing.T, c *cache.Cache[string, string], key string, load func(context.Context) (string, error)) string {
	t.Helper()
	v, err := c.Get(t.Context(), key, load)
	if err != nil {
		t.Fatalf("get %s: %v", key, err)
	}
	return v
}

func TestGet_KeepsForTheTimeGiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cache.New[string, string](10, time.Minute)
		loads := 0
		for range 3 {
			if got := get(t, c, "a", answer(&loads, "one", nil)); got != "one" {
				t.Errorf("got %q", got)
			}
		}
		time.Sleep(time.Minute - time.Nanosecond)
		if get(t, c, "a", answer(&loads, "one", nil)); loads != 1 {
			t.Errorf("%d loads within the time, want 1", loads)
		}
		time.Sleep(time.Nanosecond)
		if got := get(t, c, "a", answer(&loads, "two", nil)); got != "two" || loads != 2 {
			t.Errorf("after the time: %q, %d loads", got, loads)
		}
	})
}

func TestGet_DropsTheLeastUsed(t *testing.T) {
	c := cache.New[string, string](2, time.Minute)
	loads := 0
	get(t, c, "a", answer(&loads, "", nil))
	get(t, c, "b", answer(&loads, "", nil))
	get(t, c, "a", answer(&loads, "", nil)) // b is now the least used
	get(t, c, "c", answer(&loads, "", nil))
	if loads != 3 || c.Len() != 2 {
		t.Errorf("%d loads, %d kept, want 3 and 2", loads, c.Len())
	}
	if get(t, c, "a", answer(&loads, "", nil)); loads != 3 {
		t.Error("a was dropped")
	}
	if get(t, c, "b", answer(&loads, "", nil)); loads != 4 {
		t.Error("b was kept")
	}
}

func TestGet_KeepsNoError(t *testing.T) {
	c := cache.New[string, string](2, time.Minute)
	loads, broken := 0, errors.New("broken")
	for range 2 {
		if _, err := c.Get(t.Context(), "a", answer(&loads, "", broken)); !errors.Is(err, broken) {
			t.Errorf("got %v, want %v", err, broken)
		}
	}
	if loads != 2 || c.Len() != 0 {
		t.Errorf("%d loads, %d kept, want 2 and 0", loads, c.Len())
	}
}

func TestGet_KeepsNothingWhenTurnedOff(t *testing.T) {
	for name, c := range map[string]*cache.Cache[string, string]{
		"no time": cache.New[string, string](10, 0), "no room": cache.New[string, string](0, time.Minute),
	} {
		loads := 0
		get(t, c, "a", answer(&loads, "", nil))
		if get(t, c, "a", answer(&loads, "", nil)); loads != 2 {
			t.Errorf("%s: %d loads, want 2", name, loads)
		}
	}
}

func TestGet_LoadsOnceForAllWhoAskAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cache.New[string, string](10, time.Minute)
		var loads atomic.Int64
		release := make(chan struct{})
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				got := get(t, c, "a", func(context.Context) (string, error) {
					loads.Add(1)
					<-release
					return "one", nil
				})
				if got != "one" {
					t.Errorf("got %q", got)
				}
			})
		}
		synctest.Wait() // all of them wait
		close(release)
		wg.Wait()
		if n := loads.Load(); n != 1 {
			t.Errorf("%d loads, want 1", n)
		}
	})
}

// A caller who leaves takes nobody along; the last one ends the load.
func TestGet_OutlivesTheFirstWhoAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cache.New[string, string](10, time.Minute)
		release, ended := make(chan struct{}), make(chan error, 1)
		load := func(ctx context.Context) (string, error) {
			select {
			case <-release:
				return "one", nil
			case <-ctx.Done():
				ended <- ctx.Err()
				return "", ctx.Err()
			}
		}
		ask := func(ctx context.Context) chan error {
			answered := make(chan error, 1)
			go func() {
				_, err := c.Get(ctx, "a", load)
				answered <- err
			}()
			synctest.Wait()
			return answered
		}
		firstCtx, leaveFirst := context.WithCancel(t.Context())
		secondCtx, leaveSecond := context.WithCancel(t.Context())
		defer leaveSecond()
		first, second := ask(firstCtx), ask(secondCtx)
		leaveFirst()
		if err := <-first; !errors.Is(err, context.Canceled) {
			t.Errorf("the first got %v", err)
		}
		leaveSecond()
		if err := <-second; !errors.Is(err, context.Canceled) {
			t.Errorf("the second got %v", err)
		}
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the load ended with %v", err)
		}
		third := ask(t.Context()) // must not be told of a cancellation that is not its own
		close(release)
		if err := <-third; err != nil {
			t.Errorf("the third got %v", err)
		}
	})
}

// What is loaded may be older than the deletion, so it must not be kept, nor given to who asks after it.
func TestDelete_ReachesALoadInProgress(t *testing.T) {
	for name, del := range map[string]func(c *cache.Cache[string, string]){
		"Delete":     func(c *cache.Cache[string, string]) { c.Delete("a") },
		"DeleteFunc": func(c *cache.Cache[string, string]) { c.DeleteFunc(func(key string) bool { return key == "a" }) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := cache.New[string, string](10, time.Minute)
				release, before := make(chan struct{}), make(chan string, 1)
				go func() {
					v, _ := c.Get(t.Context(), "a", func(context.Context) (string, error) {
						<-release
						return "before", nil
					})
					before <- v
				}()
				synctest.Wait()
				del(c)
				loads := 0
				if got := get(t, c, "a", answer(&loads, "after", nil)); got != "after" {
					t.Errorf("asked after the deletion, got %q", got)
				}
				close(release)
				if got := <-before; got != "before" {
					t.Errorf("asked before the deletion, got %q", got)
				}
				if got := get(t, c, "a", answer(&loads, "", nil)); got != "after" || loads != 1 {
					t.Errorf("kept %q after %d loads", got, loads)
				}
			})
		})
	}
}

func TestDelete_ForgetsThatKeyAlone(t *testing.T) {
	c := cache.New[string, string](10, time.Minute)
	loads := 0
	for _, key := range []string{"a1", "a2", "b1"} {
		get(t, c, key, answer(&loads, "", nil))
	}
	c.Delete("a1")
	c.Delete("unknown")
	if c.Len() != 2 {
		t.Errorf("%d kept, want 2", c.Len())
	}
	c.DeleteFunc(func(key string) bool { return strings.HasPrefix(key, "a") })
	if get(t, c, "b1", answer(&loads, "", nil)); loads != 3 || c.Len() != 1 {
		t.Errorf("%d loads, %d kept, want 3 and 1", loads, c.Len())
	}
}

func TestGet_TurnsAPanicIntoAnError(t *testing.T) {
	c := cache.New[string, string](10, time.Minute)
	for name, load := range map[string]func(context.Context) (string, error){
		"a panic": func(context.Context) (string, error) { panic("boom") },
		"goexit": func(context.Context) (string, error) {
			runtime.Goexit()
			return "", nil
		},
	} {
		if _, err := c.Get(t.Context(), name, load); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	loads := 0
	if got := get(t, c, "a panic", answer(&loads, "fine", nil)); got != "fine" {
		t.Errorf("afterwards: %q", got)
	}
}

func BenchmarkGet(b *testing.B) {
	c := cache.New[int, int](1000, time.Hour)
	load := func(context.Context) (int, error) { return 1, nil }
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if _, err := c.Get(b.Context(), i%1000, load); err != nil {
				b.Error(err)
			}
		}
	})
}
