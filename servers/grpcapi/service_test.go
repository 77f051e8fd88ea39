package grpcapi_test

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/servers"
	"github.com/beep-chat/beep/servers/grpcapi"
)

func TestNew_WantsEverything(t *testing.T) {
	t.Parallel()
	full := servers.Deps{
		Store: newWorld(t).store, Authz: authzv1.NewAuthzClient(nil), ChannelLog: messagesv1.NewChannelLogClient(nil), Bus: &fakeBus{}, Minter: beep.NewMinter(),
		Messages: messagesv1.NewMessagesClient(nil), Log: slog.New(slog.DiscardHandler),
	}
	if _, err := grpcapi.New(full); err != nil {
		t.Fatal(err)
	}
	for name, take := range map[string]func(*servers.Deps){
		"store": func(d *servers.Deps) { d.Store = nil }, "authz": func(d *servers.Deps) { d.Authz = nil },
		"channel log": func(d *servers.Deps) { d.ChannelLog = nil },
		"bus":         func(d *servers.Deps) { d.Bus = nil }, "minter": func(d *servers.Deps) { d.Minter = nil },
		"messages": func(d *servers.Deps) { d.Messages = nil },
		"log":      func(d *servers.Deps) { d.Log = nil },
	} {
		d := full
		take(&d)
		if _, err := grpcapi.New(d); err == nil {
			t.Errorf("New without a %s answers no error", name)
		}
	}
}

