package sqlstore

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/kit/sqldb"
	"github.com/beep-chat/beep/servers"
)

// Commit applies and logs a change. Everything happens under the rows of the scopes that it touches, taken first and in
// the order of the parts: two commits of one scope go one after the other, those of different scopes side by side, and
// none waits in a circle. On SQLite there is one writer anyway.
func (s *Store) Commit(ctx context.Context, c servers.Commit) error {
	parts := c.Parts()
	err := s.db.Tx(ctx, func(tx *sqldb.Tx) error {
		t := &transaction{ctx: ctx, tx: tx}
		revs := make([]uint64, len(parts)) // what each scope was at
		for i, p := range parts {
			if revs[i] = t.lock(p); p.Scope == c.Scope && c.Expect != 0 {
				t.expect(c, revs[i])
			}
		}
		for i, p := range parts {
			for j, change := range p.Changes {
				rev := revs[i] + uint64(j) + 1
				t.apply(p.Scope, rev, change)
				t.append(p.Scope, servers.Row{Rev: rev, Actor: c.Actor, Change: change})
			}
		}
		t.limit(parts, c.MaxServers)
		t.invitation(c)
		return t.err
	})
	if err != nil {
		return fmt.Errorf("commit to %s: %w", c.Scope, err)
	}
	return nil
}

// transaction runs statements until the first that fails; err is why it did. After that every method does nothing, so
// that a change reads as the statements it is made of; the caller looks at err once, at the end.
type transaction struct {
	ctx context.Context //nolint:containedctx // lives as long as the one call that made it
	tx  *sqldb.Tx
	err error
}

// exec runs a statement and answers how many rows it changed. A refusal by a unique index is a conflict: the index, not
// a look beforehand, is what keeps two of a kind out. On PostgreSQL it spoils the transaction, which ends then anyway.
func (t *transaction) exec(query string, args ...any) (changed int64) {
	if t.err != nil {
		return 0
	}
	var res sql.Result
	if res, t.err = t.tx.Exec(t.ctx, query, args...); t.err == nil {
		changed, t.err = res.RowsAffected()
	}
	if sqldb.IsUnique(t.err) {
		t.err = fmt.Errorf("%w: %w", beep.ErrConflict, t.err)
	}
	return changed
}

// one is exec for a statement that must change a row.
func (t *transaction) one(missing error, query string, args ...any) {
	if t.exec(query, args...) == 0 && t.err == nil {
		t.err = missing
	}
}

// lock takes the row of a scope, which no other transaction passes before this one ends, moves its revision on by the
// rows to come, and answers where it was.
func (t *transaction) lock(p servers.Part) (rev uint64) {
	if t.err != nil {
		return 0
	}
	rows := uint64(len(p.Changes))
	t.err = t.tx.QueryRow(t.ctx, `INSERT INTO scopes (kind, id, rev) VALUES (?, ?, ?)
		ON CONFLICT (kind, id) DO UPDATE SET rev = scopes.rev + excluded.rev RETURNING rev`,
		int64(p.Scope.Kind), int64(p.Scope.ID), int64(rows)).Scan(&rev)
	return rev - rows
}

// expect refuses a commit that was decided before something that could have decided otherwise. The scope is locked and
// the rows of this commit are not written yet, so what is read here is all there is.
func (t *transaction) expect(c servers.Commit, rev uint64) {
	if t.err != nil || c.Expect == rev {
		return
	}
	if c.Expect > rev {
		t.err = beep.ErrConflict
		return
	}
	concerns := c.Concerns()
	args := []any{int64(c.Scope.Kind), int64(c.Scope.ID), int64(c.Expect)}
	for _, user := range concerns {
		args = append(args, int64(user))
	}
	var moved bool
	t.err = t.tx.QueryRow(t.ctx, `SELECT EXISTS (SELECT 1 FROM scope_log WHERE scope_kind = ? AND scope_id = ? AND rev > ?
		AND (about = 0 OR about IN (`+sqldb.Marks(len(concerns))+`)))`, args...).Scan(&moved)
	if t.err == nil && moved {
		t.err = beep.ErrConflict
	}
}

