// Package perm decides who may do what. It is the definition: what it says is right, and everything else
// that decides (the graph in Permify, caches) is compared with it.
//
// It does no I/O and reads no clock. Three layers stand on each other: sets of rights and the pure functions
// in this file, which evaluate them; View, the state of one scope as its log rows build it, which finds what
// to evaluate; and the May… methods of View, which add the hierarchy for changes of roles, members and
// overwrites. Start with Base.
//
// An independent reference is in permref, and permtest compares the two over random worlds.
package perm

// Base is what a member holds on the server, before any channel. Granted is the union of @everyone's and the
// member's roles' rights: a union, so that the order of roles cannot matter.
func Base(owner bool, granted Rights) Rights {
	p := granted & RoleRights
	if owner || p.Has(Administrator) {
		return All
	}
	// Implied here and not after the overwrites: a channel's deny of SendMessages must also stop a message
	// manager there.
	if p.Has(ManageServer) {
		p |= ManageChannels
	}
	if p.Has(ManageNicknames) {
		p |= ChangeNickname
	}
	if p.Has(ManageMessages) {
		p |= SendMessages
	}
	return p
}

// Mask is what an overwrite changes: rights allowed and rights denied.
type Mask struct{ Allow, Deny Rights }

// Union is both masks at once. For one target it is associative and commutative: the masks of a member's
// roles may be joined in any order.
func (m Mask) Union(o Mask) Mask { return Mask{m.Allow | o.Allow, m.Deny | o.Deny} }

// on is p under the mask: what is allowed beats what is denied by the same mask.
func (m Mask) on(p Rights) Rights {
	return p&^(m.Deny&OverwriteRights) | m.Allow&OverwriteRights
}

// InChannel is base under a channel's overwrites: @everyone's, then the union of those of the member's roles
// (all denies before all allows, whatever their positions), then the member's own. Effective comes next.
func InChannel(base Rights, everyone, roles, member Mask) Rights {
	if base.Has(Administrator) {
		return All
	}
	return member.on(roles.on(everyone.on(base)))
}

// Effective is what remains in a channel of p, the result of InChannel. The owner is not named here: All has
// Administrator, and no overwrite can give or take that.
func Effective(p Rights, muted bool) Rights {
	p = Muted(p, muted)
	if !p.Has(ViewChannels) {
		return 0
	}
	if !p.Has(SendMessages) {
		p &^= AttachFiles
	}
	if !p.Has(Connect) {
		p &^= Speak | MuteMembers
	}
	return p
}

// Muted is what a mute leaves of p: a muted member looks and does nothing else, on the server as in its
// channels. The owner and administrators are not held by a mute.
func Muted(p Rights, muted bool) Rights {
	if muted && !p.Has(Administrator) {
		return p & ViewChannels
	}
	return p
}

// InThread is what a member holds in a thread: its parent's effective rights, the thread has no overwrites.
// When it is closed (archived or locked), only who manages messages still sends.
func InThread(parent Rights, closed bool) Rights {
	if closed && !parent.Has(ManageMessages) {
		return parent &^ (SendMessages | AttachFiles) // no files without sending, here as in Effective
	}
	return parent
}

// InDirect is what every participant holds in a direct message or group; nothing can change it, save a block
// between the two of a pair, which leaves them the history. Pinning, renaming, adding and leaving have no
// right of their own there: to be a participant is enough. Nobody holds ManageMessages: own messages only.
func InDirect(blocked bool) Rights {
	if blocked {
		return ViewChannels
	}
	return ViewChannels | SendMessages | AttachFiles | Connect | Speak
}