func TestRun_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	idle := newWorld(t).service
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- idle.Run(ctx) }()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// calls is every method, on objects that the caller may not know of or that are not there.
func (w *world) calls(server, channel uint64, code string) map[string]func(ctx context.Context) error {
	return map[string]func(ctx context.Context) error{
		"GetServer": func(ctx context.Context) error {
			return second(w.GetServer(ctx, &serversv1.GetServerRequest{ServerId: server}))
		},
		"LeaveServer": func(ctx context.Context) error {
			return second(w.LeaveServer(ctx, &serversv1.LeaveServerRequest{ServerId: server}))
		},
		"CreateChannel": func(ctx context.Context) error {
			return second(w.CreateChannel(ctx, &serversv1.CreateChannelRequest{ServerId: server, Name: "n"}))
		},
		"CreateChannel in a category": func(ctx context.Context) error {
			return second(w.CreateChannel(ctx, &serversv1.CreateChannelRequest{ServerId: server, Name: "n", ParentId: channel}))
		},
		"ListChannels": func(ctx context.Context) error {
			return second(w.ListChannels(ctx, &serversv1.ListChannelsRequest{ServerId: server}))
		},
		"GetChannel": func(ctx context.Context) error {
			return second(w.GetChannel(ctx, &serversv1.GetChannelRequest{ChannelId: channel}))
		},
		"UpdateChannel": func(ctx context.Context) error {
			return second(w.UpdateChannel(ctx, &serversv1.UpdateChannelRequest{ChannelId: channel}))
		},
		"DeleteChannel": func(ctx context.Context) error {
			return second(w.DeleteChannel(ctx, &serversv1.DeleteChannelRequest{ChannelId: channel}))
		},
		"ListOverwrites": func(ctx context.Context) error {
			return second(w.ListOverwrites(ctx, &serversv1.ListOverwritesRequest{ChannelId: channel}))
		},
		"SetOverwrite": func(ctx context.Context) error {
			return second(w.SetOverwrite(ctx, &serversv1.SetOverwriteRequest{ChannelId: channel, MemberId: 1}))
		},
		"ClearOverwrite": func(ctx context.Context) error {
			return second(w.ClearOverwrite(ctx, &serversv1.ClearOverwriteRequest{ChannelId: channel, OverwriteId: 1}))
		},
		"ExplainChannelRight": func(ctx context.Context) error {
			return second(w.ExplainChannelRight(ctx, &serversv1.ExplainChannelRightRequest{ChannelId: channel, Right: "speak"}))
		},
		"ExplainServerRight": func(ctx context.Context) error {
			return second(w.ExplainServerRight(ctx, &serversv1.ExplainServerRightRequest{ServerId: server, UserId: uint64(bob), Right: "speak"}))
		},
		"ViewAsRoles": func(ctx context.Context) error {
			return second(w.ViewAsRoles(ctx, &serversv1.ViewAsRolesRequest{ServerId: server}))
		},
		"ListMembers": func(ctx context.Context) error {
			return second(w.ListMembers(ctx, &serversv1.ListMembersRequest{ServerId: server}))
		},
		"KickMember": func(ctx context.Context) error {
			return second(w.KickMember(ctx, &serversv1.KickMemberRequest{ServerId: server, UserId: uint64(bob)}))
		},
		"GetMember": func(ctx context.Context) error {
			return second(w.GetMember(ctx, &serversv1.GetMemberRequest{ServerId: server, UserId: uint64(bob)}))
		},
		"UpdateServer": func(ctx context.Context) error {
			return second(w.UpdateServer(ctx, &serversv1.UpdateServerRequest{ServerId: server, Description: new(string)}))
		},
		"DeleteServer": func(ctx context.Context) error {
			return second(w.DeleteServer(ctx, &serversv1.DeleteServerRequest{ServerId: server, Name: "Ann's"}))
		},
		"TransferServer": func(ctx context.Context) error {
			return second(w.TransferServer(ctx, &serversv1.TransferServerRequest{ServerId: server, UserId: uint64(bob)}))
		},
		"ListRoles": func(ctx context.Context) error {
			return second(w.ListRoles(ctx, &serversv1.ListRolesRequest{ServerId: server}))
		},
		"CreateRole": func(ctx context.Context) error {
			return second(w.CreateRole(ctx, &serversv1.CreateRoleRequest{ServerId: server, Name: "n"}))
		},
		"UpdateRole": func(ctx context.Context) error {
			return second(w.UpdateRole(ctx, &serversv1.UpdateRoleRequest{ServerId: server, RoleId: server, Rights: &serversv1.Rights{}}))
		},
		"DeleteRole": func(ctx context.Context) error {
			return second(w.DeleteRole(ctx, &serversv1.DeleteRoleRequest{ServerId: server, RoleId: server}))
		},
		"ReorderRoles": func(ctx context.Context) error {
			return second(w.ReorderRoles(ctx, &serversv1.ReorderRolesRequest{ServerId: server}))
		},
		"AssignRole": func(ctx context.Context) error {
			return second(w.AssignRole(ctx, &serversv1.AssignRoleRequest{ServerId: server, UserId: uint64(bob), RoleId: 1}))
		},
		"UnassignRole": func(ctx context.Context) error {
			return second(w.UnassignRole(ctx, &serversv1.UnassignRoleRequest{ServerId: server, UserId: uint64(bob), RoleId: 1}))
		},
		"UpdateNickname": func(ctx context.Context) error {
			return second(w.UpdateNickname(ctx, &serversv1.UpdateNicknameRequest{ServerId: server, UserId: uint64(bob), Nickname: "n"}))
		},
		"MuteMember": func(ctx context.Context) error {
			return second(w.MuteMember(ctx, &serversv1.MuteMemberRequest{ServerId: server, UserId: uint64(bob), Seconds: 1}))
		},
		"UnmuteMember": func(ctx context.Context) error {
			return second(w.UnmuteMember(ctx, &serversv1.UnmuteMemberRequest{ServerId: server, UserId: uint64(bob)}))
		},
		"BanUser": func(ctx context.Context) error {
			return second(w.BanUser(ctx, &serversv1.BanUserRequest{ServerId: server, UserId: uint64(bob)}))
		},
		"UnbanUser": func(ctx context.Context) error {
			return second(w.UnbanUser(ctx, &serversv1.UnbanUserRequest{ServerId: server, UserId: uint64(bob)}))
		},
		"ListBans": func(ctx context.Context) error {
			return second(w.ListBans(ctx, &serversv1.ListBansRequest{ServerId: server}))
		},
		"ListAuditEntries": func(ctx context.Context) error {
			return second(w.ListAuditEntries(ctx, &serversv1.ListAuditEntriesRequest{ServerId: server}))
		},
		"CreateInvitation": func(ctx context.Context) error {
			return second(w.CreateInvitation(ctx, &serversv1.CreateInvitationRequest{ServerId: server}))
		},
		"ListInvitations": func(ctx context.Context) error {
			return second(w.ListInvitations(ctx, &serversv1.ListInvitationsRequest{ServerId: server}))
		},
		"JoinServer": func(ctx context.Context) error {
			return second(w.JoinServer(ctx, &serversv1.JoinServerRequest{ServerId: server}))
		},
		"RevokeInvitation": func(ctx context.Context) error {
			return second(w.RevokeInvitation(ctx, &serversv1.RevokeInvitationRequest{Code: code}))
		},
	}
}

// open are the methods that take no object, or an invitation whose code is proof enough.
func (w *world) open(code string) map[string]func(ctx context.Context) error {
	return map[string]func(ctx context.Context) error{
		"CreateServer": func(ctx context.Context) error {
			return second(w.CreateServer(ctx, &serversv1.CreateServerRequest{Name: "n"}))
		},
		"ListServers": func(ctx context.Context) error {
			return second(w.ListServers(ctx, &serversv1.ListServersRequest{}))
		},
		"ListPublicServers": func(ctx context.Context) error {
			return second(w.ListPublicServers(ctx, &serversv1.ListPublicServersRequest{}))
		},
		"AcceptInvitation": func(ctx context.Context) error {
			return second(w.AcceptInvitation(ctx, &serversv1.AcceptInvitationRequest{Code: code}))
		},
	}
}

