package perm_test

import (
	"cmp"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/perm/permref"
	"github.com/beep-chat/beep/perm/permtest"
)

// worlds is how many random worlds a test looks at: full for a plain run, fewer with -short or -race.
func worlds(full int) int {
	switch {
	case testing.Short():
		return full / 50
	case raceEnabled:
		return full / 20
	}
	return full
}

func randomBytes(rng *rand.Rand, n int) []byte {
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(rng.UintN(256))
	}
	return data
}

// The worlds that a full run of the differential looks at, and a soak.
const fullWorlds, soakWorlds = 104_000, 5_000_000

// least is the share of the worlds in which there must be each thing: less, and agreeing says little about it. They are
// somewhat below what the generator makes.
func least() map[string]float64 {
	return map[string]float64{
		"mutes": 0.5, "administrators": 0.2, "muted administrators": 0.05, "members with several roles": 0.3, "no owner": 0.2,
		"overwrites of everyone": 0.5, "overwrites of roles": 0.3, "overwrites of members": 0.5, "overwrites of who is no member": 0.2,
		"synced channels": 0.07, "synced to overwrites": 0.05, "synced to nothing": 0.3,
		"threads": 0.12, "closed threads": 0.1, "threads of followers": 0.015, "threads of nothing": 0.3,
		"changed row by row": 0.45, "without a view": 0.45, "direct messages": 0.2,
		"calls allowed": 0.4, "refused by the hierarchy": 0.35, "refused for want of a right": 0.45, "refused as unknown": 0.35, "refused as senseless": 0.1,
	}
}

// TestPerm_IsTheReference is the differential. With -race it looks at few worlds: the suite "worlds" runs it whole.
func TestPerm_IsTheReference(t *testing.T) {
	t.Parallel()
	wanted, first := worlds(fullWorlds), uint64(0)
	if os.Getenv("BEEP_SOAK") != "" && !raceEnabled {
		wanted, first = soakWorlds, rand.Uint64()>>1
	}
	began := time.Now()
	c, err := survey(first, wanted)
	t.Logf("%s, in %s, from seed %d", c, time.Since(began).Round(time.Second), first)
	if err != nil {
		t.Fatal(err)
	}
	if c.Worlds < wanted {
		t.Errorf("%d worlds, want %d", c.Worlds, wanted)
	}
	for what, want := range least() {
		if got := c.Share(what); got < want {
			t.Errorf("%s in %.1f %% of the worlds, want %.0f %%", what, 100*got, 100*want)
		}
	}
}

// survey looks at no fewer worlds than wanted, on every processor, and answers the first difference.
func survey(first uint64, wanted int) (*permtest.Coverage, error) {
	const batch = 500
	var (
		total   permtest.Coverage
		failed  error
		mu      sync.Mutex // guards total and failed
		begun   atomic.Int64
		running sync.WaitGroup
	)
	for range runtime.GOMAXPROCS(0) {
		running.Go(func() {
			for n := begun.Add(1) - 1; n*batch < int64(wanted); n = begun.Add(1) - 1 {
				c, err := permtest.Survey(first+uint64(n), batch)
				mu.Lock()
				total.Add(c)
				failed = cmp.Or(failed, err)
				stop := failed != nil
				mu.Unlock()
				if stop {
					return
				}
			}
		})
	}
	running.Wait()
	return &total, failed
}

func FuzzPermIsTheReference(f *testing.F) {
	rng := rand.New(rand.NewPCG(3, 0))
	for range 20 {
		f.Add(randomBytes(rng, 512))
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := permtest.CheckBytes(data); err != nil {
			t.Fatal(err)
		}
	})
}

func build(t *testing.T, w *permref.World, rng *rand.Rand) *perm.View {
	t.Helper()
	v := perm.NewView(permtest.Server())
	if _, err := permtest.Apply(v, permtest.Rows(w, rng)...); err != nil {
		t.Fatal(err)
	}
	return v
}

// The order of rows, and of the roles in a member's row, is another in each build.
func TestView_DoesNotDependOnOrder(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(4, 0))
	for i := range worlds(2_000) {
		w := permref.FromBytes(randomBytes(rng, 400))
		for range 5 {
			if err := permtest.Compare(build(t, w, rng), w); err != nil {
				t.Fatalf("world %d: %v", i, err)
			}
		}
	}
}

// walk lets one member, who is not the owner, make random allowed calls, and holds what that member may do
// after each against what it was at the start. It counts the calls made.
func walk(t *testing.T, rng *rand.Rand, made map[string]int) {
	t.Helper()
	src := permref.NewSource(randomBytes(rng, 4000))
	w := src.World()
	actor := src.ID(permref.Users)
	if _, member := w.Members[actor]; !member || actor == w.Owner {
		return
	}
	start, first, owner := w.Clone(), build(t, w, rng), w.Owner
	v := first
	for id := uint64(100); !src.Empty(); id++ {
		c := src.CallBy(w, actor)
		if permtest.Ask(v, c) != nil {
			continue
		}
		made[c.Op]++
		w.Do(c, id)
		v = build(t, w, rng)
		if gain := elevation(first, v, beep.UserID(actor)); gain != 0 {
			t.Fatalf("user %d gained %s by %+v\nat the start %+v\nnow %+v", actor, gain, c, start, w)
		}
		if _, member := start.Members[owner]; member && v.Rights(beep.UserID(owner)) != perm.All {
			t.Fatalf("the owner fell to %s by %+v", v.Rights(beep.UserID(owner)), c)
		}
	}
}

// elevation are the rights that a user holds now and did not hold before: on the server, in a channel, or in
// a new channel though neither on the server nor in any channel.
func elevation(before, now *perm.View, user beep.UserID) perm.Rights {
	gain := now.Rights(user) &^ before.Rights(user)
	anywhere := before.Rights(user)
	for c := range before.Channels() {
		anywhere |= before.ChannelRights(user, c.ID)
	}
	for c := range now.Channels() {
		had := anywhere
		if _, old := before.Channel(c.ID); old {
			had = before.ChannelRights(user, c.ID)
		}
		gain |= now.ChannelRights(user, c.ID) &^ had
	}
	return gain
}

func TestHierarchy_NobodyRaisesThemselves(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(5, 0))
	made := map[string]int{}
	for range worlds(2_000) {
		walk(t, rng, made)
	}
	t.Log(made)
	for _, op := range permref.Ops() {
		if made[op] == 0 {
			t.Errorf("no walk made a call of %s: the test says nothing about it", op)
		}
	}
}
