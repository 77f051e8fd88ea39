package sqlstore

import (
	"fmt"
	"strings"
	"testing"

	"github.com/beep-chat/beep/kit/sqldb"
	"github.com/beep-chat/beep/kit/sqldb/sqltest"
)

// TestPlans: every statement finds its rows by the index made for it and needs no sort, so that none gets slower as
// logs grow. PostgreSQL has the same indexes; its planner answers by statistics, which an empty table has not.
func TestPlans(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), sqltest.URLs(t)[sqltest.SQLite])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	for name, tt := range map[string]struct {
		query, want string
	}{
		"byNonce":     {byNonce, "INDEX entries_nonce (channel_id=? AND actor_id=? AND nonce=?)"},
		"byIDs":       {byIDs + "(?, ?)", "INDEX entries_message (channel_id=? AND mid=?)"},
		"newestFirst": {newestFirst, "PRIMARY KEY (channel_id=?)"},
		"after":       {after, "PRIMARY KEY (channel_id=? AND r>?)"},
		"older":       {older, "INDEX entries_message (channel_id=? AND mid<?)"},
		"newer":       {newer, "INDEX entries_message (channel_id=? AND mid>?)"},
		"patch":       {patch, "INDEX entries_message (channel_id=? AND mid=?)"},
		"scrubRow":    {scrubRow, "INDEX entries_message (channel_id=? AND mid=?)"},
		"scrub":       {scrub, "INDEX entries_change (mid=?)"},
		"heads":       {headsIn("json_each(?)"), "heads USING INTEGER PRIMARY KEY (rowid=?)"},
	} {
		plan := explain(t, s.db, tt.query)
		if !strings.Contains(plan, tt.want) || strings.Contains(plan, "SCAN entries") || strings.Contains(plan, "SCAN heads") ||
			strings.Contains(plan, "ORDER BY") {
			t.Errorf("%s goes by\n%swant %s", name, plan, tt.want)
		}
	}
}

// explain is SQLite's plan, a step a line.
func explain(t *testing.T, db *sqldb.DB, query string) string {
	t.Helper()
	args := make([]any, strings.Count(query, "?"))
	for i := range args {
		args[i] = 1
	}
	rows, err := db.Query(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
	steps, err := sqldb.All(func(s sqldb.Scanner) (step string, err error) {
		var ignored int
		err = s.Scan(&ignored, &ignored, &ignored, &step)
		return step, err
	})(rows, err)
	if err != nil {
		t.Fatalf("explain %s: %v", query, err)
	}
	return fmt.Sprintln(strings.Join(steps, "\n"))
}
