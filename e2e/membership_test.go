package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	realtimev1 "github.com/beep-chat/beep/api/beep/realtime/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/client"
	"github.com/beep-chat/beep/e2e/people"
)

// TestServerLimit: fifty servers a person, whatever is tried at once to get a fifty-first.
func TestServerLimit(t *testing.T) {
	t.Parallel()
	ada, host := newcomer(t, "ada"), newcomer(t, "host")
	var codes []string
	for i := range 30 {
		v := at(t, host, i)
		codes = append(codes, v.invite(v.createServer(fmt.Sprintf("host %d", i)), 0, 0).GetCode())
	}
	var got, refused atomic.Int32
	var wg sync.WaitGroup
	ask := func(v voice, path string, in *serversv1.CreateServerRequest) {
		err := v.Call(t.Context(), http.MethodPost, path, in, nil)
		switch {
		case err == nil:
			got.Add(1)
		case client.CodeOf(err) == "server_limit":
			refused.Add(1)
		default:
			t.Errorf("%s: %v", path, err)
		}
	}
	for i, code := range codes {
		v := at(t, ada, i)
		wg.Go(func() { ask(v, "/api/servers", &serversv1.CreateServerRequest{Name: fmt.Sprintf("own %d", i)}) })
		wg.Go(func() { ask(v, "/api/invitations/"+code+"/accept", nil) })
	}
	wg.Wait()
	list := at(t, ada, 1).servers()
	if got.Load() != 50 || refused.Load() != 10 || len(list) != 50 {
		t.Errorf("of 60 asked for at once %d were got and %d refused, and the list has %d; want 50, 10, 50", got.Load(), refused.Load(), len(list))
	}
	// A place that becomes free can be taken.
	i := slices.IndexFunc(list, func(s *serversv1.Server) bool { return s.GetOwnerId() == host.ID })
	at(t, ada, 0).call(http.MethodDelete, leavePath(list[i]), nil, nil)
	at(t, ada, 1).createServer("one more")
	at(t, ada, 0).refused(http.MethodPost, "/api/servers", &serversv1.CreateServerRequest{Name: "too many"}, http.StatusConflict, "server_limit")
}

