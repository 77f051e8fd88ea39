package channels

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/servers"
)

// maxTargets bounds whom one action lets in or shuts out.
const maxTargets = 100

// Targets are roles and members.
type Targets struct {
	Roles   []beep.RoleID
	Members []beep.UserID
}

func (t Targets) len() int { return len(t.Roles) + len(t.Members) }

// check refuses @everyone among those who are let in: private says of everyone whether they are.
func (t Targets) check(server beep.ServerID) error {
	if slices.Contains(t.Roles, beep.RoleID(server)) {
		return beep.Invalid(beep.CodeInvalidField, "@everyone is let in by private being false")
	}
	return nil
}

// overwrites are empty ones, for each target once.
func (t Targets) overwrites(channel beep.ChannelID) (list []servers.Overwrite) {
	for _, role := range t.Roles {
		list = append(list, servers.Overwrite{Channel: channel, Role: role})
	}
	for _, member := range t.Members {
		list = append(list, servers.Overwrite{Channel: channel, Member: member})
	}
	return list
}

// is finds the overwrite of the same target.
func is(o servers.Overwrite) func(servers.Overwrite) bool {
	return func(other servers.Overwrite) bool { return o.Role == other.Role && o.Member == other.Member }
}

// letIn, shutOut and letGo change what an overwrite says about seeing the channel, and nothing else.
func letIn(o servers.Overwrite) servers.Overwrite {
	o.Allow, o.Deny = o.Allow|perm.ViewChannels, o.Deny&^perm.ViewChannels
	return o
}

func shutOut(o servers.Overwrite) servers.Overwrite {
	o.Allow, o.Deny = o.Allow&^perm.ViewChannels, o.Deny|perm.ViewChannels
	return o
}

func letGo(o servers.Overwrite) servers.Overwrite {
	o.Allow, o.Deny = o.Allow&^perm.ViewChannels, o.Deny&^perm.ViewChannels
	return o
}

// Access is what SetChannelAccess takes.
type Access struct {
	Channel     beep.ChannelID
	Private     *bool // nil stays as it is
	Add, Remove Targets
}

// check refuses what says nothing or contradicts itself.
func (a Access) check() error {
	switch {
	case a.Add.len()+a.Remove.len() > maxTargets:
		return beep.InvalidField(beep.CodeInvalidField, "add_member_ids", fmt.Sprintf("are, with the others, more than %d", maxTargets))
	case a.Private == nil && a.Add.len()+a.Remove.len() == 0:
		return beep.Invalid(beep.CodeInvalidField, "there is nothing to change")
	}
	all := append(a.Add.overwrites(a.Channel), a.Remove.overwrites(a.Channel)...)
	for i, o := range all {
		if slices.ContainsFunc(all[:i], is(o)) {
			return beep.Invalid(beep.CodeInvalidField, "a role or a member is named twice")
		}
	}
	return nil
}

// on are a channel's overwrites as they are to be; an empty one is to be removed.
func (a Access) on(list []servers.Overwrite, everyone beep.RoleID) []servers.Overwrite {
	list = slices.Clone(list)
	change := func(target servers.Overwrite, f func(servers.Overwrite) servers.Overwrite) {
		i := slices.IndexFunc(list, is(target))
		if i < 0 {
			i, list = len(list), append(list, target)
		}
		list[i] = f(list[i])
	}
	if a.Private != nil {
		f := letGo
		if *a.Private {
			f = shutOut
		}
		change(servers.Overwrite{Channel: a.Channel, Role: everyone}, f)
	}
	for _, o := range a.Add.overwrites(a.Channel) {
		change(o, letIn)
	}
	for _, o := range a.Remove.overwrites(a.Channel) {
		change(o, letGo)
	}
	return list
}

