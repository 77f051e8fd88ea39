package sqldb_test

import (
	"context"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/beep-chat/beep/kit/sqldb"
	"github.com/beep-chat/beep/kit/sqldb/sqltest"
)

const (
	createA = "CREATE TABLE a (id {{bigint_pk}});"
	createB = "-- expand: only adds a table\nCREATE TABLE b (id {{bigint_pk}});\nINSERT INTO b (id) VALUES (1);"
	fillA   = "INSERT INTO a (id) VALUES (1);"
)

func TestMigrate_AppliesInOrderAndOnce(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, fresh func(testing.TB) string) {
		url := fresh(t)
		open(t, url, files("0002_fill", fillA, "0001_a", createA))
		db := open(t, url, files("0001_a", createA, "0002_fill", fillA, "0003_b", createB))
		if v, err := db.Version(t.Context()); v != 3 || err != nil {
			t.Errorf("version %d, %v, want 3", v, err)
		}
		var a, b int
		if err := db.QueryRow(t.Context(), "SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b)").Scan(&a, &b); err != nil {
			t.Fatal(err)
		}
		if a != 1 || b != 1 {
			t.Errorf("rows %d and %d, want 1 and 1", a, b)
		}
	})
}

func TestMigrate_Refuses(t *testing.T) {
	applied := files("0001_a", createA, "0003_fill", fillA)
	tests := map[string]struct {
		migrations fstest.MapFS
		want       string // in the message
	}{
		"a changed one":   {files("0001_a", createA+" ", "0003_fill", fillA), "0001_a was changed"},
		"an unknown one":  {files("0001_a", createA), "0003_fill"},
		"a skipped one":   {files("0001_a", createA, "0002_late", fillA, "0003_fill", fillA), "0002_late is older"},
		"the same number": {files("0001_a", createA, "0001_b", createB), "same number"},
		"a name unlike":   {files("1-a", createA), "NNNN_name.sql"},
	}
	sqltest.Each(t, func(t *testing.T, fresh func(testing.TB) string) {
		url := fresh(t)
		open(t, url, applied)
		for name, tt := range tests {
			db, err := sqldb.Open(t.Context(), url, tt.migrations)
			if err == nil {
				t.Errorf("%s: opened", name)
				_ = db.Close()
				continue
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: got %q, want it to say %q", name, err, tt.want)
			}
		}
	})
}

func TestMigrate_LetsOlderCodeMeetAnExpansion(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, fresh func(testing.TB) string) {
		url := fresh(t)
		open(t, url, files("0001_a", createA, "0002_b", createB))
		db := open(t, url, files("0001_a", createA)) // a rolling update restarts a pod of the version before
		if v, err := db.Version(t.Context()); v != 2 || err != nil {
			t.Errorf("version %d, %v, want 2", v, err)
		}
	})
}

func TestMigrate_LeavesNothingOfAFailedStep(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, fresh func(testing.TB) string) {
		url := fresh(t)
		_, err := sqldb.Open(t.Context(), url, files("0001_a", createA, "0002_bad", "CREATE TABLE c (id BIGINT); INSERT INTO nowhere VALUES (1);"))
		if err == nil || !strings.Contains(err.Error(), "0002_bad") {
			t.Fatalf("got %v, want an error that names the migration", err)
		}
		// The same number, put right: had anything stayed, creating c again would fail.
		db := open(t, url, files("0001_a", createA, "0002_good", "CREATE TABLE c (id BIGINT);"))
		if v, err := db.Version(t.Context()); v != 2 || err != nil {
			t.Errorf("version %d, %v, want 2", v, err)
		}
	})
}

func TestMigrate_ManyStartAtOnce(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, fresh func(testing.TB) string) {
		url := fresh(t)
		all := files("0001_a", createA, "0002_fill", fillA, "0003_b", createB)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				db, err := sqldb.Open(t.Context(), url, all)
				if err != nil {
					t.Errorf("open: %v", err)
					return
				}
				if err := db.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			})
		}
		wg.Wait()
		db := open(t, url, all)
		var a, recorded int
		if err := db.QueryRow(t.Context(), "SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM schema_migrations)").Scan(&a, &recorded); err != nil {
			t.Fatal(err)
		}
		if a != 1 || recorded != 3 {
			t.Errorf("filled %d times, %d records, want 1 and 3", a, recorded)
		}
	})
}

func TestPending_NamesAndAppliesNothing(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, fresh func(testing.TB) string) {
		url := fresh(t)
		all := files("0001_a", createA, "0002_fill", fillA)
		pending := func(want ...string) {
			t.Helper()
			got, err := sqldb.Pending(t.Context(), url, all)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("pending (-want +got):\n%s", diff)
			}
		}
		pending("0001_a", "0002_fill")
		if file, ok := strings.CutPrefix(url, "sqlite://"); ok {
			if _, err := os.Stat(file); !os.IsNotExist(err) {
				t.Errorf("asking made the file: %v", err)
			}
		}
		open(t, url, files("0001_a", createA))
		pending("0002_fill")
		open(t, url, all)
		pending()
		if _, err := sqldb.Pending(t.Context(), url, files("0001_a", createA)); err == nil {
			t.Error("an unknown newer migration was not reported")
		}
	})
}

func TestOpen_SharesADatabaseBySchema(t *testing.T) {
	url := sqltest.URLs(t)[sqltest.Postgres]
	if url == "" {
		t.Skip("BEEP_TEST_POSTGRES is not set")
	}
	with := func(schema string) string { return url + sep(url) + "search_path=" + schema }
	one := open(t, with("one"), files("0001_a", createA, "0002_fill", fillA))
	two := open(t, with("two"), files("0001_a", createA))
	count := func(ctx context.Context, db *sqldb.DB) (n int) {
		if err := db.QueryRow(ctx, "SELECT count(*) FROM a").Scan(&n); err != nil {
			t.Error(err)
		}
		return n
	}
	if a, b := count(t.Context(), one), count(t.Context(), two); a != 1 || b != 0 {
		t.Errorf("rows %d and %d, want 1 and 0", a, b)
	}
	if _, err := sqldb.Open(t.Context(), with("x;drop"), files("0001_a", createA)); err == nil {
		t.Error("a schema that is no name was taken")
	}
}

func sep(url string) string {
	if strings.Contains(url, "?") {
		return "&"
	}
	return "?"
}
