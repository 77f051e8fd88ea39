package sqldb_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/kit/sqldb"
	"github.com/beep-chat/beep/kit/sqldb/sqltest"
)

// schema is a little of everything that the dialects differ in.
func schema() fs.FS {
	return files("0001_first", `
		CREATE TABLE things (
			id    {{bigint_pk}},
			name  {{text_binary}} NOT NULL UNIQUE,
			data  {{bytes}},
			live  BOOLEAN NOT NULL DEFAULT TRUE,
			at    BIGINT NOT NULL DEFAULT 0
		);
		CREATE TABLE parts (
			thing BIGINT NOT NULL REFERENCES things (id),
			pos   BIGINT NOT NULL,
			PRIMARY KEY (thing, pos)
		) {{without_rowid}};`)
}

// files makes migrations out of names and texts.
func files(namesAndTexts ...string) fstest.MapFS {
	m := fstest.MapFS{}
	for i := 0; i < len(namesAndTexts); i += 2 {
		m["migrations/"+namesAndTexts[i]+".sql"] = &fstest.MapFile{Data: []byte(namesAndTexts[i+1])}
	}
	return m
}

func open(t testing.TB, url string, migrations fs.FS) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(t.Context(), url, migrations)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return db
}

// each runs test on an empty store of every engine.
func each(t *testing.T, test func(t *testing.T, db *sqldb.DB)) {
	t.Helper()
	sqltest.Each(t, func(t *testing.T, fresh func(testing.TB) string) { test(t, open(t, fresh(t), schema())) })
}

func insert(ctx context.Context, q sqldb.Querier, id int, name string) error {
	_, err := q.Exec(ctx, "INSERT INTO things (id, name) VALUES (?, ?)", id, name)
	return err
}

func names(t *testing.T, q sqldb.Querier) []string {
	t.Helper()
	list, err := sqldb.All(func(s sqldb.Scanner) (name string, err error) {
		err = s.Scan(&name)
		return name, err
	})(q.Query(t.Context(), "SELECT name FROM things ORDER BY id"))
	if err != nil {
		t.Fatalf("names: %v", err)
	}
	return list
}

func TestTx_CommitsWhatItAnswersNilTo(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		at := beep.Now()
		err := db.Tx(t.Context(), func(tx *sqldb.Tx) error {
			_, err := tx.Exec(t.Context(), "INSERT INTO things (id, name, data, live, at) VALUES (?, ?, ?, ?, ?)",
				7, "what? it's", []byte{0, 1, 255}, false, sqldb.Millis(at))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		var name string
		var data []byte
		var live bool
		var millis int64
		row := db.QueryRow(t.Context(), "SELECT name, data, live, at FROM things WHERE id = ? AND name <> 'a ? b'", 7)
		if err := row.Scan(&name, &data, &live, &millis); err != nil {
			t.Fatal(err)
		}
		if name != "what? it's" || !cmp.Equal(data, []byte{0, 1, 255}) || live || !sqldb.Time(millis).Equal(at) {
			t.Errorf("got %q %v %v %v", name, data, live, sqldb.Time(millis))
		}
	})
}

func TestTx_UndoesAFailedClosure(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		sentinel := errors.New("refused")
		err := db.Tx(t.Context(), func(tx *sqldb.Tx) error {
			if err := insert(t.Context(), tx, 1, "one"); err != nil {
				return err
			}
			if got := names(t, tx); len(got) != 1 {
				t.Errorf("a transaction must see its own change, got %v", got)
			}
			return fmt.Errorf("wrapped: %w", sentinel)
		})
		if !errors.Is(err, sentinel) {
			t.Errorf("got %v, want the closure's own error", err)
		}
		if got := names(t, db); len(got) != 0 {
			t.Errorf("left behind: %v", got)
		}
	})
}

func TestTx_TurnsAPanicIntoAnError(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		err := db.Tx(t.Context(), func(tx *sqldb.Tx) error {
			if err := insert(t.Context(), tx, 1, "one"); err != nil {
				return err
			}
			panic("boom")
		})
		if err == nil || !strings.Contains(err.Error(), "boom") || !strings.Contains(err.Error(), "sqldb_test.go") {
			t.Errorf("got %v, want the panic and where it was", err)
		}
		if err := db.Tx(t.Context(), func(tx *sqldb.Tx) error { return insert(t.Context(), tx, 2, "two") }); err != nil {
			t.Errorf("after the panic: %v", err)
		}
		if got, want := names(t, db), []string{"two"}; !cmp.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

func TestTx_SurvivesAClosureThatEndsItsGoroutine(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = db.Tx(t.Context(), func(tx *sqldb.Tx) error {
				_ = insert(t.Context(), tx, 1, "one")
				runtime.Goexit()
				return nil
			})
		}()
		<-ended
		if err := insert(t.Context(), db, 2, "two"); err != nil {
			t.Fatalf("the next transaction: %v", err)
		}
		if got, want := names(t, db), []string{"two"}; !cmp.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

func TestTx_KeepsNeighboursOfAFailureApart(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		const n = 60
		var wg sync.WaitGroup
		errs := make([]error, n)
		for i := range n {
			wg.Go(func() {
				errs[i] = db.Tx(t.Context(), func(tx *sqldb.Tx) error {
					if err := insert(t.Context(), tx, i, fmt.Sprint("n", i)); err != nil {
						return err
					}
					switch i % 3 {
					case 1:
						return errors.New("no")
					case 2:
						panic("no")
					}
					return nil
				})
			})
		}
		wg.Wait()
		var want []string
		for i, err := range errs {
			if (err == nil) != (i%3 == 0) {
				t.Errorf("transaction %d: %v", i, err)
			}
			if i%3 == 0 {
				want = append(want, fmt.Sprint("n", i))
			}
		}
		if diff := cmp.Diff(want, names(t, db)); diff != "" {
			t.Errorf("things (-want +got):\n%s", diff)
		}
	})
}

