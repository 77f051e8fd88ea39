// Package sqlstore keeps servers in SQLite or PostgreSQL: one text for both. It knows no rule of the product; the
// contract is servers.Store's comments.
//
// Start with Store.Commit: everything that is written is written there.
package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"io/fs"
	"time"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/kit/sqldb"
	"github.com/beep-chat/beep/servers"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store is a servers.Store over one database.
type Store struct {
	db *sqldb.DB
}

var _ servers.Store = (*Store)(nil)

// Migrations are the schema's steps, in order.
func Migrations() fs.FS {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil { // only for a name that is no path
		return migrations
	}
	return files
}

// Open opens the store at a URL that sqldb takes and brings its schema up to date. The caller closes it.
func Open(ctx context.Context, url string) (*Store, error) {
	db, err := sqldb.Open(ctx, url, Migrations())
	if err != nil {
		return nil, err
	}
	return &Store{db}, nil
}

// Close waits for what has begun and closes the database.
func (s *Store) Close() error { return s.db.Close() }

// Ping says whether the database can be had.
func (s *Store) Ping(ctx context.Context) error { return s.db.Ping(ctx) }

// list is every row of a query, or an error.
func list[T any](ctx context.Context, q sqldb.Querier, scan func(sqldb.Scanner) (T, error), query string, args ...any) ([]T, error) {
	return sqldb.All(scan)(q.Query(ctx, query, args...))
}

// found turns the absence of a row into the port's word for it.
func found(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return beep.ErrNotFound
	}
	return err
}

// millis is how an instant is stored; 0 is none.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return sqldb.Millis(t)
}

// instant reads what millis wrote.
func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return sqldb.Time(ms)
}
