package sqlstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/kit/sqldb"
	"github.com/beep-chat/beep/servers"
)

// Server reads one server.
func (s *Store) Server(ctx context.Context, id beep.ServerID) (servers.Server, error) {
	server, err := scanServer(s.db.QueryRow(ctx, `SELECT id, name, description, owner_id, created_at, member_count, public,
		system_channel FROM servers WHERE id = ?`, int64(id)))
	return server, found(err)
}

// ServersOf reads what a user belongs to. The revision of the personal scope gives the order: it is exact where the
// times of joining may be the same, or of clocks that differ.
func (s *Store) ServersOf(ctx context.Context, user beep.UserID) ([]servers.Server, error) {
	return list(ctx, s.db, scanServer, `SELECT s.id, s.name, s.description, s.owner_id, s.created_at, s.member_count,
		s.public, s.system_channel FROM memberships m JOIN servers s ON s.id = m.scope_id
		WHERE m.user_id = ? AND m.scope_kind = ? ORDER BY m.rev`, int64(user), int64(beep.ScopeServer))
}

// Members reads a page of members and the roles of those between its first and its last: two queries, whatever the
// size of the page.
func (s *Store) Members(ctx context.Context, server beep.ServerID, after beep.UserID, limit int) ([]servers.Member, error) {
	page, err := list(ctx, s.db, scanMember, `SELECT m.user_id, m.server_id, m.joined_at, m.nickname, COALESCE(u.ends_at, 0)
		FROM members m LEFT JOIN mutes u ON u.server_id = m.server_id AND u.user_id = m.user_id
		WHERE m.server_id = ? AND m.user_id > ? ORDER BY m.user_id LIMIT ?`, int64(server), int64(after), limit)
	if err != nil || len(page) == 0 {
		return nil, err
	}
	type given struct {
		user beep.UserID
		role beep.RoleID
	}
	roles, err := list(ctx, s.db, func(row sqldb.Scanner) (g given, err error) {
		err = row.Scan(&g.user, &g.role)
		return g, err
	}, `SELECT user_id, role_id FROM member_roles
		WHERE server_id = ? AND user_id >= ? AND user_id <= ? ORDER BY user_id, role_id`,
		int64(server), int64(page[0].User), int64(page[len(page)-1].User))
	if err != nil {
		return nil, fmt.Errorf("read roles of members of %s: %w", server, err)
	}
	i := 0
	for _, g := range roles { // both are in order of user; who joined between the two reads is skipped
		for i < len(page)-1 && page[i].User < g.user {
			i++
		}
		if page[i].User == g.user {
			page[i].Roles = append(page[i].Roles, g.role)
		}
	}
	return page, nil
}

// Member reads one member. Anything but an exact hit is the next member in order, or none.
func (s *Store) Member(ctx context.Context, server beep.ServerID, user beep.UserID) (servers.Member, error) {
	page, err := s.Members(ctx, server, user-1, 1)
	if err == nil && (len(page) == 0 || page[0].User != user) {
		err = beep.ErrNotFound
	}
	if err != nil {
		return servers.Member{}, err
	}
	return page[0], nil
}

// MuteEnd reads until when a user is muted, member or not.
func (s *Store) MuteEnd(ctx context.Context, server beep.ServerID, user beep.UserID) (time.Time, error) {
	var ends int64
	err := s.db.QueryRow(ctx, `SELECT ends_at FROM mutes WHERE server_id = ? AND user_id = ?`,
		int64(server), int64(user)).Scan(&ends)
	return instant(ends), found(err)
}

