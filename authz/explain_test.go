package authz_test

import (
	"testing"

	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
)

func whyInChannel(user, channel uint64, right string) *authzv1.ExplainRequest {
	return &authzv1.ExplainRequest{UserId: user, Right: right, Object: &authzv1.ExplainRequest_ChannelId{ChannelId: channel}}
}

func whyOnServer(user, server uint64, right string) *authzv1.ExplainRequest {
	return &authzv1.ExplainRequest{UserId: user, Right: right, Object: &authzv1.ExplainRequest_ServerId{ServerId: server}}
}

// TestExplain: pam cannot send at the table because of the category that it follows.
func TestExplain(t *testing.T) {
	t.Parallel()
	client := serve(t, club())
	for name, tt := range map[string]struct {
		q    *authzv1.ExplainRequest
		want *authzv1.ExplainResponse
	}{
		"a follower of a category": {whyInChannel(pam, table, "send_messages"), &authzv1.ExplainResponse{
			Member: true, Explanation: &serversv1.Explanation{Steps: []*serversv1.ExplanationStep{
				{Kind: "everyone", Held: true, RoleId: chess},
				{Kind: "category", Held: true, ChannelId: games},
				{Kind: "overwrite_role", Decides: true, RoleId: players, ChannelId: games},
			}},
		}},
		"the owner": {whyOnServer(ann, chess, "speak"), &authzv1.ExplainResponse{
			Member: true, Explanation: &serversv1.Explanation{Held: true, Steps: []*serversv1.ExplanationStep{
				{Kind: "owner", Held: true, Decides: true},
			}},
		}},
		"what is missing": {whyInChannel(bob, office, "send_messages"), &authzv1.ExplainResponse{
			Member: true, Explanation: &serversv1.Explanation{Steps: []*serversv1.ExplanationStep{
				{Kind: "everyone", Held: true, RoleId: chess},
				{Kind: "no_view", Decides: true, Right: "view_channels"},
			}},
		}},
		"a channel that is gone": {whyInChannel(ann, removed, "speak"), &authzv1.ExplainResponse{
			Member: true, Explanation: &serversv1.Explanation{Steps: []*serversv1.ExplanationStep{{Kind: "no_channel", Decides: true}}},
		}},
		"a stranger":               {whyOnServer(eve, chess, "speak"), &authzv1.ExplainResponse{}},
		"a server that is not":     {whyOnServer(ann, 99, "speak"), &authzv1.ExplainResponse{}},
		"a server of no id":        {whyOnServer(ann, 0, "speak"), &authzv1.ExplainResponse{}},
		"a channel that never was": {whyInChannel(ann, never, "speak"), &authzv1.ExplainResponse{}},
	} {
		got, err := client.Explain(t.Context(), tt.q)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		equal(t, name, got, tt.want)
	}
	for name, q := range map[string]*authzv1.ExplainRequest{
		"no right": whyOnServer(ann, chess, ""), "an unknown right": whyOnServer(ann, chess, "fly"), "no object": {UserId: ann, Right: "speak"},
	} {
		_, err := client.Explain(t.Context(), q)
		refused(t, name, err, beep.KindInvalid, beep.CodeInvalidField)
	}
}

// TestViewAs: the channels that moderators see and players do not are told of for moderators alone.
func TestViewAs(t *testing.T) {
	t.Parallel()
	client := serve(t, club())
	listener := []string{"view_channels", "connect", "speak"}
	player := []string{"view_channels", "send_messages", "connect", "speak"}
	for name, tt := range map[string]struct {
		q    *authzv1.ViewAsRequest
		want *authzv1.ViewAsResponse
	}{
		"players": {&authzv1.ViewAsRequest{ServerId: chess, RoleIds: []uint64{players, chess}}, &authzv1.ViewAsResponse{
			Known: true, Rights: player, Channels: []*serversv1.ChannelRights{
				{ChannelId: lobby, Rights: player}, {ChannelId: games, Rights: listener}, {ChannelId: table, Rights: listener},
			},
		}},
		"an unknown role":   {&authzv1.ViewAsRequest{ServerId: chess, RoleIds: []uint64{players, 99}}, &authzv1.ViewAsResponse{}},
		"a server of no id": {&authzv1.ViewAsRequest{}, &authzv1.ViewAsResponse{}},
	} {
		got, err := client.ViewAs(t.Context(), tt.q)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		equal(t, name, got, tt.want)
	}
}
