package e2e_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	realtimev1 "github.com/beep-chat/beep/api/beep/realtime/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/e2e/people"
)

func (v voice) createRole(s *serversv1.Server, name string, rights ...string) *serversv1.Role {
	v.t.Helper()
	r := &serversv1.Role{}
	v.call(http.MethodPost, serverPath(s, "/roles"), &serversv1.CreateRoleRequest{Name: name, Rights: rights}, r)
	return r
}

func (v voice) roles(s *serversv1.Server) (names []string) {
	v.t.Helper()
	list := &serversv1.ListRolesResponse{}
	v.call(http.MethodGet, serverPath(s, "/roles"), nil, list)
	for _, r := range list.GetRoles() {
		names = append(names, r.GetName())
	}
	return names
}

func rolePath(r *serversv1.Role) string {
	return "/api/servers/" + id(r.GetServerId()) + "/roles/" + id(r.GetId())
}

// givenPath is a role that someone is given.
func givenPath(r *serversv1.Role, who *people.Person) string {
	return "/api/servers/" + id(r.GetServerId()) + "/members/" + id(who.ID) + "/roles/" + id(r.GetId())
}

// TestRoles_GiveRights: what a role allows holds for whoever has it, from the answer on and over every gateway; a role
// that is changed, taken or deleted takes it away again, and everyone is told.
func TestRoles_GiveRights(t *testing.T) {
	t.Parallel()
	ada, bob := newcomer(t, "ada"), newcomer(t, "bob")
	server, _ := harbour(t, ada, bob)
	bobHears := listen(t, bob, 1)
	v := at(t, ada, 0)
	crew := v.createRole(server, "Crew", "manage_channels")
	build := func(gateway int, status int, code string) {
		t.Helper()
		p, err := at(t, bob, gateway).problem(http.MethodPost, serverPath(server, "/channels"), &serversv1.CreateChannelRequest{Name: "deck"})
		switch {
		case status == http.StatusCreated && err == nil:
			t.Errorf("over gateway %d: %v", gateway, p)
		case status != http.StatusCreated && (err != nil || p.Status != status || string(p.Code) != code):
			t.Errorf("over gateway %d: %v, %v; want %d %s", gateway, p, err, status, code)
		}
	}
	everywhere := func(status int, code string) {
		t.Helper()
		for i := range site.Gateways {
			build(i, status, code)
		}
	}
	everywhere(http.StatusForbidden, "forbidden")

	mark := bobHears.mark()
	v.call(http.MethodPut, givenPath(crew, bob), nil, nil)
	answered := time.Now()
	everywhere(http.StatusCreated, "")
	_, when := hears(t, bobHears, mark, "member_updated", func(d *realtimev1.MemberUpdated) bool {
		return slices.Contains(d.GetMember().GetRoleIds(), crew.GetId())
	})
	inTime(t, "member_updated", answered, when)
	hears(t, bobHears, mark, "rights_updated", func(d *realtimev1.RightsUpdated) bool {
		return slices.Contains(d.GetRights(), "manage_channels")
	})
	v.call(http.MethodPut, givenPath(crew, bob), nil, nil) // again: nothing to change

	mark = bobHears.mark()
	v.call(http.MethodPatch, rolePath(crew), &serversv1.UpdateRoleRequest{Rights: &serversv1.Rights{}}, nil)
	everywhere(http.StatusForbidden, "forbidden")
	hears(t, bobHears, mark, "role_updated", func(d *realtimev1.RoleUpdated) bool { return len(d.GetRole().GetRights()) == 0 })

	v.call(http.MethodPatch, rolePath(crew), &serversv1.UpdateRoleRequest{Rights: &serversv1.Rights{Names: []string{"manage_channels"}}}, nil)
	everywhere(http.StatusCreated, "")
	v.call(http.MethodDelete, givenPath(crew, bob), nil, nil)
	everywhere(http.StatusForbidden, "forbidden")

	v.call(http.MethodPut, givenPath(crew, bob), nil, nil)
	everywhere(http.StatusCreated, "")
	mark = bobHears.mark()
	v.call(http.MethodDelete, rolePath(crew), nil, nil)
	everywhere(http.StatusForbidden, "forbidden")
	hears(t, bobHears, mark, "role_removed", func(d *realtimev1.RoleRemoved) bool { return d.GetRoleId() == crew.GetId() })
	if m := at(t, ada, 1).members(server); slices.ContainsFunc(m, func(m *serversv1.Member) bool { return len(m.GetRoleIds()) > 0 }) {
		t.Errorf("after the end of the role the members are %v", m)
	}
}

