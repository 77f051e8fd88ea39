package realtime

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/beep-chat/beep"
)

// Rule 10: every second everything is asked for that a lost wake-up could have told, in one question of each kind.

func TestSweep_FindsWhatNoWakeUpTold(t *testing.T) {
	cases := map[string]struct {
		happens func(w *world)
		bob     []string
		dan     []string
	}{
		"one message": {
			func(w *world) { w.post(general) },
			[]string{"delta general head=1 [1]"},
			nil,
		},
		"several messages": {
			func(w *world) { w.post(general); w.post(general); w.post(general) },
			[]string{"delta general head=3 [1 2 3]"},
			nil,
		},
		"a message where he may not see it": {func(w *world) { w.post(staff) }, nil, nil},
		"a channel lost": {
			func(w *world) { w.commit(denied(bob, general, "view_channels")) },
			[]string{"channel_removed general"},
			nil,
		},
		"a channel gained": {
			func(w *world) { w.commit(member(bob, modsID)) },
			[]string{"member_updated bob", "channel_added staff", "delta staff answer reset head=0"},
			nil,
		},
		"a kick": {
			func(w *world) { w.commit(memberRemoved(bob)) },
			[]string{"server_removed guild"},
			nil,
		},
		"a server joined": {
			func(w *world) { w.commit(member(dan)); w.scopes.add(beep.UserScope(dan), joined(guild)) },
			[]string{"member_updated dan"},
			[]string{"server_added guild", "channel_added general", "delta general answer reset head=0"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				b, d := w.connect(bob), w.connect(dan)
				c.happens(w)
				wantHeard(t, "Bob, at once,", b)
				w.pass(time.Second)
				wantHeard(t, "Bob", b, c.bob...)
				wantHeard(t, "Dan", d, c.dan...)
				w.pass(5 * time.Second)
				wantHeard(t, "Bob, who knows it,", b)
			})
		})
	}
}

// Whoever sees nothing of a server still belongs to it.
func TestSweep_FollowsServersOfWhichNothingIsSeen(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.commit(denied(bob, general, "view_channels"))
		b := w.connect(bob)
		w.commit(denied(bob, general))
		w.pass(time.Second)
		wantHeard(t, "Bob", b, "channel_added general", "delta general answer reset head=0")
	})
}

func TestSweep_CostsOneQuestionOfEachKindHoweverManyClients(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		for range 15 {
			w.connect(ada)
			w.connect(bob)
			w.connect(cyd)
		}
		w.asked()
		w.pass(time.Second)
		revs, heads, sinces := w.asked()
		if diff := cmp.Diff([]int{3 + 1}, revs); diff != "" {
			t.Errorf("revisions asked for, want those of three users and one server (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]int{2}, heads); diff != "" {
			t.Errorf("heads asked for, want those of two channels (-want +got):\n%s", diff)
		}
		if sinces != 0 {
			t.Errorf("the log was asked %d times where nothing is new", sinces)
		}
	})
}

func TestSweep_CostsNothingWithoutClients(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.pass(10 * time.Second)
		if revs, heads, sinces := w.asked(); len(revs)+len(heads)+sinces != 0 {
			t.Errorf("asked %v, %v and %d times for nobody", revs, heads, sinces)
		}
	})
}

// Sessions that arrive together join one question for revisions, made after they came.
func TestFresh_IsAskedOnceForAllWhoWait(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		const crowd = 20
		w.connect(ada) // the server is followed
		for i := range crowd {
			who := beep.UserID(1000 + i)
			w.change(member(who))
			w.scopes.add(beep.UserScope(who), joined(guild))
		}
		w.asked()
		w.scopes.onRevs.set(func(context.Context) error { <-time.After(time.Millisecond); return nil }) // as long as a query takes
		var all []*client
		for i := range crowd {
			c := w.open(w.node)
			all = append(all, c)
			go c.identify(beep.UserID(1000+i), nil)
		}
		w.pass(100 * time.Millisecond)
		// The first is asked for alone, the rest of the personal scopes while that is in flight; then the servers alike.
		revs, _, _ := w.asked()
		if len(revs) > 5 {
			t.Errorf("%d clients cost %d questions, of %v scopes", crowd, len(revs), revs)
		}
		for _, c := range all {
			if got := c.heard(); len(got) < 2 || got[1] != "ready [guild]" {
				t.Fatalf("got %q, want every client ready", got)
			}
		}
	})
}

