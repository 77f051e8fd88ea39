package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/encoding/protojson"

	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	realtimev1 "github.com/beep-chat/beep/api/beep/realtime/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
)

// The tests of this file that stop processes do not run beside others.

// TestPowerCut: every process is killed at once and started again. What was answered is there, and both clients catch
// up by themselves, the one that had been away before as well: entry by entry in the channels that it still may see,
// and told of those that are gone.
func TestPowerCut(t *testing.T) {
	ada, bob := newcomer(t, "ada"), newcomer(t, "bob")
	server, tides := harbour(t, ada, bob)
	v := at(t, ada, 0)
	secret, brief := v.createChannel(server, "secret"), v.createChannel(server, "brief")
	adaHears, bobHears := listen(t, ada, 0), listen(t, bob, 1)
	first, second := v.send(tides, "first"), v.send(tides, "second")
	v.send(secret, "not for long")
	v.send(brief, "not for long either")
	sees(t, bobHears, tides, "first", "second")
	sees(t, bobHears, secret, "not for long")
	sees(t, bobHears, brief, "not for long either")

	bobHears.goAway()
	mark, lives := bobHears.mark(), bobHears.lives()
	v.edit(first, "first, mended")
	v.remove(second)
	want := []string{"first, mended"}
	for i := range 40 {
		v := at(t, ada, i)
		want = append(want, v.send(tides, fmt.Sprintf("wave %d", i)).GetContent())
	}
	v.deny(secret, bob, "view_channels")
	v.call("DELETE", channelPath(brief, ""), nil, nil)

	adaLives := adaHears.lives()
	restartAll(t)
	bobHears.comeBack()
	eventually(t, patience, func() error { return errors.Join(bobHears.connected(lives+1), adaHears.connected(adaLives+1)) })
	sees(t, bobHears, tides, want...)
	sees(t, adaHears, tides, want...)
	for _, gone := range []*serversv1.Channel{secret, brief} {
		hears(t, bobHears, mark, "channel_removed", func(d *realtimev1.ChannelRemoved) bool { return d.GetChannelId() == gone.GetId() })
		if bobHears.has(gone) {
			t.Errorf("Bob still has %s", gone.GetName())
		}
	}
	noReset(t, bobHears, mark, tides)
	for i := range site.Gateways {
		var got []string
		for _, m := range at(t, bob, i).history(tides, "limit=100").GetMessages() {
			if !m.GetDeleted() {
				got = append(got, m.GetContent())
			}
		}
		slices.Reverse(got)
		if !slices.Equal(got, want) {
			t.Errorf("over gateway %d the history is %s", i, got)
		}
	}
	at(t, bob, 1).send(tides, "still here")
	sees(t, adaHears, tides, append(want, "still here")...)
	settle(t)
}

