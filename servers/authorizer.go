package servers

import (
	"context"

	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	"github.com/beep-chat/beep/perm"
)

// Decision is what authz allowed, and the revision of the scope that it holds for.
type Decision struct {
	Rev  uint64
	Kind ChannelKind // of the channel asked about
}

// Authorizer asks every question that this service has to authz, and says what becomes of the answers: "may not know
// of it" is not_found, "knows of it and may not" names what is missing. No question is asked inside a transaction.
type Authorizer struct{ client authzv1.AuthzClient }

// NewAuthorizer is one that asks over a client.
func NewAuthorizer(client authzv1.AuthzClient) *Authorizer { return &Authorizer{client} }

// OnServer asks for a right on a server; 0 is only to be a member.
func (a *Authorizer) OnServer(ctx context.Context, user beep.UserID, id beep.ServerID, right perm.Rights) (Decision, error) {
	return a.check(ctx, right, NoServer(), &authzv1.CheckRequest{
		UserId: uint64(user), Object: &authzv1.CheckRequest_ServerId{ServerId: uint64(id)},
	})
}

// InChannel asks for a right in a channel; 0 is only to see it.
func (a *Authorizer) InChannel(ctx context.Context, user beep.UserID, id beep.ChannelID, right perm.Rights) (Decision, error) {
	return a.check(ctx, right, NoChannel(), &authzv1.CheckRequest{
		UserId: uint64(user), Object: &authzv1.CheckRequest_ChannelId{ChannelId: uint64(id)},
	})
}

// check turns a refusal into the error that the caller may see. Whether the object is not there or only hidden, authz
// does not say and the answer is hidden, the same for both.
func (a *Authorizer) check(ctx context.Context, right perm.Rights, hidden *beep.Error, q *authzv1.CheckRequest) (Decision, error) {
	if right != 0 {
		q.Right = right.String()
	}
	answer, err := a.client.Check(ctx, q)
	switch {
	case err != nil:
		return Decision{}, err
	case !answer.GetVisible():
		return Decision{}, hidden
	case right != 0 && !answer.GetAllowed():
		return Decision{}, beep.Forbidden(beep.CodeForbidden, "you need "+q.Right)
	}
	return Decision{answer.GetRev(), ChannelKind(answer.GetChannelKind())}, nil
}

// May asks whether a user may make changes, all on one server. hidden is the answer to who may not know of what they
// are about.
func (a *Authorizer) May(
	ctx context.Context, user beep.UserID, hidden *beep.Error, actions ...*authzv1.Action,
) (Decision, error) {
	answer, err := a.client.CheckActions(ctx, &authzv1.CheckActionsRequest{UserId: uint64(user), Actions: actions})
	switch {
	case err != nil:
		return Decision{}, err
	case !answer.GetVisible():
		return Decision{}, hidden
	case !answer.GetAllowed():
		return Decision{}, refusal(answer.GetCode(), answer.GetReason())
	}
	return Decision{Rev: answer.GetRev()}, nil
}

// VisibleChannels are the channels that a user sees, at a revision or later.
func (a *Authorizer) VisibleChannels(
	ctx context.Context, user beep.UserID, id beep.ServerID, rev uint64,
) (map[beep.ChannelID]bool, error) {
	answer, err := a.client.ListVisibleChannels(ctx, &authzv1.ListVisibleChannelsRequest{
		UserId: uint64(user), ServerId: uint64(id), MinRev: rev,
	})
	if err != nil {
		return nil, err
	}
	if !answer.GetMember() {
		return nil, NoServer()
	}
	seen := make(map[beep.ChannelID]bool, len(answer.GetChannelIds()))
	for _, id := range answer.GetChannelIds() {
		seen[beep.ChannelID(id)] = true
	}
	return seen, nil
}

// Explanation is how it comes that a member holds a right or does not.
type Explanation struct {
	Held  bool
	Steps []ExplanationStep
}

