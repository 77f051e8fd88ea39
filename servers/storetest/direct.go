package storetest

import (
	"slices"
	"testing"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/servers"
)

// direct is what makes a direct message: the first of the users does.
func (w *world) direct(kind servers.DirectKind, users ...beep.UserID) (servers.DirectMessage, servers.Commit) {
	d := servers.DirectMessage{ID: mint[beep.ChannelID](w), Kind: kind, Users: slices.Sorted(slices.Values(users)), CreatedAt: now()}
	if kind == servers.Group {
		d.Name = "équipage"
	}
	c := servers.Commit{Scope: beep.DirectScope(d.ID), Actor: users[0], At: now(), Changes: []servers.Change{
		servers.DirectSet{DirectMessage: d, New: true},
	}}
	for _, user := range users {
		c.Changes = append(c.Changes, servers.ParticipantAdded{User: user})
	}
	return d, c
}

func (w *world) newDirect(t *testing.T, kind servers.DirectKind, users ...beep.UserID) servers.DirectMessage {
	t.Helper()
	d, c := w.direct(kind, users...)
	w.must(t, c)
	return d
}

// within is a commit to a direct message.
func within(d servers.DirectMessage, changes ...servers.Change) servers.Commit {
	return servers.Commit{Scope: beep.DirectScope(d.ID), Actor: d.Users[0], At: now(), Changes: changes}
}

func conversations(list ...servers.DirectMessage) (all []servers.Conversation) {
	for _, d := range list {
		all = append(all, servers.Conversation{DirectMessage: d})
	}
	return all
}

func testDirects(t *testing.T, w *world) {
	list := w.sorted(4)
	pair := w.newDirect(t, servers.Pair, list[1], list[0])
	group := w.newDirect(t, servers.Group, list[0], list[2], list[1])
	twin := w.newDirect(t, servers.Group, list[0], list[2], list[1]) // of groups of the same there may be many
	scope := beep.DirectScope(group.ID)

	equal(t, "Direct", value(w.Direct(w.ctx, group.ID))(t), group)
	equal(t, "PairOf", value(w.PairOf(w.ctx, list[0], list[1]))(t), pair)
	equal(t, "PairOf, the other way round", value(w.PairOf(w.ctx, list[1], list[0]))(t), pair)
	_, err := w.PairOf(w.ctx, list[0], list[2])
	refused(t, "PairOf two who share only groups", err, beep.ErrNotFound)
	equal(t, "ChannelScope", value(w.ChannelScope(w.ctx, group.ID))(t), scope)
	equal(t, "DirectsOf", value(w.DirectsOf(w.ctx, list[0], 0, 9))(t), conversations(pair, group, twin))
	equal(t, "a page", value(w.DirectsOf(w.ctx, list[0], 0, 1))(t), conversations(pair))
	equal(t, "the next", value(w.DirectsOf(w.ctx, list[0], pair.ID, 1))(t), conversations(group))
	equal(t, "DirectsOf who is in none", value(w.DirectsOf(w.ctx, list[3], 0, 9))(t), nil)

	// A change is a row of the scope, and one in the own scope of everyone concerned, who joins, leaves or stays.
	group.Name = ""
	c := within(group, servers.DirectSet{DirectMessage: group}, servers.ParticipantAdded{User: list[3]}, servers.ParticipantRemoved{User: list[2]})
	c.Touches = []beep.UserID{list[0], list[1]}
	w.must(t, c)
	group.Users = []beep.UserID{list[0], list[1], list[3]}
	equal(t, "Direct after a change", value(w.Direct(w.ctx, group.ID))(t), group)
	for user, last := range map[beep.UserID]servers.Change{
		list[0]: servers.ScopeJoined{Scope: scope, Again: true}, list[1]: servers.ScopeJoined{Scope: scope, Again: true},
		list[2]: servers.ScopeLeft{Scope: scope}, list[3]: servers.ScopeJoined{Scope: scope},
	} {
		rows := w.changes(t, beep.UserScope(user))
		equal(t, "the last row of a user's own log", rows[len(rows)-1], last)
	}
	equal(t, "who was touched is in it once", value(w.DirectsOf(w.ctx, list[0], pair.ID, 9))(t), conversations(group, twin))
	equal(t, "who left", value(w.DirectsOf(w.ctx, list[2], 0, 9))(t), conversations(twin))
	renamed := group
	renamed.Users = nil // rows of their own say who is in it
	rows := w.changes(t, scope)
	equal(t, "the rows", rows[len(rows)-3:], []servers.Change{
		servers.DirectSet{DirectMessage: renamed}, servers.ParticipantAdded{User: list[3]}, servers.ParticipantRemoved{User: list[2]},
	})

	for i, user := range group.Users {
		value(w.Direct(w.ctx, group.ID))(t)
		c := within(group, servers.ParticipantRemoved{User: user})
		c.Touches = group.Users[i+1:]
		w.must(t, c)
	}
	_, err = w.Direct(w.ctx, group.ID)
	refused(t, "Direct that everyone has left", err, beep.ErrNotFound)
	equal(t, "its ChannelScope", value(w.ChannelScope(w.ctx, group.ID))(t), scope)
	_, c = w.direct(servers.Group, list[0])
	c.Scope, c.Changes = scope, []servers.Change{servers.DirectSet{DirectMessage: group, New: true}}
	refused(t, "its id again", w.Commit(w.ctx, c), beep.ErrConflict)
}

