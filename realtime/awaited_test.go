package realtime

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/beep-chat/beep"
	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	"github.com/beep-chat/beep/perm"
)

// A client that asks what it missed asks nothing more of that channel until it is answered.
func TestSince_ThatCannotBeAnsweredEndsTheSocket(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		closed uint16
		frames int
	}{
		"unavailable":   {beep.Unavailable(context.DeadlineExceeded), closeGoingAway, 0},
		"a fault":       {&beep.Error{Kind: beep.KindInternal, Code: beep.CodeInternal}, closeGoingAway, 0},
		"unknown":       {io.ErrUnexpectedEOF, closeGoingAway, 0},
		"refused":       {beep.NotFound(beep.CodeChannelNotFound, "gone"), 0, 1},
		"answered":      {nil, 0, 1},
		"wrapped cause": {errors.Join(beep.Unavailable(nil)), closeGoingAway, 0},
	} {
		t.Run(name, func(t *testing.T) {
			n := standIn(t, peers{since: func(context.Context, *messagesv1.SinceRequest) (*messagesv1.SinceResponse, error) {
				return &messagesv1.SinceResponse{Head: 1}, c.err
			}})
			out := &outbox{}
			s, sc := &Session{out: out, user: 5}, newScope(beep.ServerScope(7))
			sc.channelLocked(9).subs[s] = perm.ViewChannels
			s.scopes = []*scope{sc}
			n.Receive(s, []byte(`{"op":"since","d":{"channel_id":"9","r":0}}`))
			if out.code != c.closed || len(out.frames) != c.frames {
				t.Errorf("got close code %d and %d frames, want %d and %d", out.code, len(out.frames), c.closed, c.frames)
			}
		})
	}
}
