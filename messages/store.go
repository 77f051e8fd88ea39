package messages

import (
	"context"

	"github.com/beep-chat/beep"
)

// Store keeps the entries of every channel. A driver needs of its engine only inserts of single documents that are
// atomic, and two unique keys: (Channel, R) and (Channel, Actor, Nonce). No method needs a transaction, a lock or a
// clock; no rule of the product and no permission is decided here.
//
// What holds for every method:
//   - It may be called by many goroutines, and by many processes on the same store.
//   - What it answers without an error is durable, and seen by every later call on any process: reads and writes go
//     to the primary, writes are acknowledged by a majority and journalled.
//   - An answer that is not there is an empty list or a zero; ErrNotFound only where it says so.
//   - An error that is neither beep.ErrNotFound nor beep.ErrConflict means that the store could not answer. A read
//     that failed read nothing; of a write that failed, any part may have been done, or be done later still.
//   - Times come back in UTC as they were given, to the millisecond; text comes back byte for byte.
//   - Entries come back whole, with State, V and VE as they are at that moment.
type Store interface {
	// Insert adds the entries, in order, each atomically, up to the first whose place (Channel, R) or nonce
	// (Channel, Actor, Nonce) is taken. They are of one channel, contiguous in R, at most MaxBatch. It answers how
	// many went in: all of them with nil, fewer with beep.ErrConflict when the next one is a duplicate. With any
	// other error the outcome is unknown beyond done, and the rest may yet go in, in order, after Insert returned.
	//
	// The caller has read the entry before the first, or the channel is empty. Nobody who reads ever sees an entry
	// without all before it, except by a read that races the insert.
	Insert(ctx context.Context, batch []Entry) (done int, err error)

	// Apply brings the rows of messages up to entries that are in the store; a create entry needs nothing. For each,
	// where the create entry of its message has V < e.R, that entry takes e's State, and V = e.R, VE = e.E. If e
	// deletes, every entry of its message with R < e.R also loses Hash, and those that are not the create entry take
	// e's State. Doing it again, later, in another order or at once in two processes comes to the same, and what is
	// done already costs no write. Channels may differ.
	Apply(ctx context.Context, entries []Entry) error

	// Rows answers the create entries of those messages that exist, in any order.
	Rows(ctx context.Context, channel beep.ChannelID, mids []beep.MessageID) ([]Entry, error)

	// ByNonce answers the entry with that nonce, or beep.ErrNotFound.
	ByNonce(ctx context.Context, key Key) (Entry, error)

	// Newest answers the entries with the greatest R, at most limit of them, by rising R.
	Newest(ctx context.Context, channel beep.ChannelID, limit int) ([]Entry, error)

	// After answers the entries with R > r, by rising R, the first limit of them. A read that races an insert may
	// show a hole: the caller takes what is contiguous.
	After(ctx context.Context, channel beep.ChannelID, r uint32, limit int) ([]Entry, error)

	// Page answers create entries of messages next to an id, deleted messages included, the nearest first. It costs
	// the same at any depth and however often messages were changed.
	Page(ctx context.Context, channel beep.ChannelID, rng Range) ([]Entry, error)

	// Heads answers the greatest R of each channel, 0 for one without entries, in the order asked, by one query. It
	// is asked for MaxHeads channels every second.
	Heads(ctx context.Context, channels []beep.ChannelID) ([]uint32, error)
}

// Range is a stretch of history.
type Range struct {
	From  beep.MessageID // not included; need not exist
	Newer bool           // what is newer than From, by rising id; else what is older, by falling id
	Limit int
}
