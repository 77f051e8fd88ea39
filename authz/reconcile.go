package authz

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/beep-chat/beep"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/scopelog"
)

// Drift is one thing that a graph had otherwise than perm.
type Drift struct {
	Scope beep.Scope
	What  string // such as "seat 12"
	Had   string
	Want  string
}

const (
	// reconcileTimeout bounds what one scope may take, a very large one too.
	reconcileTimeout = 2 * time.Minute
	// reconcileAgain is how soon a pass that failed is begun again.
	reconcileAgain = 10 * time.Second
	// scopesPage is how many scopes are listed at once.
	scopesPage = 1000
	// maxLooks is how often a scope that changes all the time is looked at before it is left to the next pass.
	maxLooks = 20
)

// reconcileEvery reconciles until ctx ends, first at once: a process before this one may have died amid its work.
func (e *Remote) reconcileEvery(ctx context.Context, every time.Duration) error {
	for {
		next := every
		err := e.Reconcile(ctx, func(d Drift) {
			e.o.Count("authz_drift")
			e.o.Log.ErrorContext(ctx, "permission graph drifted", "scope", d.Scope.String(), "what", d.What, "had", d.Had, "want", d.Want)
		})
		if err != nil && ctx.Err() == nil {
			e.o.Log.WarnContext(ctx, "permission graph not reconciled", "error", err)
			next = min(every, reconcileAgain)
		}
		pause := time.NewTimer(next)
		select {
		case <-ctx.Done():
			pause.Stop()
			return nil
		case <-pause.C:
		}
	}
}

// Reconcile compares all that the graph has with the log, and repairs it: each scope with what perm makes of it at the
// same revision, and then whatever is in the graph and should not be. report is told of each difference. Decide may go
// on meanwhile; Run has to.
func (e *Remote) Reconcile(ctx context.Context, report func(Drift)) error {
	for after := (beep.Scope{}); ; {
		page, err := e.client.ListScopes(ctx, &serversv1.ListScopesRequest{After: scopelog.ToProto(after), Limit: scopesPage})
		if err != nil {
			return fmt.Errorf("list scopes: %w", err)
		}
		for _, p := range page.GetScopes() {
			if after, err = scopelog.FromProto(p); err != nil {
				return err
			}
			if err := e.reconcile(ctx, after, nil, report); err != nil {
				return fmt.Errorf("reconcile %s: %w", after, err)
			}
		}
		if len(page.GetScopes()) < scopesPage {
			break
		}
	}
	return e.graph.Scan(ctx, func(s State) error {
		err := e.reconcile(ctx, s.Scope, &s, report)
		if err != nil {
			return fmt.Errorf("reconcile what is in %s: %w", s.Scope, err)
		}
		return nil
	})
}

// reconcile compares one scope: all that perm has there, or, with found, of that only what perm does not have.
func (e *Remote) reconcile(ctx context.Context, scope beep.Scope, found *State, report func(Drift)) error {
	if !kept(scope) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, reconcileTimeout)
	defer cancel()
	for range maxLooks {
		rev, err := e.log.Fresh(ctx, scope)
		if err != nil || rev == 0 {
			return err
		}
		stamp, err := e.relay.until(ctx, scope, rev)
		if err != nil {
			return err
		}
		done, err := e.look(ctx, stamp, scope, found, report)
		if done || err != nil {
			return err
		}
	}
	return nil
}

