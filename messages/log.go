package messages

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/beep-chat/beep"
)

// storeTimeout bounds each use of the store that is made for more than one caller.
const storeTimeout = 5 * time.Second

// logs is one replica's hold on the logs of all channels. Of any number of replicas each may be at any point of what
// it does when it dies; the next one to touch the channel finishes it, by catching up.
type logs struct {
	store  Store
	minter *beep.Minter
	wakes  *publisher
	heads  *headCache

	catching *flight[beep.ChannelID, struct{}, head]
	sinces   *flight[place, struct{}, Delta]
	asking   *flight[struct{}, []beep.ChannelID, map[beep.ChannelID]uint32]

	writing sync.WaitGroup // a goroutine for each of writers
	mu      sync.Mutex     // guards what follows
	writers map[beep.ChannelID]*writer
	closed  bool
}

// place is a place in a channel's log.
type place struct {
	channel beep.ChannelID
	r       uint32
}

// Delta is what follows a place in a channel's log, in order, up to Head, which is less than the log's when the rest
// would be too much at once. With Reset it is instead the newest page of
// messages, newest first, which holds at least everything up to Head.
type Delta struct {
	Reset   bool
	Head    uint32
	Entries []Entry
}

func newLogs(store Store, minter *beep.Minter, wakes *publisher) *logs {
	l := &logs{
		store: store, minter: minter, wakes: wakes, heads: newHeadCache(keptHeads),
		writers: map[beep.ChannelID]*writer{},
	}
	l.catching = newFlight(storeTimeout, func(ctx context.Context, ch beep.ChannelID, _ []struct{}) (head, error) {
		return l.readHead(ctx, ch)
	})
	l.sinces = newFlight(storeTimeout, func(ctx context.Context, p place, _ []struct{}) (Delta, error) {
		return l.readSince(ctx, p)
	})
	l.asking = newFlight(storeTimeout, l.readHeads)
	return l
}

// close refuses new appends and waits for all that has begun.
func (l *logs) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.writing.Wait()
	l.sinces.close() // before what they stand on
	l.catching.close()
	l.asking.close()
}

// catchUp answers the head of a channel once every entry that existed when it was called is applied. Every append
// and every read stands on it.
func (l *logs) catchUp(ctx context.Context, channel beep.ChannelID) (head, error) {
	h, err := l.catching.do(ctx, channel, struct{}{})
	if err != nil {
		return head{}, fmt.Errorf("catch up with channel %s: %w", channel, err)
	}
	return h, nil
}

// readHead looks at what may not be applied: what comes after the head in memory or, without one, the newest
// MaxBatch, since whoever inserted those had applied all before them. A head that far behind is none.
func (l *logs) readHead(ctx context.Context, channel beep.ChannelID) (head, error) {
	h, warm := l.heads.get(channel)
	var news []Entry
	var err error
	if warm {
		news, err = l.store.After(ctx, channel, h.r, MaxBatch+1)
	}
	if err == nil && (!warm || len(news) > MaxBatch) {
		news, err = l.store.Newest(ctx, channel, MaxBatch)
		if len(news) > 0 {
			h.r = news[0].R - 1
		}
	}
	if err != nil {
		return head{}, err
	}
	// What follows a hole is left for the next time: by then the insert that the scan raced has gone on.
	news = contiguous(h.r, news)
	if err := l.apply(ctx, news); err != nil {
		return head{}, err
	}
	if len(news) > 0 {
		h = headOf(news[len(news)-1])
	}
	l.heads.remember(channel, h)
	return h, nil
}

// apply brings messages up to entries that are in the log.
func (l *logs) apply(ctx context.Context, entries []Entry) error {
	changes := slices.DeleteFunc(slices.Clone(entries), func(e Entry) bool { return e.Kind == Create })
	if len(changes) == 0 {
		return nil
	}
	return l.store.Apply(ctx, changes)
}

// contiguous is the part of a scan that follows r without a hole: one that raced an insert may have some.
func contiguous(r uint32, entries []Entry) []Entry {
	for i, e := range entries {
		if e.R != r+uint32(i)+1 {
			return entries[:i]
		}
	}
	return entries
}

// fitting is the part of entries, from the first, that one answer holds.
func fitting(entries []Entry) []Entry {
	const besides = 512 // of an entry, without its content
	size := 0
	for i, e := range entries {
		size += besides + len(e.State.Content)
		// In JSON a control character takes six bytes.
		for _, b := range []byte(e.State.Content) {
			if b < ' ' {
				size += len(`\u0000`) - 1
			}
		}
		if i > 0 && size > MaxSinceBytes {
			return entries[:i]
		}
	}
	return entries
}

