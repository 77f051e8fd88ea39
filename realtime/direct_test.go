package realtime

import (
	"strings"
	"testing"
	"time"

	"github.com/beep-chat/beep"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
)

// Threads of #general, and a direct message and a group: pair of Ada and Bob, crew of more.
const tide, ebb, pair, crew = beep.ChannelID(30), beep.ChannelID(31), beep.ChannelID(40), beep.ChannelID(41)

func threadSet(id, channel beep.ChannelID, archived bool) *serversv1.Change {
	return &serversv1.Change{Kind: &serversv1.Change_ThreadSet{ThreadSet: &serversv1.Thread{
		Id: uint64(id), ServerId: guildID, ChannelId: uint64(channel), Archived: archived,
	}}}
}

func directSet(id beep.ChannelID, kind string) *serversv1.Change {
	return &serversv1.Change{Kind: &serversv1.Change_DirectSet{DirectSet: &serversv1.DirectMessage{Id: uint64(id), Kind: kind}}}
}

func added(who beep.UserID) *serversv1.Change {
	return &serversv1.Change{Kind: &serversv1.Change_ParticipantAdded{ParticipantAdded: &serversv1.Participant{UserId: uint64(who)}}}
}

func gone(who beep.UserID) *serversv1.Change {
	return &serversv1.Change{Kind: &serversv1.Change_ParticipantRemoved{ParticipantRemoved: &serversv1.Participant{UserId: uint64(who)}}}
}

// TestThread_IsFollowedWithItsChannel: those who see the channel are told of its threads, live and at the beginning, and
// lose them with it.
func TestThread_IsFollowedWithItsChannel(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		a, b := w.connect(ada), w.connect(bob)
		w.change(threadSet(tide, general, false), threadSet(ebb, staff, false))
		wantHeard(t, "Ada", a, "channel_added tide", "channel_added ebb", "delta tide answer reset head=0", "delta ebb answer reset head=0")
		wantHeard(t, "Bob", b, "channel_added tide", "delta tide answer reset head=0")
		w.say(tide)
		wantHeard(t, "Bob", b, "entries tide [1]")
		a.heard()

		w.change(denied(bob, general, "view_channels"))
		if got := b.heard(); len(got) != 2 {
			t.Errorf("Bob lost the channel and its thread, and was sent %v", got)
		}
		w.change(channelRemoved(general))
		if got := a.heard(); len(got) != 2 {
			t.Errorf("with the channel its thread is gone, and Ada was sent %v", got)
		}
		late := w.open(w.node)
		late.identify(ada, nil)
		wantHeard(t, "Ada, later", late, "hello heartbeat_interval=30000", "ready [guild]", "channel_added staff", "channel_added ebb",
			"delta staff answer reset head=0", "delta ebb answer reset head=0")
	})
}

// TestThread_ArchivedIsToldToWhoHasIt, and to nobody else until it is opened again.
func TestThread_ArchivedIsToldToWhoHasIt(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.commit(threadSet(tide, general, false))
		b := w.connect(bob)
		w.change(threadSet(tide, general, true))
		wantHeard(t, "Bob, who has it", b, "channel_updated tide")
		w.say(tide) // by who manages messages
		wantHeard(t, "Bob, who has it", b, "entries tide [1]")

		late, back := w.open(w.node), w.open(w.node)
		late.identify(cyd, nil)
		wantHeard(t, "Cyd, who comes later", late, "hello heartbeat_interval=30000", "ready [guild]", "channel_added general", "delta general answer reset head=0")
		back.identify(bob, map[beep.ChannelID]uint32{tide: 0})
		wantHeard(t, "Bob, who comes back to it", back, "hello heartbeat_interval=30000", "ready [guild]", "channel_added general", "channel_added tide",
			"delta general answer reset head=0", "delta tide answer head=1 [1]")

		w.change(threadSet(tide, general, false))
		wantHeard(t, "Cyd, when it is opened again", late, "channel_added tide", "delta tide answer reset head=1")
	})
}

