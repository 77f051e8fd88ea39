package realtime

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/beep-chat/beep"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
)

// Rule 11, for sessions that identify: every visible channel at the r that the client has, channel_removed for the rest.

// resume is what a new client of a user is sent when it names what it has, hello aside.
func (w *world) resume(who beep.UserID, has map[beep.ChannelID]uint32) []string {
	w.t.Helper()
	c := w.open(w.node)
	c.identify(who, has)
	return c.heard()[1:]
}

func TestResume_EveryVisibleChannelAtTheClientsR(t *testing.T) {
	const early, late = 1, 3
	cases := map[string]struct {
		has  map[beep.ChannelID]uint32
		want []string
	}{
		"nothing":      {nil, []string{"channel_added general", "delta general answer reset head=3"}},
		"an older r":   {map[beep.ChannelID]uint32{general: early}, []string{"channel_added general", "delta general answer head=3 [2 3]"}},
		"an empty one": {map[beep.ChannelID]uint32{general: 0}, []string{"channel_added general", "delta general answer head=3 [1 2 3]"}},
		"the newest":   {map[beep.ChannelID]uint32{general: late}, []string{"channel_added general", "delta general answer head=3"}},
		"one that the log never had": {
			map[beep.ChannelID]uint32{general: 9},
			[]string{"channel_added general", "delta general answer reset head=3 [1 2 3]"},
		},
		"channels that it does not see": {
			map[beep.ChannelID]uint32{general: late, staff: 1, 999: 7},
			[]string{"channel_added general", "channel_removed staff", "channel_removed 999", "delta general answer head=3"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				for range late {
					w.post(general)
				}
				w.post(staff)
				if got, want := w.resume(bob, c.has), append([]string{"ready [guild]"}, c.want...); !slices.Equal(got, want) {
					t.Errorf("got %q, want %q", got, want)
				}
			})
		})
	}
}

func TestResume_TooFarBehindIsAResetWithThePage(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		for range sinceWindow + 2 {
			w.post(general)
		}
		got := w.resume(bob, map[beep.ChannelID]uint32{general: 1})
		if last := got[len(got)-1]; !strings.HasPrefix(last, "delta general answer reset head=502 [453 ") {
			t.Errorf("got %q, want a reset", last)
		}
	})
}

// Of a long backlog the first part is sent, with the head of all of it: the client asks on, at its own pace.
func TestResume_OfALongBacklogTheFirstPartNamesTheHead(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.log.inParts(1)
		for range 3 {
			w.log.add(general, 0, strings.Repeat("x", 70<<10))
		}
		got := w.resume(bob, map[beep.ChannelID]uint32{general: 0})
		if last := got[len(got)-1]; last != "delta general answer head=3 [1]" {
			t.Errorf("got %q, want the first part", last)
		}
	})
}

// The node has followed the server before, and has heard of no change since. It still asks.
func TestResume_UnderTheRevisionOfNow(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.connect(ada)
		w.post(general)
		w.commit(denied(bob, general, "view_channels"), member(cyd, modsID))
		got := w.resume(bob, map[beep.ChannelID]uint32{general: 0})
		if want := []string{"ready [guild]", "channel_removed general"}; !slices.Equal(got, want) {
			t.Errorf("Bob: got %q, want %q", got, want)
		}
		if got := w.resume(cyd, nil); !slices.Contains(got, "channel_added staff") {
			t.Errorf("Cyd: got %q, want the channel gained", got)
		}
	})
}

func TestResume_ALiveEntryMeanwhileIsNotLost(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.post(general)
		held := make(chan struct{})
		w.log.onSince.set(func(context.Context, beep.ChannelID) error { <-held; return nil })
		b := w.open(w.node)
		go b.identify(bob, map[beep.ChannelID]uint32{general: 0})
		synctest.Wait()
		w.say(general)
		close(held)
		wantHeard(t, "Bob", b, "hello heartbeat_interval=30000", "ready [guild]", "channel_added general",
			"entries general [2]", "delta general answer head=2 [1 2]")
	})
}

// hall is a second server of Ada's with one channel, the yard.
func (w *world) hall() {
	const hallID, yard = 200, 20
	w.scopes.add(beep.ServerScope(hallID),
		&serversv1.Change{Kind: &serversv1.Change_ServerSet{ServerSet: &serversv1.Server{Id: hallID, OwnerId: uint64(ada)}}},
		&serversv1.Change{Kind: &serversv1.Change_RoleSet{RoleSet: &serversv1.Role{Id: hallID, ServerId: hallID}}},
		&serversv1.Change{Kind: &serversv1.Change_MemberSet{MemberSet: &serversv1.Member{UserId: uint64(ada), ServerId: hallID}}},
		&serversv1.Change{Kind: &serversv1.Change_ChannelSet{ChannelSet: &serversv1.Channel{Id: yard, ServerId: hallID, Kind: "text"}}},
	)
	w.scopes.add(beep.UserScope(ada), joined(beep.ServerScope(hallID)))
}