// MutesEnding reads whose mute is over: most of the time nothing.
func (s *Store) MutesEnding(ctx context.Context, at time.Time, limit int) ([]servers.Member, error) {
	over, err := list(ctx, s.db, scanMember, `SELECT m.user_id, m.server_id, m.joined_at, m.nickname, u.ends_at
		FROM mutes u JOIN members m ON m.server_id = u.server_id AND m.user_id = u.user_id
		WHERE u.ends_at <= ? ORDER BY u.ends_at, u.server_id, u.user_id LIMIT ?`, millis(at), limit)
	if err != nil {
		return nil, err
	}
	members := over[:0]
	for _, m := range over {
		switch m, err = s.Member(ctx, m.Server, m.User); {
		case err == nil:
			members = append(members, m)
		case !errors.Is(err, beep.ErrNotFound): // has left since
			return nil, err
		}
	}
	return members, nil
}

// Roles reads a server's roles.
func (s *Store) Roles(ctx context.Context, server beep.ServerID) ([]servers.Role, error) {
	return list(ctx, s.db, scanRole, `SELECT id, server_id, name, position, rights, color, hoist, mentionable
		FROM roles WHERE server_id = ? ORDER BY position DESC, id`, int64(server))
}

// Channel reads one channel.
func (s *Store) Channel(ctx context.Context, id beep.ChannelID) (servers.Channel, error) {
	c, err := scanChannel(s.db.QueryRow(ctx, `SELECT id, server_id, kind, name, topic, parent_id, position, synced
		FROM channels WHERE id = ?`, int64(id)))
	return c, found(err)
}

// Channels reads all channels of a server.
func (s *Store) Channels(ctx context.Context, server beep.ServerID) ([]servers.Channel, error) {
	return list(ctx, s.db, scanChannel, `SELECT id, server_id, kind, name, topic, parent_id, position, synced
		FROM channels WHERE server_id = ? ORDER BY position, id`, int64(server))
}

// Overwrites reads a channel's own overwrites.
func (s *Store) Overwrites(ctx context.Context, channel beep.ChannelID) ([]servers.Overwrite, error) {
	return list(ctx, s.db, scanOverwrite, `SELECT id, channel_id, role_id, member_id, allow, deny
		FROM overwrites WHERE channel_id = ? ORDER BY id`, int64(channel))
}

// Invitation reads one invitation.
func (s *Store) Invitation(ctx context.Context, code string) (servers.Invitation, error) {
	i, err := scanInvitation(s.db.QueryRow(ctx, `SELECT code, server_id, creator_id, max_uses, uses, expires_at, created_at
		FROM invitations WHERE code = ?`, code))
	return i, found(err)
}

// Invitations reads a server's live invitations: the same conditions as where one is used.
func (s *Store) Invitations(ctx context.Context, server beep.ServerID, at time.Time, limit int) ([]servers.Invitation, error) {
	return list(ctx, s.db, scanInvitation, `SELECT code, server_id, creator_id, max_uses, uses, expires_at, created_at
		FROM invitations WHERE server_id = ? AND (max_uses = 0 OR uses < max_uses) AND (expires_at = 0 OR expires_at > ?)
		ORDER BY created_at DESC, code LIMIT ?`, int64(server), millis(at), limit)
}

// Ban reads one ban.
func (s *Store) Ban(ctx context.Context, server beep.ServerID, user beep.UserID) (servers.Ban, error) {
	b, err := scanBan(s.db.QueryRow(ctx, `SELECT id, server_id, user_id, actor_id, reason, created_at
		FROM bans WHERE server_id = ? AND user_id = ?`, int64(server), int64(user)))
	return b, found(err)
}

// Bans reads a page of bans.
func (s *Store) Bans(ctx context.Context, server beep.ServerID, before uint64, limit int) ([]servers.Ban, error) {
	return list(ctx, s.db, scanBan, `SELECT id, server_id, user_id, actor_id, reason, created_at
		FROM bans WHERE server_id = ? AND id < ? ORDER BY id DESC LIMIT ?`, int64(server), below(before), limit)
}

// Purges reads what is still to be deleted.
func (s *Store) Purges(ctx context.Context, limit int) ([]servers.Purge, error) {
	return list(ctx, s.db, scanPurge, `SELECT id, server_id, user_id, actor_id, since, created_at
		FROM purges ORDER BY id LIMIT ?`, limit)
}

