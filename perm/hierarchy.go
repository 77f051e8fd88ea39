package perm

import (
	"iter"
	"math"

	"github.com/beep-chat/beep"
)

// The May… methods say whether an actor may change roles, members, channels and overwrites; nil is yes. They
// look at the state before the change, so the caller must make the change at the same revision.
//
// What holds for all of them: one acts only strictly below one's own top role, gives and takes only rights
// that one holds, and nobody acts on the owner. Only the owner bypasses this; an administrator does not. So
// no sequence of allowed calls gives the actor a right, on the server or in a channel, that the actor did
// not hold there before.

// MayOnServer is for what a right of the server alone decides, such as invitations.
func (v *View) MayOnServer(actor beep.UserID, need Rights) *Refusal {
	if !v.Has(actor) {
		return refuse(NotMember)
	}
	return lacks(need &^ v.Rights(actor))
}

// MayInChannel is for what a right in a channel alone decides, such as its name, or locking a thread.
func (v *View) MayInChannel(actor beep.UserID, id beep.ChannelID, need Rights) *Refusal {
	held, refusal := v.seen(actor, id)
	if refusal != nil {
		return refusal
	}
	return lacks(need &^ held)
}

// MayArchive is for opening and closing a thread: its author, as long as the author may send in the parent,
// and who manages messages.
func (v *View) MayArchive(actor beep.UserID, thread beep.ChannelID, author beep.UserID) *Refusal {
	held, refusal := v.seen(actor, thread)
	if refusal != nil {
		return refusal
	}
	c := v.channels[thread]
	if c == nil || c.Kind != Thread {
		return refuse(BadChannel)
	}
	if held.Has(ManageMessages) || (actor == author && v.ChannelRights(actor, c.Parent).Has(SendMessages)) {
		return nil
	}
	return lacks(ManageMessages)
}

// MayCreateRole is for a new role at a position with rights.
func (v *View) MayCreateRole(actor beep.UserID, position uint32, rights Rights) *Refusal {
	if refusal := v.MayOnServer(actor, ManageRoles); refusal != nil {
		return refusal
	}
	if position == 0 || !RoleRights.Has(rights) {
		return refuse(BadRole)
	}
	if !v.above(actor, position) {
		return refuse(NotBelow)
	}
	return lacks(rights &^ v.Rights(actor))
}

// MayEditRole is for what a role is called and may do; rights are those it is to have.
func (v *View) MayEditRole(actor beep.UserID, id beep.RoleID, rights Rights) *Refusal {
	if refusal := v.reachRole(actor, id); refusal != nil {
		return refusal
	}
	if !RoleRights.Has(rights) {
		return refuse(BadRole)
	}
	return lacks(rights &^ v.Rights(actor))
}

// MayMoveRole is for one role whose position changes; a reordering is allowed if every move in it is.
func (v *View) MayMoveRole(actor beep.UserID, id beep.RoleID, position uint32) *Refusal {
	if refusal := v.reachRole(actor, id); refusal != nil {
		return refusal
	}
	if id == v.everyone() || position == 0 {
		return refuse(BadRole)
	}
	if !v.above(actor, position) {
		return refuse(NotBelow)
	}
	return nil
}

// MayDeleteRole is for a role with its assignments and overwrites. Where those overwrites hold back the actor
// too, deleting the role would give the actor what they deny, so that has to be held as well.
func (v *View) MayDeleteRole(actor beep.UserID, id beep.RoleID) *Refusal {
	if refusal := v.reachRole(actor, id); refusal != nil {
		return refusal
	}
	if id == v.everyone() {
		return refuse(BadRole)
	}
	return lacks(v.gainWithout(actor, id))
}

// reachRole is what editing, moving and deleting have in common.
func (v *View) reachRole(actor beep.UserID, id beep.RoleID) *Refusal {
	if refusal := v.MayOnServer(actor, ManageRoles); refusal != nil {
		return refusal
	}
	role, ok := v.roles[id]
	if !ok {
		return refuse(NoRole)
	}
	if !v.above(actor, role.Position) {
		return refuse(NotBelow)
	}
	return lacks(role.Rights &^ v.Rights(actor))
}

