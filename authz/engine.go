package authz

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/beep-chat/beep"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/scopelog"
)

// Engine decides what users hold. There are two, which must agree: the embedded one is package perm over the View, and
// the other one is a Graph. authztest.Run is the contract as a test.
type Engine interface {
	// Decide answers as the scope is at revision rev or later, and at which. At revision 0 there is nothing yet, and
	// nobody holds anything. An error means that no decision can be had in time.
	Decide(ctx context.Context, q Query, rev uint64) (a Answer, at uint64, err error)
	// Run is the engine's background work until ctx ends; Decide may need it.
	Run(ctx context.Context) error
}

// decide is what perm says.
func decide(v *perm.View, q Query) Answer {
	if q.Channel == 0 {
		there := v.Has(q.User)
		return Answer{there, there && v.Rights(q.User).Has(q.Right)}
	}
	held := v.ChannelRights(q.User, q.Channel)
	there := held.Has(perm.ViewChannels)
	return Answer{there, there && held.Has(q.Right)}
}

// Embedded is the engine that needs nothing: perm over the Views of a log.
type Embedded struct{ log *scopelog.Log }

// NewEmbedded is an Embedded over a log.
func NewEmbedded(log *scopelog.Log) *Embedded { return &Embedded{log} }

// Decide asks perm.
func (e *Embedded) Decide(ctx context.Context, q Query, rev uint64) (a Answer, at uint64, err error) {
	if rev == 0 {
		return Answer{}, 0, nil
	}
	err = e.log.At(ctx, q.Scope, rev, func(v *perm.View) { a, at = decide(v, q), v.Rev() })
	return a, at, err
}

// Run waits: a View moves on when someone asks.
func (e *Embedded) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// RemoteOptions say how a Remote works.
type RemoteOptions struct {
	CacheTTL time.Duration      // how long an answer is kept at most; 0 keeps none
	Sample   int                // of so many answers one is compared with perm; 0 compares none
	Log      *slog.Logger       // told of what fails and of differences
	Count    func(event string) // counts differences, nil counts nothing
}

// Remote is the engine that asks a Graph, which a relay keeps at the end of the scope log.
type Remote struct {
	graph  Graph
	client serversv1.ScopeLogClient
	log    *scopelog.Log
	o      RemoteOptions
	relay  *relay
	cache  *cache
	asked  atomic.Uint64
}

// NewRemote is a Remote over a log that nobody has read yet, and the client that it reads through.
func NewRemote(graph Graph, client serversv1.ScopeLogClient, log *scopelog.Log, o RemoteOptions) *Remote {
	if o.Count == nil {
		o.Count = func(string) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	e := &Remote{graph: graph, client: client, log: log, o: o, relay: newRelay(graph, log, o.Log), cache: newCache(o.CacheTTL)}
	log.Observe(func(c perm.Change, a perm.Affects) {
		e.relay.note(c, a)
		e.cache.note(c, a)
	})
	return e
}

// Wake says that something was committed in a scope. It may be lost: who asks brings the graph up to date first.
func (e *Remote) Wake(scope beep.Scope) { e.relay.wake(scope) }

// Run relays.
func (e *Remote) Run(ctx context.Context) error { return e.relay.run(ctx) }

// Decide asks the graph, unless the answer is kept.
func (e *Remote) Decide(ctx context.Context, q Query, rev uint64) (a Answer, at uint64, err error) {
	if rev == 0 {
		return Answer{}, 0, nil
	}
	hit := false
	err = e.log.At(ctx, q.Scope, rev, func(v *perm.View) {
		if a, hit = e.cache.get(q); hit {
			at = v.Rev()
		}
	})
	if err != nil || hit {
		return a, at, err
	}
	if a, at, err = e.ask(ctx, q, rev); err != nil {
		return Answer{}, 0, unavailable(err)
	}
	agreed, err := e.compare(ctx, q, at, &a)
	if err != nil {
		return Answer{}, 0, err
	}
	if agreed {
		e.cache.put(q, at, a)
	}
	return a, at, nil
}

// maxMoves is how often in a row the graph may be found at another stamp than it was just brought to.
const maxMoves = 5

// ask asks the graph at a revision or later.
func (e *Remote) ask(ctx context.Context, q Query, rev uint64) (Answer, uint64, error) {
	for range maxMoves {
		stamp, err := e.relay.await(ctx, q.Scope, rev)
		if err != nil {
			return Answer{}, 0, err
		}
		a, err := e.graph.Check(ctx, stamp, q)
		if !errors.Is(err, ErrMoved) {
			return a, stamp.Rev, err
		}
		e.relay.doubt(q.Scope, stamp)
	}
	return Answer{}, 0, ErrMoved
}

// compare holds one answer of so many against perm at the same revision. Where they differ, what both allow holds.
func (e *Remote) compare(ctx context.Context, q Query, at uint64, a *Answer) (agreed bool, err error) {
	if e.o.Sample <= 0 || e.asked.Add(1)%uint64(e.o.Sample) != 0 {
		return true, nil
	}
	want, same := Answer{}, false
	err = e.log.At(ctx, q.Scope, at, func(v *perm.View) { want, same = decide(v, q), v.Rev() == at })
	if err != nil || !same || want == *a {
		return err == nil, err // a View that is further on says nothing about this answer
	}
	e.o.Count("authz_difference")
	e.o.Log.ErrorContext(ctx, "permission graph and perm differ", "scope", q.Scope.String(), "rev", at, "user_id", q.User.String(),
		"channel_id", q.Channel.String(), "right", q.Right.String(), "graph", fmt.Sprintf("%+v", *a), "perm", fmt.Sprintf("%+v", want))
	*a = Answer{Visible: a.Visible && want.Visible, Allowed: a.Allowed && want.Allowed}
	return false, nil
}

// unavailable is what a question that the graph cannot answer comes to.
func unavailable(err error) error {
	if beep.CodeOf(err) == beep.CodeUnavailable {
		return err
	}
	return beep.Unavailable(err)
}
