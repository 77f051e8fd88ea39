package storetest

import (
	"slices"
	"testing"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/servers"
)

// thread is one on a new message of a channel.
func (w *world) thread(channel beep.ChannelID) servers.Thread {
	return servers.Thread{
		ID: mint[beep.ChannelID](w), Server: w.server.ID, Channel: channel, Message: mint[beep.MessageID](w), Author: w.owner,
		Name: "marées ☕", CreatedAt: now(),
	}
}

func (w *world) newThread(t *testing.T, channel beep.ChannelID) servers.Thread {
	t.Helper()
	thread := w.thread(channel)
	w.commit(t, servers.ThreadSet{Thread: thread, New: true})
	return thread
}

// joinThread makes a user a member, which is a row in the user's own scope alone.
func (w *world) joinThread(t *testing.T, thread servers.Thread, user beep.UserID) {
	t.Helper()
	w.must(t, ofUser(user, servers.ThreadJoined{Server: thread.Server, Thread: thread.ID}))
}

// ofUser is a commit to a user's own scope.
func ofUser(user beep.UserID, changes ...servers.Change) servers.Commit {
	return servers.Commit{Scope: beep.UserScope(user), Actor: user, At: now(), Changes: changes}
}

func threads(list []servers.Thread) (ids []beep.ChannelID) {
	for _, thread := range list {
		ids = append(ids, thread.ID)
	}
	return ids
}

func testThreads(t *testing.T, w *world) {
	other := w.channel(mint[beep.ChannelID](w), 1)
	w.commit(t, servers.ChannelSet{Channel: other, New: true})
	first, second, third := w.newThread(t, w.general), w.newThread(t, w.general), w.newThread(t, w.general)
	elsewhere := w.newThread(t, other.ID)

	equal(t, "Thread", value(w.Thread(w.ctx, first.ID))(t), first)
	equal(t, "ThreadOf", value(w.ThreadOf(w.ctx, w.general, second.Message))(t), second)
	_, err := w.ThreadOf(w.ctx, other.ID, second.Message)
	refused(t, "ThreadOf the same number in another channel", err, beep.ErrNotFound)
	equal(t, "ChannelScope", value(w.ChannelScope(w.ctx, first.ID))(t), w.scope)
	equal(t, "Channels has no threads", len(value(w.Channels(w.ctx, w.server.ID))(t)), 2)
	_, err = w.Channel(w.ctx, first.ID)
	refused(t, "nor has Channel", err, beep.ErrNotFound)

	second.Archived, second.Locked, second.Name = true, true, "x"
	w.commit(t, servers.ThreadSet{Thread: second})
	equal(t, "Thread after a change", value(w.Thread(w.ctx, second.ID))(t), second)
	list := func(q servers.ThreadQuery) []beep.ChannelID {
		q.Channel = w.general
		return threads(value(w.Threads(w.ctx, q))(t))
	}
	equal(t, "the open ones, newest first", list(servers.ThreadQuery{Limit: 9}), []beep.ChannelID{third.ID, first.ID})
	equal(t, "a page", list(servers.ThreadQuery{Limit: 1}), []beep.ChannelID{third.ID})
	equal(t, "the next", list(servers.ThreadQuery{Limit: 9, Before: third.ID}), []beep.ChannelID{first.ID})
	equal(t, "the archived ones", list(servers.ThreadQuery{Limit: 9, Archived: true}), []beep.ChannelID{second.ID})
	equal(t, "CountThreads", value(w.CountThreads(w.ctx, w.general))(t), 3)

	w.joinThread(t, third, w.owner)
	w.commit(t, servers.ThreadRemoved{ID: first.ID})
	_, err = w.Thread(w.ctx, first.ID)
	refused(t, "Thread after its removal", err, beep.ErrNotFound)
	equal(t, "ChannelScope after its removal", value(w.ChannelScope(w.ctx, first.ID))(t), w.scope)
	refused(t, "a removed thread's id again", w.Commit(w.ctx, w.of(servers.ThreadSet{Thread: first, New: true})), beep.ErrConflict)
	again := w.thread(w.general)
	again.Message = first.Message
	refused(t, "another thread on its message", w.Commit(w.ctx, w.of(servers.ThreadSet{Thread: again, New: true})), nil)

	w.commit(t, servers.ChannelRemoved{ID: w.general})
	_, err = w.Thread(w.ctx, third.ID)
	refused(t, "Thread after its channel's removal", err, beep.ErrNotFound)
	equal(t, "its members", value(w.ThreadMembers(w.ctx, third.ID, 0, 9))(t), nil)
	equal(t, "its count", value(w.CountThreads(w.ctx, w.general))(t), 0)
	equal(t, "another channel's", value(w.Thread(w.ctx, elsewhere.ID))(t), elsewhere)
	rows := w.changes(t, w.scope)
	equal(t, "the rows of threads", slices.DeleteFunc(rows, func(c servers.Change) bool {
		kind := c.RowKind()
		return kind != "thread_set" && kind != "thread_removed"
	})[4:], []servers.Change{servers.ThreadSet{Thread: second}, servers.ThreadRemoved{ID: first.ID}, servers.ThreadSet{Thread: again}})
}

