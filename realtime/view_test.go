package realtime

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/beep-chat/beep"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
)

// Rule 9: nothing is sent under a View older than the content needs, whichever way the content comes, and whether or not
// the wake-up for the change of permissions ever does.

// lines without the entries of a channel, for a session that may or may not have been in time for them.
func without(lines []string, prefix string) []string {
	return slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, prefix) })
}

func TestView_WhoLostTheChannelIsNotSentTheMessage(t *testing.T) {
	ways := map[string]func(w *world, b *client){
		"a live message": func(w *world, _ *client) { w.say(general) },
		"a gap":          func(w *world, _ *client) { w.post(general); w.say(general) },
		"a reset": func(w *world, _ *client) {
			for range sinceWindow {
				w.post(general)
			}
			w.say(general)
		},
		"an answer": func(w *world, b *client) { w.post(general); b.since(general, 0) },
		"a sweep":   func(w *world, _ *client) { w.post(general); w.pass(time.Second) },
	}
	for name, send := range ways {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				c, b := w.connect(cyd), w.connect(bob)
				w.commit(denied(bob, general, "view_channels"))
				send(w, b)
				wantHeard(t, "Bob", b, "channel_removed general")
				w.pass(time.Second)
				w.say(general)
				wantHeard(t, "Bob", b)
				if got := strings.Join(c.heard(), ", "); !strings.Contains(got, "general") || strings.Contains(got, "removed") {
					t.Errorf("Cyd, who lost nothing, was sent %q", got)
				}
			})
		})
	}
}

func TestView_WhoGainedTheChannelIsAttached(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a, b := w.connect(ada), w.connect(bob)
		w.commit(member(bob, modsID))
		w.say(staff)
		wantHeard(t, "Ada", a, "member_updated bob", "entries staff [1]")
		got := without(b.heard(), "entries staff")
		if want := []string{"member_updated bob", "channel_added staff", "delta staff answer reset head=1"}; !slices.Equal(got, want) {
			t.Errorf("Bob was sent %q, want %q", got, want)
		}
		w.say(staff)
		wantHeard(t, "Bob", b, "entries staff [2]")
	})
}

func TestView_ThatCannotBeAdvancedLetsNothingThrough(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		c, b := w.connect(cyd), w.connect(bob)
		w.commit(denied(bob, general, "view_channels"))
		w.scopes.onList.set(func(context.Context, beep.Scope) error { return errors.New("servers is down") })
		w.say(general)
		w.pass(3 * time.Second)
		wantHeard(t, "Bob", b)
		wantHeard(t, "Cyd", c)
		w.scopes.onList.set(nil)
		w.pass(2 * time.Second)
		wantHeard(t, "Bob", b, "channel_removed general")
		wantHeard(t, "Cyd", c, "delta general head=1 [1]")
	})
}

// A revision that the log of the scope does not have yet is waited for, not believed.
func TestView_OfTheFutureLetsNothingThrough(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		b := w.connect(bob)
		x := w.log.add(general, w.scopes.rev(guild)+1, "sent under the next revision")
		w.wake(x)
		wantHeard(t, "Bob", b)
		c := w.connect(cyd)
		c.since(general, 0)
		wantHeard(t, "Cyd", c)
		wantClosed(t, "Cyd, who waits for the answer,", c, closeGoingAway)
		w.change(role(modsID))
		w.wake(x)
		wantHeard(t, "Bob", b, "role_updated mods", "entries general [1]")
	})
}

// Rows that do not fit each other end the sessions in the scope: what a wrong View would let through is not known.
func TestView_OfRowsThatDoNotFitEndsTheSessions(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		b, d := w.connect(bob), w.connect(dan)
		everyoneAgain := role(modsID)
		everyoneAgain.GetRoleSet().Position = 0 // where only @everyone stands
		w.change(everyoneAgain)
		wantClosed(t, "Bob", b, closeGoingAway)
		wantClosed(t, "Dan, who is in no server", d, 0)
		w.scopes.takeBack(guild)
		b = w.connect(bob)
		w.say(general)
		wantHeard(t, "Bob", b, "entries general [1]")
	})
}

