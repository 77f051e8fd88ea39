// Package sqldb runs one SQL text on SQLite and on PostgreSQL. It opens a store by URL, brings its schema up to
// date, reads from a bounded pool and writes in transactions that are durable before they are answered. It is no
// query builder and no ORM: statements are plain SQL with ? placeholders and a handful of {{words}} (see Words).
//
// Start with Open and DB.Tx. Stored ids and times are BIGINT: a time is its Unix milliseconds (Millis, Time).
package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// ErrClosed is what a DB answers after Close.
var ErrClosed = errors.New("sqldb: closed")

// Querier is what DB and Tx have in common, for statements that run in either.
type Querier interface {
	Query(ctx context.Context, query string, args ...any) (*Rows, error)
	QueryRow(ctx context.Context, query string, args ...any) *Row
	Exec(ctx context.Context, query string, args ...any) (sql.Result, error)
}

var (
	_ Querier = (*DB)(nil)
	_ Querier = (*Tx)(nil)
)

// DB is one store. It is safe for concurrent use.
type DB struct {
	// Dialect is the engine behind the URL; it never changes.
	Dialect Dialect

	reads      *sql.DB
	texts      *textCache
	migrations []migration
	writer     *writer   // SQLite only: the one goroutine that writes
	postgres   *postgres // PostgreSQL only
}

// Open opens sqlite://path/file.db (made when missing, its folder too) or postgres://…, and applies the migrations
// that it lacks. A postgres URL may carry pool_max_conns, any setting of the server, and search_path: a schema that
// is made when missing, so that several services can share one database. The caller closes the DB.
func Open(ctx context.Context, url string, migrations fs.FS) (*DB, error) {
	list, err := readMigrations(migrations)
	if err != nil {
		return nil, err
	}
	db, err := open(ctx, url)
	if err != nil {
		return nil, err
	}
	db.migrations = list
	if err := db.Migrate(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func open(ctx context.Context, url string) (*DB, error) {
	switch scheme, rest, _ := strings.Cut(url, "://"); scheme {
	case "sqlite":
		return openSQLite(ctx, rest)
	case "postgres", "postgresql":
		return openPostgres(ctx, url)
	default:
		// The URL may hold a password, so only its scheme is repeated.
		return nil, fmt.Errorf("sqldb: open a store of scheme %q: want sqlite:// or postgres://", scheme)
	}
}

// Close waits for the transactions that have begun and closes every connection. Later calls answer ErrClosed or the
// driver's own error.
func (db *DB) Close() error {
	var errs []error
	errs = append(errs, db.reads.Close())
	if db.writer != nil {
		// Last, because SQLite's last connection folds the log into the file, and a reader may not.
		errs = append(errs, db.writer.close())
	}
	if db.postgres != nil {
		// After reads, which has given its connections back: the pool waits for each.
		db.postgres.pool.Close()
	}
	return errors.Join(errs...)
}

// Ping says whether the store can be read and, on SQLite, has not met a failed fsync; it is a readiness check.
func (db *DB) Ping(ctx context.Context) error {
	if db.writer != nil {
		if err := db.writer.broken(); err != nil {
			return err
		}
	}
	var one int
	return db.QueryRow(ctx, "SELECT 1").Scan(&one)
}

// Query reads outside a transaction; it sees every Tx that was answered before it began. On SQLite a statement that
// writes is refused here. The caller closes the rows.
func (db *DB) Query(ctx context.Context, query string, args ...any) (*Rows, error) {
	text, err := db.texts.get(query)
	if err != nil {
		return nil, err
	}
	return newRows(db.reads.QueryContext(ctx, text, args...))
}

// QueryRow is Query for at most one row; its errors come from Scan.
func (db *DB) QueryRow(ctx context.Context, query string, args ...any) *Row {
	text, err := db.texts.get(query)
	if err != nil {
		return &Row{err: err}
	}
	return &Row{row: db.reads.QueryRowContext(ctx, text, args...)}
}

// Exec is a Tx of one statement.
func (db *DB) Exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if db.Dialect == Postgres {
		text, err := db.texts.get(query)
		if err != nil {
			return nil, err
		}
		// One statement is a transaction of its own there, and saves two round trips.
		res, err := db.reads.ExecContext(ctx, text, args...)
		return res, classify(err)
	}
	var res sql.Result
	err := db.Tx(ctx, func(tx *Tx) error {
		var err error
		res, err = tx.Exec(ctx, query, args...)
		return err
	})
	return res, err
}

// Option changes one transaction.
type Option uint8

// Serializable makes PostgreSQL refuse (and Tx retry) whatever could not have happened one transaction after another.
// SQLite is always so.
const Serializable Option = 1

// Tx runs fn in a write transaction. When it answers nil, what fn did is committed and on disk; when it answers
// anything else, nothing of it is, save that an Unavailable after a lost COMMIT leaves the outcome unknown.
//
// fn may run more than once, so it assigns its results and does not add to them; it does only database work through
// tx, quickly, and never calls Tx itself: on SQLite one goroutine runs every fn, and others wait behind it. A ctx that
// ends before fn's turn means that fn never runs. A panic in fn is rolled back and comes out as an error.
//
// On PostgreSQL the level is READ COMMITTED: each statement sees what others committed before it. An fn that decides
// by what it read must first lock the row that guards the decision (UPDATE … RETURNING, or SELECT … {{lock_rows}}), or
// ask for Serializable. A failed statement there spoils the transaction: return its error, and use ON CONFLICT where
// a duplicate is expected.
func (db *DB) Tx(ctx context.Context, fn func(tx *Tx) error, opts ...Option) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if db.writer != nil {
		return db.writer.do(ctx, func(conn execer) error { return db.runTx(conn, fn) })
	}
	return db.postgres.tx(ctx, db, fn, opts)
}

// Stats is what a DB did so far; Transactions / Commits is the mean size of a group.
type Stats struct {
	Transactions uint64        // closures that ran, whether they failed or not
	Commits      uint64        // COMMITs, each with one fsync on SQLite
	Retries      uint64        // transactions run again on PostgreSQL
	ReadsInUse   int           // connections of the pool in use now
	ReadWait     time.Duration // total time waited for a connection of the pool
}

// Stats is a snapshot for metrics.
func (db *DB) Stats() Stats {
	if db.postgres != nil {
		return db.postgres.stats()
	}
	s := db.reads.Stats()
	return Stats{
		Transactions: db.writer.transactions.Load(), Commits: db.writer.commits.Load(),
		ReadsInUse: s.InUse, ReadWait: s.WaitDuration,
	}
}

// Millis is how a time is stored.
func Millis(t time.Time) int64 { return t.UnixMilli() }

// Time is the stored time; it is what beep.Now gave.
func Time(millis int64) time.Time { return time.UnixMilli(millis).UTC() }
