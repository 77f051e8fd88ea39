package e2e_test

import (
	"maps"
	"net/http"
	"slices"

	"google.golang.org/protobuf/proto"

	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	usersv1 "github.com/beep-chat/beep/api/beep/users/v1"
)

// row is a method: on what it is tried, who may, and how.
type row struct {
	places []place
	want   func(a *actor, p place) string // the code of the refusal; empty is allowed
	call   func(c cell, v voice) error
}

var (
	once     = []place{here}
	servers  = []place{here, elsewhere, nowhere}
	channels = []place{here, hidden, elsewhere, private, nowhere}
)

// anyone, signed in or not.
func anyone(*actor, place) string { return "" }

func signedIn(a *actor, _ place) string {
	if a.name == "a guest" {
		return "unauthenticated"
	}
	return ""
}

// onServer wants a member with one of the rights, or any member if there are none. Who is no member learns nothing.
func onServer(one ...string) func(a *actor, p place) string {
	return func(a *actor, p place) string {
		switch {
		case signedIn(a, p) != "":
			return signedIn(a, p)
		case p != here || !a.member:
			return "server_not_found"
		case len(one) > 0 && !a.onServer().any(one):
			return "forbidden"
		}
		return ""
	}
}

// inChannel wants somebody who sees the channel, with one of the rights if there are some.
func inChannel(one ...string) func(a *actor, p place) string {
	return func(a *actor, p place) string {
		held := a.inChannel(p == hidden)
		switch {
		case signedIn(a, p) != "":
			return signedIn(a, p)
		case p == elsewhere || p == private || p == nowhere || !held["view_channels"]:
			return "channel_not_found"
		case len(one) > 0 && !held.any(one):
			return "forbidden"
		}
		return ""
	}
}

// toOverwrite is inChannel for who changes what a plain member may: one has to stand above, by a role.
func toOverwrite(a *actor, p place) string {
	code := inChannel("manage_channels", "manage_permissions")(a, p)
	if code == "" && !a.owner && !a.admin && a.role == "" {
		return "hierarchy"
	}
	return code
}

// owns wants the owner.
func owns(a *actor, p place) string {
	code := onServer()(a, p)
	if code == "" && !a.owner {
		return "forbidden"
	}
	return code
}

// call makes a call with a body.
func (c cell) call(v voice, method, path string, in proto.Message) error {
	return v.Call(c.t.Context(), method, path, in, nil)
}

// restored calls, and undoes by the owner what it did if it was allowed.
func (c cell) restored(err error, undo func(v voice)) error {
	if err == nil {
		undo(c.asOwner())
	}
	return err
}

// back brings the target in again.
func (c cell) back(v voice) { at(c.t, c.target, 0).accept(v.invite(c.server, 1, 0).GetCode()) }

// get is a row that reads a path of the server or of the channel.
func get(places []place, want func(*actor, place) string, path func(c cell) string) row {
	return row{places, want, func(c cell, v voice) error { return c.call(v, http.MethodGet, path(c), nil) }}
}

func matrixRows() map[string]row {
	rows := map[string]row{}
	for _, part := range []map[string]row{serverRows(), channelRows(), overwriteRows(), invitationRows(), discoveryRows(), roleRows(), moderationRows(), webhookRows(), messageRows(), threadRows(), directRows()} {
		maps.Copy(rows, part)
	}
	rows["Gateway_GetLimits"] = get(once, anyone, func(cell) string { return "/api/limits" })
	rows["Users_GetMe"] = get(once, signedIn, func(cell) string { return "/api/users/@me" })
	rows["Users_ListUsers"] = get(once, signedIn, func(c cell) string { return "/api/users?ids=" + id(c.target.ID) })
	rows["Users_UpdateMe"] = row{once, signedIn, func(c cell, v voice) error {
		name := "Somebody"
		return c.call(v, http.MethodPatch, "/api/users/@me", &usersv1.UpdateMeRequest{DisplayName: &name})
	}}
	return rows
}

