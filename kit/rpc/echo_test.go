package rpc_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/beep-chat/beep/kit/rpc"
)

// The service under test, written by hand over a well-known type so that the suite needs no generator. Each
// test gives it the handlers it is about.
const (
	echoService = "beep.test.v1.EchoService"
	unaryMethod = "/" + echoService + "/Unary"
	retryMethod = "/" + echoService + "/Retry" // the same handler, marked idempotent where a test dials
	clientMeth  = "/" + echoService + "/Client"
	serverMeth  = "/" + echoService + "/Server"
	bidiMethod  = "/" + echoService + "/Bidi"
)

type text = wrapperspb.StringValue

type echo struct {
	unary  func(ctx context.Context, in *text) (*text, error)
	stream func(s grpc.ServerStream) error
}

func unaryDesc(name string) grpc.MethodDesc {
	handler := func(
		srv any, ctx context.Context, dec func(any) error, interceptor grpc.UnaryServerInterceptor,
	) (any, error) {
		in := new(text)
		if err := dec(in); err != nil {
			return nil, err
		}
		call := func(ctx context.Context, req any) (any, error) { return srv.(*echo).unary(ctx, req.(*text)) }
		info := &grpc.UnaryServerInfo{Server: srv, FullMethod: "/" + echoService + "/" + name}
		return interceptor(ctx, in, info, call)
	}
	return grpc.MethodDesc{MethodName: name, Handler: handler}
}

func streamDesc(name string, client, server bool) grpc.StreamDesc {
	handler := func(srv any, s grpc.ServerStream) error { return srv.(*echo).stream(s) }
	return grpc.StreamDesc{StreamName: name, Handler: handler, ClientStreams: client, ServerStreams: server}
}

func echoDesc() *grpc.ServiceDesc {
	return &grpc.ServiceDesc{
		ServiceName: echoService, HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{unaryDesc("Unary"), unaryDesc("Retry")},
		Streams: []grpc.StreamDesc{
			streamDesc("Client", true, false), streamDesc("Server", false, true), streamDesc("Bidi", true, true),
		},
	}
}

// say is a unary call.
func say(ctx context.Context, cc grpc.ClientConnInterface, in string, opts ...grpc.CallOption) (string, error) {
	out := new(text)
	err := cc.Invoke(ctx, unaryMethod, wrapperspb.String(in), out, opts...)
	return out.GetValue(), err
}

// open is a stream of one of the three kinds.
func open(
	ctx context.Context, t *testing.T, cc grpc.ClientConnInterface, method string, opts ...grpc.CallOption,
) grpc.ClientStream {
	t.Helper()
	desc := streamDesc("", method != serverMeth, method != clientMeth)
	s, err := cc.NewStream(ctx, &desc, method, opts...)
	if err != nil {
		t.Fatalf("open %s: %v", method, err)
	}
	return s
}

func send(t *testing.T, s interface{ SendMsg(any) error }, values ...string) {
	t.Helper()
	for _, v := range values {
		if err := s.SendMsg(wrapperspb.String(v)); err != nil {
			t.Fatalf("send %q: %v", v, err)
		}
	}
}

// drain receives to the end; the error is nil for io.EOF.
func drain(s interface{ RecvMsg(any) error }) (got []string, err error) {
	for {
		m := new(text)
		if err := s.RecvMsg(m); errors.Is(err, io.EOF) {
			return got, nil
		} else if err != nil {
			return got, err
		}
		got = append(got, m.GetValue())
	}
}

// installation is a CA and what it has issued.
type installation struct {
	ca    *rpc.CA
	creds map[string]rpc.Credentials
}

func install(tb testing.TB, services ...string) installation {
	tb.Helper()
	ca, err := rpc.NewCA()
	if err != nil {
		tb.Fatal(err)
	}
	in := installation{ca, map[string]rpc.Credentials{}}
	for _, s := range services {
		cert, err := ca.Issue(s)
		if err != nil {
			tb.Fatal(err)
		}
		in.creds[s] = rpc.Credentials{Cert: cert, CA: ca.Pool()}
	}
	return in
}

// serve runs a server on a free port until the test ends, and returns its address and what stops it earlier.
func serve(tb testing.TB, creds rpc.Credentials, svc *echo, o rpc.Options) (addr string, stop func()) {
	tb.Helper()
	return serveOn(tb, "127.0.0.1:0", creds, svc, o)
}

func serveOn(tb testing.TB, on string, creds rpc.Credentials, svc *echo, o rpc.Options) (addr string, stop func()) {
	tb.Helper()
	lis, err := net.Listen("tcp", on)
	if err != nil {
		tb.Fatal(err)
	}
	srv := rpc.NewServer(creds, o)
	srv.RegisterService(echoDesc(), svc)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx, lis) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-served; err != nil {
			tb.Errorf("serve: %v", err)
		}
	})
	tb.Cleanup(stop)
	return lis.Addr().String(), stop
}

func dial(tb testing.TB, o rpc.DialOptions) *grpc.ClientConn {
	tb.Helper()
	if o.Service == "" {
		o.Service = "messages"
	}
	conn, err := rpc.Dial(o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = conn.Close() })
	return conn
}

// network is one way to reach the service: the suite runs once for each.
type network struct {
	name string
	in   installation
	as   func(service string) grpc.ClientConnInterface
}

// everyone lets each service of a test call everything, for no user too.
func everyone() rpc.Policy {
	return rpc.Policy{echoService: {Callers: []string{"gateway", "servers"}, Guest: true}}
}

func networks(tb testing.TB, svc *echo, o rpc.Options) []network {
	tb.Helper()
	in := install(tb, "gateway", "realtime", "servers", "messages", "users")
	if o.Policy == nil {
		o.Policy = everyone()
	}
	if o.Verifier == nil {
		o.Verifier = rpc.NewVerifier(in.ca.Pool())
	}
	local := rpc.NewLocal(o)
	local.RegisterService(echoDesc(), svc)
	addr, _ := serve(tb, in.creds["messages"], svc, o)
	tcp := func(service string) grpc.ClientConnInterface {
		return dial(tb, rpc.DialOptions{Targets: []string{addr}, Credentials: in.creds[service]})
	}
	return []network{{"local", in, local.As}, {"tcp", in, tcp}}
}

// both runs a test against both networks, as a call by the gateway.
func both(t *testing.T, svc *echo, o rpc.Options, test func(t *testing.T, cc grpc.ClientConnInterface)) {
	t.Helper()
	for _, n := range networks(t, svc, o) {
		t.Run(n.name, func(t *testing.T) { test(t, n.as("gateway")) })
	}
}

// within is a context long enough for any machine.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// wait receives from c or fails.
func wait[T any](t *testing.T, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(20 * time.Second):
		t.Fatalf("waited too long for %s", what)
	}
	panic("unreachable")
}

// logbook collects what a chain logs.
type logbook struct {
	mu    sync.Mutex // guards lines
	lines strings.Builder
}

func (b *logbook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lines.Write(p)
}

// take is what was logged since the last take.
func (b *logbook) take() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.lines.String()
	b.lines.Reset()
	return s
}

func (b *logbook) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}))
}
