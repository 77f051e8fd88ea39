package e2e_test

import (
	"net/http"

	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
)

// inThread is inChannel for who asks by the thread: it is seen with its channel, and there is nothing else to see.
func inThread(one ...string) func(a *actor, p place) string {
	return func(a *actor, p place) string {
		if code := inChannel(one...)(a, p); code != "channel_not_found" {
			return code
		}
		return "thread_not_found"
	}
}

func (c cell) thread() *serversv1.Thread { return c.threads[c.at] }

// ended is a thread like the one that the call is about, for what would end it.
func (c cell) ended() *serversv1.Thread {
	if !c.allowed() {
		return c.thread()
	}
	return c.asOwner().startThread(c.asOwner().send(c.channel(), "for a moment"), "for a moment")
}

func threadRows() map[string]row {
	name, yes, no := "renamed", true, false
	update := func(r *serversv1.UpdateThreadRequest) func(c cell, v voice) error {
		return func(c cell, v voice) error { return c.call(v, http.MethodPatch, threadPath(c.thread(), ""), r) }
	}
	mine := func(c cell) string { return "/api/users/@me/threads/" + id(c.thread().GetId()) }
	return map[string]row{
		"Threads_CreateThread": {channels, inChannel("send_messages"), func(c cell, v voice) error {
			m := c.message()
			if c.allowed() {
				m = c.asOwner().send(c.channel(), "to hang on")
			}
			return c.call(v, http.MethodPost, messagePath(m)+"/threads", &serversv1.CreateThreadRequest{Name: name})
		}},
		"Threads_GetThread":     get(channels, inThread(), func(c cell) string { return threadPath(c.thread(), "") }),
		"Threads_ListThreads":   get(channels, inChannel(), func(c cell) string { return channelPath(c.channel(), "/threads") }),
		"Threads_ListMyThreads": get(servers, onServer(), func(c cell) string { return leavePath(c.s()) + "/threads" }),
		"Threads_ListThreadMembers": get(channels, inThread(), func(c cell) string {
			return threadPath(c.thread(), "/members")
		}),
		// They are the owner's, so that everybody else changes what is another's.
		"Threads_UpdateThread":           {channels, inThread("manage_messages", "manage_channels"), update(&serversv1.UpdateThreadRequest{Name: &name})},
		"Threads_UpdateThread, archived": {channels, inThread("manage_messages"), update(&serversv1.UpdateThreadRequest{Archived: &no})},
		"Threads_UpdateThread, locked":   {channels, inThread("manage_channels"), update(&serversv1.UpdateThreadRequest{Locked: &no})},
		"Threads_UpdateThread, one's own": {once, inChannel("send_messages"), func(c cell, v voice) error {
			if !c.allowed() {
				return c.call(v, http.MethodPost, messagePath(c.message())+"/threads", &serversv1.CreateThreadRequest{Name: name})
			}
			own := v.startThread(c.asOwner().send(c.channel(), "to hang on"), name)
			return c.call(v, http.MethodPatch, threadPath(own, ""), &serversv1.UpdateThreadRequest{Archived: &yes})
		}},
		"Threads_DeleteThread": {channels, inThread("manage_messages", "manage_channels"), func(c cell, v voice) error {
			return c.call(v, http.MethodDelete, threadPath(c.ended(), ""), nil)
		}},
		"Threads_JoinThread":  {channels, inThread(), func(c cell, v voice) error { return c.call(v, http.MethodPut, mine(c), nil) }},
		"Threads_LeaveThread": {channels, inThread(), func(c cell, v voice) error { return c.call(v, http.MethodDelete, mine(c), nil) }},
		// Not in the hidden one, which the target may not see either.
		"Threads_AddThreadMember": {[]place{here, elsewhere, private, nowhere}, inThread("send_messages"), func(c cell, v voice) error {
			return c.call(v, http.MethodPut, threadPath(c.thread(), "/members/"+id(c.target.ID)), nil)
		}},
		"Messages_SendMessage, in a thread": {channels, inChannel("send_messages"), func(c cell, v voice) error {
			return c.call(v, http.MethodPost, channelPath(asChannel(c.thread()), "/messages"), &messagesv1.SendMessageRequest{Content: "x"})
		}},
		"Messages_ListMessages, in a thread": get(channels, inChannel(), func(c cell) string {
			return channelPath(asChannel(c.thread()), "/messages")
		}),
		"Messages_SendMessage, in a locked thread": {once, inChannel("manage_messages"), func(c cell, v voice) error {
			return c.call(v, http.MethodPost, channelPath(asChannel(c.locked), "/messages"), &messagesv1.SendMessageRequest{Content: "x"})
		}},
	}
}

