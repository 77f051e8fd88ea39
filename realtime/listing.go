package realtime

import (
	"maps"
	"math"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/beep-chat/beep"
	realtimev1 "github.com/beep-chat/beep/api/beep/realtime/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/perm"
)

// listing is what clients are told of a channel: exactly one of its fields is set. What is in it is shared with frames in
// flight, so it is replaced, never changed.
type listing struct {
	channel *serversv1.Channel
	thread  *serversv1.Thread
	direct  *serversv1.DirectMessage
}

func (l listing) id() beep.ChannelID {
	return beep.ChannelID(l.channel.GetId() + l.thread.GetId() + l.direct.GetId())
}

// position is its place in the order in which clients are told: threads come after the channels that they are in.
func (l listing) position() uint64 {
	if l.channel == nil {
		return math.MaxUint64
	}
	return uint64(l.channel.GetPosition())
}

// dormant is what nobody is told of by itself: archived threads are many, and read over REST by who looks for them. Who has
// one, by naming it or from before it was archived, stays in it.
func (l listing) dormant() bool { return l.thread.GetArchived() }

func (l listing) added(rights perm.Rights) Frame {
	return encode("channel_added", &realtimev1.ChannelAdded{
		Channel: l.channel, Thread: l.thread, DirectMessage: l.direct, Rights: rights.Names(),
	})
}

func (l listing) updated(rights perm.Rights) Frame {
	return encode("channel_updated", &realtimev1.ChannelUpdated{
		Channel: l.channel, Thread: l.thread, DirectMessage: l.direct, Rights: rights.Names(),
	})
}

// listLocked takes over a channel or thread that was made or changed.
func (sc *scope) listLocked(d *diff, l listing) {
	sc.listed[l.id()] = l
	d.renamed = append(d.renamed, l.id())
}

// unlistLocked takes away a channel that is gone with its threads, or a thread. They are forgotten once who was in them
// has been told.
func (sc *scope) unlistLocked(d *diff, id beep.ChannelID) {
	gone := []beep.ChannelID{id}
	for other, l := range sc.listed {
		if l.thread.GetChannelId() == uint64(id) {
			gone = append(gone, other)
		}
	}
	d.channels, d.removed = append(d.channels, gone...), append(d.removed, gone...)
}

// mirrorDirectLocked is mirrorLocked for a direct message.
func (sc *scope) mirrorDirectLocked(row *serversv1.Change, d *diff) {
	id := beep.ChannelID(sc.id.ID)
	switch k := row.GetKind().(type) {
	case *serversv1.Change_DirectSet:
		sc.listLocked(d, listing{direct: k.DirectSet})
	case *serversv1.Change_ParticipantAdded:
		d.joined = append(d.joined, beep.UserID(k.ParticipantAdded.GetUserId()))
		d.renamed = append(d.renamed, id)
	case *serversv1.Change_ParticipantRemoved:
		sc.expelLocked(beep.UserID(k.ParticipantRemoved.GetUserId()))
		d.renamed = append(d.renamed, id)
	}
}

// regroupLocked brings who is in a direct message up to date in what clients are told of it: rows of their own say so.
func (sc *scope) regroupLocked(d *diff) {
	old := sc.listed[beep.ChannelID(sc.id.ID)].direct
	if sc.id.Kind != beep.ScopeDirect || old == nil || len(d.renamed) == 0 {
		return
	}
	now := proto.CloneOf(old)
	now.UserIds = nil
	for _, user := range slices.Sorted(sc.view.Members()) {
		now.UserIds = append(now.UserIds, uint64(user))
	}
	sc.listed[beep.ChannelID(sc.id.ID)] = listing{direct: now}
}

// threadIDs are the threads that a user is a member of, for the beginning.
func (u *user) threadIDs() (ids []uint64) {
	for _, id := range slices.Sorted(maps.Keys(u.threads)) {
		ids = append(ids, uint64(id))
	}
	return ids
}

// closings are the direct messages that a user hides, for the beginning.
func (u *user) closings() (list []*serversv1.DirectClosed) {
	for _, id := range slices.Sorted(maps.Keys(u.closed)) {
		list = append(list, u.closed[id])
	}
	return list
}

// own takes over a row of the personal scope that is nobody else's business, and answers what the user's clients are told
// of it; the turn to read is the caller's.
func (u *user) own(row *serversv1.Change) (f Frame, ok bool) {
	switch k := row.GetKind().(type) {
	case *serversv1.Change_DirectClosed:
		id := beep.ChannelID(k.DirectClosed.GetChannelId())
		delete(u.closed, id)
		if k.DirectClosed.GetClosed() {
			u.closed[id] = k.DirectClosed
		}
		return encode("direct_closed", k.DirectClosed), true
	case *serversv1.Change_ThreadJoined:
		id := k.ThreadJoined.GetThreadId()
		u.threads[beep.ChannelID(id)] = struct{}{}
		return encode("thread_joined", &realtimev1.ThreadJoined{ThreadId: id}), true
	case *serversv1.Change_ThreadLeft:
		id := k.ThreadLeft.GetThreadId()
		delete(u.threads, beep.ChannelID(id))
		return encode("thread_left", &realtimev1.ThreadLeft{ThreadId: id}), true
	}
	return Frame{}, false
}
