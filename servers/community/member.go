package community

import (
	"context"
	"errors"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/servers"
)

// ListMembers answers up to limit (0 is 50) members with a greater user id than after.
func (s *Service) ListMembers(ctx context.Context, id beep.ServerID, after beep.UserID, limit int) ([]servers.Member, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return nil, err
	}
	if limit, err = servers.PageSize(limit); err != nil {
		return nil, err
	}
	members, err := s.store.Members(ctx, id, after, limit)
	if err != nil {
		return nil, err
	}
	if _, err := s.authz.OnServer(ctx, user, id, 0); err != nil {
		return nil, err
	}
	return members, nil
}

// GetMember answers one member to the others.
func (s *Service) GetMember(ctx context.Context, id beep.ServerID, target beep.UserID) (servers.Member, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return servers.Member{}, err
	}
	member, missing := s.store.Member(ctx, id, target)
	if _, err := s.authz.OnServer(ctx, user, id, 0); err != nil {
		return servers.Member{}, err
	}
	return member, servers.Instead(missing, servers.NoMember())
}

// join makes a user a member, muted as long as the user was when leaving: between reading that and the commit nobody can
// mute who is no member. expect is the revision at which it was decided that the user may; 0 is any.
func (s *Service) join(ctx context.Context, m servers.Member, expect uint64, records ...servers.Record) error {
	ends, err := s.store.MuteEnd(ctx, m.Server, m.User)
	if err != nil && !errors.Is(err, beep.ErrNotFound) {
		return err
	}
	m.MutedUntil, m.JoinedAt = ends, beep.Now()
	err = s.changes.Commit(ctx, servers.Commit{
		Scope: beep.ServerScope(m.Server), Expect: expect, Actor: m.User, Changes: []servers.Change{servers.MemberSet{Member: m, New: true}},
		MaxServers: s.limits.ServersPerUser, Records: records,
	})
	if errors.Is(err, servers.ErrBanned) {
		return beep.Forbidden(beep.CodeBanned, "you are banned from this server")
	}
	return tooMany(err)
}
