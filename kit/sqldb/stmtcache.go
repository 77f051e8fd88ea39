package sqldb

import (
	"container/list"
	"context"
	"database/sql/driver"
)

const (
	maxStatements    = 128     // prepared statements kept per connection
	maxStatementText = 4 << 10 // longer ones are migrations and one-off lists
)

// conn is what SQLite's driver gives; database/sql finds the optional interfaces only if a wrapper has them too.
type conn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// cachingConnector opens connections that keep their prepared statements. (pgx does so by itself.)
type cachingConnector struct{ driver.Connector }

// Connect opens a connection.
func (c cachingConnector) Connect(ctx context.Context) (driver.Conn, error) {
	dc, err := connect(ctx, c.Connector)
	if err != nil {
		return nil, err
	}
	inner, ok := dc.(conn)
	if !ok {
		return dc, nil // a driver of another shape works, only without the cache
	}
	return &cachingConn{conn: inner, statements: map[string]*list.Element{}, order: list.New()}, nil
}

// cachingConn runs every statement through a prepared one and keeps the last used. database/sql never uses a
// connection from two goroutines at once, so nothing here is locked.
type cachingConn struct {
	conn
	statements map[string]*list.Element // of *statement
	order      *list.List               // last used first
}

// statement is a prepared one. While busy its rows are being read, and it can't run a second time.
type statement struct {
	text string
	stmt interface {
		driver.Stmt
		driver.StmtExecContext
		driver.StmtQueryContext
	}
	busy bool
}

// Unwrap is the driver's own connection.
func (c *cachingConn) Unwrap() driver.Conn { return c.conn }

// ExecContext executes.
func (c *cachingConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	s, err := c.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return c.conn.ExecContext(ctx, query, args)
	}
	return s.stmt.ExecContext(ctx, args)
}

// QueryContext queries.
func (c *cachingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	s, err := c.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return c.conn.QueryContext(ctx, query, args)
	}
	rows, err := s.stmt.QueryContext(ctx, args)
	if err != nil {
		return nil, err
	}
	// Until its rows are closed. To run it again would take them away from whoever reads.
	s.busy = true
	return &cachedRows{Rows: rows, statement: s}, nil
}

// prepared is an idle prepared statement of this text, or nil where it must run unprepared.
func (c *cachingConn) prepared(ctx context.Context, query string) (*statement, error) {
	if len(query) > maxStatementText {
		return nil, nil //nolint:nilnil // nil is "run it as it is", not a failure
	}
	if e, ok := c.statements[query]; ok {
		c.order.MoveToFront(e)
		s, _ := e.Value.(*statement)
		if s.busy {
			return nil, nil //nolint:nilnil // as above
		}
		return s, nil
	}
	stmt, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	s := &statement{text: query}
	s.stmt, _ = stmt.(interface {
		driver.Stmt
		driver.StmtExecContext
		driver.StmtQueryContext
	})
	// As in Connect: unprepared then.
	if s.stmt == nil {
		return nil, stmt.Close()
	}
	c.statements[query] = c.order.PushFront(s)
	c.evict()
	return s, nil
}

// evict closes the statements least used of late, save those in use. While all are being read there may be more of
// them than the bound.
func (c *cachingConn) evict() {
	for e := c.order.Back(); e != nil && c.order.Len() > maxStatements; {
		s, _ := e.Value.(*statement)
		older := e
		e = e.Prev()
		if s.busy {
			continue
		}
		_ = s.stmt.Close() // finalizing repeats the error of the last run, which was reported then
		c.order.Remove(older)
		delete(c.statements, s.text)
	}
}

// Close closes the statements and the connection.
func (c *cachingConn) Close() error {
	for e := c.order.Front(); e != nil; e = e.Next() {
		if s, ok := e.Value.(*statement); ok {
			_ = s.stmt.Close() // as in evict
		}
	}
	return c.conn.Close()
}

// cachedRows gives its statement back when it is closed.
type cachedRows struct {
	driver.Rows
	statement *statement
}

// Close ends the read.
func (r *cachedRows) Close() error {
	err := r.Rows.Close()
	r.statement.busy = false
	return err
}
