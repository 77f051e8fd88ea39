package servers

import (
	"context"
	"fmt"
	"slices"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/perm"
)

// NewChannel is what CreateChannel takes.
type NewChannel struct {
	Server      beep.ServerID
	Kind        ChannelKind // empty is Text
	Name, Topic string
	Parent      beep.ChannelID // a category of the same server, or none
	Private     bool           // only Access and who makes it see it; it follows no category
	Access      Targets
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
	switch {
	case !n.Private && n.Access.len() > 0:
		return beep.InvalidField(beep.CodeInvalidField, "private", "is false, and some are named who see the channel")
	case n.Access.len() > maxTargets:
		return beep.InvalidField(beep.CodeInvalidField, "member_ids", fmt.Sprintf("are, with the roles, more than %d", maxTargets))
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
	err = s.settle(ctx, func() (err error) {
		channel, err = s.createChannel(ctx, user, draft)
		return err
	})
	return channel, err
}

// createChannel is one try of CreateChannel.
func (s *Service) createChannel(ctx context.Context, user beep.UserID, draft NewChannel) (Channel, error) {
	d, err := s.toCreateChannel(ctx, user, draft)
	if err != nil {
		return Channel{}, err
	}
	all, err := s.store.Channels(ctx, draft.Server)
	if err != nil {
		return Channel{}, err
	}
	// Whoever else adds one moves the scope on, so what is read here still holds at the commit.
	if len(all) >= s.limits.ChannelsPer {
		return Channel{}, beep.Conflict(beep.CodeChannelLimit, "the server has as many channels as is allowed")
	}
	channel := Channel{
		ID: beep.ChannelID(s.minter.Next()), Server: draft.Server, Kind: draft.Kind, Name: draft.Name, Topic: draft.Topic,
		Parent: draft.Parent, Synced: draft.Parent != 0 && !draft.Private,
	}
	c := Commit{Scope: beep.ServerScope(draft.Server), Expect: d.rev, Actor: user}
	if len(all) > 0 {
		channel.Position = all[len(all)-1].Position + step
	}
	if channel.Position >= maxPosition {
		return Channel{}, s.spreadChannels(ctx, all, c)
	}
	if c.Changes, err = s.firstOf(ctx, user, channel, draft); err != nil {
		return Channel{}, err
	}
	c.Records = []Record{s.audited(done{
		draft.Server, user, AuditChannelCreate, uint64(channel.ID), "",
	}, Channel{}.changesOf(channel)...)}
	return channel, s.commit(ctx, c)
}

// firstOf are the rows of a new channel. One that only some see is closed until its overwrites are there: a reader may
// stop between the rows.
func (s *Service) firstOf(ctx context.Context, user beep.UserID, channel Channel, draft NewChannel) ([]Change, error) {
	if !draft.Private {
		return []Change{ChannelSet{Channel: channel, New: true}}, nil
	}
	var followed []Overwrite
	if channel.Parent != 0 {
		var err error
		if followed, err = s.store.Overwrites(ctx, channel.Parent); err != nil {
			return nil, err
		}
	}
	targets := draft.Access
	if !slices.Contains(targets.Members, user) {
		targets.Members = append(slices.Clone(targets.Members), user)
	}
	list, err := s.privateFrom(ctx, channel, followed, targets)
	if err != nil {
		return nil, err
	}
	// A channel that follows what is not there is seen by administrators alone.
	hidden := channel
	hidden.Parent, hidden.Synced = beep.ChannelID(s.minter.Next()), true
	changes := []Change{ChannelSet{Channel: hidden, New: true}}
	for _, o := range list {
		changes = append(changes, OverwriteSet{Overwrite: o, New: true})
	}
	return append(changes, ChannelSet{Channel: channel}), nil
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
	visible, err := s.visible(ctx, user, id, 0)
	if err != nil {
		return nil, err
	}
	return only(all, visible), nil
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
type ChannelUpdate struct {
	Name, Topic *string
	Parent      *beep.ChannelID // 0 is none
	Synced      *bool
}

// on is the channel after the update. One that is put elsewhere keeps what it inherited, unless it is to follow.
func (u ChannelUpdate) on(c Channel) (Channel, error) {
	set(&c.Name, u.Name)
	set(&c.Topic, u.Topic)
	if u.Parent != nil && *u.Parent != c.Parent {
		c.Parent, c.Synced = *u.Parent, false
	}
	set(&c.Synced, u.Synced)
	if c.Synced && c.Parent == 0 {
		return c, beep.InvalidField(beep.CodeInvalidField, "synced", "is for a channel in a category")
	}
	return c, nil
}

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
	err = s.settle(ctx, func() (err error) {
		channel, err = s.updateChannel(ctx, user, id, u, reason)
		return err
	})
	return channel, err
}

// updateChannel is one try of UpdateChannel.
func (s *Service) updateChannel(
	ctx context.Context, user beep.UserID, id beep.ChannelID, u ChannelUpdate, reason string,
) (Channel, error) {
	d, err := s.inChannel(ctx, user, id, perm.ManageChannels)
	if err != nil {
		return Channel{}, err
	}
	before, err := s.store.Channel(ctx, id)
	if err != nil {
		return Channel{}, instead(err, noChannel())
	}
	channel, err := u.on(before)
	if err != nil || channel == before {
		return channel, err
	}
	c := Commit{Scope: beep.ServerScope(channel.Server), Expect: d.rev, Actor: user}
	if channel.Parent != before.Parent || channel.Synced != before.Synced {
		allowed, err := s.may(ctx, user, noChannel(), moveChannel(channel))
		if err != nil {
			return Channel{}, err
		}
		c.Expect = min(d.rev, allowed.rev)
	}
	if c.Changes, err = s.moved(ctx, before, channel); err != nil {
		return Channel{}, err
	}
	c.Records = []Record{s.audited(done{
		channel.Server, user, AuditChannelUpdate, uint64(id), reason,
	}, before.changesOf(channel)...)}
	return channel, s.commit(ctx, c)
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
