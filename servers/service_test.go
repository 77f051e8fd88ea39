package servers_test

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/servers"
)

func TestNew_WantsEverything(t *testing.T) {
	t.Parallel()
	full := servers.Deps{
		Store: newWorld(t).store, Authz: authzv1.NewAuthzClient(nil), Bus: &fakeBus{}, Minter: beep.NewMinter(),
		Log: slog.New(slog.DiscardHandler),
	}
	if _, err := servers.New(full); err != nil {
		t.Fatal(err)
	}
	for name, take := range map[string]func(*servers.Deps){
		"store": func(d *servers.Deps) { d.Store = nil }, "authz": func(d *servers.Deps) { d.Authz = nil },
		"bus": func(d *servers.Deps) { d.Bus = nil }, "minter": func(d *servers.Deps) { d.Minter = nil },
		"log": func(d *servers.Deps) { d.Log = nil },
	} {
		d := full
		take(&d)
		if _, err := servers.New(d); err == nil {
			t.Errorf("New without a %s answers no error", name)
		}
	}
}

func TestRun_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- (&servers.Service{}).Run(ctx) }()
		synctest.Wait()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
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
		"ListMembers": func(ctx context.Context) error {
			return second(w.ListMembers(ctx, &serversv1.ListMembersRequest{ServerId: server}))
		},
		"KickMember": func(ctx context.Context) error {
			return second(w.KickMember(ctx, &serversv1.KickMemberRequest{ServerId: server, UserId: uint64(bob)}))
		},
		"CreateInvitation": func(ctx context.Context) error {
			return second(w.CreateInvitation(ctx, &serversv1.CreateInvitationRequest{ServerId: server}))
		},
		"ListInvitations": func(ctx context.Context) error {
			return second(w.ListInvitations(ctx, &serversv1.ListInvitationsRequest{ServerId: server}))
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

// TestDecisions_AreOfTheRevisionCommitted: a change decided at a revision that has passed is decided again.
func TestDecisions_AreOfTheRevisionCommitted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, channel := w.server(t)
	other := beep.UserID(500)
	move := func(n *int) func() {
		return func() { // someone joins between the decision and the commit
			*n++
			other++
			c := servers.Commit{Scope: beep.ServerScope(beep.ServerID(server.GetId())), Changes: []servers.Change{
				servers.MemberSet{Member: servers.Member{User: other, Server: beep.ServerID(server.GetId())}, New: true},
			}}
			if err := w.store.Commit(t.Context(), c); err != nil {
				t.Error(err)
			}
		}
	}
	calls := map[string]func() error{
		"UpdateChannel": func() error {
			name := other.String()
			return second(w.UpdateChannel(w.as(t, ann), &serversv1.UpdateChannelRequest{ChannelId: channel.GetId(), Name: &name}))
		},
		"CreateChannel": func() error {
			return second(w.CreateChannel(w.as(t, ann), &serversv1.CreateChannelRequest{ServerId: server.GetId(), Name: "n"}))
		},
		"CreateInvitation": func() error {
			return second(w.CreateInvitation(w.as(t, ann), &serversv1.CreateInvitationRequest{ServerId: server.GetId()}))
		},
		"SetOverwrite": func() error {
			return second(w.SetOverwrite(w.as(t, ann), &serversv1.SetOverwriteRequest{
				ChannelId: channel.GetId(), MemberId: uint64(other), Deny: []string{"send_messages"},
			}))
		},
		"KickMember": func() error {
			return second(w.KickMember(w.as(t, ann), &serversv1.KickMemberRequest{ServerId: server.GetId(), UserId: uint64(bob)}))
		},
	}
	for name, call := range calls {
		for _, times := range []int{2, 1000} {
			n := 0
			step := move(&n)
			moves := func() {
				if n < times {
					step()
				}
			}
			w.authz.check = func(*authzv1.CheckRequest, *authzv1.CheckResponse) error { moves(); return nil }
			w.authz.member = func(*authzv1.CheckMemberRequest, *authzv1.CheckMemberResponse) { moves() }
			w.authz.overwrite = func(*authzv1.CheckOverwriteRequest, *authzv1.CheckOverwriteResponse) { moves() }
			err := call()
			if times == 2 && (err != nil || n != 2) {
				t.Errorf("%s, while the scope moves twice: %v after %d decisions", name, err, n+1)
			}
			if times == 1000 {
				refused(t, name+", while the scope never rests", err, beep.KindUnavailable, beep.CodeUnavailable)
			}
		}
		w.authz.check, w.authz.member, w.authz.overwrite = nil, nil, nil
		w.store.Commit(t.Context(), servers.Commit{Scope: beep.ServerScope(beep.ServerID(server.GetId())), Changes: []servers.Change{ //nolint:errcheck // bob is back, or never went
			servers.MemberSet{Member: servers.Member{User: bob, Server: beep.ServerID(server.GetId())}, New: true},
		}})
	}
}

func TestSettle_EndsWithTheCaller(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, channel := w.server(t)
	w.authz.check = func(_ *authzv1.CheckRequest, answer *authzv1.CheckResponse) error {
		answer.Rev-- // as if someone were always faster
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
