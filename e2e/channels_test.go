package e2e_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	realtimev1 "github.com/beep-chat/beep/api/beep/realtime/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
)

// TestChannel_IsPrivate: a private channel is there for whom it was made for and for nobody else, and one action lets
// people and roles in and out, live.
func TestChannel_IsPrivate(t *testing.T) {
	t.Parallel()
	ada, bob, eve := newcomer(t, "ada"), newcomer(t, "bob"), newcomer(t, "eve")
	server, _ := harbour(t, ada, bob, eve)
	v := at(t, ada, 0)
	crew := v.createRole(server, "Crew")
	v.call(http.MethodPut, givenPath(crew, eve), nil, nil)
	bobHears, eveHears := listen(t, bob, 1), listen(t, eve, 2)
	bobMark, eveMark := bobHears.mark(), eveHears.mark()

	bridge := &serversv1.Channel{}
	v.call(http.MethodPost, serverPath(server, "/channels"), &serversv1.CreateChannelRequest{
		Name: "bridge", Private: true, MemberIds: []uint64{bob.ID},
	}, bridge)
	isBridge := func(d *realtimev1.ChannelAdded) bool { return d.GetChannel().GetId() == bridge.GetId() }
	hears(t, bobHears, bobMark, "channel_added", isBridge)
	hears(t, bobHears, bobMark, "delta", func(d *realtimev1.Delta) bool { return d.GetChannelId() == bridge.GetId() })
	v.send(bridge, "for our ears only")
	sees(t, bobHears, bridge, "for our ears only")
	shutOut(t, eve, http.MethodGet, channelPath(bridge, "/messages"), "channel_not_found")

	access := channelPath(bridge, "/access")
	at(t, bob, 1).refused(http.MethodPut, access, &serversv1.SetChannelAccessRequest{AddMemberIds: []uint64{eve.ID}}, http.StatusForbidden, "forbidden")
	v.call(http.MethodPut, access, &serversv1.SetChannelAccessRequest{
		AddRoleIds: []uint64{crew.GetId()}, RemoveMemberIds: []uint64{bob.ID},
	}, nil)
	shutOut(t, bob, http.MethodGet, channelPath(bridge, "/messages"), "channel_not_found")
	hears(t, eveHears, eveMark, "channel_added", isBridge)
	hears(t, bobHears, bobMark, "channel_removed", func(d *realtimev1.ChannelRemoved) bool { return d.GetChannelId() == bridge.GetId() })
	if got := eveHears.since(eveMark, "channel_added"); len(got) != 1 {
		t.Errorf("Eve was told of %v", got)
	}
	at(t, eve, 0).send(bridge, "aye")

	v.call(http.MethodDelete, givenPath(crew, eve), nil, nil)
	shutOut(t, eve, http.MethodGet, channelPath(bridge, ""), "channel_not_found")
}

// TestChannels_StandInCategories: a channel under a category follows it, is as open or closed as it was when it stops,
// and everyone sees the order that those who manage channels give.
func TestChannels_StandInCategories(t *testing.T) {
	t.Parallel()
	ada, bob := newcomer(t, "ada"), newcomer(t, "bob")
	server, tides := harbour(t, ada, bob)
	v := at(t, ada, 0)
	staff := &serversv1.Channel{}
	v.call(http.MethodPost, serverPath(server, "/channels"), &serversv1.CreateChannelRequest{Name: "Staff", Kind: "category"}, staff)
	v.deny(staff, bob, "view_channels")
	bobHears := listen(t, bob, 1)
	mark := bobHears.mark()
	yes, no := true, false

	v.call(http.MethodPatch, channelPath(tides, ""), &serversv1.UpdateChannelRequest{ParentId: &staff.Id, Synced: &yes}, nil)
	shutOut(t, bob, http.MethodGet, channelPath(tides, "/messages"), "channel_not_found")
	hears(t, bobHears, mark, "channel_removed", func(d *realtimev1.ChannelRemoved) bool { return d.GetChannelId() == tides.GetId() })
	v.refused(http.MethodPut, channelPath(tides, "/overwrites"), &serversv1.SetOverwriteRequest{MemberId: bob.ID}, http.StatusUnprocessableEntity, "channel_synced")

	v.call(http.MethodPatch, channelPath(tides, ""), &serversv1.UpdateChannelRequest{Synced: &no}, nil)
	shutOut(t, bob, http.MethodGet, channelPath(tides, "/messages"), "channel_not_found")
	v.call(http.MethodPut, channelPath(tides, "/access"), &serversv1.SetChannelAccessRequest{AddMemberIds: []uint64{bob.ID}}, nil)
	hears(t, bobHears, mark, "channel_added", func(d *realtimev1.ChannelAdded) bool { return d.GetChannel().GetId() == tides.GetId() })

	list := v.channels(server)
	order := &serversv1.ReorderChannelsRequest{}
	for _, c := range slices.Backward(list) {
		order.ChannelIds = append(order.ChannelIds, c.GetId())
	}
	v.call(http.MethodPut, serverPath(server, "/channel-order"), order, nil)
	at(t, bob, 0).refused(http.MethodPut, serverPath(server, "/channel-order"), order, http.StatusForbidden, "forbidden")
	eventually(t, patience, func() error {
		got := at(t, bob, 1).channels(server)
		if len(got) != 2 || got[0].GetId() != tides.GetId() {
			return fmt.Errorf("Bob's channels are %v", got)
		}
		return nil
	})
	hears(t, bobHears, mark, "channel_updated", func(d *realtimev1.ChannelUpdated) bool {
		return d.GetChannel().GetName() == "general" || d.GetChannel().GetName() == "tides"
	})
}
