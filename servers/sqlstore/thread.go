package sqlstore

import (
	"context"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/kit/sqldb"
	"github.com/beep-chat/beep/servers"
)

// thread never changes where it hangs and who made it.
func (t *transaction) thread(scope beep.Scope, c servers.ThreadSet) {
	if c.New {
		t.place(scope, c.ID)
		t.one(beep.ErrConflict, `INSERT INTO threads
			(id, server_id, channel_id, message_id, author_id, name, archived, locked, created_at)
			SELECT ?, ?, ?, ?, ?, ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM channels WHERE id = ? AND server_id = ?)`,
			int64(c.ID), int64(c.Server), int64(c.Channel), int64(c.Message), int64(c.Author), c.Name, c.Archived, c.Locked,
			millis(c.CreatedAt), int64(c.Channel), int64(c.Server))
		return
	}
	t.one(beep.ErrConflict, `UPDATE threads SET name = ?, archived = ?, locked = ? WHERE id = ? AND server_id = ?`,
		c.Name, c.Archived, c.Locked, int64(c.ID), int64(c.Server))
}

const threadColumns = `t.id, t.server_id, t.channel_id, t.message_id, t.author_id, t.name, t.archived, t.locked, t.created_at`

// Thread reads one thread.
func (s *Store) Thread(ctx context.Context, id beep.ChannelID) (servers.Thread, error) {
	t, err := scanThread(s.db.QueryRow(ctx, `SELECT `+threadColumns+` FROM threads t WHERE t.id = ?`, int64(id)))
	return t, found(err)
}

// ThreadOf reads the thread of a message.
func (s *Store) ThreadOf(ctx context.Context, channel beep.ChannelID, message beep.MessageID) (servers.Thread, error) {
	t, err := scanThread(s.db.QueryRow(ctx, `SELECT `+threadColumns+` FROM threads t
		WHERE t.channel_id = ? AND t.message_id = ?`, int64(channel), int64(message)))
	return t, found(err)
}

// Threads reads a page of a channel's threads.
func (s *Store) Threads(ctx context.Context, q servers.ThreadQuery) ([]servers.Thread, error) {
	return list(ctx, s.db, scanThread, `SELECT `+threadColumns+` FROM threads t
		WHERE t.channel_id = ? AND t.archived = ? AND t.id < ? ORDER BY t.id DESC LIMIT ?`,
		int64(q.Channel), q.Archived, below(uint64(q.Before)), q.Limit)
}

// CountThreads counts a channel's threads, by an index.
func (s *Store) CountThreads(ctx context.Context, channel beep.ChannelID) (n int, err error) {
	err = s.db.QueryRow(ctx, `SELECT COUNT(*) FROM threads WHERE channel_id = ?`, int64(channel)).Scan(&n)
	return n, err
}

// ThreadsOf reads a page of the threads that a user is a member of.
func (s *Store) ThreadsOf(
	ctx context.Context, server beep.ServerID, user beep.UserID, after beep.ChannelID, limit int,
) ([]servers.Thread, error) {
	return list(ctx, s.db, scanThread, `SELECT `+threadColumns+` FROM thread_members m JOIN threads t ON t.id = m.thread_id
		WHERE m.user_id = ? AND m.server_id = ? AND m.thread_id > ? ORDER BY m.thread_id LIMIT ?`,
		int64(user), int64(server), int64(after), limit)
}

// ThreadMembers reads a page of a thread's members.
func (s *Store) ThreadMembers(
	ctx context.Context, thread beep.ChannelID, after beep.UserID, limit int,
) ([]beep.UserID, error) {
	return list(ctx, s.db, scanUser, `SELECT user_id FROM thread_members WHERE thread_id = ? AND user_id > ?
		ORDER BY user_id LIMIT ?`, int64(thread), int64(after), limit)
}

func scanUser(row sqldb.Scanner) (id beep.UserID, err error) {
	err = row.Scan(&id)
	return id, err
}

func scanThread(row sqldb.Scanner) (t servers.Thread, err error) {
	var created int64
	err = row.Scan(&t.ID, &t.Server, &t.Channel, &t.Message, &t.Author, &t.Name, &t.Archived, &t.Locked, &created)
	t.CreatedAt = instant(created)
	return t, err
}
