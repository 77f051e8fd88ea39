package realtime

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/beep-chat/beep"
)

func wantNoticed(t testing.TB, who string, c *client, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, c.noticed()); diff != "" {
		t.Errorf("%s noticed something else (-want +got):\n%s", who, diff)
	}
}

// seen is the presence that ready told a new client.
func seen(t testing.TB, c *client) []string {
	t.Helper()
	var ready struct {
		D struct {
			Servers []struct {
				Presences []struct {
					UserID string `json:"user_id"`
					Status string
				}
			}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := json.Unmarshal(c.bytes["ready"], &ready); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, s := range ready.D.Servers {
		for _, p := range s.Presences {
			out = append(out, names[p.UserID]+" "+p.Status)
		}
	}
	slices.Sort(out)
	return out
}

func TestPresence_ComesAndGoesWithTheSockets(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a := w.connect(ada)
		w.pass(presenceTick)
		wantNoticed(t, "Ada", a, "presence ada online")
		one := w.connect(bob)
		w.pass(presenceTick)
		two := w.connect(bob)
		w.pass(presenceTick)
		wantNoticed(t, "Ada", a, "presence bob online")
		one.hangUp()
		w.pass(presenceTick)
		wantNoticed(t, "Ada, while Bob has another socket,", a)
		two.hangUp()
		w.pass(presenceTick)
		wantNoticed(t, "Ada", a, "presence bob offline")
	})
}

func TestPresence_IsWhatTheUserSays(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a, one := w.connect(ada), w.connect(bob)
		two := w.connect(bob)
		w.pass(presenceTick)
		a.noticed()
		for _, step := range []struct {
			c      *client
			status string
			want   []string
		}{
			{one, "idle", nil}, // online where he is, idle elsewhere
			{two, "idle", []string{"presence bob idle"}},
			{two, "idle", nil},
			{one, "dnd", []string{"presence bob dnd"}}, // who wants no disturbance wants none anywhere
			{one, "invisible", []string{"presence bob idle"}},
			{two, "invisible", []string{"presence bob offline"}},
			{two, "online", []string{"presence bob online"}},
			{two, "", nil},
		} {
			step.c.send("presence", map[string]string{"status": step.status})
			w.pass(presenceTick)
			if diff := cmp.Diff(step.want, a.noticed()); diff != "" {
				t.Errorf("%q: (-want +got):\n%s", step.status, diff)
			}
		}
		one.send("presence", map[string]string{"status": "asleep"})
		wantHeard(t, "Bob", one, "error invalid_field presence")
	})
}

func TestPresence_ReadyTellsWhoIsThere(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.connect(ada)
		w.connect(cyd).send("presence", map[string]string{"status": "dnd"})
		w.connect(dan) // no member
		hidden := w.open(w.node)
		hidden.send("identify", map[string]string{"token": "bob", "status": "invisible"})
		b := w.connect(bob)
		if diff := cmp.Diff([]string{"ada online", "cyd dnd"}, seen(t, b)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestPresence_OnlyThoseWhoShareAServerAreTold(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a, d := w.connect(ada), w.connect(dan)
		w.pass(presenceTick)
		wantNoticed(t, "Ada", a, "presence ada online")
		wantNoticed(t, "Dan, who is in no server,", d)
		w.change(member(dan))
		w.personal(dan, joined(guild))
		w.pass(presenceTick)
		wantNoticed(t, "Ada, of the new member,", a, "presence dan online")
	})
}

func TestPresence_ManyChangesAreOneFrame(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a := w.connect(ada)
		pushed := 0
		a.onPush = func(f Frame) {
			if f.ephemeral {
				pushed++
			}
		}
		w.connect(bob)
		w.connect(cyd)
		w.pass(presenceTick)
		wantNoticed(t, "Ada", a, "presence ada online", "presence bob online", "presence cyd online")
		if pushed != 1 {
			t.Errorf("three changes were pushed as %d frames", pushed)
		}
	})
}

func TestPresence_IsNotToldInACrowd(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a := w.connect(ada)
		sc := w.node.known(guild)
		sc.mu.Lock()
		for range presenceCap {
			sc.sessions[&Session{out: a}] = 0
		}
		sc.mu.Unlock()
		w.connect(bob)
		w.pass(presenceTick)
		wantNoticed(t, "Ada", a)
	})
}

