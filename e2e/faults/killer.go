package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/beep-chat/beep/e2e/stack"
)

// Killer kills processes of an installation at random moments and starts them again, while something else makes
// progress that it watches.
type Killer struct {
	Beep     *stack.Beep
	Rand     *rand.Rand
	Progress func() int // how much was done so far, such as sends acknowledged

	Restarts []Restart
	// Up is how long every process was up, and Done how much was done in that time.
	Up   time.Duration
	Done int

	since time.Time
	from  int
}

// Restart is one death and the way back.
type Restart struct {
	Name  string
	Ready time.Duration // from the start of the process until it says that it is ready
	Going time.Duration // from then until there is progress
}

// alive bounds the wait for progress when every process is ready.
const alive = 20 * time.Second

var errStuck = errors.New("every process is ready and nothing moves")

// Run kills n times. Between deaths it lets the installation do what it is for.
func (k *Killer) Run(ctx context.Context, n int) error {
	k.up()
	defer k.down()
	for range n {
		if err := pause(ctx, 300*time.Millisecond+k.upTo(1200*time.Millisecond)); err != nil {
			return err
		}
		// Now and then a second one dies before the first is back.
		victims := k.victims()
		k.down()
		for _, name := range victims {
			k.Beep.Processes[name].Kill()
		}
		if err := pause(ctx, k.upTo(200*time.Millisecond)); err != nil {
			return err
		}
		if err := k.restart(ctx, victims); err != nil {
			return err
		}
	}
	return pause(ctx, time.Second)
}

func (k *Killer) victims() []string {
	names := k.Beep.Names()
	first := k.Rand.IntN(len(names))
	victims := []string{names[first]}
	if len(names) > 1 && k.Rand.IntN(6) == 0 {
		victims = append(victims, names[(first+1+k.Rand.IntN(len(names)-1))%len(names)])
	}
	return victims
}

// restart starts what was killed and waits for progress. Two are started together: one that waits for a peer before
// it calls itself ready would otherwise wait in vain for the other.
func (k *Killer) restart(ctx context.Context, names []string) error {
	restarts := make([]Restart, len(names))
	starting, starts := errgroup.WithContext(ctx)
	for i, name := range names {
		starting.Go(func() error {
			began := time.Now()
			err := k.Beep.Processes[name].Restart(starts)
			restarts[i] = Restart{Name: name, Ready: time.Since(began)}
			return err
		})
	}
	if err := starting.Wait(); err != nil {
		return err
	}
	k.Restarts = append(k.Restarts, restarts...)
	k.up()
	ctx, cancel := context.WithTimeoutCause(ctx, alive, errStuck)
	defer cancel()
	// More than what may have been answered by processes that were up all along.
	for enough := k.from + 10; k.Progress() < enough; {
		if err := pause(ctx, 5*time.Millisecond); err != nil {
			return fmt.Errorf("after a restart of %s: %w", strings.Join(names, " and "), err)
		}
	}
	k.Restarts[len(k.Restarts)-1].Going = time.Since(k.since)
	return nil
}

func (k *Killer) up() { k.since, k.from = time.Now(), k.Progress() }

func (k *Killer) down() {
	k.Up += time.Since(k.since)
	k.Done += k.Progress() - k.from
}

func (k *Killer) upTo(d time.Duration) time.Duration { return time.Duration(k.Rand.Int64N(int64(d))) }

// Rate is how much was done a second while every process was up.
func (k *Killer) Rate() float64 { return float64(k.Done) / k.Up.Seconds() }

// Quantile is a time that a share of the restarts took at most.
func (k *Killer) Quantile(share float64, of func(Restart) time.Duration) time.Duration {
	if len(k.Restarts) == 0 {
		return 0
	}
	times := make([]time.Duration, 0, len(k.Restarts))
	for _, r := range k.Restarts {
		times = append(times, of(r))
	}
	slices.Sort(times)
	return times[int(share*float64(len(times)-1))]
}

// pause waits, for it is time itself that tests need here.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
