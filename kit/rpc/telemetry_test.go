package rpc_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	otelcodes "go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/kit/rpc"
)

// traced is a context in a trace that began elsewhere.
func traced(ctx context.Context) (context.Context, trace.TraceID) {
	id := trace.TraceID{1, 2, 3}
	return trace.ContextWithSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: id, SpanID: trace.SpanID{4}, TraceFlags: trace.FlagsSampled,
	})), id
}

// relay calls on through whatever cc holds by then.
func relay(cc *grpc.ClientConnInterface) *echo {
	return &echo{unary: func(ctx context.Context, in *text) (*text, error) {
		out, err := say(ctx, *cc, in.GetValue())
		return wrapperspb.String(out), err
	}}
}

func TestTrace_IsPassedOnWithoutATracer(t *testing.T) {
	last := &echo{unary: func(ctx context.Context, _ *text) (*text, error) {
		return wrapperspb.String(trace.SpanContextFromContext(ctx).TraceID().String()), nil
	}}
	for _, behind := range networks(t, last, rpc.Options{}) {
		cc := behind.as("servers")
		both(t, relay(&cc), rpc.Options{}, func(t *testing.T, cc grpc.ClientConnInterface) {
			ctx, id := traced(within(t))
			if got, err := say(ctx, cc, "x"); got != id.String() || err != nil {
				t.Errorf("behind %s: got trace %s, %v; want %s", behind.name, got, err, id)
			}
			if got, err := say(within(t), cc, "x"); got != (trace.TraceID{}).String() || err != nil {
				t.Errorf("untraced: got trace %s, %v", got, err)
			}
			bad := metadata.AppendToOutgoingContext(within(t), "traceparent", "garbage")
			if got, err := say(bad, cc, "x"); got != (trace.TraceID{}).String() || err != nil {
				t.Errorf("garbage: got trace %s, %v", got, err)
			}
		})
	}
}

