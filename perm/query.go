package perm

import (
	"iter"

	"github.com/beep-chat/beep"
)

// Scope is whose state this is.
func (v *View) Scope() beep.Scope { return v.scope }

// Rev is the revision that the View is at.
func (v *View) Rev() uint64 { return v.rev }

// Removed says whether the server was removed: the View is empty and stays so.
func (v *View) Removed() bool { return v.gone }

// Blocked says whether one participant of a pair blocks the other.
func (v *View) Blocked() bool { return len(v.blocks) > 0 }

// Owner is the owner of the server, or none.
func (v *View) Owner() beep.UserID { return v.owner }

// Member is a member of the server.
func (v *View) Member(user beep.UserID) (Member, bool) {
	m, ok := v.members[user]
	if !ok {
		return Member{}, false
	}
	return Member{User: user, Roles: v.sets[m.set].roles, Muted: m.muted}, true
}

// MemberCount is the number of members of a server, or of participants.
func (v *View) MemberCount() int { return len(v.members) + len(v.participants) }

// Members are the members of a server, or the participants of a direct message or group, in no order.
func (v *View) Members() iter.Seq[beep.UserID] {
	return func(yield func(beep.UserID) bool) {
		for user := range v.members {
			if !yield(user) {
				return
			}
		}
		for user := range v.participants {
			if !yield(user) {
				return
			}
		}
	}
}

// Has says whether the user is a member of the server or a participant.
func (v *View) Has(user beep.UserID) bool {
	_, member := v.members[user]
	_, participant := v.participants[user]
	return member || participant
}

// Role is a role, @everyone included.
func (v *View) Role(id beep.RoleID) (Role, bool) {
	r, ok := v.roles[id]
	return r, ok
}

// Roles are the roles, @everyone included, in no order.
func (v *View) Roles() iter.Seq[Role] {
	return func(yield func(Role) bool) {
		for _, r := range v.roles {
			if !yield(r) {
				return
			}
		}
	}
}

// Channel is a channel of the server.
func (v *View) Channel(id beep.ChannelID) (Channel, bool) {
	c, ok := v.channels[id]
	if !ok {
		return Channel{}, false
	}
	return c.Channel, true
}

// Channels are the channels of the server, threads included, in no order.
func (v *View) Channels() iter.Seq[Channel] {
	return func(yield func(Channel) bool) {
		for _, c := range v.channels {
			if !yield(c.Channel) {
				return
			}
		}
	}
}

// Overwrites are a channel's own overwrites, which do not hold while it follows its category, in no order.
func (v *View) Overwrites(id beep.ChannelID) iter.Seq[Overwrite] {
	return func(yield func(Overwrite) bool) {
		if c, ok := v.channels[id]; ok {
			c.overwrites(v.everyone(), yield)
		}
	}
}

func (c *channel) overwrites(everyone beep.RoleID, yield func(Overwrite) bool) {
	if c.everyone != (Mask{}) && !yield(Overwrite{Channel: c.ID, Role: everyone, Mask: c.everyone}) {
		return
	}
	for _, r := range c.byRole {
		if !yield(Overwrite{Channel: c.ID, Role: r.role, Mask: r.mask}) {
			return
		}
	}
	for user, mask := range c.byMember {
		if !yield(Overwrite{Channel: c.ID, Member: user, Mask: mask}) {
			return
		}
	}
}

// Scopes are the scopes that the user of a personal scope belongs to, in no order.
func (v *View) Scopes() iter.Seq[beep.Scope] {
	return func(yield func(beep.Scope) bool) {
		for s := range v.scopes {
			if !yield(s) {
				return
			}
		}
	}
}

// Rights are what a user holds on the server as a whole; nothing for who is not a member. In a direct scope
// they are those in its one channel.
func (v *View) Rights(user beep.UserID) Rights {
	if v.scope.Kind == beep.ScopeDirect {
		return v.direct(user)
	}
	m, ok := v.members[user]
	if !ok {
		return 0
	}
	return Muted(v.base(user, m), m.muted)
}

func (v *View) base(user beep.UserID, m member) Rights {
	return Base(user == v.owner, v.sets[m.set].granted)
}

func (v *View) direct(user beep.UserID) Rights {
	if _, ok := v.participants[user]; !ok {
		return 0
	}
	return InDirect(len(v.blocks) > 0)
}

