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
		t.banned(c)
		t.limit(parts, c.MaxServers)
		for _, record := range c.Records {
			t.record(c.At, record)
		}
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
