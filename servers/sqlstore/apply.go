package sqlstore

import (
	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/kit/sqldb"
	"github.com/beep-chat/beep/servers"
)

// apply brings the tables to what they are after a change. rev is the change's place in the scope's log.
func (t *transaction) apply(scope beep.Scope, rev uint64, change servers.Change) {
	switch c := change.(type) {
	case servers.ServerSet:
		t.server(c)
	case servers.ServerRemoved:
		t.removeServer(scope)
	case servers.RoleSet:
		t.role(c)
	case servers.RoleRemoved:
		t.removeRole(scope, c)
	case servers.MemberSet:
		t.member(c)
	case servers.MemberRemoved:
		t.exec(`DELETE FROM member_roles WHERE server_id = ? AND user_id = ?`, int64(scope.ID), int64(c.User))
		t.one(beep.ErrConflict, `DELETE FROM members WHERE server_id = ? AND user_id = ?`, int64(scope.ID), int64(c.User))
		t.exec(`UPDATE servers SET member_count = member_count - 1 WHERE id = ?`, int64(scope.ID))
	case servers.ChannelSet:
		t.channel(scope, c)
	case servers.ChannelRemoved:
		t.exec(`DELETE FROM overwrites WHERE channel_id = ?`, int64(c.ID))
		t.exec(`DELETE FROM webhooks WHERE channel_id = ?`, int64(c.ID))
		t.exec(`DELETE FROM thread_members WHERE thread_id IN (SELECT id FROM threads WHERE channel_id = ?)`, int64(c.ID))
		t.exec(`DELETE FROM threads WHERE channel_id = ?`, int64(c.ID))
		t.one(beep.ErrConflict, `DELETE FROM channels WHERE id = ? AND server_id = ?`, int64(c.ID), int64(scope.ID))
	case servers.OverwriteSet:
		t.overwrite(c)
	case servers.OverwriteRemoved:
		t.one(beep.ErrConflict, `DELETE FROM overwrites WHERE id = ?`, int64(c.ID))
	case servers.ThreadSet:
		t.thread(scope, c)
	case servers.ThreadRemoved:
		t.exec(`DELETE FROM thread_members WHERE thread_id = ?`, int64(c.ID))
		t.one(beep.ErrConflict, `DELETE FROM threads WHERE id = ? AND server_id = ?`, int64(c.ID), int64(scope.ID))
	default:
		t.applyDirect(scope, rev, change)
	}
}

// server leaves member_count alone: only who joins and leaves changes it.
func (t *transaction) server(c servers.ServerSet) {
	if c.New {
		t.exec(`INSERT INTO servers (id, name, description, owner_id, created_at, member_count, public, system_channel)
			VALUES (?, ?, ?, ?, ?, 0, ?, ?)`, int64(c.ID), c.Name, c.Description, int64(c.Owner), millis(c.CreatedAt),
			c.Public, int64(c.SystemChannel))
	} else {
		t.one(beep.ErrConflict, `UPDATE servers SET name = ?, description = ?, owner_id = ?, public = ?, system_channel = ?
			WHERE id = ?`, c.Name, c.Description, int64(c.Owner), c.Public, int64(c.SystemChannel), int64(c.ID))
	}
	t.discoverable(c.Server)
}

func (t *transaction) role(c servers.RoleSet) {
	if c.New {
		t.exec(`INSERT INTO roles (id, server_id, name, position, rights, color, hoist, mentionable)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, int64(c.ID), int64(c.Server), c.Name, int64(c.Position), int64(c.Rights),
			int64(c.Color), c.Hoist, c.Mentionable)
		return
	}
	t.one(beep.ErrConflict, `UPDATE roles SET name = ?, position = ?, rights = ?, color = ?, hoist = ?, mentionable = ?
		WHERE id = ? AND server_id = ?`, c.Name, int64(c.Position), int64(c.Rights), int64(c.Color), c.Hoist, c.Mentionable,
		int64(c.ID), int64(c.Server))
}

func (t *transaction) removeRole(scope beep.Scope, c servers.RoleRemoved) {
	t.exec(`DELETE FROM member_roles WHERE role_id = ?`, int64(c.ID))
	t.exec(`DELETE FROM overwrites WHERE role_id = ?`, int64(c.ID))
	t.one(beep.ErrConflict, `DELETE FROM roles WHERE id = ? AND server_id = ?`, int64(c.ID), int64(scope.ID))
}

// member replaces all roles of a member who was one before. The count comes first, since it also says whether there is
// such a server; a foreign key would say it with an error that is nobody's conflict.
func (t *transaction) member(c servers.MemberSet) {
	if c.New {
		t.one(beep.ErrConflict, `UPDATE servers SET member_count = member_count + 1 WHERE id = ?`, int64(c.Server))
		t.exec(`INSERT INTO members (server_id, user_id, joined_at, nickname) VALUES (?, ?, ?, ?)`,
			int64(c.Server), int64(c.User), millis(c.JoinedAt), c.Nickname)
	} else {
		t.one(beep.ErrConflict, `UPDATE members SET joined_at = ?, nickname = ? WHERE server_id = ? AND user_id = ?`,
			millis(c.JoinedAt), c.Nickname, int64(c.Server), int64(c.User))
		t.exec(`DELETE FROM member_roles WHERE server_id = ? AND user_id = ?`, int64(c.Server), int64(c.User))
	}
	if c.MutedUntil.IsZero() {
		t.exec(`DELETE FROM mutes WHERE server_id = ? AND user_id = ?`, int64(c.Server), int64(c.User))
	} else {
		t.exec(`INSERT INTO mutes (server_id, user_id, ends_at) VALUES (?, ?, ?)
			ON CONFLICT (server_id, user_id) DO UPDATE SET ends_at = excluded.ends_at`,
			int64(c.Server), int64(c.User), millis(c.MutedUntil))
	}
	for _, role := range c.Roles {
		t.exec(`INSERT INTO member_roles (server_id, user_id, role_id) VALUES (?, ?, ?)`,
			int64(c.Server), int64(c.User), int64(role))
	}
}

func (t *transaction) channel(scope beep.Scope, c servers.ChannelSet) {
	if c.New {
		t.place(scope, c.ID)
		t.exec(`INSERT INTO channels (id, server_id, kind, name, topic, parent_id, position, synced)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, int64(c.ID), int64(c.Server), string(c.Kind), c.Name, c.Topic,
			int64(c.Parent), int64(c.Position), c.Synced)
		return
	}
	t.one(beep.ErrConflict, `UPDATE channels SET name = ?, topic = ?, parent_id = ?, position = ?, synced = ?
		WHERE id = ? AND server_id = ?`, c.Name, c.Topic, int64(c.Parent), int64(c.Position), c.Synced,
		int64(c.ID), int64(c.Server))
}