// TestMembership_EndsEverywhere: whoever is shut out of a channel or of a server is told within a second, on whatever
// node they listen, and from the moment of the answer nothing of it can be read over any gateway.
func TestMembership_EndsEverywhere(t *testing.T) {
	t.Parallel()
	ada, bob, eve := newcomer(t, "ada"), newcomer(t, "bob"), newcomer(t, "eve")
	server, tides := harbour(t, ada, bob, eve)
	v := at(t, ada, 0)
	secret := v.createChannel(server, "secret")
	v.send(secret, "the combination is 12-34-56")
	bobHears, eveHears := listen(t, bob, 1), listen(t, eve, 2)
	eventually(t, patience, func() error {
		if !bobHears.has(secret) || !eveHears.has(secret) {
			return fmt.Errorf("they do not see the channel yet")
		}
		return nil
	})

	t.Run("a channel that one may not view", func(t *testing.T) {
		mark := bobHears.mark()
		v := at(t, ada, 0)
		v.deny(secret, bob, "view_channels")
		answered := time.Now()
		shutOut(t, bob, http.MethodGet, channelPath(secret, ""), "channel_not_found")
		shutOut(t, bob, http.MethodGet, channelPath(secret, "/messages"), "channel_not_found")
		_, when := hears(t, bobHears, mark, "channel_removed", func(d *realtimev1.ChannelRemoved) bool { return d.GetChannelId() == secret.GetId() })
		inTime(t, "channel_removed", answered, when)

		// What is said now is for the others only; in the channel that is left all goes on, after it in time.
		v.send(secret, "the new combination is 65-43-21")
		v.send(tides, "low water at 23:50")
		sees(t, bobHears, tides, "low water at 23:50")
		sees(t, eveHears, secret, "the new combination is 65-43-21")
		if bobHears.has(secret) || len(bobHears.since(mark, "entries")) != 1 {
			t.Errorf("Bob was sent %v", bobHears.since(mark, "entries"))
		}
	})
	t.Run("a channel that one may view again", func(t *testing.T) {
		mark := bobHears.mark()
		list := &serversv1.ListOverwritesResponse{}
		v := at(t, ada, 1)
		v.call(http.MethodGet, channelPath(secret, "/overwrites"), nil, list)
		v.call(http.MethodDelete, channelPath(secret, "/overwrites/"+id(list.GetOverwrites()[0].GetId())), nil, nil)
		answered := time.Now()
		at(t, bob, 0).call(http.MethodGet, channelPath(secret, "/messages"), nil, nil)
		_, when := hears(t, bobHears, mark, "channel_added", func(d *realtimev1.ChannelAdded) bool { return d.GetChannel().GetId() == secret.GetId() })
		inTime(t, "channel_added", answered, when)
		// Where the log stands is said without its messages: "welcome back" must come after that to be told.
		hears(t, bobHears, mark, "delta", func(d *realtimev1.Delta) bool { return d.GetChannelId() == secret.GetId() })
		v.send(secret, "welcome back")
		eventually(t, patience, func() error {
			if got := bobHears.contents(secret); !slices.Contains(got, "welcome back") {
				return fmt.Errorf("Bob sees %s", brief(got))
			}
			return nil
		})
	})
	t.Run("a channel in which one may not send", func(t *testing.T) {
		at(t, ada, 0).deny(tides, bob, "send_messages")
		for i := range site.Gateways {
			at(t, bob, i).refused(http.MethodPost, channelPath(tides, "/messages"), &messagesv1.SendMessageRequest{Content: "psst"}, http.StatusForbidden, "forbidden")
			at(t, bob, i).call(http.MethodGet, channelPath(tides, "/messages"), nil, nil)
		}
	})
	t.Run("a server one is kicked from", func(t *testing.T) {
		mark, eveMark := bobHears.mark(), eveHears.mark()
		at(t, ada, 1).call(http.MethodDelete, memberPath(server, bob), nil, nil)
		answered := time.Now()
		shutOut(t, bob, http.MethodGet, serverPath(server, ""), "server_not_found")
		shutOut(t, bob, http.MethodGet, channelPath(tides, "/messages"), "channel_not_found")
		_, when := hears(t, bobHears, mark, "server_removed", func(d *realtimev1.ServerRemoved) bool { return d.GetServerId() == server.GetId() })
		inTime(t, "server_removed", answered, when)
		hears(t, eveHears, eveMark, "member_removed", func(d *realtimev1.MemberRemoved) bool { return d.GetUserId() == bob.ID })
		if bobHears.has(tides) {
			t.Error("Bob still keeps a channel of the server")
		}
	})
	t.Run("a server one leaves", func(t *testing.T) {
		mark := eveHears.mark()
		at(t, eve, 0).call(http.MethodDelete, leavePath(server), nil, nil)
		answered := time.Now()
		shutOut(t, eve, http.MethodGet, serverPath(server, "/members"), "server_not_found")
		_, when := hears(t, eveHears, mark, "server_removed", func(d *realtimev1.ServerRemoved) bool { return d.GetServerId() == server.GetId() })
		inTime(t, "server_removed", answered, when)
	})
	t.Run("all but one's own: the owner stays", func(t *testing.T) {
		at(t, ada, 0).refused(http.MethodDelete, leavePath(server), nil, http.StatusConflict, "owner_cannot_leave")
		at(t, ada, 0).call(http.MethodGet, serverPath(server, ""), nil, nil)
	})
}

// shutOut asks over every gateway, at once.
func shutOut(t *testing.T, p *people.Person, method, path, code string) {
	t.Helper()
	for i := range site.Gateways {
		got, err := at(t, p, i).problem(method, path, nil)
		if err != nil || got.Status != http.StatusNotFound || string(got.Code) != code {
			t.Errorf("%s %s over gateway %d: %v, %v; want 404 %s", method, path, i, got, err, code)
		}
	}
}

