package realtime

import (
	"errors"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/beep-chat/beep"
	realtimev1 "github.com/beep-chat/beep/api/beep/realtime/v1"
)

func TestHandle_NothingButIdentifyComesFirst(t *testing.T) {
	for op, d := range map[string]proto.Message{
		"since": &realtimev1.Since{ChannelId: 7}, "typing": &realtimev1.StartTyping{ChannelId: 7},
		"presence": &realtimev1.SetStatus{}, "token": &realtimev1.RenewToken{},
	} {
		var e *beep.Error
		if err := (&Node{}).handle(t.Context(), &Session{}, op, d); !errors.As(err, &e) || e.Code != beep.CodeNotIdentified {
			t.Errorf("%s: got %v, want not_identified", op, err)
		}
	}
}
