package messages_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/kit/bus"
	"github.com/beep-chat/beep/kit/limit"
	"github.com/beep-chat/beep/messages"
	"github.com/beep-chat/beep/messages/sqlstore"
)

// The cast: ann and bob may send, mod manages messages, eve is muted, mallory sees nothing.
const (
	channel = beep.ChannelID(1581000000000000002)
	ann     = beep.UserID(101)
	bob     = beep.UserID(102)
	mod     = beep.UserID(103)
	eve     = beep.UserID(104)
	mallory = beep.UserID(105)
)

// What production puts behind the ports that this package declares.
var (
	_ messages.Bus      = bus.Bus(nil)
	_ messages.Throttle = limit.Limiter(nil)
)

func as(ctx context.Context, user beep.UserID) context.Context {
	return beep.WithCaller(ctx, beep.Caller{User: user})
}

// openStore is a SQLite store of its own.
func openStore(t testing.TB) messages.Store {
	t.Helper()
	return openStoreAt(t, "sqlite://"+filepath.Join(t.TempDir(), "messages.db"))
}

func openStoreAt(t testing.TB, url string) messages.Store {
	t.Helper()
	s, err := sqlstore.Open(t.Context(), url)
	if err != nil {
		t.Fatalf("open the store: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	return s
}

// fakeAuthz decides by fixed roles at one revision.
type fakeAuthz struct {
	authzv1.AuthzClient

	mu    sync.Mutex // guards what follows
	rev   uint64
	kind  string
	asked []*authzv1.CheckRequest
	// check replaces the decision when set; it may call decide.
	check func(*authzv1.CheckRequest) (*authzv1.CheckResponse, error)
}

func newFakeAuthz() *fakeAuthz { return &fakeAuthz{rev: 7, kind: "text"} }

func (a *fakeAuthz) Check(_ context.Context, req *authzv1.CheckRequest, _ ...grpc.CallOption) (*authzv1.CheckResponse, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = append(a.asked, req)
	if a.check != nil {
		return a.check(req)
	}
	return a.decide(req), nil
}

func (a *fakeAuthz) decide(req *authzv1.CheckRequest) *authzv1.CheckResponse {
	res := &authzv1.CheckResponse{
		Visible: true, Rev: max(a.rev, req.GetMinRev()), ChannelKind: a.kind, Scope: &serversv1.Scope{Kind: "server", Id: 9},
	}
	switch user := beep.UserID(req.GetUserId()); user {
	case mod:
		res.Allowed = true
	case eve:
	case mallory:
		return &authzv1.CheckResponse{Rev: res.GetRev()}
	default:
		res.Allowed = req.GetRight() == "send_messages"
	}
	return res
}

// fakeBus keeps what is published, in order.
type fakeBus struct {
	mu      sync.Mutex // guards what follows
	wakes   []*messagesv1.Wake
	topics  []string
	arrived chan struct{} // of capacity 1: something was published
	publish func() error  // before each, when set
}

func newFakeBus() *fakeBus { return &fakeBus{arrived: make(chan struct{}, 1)} }

func (b *fakeBus) Publish(_ context.Context, topic string, payload []byte) error {
	b.mu.Lock()
	hook := b.publish
	b.mu.Unlock()
	if hook != nil {
		if err := hook(); err != nil {
			return err
		}
	}
	w := &messagesv1.Wake{}
	if err := proto.Unmarshal(payload, w); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wakes, b.topics = append(b.wakes, w), append(b.topics, topic)
	select {
	case b.arrived <- struct{}{}:
	default:
	}
	return nil
}

// await waits until wakes reach r and answers them all.
func (b *fakeBus) await(t *testing.T, r uint32) []*messagesv1.Wake {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		b.mu.Lock()
		wakes := b.wakes
		b.mu.Unlock()
		if n := len(wakes); n > 0 && wakes[n-1].GetLast() >= r {
			return wakes
		}
		select {
		case <-b.arrived:
		case <-deadline:
			t.Fatalf("no wake for entry %d", r)
		}
	}
}

// fakeThrottle allows all but what is refused.
type fakeThrottle struct {
	mu     sync.Mutex // guards what follows
	refuse bool
	asked  []string
}

func (f *fakeThrottle) Allow(_ context.Context, key string, n int, window time.Duration, nonce string) (bool, time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, fmt.Sprintf("%s %d/%s %s", key, n, window, nonce))
	return !f.refuse, 3 * time.Second
}

