package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// result is what one step measured.
type result struct {
	acked    float64 // per second
	events   float64 // delivered, per second
	p50, p99 time.Duration
	cpu      float64 // µs of the whole server per delivered event
}

// measure lets senders send, each as fast as it is acknowledged, and waits until everything has arrived.
func (r *room) measure(ctx context.Context, e *ears, senders int, d time.Duration) (result, error) {
	before, err := r.srv.cpu()
	if err != nil {
		return result{}, err
	}
	// Nothing is on its way: the step before has waited for all of its own.
	e.events.Store(0)
	began := time.Now()
	took, err := r.sendFor(ctx, senders, d)
	if err != nil {
		return result{}, err
	}
	want := int64(len(took) * len(e.all))
	if err := e.until(ctx, want); err != nil {
		return result{}, err
	}
	// To the last arrival: what is sent and has not been heard is not done.
	span := time.Since(began)
	after, err := r.srv.cpu()
	if err != nil {
		return result{}, err
	}
	if len(took) == 0 || want == 0 {
		return result{}, errors.New("nothing was sent")
	}
	slices.Sort(took)
	return result{
		acked: float64(len(took)) / d.Seconds(), events: float64(want) / span.Seconds(),
		p50: took[len(took)/2], p99: took[len(took)*99/100],
		cpu: float64((after - before).Microseconds()) / float64(want),
	}, nil
}

// sendFor sends for d and answers how long each acknowledgement took.
func (r *room) sendFor(ctx context.Context, senders int, d time.Duration) ([]time.Duration, error) {
	// Guards the two below.
	var mu sync.Mutex
	var all []time.Duration
	var failed error
	var group sync.WaitGroup
	deadline := time.Now().Add(d)
	for _, p := range r.people[1 : senders+1] {
		group.Go(func() {
			var took []time.Duration
			var err error
			for time.Now().Before(deadline) && err == nil {
				start := time.Now()
				if err = r.send(ctx, p, r.sent.Add(1)); err == nil {
					took = append(took, time.Since(start))
				}
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, took...)
			failed = errors.Join(failed, err)
		})
	}
	group.Wait()
	return all, failed
}

// until waits until so many events have arrived in order at every listener.
func (e *ears) until(ctx context.Context, want int64) error {
	// A wake-up that is lost costs a second. What takes so much longer does not come.
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for e.events.Load() < want {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d of %d events arrived", e.events.Load(), want)
		case <-time.After(2 * time.Millisecond):
		}
		if w := e.wrong.Load(); w != nil {
			return errors.New(*w)
		}
	}
	if got := e.events.Load(); got > want {
		return fmt.Errorf("%d events arrived for %d", got, want)
	}
	return nil
}
