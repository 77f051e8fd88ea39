package authz

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/scopelog"
)

// decideTimeout is how long a decision may take, whatever time the caller has left: what waits for it is a request.
const decideTimeout = 2 * time.Second

// Subscriber tells of wake-ups.
type Subscriber interface {
	Subscribe(topic string, fn func(payload []byte)) (cancel func())
}

// Deps is what a Service needs.
type Deps struct {
	Scopes serversv1.ScopeLogClient // the log from which the Views are built
	// Graph answers checks in place of perm, and is told of all that the log says; nil for none.
	Graph Graph
	// Options are for the Graph. Its zero value works.
	Options RemoteOptions
	// Reconcile is how often all of the Graph is compared with the log; 0 is never.
	Reconcile time.Duration
	// Bus wakes the relay to the Graph; without one, checks and the retries do.
	Bus Subscriber
}

// Service decides.
type Service struct {
	scopes *scopelog.Log
	engine Engine
	remote *Remote // the engine, or nil
	bus    Subscriber
	every  time.Duration
}

// New is a Service ready to be registered.
func New(d Deps) (*Service, error) {
	if d.Scopes == nil {
		return nil, errors.New("authz: no scope log")
	}
	s := &Service{scopes: scopelog.New(d.Scopes), bus: d.Bus, every: d.Reconcile}
	s.engine = NewEmbedded(s.scopes)
	if d.Graph != nil {
		s.remote = NewRemote(d.Graph, d.Scopes, s.scopes, d.Options)
		s.engine = s.remote
	}
	return s, nil
}

// Register adds the service to a server.
func (s *Service) Register(r grpc.ServiceRegistrar) {
	authzv1.RegisterAuthzServer(r, &authzServer{s: s})
}

// Run is the service's background work until ctx ends: that of a Graph. Without one there is none, for a View moves on
// when someone asks.
func (s *Service) Run(ctx context.Context) error {
	if s.remote == nil {
		<-ctx.Done()
		return nil
	}
	if s.bus != nil {
		cancel := s.bus.Subscribe(WakeTopic, func(payload []byte) {
			if scope, err := beep.ParseScope(string(payload)); err == nil {
				s.remote.Wake(scope)
			}
		})
		defer cancel()
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.remote.Run(ctx) })
	if s.every > 0 {
		g.Go(func() error { return s.remote.reconcileEvery(ctx, s.every) })
	}
	return g.Wait()
}

// WakeTopic is where the names of scopes that changed are published.
const WakeTopic = "scopes"

// Reconcile compares all of the Graph with the log and repairs it. Run has to run.
func (s *Service) Reconcile(ctx context.Context, report func(Drift)) error {
	if s.remote == nil {
		return errors.New("authz: there is no permission graph to reconcile")
	}
	return s.remote.Reconcile(ctx, report)
}

