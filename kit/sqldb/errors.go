package sqldb

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/beep-chat/beep"
)

// IsUnique says whether err is a refusal by a primary key or a unique index.
func IsUnique(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		// unique_violation. The rest of class 23 is a fault in a statement, not a duplicate.
		return pg.Code == "23505"
	}
	switch sqliteCode(err) {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID:
		return true
	}
	return false
}

// UniqueColumns names the columns of the index that refused, in its order, so that a table with several can tell
// them apart; nil if err is not IsUnique.
func UniqueColumns(err error) []string {
	if !IsUnique(err) {
		return nil
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		// Detail is «Key (ch, nonce)=(1, x) already exists.» with the words, not the shape, in the server's language.
		_, rest, _ := strings.Cut(pg.Detail, "(")
		list, _, _ := strings.Cut(rest, ")=(")
		return strings.Split(list, ", ")
	}
	// «constraint failed: UNIQUE constraint failed: entries.ch, entries.nonce (2067)»
	e, _ := errors.AsType[*sqlite.Error](err)
	msg := e.Error()
	msg = msg[strings.LastIndex(msg, ": ")+2:]
	if i := strings.LastIndex(msg, " ("); i >= 0 {
		msg = msg[:i]
	}
	columns := strings.Split(msg, ", ")
	for i, c := range columns {
		_, columns[i], _ = strings.Cut(c, ".")
	}
	return columns
}

// sqliteCode is SQLite's extended result code, 0 if err is not SQLite's.
func sqliteCode(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code()
	}
	return 0
}

// retryable says whether PostgreSQL gave way to another transaction: nothing was done and fn may run again.
func retryable(err error) bool {
	// serialization_failure and deadlock_detected.
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pg.Code == "40001" || pg.Code == "40P01")
}

// classify turns the error of a store that cannot be had now into Unavailable and leaves every other as it is: the
// caller's own end, a refusal by a constraint, a wrong statement, whatever a closure answered.
func classify(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	// Ours already: what fn decided, or that the pool is exhausted.
	if _, ok := errors.AsType[*beep.Error](err); ok {
		return err
	}
	if isOutage(err) {
		return beep.Unavailable(err)
	}
	return err
}

// isOutage says whether waiting may help. It says no of what it does not know: a wrong statement that was answered
// with 503 would be asked again for ever, while a 500 is read by someone.
func isOutage(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pgOutage(pg.Code)
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	// The server went away in mid-answer, or pgx knows that the statement never left.
	if errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.ErrUnexpectedEOF) || pgconn.SafeToRetry(err) {
		return true
	}
	// The low byte is the kind of error. READONLY, CANTOPEN and IOERR are what a disk gives that the kernel has
	// remounted or lost; CORRUPT is not here, since waiting mends no file.
	switch sqliteCode(err) & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN,
		sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PROTOCOL:
		return true
	}
	return false
}

// pgOutage goes by the classes of SQLSTATE: connection, resources, operator (shutdown, failover), and the waits that
// the connection's own time limits end.
func pgOutage(code string) bool {
	// In this order: serialization_failure and deadlock_detected, when no try was left; lock_not_available;
	// query_canceled, by statement_timeout; read_only_sql_transaction, of a standby;
	// idle_in_transaction_session_timeout.
	switch code {
	case "40001", "40P01", "55P03", "57014", "25006", "25P03":
		return true
	}
	return strings.HasPrefix(code, "08") || strings.HasPrefix(code, "53") || strings.HasPrefix(code, "57P") ||
		strings.HasPrefix(code, "58")
}