func testClosed(t *testing.T, w *world) {
	list := w.sorted(3)
	pair, group := w.newDirect(t, servers.Pair, list[0], list[1]), w.newDirect(t, servers.Group, list[0], list[1])
	closed := servers.DirectClosed{Channel: pair.ID, Closing: servers.Closing{Closed: true, R: 1<<32 - 1}}
	rev := w.rev(t, beep.DirectScope(pair.ID))
	w.must(t, ofUser(list[0], closed))
	want := conversations(pair, group)
	want[0].Closing = closed.Closing
	equal(t, "for who closed it", value(w.DirectsOf(w.ctx, list[0], 0, 9))(t), want)
	equal(t, "for the other", value(w.DirectsOf(w.ctx, list[1], 0, 9))(t), conversations(pair, group))
	equal(t, "no row of the direct message", w.rev(t, beep.DirectScope(pair.ID)), rev)
	rows := w.changes(t, beep.UserScope(list[0]))
	equal(t, "a row of the user's own", rows[len(rows)-1], servers.Change(closed))

	closed.Closing = servers.Closing{}
	w.must(t, ofUser(list[0], closed))
	equal(t, "open again", value(w.DirectsOf(w.ctx, list[0], 0, 9))(t), conversations(pair, group))
	refused(t, "by who is not in it", w.Commit(w.ctx, ofUser(list[2], closed)), beep.ErrConflict)

	// To come back is to have it open.
	closed = servers.DirectClosed{Channel: group.ID, Closing: servers.Closing{Closed: true}}
	w.must(t, ofUser(list[0], closed))
	w.must(t, within(group, servers.ParticipantRemoved{User: list[0]}))
	w.must(t, within(group, servers.ParticipantAdded{User: list[0]}))
	equal(t, "after coming back", value(w.DirectsOf(w.ctx, list[0], 0, 9))(t), conversations(pair, group))
}

func testCompanions(t *testing.T, w *world) {
	list := w.sorted(5)
	other := w.newServer(t, list[4])
	w.commit(t, join(w.server.ID, list[0]), join(w.server.ID, list[1]))
	w.must(t, servers.Commit{Scope: beep.ServerScope(other.ID), Changes: []servers.Change{
		join(other.ID, list[0]), join(other.ID, list[1]), join(other.ID, list[2]),
	}})
	w.newDirect(t, servers.Pair, list[0], list[3]) // which is not a server
	asked := []beep.UserID{list[3], list[2], list[1], w.owner, 1}
	equal(t, "in one server or several", value(w.Companions(w.ctx, list[0], asked))(t), sortedUsers(w.owner, list[1], list[2]))
	equal(t, "in the other only", value(w.Companions(w.ctx, list[4], asked))(t), []beep.UserID{list[1], list[2]})
	equal(t, "of who is in none", value(w.Companions(w.ctx, list[3], asked))(t), nil)
	w.commit(t, servers.MemberRemoved{User: list[1]})
	equal(t, "who left one of two", value(w.Companions(w.ctx, list[0], list[1:2]))(t), list[1:2])
	equal(t, "who left the only one", value(w.Companions(w.ctx, w.owner, list[1:2]))(t), nil)
}

