package channels

import (
	"context"
	"strings"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/servers"
)

// ExplainRight says how it comes that a member holds a right in a channel, or does not; no member is the caller.
func (s *Service) ExplainRight(
	ctx context.Context, id beep.ChannelID, member beep.UserID, right perm.Rights,
) (servers.Explanation, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return servers.Explanation{}, err
	}
	if member == 0 {
		member = user
	}
	e, missing := s.authz.ExplainInChannel(ctx, id, member, right)
	err = s.mayListOverwrites(ctx, user, id)
	if beep.CodeOf(err) != beep.CodeForbidden {
		if err != nil {
			return servers.Explanation{}, err
		}
		return e, missing
	}
	if member != user {
		if _, err := s.authz.InChannel(ctx, user, id, perm.ManageRoles); err != nil {
			if beep.CodeOf(err) == beep.CodeForbidden {
				err = beep.Forbidden(beep.CodeForbidden, "you need manage_roles, manage_channels or manage_permissions")
			}
			return servers.Explanation{}, err
		}
	}
	return veiled(e), missing
}

// veiled is an explanation for who may not list overwrites: that there is one that decides can be seen by what one can
// do, for whom it is and whether it is the category's cannot.
func veiled(e servers.Explanation) servers.Explanation {
	steps := e.Steps
	e.Steps = nil
	for _, s := range steps {
		if strings.HasPrefix(s.Kind, "overwrite_") {
			s.Kind, s.Role, s.Channel = "overwrite", 0, 0
		}
		if s.Kind != "category" {
			e.Steps = append(e.Steps, s)
		}
	}
	return e
}
