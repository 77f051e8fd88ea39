package servers

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/beep-chat/beep"
)

// standing are roles at these positions, highest first, with @everyone last; a role's id is its place from 1.
func standing(positions ...uint32) []Role {
	roles := make([]Role, 0, len(positions)+1)
	for i, p := range positions {
		roles = append(roles, Role{ID: beep.RoleID(i + 1), Position: p})
	}
	return append(roles, Role{ID: 99})
}

func TestLowest_IsBelowAllAndAboveEveryone(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		roles []Role
		room  bool
	}{
		"the first":       {standing(), true},
		"under another":   {standing(maxPosition - 1), true},
		"near the bottom": {standing(1000), true},
		"at 2":            {standing(2), true},
		"at the bottom":   {standing(5, 1), false},
	} {
		got := lowest(tt.roles)
		if (got > 0) != tt.room {
			t.Errorf("%s: %d", name, got)
		}
		for _, r := range tt.roles[:len(tt.roles)-1] {
			if got >= r.Position {
				t.Errorf("%s: %d is not below %d", name, got, r.Position)
			}
		}
	}
}

// TestLowest_HasRoomForEveryRole: as many roles as a server may have, made one after another, need no spreading.
func TestLowest_HasRoomForEveryRole(t *testing.T) {
	t.Parallel()
	roles := standing()
	for i := range beep.DefaultLimits().RolesPerServer {
		p := lowest(roles)
		if p == 0 {
			t.Fatalf("no room for role %d", i)
		}
		roles = slices.Insert(roles, len(roles)-1, Role{ID: beep.RoleID(i + 1), Position: p})
	}
}

func TestPlace(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		roles []Role // in the order that is wanted
		moved []beep.RoleID
		room  bool
	}{
		"nothing":                   {standing(30, 20, 10), nil, true},
		"the last to the top":       {standing(10, 40, 30, 20), []beep.RoleID{1}, true},
		"the first to the bottom":   {standing(30, 20, 10, 40), []beep.RoleID{4}, true},
		"two change places":         {standing(40, 20, 30, 10), []beep.RoleID{3}, true},
		"all the other way round":   {standing(10, 20, 30), []beep.RoleID{1, 2}, true},
		"no room between two":       {standing(11, 1, 10), nil, false},
		"no room below the lowest":  {standing(3, 1, 2), nil, false},
		"room for one, two come":    {standing(20, 1, 2, 18, 17), nil, false},
		"room for exactly as many":  {standing(20, 1, 2, 17, 16), []beep.RoleID{2, 3}, true},
		"everyone alone":            {standing(), nil, true},
		"one role":                  {standing(5), nil, true},
		"the top has room above it": {standing(1, maxPosition-2, 5), []beep.RoleID{1}, true},
	} {
		roles := slices.Clone(tt.roles)
		moved, room := place(roles)
		if room != tt.room {
			t.Errorf("%s: room is %v", name, room)
			continue
		}
		if !room {
			continue
		}
		if len(moved) != len(tt.moved) {
			t.Errorf("%s: %v moved, want as many as %v", name, idsOf(moved), tt.moved)
		}
		wantFalling(t, name, roles)
	}
}

// wantFalling wants positions that fall from below the limit down to @everyone's 0.
func wantFalling(t *testing.T, name string, roles []Role) {
	t.Helper()
	above := uint32(maxPosition)
	for _, r := range roles {
		if r.Position >= above {
			t.Errorf("%s: %d is not below %d", name, r.Position, above)
		}
		above = r.Position
	}
	if above != 0 {
		t.Errorf("%s: @everyone is at %d", name, above)
	}
}

// TestPlace_MovesAsFewAsPossible holds it against all subsets of what could have stayed.
func TestPlace_MovesAsFewAsPossible(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		n := random.IntN(8)
		positions := make([]uint32, n)
		for i, p := range random.Perm(n) {
			positions[i] = uint32(p+1) * 1000
		}
		roles := standing(positions...)
		moved, room := place(roles)
		if !room {
			t.Fatalf("no room in %v", positions)
		}
		wantFalling(t, "at random", roles)
		if most := mostFalling(positions); len(moved) != n-most {
			t.Fatalf("of %v %d moved, though %d could have stayed", positions, len(moved), most)
		}
	}
}

// mostFalling is the length of the longest falling subsequence, by trying all.
func mostFalling(positions []uint32) (most int) {
	for set := range 1 << len(positions) {
		n, above, falls := 0, uint32(maxPosition), true
		for i, p := range positions {
			if set>>i&1 == 1 {
				falls = falls && p < above
				above = p
				n++
			}
		}
		if falls {
			most = max(most, n)
		}
	}
	return most
}
