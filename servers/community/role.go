package community

import (
	"cmp"
	"context"
	"slices"

	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/servers"
)

// maxColor is white.
const maxColor = 0xFFFFFF

// RoleUpdate is what a role is to be; nil stays as it is, or is empty for a new role.
type RoleUpdate struct {
	Name        *string
	Color       *uint32
	Hoist       *bool
	Mentionable *bool
	Rights      *perm.Rights
}

// check refuses what no role could be. Which rights the caller may give is asked of authz.
func (u *RoleUpdate) check(limits beep.Limits) error {
	if u.Name != nil {
		name, err := servers.CheckName(*u.Name, limits.NameLength)
		if err != nil {
			return err
		}
		u.Name = &name
	}
	switch {
	case u.Color != nil && *u.Color > maxColor:
		return beep.InvalidField(beep.CodeInvalidField, "color", "is not between 0 and 0xFFFFFF")
	case u.Rights != nil && !perm.RoleRights.Has(*u.Rights):
		return beep.InvalidField(beep.CodeInvalidField, "rights", "has a right that roles cannot hold")
	}
	return nil
}

// on is the role after the update. @everyone is what it is called and has no place in lists: only its rights change.
func (u RoleUpdate) on(r servers.Role) (servers.Role, error) {
	if uint64(r.ID) == uint64(r.Server) && (u.Name != nil || u.Color != nil || u.Hoist != nil || u.Mentionable != nil) {
		return r, beep.InvalidField(beep.CodeInvalidField, "role_id", "is @everyone: only its rights can be changed")
	}
	servers.Assign(&r.Name, u.Name)
	servers.Assign(&r.Color, u.Color)
	servers.Assign(&r.Hoist, u.Hoist)
	servers.Assign(&r.Mentionable, u.Mentionable)
	servers.Assign(&r.Rights, u.Rights)
	return r, nil
}

// ListRoles answers a server's roles to its members, highest first.
func (s *Service) ListRoles(ctx context.Context, id beep.ServerID) ([]servers.Role, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return nil, err
	}
	roles, err := s.store.Roles(ctx, id)
	if err != nil {
		return nil, err
	}
	if _, err := s.authz.OnServer(ctx, user, id, 0); err != nil {
		return nil, err
	}
	return roles, nil
}

// CreateRole adds a role below all others.
func (s *Service) CreateRole(ctx context.Context, id beep.ServerID, draft RoleUpdate, reason string) (servers.Role, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return servers.Role{}, err
	}
	if draft.Name == nil {
		draft.Name = new(string) // which check refuses
	}
	if err := cmp.Or(draft.check(s.limits), servers.CheckReason(reason)); err != nil {
		return servers.Role{}, err
	}
	var role servers.Role
	err = servers.Settle(ctx, func() error {
		roles, err := s.store.Roles(ctx, id)
		if err != nil {
			return err
		}
		role, _ = draft.on(servers.Role{ID: beep.RoleID(s.minter.Next()), Server: id, Position: lowest(roles)})
		d, err := s.authz.May(ctx, user, servers.NoServer(), createRole(role))
		if err != nil {
			return err
		}
		switch {
		case len(roles) >= s.limits.RolesPerServer:
			return beep.Conflict(beep.CodeRoleLimit, "the server has as many roles as is allowed")
		case role.Position == 0:
			return s.spread(ctx, roles, servers.Commit{Scope: beep.ServerScope(id), Expect: d.Rev, Actor: user})
		}
		return s.changes.Commit(ctx, servers.Commit{
			Scope: beep.ServerScope(id), Expect: d.Rev, Actor: user, Changes: []servers.Change{servers.RoleSet{Role: role, New: true}},
			Records: []servers.Record{s.changes.Audited(servers.Deed{
				Server: id, Actor: user, Action: servers.AuditRoleCreate, Target: uint64(role.ID), Reason: reason,
			}, servers.Role{}.ChangesTo(role)...)},
		})
	})
	return role, err
}