// directs are one of the actor's own with the target, one of others, and none. Whoever shares no server with the target has
// none there either.
var directs = []place{here, private, nowhere}

// inDirect wants who is in it. What somebody is on a server counts for nothing.
func inDirect(a *actor, p place) string {
	switch {
	case signedIn(a, p) != "":
		return signedIn(a, p)
	case p != here || !a.member:
		return "direct_message_not_found"
	}
	return ""
}

// direct is the one that the call is about.
func (c cell) direct() *serversv1.DirectMessage {
	if c.allowed() {
		return at(c.t, c.target, 1).openDirect(c.a.who)
	}
	if c.at == nowhere {
		return &serversv1.DirectMessage{Id: nothing}
	}
	return &serversv1.DirectMessage{Id: c.channels[private].GetId()}
}

// group is a new one with the actor in it, or one that is out of reach.
func (c cell) group() *serversv1.DirectMessage {
	if !c.allowed() {
		return c.direct()
	}
	return at(c.t, c.target, 1).openDirect(c.a.who, c.friend)
}

func directRows() map[string]row {
	const all = "/api/direct-messages"
	return map[string]row{
		"DirectMessages_CreateDirectMessage": {once, func(a *actor, p place) string {
			if code := signedIn(a, p); code != "" || a.member {
				return code
			}
			return "direct_message_refused"
		}, func(c cell, v voice) error {
			return c.call(v, http.MethodPost, all, &serversv1.CreateDirectMessageRequest{UserIds: []uint64{c.target.ID}})
		}},
		"DirectMessages_ListDirectMessages": get(once, signedIn, func(cell) string { return all }),
		"DirectMessages_GetDirectMessage":   get(directs, inDirect, func(c cell) string { return directPath(c.direct(), "") }),
		"DirectMessages_RenameDirectMessage": {directs, inDirect, func(c cell, v voice) error {
			return c.call(v, http.MethodPatch, directPath(c.group(), ""), &serversv1.RenameDirectMessageRequest{Name: "x"})
		}},
		"DirectMessages_AddUsers": {directs, inDirect, func(c cell, v voice) error {
			return c.call(v, http.MethodPost, directPath(c.direct(), "/users"), &serversv1.AddUsersRequest{UserIds: []uint64{c.friend.ID}})
		}},
		"DirectMessages_LeaveDirectMessage": {directs, inDirect, func(c cell, v voice) error {
			return c.call(v, http.MethodDelete, "/api/users/@me/direct-messages/"+id(c.group().GetId()), nil)
		}},
		"DirectMessages_CloseDirectMessage": {directs, inDirect, func(c cell, v voice) error {
			return c.call(v, http.MethodDelete, directPath(c.direct(), ""), nil)
		}},
		"Messages_SendMessage, in a direct message": {directs, func(a *actor, p place) string {
			if code := inDirect(a, p); code != "direct_message_not_found" {
				return code
			}
			return "channel_not_found"
		}, func(c cell, v voice) error {
			return c.call(v, http.MethodPost, channelPath(inChannelOf(c.direct()), "/messages"), &messagesv1.SendMessageRequest{Content: "x"})
		}},
	}
}
