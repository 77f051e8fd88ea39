package realtime

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/beep-chat/beep"
)

// Rule 11, for sessions that are connected: registered first, told, and only then answered where the log stands.

// once makes a hook that does f the first time that it has been called n times.
func once(n int, f func()) func() {
	return func() {
		if n--; n == 0 {
			f()
		}
	}
}

func TestAttach_AChannelGainedIsAddedAndAnswered(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		b := w.connect(bob)
		w.post(staff)
		w.change(member(bob, modsID))
		wantHeard(t, "Bob", b, "member_updated bob", "channel_added staff", "delta staff answer reset head=1")
		w.say(staff)
		wantHeard(t, "Bob", b, "entries staff [2]")
	})
}

// What is said while the answer is on its way reaches the client, for it has been registered before: as an entry, which
// the client's window takes in behind the answer's head.
func TestAttach_RegisteredBeforeTheLogIsAsked(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		b := w.connect(bob)
		w.log.readHeads.set(once(2, func() { w.publish("ch:"+staff.String(), marshal(t, w.post(staff))) }))
		w.change(member(bob, modsID))
		got := without(b.heard(), "entries staff [1]")
		if len(got) != 3 || got[1] != "channel_added staff" || got[2] != "delta staff answer reset head=0" {
			t.Fatalf("Bob was sent %q, want to be added before he is answered", got)
		}
		w.pass(w.node.peers.Sweep)
		w.say(staff)
		wantHeard(t, "Bob", b, "entries staff [2]") // so 1 was sent
	})
}

// What was said between the first look at the head and the registration is in the answer's head.
func TestAttach_WhatCameBeforeRegistrationIsInTheAnswer(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		b := w.connect(bob)
		w.log.readHeads.set(once(1, func() { w.post(staff) }))
		w.change(member(bob, modsID))
		wantHeard(t, "Bob", b, "member_updated bob", "channel_added staff", "delta staff answer reset head=1")
	})
}

func TestAttach_IsGivenUpIfTheChannelIsLostMeanwhile(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		b := w.connect(bob)
		held := make(chan struct{})
		w.log.onHeads.set(func(context.Context) error { <-held; return nil })
		w.change(member(bob, modsID))
		w.change(member(bob))
		close(held)
		wantHeard(t, "Bob", b, "member_updated bob", "member_updated bob")
		w.say(staff)
		wantHeard(t, "Bob", b)
	})
}

func TestAttach_TheAnswerIsDroppedIfTheChannelIsLostMeanwhile(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		b := w.connect(bob)
		w.post(general)
		held := make(chan struct{})
		w.log.onSince.set(func(context.Context, beep.ChannelID) error { <-held; return nil })
		go b.since(general, 0)
		synctest.Wait()
		w.change(denied(bob, general, "view_channels"))
		close(held)
		wantHeard(t, "Bob", b, "channel_removed general")
	})
}

func TestAttach_ThatCannotBeAnsweredEndsTheSocket(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		b := w.connect(bob)
		w.log.onHeads.set(func(context.Context) error { return errors.New("the log is down") })
		w.change(member(bob, modsID))
		wantClosed(t, "Bob", b, closeGoingAway)
	})
}

func TestJoin_AServerIsEnteredLive(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a, d := w.connect(ada), w.connect(dan)
		w.change(member(dan))
		wantHeard(t, "Ada", a, "member_updated dan")
		w.personal(dan, joined(guild))
		wantHeard(t, "Dan", d, "server_added guild", "channel_added general", "delta general answer reset head=0")
		w.say(general)
		wantHeard(t, "Dan", d, "entries general [1]")
	})
}

func TestJoin_EverySocketOfTheUserEnters(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		one, two := w.connect(dan), w.connect(dan)
		w.commit(member(dan))
		w.personal(dan, joined(guild))
		for _, d := range []*client{one, two} {
			wantHeard(t, "Dan", d, "server_added guild", "channel_added general", "delta general answer reset head=0")
		}
	})
}

func TestJoin_AfterAKickTheServerIsEnteredAnew(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		b := w.connect(bob)
		w.change(memberRemoved(bob))
		w.personal(bob, left(guild))
		w.say(general)
		w.commit(member(bob))
		w.personal(bob, joined(guild))
		wantHeard(t, "Bob", b, "server_removed guild", "server_added guild", "channel_added general",
			"delta general answer reset head=1")
		w.say(general)
		wantHeard(t, "Bob", b, "entries general [2]")
	})
}

// The two wake-ups of a kick are independent: either does.
func TestLeave_ThePersonalWakeUpIsEnough(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		b := w.connect(bob)
		w.commit(memberRemoved(bob))
		w.personal(bob, left(guild))
		wantHeard(t, "Bob", b, "server_removed guild")
	})
}

func TestJoin_ThatCannotBeAnsweredEndsTheSocket(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.connect(ada)
		d := w.connect(dan)
		w.change(member(dan))
		w.log.onHeads.set(func(context.Context) error { return errors.New("the log is down") })
		w.personal(dan, joined(guild))
		wantClosed(t, "Dan", d, closeGoingAway)
	})
}
