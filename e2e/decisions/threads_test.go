package decisions

import (
	"slices"
	"sync"
	"testing"

	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
)

// forum is a server of ann's with bob and cat in it, its channel, and a thread of bob's on message 1.
func (s *system) forum(t testing.TB) (server, channel uint64, thread *serversv1.Thread) {
	t.Helper()
	server, _ = s.gathered(t, 0)
	channel = value(s.ListChannels(s.as(t, ann), &serversv1.ListChannelsRequest{ServerId: server}))(t).GetChannels()[0].GetId()
	return server, channel, value(s.CreateThread(s.as(t, bob), &serversv1.CreateThreadRequest{
		ChannelId: channel, MessageId: 1, Name: " Tides ",
	}))(t).GetThread()
}

// holds says whether a user holds a right in a channel, as messages asks.
func (s *system) holds(t testing.TB, who beep.UserID, channel uint64, right string) bool {
	t.Helper()
	return value(s.authz.Check(t.Context(), &authzv1.CheckRequest{
		UserId: uint64(who), Object: &authzv1.CheckRequest_ChannelId{ChannelId: channel}, Right: right,
	}))(t).GetAllowed()
}

func yes() *bool { b := true; return &b }
func no() *bool  { return new(bool) }

func TestThread_HangsOnAMessage(t *testing.T) {
	each(t, func(t *testing.T, s *system) {
		t.Helper()
		server, channel, thread := s.forum(t)
		if thread.GetName() != "Tides" || thread.GetAuthorId() != bob || thread.GetChannelId() != channel || thread.GetServerId() != server || thread.GetMessageId() != 1 {
			t.Errorf("it is %v", thread)
		}
		create := func(in, message uint64) error {
			return second(s.CreateThread(s.as(t, cat), &serversv1.CreateThreadRequest{ChannelId: in, MessageId: message, Name: "x"}))
		}
		refused(t, "a second thread of a message", create(channel, 1), beep.CodeThreadExists)
		refused(t, "of a message that is gone", create(channel, 9), beep.CodeMessageNotFound)
		refused(t, "in a thread", create(thread.GetId(), 1), beep.CodeNotTextChannel)
		refused(t, "in a direct message", create(s.open(t, cat, bob).GetId(), 1), beep.CodeNotTextChannel)
		category := value(s.CreateChannel(s.as(t, ann), &serversv1.CreateChannelRequest{ServerId: server, Name: "c", Kind: "category"}))(t).GetChannel().GetId()
		refused(t, "in a category", create(category, 1), beep.CodeNotTextChannel)
		refused(t, "without a name", second(s.CreateThread(s.as(t, cat), &serversv1.CreateThreadRequest{ChannelId: channel, MessageId: 2})), beep.CodeInvalidField)
		refused(t, "by a stranger", second(s.CreateThread(s.as(t, eve), &serversv1.CreateThreadRequest{ChannelId: channel, MessageId: 2, Name: "x"})), beep.CodeChannelNotFound)
		refused(t, "a channel as a thread", second(s.GetThread(s.as(t, ann), &serversv1.GetThreadRequest{ThreadId: channel})), beep.CodeThreadNotFound)
		refused(t, "a thread as a channel", second(s.GetChannel(s.as(t, ann), &serversv1.GetChannelRequest{ChannelId: thread.GetId()})), beep.CodeChannelNotFound)

		// The system allows three here; those who start them at the same time do not get past that together.
		var all sync.WaitGroup
		for i := range 12 {
			all.Go(func() {
				if err := create(channel, uint64(20+i)); err != nil && beep.CodeOf(err) != beep.CodeThreadLimit && beep.CodeOf(err) != beep.CodeUnavailable {
					t.Error(err)
				}
			})
		}
		all.Wait()
		_ = create(channel, 50)
		_ = create(channel, 51)
		refused(t, "one too many", create(channel, 52), beep.CodeThreadLimit)
		list := value(s.ListThreads(s.as(t, cat), &serversv1.ListThreadsRequest{ChannelId: channel}))(t).GetThreads()
		if len(list) != 3 || list[2].GetId() != thread.GetId() {
			t.Errorf("there are %v", list)
		}
	})
}

