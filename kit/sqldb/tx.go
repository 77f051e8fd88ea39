package sqldb

import (
	"context"
	"database/sql"
	"fmt"
	"runtime/debug"
	"strings"
)

// execer is a connection or a transaction of database/sql.
type execer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// Tx is a write transaction in progress. It belongs to the closure that got it and dies with it.
type Tx struct {
	db   *DB
	conn execer
	rows []*Rows // given out; closed with the transaction, since an open one would hold its snapshot
}

// Query reads within the transaction, its own changes included. Read it to the end (All does) before the next
// statement: a connection of PostgreSQL reads one result at a time.
func (tx *Tx) Query(ctx context.Context, query string, args ...any) (*Rows, error) {
	text, err := tx.db.texts.get(query)
	if err != nil {
		return nil, err
	}
	ctx, err = tx.statementContext(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := newRows(tx.conn.QueryContext(ctx, text, args...))
	if err != nil {
		return nil, err
	}
	tx.rows = append(tx.rows, rows)
	return rows, nil
}

// QueryRow is Query for at most one row; its errors come from Scan. A statement with RETURNING goes here or to Query.
func (tx *Tx) QueryRow(ctx context.Context, query string, args ...any) *Row {
	text, err := tx.db.texts.get(query)
	if err != nil {
		return &Row{err: err}
	}
	ctx, err = tx.statementContext(ctx)
	if err != nil {
		return &Row{err: err}
	}
	return &Row{row: tx.conn.QueryRowContext(ctx, text, args...)}
}

// Exec changes.
func (tx *Tx) Exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	text, err := tx.db.texts.get(query)
	if err != nil {
		return nil, err
	}
	ctx, err = tx.statementContext(ctx)
	if err != nil {
		return nil, err
	}
	return tx.conn.ExecContext(ctx, text, args...)
}

// statementContext keeps a cancelled caller from starting a statement. On SQLite it also keeps one from interrupting
// a statement that runs: an interrupted write rolls the whole group back, neighbours included.
func (tx *Tx) statementContext(ctx context.Context) (context.Context, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if tx.db.Dialect == SQLite {
		return context.WithoutCancel(ctx), nil
	}
	return ctx, nil
}

// runTx runs fn on a connection in a transaction; begin, commit and roll-back are the caller's.
func (db *DB) runTx(conn execer, fn func(tx *Tx) error) (err error) {
	tx := &Tx{db: db, conn: conn}
	defer func() {
		// On SQLite it would end the one goroutine that writes, and with it every write to come.
		if p := recover(); p != nil {
			err = fmt.Errorf("sqldb: panic in a transaction: %v\n%s", p, debug.Stack())
		}
		// An error of closing counts: what was read may have been cut short.
		for _, rows := range tx.rows {
			if cerr := rows.Close(); cerr != nil && err == nil {
				err = cerr
			}
		}
	}()
	return fn(tx)
}

// Rows is the answer of Query: database/sql's, whose Err tells an outage apart.
type Rows struct{ *sql.Rows }

func newRows(rows *sql.Rows, err error) (*Rows, error) {
	if err != nil {
		return nil, classify(err)
	}
	return &Rows{rows}, nil
}

// Err is why Next ended early; nil where there were no more rows.
func (r *Rows) Err() error { return classify(r.Rows.Err()) }

// Row is the answer of QueryRow.
type Row struct {
	row *sql.Row
	err error
}

// Scan copies the row's columns; sql.ErrNoRows when there is none.
func (r *Row) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	return classify(r.row.Scan(dest...))
}

// Scanner is a *Rows or a *Row.
type Scanner interface {
	Scan(dest ...any) error
}

// All reads every row of a Query and closes it; the list is whole or there is an error. It is called in two steps
// because Query answers two values: sqldb.All(scanRole)(db.Query(ctx, "SELECT id, name FROM roles WHERE …", id)).
func All[T any](scan func(Scanner) (T, error)) func(*Rows, error) ([]T, error) {
	return func(rows *Rows, err error) ([]T, error) {
		if err != nil {
			return nil, err
		}
		defer func() { _ = rows.Close() }() // Err below has what Close would say
		var list []T
		for rows.Next() {
			v, err := scan(rows)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, rows.Err()
	}
}

// Marks is n placeholders for an IN list: "?,?,?". With n = 0 it is NULL, which IN matches with nothing.
func Marks(n int) string {
	if n == 0 {
		return "NULL"
	}
	return strings.Repeat("?,", n-1) + "?"
}
