package decisions

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/beep-chat/beep"
	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
)

// said stands for messages: message 9 was deleted or never was, every other is there, and each log goes to 7.
type said struct {
	messagesv1.UnimplementedMessagesServer
}

func (*said) GetMessage(_ context.Context, r *messagesv1.GetMessageRequest) (*messagesv1.GetMessageResponse, error) {
	if r.GetMessageId() == 9 {
		return nil, beep.NotFound(beep.CodeMessageNotFound, "there is no such message")
	}
	return &messagesv1.GetMessageResponse{}, nil
}

func (*said) ListMessages(context.Context, *messagesv1.ListMessagesRequest) (*messagesv1.ListMessagesResponse, error) {
	return &messagesv1.ListMessagesResponse{Head: 7}, nil
}

// gathered are ann, bob, cat and as many more in one server; eve is in none.
func (s *system) gathered(t testing.TB, more int) (server uint64, others []uint64) {
	t.Helper()
	server, code := s.community(t)
	s.join(t, code, cat)
	for i := range more {
		others = append(others, uint64(1000+i))
		s.join(t, code, beep.UserID(1000+i))
	}
	return server, others
}

func (s *system) open(t testing.TB, who beep.UserID, with ...uint64) *serversv1.DirectMessage {
	t.Helper()
	return value(s.CreateDirectMessage(s.as(t, who), &serversv1.CreateDirectMessageRequest{UserIds: with}))(t).GetDirectMessage()
}

func (s *system) directs(t testing.TB, who beep.UserID) (ids []uint64) {
	t.Helper()
	list := value(s.ListDirectMessages(s.as(t, who), &serversv1.ListDirectMessagesRequest{}))(t).GetDirectMessages()
	for _, d := range list {
		ids = append(ids, d.GetId())
	}
	return ids
}

// TestDirect_IsOneForTwo: however many open it at once and from whichever side, it is the same, and only theirs.
func TestDirect_IsOneForTwo(t *testing.T) {
	each(t, func(t *testing.T, s *system) {
		t.Helper()
		s.gathered(t, 0)
		ids := make([]uint64, 40)
		var all sync.WaitGroup
		for i := range ids {
			all.Go(func() {
				who, with := beep.UserID(ann), uint64(bob)
				if i%2 == 1 {
					who, with = bob, ann
				}
				d, err := s.CreateDirectMessage(s.as(t, who), &serversv1.CreateDirectMessageRequest{UserIds: []uint64{with}})
				if err != nil {
					t.Error(err)
				}
				ids[i] = d.GetDirectMessage().GetId()
			})
		}
		all.Wait()
		if ids = slices.Compact(slices.Sorted(slices.Values(ids))); len(ids) != 1 {
			t.Fatalf("%d were made: %v", len(ids), ids)
		}
		for _, who := range []beep.UserID{ann, bob} {
			d := value(s.GetDirectMessage(s.as(t, who), &serversv1.GetDirectMessageRequest{ChannelId: ids[0]}))(t).GetDirectMessage()
			if !slices.Equal(d.GetUserIds(), []uint64{ann, bob}) || d.GetKind() != "direct" || !slices.Equal(s.directs(t, who), ids) {
				t.Errorf("%d is in %v, which is %v", who, s.directs(t, who), d)
			}
		}
		for what, err := range map[string]error{
			"GetDirectMessage":    second(s.GetDirectMessage(s.as(t, cat), &serversv1.GetDirectMessageRequest{ChannelId: ids[0]})),
			"RenameDirectMessage": second(s.RenameDirectMessage(s.as(t, cat), &serversv1.RenameDirectMessageRequest{ChannelId: ids[0]})),
			"AddUsers":            second(s.AddUsers(s.as(t, cat), &serversv1.AddUsersRequest{ChannelId: ids[0], UserIds: []uint64{ann}})),
			"LeaveDirectMessage":  second(s.LeaveDirectMessage(s.as(t, cat), &serversv1.LeaveDirectMessageRequest{ChannelId: ids[0]})),
			"CloseDirectMessage":  second(s.CloseDirectMessage(s.as(t, cat), &serversv1.CloseDirectMessageRequest{ChannelId: ids[0]})),
		} {
			refused(t, what+" by somebody else", err, beep.CodeDirectNotFound)
		}
		refused(t, "leaving it", second(s.LeaveDirectMessage(s.as(t, bob), &serversv1.LeaveDirectMessageRequest{ChannelId: ids[0]})), beep.CodeNotGroup)
		refused(t, "naming it", second(s.RenameDirectMessage(s.as(t, bob), &serversv1.RenameDirectMessageRequest{ChannelId: ids[0], Name: "x"})), beep.CodeNotGroup)
	})
}

