package grpcapi

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/beep-chat/beep"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/servers"
	"github.com/beep-chat/beep/servers/channels"
	"github.com/beep-chat/beep/servers/community"
)

// idOf is an id of a request.
func idOf[ID ~uint64](field string, n uint64) (ID, error) {
	if n == 0 || n > beep.MaxID {
		return 0, beep.InvalidField(beep.CodeInvalidID, field, "is not an id")
	}
	return ID(n), nil
}

// idOrNone is an id that may be left out.
func idOrNone[ID ~uint64](field string, n uint64) (ID, error) {
	if n == 0 {
		return 0, nil
	}
	return idOf[ID](field, n)
}

// idsOf are the ids of a list.
func idsOf[ID ~uint64](field string, list []uint64) (ids []ID, err error) {
	ids = make([]ID, len(list))
	for i, n := range list {
		if ids[i], err = idOf[ID](field, n); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// targetsOf are roles and members, each list with the name of its field.
func targetsOf(roleField string, roles []uint64, memberField string, members []uint64) (t channels.Targets, err error) {
	if t.Roles, err = idsOf[beep.RoleID](roleField, roles); err != nil {
		return t, err
	}
	t.Members, err = idsOf[beep.UserID](memberField, members)
	return t, err
}

// memberOf is the server and the user that a request is about.
func memberOf(r interface {
	GetServerId() uint64
	GetUserId() uint64
},
) (server beep.ServerID, user beep.UserID, err error) {
	if server, err = idOf[beep.ServerID]("server_id", r.GetServerId()); err != nil {
		return 0, 0, err
	}
	user, err = idOf[beep.UserID]("user_id", r.GetUserId())
	return server, user, err
}

// roleOf is the role that a request is about.
func roleOf(r interface {
	GetServerId() uint64
	GetRoleId() uint64
},
) (at community.RoleRef, err error) {
	if at.Server, err = idOf[beep.ServerID]("server_id", r.GetServerId()); err != nil {
		return at, err
	}
	at.Role, err = idOf[beep.RoleID]("role_id", r.GetRoleId())
	return at, err
}

// overwriteOf leaves to the use-case whether the target is one, and what its rights may be.
func overwriteOf(r *serversv1.SetOverwriteRequest) (o servers.Overwrite, err error) {
	if o.Channel, err = idOf[beep.ChannelID]("channel_id", r.GetChannelId()); err != nil {
		return o, err
	}
	if o.Role, err = idOrNone[beep.RoleID]("role_id", r.GetRoleId()); err != nil {
		return o, err
	}
	if o.Member, err = idOrNone[beep.UserID]("member_id", r.GetMemberId()); err != nil {
		return o, err
	}
	if o.Allow, err = perm.ParseRights(r.GetAllow()); err != nil {
		return o, err
	}
	o.Deny, err = perm.ParseRights(r.GetDeny())
	return o, err
}

func scopeOf(p *serversv1.Scope) (beep.Scope, error) {
	id, err := idOf[uint64]("scope.id", p.GetId())
	if err != nil {
		return beep.Scope{}, err
	}
	switch p.GetKind() {
	case "server":
		return beep.Scope{Kind: beep.ScopeServer, ID: id}, nil
	case "direct":
		return beep.Scope{Kind: beep.ScopeDirect, ID: id}, nil
	case "user":
		return beep.Scope{Kind: beep.ScopeUser, ID: id}, nil
	}
	return beep.Scope{}, beep.InvalidField(beep.CodeInvalidField, "scope.kind", "is not server, direct or user")
}

// protoScope has no name for a scope of no kind: it is only asked for those that scopeOf gave or the store holds.
func protoScope(s beep.Scope) *serversv1.Scope {
	kinds := [...]string{"", "server", "direct", "user"}
	return &serversv1.Scope{Kind: kinds[min(s.Kind, beep.ScopeUser)], Id: s.ID}
}

// protos encodes a list.
func protos[T, P any](list []T, proto func(T) P) []P {
	encoded := make([]P, len(list))
	for i, v := range list {
		encoded[i] = proto(v)
	}
	return encoded
}

// timestamp is absent for no time at all.
func timestamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

func protoServer(s servers.Server) *serversv1.Server {
	return &serversv1.Server{
		Id: uint64(s.ID), Name: s.Name, Description: s.Description, OwnerId: uint64(s.Owner), CreatedAt: timestamp(s.CreatedAt),
		Public: s.Public, SystemChannelId: uint64(s.SystemChannel),
	}
}

func protoPublicServer(s servers.Server) *serversv1.PublicServer {
	return &serversv1.PublicServer{
		Id: uint64(s.ID), Name: s.Name, Description: s.Description, MemberCount: uint32(s.MemberCount),
	}
}

func protoPreview(code string, s servers.Server) *serversv1.InvitationPreview {
	return &serversv1.InvitationPreview{
		Code: code, ServerId: uint64(s.ID), ServerName: s.Name, MemberCount: uint32(s.MemberCount),
	}
}

func protoRole(r servers.Role) *serversv1.Role {
	return &serversv1.Role{
		Id: uint64(r.ID), ServerId: uint64(r.Server), Name: r.Name, Position: r.Position, Rights: r.Rights.Names(),
		Color: r.Color, Hoist: r.Hoist, Mentionable: r.Mentionable,
	}
}

func protoMember(m servers.Member) *serversv1.Member {
	return &serversv1.Member{
		UserId: uint64(m.User), ServerId: uint64(m.Server), JoinedAt: timestamp(m.JoinedAt),
		RoleIds:  protos(m.Roles, func(id beep.RoleID) uint64 { return uint64(id) }),
		Nickname: m.Nickname, MutedUntil: timestamp(m.MutedUntil),
	}
}

func protoChannel(c servers.Channel) *serversv1.Channel {
	return &serversv1.Channel{
		Id: uint64(c.ID), ServerId: uint64(c.Server), Kind: string(c.Kind), Name: c.Name, Topic: c.Topic,
		ParentId: uint64(c.Parent), Position: c.Position, Synced: c.Synced,
	}
}

func protoOverwrite(o servers.Overwrite) *serversv1.Overwrite {
	return &serversv1.Overwrite{
		Id: o.ID, ChannelId: uint64(o.Channel), RoleId: uint64(o.Role), MemberId: uint64(o.Member),
		Allow: o.Allow.Names(), Deny: o.Deny.Names(),
	}
}

func protoInvitation(i servers.Invitation) *serversv1.Invitation {
	return &serversv1.Invitation{
		Code: i.Code, ServerId: uint64(i.Server), CreatorId: uint64(i.Creator), MaxUses: i.MaxUses, Uses: i.Uses,
		ExpiresAt: timestamp(i.ExpiresAt), CreatedAt: timestamp(i.CreatedAt),
	}
}

func protoBan(b servers.Ban) *serversv1.Ban {
	return &serversv1.Ban{
		Id: b.ID, ServerId: uint64(b.Server), UserId: uint64(b.User), ActorId: uint64(b.Actor), Reason: b.Reason,
		CreatedAt: timestamp(b.CreatedAt),
	}
}

func protoAuditEntry(e servers.AuditEntry) *serversv1.AuditEntry {
	return &serversv1.AuditEntry{
		Id: e.ID, ServerId: uint64(e.Server), ActorId: uint64(e.Actor), Action: string(e.Action), TargetId: e.Target,
		Changes: protos(e.Changes, protoAuditChange), Reason: e.Reason, CreatedAt: timestamp(e.CreatedAt),
	}
}

func protoAuditChange(c servers.AuditChange) *serversv1.AuditChange {
	return &serversv1.AuditChange{Field: c.Field, From: c.From, To: c.To}
}

// proto has a case for each change; a test holds it against the contract.
func protoRow(r servers.Row) *serversv1.Change {
	p := &serversv1.Change{Rev: r.Rev, ActorId: uint64(r.Actor)}
	switch c := r.Change.(type) {
	case servers.ServerSet:
		p.Kind = &serversv1.Change_ServerSet{ServerSet: protoServer(c.Server)}
	case servers.ServerRemoved:
		p.Kind = &serversv1.Change_ServerRemoved{ServerRemoved: &serversv1.Removed{Id: uint64(c.ID)}}
	case servers.RoleRemoved:
		p.Kind = &serversv1.Change_RoleRemoved{RoleRemoved: &serversv1.Removed{Id: uint64(c.ID)}}
	case servers.RoleSet:
		p.Kind = &serversv1.Change_RoleSet{RoleSet: protoRole(c.Role)}
	case servers.MemberSet:
		p.Kind = &serversv1.Change_MemberSet{MemberSet: protoMember(c.Member)}
	case servers.MemberRemoved:
		p.Kind = &serversv1.Change_MemberRemoved{MemberRemoved: &serversv1.Removed{Id: uint64(c.User)}}
	case servers.ChannelSet:
		p.Kind = &serversv1.Change_ChannelSet{ChannelSet: protoChannel(c.Channel)}
	case servers.ChannelRemoved:
		p.Kind = &serversv1.Change_ChannelRemoved{ChannelRemoved: &serversv1.Removed{Id: uint64(c.ID)}}
	case servers.OverwriteSet:
		p.Kind = &serversv1.Change_OverwriteSet{OverwriteSet: protoOverwrite(c.Overwrite)}
	case servers.OverwriteRemoved:
		p.Kind = &serversv1.Change_OverwriteRemoved{OverwriteRemoved: protoOverwrite(c.Overwrite)}
	case servers.ScopeJoined:
		p.Kind = &serversv1.Change_ScopeJoined{ScopeJoined: protoScope(c.Scope)}
	case servers.ScopeLeft:
		p.Kind = &serversv1.Change_ScopeLeft{ScopeLeft: protoScope(c.Scope)}
	default:
		protoLaterRow(p, c)
	}
	return p
}

// protoLaterRow is protoRow for the changes that came after the first.
func protoLaterRow(p *serversv1.Change, change servers.Change) {
	switch c := change.(type) {
	case servers.ThreadSet:
		p.Kind = &serversv1.Change_ThreadSet{ThreadSet: protoThread(c.Thread)}
	case servers.ThreadRemoved:
		p.Kind = &serversv1.Change_ThreadRemoved{ThreadRemoved: &serversv1.Removed{Id: uint64(c.ID)}}
	case servers.DirectSet:
		p.Kind = &serversv1.Change_DirectSet{DirectSet: protoDirect(c.DirectMessage)}
	case servers.ParticipantAdded:
		p.Kind = &serversv1.Change_ParticipantAdded{ParticipantAdded: &serversv1.Participant{UserId: uint64(c.User)}}
	case servers.ParticipantRemoved:
		p.Kind = &serversv1.Change_ParticipantRemoved{ParticipantRemoved: &serversv1.Participant{UserId: uint64(c.User)}}
	case servers.DirectClosed:
		p.Kind = &serversv1.Change_DirectClosed{DirectClosed: &serversv1.DirectClosed{
			ChannelId: uint64(c.Channel), Closed: c.Closed, R: c.R,
		}}
	case servers.ThreadJoined:
		p.Kind = &serversv1.Change_ThreadJoined{ThreadJoined: membership(c.Server, c.Thread)}
	case servers.ThreadLeft:
		p.Kind = &serversv1.Change_ThreadLeft{ThreadLeft: membership(c.Server, c.Thread)}
	}
}

func membership(server beep.ServerID, thread beep.ChannelID) *serversv1.ThreadMembership {
	return &serversv1.ThreadMembership{ServerId: uint64(server), ThreadId: uint64(thread)}
}

func protoThread(t servers.Thread) *serversv1.Thread {
	return &serversv1.Thread{
		Id: uint64(t.ID), ServerId: uint64(t.Server), ChannelId: uint64(t.Channel), MessageId: uint64(t.Message),
		AuthorId: uint64(t.Author), Name: t.Name, Archived: t.Archived, Locked: t.Locked, CreatedAt: timestamp(t.CreatedAt),
	}
}

func protoDirect(d servers.DirectMessage) *serversv1.DirectMessage {
	return &serversv1.DirectMessage{
		Id: uint64(d.ID), Kind: string(d.Kind), Name: d.Name, CreatedAt: timestamp(d.CreatedAt),
		UserIds: protos(d.Users, func(id beep.UserID) uint64 { return uint64(id) }),
	}
}
