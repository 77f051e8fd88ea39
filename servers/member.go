package servers

import (
	"context"
	"errors"

	"github.com/beep-chat/beep"
)

// Sizes of a page.
const (
	defaultPage = 50
	maxPage     = 100
)

// ListMembers answers up to limit (0 is 50) members with a greater user id than after.
func (s *Service) ListMembers(ctx context.Context, id beep.ServerID, after beep.UserID, limit int) ([]Member, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return nil, err
	}
	if limit, err = pageSize(limit); err != nil {
		return nil, err
	}
	members, err := s.store.Members(ctx, id, after, limit)
	if err != nil {
		return nil, err
	}
	if _, err := s.onServer(ctx, user, id, 0); err != nil {
		return nil, err
	}
	return members, nil
}

// GetMember answers one member to the others.
func (s *Service) GetMember(ctx context.Context, id beep.ServerID, target beep.UserID) (Member, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return Member{}, err
	}
	member, missing := s.store.Member(ctx, id, target)
	if _, err := s.onServer(ctx, user, id, 0); err != nil {
		return Member{}, err
	}
	return member, instead(missing, noMember())
}

// pageSize is the number of things on a page; 0 is as many as usual.
func pageSize(limit int) (int, error) {
	switch {
	case limit == 0:
		return defaultPage, nil
	case limit < 0 || limit > maxPage:
		return 0, beep.InvalidField(beep.CodeInvalidField, "limit", "is not between 1 and 100")
	}
	return limit, nil
}

// join makes a user a member, muted as long as the user was when leaving: between reading that and the commit nobody can
// mute who is no member.
func (s *Service) join(ctx context.Context, m Member, records ...Record) error {
	ends, err := s.store.MuteEnd(ctx, m.Server, m.User)
	if err != nil && !errors.Is(err, beep.ErrNotFound) {
		return err
	}
	m.MutedUntil, m.JoinedAt = ends, beep.Now()
	err = s.commit(ctx, Commit{
		Scope: beep.ServerScope(m.Server), Actor: m.User, Changes: []Change{MemberSet{Member: m, New: true}},
		MaxServers: s.limits.ServersPerUser, Records: records,
	})
	if errors.Is(err, ErrBanned) {
		return beep.Forbidden(beep.CodeBanned, "you are banned from this server")
	}
	return tooMany(err)
}
