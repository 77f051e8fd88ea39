package sqlstore

import (
	"cmp"
	"context"
	"slices"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/servers"
)

const (
	// window is how many servers that have the first token one call looks at for the others.
	window = 2000
	// tokensAtOnce bounds the parameters of one statement.
	tokensAtOnce = 200
)

// The statements of a search. The page is found first, so that no planner walks the servers to find it, and the bounds
// stand in the inner select too, so that one which turns that round reads no more than the window either.
const (
	windowEnd = `SELECT COALESCE(MIN(server_id), 0), COUNT(*) FROM
		(SELECT server_id FROM discovery WHERE token = ? AND server_id < ? ORDER BY server_id DESC LIMIT ?) AS stretch`
	pageOf = `SELECT s.id, s.name, s.description, s.owner_id, s.created_at, s.member_count, s.public, s.system_channel
		FROM (SELECT d.server_id FROM discovery d WHERE d.token = ? AND d.server_id < ? AND d.server_id >= ?`
	andOf = ` AND EXISTS (SELECT 1 FROM discovery e
		WHERE e.token = ? AND e.server_id = d.server_id AND e.server_id < ? AND e.server_id >= ?)`
	newestServers = ` ORDER BY d.server_id DESC LIMIT ?) AS page CROSS JOIN servers s WHERE s.id = page.server_id`
)

// PublicServers reads a page of what is found.
func (s *Store) PublicServers(ctx context.Context, q servers.DiscoveryQuery) ([]servers.Server, beep.ServerID, error) {
	before, end, looked := below(uint64(q.After)), int64(0), 0
	if len(q.Tokens) > 1 {
		err := s.db.QueryRow(ctx, windowEnd, q.Tokens[0], before, window).Scan(&end, &looked)
		if err != nil || looked == 0 {
			return nil, 0, err
		}
	}
	query, args := pageOf, []any{q.Tokens[0], before, end}
	for _, token := range q.Tokens[1:] {
		query, args = query+andOf, append(args, token, before, end)
	}
	page, err := list(ctx, s.db, scanServer, query+newestServers, append(args, q.Limit)...)
	slices.SortFunc(page, func(a, b servers.Server) int { return cmp.Compare(b.ID, a.ID) })
	switch {
	case err != nil:
		return nil, 0, err
	case len(page) == q.Limit:
		return page, page[len(page)-1].ID, nil
	case looked == window:
		return page, beep.ServerID(end), nil
	}
	return page, 0, nil
}

// discoverable brings what a server is found by to what it is now. Few change it, so that all is written anew.
func (t *transaction) discoverable(s servers.Server) {
	t.exec(`DELETE FROM discovery WHERE server_id = ?`, int64(s.ID))
	for some := range slices.Chunk(servers.DiscoveryTokens(s), tokensAtOnce) {
		query, args := `INSERT INTO discovery (token, server_id) VALUES `, []any(nil)
		for i, token := range some {
			if i > 0 {
				query += ", "
			}
			query += "(?, ?)"
			args = append(args, token, int64(s.ID))
		}
		t.exec(query, args...)
	}
}
