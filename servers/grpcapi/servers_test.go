package grpcapi_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/kit/rpc"
	"github.com/beep-chat/beep/servers"
	"github.com/beep-chat/beep/servers/grpcapi"
	"github.com/beep-chat/beep/servers/sqlstore"
)

// world is the service over a real store, reached as the gateway reaches it, with authz and the bus played by fakes.
type world struct {
	serversv1.ServersClient
	serversv1.RolesClient
	serversv1.ModerationClient
	serversv1.DiscoveryClient

	service *grpcapi.API
	log     serversv1.ScopeLogClient
	store   *sqlstore.Store
	authz   *fakeAuthz
	purged  *fakeLog
	bus     *fakeBus
	minter  *rpc.Minter
	minted  *beep.Minter
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldOn(t, "sqlite://"+t.TempDir()+"/servers.db", beep.DefaultLimits())
}

func newWorldOn(t *testing.T, url string, limits beep.Limits) *world {
	t.Helper()
	store := value(sqlstore.Open(t.Context(), url))(t)
	t.Cleanup(func() { _ = store.Close() })
	ca := value(rpc.NewCA())(t)
	w := &world{store: store, authz: &fakeAuthz{store: store}, purged: &fakeLog{}, bus: &fakeBus{}, minted: beep.NewMinter()}
	w.minter = value(rpc.NewMinter(value(ca.Issue("gateway"))(t)))(t)
	local := rpc.NewLocal(rpc.Options{Verifier: rpc.NewVerifier(ca.Pool()), Policy: rpc.Policy{
		"beep.servers.v1.Servers":    {Callers: []string{"gateway"}, Guest: true},
		"beep.servers.v1.Roles":      {Callers: []string{"gateway"}, Guest: true},
		"beep.servers.v1.Moderation": {Callers: []string{"gateway"}, Guest: true},
		"beep.servers.v1.Discovery":  {Callers: []string{"gateway"}, Guest: true},
		"beep.servers.v1.ScopeLog":   {Callers: []string{"authz"}, Guest: true},
		"beep.authz.v1.Authz":        {Callers: []string{"servers"}, Guest: true},
	}})
	authzv1.RegisterAuthzServer(local, w.authz)
	w.service = value(grpcapi.New(servers.Deps{
		Store: store, Authz: authzv1.NewAuthzClient(local.As("servers")), ChannelLog: w.purged, Bus: w.bus, Limits: limits,
		Messages: messagesv1.NewMessagesClient(local.As("servers")),
		Minter:   w.minted, Log: slog.New(slog.DiscardHandler),
	}))(t)
	w.service.Register(local)
	w.ServersClient = serversv1.NewServersClient(local.As("gateway"))
	w.RolesClient = serversv1.NewRolesClient(local.As("gateway"))
	w.ModerationClient = serversv1.NewModerationClient(local.As("gateway"))
	w.DiscoveryClient = serversv1.NewDiscoveryClient(local.As("gateway"))
	w.log = serversv1.NewScopeLogClient(local.As("authz"))
	return w
}

// as is the context of a request of a user's; 0 is a guest.
func (w *world) as(t *testing.T, user beep.UserID) context.Context {
	t.Helper()
	return value(rpc.WithIdentity(t.Context(), w.minter, beep.Caller{User: user, Session: 1}))(t)
}

// The people of the tests.
const (
	ann beep.UserID = iota + 101 // owns what there is
	bob                          // a member
	eve                          // a stranger
)

// server makes a server of ann's with bob in it, and answers it with its one channel.
func (w *world) server(t *testing.T) (*serversv1.Server, *serversv1.Channel) {
	t.Helper()
	ctx := w.as(t, ann)
	server := value(w.CreateServer(ctx, &serversv1.CreateServerRequest{Name: "Ann's"}))(t).GetServer()
	w.join(t, server.GetId(), bob)
	list := value(w.ListChannels(ctx, &serversv1.ListChannelsRequest{ServerId: server.GetId()}))(t)
	return server, list.GetChannels()[0]
}

