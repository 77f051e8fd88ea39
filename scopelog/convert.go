package scopelog

import (
	"fmt"

	"github.com/beep-chat/beep"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/perm"
)

// Change is what permissions make of a row of a scope's log. A row that is not known here, because a newer Beep wrote
// it, is an error: to pass over it would be to decide without it.
func Change(scope beep.Scope, row *serversv1.Change) (perm.Change, error) {
	r, err := rowOf(row)
	if err != nil {
		return perm.Change{}, fmt.Errorf("row %d of %s: %w", row.GetRev(), scope, err)
	}
	return perm.Change{Scope: scope, Rev: row.GetRev(), Row: r}, nil
}

func rowOf(row *serversv1.Change) (perm.Row, error) {
	switch k := row.GetKind().(type) {
	case *serversv1.Change_ServerSet:
		return perm.Server{Owner: beep.UserID(k.ServerSet.GetOwnerId())}, nil
	case *serversv1.Change_ServerRemoved:
		return perm.ServerRemoved{}, nil
	case *serversv1.Change_RoleSet:
		return role(k.RoleSet), nil
	case *serversv1.Change_RoleRemoved:
		return perm.RoleRemoved{ID: beep.RoleID(k.RoleRemoved.GetId())}, nil
	case *serversv1.Change_MemberSet:
		return member(k.MemberSet), nil
	case *serversv1.Change_MemberRemoved:
		return perm.MemberRemoved{User: beep.UserID(k.MemberRemoved.GetId())}, nil
	case *serversv1.Change_ChannelSet:
		return channel(k.ChannelSet)
	case *serversv1.Change_ChannelRemoved:
		return perm.ChannelRemoved{ID: beep.ChannelID(k.ChannelRemoved.GetId())}, nil
	case *serversv1.Change_OverwriteSet:
		return overwrite(k.OverwriteSet), nil
	case *serversv1.Change_OverwriteRemoved:
		o := overwrite(k.OverwriteRemoved)
		return perm.OverwriteRemoved{Channel: o.Channel, Role: o.Role, Member: o.Member}, nil
	case *serversv1.Change_ScopeJoined:
		scope, err := FromProto(k.ScopeJoined)
		return perm.ScopeJoined{Scope: scope}, err
	case *serversv1.Change_ScopeLeft:
		scope, err := FromProto(k.ScopeLeft)
		return perm.ScopeLeft{Scope: scope}, err
	default:
		return laterRow(row)
	}
}

// laterRow is rowOf for the kinds that came after the first. Permissions depend on none of those without a row here.
func laterRow(row *serversv1.Change) (perm.Row, error) {
	switch k := row.GetKind().(type) {
	case *serversv1.Change_ThreadSet:
		return thread(k.ThreadSet), nil
	case *serversv1.Change_ThreadRemoved:
		return perm.ChannelRemoved{ID: beep.ChannelID(k.ThreadRemoved.GetId())}, nil
	case *serversv1.Change_ParticipantAdded:
		return perm.ParticipantAdded{User: beep.UserID(k.ParticipantAdded.GetUserId())}, nil
	case *serversv1.Change_ParticipantRemoved:
		return perm.ParticipantRemoved{User: beep.UserID(k.ParticipantRemoved.GetUserId())}, nil
	case *serversv1.Change_DirectSet, *serversv1.Change_DirectClosed,
		*serversv1.Change_ThreadJoined, *serversv1.Change_ThreadLeft:
		return nil, nil //nolint:nilnil // perm's word for a row that permissions do not depend on
	default:
		return nil, fmt.Errorf("a row of type %T", k)
	}
}

func thread(t *serversv1.Thread) perm.Channel {
	return perm.Channel{
		ID: beep.ChannelID(t.GetId()), Kind: perm.Thread, Parent: beep.ChannelID(t.GetChannelId()),
		Archived: t.GetArchived(), Locked: t.GetLocked(),
	}
}

func role(r *serversv1.Role) perm.Role {
	return perm.Role{ID: beep.RoleID(r.GetId()), Position: r.GetPosition(), Rights: rights(r.GetRights())}
}

func member(m *serversv1.Member) perm.Member {
	roles := make([]beep.RoleID, len(m.GetRoleIds()))
	for i, id := range m.GetRoleIds() {
		roles[i] = beep.RoleID(id)
	}
	return perm.Member{User: beep.UserID(m.GetUserId()), Roles: roles, Muted: m.GetMutedUntil() != nil}
}

func channel(c *serversv1.Channel) (perm.Row, error) {
	kind, err := perm.ParseKind(c.GetKind())
	return perm.Channel{
		ID: beep.ChannelID(c.GetId()), Kind: kind, Parent: beep.ChannelID(c.GetParentId()), Synced: c.GetSynced(),
	}, err
}

func overwrite(o *serversv1.Overwrite) perm.Overwrite {
	return perm.Overwrite{
		Channel: beep.ChannelID(o.GetChannelId()), Role: beep.RoleID(o.GetRoleId()), Member: beep.UserID(o.GetMemberId()),
		Mask: perm.Mask{Allow: rights(o.GetAllow()), Deny: rights(o.GetDeny())},
	}
}

// rights leaves out names that are not known here: nobody here asks for such a right, and the others hold without it.
func rights(names []string) (set perm.Rights) {
	for _, name := range names {
		r, _ := perm.ParseRight(name)
		set |= r
	}
	return set
}

// FromProto is the scope of a message.
func FromProto(p *serversv1.Scope) (beep.Scope, error) {
	for kind := beep.ScopeServer; kind <= beep.ScopeUser; kind++ {
		if kindName(kind) == p.GetKind() && p.GetId() != 0 {
			return beep.Scope{Kind: kind, ID: p.GetId()}, nil
		}
	}
	return beep.Scope{}, fmt.Errorf("a scope of kind %q and id %d", p.GetKind(), p.GetId())
}

// ToProto is a scope as messages have it.
func ToProto(s beep.Scope) *serversv1.Scope {
	return &serversv1.Scope{Kind: kindName(s.Kind), Id: s.ID}
}

func kindName(kind beep.ScopeKind) string {
	return [...]string{"", "server", "direct", "user"}[min(kind, beep.ScopeUser)]
}
