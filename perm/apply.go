package perm

import (
	"fmt"
	"slices"

	"github.com/beep-chat/beep"
)

// Apply brings the View to the next revision and says what that can have changed. A change at or before Rev
// is ignored, one beyond the next is ErrGap; after an error the View is as it was.
func (v *View) Apply(c Change) (Affects, error) {
	if c.Scope != v.scope {
		return Affects{}, fmt.Errorf("%s in the view of %s: %w", c.Scope, v.scope, ErrScope)
	}
	if c.Rev <= v.rev {
		return Affects{}, nil
	}
	if c.Rev != v.rev+1 {
		return Affects{}, fmt.Errorf("%s is at %d, not ready for %d: %w", v.scope, v.rev, c.Rev, ErrGap)
	}
	var a Affects
	if c.Row != nil && !v.gone {
		var err error
		if a, err = v.applyRow(c.Row); err != nil {
			return Affects{}, fmt.Errorf("%s at %d, %T: %w", v.scope, c.Rev, c.Row, err)
		}
	}
	v.rev = c.Rev
	return a, nil
}

// applyRow checks a row whole before it changes anything.
func (v *View) applyRow(row Row) (Affects, error) {
	switch v.scope.Kind {
	case beep.ScopeServer:
		return v.applyServer(row)
	case beep.ScopeDirect:
		return v.applyDirect(row)
	case beep.ScopeUser:
		return v.applyPersonal(row)
	}
	return Affects{}, ErrRow
}

func (v *View) applyServer(row Row) (Affects, error) {
	switch r := row.(type) {
	case Server:
		changed := v.owner != r.Owner
		v.owner = r.Owner
		return Affects{All: changed}, nil
	case ServerRemoved:
		v.clear()
		v.gone = true
		return Affects{All: true}, nil
	case Role:
		return v.setRole(r)
	case RoleRemoved:
		return v.removeRole(r.ID)
	case Member:
		return v.setMember(r)
	case MemberRemoved:
		return v.removeMember(r.User), nil
	case Channel:
		return v.setChannel(r)
	case ChannelRemoved:
		return v.removeChannel(r.ID), nil
	case Overwrite:
		return v.setOverwrite(r)
	case OverwriteRemoved:
		return v.setOverwrite(Overwrite{Channel: r.Channel, Role: r.Role, Member: r.Member})
	}
	return Affects{}, ErrRow
}

func (v *View) applyDirect(row Row) (Affects, error) {
	switch r := row.(type) {
	case ParticipantAdded:
		return Affects{User: put(v.participants, r.User)}, nil
	case ParticipantRemoved:
		return Affects{User: take(v.participants, r.User)}, nil
	case BlockSet:
		// The first block and the end of the last one change what both hold; a second one changes nothing.
		return Affects{All: put(v.blocks, r.By) != 0 && len(v.blocks) == 1}, nil
	case BlockRemoved:
		return Affects{All: take(v.blocks, r.By) != 0 && len(v.blocks) == 0}, nil
	}
	return Affects{}, ErrRow
}

func (v *View) applyPersonal(row Row) (Affects, error) {
	switch r := row.(type) {
	case ScopeJoined:
		return Affects{All: put(v.scopes, r.Scope) != beep.Scope{}}, nil
	case ScopeLeft:
		return Affects{All: take(v.scopes, r.Scope) != beep.Scope{}}, nil
	}
	return Affects{}, ErrRow
}

// put and take are the key if the set changed, or else zero.
func put[K comparable](set map[K]struct{}, key K) (changed K) {
	if _, ok := set[key]; ok {
		return changed
	}
	set[key] = struct{}{}
	return key
}

func take[K comparable](set map[K]struct{}, key K) (changed K) {
	if _, ok := set[key]; !ok {
		return changed
	}
	delete(set, key)
	return key
}

func (v *View) setRole(r Role) (Affects, error) {
	if r.ID == 0 || (r.ID == v.everyone()) != (r.Position == 0) {
		return Affects{}, ErrRow // only @everyone is at the bottom: a tie there would make roles unreachable
	}
	// Bits of a newer version count for nothing here, and a role cannot hold what exists in overwrites alone.
	r.Rights &= RoleRights
	same := v.roles[r.ID].Rights == r.Rights
	v.roles[r.ID] = r
	if same {
		return Affects{}, nil
	}
	return Affects{All: v.regrant(r.ID)}, nil
}

func (v *View) removeRole(id beep.RoleID) (Affects, error) {
	if id == v.everyone() {
		return Affects{}, ErrRow
	}
	delete(v.roles, id)
	for _, c := range v.channels {
		if i, ok := c.findRole(id); ok {
			c.byRole = slices.Delete(c.byRole, i, i+1)
		}
	}
	return Affects{All: v.without(id)}, nil
}

