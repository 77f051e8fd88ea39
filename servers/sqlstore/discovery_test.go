package sqlstore

import (
	"strings"
	"testing"
	"time"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/kit/sqldb"
	"github.com/beep-chat/beep/kit/sqldb/sqltest"
	"github.com/beep-chat/beep/servers"
)

// many is as many servers, or members of one, as have to be no slower than a few. To insert them takes the race
// detector minutes, and it has nothing to say of plans.
var many = map[bool]int{false: 100_000, true: 10_000}[raceDetector]

// TestDiscovery_IsNoSlowerWithManyServers: a search goes by the key of the table, sorts nothing, and takes with 100,000
// servers about as long as with one, whatever the words are: in all of them, in a few, in none, or never together.
func TestDiscovery_IsNoSlowerWithManyServers(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Helper()
		small, large := opened(t, url(t)), opened(t, url(t))
		seedServers(t, small, 1)
		seedServers(t, large, many)
		one := fastest(t, func() error {
			_, _, err := small.PublicServers(t.Context(), servers.DiscoveryQuery{Tokens: []string{"game"}, Limit: 50})
			return err
		})
		for name, q := range map[string]servers.DiscoveryQuery{
			"all":                  {Tokens: []string{""}},
			"a page far down":      {Tokens: []string{""}, After: beep.ServerID(many / 2)},
			"in all of them":       {Tokens: []string{"game"}},
			"in a few":             {Tokens: []string{"rare"}},
			"in none":              {Tokens: []string{"zebra"}},
			"in all, and in a few": {Tokens: []string{"game", "rare"}},
			"never together":       {Tokens: []string{"even", "odd"}},
		} {
			q.Limit = 50
			plan := planned(t, large, name, q)
			look := func(s *Store) time.Duration {
				return fastest(t, func() error {
					_, _, err := s.PublicServers(t.Context(), q)
					return err
				})
			}
			// 50 servers are read where there is one, and where two words are wanted a window is looked at.
			times := time.Duration(40)
			if len(q.Tokens) > 1 {
				times += window / 2
			}
			// A busy machine slows one look, not every one: what reads them all is never within the bound.
			few, all := max(one, look(small)), look(large)
			for range 20 {
				if all <= times*few {
					break
				}
				all = min(all, look(large))
			}
			if all > times*few {
				t.Errorf("%s: %v with %d servers, %v with one:\n%s", name, all, many, few, plan)
			}
		}
	})
}

// planned wants a plan without a scan or a sort.
func planned(t *testing.T, s *Store, name string, q servers.DiscoveryQuery) string {
	t.Helper()
	query, args := pageOf, []any{q.Tokens[0], below(uint64(q.After)), 0}
	for _, token := range q.Tokens[1:] {
		query, args = query+andOf, append(args, token, below(uint64(q.After)), 0)
	}
	plan := explain(t, s, query+newestServers, append(args, q.Limit)...)
	for _, bad := range []string{"SCAN", "TEMP B-TREE", "Seq Scan", "Sort"} {
		if strings.Contains(strings.ReplaceAll(plan, "SCAN page", "the page"), bad) {
			t.Errorf("%s goes by\n%s", name, plan)
		}
	}
	return plan
}

// explain is the engine's plan, a step a line.
func explain(t *testing.T, s *Store, query string, args ...any) string {
	t.Helper()
	how, columns := "EXPLAIN QUERY PLAN ", 4
	if strings.HasPrefix(t.Name()[strings.LastIndex(t.Name(), "/")+1:], sqltest.Postgres) {
		how, columns = "EXPLAIN ", 1
	}
	rows, err := s.db.Query(t.Context(), how+query, args...)
	steps, err := sqldb.All(func(row sqldb.Scanner) (step string, err error) {
		var n int
		if columns == 1 {
			err = row.Scan(&step)
		} else {
			err = row.Scan(&n, &n, &n, &step)
		}
		return step, err
	})(rows, err)
	if err != nil {
		t.Fatalf("explain %s: %v", query, err)
	}
	return strings.Join(steps, "\n")
}

// fastest of several calls: of how busy the machine is it says the least.
func fastest(t *testing.T, call func() error) time.Duration {
	t.Helper()
	best := time.Hour
	for range 9 {
		start := time.Now()
		if err := call(); err != nil {
			t.Fatal(err)
		}
		best = min(best, time.Since(start))
	}
	return best
}

func opened(t *testing.T, url string) *Store {
	t.Helper()
	s, err := Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// seedServers makes n public servers: "game", with "even" or "odd", and "rare" for one of 10,000.
func seedServers(t *testing.T, s *Store, n int) {
	t.Helper()
	const numbers = `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?) `
	run(t, s, `INSERT INTO servers (id, name, description, owner_id, created_at, member_count, public, system_channel) `+numbers+
		`SELECT n, 'game', 'x', 1, 1, 1, TRUE, 0 FROM numbers`, n)
	for _, token := range []string{"", "game"} {
		run(t, s, `INSERT INTO discovery (token, server_id) `+numbers+`SELECT '`+token+`', n FROM numbers`, n)
	}
	run(t, s, `INSERT INTO discovery (token, server_id) `+numbers+`SELECT CASE n % 2 WHEN 0 THEN 'even' ELSE 'odd' END, n FROM numbers`, n)
	run(t, s, `INSERT INTO discovery (token, server_id) `+numbers+`SELECT 'rare', n FROM numbers WHERE n % 10000 = 1`, n)
	run(t, s, `ANALYZE`)
}

func run(t *testing.T, s *Store, query string, args ...any) {
	t.Helper()
	if _, err := s.db.Exec(t.Context(), query, args...); err != nil {
		t.Fatal(err)
	}
}