func TestTx_DoesNotRunAClosureWhoseCallerLeft(t *testing.T) {
	db := open(t, sqltest.URLs(t)[sqltest.SQLite], schema())
	inside, release := make(chan struct{}), make(chan struct{})
	first := make(chan error, 1)
	go func() {
		first <- db.Tx(t.Context(), func(*sqldb.Tx) error {
			close(inside)
			<-release
			return nil
		})
	}()
	<-inside
	ctx, cancel := context.WithCancel(t.Context())
	second := make(chan error, 1)
	go func() {
		second <- db.Tx(ctx, func(*sqldb.Tx) error {
			t.Error("the closure ran after its caller had left")
			return nil
		})
	}()
	cancel()
	if err := <-second; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v, and at once", err, context.Canceled)
	}
	close(release)
	if err := <-first; err != nil {
		t.Errorf("the transaction in progress: %v", err)
	}
}

func TestTx_StopsAtTheNextStatementAfterCancellation(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		err := db.Tx(ctx, func(tx *sqldb.Tx) error {
			if err := insert(ctx, tx, 1, "one"); err != nil {
				return err
			}
			cancel()
			return insert(ctx, tx, 2, "two")
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
		if got := names(t, db); len(got) != 0 {
			t.Errorf("left behind: %v", got)
		}
	})
}

func TestTx_GroupsWaitingWritersUnderOneCommit(t *testing.T) {
	db := open(t, sqltest.URLs(t)[sqltest.SQLite], schema())
	before := db.Stats()
	inside, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = db.Tx(t.Context(), func(*sqldb.Tx) error {
			close(inside)
			<-release
			return nil
		})
	})
	<-inside
	const waiting = 40
	var blocked sync.WaitGroup
	blocked.Add(waiting)
	for i := range waiting {
		wg.Go(func() {
			blocked.Done()
			if err := insert(t.Context(), db, i, fmt.Sprint(i)); err != nil {
				t.Errorf("insert %d: %v", i, err)
			}
		})
	}
	blocked.Wait()
	close(release)
	wg.Wait()
	after := db.Stats()
	if n := after.Transactions - before.Transactions; n != waiting+1 {
		t.Errorf("%d transactions ran, want %d", n, waiting+1)
	}
	if n := after.Commits - before.Commits; n > waiting/2 {
		t.Errorf("%d commits for %d waiting transactions: not grouped", n, waiting)
	}
}

func TestTx_IsVisibleToReadsOnceAnswered(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		var wg sync.WaitGroup
		for w := range 8 {
			wg.Go(func() {
				for i := range 20 {
					id := w*1000 + i
					if err := insert(t.Context(), db, id, fmt.Sprint(id)); err != nil {
						t.Errorf("insert: %v", err)
						return
					}
					var n int
					if err := db.QueryRow(t.Context(), "SELECT count(*) FROM things WHERE id = ?", id).Scan(&n); err != nil || n != 1 {
						t.Errorf("read back %d: %d rows, %v", id, n, err)
					}
				}
			})
		}
		wg.Wait()
	})
}

