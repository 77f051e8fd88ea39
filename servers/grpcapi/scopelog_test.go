package grpcapi_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/beep-chat/beep"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/servers"
)

// TestListChanges_EveryKind: what readers get for each kind of row, whole.
func TestListChanges_EveryKind(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	at := time.Date(2030, 1, 2, 3, 4, 5, 6e6, time.UTC)
	stamp := timestamppb.New(at)
	overwrite := servers.Overwrite{ID: 7, Channel: 5, Role: 3, Allow: perm.Speak, Deny: perm.Connect | perm.ViewChannels}
	overwriteProto := &serversv1.Overwrite{
		Id: 7, ChannelId: 5, RoleId: 3, Allow: []string{"speak"}, Deny: []string{"view_channels", "connect"},
	}
	changes := []servers.Change{
		servers.ServerSet{Server: servers.Server{ID: 1, Name: "n", Description: "d", Owner: 2, CreatedAt: at}, New: true},
		servers.RoleSet{Role: servers.Role{ID: 3, Server: 1, Name: "r", Position: 4, Rights: perm.ManageRoles}, New: true},
		servers.MemberSet{Member: servers.Member{User: 2, Server: 1, Roles: []beep.RoleID{3}, JoinedAt: at}, New: true},
		servers.ChannelSet{Channel: servers.Channel{
			ID: 5, Server: 1, Kind: servers.Text, Name: "c", Topic: "t", Parent: 6, Position: 8, Synced: true,
		}, New: true},
		servers.MemberSet{Member: servers.Member{User: 2, Server: 1, Roles: []beep.RoleID{3}, JoinedAt: at, Nickname: "n", MutedUntil: at}},
		servers.OverwriteSet{Overwrite: overwrite, New: true},
		servers.OverwriteRemoved{Overwrite: overwrite},
		servers.ChannelRemoved{ID: 5},
		servers.MemberRemoved{User: 2},
		servers.RoleRemoved{ID: 3},
		servers.ServerRemoved{ID: 1},
	}
	want := []*serversv1.Change{
		{Kind: &serversv1.Change_ServerSet{ServerSet: &serversv1.Server{
			Id: 1, Name: "n", Description: "d", OwnerId: 2, CreatedAt: stamp,
		}}},
		{Kind: &serversv1.Change_RoleSet{RoleSet: &serversv1.Role{
			Id: 3, ServerId: 1, Name: "r", Position: 4, Rights: []string{"manage_roles"},
		}}},
		{Kind: &serversv1.Change_MemberSet{MemberSet: &serversv1.Member{
			UserId: 2, ServerId: 1, RoleIds: []uint64{3}, JoinedAt: stamp,
		}}},
		{Kind: &serversv1.Change_ChannelSet{ChannelSet: &serversv1.Channel{
			Id: 5, ServerId: 1, Kind: "text", Name: "c", Topic: "t", ParentId: 6, Position: 8, Synced: true,
		}}},
		{Kind: &serversv1.Change_MemberSet{MemberSet: &serversv1.Member{
			UserId: 2, ServerId: 1, RoleIds: []uint64{3}, JoinedAt: stamp, Nickname: "n", MutedUntil: stamp,
		}}},
		{Kind: &serversv1.Change_OverwriteSet{OverwriteSet: overwriteProto}},
		{Kind: &serversv1.Change_OverwriteRemoved{OverwriteRemoved: overwriteProto}},
		{Kind: &serversv1.Change_ChannelRemoved{ChannelRemoved: &serversv1.Removed{Id: 5}}},
		{Kind: &serversv1.Change_MemberRemoved{MemberRemoved: &serversv1.Removed{Id: 2}}},
		{Kind: &serversv1.Change_RoleRemoved{RoleRemoved: &serversv1.Removed{Id: 3}}},
		{Kind: &serversv1.Change_ServerRemoved{ServerRemoved: &serversv1.Removed{Id: 1}}},
	}
	for i := range want {
		want[i].Rev, want[i].ActorId = uint64(i)+1, 9
	}
	err := w.store.Commit(t.Context(), servers.Commit{Scope: beep.ServerScope(1), Actor: 9, Changes: changes})
	if err != nil {
		t.Fatal(err)
	}
	got := value(w.log.ListChanges(t.Context(), &serversv1.ListChangesRequest{Scope: &serversv1.Scope{Kind: "server", Id: 1}}))(t)
	equal(t, "of the server", got, &serversv1.ListChangesResponse{Changes: want, Head: 11})

	joined := &serversv1.Scope{Kind: "server", Id: 1}
	got = value(w.log.ListChanges(t.Context(), &serversv1.ListChangesRequest{Scope: &serversv1.Scope{Kind: "user", Id: 2}}))(t)
	equal(t, "of the user", got, &serversv1.ListChangesResponse{Head: 2, Changes: []*serversv1.Change{
		{Rev: 1, ActorId: 9, Kind: &serversv1.Change_ScopeJoined{ScopeJoined: joined}},
		{Rev: 2, ActorId: 9, Kind: &serversv1.Change_ScopeLeft{ScopeLeft: joined}},
	}})
	got = value(w.log.ListChanges(t.Context(), &serversv1.ListChangesRequest{Scope: joined, After: 6, Limit: 1}))(t)
	equal(t, "a page", got, &serversv1.ListChangesResponse{Changes: want[6:7], Head: 11})

	revs := value(w.log.GetRevs(t.Context(), &serversv1.GetRevsRequest{Scopes: []*serversv1.Scope{
		{Kind: "direct", Id: 1}, {Kind: "user", Id: 2}, {Kind: "server", Id: 1},
	}}))(t)
	equal(t, "GetRevs", revs.GetRevs(), []uint64{0, 2, 11})
	scope := value(w.log.ResolveChannel(t.Context(), &serversv1.ResolveChannelRequest{ChannelId: 5}))(t)
	equal(t, "ResolveChannel", scope.GetScope(), joined)
}

