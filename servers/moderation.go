package servers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	"github.com/beep-chat/beep/perm"
)

const (
	nicknameLength = 32
	maxMute        = 28 * 24 * time.Hour
	// endingMutes is how often it is looked whose mute is over: what the end of one may be late by.
	endingMutes = 500 * time.Millisecond
	// mutesAtOnce bounds what one look ends; the rest is ended by the next.
	mutesAtOnce = 200
)

// KickMember ends another's membership. It takes effect with its answer: every decision asked for later is made without
// the membership. Who was kicked may come back by an invitation; a ban is what keeps someone out.
func (s *Service) KickMember(ctx context.Context, id beep.ServerID, target beep.UserID, reason string) error {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return err
	}
	if err := checkReason(reason); err != nil {
		return err
	}
	return s.settle(ctx, func() error {
		d, err := s.may(ctx, user, noServer(), onMember(id, target, perm.ManageMembers))
		if err != nil {
			return err
		}
		return s.commit(ctx, Commit{
			Scope: beep.ServerScope(id), Expect: d.rev, Actor: user, Changes: []Change{MemberRemoved{target}},
			Records: []Record{s.audited(done{id, user, AuditMemberKick, uint64(target), reason})},
		})
	})
}

// UpdateNickname changes what a member is called on a server; empty is the user's own name.
func (s *Service) UpdateNickname(ctx context.Context, to Member, reason string) (after Member, err error) {
	if err := checkText("nickname", to.Nickname, nicknameLength, ""); err != nil {
		return Member{}, err
	}
	action := &authzv1.Action{Kind: &authzv1.Action_Rename{Rename: target(to.Server, to.User)}}
	err = s.changeMember(ctx, action, done{
		server: to.Server, action: AuditMemberNickname, target: uint64(to.User), reason: reason,
	}, func(m *Member) ([]AuditChange, error) {
		before := m.Nickname
		m.Nickname = to.Nickname
		after = *m
		return []AuditChange{{"nickname", texts(before), texts(to.Nickname)}}, nil
	})
	return after, err
}

// MuteMember leaves a member nothing but reading for a time.
func (s *Service) MuteMember(
	ctx context.Context, id beep.ServerID, user beep.UserID, length time.Duration, reason string,
) (after Member, err error) {
	if length < time.Second || length > maxMute {
		return Member{}, beep.InvalidField(beep.CodeInvalidField, "seconds", fmt.Sprintf("is not between 1 and %d", int(maxMute/time.Second)))
	}
	err = s.changeMember(ctx, onMember(id, user, perm.ManageMembers), done{
		server: id, action: AuditMemberMute, target: uint64(user), reason: reason,
	}, func(m *Member) ([]AuditChange, error) {
		before := m.MutedUntil
		m.MutedUntil = beep.Now().Add(length)
		after = *m
		return []AuditChange{{"muted_until", instants(before), instants(m.MutedUntil)}}, nil
	})
	return after, err
}

// UnmuteMember ends a mute before its time; of who is not muted there is nothing to change.
func (s *Service) UnmuteMember(ctx context.Context, id beep.ServerID, user beep.UserID, reason string) error {
	return s.changeMember(ctx, onMember(id, user, perm.ManageMembers), done{
		server: id, action: AuditMemberUnmute, target: uint64(user), reason: reason,
	}, func(m *Member) ([]AuditChange, error) {
		before := m.MutedUntil
		m.MutedUntil = time.Time{}
		return []AuditChange{{"muted_until", instants(before), nil}}, nil
	})
}

func instants(t time.Time) []string {
	if t.IsZero() {
		return nil
	}
	return []string{t.Format(time.RFC3339Nano)}
}

// changeMember changes a member, if the action is allowed. change says what it changed, in the words of the audit log;
// where that is nothing, nothing is committed.
func (s *Service) changeMember(
	ctx context.Context, action *authzv1.Action, what done, change func(*Member) ([]AuditChange, error),
) error {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return err
	}
	if err := checkReason(what.reason); err != nil {
		return err
	}
	what.actor = user
	return s.settle(ctx, func() error {
		d, err := s.may(ctx, user, noServer(), action)
		if err != nil {
			return err
		}
		member, err := s.store.Member(ctx, what.server, beep.UserID(what.target))
		if err != nil {
			return instead(err, noMember())
		}
		changes, err := change(&member)
		if err != nil {
			return err
		}
		record := s.audited(what, changes...)
		if len(record.Changes) == 0 {
			return nil
		}
		return s.commit(ctx, Commit{
			Scope: beep.ServerScope(what.server), Expect: d.rev, Actor: user, Changes: []Change{MemberSet{Member: member}},
			Records: []Record{record},
		})
	})
}

