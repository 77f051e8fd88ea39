package channels

import (
	"context"
	"slices"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/servers"
	"github.com/beep-chat/beep/servers/order"
)

// A channel in a category either follows the category's overwrites or has its own, never both: what would hold is then
// always what is listed. So who begins to follow loses its own, and who ends it gets a copy of what it followed.

// moved are the rows of a channel that is to stand elsewhere, follow or no more follow. Readers may stop between any two
// rows of a commit, so their order opens nothing: the copy comes before the channel stops following, and its own go only
// when it follows.
func (s *Service) moved(ctx context.Context, before, after servers.Channel) ([]servers.Change, error) {
	set := servers.ChannelSet{Channel: after}
	if before.Synced == after.Synced {
		return []servers.Change{set}, nil
	}
	own, err := s.store.Overwrites(ctx, before.ID)
	if err != nil {
		return nil, err
	}
	var removed []servers.Change
	for _, o := range own {
		removed = append(removed, servers.OverwriteRemoved{Overwrite: o})
	}
	if after.Synced {
		return append([]servers.Change{set}, removed...), nil
	}
	followed, err := s.store.Overwrites(ctx, before.Parent)
	if err != nil {
		return nil, err
	}
	changes := removed // which hold nothing while the channel follows
	for _, o := range followed {
		o.ID, o.Channel = s.minter.Next(), before.ID
		changes = append(changes, servers.OverwriteSet{Overwrite: o, New: true})
	}
	return append(changes, set), nil
}

// orphan takes the channels of a category out of it: without what they followed the end of a private category would
// open all that stood in it.
func (s *Service) orphan(ctx context.Context, category servers.Channel) (changes []servers.Change, err error) {
	if category.Kind != servers.Category {
		return nil, nil
	}
	all, err := s.store.Channels(ctx, category.Server)
	if err != nil {
		return nil, err
	}
	for _, c := range all {
		if c.Parent != category.ID {
			continue
		}
		alone := c
		alone.Parent, alone.Synced = 0, false
		rows, err := s.moved(ctx, c, alone)
		if err != nil {
			return nil, err
		}
		changes = append(changes, rows...)
	}
	return changes, nil
}

// ReorderChannels gives the channels that the caller sees another order. It is asked on the server: an order is of all.
func (s *Service) ReorderChannels(
	ctx context.Context, id beep.ServerID, order []beep.ChannelID,
) (seen []servers.Channel, err error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return nil, err
	}
	err = servers.Settle(ctx, func() error {
		d, err := s.authz.OnServer(ctx, user, id, perm.ManageChannels)
		if err != nil {
			return err
		}
		all, err := s.store.Channels(ctx, id)
		if err != nil {
			return err
		}
		visible, err := s.authz.VisibleChannels(ctx, user, id, d.Rev)
		if err != nil {
			return err
		}
		ordered, err := merge(all, visible, order)
		if err != nil {
			return err
		}
		c := servers.Commit{Scope: beep.ServerScope(id), Expect: d.Rev, Actor: user}
		c.Changes, err = s.renumber(ctx, all, ordered, c)
		if seen = only(ordered, visible); err != nil || len(c.Changes) == 0 {
			return err
		}
		return s.changes.Commit(ctx, c)
	})
	return seen, err
}

// renumber gives ordered channels positions that rise, and answers the rows of those that moved. Where there is no room
// it spreads all as they stand first.
func (s *Service) renumber(
	ctx context.Context, standing, ordered []servers.Channel, c servers.Commit,
) (changes []servers.Change, err error) {
	positions := make([]uint32, len(ordered))
	for i, channel := range ordered {
		positions[i] = channel.Position
	}
	places, room := order.Rise(positions, -1)
	if !room {
		return nil, s.spreadChannels(ctx, standing, c)
	}
	for _, i := range places {
		ordered[i].Position = positions[i]
		changes = append(changes, servers.ChannelSet{Channel: ordered[i]})
	}
	return changes, nil
}

// spreadChannels gives all channels positions with room in between, as they stand, and answers errMoved for whoever
// needs the room to try again.
func (s *Service) spreadChannels(ctx context.Context, all []servers.Channel, c servers.Commit) error {
	for i, position := range order.Evenly(len(all)) {
		channel := all[i]
		channel.Position = position
		c.Changes = append(c.Changes, servers.ChannelSet{Channel: channel})
	}
	if err := s.changes.Commit(ctx, c); err != nil {
		return err
	}
	return servers.ErrMoved
}

// merge puts the channels that someone sees in an order, and leaves the others where they stand among all. The order has
// to name each that is seen once.
func merge(all []servers.Channel, visible map[beep.ChannelID]bool, order []beep.ChannelID) ([]servers.Channel, error) {
	byID := make(map[beep.ChannelID]servers.Channel, len(all))
	for _, c := range all {
		if visible[c.ID] {
			byID[c.ID] = c
		}
	}
	changed := beep.Precondition(beep.CodeChannelsChanged, "these are not the channels that you see now, each once")
	if len(order) != len(byID) {
		return nil, changed
	}
	merged, next := slices.Clone(all), 0
	for i, c := range all {
		if !visible[c.ID] {
			continue
		}
		put, ok := byID[order[next]]
		if !ok {
			return nil, changed
		}
		delete(byID, put.ID)
		merged[i] = put
		next++
	}
	return merged, nil
}

// only are those of the channels that are seen.
func only(channels []servers.Channel, visible map[beep.ChannelID]bool) []servers.Channel {
	return slices.DeleteFunc(slices.Clone(channels), func(c servers.Channel) bool { return !visible[c.ID] })
}
