package authz_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/authz"
	"github.com/beep-chat/beep/kit/rpc"
)

// scopeLog is the scope log of one server, played by the test.
type scopeLog struct {
	serversv1.UnimplementedScopeLogServer

	mu    sync.Mutex // guards the fields below
	rows  []*serversv1.Change
	homes map[uint64]uint64 // channel to server, for ever
	down  error
	hang  bool
	asked int // revisions read
}

// add appends rows; a row is the message of its kind.
func (l *scopeLog) add(rows ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, row := range rows {
		c := &serversv1.Change{Rev: uint64(len(l.rows)) + 1}
		switch m := row.(type) {
		case *serversv1.Server:
			c.Kind = &serversv1.Change_ServerSet{ServerSet: m}
		case *serversv1.Role:
			c.Kind = &serversv1.Change_RoleSet{RoleSet: m}
		case *serversv1.Member:
			c.Kind = &serversv1.Change_MemberSet{MemberSet: m}
		case *serversv1.Channel:
			c.Kind = &serversv1.Change_ChannelSet{ChannelSet: m}
			l.homes[m.GetId()] = chess
		case *serversv1.Overwrite:
			c.Kind = &serversv1.Change_OverwriteSet{OverwriteSet: m}
		case left:
			c.Kind = &serversv1.Change_MemberRemoved{MemberRemoved: &serversv1.Removed{Id: uint64(m)}}
		case closed:
			c.Kind = &serversv1.Change_ChannelRemoved{ChannelRemoved: &serversv1.Removed{Id: uint64(m)}}
		}
		l.rows = append(l.rows, c)
	}
}

type (
	left   uint64 // a member who leaves
	closed uint64 // a channel that is removed
)

func (l *scopeLog) ready(ctx context.Context) error {
	l.mu.Lock()
	down, hang := l.down, l.hang
	l.mu.Unlock()
	if hang {
		<-ctx.Done()
		return ctx.Err()
	}
	return down
}

func (l *scopeLog) GetRevs(ctx context.Context, r *serversv1.GetRevsRequest) (*serversv1.GetRevsResponse, error) {
	if err := l.ready(ctx); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked++
	answer := &serversv1.GetRevsResponse{Revs: make([]uint64, len(r.GetScopes()))}
	for i, s := range r.GetScopes() {
		if s.GetKind() == "server" && s.GetId() == chess {
			answer.Revs[i] = uint64(len(l.rows))
		}
	}
	return answer, nil
}

func (l *scopeLog) ListChanges(
	ctx context.Context, r *serversv1.ListChangesRequest,
) (*serversv1.ListChangesResponse, error) {
	if err := l.ready(ctx); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.GetScope().GetId() != chess {
		return &serversv1.ListChangesResponse{}, nil
	}
	from := min(r.GetAfter(), uint64(len(l.rows)))
	return &serversv1.ListChangesResponse{Changes: l.rows[from:], Head: uint64(len(l.rows))}, nil
}

func (l *scopeLog) ResolveChannel(
	ctx context.Context, r *serversv1.ResolveChannelRequest,
) (*serversv1.ResolveChannelResponse, error) {
	if err := l.ready(ctx); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	home, ok := l.homes[r.GetChannelId()]
	if !ok {
		return nil, beep.NotFound(beep.CodeChannelNotFound, "there is no such channel")
	}
	return &serversv1.ResolveChannelResponse{Scope: &serversv1.Scope{Kind: "server", Id: home}}, nil
}

// A chess club: ann owns it, mod moderates with a role above the role of pam, bob has no role, eve is a stranger.
const (
	chess = 1

	ann, mod, pam, bob, eve = 101, 102, 103, 104, 105

	moderators, players = 11, 12 // positions 2 and 1

	lobby, games, table, office = 21, 22, 23, 24 // games is a category, table stands in it, office is the moderators'
	removed, never              = 25, 26
)

func club() *scopeLog {
	l := &scopeLog{homes: map[uint64]uint64{}}
	l.add(
		&serversv1.Server{Id: chess, OwnerId: ann},
		&serversv1.Role{Id: chess, Rights: []string{"view_channels", "send_messages"}},
		&serversv1.Role{Id: moderators, Position: 2, Rights: []string{"manage_members", "manage_channels", "manage_messages"}},
		&serversv1.Role{Id: players, Position: 1, Rights: []string{"connect", "speak"}},
		&serversv1.Member{UserId: ann}, &serversv1.Member{UserId: mod, RoleIds: []uint64{moderators}},
		&serversv1.Member{UserId: pam, RoleIds: []uint64{players}}, &serversv1.Member{UserId: bob},
		&serversv1.Channel{Id: lobby, Kind: "text"}, &serversv1.Channel{Id: games, Kind: "category"},
		&serversv1.Channel{Id: table, Kind: "text", ParentId: games, Synced: true},
		&serversv1.Channel{Id: office, Kind: "text"}, &serversv1.Channel{Id: removed, Kind: "text"}, closed(removed),
		&serversv1.Overwrite{Id: 31, ChannelId: office, RoleId: chess, Deny: []string{"view_channels"}},
		&serversv1.Overwrite{Id: 32, ChannelId: office, RoleId: moderators, Allow: []string{"view_channels"}},
		&serversv1.Overwrite{Id: 33, ChannelId: games, RoleId: players, Deny: []string{"send_messages"}},
	)
	return l
}

const head = 17 // the rows of club

// serve is a client of the service over a log, as a peer has it.
func serve(t testing.TB, l *scopeLog) authzv1.AuthzClient {
	t.Helper()
	local := rpc.NewLocal(rpc.Options{Policy: rpc.Policy{
		"beep.servers.v1.ScopeLog": {Callers: []string{"authz"}, Guest: true},
		"beep.authz.v1.Authz":      {Callers: []string{"servers"}, Guest: true},
	}})
	serversv1.RegisterScopeLogServer(local, l)
	s, err := authz.New(authz.Deps{Scopes: serversv1.NewScopeLogClient(local.As("authz"))})
	if err != nil {
		t.Fatal(err)
	}
	s.Register(local)
	return authzv1.NewAuthzClient(local.As("servers"))
}

func equal[V any](t *testing.T, what string, got, want V) {
	t.Helper()
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func refused(t *testing.T, what string, err error, kind beep.Kind, code beep.Code) {
	t.Helper()
	var e *beep.Error
	if !errors.As(err, &e) || e.Kind != kind || e.Code != code {
		t.Errorf("%s: %v, want kind %d, code %s", what, err, kind, code)
	}
}

func onServer(user, server uint64, right string) *authzv1.CheckRequest {
	return &authzv1.CheckRequest{UserId: user, Right: right, Object: &authzv1.CheckRequest_ServerId{ServerId: server}}
}

func inChannel(user, channel uint64, right string) *authzv1.CheckRequest {
	return &authzv1.CheckRequest{UserId: user, Right: right, Object: &authzv1.CheckRequest_ChannelId{ChannelId: channel}}
}