// AuditEntries reads a page of the audit log. Each filter that leaves out many has an index; the action alone has none,
// since there are few and a page of one is soon found.
func (s *Store) AuditEntries(ctx context.Context, q servers.AuditQuery) ([]servers.AuditEntry, error) {
	query := `SELECT id, server_id, actor_id, action, target_id, changes, reason, created_at
		FROM audit_entries WHERE server_id = ? AND id < ?`
	args := []any{int64(q.Server), below(q.Before)}
	if q.Actor != 0 {
		query, args = query+` AND actor_id = ?`, append(args, int64(q.Actor))
	}
	if q.Target != 0 {
		query, args = query+` AND target_id = ?`, append(args, int64(q.Target))
	}
	if q.Action != "" {
		query, args = query+` AND action = ?`, append(args, string(q.Action))
	}
	return list(ctx, s.db, scanAuditEntry, query+` ORDER BY id DESC LIMIT ?`, append(args, q.Limit)...)
}

// below is the bound of a page that goes down from an id; 0 is no bound.
func below(before uint64) int64 {
	if before == 0 || before > math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(before)
}

func scanServer(row sqldb.Scanner) (s servers.Server, err error) {
	var created int64
	err = row.Scan(&s.ID, &s.Name, &s.Description, &s.Owner, &created, &s.MemberCount, &s.Public, &s.SystemChannel)
	s.CreatedAt = instant(created)
	return s, err
}

func scanMember(row sqldb.Scanner) (m servers.Member, err error) {
	var joined, muted int64
	err = row.Scan(&m.User, &m.Server, &joined, &m.Nickname, &muted)
	m.JoinedAt, m.MutedUntil = instant(joined), instant(muted)
	return m, err
}

func scanRole(row sqldb.Scanner) (r servers.Role, err error) {
	err = row.Scan(&r.ID, &r.Server, &r.Name, &r.Position, &r.Rights, &r.Color, &r.Hoist, &r.Mentionable)
	return r, err
}

func scanChannel(row sqldb.Scanner) (c servers.Channel, err error) {
	err = row.Scan(&c.ID, &c.Server, &c.Kind, &c.Name, &c.Topic, &c.Parent, &c.Position, &c.Synced)
	return c, err
}

func scanOverwrite(row sqldb.Scanner) (o servers.Overwrite, err error) {
	err = row.Scan(&o.ID, &o.Channel, &o.Role, &o.Member, &o.Allow, &o.Deny)
	return o, err
}

func scanInvitation(row sqldb.Scanner) (i servers.Invitation, err error) {
	var expires, created int64
	err = row.Scan(&i.Code, &i.Server, &i.Creator, &i.MaxUses, &i.Uses, &expires, &created)
	i.ExpiresAt, i.CreatedAt = instant(expires), instant(created)
	return i, err
}

func scanBan(row sqldb.Scanner) (b servers.Ban, err error) {
	var created int64
	err = row.Scan(&b.ID, &b.Server, &b.User, &b.Actor, &b.Reason, &created)
	b.CreatedAt = instant(created)
	return b, err
}

func scanPurge(row sqldb.Scanner) (p servers.Purge, err error) {
	var since, created int64
	err = row.Scan(&p.ID, &p.Server, &p.User, &p.Actor, &since, &created)
	p.Since, p.CreatedAt = instant(since), instant(created)
	return p, err
}

func scanAuditEntry(row sqldb.Scanner) (e servers.AuditEntry, err error) {
	var created int64
	var changes string
	if err := row.Scan(&e.ID, &e.Server, &e.Actor, &e.Action, &e.Target, &changes, &e.Reason, &created); err != nil {
		return e, err
	}
	e.CreatedAt = instant(created)
	err = json.Unmarshal([]byte(changes), &e.Changes)
	return e, err
}