func TestTx_ClosesForgottenRows(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		for i := range 3 {
			if err := insert(t.Context(), db, i, fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		var rows *sqldb.Rows
		err := db.Tx(t.Context(), func(tx *sqldb.Tx) error {
			var err error
			rows, err = tx.Query(t.Context(), "SELECT id FROM things ORDER BY id")
			if err == nil && !rows.Next() {
				t.Error("no row")
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if rows.Next() {
			t.Error("rows outlived their transaction")
		}
	})
}

// One connection of PostgreSQL reads one result at a time; on SQLite a store may nest reads.
func TestQuery_ReadsTheSameTextTwiceAtOnceOnSQLite(t *testing.T) {
	db := open(t, sqltest.URLs(t)[sqltest.SQLite], schema())
	for i := range 5 {
		if err := insert(t.Context(), db, i, fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	// The prepared statement is in use by the outer read; the inner one must not disturb it.
	err := db.Tx(t.Context(), func(tx *sqldb.Tx) error {
		outer := 0
		rows, err := tx.Query(t.Context(), "SELECT name FROM things ORDER BY id")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			outer++
			if got := len(names(t, tx)); got != 5 {
				t.Errorf("inner read: %d rows, want 5", got)
			}
		}
		if outer != 5 {
			t.Errorf("outer read: %d rows, want 5", outer)
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestQuery_RefusesToWriteOnSQLite(t *testing.T) {
	db := open(t, sqltest.URLs(t)[sqltest.SQLite], schema())
	var id int
	err := db.QueryRow(t.Context(), "INSERT INTO things (id, name) VALUES (1, 'one') RETURNING id").Scan(&id)
	if err == nil {
		t.Error("a write got past the writer")
	}
}

func TestExec_TellsHowManyRows(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		for i := range 4 {
			if err := insert(t.Context(), db, i, fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		res, err := db.Exec(t.Context(), "DELETE FROM things WHERE id IN ("+sqldb.Marks(3)+")", 1, 2, 99)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := res.RowsAffected(); n != 2 || err != nil {
			t.Errorf("got %d, %v, want 2", n, err)
		}
		var n int
		if err := db.QueryRow(t.Context(), "SELECT count(*) FROM things WHERE id IN ("+sqldb.Marks(0)+")").Scan(&n); err != nil || n != 0 {
			t.Errorf("an empty list matched %d rows, %v", n, err)
		}
	})
}

func TestQueryRow_AnswersErrNoRows(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		var id int
		err := db.QueryRow(t.Context(), "SELECT id FROM things WHERE id = ?", 5).Scan(&id)
		if !errors.Is(err, sql.ErrNoRows) {
			t.Errorf("got %v, want %v", err, sql.ErrNoRows)
		}
	})
}

func TestSelect_OrdersBinaryTextByBytes(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		for i, name := range []string{"é", "b", "B", "a", "_", "Z"} {
			if err := insert(t.Context(), db, i, name); err != nil {
				t.Fatal(err)
			}
		}
		scan := func(s sqldb.Scanner) (n string, err error) { err = s.Scan(&n); return n, err }
		got, err := sqldb.All(scan)(db.Query(t.Context(), "SELECT name FROM things ORDER BY name"))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"B", "Z", "_", "a", "b", "é"}, got); diff != "" {
			t.Errorf("order (-want +got):\n%s", diff)
		}
	})
}

func TestIsUnique_NamesTheColumns(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		if err := insert(t.Context(), db, 1, "one"); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(t.Context(), "INSERT INTO parts (thing, pos) VALUES (1, 1)"); err != nil {
			t.Fatal(err)
		}
		tests := map[string]struct {
			statement string
			want      []string
		}{
			"primary key":   {"INSERT INTO things (id, name) VALUES (1, 'two')", []string{"id"}},
			"unique column": {"INSERT INTO things (id, name) VALUES (2, 'one')", []string{"name"}},
			"two columns":   {"INSERT INTO parts (thing, pos) VALUES (1, 1)", []string{"thing", "pos"}},
			"foreign key":   {"INSERT INTO parts (thing, pos) VALUES (9, 1)", nil},
			"not null":      {"INSERT INTO things (id) VALUES (3)", nil},
		}
		for name, tt := range tests {
			_, err := db.Exec(t.Context(), tt.statement)
			if err == nil {
				t.Errorf("%s: not refused", name)
			}
			if got := sqldb.UniqueColumns(fmt.Errorf("add: %w", err)); !cmp.Equal(got, tt.want) || sqldb.IsUnique(err) != (tt.want != nil) {
				t.Errorf("%s: got %v, IsUnique %v, want %v (%v)", name, got, sqldb.IsUnique(err), tt.want, err)
			}
		}
	})
}

func TestStatement_RefusesAnUnknownWord(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		var n int
		if err := db.QueryRow(t.Context(), "SELECT {{nonsense}}").Scan(&n); err == nil || !strings.Contains(err.Error(), "{{nonsense}}") {
			t.Errorf("got %v, want an error that names the word", err)
		}
	})
}

func TestDB_AnswersAfterCloseWithoutHanging(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, fresh func(testing.TB) string) {
		db, err := sqldb.Open(t.Context(), fresh(t), schema())
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(db.Close(), db.Close()); err != nil {
			t.Errorf("close twice: %v", err)
		}
		if err := insert(t.Context(), db, 1, "one"); err == nil {
			t.Error("a write after Close was acknowledged")
		}
		if err := db.Ping(t.Context()); err == nil {
			t.Error("ping after Close: no error")
		}
	})
}

func TestOpen_RefusesOtherSchemesWithoutRepeatingTheURL(t *testing.T) {
	_, err := sqldb.Open(t.Context(), "mysql://root:secret@host/db", nil)
	if err == nil || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "mysql") {
		t.Errorf("got %v, want the scheme and no password", err)
	}
}

func TestOpen_PostgresAwayIsUnavailable(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err := sqldb.Open(ctx, "postgres://beep:secret@127.0.0.1:1/beep", nil)
	var e *beep.Error
	if !errors.As(err, &e) || e.Kind != beep.KindUnavailable || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v, want Unavailable and no password", err)
	}
}
