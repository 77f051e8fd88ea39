package sqldb

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// Dialect is the engine that a DB speaks to.
type Dialect uint8

// The dialects.
const (
	SQLite Dialect = iota
	Postgres
)

// String is the name of the engine.
func (d Dialect) String() string {
	if d == Postgres {
		return "postgres"
	}
	return "sqlite"
}

// Words are the places where the two dialects differ, written {{name}} in statements and migrations, with what
// SQLite and PostgreSQL read there. All else is SQL that both take: BIGINT, TEXT, BOOLEAN, ON CONFLICT, RETURNING.
func Words() map[string][2]string {
	return map[string][2]string{
		"bytes":         {"BLOB", "BYTEA"},
		"bigint_pk":     {"INTEGER PRIMARY KEY", "BIGINT PRIMARY KEY"}, // SQLite: the row's own key, no second index
		"text_binary":   {"TEXT", `TEXT COLLATE "C"`},                  // ordered by bytes on both
		"without_rowid": {"WITHOUT ROWID", ""},                         // after a table whose key is several columns
		"lock_rows":     {"", "FOR NO KEY UPDATE"},                     // at the end of a SELECT in a Tx; SQLite's writer is alone
	}
}

// maxTexts bounds the cache of rewritten statements; code has some hundreds, IN lists of every length add to them.
const maxTexts = 2048

// textCache remembers what each statement is in the dialect.
type textCache struct {
	dialect Dialect
	words   map[string][2]string

	mu    sync.RWMutex // guards texts
	texts map[string]string
}

func newTextCache(d Dialect) *textCache {
	return &textCache{dialect: d, words: Words(), texts: map[string]string{}}
}

// get is the text that the engine reads. Two who miss it at once both rewrite it, to the same end; no lock is held
// meanwhile.
func (c *textCache) get(query string) (string, error) {
	c.mu.RLock()
	text, ok := c.texts[query]
	c.mu.RUnlock()
	if ok {
		return text, nil
	}
	text, err := rewrite(c.dialect, c.words, query)
	if err != nil {
		return "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.texts) >= maxTexts {
		clear(c.texts) // rare, and refilled in one round of requests
	}
	c.texts[query] = text
	return text, nil
}

// rewrite replaces {{words}} and, on PostgreSQL, numbers the ? placeholders. Quoted text and comments stay as they are.
func rewrite(d Dialect, words map[string][2]string, query string) (string, error) {
	if !strings.Contains(query, "{{") && (d == SQLite || !strings.Contains(query, "?")) {
		return query, nil
	}
	var b strings.Builder
	marks := 0
	for i := 0; i < len(query); {
		if n := quotedLen(query[i:]); n > 0 {
			b.WriteString(query[i : i+n])
			i += n
			continue
		}
		switch {
		case strings.HasPrefix(query[i:], "{{"):
			name, _, ok := strings.Cut(query[i+2:], "}}")
			word, known := words[name]
			if !ok || !known {
				return "", fmt.Errorf("sqldb: unknown word {{%s}} in a statement", name)
			}
			b.WriteString(word[d])
			i += len(name) + 4
		// A ? of its own is always a placeholder, so PostgreSQL's operators that are written with one cannot be used.
		case query[i] == '?' && d == Postgres:
			marks++
			b.WriteString("$" + strconv.Itoa(marks))
			i++
		default:
			b.WriteByte(query[i])
			i++
		}
	}
	return b.String(), nil
}

// quotedLen is the length of the string, quoted name or comment that s begins with; 0 if it begins with none. One
// that never ends reaches to the end of s: the engine refuses it with a better message than ours.
func quotedLen(s string) int {
	switch {
	case s[0] == '\'' || s[0] == '"':
		// A doubled quote ends one string and begins the next, which comes to the same.
		return through(s, s[:1], 1)
	case strings.HasPrefix(s, "--"):
		return through(s, "\n", 2)
	case strings.HasPrefix(s, "/*"):
		return through(s, "*/", 2)
	case s[0] == '$':
		return dollarQuotedLen(s)
	}
	return 0
}

// dollarQuotedLen is quotedLen for PostgreSQL's $tag$ … $tag$. A tag is like a name and begins with no digit, so $1
// begins none.
func dollarQuotedLen(s string) int {
	for i := 1; i < len(s); i++ {
		c := s[i]
		if c == '$' {
			return through(s, s[:i+1], i+1)
		}
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 1 || c < '0' || c > '9') {
			return 0
		}
	}
	return 0
}

// through is the length of s up to and with the first end at or after from.
func through(s, end string, from int) int {
	i := strings.Index(s[from:], end)
	if i < 0 {
		return len(s)
	}
	return from + i + len(end)
}
