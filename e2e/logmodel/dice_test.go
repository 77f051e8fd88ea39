package logmodel

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// dice is where all chance of a schedule comes from.
type dice struct {
	calm atomic.Bool // nothing goes wrong any more

	mu sync.Mutex // guards r
	r  *rand.Rand
}

func newDice(seed uint64) *dice {
	return &dice{r: rand.New(rand.NewPCG(seed, 8))}
}

// upTo is from 0 to n-1.
func (d *dice) upTo(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.r.IntN(n)
}

// oneIn decides what people do.
func (d *dice) oneIn(n int) bool { return d.upTo(n) == 0 }

// fault decides what goes wrong, once in n times; nothing does when all is calm.
func (d *dice) fault(n int) bool { return !d.calm.Load() && d.oneIn(n) }

// step lets others run, often for no time and sometimes for longer than a call takes.
func (d *dice) step(ctx context.Context) {
	if d.fault(4) {
		wait(ctx, time.Duration(d.upTo(3000))*time.Microsecond)
	}
}

// wait is the time that something takes on a network, unless ctx ends first. Nothing in a schedule is right only
// because a wait was long enough.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