// ChannelRights are what a user holds in a channel or thread; nothing in one that is not there, whoever asks.
func (v *View) ChannelRights(user beep.UserID, id beep.ChannelID) Rights {
	if v.scope.Kind == beep.ScopeDirect {
		if uint64(id) != v.scope.ID {
			return 0
		}
		return v.direct(user)
	}
	m, ok := v.members[user]
	if !ok {
		return 0
	}
	at, ok := v.place(id)
	if !ok {
		return 0
	}
	return at.rights(v.base(user, m), v.sets[m.set].roles, user, m.muted)
}

// CanView says whether a user may know that a channel exists.
func (v *View) CanView(user beep.UserID, id beep.ChannelID) bool {
	return v.ChannelRights(user, id).Has(ViewChannels)
}

// place is what decides in a channel.
type place struct {
	source *channel // whose overwrites hold; nil if they are lost: then only administrators pass
	closed bool     // an archived or locked thread
}

// place is false for a channel, or a thread's parent, that is not there.
func (v *View) place(id beep.ChannelID) (place, bool) {
	c, ok := v.channels[id]
	if !ok {
		return place{}, false
	}
	var at place
	if c.Kind == Thread {
		at.closed = c.Archived || c.Locked
		if c, ok = v.channels[c.Parent]; !ok || (c.Kind != Text && c.Kind != Conference) {
			return place{}, false
		}
	}
	at.source = c
	if c.follows() {
		at.source = nil
		if category, ok := v.channels[c.Parent]; ok && category.Kind == Category {
			at.source = category
		}
	}
	return at, true
}

// shared is what the overwrites that are not a member's own leave of base.
func (at place) shared(base Rights, roles []beep.RoleID) Rights {
	switch {
	case at.source != nil:
		return InChannel(base, at.source.everyone, at.source.union(roles), Mask{})
	case base.Has(Administrator):
		return All
	}
	return 0
}

// finish is the effective rights, given what shared left.
func (at place) finish(p Rights, user beep.UserID, muted bool) Rights {
	if at.source != nil {
		p = InChannel(p, Mask{}, Mask{}, at.source.byMember[user])
	}
	return InThread(Effective(p, muted), at.closed)
}

func (at place) rights(base Rights, roles []beep.RoleID, user beep.UserID, muted bool) Rights {
	return at.finish(at.shared(base, roles), user, muted)
}

// VisibleChannels are the channels and threads that a user may see, in no order.
func (v *View) VisibleChannels(user beep.UserID) iter.Seq[beep.ChannelID] {
	return func(yield func(beep.ChannelID) bool) {
		if v.scope.Kind == beep.ScopeDirect && v.Has(user) {
			yield(beep.ChannelID(v.scope.ID))
			return
		}
		for id, c := range v.channels {
			// A thread is seen with its parent, so it is not evaluated on its own.
			if c.Kind == Thread || !v.CanView(user, id) {
				continue
			}
			if !yield(id) || !v.threads(c, yield) {
				return
			}
		}
	}
}

// threads are those seen with their parent. One of a category is seen by nobody: see place.
func (v *View) threads(parent *channel, yield func(beep.ChannelID) bool) bool {
	if parent.Kind == Category {
		return true
	}
	for kid := range v.kids[parent.ID] {
		if v.channels[kid].Kind == Thread && !yield(kid) {
			return false
		}
	}
	return true
}

// Audience are the users who may see a channel or thread, in no order. It costs one evaluation for each set
// of roles in use and one step for each member.
func (v *View) Audience(id beep.ChannelID) iter.Seq[beep.UserID] {
	return func(yield func(beep.UserID) bool) {
		if v.scope.Kind == beep.ScopeDirect && uint64(id) == v.scope.ID {
			v.Members()(yield)
			return
		}
		at, ok := v.place(id)
		if !ok {
			return
		}
		shared := v.shared(at)
		for user, m := range v.members {
			p := shared[m.set]
			if user == v.owner {
				p = All
			}
			if at.finish(p, user, m.muted).Has(ViewChannels) && !yield(user) {
				return
			}
		}
	}
}

// shared is, by set of roles, what a member who is not the owner holds before the member's own overwrite.
func (v *View) shared(at place) []Rights {
	by := make([]Rights, len(v.sets))
	for i, set := range v.sets {
		by[i] = at.shared(Base(false, set.granted), set.roles)
	}
	return by
}