// TestRoles_KeepTheirOrder: a new role is lowest; an order is taken whole or not at all, and says who is above whom.
func TestRoles_KeepTheirOrder(t *testing.T) {
	t.Parallel()
	ada, bob, eve := newcomer(t, "ada"), newcomer(t, "bob"), newcomer(t, "eve")
	server, _ := harbour(t, ada, bob, eve)
	v := at(t, ada, 0)
	captain := v.createRole(server, "Captain", "manage_roles", "manage_members")
	mate := v.createRole(server, "Mate", "manage_members")
	cook := v.createRole(server, "Cook")
	if got, want := v.roles(server), []string{"Captain", "Mate", "Cook", "@everyone"}; !slices.Equal(got, want) {
		t.Fatalf("made one after another they are %v, want %v", got, want)
	}
	order := func(p *people.Person, roles ...*serversv1.Role) (voice, string, *serversv1.ReorderRolesRequest) {
		r := &serversv1.ReorderRolesRequest{}
		for _, role := range roles {
			r.RoleIds = append(r.RoleIds, role.GetId())
		}
		return at(t, p, 1), serverPath(server, "/role-order"), r
	}
	v.call(http.MethodPut, givenPath(captain, bob), nil, nil)
	v.call(http.MethodPut, givenPath(mate, eve), nil, nil)

	w, path, r := order(bob, captain, cook, mate) // both are below him
	w.call(http.MethodPut, path, r, nil)
	if got, want := v.roles(server), []string{"Captain", "Cook", "Mate", "@everyone"}; !slices.Equal(got, want) {
		t.Errorf("put in order they are %v, want %v", got, want)
	}
	w, path, r = order(bob, cook, captain, mate) // his own is not
	w.refused(http.MethodPut, path, r, http.StatusForbidden, "hierarchy")
	w, path, r = order(eve, captain, mate, cook)
	w.refused(http.MethodPut, path, r, http.StatusForbidden, "forbidden")
	for _, wrong := range [][]*serversv1.Role{{captain, cook}, {captain, cook, mate, mate}, {captain, cook, mate, {Id: server.GetId()}}, nil} {
		w, path, r = order(ada, wrong...)
		w.refused(http.MethodPut, path, r, http.StatusUnprocessableEntity, "roles_changed")
	}
	at(t, eve, 0).refused(http.MethodPut, givenPath(cook, bob), nil, http.StatusForbidden, "hierarchy") // cook is above hers now
	at(t, bob, 0).refused(http.MethodPost, serverPath(server, "/roles"),
		&serversv1.CreateRoleRequest{Name: "Owner", Rights: []string{"administrator"}}, http.StatusForbidden, "forbidden")
	at(t, bob, 0).refused(http.MethodDelete, rolePath(captain), nil, http.StatusForbidden, "hierarchy")
}

