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
