package messages_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/beep-chat/beep"
	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
)

// registrar keeps what is registered on it.
type registrar struct {
	messages messagesv1.MessagesServer
	log      messagesv1.ChannelLogServer
}

func (r *registrar) RegisterService(_ *grpc.ServiceDesc, impl any) {
	switch impl := impl.(type) {
	case messagesv1.MessagesServer:
		r.messages = impl
	case messagesv1.ChannelLogServer:
		r.log = impl
	}
}

func served(t *testing.T) (*world, *registrar) {
	t.Helper()
	w, r := newWorld(t), &registrar{}
	w.Register(r)
	if r.messages == nil || r.log == nil {
		t.Fatalf("registered %+v, want both contracts", r)
	}
	return w, r
}

func TestGRPC_OneMessage(t *testing.T) {
	t.Parallel()
	w, r := served(t)
	ctx, ch := as(t.Context(), ann), uint64(channel)

	sent, err := r.messages.SendMessage(ctx, &messagesv1.SendMessageRequest{ChannelId: ch, Content: "hello", Nonce: "n-1"})
	if err != nil {
		t.Fatalf("SendMessage: %v", err)
	}
	want := &messagesv1.Message{
		Id: sent.GetMessage().GetId(), ChannelId: ch, AuthorId: uint64(ann), Content: "hello", Nonce: "n-1", N: 1, V: 1,
		CreatedAt: timestamppb.New(w.log(t)[0].At),
	}
	if want.GetId() == 0 || time.Since(want.GetCreatedAt().AsTime()) > time.Minute {
		t.Errorf("sent %v", sent)
	}
	if diff := cmp.Diff(want, sent.GetMessage(), protocmp.Transform()); diff != "" {
		t.Errorf("SendMessage (-want +got):\n%s", diff)
	}

	edited, err := r.messages.EditMessage(ctx, &messagesv1.EditMessageRequest{ChannelId: ch, MessageId: want.GetId(), Content: "hi", Nonce: "n-2"})
	if err != nil {
		t.Fatalf("EditMessage: %v", err)
	}
	want.Content, want.V, want.EditedAt = "hi", 2, timestamppb.New(w.log(t)[1].At)
	if diff := cmp.Diff(want, edited.GetMessage(), protocmp.Transform()); diff != "" {
		t.Errorf("EditMessage (-want +got):\n%s", diff)
	}
	got, err := r.messages.GetMessage(ctx, &messagesv1.GetMessageRequest{ChannelId: ch, MessageId: want.GetId()})
	if err != nil {
		t.Fatalf("GetMessage: %v", err)
	}
	if diff := cmp.Diff(want, got.GetMessage(), protocmp.Transform()); diff != "" {
		t.Errorf("GetMessage (-want +got):\n%s", diff)
	}

	if _, err := r.messages.DeleteMessage(ctx, &messagesv1.DeleteMessageRequest{ChannelId: ch, MessageId: want.GetId(), Nonce: "n-3"}); err != nil {
		t.Fatalf("DeleteMessage: %v", err)
	}
	list, err := r.messages.ListMessages(ctx, &messagesv1.ListMessagesRequest{ChannelId: ch})
	if err != nil {
		t.Fatalf("ListMessages: %v", err)
	}
	want.Content, want.V, want.EditedAt, want.Deleted = "", 3, nil, true
	if diff := cmp.Diff(&messagesv1.ListMessagesResponse{Messages: []*messagesv1.Message{want}, Head: 3}, list, protocmp.Transform()); diff != "" {
		t.Errorf("ListMessages (-want +got):\n%s", diff)
	}
}

