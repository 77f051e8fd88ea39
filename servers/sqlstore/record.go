package sqlstore

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/servers"
)

// banned refuses who joins and is banned. Both a ban and a join hold the row of the server's scope, so neither slips
// past the other.
func (t *transaction) banned(c servers.Commit) {
	for _, change := range c.Changes {
		m, ok := change.(servers.MemberSet)
		if !ok || !m.New || t.err != nil {
			continue
		}
		var banned bool
		t.err = t.tx.QueryRow(t.ctx, `SELECT EXISTS (SELECT 1 FROM bans WHERE server_id = ? AND user_id = ?)`,
			int64(m.Server), int64(m.User)).Scan(&banned)
		if t.err == nil && banned {
			t.err = servers.ErrBanned
		}
	}
}

// record changes what stands beside the log. The statement that takes a use of an invitation is also what looks whether
// there is one left, so that no two can take the same.
func (t *transaction) record(at time.Time, record servers.Record) {
	switch r := record.(type) {
	case servers.InvitationCreated:
		t.exec(`INSERT INTO invitations (code, server_id, creator_id, max_uses, uses, expires_at, created_at)
			VALUES (?, ?, ?, ?, ?, ?, ?)`, r.Code, int64(r.Server), int64(r.Creator), int64(r.MaxUses), int64(r.Uses),
			millis(r.ExpiresAt), millis(r.CreatedAt))
		t.limitLive(at, r)
	case servers.InvitationUsed:
		t.one(beep.ErrNotFound, `UPDATE invitations SET uses = uses + 1
			WHERE code = ? AND (max_uses = 0 OR uses < max_uses) AND (expires_at = 0 OR expires_at > ?)`, r.Code, millis(at))
	case servers.InvitationRevoked:
		t.one(beep.ErrNotFound, `DELETE FROM invitations WHERE code = ?`, r.Code)
	case servers.BanSet:
		t.ban(r)
	case servers.BanRemoved:
		t.one(beep.ErrNotFound, `DELETE FROM bans WHERE server_id = ? AND user_id = ?`, int64(r.Server), int64(r.User))
	case servers.WebhookSet:
		t.webhook(r)
	case servers.WebhookRemoved:
		t.one(beep.ErrNotFound, `DELETE FROM webhooks WHERE id = ? AND channel_id = ?`, int64(r.ID), int64(r.Channel))
	case servers.PurgeWanted:
		t.exec(`INSERT INTO purges (id, server_id, user_id, actor_id, since, created_at) VALUES (?, ?, ?, ?, ?, ?)`,
			int64(r.ID), int64(r.Server), int64(r.User), int64(r.Actor), millis(r.Since), millis(r.CreatedAt))
	case servers.PurgeDone:
		t.one(beep.ErrNotFound, `DELETE FROM purges WHERE id = ?`, int64(r.ID))
	case servers.Audited:
		t.audited(r)
	default:
		t.err = fmt.Errorf("no table for a %T", record)
	}
}

// limitLive counts a server's live invitations. The commit holds the row of the server's scope, so the count stays true.
func (t *transaction) limitLive(at time.Time, r servers.InvitationCreated) {
	if t.err != nil || r.MaxLive == 0 {
		return
	}
	var n int
	t.err = t.tx.QueryRow(t.ctx, `SELECT COUNT(*) FROM invitations WHERE server_id = ?
		AND (max_uses = 0 OR uses < max_uses) AND (expires_at = 0 OR expires_at > ?)`, int64(r.Server), millis(at)).Scan(&n)
	if t.err == nil && n > r.MaxLive {
		t.err = servers.ErrInvitationLimit
	}
}

// ban inserts where there is no such member: to ban one, the membership has to end in the same commit.
func (t *transaction) ban(r servers.BanSet) {
	t.one(beep.ErrConflict, `INSERT INTO bans (id, server_id, user_id, actor_id, reason, created_at)
		SELECT ?, ?, ?, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM members WHERE server_id = ? AND user_id = ?)`,
		int64(r.ID), int64(r.Server), int64(r.User), int64(r.Actor), r.Reason, millis(r.CreatedAt),
		int64(r.Server), int64(r.User))
}

func (t *transaction) audited(r servers.Audited) {
	changes, err := json.Marshal(r.Changes)
	if err != nil {
		t.err = err
		return
	}
	t.exec(`INSERT INTO audit_entries (id, server_id, actor_id, action, target_id, changes, reason, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, int64(r.ID), int64(r.Server), int64(r.Actor), string(r.Action), int64(r.Target),
		string(changes), r.Reason, millis(r.CreatedAt))
}