// ExplanationStep is one line of it. Kind is a stable name; the rest is set where it says something.
type ExplanationStep struct {
	Kind    string
	Held    bool // after it
	Decides bool
	Role    beep.RoleID
	Channel beep.ChannelID
	Right   string
}

// ExplainOnServer is how it comes that a member holds a right on a server or does not. Of who is no member there is none.
func (a *Authorizer) ExplainOnServer(
	ctx context.Context, id beep.ServerID, member beep.UserID, right perm.Rights,
) (Explanation, error) {
	return a.explain(ctx, &authzv1.ExplainRequest{
		UserId: uint64(member), Object: &authzv1.ExplainRequest_ServerId{ServerId: uint64(id)}, Right: right.String(),
	})
}

// ExplainInChannel is the same in a channel.
func (a *Authorizer) ExplainInChannel(
	ctx context.Context, id beep.ChannelID, member beep.UserID, right perm.Rights,
) (Explanation, error) {
	return a.explain(ctx, &authzv1.ExplainRequest{
		UserId: uint64(member), Object: &authzv1.ExplainRequest_ChannelId{ChannelId: uint64(id)}, Right: right.String(),
	})
}

func (a *Authorizer) explain(ctx context.Context, q *authzv1.ExplainRequest) (Explanation, error) {
	answer, err := a.client.Explain(ctx, q)
	if err != nil {
		return Explanation{}, err
	}
	if !answer.GetMember() {
		return Explanation{}, NoMember()
	}
	e := Explanation{Held: answer.GetExplanation().GetHeld()}
	for _, s := range answer.GetExplanation().GetSteps() {
		e.Steps = append(e.Steps, ExplanationStep{
			Kind: s.GetKind(), Held: s.GetHeld(), Decides: s.GetDecides(), Role: beep.RoleID(s.GetRoleId()),
			Channel: beep.ChannelID(s.GetChannelId()), Right: s.GetRight(),
		})
	}
	return e, nil
}

// Sight is what someone with certain roles and nothing else would hold.
type Sight struct {
	Rights   []string
	Channels []ChannelSight // those that would be seen, in order of id
}

// ChannelSight are the rights in one channel.
type ChannelSight struct {
	Channel beep.ChannelID
	Rights  []string
}

// ViewAs is the server as roles have it, all of which have to be there.
func (a *Authorizer) ViewAs(ctx context.Context, id beep.ServerID, roles []beep.RoleID) (Sight, error) {
	q := &authzv1.ViewAsRequest{ServerId: uint64(id)}
	for _, role := range roles {
		q.RoleIds = append(q.RoleIds, uint64(role))
	}
	answer, err := a.client.ViewAs(ctx, q)
	if err != nil {
		return Sight{}, err
	}
	if !answer.GetKnown() {
		return Sight{}, NoRole()
	}
	sight := Sight{Rights: answer.GetRights()}
	for _, c := range answer.GetChannels() {
		sight.Channels = append(sight.Channels, ChannelSight{beep.ChannelID(c.GetChannelId()), c.GetRights()})
	}
	return sight, nil
}

// refusal gives authz's reason the kind of error that belongs to its code.
func refusal(code, reason string) *beep.Error {
	kinds := map[beep.Code]beep.Kind{
		beep.CodeRoleNotFound:    beep.KindNotFound,
		beep.CodeMemberNotFound:  beep.KindNotFound,
		beep.CodeOverwriteTarget: beep.KindInvalid,
		beep.CodeInvalidField:    beep.KindInvalid,
		beep.CodeChannelSynced:   beep.KindPrecondition,
	}
	kind, ok := kinds[beep.Code(code)]
	if !ok {
		kind = beep.KindForbidden // "forbidden", "hierarchy", and whatever a newer authz refuses with
	}
	return &beep.Error{Kind: kind, Code: beep.Code(code), Msg: reason}
}
