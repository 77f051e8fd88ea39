package permify

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/beep-chat/beep"
	permifyv1 "github.com/beep-chat/beep/api/permify/v1"
	"github.com/beep-chat/beep/authz"
	"github.com/beep-chat/beep/perm"
)

// depth bounds how deep a check goes; ours goes no deeper than 12.
const depth = 30

// Check decides. Permify allows nothing at another stamp; what it denies may have been denied only because of that, so
// after a no the stamp is looked at. A relay never writes a stamp twice: if it is the same afterwards, it was all along.
func (g *Graph) Check(ctx context.Context, at authz.Stamp, q authz.Query) (authz.Answer, error) {
	c, err := g.question(ctx, at, q)
	if err != nil {
		return authz.Answer{}, err
	}
	if q.Right != 0 {
		allowed, err := g.may(ctx, c, q.Right.String())
		if err != nil {
			return authz.Answer{}, err
		}
		if allowed { // every right goes with seeing what it is for
			return authz.Answer{Visible: true, Allowed: true}, nil
		}
	}
	visible := false
	if q.Right == 0 || q.Right != perm.ViewChannels || q.Channel == 0 {
		if visible, err = g.may(ctx, c, c.seen); err != nil {
			return authz.Answer{}, err
		}
	}
	if visible {
		return authz.Answer{Visible: true, Allowed: q.Right == 0}, nil
	}
	now, err := g.Stamps(ctx, []beep.Scope{q.Scope})
	if err != nil {
		return authz.Answer{}, err
	}
	if now[0] != at {
		return authz.Answer{}, authz.ErrMoved
	}
	return authz.Answer{}, nil
}

// Stamps reads the stamps of scopes, many at once.
func (g *Graph) Stamps(ctx context.Context, scopes []beep.Scope) ([]authz.Stamp, error) {
	stamps := map[beep.Scope]authz.Stamp{}
	for chunk := range slices.Chunk(scopes, 100) {
		for _, kind := range []beep.ScopeKind{beep.ScopeServer, beep.ScopeDirect} {
			if err := g.stamps(ctx, kind, chunk, stamps); err != nil {
				return nil, err
			}
		}
	}
	out := make([]authz.Stamp, len(scopes))
	for i, scope := range scopes {
		out[i] = stamps[scope]
	}
	return out, nil
}

// stamps reads those of one kind.
func (g *Graph) stamps(ctx context.Context, of beep.ScopeKind, scopes []beep.Scope, into map[beep.Scope]authz.Stamp) error {
	f := filter{names: []string{"stamp"}}
	byName := map[string]beep.Scope{}
	for _, scope := range scopes {
		if scope.Kind == of {
			kind, name := topOf(scope)
			f.kind, f.ids, byName[name] = kind, append(f.ids, name), scope
		}
	}
	if len(f.ids) == 0 {
		return nil // a filter without ids would let all through
	}
	got, err := g.read(ctx, f)
	if err != nil {
		return err
	}
	for name, found := range got {
		if into[byName[name]], err = authz.ParseStamp(found.text("stamp")); err != nil {
			return err
		}
	}
	return nil
}

// question is a check but for the permission.
type question struct {
	entity  *permifyv1.Entity
	subject *permifyv1.Subject
	context *permifyv1.Context
	seen    string // the permission that says whether the object is visible
}

// question reads what is needed to ask: the roles of the seat and the place of the channel are the edges of the graph
// that lead from one to the other.
func (g *Graph) question(ctx context.Context, at authz.Stamp, q authz.Query) (question, error) {
	user := decimal(q.User)
	facts := map[string]any{"user": user, "stamp": at.String()}
	c := question{
		subject: &permifyv1.Subject{Type: "user", Id: user}, context: &permifyv1.Context{}, seen: perm.ViewChannels.String(),
	}
	if q.Scope.Kind == beep.ScopeDirect {
		name := decimal(q.Scope.ID)
		if uint64(q.Channel) != q.Scope.ID {
			name = "none" // of which there is no attribute
		}
		c.entity = &permifyv1.Entity{Type: kindDirect, Id: name}
		return c, c.know(facts)
	}
	edges, err := g.seat(ctx, q, facts)
	if err != nil {
		return c, err
	}
	c.entity, c.seen = &permifyv1.Entity{Type: kindSeat, Id: id(q.Scope, q.User)}, "member_of"
	if q.Channel != 0 {
		c.seen = perm.ViewChannels.String()
		leads, entity, err := g.place(ctx, q)
		if err != nil {
			return c, err
		}
		c.entity, edges = entity, append(edges, leads...)
	}
	c.context.Tuples = edges
	return c, c.know(facts)
}

// know adds the facts.
func (c question) know(facts map[string]any) (err error) {
	c.context.Data, err = structpb.NewStruct(facts)
	return err
}

