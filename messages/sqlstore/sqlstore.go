// Package sqlstore keeps the entries of channels in SQLite or PostgreSQL.
//
// A batch is one transaction, under the lock of its channel's row in heads: it goes in whole, or, when a nonce in it
// is taken, up to that one.
package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/kit/sqldb"
	"github.com/beep-chat/beep/messages"
)

//go:embed migrations/*.sql
var embedded embed.FS

// Store is a messages.Store on SQL.
type Store struct {
	db *sqldb.DB
}

var _ messages.Store = (*Store)(nil)

// Migrations are the schema's steps, in order.
func Migrations() fs.FS {
	files, err := fs.Sub(embedded, "migrations")
	if err != nil { // only for a name that is no path
		return embedded
	}
	return files
}

// Open opens the store at a URL that sqldb.Open takes and brings its schema up to date. The caller closes it.
func Open(ctx context.Context, url string) (*Store, error) {
	db, err := sqldb.Open(ctx, url, Migrations())
	if err != nil {
		return nil, fmt.Errorf("messages store: %w", err)
	}
	return &Store{db: db}, nil
}

// Close waits for what has begun.
func (s *Store) Close() error { return s.db.Close() }

// Ping is a readiness check.
func (s *Store) Ping(ctx context.Context) error { return s.db.Ping(ctx) }

// columns are those of scanEntry and of insertRow.
const columns = `channel_id, r, n, last_id, mid, kind, actor_id, nonce, hash, e, at, v, ve, deleted, content, edited_at,
	author_id, created_nonce, created_n, created_at`

// row has a mark for each of columns.
const row = "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"

// Insert tries the whole batch, and again up to the first taken nonce if one is.
func (s *Store) Insert(ctx context.Context, batch []messages.Entry) (int, error) {
	if len(batch) == 0 {
		return 0, nil
	}
	err := s.db.Tx(ctx, func(tx *sqldb.Tx) error { return insert(ctx, tx, batch) })
	if err == nil {
		return len(batch), nil
	}
	// Another has moved the head, or the outcome is unknown: in either case nothing is known to be in.
	if !sqldb.IsUnique(err) {
		return 0, err
	}
	// In another transaction: on PostgreSQL the refusal has spoilt the first.
	done := 0
	err = s.db.Tx(ctx, func(tx *sqldb.Tx) error {
		var err error
		done, err = insertFree(ctx, tx, batch)
		return err
	})
	switch {
	case err != nil:
		return 0, err
	case done < len(batch):
		return done, beep.ErrConflict
	}
	return done, nil
}

// insert moves the head, which locks it, and adds the rows.
func insert(ctx context.Context, tx *sqldb.Tx, batch []messages.Entry) error {
	first, last := batch[0], batch[len(batch)-1]
	// Two who begin a channel meet here: the second waits for the first, and then finds the head moved.
	if first.R == 1 {
		const begin = "INSERT INTO heads (channel_id, r) VALUES (?, 0) ON CONFLICT DO NOTHING"
		if _, err := tx.Exec(ctx, begin, int64(first.Channel)); err != nil {
			return err
		}
	}
	// This decides between replicas: who finds the head where it was takes the places behind it, and nobody else does.
	const move = "UPDATE heads SET r = ? WHERE channel_id = ? AND r = ?"
	res, err := tx.Exec(ctx, move, last.R, int64(first.Channel), first.R-1)
	if err != nil {
		return err
	}
	// Not one of the places is free then, so there is no part of the batch that could go in.
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, beep.ErrConflict)
	}
	// One statement for the batch: a round trip, not one for each entry. It stands or falls as a whole.
	args := make([]any, 0, len(batch)*20)
	for i := range batch {
		args = appendArgs(args, &batch[i])
	}
	_, err = tx.Exec(ctx, "INSERT INTO entries ("+columns+") VALUES "+strings.Repeat(row+",", len(batch)-1)+row, args...)
	return err
}

