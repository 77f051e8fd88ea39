package servers

import (
	"context"
	"slices"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/perm"
)

// ListOverwrites answers the overwrites that hold in a channel: while it follows its category, the category's.
func (s *Service) ListOverwrites(ctx context.Context, id beep.ChannelID) ([]Overwrite, error) {
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

// check refuses what no one may set, whoever asks.
func (o Overwrite) check() error {
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
func (s *Service) SetOverwrite(ctx context.Context, o Overwrite, reason string) (Overwrite, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return Overwrite{}, err
	}
	if err := first(o.check(), checkReason(reason)); err != nil {
		return Overwrite{}, err
	}
	err = s.settle(ctx, func() error {
		d, err := s.may(ctx, user, noChannel(), toOverwrite(o))
		if err != nil {
			return err
		}
		channel, list, err := s.overwrites(ctx, o.Channel)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(list, func(old Overwrite) bool { return old.Role == o.Role && old.Member == o.Member })
		fresh := i < 0
		var before Overwrite
		if fresh {
			o.ID = s.minter.Next()
		} else if before, o.ID = list[i], list[i].ID; o == before {
			return nil
		}
		return s.commit(ctx, Commit{
			Scope: beep.ServerScope(channel.Server), Expect: d.rev, Actor: user,
			Changes: []Change{OverwriteSet{Overwrite: o, New: fresh}},
			Records: []Record{s.audited(done{
				channel.Server, user, AuditOverwriteSet, uint64(o.Channel), reason,
			}, before.changesOf(o)...)},
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
	if err := checkReason(reason); err != nil {
		return err
	}
	return s.settle(ctx, func() error {
		channel, list, err := s.overwrites(ctx, id)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(list, func(o Overwrite) bool { return o.ID == overwrite })
		if i < 0 {
			if _, err := s.inChannel(ctx, user, id, 0); err != nil {
				return err
			}
			return beep.NotFound(beep.CodeOverwriteNotFound, "there is no such overwrite")
		}
		gone := list[i]
		d, err := s.may(ctx, user, noChannel(), toOverwrite(Overwrite{Channel: id, Role: gone.Role, Member: gone.Member}))
		if err != nil {
			return err
		}
		return s.commit(ctx, Commit{
			Scope: beep.ServerScope(channel.Server), Expect: d.rev, Actor: user,
			Changes: []Change{OverwriteRemoved{gone}},
			Records: []Record{s.audited(done{
				channel.Server, user, AuditOverwriteClear, uint64(id), reason,
			}, gone.changesOf(Overwrite{})...)},
		})
	})
}

// overwrites reads a channel and its own overwrites.
func (s *Service) overwrites(ctx context.Context, id beep.ChannelID) (Channel, []Overwrite, error) {
	channel, err := s.store.Channel(ctx, id)
	if err != nil {
		return Channel{}, nil, instead(err, noChannel())
	}
	list, err := s.store.Overwrites(ctx, id)
	return channel, list, err
}