func (v *View) setMember(m Member) (Affects, error) {
	if m.User == 0 {
		return Affects{}, ErrRow
	}
	v.idBuf = v.idBuf[:0]
	for _, id := range m.Roles {
		if _, ok := v.roles[id]; !ok {
			return Affects{}, ErrRow
		}
		if id != v.everyone() {
			v.idBuf = append(v.idBuf, id)
		}
	}
	slices.Sort(v.idBuf)
	roles := slices.Compact(v.idBuf)

	old, had := v.members[m.User]
	if had && old.muted == m.Muted && slices.Equal(v.sets[old.set].roles, roles) {
		return Affects{}, nil
	}
	next := member{set: v.acquire(roles), muted: m.Muted}
	if had {
		v.release(old.set)
	}
	v.members[m.User] = next
	return Affects{User: m.User}, nil
}

func (v *View) removeMember(user beep.UserID) Affects {
	m, ok := v.members[user]
	if !ok {
		return Affects{}
	}
	v.release(m.set)
	delete(v.members, user)
	return Affects{User: user}
}

func (v *View) setChannel(next Channel) (Affects, error) {
	if next.ID == 0 || next.Kind == 0 || next.Kind > Thread || next.Parent == next.ID {
		return Affects{}, ErrRow
	}
	c, had := v.channels[next.ID]
	if !had {
		c = &channel{}
		v.channels[next.ID] = c
	}
	if had && c.Channel == next {
		return Affects{}, nil
	}
	v.unparent(c)
	c.Channel = next
	if next.Parent != 0 {
		if v.kids[next.Parent] == nil {
			v.kids[next.Parent] = map[beep.ChannelID]struct{}{}
		}
		v.kids[next.Parent][next.ID] = struct{}{}
	}
	return Affects{Channels: v.reach(next.ID)}, nil
}

// unparent leaves no empty set, or all that a server ever had would stay in memory.
func (v *View) unparent(c *channel) {
	delete(v.kids[c.Parent], c.ID)
	if len(v.kids[c.Parent]) == 0 {
		delete(v.kids, c.Parent)
	}
}

func (v *View) removeChannel(id beep.ChannelID) Affects {
	c, ok := v.channels[id]
	if !ok {
		return Affects{}
	}
	a := Affects{Channels: v.reach(id)}
	for kid := range v.kids[id] {
		if thread := v.channels[kid]; thread.Kind == Thread {
			delete(v.channels, kid)
			v.unparent(thread)
		}
	}
	delete(v.channels, id)
	v.unparent(c)
	return a
}

// reach are the channels whose rights a channel can decide: itself, its threads, the channels that follow it
// and theirs.
func (v *View) reach(id beep.ChannelID) []beep.ChannelID {
	list := []beep.ChannelID{id}
	for kid := range v.kids[id] {
		c := v.channels[kid]
		if c.Kind != Thread && !c.Synced {
			continue
		}
		list = append(list, kid)
		if c.Kind == Thread {
			continue
		}
		for grandkid := range v.kids[kid] {
			if v.channels[grandkid].Kind == Thread {
				list = append(list, grandkid)
			}
		}
	}
	return list
}

// setOverwrite sets a mask; the empty mask is the same as none.
func (v *View) setOverwrite(o Overwrite) (Affects, error) {
	if (o.Role == 0) == (o.Member == 0) {
		return Affects{}, ErrRow
	}
	c, ok := v.channels[o.Channel]
	if !ok && o.Mask == (Mask{}) {
		return Affects{}, nil // a removal that comes after the channel's own
	}
	if !ok || c.Kind == Thread {
		return Affects{}, ErrRow
	}
	if _, ok := v.roles[o.Role]; o.Role != 0 && !ok && o.Mask != (Mask{}) {
		return Affects{}, ErrRow
	}
	mask := Mask{o.Allow & OverwriteRights, o.Deny & OverwriteRights}
	if !c.set(o, mask, v.everyone()) || c.follows() {
		return Affects{}, nil
	}
	return Affects{User: o.Member, Channels: v.reach(o.Channel)}, nil
}

// set says whether the mask differs from what was there.
func (c *channel) set(o Overwrite, mask Mask, everyone beep.RoleID) bool {
	switch o.Role {
	case 0:
		return c.setMember(o.Member, mask)
	case everyone:
		changed := c.everyone != mask
		c.everyone = mask
		return changed
	}
	i, had := c.findRole(o.Role)
	switch {
	case had && mask == Mask{}:
		c.byRole = slices.Delete(c.byRole, i, i+1)
		return true
	case had:
		changed := c.byRole[i].mask != mask
		c.byRole[i].mask = mask
		return changed
	case mask == Mask{}:
		return false
	}
	c.byRole = slices.Insert(c.byRole, i, roleMask{o.Role, mask})
	return true
}

func (c *channel) setMember(user beep.UserID, mask Mask) bool {
	if c.byMember[user] == mask {
		return false
	}
	if mask == (Mask{}) {
		delete(c.byMember, user)
		return true
	}
	if c.byMember == nil {
		c.byMember = map[beep.UserID]Mask{}
	}
	c.byMember[user] = mask
	return true
}

// follows says whether the overwrites of a category hold here, not the channel's own.
func (c *channel) follows() bool {
	return c.Synced && c.Parent != 0 && (c.Kind == Text || c.Kind == Conference)
}