func serverRows() map[string]row {
	text := "x"
	return map[string]row{
		"Servers_CreateServer": {once, signedIn, func(c cell, v voice) error {
			return c.call(v, http.MethodPost, "/api/servers", &serversv1.CreateServerRequest{Name: "Mine"})
		}},
		"Servers_ListServers": get(once, signedIn, func(cell) string { return "/api/servers" }),
		"Servers_GetServer":   get(servers, onServer(), func(c cell) string { return serverPath(c.s(), "") }),
		"Servers_ListMembers": get(servers, onServer(), func(c cell) string { return serverPath(c.s(), "/members") }),
		"Servers_GetMember":   get(servers, onServer(), func(c cell) string { return memberPath(c.s(), c.target) }),
		"Servers_UpdateServer": {servers, onServer("manage_server"), func(c cell, v voice) error {
			return c.call(v, http.MethodPatch, serverPath(c.s(), ""), &serversv1.UpdateServerRequest{Description: &text})
		}},
		"Servers_DeleteServer": {servers, onServer("manage_server"), func(c cell, v voice) error {
			s := c.s()
			if c.allowed() {
				s = c.fresh()
			}
			return c.call(v, http.MethodDelete, serverPath(s, "?name=Harbour"), nil)
		}},
		"Servers_TransferServer": {servers, owns, func(c cell, v voice) error {
			s := c.s()
			if c.allowed() {
				s = c.fresh()
			}
			return c.call(v, http.MethodPost, serverPath(s, "/transfer"), &serversv1.TransferServerRequest{UserId: c.target.ID})
		}},
		"Servers_LeaveServer": {servers, func(a *actor, p place) string {
			if p == here && a.owner {
				return "owner_cannot_leave"
			}
			return onServer()(a, p)
		}, func(c cell, v voice) error {
			s := c.s()
			if c.allowed() {
				s = c.fresh()
			}
			return c.call(v, http.MethodDelete, leavePath(s), nil)
		}},
	}
}

func channelRows() map[string]row {
	text := "x"
	return map[string]row{
		"Servers_ListChannels": get(servers, onServer(), func(c cell) string { return serverPath(c.s(), "/channels") }),
		"Servers_GetChannel":   get(channels, inChannel(), func(c cell) string { return channelPath(c.channel(), "") }),
		"Servers_CreateChannel": {servers, onServer("manage_channels"), func(c cell, v voice) error {
			return c.call(v, http.MethodPost, serverPath(c.s(), "/channels"), &serversv1.CreateChannelRequest{Name: text})
		}},
		"Servers_UpdateChannel": {channels, inChannel("manage_channels"), func(c cell, v voice) error {
			return c.call(v, http.MethodPatch, channelPath(c.channel(), ""), &serversv1.UpdateChannelRequest{Topic: &text})
		}},
		"Servers_DeleteChannel": {channels, inChannel("manage_channels"), func(c cell, v voice) error {
			channel := c.channel()
			if c.allowed() {
				channel = c.another()
			}
			return c.call(v, http.MethodDelete, channelPath(channel, ""), nil)
		}},
		"Servers_ReorderChannels": {servers, onServer("manage_channels"), func(c cell, v voice) error {
			r := &serversv1.ReorderChannelsRequest{ChannelIds: []uint64{nothing}}
			if c.allowed() {
				r.ChannelIds = nil
				for _, channel := range slices.Backward(v.channels(c.server)) {
					r.ChannelIds = append(r.ChannelIds, channel.GetId())
				}
			}
			return c.call(v, http.MethodPut, serverPath(c.s(), "/channel-order"), r)
		}},
	}
}

// another is a channel like the one that the call is about, for what would end it.
func (c cell) another() *serversv1.Channel {
	channel := &serversv1.Channel{}
	v := c.asOwner()
	v.call(http.MethodPost, serverPath(c.server, "/channels"), &serversv1.CreateChannelRequest{Name: "x", Private: c.at == hidden}, channel)
	if c.a.allow != "" {
		v.call(http.MethodPut, channelPath(channel, "/overwrites"), &serversv1.SetOverwriteRequest{MemberId: c.a.who.ID, Allow: []string{c.a.allow}}, nil)
	}
	return channel
}

