package community

import (
	"slices"
	"testing"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/servers"
	"github.com/beep-chat/beep/servers/order"
)

// standing are roles at these positions, highest first, with @everyone last; a role's id is its place from 1.
func standing(positions ...uint32) []servers.Role {
	roles := make([]servers.Role, 0, len(positions)+1)
	for i, p := range positions {
		roles = append(roles, servers.Role{ID: beep.RoleID(i + 1), Position: p})
	}
	return append(roles, servers.Role{ID: 99})
}

func TestLowest_IsBelowAllAndAboveEveryone(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		roles []servers.Role
		room  bool
	}{
		"the first":       {standing(), true},
		"under another":   {standing(order.Max - 1), true},
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
		roles = slices.Insert(roles, len(roles)-1, servers.Role{ID: beep.RoleID(i + 1), Position: p})
	}
}

// TestPlace_LeavesEveryoneLowest: one role moves, the others and @everyone keep their places.
func TestPlace_LeavesEveryoneLowest(t *testing.T) {
	t.Parallel()
	roles := standing(10, 40, 30, 20) // the first came from the bottom
	moved, room := place(roles)
	if !room || len(moved) != 1 || moved[0].ID != 1 || moved[0].Position <= 40 {
		t.Errorf("%v moved, room is %v", moved, room)
	}
	if roles[0] != moved[0] || roles[1].Position != 40 || roles[4].Position != 0 {
		t.Errorf("the roles are %v", roles)
	}
	if moved, room := place(standing(11, 1, 10)); room {
		t.Errorf("%v moved where there is no room", moved)
	}
}