// TestModeration: who misbehaves is muted, kicked and banned; each bites from the answer on, and whoever manages the
// server finds it in the audit log with who, what and why.
func TestModeration(t *testing.T) {
	t.Parallel()
	ada, bob, eve := newcomer(t, "ada"), newcomer(t, "bob"), newcomer(t, "eve")
	server, tides := harbour(t, ada, bob, eve)
	v := at(t, ada, 0)
	v.call(http.MethodPut, givenPath(v.createRole(server, "Mate", "manage_members", "manage_nicknames"), bob), nil, nil)
	eveHears := listen(t, eve, 2)
	mute := func(length uint32) *serversv1.MuteMemberRequest {
		return &serversv1.MuteMemberRequest{Seconds: length, Reason: "shouting"}
	}
	mutePath := memberPath(server, eve) + "/mute"

	t.Run("a mute leaves only reading, until its end", func(t *testing.T) {
		mark := eveHears.mark()
		muted := &serversv1.Member{}
		at(t, bob, 0).call(http.MethodPut, mutePath, mute(2), muted)
		for i := range site.Gateways {
			at(t, eve, i).refused(http.MethodPost, channelPath(tides, "/messages"), &messagesv1.SendMessageRequest{Content: "HA"}, http.StatusForbidden, "forbidden")
			at(t, eve, i).call(http.MethodGet, channelPath(tides, "/messages"), nil, nil)
		}
		_, ended := hears(t, eveHears, mark, "member_updated", func(d *realtimev1.MemberUpdated) bool {
			return d.GetMember().GetUserId() == eve.ID && d.GetMember().GetMutedUntil() == nil
		})
		if late := ended.Sub(muted.GetMutedUntil().AsTime()); late < 0 || late > time.Second {
			t.Errorf("the mute ended %s after its time", late)
		}
		at(t, eve, 0).send(tides, "sorry")
	})
	t.Run("leaving and coming back sheds no mute", func(t *testing.T) {
		at(t, bob, 0).call(http.MethodPut, mutePath, mute(3600), nil)
		at(t, eve, 0).call(http.MethodDelete, leavePath(server), nil, nil)
		at(t, eve, 1).accept(v.invite(server, 0, 0).GetCode())
		at(t, eve, 0).refused(http.MethodPost, channelPath(tides, "/messages"), &messagesv1.SendMessageRequest{Content: "HA"}, http.StatusForbidden, "forbidden")
		at(t, bob, 1).call(http.MethodDelete, mutePath, nil, nil)
		at(t, eve, 1).send(tides, "thank you")
	})
	t.Run("a nickname, by its owner or by who manages them", func(t *testing.T) {
		nickname := memberPath(server, eve) + "/nickname"
		at(t, eve, 0).call(http.MethodPut, nickname, &serversv1.UpdateNicknameRequest{Nickname: "Evie"}, nil)
		at(t, bob, 1).call(http.MethodPut, nickname, &serversv1.UpdateNicknameRequest{Nickname: "Gull"}, nil)
		m := &serversv1.Member{}
		at(t, eve, 1).call(http.MethodGet, memberPath(server, eve), nil, m)
		if m.GetNickname() != "Gull" {
			t.Errorf("the nickname is %q", m.GetNickname())
		}
		at(t, eve, 0).refused(http.MethodPut, memberPath(server, bob)+"/nickname", &serversv1.UpdateNicknameRequest{Nickname: "Crab"}, http.StatusForbidden, "forbidden")
	})
	t.Run("nobody acts on the owner", func(t *testing.T) {
		w := at(t, bob, 0)
		w.refused(http.MethodPut, memberPath(server, ada)+"/mute", mute(60), http.StatusForbidden, "hierarchy")
		w.refused(http.MethodDelete, memberPath(server, ada), nil, http.StatusForbidden, "hierarchy")
		w.refused(http.MethodPut, serverPath(server, "/bans/"+id(ada.ID)), &serversv1.BanUserRequest{}, http.StatusForbidden, "hierarchy")
	})
	t.Run("a ban keeps out, by whatever way", func(t *testing.T) {
		code := v.invite(server, 0, 0).GetCode()
		ban := serverPath(server, "/bans/"+id(eve.ID))
		mark := eveHears.mark()
		at(t, bob, 0).call(http.MethodPut, ban, &serversv1.BanUserRequest{Reason: "spam"}, nil)
		shutOut(t, eve, http.MethodGet, serverPath(server, ""), "server_not_found")
		hears(t, eveHears, mark, "server_removed", func(d *realtimev1.ServerRemoved) bool { return d.GetServerId() == server.GetId() })
		at(t, eve, 1).refused(http.MethodPost, "/api/invitations/"+code+"/accept", nil, http.StatusForbidden, "banned")

		bans := &serversv1.ListBansResponse{}
		at(t, bob, 1).call(http.MethodGet, serverPath(server, "/bans"), nil, bans)
		if list := bans.GetBans(); len(list) != 1 || list[0].GetUserId() != eve.ID || list[0].GetActorId() != bob.ID || list[0].GetReason() != "spam" {
			t.Errorf("the bans are %v", bans)
		}
		at(t, bob, 0).call(http.MethodDelete, ban, nil, nil)
		at(t, bob, 0).refused(http.MethodDelete, ban, nil, http.StatusNotFound, "ban_not_found")
		at(t, eve, 1).accept(code)
	})
	t.Run("the audit log tells who did what and why, to who manages the server", func(t *testing.T) {
		log := &serversv1.ListAuditEntriesResponse{}
		v.call(http.MethodGet, serverPath(server, "/audit-log?limit=100&actor_id="+id(bob.ID)), nil, log)
		var did []string
		for _, e := range slices.Backward(log.GetEntries()) {
			did = append(did, e.GetAction())
			if e.GetTargetId() != eve.ID || e.GetActorId() != bob.ID {
				t.Errorf("%s was done by %d to %d", e.GetAction(), e.GetActorId(), e.GetTargetId())
			}
		}
		want := []string{"member_mute", "member_mute", "member_unmute", "member_nickname", "member_ban", "member_unban"}
		if !slices.Equal(did, want) {
			t.Errorf("Bob did %v, want %v", did, want)
		}
		v.call(http.MethodGet, serverPath(server, "/audit-log?action=member_ban&target_id="+id(eve.ID)), nil, log)
		if e := log.GetEntries(); len(e) != 1 || e[0].GetReason() != "spam" {
			t.Errorf("the ban is %v", e)
		}
		at(t, bob, 0).refused(http.MethodGet, serverPath(server, "/audit-log"), nil, http.StatusForbidden, "forbidden")
	})
	t.Run("a ban takes with it what was written lately, for who watches and for who looks", func(t *testing.T) {
		tides := v.createChannel(server, "tides")
		adaHears := listen(t, ada, 0)
		kept := v.send(tides, "the owner's")
		for i := range 5 {
			at(t, eve, i).send(tides, "spam")
		}
		sees(t, adaHears, tides, "the owner's", "spam", "spam", "spam", "spam", "spam")
		v.call(http.MethodPut, serverPath(server, "/bans/"+id(eve.ID)), &serversv1.BanUserRequest{PurgeSeconds: 3600}, nil)
		sees(t, adaHears, tides, "the owner's")
		for i := range site.Gateways {
			for _, m := range at(t, ada, i).history(tides, "").GetMessages() {
				if m.GetDeleted() == (m.GetId() == kept.GetId()) || m.GetDeleted() && m.GetContent() != "" {
					t.Errorf("over gateway %d: %v", i, m)
				}
			}
		}
	})
}

