package faults_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/beep-chat/beep/e2e/faults"
	"github.com/beep-chat/beep/e2e/people"
	"github.com/beep-chat/beep/e2e/stack"
)

const (
	// killsEach of the two modes; a soak takes as many rounds as make up soakKills in both.
	killsEach, soakKills = 30, 1000
	// listening people, of whom one is away meanwhile.
	listening = 5
	// floor of acknowledged sends a second while every process is up: with less the test would prove little.
	floor = 200
	// offered changes a second, of which nine in ten are sends.
	offered = 380
	// readyWithin is what Beep promises of one process with everything in it.
	readyWithin = 3 * time.Second
)

func TestKills_LoseDoubleAndReorderNothing(t *testing.T) {
	for _, mode := range []stack.Mode{stack.All, stack.Split} {
		t.Run(string(mode), func(t *testing.T) {
			h := newHavoc(t, mode)
			rounds, kills := 1, killsEach
			if soak() {
				kills = 50
				rounds = soakKills / 2 / kills
			}
			for n := range rounds {
				h.round(t, n, kills)
			}
			if took := h.killer.Quantile(1, ready); mode == stack.All && took > readyWithin {
				t.Errorf("a restart took %s, want at most %s", took, readyWithin)
			}
		})
	}
}

// havoc is an installation with people who write and listen, and something that kills its processes.
type havoc struct {
	beep      *stack.Beep
	seed      uint64
	writers   []*people.Person
	listeners []*people.Person
	killer    *faults.Killer
}

func newHavoc(t *testing.T, mode stack.Mode) *havoc {
	t.Helper()
	h := &havoc{seed: seed(t), beep: install(t, mode)}
	h.writers, h.listeners = crowd(t, h.beep, "writer", 8), crowd(t, h.beep, "listener", listening)
	h.killer = &faults.Killer{Beep: h.beep, Rand: rand.New(rand.NewPCG(h.seed, 0))}
	return h
}

// round lets people write in new channels while processes die, and judges what has become of it.
func (h *havoc) round(t *testing.T, n, kills int) {
	t.Helper()
	var channels []uint64
	for i := range 2 {
		server := harbour(t, h.writers[i], slices.Concat(h.writers[:i], h.writers[i+1:], h.listeners)...)
		for j := range 2 {
			channels = append(channels, createChannel(t, h.writers[i], server, fmt.Sprintf("tides %d", j)))
		}
	}
	ears := make([]*faults.Listener, 0, len(h.listeners))
	var leave func()
	for i, p := range h.listeners {
		ears = append(ears, listener(p, h.beep.Sockets, i))
		leave = run(t, ears[i])
	}
	eventually(t, func() error { return follow(ears, channels) })
	leave() // the last one is away while all of it happens, for longer than can be caught up with entry by entry

	load := &faults.Load{Ledger: faults.NewLedger(), Channels: channels, Lanes: 6, Rate: offered, Seed: h.seed + uint64(n)}
	for _, p := range h.writers {
		load.Authors = append(load.Authors, faults.Author{ID: p.ID, API: everywhere(h.beep, p)})
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var writing sync.WaitGroup
	writing.Go(func() { load.Run(ctx) })
	h.killer.Progress = load.Ledger.Sends
	err := h.killer.Run(t.Context(), kills)
	stop()
	writing.Wait()
	if err != nil {
		t.Fatal(err)
	}
	run(t, ears[len(ears)-1])
	h.report(t, load.Ledger, ears)
	h.judge(t, load, ears)
}

// follow says which listener has no window of which channel yet.
func follow(ears []*faults.Listener, channels []uint64) error {
	for _, e := range ears {
		for _, c := range channels {
			if _, ok := e.At(c); !ok {
				return fmt.Errorf("%s does not follow %d", e.Name, c)
			}
		}
	}
	return nil
}

func ready(r faults.Restart) time.Duration { return r.Ready }

func going(r faults.Restart) time.Duration { return r.Going }

func (h *havoc) report(t *testing.T, ledger *faults.Ledger, ears []*faults.Listener) {
	t.Helper()
	k := h.killer
	t.Logf("%d kills; %s; %.0f sends/s while every process was up (%s)", len(k.Restarts), ledger.Summary(), k.Rate(), k.Up.Round(time.Second))
	t.Logf("ready again after %s (median) and %s (most); going again %s and %s after that",
		k.Quantile(0.5, ready).Round(time.Millisecond), k.Quantile(1, ready).Round(time.Millisecond),
		k.Quantile(0.5, going).Round(time.Millisecond), k.Quantile(1, going).Round(time.Millisecond))
	connects := 0
	for _, e := range ears {
		connects += e.Connects()
	}
	t.Logf("%d listeners connected %d times", len(ears), connects)
	if k.Rate() < floor {
		t.Errorf("only %.0f sends/s were acknowledged while every process was up, want %d: this machine is too busy to prove much", k.Rate(), floor)
	}
	if connects <= len(ears) {
		t.Error("no listener ever lost its connection")
	}
}

// judge reads what is left and holds it against what was answered.
func (h *havoc) judge(t *testing.T, load *faults.Load, ears []*faults.Listener) {
	t.Helper()
	var seen []faults.Channel
	for i, id := range load.Channels {
		c := faults.Channel{ID: id}
		var err error
		// Every gateway gets asked, each about some channels.
		if c.Head, c.History, err = faults.History(t.Context(), h.writers[0].At(h.beep.Gateways[i%len(h.beep.Gateways)]), id); err != nil {
			t.Fatal(err)
		}
		for i, e := range ears {
			waitFor(t, e, id, c.Head, patience)
			heard, err := e.Heard(t.Context(), h.listeners[i].API(), id)
			if err != nil {
				t.Fatal(err)
			}
			c.Heard = append(c.Heard, heard)
		}
		seen = append(seen, c)
	}
	for _, c := range seen {
		last := c.Heard[len(c.Heard)-1]
		if !slices.ContainsFunc(last.Steps, func(s faults.Step) bool { return s.Entry == nil }) {
			t.Errorf("the one who was away was told all of channel %d (%d entries), not where it stands", c.ID, c.Head)
		}
	}
	for _, v := range faults.Brief(faults.Judge(load.Ledger, seen...)) {
		t.Error(v)
	}
}

// waitFor gives a listener time to reach head; if it does not, that is for the judge to say.
func waitFor(t *testing.T, e *faults.Listener, channel uint64, head uint32, within time.Duration) {
	t.Helper()
	deadline := time.After(within)
	for {
		if r, _ := e.At(channel); r >= head {
			return
		}
		select {
		case <-deadline:
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
}
