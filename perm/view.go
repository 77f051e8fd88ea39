package perm

import (
	"slices"

	"github.com/beep-chat/beep"
)

// View is the state of one scope at one revision: its log rows applied in order from the first.
//
// A View has one writer at a time and no lock of its own. Apply needs it alone; every other method only
// reads, also while others read. Whoever shares a View holds a lock around it, over a whole iteration where
// a method returns an iterator. No method but Apply changes anything, caches included.
//
// Members with the same roles share one set of them, so that a member costs a map entry, and rights are
// computed once a set where many members are asked about.
type View struct {
	scope beep.Scope
	rev   uint64
	gone  bool // the server was removed

	owner    beep.UserID
	roles    map[beep.RoleID]Role
	members  map[beep.UserID]member
	sets     []roleSet        // by member.set; a set without members is free and has no roles
	setOf    map[string]int32 // the key of a set's roles to its place; only for sets in use
	free     []int32          // places of free sets
	channels map[beep.ChannelID]*channel
	kids     map[beep.ChannelID]map[beep.ChannelID]struct{} // by Parent, whether or not the parent is there

	participants map[beep.UserID]struct{}
	blocks       map[beep.UserID]struct{} // the participants who block the other
	scopes       map[beep.Scope]struct{}

	// What Apply alone uses, kept so that a row of a large log costs no allocation.
	idBuf  []beep.RoleID
	keyBuf []byte
}

// member is 8 bytes because a server may have 100,000 of them.
type member struct {
	set   int32
	muted bool
}

// roleSet is a set of roles that members have. Two sets in use may hold the same roles after one was
// removed; nothing depends on their being different.
type roleSet struct {
	roles   []beep.RoleID // sorted, without @everyone; replaced, never changed in place
	granted Rights        // the union of their rights and @everyone's, kept up to date with roles
	members int
}

type channel struct {
	Channel
	everyone Mask
	byRole   []roleMask // sorted by role
	byMember map[beep.UserID]Mask
}

type roleMask struct {
	role beep.RoleID
	mask Mask
}

// NewView is the state of a scope before its first row: revision 0, and nobody may do anything.
func NewView(scope beep.Scope) *View {
	v := &View{scope: scope}
	v.clear()
	return v
}

func (v *View) clear() {
	v.owner = 0
	v.roles = map[beep.RoleID]Role{}
	v.members = map[beep.UserID]member{}
	v.sets, v.free, v.setOf = nil, nil, map[string]int32{}
	v.channels = map[beep.ChannelID]*channel{}
	v.kids = map[beep.ChannelID]map[beep.ChannelID]struct{}{}
	v.participants = map[beep.UserID]struct{}{}
	v.blocks = map[beep.UserID]struct{}{}
	v.scopes = map[beep.Scope]struct{}{}
}

// everyone is the id of the @everyone role: the server's number.
func (v *View) everyone() beep.RoleID { return beep.RoleID(v.scope.ID) }

// acquire is the place of the set of these roles, with one member more. The roles are sorted and unique.
func (v *View) acquire(roles []beep.RoleID) int32 {
	key := v.key(roles)
	if at, ok := v.setOf[string(key)]; ok {
		v.sets[at].members++
		return at
	}
	set := roleSet{roles: slices.Clone(roles), granted: v.granted(roles), members: 1}
	at := int32(len(v.sets))
	if n := len(v.free); n > 0 {
		at, v.free = v.free[n-1], v.free[:n-1]
		v.sets[at] = set
	} else {
		v.sets = append(v.sets, set)
	}
	v.setOf[string(key)] = at
	return at
}

// release takes one member from a set, and frees the set with its last one.
func (v *View) release(at int32) {
	set := &v.sets[at]
	if set.members--; set.members > 0 {
		return
	}
	v.unindex(at)
	*set = roleSet{}
	v.free = append(v.free, at)
}

// unindex forgets where a set's roles are found, if it is this set that was found there.
func (v *View) unindex(at int32) {
	key := v.key(v.sets[at].roles)
	if found, ok := v.setOf[string(key)]; ok && found == at {
		delete(v.setOf, string(key))
	}
}

// key is the roles as bytes, valid until the next call.
func (v *View) key(roles []beep.RoleID) []byte {
	v.keyBuf = v.keyBuf[:0]
	for _, id := range roles {
		for shift := 0; shift < 64; shift += 8 {
			v.keyBuf = append(v.keyBuf, byte(id>>shift))
		}
	}
	return v.keyBuf
}

func (v *View) granted(roles []beep.RoleID) Rights {
	p := v.roles[v.everyone()].Rights
	for _, id := range roles {
		p |= v.roles[id].Rights
	}
	return p
}

// regrant brings the sets up to date with the rights of a role, and says whether a member has it.
func (v *View) regrant(role beep.RoleID) bool {
	used := false
	for at := range v.sets {
		set := &v.sets[at]
		if set.members == 0 || (role != v.everyone() && !set.has(role)) {
			continue
		}
		set.granted = v.granted(set.roles)
		used = true
	}
	return used
}

func (s *roleSet) has(role beep.RoleID) bool {
	_, ok := slices.BinarySearch(s.roles, role)
	return ok
}

// without drops a role from every set, and says whether a member had it. No member is visited.
func (v *View) without(role beep.RoleID) bool {
	used := false
	for at := range v.sets {
		set := &v.sets[at]
		if !set.has(role) {
			continue
		}
		used = true
		v.unindex(int32(at))
		set.roles = slices.DeleteFunc(slices.Clone(set.roles), func(id beep.RoleID) bool { return id == role })
		set.granted = v.granted(set.roles)
		if key := v.key(set.roles); !v.indexed(key) {
			v.setOf[string(key)] = int32(at)
		}
	}
	return used
}

func (v *View) indexed(key []byte) bool {
	_, ok := v.setOf[string(key)]
	return ok
}

// union is the union of the masks for those of the roles that the channel has a mask for. Both are sorted.
func (c *channel) union(roles []beep.RoleID) Mask {
	var u Mask
	for i, j := 0, 0; i < len(roles) && j < len(c.byRole); {
		switch have := &c.byRole[j]; {
		case roles[i] < have.role:
			i++
		case roles[i] > have.role:
			j++
		default:
			u = u.Union(have.mask)
			i++
			j++
		}
	}
	return u
}

func (c *channel) findRole(role beep.RoleID) (int, bool) {
	return slices.BinarySearchFunc(c.byRole, role, func(have roleMask, want beep.RoleID) int {
		switch {
		case have.role < want:
			return -1
		case have.role > want:
			return 1
		}
		return 0
	})
}
