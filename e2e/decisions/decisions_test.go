// Package decisions holds servers and authz together as they are: real stores, real decisions, the generated clients
// between them. Their own tests play each other's part by fakes; what only shows when both are real is here.
package decisions

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/authz"
	"github.com/beep-chat/beep/kit/bus"
	"github.com/beep-chat/beep/kit/rpc"
	"github.com/beep-chat/beep/kit/sqldb/sqltest"
	"github.com/beep-chat/beep/servers"
	"github.com/beep-chat/beep/servers/grpcapi"
	"github.com/beep-chat/beep/servers/sqlstore"
)

// beepers are the people of the tests: ann owns, bob is a member, the others are whom a test makes them.
const ann, bob, cat, eve = 101, 102, 103, 104

// system is servers and authz in one process, and a client of each.
type system struct {
	serversv1.ServersClient
	serversv1.RolesClient
	serversv1.ModerationClient
	serversv1.ThreadsClient
	serversv1.DirectMessagesClient

	said   *said
	authz  authzv1.AuthzClient
	minter *rpc.Minter

	// What tests look behind the contracts with.
	store servers.Store
	log   serversv1.ScopeLogClient
	run   func(context.Context) error // the background work of servers
}

func start(t testing.TB, url string) *system {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	store, err := sqlstore.Open(t.Context(), url)
	must(err)
	t.Cleanup(func() { _ = store.Close() })
	ca, err := rpc.NewCA()
	must(err)
	cert, err := ca.Issue("gateway")
	must(err)
	s := &system{store: store, said: &said{}}
	s.minter, err = rpc.NewMinter(cert)
	must(err)
	local := rpc.NewLocal(rpc.Options{Verifier: rpc.NewVerifier(ca.Pool()), Policy: rpc.Policy{
		"beep.servers.v1.Servers":    {Callers: []string{"gateway"}, Guest: true},
		"beep.servers.v1.Roles":      {Callers: []string{"gateway"}, Guest: true},
		"beep.servers.v1.Moderation": {Callers: []string{"gateway"}, Guest: true},
		"beep.servers.v1.Threads":    {Callers: []string{"gateway"}},
		"beep.servers.v1.ScopeLog":   {Callers: []string{"authz"}, Guest: true},
		"beep.messages.v1.Messages":  {Callers: []string{"servers"}}, // for the user who asks, never for itself

		"beep.servers.v1.DirectMessages": {Callers: []string{"gateway"}},
		"beep.authz.v1.Authz":            {Callers: []string{"servers", "messages"}, Guest: true},
	}})
	decider, err := authz.New(authz.Deps{Scopes: serversv1.NewScopeLogClient(local.As("authz"))})
	must(err)
	decider.Register(local)
	messagesv1.RegisterMessagesServer(local, s.said)
	limits := beep.DefaultLimits()
	limits.ThreadsPer = 3
	service, err := grpcapi.New(servers.Deps{
		Store: store, Authz: authzv1.NewAuthzClient(local.As("servers")), ChannelLog: messagesv1.NewChannelLogClient(nil), Bus: bus.NewMemory(), Limits: limits,
		Messages: messagesv1.NewMessagesClient(local.As("servers")),
		Minter:   beep.NewMinter(), Log: slog.New(slog.DiscardHandler),
	})
	must(err)
	service.Register(local)
	s.run, s.log = service.Run, serversv1.NewScopeLogClient(local.As("authz"))
	s.ServersClient = serversv1.NewServersClient(local.As("gateway"))
	s.RolesClient = serversv1.NewRolesClient(local.As("gateway"))
	s.ModerationClient = serversv1.NewModerationClient(local.As("gateway"))
	s.ThreadsClient = serversv1.NewThreadsClient(local.As("gateway"))
	s.DirectMessagesClient = serversv1.NewDirectMessagesClient(local.As("gateway"))
	s.authz = authzv1.NewAuthzClient(local.As("messages"))
	return s
}

func (s *system) as(t testing.TB, user beep.UserID) context.Context {
	t.Helper()
	ctx, err := rpc.WithIdentity(t.Context(), s.minter, beep.Caller{User: user, Session: 1})
	if err != nil {
		t.Fatal(err)
	}
	return ctx
}

