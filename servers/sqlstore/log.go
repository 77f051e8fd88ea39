package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/kit/sqldb"
	"github.com/beep-chat/beep/servers"
)

// revsChunk is how many scopes one statement asks for: far below either engine's limit on parameters.
const revsChunk = 512

// Scopes reads the keys of the counters.
func (s *Store) Scopes(ctx context.Context, after beep.Scope, limit int) ([]beep.Scope, error) {
	scopes, err := list(ctx, s.db, func(row sqldb.Scanner) (scope beep.Scope, err error) {
		err = row.Scan(&scope.Kind, &scope.ID)
		return scope, err
	}, `SELECT kind, id FROM scopes WHERE (kind, id) > (?, ?) AND rev > 0 ORDER BY kind, id LIMIT ?`,
		int64(after.Kind), int64(after.ID), limit)
	if err != nil {
		return nil, fmt.Errorf("list scopes: %w", err)
	}
	return scopes, nil
}

// Revs reads the counters of scopes, a kind at a time: the key of the table begins with it. This is the query behind
// every decision, so it is a lookup by key and nothing more.
func (s *Store) Revs(ctx context.Context, scopes []beep.Scope) ([]uint64, error) {
	ids := map[beep.ScopeKind][]uint64{}
	for _, scope := range scopes {
		ids[scope.Kind] = append(ids[scope.Kind], scope.ID)
	}
	known := make(map[beep.Scope]uint64, len(scopes))
	for kind, all := range ids {
		for chunk := range slices.Chunk(all, revsChunk) {
			if err := s.readRevs(ctx, kind, chunk, known); err != nil {
				return nil, fmt.Errorf("read %d revisions: %w", len(scopes), err)
			}
		}
	}
	revs := make([]uint64, len(scopes))
	for i, scope := range scopes {
		revs[i] = known[scope]
	}
	return revs, nil
}

func (s *Store) readRevs(ctx context.Context, kind beep.ScopeKind, ids []uint64, known map[beep.Scope]uint64) error {
	args := make([]any, 0, 1+2*len(ids))
	args = append(args, int64(kind))
	for _, id := range ids {
		args = append(args, int64(id))
	}
	// Lists grow by doubling, the last id repeated, so that there are ten texts to prepare and not five hundred.
	slots := 1
	for ; slots < len(ids); slots *= 2 {
	}
	for len(args) <= slots {
		args = append(args, args[len(args)-1])
	}
	type counter struct{ id, rev uint64 }
	counters, err := list(ctx, s.db, func(row sqldb.Scanner) (c counter, err error) {
		err = row.Scan(&c.id, &c.rev)
		return c, err
	}, `SELECT id, rev FROM scopes WHERE kind = ? AND id IN (`+sqldb.Marks(slots)+`)`, args...)
	for _, c := range counters {
		known[beep.Scope{Kind: kind, ID: c.id}] = c.rev
	}
	return err
}

// Log reads a stretch of a scope's log.
func (s *Store) Log(ctx context.Context, scope beep.Scope, after uint64, limit int) ([]servers.Row, uint64, error) {
	revs, err := s.Revs(ctx, []beep.Scope{scope})
	if err != nil {
		return nil, 0, err
	}
	// The head is read first and the rows only up to it: what commits in between is left for the next call, so the
	// head is the end of a Commit.
	head := revs[0]
	rows, err := list(ctx, s.db, scanRow, `SELECT rev, actor, kind, change FROM scope_log
		WHERE scope_kind = ? AND scope_id = ? AND rev > ? AND rev <= ? ORDER BY rev LIMIT ?`,
		int64(scope.Kind), int64(scope.ID), int64(min(after, head)), int64(head), limit)
	if err != nil {
		return nil, 0, fmt.Errorf("read the log of %s: %w", scope, err)
	}
	return rows, head, nil
}

// ChannelScope reads what outlives a channel.
func (s *Store) ChannelScope(ctx context.Context, id beep.ChannelID) (scope beep.Scope, err error) {
	err = s.db.QueryRow(ctx, `SELECT scope_kind, scope_id FROM channel_scopes WHERE channel_id = ?`, int64(id)).
		Scan(&scope.Kind, &scope.ID)
	return scope, found(err)
}

// scanRow fails on a row that it does not understand, and with it the whole page: a reader that skipped it would go on
// deciding without it.
func scanRow(row sqldb.Scanner) (r servers.Row, err error) {
	var kind, text string
	if err := row.Scan(&r.Rev, &r.Actor, &kind, &text); err != nil {
		return r, err
	}
	r.Change, err = decode(kind, text)
	return r, err
}

// encode is the JSON that decode reads back. Fields may be added to it and none renamed: rows are for ever.
func encode(c servers.Change) (string, error) {
	text, err := json.Marshal(c)
	return string(text), err
}

func decode(kind, text string) (servers.Change, error) {
	switch kind {
	case servers.ServerSet{}.RowKind():
		return as[servers.ServerSet](text)
	case servers.ServerRemoved{}.RowKind():
		return as[servers.ServerRemoved](text)
	case servers.RoleRemoved{}.RowKind():
		return as[servers.RoleRemoved](text)
	case servers.RoleSet{}.RowKind():
		return as[servers.RoleSet](text)
	case servers.MemberSet{}.RowKind():
		return as[servers.MemberSet](text)
	case servers.MemberRemoved{}.RowKind():
		return as[servers.MemberRemoved](text)
	case servers.ChannelSet{}.RowKind():
		return as[servers.ChannelSet](text)
	case servers.ChannelRemoved{}.RowKind():
		return as[servers.ChannelRemoved](text)
	case servers.OverwriteSet{}.RowKind():
		return as[servers.OverwriteSet](text)
	case servers.OverwriteRemoved{}.RowKind():
		return as[servers.OverwriteRemoved](text)
	case servers.ScopeJoined{}.RowKind():
		return as[servers.ScopeJoined](text)
	case servers.ScopeLeft{}.RowKind():
		return as[servers.ScopeLeft](text)
	}
	return decodeLater(kind, text)
}

// decodeLater is decode for the kinds that came after the first.
func decodeLater(kind, text string) (servers.Change, error) {
	switch kind {
	case servers.ThreadSet{}.RowKind():
		return as[servers.ThreadSet](text)
	case servers.ThreadRemoved{}.RowKind():
		return as[servers.ThreadRemoved](text)
	case servers.DirectSet{}.RowKind():
		return as[servers.DirectSet](text)
	case servers.ParticipantAdded{}.RowKind():
		return as[servers.ParticipantAdded](text)
	case servers.ParticipantRemoved{}.RowKind():
		return as[servers.ParticipantRemoved](text)
	case servers.DirectClosed{}.RowKind():
		return as[servers.DirectClosed](text)
	case servers.ThreadJoined{}.RowKind():
		return as[servers.ThreadJoined](text)
	case servers.ThreadLeft{}.RowKind():
		return as[servers.ThreadLeft](text)
	}
	// Written by a newer Beep. To skip it would be to decide without it.
	return nil, fmt.Errorf("a change of unknown kind %q", kind)
}

func as[C servers.Change](text string) (servers.Change, error) {
	var c C
	err := json.Unmarshal([]byte(text), &c)
	return c, err
}
