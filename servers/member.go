package servers

import (
	"context"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/perm"
)

// Sizes of a page of members.
const (
	defaultPage = 50
	maxPage     = 100
)

// ListMembers answers up to limit (0 is 50) members with a greater user id than after.
func (s *Service) ListMembers(ctx context.Context, id beep.ServerID, after beep.UserID, limit uint32) ([]Member, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return nil, err
	}
	if limit > maxPage {
		return nil, beep.InvalidField(beep.CodeInvalidField, "limit", "is not between 1 and 100")
	}
	if limit == 0 {
		limit = defaultPage
	}
	members, err := s.store.Members(ctx, id, after, int(limit))
	if err != nil {
		return nil, err
	}
	if _, err := s.onServer(ctx, user, id, 0); err != nil {
		return nil, err
	}
	return members, nil
}

// KickMember ends another's membership. It takes effect with its answer: every decision asked for later is made without
// the membership. Who was kicked may come back by an invitation; a ban is what keeps someone out.
func (s *Service) KickMember(ctx context.Context, id beep.ServerID, target beep.UserID) error {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return err
	}
	return s.settle(ctx, func() error {
		d, err := s.onMember(ctx, user, Member{Server: id, User: target}, perm.ManageMembers)
		if err != nil {
			return err
		}
		return s.commit(ctx, Commit{
			Scope: beep.ServerScope(id), Expect: d.rev, Actor: user, Changes: []Change{MemberRemoved{target}},
		})
	})
}