// UpdateRole changes what a role is called, looks like and may do.
func (s *Service) UpdateRole(
	ctx context.Context, at RoleRef, update RoleUpdate, reason string,
) (role servers.Role, err error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return servers.Role{}, err
	}
	if err := cmp.Or(update.check(s.limits), servers.CheckReason(reason)); err != nil {
		return servers.Role{}, err
	}
	err = servers.Settle(ctx, func() error {
		before, err := s.role(ctx, user, at)
		if err != nil {
			return err
		}
		if role, err = update.on(before); err != nil {
			return err
		}
		d, err := s.authz.May(ctx, user, servers.NoServer(), editRole(role))
		if err != nil || role == before {
			return err
		}
		return s.changes.Commit(ctx, servers.Commit{
			Scope: beep.ServerScope(at.Server), Expect: d.Rev, Actor: user, Changes: []servers.Change{servers.RoleSet{Role: role}},
			Records: []servers.Record{s.changes.Audited(servers.Deed{
				Server: at.Server, Actor: user, Action: servers.AuditRoleUpdate, Target: uint64(role.ID), Reason: reason,
			}, before.ChangesTo(role)...)},
		})
	})
	return role, err
}

// DeleteRole ends a role, for whoever has it.
func (s *Service) DeleteRole(ctx context.Context, at RoleRef, reason string) error {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return err
	}
	if err := servers.CheckReason(reason); err != nil {
		return err
	}
	return servers.Settle(ctx, func() error {
		role, err := s.role(ctx, user, at)
		if err != nil {
			return err
		}
		d, err := s.authz.May(ctx, user, servers.NoServer(), deleteRole(at))
		if err != nil {
			return err
		}
		return s.changes.Commit(ctx, servers.Commit{
			Scope: beep.ServerScope(at.Server), Expect: d.Rev, Actor: user, Changes: []servers.Change{servers.RoleRemoved{ID: at.Role}},
			Records: []servers.Record{s.changes.Audited(servers.Deed{
				Server: at.Server, Actor: user, Action: servers.AuditRoleDelete, Target: uint64(at.Role), Reason: reason,
			}, role.ChangesTo(servers.Role{})...)},
		})
	})
}

// RoleRef names a role of a server.
type RoleRef struct {
	Server beep.ServerID
	Role   beep.RoleID
}

// role reads a role. Who is no member learns nothing of it, not even that it is not there.
func (s *Service) role(ctx context.Context, user beep.UserID, at RoleRef) (servers.Role, error) {
	roles, err := s.store.Roles(ctx, at.Server)
	if err != nil {
		return servers.Role{}, err
	}
	i := slices.IndexFunc(roles, func(r servers.Role) bool { return r.ID == at.Role })
	if i >= 0 {
		return roles[i], nil
	}
	if _, err := s.authz.OnServer(ctx, user, at.Server, 0); err != nil {
		return servers.Role{}, err
	}
	return servers.Role{}, servers.NoRole()
}

// AssignRole gives a member a role; one that the member has already is no change.
func (s *Service) AssignRole(ctx context.Context, at RoleRef, target beep.UserID, reason string) error {
	return s.changeRoles(ctx, assignRole(at, target), servers.Deed{
		Server: at.Server, Action: servers.AuditRoleAssign, Target: uint64(target), Reason: reason,
	}, func(roles []beep.RoleID) []beep.RoleID {
		i, has := slices.BinarySearch(roles, at.Role)
		if has {
			return roles
		}
		return slices.Insert(roles, i, at.Role)
	})
}

// UnassignRole takes a role from a member; one that the member has not is no change.
func (s *Service) UnassignRole(ctx context.Context, at RoleRef, target beep.UserID, reason string) error {
	return s.changeRoles(ctx, unassignRole(at, target), servers.Deed{
		Server: at.Server, Action: servers.AuditRoleUnassign, Target: uint64(target), Reason: reason,
	}, func(roles []beep.RoleID) []beep.RoleID {
		return slices.DeleteFunc(roles, func(id beep.RoleID) bool { return id == at.Role })
	})
}

// changeRoles gives a member other roles, if the action is allowed.
func (s *Service) changeRoles(
	ctx context.Context, action *authzv1.Action, what servers.Deed, change func([]beep.RoleID) []beep.RoleID,
) error {
	return s.changeMember(ctx, action, what, func(m *servers.Member) ([]servers.AuditChange, error) {
		before := decimals(m.Roles)
		m.Roles = change(slices.Clone(m.Roles))
		return []servers.AuditChange{servers.Changed("role_ids", before, decimals(m.Roles))}, nil
	})
}

func decimals(ids []beep.RoleID) []string {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = id.String()
	}
	return list
}
