package scopelog

import (
	"fmt"
	"time"

	"github.com/beep-chat/beep"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/perm"
)

// readTimeout bounds one query for revisions.
const readTimeout = 5 * time.Second

var kindNames = [...]string{beep.ScopeServer: "server", beep.ScopeDirect: "direct", beep.ScopeUser: "user"}

// ToProto is a scope as the contracts write it.
func ToProto(s beep.Scope) *serversv1.Scope {
	return &serversv1.Scope{Kind: kindNames[s.Kind], Id: s.ID}
}

// FromProto reads a scope; an unknown kind is an error.
func FromProto(s *serversv1.Scope) (beep.Scope, error) {
	for kind, name := range kindNames {
		if name != "" && name == s.GetKind() && s.GetId() != 0 {
			return beep.Scope{Kind: beep.ScopeKind(kind), ID: s.GetId()}, nil //nolint:gosec // an index of kindNames
		}
	}
	return beep.Scope{}, beep.Unavailable(fmt.Errorf("scope %q of id %d", s.GetKind(), s.GetId()))
}

// Change is the part of a row that permissions depend on. A row that it does not understand is an error: a
// View that skipped one would be wrong from then on.
func Change(scope beep.Scope, row *serversv1.Change) (perm.Change, error) {
	c := perm.Change{Scope: scope, Rev: row.GetRev()}
	var err error
	switch k := row.GetKind().(type) {
	case *serversv1.Change_ServerSet:
		c.Row = perm.Server{Owner: beep.UserID(k.ServerSet.GetOwnerId())}
	case *serversv1.Change_ServerRemoved:
		c.Row = perm.ServerRemoved{}
	case *serversv1.Change_RoleSet:
		r := perm.Role{ID: beep.RoleID(k.RoleSet.GetId()), Position: k.RoleSet.GetPosition()}
		r.Rights, err = perm.ParseRights(k.RoleSet.GetRights())
		c.Row = r
	case *serversv1.Change_RoleRemoved:
		c.Row = perm.RoleRemoved{ID: beep.RoleID(k.RoleRemoved.GetId())}
	case *serversv1.Change_MemberSet:
		m := perm.Member{User: beep.UserID(k.MemberSet.GetUserId())}
		for _, id := range k.MemberSet.GetRoleIds() {
			m.Roles = append(m.Roles, beep.RoleID(id))
		}
		c.Row = m
	case *serversv1.Change_MemberRemoved:
		c.Row = perm.MemberRemoved{User: beep.UserID(k.MemberRemoved.GetId())}
	case *serversv1.Change_ChannelSet:
		c.Row, err = channel(k.ChannelSet)
	case *serversv1.Change_ChannelRemoved:
		c.Row = perm.ChannelRemoved{ID: beep.ChannelID(k.ChannelRemoved.GetId())}
	case *serversv1.Change_OverwriteSet:
		c.Row, err = overwrite(k.OverwriteSet)
	case *serversv1.Change_OverwriteRemoved:
		o := k.OverwriteRemoved
		c.Row = perm.OverwriteRemoved{Channel: beep.ChannelID(o.GetChannelId()), Role: beep.RoleID(o.GetRoleId()), Member: beep.UserID(o.GetMemberId())}
	case *serversv1.Change_ScopeJoined:
		joined, e := FromProto(k.ScopeJoined)
		c.Row, err = perm.ScopeJoined{Scope: joined}, e
	case *serversv1.Change_ScopeLeft:
		left, e := FromProto(k.ScopeLeft)
		c.Row, err = perm.ScopeLeft{Scope: left}, e
	default:
		err = fmt.Errorf("a row of type %T", k)
	}
	if err != nil {
		return c, fmt.Errorf("scope %s row %d: %w", scope, row.GetRev(), err)
	}
	return c, nil
}

func channel(p *serversv1.Channel) (perm.Row, error) {
	kind, err := perm.ParseKind(p.GetKind())
	return perm.Channel{ID: beep.ChannelID(p.GetId()), Kind: kind, Parent: beep.ChannelID(p.GetParentId()), Synced: p.GetSynced()}, err
}

func overwrite(p *serversv1.Overwrite) (perm.Row, error) {
	o := perm.Overwrite{Channel: beep.ChannelID(p.GetChannelId()), Role: beep.RoleID(p.GetRoleId()), Member: beep.UserID(p.GetMemberId())}
	var err error
	if o.Allow, err = perm.ParseRights(p.GetAllow()); err != nil {
		return nil, err
	}
	o.Deny, err = perm.ParseRights(p.GetDeny())
	return o, err
}
