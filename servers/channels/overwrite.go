package channels

import (
	"cmp"
	"context"
	"slices"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/servers"
)

// ListOverwrites answers the overwrites that hold in a channel: while it follows its category, the category's.
func (s *Service) ListOverwrites(ctx context.Context, id beep.ChannelID) ([]servers.Overwrite, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return nil, err
	}
	channel, list, err := s.overwrites(ctx, id)
	if err != nil {
		return nil, err
	}
	if channel.Synced {
		if list, err = s.store.Overwrites(ctx, channel.Parent); err != nil {
			return nil, err
		}
	}
	if err := s.mayListOverwrites(ctx, user, id); err != nil {
		return nil, err
	}
	return list, nil
}

// checkOverwrite refuses what no one may set, whoever asks.
func checkOverwrite(o servers.Overwrite) error {
	switch {
	case (o.Role == 0) == (o.Member == 0):
		return beep.Invalid(beep.CodeOverwriteTarget, "give exactly one of role_id and member_id")
	case !perm.OverwriteRights.Has(o.Allow):
		return beep.InvalidField(beep.CodeInvalidField, "allow", "has a right that channels do not set")
	case !perm.OverwriteRights.Has(o.Deny):
		return beep.InvalidField(beep.CodeInvalidField, "deny", "has a right that channels do not set")
	case o.Allow&o.Deny != 0:
		return beep.InvalidField(beep.CodeInvalidField, "deny", "has a right that is also in allow")
	}
	return nil
}

// SetOverwrite gives a role or a member rights in a channel, or takes them. The answer has the id that the
// overwrite had before, or a new one; the id given is ignored.
func (s *Service) SetOverwrite(ctx context.Context, o servers.Overwrite, reason string) (servers.Overwrite, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return servers.Overwrite{}, err
	}
	if err := cmp.Or(checkOverwrite(o), servers.CheckReason(reason)); err != nil {
		return servers.Overwrite{}, err
	}
	err = servers.Settle(ctx, func() error {
		d, err := s.authz.May(ctx, user, servers.NoChannel(), toOverwrite(o))
		if err != nil {
			return err
		}
		channel, list, err := s.overwrites(ctx, o.Channel)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(list, func(old servers.Overwrite) bool { return old.Role == o.Role && old.Member == o.Member })
		fresh := i < 0
		var before servers.Overwrite
		if fresh {
			o.ID = s.minter.Next()
		} else if before, o.ID = list[i], list[i].ID; o == before {
			return nil
		}
		return s.changes.Commit(ctx, servers.Commit{
			Scope: beep.ServerScope(channel.Server), Expect: d.Rev, Actor: user,
			Changes: []servers.Change{servers.OverwriteSet{Overwrite: o, New: fresh}},
			Records: []servers.Record{s.changes.Audited(servers.Deed{
				Server: channel.Server, Actor: user, Action: servers.AuditOverwriteSet, Target: uint64(o.Channel), Reason: reason,
			}, before.ChangesTo(o)...)},
		})
	})
	return o, err
}

// ClearOverwrite removes an overwrite. To authz that is giving its target no rights there, allowed or denied; taking a
// denial away is giving, so it needs the right denied.
func (s *Service) ClearOverwrite(ctx context.Context, id beep.ChannelID, overwrite uint64, reason string) error {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return err
	}
	if err := servers.CheckReason(reason); err != nil {
		return err
	}
	return servers.Settle(ctx, func() error {
		channel, list, err := s.overwrites(ctx, id)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(list, func(o servers.Overwrite) bool { return o.ID == overwrite })
		if i < 0 {
			if _, err := s.authz.InChannel(ctx, user, id, 0); err != nil {
				return err
			}
			return beep.NotFound(beep.CodeOverwriteNotFound, "there is no such overwrite")
		}
		gone := list[i]
		d, err := s.authz.May(ctx, user, servers.NoChannel(), toOverwrite(servers.Overwrite{Channel: id, Role: gone.Role, Member: gone.Member}))
		if err != nil {
			return err
		}
		return s.changes.Commit(ctx, servers.Commit{
			Scope: beep.ServerScope(channel.Server), Expect: d.Rev, Actor: user,
			Changes: []servers.Change{servers.OverwriteRemoved{Overwrite: gone}},
			Records: []servers.Record{s.changes.Audited(servers.Deed{
				Server: channel.Server, Actor: user, Action: servers.AuditOverwriteClear, Target: uint64(id), Reason: reason,
			}, gone.ChangesTo(servers.Overwrite{})...)},
		})
	})
}

// overwrites reads a channel and its own overwrites.
func (s *Service) overwrites(ctx context.Context, id beep.ChannelID) (servers.Channel, []servers.Overwrite, error) {
	channel, err := s.store.Channel(ctx, id)
	if err != nil {
		return servers.Channel{}, nil, servers.Instead(err, servers.NoChannel())
	}
	list, err := s.store.Overwrites(ctx, id)
	return channel, list, err
}