// community makes a server of ann's with bob in it.
func (s *system) community(t testing.TB) (server uint64, code string) {
	t.Helper()
	made := value(s.CreateServer(s.as(t, ann), &serversv1.CreateServerRequest{Name: "Ann's"}))(t).GetServer().GetId()
	code = value(s.CreateInvitation(s.as(t, ann), &serversv1.CreateInvitationRequest{ServerId: made}))(t).GetInvitation().GetCode()
	s.join(t, code, bob)
	return made, code
}

func (s *system) join(t testing.TB, code string, user beep.UserID) {
	t.Helper()
	value(s.AcceptInvitation(s.as(t, user), &serversv1.AcceptInvitationRequest{Code: code}))(t)
}

func value[V any](v V, err error) func(t testing.TB) V {
	return func(t testing.TB) V {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func refused(t *testing.T, what string, err error, code beep.Code) {
	t.Helper()
	var e *beep.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

func second[V any](_ V, err error) error { return err }

// each runs a test on every engine.
func each(t *testing.T, test func(t *testing.T, s *system)) {
	t.Helper()
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Helper()
		test(t, start(t, url(t)))
	})
}

// TestAPrivateChannel: made private by an overwrite, it is not there for who may not see it, and is again when let in.
func TestAPrivateChannel(t *testing.T) {
	each(t, func(t *testing.T, s *system) {
		t.Helper()
		server, _ := s.community(t)
		owner, member := s.as(t, ann), s.as(t, bob)
		channel := value(s.CreateChannel(owner, &serversv1.CreateChannelRequest{ServerId: server, Name: "plans"}))(t).GetChannel()
		get := func() error {
			return second(s.GetChannel(member, &serversv1.GetChannelRequest{ChannelId: channel.GetId()}))
		}
		list := func() (names []string) {
			for _, c := range value(s.ListChannels(member, &serversv1.ListChannelsRequest{ServerId: server}))(t).GetChannels() {
				names = append(names, c.GetName())
			}
			return names
		}
		if err := get(); err != nil || !slices.Equal(list(), []string{"general", "plans"}) {
			t.Errorf("public: %v, %v", err, list())
		}
		value(s.SetOverwrite(owner, &serversv1.SetOverwriteRequest{
			ChannelId: channel.GetId(), RoleId: server, Deny: []string{"view_channels"},
		}))(t)
		refused(t, "private", get(), beep.CodeChannelNotFound)
		if got := list(); !slices.Equal(got, []string{"general"}) {
			t.Errorf("private: %v", got)
		}
		let := value(s.SetOverwrite(owner, &serversv1.SetOverwriteRequest{
			ChannelId: channel.GetId(), MemberId: bob, Allow: []string{"view_channels"},
		}))(t).GetOverwrite()
		if err := get(); err != nil {
			t.Errorf("let in: %v", err)
		}
		value(s.ClearOverwrite(owner, &serversv1.ClearOverwriteRequest{ChannelId: channel.GetId(), OverwriteId: let.GetId()}))(t)
		refused(t, "out again", get(), beep.CodeChannelNotFound)
	})
}

// TestRights_NameWhatIsMissing: a member without rights is told which, and cannot give them to himself.
func TestRights_NameWhatIsMissing(t *testing.T) {
	each(t, func(t *testing.T, s *system) {
		t.Helper()
		server, code := s.community(t)
		s.join(t, code, cat)
		member := s.as(t, bob)
		general := value(s.ListChannels(member, &serversv1.ListChannelsRequest{ServerId: server}))(t).GetChannels()[0].GetId()
		name := "x"
		for what, tt := range map[string]struct {
			err  error
			code beep.Code
			says string
		}{
			"CreateChannel":    {second(s.CreateChannel(member, &serversv1.CreateChannelRequest{ServerId: server, Name: "n"})), beep.CodeForbidden, "you need manage_channels"},
			"UpdateChannel":    {second(s.UpdateChannel(member, &serversv1.UpdateChannelRequest{ChannelId: general, Name: &name})), beep.CodeForbidden, "you need manage_channels"},
			"CreateInvitation": {second(s.CreateInvitation(member, &serversv1.CreateInvitationRequest{ServerId: server})), beep.CodeForbidden, "you need manage_invitations"},
			"KickMember":       {second(s.KickMember(member, &serversv1.KickMemberRequest{ServerId: server, UserId: cat})), beep.CodeForbidden, "you need manage_members"},
			"SetOverwrite": {second(s.SetOverwrite(member, &serversv1.SetOverwriteRequest{
				ChannelId: general, MemberId: bob, Allow: []string{"manage_messages"},
			})), beep.CodeForbidden, "you need manage_channels or manage_permissions"},
			"KickMember the owner":  {second(s.KickMember(s.as(t, ann), &serversv1.KickMemberRequest{ServerId: server, UserId: ann})), beep.CodeHierarchy, "nobody acts on the owner"},
			"KickMember a stranger": {second(s.KickMember(s.as(t, ann), &serversv1.KickMemberRequest{ServerId: server, UserId: eve})), beep.CodeMemberNotFound, "there is no such member"},
		} {
			refused(t, what, tt.err, tt.code)
			var e *beep.Error
			if errors.As(tt.err, &e) && e.Msg != tt.says {
				t.Errorf("%s: %q, want %q", what, e.Msg, tt.says)
			}
		}
	})
}

// TestAChannelManager has the right by an overwrite in one channel, there and nowhere else, and may give no more.
func TestAChannelManager(t *testing.T) {
	each(t, func(t *testing.T, s *system) {
		t.Helper()
		server, code := s.community(t)
		s.join(t, code, cat)
		owner, member := s.as(t, ann), s.as(t, bob)
		games := value(s.CreateChannel(owner, &serversv1.CreateChannelRequest{ServerId: server, Name: "Games", Kind: "category"}))(t).GetChannel()
		value(s.SetOverwrite(owner, &serversv1.SetOverwriteRequest{
			ChannelId: games.GetId(), MemberId: bob, Allow: []string{"manage_channels"},
		}))(t)
		chess := value(s.CreateChannel(member, &serversv1.CreateChannelRequest{
			ServerId: server, Name: "chess", ParentId: games.GetId(),
		}))(t).GetChannel()
		topic := "e4"
		value(s.UpdateChannel(member, &serversv1.UpdateChannelRequest{ChannelId: chess.GetId(), Topic: &topic}))(t)
		refused(t, "elsewhere", second(s.CreateChannel(member, &serversv1.CreateChannelRequest{ServerId: server, Name: "n"})), beep.CodeForbidden)
		refused(t, "an overwrite where the category's hold", second(s.SetOverwrite(owner, &serversv1.SetOverwriteRequest{
			ChannelId: chess.GetId(), MemberId: cat, Deny: []string{"send_messages"},
		})), beep.CodeChannelSynced)
		refused(t, "for his equal", second(s.SetOverwrite(member, &serversv1.SetOverwriteRequest{
			ChannelId: games.GetId(), MemberId: cat, Deny: []string{"send_messages"},
		})), beep.CodeHierarchy)
		value(s.DeleteChannel(member, &serversv1.DeleteChannelRequest{ChannelId: games.GetId()}))(t)
		value(s.DeleteChannel(member, &serversv1.DeleteChannelRequest{ChannelId: chess.GetId()}))(t) // he keeps what he had in it
	})
}

// TestKick_HoldsFromItsAnswerOn: no check that begins after a kick was answered lets the kicked one through, and none
// after the return was answered keeps him out.
func TestKick_HoldsFromItsAnswerOn(t *testing.T) {
	each(t, func(t *testing.T, s *system) {
		t.Helper()
		server, code := s.community(t)
		general := value(s.ListChannels(s.as(t, ann), &serversv1.ListChannelsRequest{ServerId: server}))(t).GetChannels()[0].GetId()
		q := &authzv1.CheckRequest{UserId: bob, Right: "send_messages", Object: &authzv1.CheckRequest_ChannelId{ChannelId: general}}
		var step atomic.Int64 // 4n: in; 4n+1: being kicked; 4n+2: out; 4n+3: coming back
		var wg sync.WaitGroup
		var asked [4]atomic.Int64
		for range 4 {
			wg.Go(func() {
				for {
					before := step.Load()
					if before < 0 {
						return
					}
					got, err := s.authz.Check(t.Context(), q)
					if err != nil {
						t.Error(err)
						return
					}
					if after := step.Load(); after != before {
						continue // it was between two states, and either answer is right
					}
					asked[before%4].Add(1)
					if before%4 == 0 && !got.GetAllowed() || before%4 == 2 && got.GetAllowed() {
						t.Errorf("allowed is %v in step %d, at revision %d", got.GetAllowed(), before, got.GetRev())
					}
				}
			})
		}
		settled := func() { // until some have asked in this state
			state := step.Load() % 4
			for seen := asked[state].Load(); asked[state].Load() < seen+3 && !t.Failed(); {
				<-time.After(100 * time.Microsecond)
			}
		}
		for range 30 {
			settled()
			step.Add(1)
			value(s.KickMember(s.as(t, ann), &serversv1.KickMemberRequest{ServerId: server, UserId: bob}))(t)
			step.Add(1)
			settled()
			step.Add(1)
			s.join(t, code, bob)
			step.Add(1)
		}
		step.Store(-4)
		wg.Wait()
	})
}

// TestKick_GetsThroughACrowd: those who join all the time, here 200, do not hold up who manages the server.
func TestKick_GetsThroughACrowd(t *testing.T) {
	each(t, func(t *testing.T, s *system) {
		t.Helper()
		server, code := s.community(t)
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				for k := range 50 {
					ctx := s.as(t, beep.UserID(1000+100*i+k))
					if err := second(s.AcceptInvitation(ctx, &serversv1.AcceptInvitationRequest{Code: code})); err != nil {
						t.Error(err)
					}
				}
			})
		}
		kicked := make(chan error)
		go func() {
			kicked <- second(s.KickMember(s.as(t, ann), &serversv1.KickMemberRequest{ServerId: server, UserId: bob}))
		}()
		if err := <-kicked; err != nil {
			t.Errorf("the kick: %v", err)
		}
		wg.Wait()
	})
}

