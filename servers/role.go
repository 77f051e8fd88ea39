package servers

import (
	"context"
	"slices"

	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	"github.com/beep-chat/beep/perm"
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
		name, err := checkName(*u.Name, limits.NameLength)
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
func (u RoleUpdate) on(r Role) (Role, error) {
	if uint64(r.ID) == uint64(r.Server) && (u.Name != nil || u.Color != nil || u.Hoist != nil || u.Mentionable != nil) {
		return r, beep.InvalidField(beep.CodeInvalidField, "role_id", "is @everyone: only its rights can be changed")
	}
	set(&r.Name, u.Name)
	set(&r.Color, u.Color)
	set(&r.Hoist, u.Hoist)
	set(&r.Mentionable, u.Mentionable)
	set(&r.Rights, u.Rights)
	return r, nil
}

// set takes over a value that is given.
func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

// ListRoles answers a server's roles to its members, highest first.
func (s *Service) ListRoles(ctx context.Context, id beep.ServerID) ([]Role, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return nil, err
	}
	roles, err := s.store.Roles(ctx, id)
	if err != nil {
		return nil, err
	}
	if _, err := s.onServer(ctx, user, id, 0); err != nil {
		return nil, err
	}
	return roles, nil
}

// CreateRole adds a role below all others.
func (s *Service) CreateRole(ctx context.Context, id beep.ServerID, draft RoleUpdate, reason string) (Role, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return Role{}, err
	}
	if draft.Name == nil {
		draft.Name = new(string) // which check refuses
	}
	if err := first(draft.check(s.limits), checkReason(reason)); err != nil {
		return Role{}, err
	}
	var role Role
	err = s.settle(ctx, func() error {
		roles, err := s.store.Roles(ctx, id)
		if err != nil {
			return err
		}
		role, _ = draft.on(Role{ID: beep.RoleID(s.minter.Next()), Server: id, Position: lowest(roles)})
		d, err := s.may(ctx, user, noServer(), createRole(role))
		if err != nil {
			return err
		}
		switch {
		case len(roles) >= s.limits.RolesPerServer:
			return beep.Conflict(beep.CodeRoleLimit, "the server has as many roles as is allowed")
		case role.Position == 0:
			return s.spread(ctx, roles, Commit{Scope: beep.ServerScope(id), Expect: d.rev, Actor: user})
		}
		return s.commit(ctx, Commit{
			Scope: beep.ServerScope(id), Expect: d.rev, Actor: user, Changes: []Change{RoleSet{Role: role, New: true}},
			Records: []Record{s.audited(done{id, user, AuditRoleCreate, uint64(role.ID), reason}, Role{}.changesOf(role)...)},
		})
	})
	return role, err
}

// UpdateRole changes what a role is called, looks like and may do.
func (s *Service) UpdateRole(
	ctx context.Context, at RoleRef, update RoleUpdate, reason string,
) (role Role, err error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return Role{}, err
	}
	if err := first(update.check(s.limits), checkReason(reason)); err != nil {
		return Role{}, err
	}
	err = s.settle(ctx, func() error {
		before, err := s.role(ctx, user, at)
		if err != nil {
			return err
		}
		if role, err = update.on(before); err != nil {
			return err
		}
		d, err := s.may(ctx, user, noServer(), editRole(role))
		if err != nil || role == before {
			return err
		}
		return s.commit(ctx, Commit{
			Scope: beep.ServerScope(at.Server), Expect: d.rev, Actor: user, Changes: []Change{RoleSet{Role: role}},
			Records: []Record{s.audited(done{at.Server, user, AuditRoleUpdate, uint64(role.ID), reason}, before.changesOf(role)...)},
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
	if err := checkReason(reason); err != nil {
		return err
	}
	return s.settle(ctx, func() error {
		role, err := s.role(ctx, user, at)
		if err != nil {
			return err
		}
		d, err := s.may(ctx, user, noServer(), deleteRole(at))
		if err != nil {
			return err
		}
		return s.commit(ctx, Commit{
			Scope: beep.ServerScope(at.Server), Expect: d.rev, Actor: user, Changes: []Change{RoleRemoved{at.Role}},
			Records: []Record{s.audited(done{at.Server, user, AuditRoleDelete, uint64(at.Role), reason}, role.changesOf(Role{})...)},
		})
	})
}

// RoleRef names a role of a server.
type RoleRef struct {
	Server beep.ServerID
	Role   beep.RoleID
}

// role reads a role. Who is no member learns nothing of it, not even that it is not there.
func (s *Service) role(ctx context.Context, user beep.UserID, at RoleRef) (Role, error) {
	roles, err := s.store.Roles(ctx, at.Server)
	if err != nil {
		return Role{}, err
	}
	i := slices.IndexFunc(roles, func(r Role) bool { return r.ID == at.Role })
	if i >= 0 {
		return roles[i], nil
	}
	if _, err := s.onServer(ctx, user, at.Server, 0); err != nil {
		return Role{}, err
	}
	return Role{}, beep.NotFound(beep.CodeRoleNotFound, "there is no such role")
}

// AssignRole gives a member a role; one that the member has already is no change.
func (s *Service) AssignRole(ctx context.Context, at RoleRef, target beep.UserID, reason string) error {
	return s.changeRoles(ctx, assignRole(at, target), done{
		server: at.Server, action: AuditRoleAssign, target: uint64(target), reason: reason,
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
	return s.changeRoles(ctx, unassignRole(at, target), done{
		server: at.Server, action: AuditRoleUnassign, target: uint64(target), reason: reason,
	}, func(roles []beep.RoleID) []beep.RoleID {
		return slices.DeleteFunc(roles, func(id beep.RoleID) bool { return id == at.Role })
	})
}

// changeRoles gives a member other roles, if the action is allowed.
func (s *Service) changeRoles(
	ctx context.Context, action *authzv1.Action, what done, change func([]beep.RoleID) []beep.RoleID,
) error {
	return s.changeMember(ctx, action, what, func(m *Member) ([]AuditChange, error) {
		before := decimals(m.Roles)
		m.Roles = change(slices.Clone(m.Roles))
		return []AuditChange{{"role_ids", before, decimals(m.Roles)}}, nil
	})
}

func decimals(ids []beep.RoleID) []string {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = id.String()
	}
	return list
}
