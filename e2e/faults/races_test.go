package faults_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/beep-chat/beep/e2e/faults"
	"github.com/beep-chat/beep/e2e/people"
	"github.com/beep-chat/beep/e2e/stack"
)

const (
	// racesEach run of the test, and of a soak.
	racesEach, soakRaces = 1000, 10_000
	// ofAKind are at least run of each kind of revocation.
	ofAKind = 30
	// arenas in which races are run side by side; in each two send, one reads, and six sockets listen.
	arenas = 8
	// busyRaces is the share of races in which an answer may be that the installation is too busy.
	busyRaces = 0.05
	// inFlight is the share of races that must have caught a send on its way when the revocation was answered.
	inFlight = 0.8
)

// TestRaces_LeakNothing: what is sent after a revocation was answered is neither heard nor read by whoever lost the
// right, on any node and over any gateway; they are told at once; and who gets the right back has all of it.
func TestRaces_LeakNothing(t *testing.T) {
	wanted := racesEach
	if soak() {
		wanted = soakRaces
	}
	b, s := install(t, stack.Split), seed(t)
	o := &outcomes{kinds: map[string]int{}, of: faults.Kinds()}
	if each := wanted / len(o.of); each < ofAKind {
		t.Fatalf("%d races are %d of each kind, want %d", wanted, each, ofAKind)
	}
	began := time.Now()
	o.race(t, openArenas(t, b, s, arenas), wanted, func() bool { return false })
	o.report(t, time.Since(began))
	for _, v := range faults.Brief(o.wrong) {
		t.Error(v)
	}
	for _, err := range o.errs {
		t.Error(err)
	}
	if o.races < wanted {
		t.Errorf("only %d races were run, want %d", o.races, wanted)
	}
	for _, kind := range o.of {
		if n := o.kinds[kind]; n < ofAKind {
			t.Errorf("only %d races were run of %s, want %d", n, kind, ofAKind)
		}
	}
	if share := float64(o.across) / float64(o.races); share < inFlight {
		t.Errorf("in only %.0f %% of the races a send was on its way when the revocation was answered, want %.0f %%", 100*share, 100*inFlight)
	}
	if share := float64(o.busy) / float64(o.races); share > busyRaces {
		t.Errorf("in %.0f %% of the races something was too busy to answer, want at most %.0f %%: this machine is too busy to prove much", 100*share, 100*busyRaces)
	}
	if took := quantile(o.told, 0.99); took > faults.ToldWithin {
		t.Errorf("in 1 of 100 races a socket was told after %s or later, want at most %s", took, faults.ToldWithin)
	}
}

// outcomes are what came of many races.
type outcomes struct {
	of []string // kinds, raced in turn

	mu     sync.Mutex // guards the rest
	begun  int
	races  int
	across int
	busy   int
	sends  int
	kinds  map[string]int
	told   []time.Duration
	wrong  []string
	errs   []error // that ended races
}

// says answers whether a judge has found something that says this.
func (o *outcomes) says(what string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.ContainsFunc(o.wrong, func(v string) bool { return strings.Contains(v, what) })
}

// race runs races in all arenas, until so many are begun or enough answers true, and judges each.
func (o *outcomes) race(t *testing.T, all []*faults.Arena, wanted int, enough func() bool) {
	t.Helper()
	var running sync.WaitGroup
	for _, a := range all {
		running.Go(func() {
			for kind, ok := o.begin(wanted); ok && !enough(); kind, ok = o.begin(wanted) {
				r, err := a.Race(t.Context(), kind)
				if !o.note(r, err) {
					return
				}
				o.progress(t)
			}
		})
	}
	running.Wait()
}

// begin is the kind of the next race, if there is to be one more.
func (o *outcomes) begin(wanted int) (kind string, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	kind = o.of[o.begun%len(o.of)]
	o.begun++
	return kind, o.begun <= wanted
}

// note judges a race, or remembers why there is none and answers false.
func (o *outcomes) note(r *faults.Race, err error) bool {
	var wrong []string
	if err == nil {
		wrong = faults.JudgeRace(r)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if err != nil {
		o.errs = append(o.errs, err)
		return false
	}
	o.races++
	o.kinds[r.Kind]++
	o.sends += len(r.Sends)
	if r.Across() > 0 {
		o.across++
	}
	if r.Unknown > 0 {
		o.busy++
	}
	for _, e := range r.Ears {
		if took, ok := r.TookToTell(e); ok && r.Unknown == 0 {
			o.told = append(o.told, took)
		}
	}
	o.wrong = append(o.wrong, wrong...)
	return true
}

// progress says now and then how far it has come: a soak takes long, and may be ended early.
func (o *outcomes) progress(t *testing.T) {
	t.Helper()
	const every = 500
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.races%every == 0 {
		t.Logf("%d races, %d sends, %d violations %q", o.races, o.sends, len(o.wrong), faults.Brief(o.wrong))
	}
}

func (o *outcomes) report(t *testing.T, took time.Duration) {
	t.Helper()
	t.Logf("%d races in %s: %v; %d sends; in %d a send was on its way when the revocation was answered; in %d something was too busy to answer; %d violations",
		o.races, took.Round(time.Second), o.kinds, o.sends, o.across, o.busy, len(o.wrong))
	t.Logf("%d sockets were told %s (median), %s (99 %%), %s (most) after the answer", len(o.told),
		quantile(o.told, 0.5).Round(time.Millisecond), quantile(o.told, 0.99).Round(time.Millisecond), quantile(o.told, 1).Round(time.Millisecond))
}

func quantile(times []time.Duration, share float64) time.Duration {
	if len(times) == 0 {
		return 0
	}
	slices.Sort(times)
	return times[int(share*float64(len(times)-1))]
}

// openArenas makes pairs of people who listen on every node, and the servers for their races.
func openArenas(t *testing.T, b *stack.Beep, seed uint64, n int) []*faults.Arena {
	t.Helper()
	owners, members := crowd(t, b, "owner", n), crowd(t, b, "member", n)
	all := make([]*faults.Arena, n)
	for i := range all {
		all[i] = &faults.Arena{
			Owner:  faults.Author{ID: owners[i].ID, API: everywhere(b, owners[i])},
			Member: faults.Author{ID: members[i].ID, API: everywhere(b, members[i])},
			Ears:   ears(t, b, members[i]), Witnesses: ears(t, b, owners[i]),
			Rand: rand.New(rand.NewPCG(seed, uint64(i))),
		}
		if err := all[i].Open(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// ears are sockets of p's, one on each node.
func ears(t *testing.T, b *stack.Beep, p *people.Person) (all []*faults.Ear) {
	t.Helper()
	for i := range b.Sockets {
		e := faults.NewEar(listener(p, b.Sockets, i))
		run(t, e.Listener)
		all = append(all, e)
	}
	for _, e := range all {
		eventually(t, func() error {
			if e.Connects() == 0 {
				return fmt.Errorf("%s is not connected", e.Name)
			}
			return nil
		})
	}
	return all
}