// TestThread_HoldsWhatItsChannelHolds: whoever loses the channel loses the thread; archived or locked it is read only, save
// for who manages messages.
func TestThread_HoldsWhatItsChannelHolds(t *testing.T) {
	each(t, func(t *testing.T, s *system) {
		t.Helper()
		server, channel, thread := s.forum(t)
		update := func(who beep.UserID, u *serversv1.UpdateThreadRequest) error {
			u.ThreadId = thread.GetId()
			return second(s.UpdateThread(s.as(t, who), u))
		}
		name := "Spring tide"
		refused(t, "archiving another's", update(cat, &serversv1.UpdateThreadRequest{Archived: yes()}), beep.CodeForbidden)
		refused(t, "renaming another's", update(cat, &serversv1.UpdateThreadRequest{Name: &name}), beep.CodeForbidden)
		refused(t, "locking one's own", update(bob, &serversv1.UpdateThreadRequest{Locked: yes()}), beep.CodeForbidden)
		refused(t, "deleting one's own", second(s.DeleteThread(s.as(t, bob), &serversv1.DeleteThreadRequest{ThreadId: thread.GetId()})), beep.CodeForbidden)
		for what, u := range map[string]*serversv1.UpdateThreadRequest{
			"archived": {Archived: yes()}, "locked": {Locked: yes()},
		} {
			who := map[string]beep.UserID{"archived": bob, "locked": ann}[what]
			if err := update(who, u); err != nil {
				t.Fatal(err)
			}
			if s.holds(t, bob, thread.GetId(), "send_messages") || !s.holds(t, bob, thread.GetId(), "view_channels") || !s.holds(t, ann, thread.GetId(), "send_messages") {
				t.Errorf("%s: wrong rights", what)
			}
			if err := update(who, &serversv1.UpdateThreadRequest{Archived: no()}); err != nil {
				t.Error(err)
			}
		}
		if err := update(ann, &serversv1.UpdateThreadRequest{Locked: no(), Name: &name}); err != nil || !s.holds(t, bob, thread.GetId(), "send_messages") {
			t.Errorf("open again: %v", err)
		}
		entries := value(s.ListAuditEntries(s.as(t, ann), &serversv1.ListAuditEntriesRequest{ServerId: server, Action: "thread_update"}))(t).GetEntries()
		if len(entries) != 4 {
			t.Errorf("%d entries of the audit log, want 4", len(entries))
		}

		value(s.SetChannelAccess(s.as(t, ann), &serversv1.SetChannelAccessRequest{ChannelId: channel, Private: yes(), AddMemberIds: []uint64{bob}}))(t)
		for what, err := range map[string]error{
			"GetThread":         second(s.GetThread(s.as(t, cat), &serversv1.GetThreadRequest{ThreadId: thread.GetId()})),
			"JoinThread":        second(s.JoinThread(s.as(t, cat), &serversv1.JoinThreadRequest{ThreadId: thread.GetId()})),
			"ListThreadMembers": second(s.ListThreadMembers(s.as(t, cat), &serversv1.ListThreadMembersRequest{ThreadId: thread.GetId()})),
			"UpdateThread":      update(cat, &serversv1.UpdateThreadRequest{Name: &name}),
			"DeleteThread":      second(s.DeleteThread(s.as(t, cat), &serversv1.DeleteThreadRequest{ThreadId: thread.GetId()})),
		} {
			refused(t, what+", whose channel is hidden", err, beep.CodeThreadNotFound)
		}
		refused(t, "ListThreads", second(s.ListThreads(s.as(t, cat), &serversv1.ListThreadsRequest{ChannelId: channel})), beep.CodeChannelNotFound)
		refused(t, "adding who does not see it", second(s.AddThreadMember(s.as(t, bob), &serversv1.AddThreadMemberRequest{
			ThreadId: thread.GetId(), UserId: cat,
		})), beep.CodeMemberNotFound)

		value(s.DeleteChannel(s.as(t, ann), &serversv1.DeleteChannelRequest{ChannelId: channel}))(t)
		refused(t, "without its channel", second(s.GetThread(s.as(t, bob), &serversv1.GetThreadRequest{ThreadId: thread.GetId()})), beep.CodeThreadNotFound)
	})
}

// TestThread_Members: to be one changes no right and no revision of the server.
func TestThread_Members(t *testing.T) {
	each(t, func(t *testing.T, s *system) {
		t.Helper()
		server, channel, thread := s.forum(t)
		scope := []beep.Scope{beep.ServerScope(beep.ServerID(server))}
		before := value(s.store.Revs(t.Context(), scope))(t)
		join := &serversv1.JoinThreadRequest{ThreadId: thread.GetId()}
		value(s.JoinThread(s.as(t, cat), join))(t)
		value(s.JoinThread(s.as(t, cat), join))(t) // again: the same
		value(s.AddThreadMember(s.as(t, cat), &serversv1.AddThreadMemberRequest{ThreadId: thread.GetId(), UserId: ann}))(t)
		members := func() []uint64 {
			return value(s.ListThreadMembers(s.as(t, ann), &serversv1.ListThreadMembersRequest{ThreadId: thread.GetId()}))(t).GetUserIds()
		}
		if got := members(); !slices.Equal(got, []uint64{ann, bob, cat}) {
			t.Errorf("members are %v", got)
		}
		mine := func(who beep.UserID) int {
			return len(value(s.ListMyThreads(s.as(t, who), &serversv1.ListMyThreadsRequest{ServerId: server}))(t).GetThreads())
		}
		if mine(cat) != 1 {
			t.Error("cat's threads are none")
		}
		leave := &serversv1.LeaveThreadRequest{ThreadId: thread.GetId()}
		value(s.LeaveThread(s.as(t, cat), leave))(t)
		value(s.LeaveThread(s.as(t, cat), leave))(t)
		if got := members(); mine(cat) != 0 || !slices.Equal(got, []uint64{ann, bob}) {
			t.Errorf("members are %v", got)
		}
		if after := value(s.store.Revs(t.Context(), scope))(t); !slices.Equal(after, before) {
			t.Errorf("the server's scope went from %v to %v", before, after)
		}
		value(s.SetChannelAccess(s.as(t, ann), &serversv1.SetChannelAccessRequest{ChannelId: channel, Private: yes()}))(t)
		if mine(bob) != 0 {
			t.Error("bob's threads show a channel that he does not see")
		}
		refused(t, "a stranger's", second(s.ListMyThreads(s.as(t, eve), &serversv1.ListMyThreadsRequest{ServerId: server})), beep.CodeServerNotFound)
		value(s.DeleteThread(s.as(t, ann), &serversv1.DeleteThreadRequest{ThreadId: thread.GetId(), Reason: "over"}))(t)
		refused(t, "deleted", second(s.GetThread(s.as(t, ann), &serversv1.GetThreadRequest{ThreadId: thread.GetId()})), beep.CodeThreadNotFound)
	})
}