// TestStrangers_LearnNothing: who is not a member gets, for a real object, exactly the answer for one that never was.
func TestStrangers_LearnNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, channel := w.server(t)
	invitation := value(w.CreateInvitation(w.as(t, ann), &serversv1.CreateInvitationRequest{ServerId: server.GetId()}))(t)
	rev := w.rev(t, server.GetId())

	there := w.calls(server.GetId(), channel.GetId(), invitation.GetInvitation().GetCode())
	for name, missing := range w.calls(12345, 12345, "111111111111") {
		t.Run(name, func(t *testing.T) {
			got, want := there[name](w.as(t, eve)), missing(w.as(t, eve))
			var e *beep.Error
			if !errors.As(got, &e) || e.Kind != beep.KindNotFound {
				t.Fatalf("to a stranger: %v, want not found", got)
			}
			equal(t, "the answer, and the one for nothing", got.Error(), want.Error())
		})
	}
	equal(t, "revision", w.rev(t, server.GetId()), rev)
	value(w.GetInvitation(w.as(t, 0), &serversv1.GetInvitationRequest{Code: invitation.GetInvitation().GetCode()}))(t)
}

func TestGuests_MustSignIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, channel := w.server(t)
	code := value(w.CreateInvitation(w.as(t, ann), &serversv1.CreateInvitationRequest{ServerId: server.GetId()}))(t).
		GetInvitation().GetCode()
	calls := w.calls(server.GetId(), channel.GetId(), code)
	maps.Copy(calls, w.open(code))
	for name, call := range calls {
		refused(t, name, call(w.as(t, 0)), beep.KindUnauthenticated, beep.CodeUnauthenticated)
	}
}

// TestRights: each use-case asks for its right, and a refusal names it and changes nothing.
func TestRights(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, channel := w.server(t)
	code := value(w.CreateInvitation(w.as(t, ann), &serversv1.CreateInvitationRequest{ServerId: server.GetId()}))(t).
		GetInvitation().GetCode()
	calls := w.calls(server.GetId(), channel.GetId(), code)
	w.authz.check = func(r *authzv1.CheckRequest, answer *authzv1.CheckResponse) error {
		answer.Allowed = r.GetRight() == ""
		return nil
	}
	before := w.rev(t, server.GetId())
	for name, right := range map[string]perm.Rights{
		"CreateChannel": perm.ManageChannels, "CreateChannel in a category": perm.ManageChannels,
		"UpdateChannel": perm.ManageChannels, "DeleteChannel": perm.ManageChannels, "ListOverwrites": perm.ManageChannels,
		"CreateInvitation": perm.ManageInvitations, "ListInvitations": perm.ManageInvitations,
		"RevokeInvitation": perm.ManageInvitations,
	} {
		err := calls[name](w.as(t, bob))
		refused(t, name, err, beep.KindForbidden, beep.CodeForbidden)
		if err == nil || !strings.Contains(err.Error(), right.String()) {
			t.Errorf("%s: %v does not name %s", name, err, right)
		}
		equal(t, name+" asks for", w.authz.asked[len(w.authz.asked)-1], right.String())
	}
	equal(t, "revision", w.rev(t, server.GetId()), before)
}

// moving are changes that are decided by authz and then committed.
func (w *world) moving(t *testing.T, server, channel uint64) map[string]func() error {
	t.Helper()
	ctx, n := w.as(t, ann), 0
	return map[string]func() error{
		"UpdateChannel": func() error {
			n++
			name := strings.Repeat("x", n)
			return second(w.UpdateChannel(ctx, &serversv1.UpdateChannelRequest{ChannelId: channel, Name: &name}))
		},
		"CreateChannel": func() error {
			return second(w.CreateChannel(ctx, &serversv1.CreateChannelRequest{ServerId: server, Name: "n"}))
		},
		"CreateInvitation": func() error {
			return second(w.CreateInvitation(ctx, &serversv1.CreateInvitationRequest{ServerId: server}))
		},
		"SetOverwrite": func() error {
			n++
			rights := []string{"send_messages", "attach_files", "connect", "speak", "view_channels"}
			return second(w.SetOverwrite(ctx, &serversv1.SetOverwriteRequest{ChannelId: channel, MemberId: uint64(bob), Deny: rights[:n%5]}))
		},
		"KickMember": func() error {
			return second(w.KickMember(ctx, &serversv1.KickMemberRequest{ServerId: server, UserId: uint64(bob)}))
		},
		"MuteMember": func() error {
			return second(w.MuteMember(ctx, &serversv1.MuteMemberRequest{ServerId: server, UserId: uint64(bob), Seconds: 60}))
		},
		"CreateRole": func() error {
			return second(w.CreateRole(ctx, &serversv1.CreateRoleRequest{ServerId: server, Name: "n"}))
		},
		"LeaveServer": func() error {
			return second(w.LeaveServer(w.as(t, bob), &serversv1.LeaveServerRequest{ServerId: server}))
		},
	}
}