// since answers what follows r, or a reset when that is too much.
func (l *logs) since(ctx context.Context, channel beep.ChannelID, r uint32) (Delta, error) {
	d, err := l.sinces.do(ctx, place{channel, r}, struct{}{})
	if err != nil {
		return Delta{}, fmt.Errorf("since %d of channel %s: %w", r, channel, err)
	}
	return d, nil
}

func (l *logs) readSince(ctx context.Context, p place) (Delta, error) {
	h, err := l.catchUp(ctx, p.channel)
	if err != nil {
		return Delta{}, err
	}
	// Who has heard of more than there is asks out of order, or made it up: either way there is nothing to tell.
	if h.r <= p.r {
		return Delta{Head: h.r}, nil
	}
	if h.r-p.r > MaxSince {
		// The head was read before the page: what comes between is in the page, and again after the head.
		page, err := l.store.Page(ctx, p.channel, Range{From: newest, Limit: PageSize})
		return Delta{Reset: true, Head: h.r, Entries: page}, err
	}
	// This may go past the head that was caught up with: entries are what they are, applied or not.
	entries, err := l.store.After(ctx, p.channel, p.r, MaxSince)
	if err != nil {
		return Delta{}, err
	}
	entries = fitting(contiguous(p.r, entries))
	return Delta{Head: p.r + uint32(len(entries)), Entries: entries}, nil
}

// currentHeads answers the newest r of each channel, in the order asked.
func (l *logs) currentHeads(ctx context.Context, channels []beep.ChannelID) ([]uint32, error) {
	byID, err := l.asking.do(ctx, struct{}{}, channels)
	if err != nil {
		return nil, fmt.Errorf("heads of %d channels: %w", len(channels), err)
	}
	answer := make([]uint32, len(channels))
	for i, ch := range channels {
		answer[i] = byID[ch]
	}
	return answer, nil
}

// readHeads asks the store once for what several nodes ask at the same time.
func (l *logs) readHeads(ctx context.Context, _ struct{}, asks [][]beep.ChannelID) (map[beep.ChannelID]uint32, error) {
	all := slices.Concat(asks...)
	// Nodes follow much the same channels.
	if len(asks) > 1 {
		slices.Sort(all)
		all = slices.Compact(all)
	}
	byID := make(map[beep.ChannelID]uint32, len(all))
	for part := range slices.Chunk(all, MaxHeads) {
		heads, err := l.store.Heads(ctx, part)
		if err != nil {
			return nil, err
		}
		for i, ch := range part {
			byID[ch] = heads[i]
		}
	}
	return byID, nil
}

// page answers a stretch of history. Who asks has caught up before.
func (l *logs) page(ctx context.Context, channel beep.ChannelID, rng Range) ([]Entry, error) {
	list, err := l.store.Page(ctx, channel, rng)
	if err != nil {
		return nil, fmt.Errorf("page of channel %s: %w", channel, err)
	}
	return list, nil
}

// row answers a message as it stands, or message_not_found.
func (l *logs) row(ctx context.Context, channel beep.ChannelID, mid beep.MessageID) (Entry, error) {
	rows, err := l.store.Rows(ctx, channel, []beep.MessageID{mid})
	switch {
	case err != nil:
		return Entry{}, fmt.Errorf("message %s of channel %s: %w", mid, channel, err)
	case len(rows) == 0:
		return Entry{}, errMessageNotFound()
	}
	return rows[0], nil
}

// settled answers the entry that an earlier try of c made, applied, and whether there is one. The same nonce with
// another request is nonce_reused.
func (l *logs) settled(ctx context.Context, c Change) (e Entry, ok bool, err error) {
	// The nonce before the catching up: what is found by then is applied by the end of it.
	e, err = l.store.ByNonce(ctx, c.Key)
	if errors.Is(err, beep.ErrNotFound) {
		return Entry{}, false, nil
	}
	if err != nil {
		return Entry{}, false, fmt.Errorf("nonce of user %s in channel %s: %w", c.Actor, c.Channel, err)
	}
	if _, err := l.catchUp(ctx, c.Channel); err != nil {
		return Entry{}, false, err
	}
	if !c.made(e) {
		return Entry{}, false, beep.Conflict(beep.CodeNonceReused, "the nonce was used for another request")
	}
	return e, true, nil
}

func errMessageNotFound() error {
	return beep.NotFound(beep.CodeMessageNotFound, "there is no such message")
}
