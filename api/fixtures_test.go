package api_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	realtimev1 "github.com/beep-chat/beep/api/beep/realtime/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
)

// payloads names the message behind each op; a fixture without one here fails.
var payloads = map[string]proto.Message{
	"client-identify": &realtimev1.Identify{}, "client-heartbeat": &emptypb.Empty{}, "client-token": &realtimev1.RenewToken{},
	"client-since": &realtimev1.Since{}, "client-typing": &realtimev1.StartTyping{}, "client-presence": &realtimev1.SetStatus{},
	"server-hello": &realtimev1.Hello{}, "server-ready": &realtimev1.Ready{}, "server-heartbeat_ack": &emptypb.Empty{},
	"server-server_added": &realtimev1.ServerState{}, "server-server_updated": &realtimev1.ServerUpdated{},
	"server-server_removed": &realtimev1.ServerRemoved{}, "server-rights_updated": &realtimev1.RightsUpdated{},
	"server-channel_added": &realtimev1.ChannelAdded{}, "server-channel_updated": &realtimev1.ChannelUpdated{},
	"server-channel_removed": &realtimev1.ChannelRemoved{}, "server-role_updated": &realtimev1.RoleUpdated{},
	"server-role_removed": &realtimev1.RoleRemoved{}, "server-member_updated": &realtimev1.MemberUpdated{},
	"server-member_removed": &realtimev1.MemberRemoved{}, "server-entries": &realtimev1.Entries{},
	"server-delta": &realtimev1.Delta{}, "server-delta-reset": &realtimev1.Delta{}, "server-typing": &realtimev1.Typing{},
	"server-presence": &realtimev1.Presence{}, "server-token_expiring": &realtimev1.TokenExpiring{},
	"server-direct_closed": &serversv1.DirectClosed{}, "server-thread_joined": &realtimev1.ThreadJoined{},
	"server-thread_left": &realtimev1.ThreadLeft{},
	"server-drain":       &realtimev1.Drain{}, "server-error": &realtimev1.Refused{},
}

func TestFixtures_AreWhatTheContractsSay(t *testing.T) {
	files, err := filepath.Glob("fixtures/realtime/*.json")
	if err != nil || len(files) != len(payloads) {
		t.Fatalf("got %d fixtures, %v; want one for each of %d payloads", len(files), err, len(payloads))
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			var frame struct {
				Op string          `json:"op"`
				D  json.RawMessage `json:"d"`
			}
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(raw, &frame); err != nil {
				t.Fatal(err)
			}
			if _, op, _ := strings.Cut(strings.TrimSuffix(name, "-reset"), "-"); op != frame.Op {
				t.Errorf("got op %q, want %q", frame.Op, op)
			}
			m := payloads[name].ProtoReflect().New().Interface()
			if err := protojson.Unmarshal(frame.D, m); err != nil {
				t.Fatal(err)
			}
			if name != "client-heartbeat" && name != "server-heartbeat_ack" && proto.Size(m) == 0 {
				t.Error("the fixture sets nothing")
			}
		})
	}
}
