package messages

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/beep-chat/beep"
)

const (
	// appendTimeout bounds an append whose caller set no deadline.
	appendTimeout = 10 * time.Second
	// maxWaiting bounds the requests that wait in one channel; more are told to come back.
	maxWaiting = 8192
	// maxUnknown is how often in a row the store may leave the outcome of an insert unknown.
	maxUnknown = 3
)

var (
	errClosed  = errors.New("this replica is shutting down")
	errCrowded = errors.New("too many requests wait in this channel")
)

// writer appends to one channel: one batch at a time, applied before the next is inserted. It lives while requests
// wait, and its queue is guarded by logs.mu.
type writer struct {
	channel beep.ChannelID
	queue   []*request
}

// request is a change on its way into the log. It is answered once.
type request struct {
	Change
	hash   Hash
	answer chan answer // of capacity 1
	gone   atomic.Bool // nobody waits for the answer any more
}

type answer struct {
	entry Entry
	err   error
}

// done never blocks: there is room for the one answer, awaited or not.
func (q *request) done(e Entry, err error) { q.answer <- answer{e, err} }

// append answers the entry that c became, once it is durable and applied. Unavailable says nothing about the outcome:
// the same request with the same nonce settles it.
func (l *logs) append(ctx context.Context, c Change) (Entry, error) {
	ctx, cancel := context.WithTimeout(ctx, appendTimeout)
	defer cancel()
	q := &request{Change: c, hash: c.Hash(), answer: make(chan answer, 1)}
	if err := l.enqueue(ctx, q); err != nil {
		return Entry{}, beep.Unavailable(err)
	}
	select {
	case a := <-q.answer:
		return a.entry, a.err
	case <-ctx.Done():
		q.gone.Store(true) // not begun, it never will be
		return Entry{}, beep.Unavailable(fmt.Errorf("append to channel %s: %w", c.Channel, context.Cause(ctx)))
	}
}

// enqueue puts q behind what waits in its channel, and starts a writer if there is none.
func (l *logs) enqueue(ctx context.Context, q *request) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return errClosed
	}
	w, writing := l.writers[q.Channel]
	if !writing {
		w = &writer{channel: q.Channel}
		l.writers[q.Channel] = w
		// The batch has callers of its own to answer: it keeps the first one's trace, not its end.
		ctx := context.WithoutCancel(ctx)
		l.writing.Go(func() { l.write(ctx, w) })
	}
	if len(w.queue) >= maxWaiting {
		return errCrowded
	}
	w.queue = append(w.queue, q)
	return nil
}

// write appends what waits until nothing does.
func (l *logs) write(ctx context.Context, w *writer) {
	for batch := l.next(w); batch != nil; batch = l.next(w) {
		unknown := 0
		for len(batch) > 0 {
			left, err := l.commit(ctx, w.channel, batch)
			if err == nil {
				unknown = 0
			} else if unknown++; errors.Is(err, errStoreFailed) || unknown == maxUnknown {
				fail(left, err)
				left = nil
			}
			batch = waited(left)
		}
	}
}

// next is the next batch of requests; with nil the writer has ended.
func (l *logs) next(w *writer) []*request {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(w.queue) > 0 {
		n := min(len(w.queue), MaxBatch)
		batch := waited(w.queue[:n:n])
		w.queue = w.queue[n:]
		if len(batch) > 0 {
			return batch
		}
	}
	delete(l.writers, w.channel)
	return nil
}

// waited drops the requests that nobody waits for.
func waited(batch []*request) []*request {
	return slices.DeleteFunc(batch, func(q *request) bool { return q.gone.Load() })
}

// fail answers all with Unavailable.
func fail(batch []*request, err error) {
	for _, q := range batch {
		q.done(Entry{}, beep.Unavailable(fmt.Errorf("append to channel %s: %w", q.Channel, err)))
	}
}

// errStoreFailed marks a failure after which trying again at once is no use.
var errStoreFailed = errors.New("the store failed")

// storeFailed keeps the cause for the log of whoever answers.
func storeFailed(err error) error { return fmt.Errorf("%w: %w", errStoreFailed, err) }

// commit tries once to append the batch and answers the requests that it has not answered. An error says that the
// outcome of the insert was unknown, or, with errStoreFailed, that no more can be done now.
func (l *logs) commit(ctx context.Context, channel beep.ChannelID, batch []*request) ([]*request, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	h, warm := l.heads.get(channel)
	if !warm {
		var err error
		if h, err = l.catchUp(ctx, channel); err != nil {
			return batch, storeFailed(err)
		}
	}
	d, err := l.draft(ctx, h, batch)
	if err != nil {
		return append(d.kept, d.rest...), storeFailed(err)
	}
	// Nothing of the batch is answered before this: what is acknowledged must be in the store and in the rows.
	var done int
	var insertErr error
	if len(d.entries) > 0 {
		done, insertErr = l.store.Insert(ctx, d.entries)
	}
	// A slice of its own: what went in is answered from the same array.
	left := append(d.kept[done:len(d.kept):len(d.kept)], d.rest...)
	if err := l.finish(ctx, d.kept[:done], d.entries[:done]); err != nil {
		return append(d.kept, d.rest...), storeFailed(err)
	}
	if insertErr == nil || done == len(d.entries) {
		return left, nil
	}
	// A duplicate or an unknown outcome: the same question, and inserting again is safe however late a lost insert
	// lands, since it can land only where it was drafted.
	left, err = l.settleFirst(ctx, left)
	if err == nil && !errors.Is(insertErr, beep.ErrConflict) {
		err = insertErr
	}
	return left, err
}