func testThreadMembers(t *testing.T, w *world) {
	list := w.sorted(3)
	first, second := w.newThread(t, w.general), w.newThread(t, w.general)
	before := w.rev(t, w.scope)
	for _, user := range []beep.UserID{list[2], list[0], list[1]} {
		w.joinThread(t, second, user)
	}
	w.joinThread(t, first, list[1])
	equal(t, "no row of the server", w.rev(t, w.scope), before)
	equal(t, "the user's own log", w.changes(t, beep.UserScope(list[1])), []servers.Change{
		servers.ThreadJoined{Server: w.server.ID, Thread: second.ID}, servers.ThreadJoined{Server: w.server.ID, Thread: first.ID},
	})
	equal(t, "ThreadMembers", value(w.ThreadMembers(w.ctx, second.ID, 0, 2))(t), list[:2])
	equal(t, "the next page", value(w.ThreadMembers(w.ctx, second.ID, list[1], 2))(t), list[2:])
	equal(t, "ThreadsOf", value(w.ThreadsOf(w.ctx, w.server.ID, list[1], 0, 9))(t), []servers.Thread{first, second})
	equal(t, "the next page", value(w.ThreadsOf(w.ctx, w.server.ID, list[1], first.ID, 9))(t), []servers.Thread{second})
	equal(t, "on another server", value(w.ThreadsOf(w.ctx, w.server.ID+1, list[1], 0, 9))(t), nil)

	left := servers.ThreadLeft{Server: w.server.ID, Thread: second.ID}
	again := ofUser(list[1], servers.ThreadJoined{Server: w.server.ID, Thread: second.ID})
	refused(t, "a member who is one", w.Commit(w.ctx, again), beep.ErrConflict)
	refused(t, "leaving", w.Commit(w.ctx, ofUser(list[1], left)), nil)
	refused(t, "leaving again", w.Commit(w.ctx, ofUser(list[1], left)), beep.ErrConflict)
	equal(t, "without who left", value(w.ThreadMembers(w.ctx, second.ID, 0, 9))(t), []beep.UserID{list[0], list[2]})
	w.commit(t, servers.ThreadRemoved{ID: first.ID})
	equal(t, "of a removed thread", value(w.ThreadsOf(w.ctx, w.server.ID, list[1], 0, 9))(t), nil)
}

// testThreadRace: of those who start the thread of one message at once, one does.
func testThreadRace(t *testing.T, w *world) {
	const tries = 16
	message := mint[beep.MessageID](w)
	errs := together(tries, func(int) error {
		thread := w.thread(w.general)
		thread.Message = message
		return w.Commit(w.ctx, w.of(servers.ThreadSet{Thread: thread, New: true}))
	})
	equal(t, "refused", count(t, errs, beep.ErrConflict), tries-1)
	equal(t, "threads", value(w.CountThreads(w.ctx, w.general))(t), 1)
	value(w.ThreadOf(w.ctx, w.general, message))(t)
}
