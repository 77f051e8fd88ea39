package rpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/beep-chat/beep"
)

// chain is what happens to a call around its handler, the same in one process and over TCP: trace, deadline,
// policy, identity, then the handler with its panics caught, then the error mapped and told. It is one
// interceptor rather than five, so that its order is read in one place and costs one frame.
type chain struct {
	policy      Policy
	mesh        *Mesh
	verifier    *Verifier
	log         *slog.Logger
	accessLevel slog.Level
	observe     func(context.Context, Call)
	tracer      trace.Tracer
	maxDeadline time.Duration
}

func newChain(o Options) *chain {
	c := &chain{
		policy: Merge(o.Policy), mesh: o.Mesh, verifier: o.Verifier, log: o.Log, accessLevel: o.AccessLevel,
		observe: o.Observe, tracer: tracerOf(o.Tracer), maxDeadline: o.MaxDeadline,
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.maxDeadline <= 0 {
		c.maxDeadline = DefaultMaxDeadline
	}
	return c
}

// unary is the grpc.UnaryServerInterceptor.
func (c *chain) unary(
	ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler,
) (any, error) {
	call := Call{Side: SideServer, Method: info.FullMethod}
	start := time.Now()
	ctx, span := c.trace(ctx, call.Method)
	ctx, err := c.admit(ctx, &call, start)
	var reply any
	if err == nil {
		bounded, cancel := bound(ctx, start.Add(c.maxDeadline))
		reply, err = callUnary(bounded, req, next)
		// Before cancel, after which every error would look like the end of the request.
		err = settle(bounded, err)
		cancel()
	}
	call.Took = time.Since(start)
	if err = c.finish(ctx, span, call, err); err != nil {
		return nil, err
	}
	return reply, nil
}

// stream is the grpc.StreamServerInterceptor. A stream may live as long as its caller wants.
func (c *chain) stream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	call := Call{Side: SideServer, Method: info.FullMethod, Stream: true}
	start := time.Now()
	ctx, span := c.trace(ss.Context(), call.Method)
	ctx, err := c.admit(ctx, &call, start)
	if err == nil {
		err = callStream(srv, &serverStream{ServerStream: ss, ctx: ctx}, next)
		err = settle(ctx, err)
	}
	call.Took = time.Since(start)
	return c.finish(ctx, span, call, err)
}

// admit decides whether the handler may see the call, and gives ctx the caller it is made for. An error
// comes with the ctx as it was.
func (c *chain) admit(ctx context.Context, call *Call, now time.Time) (context.Context, error) {
	if err := ctx.Err(); err != nil {
		return ctx, err
	}
	// A context's timer may be late, and a handler should not begin for nobody.
	if at, ok := ctx.Deadline(); ok && !at.After(now) {
		return ctx, context.DeadlineExceeded
	}
	// Who calls is known; for whom may cost a signature to find out. So the table is asked in between.
	call.Service = c.mesh.ofCall(ctx)
	rule, err := c.policy.check(call.Method, call.Service)
	if err != nil {
		return ctx, err
	}
	token, caller, err := c.verifier.incoming(ctx, now)
	if err != nil {
		return ctx, err
	}
	if caller.User == 0 && !rule.Guest {
		return ctx, beep.Unauthenticated(beep.CodeUnauthenticated, "sign in first")
	}
	caller.Service = call.Service
	return withToken(beep.WithCaller(ctx, caller), token), nil
}

// bound gives ctx the deadline at, unless its own comes first.
func bound(ctx context.Context, at time.Time) (context.Context, context.CancelFunc) {
	if own, ok := ctx.Deadline(); ok && !own.After(at) {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, at)
}

// settle blames an error of unknown kind on the end of the request, if the request has ended: stores and
// drivers have many words for "interrupted". The error itself stays for the log.
func settle(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	var known *beep.Error
	var panicked *panicError
	if errors.As(err, &known) || errors.As(err, &panicked) {
		return err
	}
	return beep.Unavailable(errors.Join(ctx.Err(), err))
}

// finish maps the error, ends the span, writes the one line about the call, and tells the observer.
func (c *chain) finish(ctx context.Context, span trace.Span, call Call, err error) error {
	st := toStatus(err)
	call.Code = st.Code()
	endSpan(span, call.Code)
	level := levelOf(call.Code, err, c.accessLevel)
	if c.log.Enabled(ctx, level) {
		c.log.LogAttrs(ctx, level, "rpc", attributes(ctx, call, err)...)
	}
	if c.observe != nil {
		c.observe(ctx, call)
	}
	return st.Err()
}

// levelOf is Error for what someone must mend, once: a fault that a peer has answered is in the peer's log.
func levelOf(code codes.Code, err error, access slog.Level) slog.Level {
	switch {
	case reported(err):
		return access
	case code == codes.Internal:
		return slog.LevelError
	case code == codes.Unavailable && !errors.Is(err, context.Canceled), code == codes.DeadlineExceeded:
		return max(access, slog.LevelWarn)
	case code == codes.PermissionDenied && toError(err).Code == beep.CodeCallerRefused,
		code == codes.Unauthenticated && toError(err).Code == beep.CodeInvalidToken:
		return max(access, slog.LevelWarn) // a table that lacks a row, or someone who tries
	default:
		return access
	}
}

// attributes never holds content: a refusal is told by its code, and only a fault with its cause.
func attributes(ctx context.Context, call Call, err error) []slog.Attr {
	attrs := make([]slog.Attr, 0, 8)
	attrs = append(attrs,
		slog.String("method", call.Method), slog.String("service", call.Service),
		slog.String("code", call.Code.String()), slog.Duration("took", call.Took))
	if user := beep.CallerFrom(ctx).User; user != 0 {
		attrs = append(attrs, slog.String("user_id", user.String()))
	}
	if err == nil {
		return attrs
	}
	e := toError(err)
	attrs = append(attrs, slog.String("reason", string(e.Code)))
	if e.Kind == beep.KindInternal || e.Kind == beep.KindUnavailable {
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	var panicked *panicError
	if errors.As(err, &panicked) {
		attrs = append(attrs, slog.String("stack", string(panicked.stack)))
	}
	return attrs
}

// panicError is a handler's panic as an error: Internal to the caller, with its stack in the log.
type panicError struct {
	value any
	stack []byte
}

// Error is the panic's value.
func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

func callUnary(ctx context.Context, req any, next grpc.UnaryHandler) (reply any, err error) {
	defer recoverTo(&err)
	return next(ctx, req)
}

func callStream(srv any, ss grpc.ServerStream, next grpc.StreamHandler) (err error) {
	defer recoverTo(&err)
	return next(srv, ss)
}

// recoverTo has to be deferred itself: further down recover finds nothing.
func recoverTo(err *error) {
	if v := recover(); v != nil {
		*err = &panicError{value: v, stack: debug.Stack()}
	}
}

// serverStream is a stream whose context knows the caller. The field is grpc.ServerStream's own shape: the
// context of a stream is asked of the stream.
type serverStream struct {
	grpc.ServerStream
	ctx context.Context // see above
}

// Context is the request's.
func (s *serverStream) Context() context.Context { return s.ctx }

// unknownMethod is the answer to a method that nothing serves, whoever asks.
func unknownMethod(method string) error {
	return status.Errorf(codes.Unimplemented, "unknown method %s", method)
}