// insertFree is insert for a batch in which a nonce is taken, perhaps by an earlier entry of the batch itself.
func insertFree(ctx context.Context, tx *sqldb.Tx, batch []messages.Entry) (done int, err error) {
	const lock = "SELECT r FROM heads WHERE channel_id = ? {{lock_rows}}"
	var head uint32
	err = tx.QueryRow(ctx, lock, int64(batch[0].Channel)).Scan(&head)
	// Without a row nobody has begun the channel, and its head is 0.
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, err
	}
	// Another was faster, and none of the places is free.
	if head != batch[0].R-1 {
		return 0, nil
	}
	// Under the lock nobody else adds to the channel: what is free now stays free until the commit.
	seen := map[messages.Key]bool{}
	for _, e := range batch {
		taken := seen[e.Key()]
		if !taken {
			const q = "SELECT EXISTS (SELECT 1 FROM entries WHERE channel_id = ? AND actor_id = ? AND nonce = ?)"
			if err := tx.QueryRow(ctx, q, int64(e.Channel), int64(e.Actor), e.Nonce).Scan(&taken); err != nil {
				return 0, err
			}
		}
		if taken {
			break
		}
		seen[e.Key()] = true
		done++
	}
	if done == 0 {
		return 0, nil
	}
	return done, insert(ctx, tx, batch[:done])
}