// gainWithout is what a member would hold in some channel, and does not, if a role were not there.
func (v *View) gainWithout(user beep.UserID, role beep.RoleID) Rights {
	m := v.members[user]
	set := &v.sets[m.set]
	if !set.has(role) {
		return 0
	}
	var left []beep.RoleID
	for _, id := range set.roles {
		if id != role {
			left = append(left, id)
		}
	}
	base := Base(user == v.owner, v.granted(left))
	var gain Rights
	for id, c := range v.channels {
		if c.Kind == Thread {
			continue // never more than its parent
		}
		if at, ok := v.place(id); ok {
			gain |= at.rights(base, left, user, m.muted) &^ v.ChannelRights(user, id)
		}
	}
	return gain
}

// MayAssignRole is for giving a role to a member, which is giving its rights.
func (v *View) MayAssignRole(actor, target beep.UserID, id beep.RoleID) *Refusal {
	if refusal := v.MayUnassignRole(actor, target, id); refusal != nil {
		return refusal
	}
	return lacks(v.roles[id].Rights &^ v.Rights(actor))
}

// MayUnassignRole is for taking a role from a member. Manage roles and manage members are each enough.
func (v *View) MayUnassignRole(actor, target beep.UserID, id beep.RoleID) *Refusal {
	if !v.Has(actor) {
		return refuse(NotMember)
	}
	if !v.Rights(actor).Any(ManageRoles | ManageMembers) {
		return lacksOneOf(ManageRoles | ManageMembers)
	}
	role, ok := v.roles[id]
	switch {
	case !ok:
		return refuse(NoRole)
	case id == v.everyone():
		return refuse(BadRole)
	case !v.Has(target):
		return refuse(NoMember)
	case !v.above(actor, role.Position):
		return refuse(NotBelow)
	}
	if actor == v.owner { // on itself too: the owner's own roles harm nobody
		return nil
	}
	return v.aboveMember(actor, target)
}

// MayActOn is for what a right allows to be done to another member: kick, ban and mute with ManageMembers.
// Nobody does it to the owner or to oneself.
func (v *View) MayActOn(actor, target beep.UserID, need Rights) *Refusal {
	if refusal := v.MayOnServer(actor, need); refusal != nil {
		return refusal
	}
	if !v.Has(target) {
		return refuse(NoMember)
	}
	return v.aboveMember(actor, target)
}

// MayBan is MayActOn for a user who need not be a member.
func (v *View) MayBan(actor, target beep.UserID) *Refusal {
	if !v.Has(target) {
		return v.MayOnServer(actor, ManageMembers)
	}
	return v.MayActOn(actor, target, ManageMembers)
}

// MayRename is for a nickname: one's own with ChangeNickname, others' with ManageNicknames.
func (v *View) MayRename(actor, target beep.UserID) *Refusal {
	if actor == target {
		return v.MayOnServer(actor, ChangeNickname)
	}
	return v.MayActOn(actor, target, ManageNicknames)
}

// MayMuteVoice is for muting a member in a conference.
func (v *View) MayMuteVoice(actor, target beep.UserID, id beep.ChannelID) *Refusal {
	if refusal := v.MayInChannel(actor, id, MuteMembers); refusal != nil {
		return refusal
	}
	if !v.Has(target) {
		return refuse(NoMember)
	}
	return v.aboveMember(actor, target)
}

// top is the position of the user's highest role; @everyone's, 0, for who has none or is no member.
func (v *View) top(user beep.UserID) uint32 {
	if user == v.owner && v.Has(user) {
		return math.MaxUint32
	}
	m, ok := v.members[user]
	if !ok {
		return 0
	}
	var top uint32
	for _, id := range v.sets[m.set].roles {
		top = max(top, v.roles[id].Position)
	}
	return top
}

// above says whether a role at a position is below the actor.
func (v *View) above(actor beep.UserID, position uint32) bool {
	return actor == v.owner || position < v.top(actor)
}

// aboveMember does not ask whether the target is a member: who has left has no role, and ranks as @everyone.
func (v *View) aboveMember(actor, target beep.UserID) *Refusal {
	switch {
	case target == v.owner:
		return refuse(IsOwner)
	case actor == v.owner || v.top(target) < v.top(actor):
		return nil
	}
	return refuse(NotBelow)
}

// seen is what the actor holds in a channel that the actor may see.
func (v *View) seen(actor beep.UserID, id beep.ChannelID) (Rights, *Refusal) {
	if !v.Has(actor) {
		return 0, refuse(NotMember)
	}
	held := v.ChannelRights(actor, id)
	if !held.Has(ViewChannels) {
		return 0, refuse(NoChannel)
	}
	return held, nil
}

