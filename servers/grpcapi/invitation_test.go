package grpcapi_test

import (
	"context"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/kit/sqldb/sqltest"
	"github.com/beep-chat/beep/servers"
)

// invite makes an invitation of ann's and answers it.
func (w *world) invite(t *testing.T, r *serversv1.CreateInvitationRequest) *serversv1.Invitation {
	t.Helper()
	return value(w.CreateInvitation(w.as(t, ann), r))(t).GetInvitation()
}

func (w *world) accept(ctx context.Context, code string) error {
	return second(w.AcceptInvitation(ctx, &serversv1.AcceptInvitationRequest{Code: code}))
}

// expired makes an invitation that is over: the service itself cannot, so the store is told.
func (w *world) expired(t *testing.T, server uint64) string {
	t.Helper()
	i := servers.Invitation{
		Code: "123456789ABC", Server: beep.ServerID(server), Creator: ann,
		CreatedAt: beep.Now().Add(-time.Hour), ExpiresAt: beep.Now(),
	}
	err := w.store.Commit(t.Context(), servers.Commit{
		Scope: beep.ServerScope(i.Server), Records: []servers.Record{servers.InvitationCreated{Invitation: i}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return i.Code
}

func TestCreateInvitation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, _ := w.server(t)
	got := w.invite(t, &serversv1.CreateInvitationRequest{ServerId: server.GetId(), MaxUses: 1000, ExpiresIn: 2_592_000})
	equal(t, "invitation", got, &serversv1.Invitation{
		Code: got.GetCode(), ServerId: server.GetId(), CreatorId: uint64(ann), MaxUses: 1000,
		ExpiresAt: got.GetExpiresAt(), CreatedAt: got.GetCreatedAt(),
	})
	equal(t, "life", got.GetExpiresAt().AsTime().Sub(got.GetCreatedAt().AsTime()), 30*24*time.Hour)
	forever := w.invite(t, &serversv1.CreateInvitationRequest{ServerId: server.GetId()})
	if forever.GetExpiresAt() != nil {
		t.Errorf("one without end ends at %v", forever.GetExpiresAt())
	}
	for name, r := range map[string]*serversv1.CreateInvitationRequest{
		"too many uses": {ServerId: server.GetId(), MaxUses: 1001},
		"too long":      {ServerId: server.GetId(), ExpiresIn: 2_592_001},
	} {
		refused(t, name, second(w.CreateInvitation(w.as(t, ann), r)), beep.KindInvalid, beep.CodeInvalidField)
	}
}

// TestCodes_AreRandom: twelve letters of base58, each position over the whole alphabet, none given twice.
func TestCodes_AreRandom(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, _ := w.server(t)
	form := regexp.MustCompile(`^[1-9A-HJ-NP-Za-km-z]{12}$`)
	given := map[string]bool{}
	letters := make([]map[byte]bool, 12)
	for i := range letters {
		letters[i] = map[byte]bool{}
	}
	for range 600 {
		code := w.invite(t, &serversv1.CreateInvitationRequest{ServerId: server.GetId()}).GetCode()
		value(w.RevokeInvitation(w.as(t, ann), &serversv1.RevokeInvitationRequest{Code: code}))(t) // or they would be too many
		if !form.MatchString(code) || given[code] {
			t.Fatalf("code %q", code)
		}
		given[code] = true
		for i := range letters {
			letters[i][code[i]] = true
		}
	}
	for i, seen := range letters {
		if len(seen) < 55 { // of 58; 600 draws miss four with probability 1e-14
			t.Errorf("position %d has only %d letters", i, len(seen))
		}
	}
}

func TestGetInvitation_ShowsGuestsWhereItLeads(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, _ := w.server(t)
	code := w.invite(t, &serversv1.CreateInvitationRequest{ServerId: server.GetId()}).GetCode()
	for _, user := range []beep.UserID{0, eve, bob} {
		got := value(w.GetInvitation(w.as(t, user), &serversv1.GetInvitationRequest{Code: code}))(t)
		equal(t, "preview", got.GetPreview(), &serversv1.InvitationPreview{
			Code: code, ServerId: server.GetId(), ServerName: "Ann's", MemberCount: 2,
		})
	}
}

func TestAcceptInvitation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, _ := w.server(t)
	code := w.invite(t, &serversv1.CreateInvitationRequest{ServerId: server.GetId(), MaxUses: 1}).GetCode()
	accept := &serversv1.AcceptInvitationRequest{Code: code}

	got := value(w.AcceptInvitation(w.as(t, bob), accept))(t)
	equal(t, "a member gets the server", got.GetServer(), server)
	got = value(w.AcceptInvitation(w.as(t, eve), accept))(t)
	equal(t, "a stranger too", got.GetServer(), server)
	row := w.rows(t, beep.ServerScope(beep.ServerID(server.GetId())), 5)
	equal(t, "the row", kinds(row), []string{"member_set"})
	equal(t, "its actor", row[0].Actor, eve)
	got = value(w.AcceptInvitation(w.as(t, eve), accept))(t)
	equal(t, "again, though it is used up", got.GetServer(), server)
	value(w.GetServer(w.as(t, eve), &serversv1.GetServerRequest{ServerId: server.GetId()}))(t)
	refused(t, "another", w.accept(w.as(t, 777), code), beep.KindNotFound, beep.CodeInviteNotFound)
}

// TestDeadInvitations: missing, malformed, expired, revoked and used up are one answer, to everyone and everywhere.
func TestDeadInvitations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, _ := w.server(t)
	usedUp := w.invite(t, &serversv1.CreateInvitationRequest{ServerId: server.GetId(), MaxUses: 1}).GetCode()
	if err := w.accept(w.as(t, 888), usedUp); err != nil {
		t.Fatal(err)
	}
	revoked := w.invite(t, &serversv1.CreateInvitationRequest{ServerId: server.GetId()}).GetCode()
	value(w.RevokeInvitation(w.as(t, bob), &serversv1.RevokeInvitationRequest{Code: revoked}))(t)
	answers := map[string]bool{}
	for name, code := range map[string]string{
		"missing": "111111111111", "empty": "", "malformed": "../../etc\x00", "long": strings.Repeat("1", 10_000),
		"expired": w.expired(t, server.GetId()), "used up": usedUp, "revoked": revoked,
	} {
		for what, err := range map[string]error{
			"preview": second(w.GetInvitation(w.as(t, 0), &serversv1.GetInvitationRequest{Code: code})),
			"accept":  w.accept(w.as(t, eve), code),
			"revoke":  second(w.RevokeInvitation(w.as(t, ann), &serversv1.RevokeInvitationRequest{Code: code})),
		} {
			refused(t, name+": "+what, err, beep.KindNotFound, beep.CodeInviteNotFound)
			answers[err.Error()] = true
		}
	}
	equal(t, "answers", len(answers), 1)
}

