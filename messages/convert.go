package messages

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
)

// messageToProto is the message as e leaves it or, of a create entry, as it stands.
func messageToProto(e Entry) *messagesv1.Message {
	return &messagesv1.Message{
		Id: uint64(e.Mid), ChannelId: uint64(e.Channel), AuthorId: uint64(e.State.Author), Content: e.State.Content,
		CreatedAt: timeToProto(e.State.CreatedAt), EditedAt: timeToProto(e.State.EditedAt), Nonce: e.State.Nonce,
		N: e.State.N, V: e.V, Deleted: e.State.Deleted,
	}
}

// entryToProto leaves out what only the log itself needs: the hash and the revisions.
func entryToProto(e Entry) *messagesv1.Entry {
	return &messagesv1.Entry{
		R: e.R, Kind: e.Kind.String(), ActorId: uint64(e.Actor), Nonce: e.Nonce, Message: messageToProto(e),
	}
}

// deltaToProto adds to each entry the revision that gates it.
func deltaToProto(d Delta) *messagesv1.SinceResponse {
	res := &messagesv1.SinceResponse{Reset_: d.Reset, Head: d.Head, Entries: make([]*messagesv1.LogEntry, len(d.Entries))}
	for i, e := range d.Entries {
		res.Entries[i] = &messagesv1.LogEntry{Entry: entryToProto(e), Ve: e.VE}
	}
	return res
}

// timeToProto is absent for the zero time.
func timeToProto(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}
