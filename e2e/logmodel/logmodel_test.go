package logmodel

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// How many schedules are played: few in every run of the tests, which start elsewhere each day, and many with
// BEEP_SOAK=1. BEEP_SEED=n plays the schedule n alone, again and again, since it does not decide everything.
const (
	schedules     = 10
	soakSchedules = 3000
	repeats       = 20
	workers       = 3 // at once: a schedule waits more than it works
)

func seeds(t *testing.T) []uint64 {
	t.Helper()
	if text := os.Getenv("BEEP_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("BEEP_SEED: %v", err)
		}
		return slices.Repeat([]uint64{seed}, repeats)
	}
	n := schedules
	if os.Getenv("BEEP_SOAK") != "" {
		n = soakSchedules
	}
	first := uint64(time.Now().Unix()/86400) * 1_000_000
	list := make([]uint64, n)
	for i := range list {
		list[i] = first + uint64(i)
	}
	return list
}

func openSite(t *testing.T) *Site {
	t.Helper()
	site, err := OpenSite(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	site.Floods = os.Getenv("BEEP_SOAK") != ""
	t.Cleanup(func() { _ = site.Close() })
	return site
}

// TestLog_HoldsUnderAnySchedule: whatever crashes, gets lost or is revoked, every rule of the protocol holds.
func TestLog_HoldsUnderAnySchedule(t *testing.T) {
	t.Parallel()
	list := seeds(t)
	var next atomic.Int64
	var mu sync.Mutex
	var sum Stats
	var wg sync.WaitGroup
	for range workers {
		site := openSite(t)
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(list)) && !t.Failed(); i = next.Add(1) - 1 {
				wrong, stats, err := site.Play(t.Context(), list[i], Plant{})
				if err != nil || len(wrong) > 0 {
					t.Errorf("BEEP_SEED=%d: %v\n%s", list[i], err, strings.Join(wrong, "\n"))
				}
				mu.Lock()
				sum.add(stats)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	t.Logf("%d schedules from seed %d: %+v", len(list), list[0], sum)
	if t.Failed() {
		return
	}
	// A model in which these do not happen would pass and prove nothing.
	for what, n := range map[string]int{
		"entries": sum.Entries, "acknowledgements": sum.Acks, "unknown outcomes": sum.Unknown, "refusals": sum.Refused, "resets": sum.Resets,
		"removals": sum.Removals, "crashes": sum.Crashes, "late inserts": sum.Late,
	} {
		if n < len(list)/4 {
			t.Errorf("only %d %s in %d schedules", n, what, len(list))
		}
	}
	if sum.Connects < 5*len(list) {
		t.Errorf("only %d connections in %d schedules", sum.Connects, len(list))
	}
}

func (s *Stats) add(o Stats) {
	s.Entries, s.Acks, s.Unknown, s.Refused = s.Entries+o.Entries, s.Acks+o.Acks, s.Unknown+o.Unknown, s.Refused+o.Refused
	s.Frames, s.Resets, s.Removals = s.Frames+o.Frames, s.Resets+o.Resets, s.Removals+o.Removals
	s.Connects, s.Crashes, s.Late = s.Connects+o.Connects, s.Crashes+o.Crashes, s.Late+o.Late
}

// enough is how many schedules a planted fault may take to be found.
const enough = 100

// TestJudge_FindsEveryPlantedFault: a judge that stays silent over a mistake would stay silent over ours.
func TestJudge_FindsEveryPlantedFault(t *testing.T) {
	t.Parallel()
	for _, plant := range Plants() {
		t.Run(plant.Name, func(t *testing.T) {
			t.Parallel()
			site := openSite(t)
			var last []string
			for seed := range uint64(enough) {
				wrong, _, err := site.Play(t.Context(), seed, plant)
				if err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				for _, w := range wrong {
					rule, _, _ := strings.Cut(w, ":")
					if slices.Contains(plant.Found, rule) {
						t.Logf("seed %d: %s", seed, w)
						return
					}
				}
				last = wrong
			}
			t.Errorf("%d schedules, and no rule of %v was seen broken; the last said %q", enough, plant.Found, last)
		})
	}
}
