package channels

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/servers"
	"github.com/beep-chat/beep/servers/order"
)

// NewChannel is what CreateChannel takes.
type NewChannel struct {
	Server      beep.ServerID
	Kind        servers.ChannelKind // empty is Text
	Name, Topic string
	Parent      beep.ChannelID // a category of the same server, or none
	Private     bool           // only Access and who makes it see it; it follows no category
	Access      Targets
}

// check refuses what no server could have, and fills in what was left out.
func (n *NewChannel) check(limits beep.Limits) (err error) {
	switch n.Kind {
	case "":
		n.Kind = servers.Text
	case servers.Text:
	case servers.Category:
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
	if n.Name, err = servers.CheckName(n.Name, limits.NameLength); err != nil {
		return err
	}
	return servers.CheckText("topic", n.Topic, limits.TopicLength, "\n\t")
}

// CreateChannel adds a channel below all others. In a category it follows the category's overwrites.
func (s *Service) CreateChannel(ctx context.Context, draft NewChannel) (servers.Channel, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return servers.Channel{}, err
	}
	if err := draft.check(s.limits); err != nil {
		return servers.Channel{}, err
	}
	var channel servers.Channel
	err = servers.Settle(ctx, func() (err error) {
		channel, err = s.createChannel(ctx, user, draft)
		return err
	})
	return channel, err
}

// createChannel is one try of CreateChannel.
func (s *Service) createChannel(ctx context.Context, user beep.UserID, draft NewChannel) (servers.Channel, error) {
	d, err := s.toCreateChannel(ctx, user, draft)
	if err != nil {
		return servers.Channel{}, err
	}
	all, err := s.store.Channels(ctx, draft.Server)
	if err != nil {
		return servers.Channel{}, err
	}
	// Whoever else adds one moves the scope on, so what is read here still holds at the commit.
	if len(all) >= s.limits.ChannelsPer {
		return servers.Channel{}, beep.Conflict(beep.CodeChannelLimit, "the server has as many channels as is allowed")
	}
	channel := servers.Channel{
		ID: beep.ChannelID(s.minter.Next()), Server: draft.Server, Kind: draft.Kind, Name: draft.Name, Topic: draft.Topic,
		Parent: draft.Parent, Synced: draft.Parent != 0 && !draft.Private,
	}
	c := servers.Commit{Scope: beep.ServerScope(draft.Server), Expect: d.Rev, Actor: user}
	if len(all) > 0 {
		channel.Position = all[len(all)-1].Position + order.Step
	}
	if channel.Position >= order.Max {
		return servers.Channel{}, s.spreadChannels(ctx, all, c)
	}
	if c.Changes, err = s.firstOf(ctx, user, channel, draft); err != nil {
		return servers.Channel{}, err
	}
	c.Records = []servers.Record{s.changes.Audited(servers.Deed{
		Server: draft.Server, Actor: user, Action: servers.AuditChannelCreate, Target: uint64(channel.ID),
	}, servers.Channel{}.ChangesTo(channel)...)}
	return channel, s.changes.Commit(ctx, c)
}

// firstOf are the rows of a new channel. One that only some see is closed until its overwrites are there: a reader may
// stop between the rows.
func (s *Service) firstOf(
	ctx context.Context, user beep.UserID, channel servers.Channel, draft NewChannel,
) ([]servers.Change, error) {
	if !draft.Private {
		return []servers.Change{servers.ChannelSet{Channel: channel, New: true}}, nil
	}
	var followed []servers.Overwrite
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
	changes := []servers.Change{servers.ChannelSet{Channel: hidden, New: true}}
	for _, o := range list {
		changes = append(changes, servers.OverwriteSet{Overwrite: o, New: true})
	}
	return append(changes, servers.ChannelSet{Channel: channel}), nil
}

// toCreateChannel asks for the right on the server or, for a channel in a category, in the category.
func (s *Service) toCreateChannel(ctx context.Context, user beep.UserID, draft NewChannel) (servers.Decision, error) {
	if draft.Parent == 0 {
		return s.authz.OnServer(ctx, user, draft.Server, perm.ManageChannels)
	}
	if _, err := s.authz.OnServer(ctx, user, draft.Server, 0); err != nil {
		return servers.Decision{}, err
	}
	// A channel never changes its server, so this is as true as the decision that follows.
	parent, err := s.store.Channel(ctx, draft.Parent)
	if err != nil {
		return servers.Decision{}, servers.Instead(err, servers.NoChannel())
	}
	if parent.Server != draft.Server {
		return servers.Decision{}, servers.NoChannel()
	}
	d, err := s.authz.InChannel(ctx, user, draft.Parent, perm.ManageChannels)
	if err == nil && d.Kind != servers.Category {
		err = beep.InvalidField(beep.CodeInvalidField, "parent_id", "is not a category")
	}
	return d, err
}

// ListChannels answers the channels of a server that the caller may see, in order of position. One that was made after
// the list was read is in the answer of authz alone, and comes with the next list.
func (s *Service) ListChannels(ctx context.Context, id beep.ServerID) ([]servers.Channel, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return nil, err
	}
	all, err := s.store.Channels(ctx, id)
	if err != nil {
		return nil, err
	}
	visible, err := s.authz.VisibleChannels(ctx, user, id, 0)
	if err != nil {
		return nil, err
	}
	return only(all, visible), nil
}