func TestListInvitations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := value(w.CreateServer(w.as(t, ann), &serversv1.CreateServerRequest{Name: "n"}))(t).GetServer()
	w.expired(t, server.GetId())
	var want []string
	for range 3 {
		made := w.invite(t, &serversv1.CreateInvitationRequest{ServerId: server.GetId()})
		want = append([]string{made.GetCode()}, want...)
		for !beep.Now().After(made.GetCreatedAt().AsTime()) { // so that "newest first" is decided
			runtime.Gosched()
		}
	}
	var got []string
	for _, i := range value(w.ListInvitations(w.as(t, ann), &serversv1.ListInvitationsRequest{ServerId: server.GetId()}))(t).
		GetInvitations() {
		got = append(got, i.GetCode())
	}
	equal(t, "newest first, without the expired", got, want)
}

func TestRevokeInvitation_NeedsTheRight(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, _ := w.server(t)
	code := w.invite(t, &serversv1.CreateInvitationRequest{ServerId: server.GetId()}).GetCode()
	revoke := &serversv1.RevokeInvitationRequest{Code: code}
	refused(t, "a stranger", second(w.RevokeInvitation(w.as(t, eve), revoke)), beep.KindNotFound, beep.CodeInviteNotFound)
	w.authz.check = func(_ *authzv1.CheckRequest, answer *authzv1.CheckResponse) error {
		answer.Allowed = false
		return nil
	}
	refused(t, "a member", second(w.RevokeInvitation(w.as(t, bob), revoke)), beep.KindForbidden, beep.CodeForbidden)
	w.authz.check = nil
	value(w.RevokeInvitation(w.as(t, bob), revoke))(t)
	refused(t, "a use", w.accept(w.as(t, eve), code), beep.KindNotFound, beep.CodeInviteNotFound)
}

// TestServerLimit_HoldsUnderConcurrency: 60 servers made and joined at once by one user are 50, on every engine.
func TestServerLimit_HoldsUnderConcurrency(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Helper()
		w := newWorldOn(t, url(t), beep.DefaultLimits())
		var calls []func() error
		ctx := w.as(t, eve)
		for range 20 {
			server := value(w.CreateServer(w.as(t, ann), &serversv1.CreateServerRequest{Name: "n"}))(t).GetServer()
			open := value(w.CreateServer(w.as(t, ann), &serversv1.CreateServerRequest{Name: "n", Public: true}))(t).GetServer()
			code := w.invite(t, &serversv1.CreateInvitationRequest{ServerId: server.GetId()}).GetCode()
			calls = append(calls, func() error { return w.accept(ctx, code) }, func() error {
				return second(w.CreateServer(ctx, &serversv1.CreateServerRequest{Name: "mine"}))
			}, func() error {
				return second(w.JoinServer(ctx, &serversv1.JoinServerRequest{ServerId: open.GetId()}))
			})
		}
		refusals := 0
		for _, err := range together(calls) {
			if err != nil {
				refusals++
				refused(t, "one too many", err, beep.KindConflict, beep.CodeServerLimit)
			}
		}
		equal(t, "refusals", refusals, 10)
		equal(t, "servers", len(value(w.ListServers(ctx, &serversv1.ListServersRequest{}))(t).GetServers()), 50)
	})
}

// TestMaxUses_HoldsUnderConcurrency: of 100 who come at once an invitation for 7 lets 7 in, on every engine.
func TestMaxUses_HoldsUnderConcurrency(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Helper()
		w := newWorldOn(t, url(t), beep.DefaultLimits())
		server, _ := w.server(t)
		code := w.invite(t, &serversv1.CreateInvitationRequest{ServerId: server.GetId(), MaxUses: 7}).GetCode()
		var calls []func() error
		for i := range 100 {
			ctx := w.as(t, beep.UserID(1000+i))
			calls = append(calls, func() error { return w.accept(ctx, code) })
		}
		joined := 0
		for _, err := range together(calls) {
			if err == nil {
				joined++
				continue
			}
			refused(t, "one too many", err, beep.KindNotFound, beep.CodeInviteNotFound)
		}
		equal(t, "joined", joined, 7)
		members := value(w.ListMembers(w.as(t, ann), &serversv1.ListMembersRequest{ServerId: server.GetId(), Limit: 100}))(t)
		equal(t, "members", len(members.GetMembers()), 9)
	})
}

// together makes the calls at once.
func together(calls []func() error) []error {
	start, done := make(chan struct{}), make(chan error)
	for _, call := range calls {
		go func() {
			<-start
			done <- call()
		}()
	}
	close(start)
	errs := make([]error, len(calls))
	for i := range errs {
		errs[i] = <-done
	}
	return errs
}