func TestGRPC_ListPasses(t *testing.T) {
	t.Parallel()
	w, r := served(t)
	w.sendMany(t, ann, "many", 5)
	ids := make([]uint64, 6) // by number
	for _, e := range w.log(t) {
		ids[e.N] = uint64(e.Mid)
	}
	for name, tt := range map[string]struct {
		req  *messagesv1.ListMessagesRequest
		want []uint64
	}{
		"before": {&messagesv1.ListMessagesRequest{Before: ids[3]}, []uint64{ids[2], ids[1]}},
		"after":  {&messagesv1.ListMessagesRequest{After: ids[3], Limit: 1}, []uint64{ids[4]}},
		"around": {&messagesv1.ListMessagesRequest{Around: ids[3], Limit: 2}, []uint64{ids[4], ids[3]}},
	} {
		tt.req.ChannelId = uint64(channel)
		list, err := r.messages.ListMessages(as(t.Context(), bob), tt.req)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var got []uint64
		for _, m := range list.GetMessages() {
			got = append(got, m.GetId())
		}
		if !cmp.Equal(got, tt.want) || list.GetHead() != 5 || (name == "after" && (!list.GetHasBefore() || !list.GetHasAfter())) {
			t.Errorf("%s: %v, want %v", name, list, tt.want)
		}
	}
}

func TestGRPC_ChannelLog(t *testing.T) {
	t.Parallel()
	w, r := served(t)
	w.sendMany(t, ann, "many", 3)
	w.authz.rev = 12
	e := w.send(t, bob, "n-1", "hello")
	since, err := r.log.Since(t.Context(), &messagesv1.SinceRequest{ChannelId: uint64(channel), R: 3})
	if err != nil {
		t.Fatalf("Since: %v", err)
	}
	want := &messagesv1.SinceResponse{Head: 4, Entries: []*messagesv1.LogEntry{{
		Ve: 12, Entry: &messagesv1.Entry{R: 4, Kind: "create", ActorId: uint64(bob), Nonce: "n-1", Message: &messagesv1.Message{
			Id: uint64(e.Mid), ChannelId: uint64(channel), AuthorId: uint64(bob), Content: "hello", Nonce: "n-1", N: 4, V: 4, CreatedAt: timestamppb.New(e.At),
		}},
	}}}
	if diff := cmp.Diff(want, since, protocmp.Transform()); diff != "" {
		t.Errorf("Since (-want +got):\n%s", diff)
	}
	heads, err := r.log.GetHeads(t.Context(), &messagesv1.GetHeadsRequest{ChannelIds: []uint64{5, uint64(channel)}})
	if err != nil || !cmp.Equal(heads.GetHeads(), []uint32{0, 4}) {
		t.Errorf("GetHeads = %v, %v; want [0 4]", heads, err)
	}
}

func TestGRPC_PassesRefusals(t *testing.T) {
	t.Parallel()
	_, r := served(t)
	ctx, ch := as(t.Context(), mallory), uint64(channel)
	_, err := r.messages.SendMessage(ctx, &messagesv1.SendMessageRequest{ChannelId: ch, Content: "x"})
	refused(t, "SendMessage", err, beep.KindNotFound, beep.CodeChannelNotFound)
	_, err = r.messages.EditMessage(ctx, &messagesv1.EditMessageRequest{ChannelId: ch, MessageId: 1, Content: "x"})
	refused(t, "EditMessage", err, beep.KindNotFound, beep.CodeChannelNotFound)
	_, err = r.messages.DeleteMessage(ctx, &messagesv1.DeleteMessageRequest{ChannelId: ch, MessageId: 1})
	refused(t, "DeleteMessage", err, beep.KindNotFound, beep.CodeChannelNotFound)
	_, err = r.messages.GetMessage(ctx, &messagesv1.GetMessageRequest{ChannelId: ch, MessageId: 1})
	refused(t, "GetMessage", err, beep.KindNotFound, beep.CodeChannelNotFound)
	_, err = r.messages.ListMessages(ctx, &messagesv1.ListMessagesRequest{ChannelId: ch})
	refused(t, "ListMessages", err, beep.KindNotFound, beep.CodeChannelNotFound)
	_, err = r.log.Since(ctx, &messagesv1.SinceRequest{})
	refused(t, "Since", err, beep.KindInvalid, beep.CodeInvalidID)
	_, err = r.log.GetHeads(ctx, &messagesv1.GetHeadsRequest{})
	refused(t, "GetHeads", err, beep.KindInvalid, beep.CodeInvalidField)
}