// place gives a channel its scope, for ever: the row stays after the channel's removal, so this is also what refuses an id
// given before.
func (t *transaction) place(scope beep.Scope, id beep.ChannelID) {
	t.exec(`INSERT INTO channel_scopes (channel_id, scope_kind, scope_id) VALUES (?, ?, ?)`,
		int64(id), int64(scope.Kind), int64(scope.ID))
}

// overwrite never changes the target: for another target there is another overwrite.
func (t *transaction) overwrite(c servers.OverwriteSet) {
	if c.New {
		t.exec(`INSERT INTO overwrites (id, channel_id, role_id, member_id, allow, deny) VALUES (?, ?, ?, ?, ?, ?)`,
			int64(c.ID), int64(c.Channel), int64(c.Role), int64(c.Member), int64(c.Allow), int64(c.Deny))
		return
	}
	t.one(beep.ErrConflict, `UPDATE overwrites SET allow = ?, deny = ?
		WHERE id = ? AND channel_id = ? AND role_id = ? AND member_id = ?`, int64(c.Allow), int64(c.Deny),
		int64(c.ID), int64(c.Channel), int64(c.Role), int64(c.Member))
}

// removeServer takes everything of a server away. Its members may be very many, so what it means to each, a row in the
// log of what the user belongs to, is written by a handful of statements and not by two a member. Who joins or leaves
// waits for the scope's row, which this commit holds; the personal scopes are taken in order of id, like by all others.
func (t *transaction) removeServer(scope beep.Scope) {
	id, kind, personal := int64(scope.ID), int64(scope.Kind), int64(beep.ScopeUser)
	left := servers.ScopeLeft{Scope: scope}
	text, err := encode(left)
	if t.err == nil {
		t.err = err
	}
	t.lockMembers(id)
	t.exec(`UPDATE scopes SET rev = rev + 1 WHERE kind = ? AND id IN (SELECT user_id FROM members WHERE server_id = ?)`,
		personal, id)
	t.exec(`INSERT INTO scope_log (scope_kind, scope_id, rev, kind, actor, about, change)
		SELECT s.kind, s.id, s.rev, ?, 0, 0, ? FROM scopes s
		WHERE s.kind = ? AND s.id IN (SELECT user_id FROM members WHERE server_id = ?)`, left.RowKind(), text, personal, id)
	t.exec(`DELETE FROM memberships WHERE scope_kind = ? AND scope_id = ?
		AND user_id IN (SELECT user_id FROM members WHERE server_id = ?)`, kind, id, id)
	t.exec(`DELETE FROM overwrites WHERE channel_id IN (SELECT id FROM channels WHERE server_id = ?)`, id)
	for _, table := range [...]string{
		"member_roles", "mutes", "members", "roles", "webhooks", "thread_members", "threads", "channels", "invitations",
		"bans", "purges", "audit_entries", "discovery",
	} {
		t.exec(`DELETE FROM `+table+` WHERE server_id = ?`, id)
	}
	t.one(beep.ErrConflict, `DELETE FROM servers WHERE id = ?`, id)
}

// lockMembers takes the personal scopes of a server's members in order of id.
func (t *transaction) lockMembers(server int64) {
	if t.err != nil {
		return
	}
	_, t.err = list(t.ctx, t.tx, func(row sqldb.Scanner) (id int64, err error) {
		err = row.Scan(&id)
		return id, err
	}, `SELECT id FROM scopes WHERE kind = ? AND id IN (SELECT user_id FROM members WHERE server_id = ?)
		ORDER BY id {{lock_rows}}`, int64(beep.ScopeUser), server)
}