func overwriteRows() map[string]row {
	// prepared makes sure that there is an overwrite for the target that does not let it see the channel, and says which.
	prepared := func(c cell) uint64 {
		if c.at != here && c.at != hidden {
			return c.overwrites[c.at]
		}
		v := c.asOwner()
		return v.deny(c.channel(), c.target, "connect").GetId()
	}
	return map[string]row{
		"Servers_ListOverwrites": get(channels, inChannel("manage_channels", "manage_permissions"), func(c cell) string {
			return channelPath(c.channel(), "/overwrites")
		}),
		"Servers_ExplainChannelRight": get(channels, inChannel("manage_roles", "manage_channels", "manage_permissions"), func(c cell) string {
			return channelPath(c.channel(), "/explain?right=speak&user_id="+id(c.target.ID))
		}),
		"Servers_SetOverwrite": {channels, toOverwrite, func(c cell, v voice) error {
			prepared(c)
			return c.call(v, http.MethodPut, channelPath(c.channel(), "/overwrites"), &serversv1.SetOverwriteRequest{
				MemberId: c.target.ID, Deny: []string{"speak", "connect"},
			})
		}},
		"Servers_ClearOverwrite": {channels, toOverwrite, func(c cell, v voice) error {
			return c.call(v, http.MethodDelete, channelPath(c.channel(), "/overwrites/"+id(prepared(c))), nil)
		}},
		"Servers_SetChannelAccess": {channels, toOverwrite, func(c cell, v voice) error {
			prepared(c)
			return c.call(v, http.MethodPut, channelPath(c.channel(), "/access"), &serversv1.SetChannelAccessRequest{AddMemberIds: []uint64{c.target.ID}})
		}},
	}
}

// webhookRows are tried where there is a webhook, and where there is none: who manages none learns no difference.
func webhookRows() map[string]row {
	manager := inChannel("manage_webhooks")
	made := func(c cell) string {
		hook := &serversv1.Webhook{}
		if c.at == here || c.at == hidden {
			c.asOwner().call(http.MethodPost, channelPath(c.channel(), "/webhooks"), &serversv1.CreateWebhookRequest{Name: "Gauge"}, hook)
		}
		return channelPath(c.channel(), "/webhooks/"+id(max(hook.GetId(), 1)))
	}
	// gone keeps a channel from having as many webhooks as it may.
	gone := func(c cell, path string, err error) error {
		if c.at == here || c.at == hidden {
			_ = c.asOwner().Call(c.t.Context(), http.MethodDelete, path, nil, nil)
		}
		return err
	}
	return map[string]row{
		"Webhooks_ListWebhooks": get(channels, manager, func(c cell) string { return channelPath(c.channel(), "/webhooks") }),
		"Webhooks_CreateWebhook": {channels, manager, func(c cell, v voice) error {
			hook := &serversv1.Webhook{}
			err := v.Call(c.t.Context(), http.MethodPost, channelPath(c.channel(), "/webhooks"), &serversv1.CreateWebhookRequest{Name: "Gauge"}, hook)
			return c.restored(err, func(v voice) {
				v.call(http.MethodDelete, channelPath(c.channel(), "/webhooks/"+id(hook.GetId())), nil, nil)
			})
		}},
		"Webhooks_UpdateWebhook": {channels, manager, func(c cell, v voice) error {
			path, name := made(c), "Gauge 2"
			return gone(c, path, c.call(v, http.MethodPatch, path, &serversv1.UpdateWebhookRequest{Name: &name}))
		}},
		"Webhooks_RotateWebhook": {channels, manager, func(c cell, v voice) error {
			path := made(c)
			return gone(c, path, c.call(v, http.MethodPost, path+"/token", &serversv1.RotateWebhookRequest{}))
		}},
		"Webhooks_DeleteWebhook": {channels, manager, func(c cell, v voice) error {
			path := made(c)
			return gone(c, path, c.call(v, http.MethodDelete, path, nil))
		}},
	}
}

func invitationRows() map[string]row {
	known := func(a *actor, p place) string {
		if p == nowhere {
			return "invitation_not_found"
		}
		return ""
	}
	return map[string]row{
		"Servers_GetInvitation": get(servers, known, func(c cell) string { return "/api/invitations/" + c.invitations[c.at] }),
		"Servers_CreateInvitation": {servers, onServer("manage_invitations"), func(c cell, v voice) error {
			return c.call(v, http.MethodPost, serverPath(c.s(), "/invitations"), &serversv1.CreateInvitationRequest{})
		}},
		"Servers_ListInvitations": get(servers, onServer("manage_invitations"), func(c cell) string { return serverPath(c.s(), "/invitations") }),
		"Servers_RevokeInvitation": {servers, func(a *actor, p place) string {
			if code := onServer("manage_invitations")(a, p); code != "server_not_found" {
				return code
			}
			return "invitation_not_found"
		}, func(c cell, v voice) error {
			code := c.invitations[c.at]
			if c.allowed() {
				code = c.asOwner().invite(c.server, 0, 0).GetCode()
			}
			return c.call(v, http.MethodDelete, "/api/invitations/"+code, nil)
		}},
		"Servers_AcceptInvitation": {servers, func(a *actor, p place) string {
			switch {
			case signedIn(a, p) != "":
				return signedIn(a, p)
			case p == here && a.banned:
				return "banned"
			}
			return known(a, p)
		}, func(c cell, v voice) error {
			err := c.call(v, http.MethodPost, "/api/invitations/"+c.invitations[c.at]+"/accept", nil)
			if err == nil && (c.at == elsewhere || !c.a.member) {
				v.call(http.MethodDelete, leavePath(c.s()), nil, nil)
			}
			return err
		}},
	}
}