// TestManagers_CannotPassEachOther: two who take each other's right away at once: one of them succeeds. Decided by
// what each saw before, both would.
func TestManagers_CannotPassEachOther(t *testing.T) {
	each(t, func(t *testing.T, s *system) {
		t.Helper()
		server, _ := s.community(t)
		owner, member := s.as(t, ann), s.as(t, bob)
		for round := range 10 {
			c := value(s.CreateChannel(owner, &serversv1.CreateChannelRequest{ServerId: server, Name: fmt.Sprint(round)}))(t).GetChannel().GetId()
			value(s.SetOverwrite(owner, &serversv1.SetOverwriteRequest{ChannelId: c, MemberId: bob, Allow: []string{"manage_channels"}}))(t)
			var wg sync.WaitGroup
			var taken, renamed error
			wg.Go(func() {
				taken = second(s.SetOverwrite(owner, &serversv1.SetOverwriteRequest{ChannelId: c, MemberId: bob, Deny: []string{"manage_channels"}}))
			})
			wg.Go(func() {
				name := "bob was here"
				renamed = second(s.UpdateChannel(member, &serversv1.UpdateChannelRequest{ChannelId: c, Name: &name}))
			})
			wg.Wait()
			if taken != nil {
				t.Errorf("the owner's change: %v", taken)
			}
			// Whether he came in time is chance; that afterwards he is refused is not.
			if renamed != nil {
				refused(t, "too late", renamed, beep.CodeForbidden)
			}
			name := "again"
			refused(t, "afterwards", second(s.UpdateChannel(member, &serversv1.UpdateChannelRequest{ChannelId: c, Name: &name})), beep.CodeForbidden)
		}
	})
}

// BenchmarkCheck is a decision with everything real below it, the query for the revision included.
func BenchmarkCheck(b *testing.B) {
	for engine, url := range sqltest.URLs(b) {
		b.Run(engine, func(b *testing.B) {
			s := start(b, url)
			server, _ := s.community(b)
			general := value(s.ListChannels(s.as(b, ann), &serversv1.ListChannelsRequest{ServerId: server}))(b).GetChannels()[0].GetId()
			q := &authzv1.CheckRequest{UserId: bob, Right: "send_messages", Object: &authzv1.CheckRequest_ChannelId{ChannelId: general}}
			took := make([]time.Duration, 0, b.N)
			for b.Loop() {
				start := time.Now()
				if _, err := s.authz.Check(b.Context(), q); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-us")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-us")
		})
	}
}
