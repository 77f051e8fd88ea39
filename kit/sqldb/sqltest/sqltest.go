// Package sqltest gives tests fresh, empty stores of every engine that package sqldb speaks to. SQLite is always
// there; PostgreSQL where BEEP_TEST_POSTGRES=postgres://… names a server whose user may create databases. With
// BEEP_TEST_REQUIRE_REAL=1 a missing server fails the test instead of leaving it out.
package sqltest

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// The engines, as URLs and Each name them.
const (
	SQLite   = "sqlite"
	Postgres = "postgres"
)

// cleanUpTimeout bounds dropping a database: a test may have left connections that are being closed.
const cleanUpTimeout = 10 * time.Second

// Each runs test as a subtest per engine; fresh makes as many stores of that engine as the test wants, each gone when
// the test that it was made for ends. A subtest whose engine is missing says that it is skipped.
func Each(t *testing.T, test func(t *testing.T, fresh func(tb testing.TB) string)) {
	t.Helper()
	t.Run(SQLite, func(t *testing.T) { test(t, sqliteURL) })
	t.Run(Postgres, func(t *testing.T) {
		server := server(t)
		if server == "" {
			t.Skip("BEEP_TEST_POSTGRES is not set")
		}
		test(t, func(tb testing.TB) string {
			tb.Helper()
			return postgresURL(tb, server)
		})
	})
}

// URLs is one fresh store of every engine that can be had, by engine.
func URLs(tb testing.TB) map[string]string {
	tb.Helper()
	urls := map[string]string{SQLite: sqliteURL(tb)}
	server := server(tb)
	if server == "" {
		tb.Log("not on PostgreSQL: BEEP_TEST_POSTGRES is not set")
		return urls
	}
	urls[Postgres] = postgresURL(tb, server)
	return urls
}

// server is the PostgreSQL of the environment, empty if there is none. Reading the environment is this package's
// purpose; nothing but tests imports it.
func server(tb testing.TB) string {
	tb.Helper()
	server := os.Getenv("BEEP_TEST_POSTGRES")
	if server == "" && os.Getenv("BEEP_TEST_REQUIRE_REAL") == "1" {
		tb.Fatal("BEEP_TEST_REQUIRE_REAL=1, and BEEP_TEST_POSTGRES is not set")
	}
	return server
}

func sqliteURL(tb testing.TB) string {
	tb.Helper()
	return "sqlite://" + filepath.Join(tb.TempDir(), "test.db")
}

// postgresURL makes a database of its own, so that tests may run side by side and see nothing of each other.
func postgresURL(tb testing.TB, server string) string {
	tb.Helper()
	u, err := url.Parse(server)
	if err != nil {
		tb.Fatal("BEEP_TEST_POSTGRES is not a URL")
	}
	name := "beep_test_" + strings.ToLower(rand.Text())
	run(tb, server, "CREATE DATABASE "+name)
	tb.Cleanup(func() { run(tb, server, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)") })
	u.Path = "/" + name
	return u.String()
}

func run(tb testing.TB, server, statement string) {
	tb.Helper()
	// Not the test's own context, which has ended when cleanups run.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), cleanUpTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		tb.Fatalf("connect to BEEP_TEST_POSTGRES: %v", err)
	}
	if _, err := conn.Exec(ctx, statement); err != nil {
		tb.Errorf("%s: %v", statement, err)
	}
	if err := conn.Close(ctx); err != nil {
		tb.Errorf("close: %v", err)
	}
}