func (w *world) join(t *testing.T, server uint64, user beep.UserID) {
	t.Helper()
	invitation := value(w.CreateInvitation(w.as(t, ann), &serversv1.CreateInvitationRequest{ServerId: server}))(t)
	value(w.AcceptInvitation(w.as(t, user), &serversv1.AcceptInvitationRequest{
		Code: invitation.GetInvitation().GetCode(),
	}))(t)
}

func (w *world) rev(t *testing.T, server uint64) uint64 {
	t.Helper()
	return value(w.store.Revs(t.Context(), []beep.Scope{beep.ServerScope(beep.ServerID(server))}))(t)[0]
}

// fakeAuthz lets members do everything and nobody else know of anything; a test overrides what it is about.
type fakeAuthz struct {
	authzv1.UnimplementedAuthzServer

	store   *sqlstore.Store
	check   func(*authzv1.CheckRequest, *authzv1.CheckResponse) error
	actions func(*authzv1.CheckActionsRequest, *authzv1.CheckActionsResponse)
	visible func(*authzv1.ListVisibleChannelsResponse)

	mu    sync.Mutex // guards asked
	asked []string   // rights, as asked for
}

// at is whether the user is a member of the scope that a channel or server belongs to, and its revision.
func (f *fakeAuthz) at(ctx context.Context, user, server, channel uint64) (bool, uint64, error) {
	if channel != 0 {
		scope, err := f.store.ChannelScope(ctx, beep.ChannelID(channel))
		if errors.Is(err, beep.ErrNotFound) {
			return false, 0, nil
		}
		if _, err := f.store.Channel(ctx, beep.ChannelID(channel)); err != nil {
			return false, 0, nil //nolint:nilerr // a removed channel is seen by nobody
		}
		server = scope.ID
	}
	revs, err := f.store.Revs(ctx, []beep.Scope{beep.ServerScope(beep.ServerID(server))})
	if err != nil {
		return false, 0, err
	}
	page, err := f.store.Members(ctx, beep.ServerID(server), beep.UserID(user-1), 1)
	return err == nil && len(page) == 1 && uint64(page[0].User) == user, revs[0], err
}

func (f *fakeAuthz) note(right string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, right)
}

func (f *fakeAuthz) Check(ctx context.Context, r *authzv1.CheckRequest) (*authzv1.CheckResponse, error) {
	f.note(r.GetRight())
	in, rev, err := f.at(ctx, r.GetUserId(), r.GetServerId(), r.GetChannelId())
	answer := &authzv1.CheckResponse{Allowed: in, Visible: in, Rev: rev}
	if c, err := f.store.Channel(ctx, beep.ChannelID(r.GetChannelId())); err == nil {
		answer.ChannelKind = string(c.Kind)
	}
	if err == nil && f.check != nil {
		err = f.check(r, answer)
	}
	return answer, err
}

func (f *fakeAuthz) CheckActions(
	ctx context.Context, r *authzv1.CheckActionsRequest,
) (*authzv1.CheckActionsResponse, error) {
	var server, channel uint64
	for _, action := range r.GetActions() {
		m := action.ProtoReflect()
		kind := m.WhichOneof(m.Descriptor().Oneofs().ByName("kind"))
		f.note(string(kind.Name()))
		object := m.Get(kind).Message()
		for name, id := range map[protoreflect.Name]*uint64{"server_id": &server, "channel_id": &channel} {
			if field := object.Descriptor().Fields().ByName(name); field != nil {
				*id = object.Get(field).Uint()
			}
		}
	}
	in, rev, err := f.at(ctx, r.GetUserId(), server, channel)
	answer := &authzv1.CheckActionsResponse{Allowed: in, Visible: in, Rev: rev}
	if f.actions != nil {
		f.actions(r, answer)
	}
	return answer, err
}