// settleFirst answers the first request if an earlier try of it is in the log.
func (l *logs) settleFirst(ctx context.Context, batch []*request) ([]*request, error) {
	q := batch[0]
	e, found, err := l.settled(ctx, q.Change)
	switch {
	case errors.Is(err, beep.ErrConflict):
		q.done(Entry{}, err)
		return batch[1:], nil
	case err != nil:
		return batch, storeFailed(err)
	case found:
		q.done(e, nil)
		return batch[1:], nil
	}
	// The head moves past whoever was first, for the next try.
	if _, err := l.catchUp(ctx, q.Channel); err != nil {
		return batch, storeFailed(err)
	}
	return batch, nil
}

// finish applies what went in, moves the head, acknowledges, and tells the bus, in this order. When applying fails
// the head stays: whoever comes next catches up before anything else.
func (l *logs) finish(ctx context.Context, batch []*request, entries []Entry) error {
	if len(entries) == 0 {
		return nil
	}
	if err := l.apply(ctx, entries); err != nil {
		return err
	}
	l.heads.remember(entries[0].Channel, headOf(entries[len(entries)-1]))
	for i, q := range batch {
		q.done(entries[i], nil)
	}
	l.wakes.add(batch[0].Scope, entries)
	return nil
}

// draft is a batch numbered after a head: kept[i] asks for entries[i]; rest waits for the next batch.
type draft struct {
	kept    []*request
	entries []Entry
	rest    []*request
}

// draft numbers the batch. A change of a message that is gone is refused for good only if its deletion is in the log
// and not merely in this batch, and if it is not the very request that deleted it, tried again. With an error the
// draft holds every request that was not answered.
func (l *logs) draft(ctx context.Context, h head, batch []*request) (draft, error) {
	states, err := l.states(ctx, batch)
	if err != nil {
		return draft{rest: batch}, err
	}
	d := draft{kept: make([]*request, 0, len(batch)), entries: make([]Entry, 0, len(batch))}
	changed := map[beep.MessageID]bool{} // in this batch
	now := beep.Now()
	for i, q := range batch {
		state, exists := states[q.Mid]
		if q.Kind != Create && (!exists || state.Deleted) {
			if changed[q.Mid] {
				d.rest = batch[i:]
				return d, nil
			}
			if err := l.refuse(ctx, q); err != nil {
				d.rest = batch[i:]
				return d, err
			}
			continue
		}
		e := l.entry(q, h, state, now)
		states[e.Mid], changed[e.Mid] = e.State, true
		d.kept, d.entries, h = append(d.kept, q), append(d.entries, e), headOf(e)
	}
	return d, nil
}

// entry is what q becomes after h.
func (l *logs) entry(q *request, h head, state State, now time.Time) Entry {
	e := Entry{
		Channel: q.Channel, R: h.r + 1, N: h.n, LastID: h.lastID, Mid: q.Mid, Kind: q.Kind,
		Actor: q.Actor, Nonce: q.Nonce, Hash: q.hash, E: q.E, At: now, State: q.after(state, now), V: h.r + 1, VE: q.E,
	}
	if q.Kind == Create {
		// A clock that is behind makes no difference but for display.
		e.Mid = max(beep.MessageID(l.minter.Next()), h.lastID+1)
		e.LastID, e.N = e.Mid, h.n+1
		e.State.Origin = Origin{Author: e.Actor, Nonce: e.Nonce, N: e.N, CreatedAt: e.At}
	}
	return e
}

// states are the messages that the batch changes, as they stand.
func (l *logs) states(ctx context.Context, batch []*request) (map[beep.MessageID]State, error) {
	var mids []beep.MessageID
	for _, q := range batch {
		if q.Kind != Create && !slices.Contains(mids, q.Mid) {
			mids = append(mids, q.Mid)
		}
	}
	states := make(map[beep.MessageID]State, len(mids))
	if len(mids) == 0 {
		return states, nil
	}
	rows, err := l.store.Rows(ctx, batch[0].Channel, mids)
	for _, row := range rows {
		states[row.Mid] = row.State
	}
	return states, err
}

// refuse answers a change of a message that is not there, for ever: unless the change was made by an earlier try.
func (l *logs) refuse(ctx context.Context, q *request) error {
	e, found, err := l.settled(ctx, q.Change)
	switch {
	case errors.Is(err, beep.ErrConflict):
		q.done(Entry{}, err)
	case err != nil:
		return err
	case found:
		q.done(e, nil)
	default:
		q.done(Entry{}, errMessageNotFound())
	}
	return nil
}