// MaySetOverwrite is for an overwrite as it is to be; the empty mask clears it. Only the rights that change
// have to be held, in that channel. While the channel follows its category, it has to stop first.
func (v *View) MaySetOverwrite(actor beep.UserID, o Overwrite) *Refusal {
	held, refusal := v.seen(actor, o.Channel)
	if refusal != nil {
		return refusal
	}
	c := v.channels[o.Channel]
	switch {
	case c == nil || c.Kind == Thread:
		return refuse(BadChannel)
	case (o.Role == 0) == (o.Member == 0):
		return refuse(BadTarget)
	case !OverwriteRights.Has(o.Allow|o.Deny) || o.Allow&o.Deny != 0:
		return refuse(BadMask)
	case !held.Any(ManageChannels | ManagePermissions):
		return lacksOneOf(ManageChannels | ManagePermissions)
	case c.follows():
		return refuse(Follows)
	}
	old := c.mask(o, v.everyone())
	if o.Member != 0 && !v.Has(o.Member) && (old == Mask{} || o.Mask != Mask{}) {
		return refuse(NoMember) // what who has left keeps can only be cleared
	}
	return v.mayReplace(actor, held, o, old)
}

// mayReplace is the rule for one overwrite: only targets below one, only rights one holds.
func (v *View) mayReplace(actor beep.UserID, held Rights, o Overwrite, old Mask) *Refusal {
	if o.Role != 0 {
		role, ok := v.roles[o.Role]
		if !ok {
			return refuse(NoRole)
		}
		if !v.above(actor, role.Position) {
			return refuse(NotBelow)
		}
	} else if actor != v.owner {
		if refusal := v.aboveMember(actor, o.Member); refusal != nil {
			return refusal
		}
	}
	return lacks(((old.Allow ^ o.Allow) | (old.Deny ^ o.Deny)) &^ held)
}

// mask is the channel's own mask for the target of o.
func (c *channel) mask(o Overwrite, everyone beep.RoleID) Mask {
	switch o.Role {
	case 0:
		return c.byMember[o.Member]
	case everyone:
		return c.everyone
	}
	if i, ok := c.findRole(o.Role); ok {
		return c.byRole[i].mask
	}
	return Mask{}
}

// MayCreateChannel is for a channel in a category, or in none (0).
func (v *View) MayCreateChannel(actor beep.UserID, category beep.ChannelID) *Refusal {
	if category == 0 {
		return v.MayOnServer(actor, ManageChannels)
	}
	if refusal := v.MayInChannel(actor, category, ManageChannels); refusal != nil {
		return refusal
	}
	if v.channels[category].Kind != Category {
		return refuse(BadChannel)
	}
	return nil
}

// MayMoveChannel is for the category that a channel stands in (0 for none) and whether it follows it. To
// follow is to have every overwrite replaced by the category's, so each that differs must be allowed. Who
// stops following keeps what was inherited: the caller writes it as the channel's own in the same change.
func (v *View) MayMoveChannel(actor beep.UserID, id, category beep.ChannelID, synced bool) *Refusal {
	if refusal := v.MayInChannel(actor, id, ManageChannels); refusal != nil {
		return refusal
	}
	c := v.channels[id]
	if (c.Kind != Text && c.Kind != Conference) || (synced && category == 0) {
		return refuse(BadChannel)
	}
	if category != 0 {
		if refusal := v.MayCreateChannel(actor, category); refusal != nil {
			return refusal
		}
	}
	if !synced {
		return nil
	}
	held := v.ChannelRights(actor, id)
	for o, old := range v.differing(id, category) {
		if refusal := v.mayReplace(actor, held, o, old); refusal != nil {
			return refusal
		}
	}
	return nil
}

// differing are the overwrites that a channel would have to be given to be as a category is, empty ones
// included, each with the mask that holds for its target now. One may come twice.
func (v *View) differing(id, category beep.ChannelID) iter.Seq2[Overwrite, Mask] {
	return func(yield func(Overwrite, Mask) bool) {
		at, _ := v.place(id)
		into, from, everyone := at.source, v.channels[category], v.everyone()
		if into == nil {
			into = &channel{} // lost with the category that it followed
		}
		more := true
		each := func(o Overwrite) bool {
			old := into.mask(o, everyone)
			o.Channel, o.Mask = id, from.mask(o, everyone)
			more = o.Mask == old || yield(o, old)
			return more
		}
		into.overwrites(everyone, each)
		if more {
			from.overwrites(everyone, each)
		}
	}
}
