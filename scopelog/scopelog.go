// Package scopelog is the reader's side of the scope log that the servers service writes: fresh revisions,
// and Views built from the rows. authz decides by it, realtime fans out by it.
//
// A Log never guesses: what it cannot read, it answers with an error. Start with Fresh and At.
package scopelog

import (
	"context"
	"fmt"
	"sync"

	"github.com/beep-chat/beep"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/perm"
)

// Log reads the scope logs. Safe for concurrent use.
type Log struct {
	source serversv1.ScopeLogClient
	fresh  fresher

	mu       sync.Mutex // guards everything below; held for no call
	views    map[beep.Scope]*view
	channels map[beep.ChannelID]beep.Scope // immutable facts, bounded
	tick     uint64                        // orders uses, so that the least recently used View goes
}

const (
	maxViews    = 10_000
	maxChannels = 1 << 18
)

// New makes a Log over the servers service.
func New(source serversv1.ScopeLogClient) *Log {
	l := &Log{source: source, views: map[beep.Scope]*view{}, channels: map[beep.ChannelID]beep.Scope{}}
	l.fresh.read = l.revs
	return l
}

// Fresh is the revision of a scope read on the primary by a query that started after the call.
func (l *Log) Fresh(ctx context.Context, scope beep.Scope) (uint64, error) {
	return l.fresh.get(ctx, scope)
}

func (l *Log) revs(ctx context.Context, scopes []beep.Scope) ([]uint64, error) {
	req := &serversv1.GetRevsRequest{Scopes: make([]*serversv1.Scope, 0, len(scopes))}
	for _, s := range scopes {
		req.Scopes = append(req.Scopes, ToProto(s))
	}
	resp, err := l.source.GetRevs(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("read %d scope revisions: %w", len(scopes), err)
	}
	if len(resp.GetRevs()) != len(scopes) {
		return nil, beep.Unavailable(fmt.Errorf("%d revisions for %d scopes", len(resp.GetRevs()), len(scopes)))
	}
	return resp.GetRevs(), nil
}

// view is a View and the lock around it.
type view struct {
	advance sync.Mutex // one reader of the log at a time, held over calls

	mu   sync.RWMutex // guards view
	view *perm.View

	used uint64 // Log.tick at its last use; guarded by Log.mu
}

// At calls f with the View of a scope at minRev or later. f must not keep it, change it, or call anything.
func (l *Log) At(ctx context.Context, scope beep.Scope, minRev uint64, f func(*perm.View)) error {
	v := l.use(scope)
	if err := l.follow(ctx, scope, v, minRev); err != nil {
		return err
	}
	v.mu.RLock()
	defer v.mu.RUnlock()
	f(v.view)
	return nil
}

// Now is At at the revision of now.
func (l *Log) Now(ctx context.Context, scope beep.Scope, f func(*perm.View)) error {
	rev, err := l.Fresh(ctx, scope)
	if err != nil {
		return err
	}
	return l.At(ctx, scope, rev, f)
}

func (v *view) rev() uint64 {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.view.Rev()
}

// follow applies rows, contiguously, until the View is at rev.
func (l *Log) follow(ctx context.Context, scope beep.Scope, v *view, rev uint64) error {
	if v.rev() >= rev {
		return nil
	}
	v.advance.Lock()
	defer v.advance.Unlock()
	for from := v.rev(); from < rev; from = v.rev() {
		resp, err := l.source.ListChanges(ctx, &serversv1.ListChangesRequest{Scope: ToProto(scope), After: from})
		if err != nil {
			return fmt.Errorf("read scope %s from %d: %w", scope, from, err)
		}
		if err := v.apply(scope, resp.GetChanges()); err != nil {
			l.drop(scope, v)
			return beep.Unavailable(fmt.Errorf("scope %s after %d: %w", scope, from, err))
		}
		if v.rev() == from {
			return beep.Unavailable(fmt.Errorf("scope %s is at %d of %d", scope, from, rev))
		}
	}
	return nil
}

func (v *view) apply(scope beep.Scope, rows []*serversv1.Change) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, row := range rows {
		c, err := Change(scope, row)
		if err != nil {
			return err
		}
		if _, err := v.view.Apply(c); err != nil {
			return err
		}
	}
	return nil
}

func (l *Log) use(scope beep.Scope) *view {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tick++
	v := l.views[scope]
	if v == nil {
		if len(l.views) >= maxViews {
			l.evictLocked()
		}
		v = &view{view: perm.NewView(scope)}
		l.views[scope] = v
	}
	v.used = l.tick
	return v
}

// evictLocked lets go of the View that was used the longest ago among a few: good enough, and cheap.
func (l *Log) evictLocked() {
	const sample = 64
	var oldest beep.Scope
	least, seen := uint64(1)<<63, 0
	for scope, v := range l.views {
		if v.used < least {
			oldest, least = scope, v.used
		}
		if seen++; seen == sample {
			break
		}
	}
	delete(l.views, oldest)
}

// drop forgets a View whose rows did not fit; the next use builds it anew.
func (l *Log) drop(scope beep.Scope, v *view) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.views[scope] == v {
		delete(l.views, scope)
	}
}

// Channel is the scope that a channel belongs to, deleted or not; a NotFound error if there never was one.
func (l *Log) Channel(ctx context.Context, id beep.ChannelID) (beep.Scope, error) {
	l.mu.Lock()
	scope, ok := l.channels[id]
	l.mu.Unlock()
	if ok {
		return scope, nil
	}
	resp, err := l.source.ResolveChannel(ctx, &serversv1.ResolveChannelRequest{ChannelId: uint64(id)})
	if err != nil {
		return beep.Scope{}, err
	}
	if scope, err = FromProto(resp.GetScope()); err != nil {
		return beep.Scope{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.channels) >= maxChannels {
		clear(l.channels) // they are asked for again
	}
	l.channels[id] = scope
	return scope, nil
}
