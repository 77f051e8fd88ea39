package servers

import (
	"context"

	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	"github.com/beep-chat/beep/perm"
)

// NewChannel is what CreateChannel takes.
type NewChannel struct {
	Server      beep.ServerID
	Kind        ChannelKind // empty is Text
	Name, Topic string
	Parent      beep.ChannelID // a category of the same server, or none
}

// check refuses what no server could have, and fills in what was left out.
func (n *NewChannel) check(limits beep.Limits) (err error) {
	switch n.Kind {
	case "":
		n.Kind = Text
	case Text:
	case Category:
		if n.Parent != 0 {
			return beep.InvalidField(beep.CodeInvalidField, "parent_id", "a category stands in no other")
		}
	default:
		return beep.InvalidField(beep.CodeInvalidField, "kind", "is neither text nor category")
	}
	if n.Name, err = checkName(n.Name, limits.NameLength); err != nil {
		return err
	}
	return checkText("topic", n.Topic, limits.TopicLength, "\n\t")
}

// CreateChannel adds a channel below all others. In a category it follows the category's overwrites.
func (s *Service) CreateChannel(ctx context.Context, draft NewChannel) (Channel, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return Channel{}, err
	}
	if err := draft.check(s.limits); err != nil {
		return Channel{}, err
	}
	var channel Channel
	err = s.settle(ctx, func() error {
		d, err := s.toCreateChannel(ctx, user, draft)
		if err != nil {
			return err
		}
		all, err := s.store.Channels(ctx, draft.Server)
		if err != nil {
			return err
		}
		// Whoever else adds one moves the scope on, so what is read here still holds at the commit.
		if len(all) >= s.limits.ChannelsPer {
			return beep.Conflict(beep.CodeChannelLimit, "the server has as many channels as is allowed")
		}
		channel = Channel{
			ID: beep.ChannelID(s.minter.Next()), Server: draft.Server, Kind: draft.Kind, Name: draft.Name, Topic: draft.Topic,
			Parent: draft.Parent, Synced: draft.Parent != 0,
		}
		if len(all) > 0 {
			channel.Position = all[len(all)-1].Position + 1
		}
		return s.commit(ctx, Commit{
			Scope: beep.ServerScope(draft.Server), Expect: d.rev, Actor: user,
			Changes: []Change{ChannelSet{Channel: channel, New: true}},
			Records: []Record{s.audited(done{
				draft.Server, user, AuditChannelCreate, uint64(channel.ID), "",
			}, Channel{}.changesOf(channel)...)},
		})
	})
	return channel, err
}

// toCreateChannel asks for the right on the server or, for a channel in a category, in the category.
func (s *Service) toCreateChannel(ctx context.Context, user beep.UserID, draft NewChannel) (decision, error) {
	if draft.Parent == 0 {
		return s.onServer(ctx, user, draft.Server, perm.ManageChannels)
	}
	if _, err := s.onServer(ctx, user, draft.Server, 0); err != nil {
		return decision{}, err
	}
	// A channel never changes its server, so this is as true as the decision that follows.
	parent, err := s.store.Channel(ctx, draft.Parent)
	if err != nil {
		return decision{}, instead(err, noChannel())
	}
	if parent.Server != draft.Server {
		return decision{}, noChannel()
	}
	d, err := s.inChannel(ctx, user, draft.Parent, perm.ManageChannels)
	if err == nil && d.kind != Category {
		err = beep.InvalidField(beep.CodeInvalidField, "parent_id", "is not a category")
	}
	return d, err
}

// ListChannels answers the channels of a server that the caller may see, in order of position. One that was made after
// the list was read is in the answer of authz alone, and comes with the next list.
func (s *Service) ListChannels(ctx context.Context, id beep.ServerID) ([]Channel, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return nil, err
	}
	all, err := s.store.Channels(ctx, id)
	if err != nil {
		return nil, err
	}
	answer, err := s.authz.ListVisibleChannels(ctx, &authzv1.ListVisibleChannelsRequest{
		UserId: uint64(user), ServerId: uint64(id),
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
	visible := all[:0]
	for _, c := range all {
		if seen[c.ID] {
			visible = append(visible, c)
		}
	}
	return visible, nil
}

// GetChannel answers a channel that the caller may see.
func (s *Service) GetChannel(ctx context.Context, id beep.ChannelID) (Channel, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return Channel{}, err
	}
	channel, err := s.store.Channel(ctx, id)
	if err != nil {
		return Channel{}, instead(err, noChannel())
	}
	if _, err := s.inChannel(ctx, user, id, 0); err != nil {
		return Channel{}, err
	}
	return channel, nil
}

