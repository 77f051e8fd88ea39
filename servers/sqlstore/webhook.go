package sqlstore

import (
	"context"
	"encoding/base64"
	"encoding/hex"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/kit/sqldb"
	"github.com/beep-chat/beep/servers"
)

// webhook counts after it has inserted: the commit holds the row of the server's scope, so the count stays true. It
// inserts only where the channel is, since a foreign key would say that with an error that is nobody's conflict.
func (t *transaction) webhook(r servers.WebhookSet) {
	hash := hex.EncodeToString(r.TokenHash)
	if !r.New {
		t.one(beep.ErrConflict, `UPDATE webhooks SET name = ?, version = ?, token_hash = ?
			WHERE id = ? AND channel_id = ? AND version = ?`,
			r.Name, int64(r.Version), hash, int64(r.ID), int64(r.Channel), int64(r.Replaces))
		return
	}
	t.one(beep.ErrConflict, `INSERT INTO webhooks (id, server_id, channel_id, name, creator_id, created_at, version, token_hash)
		SELECT ?, server_id, id, ?, ?, ?, ?, ? FROM channels WHERE id = ? AND server_id = ?`, int64(r.ID), r.Name,
		int64(r.Creator), millis(r.CreatedAt), int64(r.Version), hash, int64(r.Channel), int64(r.Server))
	if t.err != nil || r.MaxPerChannel == 0 {
		return
	}
	var n int
	t.err = t.tx.QueryRow(t.ctx, `SELECT COUNT(*) FROM webhooks WHERE channel_id = ?`, int64(r.Channel)).Scan(&n)
	if t.err == nil && n > r.MaxPerChannel {
		t.err = servers.ErrWebhookLimit
	}
}

// Webhook reads one webhook.
func (s *Store) Webhook(ctx context.Context, id beep.WebhookID) (servers.Webhook, error) {
	w, err := scanWebhook(s.db.QueryRow(ctx, `SELECT id, server_id, channel_id, name, creator_id, created_at, version, token_hash
		FROM webhooks WHERE id = ?`, int64(id)))
	return w, found(err)
}

// Webhooks reads all webhooks of a channel.
func (s *Store) Webhooks(ctx context.Context, channel beep.ChannelID) ([]servers.Webhook, error) {
	return list(ctx, s.db, scanWebhook, `SELECT id, server_id, channel_id, name, creator_id, created_at, version, token_hash
		FROM webhooks WHERE channel_id = ? ORDER BY id`, int64(channel))
}

// SigningKey inserts first and reads then: whoever's insert was in time, all read the same.
func (s *Store) SigningKey(ctx context.Context, fresh servers.SigningKey) (servers.SigningKey, error) {
	var key servers.SigningKey
	err := s.db.Tx(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO signing_keys (slot, id, secret, created_at) VALUES (1, ?, ?, ?)
			ON CONFLICT (slot) DO NOTHING`, fresh.ID, base64.StdEncoding.EncodeToString(fresh.Secret), millis(fresh.CreatedAt))
		if err != nil {
			return err
		}
		var secret string
		var created int64
		err = tx.QueryRow(ctx, `SELECT id, secret, created_at FROM signing_keys WHERE slot = 1`).Scan(&key.ID, &secret, &created)
		if err != nil {
			return err
		}
		key.CreatedAt = instant(created)
		key.Secret, err = base64.StdEncoding.DecodeString(secret)
		return err
	})
	return key, err
}

func scanWebhook(row sqldb.Scanner) (w servers.Webhook, err error) {
	var created int64
	var hash string
	err = row.Scan(&w.ID, &w.Server, &w.Channel, &w.Name, &w.Creator, &created, &w.Version, &hash)
	if err != nil {
		return w, err
	}
	w.CreatedAt = instant(created)
	w.TokenHash, err = hex.DecodeString(hash)
	return w, err
}
