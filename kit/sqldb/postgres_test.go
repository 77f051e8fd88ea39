package sqldb_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/kit/sqldb"
	"github.com/beep-chat/beep/kit/sqldb/sqltest"
)

// onPostgres is a URL of an empty database there.
func onPostgres(t *testing.T) string {
	t.Helper()
	url := sqltest.URLs(t)[sqltest.Postgres]
	if url == "" {
		t.Skip("BEEP_TEST_POSTGRES is not set")
	}
	return url
}

func isUnavailable(err error) bool {
	var e *beep.Error
	return errors.As(err, &e) && e.Kind == beep.KindUnavailable
}

func TestTx_RunsAgainAfterADeadlock(t *testing.T) {
	db := open(t, onPostgres(t), schema())
	for id := range 2 {
		if err := insert(t.Context(), db, id, string(rune('a'+id))); err != nil {
			t.Fatal(err)
		}
	}
	var both sync.WaitGroup // until each holds its first row
	both.Add(2)
	var wg sync.WaitGroup
	for i := range 2 {
		wg.Go(func() {
			first := true
			err := db.Tx(t.Context(), func(tx *sqldb.Tx) error {
				if _, err := tx.Exec(t.Context(), "UPDATE things SET at = at + 1 WHERE id = ?", i); err != nil {
					return err
				}
				if first {
					first = false
					both.Done()
					both.Wait()
				}
				_, err := tx.Exec(t.Context(), "UPDATE things SET at = at + 1 WHERE id = ?", 1-i)
				return err
			})
			if err != nil {
				t.Errorf("transaction %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	var sum int
	if err := db.QueryRow(t.Context(), "SELECT sum(at) FROM things").Scan(&sum); err != nil || sum != 4 {
		t.Errorf("sum %d, %v, want 4", sum, err)
	}
	if db.Stats().Retries == 0 {
		t.Error("nothing was retried: there was no deadlock")
	}
}

// Two that each read what the other changes may both pass at READ COMMITTED; never when Serializable.
func TestTx_SerializableRefusesWriteSkew(t *testing.T) {
	db := open(t, onPostgres(t), schema())
	for id := range 2 {
		if err := insert(t.Context(), db, id, string(rune('a'+id))); err != nil {
			t.Fatal(err)
		}
	}
	var both, wg sync.WaitGroup
	both.Add(2)
	for i := range 2 {
		wg.Go(func() {
			first := true
			err := db.Tx(t.Context(), func(tx *sqldb.Tx) error {
				var live int
				if err := tx.QueryRow(t.Context(), "SELECT count(*) FROM things WHERE live").Scan(&live); err != nil {
					return err
				}
				if first {
					first = false
					both.Done()
					both.Wait()
				}
				if live < 2 {
					return nil // the last one stays
				}
				_, err := tx.Exec(t.Context(), "UPDATE things SET live = FALSE WHERE id = ?", i)
				return err
			}, sqldb.Serializable)
			if err != nil {
				t.Errorf("transaction %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	var live int
	if err := db.QueryRow(t.Context(), "SELECT count(*) FROM things WHERE live").Scan(&live); err != nil || live != 1 {
		t.Errorf("%d live, %v, want 1", live, err)
	}
}

func TestTx_HoldsALimitByTheLockedRow(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		const limit = 10
		if err := insert(t.Context(), db, 1, "guard"); err != nil {
			t.Fatal(err)
		}
		full := errors.New("full")
		var wg sync.WaitGroup
		errs := make([]error, 3*limit)
		for i := range errs {
			wg.Go(func() {
				errs[i] = db.Tx(t.Context(), func(tx *sqldb.Tx) error {
					var id, n int
					if err := tx.QueryRow(t.Context(), "SELECT id FROM things WHERE id = 1 {{lock_rows}}").Scan(&id); err != nil {
						return err
					}
					if err := tx.QueryRow(t.Context(), "SELECT count(*) FROM parts WHERE thing = 1").Scan(&n); err != nil {
						return err
					}
					if n >= limit {
						return full
					}
					_, err := tx.Exec(t.Context(), "INSERT INTO parts (thing, pos) VALUES (1, ?)", i)
					return err
				})
			})
		}
		wg.Wait()
		admitted := 0
		for _, err := range errs {
			if err == nil {
				admitted++
			} else if !errors.Is(err, full) {
				t.Errorf("got %v, want %v", err, full)
			}
		}
		if admitted != limit {
			t.Errorf("%d admitted, want %d", admitted, limit)
		}
	})
}

func TestQuery_AnswersUnavailableWhenThePoolIsExhausted(t *testing.T) {
	url := onPostgres(t)
	db := open(t, url+sep(url)+"pool_max_conns=1", schema())
	inside, release := make(chan struct{}), make(chan struct{})
	held := make(chan error, 1)
	go func() {
		held <- db.Tx(t.Context(), func(*sqldb.Tx) error {
			close(inside)
			<-release
			return nil
		})
	}()
	<-inside
	start := time.Now()
	if err := db.Ping(t.Context()); !isUnavailable(err) {
		t.Errorf("got %v, want Unavailable", err)
	}
	if d := time.Since(start); d > 4*time.Second {
		t.Errorf("it took %s", d)
	}
	close(release)
	if err := <-held; err != nil {
		t.Error(err)
	}
	if err := db.Ping(t.Context()); err != nil {
		t.Errorf("once it is free: %v", err)
	}
}

func TestDB_RecoversFromLostConnections(t *testing.T) {
	url := onPostgres(t)
	db := open(t, url, schema())
	other := open(t, url, schema())
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if err := insert(t.Context(), db, i, string(rune('a'+i))); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if _, err := other.Exec(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for id := 100; ; id++ {
		err := insert(ctx, db, id, time.Now().String())
		if err == nil {
			return
		}
		if !isUnavailable(err) {
			t.Fatalf("got %v, want Unavailable until it recovers", err)
		}
	}
}