// ChannelUpdate is what UpdateChannel changes; nil stays as it is.
type ChannelUpdate struct{ Name, Topic *string }

// check holds what is given to the rules for a new channel.
func (u *ChannelUpdate) check(limits beep.Limits) error {
	if u.Name != nil {
		name, err := checkName(*u.Name, limits.NameLength)
		if err != nil {
			return err
		}
		u.Name = &name
	}
	if u.Topic != nil {
		return checkText("topic", *u.Topic, limits.TopicLength, "\n\t")
	}
	return nil
}

// UpdateChannel changes what a channel is called and for.
func (s *Service) UpdateChannel(
	ctx context.Context, id beep.ChannelID, u ChannelUpdate, reason string,
) (Channel, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return Channel{}, err
	}
	if err := first(u.check(s.limits), checkReason(reason)); err != nil {
		return Channel{}, err
	}
	var channel Channel
	err = s.settle(ctx, func() error {
		d, err := s.inChannel(ctx, user, id, perm.ManageChannels)
		if err != nil {
			return err
		}
		before, err := s.store.Channel(ctx, id)
		if err != nil {
			return instead(err, noChannel())
		}
		channel = before
		set(&channel.Name, u.Name)
		set(&channel.Topic, u.Topic)
		if channel == before {
			return nil
		}
		return s.commit(ctx, Commit{
			Scope: beep.ServerScope(channel.Server), Expect: d.rev, Actor: user,
			Changes: []Change{ChannelSet{Channel: channel}},
			Records: []Record{s.audited(done{
				channel.Server, user, AuditChannelUpdate, uint64(id), reason,
			}, before.changesOf(channel)...)},
		})
	})
	return channel, err
}

// DeleteChannel ends a channel for everyone. What messages are in it stay where they are; nobody is let near them.
func (s *Service) DeleteChannel(ctx context.Context, id beep.ChannelID, reason string) error {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return err
	}
	if err := checkReason(reason); err != nil {
		return err
	}
	return s.settle(ctx, func() error {
		d, err := s.inChannel(ctx, user, id, perm.ManageChannels)
		if err != nil {
			return err
		}
		channel, err := s.store.Channel(ctx, id)
		if err != nil {
			return instead(err, noChannel())
		}
		changes, err := s.orphan(ctx, channel)
		if err != nil {
			return err
		}
		return s.commit(ctx, Commit{
			Scope: beep.ServerScope(channel.Server), Expect: d.rev, Actor: user,
			Changes: append(changes, ChannelRemoved{id}),
			Records: []Record{s.audited(done{
				channel.Server, user, AuditChannelDelete, uint64(id), reason,
			}, channel.changesOf(Channel{})...)},
		})
	})
}

// orphan takes the channels of a category out of it. Who followed its overwrites gets a copy of them first: without
// it the end of a private category would open all that stood in it. A reader may stop between any two of these rows,
// so the copy comes before the channel stops following.
func (s *Service) orphan(ctx context.Context, category Channel) ([]Change, error) {
	if category.Kind != Category {
		return nil, nil
	}
	all, err := s.store.Channels(ctx, category.Server)
	if err != nil {
		return nil, err
	}
	overwrites, err := s.store.Overwrites(ctx, category.ID)
	if err != nil {
		return nil, err
	}
	var changes []Change
	for _, c := range all {
		if c.Parent != category.ID {
			continue
		}
		if c.Synced {
			for _, o := range overwrites {
				o.ID, o.Channel = s.minter.Next(), c.ID
				changes = append(changes, OverwriteSet{Overwrite: o, New: true})
			}
		}
		c.Parent, c.Synced = 0, false
		changes = append(changes, ChannelSet{Channel: c})
	}
	return changes, nil
}
