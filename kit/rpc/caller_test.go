package rpc_test

import (
	"context"
	"crypto/tls"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/kit/rpc"
)

// These tests are about who a handler believes calls it, in both networks.

// callers hands out the Caller that each handler sees.
func callers() (*echo, <-chan beep.Caller) {
	seen := make(chan beep.Caller, 1)
	return &echo{
		unary: func(ctx context.Context, in *text) (*text, error) { seen <- beep.CallerFrom(ctx); return in, nil },
		stream: func(s grpc.ServerStream) error {
			seen <- beep.CallerFrom(s.Context())
			return nil
		},
	}, seen
}

func minter(t testing.TB, in installation, service string) *rpc.Minter {
	t.Helper()
	m, err := rpc.NewMinter(in.creds[service].Cert)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func callFor(ctx context.Context, t testing.TB, m *rpc.Minter, caller beep.Caller) context.Context {
	t.Helper()
	ctx, err := rpc.WithIdentity(ctx, m, caller)
	if err != nil {
		t.Fatal(err)
	}
	return ctx
}

func TestCaller_IsTheIdentityAndTheCallingService(t *testing.T) {
	svc, seen := callers()
	user := beep.Caller{User: 7, Session: 8, Roles: []string{"UserModerator", "ServerModerator"}}
	for _, n := range networks(t, svc, rpc.Options{}) {
		t.Run(n.name, func(t *testing.T) {
			for _, service := range []string{"gateway", "servers"} {
				for _, who := range []beep.Caller{user, {}} {
					cc := n.as(service)
					ctx := callFor(within(t), t, minter(t, n.in, "realtime"), who)
					want := who
					want.Service = service
					if _, err := say(ctx, cc, "x"); err != nil {
						t.Fatal(err)
					}
					if diff := cmp.Diff(want, <-seen); diff != "" {
						t.Errorf("unary (-want +got):\n%s", diff)
					}
					if _, err := drain(open(ctx, t, cc, bidiMethod)); err != nil {
						t.Fatal(err)
					}
					if diff := cmp.Diff(want, <-seen); diff != "" {
						t.Errorf("stream (-want +got):\n%s", diff)
					}
				}
			}
		})
	}
}

func TestCaller_IsNotWhatMetadataSays(t *testing.T) {
	svc, seen := callers()
	for _, n := range networks(t, svc, rpc.Options{}) {
		t.Run(n.name, func(t *testing.T) {
			stolen, err := rpc.WithIdentity(within(t), minter(t, n.in, "gateway"), beep.Caller{User: 7})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := say(stolen, n.as("gateway"), "x"); err != nil {
				t.Fatal(err)
			}
			<-seen
			ctx := metadata.AppendToOutgoingContext(within(t), "x-user-id", "7", "user", "7", "beep-identity", "by hand")
			ctx = beep.WithCaller(ctx, beep.Caller{User: 7, Service: "authz"})
			if _, err := say(ctx, n.as("gateway"), "x"); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(beep.Caller{Service: "gateway"}, <-seen); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A second service behind the first sees the same user, and the first as the one who calls.
func TestCaller_IsPassedOn(t *testing.T) {
	last, seen := callers()
	for _, behind := range networks(t, last, rpc.Options{Policy: rpc.Policy{echoService: {Callers: []string{"messages"}}}}) {
		cc := behind.as("messages")
		first := &echo{unary: func(ctx context.Context, in *text) (*text, error) {
			out, err := say(ctx, cc, in.GetValue())
			return wrapperspb.String(out), err
		}}
		o := rpc.Options{Verifier: rpc.NewVerifier(behind.in.ca.Pool())}
		for _, n := range networks(t, first, o) {
			t.Run(n.name+" then "+behind.name, func(t *testing.T) {
				want := beep.Caller{User: 7, Session: 8}
				ctx := callFor(within(t), t, minter(t, behind.in, "gateway"), want)
				if _, err := say(ctx, n.as("gateway"), "x"); err != nil {
					t.Fatal(err)
				}
				want.Service = "messages"
				if diff := cmp.Diff(want, <-seen); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestPolicy_DecidesWhoMayCallWhat(t *testing.T) {
	svc, seen := callers()
	policy := rpc.Policy{
		echoService: {Callers: []string{"gateway"}},
		retryMethod: {Callers: []string{"servers"}, Guest: true},
		bidiMethod:  {Callers: []string{rpc.Anyone}, Guest: true},
		clientMeth:  {},
	}
	for _, n := range networks(t, svc, rpc.Options{Policy: policy}) {
		t.Run(n.name, func(t *testing.T) {
			for _, c := range []struct {
				service, method string
				user            beep.UserID
				want            codes.Code
			}{
				{"gateway", unaryMethod, 7, codes.OK},
				{"gateway", unaryMethod, 0, codes.Unauthenticated},
				{"servers", unaryMethod, 7, codes.PermissionDenied},
				{"servers", retryMethod, 0, codes.OK},
				{"servers", retryMethod, 7, codes.OK},
				{"gateway", retryMethod, 7, codes.PermissionDenied}, // a method's row replaces its service's
				{"users", bidiMethod, 0, codes.OK},
				{"gateway", clientMeth, 7, codes.PermissionDenied}, // an empty row lets nobody
				{"gateway", serverMeth, 7, codes.OK},
			} {
				ctx := callFor(within(t), t, minter(t, n.in, "gateway"), beep.Caller{User: c.user})
				err := call(ctx, t, n.as(c.service), c.method)
				if status.Code(err) != c.want {
					t.Errorf("%s calls %s for user %s: got %v, want %s", c.service, c.method, c.user, err, c.want)
				}
				if ran := len(seen) == 1; ran != (c.want == codes.OK) {
					t.Errorf("%s calls %s for user %s: ran %v", c.service, c.method, c.user, ran)
				}
				for len(seen) > 0 {
					<-seen
				}
			}
		})
	}
}

// call calls a method of any kind and returns how it ended.
func call(ctx context.Context, t *testing.T, cc grpc.ClientConnInterface, method string) error {
	t.Helper()
	if method == unaryMethod || method == retryMethod {
		return cc.Invoke(ctx, method, wrapperspb.String("x"), new(text))
	}
	s := open(ctx, t, cc, method)
	if method == serverMeth {
		send(t, s, "x")
	}
	_, err := drain(s)
	return err
}

func TestPolicy_WithoutARowRefuses(t *testing.T) {
	svc, _ := callers()
	book := &logbook{}
	o := rpc.Options{Policy: rpc.Policy{"beep.test.v1.Other": {Callers: []string{rpc.Anyone}, Guest: true}}, Log: book.logger()}
	both(t, svc, o, func(t *testing.T, cc grpc.ClientConnInterface) {
		_, err := say(within(t), cc, "x")
		var e *beep.Error
		if !errors.As(err, &e) || e.Kind != beep.KindForbidden || e.Code != beep.CodeCallerRefused {
			t.Errorf("got %v", err)
		}
		if log := book.take(); !contains(log, `"level":"WARN"`, string(beep.CodeCallerRefused), `"service":"gateway"`) {
			t.Errorf("want a warning:\n%s", log)
		}
	})
}

func TestLocal_ItselfIsNobody(t *testing.T) {
	svc, _ := callers()
	local := rpc.NewLocal(rpc.Options{Policy: rpc.Policy{echoService: {Callers: []string{rpc.Anyone, ""}, Guest: true}}})
	local.RegisterService(echoDesc(), svc)
	if _, err := say(within(t), local, "x"); status.Code(err) != codes.PermissionDenied {
		t.Errorf("unary: got %v", err)
	}
	if _, err := drain(open(within(t), t, local, bidiMethod)); status.Code(err) != codes.PermissionDenied {
		t.Errorf("stream: got %v", err)
	}
}

func TestLocal_ServesSeveralServices(t *testing.T) {
	other := echoDesc()
	other.ServiceName = "beep.test.v1.OtherService"
	local := rpc.NewLocal(rpc.Options{Policy: rpc.Policy{
		echoService: {Callers: []string{"gateway"}, Guest: true}, other.ServiceName: {Callers: []string{"gateway"}, Guest: true},
	}})
	cc := local.As("gateway") // handed out before anything is registered
	if _, err := say(within(t), cc, "x"); status.Code(err) != codes.Unimplemented {
		t.Errorf("before: got %v", err)
	}
	local.RegisterService(echoDesc(), named("first"))
	local.RegisterService(other, &echo{stream: func(s grpc.ServerStream) error { return s.SendMsg(wrapperspb.String("other")) }})
	if got, err := say(within(t), cc, "x"); got != "first" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	got, err := drain(open(within(t), t, cc, "/"+other.ServiceName+"/Bidi"))
	if err != nil || len(got) != 1 || got[0] != "other" {
		t.Errorf("got %v, %v", got, err)
	}
	local.RegisterService(echoDesc(), named("second"))
	if got, err := say(within(t), cc, "x"); got != "second" || err != nil {
		t.Errorf("replaced: got %q, %v", got, err)
	}
}

// Someone with a service's certificate, but not our client code, puts whatever it likes into metadata.
func TestIdentity_OnTheWireMustBeOneAndValid(t *testing.T) {
	svc, seen := callers()
	in := install(t, "gateway", "messages")
	foreign := install(t, "gateway")
	addr, _ := serve(t, in.creds["messages"], svc, rpc.Options{Policy: everyone(), Verifier: rpc.NewVerifier(in.ca.Pool())})
	bare, _ := serve(t, in.creds["messages"], svc, rpc.Options{Policy: everyone()}) // verifies none
	ours := tokenOf(t, minter(t, in, "gateway"))
	for _, c := range []struct {
		name, addr string
		tokens     []string
		want       codes.Code
	}{
		{"ours", addr, []string{ours}, codes.OK},
		{"none", addr, nil, codes.OK},
		{"twice", addr, []string{ours, ours}, codes.Unauthenticated},
		{"another installation's", addr, []string{tokenOf(t, minter(t, foreign, "gateway"))}, codes.Unauthenticated},
		{"garbage", addr, []string{"garbage"}, codes.Unauthenticated},
		{"empty", addr, []string{""}, codes.Unauthenticated},
		{"ours, where none is verified", bare, []string{ours}, codes.Unauthenticated},
	} {
		t.Run(c.name, func(t *testing.T) {
			cc := wire(t, c.addr, in.creds["gateway"], "messages")
			ctx := within(t)
			for _, token := range c.tokens {
				ctx = metadata.AppendToOutgoingContext(ctx, "beep-identity", token) //nolint:fatcontext // two in one call
			}
			if _, err := say(ctx, cc, "x"); status.Code(err) != c.want {
				t.Fatalf("got %v, want %s", err, c.want)
			}
			if c.want != codes.OK {
				return
			}
			if got := (<-seen).User != 0; got != (len(c.tokens) == 1) {
				t.Errorf("for a user: %v", got)
			}
		})
	}
}

// wire is a connection without our client's chain.
func wire(t *testing.T, addr string, creds rpc.Credentials, service string) *grpc.ClientConn {
	t.Helper()
	config := &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{creds.Cert}, RootCAs: creds.CA,
		ServerName: service + ".beep.internal",
	}
	cc, err := grpc.NewClient(addr, grpc.WithTransportCredentials(credentials.NewTLS(config)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cc.Close() })
	return cc
}

// tokenOf is an identity as it crosses the wire.
func tokenOf(t *testing.T, m *rpc.Minter) string {
	t.Helper()
	var token string
	desc := echoDesc()
	inner := desc.Methods[0].Handler
	desc.Methods[0].Handler = func(
		srv any, ctx context.Context, dec func(any) error, chain grpc.UnaryServerInterceptor,
	) (any, error) {
		token = metadata.ValueFromIncomingContext(ctx, "beep-identity")[0]
		return inner(srv, ctx, dec, chain)
	}
	local := rpc.NewLocal(rpc.Options{})
	local.RegisterService(desc, &echo{})
	_, err := say(callFor(within(t), t, m, beep.Caller{User: 7}), local, "x")
	if status.Code(err) != codes.PermissionDenied || token == "" {
		t.Fatalf("got %q, %v", token, err)
	}
	return token
}