func (f *fakeAuthz) Explain(ctx context.Context, r *authzv1.ExplainRequest) (*authzv1.ExplainResponse, error) {
	in, _, err := f.at(ctx, r.GetUserId(), r.GetServerId(), r.GetChannelId())
	return &authzv1.ExplainResponse{Member: in, Explanation: &serversv1.Explanation{Held: true}}, err
}

func (f *fakeAuthz) ViewAs(context.Context, *authzv1.ViewAsRequest) (*authzv1.ViewAsResponse, error) {
	return &authzv1.ViewAsResponse{Known: true}, nil
}

func (f *fakeAuthz) ListVisibleChannels(
	ctx context.Context, r *authzv1.ListVisibleChannelsRequest,
) (*authzv1.ListVisibleChannelsResponse, error) {
	in, rev, err := f.at(ctx, r.GetUserId(), r.GetServerId(), 0)
	answer := &authzv1.ListVisibleChannelsResponse{Member: in, Rev: rev}
	if all, err := f.store.Channels(ctx, beep.ServerID(r.GetServerId())); err == nil && in {
		for _, c := range all {
			answer.ChannelIds = append(answer.ChannelIds, uint64(c.ID))
		}
	}
	if f.visible != nil {
		f.visible(answer)
	}
	return answer, err
}

// fakeBus remembers the topics woken.
type fakeBus struct {
	mu     sync.Mutex // guards topics
	topics []string
	err    error
}

func (f *fakeBus) Publish(_ context.Context, topic string, payload []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(payload) == 0 {
		f.topics = append(f.topics, topic)
	}
	return f.err
}

// take is what was woken since the last take.
func (f *fakeBus) take() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	topics := f.topics
	f.topics = nil
	return topics
}

// work runs the background work until it has done what is waited for.
func (w *world) work(t *testing.T, done func() bool) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- w.service.Run(ctx) }()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("the background work has not done it in time")
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// value is the answer of a call that must succeed.
func value[V any](v V, err error) func(t *testing.T) V {
	return func(t *testing.T) V {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func equal[V any](t *testing.T, what string, got, want V) {
	t.Helper()
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// refused wants an error with a kind and a code.
func refused(t *testing.T, what string, err error, kind beep.Kind, code beep.Code) {
	t.Helper()
	var e *beep.Error
	if !errors.As(err, &e) || e.Kind != kind || e.Code != code {
		t.Errorf("%s: %v, want kind %d, code %s", what, err, kind, code)
	}
}

func second[V any](_ V, err error) error { return err }

// names are the kinds of the rows of a scope's log after a revision.
func (w *world) rows(t *testing.T, scope beep.Scope, after uint64) []servers.Row {
	t.Helper()
	rows, _, err := w.store.Log(t.Context(), scope, after, 1000)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func kinds(rows []servers.Row) (kinds []string) {
	for _, row := range rows {
		kinds = append(kinds, row.Change.RowKind())
	}
	return kinds
}

func sorted(list []string) []string {
	slices.Sort(list)
	return list
}

// fakeLog is messages' log of channels: it remembers what it was asked to delete.
type fakeLog struct {
	messagesv1.ChannelLogClient

	mu    sync.Mutex // guards the rest
	asked []*messagesv1.PurgeAuthorRequest
	err   error
}

func (f *fakeLog) PurgeAuthor(
	_ context.Context, r *messagesv1.PurgeAuthorRequest, _ ...grpc.CallOption,
) (*messagesv1.PurgeAuthorResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, proto.CloneOf(r))
	// One page, and then the end.
	return &messagesv1.PurgeAuthorResponse{After: r.GetAfter() + 1, More: len(f.asked)%2 == 1}, f.err
}

// fail answers with an error, or not any more, and forgets.
func (f *fakeLog) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err, f.asked = err, nil
}

func (f *fakeLog) list() []*messagesv1.PurgeAuthorRequest {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.asked)
}
