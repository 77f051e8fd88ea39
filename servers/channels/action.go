package channels

import (
	"context"

	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/servers"
)

// moveChannel is to give a channel the place that it has here.
func moveChannel(c servers.Channel) *authzv1.Action {
	return &authzv1.Action{Kind: &authzv1.Action_MoveChannel{MoveChannel: &authzv1.ChannelPlace{
		ChannelId: uint64(c.ID), CategoryId: uint64(c.Parent), Synced: c.Synced,
	}}}
}

// mayListOverwrites wants one of the rights by which overwrites are set.
func (s *Service) mayListOverwrites(ctx context.Context, user beep.UserID, id beep.ChannelID) error {
	_, err := s.authz.InChannel(ctx, user, id, perm.ManagePermissions)
	if beep.CodeOf(err) == beep.CodeForbidden {
		if _, err = s.authz.InChannel(ctx, user, id, perm.ManageChannels); beep.CodeOf(err) == beep.CodeForbidden {
			return beep.Forbidden(beep.CodeForbidden, "you need manage_channels or manage_permissions")
		}
	}
	return err
}

// toOverwrite is to give an overwrite these rights; none at all is to clear it.
func toOverwrite(o servers.Overwrite) *authzv1.Action {
	return &authzv1.Action{Kind: &authzv1.Action_SetOverwrite{SetOverwrite: &authzv1.OverwriteState{
		ChannelId: uint64(o.Channel), RoleId: uint64(o.Role), MemberId: uint64(o.Member),
		Allow: o.Allow.Names(), Deny: o.Deny.Names(),
	}}}
}