// BanUser keeps a user out, and puts out who is a member. Who is banned already stays so, by the first ban.
func (s *Service) BanUser(
	ctx context.Context, id beep.ServerID, user beep.UserID, reason string,
) (ban Ban, err error) {
	actor, err := beep.UserFrom(ctx)
	if err != nil {
		return Ban{}, err
	}
	if err := checkReason(reason); err != nil {
		return Ban{}, err
	}
	err = s.settle(ctx, func() error {
		d, err := s.may(ctx, actor, noServer(), &authzv1.Action{Kind: &authzv1.Action_Ban{Ban: target(id, user)}})
		if err != nil {
			return err
		}
		if ban, err = s.store.Ban(ctx, id, user); !errors.Is(err, beep.ErrNotFound) {
			return err
		}
		ban = Ban{ID: s.minter.Next(), Server: id, User: user, Actor: actor, Reason: reason, CreatedAt: beep.Now()}
		c := Commit{
			Scope: beep.ServerScope(id), Expect: d.rev, Actor: actor,
			Records: []Record{BanSet{ban}, s.audited(done{id, actor, AuditMemberBan, uint64(user), reason})},
		}
		switch _, err := s.store.Member(ctx, id, user); {
		case err == nil:
			c.Changes = []Change{MemberRemoved{user}}
		case !errors.Is(err, beep.ErrNotFound):
			return err
		}
		return s.commit(ctx, c)
	})
	return ban, err
}

// UnbanUser lets a user in again, by whatever way is open to everyone.
func (s *Service) UnbanUser(ctx context.Context, id beep.ServerID, user beep.UserID, reason string) error {
	actor, err := beep.UserFrom(ctx)
	if err != nil {
		return err
	}
	if err := checkReason(reason); err != nil {
		return err
	}
	return s.settle(ctx, func() error {
		d, err := s.onServer(ctx, actor, id, perm.ManageMembers)
		if err != nil {
			return err
		}
		err = s.commit(ctx, Commit{
			Scope: beep.ServerScope(id), Expect: d.rev, Actor: actor, Records: []Record{
				BanRemoved{id, user}, s.audited(done{id, actor, AuditMemberUnban, uint64(user), reason}),
			},
		})
		return instead(err, beep.NotFound(beep.CodeBanNotFound, "this user is not banned"))
	})
}

// ListBans answers a page of a server's bans, newest first.
func (s *Service) ListBans(ctx context.Context, id beep.ServerID, before uint64, limit int) ([]Ban, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return nil, err
	}
	if limit, err = pageSize(limit); err != nil {
		return nil, err
	}
	list, err := s.store.Bans(ctx, id, before, limit)
	if err != nil {
		return nil, err
	}
	if _, err := s.onServer(ctx, user, id, perm.ManageMembers); err != nil {
		return nil, err
	}
	return list, nil
}

// endMutes ends the mutes whose time is over. Who decides looks at no clock, so until the change is committed the mute
// holds. Replicas do the same side by side: each mute is ended by one of them, since the change of the other conflicts.
func (s *Service) endMutes(ctx context.Context) {
	over, err := s.store.MutesEnding(ctx, beep.Now(), mutesAtOnce)
	if err != nil {
		s.log.WarnContext(ctx, "cannot look whose mute is over", "error", err)
		return
	}
	for _, m := range over {
		if err := s.endMute(ctx, m); err != nil && !errors.Is(err, errMoved) {
			s.log.WarnContext(ctx, "cannot end a mute", "server_id", m.Server.String(), "error", err)
		}
	}
}

// endMute ends the mute of a member as it was read, unless the member has changed since.
func (s *Service) endMute(ctx context.Context, was Member) error {
	scope := beep.ServerScope(was.Server)
	revs, err := s.store.Revs(ctx, []beep.Scope{scope})
	if err != nil {
		return err
	}
	m, err := s.store.Member(ctx, was.Server, was.User)
	if err != nil || !m.MutedUntil.Equal(was.MutedUntil) {
		return instead(err, noMember())
	}
	m.MutedUntil = time.Time{}
	return s.commit(ctx, Commit{
		Scope: scope, Expect: revs[0], Changes: []Change{MemberSet{Member: m}},
		Records: []Record{s.audited(done{server: m.Server, action: AuditMemberUnmute, target: uint64(m.User)},
			AuditChange{"muted_until", instants(was.MutedUntil), nil})},
	})
}
