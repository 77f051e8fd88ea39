package servers

import (
	"context"

	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	"github.com/beep-chat/beep/perm"
)

// Every question to authz is here, and what becomes of its answers: "may not know of it" is not_found, "knows of it
// and may not" names what is missing. No question is asked inside a transaction.

// decision is what authz allowed, and the revision of the scope that it holds for.
type decision struct {
	rev  uint64
	kind ChannelKind // of the channel asked about
}

// onServer asks for a right on a server; 0 is only to be a member.
func (s *Service) onServer(ctx context.Context, user beep.UserID, id beep.ServerID, right perm.Rights) (decision, error) {
	return s.check(ctx, right, noServer(), &authzv1.CheckRequest{
		UserId: uint64(user), Object: &authzv1.CheckRequest_ServerId{ServerId: uint64(id)},
	})
}

// inChannel asks for a right in a channel; 0 is only to see it.
func (s *Service) inChannel(ctx context.Context, user beep.UserID, id beep.ChannelID, right perm.Rights) (decision, error) {
	return s.check(ctx, right, noChannel(), &authzv1.CheckRequest{
		UserId: uint64(user), Object: &authzv1.CheckRequest_ChannelId{ChannelId: uint64(id)},
	})
}

// check turns a refusal into the error that the caller may see. Whether the object is not there or only hidden, authz
// does not say and the answer is hidden, the same for both.
func (s *Service) check(ctx context.Context, right perm.Rights, hidden *beep.Error, q *authzv1.CheckRequest) (decision, error) {
	if right != 0 {
		q.Right = right.String()
	}
	answer, err := s.authz.Check(ctx, q)
	switch {
	case err != nil:
		return decision{}, err
	case !answer.GetVisible():
		return decision{}, hidden
	case right != 0 && !answer.GetAllowed():
		return decision{}, beep.Forbidden(beep.CodeForbidden, "you need "+q.Right)
	}
	return decision{answer.GetRev(), ChannelKind(answer.GetChannelKind())}, nil
}

// onMember asks whether a user may act on a member of a server with a right.
func (s *Service) onMember(
	ctx context.Context, user beep.UserID, target Member, right perm.Rights,
) (decision, error) {
	answer, err := s.authz.CheckMember(ctx, &authzv1.CheckMemberRequest{
		UserId: uint64(user), ServerId: uint64(target.Server), TargetId: uint64(target.User), Right: right.String(),
	})
	switch {
	case err != nil:
		return decision{}, err
	case !answer.GetVisible():
		return decision{}, noServer()
	case !answer.GetAllowed():
		return decision{}, refusal(answer.GetCode(), answer.GetReason())
	}
	return decision{rev: answer.GetRev()}, nil
}

// toOverwrite asks whether a user may give an overwrite these rights; none at all is to clear it.
func (s *Service) toOverwrite(ctx context.Context, user beep.UserID, o Overwrite) (decision, error) {
	answer, err := s.authz.CheckOverwrite(ctx, &authzv1.CheckOverwriteRequest{
		UserId: uint64(user), ChannelId: uint64(o.Channel), RoleId: uint64(o.Role), MemberId: uint64(o.Member),
		Allow: o.Allow.Names(), Deny: o.Deny.Names(),
	})
	switch {
	case err != nil:
		return decision{}, err
	case !answer.GetVisible():
		return decision{}, noChannel()
	case !answer.GetAllowed():
		return decision{}, refusal(answer.GetCode(), answer.GetReason())
	}
	return decision{rev: answer.GetRev()}, nil
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
