package rpc_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/kit/rpc"
)

// named replies its own name.
func named(name string) *echo {
	return &echo{unary: func(context.Context, *text) (*text, error) { return wrapperspb.String(name), nil }}
}

// eventually calls until the reply satisfies ok, or fails the test. An outage on the way is no failure.
func eventually(t *testing.T, cc grpc.ClientConnInterface, what string, ok func(reply string, err error) bool) {
	t.Helper()
	ctx := within(t)
	for {
		reply, err := say(ctx, cc, "x")
		if ok(reply, err) {
			return
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("waited too long for %s; the last answer is %q, %v", what, reply, err)
		}
	}
}

func TestDial_CallsReplicasInTurn(t *testing.T) {
	in, o := install(t, "gateway", "messages"), rpc.Options{Policy: everyone()}
	a, stopA := serve(t, in.creds["messages"], named("a"), o)
	b, _ := serve(t, in.creds["messages"], named("b"), o)
	cc := dial(t, rpc.DialOptions{Targets: []string{a, b}, Credentials: in.creds["gateway"]})
	for _, name := range []string{"a", "b"} {
		eventually(t, cc, name, func(reply string, _ error) bool { return reply == name })
	}
	count := map[string]int{}
	for range 20 {
		reply, err := say(within(t), cc, "x")
		if err != nil {
			t.Fatal(err)
		}
		count[reply]++
	}
	if count["a"] != 10 || count["b"] != 10 {
		t.Errorf("got %v, want 10 each", count)
	}
	stopA()
	for range 20 {
		if reply, err := say(within(t), cc, "x"); err != nil || reply != "b" {
			t.Fatalf("after one drained: got %q, %v", reply, err)
		}
	}
}

func TestDial_ComesBackToARestartedServer(t *testing.T) {
	in, o := install(t, "gateway", "messages"), rpc.Options{Policy: everyone()}
	addr, stop := serve(t, in.creds["messages"], named("first"), o)
	cc := dial(t, rpc.DialOptions{Targets: []string{addr}, Credentials: in.creds["gateway"]})
	if _, err := say(within(t), cc, "x"); err != nil {
		t.Fatal(err)
	}
	stop()
	_, err := say(within(t), cc, "x")
	var e *beep.Error
	if !errors.As(err, &e) || e.Kind != beep.KindUnavailable || e.RetryAfter == 0 || status.Code(err) != codes.Unavailable {
		t.Errorf("while it is down: got %v", err)
	}
	serveOn(t, addr, in.creds["messages"], named("second"), o)
	eventually(t, cc, "the restarted server", func(reply string, _ error) bool { return reply == "second" })
}

func TestDial_StartsBeforeTheServer(t *testing.T) {
	in, o := install(t, "gateway", "messages"), rpc.Options{Policy: everyone()}
	addr, stop := serve(t, in.creds["messages"], named("gone"), o)
	stop() // its port is free
	cc := dial(t, rpc.DialOptions{Targets: []string{addr}, Credentials: in.creds["gateway"]})
	if _, err := say(within(t), cc, "x"); status.Code(err) != codes.Unavailable {
		t.Errorf("got %v", err)
	}
	serveOn(t, addr, in.creds["messages"], named("here"), o)
	eventually(t, cc, "the server", func(reply string, _ error) bool { return reply == "here" })
}

func TestDial_ResolvesAName(t *testing.T) {
	in := install(t, "gateway", "messages")
	addr, _ := serve(t, in.creds["messages"], named("a"), rpc.Options{Policy: everyone()})
	cc := dial(t, rpc.DialOptions{Targets: []string{"dns:///" + addr}, Credentials: in.creds["gateway"]})
	if reply, err := say(within(t), cc, "x"); reply != "a" || err != nil {
		t.Errorf("got %q, %v", reply, err)
	}
}

