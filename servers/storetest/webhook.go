package storetest

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/servers"
)

func (w *world) webhook(channel beep.ChannelID) servers.Webhook {
	return servers.Webhook{
		ID: mint[beep.WebhookID](w), Server: w.server.ID, Channel: channel, Name: "météo", Creator: w.owner,
		CreatedAt: now(), Version: 1, TokenHash: bytes.Repeat([]byte{0xfe, 0}, 16),
	}
}

// record commits records alone.
func (w *world) record(records ...servers.Record) error {
	c := w.of()
	c.Records = records
	return w.Commit(w.ctx, c)
}

func testWebhooks(t *testing.T, w *world) {
	news := mint[beep.ChannelID](w)
	w.commit(t, servers.ChannelSet{Channel: w.channel(news, 1), New: true})
	first, second, other := w.webhook(w.general), w.webhook(w.general), w.webhook(news)
	for _, h := range []servers.Webhook{second, first, other} {
		refused(t, "a new one", w.record(servers.WebhookSet{Webhook: h, New: true, MaxPerChannel: 2}), nil)
	}
	rev := w.rev(t, w.scope)
	equal(t, "of a channel, oldest first", value(w.Webhooks(w.ctx, w.general))(t), []servers.Webhook{first, second})
	equal(t, "one", value(w.Webhook(w.ctx, other.ID))(t), other)

	refused(t, "one too many", w.record(servers.WebhookSet{Webhook: w.webhook(news), New: true, MaxPerChannel: 1}), servers.ErrWebhookLimit)
	refused(t, "the same again", w.record(servers.WebhookSet{Webhook: first, New: true}), beep.ErrConflict)
	refused(t, "of no channel", w.record(servers.WebhookSet{Webhook: w.webhook(1), New: true}), beep.ErrConflict)
	equal(t, "nothing of it is kept", value(w.Webhooks(w.ctx, news))(t), []servers.Webhook{other})

	changed := first
	changed.Name, changed.Version, changed.TokenHash = "x", 2, []byte{1}
	refused(t, "a change", w.record(servers.WebhookSet{Webhook: changed, Replaces: 1}), nil)
	equal(t, "after it", value(w.Webhook(w.ctx, first.ID))(t), changed)
	late := first
	late.Name = "late"
	refused(t, "a change of what it was", w.record(servers.WebhookSet{Webhook: late, Replaces: 1}), beep.ErrConflict)
	elsewhere := changed
	elsewhere.Channel = news
	refused(t, "a change under another channel", w.record(servers.WebhookSet{Webhook: elsewhere, Replaces: 2}), beep.ErrConflict)
	refused(t, "an end under another channel", w.record(servers.WebhookRemoved{ID: first.ID, Channel: news}), beep.ErrNotFound)
	refused(t, "an end", w.record(servers.WebhookRemoved{ID: first.ID, Channel: w.general}), nil)
	refused(t, "a second end", w.record(servers.WebhookRemoved{ID: first.ID, Channel: w.general}), beep.ErrNotFound)
	_, err := w.Webhook(w.ctx, first.ID)
	refused(t, "after its end", err, beep.ErrNotFound)
	equal(t, "none of it is a row of the log", w.rev(t, w.scope), rev)

	w.commit(t, servers.ChannelRemoved{ID: news})
	_, err = w.Webhook(w.ctx, other.ID)
	refused(t, "with its channel", err, beep.ErrNotFound)
	equal(t, "another channel's stays", value(w.Webhooks(w.ctx, w.general))(t), []servers.Webhook{second})
	w.commit(t, servers.ServerRemoved{ID: w.server.ID})
	_, err = w.Webhook(w.ctx, second.ID)
	refused(t, "with its server", err, beep.ErrNotFound)
}

// testWebhookLimit: a driver that counts before its transaction lets more through.
func testWebhookLimit(t *testing.T, w *world) {
	const most, tries = 5, 40
	made := make([]servers.Webhook, tries)
	for i := range made {
		made[i] = w.webhook(w.general)
	}
	errs := together(tries, func(i int) error {
		return w.record(servers.WebhookSet{Webhook: made[i], New: true, MaxPerChannel: most})
	})
	equal(t, "refused", count(t, errs, servers.ErrWebhookLimit), tries-most)
	equal(t, "made", len(value(w.Webhooks(w.ctx, w.general))(t)), most)
}

// testSigningKey: replicas that start at once sign alike.
func testSigningKey(t *testing.T, w *world) {
	const replicas = 10
	keys := make([]servers.SigningKey, replicas)
	errs := together(replicas, func(i int) (err error) {
		fresh := servers.SigningKey{ID: fmt.Sprint(i), Secret: []byte{0, 0xff, byte(i)}, CreatedAt: now()}
		keys[i], err = w.SigningKey(w.ctx, fresh)
		return err
	})
	equal(t, "refused", count(t, errs, errNone), 0)
	if len(keys[0].Secret) != 3 || keys[0].ID != fmt.Sprint(keys[0].Secret[2]) || !keys[0].CreatedAt.Equal(now()) {
		t.Errorf("%+v is none of those offered", keys[0])
	}
	for _, key := range keys {
		equal(t, "every replica's", key, keys[0])
	}
	again := value(w.SigningKey(w.ctx, servers.SigningKey{ID: "later", Secret: slices.Clone(keys[0].Secret)}))(t)
	equal(t, "later", again, keys[0])
}
