package scopelog

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/beep-chat/beep"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/perm"
)

// errBroken marks a view whose rows do not fit each other. It is of no more use.
var errBroken = errors.New("broken view")

// view is the permissions of one scope, shared by everyone who reads them. It moves on as the log does; it never
// goes back.
type view struct {
	scope   beep.Scope
	observe Observer      // or nil
	turn    chan struct{} // holds one token while the log is being read for this view

	mu   sync.RWMutex // guards perm; held while rows are applied or looked at, over no call
	perm *perm.View
}

func newView(scope beep.Scope, observe Observer) *view {
	return &view{scope: scope, observe: observe, turn: make(chan struct{}, 1), perm: perm.NewView(scope)}
}

func (v *view) read(f func(*perm.View)) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	f(v.perm)
}

// rev is the revision that the view is at.
func (v *view) rev() uint64 {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.perm.Rev()
}

// advance moves the view on until it is at a revision or later. One caller at a time reads the log; the others wait
// for it and then look again. It stops only at a head, which is the end of a whole change, so that nobody decides amid
// one.
func (v *view) advance(ctx context.Context, client serversv1.ScopeLogClient, to uint64) error {
	if v.rev() >= to {
		return nil
	}
	select {
	case v.turn <- struct{}{}:
	case <-ctx.Done():
		return beep.Unavailable(ctx.Err())
	}
	defer func() { <-v.turn }()
	for at := v.rev(); at < to; {
		head, err := v.step(ctx, client, at)
		if err != nil {
			return err
		}
		next := v.rev()
		if next == at || head < to {
			// Rows that are announced and do not come. To answer from what is here would be to guess.
			return beep.Unavailable(fmt.Errorf("the log is at %d, and ends at %d", next, head))
		}
		at, to = next, head
	}
	return nil
}

// step reads and applies one page of the log.
func (v *view) step(ctx context.Context, client serversv1.ScopeLogClient, after uint64) (head uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	page, err := client.ListChanges(ctx, &serversv1.ListChangesRequest{Scope: ToProto(v.scope), After: after})
	if err != nil {
		return 0, unavailable(err)
	}
	changes := make([]perm.Change, len(page.GetChanges()))
	for i, row := range page.GetChanges() {
		if changes[i], err = Change(v.scope, row); err != nil {
			return 0, beep.Unavailable(fmt.Errorf("%w: %w", errBroken, err))
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, c := range changes {
		a, err := v.perm.Apply(c)
		if err != nil {
			return 0, beep.Unavailable(fmt.Errorf("%w: %w", errBroken, err))
		}
		if v.observe != nil {
			v.observe(c, a)
		}
	}
	return page.GetHead(), nil
}