// world is a service with all that it stands on.
type world struct {
	*messages.Service

	store    messages.Store
	authz    *fakeAuthz
	bus      *fakeBus
	throttle *fakeThrottle
}

// newWorld is a service on a store of its own, running.
func newWorld(t testing.TB) *world {
	t.Helper()
	return newWorldOn(t, openStore(t))
}

// newWorldOn is another replica on a store, or the next life of one.
func newWorldOn(t testing.TB, store messages.Store) *world {
	t.Helper()
	w := &world{store: store, authz: newFakeAuthz(), bus: newFakeBus(), throttle: &fakeThrottle{}}
	var err error
	w.Service, err = messages.New(messages.Deps{
		Store: store, Authz: w.authz, Bus: w.bus, Throttle: w.throttle, Limits: beep.DefaultLimits(),
		Minter: beep.NewMinter(), Log: discard(),
	})
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	run(t, w.Service)
	return w
}

// run runs a service until the test ends.
func run(t testing.TB, s *messages.Service) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// hooked is a store whose methods may be replaced, at any time, to fail, to stall or to lie.
type hooked struct {
	messages.Store

	mu     sync.Mutex // guards what follows
	insert func(ctx context.Context, batch []messages.Entry) (int, error)
	apply  func(ctx context.Context, entries []messages.Entry) error
	newest func(ctx context.Context, channel beep.ChannelID, limit int) ([]messages.Entry, error)
	page   func(ctx context.Context, channel beep.ChannelID, rng messages.Range) ([]messages.Entry, error)
}

// set changes the hooks.
func (h *hooked) set(change func(h *hooked)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change(h)
}

func (h *hooked) Insert(ctx context.Context, batch []messages.Entry) (int, error) {
	h.mu.Lock()
	hook := h.insert
	h.mu.Unlock()
	if hook != nil {
		return hook(ctx, batch)
	}
	return h.Store.Insert(ctx, batch)
}

func (h *hooked) Apply(ctx context.Context, entries []messages.Entry) error {
	h.mu.Lock()
	hook := h.apply
	h.mu.Unlock()
	if hook != nil {
		return hook(ctx, entries)
	}
	return h.Store.Apply(ctx, entries)
}

func (h *hooked) Newest(ctx context.Context, channel beep.ChannelID, limit int) ([]messages.Entry, error) {
	h.mu.Lock()
	hook := h.newest
	h.mu.Unlock()
	if hook != nil {
		return hook(ctx, channel, limit)
	}
	return h.Store.Newest(ctx, channel, limit)
}

func (h *hooked) Page(ctx context.Context, channel beep.ChannelID, rng messages.Range) ([]messages.Entry, error) {
	h.mu.Lock()
	hook := h.page
	h.mu.Unlock()
	if hook != nil {
		return hook(ctx, channel, rng)
	}
	return h.Store.Page(ctx, channel, rng)
}

// target is a message in the channel with a nonce.
func target(mid beep.MessageID, nonce string) messages.Target {
	return messages.Target{Channel: channel, Mid: mid, Nonce: nonce}
}

// send must succeed.
func (w *world) send(t testing.TB, user beep.UserID, nonce, content string) messages.Entry {
	t.Helper()
	e, err := w.Send(as(t.Context(), user), target(0, nonce), content)
	if err != nil {
		t.Fatalf("Send %s: %v", nonce, err)
	}
	return e
}

// log is every entry of the channel, as it is in the store.
func (w *world) log(t testing.TB) []messages.Entry {
	t.Helper()
	list, err := w.store.After(t.Context(), channel, 0, 1_000_000)
	if err != nil {
		t.Fatalf("After: %v", err)
	}
	return list
}

// refused checks the kind and code of a refusal.
func refused(t testing.TB, what string, err error, kind beep.Kind, code beep.Code) {
	t.Helper()
	e, ok := errors.AsType[*beep.Error](err)
	if !ok || e.Kind != kind || e.Code != code {
		t.Errorf("%s = %v, want code %s of kind %d", what, err, code, kind)
	}
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }
