package sqldb

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/beep-chat/beep"
)

// migration is one numbered file. The text is the file's, before {{words}} are replaced.
type migration struct {
	version  int
	name     string // 0003_invitations
	text     string
	checksum string
	// expand says that code from before this migration can work on the schema after it. It is stored with the
	// migration, because that older code can't read this file.
	expand bool
}

// applied is a row of schema_migrations.
type applied struct {
	version  int
	name     string
	checksum string
	expand   bool
}

// createMigrations never changes: every version reads this table before it knows what else is there.
const createMigrations = `CREATE TABLE IF NOT EXISTS schema_migrations (
	version    {{bigint_pk}},
	name       TEXT NOT NULL,
	checksum   TEXT NOT NULL,
	expand     BOOLEAN NOT NULL,
	applied_at BIGINT NOT NULL
)`

// readMigrations finds NNNN_name.sql anywhere in the file system (so an embed of migrations/*.sql is given as it is).
// A file whose first line begins with "-- expand" may meet code that doesn't know it yet; see Migrate.
func readMigrations(files fs.FS) ([]migration, error) {
	if files == nil {
		return nil, nil
	}
	named := regexp.MustCompile(`^(\d{4})_[a-z0-9_]+\.sql$`)
	var list []migration
	err := fs.WalkDir(files, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(p) != ".sql" {
			return err
		}
		m := named.FindStringSubmatch(path.Base(p))
		if m == nil {
			return fmt.Errorf("sqldb: migration %s: want NNNN_name.sql", p)
		}
		b, err := fs.ReadFile(files, p)
		if err != nil {
			return err
		}
		// Line ends may differ between checkouts; the checksum must not.
		text := strings.ReplaceAll(string(b), "\r\n", "\n")
		sum := sha256.Sum256([]byte(text))
		version, _ := strconv.Atoi(m[1]) // four digits
		list = append(list, migration{
			version: version, name: strings.TrimSuffix(path.Base(p), ".sql"), text: text,
			checksum: hex.EncodeToString(sum[:]), expand: strings.HasPrefix(text, "-- expand"),
		})
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(a, b migration) int { return cmp.Compare(a.version, b.version) })
	for i := 1; i < len(list); i++ {
		if list[i-1].version == list[i].version {
			return nil, fmt.Errorf("sqldb: migrations %s and %s have the same number", list[i-1].name, list[i].name)
		}
	}
	return list, nil
}

// Migrate applies what is pending, each migration in a transaction of its own with its record; Open has done it. It
// may run in several processes at once: each step holds a lock and looks again. It refuses a schema that it can't
// work on: a migration changed after it was applied, one that was skipped, or a newer one that is unknown here and
// not marked "-- expand".
func (db *DB) Migrate(ctx context.Context) error {
	for {
		// Looking first spares every start but the first the lock and the right to make tables.
		rows, err := db.applied(ctx, db)
		if err != nil {
			return fmt.Errorf("sqldb: read schema_migrations: %w", err)
		}
		next, err := plan(db.migrations, rows)
		if err != nil || len(next) == 0 {
			return err
		}
		// One at a time, and planned anew each time: another process may have taken this one meanwhile.
		if err := db.Tx(ctx, func(tx *Tx) error { return db.step(ctx, tx) }); err != nil {
			return fmt.Errorf("sqldb: migrate to %s: %w", next[0].name, err)
		}
	}
}

// step applies the first pending migration, if another process has not by now.
func (db *DB) step(ctx context.Context, tx *Tx) error {
	if err := db.lockSchema(ctx, tx); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, createMigrations); err != nil {
		return err
	}
	rows, err := db.applied(ctx, tx)
	if err != nil {
		return err
	}
	next, err := plan(db.migrations, rows)
	if err != nil || len(next) == 0 {
		return err
	}
	// Both engines undo changes of a schema with the transaction, so one that fails leaves nothing.
	m := next[0]
	text, err := rewrite(db.Dialect, db.texts.words, m.text)
	if err != nil {
		return err
	}
	// Past the cache of texts: it runs once. Without arguments both drivers take several statements. It is not cut off
	// half way, since the next start would begin it again and be cut off in the same place.
	if _, err := tx.conn.ExecContext(context.WithoutCancel(ctx), text); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "INSERT INTO schema_migrations (version, name, checksum, expand, applied_at) VALUES (?, ?, ?, ?, ?)",
		m.version, m.name, m.checksum, m.expand, Millis(beep.Now()))
	return err
}

// lockSchema makes the step the only one; SQLite's write transaction is that already.
func (db *DB) lockSchema(ctx context.Context, tx *Tx) error {
	if db.Dialect == SQLite {
		return nil
	}
	schema := db.postgres.schema
	for _, statement := range []string{
		// An index over a large table takes its time, and others wait for the lock as long.
		"SET LOCAL statement_timeout = 0",
		"SET LOCAL lock_timeout = 0",
		// One lock for all schemas of a database: services that start together take turns.
		"SELECT pg_advisory_xact_lock(hashtextextended('beep schema_migrations', 0))",
	} {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return err
		}
	}
	if schema == "" {
		return nil
	}
	// It becomes part of the statement: a placeholder cannot stand for a name.
	if !regexp.MustCompile(`^[a-z_][a-z0-9_]*$`).MatchString(schema) {
		return fmt.Errorf("sqldb: search_path %q: want one lower-case name", schema)
	}
	_, err := tx.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS "+schema)
	return err
}

// applied is what the schema says of itself, nothing where it has no such table yet. PostgreSQL is asked by
// to_regclass, which goes by the search_path as the statement after it does.
func (db *DB) applied(ctx context.Context, q Querier) ([]applied, error) {
	exists := "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'schema_migrations'"
	if db.Dialect == Postgres {
		exists = "SELECT count(*) FROM pg_catalog.pg_class WHERE oid = to_regclass('schema_migrations')"
	}
	var n int
	if err := q.QueryRow(ctx, exists).Scan(&n); err != nil || n == 0 {
		return nil, err
	}
	return All(func(s Scanner) (applied, error) {
		var a applied
		err := s.Scan(&a.version, &a.name, &a.checksum, &a.expand)
		return a, err
	})(q.Query(ctx, "SELECT version, name, checksum, expand FROM schema_migrations ORDER BY version"))
}

// plan is what is left to apply, or why the schema can't be worked on. That an older program goes on with a newer
// schema only where the migration allows it is what lets replicas of two versions run side by side while one replaces
// the other.
func plan(known []migration, rows []applied) ([]migration, error) {
	byVersion := map[int]applied{}
	last := 0
	for _, a := range rows {
		byVersion[a.version] = a
		last = a.version
	}
	var pending []migration
	for _, m := range known {
		a, ok := byVersion[m.version]
		delete(byVersion, m.version)
		switch {
		// Two branches took numbers at once. Where the later is applied the earlier would have to run out of order, and
		// the schemas of two installations would differ.
		case !ok && m.version < last:
			return nil, fmt.Errorf("sqldb: migration %s is older than %04d, which is applied: give it the next number", m.name, last)
		case !ok:
			pending = append(pending, m)
		case a.checksum != m.checksum:
			return nil, fmt.Errorf("sqldb: migration %s was changed after it was applied (as %s): write a new one instead", m.name, a.name)
		}
	}
	for _, a := range rows {
		if _, unknown := byVersion[a.version]; unknown && !a.expand {
			return nil, fmt.Errorf("sqldb: the schema has migration %s, which this version of the program does not know: run a newer one", a.name)
		}
	}
	return pending, nil
}

// Version is the number of the newest migration that is applied, 0 for none.
func (db *DB) Version(ctx context.Context) (int, error) {
	rows, err := db.applied(ctx, db)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	return rows[len(rows)-1].version, nil
}

// Pending names the migrations that Open would apply to the store, and applies none; it makes no file and no schema.
// Its error is the one that Open would refuse with.
func Pending(ctx context.Context, url string, migrations fs.FS) (names []string, err error) {
	known, err := readMigrations(migrations)
	if err != nil {
		return nil, err
	}
	rows, err := appliedAt(ctx, url)
	if err != nil {
		return nil, err
	}
	pending, err := plan(known, rows)
	for _, m := range pending {
		names = append(names, m.name)
	}
	return names, err
}

// appliedAt reads the records of a store, none where its file does not exist yet.
func appliedAt(ctx context.Context, url string) (rows []applied, err error) {
	// To open it would make it, and whoever only asks must leave nothing behind.
	if rest, ok := strings.CutPrefix(url, "sqlite://"); ok {
		file, _, _ := strings.Cut(rest, "?")
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
	}
	db, err := open(ctx, url)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return db.applied(ctx, db)
}
