package community

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/servers"
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
	if err := servers.CheckReason(reason); err != nil {
		return err
	}
	return servers.Settle(ctx, func() error {
		d, err := s.authz.May(ctx, user, servers.NoServer(), onMember(id, target, perm.ManageMembers))
		if err != nil {
			return err
		}
		return s.changes.Commit(ctx, servers.Commit{
			Scope: beep.ServerScope(id), Expect: d.Rev, Actor: user, Changes: []servers.Change{servers.MemberRemoved{User: target}},
			Records: []servers.Record{s.changes.Audited(servers.Deed{
				Server: id, Actor: user, Action: servers.AuditMemberKick, Target: uint64(target), Reason: reason,
			})},
		})
	})
}

// UpdateNickname changes what a member is called on a server; empty is the user's own name.
func (s *Service) UpdateNickname(ctx context.Context, to servers.Member, reason string) (after servers.Member, err error) {
	if err := servers.CheckText("nickname", to.Nickname, nicknameLength, ""); err != nil {
		return servers.Member{}, err
	}
	action := &authzv1.Action{Kind: &authzv1.Action_Rename{Rename: target(to.Server, to.User)}}
	err = s.changeMember(ctx, action, servers.Deed{
		Server: to.Server, Action: servers.AuditMemberNickname, Target: uint64(to.User), Reason: reason,
	}, func(m *servers.Member) ([]servers.AuditChange, error) {
		before := m.Nickname
		m.Nickname = to.Nickname
		after = *m
		return []servers.AuditChange{servers.Changed("nickname", servers.Texts(before), servers.Texts(to.Nickname))}, nil
	})
	return after, err
}

// MuteMember leaves a member nothing but reading for a time.
func (s *Service) MuteMember(
	ctx context.Context, id beep.ServerID, user beep.UserID, length time.Duration, reason string,
) (after servers.Member, err error) {
	if length < time.Second || length > maxMute {
		return servers.Member{}, beep.InvalidField(beep.CodeInvalidField, "seconds", fmt.Sprintf("is not between 1 and %d", int(maxMute/time.Second)))
	}
	err = s.changeMember(ctx, onMember(id, user, perm.ManageMembers), servers.Deed{
		Server: id, Action: servers.AuditMemberMute, Target: uint64(user), Reason: reason,
	}, func(m *servers.Member) ([]servers.AuditChange, error) {
		before := m.MutedUntil
		m.MutedUntil = beep.Now().Add(length)
		after = *m
		return []servers.AuditChange{servers.Changed("muted_until", servers.Instant(before), servers.Instant(m.MutedUntil))}, nil
	})
	return after, err
}

// UnmuteMember ends a mute before its time; of who is not muted there is nothing to change.
func (s *Service) UnmuteMember(ctx context.Context, id beep.ServerID, user beep.UserID, reason string) error {
	return s.changeMember(ctx, onMember(id, user, perm.ManageMembers), servers.Deed{
		Server: id, Action: servers.AuditMemberUnmute, Target: uint64(user), Reason: reason,
	}, func(m *servers.Member) ([]servers.AuditChange, error) {
		before := m.MutedUntil
		m.MutedUntil = time.Time{}
		return []servers.AuditChange{servers.Changed("muted_until", servers.Instant(before), nil)}, nil
	})
}

// changeMember changes a member, if the action is allowed. change says what it changed, in the words of the audit log;
// where that is nothing, nothing is committed.
func (s *Service) changeMember(
	ctx context.Context, action *authzv1.Action, what servers.Deed, change func(*servers.Member) ([]servers.AuditChange, error),
) error {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return err
	}
	if err := servers.CheckReason(what.Reason); err != nil {
		return err
	}
	what.Actor = user
	return servers.Settle(ctx, func() error {
		d, err := s.authz.May(ctx, user, servers.NoServer(), action)
		if err != nil {
			return err
		}
		member, err := s.store.Member(ctx, what.Server, beep.UserID(what.Target))
		if err != nil {
			return servers.Instead(err, servers.NoMember())
		}
		changes, err := change(&member)
		if err != nil {
			return err
		}
		record := s.changes.Audited(what, changes...)
		if len(record.Changes) == 0 {
			return nil
		}
		return s.changes.Commit(ctx, servers.Commit{
			Scope: beep.ServerScope(what.Server), Expect: d.Rev, Actor: user, Changes: []servers.Change{servers.MemberSet{Member: member}},
			Records: []servers.Record{record},
		})
	})
}

// NewBan is what BanUser takes.
type NewBan struct {
	Server beep.ServerID
	User   beep.UserID
	Purge  time.Duration // what the user wrote in this time before is deleted
	Reason string
}

