package authz

import (
	"cmp"
	"maps"
	"slices"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/perm"
)

// Touched are the things that rows of a scope's log were about, and the newest row about each: what of the state a graph
// has to be told. The zero value is nothing.
type Touched struct {
	top      uint64
	roles    map[beep.RoleID]uint64
	seats    map[beep.UserID]uint64
	channels map[beep.ChannelID]uint64
	places   uint64 // the newest row that was about every channel
}

// Note remembers what a row was about.
func (t *Touched) Note(c perm.Change, a perm.Affects) {
	switch r := c.Row.(type) {
	case perm.Role:
		mark(&t.roles, r.ID, c.Rev)
	case perm.RoleRemoved:
		// Its overwrites are gone with it. That members had it is left in their seats, since they may be very many: it
		// gives them nothing any more, and the number comes never again.
		mark(&t.roles, r.ID, c.Rev)
		t.places = max(t.places, c.Rev)
	case perm.Member:
		mark(&t.seats, r.User, c.Rev)
	case perm.MemberRemoved:
		mark(&t.seats, r.User, c.Rev)
	case perm.Channel:
		mark(&t.channels, r.ID, c.Rev)
	case perm.ChannelRemoved:
		mark(&t.channels, r.ID, c.Rev)
		for _, id := range a.Channels { // its threads, which are gone with it
			mark(&t.channels, id, c.Rev)
		}
	case perm.Overwrite:
		mark(&t.channels, r.Channel, c.Rev)
	case perm.OverwriteRemoved:
		mark(&t.channels, r.Channel, c.Rev)
	case nil: // of no concern to permissions
	default:
		t.top = max(t.top, c.Rev)
	}
}

func mark[K comparable](set *map[K]uint64, key K, rev uint64) {
	if *set == nil {
		*set = map[K]uint64{}
	}
	(*set)[key] = max((*set)[key], rev)
}

// again has what a State has count as touched at a revision.
func (t *Touched) again(rev uint64, s State) {
	if s.Top != nil {
		t.top = max(t.top, rev)
	}
	for _, r := range s.Roles {
		mark(&t.roles, r.ID, rev)
	}
	for _, m := range s.Seats {
		mark(&t.seats, m.User, rev)
	}
	for _, c := range s.Channels {
		mark(&t.channels, c.ID, rev)
	}
}

// Forget lets go of what happened up to a revision.
func (t *Touched) Forget(rev uint64) {
	maps.DeleteFunc(t.roles, func(_ beep.RoleID, at uint64) bool { return at <= rev })
	maps.DeleteFunc(t.seats, func(_ beep.UserID, at uint64) bool { return at <= rev })
	maps.DeleteFunc(t.channels, func(_ beep.ChannelID, at uint64) bool { return at <= rev })
	if t.top <= rev {
		t.top = 0
	}
	if t.places <= rev {
		t.places = 0
	}
}

// State is how what was touched after a revision is in a View.
func (t *Touched) State(v *perm.View, after uint64) State {
	s := State{Scope: v.Scope()}
	if t.top > after {
		s.Top = topOf(v)
	}
	for _, id := range newer(t.roles, after) {
		s.Roles = append(s.Roles, roleOf(v, id))
	}
	for _, id := range newer(t.seats, after) {
		s.Seats = append(s.Seats, seatOf(v, id))
	}
	channels := newer(t.channels, after)
	if t.places > after {
		for c := range v.Channels() {
			if t.channels[c.ID] <= after {
				channels = append(channels, c.ID)
			}
		}
		slices.Sort(channels)
	}
	for _, id := range channels {
		s.Channels = append(s.Channels, placeOf(v, id))
	}
	return s
}

func newer[K cmp.Ordered](set map[K]uint64, after uint64) (keys []K) {
	for key, at := range set {
		if at > after {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

func topOf(v *perm.View) *Top {
	t := &Top{Alive: !v.Removed(), Owner: v.Owner(), Blocked: v.Blocked()}
	if v.Scope().Kind == beep.ScopeDirect {
		t.Participants = slices.Sorted(v.Members())
	}
	return t
}

func roleOf(v *perm.View, id beep.RoleID) perm.Role {
	r, _ := v.Role(id)
	return perm.Role{ID: id, Rights: r.Rights} // positions decide only what a graph is not asked
}

func seatOf(v *perm.View, id beep.UserID) Seat {
	m, there := v.Member(id)
	m.User = id
	return Seat{Member: m, There: there}
}

func placeOf(v *perm.View, id beep.ChannelID) Place {
	c, there := v.Channel(id)
	c.ID = id
	p := Place{Channel: c, There: there, Overwrites: slices.Collect(v.Overwrites(id))}
	slices.SortFunc(p.Overwrites, func(a, b perm.Overwrite) int {
		return cmp.Or(cmp.Compare(a.Role, b.Role), cmp.Compare(a.Member, b.Member))
	})
	return p
}

// Whole is everything that there is in a View.
func Whole(v *perm.View) State {
	s := State{Scope: v.Scope(), Top: topOf(v)}
	if v.Scope().Kind == beep.ScopeDirect {
		return s
	}
	for r := range v.Roles() {
		s.Roles = append(s.Roles, roleOf(v, r.ID))
	}
	for user := range v.Members() {
		s.Seats = append(s.Seats, seatOf(v, user))
	}
	for c := range v.Channels() {
		s.Channels = append(s.Channels, placeOf(v, c.ID))
	}
	return s
}
