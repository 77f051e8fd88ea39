package community

import (
	"context"

	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/servers"
	"github.com/beep-chat/beep/servers/order"
)

// lowest is the position of a new role, below all but @everyone; 0 where there is no room.
func lowest(roles []servers.Role) uint32 {
	above := uint32(order.Max)
	for _, r := range roles {
		if r.Position > 0 {
			above = min(above, r.Position)
		}
	}
	return above - min(order.Step, (above+1)/2)
}

// spread gives all roles of a server positions with room in between, in the order that they have, and answers errMoved
// for whoever needs the room to try again.
func (s *Service) spread(ctx context.Context, roles []servers.Role, c servers.Commit) error {
	positions := order.Evenly(len(roles) - 1)
	for i, r := range roles[:len(roles)-1] { // highest first, @everyone last
		r.Position = positions[len(positions)-1-i]
		c.Changes = append(c.Changes, servers.RoleSet{Role: r})
	}
	if err := s.changes.Commit(ctx, c); err != nil {
		return err
	}
	return servers.ErrMoved
}

// ReorderRoles gives the roles of a server, @everyone apart, another order, highest first.
func (s *Service) ReorderRoles(
	ctx context.Context, id beep.ServerID, order []beep.RoleID, reason string,
) (roles []servers.Role, err error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return nil, err
	}
	if err := servers.CheckReason(reason); err != nil {
		return nil, err
	}
	err = servers.Settle(ctx, func() error {
		d, err := s.authz.OnServer(ctx, user, id, perm.ManageRoles)
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
		c := servers.Commit{Scope: beep.ServerScope(id), Expect: d.Rev, Actor: user}
		switch {
		case !room:
			return s.spread(ctx, before, c)
		case len(moved) == 0:
			return nil
		}
		c.Records = []servers.Record{s.changes.Audited(servers.Deed{
			Server: id, Actor: user, Action: servers.AuditRoleReorder, Target: uint64(id), Reason: reason,
		}, servers.Changed(
			"role_ids", decimals(idsOf(before)), decimals(idsOf(roles)),
		))}
		return s.move(ctx, moved, c)
	})
	return roles, err
}

// move commits the moves, if every one of them is allowed.
func (s *Service) move(ctx context.Context, moved []servers.Role, c servers.Commit) error {
	actions := make([]*authzv1.Action, len(moved))
	for i, r := range moved {
		actions[i] = moveRole(r)
		c.Changes = append(c.Changes, servers.RoleSet{Role: r})
	}
	d, err := s.authz.May(ctx, c.Actor, servers.NoServer(), actions...)
	if err != nil {
		return err
	}
	// The roles were read at c.Expect or later and decided about at d.rev: whatever moved after the first is a conflict.
	c.Expect = min(c.Expect, d.Rev)
	return s.changes.Commit(ctx, c)
}

func idsOf(roles []servers.Role) []beep.RoleID {
	ids := make([]beep.RoleID, len(roles))
	for i, r := range roles {
		ids[i] = r.ID
	}
	return ids
}

// inOrder are the roles in the order of ids, with @everyone last. The ids have to be all of them, each once: an order
// that someone saw before a role came or went says nothing about where that belongs.
func inOrder(roles []servers.Role, order []beep.RoleID) ([]servers.Role, error) {
	byID := make(map[beep.RoleID]servers.Role, len(roles))
	for _, r := range roles {
		byID[r.ID] = r
	}
	ordered := make([]servers.Role, 0, len(roles))
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

// place gives roles that are to stand in this order, highest first and @everyone last, positions that do, in place, and
// answers those that moved; room is false where there is none.
func place(roles []servers.Role) (moved []servers.Role, room bool) {
	n := len(roles) - 1
	positions := make([]uint32, n)
	for i := range positions { // lowest first
		positions[i] = roles[n-1-i].Position
	}
	places, room := order.Rise(positions, 0)
	for _, i := range places {
		role := &roles[n-1-i]
		role.Position = positions[i]
		moved = append(moved, *role)
	}
	return moved, room
}