func discoveryRows() map[string]row {
	join := func(c cell, v voice) error { return c.call(v, http.MethodPost, serverPath(c.s(), "/join"), nil) }
	return map[string]row{
		"Discovery_ListPublicServers": get(once, signedIn, func(cell) string { return "/api/discovery/servers?query=harbour" }),
		"Discovery_JoinServer":        {servers, onServer(), join}, // of those that are not public
		"Discovery_JoinServer, a public one": {once, func(a *actor, p place) string {
			if a.banned {
				return "banned"
			}
			return signedIn(a, p)
		}, func(c cell, v voice) error {
			public, private := true, false
			c.asOwner().call(http.MethodPatch, serverPath(c.server, ""), &serversv1.UpdateServerRequest{Public: &public}, nil)
			err := join(c, v)
			if err == nil && !c.a.member {
				v.call(http.MethodDelete, leavePath(c.server), nil, nil)
			}
			c.asOwner().call(http.MethodPatch, serverPath(c.server, ""), &serversv1.UpdateServerRequest{Public: &private}, nil)
			return err
		}},
	}
}

func roleRows() map[string]row {
	name := "renamed"
	ofRole := func(c cell) string { return rolePath(c.lowest()) }
	return map[string]row{
		"Roles_ListRoles": get(servers, onServer(), func(c cell) string { return serverPath(c.s(), "/roles") }),
		"Roles_ExplainServerRight": get(servers, onServer("manage_roles"), func(c cell) string {
			return serverPath(c.s(), "/explain?right=speak&user_id="+id(c.target.ID))
		}),
		"Roles_ViewAsRoles": get(servers, onServer("manage_roles"), func(c cell) string { return serverPath(c.s(), "/view-as") }),
		"Roles_CreateRole": {servers, onServer("manage_roles"), func(c cell, v voice) error {
			made := &serversv1.Role{}
			err := v.Call(c.t.Context(), http.MethodPost, serverPath(c.s(), "/roles"), &serversv1.CreateRoleRequest{Name: name}, made)
			return c.restored(err, func(v voice) { v.call(http.MethodDelete, rolePath(made), nil, nil) })
		}},
		"Roles_UpdateRole": {servers, onServer("manage_roles"), func(c cell, v voice) error {
			return c.call(v, http.MethodPatch, ofRole(c), &serversv1.UpdateRoleRequest{Name: &name})
		}},
		"Roles_DeleteRole": {servers, onServer("manage_roles"), func(c cell, v voice) error {
			role := c.lowest()
			if c.allowed() {
				role = c.asOwner().createRole(c.server, "for a moment")
			}
			return c.call(v, http.MethodDelete, rolePath(role), nil)
		}},
		"Roles_ReorderRoles": {servers, onServer("manage_roles"), func(c cell, v voice) error {
			r := &serversv1.ReorderRolesRequest{RoleIds: []uint64{nothing}}
			if c.allowed() { // the two lowest change places
				list := &serversv1.ListRolesResponse{}
				v.call(http.MethodGet, serverPath(c.server, "/roles"), nil, list)
				r.RoleIds = nil
				for _, role := range list.GetRoles()[:len(list.GetRoles())-1] {
					r.RoleIds = append(r.RoleIds, role.GetId())
				}
				n := len(r.RoleIds)
				r.RoleIds[n-1], r.RoleIds[n-2] = r.RoleIds[n-2], r.RoleIds[n-1]
			}
			return c.call(v, http.MethodPut, serverPath(c.s(), "/role-order"), r)
		}},
		"Roles_AssignRole": {servers, onServer("manage_roles", "manage_members"), func(c cell, v voice) error {
			return c.restored(c.call(v, http.MethodPut, givenPath(c.lowest(), c.target), nil), func(v voice) {
				v.call(http.MethodDelete, givenPath(c.lowest(), c.target), nil, nil)
			})
		}},
		"Roles_UnassignRole": {servers, onServer("manage_roles", "manage_members"), func(c cell, v voice) error {
			return c.call(v, http.MethodDelete, givenPath(c.lowest(), c.target), nil)
		}},
	}
}

