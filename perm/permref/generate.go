package permref

import "slices"

// The ids that generated worlds use. They are few, so that things meet: a role or user of this range may be
// there or not. Parents reach one channel further than there can be.
const (
	Users    = 5
	RoleIDs  = 4
	Channels = 7
)

// Source turns bytes into choices, so that a fuzzer can steer them. After its last byte every choice is the
// first one.
type Source struct{ data []byte }

// NewSource reads choices from data.
func NewSource(data []byte) *Source { return &Source{data} }

// Empty says whether all bytes are used.
func (s *Source) Empty() bool { return len(s.data) == 0 }

// Pick is a number below n, n at most 256.
func (s *Source) Pick(n int) int {
	if len(s.data) == 0 {
		return 0
	}
	b := s.data[0]
	s.data = s.data[1:]
	// Scaled, and no remainder: a fuzzer that raises the byte gets to the next choice, not to any.
	return int(b) * n >> 8
}

// chance is true for k of n choices, and false at the end of the bytes.
func (s *Source) chance(k, n int) bool { return s.Pick(n) >= n-k }

// ID is a number from 1 to n.
func (s *Source) ID(n int) uint64 { return uint64(1 + s.Pick(n)) }

// FromBytes is the world that data describes; any data describes one.
func FromBytes(data []byte) *World { return NewSource(data).World() }

// World makes a world. It may have no owner, threads without a parent, followers of what is no category, and
// overwrites for who is no member: all of that can be in a log.
func (s *Source) World() *World {
	w := NewWorld()
	w.Everyone = s.Rights()
	for id := range uint64(s.Pick(RoleIDs + 1)) {
		w.Roles[id+1] = s.Role()
	}
	for id := range uint64(Users) {
		if !s.chance(1, 6) {
			w.Members[id+1] = s.Member(w)
		}
	}
	w.Owner = uint64(s.Pick(Users + 1))
	for id := range uint64(s.Pick(Channels + 1)) {
		w.Channels[id+1] = s.Channel(id+1, nil)
		for range s.Pick(5) {
			s.overwrite(w, id+1)
		}
	}
	return w
}

// overwrite leaves threads out, which have none of their own.
func (s *Source) overwrite(w *World, channel uint64) {
	if w.Channels[channel].Kind != "thread" {
		w.SetOverwrite(channel, s.Target(w), s.Overwrite())
	}
}

// Role makes a role; two may have one position.
func (s *Source) Role() Role {
	return Role{Position: uint32(1 + s.Pick(RoleIDs+1)), Rights: s.Rights()}
}

// Member makes a member with some of the roles that are there.
func (s *Source) Member(w *World) Member {
	m := Member{Roles: map[uint64]bool{}, Muted: s.chance(1, 5)}
	for id := range uint64(RoleIDs) {
		if _, there := w.Roles[id+1]; there && s.chance(2, 5) {
			m.Roles[id+1] = true
		}
	}
	return m
}

// Channel makes a channel that will have this id, never its own parent: no log can say that. Its overwrites,
// if any, are those given.
func (s *Source) Channel(id uint64, overwrites map[Target]Overwrite) Channel {
	// What has rules of its own comes more often than the rest.
	kinds := []string{"text", "category", "thread", "text", "conference", "category", "thread"}
	c := Channel{
		Kind:       kinds[s.Pick(len(kinds))],
		Parent:     uint64(s.Pick(Channels + 2)),
		Synced:     s.chance(1, 2),
		Archived:   s.chance(1, 4),
		Locked:     s.chance(1, 4),
		Overwrites: overwrites,
	}
	if c.Parent == id {
		c.Parent = 0
	}
	return c
}

// Target makes a target: @everyone, a role that is there, or a user who may be no member.
func (s *Source) Target(w *World) Target {
	switch s.Pick(3) {
	case 0:
		return Target{Everyone: true}
	case 1:
		if id := s.ID(RoleIDs); w.Roles[id].Position > 0 {
			return Target{Role: id}
		}
	}
	return Target{Member: s.ID(Users)}
}

