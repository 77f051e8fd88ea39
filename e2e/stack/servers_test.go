package stack_test

import (
	"context"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/beep-chat/beep/e2e/stack"
)

// needs skips where a program is not installed, unless the run is one in which a skip is a failure.
func needs(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if strings.Contains(err.Error(), "not installed") && os.Getenv("BEEP_TEST_REQUIRE_REAL") == "" {
		t.Skip(err)
	}
	t.Fatal(err)
}

func psql(ctx context.Context, dsn, statement string) (string, error) {
	out, err := exec.CommandContext(ctx, "psql", "-XAtq", "-d", dsn, "-c", statement).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func TestPostgres_KeepsCommitsOverAKill(t *testing.T) {
	t.Parallel()
	pg, err := stack.StartPostgres(t.Context())
	needs(t, err)
	t.Cleanup(func() { _ = pg.Close() })
	if out, err := psql(t.Context(), pg.URL, "create table kept (n int); insert into kept values (42)"); err != nil {
		t.Fatal(out, err)
	}
	pg.Process.Kill()
	if _, err := psql(t.Context(), pg.URL, "select 1"); err == nil {
		t.Error("it answers after Kill")
	}
	if err := pg.Process.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := psql(t.Context(), pg.URL, "select n from kept"); got != "42" || err != nil {
		t.Errorf("after the restart: %q, %v; want 42", got, err)
	}
}

func TestPostgres_DatabasesAreApart(t *testing.T) {
	t.Parallel()
	pg, err := stack.StartPostgres(t.Context())
	needs(t, err)
	t.Cleanup(func() { _ = pg.Close() })
	other, err := pg.CreateDatabase(t.Context(), "other")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := psql(t.Context(), pg.URL, "create table here (n int)"); err != nil {
		t.Fatal(out, err)
	}
	const count = "select count(*) from pg_tables where tablename = 'here'"
	for dsn, want := range map[string]string{pg.URL: "1", other: "0"} {
		if got, err := psql(t.Context(), dsn, count); got != want || err != nil {
			t.Errorf("%s: %q, %v; want %s", dsn, got, err, want)
		}
	}
	if _, err := pg.CreateDatabase(t.Context(), "other"); err == nil {
		t.Error("the same database was made twice")
	}
}

func TestPostgres_CloseLeavesNothing(t *testing.T) {
	t.Parallel()
	pg, err := stack.StartPostgres(t.Context())
	needs(t, err)
	dir, err := psql(t.Context(), pg.URL, "show data_directory")
	if err != nil {
		t.Fatal(err)
	}
	if err := pg.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%s is still there", dir)
	}
	if listening(t, pg.URL) {
		t.Error("it still listens")
	}
}

func TestRedis_ComesBackEmptyOnTheSamePort(t *testing.T) {
	t.Parallel()
	r, err := stack.StartRedis(t.Context())
	needs(t, err)
	if !listening(t, r.URL) {
		t.Error("it does not listen after StartRedis")
	}
	r.Process.Kill()
	if listening(t, r.URL) {
		t.Error("it listens after Kill")
	}
	if err := r.Process.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !listening(t, r.URL) {
		t.Error("it does not listen after Restart")
	}
	if err := r.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
	if listening(t, r.URL) {
		t.Error("it listens after Close")
	}
}

func TestPermify_KeepsItsDataOverAKill(t *testing.T) {
	t.Parallel()
	pg, err := stack.StartPostgres(t.Context())
	needs(t, err)
	t.Cleanup(func() { _ = pg.Close() })
	p, err := stack.StartPermify(t.Context(), pg)
	needs(t, err)
	t.Cleanup(func() { _ = p.Close() })
	if !listening(t, p.URL) {
		t.Error("it does not listen after StartPermify")
	}
	other, err := stack.StartPermify(t.Context(), pg) // beside the first
	needs(t, err)
	t.Cleanup(func() { _ = other.Close() })
	p.Process.Kill()
	if listening(t, p.URL) || !listening(t, other.URL) {
		t.Error("it listens after Kill, or the other does not")
	}
	if err := p.Process.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !listening(t, p.URL) {
		t.Error("it does not listen after Restart")
	}
	const count = "select count(*) from pg_database where datname like 'permify_%'"
	if got, err := psql(t.Context(), pg.URL, count); got != "2" || err != nil {
		t.Errorf("%q databases, %v; want those that they had", got, err)
	}
}

// listening says whether anybody listens at the host and port of a URL.
func listening(t *testing.T, address string) bool {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.DialTimeout("tcp", u.Host, time.Second)
	if err == nil {
		conn.Close()
	}
	return err == nil
}
