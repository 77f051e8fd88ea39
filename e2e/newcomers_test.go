package e2e_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	realtimev1 "github.com/beep-chat/beep/api/beep/realtime/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	usersv1 "github.com/beep-chat/beep/api/beep/users/v1"
)

// TestNewcomers is the story that all else is there for: two people who have never been here talk to each other,
// each over a gateway and a socket of their own.
func TestNewcomers(t *testing.T) {
	t.Parallel()
	// Ada signs up, confirms her address by the mailed code and is signed in; later she signs in again elsewhere.
	ada := newcomer(t, "ada")
	again, err := ada.SignIn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	me := &usersv1.User{}
	at(t, again, 0).call(http.MethodGet, "/api/users/@me", nil, me)
	if me.GetId() != ada.ID || me.GetUsername() != ada.Name || me.GetEmail() != ada.Email {
		t.Errorf("signed in again she is %v, want %d %s %s", me, ada.ID, ada.Name, ada.Email)
	}

	// She makes a server, which has a channel already, and another channel; her other browser sees both appear.
	adaHears := listen(t, again, 0)
	harbour := at(t, ada, 0).createServer("Harbour")
	joined, _ := hears(t, adaHears, 0, "server_added", func(d *realtimev1.ServerState) bool { return d.GetServer().GetId() == harbour.GetId() })
	if !slices.Contains(joined.GetRights(), "administrator") && !slices.Contains(joined.GetRights(), "manage_server") {
		t.Errorf("the owner's rights are %v", joined.GetRights())
	}
	general := at(t, ada, 1).channels(harbour)[0]
	tides := at(t, ada, 1).createChannel(harbour, "tides")
	for _, c := range []*serversv1.Channel{general, tides} {
		hears(t, adaHears, 0, "channel_added", func(d *realtimev1.ChannelAdded) bool { return d.GetChannel().GetId() == c.GetId() })
	}

	// Bob opens her invitation signed out: the page is there, and says where it leads. He signs up and joins.
	invitation := at(t, ada, 0).invite(harbour, 1, time.Hour)
	openPage(t, site.URL+"/invite/"+invitation.GetCode())
	preview := &serversv1.InvitationPreview{}
	guest(t, 1).call(http.MethodGet, "/api/invitations/"+invitation.GetCode(), nil, preview)
	if preview.GetServerName() != "Harbour" || preview.GetMemberCount() != 1 || preview.GetServerId() != harbour.GetId() {
		t.Errorf("the invitation shows %v", preview)
	}
	bob := newcomer(t, "bob")
	bobHears := listen(t, bob, 1)
	if got := at(t, bob, 1).servers(); len(got) != 0 {
		t.Errorf("before he joins Bob has %v", got)
	}
	at(t, bob, 1).accept(invitation.GetCode())
	hears(t, bobHears, 0, "server_added", func(d *realtimev1.ServerState) bool { return d.GetServer().GetName() == "Harbour" })
	hears(t, bobHears, 0, "channel_added", func(d *realtimev1.ChannelAdded) bool { return d.GetChannel().GetId() == tides.GetId() })
	hears(t, adaHears, 0, "member_updated", func(d *realtimev1.MemberUpdated) bool { return d.GetMember().GetUserId() == bob.ID })

	converse(t, tides, adaHears, bobHears)
}