// Rights makes what a role may hold, administrator seldom: it hides everything else.
func (s *Source) Rights() Names {
	names := s.some(inRoles)
	if !s.chance(1, 3) {
		delete(names, "administrator")
	}
	return names
}

// Overwrite makes an overwrite. A right may be in both lists: then it is allowed.
func (s *Source) Overwrite() Overwrite {
	return Overwrite{Allow: s.some(inOverwrites), Deny: s.some(inOverwrites)}
}

// some are few or many of the names that fit.
func (s *Source) some(fits func(string) bool) Names {
	names := Names{}
	few := s.chance(2, 3)
	var mask int
	for i, name := range everyName() {
		// A byte says it of eight names. Two of them, both of which have to say it, leave few.
		if i%8 == 0 {
			mask = s.Pick(256)
			if few {
				mask &= s.Pick(256)
			}
		}
		if mask>>(i%8)&1 == 1 && fits(name) {
			names[name] = true
		}
	}
	return names
}

// Call makes something to ask, mostly sensible: the actor and the channel are mostly there and the channel
// seen, and what is given is mostly part of what the actor holds.
func (s *Source) Call(w *World) Call { return s.CallBy(w, among(s, Users, w.Members)) }

// CallBy is Call for one actor.
func (s *Source) CallBy(w *World, actor uint64) Call {
	ops := Ops()
	c := Call{
		Op: ops[s.Pick(len(ops))], Actor: actor, Position: uint32(s.Pick(RoleIDs + 2)),
		To: Target{Role: among(s, RoleIDs, w.Roles), Member: among(s, Users, w.Members)}, Synced: s.chance(1, 2),
	}
	c.Channel = among(s, Channels, w.Visible(c.Actor))
	if s.chance(3, 4) {
		c.Category = among(s, Channels, w.categories())
	}
	switch c.Op {
	case "create_role", "edit_role", "move_role", "delete_role":
		c.To = Target{Role: c.To.Role, Everyone: s.chance(1, 6)}
		c.Rights = s.given(w.Rights(c.Actor), inRoles)
		if s.chance(1, 3) { // one's own roles are where a slip raises the actor
			c.To = Target{Role: among(s, RoleIDs, w.Members[actor].Roles)}
		}
	case "assign", "unassign":
		c.To.Everyone = s.chance(1, 12)
	case "set_overwrite":
		if !s.chance(1, 12) {
			c.To = s.Target(w)
		}
		c.Overwrite = s.changed(w, c)
	}
	if c.To.Everyone {
		c.To.Role = 0
	}
	return c
}

// among is mostly one of the keys, or else any id up to n.
func among[V any](s *Source, n int, keys map[uint64]V) uint64 {
	if ids := Sorted(keys); len(ids) > 0 && !s.chance(1, 10) {
		return ids[s.Pick(len(ids))]
	}
	return s.ID(n)
}

func (w *World) categories() map[uint64]bool {
	found := map[uint64]bool{}
	for id, c := range w.Channels {
		if c.Kind == "category" {
			found[id] = true
		}
	}
	return found
}

// changed is an overwrite for the target of a call: cleared, new, or what is there with more.
func (s *Source) changed(w *World, c Call) Overwrite {
	held := w.Channel(c.Actor, c.Channel)
	o := Overwrite{s.given(held, inOverwrites), s.given(held, inOverwrites)}
	switch s.Pick(4) {
	case 0:
		return Overwrite{}
	case 1:
		old := w.Channels[c.Channel].Overwrites[c.To]
		o = Overwrite{o.Allow.With(old.Allow), o.Deny.With(old.Deny)}
	}
	// Mostly in one list only: in both it is refused, whatever else is asked.
	if !s.chance(1, 6) {
		o.Deny = o.Deny.Without(o.Allow)
	}
	return o
}

// given are some of the names held, now and then with others.
func (s *Source) given(held Names, fits func(string) bool) Names {
	names := s.some(func(string) bool { return true })
	if s.chance(1, 6) {
		return names
	}
	for _, name := range everyName() {
		if !held[name] || !fits(name) {
			delete(names, name)
		}
	}
	return names
}

// Sorted are the keys of a map in order.
func Sorted[V any](m map[uint64]V) []uint64 {
	keys := make([]uint64, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