func moderationRows() map[string]row {
	onTarget := func(c cell) string { return memberPath(c.s(), c.target) }
	ban := func(c cell) string { return serverPath(c.s(), "/bans/"+id(c.target.ID)) }
	return map[string]row{
		"Moderation_KickMember": {servers, onServer("manage_members"), func(c cell, v voice) error {
			return c.restored(c.call(v, http.MethodDelete, onTarget(c), nil), c.back)
		}},
		"Moderation_UpdateNickname": {servers, onServer("manage_nicknames"), func(c cell, v voice) error {
			return c.call(v, http.MethodPut, onTarget(c)+"/nickname", &serversv1.UpdateNicknameRequest{Nickname: "x"})
		}},
		"Moderation_UpdateNickname, one's own": {servers, onServer("change_nickname"), func(c cell, v voice) error {
			who := c.target
			if c.a.who != nil {
				who = c.a.who
			}
			return c.call(v, http.MethodPut, memberPath(c.s(), who)+"/nickname", &serversv1.UpdateNicknameRequest{Nickname: "me"})
		}},
		"Moderation_MuteMember": {servers, onServer("manage_members"), func(c cell, v voice) error {
			return c.call(v, http.MethodPut, onTarget(c)+"/mute", &serversv1.MuteMemberRequest{Seconds: 3600})
		}},
		"Moderation_UnmuteMember": {servers, onServer("manage_members"), func(c cell, v voice) error {
			return c.call(v, http.MethodDelete, onTarget(c)+"/mute", nil)
		}},
		"Moderation_BanUser": {servers, onServer("manage_members"), func(c cell, v voice) error {
			return c.restored(c.call(v, http.MethodPut, ban(c), &serversv1.BanUserRequest{}), func(v voice) {
				v.call(http.MethodDelete, ban(c), nil, nil)
				c.back(v)
			})
		}},
		"Moderation_UnbanUser": {servers, onServer("manage_members"), func(c cell, v voice) error {
			if !c.allowed() {
				return c.call(v, http.MethodDelete, ban(c), nil)
			}
			c.asOwner().call(http.MethodPut, ban(c), &serversv1.BanUserRequest{}, nil)
			return c.restored(c.call(v, http.MethodDelete, ban(c), nil), c.back)
		}},
		"Moderation_ListBans":         get(servers, onServer("manage_members"), func(c cell) string { return serverPath(c.s(), "/bans") }),
		"Moderation_ListAuditEntries": get(servers, onServer("manage_server"), func(c cell) string { return serverPath(c.s(), "/audit-log") }),
	}
}

func messageRows() map[string]row {
	// own is a message that its author, the owner of the server, alone edits.
	own := func(a *actor, p place) string {
		code := inChannel("send_messages")(a, p)
		if code == "" && !a.owner {
			return "forbidden"
		}
		return code
	}
	return map[string]row{
		"Messages_ListMessages": get(channels, inChannel(), func(c cell) string { return channelPath(c.channel(), "/messages") }),
		"Messages_GetMessage":   get(channels, inChannel(), func(c cell) string { return messagePath(c.message()) }),
		"Messages_SendMessage": {channels, inChannel("send_messages"), func(c cell, v voice) error {
			return c.call(v, http.MethodPost, channelPath(c.channel(), "/messages"), &messagesv1.SendMessageRequest{Content: "x"})
		}},
		"Messages_EditMessage": {channels, own, func(c cell, v voice) error {
			return c.call(v, http.MethodPatch, messagePath(c.message()), &messagesv1.EditMessageRequest{Content: "x"})
		}},
		"Messages_DeleteMessage": {channels, inChannel("manage_messages"), func(c cell, v voice) error {
			m := c.message()
			if c.allowed() {
				m = c.asOwner().send(c.channel(), "for a moment")
			}
			return c.call(v, http.MethodDelete, messagePath(m), nil)
		}},
	}
}