// TestDirect_IsFollowed: who is in it is told of it and of what happens there by the personal scope, and loses it on
// leaving; nobody else hears a thing.
func TestDirect_IsFollowed(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		a, b, c := w.connect(ada), w.connect(bob), w.connect(cyd)
		scope := beep.DirectScope(crew)
		w.scopes.add(scope, directSet(crew, "group"), added(ada), added(bob))
		for _, who := range []beep.UserID{ada, bob} {
			w.personal(who, joined(scope))
		}
		for name, x := range map[string]*client{"Ada": a, "Bob": b} {
			wantHeard(t, name, x, "channel_added crew [ada bob]", "delta crew answer reset head=0")
		}
		w.wake(w.log.add(crew, w.scopes.rev(scope), "ahoy"))
		wantHeard(t, "Bob", b, "entries crew [1]")
		a.heard()

		w.scopes.add(scope, added(cyd))
		w.personal(cyd, joined(scope))
		w.personal(ada, joined(scope)) // named again: something happened
		wantHeard(t, "Cyd", c, "channel_added crew [ada bob cyd]", "delta crew answer reset head=1")
		wantHeard(t, "Ada", a, "channel_updated crew [ada bob cyd]")
		b.heard()

		w.scopes.add(scope, gone(bob))
		w.scopes.add(beep.UserScope(bob), left(scope)) // whose wake-up is lost
		w.pass(2 * time.Second)
		wantHeard(t, "Bob", b, "channel_removed crew")
		a.heard()
		c.heard()
		w.wake(w.log.add(crew, w.scopes.rev(scope), "without Bob"))
		wantHeard(t, "Bob, who has left", b)
		wantHeard(t, "Cyd", c, "entries crew [2]")

		late := w.open(w.node)
		late.identify(ada, map[beep.ChannelID]uint32{crew: 1})
		wantHeard(t, "Ada, later", late, "hello heartbeat_interval=30000", "ready [guild]", "channel_added general", "channel_added staff",
			"channel_added crew [ada cyd]", "delta general answer reset head=0", "delta staff answer reset head=0", "delta crew answer head=2 [2]")
	})
}

// TestPersonal_IsToldToAllOfAUsersClients: what one hides and which threads one is a member of.
func TestPersonal_IsToldToAllOfAUsersClients(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		a, b := w.connect(ada), w.connect(bob)
		w.personal(ada, &serversv1.Change{Kind: &serversv1.Change_DirectClosed{DirectClosed: &serversv1.DirectClosed{
			ChannelId: uint64(pair), Closed: true, R: 3,
		}}})
		w.personal(ada, &serversv1.Change{Kind: &serversv1.Change_ThreadJoined{ThreadJoined: &serversv1.ThreadMembership{
			ServerId: guildID, ThreadId: uint64(tide),
		}}})
		wantHeard(t, "Ada", a, "direct_closed pair", "thread_joined tide")
		wantHeard(t, "Bob", b)
		late := w.open(w.node)
		late.identify(ada, nil)
		late.heard()
		late.mu.Lock()
		ready := string(late.bytes["ready"])
		late.mu.Unlock()
		for _, want := range []string{`"thread_ids":["30"]`, `"channel_id":"40"`} {
			if !strings.Contains(strings.ReplaceAll(ready, " ", ""), want) {
				t.Errorf("ready has no %s: %s", want, ready)
			}
		}
		w.personal(ada, &serversv1.Change{Kind: &serversv1.Change_ThreadLeft{ThreadLeft: &serversv1.ThreadMembership{ThreadId: uint64(tide)}}})
		w.personal(ada, &serversv1.Change{Kind: &serversv1.Change_DirectClosed{DirectClosed: &serversv1.DirectClosed{ChannelId: uint64(pair)}}})
		wantHeard(t, "Ada", a, "thread_left tide", "direct_closed pair")
	})
}
