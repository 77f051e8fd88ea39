package authztest

import (
	"context"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/beep-chat/beep"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/scopelog"
)

// Log is a scope log that a test writes. Its Fault, if there is one, is asked before and after each call that is made to
// it, and its error is answered in place of the log.
type Log struct {
	serversv1.ScopeLogClient // what nobody calls

	Fault func(call string) error

	mu   sync.Mutex // guards rows
	rows map[beep.Scope][]*serversv1.Change
}

// NewLog is an empty log.
func NewLog() *Log { return &Log{rows: map[beep.Scope][]*serversv1.Change{}} }

// Add appends rows, all at once, and answers the revision that the scope is then at.
func (l *Log) Add(scope beep.Scope, rows ...perm.Row) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, row := range rows {
		c := message(row)
		c.Rev = uint64(len(l.rows[scope])) + 1
		l.rows[scope] = append(l.rows[scope], c)
	}
	return uint64(len(l.rows[scope]))
}

// message is a row as the log of servers has it.
func message(row perm.Row) *serversv1.Change {
	switch r := row.(type) {
	case perm.Server:
		return &serversv1.Change{Kind: &serversv1.Change_ServerSet{ServerSet: &serversv1.Server{OwnerId: uint64(r.Owner)}}}
	case perm.ServerRemoved:
		return &serversv1.Change{Kind: &serversv1.Change_ServerRemoved{ServerRemoved: &serversv1.Removed{}}}
	case perm.Role:
		return &serversv1.Change{Kind: &serversv1.Change_RoleSet{RoleSet: &serversv1.Role{
			Id: uint64(r.ID), Position: r.Position, Rights: r.Rights.Names(),
		}}}
	case perm.RoleRemoved:
		return &serversv1.Change{Kind: &serversv1.Change_RoleRemoved{RoleRemoved: &serversv1.Removed{Id: uint64(r.ID)}}}
	case perm.Member:
		return &serversv1.Change{Kind: &serversv1.Change_MemberSet{MemberSet: member(r)}}
	case perm.MemberRemoved:
		return &serversv1.Change{Kind: &serversv1.Change_MemberRemoved{MemberRemoved: &serversv1.Removed{Id: uint64(r.User)}}}
	case perm.Channel:
		return &serversv1.Change{Kind: &serversv1.Change_ChannelSet{ChannelSet: channel(r)}}
	case perm.ChannelRemoved:
		return &serversv1.Change{Kind: &serversv1.Change_ChannelRemoved{ChannelRemoved: &serversv1.Removed{Id: uint64(r.ID)}}}
	case perm.Overwrite:
		return &serversv1.Change{Kind: &serversv1.Change_OverwriteSet{OverwriteSet: overwrite(r)}}
	case perm.OverwriteRemoved:
		return &serversv1.Change{Kind: &serversv1.Change_OverwriteRemoved{OverwriteRemoved: overwrite(perm.Overwrite{
			Channel: r.Channel, Role: r.Role, Member: r.Member,
		})}}
	}
	return &serversv1.Change{}
}

func ids[T ~uint64](list []T) []uint64 {
	out := make([]uint64, len(list))
	for i, id := range list {
		out[i] = uint64(id)
	}
	return out
}

func overwrite(o perm.Overwrite) *serversv1.Overwrite {
	return &serversv1.Overwrite{
		ChannelId: uint64(o.Channel), RoleId: uint64(o.Role), MemberId: uint64(o.Member), Allow: o.Allow.Names(), Deny: o.Deny.Names(),
	}
}

// before and after are the two moments at which a process may die in a call.
func (l *Log) fault(call string) error {
	if l.Fault == nil {
		return nil
	}
	return l.Fault(call)
}

// GetRevs answers from the rows.
func (l *Log) GetRevs(_ context.Context, q *serversv1.GetRevsRequest, _ ...grpc.CallOption) (*serversv1.GetRevsResponse, error) {
	if err := l.fault("GetRevs"); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	answer := &serversv1.GetRevsResponse{}
	for _, p := range q.GetScopes() {
		scope, err := scopelog.FromProto(p)
		if err != nil {
			return nil, err
		}
		answer.Revs = append(answer.Revs, uint64(len(l.rows[scope])))
	}
	return answer, nil
}

// ListChanges answers from the rows.
func (l *Log) ListChanges(_ context.Context, q *serversv1.ListChangesRequest, _ ...grpc.CallOption) (*serversv1.ListChangesResponse, error) {
	if err := l.fault("ListChanges"); err != nil {
		return nil, err
	}
	scope, err := scopelog.FromProto(q.GetScope())
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	rows := l.rows[scope]
	return &serversv1.ListChangesResponse{
		Changes: slices.Clone(rows[min(q.GetAfter(), uint64(len(rows))):]), Head: uint64(len(rows)),
	}, nil
}

// ListScopes answers all scopes.
func (l *Log) ListScopes(_ context.Context, q *serversv1.ListScopesRequest, _ ...grpc.CallOption) (*serversv1.ListScopesResponse, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	answer := &serversv1.ListScopesResponse{}
	if q.GetAfter().GetKind() != "" {
		return answer, nil // the first page had all
	}
	for scope := range l.rows {
		answer.Scopes = append(answer.Scopes, scopelog.ToProto(scope))
	}
	return answer, nil
}

// ResolveChannel answers from the rows.
func (l *Log) ResolveChannel(
	_ context.Context, q *serversv1.ResolveChannelRequest, _ ...grpc.CallOption,
) (*serversv1.ResolveChannelResponse, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for scope, rows := range l.rows {
		for _, row := range rows {
			if row.GetChannelSet().GetId() == q.GetChannelId() {
				return &serversv1.ResolveChannelResponse{Scope: scopelog.ToProto(scope)}, nil
			}
		}
	}
	return nil, beep.NotFound(beep.CodeChannelNotFound, "there is no such channel")
}

func member(m perm.Member) *serversv1.Member {
	out := &serversv1.Member{UserId: uint64(m.User), RoleIds: ids(m.Roles)}
	if m.Muted {
		out.MutedUntil = timestamppb.New(time.Unix(1e9, 0))
	}
	return out
}

func channel(c perm.Channel) *serversv1.Channel {
	return &serversv1.Channel{Id: uint64(c.ID), Kind: c.Kind.String(), ParentId: uint64(c.Parent), Synced: c.Synced}
}
