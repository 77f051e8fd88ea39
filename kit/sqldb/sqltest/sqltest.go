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

// URLs is one fresh store per engine that can be had, by engine. They are gone when the test ends; close what you
// opened before (t.Cleanup does, when it is registered after this call).
func URLs(t testing.TB) map[string]string {
	t.Helper()
	urls := map[string]string{SQLite: sqliteURL(t)}
	server := server(t)
	if server == "" {
		t.Log("not on PostgreSQL: BEEP_TEST_POSTGRES is not set")
		return urls
	}
	urls[Postgres] = postgresURL(t, server)
	return urls
}

// Each runs test as a subtest per engine; fresh makes as many stores of that engine as the test wants. A subtest
// whose engine is missing says that it is skipped.
func Each(t *testing.T, test func(t *testing.T, fresh func(t testing.TB) string)) {
	t.Helper()
	t.Run(SQLite, func(t *testing.T) { test(t, sqliteURL) })
	t.Run(Postgres, func(t *testing.T) {
		server := server(t)
		if server == "" {
			t.Skip("BEEP_TEST_POSTGRES is not set")
		}
		test(t, func(t testing.TB) string {
			t.Helper()
			return postgresURL(t, server)
		})
	})
}

// server is the PostgreSQL of the environment, empty if there is none. Reading the environment is this package's
// purpose; nothing but tests imports it.
func server(t testing.TB) string {
	t.Helper()
	server := os.Getenv("BEEP_TEST_POSTGRES")
	if server == "" && os.Getenv("BEEP_TEST_REQUIRE_REAL") == "1" {
		t.Fatal("BEEP_TEST_REQUIRE_REAL=1, and BEEP_TEST_POSTGRES is not set")
	}
	return server
}

func sqliteURL(t testing.TB) string {
	t.Helper()
	return "sqlite://" + filepath.Join(t.TempDir(), "test.db")
}

// postgresURL makes a database of its own, so that tests may run side by side and see nothing of each other.
func postgresURL(t testing.TB, server string) string {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal("BEEP_TEST_POSTGRES is not a URL")
	}
	name := "beep_test_" + strings.ToLower(rand.Text())
	run(t, server, "CREATE DATABASE "+name)
	t.Cleanup(func() { run(t, server, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)") })
	u.Path = "/" + name
	return u.String()
}

func run(t testing.TB, server, statement string) {
	t.Helper()
	// Not the test's own context, which has ended when cleanups run.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), cleanUpTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		t.Fatalf("connect to BEEP_TEST_POSTGRES: %v", err)
	}
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Errorf("%s: %v", statement, err)
	}
	if err := conn.Close(ctx); err != nil {
		t.Errorf("close: %v", err)
	}
}
