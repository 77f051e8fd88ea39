package sqlstore

import (
	"context"
	"fmt"
	"slices"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/kit/sqldb"
	"github.com/beep-chat/beep/servers"
)

// applyDirect is apply for what happens outside of servers: in direct messages, and in what is a user's own.
func (t *transaction) applyDirect(scope beep.Scope, rev uint64, change servers.Change) {
	switch c := change.(type) {
	case servers.DirectSet:
		t.direct(scope, c)
	case servers.ParticipantAdded:
		t.one(beep.ErrConflict, `INSERT INTO direct_participants (channel_id, user_id)
			SELECT ?, ? WHERE EXISTS (SELECT 1 FROM direct_messages WHERE id = ?)`, int64(scope.ID), int64(c.User), int64(scope.ID))
	case servers.ParticipantRemoved:
		t.one(beep.ErrConflict, `DELETE FROM direct_participants WHERE channel_id = ? AND user_id = ?`,
			int64(scope.ID), int64(c.User))
		t.exec(`DELETE FROM direct_messages WHERE id = ?
			AND NOT EXISTS (SELECT 1 FROM direct_participants WHERE channel_id = ?)`, int64(scope.ID), int64(scope.ID))
	case servers.ScopeJoined:
		if !c.Again {
			t.exec(`INSERT INTO memberships (user_id, scope_kind, scope_id, rev) VALUES (?, ?, ?, ?)`,
				int64(scope.ID), int64(c.Scope.Kind), int64(c.Scope.ID), int64(rev))
		}
	case servers.ScopeLeft:
		t.one(beep.ErrConflict, `DELETE FROM memberships WHERE user_id = ? AND scope_kind = ? AND scope_id = ?`,
			int64(scope.ID), int64(c.Scope.Kind), int64(c.Scope.ID))
	case servers.DirectClosed:
		t.one(beep.ErrConflict, `UPDATE memberships SET closed = ?, closed_r = ? WHERE user_id = ? AND scope_kind = ? AND scope_id = ?`,
			c.Closed, int64(c.R), int64(scope.ID), int64(beep.ScopeDirect), int64(c.Channel))
	case servers.ThreadJoined:
		t.exec(`INSERT INTO thread_members (thread_id, user_id, server_id) VALUES (?, ?, ?)`,
			int64(c.Thread), int64(scope.ID), int64(c.Server))
	case servers.ThreadLeft:
		t.one(beep.ErrConflict, `DELETE FROM thread_members WHERE thread_id = ? AND user_id = ?`, int64(c.Thread), int64(scope.ID))
	default:
		t.err = fmt.Errorf("no table for a %s", change.RowKind())
	}
}

// direct keeps the two of a pair in the row itself, the smaller id first: the unique index on them is what makes two who
// open it at once get the same one. A group has none there, and of those there may be any number.
func (t *transaction) direct(scope beep.Scope, c servers.DirectSet) {
	if !c.New {
		t.one(beep.ErrConflict, `UPDATE direct_messages SET name = ? WHERE id = ?`, c.Name, int64(c.ID))
		return
	}
	var low, high any
	if c.Kind == servers.Pair {
		low, high = int64(slices.Min(c.Users)), int64(slices.Max(c.Users))
	}
	t.place(scope, c.ID)
	t.exec(`INSERT INTO direct_messages (id, kind, name, created_at, low_id, high_id) VALUES (?, ?, ?, ?, ?, ?)`,
		int64(c.ID), string(c.Kind), c.Name, millis(c.CreatedAt), low, high)
}

// Direct reads one direct message.
func (s *Store) Direct(ctx context.Context, id beep.ChannelID) (servers.DirectMessage, error) {
	return s.directWhere(ctx, `id = ?`, int64(id))
}

// PairOf reads the one between two users.
func (s *Store) PairOf(ctx context.Context, one, other beep.UserID) (servers.DirectMessage, error) {
	return s.directWhere(ctx, `low_id = ? AND high_id = ?`, int64(min(one, other)), int64(max(one, other)))
}

func (s *Store) directWhere(ctx context.Context, condition string, args ...any) (d servers.DirectMessage, err error) {
	var created int64
	err = s.db.QueryRow(ctx, `SELECT id, kind, name, created_at FROM direct_messages WHERE `+condition, args...).
		Scan(&d.ID, &d.Kind, &d.Name, &created)
	if err != nil {
		return d, found(err)
	}
	d.CreatedAt = instant(created)
	d.Users, err = list(ctx, s.db, scanUser, `SELECT user_id FROM direct_participants WHERE channel_id = ? ORDER BY user_id`,
		int64(d.ID))
	return d, err
}

// DirectsOf reads a page of direct messages, and who is in them by a second query: two, whatever the size of the page.
func (s *Store) DirectsOf(
	ctx context.Context, user beep.UserID, after beep.ChannelID, limit int,
) ([]servers.Conversation, error) {
	page, err := list(ctx, s.db, scanConversation, `SELECT d.id, d.kind, d.name, d.created_at, m.closed, m.closed_r
		FROM memberships m JOIN direct_messages d ON d.id = m.scope_id
		WHERE m.user_id = ? AND m.scope_kind = ? AND m.scope_id > ? ORDER BY m.scope_id LIMIT ?`,
		int64(user), int64(beep.ScopeDirect), int64(after), limit)
	if err != nil || len(page) == 0 {
		return nil, err
	}
	type place struct {
		channel beep.ChannelID
		user    beep.UserID
	}
	args := make([]any, len(page))
	byID := map[beep.ChannelID]*servers.Conversation{}
	for i := range page {
		args[i], byID[page[i].ID] = int64(page[i].ID), &page[i]
	}
	all, err := list(ctx, s.db, func(row sqldb.Scanner) (p place, err error) {
		err = row.Scan(&p.channel, &p.user)
		return p, err
	}, `SELECT channel_id, user_id FROM direct_participants WHERE channel_id IN (`+sqldb.Marks(len(page))+`)
		ORDER BY channel_id, user_id`, args...)
	for _, p := range all {
		byID[p.channel].Users = append(byID[p.channel].Users, p.user)
	}
	return page, err
}

// Companions reads who of the others is somewhere where the user is.
func (s *Store) Companions(ctx context.Context, user beep.UserID, others []beep.UserID) ([]beep.UserID, error) {
	args := []any{int64(user), int64(beep.ScopeServer), int64(beep.ScopeServer)}
	for _, other := range others {
		args = append(args, int64(other))
	}
	return list(ctx, s.db, scanUser, `SELECT DISTINCT theirs.user_id FROM memberships mine
		JOIN memberships theirs ON theirs.scope_id = mine.scope_id
		WHERE mine.user_id = ? AND mine.scope_kind = ? AND theirs.scope_kind = ?
		AND theirs.user_id IN (`+sqldb.Marks(len(others))+`) ORDER BY theirs.user_id`, args...)
}

func scanConversation(row sqldb.Scanner) (c servers.Conversation, err error) {
	var created int64
	err = row.Scan(&c.ID, &c.Kind, &c.Name, &created, &c.Closed, &c.R)
	c.CreatedAt = instant(created)
	return c, err
}