// GetChannel answers a channel that the caller may see.
func (s *Service) GetChannel(ctx context.Context, id beep.ChannelID) (servers.Channel, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return servers.Channel{}, err
	}
	channel, err := s.store.Channel(ctx, id)
	if err != nil {
		return servers.Channel{}, servers.Instead(err, servers.NoChannel())
	}
	if _, err := s.authz.InChannel(ctx, user, id, 0); err != nil {
		return servers.Channel{}, err
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
func (u ChannelUpdate) on(c servers.Channel) (servers.Channel, error) {
	servers.Assign(&c.Name, u.Name)
	servers.Assign(&c.Topic, u.Topic)
	if u.Parent != nil && *u.Parent != c.Parent {
		c.Parent, c.Synced = *u.Parent, false
	}
	servers.Assign(&c.Synced, u.Synced)
	if c.Synced && c.Parent == 0 {
		return c, beep.InvalidField(beep.CodeInvalidField, "synced", "is for a channel in a category")
	}
	return c, nil
}

// check holds what is given to the rules for a new channel.
func (u *ChannelUpdate) check(limits beep.Limits) error {
	if u.Name != nil {
		name, err := servers.CheckName(*u.Name, limits.NameLength)
		if err != nil {
			return err
		}
		u.Name = &name
	}
	if u.Topic != nil {
		return servers.CheckText("topic", *u.Topic, limits.TopicLength, "\n\t")
	}
	return nil
}

// UpdateChannel changes what a channel is called and for.
func (s *Service) UpdateChannel(
	ctx context.Context, id beep.ChannelID, u ChannelUpdate, reason string,
) (servers.Channel, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return servers.Channel{}, err
	}
	if err := cmp.Or(u.check(s.limits), servers.CheckReason(reason)); err != nil {
		return servers.Channel{}, err
	}
	var channel servers.Channel
	err = servers.Settle(ctx, func() (err error) {
		channel, err = s.updateChannel(ctx, user, id, u, reason)
		return err
	})
	return channel, err
}

// updateChannel is one try of UpdateChannel.
func (s *Service) updateChannel(
	ctx context.Context, user beep.UserID, id beep.ChannelID, u ChannelUpdate, reason string,
) (servers.Channel, error) {
	d, err := s.authz.InChannel(ctx, user, id, perm.ManageChannels)
	if err != nil {
		return servers.Channel{}, err
	}
	before, err := s.store.Channel(ctx, id)
	if err != nil {
		return servers.Channel{}, servers.Instead(err, servers.NoChannel())
	}
	channel, err := u.on(before)
	if err != nil || channel == before {
		return channel, err
	}
	c := servers.Commit{Scope: beep.ServerScope(channel.Server), Expect: d.Rev, Actor: user}
	if channel.Parent != before.Parent || channel.Synced != before.Synced {
		allowed, err := s.authz.May(ctx, user, servers.NoChannel(), moveChannel(channel))
		if err != nil {
			return servers.Channel{}, err
		}
		c.Expect = min(d.Rev, allowed.Rev)
	}
	if c.Changes, err = s.moved(ctx, before, channel); err != nil {
		return servers.Channel{}, err
	}
	c.Records = []servers.Record{s.changes.Audited(servers.Deed{
		Server: channel.Server, Actor: user, Action: servers.AuditChannelUpdate, Target: uint64(id), Reason: reason,
	}, before.ChangesTo(channel)...)}
	return channel, s.changes.Commit(ctx, c)
}

// DeleteChannel ends a channel for everyone. What messages are in it stay where they are; nobody is let near them.
func (s *Service) DeleteChannel(ctx context.Context, id beep.ChannelID, reason string) error {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return err
	}
	if err := servers.CheckReason(reason); err != nil {
		return err
	}
	return servers.Settle(ctx, func() error {
		d, err := s.authz.InChannel(ctx, user, id, perm.ManageChannels)
		if err != nil {
			return err
		}
		channel, err := s.store.Channel(ctx, id)
		if err != nil {
			return servers.Instead(err, servers.NoChannel())
		}
		changes, err := s.without(ctx, channel)
		if err != nil {
			return err
		}
		return s.changes.Commit(ctx, servers.Commit{
			Scope: beep.ServerScope(channel.Server), Expect: d.Rev, Actor: user,
			Changes: append(changes, servers.ChannelRemoved{ID: id}),
			Records: []servers.Record{s.changes.Audited(servers.Deed{
				Server: channel.Server, Actor: user, Action: servers.AuditChannelDelete, Target: uint64(id), Reason: reason,
			}, channel.ChangesTo(servers.Channel{})...)},
		})
	})
}

// without are the rows by which the others stand on their own before a channel goes.
func (s *Service) without(ctx context.Context, channel servers.Channel) ([]servers.Change, error) {
	changes, err := s.orphan(ctx, channel)
	if err != nil {
		return nil, err
	}
	server, err := s.store.Server(ctx, channel.Server)
	if err != nil {
		return nil, servers.Instead(err, servers.NoChannel())
	}
	if server.SystemChannel == channel.ID {
		server.SystemChannel = 0
		changes = append(changes, servers.ServerSet{Server: server})
	}
	return changes, nil
}
