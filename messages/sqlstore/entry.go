package sqlstore

import (
	"database/sql"
	"time"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/kit/sqldb"
	"github.com/beep-chat/beep/messages"
)

// appendArgs are the values of columns. The origin is left out of a create entry, which has it already.
func appendArgs(args []any, e *messages.Entry) []any {
	// No hash is NULL and not sixteen zeros: what still has one is what scrubbing looks for.
	var hash []byte
	if e.Hash != (messages.Hash{}) {
		hash = e.Hash[:]
	}
	// Ids and revisions are below 2^63, so as signed numbers they keep their order.
	args = append(args, int64(e.Channel), e.R, e.N, int64(e.LastID), int64(e.Mid), uint8(e.Kind), int64(e.Actor), e.Nonce, hash,
		int64(e.E), e.At.UnixMilli(), e.V, int64(e.VE), e.State.Deleted, e.State.Content, millis(e.State.EditedAt))
	if e.Kind == messages.Create {
		return append(args, nil, nil, nil, nil)
	}
	o := e.State.Origin
	return append(args, int64(o.Author), o.Nonce, o.N, o.CreatedAt.UnixMilli())
}

// scanEntry reads columns.
func scanEntry(s sqldb.Scanner) (messages.Entry, error) {
	// Through int64: what database/sql would do for the types themselves goes by way of text.
	var channel, r, n, lastID, mid, kind, actor, e, at, v, ve int64
	var entry messages.Entry
	var hash []byte
	var editedAt, author, createdN, createdAt sql.NullInt64
	var createdNonce sql.NullString
	err := s.Scan(&channel, &r, &n, &lastID, &mid, &kind, &actor, &entry.Nonce, &hash, &e, &at, &v, &ve,
		&entry.State.Deleted, &entry.State.Content, &editedAt, &author, &createdNonce, &createdN, &createdAt)
	if err != nil {
		return messages.Entry{}, err
	}
	entry.Channel, entry.LastID, entry.Mid = beep.ChannelID(channel), beep.MessageID(lastID), beep.MessageID(mid)
	entry.R, entry.N, entry.V, entry.E, entry.VE = uint32(r), uint32(n), uint32(v), uint64(e), uint64(ve)
	entry.Kind, entry.Actor, entry.At = messages.Kind(kind), beep.UserID(actor), sqldb.Time(at)
	copy(entry.Hash[:], hash)
	if editedAt.Valid {
		entry.State.EditedAt = sqldb.Time(editedAt.Int64)
	}
	// A create entry is its own origin: see appendArgs.
	entry.State.Origin = messages.Origin{Author: entry.Actor, Nonce: entry.Nonce, N: entry.N, CreatedAt: entry.At}
	if entry.Kind != messages.Create {
		entry.State.Origin = messages.Origin{
			Author: beep.UserID(author.Int64), Nonce: createdNonce.String,
			N: uint32(createdN.Int64), CreatedAt: sqldb.Time(createdAt.Int64),
		}
	}
	return entry, nil
}

// millis is NULL for the zero time.
func millis(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMilli()
}