// converse: what one says, changes and takes back the other sees, and who is typing and there.
func converse(t *testing.T, tides *serversv1.Channel, adaHears, bobHears *ear) {
	t.Helper()
	ada, bob := at(t, adaHears.who, 0), at(t, bobHears.who, 1)
	begun := time.Now()
	first := ada.sendAs(tides, "High water at 18:20", "tide-1")
	entries, seen := hears(t, bobHears, 0, "entries", func(d *realtimev1.Entries) bool { return d.GetChannelId() == tides.GetId() })
	inTime(t, "a message is on the other screen", begun, seen)
	e := entries.GetEntries()[0]
	if m := e.GetMessage(); e.GetKind() != "create" || e.GetNonce() != "tide-1" || e.GetActorId() != adaHears.who.ID ||
		m.GetId() != first.GetId() || m.GetContent() != "High water at 18:20" || m.GetV() != e.GetR() {
		t.Errorf("Bob was sent %v", e)
	}
	reply := bob.send(tides, "Merci 🌊, jusqu’à 18 h")
	sees(t, adaHears, tides, "High water at 18:20", "Merci 🌊, jusqu’à 18 h")

	ada.edit(first, "High water at 18:25")
	sees(t, bobHears, tides, "High water at 18:25", "Merci 🌊, jusqu’à 18 h")
	bob.remove(reply)
	sees(t, adaHears, tides, "High water at 18:25")
	sees(t, bobHears, tides, "High water at 18:25")
	for _, f := range adaHears.since(0, "entries") {
		if strings.Contains(string(f.D), `"delete"`) && strings.Contains(string(f.D), "Merci") {
			t.Errorf("the deletion still says what was deleted: %s", f.D)
		}
	}

	mark := adaHears.mark()
	if err := bobHears.Send(t.Context(), "typing", &realtimev1.StartTyping{ChannelId: tides.GetId()}); err != nil {
		t.Fatal(err)
	}
	hears(t, adaHears, mark, "typing", func(d *realtimev1.Typing) bool {
		return d.GetChannelId() == tides.GetId() && d.GetUserId() == bobHears.who.ID
	})
	for _, status := range []string{"idle", "dnd", "online"} {
		mark = adaHears.mark()
		if err := bobHears.Send(t.Context(), "presence", &realtimev1.SetStatus{Status: status}); err != nil {
			t.Fatal(err)
		}
		hears(t, adaHears, mark, "presence", isNow(bobHears, status))
	}
	mark = adaHears.mark()
	bobHears.release()
	hears(t, adaHears, mark, "presence", isNow(bobHears, "offline"))
}

func isNow(e *ear, status string) func(*realtimev1.Presence) bool {
	return func(d *realtimev1.Presence) bool { return d.GetUserId() == e.who.ID && d.GetStatus() == status }
}

// openPage opens a page of the web client as a person does who follows a link.
func openPage(t *testing.T, address string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(body), "<title>Beep") {
		t.Errorf("%s answers %d %.200q, %v", address, resp.StatusCode, body, err)
	}
}

// TestPresence_ToThoseWhoComeLater: who is there is in the first thing that a client is told, whatever node the others
// are on, and whoever is invisible is nobody's business.
func TestPresence_ToThoseWhoComeLater(t *testing.T) {
	t.Parallel()
	ada, bob, eve := newcomer(t, "ada"), newcomer(t, "bob"), newcomer(t, "eve")
	server, _ := harbour(t, ada, bob, eve)
	listen(t, bob, 1)
	hidden := listen(t, eve, 2)
	if err := hidden.Send(t.Context(), "presence", &realtimev1.SetStatus{Status: "invisible"}); err != nil {
		t.Fatal(err)
	}
	adaHears := listen(t, ada, 0)
	eventually(t, patience, func() error {
		// A new connection each time: what counts is what its ready says.
		lives := adaHears.lives()
		adaHears.disconnect()
		eventually(t, patience, func() error { return adaHears.connected(lives + 1) })
		return presencesAre(adaHears.state(), server, bob.ID, eve.ID)
	})
}

// presencesAre answers nil if, of a server's members, there is said to be and hidden is not.
func presencesAre(ready *realtimev1.Ready, s *serversv1.Server, there, hidden uint64) error {
	for _, state := range ready.GetServers() {
		if state.GetServer().GetId() != s.GetId() {
			continue
		}
		statuses := map[uint64]string{}
		for _, p := range state.GetPresences() {
			statuses[p.GetUserId()] = p.GetStatus()
		}
		if _, known := statuses[hidden]; statuses[there] != "online" || known {
			return fmt.Errorf("presences are %v, want %d online and %d not in it", statuses, there, hidden)
		}
		return nil
	}
	return fmt.Errorf("ready does not have the server: %v", ready)
}
