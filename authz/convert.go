package authz

import (
	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/scopelog"
)

func questionOf(r *authzv1.CheckRequest) (q Question, err error) {
	q = Question{
		User: beep.UserID(r.GetUserId()), Server: beep.ServerID(r.GetServerId()), Channel: beep.ChannelID(r.GetChannelId()),
		MinRev: r.GetMinRev(),
	}
	if r.GetObject() == nil {
		return q, beep.InvalidField(beep.CodeInvalidField, "object", "is neither a server nor a channel")
	}
	if r.GetRight() != "" {
		q.Right, err = perm.ParseRight(r.GetRight())
	}
	return q, err
}

// nothing says that the question is about an object that cannot be there, by a number that is no id.
func (q Question) nothing() bool { return nothing(q.Server, q.Channel) }

func nothing(server beep.ServerID, channel beep.ChannelID) bool {
	object := max(uint64(server), uint64(channel))
	return object == 0 || object > beep.MaxID
}

func (d Decision) proto() *authzv1.CheckResponse {
	p := &authzv1.CheckResponse{Allowed: d.Allowed, Visible: d.Visible, Rev: d.Rev}
	if d.Scope != (beep.Scope{}) {
		p.Scope = scopelog.ToProto(d.Scope)
	}
	switch {
	case d.Kind != 0:
		p.ChannelKind = d.Kind.String()
	case d.Visible && d.Scope.Kind == beep.ScopeDirect:
		p.ChannelKind = "direct" // a direct scope is one channel, which has no kind of its own
	}
	return p
}

// explanationOf is what perm explains, as people are told.
func explanationOf(e perm.Explanation) *serversv1.Explanation {
	p := &serversv1.Explanation{Held: e.Held, Steps: make([]*serversv1.ExplanationStep, len(e.Steps))}
	for i, s := range e.Steps {
		p.Steps[i] = &serversv1.ExplanationStep{
			Kind: s.Kind.String(), Held: s.Held, Decides: s.Decides, RoleId: uint64(s.Role), ChannelId: uint64(s.Channel),
		}
		if s.Right != 0 {
			p.Steps[i].Right = s.Right.String()
		}
	}
	return p
}
