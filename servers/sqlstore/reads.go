package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/kit/sqldb"
	"github.com/beep-chat/beep/servers"
)

// Server reads one server.
func (s *Store) Server(ctx context.Context, id beep.ServerID) (servers.Server, error) {
	server, err := scanServer(s.db.QueryRow(ctx, `SELECT id, name, description, owner_id, created_at, member_count
		FROM servers WHERE id = ?`, int64(id)))
	return server, found(err)
}

// ServersOf reads what a user belongs to. The revision of the personal scope gives the order: it is exact where the
// times of joining may be the same, or of clocks that differ.
func (s *Store) ServersOf(ctx context.Context, user beep.UserID) ([]servers.Server, error) {
	return list(ctx, s.db, scanServer, `SELECT s.id, s.name, s.description, s.owner_id, s.created_at, s.member_count
		FROM memberships m JOIN servers s ON s.id = m.scope_id
		WHERE m.user_id = ? AND m.scope_kind = ? ORDER BY m.rev`, int64(user), int64(beep.ScopeServer))
}

// Members reads a page of members and the roles of those between its first and its last: two queries, whatever the
// size of the page.
func (s *Store) Members(ctx context.Context, server beep.ServerID, after beep.UserID, limit int) ([]servers.Member, error) {
	page, err := list(ctx, s.db, scanMember, `SELECT user_id, server_id, joined_at FROM members
		WHERE server_id = ? AND user_id > ? ORDER BY user_id LIMIT ?`, int64(server), int64(after), limit)
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

func scanServer(row sqldb.Scanner) (s servers.Server, err error) {
	var created int64
	err = row.Scan(&s.ID, &s.Name, &s.Description, &s.Owner, &created, &s.MemberCount)
	s.CreatedAt = instant(created)
	return s, err
}

func scanMember(row sqldb.Scanner) (m servers.Member, err error) {
	var joined int64
	err = row.Scan(&m.User, &m.Server, &joined)
	m.JoinedAt = instant(joined)
	return m, err
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
