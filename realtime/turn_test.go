package realtime

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/beep-chat/beep"
	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	usersv1 "github.com/beep-chat/beep/api/beep/users/v1"
	"github.com/beep-chat/beep/kit/bus"
	"github.com/beep-chat/beep/kit/rpc"
)

func TestTurn_IsWaitedForOnlyAsLongAsTheContextLasts(t *testing.T) {
	ended, end := context.WithCancel(t.Context())
	one := newTurn()
	if err := one.take(ended); err != nil {
		t.Fatalf("a free turn: %v", err)
	}
	waits := make(chan error)
	go func() { waits <- one.take(ended) }()
	end()
	if err := <-waits; !isUnavailable(err) || !errors.Is(err, context.Canceled) {
		t.Errorf("the wait of a request that has ended: got %v, want unavailable", err)
	}
	one.give()
	if err := one.take(ended); !isUnavailable(err) {
		t.Errorf("a free turn for a request that has ended: got %v, want unavailable", err)
	}
	if err := one.take(t.Context()); err != nil {
		t.Errorf("the turn after those who gave up: %v", err)
	}
}

// One who reads a log that does not answer must not hold those who have less time, such as a socket's next frame.
func TestFollow_GivesUpWaitingForAnotherReader(t *testing.T) {
	reads, answer := make(chan struct{}), make(chan struct{})
	n := standIn(t, peers{changes: func(context.Context, *serversv1.ListChangesRequest) (*serversv1.ListChangesResponse, error) {
		close(reads)
		<-answer
		return &serversv1.ListChangesResponse{}, nil
	}})
	sc, u := newScope(beep.ServerScope(7)), &user{id: 5, reading: newTurn(), sessions: map[*Session]bool{}}
	done := make(chan error)
	go func() { done <- n.follow(t.Context(), sc, 1) }()
	<-reads
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := n.follow(ctx, sc, 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the end of the request", err)
	}
	if err := u.reading.take(t.Context()); err != nil {
		t.Fatal(err)
	}
	n.lookUpTo(ctx, u, 1) // returns, and reads nothing without the turn: changes would close a channel twice
	close(answer)
	if err := <-done; !isUnavailable(err) {
		t.Errorf("rows that do not come: got %v, want unavailable", err)
	}
}

// A client may leave while it is asked who it is: what its leaving took away must not be put back.
func TestIdentify_OfAClientThatHasLeftLeavesNothingBehind(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	n := standIn(t, peers{verify: func(context.Context, string) (beep.Caller, time.Time, error) {
		close(asked)
		<-answer
		return beep.Caller{User: 5}, time.Now().Add(time.Hour), nil
	}})
	s := n.Open(&outbox{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		n.Receive(s, []byte(`{"op":"identify","d":{"token":"x"}}`))
	}()
	<-asked
	n.Leave(s)
	close(answer)
	<-done
	if n.sessionsOf(5) != nil || len(n.all()) != 0 || s.identity() != 0 {
		t.Errorf("got sessions %v of the user, %v of the node and identity %v, want none", n.sessionsOf(5), n.all(), s.identity())
	}
	u := &user{sessions: map[*Session]bool{}}
	if n.noteEntered(u, s); len(u.sessions) != 0 || len(n.enteredOf(u)) != 0 {
		t.Error("a session that its user has no more is noted as entered")
	}
}

func isUnavailable(err error) bool {
	e, ok := errors.AsType[*beep.Error](err)
	return ok && e.Kind == beep.KindUnavailable
}

// outbox keeps what a session is sent and how it was ended.
type outbox struct {
	frames []Frame
	code   uint16
}

func (o *outbox) Push(f Frame)                { o.frames = append(o.frames, f) }
func (o *outbox) Close(code uint16, _ string) { o.code = code }

// peers is what a node's peers answer, where a test says so.
type peers struct {
	serversv1.ScopeLogClient
	messagesv1.ChannelLogClient
	usersv1.UsersClient

	changes func(context.Context, *serversv1.ListChangesRequest) (*serversv1.ListChangesResponse, error)
	since   func(context.Context, *messagesv1.SinceRequest) (*messagesv1.SinceResponse, error)
	verify  func(context.Context, string) (beep.Caller, time.Time, error)
}

func (p peers) ListChanges(
	ctx context.Context, r *serversv1.ListChangesRequest, _ ...grpc.CallOption,
) (*serversv1.ListChangesResponse, error) {
	return p.changes(ctx, r)
}

func (p peers) Since(ctx context.Context, r *messagesv1.SinceRequest, _ ...grpc.CallOption) (*messagesv1.SinceResponse, error) {
	return p.since(ctx, r)
}

func (p peers) Verify(ctx context.Context, token string) (beep.Caller, time.Time, error) {
	return p.verify(ctx, token)
}

// standIn is a node between peers.
func standIn(t *testing.T, p peers) *Node {
	t.Helper()
	ca, err := rpc.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ca.Issue("realtime")
	if err != nil {
		t.Fatal(err)
	}
	minter, err := rpc.NewMinter(cert)
	if err != nil {
		t.Fatal(err)
	}
	n, err := New(Deps{
		Scopes: p, Log: p, Users: p, Tokens: p, Minter: minter, Bus: bus.NewMemory(), Limits: beep.DefaultLimits(),
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.drain)
	return n
}