func TestDial_RepeatsOnlyOutagesOfIdempotentMethods(t *testing.T) {
	var tries atomic.Int32
	var fail error
	svc := &echo{unary: func(_ context.Context, in *text) (*text, error) {
		if tries.Add(1) == 1 {
			return nil, fail
		}
		return in, nil
	}}
	in := install(t, "gateway", "messages")
	addr, _ := serve(t, in.creds["messages"], svc, rpc.Options{Policy: everyone()})
	cc := dial(t, rpc.DialOptions{
		Targets: []string{addr}, Credentials: in.creds["gateway"], Idempotent: []string{retryMethod},
	})
	outage := beep.Unavailable(errors.New("store is away"))
	for _, c := range []struct {
		name, method string
		fail         error
		tries        int32
	}{
		{"an outage, idempotent", retryMethod, outage, 2},
		{"an outage", unaryMethod, outage, 1},
		{"a refusal, idempotent", retryMethod, beep.NotFound(beep.CodeMessageNotFound, "no"), 1},
		{"a fault, idempotent", retryMethod, errors.New("broken"), 1},
	} {
		tries.Store(0)
		fail = c.fail
		err := cc.Invoke(within(t), c.method, wrapperspb.String("x"), new(text))
		if tries.Load() != c.tries || (err == nil) != (c.tries > 1) {
			t.Errorf("%s: %d tries, %v; want %d", c.name, tries.Load(), err, c.tries)
		}
	}
}

func TestDial_RefusesBadOptions(t *testing.T) {
	for name, o := range map[string]rpc.DialOptions{
		"no service":   {Targets: []string{"127.0.0.1:1"}},
		"a path":       {Service: "../x", Targets: []string{"127.0.0.1:1"}},
		"no target":    {Service: "messages"},
		"not a method": {Service: "messages", Targets: []string{"127.0.0.1:1"}, Idempotent: []string{"Send"}},
	} {
		if cc, err := rpc.Dial(o); err == nil {
			_ = cc.Close()
			t.Errorf("%s: dialled", name)
		}
	}
}

func TestServe_LetsCallsInFlightFinish(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	svc := &echo{unary: func(_ context.Context, in *text) (*text, error) {
		if in.GetValue() == "hold" {
			entered <- struct{}{}
			<-release
		}
		return in, nil
	}}
	in := install(t, "gateway", "messages")
	addr, stop := serve(t, in.creds["messages"], svc, rpc.Options{Policy: everyone()})
	cc := dial(t, rpc.DialOptions{Targets: []string{addr}, Credentials: in.creds["gateway"]})
	result := make(chan error, 1)
	go func() { _, err := say(context.Background(), cc, "hold"); result <- err }()
	wait(t, entered, "the handler")
	stopped := make(chan struct{})
	go func() { stop(); close(stopped) }()
	// Once new calls are refused, the server drains.
	eventually(t, dial(t, rpc.DialOptions{Targets: []string{addr}, Credentials: in.creds["gateway"]}), "the drain",
		func(_ string, err error) bool { return status.Code(err) == codes.Unavailable })
	select {
	case <-stopped:
		t.Error("Serve returned with a call in flight")
	default:
	}
	close(release)
	if err := wait(t, result, "the call"); err != nil {
		t.Errorf("the call in flight got %v", err)
	}
	wait(t, stopped, "Serve")
}

func TestServe_StopsWaitingAtTheTimeout(t *testing.T) {
	entered, left := make(chan struct{}), make(chan struct{})
	svc := &echo{unary: func(ctx context.Context, _ *text) (*text, error) {
		close(entered)
		<-ctx.Done()
		close(left)
		return nil, ctx.Err()
	}}
	in := install(t, "gateway", "messages")
	o := rpc.Options{Policy: everyone(), DrainTimeout: 20 * time.Millisecond}
	addr, stop := serve(t, in.creds["messages"], svc, o)
	cc := dial(t, rpc.DialOptions{Targets: []string{addr}, Credentials: in.creds["gateway"]})
	result := make(chan error, 1)
	go func() { _, err := say(context.Background(), cc, "x"); result <- err }()
	wait(t, entered, "the handler")
	stop()
	select {
	case <-left:
	default:
		t.Error("Serve returned before the handler did")
	}
	if err := wait(t, result, "the call"); status.Code(err) != codes.Unavailable {
		t.Errorf("got %v", err)
	}
}
