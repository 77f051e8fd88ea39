package permify

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/beep-chat/beep"
	permifyv1 "github.com/beep-chat/beep/api/permify/v1"
	"github.com/beep-chat/beep/authz"
	"github.com/beep-chat/beep/perm"
)

// Kinds of entities, as in schema.perm.
const (
	kindServer  = "server"
	kindRole    = "role"
	kindSeat    = "seat"
	kindChannel = "channel"
	kindThread  = "thread"
	kindDirect  = "direct"
)

// id is the entity of something in a scope: numbers are unique in theirs only.
func id[T ~uint64](scope beep.Scope, of T) string { return decimal(scope.ID) + "." + decimal(of) }

func decimal[T ~uint64](n T) string { return strconv.FormatUint(uint64(n), 10) }

// split is the scope's number and the thing's of an id.
func split(id string) (scope, of uint64, err error) {
	a, b, _ := strings.Cut(id, ".")
	if scope, err = strconv.ParseUint(a, 10, 64); err == nil {
		of, err = strconv.ParseUint(b, 10, 64)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("permify: an entity of ours is called %.80q", id)
	}
	return scope, of, nil
}

// topOf is the entity of a scope as a whole.
func topOf(scope beep.Scope) (kind, id string) {
	if scope.Kind == beep.ScopeDirect {
		return kindDirect, decimal(scope.ID)
	}
	return kindServer, decimal(scope.ID)
}

// attributes are what one entity is to have.
type attributes struct {
	kind, id string
	values   map[string]any // string, bool or []string
}

func (a attributes) proto() ([]*permifyv1.Attribute, error) {
	out := make([]*permifyv1.Attribute, 0, len(a.values))
	for name, value := range a.values {
		var m proto.Message
		switch v := value.(type) {
		case string:
			m = &permifyv1.StringValue{Data: v}
		case bool:
			m = &permifyv1.BooleanValue{Data: v}
		case []string:
			m = &permifyv1.StringArrayValue{Data: v}
		}
		packed, err := anypb.New(m)
		if err != nil {
			return nil, err
		}
		out = append(out, &permifyv1.Attribute{
			Entity: &permifyv1.Entity{Type: a.kind, Id: a.id}, Attribute: name, Value: packed,
		})
	}
	slices.SortFunc(out, func(a, b *permifyv1.Attribute) int { return cmp.Compare(a.GetAttribute(), b.GetAttribute()) })
	return out, nil
}

// stampOf sets a scope's stamp alone.
func stampOf(scope beep.Scope, stamp authz.Stamp) attributes {
	kind, id := topOf(scope)
	return attributes{kind, id, map[string]any{"stamp": stamp.String()}}
}

// entities are what a State is in Permify, without the stamp.
func entities(s authz.State) (list []attributes) {
	if s.Top != nil {
		list = append(list, top(s.Scope, *s.Top))
	}
	for _, r := range s.Roles {
		list = append(list, attributes{kindRole, id(s.Scope, r.ID), map[string]any{"rights": r.Rights.Names()}})
	}
	for _, m := range s.Seats {
		list = append(list, attributes{kindSeat, id(s.Scope, m.User), map[string]any{
			"member": m.There, "muted": m.Muted, "roles": decimals(m.Roles),
		}})
	}
	for _, c := range s.Channels {
		list = append(list, channel(s.Scope, c))
	}
	return list
}

func top(scope beep.Scope, t authz.Top) attributes {
	kind, id := topOf(scope)
	if kind == kindDirect {
		blocks := []string{}
		if t.Blocked {
			blocks = append(blocks, "one")
		}
		return attributes{kind, id, map[string]any{"participants": decimals(t.Participants), "blocks": blocks}}
	}
	owner := ""
	if t.Owner != 0 {
		owner = decimal(t.Owner)
	}
	return attributes{kind, id, map[string]any{"alive": t.Alive, "owner": owner}}
}

func channel(scope beep.Scope, c authz.Place) attributes {
	allow, deny := []string{}, []string{}
	for _, o := range c.Overwrites {
		who := "r" + decimal(o.Role)
		if o.Member != 0 {
			who = "u" + decimal(o.Member)
		}
		for _, name := range o.Allow.Names() {
			allow = append(allow, who+":"+name)
		}
		for _, name := range o.Deny.Names() {
			deny = append(deny, who+":"+name)
		}
	}
	place := ""
	if c.There {
		place = fmt.Sprintf("%s %d %t", c.Kind, c.Parent, c.Synced)
	}
	return attributes{kindChannel, id(scope, c.ID), map[string]any{
		"place": place, "closed": c.There && c.Kind == perm.Thread && (c.Archived || c.Locked), "allow": allow, "deny": deny,
	}}
}

func decimals[T ~uint64](ids []T) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = decimal(id)
	}
	return out
}

func numbers[T ~uint64](texts []string) []T {
	out := make([]T, 0, len(texts))
	for _, text := range texts {
		if n, err := strconv.ParseUint(text, 10, 64); err == nil {
			out = append(out, T(n)) // what is no number names nobody
		}
	}
	return out
}

// filter says which attributes to read.
type filter struct {
	kind  string
	ids   []string // none are all of the kind
	names []string // none are all attributes
}

// found are the attributes read of an entity. What is not there is as its type's empty value.
type found map[string]proto.Message

func (f found) text(name string) string {
	v, _ := f[name].(*permifyv1.StringValue)
	return v.GetData()
}

func (f found) yes(name string) bool {
	v, _ := f[name].(*permifyv1.BooleanValue)
	return v.GetData()
}

func (f found) list(name string) []string {
	v, _ := f[name].(*permifyv1.StringArrayValue)
	return v.GetData()
}

// read reads attributes by entity.
func (g *Graph) read(ctx context.Context, f filter) (map[string]found, error) {
	out := map[string]found{}
	err := g.pages(ctx, f, func(list []*permifyv1.Attribute) error { return collect(out, list) })
	return out, err
}

func collect(into map[string]found, list []*permifyv1.Attribute) error {
	for _, a := range list {
		value, err := a.GetValue().UnmarshalNew()
		if err != nil {
			return fmt.Errorf("permify: attribute %s: %w", a.GetAttribute(), err)
		}
		at := a.GetEntity().GetId()
		if into[at] == nil {
			into[at] = found{}
		}
		into[at][a.GetAttribute()] = value
	}
	return nil
}

// pageSize is how many attributes are read at once.
const pageSize = 1000

// pages calls f with attributes, some at a time.
func (g *Graph) pages(ctx context.Context, f filter, each func([]*permifyv1.Attribute) error) error {
	for token := ""; ; {
		var page *permifyv1.AttributeReadResponse
		err := g.ask(ctx, "read", func(ctx context.Context, _ string) (err error) {
			page, err = g.data.ReadAttributes(ctx, &permifyv1.AttributeReadRequest{
				TenantId: g.tenant, Metadata: &permifyv1.AttributeReadRequestMetadata{}, PageSize: pageSize, ContinuousToken: token,
				Filter: &permifyv1.AttributeFilter{Entity: &permifyv1.EntityFilter{Type: f.kind, Ids: f.ids}, Attributes: f.names},
			})
			return err
		})
		if err != nil {
			return err
		}
		if err := each(page.GetAttributes()); err != nil {
			return err
		}
		if token = page.GetContinuousToken(); token == "" {
			return nil
		}
	}
}
