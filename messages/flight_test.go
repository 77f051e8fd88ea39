package messages

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestFlight_CallsBeginAfterTheyAreAskedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex // guards calls
		var calls [][]int
		value := 0
		f := newFlight(time.Minute, func(_ context.Context, _ string, args []int) (int, error) {
			mu.Lock()
			calls = append(calls, args)
			read := value
			mu.Unlock()
			time.Sleep(time.Second) // of the bubble's clock
			return read, nil
		})
		got := make([]int, 4)
		var wg sync.WaitGroup
		ask := func(i int) {
			wg.Go(func() { got[i], _ = f.do(t.Context(), "key", i) })
			synctest.Wait()
		}
		ask(0)
		mu.Lock()
		value = 1 // after the first call read it
		mu.Unlock()
		ask(1)
		ask(2)
		wg.Go(func() {
			time.Sleep(1500 * time.Millisecond)
			got[3], _ = f.do(t.Context(), "key", 3)
		})
		wg.Wait()
		if want := []int{0, 1, 1, 1}; !slices.Equal(got, want) {
			t.Errorf("answers %v, want %v: a call that ran already must not be joined", got, want)
		}
		if len(calls) != 3 || len(calls[1]) != 2 {
			t.Errorf("calls %v, want three, the second for two", calls)
		}
	})
}

func TestFlight_KeysDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFlight(time.Minute, func(ctx context.Context, key string, _ []int) (string, error) {
			if key == "stuck" {
				<-ctx.Done()
			}
			return key, ctx.Err()
		})
		go func() { _, _ = f.do(t.Context(), "stuck", 0) }()
		synctest.Wait()
		if got, err := f.do(t.Context(), "free", 0); got != "free" || err != nil {
			t.Errorf("do = %q, %v; want free", got, err)
		}
		f.wait()
	})
}

func TestFlight_ACallOutlivesWhoBeganIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFlight(time.Minute, func(ctx context.Context, _ string, _ []int) (int, error) {
			select {
			case <-time.After(time.Second):
				return 5, nil
			case <-ctx.Done():
				return 0, ctx.Err()
			}
		})
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := f.do(ctx, "key", 0); !errors.Is(err, context.Canceled) {
				t.Errorf("do = %v, want %v", err, context.Canceled)
			}
		})
		synctest.Wait()
		wg.Go(func() { _, _ = f.do(ctx, "key", 1) })
		wg.Go(func() {
			if got, err := f.do(t.Context(), "key", 2); got != 5 || err != nil {
				t.Errorf("do = %d, %v; want 5", got, err)
			}
		})
		synctest.Wait()
		cancel()
		wg.Wait()
		f.wait()
		if len(f.running) > 0 {
			t.Errorf("%d keys still run", len(f.running))
		}
	})
}

func TestFlight_ACallEndsInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFlight(time.Second, func(ctx context.Context, _ string, _ []int) (int, error) {
			<-ctx.Done()
			return 0, ctx.Err()
		})
		if _, err := f.do(t.Context(), "key", 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("do = %v, want %v", err, context.DeadlineExceeded)
		}
	})
}