// TestDecisions_HoldAtTheCommit: a change is decided again when something that matters happened between its decision
// and its commit, for a while; what does not matter, as the joining of others, costs no second decision.
func TestDecisions_HoldAtTheCommit(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		matters   bool
		times     int
		decisions int // 0: more than a request is worth
	}{
		"others join all the time":  {false, 1000, 1},
		"roles change twice":        {true, 2, 3},
		"roles change all the time": {true, 1000, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			server, channel := w.server(t)
			id := beep.ServerID(server.GetId())
			for use, call := range w.moving(t, server.GetId(), channel.GetId()) {
				decisions := 0
				between := func() { // between the decision and the commit
					if decisions++; decisions > tt.times {
						return
					}
					change := servers.Change(servers.RoleSet{Role: servers.Role{ID: beep.RoleID(id), Server: id}})
					if !tt.matters {
						change = servers.MemberSet{Member: servers.Member{User: beep.UserID(w.minted.Next()), Server: id}, New: true}
					}
					if err := w.store.Commit(t.Context(), servers.Commit{Scope: beep.ServerScope(id), Changes: []servers.Change{change}}); err != nil {
						t.Error(err)
					}
				}
				w.authz.check = func(*authzv1.CheckRequest, *authzv1.CheckResponse) error { between(); return nil }
				w.authz.actions = func(*authzv1.CheckActionsRequest, *authzv1.CheckActionsResponse) { between() }
				err := call()
				w.authz.check, w.authz.actions = nil, nil
				if tt.decisions == 0 {
					refused(t, use, err, beep.KindUnavailable, beep.CodeUnavailable)
				} else if err != nil || decisions != tt.decisions {
					t.Errorf("%s: %v after %d decisions, want %d", use, err, decisions, tt.decisions)
				}
				if page, err := w.store.Members(t.Context(), id, bob-1, 1); err == nil && (len(page) == 0 || page[0].User != bob) {
					w.join(t, server.GetId(), bob)
				}
			}
		})
	}
}

func TestSettle_EndsWithTheCaller(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, channel := w.server(t)
	w.authz.check = func(_ *authzv1.CheckRequest, answer *authzv1.CheckResponse) error {
		answer.Rev = 1 // as if someone were always faster
		return nil
	}
	ctx, cancel := context.WithTimeout(w.as(t, ann), 15*time.Millisecond)
	defer cancel()
	name := "x"
	_, err := w.UpdateChannel(ctx, &serversv1.UpdateChannelRequest{ChannelId: channel.GetId(), Name: &name})
	refused(t, "UpdateChannel", err, beep.KindUnavailable, beep.CodeUnavailable)
	equal(t, "revision", w.rev(t, server.GetId()), 5)
}

// TestAuthzDown_IsUnavailable: without a decision there is no answer, and no change.
func TestAuthzDown_IsUnavailable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, channel := w.server(t)
	w.authz.check = func(*authzv1.CheckRequest, *authzv1.CheckResponse) error {
		return beep.Unavailable(errors.New("down"))
	}
	calls := w.calls(server.GetId(), channel.GetId(), "")
	for _, name := range []string{"GetServer", "GetChannel", "UpdateChannel", "DeleteChannel", "ListMembers", "LeaveServer"} {
		refused(t, name, calls[name](w.as(t, ann)), beep.KindUnavailable, beep.CodeUnavailable)
	}
	equal(t, "revision", w.rev(t, server.GetId()), 5)
}

// TestWakeUps: after a commit each scope that it touched is woken, and a bus that is down holds nothing up.
func TestWakeUps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.bus.err = errors.New("down")
	server, channel := w.server(t)
	scope := beep.ServerScope(beep.ServerID(server.GetId())).String()
	equal(t, "a new server and a member", sorted(w.bus.take()), []string{
		"scope:" + scope, "scope:" + scope, "scope:user:101", "scope:user:102",
	})
	value(w.DeleteChannel(w.as(t, ann), &serversv1.DeleteChannelRequest{ChannelId: channel.GetId()}))(t)
	equal(t, "a channel", w.bus.take(), []string{"scope:" + scope})
	value(w.KickMember(w.as(t, ann), &serversv1.KickMemberRequest{ServerId: server.GetId(), UserId: uint64(bob)}))(t)
	equal(t, "a kick", sorted(w.bus.take()), []string{"scope:" + scope, "scope:user:102"})
	value(w.CreateInvitation(w.as(t, ann), &serversv1.CreateInvitationRequest{ServerId: server.GetId()}))(t)
	equal(t, "an invitation", w.bus.take(), nil)
}
