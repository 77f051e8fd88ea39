package sqldb

import (
	"strings"
	"testing"
)

func TestRewrite(t *testing.T) {
	tests := map[string]struct{ in, sqlite, postgres string }{
		"placeholders":      {"a = ? AND b = ?", "a = ? AND b = ?", "a = $1 AND b = $2"},
		"a string":          {"a = '?' AND b = ?", "a = '?' AND b = ?", "a = '?' AND b = $1"},
		"a doubled quote":   {"'it''s ?' || ?", "'it''s ?' || ?", "'it''s ?' || $1"},
		"a quoted name":     {`"odd?" = ?`, `"odd?" = ?`, `"odd?" = $1`},
		"a line comment":    {"? -- why? {{x}}\n, ?", "? -- why? {{x}}\n, ?", "$1 -- why? {{x}}\n, $2"},
		"a block comment":   {"? /* ? */ ?", "? /* ? */ ?", "$1 /* ? */ $2"},
		"a dollar string":   {"$f$ ? $f$ ?", "$f$ ? $f$ ?", "$f$ ? $f$ $1"},
		"a bare dollar str": {"$$ ? $$ ?", "$$ ? $$ ?", "$$ ? $$ $1"},
		"a dollar amount":   {"'x' $1 ?", "'x' $1 ?", "'x' $1 $1"},
		"an open string":    {"'? ?", "'? ?", "'? ?"},
		"a word":            {"x {{bytes}}, y", "x BLOB, y", "x BYTEA, y"},
		"a word in quotes":  {"'{{bytes}}'", "'{{bytes}}'", "'{{bytes}}'"},
		"an empty word":     {"SELECT ? {{lock_rows}}", "SELECT ? ", "SELECT $1 FOR NO KEY UPDATE"},
	}
	for name, tt := range tests {
		for d, want := range map[Dialect]string{SQLite: tt.sqlite, Postgres: tt.postgres} {
			got, err := rewrite(d, Words(), tt.in)
			if err != nil || got != want {
				t.Errorf("%s on %s: got %q, %v, want %q", name, d, got, err, want)
			}
		}
	}
}

func TestRewrite_RefusesWordsItDoesNotKnow(t *testing.T) {
	for _, in := range []string{"{{nope}}", "{{bytes", "{{}}", "{{ bytes }}"} {
		if got, err := rewrite(Postgres, Words(), in); err == nil {
			t.Errorf("%q became %q, want an error", in, got)
		}
	}
}

func TestTextCache_StaysBounded(t *testing.T) {
	c := newTextCache(Postgres)
	for i := range 3 * maxTexts {
		query := "SELECT " + strings.Repeat("?,", i%(maxTexts+7)) + "?"
		if _, err := c.get(query); err != nil {
			t.Fatal(err)
		}
		if len(c.texts) > maxTexts {
			t.Fatalf("%d texts kept, want at most %d", len(c.texts), maxTexts)
		}
	}
}

func FuzzRewrite(f *testing.F) {
	for _, s := range []string{"a = ?", "'?", "$a$ ? $a", "/* ?", "{{bytes}}{{", "--", "$1$"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		onSQLite, err := rewrite(SQLite, Words(), s)
		onPostgres, err2 := rewrite(Postgres, Words(), s)
		if (err == nil) != (err2 == nil) {
			t.Fatalf("%q: %v on one dialect, %v on the other", s, err, err2)
		}
		if err == nil && !strings.Contains(s, "{{") && onSQLite != s {
			t.Fatalf("%q became %q on SQLite", s, onSQLite)
		}
		if err == nil && len(onPostgres) < len(onSQLite) && !strings.Contains(s, "{{") {
			t.Fatalf("%q lost text on PostgreSQL: %q", s, onPostgres)
		}
	})
}
