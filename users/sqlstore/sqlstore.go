// Package sqlstore keeps users in SQLite or PostgreSQL, with one SQL text for both.
//
// It holds no rule. A condition in a statement is one that the port names, and it stands in the statement that
// changes rather than in a read before it, so that it still holds when the change is made.
package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/kit/sqldb"
	"github.com/beep-chat/beep/users"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are the numbered files of the schema. One that was released is never edited: sqldb would refuse every
// store that has it.
func Migrations() fs.FS { return migrations }

// Store is a users.Store.
type Store struct{ db *sqldb.DB }

var _ users.Store = (*Store)(nil)

// Open opens the store at a sqlite:// or postgres:// URL and brings its schema up to date. The caller closes it.
func Open(ctx context.Context, url string) (*Store, error) {
	db, err := sqldb.Open(ctx, url, migrations)
	if err != nil {
		return nil, fmt.Errorf("users store: %w", err)
	}
	return &Store{db}, nil
}

// Close closes the store.
func (s *Store) Close() error { return s.db.Close() }

// DB is the database below, for its statistics.
func (s *Store) DB() *sqldb.DB { return s.db }

// Ping says whether the store can be used.
func (s *Store) Ping(ctx context.Context) error { return s.db.Ping(ctx) }

// millis is how a time is stored; zero is 0 and not NULL, so every condition on it is a plain comparison.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return sqldb.Millis(t)
}

// instant is the stored time.
func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return sqldb.Time(ms)
}

// stored makes the database's answers the port's.
func stored(err error) error {
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return beep.ErrNotFound
	case sqldb.IsUnique(err):
		return beep.ErrConflict
	}
	return err
}

// changed is ErrNotFound if a statement changed no row.
func changed(res sql.Result, err error) error {
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err == nil && n == 0 {
		err = beep.ErrNotFound
	}
	return err
}

// digest scans a stored digest into d.
type digest struct{ d *users.Digest }

// Scan copies the bytes, which are the driver's until the next row. A column of another size is a fault of the
// schema.
func (d digest) Scan(src any) error {
	b, ok := src.([]byte)
	if !ok || len(b) != len(d.d) {
		return fmt.Errorf("a digest is stored as %T", src)
	}
	copy(d.d[:], b)
	return nil
}

// words are a list stored in one column; none of them holds a space.
func words(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, " ")
}

// clock scans a stored time into t.
type clock struct{ t *time.Time }

// Scan reads milliseconds.
func (c clock) Scan(src any) error {
	ms, ok := src.(int64)
	if !ok {
		return fmt.Errorf("a time is stored as %T", src)
	}
	*c.t = instant(ms)
	return nil
}
