package direct

import (
	"context"
	"slices"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/servers"
)

// A change of a group is decided by all who are in it, so each commits only at the very revision at which it was decided:
// what is read in between, who is in it and how many, holds at the commit.

// change decides and commits a change of a direct message, again until it commits as it was decided. decide adds to the
// commit what is to happen; without changes there is nothing to do.
func (s *Service) change(
	ctx context.Context, user beep.UserID, id beep.ChannelID, decide func(d *servers.DirectMessage, c *servers.Commit) error,
) (servers.DirectMessage, error) {
	var d servers.DirectMessage
	err := servers.Settle(ctx, func() error {
		allowed, err := s.within(ctx, user, id)
		if err != nil {
			return err
		}
		if d, err = s.store.Direct(ctx, id); err != nil {
			return servers.Instead(err, none())
		}
		c := servers.Commit{Scope: beep.DirectScope(id), Expect: allowed.Rev, Actor: user}
		if err := decide(&d, &c); err != nil || len(c.Changes) == 0 {
			return err
		}
		return s.changes.Commit(ctx, c)
	})
	return d, err
}

// Rename names a group, or takes its name away.
func (s *Service) Rename(ctx context.Context, id beep.ChannelID, name string) (servers.DirectMessage, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return servers.DirectMessage{}, err
	}
	if name, err = s.name(name); err != nil {
		return servers.DirectMessage{}, err
	}
	return s.change(ctx, user, id, func(d *servers.DirectMessage, c *servers.Commit) error {
		if d.Kind != servers.Group {
			return notGroup()
		}
		if d.Name == name {
			return nil
		}
		d.Name = name
		c.Changes, c.Touches = []servers.Change{servers.DirectSet{DirectMessage: *d}}, d.Users
		return nil
	})
}

// Add puts others into a group. Added to a pair, they and the two are a new group: who wrote to one person alone is never
// read by more.
func (s *Service) Add(ctx context.Context, id beep.ChannelID, others []beep.UserID) (servers.DirectMessage, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return servers.DirectMessage{}, err
	}
	if err := s.others(user, others); err != nil {
		return servers.DirectMessage{}, err
	}
	return s.change(ctx, user, id, func(d *servers.DirectMessage, c *servers.Commit) error {
		fresh := slices.DeleteFunc(slices.Clone(others), func(u beep.UserID) bool { return slices.Contains(d.Users, u) })
		if len(fresh) == 0 {
			return nil
		}
		if len(d.Users)+len(fresh) > s.limits.GroupSize {
			return beep.Conflict(beep.CodeGroupFull, "the group would be larger than is allowed")
		}
		if err := s.reachable(ctx, user, fresh); err != nil {
			return err
		}
		if d.Kind == servers.Pair {
			*d = s.group(append(fresh, d.Users...), "")
			return s.begin(ctx, user, *d)
		}
		c.Touches = d.Users
		for _, u := range fresh {
			c.Changes = append(c.Changes, servers.ParticipantAdded{User: u})
		}
		d.Users = slices.Sorted(slices.Values(append(fresh, d.Users...)))
		return nil
	})
}

// Leave takes the caller out of a group; without members it is erased.
func (s *Service) Leave(ctx context.Context, id beep.ChannelID) error {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return err
	}
	_, err = s.change(ctx, user, id, func(d *servers.DirectMessage, c *servers.Commit) error {
		if d.Kind != servers.Group {
			return notGroup()
		}
		c.Changes = []servers.Change{servers.ParticipantRemoved{User: user}}
		c.Touches = slices.DeleteFunc(d.Users, func(u beep.UserID) bool { return u == user })
		return nil
	})
	return err
}
