// Package scopelog is the reading side of the scope log: how fresh a scope is, and the View of its permissions at a
// revision. Whoever decides (authz) or shows (realtime) what someone may see stands on it.
//
// Three rules hold here and nowhere else. A revision that Fresh answers was read by a query that started after Fresh
// was called, so that a change which was answered before a request is part of every decision about that request. A
// View moves on by the rows of the log alone, each once, in order, without holes. And what cannot be had is an error
// (beep.Unavailable), never an older answer.
//
// Start with Log.Fresh and Log.At; Change is the one translation of a row of the log into what permissions make of it.
package scopelog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/beep-chat/beep"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/perm"
)

const (
	// maxViews bounds the Views kept. One of a small community is some kilobytes, of 100,000 members some megabytes.
	maxViews = 4096
	// maxChannels bounds the channels whose scope is remembered, about 100 bytes each.
	maxChannels = 100_000
	// queryTimeout is how long the scope log may take to answer before it counts as down.
	queryTimeout = 3 * time.Second
)

// Log reads the scope log. Safe for concurrent use.
type Log struct {
	client   serversv1.ScopeLogClient
	rounds   rounds
	views    *recent[beep.Scope, *view]
	channels *recent[beep.ChannelID, beep.Scope]
	observe  Observer
}

// Observer is told of each row as it is applied to a View, in order, before anyone sees the View with it. A View that was
// let go and is read again tells of its rows again, from the first. It must be quick and may call nothing of the Log.
type Observer func(c perm.Change, a perm.Affects)

// Observe has f told of every row. It is for who sets the Log up, before anyone reads.
func (l *Log) Observe(f Observer) { l.observe = f }

// New reads through a client.
func New(client serversv1.ScopeLogClient) *Log {
	return &Log{
		client:   client,
		rounds:   newRounds(),
		views:    newRecent[beep.Scope, *view](maxViews),
		channels: newRecent[beep.ChannelID, beep.Scope](maxChannels),
	}
}

// At runs f on the View of a scope at a revision or later. When the View is there already that costs no call. f must be
// quick, call nothing that waits, and keep nothing of the View, which moves on as soon as f has returned.
func (l *Log) At(ctx context.Context, scope beep.Scope, rev uint64, f func(*perm.View)) error {
	v := l.views.getOr(scope, func() *view { return newView(scope, l.observe) })
	if err := v.advance(ctx, l.client, rev); err != nil {
		if errors.Is(err, errBroken) {
			l.views.drop(scope, v) // the next caller reads the log from its first row
		}
		return fmt.Errorf("view of %s at %d: %w", scope, rev, err)
	}
	v.read(f)
	return nil
}

// Now is At at what Fresh answers. Of a scope that never changed the View is empty, and is not kept: numbers made up
// by someone must not push out the Views in use.
func (l *Log) Now(ctx context.Context, scope beep.Scope, f func(*perm.View)) error {
	rev, err := l.Fresh(ctx, scope)
	if err != nil {
		return err
	}
	if rev == 0 {
		f(perm.NewView(scope))
		return nil
	}
	return l.At(ctx, scope, rev, f)
}

// Replay tells f of the rows of a scope from the first up to a revision or later, as Observe does, and keeps nothing.
func (l *Log) Replay(ctx context.Context, scope beep.Scope, rev uint64, f Observer) error {
	if err := newView(scope, f).advance(ctx, l.client, rev); err != nil {
		return fmt.Errorf("rows of %s up to %d: %w", scope, rev, err)
	}
	return nil
}

// Channel is the scope that a channel belongs to, or belonged to: it never changes. A channel that there never was is
// not found.
func (l *Log) Channel(ctx context.Context, id beep.ChannelID) (beep.Scope, error) {
	if scope, ok := l.channels.get(id); ok {
		return scope, nil
	}
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	answer, err := l.client.ResolveChannel(ctx, &serversv1.ResolveChannelRequest{ChannelId: uint64(id)})
	if errors.Is(err, beep.ErrNotFound) {
		return beep.Scope{}, err // may be there a moment later, so it is not remembered
	}
	if err != nil {
		return beep.Scope{}, fmt.Errorf("scope of channel %s: %w", id, unavailable(err))
	}
	scope, err := FromProto(answer.GetScope())
	if err != nil {
		return beep.Scope{}, fmt.Errorf("scope of channel %s: %w", id, beep.Unavailable(err))
	}
	l.channels.getOr(id, func() beep.Scope { return scope })
	return scope, nil
}

// unavailable is the one thing that a failed read of the log means, whatever the failure: no decision can be made.
func unavailable(err error) error {
	var e *beep.Error
	if errors.As(err, &e) && e.Kind == beep.KindUnavailable {
		return err
	}
	return beep.Unavailable(err)
}