// TestServer_IsHandedOverAndDeleted: a server gets a new owner, whom alone nobody may then touch, and ends for everyone
// when someone who manages it confirms its name.
func TestServer_IsHandedOverAndDeleted(t *testing.T) {
	t.Parallel()
	ada, bob, eve := newcomer(t, "ada"), newcomer(t, "bob"), newcomer(t, "eve")
	server, tides := harbour(t, ada, bob)
	bobHears := listen(t, bob, 1)
	v := at(t, ada, 0)
	transfer := serverPath(server, "/transfer")
	v.refused(http.MethodPost, transfer, &serversv1.TransferServerRequest{UserId: eve.ID}, http.StatusNotFound, "member_not_found")
	at(t, bob, 0).refused(http.MethodPost, transfer, &serversv1.TransferServerRequest{UserId: bob.ID}, http.StatusForbidden, "forbidden")
	mark := bobHears.mark()
	v.call(http.MethodPost, transfer, &serversv1.TransferServerRequest{UserId: bob.ID}, nil)
	hears(t, bobHears, mark, "server_updated", func(d *realtimev1.ServerUpdated) bool { return d.GetServer().GetOwnerId() == bob.ID })
	v.refused(http.MethodPatch, serverPath(server, ""), &serversv1.UpdateServerRequest{Description: new(string)}, http.StatusForbidden, "forbidden")

	w := at(t, bob, 1)
	name := "Port"
	w.call(http.MethodPatch, serverPath(server, ""), &serversv1.UpdateServerRequest{Name: &name}, nil)
	w.refused(http.MethodDelete, serverPath(server, "?name=port"), nil, http.StatusUnprocessableEntity, "name_mismatch")
	v.refused(http.MethodDelete, serverPath(server, "?name=Port"), nil, http.StatusForbidden, "forbidden")
	mark = bobHears.mark()
	w.call(http.MethodDelete, serverPath(server, "?name=Port"), nil, nil)
	answered := time.Now()
	for _, p := range []*people.Person{ada, bob} {
		shutOut(t, p, http.MethodGet, serverPath(server, ""), "server_not_found")
		shutOut(t, p, http.MethodGet, channelPath(tides, "/messages"), "channel_not_found")
		if list := at(t, p, 0).servers(); len(list) != 0 {
			t.Errorf("there is still %v", list)
		}
	}
	_, when := hears(t, bobHears, mark, "server_removed", func(d *realtimev1.ServerRemoved) bool { return d.GetServerId() == server.GetId() })
	inTime(t, "server_removed", answered, when)
	again := listen(t, bob, 2)
	if got := again.state().GetServers(); len(got) != 0 {
		t.Errorf("who connects then is told of %v", got)
	}
}