// SetChannelAccess says whom a channel is for, in one action: all of it is allowed and done, or nothing.
func (s *Service) SetChannelAccess(ctx context.Context, access Access, reason string) (list []servers.Overwrite, err error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return nil, err
	}
	if err := cmp.Or(access.check(), servers.CheckReason(reason)); err != nil {
		return nil, err
	}
	err = servers.Settle(ctx, func() error {
		d, err := s.authz.InChannel(ctx, user, access.Channel, 0)
		if err != nil {
			return err
		}
		channel, before, err := s.overwrites(ctx, access.Channel)
		if err != nil {
			return err
		}
		if err := access.Add.check(channel.Server); err != nil {
			return err
		}
		after := access.on(before, beep.RoleID(channel.Server))
		c := servers.Commit{Scope: beep.ServerScope(channel.Server), Expect: d.Rev, Actor: user}
		actions := s.replace(&c, servers.Deed{
			Server: channel.Server, Actor: user, Action: servers.AuditOverwriteSet, Target: uint64(channel.ID), Reason: reason,
		}, before, after)
		list = slices.DeleteFunc(after, func(o servers.Overwrite) bool { return o.Allow|o.Deny == 0 })
		if len(actions) == 0 { // nothing changes, and the answer tells how it is
			return s.mayListOverwrites(ctx, user, channel.ID)
		}
		allowed, err := s.authz.May(ctx, user, servers.NoChannel(), actions...)
		if err != nil {
			return err
		}
		c.Expect = min(c.Expect, allowed.Rev)
		return s.changes.Commit(ctx, c)
	})
	return list, err
}

// replace adds to a commit what makes a channel's overwrites others, and answers the actions that this is. Those
// without an id in after get one.
func (s *Service) replace(
	c *servers.Commit, what servers.Deed, before, after []servers.Overwrite,
) (actions []*authzv1.Action) {
	for i, o := range after {
		k := slices.IndexFunc(before, is(o))
		var old servers.Overwrite
		if k >= 0 {
			old = before[k]
		}
		switch {
		case o.Allow == old.Allow && o.Deny == old.Deny:
			continue
		case o.Allow|o.Deny == 0:
			c.Changes = append(c.Changes, servers.OverwriteRemoved{Overwrite: old})
		case k < 0:
			o.ID = s.minter.Next()
			after[i] = o
			c.Changes = append(c.Changes, servers.OverwriteSet{Overwrite: o, New: true})
		default:
			c.Changes = append(c.Changes, servers.OverwriteSet{Overwrite: o})
		}
		actions = append(actions, toOverwrite(o))
		c.Records = append(c.Records, s.changes.Audited(what, old.ChangesTo(o)...))
	}
	return actions
}

// privateFrom are the overwrites of a new channel that only some see. It keeps what its category denies and takes from
// it nobody who may see.
func (s *Service) privateFrom(
	ctx context.Context, channel servers.Channel, followed []servers.Overwrite, targets Targets,
) ([]servers.Overwrite, error) {
	if err := cmp.Or(targets.check(channel.Server), s.exist(ctx, channel.Server, targets)); err != nil {
		return nil, err
	}
	var base []servers.Overwrite
	for _, o := range followed {
		o.Channel = channel.ID
		o.Allow &^= perm.ViewChannels
		base = append(base, o)
	}
	private := true
	list := Access{Channel: channel.ID, Private: &private, Add: targets}.on(base, beep.RoleID(channel.Server))
	list = slices.DeleteFunc(list, func(o servers.Overwrite) bool { return o.Allow|o.Deny == 0 })
	for i := range list {
		list[i].ID = s.minter.Next()
	}
	return list, nil
}

// exist refuses targets that are not there.
func (s *Service) exist(ctx context.Context, id beep.ServerID, targets Targets) error {
	roles, err := s.store.Roles(ctx, id)
	if err != nil {
		return err
	}
	for _, role := range targets.Roles {
		if !slices.ContainsFunc(roles, func(r servers.Role) bool { return r.ID == role }) {
			return servers.NoRole()
		}
	}
	for _, member := range targets.Members {
		if _, err := s.store.Member(ctx, id, member); err != nil {
			return servers.Instead(err, servers.NoMember())
		}
	}
	return nil
}
