package rpc

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// outgoing is the metadata that a call made with ctx carries: the caller's own, the identity of the request
// that ctx belongs to, its trace. The identity comes from ctx alone; one put into the metadata by hand, or
// copied there from outside, is dropped. The result is the callee's to keep.
func outgoing(ctx context.Context) metadata.MD {
	md, _ := metadata.FromOutgoingContext(ctx)
	if token := tokenFrom(ctx); token != "" {
		if md == nil {
			md = make(metadata.MD, 1)
		}
		md[identityKey] = []string{token}
	} else if md != nil {
		delete(md, identityKey)
	}
	return inject(ctx, md)
}

// withDefault gives a unary call a deadline if it has none. Cancelling ends the request for its handler too.
func withDefault(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, timeout)
}

// oversize tells whether a message is above the bound. What is no proto message fails elsewhere.
func oversize(m any) bool {
	p, ok := m.(proto.Message)
	return ok && proto.Size(p) > MaxMessageBytes
}

// dialled is the client's side of a TCP connection.
type dialled struct {
	timeout time.Duration
	observe func(context.Context, Call)
	tracer  trace.Tracer
}

// unary is the grpc.UnaryClientInterceptor.
//
//nolint:revive // the parameters are gRPC's
func (d *dialled) unary(
	ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, next grpc.UnaryInvoker,
	opts ...grpc.CallOption,
) error {
	if oversize(req) {
		return tooLarge()
	}
	start := time.Now()
	ctx, cancel := withDefault(ctx, d.timeout)
	defer cancel()
	ctx, span := startSpan(ctx, d.tracer, method, trace.SpanKindClient)
	err := next(metadata.NewOutgoingContext(ctx, outgoing(ctx)), method, req, reply, cc, opts...)
	code := status.Code(err)
	endSpan(span, code)
	if d.observe != nil {
		d.observe(ctx, Call{Side: SideClient, Method: method, Code: code, Took: time.Since(start)})
	}
	return clientError(err)
}

// stream is the grpc.StreamClientInterceptor. It makes no span and tells no observer: a stream that its
// caller abandons has no end to tell of on this side; the server tells it.
//
//nolint:revive // the parameters are gRPC's
func (d *dialled) stream(
	ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, next grpc.Streamer,
	opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	s, err := next(metadata.NewOutgoingContext(ctx, outgoing(ctx)), desc, cc, method, opts...)
	if err != nil {
		return nil, clientError(err)
	}
	return clientStream{s}, nil
}

// clientStream gives the errors of a stream their final form.
type clientStream struct{ grpc.ClientStream }

// Header waits for the server's header.
func (s clientStream) Header() (metadata.MD, error) {
	md, err := s.ClientStream.Header()
	return md, clientError(err)
}

// CloseSend ends the client's half.
func (s clientStream) CloseSend() error { return clientError(s.ClientStream.CloseSend()) }

// SendMsg sends one message; io.EOF says that the stream has ended and RecvMsg knows why.
func (s clientStream) SendMsg(m any) error {
	if oversize(m) {
		return tooLarge()
	}
	return clientError(s.ClientStream.SendMsg(m))
}

// RecvMsg receives one message; io.EOF is the end without an error.
func (s clientStream) RecvMsg(m any) error { return clientError(s.ClientStream.RecvMsg(m)) }
