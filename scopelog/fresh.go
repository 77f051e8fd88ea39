package scopelog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/beep-chat/beep"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
)

// maxScopes is how many scopes one GetRevs takes.
const maxScopes = 10_000

// rounds gathers everyone who asks for revisions into one query at a time. A caller joins the round that has not
// started: one that is in flight may have read the revision before the caller came.
type rounds struct {
	turn chan struct{} // holds one token while a query is in flight

	mu   sync.Mutex // guards next and the scopes of the round that it points to
	next *round     // still gathering; nil if nobody waits
}

// round is one query for revisions. Its fields but scopes are written by who leads it, before done is closed.
type round struct {
	scopes    map[beep.Scope]uint64 // the answer, once done
	done      chan struct{}
	err       error
	abandoned bool // by a leader whose own request ended: that says nothing about the log
}

func newRounds() rounds { return rounds{turn: make(chan struct{}, 1)} }

// Fresh is the newest revision of a scope, 0 for one that never changed. The query for it starts after the call.
func (l *Log) Fresh(ctx context.Context, scope beep.Scope) (uint64, error) {
	r, err := l.fresh(ctx, scope)
	if err != nil {
		return 0, fmt.Errorf("revision of %s: %w", scope, err)
	}
	return r.scopes[scope], nil
}

// FreshAll is Fresh of many scopes, in the order asked.
func (l *Log) FreshAll(ctx context.Context, scopes []beep.Scope) ([]uint64, error) {
	r, err := l.fresh(ctx, scopes...)
	if err != nil {
		return nil, fmt.Errorf("revisions of %d scopes: %w", len(scopes), err)
	}
	revs := make([]uint64, len(scopes))
	for i, scope := range scopes {
		revs[i] = r.scopes[scope]
	}
	return revs, nil
}

func (l *Log) fresh(ctx context.Context, scopes ...beep.Scope) (*round, error) {
	for {
		r := l.rounds.join(scopes)
		select {
		case <-r.done:
		case <-ctx.Done():
			return nil, beep.Unavailable(ctx.Err())
		case l.rounds.turn <- struct{}{}:
			// The turn is ours, so no query is in flight: r is either done or not yet begun, and then we lead it. The
			// query runs in the caller's own goroutine; nobody else's is needed for it.
			if l.rounds.begin(r) {
				l.lead(ctx, r)
			}
			<-l.rounds.turn
		}
		if r.abandoned && ctx.Err() == nil {
			continue // the leader gave up and we have not; any later round is as fresh
		}
		return r, r.err
	}
}

// join adds scopes to the round that has not begun.
func (q *rounds) join(scopes []beep.Scope) *round {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.next == nil {
		q.next = &round{scopes: make(map[beep.Scope]uint64, len(scopes)), done: make(chan struct{})}
	}
	for _, scope := range scopes {
		q.next.scopes[scope] = 0
	}
	return q.next
}

// begin closes a round to newcomers; false if it began before.
func (q *rounds) begin(r *round) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.next != r {
		return false
	}
	q.next = nil
	return true
}

// lead makes the query of a round that has begun.
func (l *Log) lead(ctx context.Context, r *round) {
	defer close(r.done)
	bounded, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	scopes := make([]beep.Scope, 0, len(r.scopes))
	for scope := range r.scopes {
		scopes = append(scopes, scope)
	}
	for chunk := range slices.Chunk(scopes, maxScopes) {
		if err := l.revs(bounded, chunk, r.scopes); err != nil {
			r.err, r.abandoned = unavailable(err), ctx.Err() != nil
			return
		}
	}
}

func (l *Log) revs(ctx context.Context, scopes []beep.Scope, into map[beep.Scope]uint64) error {
	q := &serversv1.GetRevsRequest{Scopes: make([]*serversv1.Scope, len(scopes))}
	for i, scope := range scopes {
		q.Scopes[i] = ToProto(scope)
	}
	answer, err := l.client.GetRevs(ctx, q)
	if err != nil {
		return err
	}
	if len(answer.GetRevs()) != len(scopes) {
		return errors.New("the scope log answers another number of revisions than was asked")
	}
	for i, scope := range scopes {
		into[scope] = answer.GetRevs()[i]
	}
	return nil
}