// TestChannel_IsDeletedEverywhere: nothing of a deleted channel is left for anyone.
func TestChannel_IsDeletedEverywhere(t *testing.T) {
	t.Parallel()
	ada, bob := newcomer(t, "ada"), newcomer(t, "bob")
	_, tides := harbour(t, ada, bob)
	m := at(t, ada, 0).send(tides, "High water at 18:20")
	bobHears := listen(t, bob, 1)
	at(t, ada, 1).call(http.MethodPatch, channelPath(tides, ""), &serversv1.UpdateChannelRequest{Topic: new(string)}, nil)
	at(t, ada, 1).call(http.MethodDelete, channelPath(tides, ""), nil, nil)
	answered := time.Now()
	for _, p := range []*people.Person{ada, bob} {
		shutOut(t, p, http.MethodGet, channelPath(tides, ""), "channel_not_found")
		shutOut(t, p, http.MethodGet, channelPath(tides, "/messages"), "channel_not_found")
		shutOut(t, p, http.MethodGet, messagePath(m), "channel_not_found")
		shutOut(t, p, http.MethodDelete, messagePath(m), "channel_not_found")
	}
	_, when := hears(t, bobHears, 0, "channel_removed", func(d *realtimev1.ChannelRemoved) bool { return d.GetChannelId() == tides.GetId() })
	inTime(t, "channel_removed", answered, when)
}

// TestRights_AreNeverHintedAt: what one may not know of answers exactly as what does not exist, on every route that
// names it, to the letter.
func TestRights_AreNeverHintedAt(t *testing.T) {
	t.Parallel()
	ada, bob := newcomer(t, "ada"), newcomer(t, "bob")
	server, tides := harbour(t, ada, bob)
	v := at(t, ada, 0)
	v.deny(tides, bob, "view_channels")
	overwrites := &serversv1.ListOverwritesResponse{}
	v.call(http.MethodGet, channelPath(tides, "/overwrites"), nil, overwrites)
	m := v.send(tides, "for nobody else")
	elsewhere := v.createServer("Elsewhere") // Bob is not in it
	inElsewhere := v.channels(elsewhere)[0]

	const nothing = uint64(1581000000000000001)
	names := map[string]string{
		"{server_id}": id(elsewhere.GetId()), "{channel_id}": id(tides.GetId()), "{message_id}": id(m.GetId()),
		"{overwrite_id}": id(overwrites.GetOverwrites()[0].GetId()), "{user_id}": id(ada.ID), "{code}": "7Xk2mQ9tVw4B",
		"{role_id}": id(v.createRole(elsewhere, "Crew").GetId()), "{webhook_id}": id(v.createWebhook(tides, "Gauge").GetId()),
		"{thread_id}": id(v.startThread(m, "Spring tide").GetId()),
	}
	routed := 0
	for _, r := range routes(t) {
		if len(r.ids()) == 0 || r.name == "Servers_GetInvitation" {
			continue
		}
		there, nowhere := r.path, r.path
		for _, name := range r.ids() {
			there = replace(there, name, names[name])
			nowhere = replace(nowhere, name, id(nothing))
		}
		if there == nowhere { // a code: TestInvitation_Ends has these
			continue
		}
		routed++
		if query := r.fixture(t).Query; query != "" {
			there, nowhere = there+"?"+query, nowhere+"?"+query
		}
		for i := range site.Gateways {
			b := at(t, bob, i)
			got, want := raw(t, b, r.method, there, r.body(t)), raw(t, b, r.method, nowhere, r.body(t))
			if got != want {
				t.Errorf("%s tells what exists from what does not:\n%s\n%s", r.name, got, want)
			}
			var p client.Problem
			if err := json.Unmarshal([]byte(got), &p); err != nil || p.Status != http.StatusNotFound {
				t.Errorf("%s: got %s, want a 404", r.name, got)
			}
		}
	}
	if routed < 15 {
		t.Errorf("only %d routes were tried", routed)
	}
	shutOut(t, bob, http.MethodGet, channelPath(inElsewhere, ""), "channel_not_found")
	if got := at(t, bob, 0).channels(server); slices.ContainsFunc(got, func(c *serversv1.Channel) bool { return c.GetId() == tides.GetId() }) {
		t.Errorf("Bob's list of channels has the one that he may not view")
	}
}
