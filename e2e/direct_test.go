package e2e_test

import (
	"net/http"
	"slices"
	"sync"
	"testing"

	realtimev1 "github.com/beep-chat/beep/api/beep/realtime/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/client"
	"github.com/beep-chat/beep/e2e/people"
)

// openDirect opens the conversation with one, or makes a group with several.
func (v voice) openDirect(with ...*people.Person) *serversv1.DirectMessage {
	v.t.Helper()
	r, d := &serversv1.CreateDirectMessageRequest{}, &serversv1.DirectMessage{}
	for _, p := range with {
		r.UserIds = append(r.UserIds, p.ID)
	}
	v.call(http.MethodPost, "/api/direct-messages", r, d)
	return d
}

// directs are those that one is in, by id.
func (v voice) directs() map[uint64]*serversv1.DirectMessage {
	v.t.Helper()
	page, all := &serversv1.ListDirectMessagesResponse{}, map[uint64]*serversv1.DirectMessage{}
	v.call(http.MethodGet, "/api/direct-messages", nil, page)
	for _, d := range page.GetDirectMessages() {
		all[d.GetId()] = d
	}
	return all
}

func directPath(d *serversv1.DirectMessage, rest string) string {
	return "/api/direct-messages/" + id(d.GetId()) + rest
}

// inChannelOf is the channel that a direct message is.
func inChannelOf(d *serversv1.DirectMessage) *serversv1.Channel {
	return &serversv1.Channel{Id: d.GetId(), Name: "a direct message"}
}

// opens waits until somebody was told of a direct message and of where its log stands.
func opens(t *testing.T, e *ear, mark int, d *serversv1.DirectMessage) {
	t.Helper()
	hears(t, e, mark, "channel_added", func(a *realtimev1.ChannelAdded) bool { return a.GetDirectMessage().GetId() == d.GetId() })
	hears(t, e, mark, "delta", func(x *realtimev1.Delta) bool { return x.GetChannelId() == d.GetId() })
}

// TestDirect_BetweenTwo: two who share a server talk where nobody else looks, whoever opens it first; one closes it, and it
// is back with the next message.
func TestDirect_BetweenTwo(t *testing.T) {
	t.Parallel()
	ada, bob, eve, stranger := newcomer(t, "ada"), newcomer(t, "bob"), newcomer(t, "eve"), newcomer(t, "stranger")
	harbour(t, ada, bob, eve) // which Ada owns: that gives her nothing in what is between Bob and Eve
	a, b := at(t, ada, 0), at(t, bob, 1)
	adaHears, bobHears := listen(t, ada, 0), listen(t, bob, 1)
	adaMark, bobMark := adaHears.mark(), bobHears.mark()

	a.refused(http.MethodPost, "/api/direct-messages", &serversv1.CreateDirectMessageRequest{UserIds: []uint64{stranger.ID}}, http.StatusForbidden, "direct_message_refused")
	ids := make([]uint64, 40)
	var all sync.WaitGroup
	for i := range ids {
		all.Go(func() {
			if i%2 == 0 {
				ids[i] = a.openDirect(bob).GetId()
			} else {
				ids[i] = b.openDirect(ada).GetId()
			}
		})
	}
	all.Wait()
	if ids = slices.Compact(slices.Sorted(slices.Values(ids))); len(ids) != 1 {
		t.Fatalf("opened 40 times at once there are %v", ids)
	}
	d := a.directs()[ids[0]]
	opens(t, adaHears, adaMark, d)
	opens(t, bobHears, bobMark, d)
	channel := inChannelOf(d)
	b.send(channel, "between us")
	sees(t, adaHears, channel, "between us")
	sees(t, bobHears, channel, "between us")

	others := at(t, eve, 0).openDirect(bob)
	for _, path := range []string{directPath(others, ""), channelPath(inChannelOf(others), "/messages"), channelPath(inChannelOf(others), "")} {
		if got, want := raw(t, a, http.MethodGet, path, nil), raw(t, a, http.MethodGet, replace(path, id(others.GetId()), id(nothing)), nil); got != replace(want, id(nothing), id(others.GetId())) {
			t.Errorf("to who owns the server %s is %s, and one that never was %s", path, got, want)
		}
	}

	a.call(http.MethodDelete, directPath(d, ""), nil, nil)
	head := a.history(channel, "").GetHead()
	if r := a.directs()[d.GetId()].ClosedR; r == nil || *r < head {
		t.Errorf("closed at %v, and the log stands at %d", r, head)
	}
	hears(t, adaHears, adaMark, "direct_closed", func(c *serversv1.DirectClosed) bool { return c.GetChannelId() == d.GetId() && c.GetClosed() })
	if r := b.directs()[d.GetId()].ClosedR; r != nil {
		t.Error("Ada closed it for Bob too")
	}
	b.send(channel, "are you there?")
	sees(t, adaHears, channel, "between us", "are you there?")
	if now := a.history(channel, "").GetHead(); now <= *a.directs()[d.GetId()].ClosedR {
		t.Errorf("the log stands at %d: the next message did not bring it back", now)
	}
	if a.openDirect(bob).ClosedR != nil || a.directs()[d.GetId()].ClosedR != nil {
		t.Error("opened again it is still closed")
	}

	late := listen(t, ada, 2)
	opens(t, late, 0, d)
}