// append writes a row of a scope's log.
func (t *transaction) append(scope beep.Scope, row servers.Row) {
	if t.err != nil {
		return
	}
	var text string
	if text, t.err = encode(row.Change); t.err != nil {
		return
	}
	t.exec(`INSERT INTO scope_log (scope_kind, scope_id, rev, kind, actor, about, change) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		int64(scope.Kind), int64(scope.ID), int64(row.Rev), row.Change.RowKind(), int64(row.Actor),
		int64(servers.About(row.Change)), text)
}

// limit counts what those who join now belong to. Their personal scopes are locked, so the counts stay true.
func (t *transaction) limit(parts []servers.Part, most int) {
	for _, p := range parts {
		if most == 0 || t.err != nil || p.Scope.Kind != beep.ScopeUser {
			continue
		}
		var n int
		t.err = t.tx.QueryRow(t.ctx, `SELECT COUNT(*) FROM memberships WHERE user_id = ? AND scope_kind = ?`,
			int64(p.Scope.ID), int64(beep.ScopeServer)).Scan(&n)
		if _, joins := p.Changes[0].(servers.ScopeJoined); t.err == nil && joins && n > most {
			t.err = servers.ErrServerLimit
		}
	}
}

// invitation changes the invitation that the commit is about. The statement that takes a use is also what looks whether
// there is one left, so that no two can take the same.
func (t *transaction) invitation(c servers.Commit) {
	switch i := c.Invitation.(type) {
	case servers.InvitationCreated:
		t.exec(`INSERT INTO invitations (code, server_id, creator_id, max_uses, uses, expires_at, created_at)
			VALUES (?, ?, ?, ?, ?, ?, ?)`, i.Code, int64(i.Server), int64(i.Creator), int64(i.MaxUses), int64(i.Uses),
			millis(i.ExpiresAt), millis(i.CreatedAt))
	case servers.InvitationUsed:
		t.one(beep.ErrNotFound, `UPDATE invitations SET uses = uses + 1
			WHERE code = ? AND (max_uses = 0 OR uses < max_uses) AND (expires_at = 0 OR expires_at > ?)`, i.Code, millis(c.At))
	case servers.InvitationRevoked:
		t.one(beep.ErrNotFound, `DELETE FROM invitations WHERE code = ?`, i.Code)
	}
}

// apply brings the tables to what they are after a change. rev is the change's place in the scope's log.
func (t *transaction) apply(scope beep.Scope, rev uint64, change servers.Change) {
	switch c := change.(type) {
	case servers.ServerSet:
		t.server(c)
	case servers.RoleSet:
		t.role(c)
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
		t.one(beep.ErrConflict, `DELETE FROM channels WHERE id = ? AND server_id = ?`, int64(c.ID), int64(scope.ID))
	case servers.OverwriteSet:
		t.overwrite(c)
	case servers.OverwriteRemoved:
		t.one(beep.ErrConflict, `DELETE FROM overwrites WHERE id = ?`, int64(c.ID))
	case servers.ScopeJoined:
		t.exec(`INSERT INTO memberships (user_id, scope_kind, scope_id, rev) VALUES (?, ?, ?, ?)`,
			int64(scope.ID), int64(c.Scope.Kind), int64(c.Scope.ID), int64(rev))
	case servers.ScopeLeft:
		t.one(beep.ErrConflict, `DELETE FROM memberships WHERE user_id = ? AND scope_kind = ? AND scope_id = ?`,
			int64(scope.ID), int64(c.Scope.Kind), int64(c.Scope.ID))
	default:
		t.err = fmt.Errorf("no table for a %s", change.RowKind())
	}
}

// server leaves member_count alone: only who joins and leaves changes it.
func (t *transaction) server(c servers.ServerSet) {
	if c.New {
		t.exec(`INSERT INTO servers (id, name, description, owner_id, created_at, member_count) VALUES (?, ?, ?, ?, ?, 0)`,
			int64(c.ID), c.Name, c.Description, int64(c.Owner), millis(c.CreatedAt))
		return
	}
	t.one(beep.ErrConflict, `UPDATE servers SET name = ?, description = ?, owner_id = ? WHERE id = ?`,
		c.Name, c.Description, int64(c.Owner), int64(c.ID))
}

func (t *transaction) role(c servers.RoleSet) {
	if c.New {
		t.exec(`INSERT INTO roles (id, server_id, name, position, rights) VALUES (?, ?, ?, ?, ?)`,
			int64(c.ID), int64(c.Server), c.Name, int64(c.Position), int64(c.Rights))
		return
	}
	t.one(beep.ErrConflict, `UPDATE roles SET name = ?, position = ?, rights = ? WHERE id = ? AND server_id = ?`,
		c.Name, int64(c.Position), int64(c.Rights), int64(c.ID), int64(c.Server))
}

// member replaces all roles of a member who was one before. The count comes first, since it also says whether there is
// such a server; a foreign key would say it with an error that is nobody's conflict.
func (t *transaction) member(c servers.MemberSet) {
	if c.New {
		t.one(beep.ErrConflict, `UPDATE servers SET member_count = member_count + 1 WHERE id = ?`, int64(c.Server))
		t.exec(`INSERT INTO members (server_id, user_id, joined_at) VALUES (?, ?, ?)`,
			int64(c.Server), int64(c.User), millis(c.JoinedAt))
	} else {
		t.one(beep.ErrConflict, `UPDATE members SET joined_at = ? WHERE server_id = ? AND user_id = ?`,
			millis(c.JoinedAt), int64(c.Server), int64(c.User))
		t.exec(`DELETE FROM member_roles WHERE server_id = ? AND user_id = ?`, int64(c.Server), int64(c.User))
	}
	for _, role := range c.Roles {
		t.exec(`INSERT INTO member_roles (server_id, user_id, role_id) VALUES (?, ?, ?)`,
			int64(c.Server), int64(c.User), int64(role))
	}
}

func (t *transaction) channel(scope beep.Scope, c servers.ChannelSet) {
	if c.New {
		// The scope's row stays after the channel's removal, so this is also what refuses an id given before.
		t.exec(`INSERT INTO channel_scopes (channel_id, scope_kind, scope_id) VALUES (?, ?, ?)`,
			int64(c.ID), int64(scope.Kind), int64(scope.ID))
		t.exec(`INSERT INTO channels (id, server_id, kind, name, topic, parent_id, position, synced)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, int64(c.ID), int64(c.Server), string(c.Kind), c.Name, c.Topic,
			int64(c.Parent), int64(c.Position), c.Synced)
		return
	}
	t.one(beep.ErrConflict, `UPDATE channels SET name = ?, topic = ?, parent_id = ?, position = ?, synced = ?
		WHERE id = ? AND server_id = ?`, c.Name, c.Topic, int64(c.Parent), int64(c.Position), c.Synced,
		int64(c.ID), int64(c.Server))
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
