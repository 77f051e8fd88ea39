package order

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestRise(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		positions []uint32 // in the order that is wanted
		floor     int64
		moved     []int
		room      bool
	}{
		"nothing":                    {[]uint32{10, 20, 30}, 0, nil, true},
		"the last to the front":      {[]uint32{40, 10, 20, 30}, 0, []int{0}, true},
		"the first to the end":       {[]uint32{20, 30, 40, 10}, 0, []int{3}, true},
		"one into the middle":        {[]uint32{10, 40, 20, 30}, 0, []int{1}, true},
		"no room between two":        {[]uint32{10, 30, 11, 12}, 0, nil, false},
		"no room above the floor":    {[]uint32{30, 1, 2, 3}, 0, nil, false},
		"none is needed at it":       {[]uint32{0, 1, 2}, -1, nil, true},
		"a lower floor has room":     {[]uint32{30, 1, 2, 3}, -1, []int{0}, true},
		"room for one, two come":     {[]uint32{10, 60, 50, 12, 13}, 0, nil, false},
		"room for as many as come":   {[]uint32{10, 60, 50, 13, 14}, 0, []int{1, 2}, true},
		"none":                       {nil, 0, nil, true},
		"one":                        {[]uint32{5}, 0, nil, true},
		"one at the floor":           {[]uint32{0}, 0, []int{0}, true},
		"one out of bounds":          {[]uint32{Max}, 0, []int{0}, true},
		"the same twice":             {[]uint32{5, 5}, 0, nil, true},
		"all at the floor, of roles": {[]uint32{0, 0, 0}, 0, []int{0, 1, 2}, true},
	} {
		positions := slices.Clone(tt.positions)
		moved, room := Rise(positions, tt.floor)
		if room != tt.room {
			t.Errorf("%s: room is %v", name, room)
			continue
		}
		if name == "the same twice" {
			if len(moved) != 1 {
				t.Errorf("%s: %v moved, want one of them", name, moved)
			}
		} else if !slices.Equal(moved, tt.moved) {
			t.Errorf("%s: %v moved, want %v", name, moved, tt.moved)
		}
		if room {
			wantRising(t, name, positions, tt.floor)
		}
	}
}

func wantRising(t *testing.T, name string, positions []uint32, floor int64) {
	t.Helper()
	below := floor
	for _, p := range positions {
		if int64(p) <= below || p >= Max {
			t.Errorf("%s: %d after %d in %v", name, p, below, positions)
		}
		below = int64(p)
	}
}

// TestRise_MovesAsFewAsPossible holds it against all subsets of what could have stayed.
func TestRise_MovesAsFewAsPossible(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		positions := make([]uint32, random.IntN(8))
		for i, p := range random.Perm(len(positions)) {
			positions[i] = uint32(p+1) * 1000
		}
		was := slices.Clone(positions)
		moved, room := Rise(positions, 0)
		if !room {
			t.Fatalf("no room in %v", was)
		}
		wantRising(t, "at random", positions, 0)
		if most := mostRising(was); len(moved) != len(was)-most {
			t.Fatalf("of %v %d moved, though %d could have stayed", was, len(moved), most)
		}
		for i := range positions {
			if positions[i] != was[i] && !slices.Contains(moved, i) {
				t.Fatalf("of %v %d is said to stay and is now %d", was, was[i], positions[i])
			}
		}
	}
}

// mostRising is the length of the longest rising subsequence, by trying all.
func mostRising(positions []uint32) (most int) {
	for set := range 1 << len(positions) {
		n, below, rises := 0, uint32(0), true
		for i, p := range positions {
			if set>>i&1 == 1 {
				rises = rises && p > below
				below = p
				n++
			}
		}
		if rises {
			most = max(most, n)
		}
	}
	return most
}

func TestEvenly_HasRoomForWhatComes(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 2, 250, 500} {
		positions := Evenly(n)
		wantRising(t, "spread", positions, 0)
		for i := 1; i < n; i++ {
			if positions[i]-positions[i-1] < Step {
				t.Errorf("of %d, %d and %d have no room for another", n, positions[i-1], positions[i])
			}
		}
	}
}
