package grpcapi

import (
	"github.com/beep-chat/beep"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/servers"
)

// explainedOf is whose right is to be explained, and which.
func explainedOf(r interface {
	GetUserId() uint64
	GetRight() string
},
) (member beep.UserID, right perm.Rights, err error) {
	if member, err = idOrNone[beep.UserID]("user_id", r.GetUserId()); err != nil {
		return 0, 0, err
	}
	right, err = perm.ParseRight(r.GetRight())
	return member, right, err
}

func protoExplanation(e servers.Explanation) *serversv1.Explanation {
	return &serversv1.Explanation{Held: e.Held, Steps: protos(e.Steps, protoStep)}
}

func protoStep(s servers.ExplanationStep) *serversv1.ExplanationStep {
	return &serversv1.ExplanationStep{
		Kind: s.Kind, Held: s.Held, Decides: s.Decides, RoleId: uint64(s.Role), ChannelId: uint64(s.Channel), Right: s.Right,
	}
}

func protoChannelSight(c servers.ChannelSight) *serversv1.ChannelRights {
	return &serversv1.ChannelRights{ChannelId: uint64(c.Channel), Rights: c.Rights}
}
