package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// busyMillis is how long a connection waits for another process that holds the file.
const busyMillis = 5000

// openSQLite opens the file at path, which may be followed by ?vfs=NAME.
func openSQLite(ctx context.Context, path string) (*DB, error) {
	path, query, _ := strings.Cut(path, "?")
	params, err := url.ParseQuery(query)
	if err != nil || path == "" {
		return nil, fmt.Errorf("sqldb: open sqlite://%s: want sqlite://path/file.db", path)
	}
	if err := makeFile(path); err != nil {
		return nil, fmt.Errorf("sqldb: open %s: %w", path, err)
	}
	// fdatasync syncs the data and the length and spares the journal a timestamp, as SQLite's own builds on Linux do.
	// Where the platform has none, it goes on with fsync.
	_, _ = sqlite.Fdatasync(true)
	writes, err := sqlitePool(path, params.Get("vfs"), "synchronous(FULL)")
	if err != nil {
		return nil, err
	}
	// SQLite has one writer per file. A second connection would meet it only to be told SQLITE_BUSY.
	writes.SetMaxOpenConns(1)
	// query_only, so that no statement that writes gets past the writer and its COMMIT.
	reads, err := sqlitePool(path, params.Get("vfs"), "query_only(1)")
	if err != nil {
		return nil, err
	}
	// Readers don't wait for the writer, only for processors.
	n := max(4, 2*runtime.GOMAXPROCS(0))
	reads.SetMaxOpenConns(n)
	// As many as may be open: each has its prepared statements and its pages in memory.
	reads.SetMaxIdleConns(n)
	db := &DB{Dialect: SQLite, reads: reads, texts: newTextCache(SQLite)}
	db.writer, err = startWriter(ctx, writes)
	if err != nil {
		return nil, fmt.Errorf("sqldb: open %s: %w", path, err)
	}
	return db, nil
}

// makeFile makes the folder and the file when missing, readable by the owner alone: it holds people's messages.
// SQLite gives its -wal and -shm files the same mode.
func makeFile(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// sqlitePool is a pool on the file. A pragma (save journal_mode) is a connection's own, so each begins with all of
// them.
func sqlitePool(path, vfs string, pragmas ...string) (*sql.DB, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	q := url.Values{"_pragma": append([]string{
		fmt.Sprintf("busy_timeout(%d)", busyMillis),
		// A reader goes on with what was committed while the next commit is written.
		"journal_mode(WAL)",
		// SQLite checks references only where it is told to.
		"foreign_keys(1)",
		// Below zero it is KiB: 8 MB for each connection.
		"cache_size(-8000)",
		"temp_store(MEMORY)",
		"journal_size_limit(67108864)", // give the space back after a burst
		// What is deleted is overwritten, in pages that are given back too: who gets the file, or a copy of it, must not
		// read there what someone took back.
		"secure_delete(1)",
		"mmap_size(0)", // a read error must come back as an error, not as a signal
	}, pragmas...)}
	if vfs != "" {
		q.Set("vfs", vfs)
	}
	// As a URI, escaped: a ? or a # may be part of the path.
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(abs), RawQuery: q.Encode()}
	connector, err := sqlite.NewConnector(u.String())
	if err != nil {
		return nil, fmt.Errorf("sqldb: open %s: %w", path, err)
	}
	return sql.OpenDB(cachingConnector{connector}), nil
}

// connect opens a connection, and waits itself where SQLite answers busy at once whatever its busy_timeout: while
// another connection turns the file to WAL, or cleans up as the last one to leave it.
func connect(ctx context.Context, c driver.Connector) (driver.Conn, error) {
	const again = 10 * time.Millisecond
	for waited := time.Duration(0); ; waited += again {
		dc, err := c.Connect(ctx)
		busy := sqliteCode(err)&0xff == sqlite3.SQLITE_BUSY
		if !busy || waited >= busyMillis*time.Millisecond {
			return dc, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(again):
		}
	}
}
