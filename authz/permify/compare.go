package permify

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/beep-chat/beep"
	permifyv1 "github.com/beep-chat/beep/api/permify/v1"
	"github.com/beep-chat/beep/authz"
	"github.com/beep-chat/beep/perm"
)

// Get reads the entities of a State's parts.
func (g *Graph) Get(ctx context.Context, want authz.State) (authz.State, error) {
	got := authz.State{Scope: want.Scope}
	if want.Top != nil {
		if err := g.getTop(ctx, &got); err != nil {
			return got, err
		}
	}
	roles, err := g.each(ctx, want.Scope, kindRole, names(want.Roles, func(r perm.Role) uint64 { return uint64(r.ID) }))
	if err != nil {
		return got, err
	}
	for i, f := range roles {
		rights, _ := perm.ParseRights(f.list("rights")) // what is no right differs from all that is wanted
		got.Roles = append(got.Roles, perm.Role{ID: want.Roles[i].ID, Rights: rights})
	}
	seats, err := g.each(ctx, want.Scope, kindSeat, names(want.Seats, func(s authz.Seat) uint64 { return uint64(s.User) }))
	if err != nil {
		return got, err
	}
	for i, f := range seats {
		got.Seats = append(got.Seats, authz.Seat{There: f.yes("member"), Member: perm.Member{
			User: want.Seats[i].User, Muted: f.yes("muted"), Roles: numbers[beep.RoleID](f.list("roles")),
		}})
	}
	channels, err := g.each(ctx, want.Scope, kindChannel, names(want.Channels, func(c authz.Place) uint64 { return uint64(c.ID) }))
	if err != nil {
		return got, err
	}
	for i, f := range channels {
		got.Channels = append(got.Channels, placeOf(want.Channels[i].ID, f))
	}
	return got, nil
}

func names[T any](list []T, number func(T) uint64) []uint64 {
	out := make([]uint64, len(list))
	for i, of := range list {
		out[i] = number(of)
	}
	return out
}

// each reads the attributes of many entities of a scope, in order.
func (g *Graph) each(ctx context.Context, scope beep.Scope, kind string, numbers []uint64) ([]found, error) {
	var out []found
	for chunk := range slices.Chunk(numbers, 100) {
		ids := make([]string, len(chunk))
		for i, n := range chunk {
			ids[i] = id(scope, n)
		}
		got, err := g.read(ctx, filter{kind: kind, ids: ids})
		if err != nil {
			return nil, err
		}
		for _, name := range ids {
			out = append(out, got[name])
		}
	}
	return out, nil
}

func (g *Graph) getTop(ctx context.Context, s *authz.State) error {
	kind, name := topOf(s.Scope)
	got, err := g.read(ctx, filter{kind: kind, ids: []string{name}})
	if err != nil {
		return err
	}
	f := got[name]
	if s.Stamp, err = authz.ParseStamp(f.text("stamp")); err != nil {
		return err
	}
	s.Top = &authz.Top{Alive: f.yes("alive"), Blocked: len(f.list("blocks")) > 0}
	if kind == kindDirect {
		s.Top.Alive = true
		s.Top.Participants = numbers[beep.UserID](f.list("participants"))
	}
	if owner := numbers[beep.UserID]([]string{f.text("owner")}); len(owner) == 1 {
		s.Top.Owner = owner[0]
	}
	return nil
}

// placeOf is what the attributes of a channel say. A place that cannot be read is of no kind, which differs from all.
func placeOf(of beep.ChannelID, f found) authz.Place {
	c, err := parsePlace(of, f.text("place"))
	p := authz.Place{Channel: c, There: err != nil || c.Kind != 0}
	p.Archived = f.yes("closed") // which of the two closed it is not kept
	masks := map[string]*perm.Overwrite{}
	for _, list := range []struct {
		entries []string
		rights  func(*perm.Overwrite) *perm.Rights
	}{
		{f.list("allow"), func(o *perm.Overwrite) *perm.Rights { return &o.Allow }},
		{f.list("deny"), func(o *perm.Overwrite) *perm.Rights { return &o.Deny }},
	} {
		for _, entry := range list.entries {
			who, name, _ := strings.Cut(entry, ":")
			if masks[who] == nil {
				masks[who] = overwriteOf(of, who)
			}
			right, _ := perm.ParseRight(name)
			*list.rights(masks[who]) |= right
		}
	}
	for _, o := range masks {
		p.Overwrites = append(p.Overwrites, *o)
	}
	slices.SortFunc(p.Overwrites, func(a, b perm.Overwrite) int {
		return cmp.Or(cmp.Compare(a.Role, b.Role), cmp.Compare(a.Member, b.Member))
	})
	return p
}

func overwriteOf(channel beep.ChannelID, who string) *perm.Overwrite {
	o := &perm.Overwrite{Channel: channel}
	n, _ := strconv.ParseUint(strings.TrimLeft(who, "ru"), 10, 64)
	if strings.HasPrefix(who, "u") {
		o.Member = beep.UserID(n)
	} else {
		o.Role = beep.RoleID(n)
	}
	return o
}

// Scan reads what says that something is there: members, channels, rights of roles.
func (g *Graph) Scan(ctx context.Context, f func(authz.State) error) error {
	for _, of := range []struct {
		kind, name string
		part       func(s *authz.State, n uint64, v found)
	}{
		{kindSeat, "member", func(s *authz.State, n uint64, v found) {
			if v.yes("member") {
				s.Seats = append(s.Seats, authz.Seat{There: true, Member: perm.Member{User: beep.UserID(n)}})
			}
		}},
		{kindChannel, "place", func(s *authz.State, n uint64, v found) {
			if v.text("place") != "" {
				s.Channels = append(s.Channels, authz.Place{There: true, Channel: perm.Channel{ID: beep.ChannelID(n)}})
			}
		}},
		{kindRole, "rights", func(s *authz.State, n uint64, v found) {
			if len(v.list("rights")) > 0 {
				s.Roles = append(s.Roles, perm.Role{ID: beep.RoleID(n)})
			}
		}},
	} {
		err := g.pages(ctx, filter{kind: of.kind, names: []string{of.name}}, func(list []*permifyv1.Attribute) error {
			page := map[string]found{}
			if err := collect(page, list); err != nil {
				return err
			}
			return parts(page, of.part, f)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// parts calls f with what a page holds of each scope.
func parts(page map[string]found, part func(*authz.State, uint64, found), f func(authz.State) error) error {
	states := map[uint64]*authz.State{}
	for name, v := range page {
		scope, n, err := split(name)
		if err != nil {
			return err
		}
		if states[scope] == nil {
			states[scope] = &authz.State{Scope: beep.ServerScope(beep.ServerID(scope))}
		}
		part(states[scope], n, v)
	}
	for _, s := range states {
		if err := f(*s); err != nil {
			return err
		}
	}
	return nil
}
