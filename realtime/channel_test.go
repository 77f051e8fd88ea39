package realtime

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/beep-chat/beep"
	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
)

// Rule 8: per channel one ordered worker. What was sent is dropped, what follows it is delivered, and for anything else
// the log is asked.

func TestWake_TheNextEntryIsDeliveredAsItCame(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a, b := w.connect(ada), w.connect(bob)
		w.asked()
		x := w.post(general)
		w.wake(x)
		wantHeard(t, "Ada", a, "entries general [1]")
		wantHeard(t, "Bob", b, "entries general [1]")
		if _, _, sinces := w.asked(); sinces != 0 {
			t.Errorf("the log was asked %d times for what the wake-up carries", sinces)
		}
		if got, want := string(a.bytes["entries"]), string(x.GetFrame()); got != want {
			t.Errorf("got %s, want the bytes that the log published, %s", got, want)
		}
		if &a.bytes["entries"][0] != &b.bytes["entries"][0] {
			t.Error("two sessions were sent two copies of one frame")
		}
	})
}

func TestWake_WhatWasSentIsDropped(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		b := w.connect(bob)
		first, second := w.post(general), w.post(general)
		w.wake(first, first, second, first, second)
		wantHeard(t, "Bob", b, "entries general [1]", "entries general [2]")
	})
}

func TestWake_AfterAGapTheLogIsAsked(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		b := w.connect(bob)
		w.say(general)
		w.post(general)
		w.post(general)
		w.say(general)
		wantHeard(t, "Bob", b, "entries general [1]", "delta general head=4 [2 3 4]")
		w.say(general)
		wantHeard(t, "Bob", b, "entries general [5]")
	})
}

func TestWake_TheLaterOneComesFirst(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		b := w.connect(bob)
		first, second := w.post(general), w.post(general)
		w.wake(second, first)
		wantHeard(t, "Bob", b, "delta general head=2 [1 2]")
	})
}

func TestWake_OfABatchThatOverlapsIsDelivered(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		b := w.connect(bob)
		w.say(general)
		w.post(general)
		batch := w.post(general)
		batch.First = 1 // 1 was sent, and clients skip what they have; 2 and 3 were not
		w.wake(batch)
		if _, _, sinces := w.asked(); sinces != 0 {
			t.Error("the log was asked for what the wake-up carries")
		}
		wantHeard(t, "Bob", b, "entries general [1]", "entries general [3]")
	})
}

func TestWake_WithoutAFrameTheLogIsAsked(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		b := w.connect(bob)
		x := w.post(general)
		x.Frame = nil // too large for the bus
		w.wake(x)
		wantHeard(t, "Bob", b, "delta general head=1 [1]")
	})
}

func TestWake_TooFarBehindAResetIsDelivered(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		b := w.connect(bob)
		for range sinceWindow {
			w.post(general)
		}
		w.say(general)
		got := b.heard()
		if len(got) != 1 || !strings.HasPrefix(got[0], "delta general reset head=501 [452 453 ") || !strings.HasSuffix(got[0], " 501]") {
			t.Errorf("got %v, want a reset with the newest 50", got)
		}
		w.say(general)
		wantHeard(t, "Bob", b, "entries general [502]")
	})
}

func TestWake_ALongBacklogComesInParts(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		b := w.connect(bob)
		w.log.inParts(1)
		large := strings.Repeat("x", 70<<10)
		w.log.add(general, 0, large)
		w.log.add(general, 0, large)
		w.wake(w.log.add(general, 0, "small, so that nothing follows"))
		wantHeard(t, "Bob", b, "delta general head=1 [1]", "delta general head=2 [2]", "delta general head=3 [3]")
	})
}

func TestWake_ThatIsNotOfTheChannelIsIgnored(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		b := w.connect(bob)
		w.publish("ch:"+general.String(), []byte("\xff no message"))
		w.publish("ch:"+general.String(), marshal(t, w.post(staff)))
		wantHeard(t, "Bob", b)
		w.say(general)
		wantHeard(t, "Bob", b, "entries general [1]")
	})
}

func TestWake_OfAChannelThatNobodyIsInCostsNothing(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.connect(bob).hangUp()
		w.connect(ada).hangUp()
		w.asked()
		w.say(general)
		if _, heads, sinces := w.asked(); sinces+len(heads) != 0 {
			t.Errorf("the log was asked %d and %d times for nobody", sinces, len(heads))
		}
		// Whoever comes then is not sent again what was said meanwhile, but hears where the log stands.
		b := w.open(w.node)
		b.identify(bob, nil)
		w.say(general)
		wantHeard(t, "Bob", b, "hello heartbeat_interval=30000", "ready [guild]", "channel_added general",
			"delta general answer reset head=1", "entries general [2]")
	})
}

func TestWake_WaitsForTheOneBefore(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		b := w.connect(bob)
		w.post(general)
		gap, next := w.post(general), w.post(general)
		held := make(chan struct{})
		w.log.onSince.set(func(context.Context, beep.ChannelID) error { <-held; return nil })
		w.wake(gap, next)
		wantHeard(t, "Bob", b)
		close(held)
		wantHeard(t, "Bob", b, "delta general head=3 [1 2 3]")
	})
}

// While the log does not answer, wake-ups pile up: no more of them than a bound, and what is dropped is found anyway.
func TestWake_NoMoreThanABoundWait(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		b := w.connect(bob)
		w.post(general)
		held := make(chan struct{})
		w.log.onSince.set(func(context.Context, beep.ChannelID) error { <-held; return nil })
		var wakes []*messagesv1.Wake
		for range 2 * maxInbox {
			wakes = append(wakes, w.post(general))
		}
		w.wake(wakes[0])
		w.wake(wakes...)
		ch, _ := w.node.registered(b.session(), general)
		ch.mu.Lock()
		waiting := len(ch.inbox)
		ch.mu.Unlock()
		if waiting != maxInbox {
			t.Errorf("%d wake-ups wait, want %d", waiting, maxInbox)
		}
		close(held)
		synctest.Wait()
		if got := b.heard(); len(got) != 1 || !strings.HasPrefix(got[0], "delta general reset head=513 ") {
			t.Errorf("got %v, want all of it at once", got)
		}
	})
}

func TestWake_ThatCannotBeServedIsServedLater(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		b := w.connect(bob)
		w.post(general)
		w.log.onSince.set(func(context.Context, beep.ChannelID) error { return errors.New("the log is down") })
		w.say(general)
		wantHeard(t, "Bob", b)
		w.pass(w.node.peers.Sweep)
		wantHeard(t, "Bob", b)
		w.log.onSince.set(nil)
		w.pass(w.node.peers.Sweep)
		wantHeard(t, "Bob", b, "delta general head=2 [1 2]")
	})
}