func TestScopeLog_RefusesBadInput(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	good := &serversv1.Scope{Kind: "user", Id: 1}
	many := make([]*serversv1.Scope, 10_001)
	for i := range many {
		many[i] = good
	}
	revs := func(scopes ...*serversv1.Scope) error {
		return second(w.log.GetRevs(ctx, &serversv1.GetRevsRequest{Scopes: scopes}))
	}
	list := func(r *serversv1.ListChangesRequest) error { return second(w.log.ListChanges(ctx, r)) }
	for name, tt := range map[string]struct {
		err  error
		code beep.Code
	}{
		"no scopes":        {revs(), beep.CodeInvalidField},
		"too many scopes":  {revs(many...), beep.CodeInvalidField},
		"an unknown kind":  {revs(good, &serversv1.Scope{Kind: "channel", Id: 1}), beep.CodeInvalidField},
		"no kind":          {list(&serversv1.ListChangesRequest{Scope: &serversv1.Scope{Id: 1}}), beep.CodeInvalidField},
		"no scope":         {list(&serversv1.ListChangesRequest{}), beep.CodeInvalidID},
		"a scope of no id": {revs(&serversv1.Scope{Kind: "user"}), beep.CodeInvalidID},
		"too many rows":    {list(&serversv1.ListChangesRequest{Scope: good, Limit: 1001}), beep.CodeInvalidField},
		"no channel":       {second(w.log.ResolveChannel(ctx, &serversv1.ResolveChannelRequest{})), beep.CodeInvalidID},
	} {
		refused(t, name, tt.err, beep.KindInvalid, tt.code)
	}
	refused(t, "an unknown channel", second(w.log.ResolveChannel(ctx, &serversv1.ResolveChannelRequest{ChannelId: 5})),
		beep.KindNotFound, beep.CodeChannelNotFound)
	if err := revs(many[1:]...); err != nil {
		t.Errorf("ten thousand scopes: %v", err)
	}
	if err := list(&serversv1.ListChangesRequest{Scope: good, After: 1<<64 - 1, Limit: 1000}); err != nil {
		t.Errorf("far beyond the end: %v", err)
	}
}