// A channel made in a server of many costs what it costs in one of few.
func TestAttach_CostsTheSameHoweverManyGain(t *testing.T) {
	cost := func(t *testing.T, sessions int) (heads []int) {
		inWorld(t, func(t *testing.T, w *world) {
			var all []*client
			for range sessions {
				all = append(all, w.connect(bob))
			}
			w.asked()
			w.change(channelSet(lobby, 9))
			for _, c := range all {
				wantHeard(t, "Bob", c, "channel_added lobby", "delta lobby answer reset head=0")
			}
			_, heads, _ = w.asked()
		})
		return heads
	}
	one, many := cost(t, 1), cost(t, 20)
	if !slices.Equal(one, many) {
		t.Errorf("heads were asked for %v times for one session and %v for twenty", one, many)
	}
}

func TestSweep_OutlivesPeersThatAreDown(t *testing.T) {
	down := errors.New("down")
	cases := map[string]func(w *world, fail func(context.Context) error){
		"servers":  func(w *world, fail func(context.Context) error) { w.scopes.onRevs.set(fail) },
		"messages": func(w *world, fail func(context.Context) error) { w.log.onHeads.set(fail) },
	}
	for name, hang := range cases {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				b := w.connect(bob)
				hang(w, func(context.Context) error { return down })
				w.post(general)
				w.commit(role(modsID))
				w.pass(3 * time.Second)
				hang(w, nil)
				b.heard()
				w.say(general)
				w.pass(time.Second)
				got := without(b.heard(), "role_updated")
				if want := []string{"delta general head=2 [1 2]"}; !slices.Equal(got, want) {
					t.Errorf("got %q, want %q", got, want)
				}
			})
		})
	}
}

// A peer that hangs must not keep the node from ending what is over.
func TestSweep_ThatHangsDoesNotStopTheClock(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		b := w.connect(bob)
		w.scopes.onRevs.set(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		w.pass(2*w.node.limits.Heartbeat + 15*time.Second)
		wantClosed(t, "Bob, who is silent,", b, closePolicy)
	})
}

// A server that nobody here is in any more is let go of, and followed anew when someone comes back.
func TestSweep_LetsGoOfServersWithoutSessions(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.connect(bob).hangUp()
		w.pass(maxEmpty * time.Second)
		if w.node.known(guild) == nil {
			t.Error("the server was let go of too early to spare whoever reconnects")
		}
		w.pass(2 * time.Second)
		if w.node.known(guild) != nil {
			t.Error("the server is still followed")
		}
		w.asked()
		w.change(role(modsID))
		if revs, _, _ := w.asked(); len(revs) != 0 {
			t.Errorf("revisions were asked for %v times for nobody", revs)
		}
		b := w.connect(bob)
		w.say(general)
		wantHeard(t, "Bob", b, "entries general [1]")
	})
}

func TestPolice_WhoIsSilentIsClosed(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		silent, alive := w.connect(bob), w.connect(cyd)
		for range 5 {
			w.pass(15 * time.Second)
			alive.send("heartbeat", struct{}{})
		}
		wantClosed(t, "who sent nothing for two heartbeats", silent, closePolicy)
		wantClosed(t, "who did", alive, 0)
		if got := alive.heard(); !slices.Contains(got, "heartbeat_ack") {
			t.Errorf("got %q, want heartbeats answered", got)
		}
	})
}

func TestPolice_WhoFloodsIsClosed(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		steady := w.connect(bob)
		for range 4 {
			for range floodFrames - 1 { // identify is one too
				steady.send("heartbeat", struct{}{})
			}
			w.pass(floodWindow + time.Second)
		}
		flood := w.connect(cyd)
		wantClosed(t, "who sends as much as may be", steady, 0)
		for range floodFrames - 1 {
			flood.send("heartbeat", struct{}{})
		}
		wantClosed(t, "who is about to send too much", flood, 0)
		flood.send("heartbeat", struct{}{})
		wantClosed(t, "who sends one frame too many", flood, closeFlood)
	})
}

func TestLeave_TheLastOneLeavesNothingBehind(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		for range 3 {
			w.connect(ada).hangUp()
		}
		w.pass((maxEmpty + 2) * time.Second)
		n := w.node
		n.mu.Lock()
		defer n.mu.Unlock()
		if got := fmt.Sprint(len(n.sessions), len(n.users), len(n.scopes), len(n.channels)); got != "0 0 0 0" {
			t.Errorf("%s sessions, users, scopes and channels are left", got)
		}
	})
}
