package messages

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/beep-chat/beep"
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

// Requests may come while a replica shuts down: a call begun then would run on behind its end.
func TestFlight_BeginsNothingOnceItIsClosed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		f := newFlight(time.Minute, func(context.Context, string, []int) (int, error) {
			time.Sleep(time.Second) // of the bubble's clock
			calls++
			return calls, nil
		})
		var wg sync.WaitGroup
		got := make([]int, 2)
		for i := range got { // the second gathers behind the first
			wg.Go(func() { got[i], _ = f.do(t.Context(), "key", 0) })
			synctest.Wait()
		}
		wg.Go(f.close)
		synctest.Wait()
		_, err := f.do(t.Context(), "key", 0)
		if e, ok := errors.AsType[*beep.Error](err); !ok || e.Kind != beep.KindUnavailable {
			t.Errorf("asked while closing: got %v, want unavailable", err)
		}
		wg.Wait()
		if want := []int{1, 2}; !slices.Equal(got, want) || calls != 2 {
			t.Errorf("asked before: got %v of %d calls, want %v of 2", got, calls, want)
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
		f.close()
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
		f.close()
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
