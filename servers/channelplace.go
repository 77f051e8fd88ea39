package servers

import (
	"context"
	"slices"

	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	"github.com/beep-chat/beep/perm"
)

// A channel in a category either follows the category's overwrites or has its own, never both: what would hold is then
// always what is listed. So who begins to follow loses its own, and who ends it gets a copy of what it followed.

// moved are the rows of a channel that is to stand elsewhere, follow or no more follow. Readers may stop between any two
// rows of a commit, so their order opens nothing: the copy comes before the channel stops following, and its own go only
// when it follows.
func (s *Service) moved(ctx context.Context, before, after Channel) ([]Change, error) {
	set := ChannelSet{Channel: after}
	if before.Synced == after.Synced {
		return []Change{set}, nil
	}
	own, err := s.store.Overwrites(ctx, before.ID)
	if err != nil {
		return nil, err
	}
	var removed []Change
	for _, o := range own {
		removed = append(removed, OverwriteRemoved{o})
	}
	if after.Synced {
		return append([]Change{set}, removed...), nil
	}
	followed, err := s.store.Overwrites(ctx, before.Parent)
	if err != nil {
		return nil, err
	}
	changes := removed // which hold nothing while the channel follows
	for _, o := range followed {
		o.ID, o.Channel = s.minter.Next(), before.ID
		changes = append(changes, OverwriteSet{Overwrite: o, New: true})
	}
	return append(changes, set), nil
}

// orphan takes the channels of a category out of it: without what they followed the end of a private category would
// open all that stood in it.
func (s *Service) orphan(ctx context.Context, category Channel) (changes []Change, err error) {
	if category.Kind != Category {
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
func (s *Service) ReorderChannels(ctx context.Context, id beep.ServerID, order []beep.ChannelID) (seen []Channel, err error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return nil, err
	}
	err = s.settle(ctx, func() error {
		d, err := s.onServer(ctx, user, id, perm.ManageChannels)
		if err != nil {
			return err
		}
		all, err := s.store.Channels(ctx, id)
		if err != nil {
			return err
		}
		visible, err := s.visible(ctx, user, id, d.rev)
		if err != nil {
			return err
		}
		ordered, err := merge(all, visible, order)
		if err != nil {
			return err
		}
		c := Commit{Scope: beep.ServerScope(id), Expect: d.rev, Actor: user}
		c.Changes, err = s.renumber(ctx, all, ordered, c)
		if seen = only(ordered, visible); err != nil || len(c.Changes) == 0 {
			return err
		}
		return s.commit(ctx, c)
	})
	return seen, err
}

// renumber gives ordered channels positions that rise, and answers the rows of those that moved. Where there is no room
// it spreads all as they stand first.
func (s *Service) renumber(ctx context.Context, standing, ordered []Channel, c Commit) (changes []Change, err error) {
	positions := make([]uint32, len(ordered))
	for i, channel := range ordered {
		positions[i] = channel.Position
	}
	places, room := rise(positions, -1)
	if !room {
		return nil, s.spreadChannels(ctx, standing, c)
	}
	for _, i := range places {
		ordered[i].Position = positions[i]
		changes = append(changes, ChannelSet{Channel: ordered[i]})
	}
	return changes, nil
}

// spreadChannels gives all channels positions with room in between, as they stand, and answers errMoved for whoever
// needs the room to try again.
func (s *Service) spreadChannels(ctx context.Context, all []Channel, c Commit) error {
	for i, position := range evenly(len(all)) {
		channel := all[i]
		channel.Position = position
		c.Changes = append(c.Changes, ChannelSet{Channel: channel})
	}
	if err := s.commit(ctx, c); err != nil {
		return err
	}
	return errMoved
}

// visible are the channels that a user sees, at a revision or later.
func (s *Service) visible(
	ctx context.Context, user beep.UserID, id beep.ServerID, rev uint64,
) (map[beep.ChannelID]bool, error) {
	answer, err := s.authz.ListVisibleChannels(ctx, &authzv1.ListVisibleChannelsRequest{
		UserId: uint64(user), ServerId: uint64(id), MinRev: rev,
	})
	if err != nil {
		return nil, err
	}
	if !answer.GetMember() {
		return nil, noServer()
	}
	seen := make(map[beep.ChannelID]bool, len(answer.GetChannelIds()))
	for _, id := range answer.GetChannelIds() {
		seen[beep.ChannelID(id)] = true
	}
	return seen, nil
}

// merge puts the channels that someone sees in an order, and leaves the others where they stand among all. The order has
// to name each that is seen once.
func merge(all []Channel, visible map[beep.ChannelID]bool, order []beep.ChannelID) ([]Channel, error) {
	byID := make(map[beep.ChannelID]Channel, len(all))
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
func only(channels []Channel, visible map[beep.ChannelID]bool) []Channel {
	return slices.DeleteFunc(slices.Clone(channels), func(c Channel) bool { return !visible[c.ID] })
}
