package authz

import (
	"context"
	"errors"
	"slices"
	"time"

	"google.golang.org/grpc"

	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/scopelog"
)

// decideTimeout is how long a decision may take, whatever time the caller has left: what waits for it is a request.
const decideTimeout = 2 * time.Second

// Deps is what a Service needs.
type Deps struct {
	Scopes serversv1.ScopeLogClient // the log from which the Views are built
}

// Service decides.
type Service struct {
	scopes *scopelog.Log
}

// New is a Service ready to be registered.
func New(d Deps) (*Service, error) {
	if d.Scopes == nil {
		return nil, errors.New("authz: no scope log")
	}
	return &Service{scopelog.New(d.Scopes)}, nil
}

// Register adds the service to a server.
func (s *Service) Register(r grpc.ServiceRegistrar) {
	authzv1.RegisterAuthzServer(r, &authzServer{s: s})
}

// Run is the service's background work until ctx ends. It has none: a View moves on when someone asks.
func (s *Service) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Check decides whether a user holds a right.
func (s *Service) Check(ctx context.Context, q Question) (Decision, error) {
	scope, err := s.scopeOf(ctx, q.Server, q.Channel)
	if err != nil || scope == (beep.Scope{}) {
		return Decision{}, err
	}
	d := Decision{Scope: scope}
	err = s.decide(ctx, scope, q.MinRev, func(v *perm.View) {
		d.Rev = v.Rev()
		if q.Channel == 0 {
			d.Visible = v.Has(q.User)
			d.Allowed = d.Visible && v.Rights(q.User).Has(q.Right)
			return
		}
		held := v.ChannelRights(q.User, q.Channel)
		d.Visible = held.Has(perm.ViewChannels)
		d.Allowed = d.Visible && held.Has(q.Right)
		if c, ok := v.Channel(q.Channel); ok && d.Visible {
			d.Kind = c.Kind
		}
	})
	if err != nil {
		return Decision{}, err
	}
	return d, nil
}

// VisibleChannels are the channels of a server that a user may see, in order of id. To who is not a member it is
// not visible itself.
func (s *Service) VisibleChannels(ctx context.Context, q Question) ([]beep.ChannelID, Decision, error) {
	scope := beep.ServerScope(q.Server)
	d := Decision{Scope: scope}
	var ids []beep.ChannelID
	err := s.decide(ctx, scope, q.MinRev, func(v *perm.View) {
		d.Rev, d.Visible = v.Rev(), v.Has(q.User)
		ids = slices.Sorted(v.VisibleChannels(q.User))
	})
	if err != nil {
		return nil, Decision{}, err
	}
	return ids, d, nil
}

// CheckActions decides whether a user may make changes, all of one scope. They are decided at one revision, each as if
// it were the only one: perm looks at the state before any of them. The first that is refused is the answer.
func (s *Service) CheckActions(ctx context.Context, user beep.UserID, actions []Action) (answer Verdict, err error) {
	var scope beep.Scope
	for i, a := range actions {
		if nothing(a.Server, a.Channel) {
			return Verdict{Refused: i}, nil
		}
		its, err := s.scopeOf(ctx, a.Server, a.Channel)
		if err != nil || its == (beep.Scope{}) {
			return Verdict{Refused: i}, err
		}
		if i > 0 && its != scope {
			return Verdict{}, beep.InvalidField(beep.CodeInvalidField, "actions", "are of more than one server")
		}
		scope = its
	}
	err = s.decide(ctx, scope, 0, func(v *perm.View) {
		for i, a := range actions {
			if answer = verdict(v, a.May(v, user)); !answer.Allowed {
				answer.Refused = i
				return
			}
		}
	})
	return answer, err
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