func TestView_ChangesAreTold(t *testing.T) {
	cases := map[string]struct {
		rows []*serversv1.Change
		ada  []string
		bob  []string
	}{
		"the server's name": {
			[]*serversv1.Change{{Kind: &serversv1.Change_ServerSet{ServerSet: &serversv1.Server{Id: guildID, OwnerId: uint64(ada)}}}},
			[]string{"server_updated guild"},
			[]string{"server_updated guild"},
		},
		"a channel's name": {
			[]*serversv1.Change{channelSet(general, 5)},
			[]string{"channel_updated general"},
			[]string{"channel_updated general"},
		},
		"the name of one that Bob does not see": {
			[]*serversv1.Change{channelSet(staff, 5)},
			[]string{"channel_updated staff"},
			nil,
		},
		"a new channel": {
			[]*serversv1.Change{channelSet(lobby, 5)},
			[]string{"channel_added lobby", "delta lobby answer reset head=0"},
			[]string{"channel_added lobby", "delta lobby answer reset head=0"},
		},
		"a channel deleted": {
			[]*serversv1.Change{channelRemoved(general)},
			[]string{"channel_removed general"},
			[]string{"channel_removed general"},
		},
		"one deleted that Bob does not see": {
			[]*serversv1.Change{channelRemoved(staff)},
			[]string{"channel_removed staff"},
			nil,
		},
		"a right in one channel": {
			[]*serversv1.Change{denied(bob, general, "send_messages")},
			nil,
			[]string{"channel_updated general"},
		},
		"a right of everyone": { // Ada, as the owner, has it all the same
			[]*serversv1.Change{role(guildID, "view_channels")},
			[]string{"role_updated guild"},
			[]string{"role_updated guild", "rights_updated guild", "channel_updated general"},
		},
		"a role deleted": {
			[]*serversv1.Change{{Kind: &serversv1.Change_RoleRemoved{RoleRemoved: &serversv1.Removed{Id: modsID}}}},
			[]string{"role_removed guild mods"},
			[]string{"role_removed guild mods"},
		},
		"a new member": {
			[]*serversv1.Change{member(dan)},
			[]string{"member_updated dan"},
			[]string{"member_updated dan"},
		},
		"a channel lost and gained at once": {
			[]*serversv1.Change{denied(bob, general, "view_channels"), denied(bob, general)},
			nil,
			nil,
		},
		"the server deleted": {
			[]*serversv1.Change{serverRemoved()},
			[]string{"server_removed guild"},
			[]string{"server_removed guild"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				a, b := w.connect(ada), w.connect(bob)
				w.change(c.rows...)
				wantHeard(t, "Ada", a, c.ada...)
				wantHeard(t, "Bob", b, c.bob...)
			})
		})
	}
}

func TestView_WhoIsKickedLosesTheWholeServer(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a, b, again := w.connect(ada), w.connect(bob), w.connect(bob)
		w.change(memberRemoved(bob))
		w.say(general)
		wantHeard(t, "Ada", a, "member_removed guild bob", "entries general [1]")
		wantHeard(t, "Bob", b, "server_removed guild")
		wantHeard(t, "Bob's other socket", again, "server_removed guild")
		b.since(general, 0)
		wantHeard(t, "Bob", b, "error channel_not_found since general")
		wantClosed(t, "Bob", b, 0) // being in no server is nothing wrong
	})
}

func TestView_NothingIsSentOfAServerThatIsGone(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a := w.connect(ada)
		w.change(serverRemoved())
		w.say(general)
		w.change(channelSet(lobby, 9))
		wantHeard(t, "Ada", a, "server_removed guild")
		b := w.open(w.node)
		b.identify(bob, map[beep.ChannelID]uint32{general: 1})
		wantHeard(t, "Bob", b, "hello heartbeat_interval=30000", "ready []", "channel_removed general")
	})
}