// seat is the edges from a user's seat to the server and the roles, and the roles as overwrites name them.
func (g *Graph) seat(ctx context.Context, q authz.Query, facts map[string]any) ([]*permifyv1.Tuple, error) {
	name := id(q.Scope, q.User)
	got, err := g.read(ctx, filter{kindSeat, []string{name}, []string{"roles"}})
	if err != nil {
		return nil, err
	}
	everyone := beep.RoleID(q.Scope.ID)
	edges := []*permifyv1.Tuple{
		edge(kindSeat, name, "server", kindServer, decimal(q.Scope.ID)), edge(kindSeat, name, "role", kindRole, id(q.Scope, everyone)),
	}
	targets := []any{}
	for _, role := range numbers[beep.RoleID](got[name].list("roles")) {
		edges = append(edges, edge(kindSeat, name, "role", kindRole, id(q.Scope, role)))
		targets = append(targets, "r"+decimal(role))
	}
	facts["own"], facts["everyone"], facts["targets"] = "u"+decimal(q.User), "r"+decimal(everyone), targets
	return edges, nil
}

// place is the entity to ask about a channel, and the edges from there to the seat and to where the overwrites are. A
// thread stands in a channel, and a channel may follow its category. An edge that would lead to what is not there is
// left out, and nothing comes over it.
func (g *Graph) place(ctx context.Context, q authz.Query) (edges []*permifyv1.Tuple, entity *permifyv1.Entity, err error) {
	name := id(q.Scope, q.Channel)
	c, err := g.channel(ctx, q.Scope, q.Channel)
	if err != nil {
		return nil, nil, err
	}
	entity = &permifyv1.Entity{Type: kindChannel, Id: name}
	if c.Kind == perm.Thread {
		parent := id(q.Scope, c.Parent)
		edges = append(edges, edge(kindThread, name, "channel", kindChannel, parent), edge(kindThread, name, "self", kindChannel, name))
		entity = &permifyv1.Entity{Type: kindThread, Id: name}
		name = parent
		if c, err = g.channel(ctx, q.Scope, c.Parent); err != nil {
			return nil, nil, err
		}
		if c.Kind != perm.Text && c.Kind != perm.Conference {
			return nil, entity, nil
		}
	}
	if c.Kind == 0 {
		return nil, entity, nil
	}
	edges = append(edges, edge(kindChannel, name, "seat", kindSeat, id(q.Scope, q.User)))
	source := c.ID
	if c.Synced && c.Parent != 0 && (c.Kind == perm.Text || c.Kind == perm.Conference) {
		source = c.Parent
		if c, err = g.channel(ctx, q.Scope, source); err != nil {
			return nil, nil, err
		}
		if c.Kind != perm.Category {
			return edges, entity, nil
		}
	}
	return append(edges, edge(kindChannel, name, "source", kindChannel, id(q.Scope, source))), entity, nil
}

// channel is the place of a channel; of kind none if it is not there.
func (g *Graph) channel(ctx context.Context, scope beep.Scope, of beep.ChannelID) (perm.Channel, error) {
	name := id(scope, of)
	got, err := g.read(ctx, filter{kindChannel, []string{name}, []string{"place"}})
	if err != nil {
		return perm.Channel{}, err
	}
	return parsePlace(of, got[name].text("place"))
}

// parsePlace is what the attribute says.
func parsePlace(of beep.ChannelID, text string) (perm.Channel, error) {
	c := perm.Channel{ID: of}
	if text == "" {
		return c, nil
	}
	words := strings.Fields(text)
	if len(words) != 3 {
		return c, fmt.Errorf("permify: the place of channel %s is %.80q", of, text)
	}
	parent, err := strconv.ParseUint(words[1], 10, 64)
	if err != nil {
		return c, fmt.Errorf("permify: the place of channel %s: %w", of, err)
	}
	if c.Kind, err = perm.ParseKind(words[0]); err != nil {
		return c, fmt.Errorf("permify: the place of channel %s: %w", of, err)
	}
	c.Parent, c.Synced = beep.ChannelID(parent), words[2] == "true"
	return c, nil
}

func edge(kind, of, relation, toKind, to string) *permifyv1.Tuple {
	return &permifyv1.Tuple{
		Entity: &permifyv1.Entity{Type: kind, Id: of}, Relation: relation, Subject: &permifyv1.Subject{Type: toKind, Id: to},
	}
}

// may asks for one permission. A bulk check would not do: it reports a check that failed as a no.
func (g *Graph) may(ctx context.Context, c question, permission string) (allowed bool, err error) {
	if c.entity.GetType() == kindDirect && !inDirect(permission) {
		return false, nil // the schema has no such permission there
	}
	err = g.ask(ctx, "check", func(ctx context.Context, version string) error {
		answer, err := g.checks.Check(ctx, &permifyv1.PermissionCheckRequest{
			TenantId: g.tenant, Metadata: &permifyv1.PermissionCheckRequestMetadata{SchemaVersion: version, Depth: depth},
			Entity: c.entity, Permission: permission, Subject: c.subject, Context: c.context,
		})
		allowed = answer.GetCan() == permifyv1.CheckResult_CHECK_RESULT_ALLOWED
		return err
	})
	return allowed, err
}

func inDirect(permission string) bool {
	right, err := perm.ParseRight(permission)
	return err == nil && perm.InDirect(false).Has(right)
}