// testDirectRefusals: a Commit that fails leaves nothing behind.
func testDirectRefusals(t *testing.T, w *world) {
	list := w.sorted(4)
	pair, group := w.newDirect(t, servers.Pair, list[0], list[1]), w.newDirect(t, servers.Group, list[0], list[1], list[2])
	gone := w.newDirect(t, servers.Group, list[0])
	w.must(t, within(gone, servers.ParticipantRemoved{User: list[0]}))
	_, same := w.direct(servers.Pair, list[1], list[0])
	state := func() (all [][]servers.Conversation) {
		for _, user := range list {
			all = append(all, value(w.DirectsOf(w.ctx, user, 0, 99))(t))
			w.rows(t, beep.UserScope(user)) // contiguous
		}
		return all
	}
	before, rev := state(), w.rev(t, beep.DirectScope(group.ID))
	for name, c := range map[string]servers.Commit{
		"the same pair":             same,
		"who is in it":              within(group, servers.ParticipantAdded{User: list[3]}, servers.ParticipantAdded{User: list[1]}),
		"the removal of who is not": within(group, servers.ParticipantAdded{User: list[3]}, servers.ParticipantRemoved{User: 1}),
		"a name of what is gone":    within(gone, servers.DirectSet{DirectMessage: gone}),
		"who joins what is gone":    within(gone, servers.ParticipantAdded{User: list[3]}),
		"an id that is there":       within(pair, servers.DirectSet{DirectMessage: pair, New: true}),
	} {
		refused(t, name, w.Commit(w.ctx, c), beep.ErrConflict)
		equal(t, name, state(), before)
	}
	// Whatever happens in a direct message matters to every decision there.
	w.must(t, within(group, servers.ParticipantAdded{User: list[3]}))
	late := within(group, servers.ParticipantRemoved{User: list[2]})
	late.Expect = rev
	refused(t, "decided before somebody else joined", w.Commit(w.ctx, late), beep.ErrConflict)
}

// testPairRace: however many open a pair at once, and from whichever side, there is one.
func testPairRace(t *testing.T, w *world) {
	const tries = 40
	list := w.sorted(2)
	errs := together(tries, func(i int) error {
		_, c := w.direct(servers.Pair, list[i%2], list[1-i%2])
		return w.Commit(w.ctx, c)
	})
	equal(t, "refused", count(t, errs, beep.ErrConflict), tries-1)
	pair := value(w.PairOf(w.ctx, list[0], list[1]))(t)
	for _, user := range list {
		equal(t, "what each is in", value(w.DirectsOf(w.ctx, user, 0, tries))(t), conversations(pair))
		equal(t, "the rows of each", len(w.rows(t, beep.UserScope(user))), 1)
	}
}

// testGroupRace: those who add at one revision do not add together.
func testGroupRace(t *testing.T, w *world) {
	const tries = 12
	group := w.newDirect(t, servers.Group, w.sorted(3)...)
	rev := w.rev(t, beep.DirectScope(group.ID))
	errs := together(tries, func(int) error {
		c := within(group, servers.ParticipantAdded{User: mint[beep.UserID](w)})
		c.Expect, c.Touches = rev, group.Users
		return w.Commit(w.ctx, c)
	})
	equal(t, "refused", count(t, errs, beep.ErrConflict), tries-1)
	equal(t, "in it", len(value(w.Direct(w.ctx, group.ID))(t).Users), 4)
}