// look compares a scope at a stamp, and is not done if it moved on meanwhile.
func (e *Remote) look(ctx context.Context, stamp Stamp, scope beep.Scope, found *State, report func(Drift)) (done bool, err error) {
	var want State
	err = e.log.At(ctx, scope, stamp.Rev, func(v *perm.View) {
		if done = v.Rev() == stamp.Rev; !done {
			return
		}
		if want = Whole(v); found != nil {
			want = beyond(v, *found)
		}
	})
	if err != nil || !done || want.size() == 0 {
		return done, err
	}
	got, err := e.graph.Get(ctx, want)
	if err != nil {
		return false, err
	}
	now, err := e.graph.Stamps(ctx, []beep.Scope{scope})
	if err != nil {
		return false, err
	}
	if now[0] != stamp { // read amid a write
		e.relay.doubt(scope, stamp)
		return false, nil
	}
	wrong := differences(want, got, report)
	if wrong.size() == 0 {
		return true, nil
	}
	e.relay.redo(scope, stamp, wrong)
	_, err = e.relay.until(ctx, scope, stamp.Rev)
	return true, err
}

// Surplus names those things found in a graph that are not in a View.
func Surplus(v *perm.View, found State) (names []string) {
	s := beyond(v, found)
	for _, m := range s.Seats {
		names = append(names, "seat "+m.User.String())
	}
	for _, c := range s.Channels {
		names = append(names, "channel "+c.ID.String())
	}
	for _, r := range s.Roles {
		names = append(names, "role "+r.ID.String())
	}
	return names
}

// beyond are those things found in a graph that are not in a View, as they should be: not there.
func beyond(v *perm.View, found State) State {
	s := State{Scope: found.Scope}
	for _, seat := range found.Seats {
		if !v.Has(seat.User) {
			s.Seats = append(s.Seats, seatOf(v, seat.User))
		}
	}
	for _, c := range found.Channels {
		if _, there := v.Channel(c.ID); !there {
			s.Channels = append(s.Channels, placeOf(v, c.ID))
		}
	}
	for _, r := range found.Roles {
		if _, there := v.Role(r.ID); !there {
			s.Roles = append(s.Roles, roleOf(v, r.ID))
		}
	}
	return s
}

// Differences are what got has otherwise than want, which has the same parts.
func Differences(want, got State) (list []Drift) {
	differences(want, got, func(d Drift) { list = append(list, d) })
	return list
}

// differences are the parts of want that got has otherwise.
func differences(want, got State, report func(Drift)) State {
	wrong := State{Scope: want.Scope}
	differs := func(what string, had, wants any) bool {
		h, w := fmt.Sprintf("%+v", had), fmt.Sprintf("%+v", wants)
		if h != w {
			report(Drift{want.Scope, what, h, w})
		}
		return h != w
	}
	if want.Top != nil && differs("scope", *cmp.Or(got.Top, &Top{}), *want.Top) {
		wrong.Top = want.Top
	}
	for i, r := range want.Roles {
		if differs("role "+r.ID.String(), got.Roles[i], r) {
			wrong.Roles = append(wrong.Roles, r)
		}
	}
	for i, s := range want.Seats {
		if differs("seat "+s.User.String(), asCounts(got.Seats[i], want.Roles), asCounts(s, nil)) {
			wrong.Seats = append(wrong.Seats, s)
		}
	}
	for i, c := range want.Channels {
		if differs("channel "+c.ID.String(), asKept(got.Channels[i]), asKept(c)) {
			wrong.Channels = append(wrong.Channels, c)
		}
	}
	return wrong
}

// asCounts is a seat with only what counts: nothing else of who is no member, and no roles that were removed, which are
// left in the seats of those who had them.
func asCounts(s Seat, roles []perm.Role) Seat {
	if !s.There {
		return Seat{Member: perm.Member{User: s.User}}
	}
	s.Roles = slices.Clone(s.Roles)
	if len(roles) > 0 {
		s.Roles = slices.DeleteFunc(s.Roles, func(id beep.RoleID) bool {
			return !slices.ContainsFunc(roles, func(r perm.Role) bool { return r.ID == id })
		})
	}
	slices.Sort(s.Roles)
	return s
}

// asKept is a place with only what a graph keeps of it.
func asKept(p Place) Place {
	if !p.There {
		return Place{Channel: perm.Channel{ID: p.ID}}
	}
	p.Archived, p.Locked = p.Kind == perm.Thread && (p.Archived || p.Locked), false
	return p
}