func TestResume_ReadyComesFirstAndNamesEveryServer(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.hall()
		held := make(chan struct{})
		w.scopes.onList.set(func(_ context.Context, s beep.Scope) error {
			if s == beep.ServerScope(200) {
				<-held
			}
			return nil
		})
		a := w.open(w.node)
		go a.identify(ada, nil)
		synctest.Wait() // in the guild, and waiting for the hall
		w.say(general)
		wantHeard(t, "Ada", a, "hello heartbeat_interval=30000")
		close(held)
		wantHeard(t, "Ada", a, "ready [guild hall]", "channel_added general", "channel_added staff", "entries general [1]",
			"channel_added yard", "delta general answer reset head=1", "delta staff answer reset head=0",
			"delta yard answer reset head=0")
	})
}

// Half a state would look like a whole one, so whatever cannot be asked now sends the client away.
func TestResume_ThatCannotBeAnsweredEndsTheSocket(t *testing.T) {
	down := errors.New("down")
	cases := map[string]func(w *world){
		"revisions": func(w *world) { w.scopes.onRevs.set(func(context.Context) error { return down }) },
		"rows":      func(w *world) { w.scopes.onList.set(func(context.Context, beep.Scope) error { return down }) },
		"heads":     func(w *world) { w.log.onHeads.set(func(context.Context) error { return down }) },
		"entries":   func(w *world) { w.log.onSince.set(func(context.Context, beep.ChannelID) error { return down }) },
		"tokens": func(w *world) {
			w.tokens.verify.set(func(string) (beep.Caller, time.Time, error) {
				return beep.Caller{}, time.Time{}, beep.Unavailable(down)
			})
		},
	}
	for name, breaks := range cases {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.post(general)
				breaks(w)
				b := w.open(w.node)
				b.identify(bob, map[beep.ChannelID]uint32{general: 0})
				wantClosed(t, "Bob", b, closeGoingAway)
			})
		})
	}
}

func TestIdentify_ComesOnceAndInTime(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		silent, twice := w.open(w.node), w.connect(bob)
		twice.identify(bob, nil)
		wantClosed(t, "who identifies twice", twice, closePolicy)
		w.pass(10 * time.Second)
		wantClosed(t, "who still may", silent, 0)
		w.pass(time.Second)
		wantClosed(t, "who does not identify", silent, closePolicy)
	})
}

func TestIdentify_RefusesWhatIsWrong(t *testing.T) {
	many := map[string]uint32{}
	for i := range maxNamed + 1 {
		many[fmt.Sprint(i+1)] = 1
	}
	cases := map[string]struct {
		d      map[string]any
		error  string
		closed uint16
	}{
		"a status":          {map[string]any{"token": "bob", "status": "busy"}, "error invalid_field identify", 0},
		"too many channels": {map[string]any{"token": "bob", "channels": many}, "error invalid_frame identify", 0},
		"a token":           {map[string]any{"token": "stolen"}, "", closeToken},
		"no token":          {map[string]any{}, "", closeToken},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				b := w.open(w.node)
				b.heard()
				b.send("identify", c.d)
				if got := strings.Join(b.heard(), ", "); got != c.error {
					t.Errorf("got %q, want %q", got, c.error)
				}
				wantClosed(t, "Bob", b, c.closed)
			})
		})
	}
}

func TestIdentify_OnlySoManySocketsOfOneUser(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		var open []*client
		for range beep.DefaultLimits().SocketsPerUser {
			open = append(open, w.connect(bob))
		}
		wantClosed(t, "one more of Bob's", w.connect(bob), closeFlood)
		wantClosed(t, "Ada, who has none yet", w.connect(ada), 0)
		open[0].hangUp()
		wantClosed(t, "one of Bob's in the place of one that has gone", w.connect(bob), 0)
	})
}

func TestSince_OnlyInAChannelThatTheSessionIsIn(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		b := w.connect(bob)
		w.post(general)
		w.post(staff)
		b.since(general, 0)
		b.since(staff, 0)
		b.since(lobby, 0)
		wantHeard(t, "Bob", b, "delta general answer head=1 [1]",
			"error channel_not_found since staff", "error channel_not_found since lobby")
	})
}