// BanUser keeps a user out, and puts out who is a member. Who is banned already stays so, by the first ban.
func (s *Service) BanUser(ctx context.Context, draft NewBan) (ban servers.Ban, err error) {
	actor, err := beep.UserFrom(ctx)
	if err != nil {
		return servers.Ban{}, err
	}
	if err := servers.CheckReason(draft.Reason); err != nil {
		return servers.Ban{}, err
	}
	if draft.Purge > maxPurge {
		return servers.Ban{}, beep.InvalidField(beep.CodeInvalidField, "purge_seconds", "is more than 604800")
	}
	err = servers.Settle(ctx, func() (err error) {
		ban, err = s.banUser(ctx, actor, draft)
		return err
	})
	if err == nil && draft.Purge > 0 {
		select {
		case s.purges <- struct{}{}:
		default: // it is about to look anyway
		}
	}
	return ban, err
}

// banUser is one try of BanUser.
func (s *Service) banUser(ctx context.Context, actor beep.UserID, draft NewBan) (servers.Ban, error) {
	id, user := draft.Server, draft.User
	d, err := s.authz.May(ctx, actor, servers.NoServer(), &authzv1.Action{Kind: &authzv1.Action_Ban{Ban: target(id, user)}})
	if err != nil {
		return servers.Ban{}, err
	}
	ban, missing := s.store.Ban(ctx, id, user)
	if missing != nil && !errors.Is(missing, beep.ErrNotFound) {
		return servers.Ban{}, missing
	}
	c := servers.Commit{Scope: beep.ServerScope(id), Expect: d.Rev, Actor: actor}
	if missing != nil {
		ban = servers.Ban{ID: s.minter.Next(), Server: id, User: user, Actor: actor, Reason: draft.Reason, CreatedAt: beep.Now()}
		c.Records = []servers.Record{servers.BanSet{Ban: ban}, s.changes.Audited(servers.Deed{
			Server: id, Actor: actor, Action: servers.AuditMemberBan, Target: uint64(user), Reason: draft.Reason,
		})}
		switch _, err := s.store.Member(ctx, id, user); {
		case err == nil:
			c.Changes = []servers.Change{servers.MemberRemoved{User: user}}
		case !errors.Is(err, beep.ErrNotFound):
			return servers.Ban{}, err
		}
	}
	if draft.Purge > 0 {
		c.Records = append(c.Records, s.wanted(actor, draft)...)
	}
	if len(c.Records) == 0 {
		return ban, nil
	}
	return ban, s.changes.Commit(ctx, c)
}

// UnbanUser lets a user in again, by whatever way is open to everyone.
func (s *Service) UnbanUser(ctx context.Context, id beep.ServerID, user beep.UserID, reason string) error {
	actor, err := beep.UserFrom(ctx)
	if err != nil {
		return err
	}
	if err := servers.CheckReason(reason); err != nil {
		return err
	}
	return servers.Settle(ctx, func() error {
		d, err := s.authz.OnServer(ctx, actor, id, perm.ManageMembers)
		if err != nil {
			return err
		}
		err = s.changes.Commit(ctx, servers.Commit{
			Scope: beep.ServerScope(id), Expect: d.Rev, Actor: actor, Records: []servers.Record{
				servers.BanRemoved{Server: id, User: user}, s.changes.Audited(servers.Deed{
					Server: id, Actor: actor, Action: servers.AuditMemberUnban, Target: uint64(user), Reason: reason,
				}),
			},
		})
		return servers.Instead(err, beep.NotFound(beep.CodeBanNotFound, "this user is not banned"))
	})
}

// ListBans answers a page of a server's bans, newest first.
func (s *Service) ListBans(ctx context.Context, id beep.ServerID, before uint64, limit int) ([]servers.Ban, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return nil, err
	}
	if limit, err = servers.PageSize(limit); err != nil {
		return nil, err
	}
	list, err := s.store.Bans(ctx, id, before, limit)
	if err != nil {
		return nil, err
	}
	if _, err := s.authz.OnServer(ctx, user, id, perm.ManageMembers); err != nil {
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
		if err := s.endMute(ctx, m); err != nil && !errors.Is(err, servers.ErrMoved) {
			s.log.WarnContext(ctx, "cannot end a mute", "server_id", m.Server.String(), "error", err)
		}
	}
}

// endMute ends the mute of a member as it was read, unless the member has changed since.
func (s *Service) endMute(ctx context.Context, was servers.Member) error {
	scope := beep.ServerScope(was.Server)
	revs, err := s.store.Revs(ctx, []beep.Scope{scope})
	if err != nil {
		return err
	}
	m, err := s.store.Member(ctx, was.Server, was.User)
	if err != nil || !m.MutedUntil.Equal(was.MutedUntil) {
		return servers.Instead(err, servers.NoMember())
	}
	m.MutedUntil = time.Time{}
	return s.changes.Commit(ctx, servers.Commit{
		Scope: scope, Expect: revs[0], Changes: []servers.Change{servers.MemberSet{Member: m}},
		Records: []servers.Record{s.changes.Audited(servers.Deed{
			Server: m.Server, Action: servers.AuditMemberUnmute, Target: uint64(m.User),
		},
			servers.Changed("muted_until", servers.Instant(was.MutedUntil), nil))},
	})
}