// TestGroup_ComesAndGoes: whoever is in a group adds, all see it at once, the newcomer reads what was said before, and who
// leaves hears nothing of what comes after.
func TestGroup_ComesAndGoes(t *testing.T) {
	t.Parallel()
	ada, bob, cyd := newcomer(t, "ada"), newcomer(t, "bob"), newcomer(t, "cyd")
	harbour(t, ada, bob, cyd)
	a, b, c := at(t, ada, 0), at(t, bob, 1), at(t, cyd, 0)
	bobHears, cydHears := listen(t, bob, 1), listen(t, cyd, 2)
	bobMark, cydMark := bobHears.mark(), cydHears.mark()

	pair := a.openDirect(bob)
	group := &serversv1.DirectMessage{}
	b.call(http.MethodPost, directPath(pair, "/users"), &serversv1.AddUsersRequest{UserIds: []uint64{cyd.ID}}, group)
	if group.GetId() == pair.GetId() || group.GetKind() != "group" || len(group.GetUserIds()) != 3 {
		t.Fatalf("adding to two made %v", group)
	}
	opens(t, bobHears, bobMark, group)
	opens(t, cydHears, cydMark, group)
	channel := inChannelOf(group)
	a.send(channel, "who has the watch?")
	sees(t, cydHears, channel, "who has the watch?")
	c.call(http.MethodPatch, directPath(group, ""), &serversv1.RenameDirectMessageRequest{Name: "Night watch"}, nil)
	hears(t, bobHears, bobMark, "channel_updated", func(u *realtimev1.ChannelUpdated) bool { return u.GetDirectMessage().GetName() == "Night watch" })

	c.call(http.MethodDelete, "/api/users/@me/direct-messages/"+id(group.GetId()), nil, nil)
	shutOut(t, cyd, http.MethodGet, channelPath(channel, "/messages"), "channel_not_found")
	a.send(channel, "Cyd has left")
	hears(t, cydHears, cydMark, "channel_removed", func(r *realtimev1.ChannelRemoved) bool { return r.GetChannelId() == group.GetId() })
	if cydHears.has(channel) {
		t.Error("Cyd keeps what he has left")
	}
	hears(t, bobHears, bobMark, "channel_updated", func(u *realtimev1.ChannelUpdated) bool { return len(u.GetDirectMessage().GetUserIds()) == 2 })

	mark := cydHears.mark()
	a.call(http.MethodPost, directPath(group, "/users"), &serversv1.AddUsersRequest{UserIds: []uint64{cyd.ID}}, nil)
	opens(t, cydHears, mark, group)
	if n := len(c.history(channel, "").GetMessages()); n != 2 {
		t.Errorf("who was added reads %d messages, want all 2", n)
	}
}

// TestGroup_HoldsTen, whoever adds at the same time.
func TestGroup_HoldsTen(t *testing.T) {
	t.Parallel()
	ada, bob, cyd := newcomer(t, "ada"), newcomer(t, "bob"), newcomer(t, "cyd")
	more := crowd(t, 12)
	harbour(t, ada, append([]*people.Person{bob, cyd}, more...)...)
	group := at(t, ada, 0).openDirect(bob, cyd)
	var all sync.WaitGroup
	for i, p := range more {
		all.Go(func() {
			eventually(t, patience, func() error {
				r := &serversv1.AddUsersRequest{UserIds: []uint64{p.ID}}
				err := at(t, ada, i).Call(t.Context(), http.MethodPost, directPath(group, "/users"), r, nil)
				if client.CodeOf(err) == "group_full" {
					return nil
				}
				return err // in the crowd one may be told to try again
			})
		})
	}
	all.Wait()
	if n := len(at(t, bob, 1).directs()[group.GetId()].GetUserIds()); n != 10 {
		t.Errorf("%d are in it, want 10", n)
	}
}
