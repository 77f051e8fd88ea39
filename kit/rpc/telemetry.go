package rpc

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
)

// Traces travel as W3C trace context in metadata, in one process too, so that one trace spans services in
// every shape. Baggage does not travel: nothing in Beep reads it, and outsiders could fill it.

const (
	traceParent = "traceparent"
	traceState  = "tracestate"
	scopeName   = "github.com/beep-chat/beep/kit/rpc"
)

func tracerOf(p trace.TracerProvider) trace.Tracer {
	if p == nil {
		return nil
	}
	return p.Tracer(scopeName)
}

// trace continues the caller's trace. Without a trace or a tracer it costs one lookup.
func (c *chain) trace(ctx context.Context, method string) (context.Context, trace.Span) {
	if parent := metadata.ValueFromIncomingContext(ctx, traceParent); len(parent) == 1 {
		carrier := propagation.MapCarrier{traceParent: parent[0]}
		if state := metadata.ValueFromIncomingContext(ctx, traceState); len(state) == 1 {
			carrier[traceState] = state[0]
		}
		ctx = propagation.TraceContext{}.Extract(ctx, carrier)
	}
	return startSpan(ctx, c.tracer, method, trace.SpanKindServer)
}

// startSpan is the span that ctx has, of whatever kind, where there is no tracer.
func startSpan(
	ctx context.Context, tracer trace.Tracer, method string, kind trace.SpanKind,
) (context.Context, trace.Span) {
	if tracer == nil {
		return ctx, nil
	}
	return tracer.Start(ctx, method[min(1, len(method)):], trace.WithSpanKind(kind),
		trace.WithAttributes(attribute.String("rpc.system", "grpc")))
}

func endSpan(span trace.Span, code codes.Code) {
	if span == nil {
		return
	}
	if code != codes.OK {
		span.SetAttributes(attribute.String("rpc.grpc.status_code", code.String()))
	}
	// A refusal is an answer, and no error of the span.
	switch code {
	case codes.Internal, codes.Unavailable, codes.DeadlineExceeded, codes.Unknown:
		span.SetStatus(otelcodes.Error, code.String())
	default:
	}
	span.End()
}

// inject writes the trace of ctx, if there is one, into md.
func inject(ctx context.Context, md metadata.MD) metadata.MD {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return md
	}
	if md == nil {
		md = metadata.MD{}
	}
	propagation.TraceContext{}.Inject(ctx, carrier(md))
	return md
}

// carrier lets a propagator write metadata.
type carrier metadata.MD

// Get is the first value of key.
func (c carrier) Get(key string) string {
	if v := metadata.MD(c).Get(key); len(v) > 0 {
		return v[0]
	}
	return ""
}

// Set replaces the values of key.
func (c carrier) Set(key, value string) { metadata.MD(c).Set(key, value) }

// Keys lists the keys.
func (c carrier) Keys() []string {
	keys := make([]string, 0, len(c))
	for k := range c {
		keys = append(keys, k)
	}
	return keys
}