// Apply is one transaction; a statement that changes nothing writes nothing. Two that lock the rows of several
// messages in different orders may block each other on PostgreSQL; one of them then gives way and runs again.
func (s *Store) Apply(ctx context.Context, entries []messages.Entry) error {
	changes := false
	for i := range entries {
		changes = changes || entries[i].Kind != messages.Create
	}
	if !changes {
		return nil
	}
	return s.db.Tx(ctx, func(tx *sqldb.Tx) error {
		for i := range entries {
			if err := apply(ctx, tx, &entries[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// The row of a message, and its other entries, each by an index of its own: the + keeps SQLite, which has no
// statistics, from walking all that the channel ever said by the key. The last condition of each keeps what was
// applied before from being written again.
const (
	patch = `UPDATE entries SET deleted = ?, content = ?, edited_at = ?, v = ?, ve = ?
		WHERE channel_id = ? AND mid = ? AND kind = 1 AND v < ?`
	scrubRow = "UPDATE entries SET hash = NULL WHERE channel_id = ? AND mid = ? AND kind = 1 AND hash IS NOT NULL"
	scrub    = `UPDATE entries SET deleted = ?, content = '', edited_at = NULL, hash = NULL
		WHERE mid = ? AND +channel_id = ? AND kind > 1 AND r < ? AND (hash IS NOT NULL OR NOT deleted)`
)

// apply does for one entry what the port says of Apply, in statements that do nothing where it is done already.
func apply(ctx context.Context, tx *sqldb.Tx, e *messages.Entry) error {
	if e.Kind == messages.Create {
		return nil
	}
	_, err := tx.Exec(ctx, patch, e.State.Deleted, e.State.Content, millis(e.State.EditedAt), e.R, int64(e.E),
		int64(e.Channel), int64(e.Mid), e.R)
	if err != nil || e.Kind != messages.Delete {
		return err
	}
	// The place and author of what is deleted stay; what it said and the hash of what was asked go.
	if _, err := tx.Exec(ctx, scrubRow, int64(e.Channel), int64(e.Mid)); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, scrub, true, int64(e.Mid), int64(e.Channel), e.R)
	return err
}

const byIDs = "SELECT " + columns + " FROM entries WHERE channel_id = ? AND kind = 1 AND mid IN "

// Rows goes by the index of messages.
func (s *Store) Rows(ctx context.Context, channel beep.ChannelID, mids []beep.MessageID) ([]messages.Entry, error) {
	if len(mids) == 0 {
		return nil, nil
	}
	args := make([]any, 0, len(mids)+1)
	args = append(args, int64(channel))
	for _, mid := range mids {
		args = append(args, int64(mid))
	}
	return sqldb.All(scanEntry)(s.db.Query(ctx, byIDs+"("+sqldb.Marks(len(mids))+")", args...))
}

const byNonce = "SELECT " + columns + " FROM entries WHERE channel_id = ? AND actor_id = ? AND nonce = ?"

// ByNonce goes by the index of nonces.
func (s *Store) ByNonce(ctx context.Context, key messages.Key) (messages.Entry, error) {
	e, err := scanEntry(s.db.QueryRow(ctx, byNonce, int64(key.Channel), int64(key.Actor), key.Nonce))
	if errors.Is(err, sql.ErrNoRows) {
		return messages.Entry{}, beep.ErrNotFound
	}
	return e, err
}

const newestFirst = "SELECT " + columns + " FROM entries WHERE channel_id = ? ORDER BY r DESC LIMIT ?"

// Newest goes by the key, backwards.
func (s *Store) Newest(ctx context.Context, channel beep.ChannelID, limit int) ([]messages.Entry, error) {
	list, err := sqldb.All(scanEntry)(s.db.Query(ctx, newestFirst, int64(channel), limit))
	// The key was walked from its end, and the port wants rising R.
	slices.Reverse(list)
	return list, err
}

const after = "SELECT " + columns + " FROM entries WHERE channel_id = ? AND r > ? ORDER BY r LIMIT ?"

// After goes by the key.
func (s *Store) After(ctx context.Context, channel beep.ChannelID, r uint32, limit int) ([]messages.Entry, error) {
	return sqldb.All(scanEntry)(s.db.Query(ctx, after, int64(channel), r, limit))
}

// Both name kind = 1, which the index of messages is limited to: without it the planner may not use that index.
const (
	older = "SELECT " + columns + " FROM entries WHERE channel_id = ? AND kind = 1 AND mid < ? ORDER BY mid DESC LIMIT ?"
	newer = "SELECT " + columns + " FROM entries WHERE channel_id = ? AND kind = 1 AND mid > ? ORDER BY mid LIMIT ?"
)

// Page goes by the index of messages.
func (s *Store) Page(ctx context.Context, channel beep.ChannelID, rng messages.Range) ([]messages.Entry, error) {
	q := older
	if rng.Newer {
		q = newer
	}
	return sqldb.All(scanEntry)(s.db.Query(ctx, q, int64(channel), int64(rng.From), rng.Limit))
}

// headsIn takes the ids from a function that makes rows of a JSON list. The cast is there because one engine's list
// is of text and the other's of numbers.
func headsIn(list string) string {
	return "SELECT channel_id, r FROM heads WHERE channel_id IN (SELECT CAST(value AS BIGINT) FROM " + list + ")"
}

// Heads reads the small table only.
func (s *Store) Heads(ctx context.Context, channels []beep.ChannelID) ([]uint32, error) {
	ids := []byte{'['}
	for i, ch := range channels {
		if i > 0 {
			ids = append(ids, ',')
		}
		ids = strconv.AppendUint(ids, uint64(ch), 10)
	}
	ids = append(ids, ']')
	// One parameter, whatever the number of channels: so it is one statement, prepared once.
	list := "json_each(?)"
	if s.db.Dialect == sqldb.Postgres {
		list = "jsonb_array_elements_text(?)"
	}
	found, err := sqldb.All(scanHead)(s.db.Query(ctx, headsIn(list), string(ids)))
	if err != nil {
		return nil, err
	}
	byID := make(map[beep.ChannelID]uint32, len(found))
	for _, h := range found {
		byID[h.channel] = h.r
	}
	// In the order asked, which the engine does not keep, and with what it has no row for.
	heads := make([]uint32, len(channels))
	for i, ch := range channels {
		heads[i] = byID[ch]
	}
	return heads, nil
}

type head struct {
	channel beep.ChannelID
	r       uint32
}

func scanHead(s sqldb.Scanner) (h head, err error) {
	err = s.Scan(&h.channel, &h.r)
	return h, err
}
