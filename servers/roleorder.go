package servers

import (
	"context"
	"slices"

	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	"github.com/beep-chat/beep/perm"
)

// Positions leave room between roles, so that one that moves is one row of the log and not one for every role that it
// passes. Where the room is used up all roles are spread out again first: that changes no role's place among the others.
const (
	maxPosition = 1 << 30 // below it is every role
	lowestStep  = 1 << 16 // how far below the lowest a new role stands, while there is room
)

// lowest is the position of a new role, below all but @everyone; 0 where there is no room.
func lowest(roles []Role) uint32 {
	floor := uint32(maxPosition)
	for _, r := range roles {
		if r.Position > 0 {
			floor = min(floor, r.Position)
		}
	}
	return floor - min(lowestStep, (floor+1)/2)
}

// spread gives all roles of a server positions with room in between, in the order that they have, and answers errMoved
// for whoever needs the room to try again.
func (s *Service) spread(ctx context.Context, roles []Role, c Commit) error {
	step := uint32(maxPosition / (len(roles) + 1))
	for i, r := range roles { // highest first, @everyone last
		if r.Position > 0 {
			r.Position = maxPosition - uint32(i+1)*step
			c.Changes = append(c.Changes, RoleSet{Role: r})
		}
	}
	if err := s.commit(ctx, c); err != nil {
		return err
	}
	return errMoved
}

// ReorderRoles gives the roles of a server, @everyone apart, another order, highest first.
func (s *Service) ReorderRoles(
	ctx context.Context, id beep.ServerID, order []beep.RoleID, reason string,
) (roles []Role, err error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return nil, err
	}
	if err := checkReason(reason); err != nil {
		return nil, err
	}
	err = s.settle(ctx, func() error {
		d, err := s.onServer(ctx, user, id, perm.ManageRoles)
		if err != nil {
			return err
		}
		before, err := s.store.Roles(ctx, id)
		if err != nil {
			return err
		}
		if roles, err = inOrder(before, order); err != nil {
			return err
		}
		moved, room := place(roles)
		c := Commit{Scope: beep.ServerScope(id), Expect: d.rev, Actor: user}
		switch {
		case len(moved) == 0:
			return nil
		case !room:
			return s.spread(ctx, before, c)
		}
		c.Records = []Record{s.audited(done{id, user, AuditRoleReorder, uint64(id), reason}, AuditChange{
			"role_ids", decimals(idsOf(before)), decimals(idsOf(roles)),
		})}
		return s.move(ctx, moved, c)
	})
	return roles, err
}

// move commits the moves, if every one of them is allowed.
func (s *Service) move(ctx context.Context, moved []Role, c Commit) error {
	actions := make([]*authzv1.Action, len(moved))
	for i, r := range moved {
		actions[i] = moveRole(r)
		c.Changes = append(c.Changes, RoleSet{Role: r})
	}
	d, err := s.may(ctx, c.Actor, noServer(), actions...)
	if err != nil {
		return err
	}
	// The roles were read at c.Expect or later and decided about at d.rev: whatever moved after the first is a conflict.
	c.Expect = min(c.Expect, d.rev)
	return s.commit(ctx, c)
}

func idsOf(roles []Role) []beep.RoleID {
	ids := make([]beep.RoleID, len(roles))
	for i, r := range roles {
		ids[i] = r.ID
	}
	return ids
}

// inOrder are the roles in the order of ids, with @everyone last. The ids have to be all of them, each once: an order
// that someone saw before a role came or went says nothing about where that belongs.
func inOrder(roles []Role, order []beep.RoleID) ([]Role, error) {
	byID := make(map[beep.RoleID]Role, len(roles))
	for _, r := range roles {
		byID[r.ID] = r
	}
	ordered := make([]Role, 0, len(roles))
	for _, id := range order {
		if r, ok := byID[id]; ok && r.Position > 0 {
			ordered = append(ordered, r)
			delete(byID, id)
		}
	}
	if len(ordered) != len(order) || len(byID) != 1 { // what is left is @everyone
		return nil, beep.Precondition(beep.CodeRolesChanged, "these are not the roles that there are now, each once")
	}
	for _, everyone := range byID {
		ordered = append(ordered, everyone)
	}
	return ordered, nil
}

// place gives roles that are to stand in this order, highest first and @everyone last, positions that do, in place. As
// many as possible keep theirs, so that one that was dragged elsewhere is all that moves. It answers those that moved;
// room is false where there was none between two that stay.
func place(roles []Role) (moved []Role, room bool) {
	stay := falling(roles)
	above := uint32(maxPosition)
	for i := 0; i < len(roles); {
		if stay[i] {
			above = roles[i].Position
			i++
			continue
		}
		end := i // of the run of roles that need a place between above and the next that stays
		for !stay[end] {
			end++
		}
		gap, n := above-roles[end].Position, uint32(end-i)
		if gap <= n {
			return roles[i:end], false
		}
		for k := range n {
			roles[i].Position = above - (k+1)*gap/(n+1)
			moved = append(moved, roles[i])
			i++
		}
	}
	return moved, true
}

// falling marks a longest subsequence of roles whose positions fall already. The last role, @everyone at 0, is always in
// it, since everything is above it.
func falling(roles []Role) []bool {
	longest := make([]int, len(roles)) // that begins with the role
	next := make([]int, len(roles))
	best := 0
	for i, r := range slices.Backward(roles) {
		longest[i], next[i] = 1, -1
		for j := i + 1; j < len(roles); j++ {
			if roles[j].Position < r.Position && longest[j]+1 > longest[i] {
				longest[i], next[i] = longest[j]+1, j
			}
		}
		if longest[i] >= longest[best] {
			best = i
		}
	}
	stay := make([]bool, len(roles))
	for i := best; i >= 0; i = next[i] {
		stay[i] = true
	}
	return stay
}