// TestDirect_NeedsCompany: whom one shares no server with is not written to, whether or not there is such a user, and a
// server's own channels are no direct messages.
func TestDirect_NeedsCompany(t *testing.T) {
	each(t, func(t *testing.T, s *system) {
		t.Helper()
		server, _ := s.gathered(t, 0)
		general := value(s.ListChannels(s.as(t, ann), &serversv1.ListChannelsRequest{ServerId: server}))(t).GetChannels()[0].GetId()
		create := func(who beep.UserID, with ...uint64) error {
			return second(s.CreateDirectMessage(s.as(t, who), &serversv1.CreateDirectMessageRequest{UserIds: with}))
		}
		refused(t, "a stranger", create(ann, eve), beep.CodeDirectRefused)
		refused(t, "by a stranger", create(eve, ann), beep.CodeDirectRefused)
		refused(t, "nobody at all", create(ann, 77), beep.CodeDirectRefused)
		refused(t, "a stranger among others", create(ann, bob, eve), beep.CodeDirectRefused)
		refused(t, "oneself", create(ann, ann), beep.CodeInvalidField)
		refused(t, "somebody twice", create(ann, bob, bob), beep.CodeInvalidField)
		refused(t, "no one", create(ann), beep.CodeInvalidField)
		refused(t, "too many", create(ann, bob, cat, 1, 2, 3, 4, 5, 6, 7, 8), beep.CodeInvalidField)
		refused(t, "a name for two", second(s.CreateDirectMessage(s.as(t, ann), &serversv1.CreateDirectMessageRequest{
			UserIds: []uint64{bob}, Name: "x",
		})), beep.CodeInvalidField)
		refused(t, "a channel of a server", second(s.GetDirectMessage(s.as(t, ann), &serversv1.GetDirectMessageRequest{ChannelId: general})), beep.CodeDirectNotFound)

		d := s.open(t, ann, bob)
		refused(t, "as a channel of a server", second(s.GetChannel(s.as(t, ann), &serversv1.GetChannelRequest{ChannelId: d.GetId()})), beep.CodeChannelNotFound)
		value(s.LeaveServer(s.as(t, bob), &serversv1.LeaveServerRequest{ServerId: server}))(t)
		if again := s.open(t, bob, ann); again.GetId() != d.GetId() {
			t.Errorf("what there is already is not found when the server is left: %v", again)
		}
	})
}

// TestDirect_Closes for one of the two, until it is opened again.
func TestDirect_Closes(t *testing.T) {
	each(t, func(t *testing.T, s *system) {
		t.Helper()
		s.gathered(t, 0)
		d := s.open(t, ann, bob)
		closed := func(who beep.UserID) *uint32 {
			list := value(s.ListDirectMessages(s.as(t, who), &serversv1.ListDirectMessagesRequest{}))(t).GetDirectMessages()
			return list[0].ClosedR
		}
		value(s.CloseDirectMessage(s.as(t, ann), &serversv1.CloseDirectMessageRequest{ChannelId: d.GetId()}))(t)
		if r := closed(ann); r == nil || *r != 7 {
			t.Errorf("closed at %v, want where its log stands, 7", r)
		}
		if r := closed(bob); r != nil {
			t.Errorf("closed for the other, at %d", *r)
		}
		seen := uint32(5)
		value(s.CloseDirectMessage(s.as(t, ann), &serversv1.CloseDirectMessageRequest{ChannelId: d.GetId(), R: &seen}))(t)
		if r := closed(ann); r == nil || *r != 5 {
			t.Errorf("closed at %v, want what was seen, 5", r)
		}
		if again := s.open(t, ann, bob); again.GetId() != d.GetId() || again.ClosedR != nil || closed(ann) != nil {
			t.Errorf("opened again it is %v", again)
		}
	})
}

