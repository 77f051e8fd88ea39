package e2e_test

import (
	"net/http"
	"testing"

	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	realtimev1 "github.com/beep-chat/beep/api/beep/realtime/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
)

// startThread starts the thread of a message.
func (v voice) startThread(m *messagesv1.Message, name string) *serversv1.Thread {
	v.t.Helper()
	thread := &serversv1.Thread{}
	v.call(http.MethodPost, messagePath(m)+"/threads", &serversv1.CreateThreadRequest{Name: name}, thread)
	return thread
}

func threadPath(thread *serversv1.Thread, rest string) string {
	return "/api/threads/" + id(thread.GetId()) + rest
}

// asChannel is the channel that a thread is.
func asChannel(thread *serversv1.Thread) *serversv1.Channel {
	return &serversv1.Channel{Id: thread.GetId(), ServerId: thread.GetServerId(), Name: thread.GetName()}
}

// TestThread: it hangs on a message, is there for whoever sees the channel and live, is read only once it is archived or
// locked, outlives its message and ends with its channel.
func TestThread(t *testing.T) {
	t.Parallel()
	ada, bob, cyd := newcomer(t, "ada"), newcomer(t, "bob"), newcomer(t, "cyd")
	server, tides := harbour(t, ada, bob, cyd)
	a, b := at(t, ada, 0), at(t, bob, 1)
	bobHears, cydHears := listen(t, bob, 1), listen(t, cyd, 2)
	bobMark, cydMark := bobHears.mark(), cydHears.mark()
	m := b.send(tides, "High water at 18:20")
	thread := b.startThread(m, "Spring tide")
	talk := asChannel(thread)
	a.refused(http.MethodPost, messagePath(m)+"/threads", &serversv1.CreateThreadRequest{Name: "Another"}, http.StatusConflict, "thread_exists")
	isThread := func(d *realtimev1.ChannelAdded) bool { return d.GetThread().GetId() == thread.GetId() }
	hears(t, cydHears, cydMark, "channel_added", isThread)
	hears(t, cydHears, cydMark, "delta", func(d *realtimev1.Delta) bool { return d.GetChannelId() == thread.GetId() })
	hears(t, bobHears, bobMark, "thread_joined", func(j *realtimev1.ThreadJoined) bool { return j.GetThreadId() == thread.GetId() })
	a.send(talk, "how high?")
	sees(t, cydHears, talk, "how high?")
	b.remove(m)
	b.send(talk, "five metres") // without the message that it hangs on

	yes, no := true, false
	b.call(http.MethodPatch, threadPath(thread, ""), &serversv1.UpdateThreadRequest{Archived: &yes}, nil)
	hears(t, cydHears, cydMark, "channel_updated", func(u *realtimev1.ChannelUpdated) bool { return u.GetThread().GetArchived() })
	at(t, cyd, 0).refused(http.MethodPost, channelPath(talk, "/messages"), &messagesv1.SendMessageRequest{Content: "x"}, http.StatusForbidden, "forbidden")
	a.send(talk, "for the record") // who manages messages may
	list := &serversv1.ListThreadsResponse{}
	a.call(http.MethodGet, channelPath(tides, "/threads?archived=true"), nil, list)
	if len(list.GetThreads()) != 1 || list.GetThreads()[0].GetId() != thread.GetId() {
		t.Errorf("archived threads are %v", list)
	}
	late := listen(t, cyd, 0)
	hears(t, late, 0, "channel_added", func(d *realtimev1.ChannelAdded) bool { return d.GetChannel().GetId() == tides.GetId() })
	if late.has(talk) {
		t.Error("an archived thread is told to who comes later")
	}
	b.call(http.MethodPatch, threadPath(thread, ""), &serversv1.UpdateThreadRequest{Archived: &no}, nil)
	hears(t, late, 0, "channel_added", isThread)
	b.refused(http.MethodPatch, threadPath(thread, ""), &serversv1.UpdateThreadRequest{Locked: &yes}, http.StatusForbidden, "forbidden")
	a.call(http.MethodPatch, threadPath(thread, ""), &serversv1.UpdateThreadRequest{Locked: &yes}, nil)
	b.refused(http.MethodPost, channelPath(talk, "/messages"), &messagesv1.SendMessageRequest{Content: "x"}, http.StatusForbidden, "forbidden")

	a.call(http.MethodPut, threadPath(thread, "/members/"+id(cyd.ID)), nil, nil)
	hears(t, cydHears, cydMark, "thread_joined", func(j *realtimev1.ThreadJoined) bool { return j.GetThreadId() == thread.GetId() })
	mine := &serversv1.ListMyThreadsResponse{}
	at(t, cyd, 1).call(http.MethodGet, leavePath(server)+"/threads", nil, mine)
	if len(mine.GetThreads()) != 1 {
		t.Errorf("Cyd's threads are %v", mine)
	}
}

// TestThread_IsHiddenWithItsChannel: who loses the channel loses the thread, at once and on every node.
func TestThread_IsHiddenWithItsChannel(t *testing.T) {
	t.Parallel()
	ada, bob := newcomer(t, "ada"), newcomer(t, "bob")
	server, tides := harbour(t, ada, bob)
	a := at(t, ada, 0)
	thread := a.startThread(a.send(tides, "High water at 18:20"), "Spring tide")
	talk := asChannel(thread)
	at(t, bob, 0).call(http.MethodPut, "/api/users/@me/threads/"+id(thread.GetId()), nil, nil)
	bobHears := listen(t, bob, 1)
	mark := bobHears.mark()
	hears(t, bobHears, 0, "channel_added", func(d *realtimev1.ChannelAdded) bool { return d.GetThread().GetId() == thread.GetId() })
	a.deny(tides, bob, "view_channels")
	shutOut(t, bob, http.MethodGet, channelPath(talk, "/messages"), "channel_not_found")
	shutOut(t, bob, http.MethodGet, threadPath(thread, ""), "thread_not_found")
	hears(t, bobHears, mark, "channel_removed", func(r *realtimev1.ChannelRemoved) bool { return r.GetChannelId() == thread.GetId() })
	a.send(talk, "without Bob")
	mine := &serversv1.ListMyThreadsResponse{}
	at(t, bob, 1).call(http.MethodGet, leavePath(server)+"/threads", nil, mine)
	if len(mine.GetThreads()) != 0 {
		t.Errorf("Bob's threads are %v", mine)
	}
	a.call(http.MethodDelete, channelPath(tides, ""), nil, nil)
	shutOut(t, ada, http.MethodGet, threadPath(thread, ""), "thread_not_found")
	shutOut(t, ada, http.MethodGet, channelPath(talk, "/messages"), "channel_not_found")
}
