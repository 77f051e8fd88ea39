package community

import (
	"context"
	"slices"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/servers"
)

// ExplainRight says how it comes that a member holds a right on a server, or does not; no member is the caller. It names
// roles alone, which all members may list.
func (s *Service) ExplainRight(
	ctx context.Context, id beep.ServerID, member beep.UserID, right perm.Rights,
) (servers.Explanation, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return servers.Explanation{}, err
	}
	need := perm.ManageRoles
	if member == 0 || member == user {
		member, need = user, 0
	}
	e, missing := s.authz.ExplainOnServer(ctx, id, member, right)
	if _, err := s.authz.OnServer(ctx, user, id, need); err != nil {
		return servers.Explanation{}, err
	}
	return e, missing
}

// ViewAs is what someone with certain roles, and no overwrite of their own, would hold. The rights of roles are no secret
// among members, so roles above the caller's may be looked at too; channels are, so those that the caller does not see
// are left out.
func (s *Service) ViewAs(ctx context.Context, id beep.ServerID, roles []beep.RoleID) (servers.Sight, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return servers.Sight{}, err
	}
	if len(roles) > s.limits.RolesPerServer {
		return servers.Sight{}, beep.InvalidField(beep.CodeInvalidField, "role_ids", "are more than a server has")
	}
	sight, missing := s.authz.ViewAs(ctx, id, roles)
	d, err := s.authz.OnServer(ctx, user, id, perm.ManageRoles)
	if err != nil {
		return servers.Sight{}, err
	}
	if missing != nil {
		return servers.Sight{}, missing
	}
	seen, err := s.authz.VisibleChannels(ctx, user, id, d.Rev)
	if err != nil {
		return servers.Sight{}, err
	}
	sight.Channels = slices.DeleteFunc(sight.Channels, func(c servers.ChannelSight) bool { return !seen[c.Channel] })
	return sight, nil
}