// settle leaves the installation to the next test as it was found.
func settle(t *testing.T) {
	t.Helper()
	if err := site.settled(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// restartAll kills every process of the installation and starts it again.
func restartAll(t *testing.T) {
	t.Helper()
	for _, p := range site.Processes {
		p.Kill()
	}
	var g errgroup.Group
	for _, p := range site.Processes {
		g.Go(func() error { return p.Restart(t.Context()) })
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
}

// noReset fails the test if a client was given a new window of a channel where it should have been given what it missed.
func noReset(t *testing.T, e *ear, mark int, c *serversv1.Channel) {
	t.Helper()
	for _, f := range e.since(mark, "delta") {
		d := &realtimev1.Delta{}
		if err := protojson.Unmarshal(f.D, d); err != nil {
			t.Fatal(err)
		}
		if d.GetChannelId() == c.GetId() && d.GetReset_() {
			t.Errorf("%s was given a new window: %v", e.who.Name, d)
		}
	}
}

// TestDrain: a node that is told to stop tells its clients, closes their sockets and ends well. They go on elsewhere;
// where there is no other, once it is back.
func TestDrain(t *testing.T) {
	ada, bob := newcomer(t, "ada"), newcomer(t, "bob")
	_, tides := harbour(t, ada, bob)
	adaHears, bobHears := listen(t, ada, 0), listen(t, bob, 1)
	v := at(t, ada, 0)
	v.send(tides, "before")
	sees(t, bobHears, tides, "before")

	node, others := "beep", len(site.Sockets) > 1
	if others {
		node = fmt.Sprintf("realtime-%d", bobHears.place()+1)
	}
	mark, lives := bobHears.mark(), bobHears.lives()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := site.Processes[node].Stop(ctx); err != nil {
		t.Errorf("%s did not end well: %v", node, err)
	}
	hears(t, bobHears, mark, "drain", func(d *realtimev1.Drain) bool { return d.GetSpread() > 0 })
	eventually(t, patience, func() error { return bobHears.closedWith(websocket.StatusServiceRestart) })
	want := []string{"before"}
	if others {
		eventually(t, patience, func() error { return bobHears.connected(lives + 1) })
		v.send(tides, "meanwhile")
		want = append(want, "meanwhile")
		sees(t, bobHears, tides, want...)
		if adaHears.lives() != 1 {
			t.Errorf("the client of another node was sent away too: %v", adaHears.endings())
		}
	}
	if err := site.Processes[node].Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, patience, func() error { return errors.Join(bobHears.connected(lives+1), adaHears.connected(1)) })
	settle(t)
	v.send(tides, "after")
	want = append(want, "after")
	sees(t, bobHears, tides, want...)
	sees(t, adaHears, tides, want...)
	noReset(t, bobHears, mark, tides)
}

// TestEdges_Alone: without one of the gateways the other serves on; it is the same installation.
func TestEdges_Alone(t *testing.T) {
	if len(site.Gateways) == 1 {
		if _, there := site.Processes["gateway-1"]; there {
			t.Error("there is a gateway that nobody was told of")
		}
		return
	}
	ada := newcomer(t, "ada")
	_, tides := harbour(t, ada)
	last := site.Processes[fmt.Sprintf("gateway-%d", len(site.Gateways))]
	last.Kill()
	at(t, ada, 0).send(tides, "over the one that is left")
	if err := last.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	settle(t)
	if got := contents(at(t, ada, len(site.Gateways)-1).history(tides, "")); !slices.Equal(got, []string{"over the one that is left"}) {
		t.Errorf("over the one that is back: %v", got)
	}
}

func contents(page *messagesv1.ListMessagesResponse) (list []string) {
	for _, m := range page.GetMessages() {
		list = append(list, m.GetContent())
	}
	slices.Reverse(list)
	return list
}

// TestSlowClient: whoever does not read is cut off, so that nobody else waits for them, and resumes without loss.
func TestSlowClient(t *testing.T) {
	t.Parallel()
	ada, bob, eve := newcomer(t, "ada"), newcomer(t, "bob"), newcomer(t, "eve")
	_, tides := harbour(t, ada, bob, eve)
	slow, quick := listen(t, bob, 1), listen(t, eve, 1)
	v := at(t, ada, 0)
	want := []string{v.send(tides, "first").GetContent()}
	sees(t, slow, tides, want...) // its first window is there, so that another would be one too many
	mark := slow.mark()
	slow.stopReading()
	long := strings.Repeat("🌊", 3900) // 16 KB each: more than the queue and what the kernel keeps besides
	for i := range 480 {
		content := fmt.Sprintf("%03d %s", i, long)
		want = append(want, content)
		begun := time.Now()
		m := v.send(tides, content)
		if i%60 == 0 {
			_, when := hears(t, quick, 0, "entries", func(d *realtimev1.Entries) bool { return d.GetEntries()[0].GetMessage().GetId() == m.GetId() })
			inTime(t, "a message beside a slow client", begun, when)
		}
	}
	eventually(t, patience, func() error { return same(quick.contents(tides), want) })
	slow.readOn()
	eventually(t, patience, func() error { return slow.connected(2) })
	eventually(t, patience, func() error { return same(slow.contents(tides), want) })
	noReset(t, slow, mark, tides)
	if quick.lives() != 1 {
		t.Error("the quick client was cut off too")
	}
}

// same compares long lists without printing them.
func same(got, want []string) error {
	if !slices.Equal(got, want) {
		return fmt.Errorf("%d of %d are seen", len(got), len(want))
	}
	return nil
}

// TestLongAbsence: who comes back after more than 500 changes is not sent them one by one, but the newest page.
func TestLongAbsence(t *testing.T) {
	t.Parallel()
	ada, bob := newcomer(t, "ada"), newcomer(t, "bob")
	_, tides := harbour(t, ada, bob)
	bobHears := listen(t, bob, 1)
	v := at(t, ada, 0)
	v.send(tides, "seen before")
	sees(t, bobHears, tides, "seen before")
	bobHears.goAway()
	var newest []string
	for i := range 520 {
		newest = append(newest, v.send(tides, fmt.Sprintf("wave %d", i)).GetContent())
	}
	mark, lives := bobHears.mark(), bobHears.lives()
	bobHears.comeBack()
	eventually(t, patience, func() error { return bobHears.connected(lives + 1) })
	d, _ := hears(t, bobHears, mark, "delta", func(d *realtimev1.Delta) bool { return d.GetChannelId() == tides.GetId() })
	if !d.GetReset_() || d.GetHead() != 521 || len(d.GetEntries()) != 50 {
		t.Errorf("got reset %t to %d with %d entries, want the newest 50 of 521", d.GetReset_(), d.GetHead(), len(d.GetEntries()))
	}
	sees(t, bobHears, tides, newest[len(newest)-50:]...)
	v.send(tides, "and on it goes")
	sees(t, bobHears, tides, append(newest[len(newest)-50:], "and on it goes")...)
}