func TestTrace_HasASpanPerCall(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	svc := &echo{unary: func(_ context.Context, in *text) (*text, error) {
		if in.GetValue() == "fail" {
			return nil, errors.New("broken")
		}
		return in, nil
	}}
	in := install(t, "gateway", "messages")
	o := rpc.Options{Policy: everyone(), Tracer: tracer}
	local := rpc.NewLocal(o)
	local.RegisterService(echoDesc(), svc)
	addr, _ := serve(t, in.creds["messages"], svc, o)
	tcp := dial(t, rpc.DialOptions{Targets: []string{addr}, Credentials: in.creds["gateway"], Tracer: tracer})
	for _, c := range []struct {
		name  string
		cc    grpc.ClientConnInterface
		in    string
		kinds []trace.SpanKind // as they end
		code  otelcodes.Code
	}{
		{"local", local.As("gateway"), "x", []trace.SpanKind{trace.SpanKindServer}, otelcodes.Unset},
		{"tcp", tcp, "x", []trace.SpanKind{trace.SpanKindServer, trace.SpanKindClient}, otelcodes.Unset},
		{"a fault", tcp, "fail", []trace.SpanKind{trace.SpanKindServer, trace.SpanKindClient}, otelcodes.Error},
	} {
		t.Run(c.name, func(t *testing.T) {
			recorder.Reset()
			ctx, id := traced(within(t))
			if _, err := say(ctx, c.cc, c.in); (err != nil) != (c.code == otelcodes.Error) {
				t.Fatal(err)
			}
			var kinds []trace.SpanKind
			parent := trace.SpanID{4}
			spans := recorder.Ended()
			for _, s := range slices.Backward(spans) { // the outermost ends last
				if s.SpanContext().TraceID() != id || s.Parent().SpanID() != parent {
					t.Errorf("%s hangs on %s", s.Name(), s.Parent().SpanID())
				}
				if s.Name() != strings.TrimPrefix(unaryMethod, "/") || s.Status().Code != c.code {
					t.Errorf("span %q with status %v", s.Name(), s.Status())
				}
				parent = s.SpanContext().SpanID()
				kinds = append([]trace.SpanKind{s.SpanKind()}, kinds...)
			}
			if diff := cmp.Diff(c.kinds, kinds); diff != "" {
				t.Errorf("kinds (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAccessLog_HasOneLinePerCall(t *testing.T) {
	book := &logbook{}
	svc := &echo{unary: func(_ context.Context, in *text) (*text, error) {
		switch in.GetValue() {
		case "refuse":
			e := beep.Forbidden(beep.CodeForbidden, "content of a refusal")
			e.Err = errors.New("cause of a refusal")
			return nil, e
		case "away":
			return nil, beep.Unavailable(errors.New("store is away"))
		case "break":
			return nil, errors.New("disk on fire")
		}
		return in, nil
	}}
	for _, level := range []slog.Level{slog.LevelInfo, slog.LevelDebug} {
		o := rpc.Options{Log: book.logger(), AccessLevel: level}
		for _, n := range networks(t, svc, o) {
			t.Run(n.name+" "+level.String(), func(t *testing.T) {
				cc := n.as("gateway")
				ctx := callFor(within(t), t, minter(t, n.in, "gateway"), beep.Caller{User: 4711})
				for _, c := range []struct {
					in, level string
					want, not []string
				}{
					{"secret content", level.String(), []string{`"code":"OK"`}, []string{"secret", "reason", "error"}},
					{"refuse", level.String(), []string{`"reason":"forbidden"`}, []string{"content", "cause"}},
					{"away", "WARN", []string{`"reason":"unavailable"`, "store is away"}, nil},
					{"break", "ERROR", []string{`"reason":"internal"`, "disk on fire"}, nil},
				} {
					_, _ = say(ctx, cc, c.in)
					log := book.take()
					c.want = append(c.want, `"level":"`+c.level+`"`, `"method":"`+unaryMethod+`"`, `"service":"gateway"`,
						`"user_id":"4711"`, `"took":`)
					if strings.Count(log, "\n") != 1 || !contains(log, c.want...) {
						t.Errorf("%s: want one line with %q, got\n%s", c.in, c.want, log)
					}
					for _, not := range c.not {
						if strings.Contains(log, not) {
							t.Errorf("%s: the log has %q:\n%s", c.in, not, log)
						}
					}
				}
			})
		}
	}
}

// A fault three services deep is one error in the logs, where it happened.
func TestAccessLog_DoesNotRepeatAPeersFault(t *testing.T) {
	deep, near := &logbook{}, &logbook{}
	last := &echo{unary: func(context.Context, *text) (*text, error) { return nil, errors.New("disk on fire") }}
	for _, behind := range networks(t, last, rpc.Options{Log: deep.logger()}) {
		cc := behind.as("servers")
		both(t, relay(&cc), rpc.Options{Log: near.logger()}, func(t *testing.T, cc grpc.ClientConnInterface) {
			_, _ = say(within(t), cc, "x")
			if log := deep.take(); strings.Count(log, `"level":"ERROR"`) != 1 {
				t.Errorf("where it happened:\n%s", log)
			}
			if log := near.take(); strings.Contains(log, `"level":"ERROR"`) || !strings.Contains(log, `"code":"Internal"`) {
				t.Errorf("where it passed:\n%s", log)
			}
		})
	}
}

func TestObserve_IsToldOfEveryCall(t *testing.T) {
	calls := make(chan rpc.Call, 10)
	observe := func(_ context.Context, c rpc.Call) { calls <- c }
	svc := &echo{
		unary:  func(context.Context, *text) (*text, error) { return nil, beep.NotFound(beep.CodeMessageNotFound, "no") },
		stream: func(grpc.ServerStream) error { return nil },
	}
	in := install(t, "gateway", "messages")
	o := rpc.Options{Policy: everyone(), Observe: observe}
	local := rpc.NewLocal(o)
	local.RegisterService(echoDesc(), svc)
	addr, _ := serve(t, in.creds["messages"], svc, o)
	tcp := dial(t, rpc.DialOptions{Targets: []string{addr}, Credentials: in.creds["gateway"], Observe: observe})

	unary := rpc.Call{Side: rpc.SideServer, Method: unaryMethod, Service: "gateway", Code: codes.NotFound}
	client := rpc.Call{Side: rpc.SideClient, Method: unaryMethod, Code: codes.NotFound}
	stream := rpc.Call{Side: rpc.SideServer, Method: bidiMethod, Service: "gateway", Stream: true}
	for _, c := range []struct {
		name string
		cc   grpc.ClientConnInterface
		want []rpc.Call
	}{
		{"local", local.As("gateway"), []rpc.Call{unary, stream}},
		{"tcp", tcp, []rpc.Call{unary, client, stream}},
	} {
		_, _ = say(within(t), c.cc, "x")
		if _, err := drain(open(within(t), t, c.cc, bidiMethod)); err != nil {
			t.Fatal(err)
		}
		var got []rpc.Call
		for range c.want {
			call := wait(t, calls, "a call")
			if call.Took <= 0 {
				t.Errorf("%s: %s took %v", c.name, call.Method, call.Took)
			}
			got = append(got, call)
		}
		if diff := cmp.Diff(c.want, got, cmpopts.IgnoreFields(rpc.Call{}, "Took")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}