// Nodes tell each other, and whoever falls silent is forgotten.
func TestPresence_IsGossipedBetweenNodes(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a := w.connect(ada)
		second := w.newNode(beep.DefaultLimits())
		stop := w.run(second)
		w.pass(presenceTick)
		b := w.open(second)
		b.identify(bob, nil)
		w.pass(presenceTick)
		if got := seen(t, b); !slices.Equal(got, []string{"ada online"}) {
			t.Errorf("the node that has just come shows %q, want those of the others", got)
		}
		wantNoticed(t, "Ada, of Bob on the other node,", a, "presence ada online", "presence bob online")
		b.hangUp()
		w.pass(presenceTick)
		wantNoticed(t, "Ada", a, "presence bob offline")
		stop()
	})
}

func TestPresence_OfANodeThatVanishesExpires(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a := w.connect(ada)
		say := func(status string) {
			w.publish(presenceTopic, []byte(`{"node":"elsewhere","users":{"2":"`+status+`","x":"online"}}`))
		}
		w.publish(presenceTopic, []byte("no gossip"))
		say("idle")
		w.pass(presenceTick)
		wantNoticed(t, "Ada", a, "presence ada online", "presence bob idle")
		w.pass(gossipExpires - time.Second)
		say("idle")
		a.send("heartbeat", struct{}{})
		w.pass(gossipExpires)
		wantNoticed(t, "Ada, while it is repeated,", a)
		w.pass(time.Second)
		wantNoticed(t, "Ada", a, "presence bob offline")
	})
}

// A word that was lost or came late is put right by the next repetition.
func TestPresence_IsRepeated(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a := w.connect(ada)
		second := w.newNode(beep.DefaultLimits())
		stop := w.run(second)
		defer stop()
		w.open(second).identify(bob, nil)
		w.pass(presenceTick)
		wantNoticed(t, "Ada", a, "presence ada online", "presence bob online")
		w.publish(presenceTopic, []byte(`{"node":"`+second.name+`","users":{"2":""}}`))
		w.pass(presenceTick)
		wantNoticed(t, "Ada", a, "presence bob offline")
		w.pass(gossipEvery + presenceTick)
		wantNoticed(t, "Ada", a, "presence bob online")
	})
}

func typing(ch beep.ChannelID) map[string]string { return map[string]string{"channel_id": ch.String()} }

func TestTyping_IsShownToTheOthersInTheChannel(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a, b, c := w.connect(ada), w.connect(bob), w.connect(cyd)
		again := w.connect(bob)
		b.send("typing", typing(general))
		wantHeard(t, "Ada", a, "typing general bob")
		wantHeard(t, "Cyd", c, "typing general bob")
		wantHeard(t, "Bob himself", b)
		wantHeard(t, "Bob's other socket", again)
		a.send("typing", typing(staff))
		wantHeard(t, "Cyd, who does not see the channel,", c)
	})
}

func TestTyping_IsRefusedWhereOneMayNotSend(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a, b := w.connect(ada), w.connect(bob)
		w.change(denied(bob, general, "send_messages"))
		b.heard()
		b.send("typing", typing(general))
		b.send("typing", typing(staff))
		wantHeard(t, "Bob", b, "error forbidden typing general", "error channel_not_found typing staff")
		wantHeard(t, "Ada", a)
	})
}

func TestTyping_TooSoonAfterTheLastIsDropped(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a, b := w.connect(ada), w.connect(bob)
		for range 3 {
			b.send("typing", typing(general))
			b.send("typing", typing(general))
			w.pass(typingEvery)
		}
		wantHeard(t, "Ada", a, strings.Split(strings.Repeat("typing general bob,", 3), ",")[:3]...)
		wantHeard(t, "Bob", b)
	})
}

func TestTyping_OfNobodyIsIgnored(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a := w.connect(ada)
		w.publish("typing:"+general.String(), []byte("somebody"))
		wantHeard(t, "Ada", a)
	})
}

// A slow client is to lose these first.
func TestEphemeral_TypingAndPresenceAndNothingElse(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a, b := w.connect(ada), w.connect(bob)
		got := map[string]bool{}
		a.onPush = func(f Frame) {
			op, _ := render(t, f.Payload()[:declared(f.data)])
			got[op] = f.ephemeral
		}
		b.send("typing", typing(general))
		w.say(general)
		w.post(general)
		w.pass(time.Second)
		w.change(channelSet(general, 4), member(cyd, modsID))
		want := map[string]bool{
			"typing": true, "presence": true, "entries": false, "delta": false, "channel_updated": false, "member_updated": false,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