// TestGroup: whoever is in it adds and names, nobody is put out, the last one erases it, and a pair never grows.
func TestGroup(t *testing.T) {
	each(t, func(t *testing.T, s *system) {
		t.Helper()
		s.gathered(t, 0)
		pair := s.open(t, ann, bob)
		add := func(who beep.UserID, to *serversv1.DirectMessage, whom ...uint64) *serversv1.DirectMessage {
			return value(s.AddUsers(s.as(t, who), &serversv1.AddUsersRequest{ChannelId: to.GetId(), UserIds: whom}))(t).GetDirectMessage()
		}
		group := add(bob, pair, cat)
		if group.GetId() == pair.GetId() || group.GetKind() != "group" || !slices.Equal(group.GetUserIds(), []uint64{ann, bob, cat}) {
			t.Errorf("added to a pair: %v", group)
		}
		if same := add(ann, group, bob); !slices.Equal(same.GetUserIds(), group.GetUserIds()) {
			t.Errorf("added who is in it: %v", same)
		}
		refused(t, "a stranger", second(s.AddUsers(s.as(t, ann), &serversv1.AddUsersRequest{ChannelId: group.GetId(), UserIds: []uint64{eve}})), beep.CodeDirectRefused)
		named := value(s.RenameDirectMessage(s.as(t, cat), &serversv1.RenameDirectMessageRequest{
			ChannelId: group.GetId(), Name: " Night watch ",
		}))(t).GetDirectMessage()
		if named.GetName() != "Night watch" {
			t.Errorf("named %q", named.GetName())
		}
		refused(t, "a name too long", second(s.RenameDirectMessage(s.as(t, cat), &serversv1.RenameDirectMessageRequest{
			ChannelId: group.GetId(), Name: string(make([]byte, 101)),
		})), beep.CodeInvalidField)
		for _, who := range []beep.UserID{bob, ann, cat} {
			value(s.LeaveDirectMessage(s.as(t, who), &serversv1.LeaveDirectMessageRequest{ChannelId: group.GetId()}))(t)
			refused(t, "by who has left", second(s.GetDirectMessage(s.as(t, who), &serversv1.GetDirectMessageRequest{ChannelId: group.GetId()})), beep.CodeDirectNotFound)
		}
		if _, err := s.store.Direct(t.Context(), beep.ChannelID(group.GetId())); err == nil {
			t.Error("without members it is still there")
		}
		if got := s.directs(t, bob); !slices.Equal(got, []uint64{pair.GetId()}) {
			t.Errorf("bob is in %v", got)
		}
	})
}

// TestGroup_NeverTooLarge: whoever adds at the same time, ten are in it and no more.
func TestGroup_NeverTooLarge(t *testing.T) {
	each(t, func(t *testing.T, s *system) {
		t.Helper()
		_, others := s.gathered(t, 20)
		group := s.open(t, ann, bob, cat)
		var all sync.WaitGroup
		for _, other := range others {
			all.Go(func() {
				_, err := s.AddUsers(s.as(t, ann), &serversv1.AddUsersRequest{ChannelId: group.GetId(), UserIds: []uint64{other}})
				if code := beep.CodeOf(err); err != nil && code != beep.CodeGroupFull && code != beep.CodeUnavailable {
					t.Errorf("adding: %v", err)
				}
			})
		}
		all.Wait()
		for _, other := range others { // those who got no answer in the crowd try again
			_, _ = s.AddUsers(s.as(t, ann), &serversv1.AddUsersRequest{ChannelId: group.GetId(), UserIds: []uint64{other}})
		}
		d := value(s.GetDirectMessage(s.as(t, bob), &serversv1.GetDirectMessageRequest{ChannelId: group.GetId()}))(t).GetDirectMessage()
		if len(d.GetUserIds()) != 10 {
			t.Errorf("%d are in it", len(d.GetUserIds()))
		}
		refused(t, "one more", second(s.AddUsers(s.as(t, bob), &serversv1.AddUsersRequest{
			ChannelId: group.GetId(), UserIds: []uint64{others[0], others[1], others[2], others[3], others[4], others[5], others[6], others[7], others[8]},
		})), beep.CodeGroupFull)
	})
}