// Check decides whether a user holds a right.
func (s *Service) Check(ctx context.Context, q Question) (Decision, error) {
	scope, err := s.scopeOf(ctx, q.Server, q.Channel)
	if err != nil || scope == (beep.Scope{}) {
		return Decision{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, decideTimeout)
	defer cancel()
	rev := q.MinRev
	if rev == 0 {
		if rev, err = s.scopes.Fresh(ctx, scope); err != nil {
			return Decision{}, err
		}
	}
	d := Decision{Scope: scope}
	query := Query{Scope: scope, User: q.User, Channel: q.Channel, Right: q.Right}
	a, at, err := s.engine.Decide(ctx, query, rev)
	if err != nil {
		return Decision{}, err
	}
	d.Allowed, d.Visible, d.Rev = a.Allowed, a.Visible, at
	if d.Visible && q.Channel != 0 {
		err = s.scopes.At(ctx, scope, at, func(v *perm.View) {
			if c, ok := v.Channel(q.Channel); ok {
				d.Kind = c.Kind
			}
		})
	}
	if err != nil {
		return Decision{}, err
	}
	return d, nil
}

// VisibleChannels are the channels of a server that a user may see, without threads, in order of id. To who is not a
// member it is not visible itself.
func (s *Service) VisibleChannels(ctx context.Context, q Question) ([]beep.ChannelID, Decision, error) {
	scope := beep.ServerScope(q.Server)
	d := Decision{Scope: scope}
	var ids []beep.ChannelID
	err := s.decide(ctx, scope, q.MinRev, func(v *perm.View) {
		d.Rev, d.Visible = v.Rev(), v.Has(q.User)
		ids = slices.DeleteFunc(slices.Sorted(v.VisibleChannels(q.User)), func(id beep.ChannelID) bool {
			c, _ := v.Channel(id)
			return c.Kind == perm.Thread
		})
	})
	if err != nil {
		return nil, Decision{}, err
	}
	return ids, d, nil
}

// CheckActions decides whether a user may make changes, all of one scope. They are decided at one revision, each as if
// it were the only one: perm looks at the state before any of them. The first that is refused is the answer.
func (s *Service) CheckActions(ctx context.Context, user beep.UserID, actions []Action) (answer Verdict, err error) {
	scope, refused, err := s.scopeOfAll(ctx, actions)
	if err != nil || scope == (beep.Scope{}) {
		return Verdict{Refused: refused}, err
	}
	err = s.decide(ctx, scope, 0, func(v *perm.View) {
		for i, a := range actions {
			if answer = verdict(v, a.May(v, user)); !answer.Allowed {
				answer.Refused = i
				return
			}
		}
	})
	if err != nil || !answer.Allowed || s.remote == nil {
		return answer, err
	}
	return s.confirm(ctx, scope, user, actions, answer)
}

// scopeOfAll is the one scope that actions are about; none where one of them is about what never was.
func (s *Service) scopeOfAll(ctx context.Context, actions []Action) (scope beep.Scope, refused int, err error) {
	for i, a := range actions {
		if nothing(a.Server, a.Channel) {
			return beep.Scope{}, i, nil
		}
		its, err := s.scopeOf(ctx, a.Server, a.Channel)
		if err != nil || its == (beep.Scope{}) {
			return beep.Scope{}, i, err
		}
		if i > 0 && its != scope {
			return beep.Scope{}, 0, beep.InvalidField(beep.CodeInvalidField, "actions", "are of more than one server")
		}
		scope = its
	}
	return scope, 0, nil
}

// confirm asks the Graph for the rights that changes take which perm allows: it decides about rights, and perm about who
// is below whom. What both allow is allowed.
func (s *Service) confirm(
	ctx context.Context, scope beep.Scope, user beep.UserID, actions []Action, allowed Verdict,
) (Verdict, error) {
	ctx, cancel := context.WithTimeout(ctx, decideTimeout)
	defer cancel()
	type need struct {
		in    beep.ChannelID
		anyOf perm.Rights
	}
	asked := map[need]bool{}
	for i, a := range actions {
		n := need{a.In, a.AnyOf}
		if n.anyOf == 0 || asked[n] {
			continue
		}
		asked[n] = true
		held, err := s.holdsOneOf(ctx, Query{Scope: scope, User: user, Channel: a.In}, a.AnyOf, allowed.Rev)
		if err != nil {
			return Verdict{}, err
		}
		if !held {
			refusal := &perm.Refusal{Reason: perm.LacksOneOf, Missing: a.AnyOf}
			return Verdict{
				Visible: true, Code: beep.CodeOf(refusal.Err()), Reason: reason(refusal), Refused: i, Rev: allowed.Rev,
			}, nil
		}
	}
	return allowed, nil
}

// holdsOneOf says whether a user holds one of several rights.
func (s *Service) holdsOneOf(ctx context.Context, q Query, anyOf perm.Rights, rev uint64) (bool, error) {
	for ; anyOf != 0; anyOf &= anyOf - 1 {
		q.Right = anyOf & -anyOf
		a, _, err := s.engine.Decide(ctx, q, rev)
		if err != nil || a.Allowed {
			return a.Allowed, err
		}
	}
	return false, nil
}

// scopeOf is the scope that decides about a server or a channel; none for a channel that never was.
func (s *Service) scopeOf(ctx context.Context, server beep.ServerID, channel beep.ChannelID) (beep.Scope, error) {
	if channel == 0 {
		return beep.ServerScope(server), nil
	}
	ctx, cancel := context.WithTimeout(ctx, decideTimeout)
	defer cancel()
	scope, err := s.scopes.Channel(ctx, channel)
	if errors.Is(err, beep.ErrNotFound) {
		return beep.Scope{}, nil
	}
	return scope, err
}

// decide runs f on the View of a scope at a revision, or as it is now.
func (s *Service) decide(ctx context.Context, scope beep.Scope, rev uint64, f func(*perm.View)) error {
	ctx, cancel := context.WithTimeout(ctx, decideTimeout)
	defer cancel()
	if rev == 0 {
		return s.scopes.Now(ctx, scope, f)
	}
	return s.scopes.At(ctx, scope, rev, f)
}
