package rpc

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// Local is a network inside one process: services register on it and peers call through it. A call runs the
// same chain as over TCP, and what crosses is what would cross a wire: a copy of the message, the metadata,
// deadline and cancellation. No other value of the caller's context gets through.
//
// A unary handler runs on its caller's goroutine, so a call returns when its handler does, not before. Two
// checks of the wire are left out: UTF-8 in strings and the form of metadata.
type Local struct {
	chain    *chain
	register sync.Mutex // one registration at a time; calls only load methods
	methods  atomic.Pointer[map[string]*localMethod]
}

var (
	_ grpc.ServiceRegistrar    = (*Local)(nil)
	_ grpc.ClientConnInterface = (*Local)(nil)
)

// localMethod is one served method: unary has a handler, a stream has a description.
type localMethod struct {
	impl   any
	unary  grpc.MethodHandler
	stream *grpc.StreamDesc
}

// NewLocal is a Local on which nothing is registered yet.
func NewLocal(o Options) *Local {
	l := &Local{chain: newChain(o)}
	l.methods.Store(&map[string]*localMethod{})
	return l
}

// RegisterService adds a service, at any time; it replaces one of the same name.
func (l *Local) RegisterService(d *grpc.ServiceDesc, impl any) {
	l.register.Lock()
	defer l.register.Unlock()
	methods := maps.Clone(*l.methods.Load())
	prefix := "/" + d.ServiceName + "/"
	maps.DeleteFunc(methods, func(full string, _ *localMethod) bool { return strings.HasPrefix(full, prefix) })
	for i := range d.Methods {
		methods[prefix+d.Methods[i].MethodName] = &localMethod{impl: impl, unary: d.Methods[i].Handler}
	}
	for i := range d.Streams {
		methods[prefix+d.Streams[i].StreamName] = &localMethod{impl: impl, stream: &d.Streams[i]}
	}
	l.methods.Store(&methods)
}

// As is the connection through which a service calls the others. It stands for the certificate that the
// service would have apart, so only app may hand it out.
func (l *Local) As(service string) grpc.ClientConnInterface { return localConn{l, service} }

// Invoke calls as nobody, which no policy allows: it answers as a server answers a client without a name.
func (l *Local) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	return localConn{l, ""}.Invoke(ctx, method, args, reply, opts...)
}

// NewStream opens a stream as nobody, as Invoke calls.
func (l *Local) NewStream(
	ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	return localConn{l, ""}.NewStream(ctx, desc, method, opts...)
}

// localConn is a Local as one service sees it.
type localConn struct {
	local   *Local
	service string
}

// Invoke makes one unary call.
func (c localConn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	m := (*c.local.methods.Load())[method]
	if m == nil || m.unary == nil {
		return clientError(unknownMethod(method))
	}
	if err := ctx.Err(); err != nil {
		return clientError(err)
	}
	if oversize(args) {
		return tooLarge()
	}
	md := outgoing(ctx)
	if err := checkMetadata(md); err != nil {
		return clientError(err)
	}
	call := &localCall{Context: ctx, service: c.service, method: method}
	inner, cancel := withDefault(call, DefaultTimeout)
	defer cancel()
	out, err := m.unary(m.impl, call.serverContext(inner, md), func(in any) error { return copyMessage(in, args) },
		c.local.chain.unary)
	call.deliver(opts)
	if err == nil && oversize(out) {
		err = status.Errorf(codes.ResourceExhausted, "reply larger than %d bytes", MaxMessageBytes)
	}
	if err == nil {
		err = copyMessage(reply, out)
	}
	if err == nil {
		return nil
	}
	// Over TCP a caller whose time is up does not hear what became of its call.
	if ended := cmp.Or(ctx.Err(), inner.Err()); ended != nil {
		err = ended
	}
	return clientError(err)
}

// localCall is one call: the root of the server's context, which has the caller's deadline and cancellation
// and none of its values, and gRPC's transport stream, which takes the handler's header and trailer. One
// value is both, so that a call costs one allocation for them.
type localCall struct {
	context.Context // it is a context

	service string
	method  string

	mu       sync.Mutex // guards what follows
	sent     bool       // the header has left
	header   metadata.MD
	trailer  metadata.MD
	onHeader func() // called once, when the header leaves; nil for unary calls
}

// localKey finds the localCall that a server's context stands on.
type localKey struct{}

// Value hides the caller's values.
func (c *localCall) Value(key any) any {
	if _, ok := key.(localKey); ok {
		return c
	}
	return nil
}

// AfterFunc is the context package's hook for contexts of other kinds: without it, a context with a cancel
// made from this one would cost a goroutine.
func (c *localCall) AfterFunc(f func()) func() bool { return context.AfterFunc(c.Context, f) }

// serverContext is what the handler gets. ctx is c with a cancel of its own: it ends when the handler has
// returned, and is what the handler's contexts are tied to.
func (c *localCall) serverContext(ctx context.Context, md metadata.MD) context.Context {
	if md != nil {
		ctx = metadata.NewIncomingContext(ctx, md)
	}
	return grpc.NewContextWithServerTransportStream(ctx, c)
}

// Method is the full method.
func (c *localCall) Method() string { return c.method }

// SetHeader adds to the header.
func (c *localCall) SetHeader(md metadata.MD) error { return c.addHeader(md, false) }

// SendHeader adds to the header and sends it.
func (c *localCall) SendHeader(md metadata.MD) error { return c.addHeader(md, true) }

// SetTrailer adds to the trailer.
func (c *localCall) SetTrailer(md metadata.MD) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trailer = metadata.Join(c.trailer, md)
	return nil
}

func (c *localCall) addHeader(md metadata.MD, send bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sent {
		return status.Error(codes.Internal, "the header has been sent")
	}
	c.header = metadata.Join(c.header, md)
	if send {
		c.sendHeaderLocked()
	}
	return nil
}

// ensureHeader sends the header if it has not left yet.
func (c *localCall) ensureHeader() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sendHeaderLocked()
}

func (c *localCall) sendHeaderLocked() {
	if c.sent {
		return
	}
	c.sent = true
	if c.onHeader != nil {
		c.onHeader()
	}
}

// deliver gives header and trailer to the caller that asked for them.
func (c *localCall) deliver(opts []grpc.CallOption) {
	if len(opts) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range opts {
		switch o := o.(type) {
		case grpc.HeaderCallOption:
			*o.HeaderAddr = c.header.Copy()
		case grpc.TrailerCallOption:
			*o.TrailerAddr = c.trailer.Copy()
		}
	}
}

// copyMessage makes dst equal to src, sharing nothing with it.
func copyMessage(dst, src any) error {
	to, ok1 := dst.(proto.Message)
	from, ok2 := src.(proto.Message)
	if !ok1 || !ok2 {
		return status.Errorf(codes.Internal, "not proto messages: %T, %T", dst, src)
	}
	if to.ProtoReflect().Descriptor() != from.ProtoReflect().Descriptor() {
		return status.Errorf(codes.Internal, "a %T is not a %T", src, dst)
	}
	proto.Reset(to)
	proto.Merge(to, from)
	return nil
}

// checkMetadata counts as HTTP/2 does, with 32 bytes of overhead a pair.
func checkMetadata(md metadata.MD) error {
	size := 0
	for key, values := range md {
		for _, v := range values {
			size += len(key) + len(v) + 32
		}
	}
	if size <= MaxMetadataBytes {
		return nil
	}
	return status.Error(codes.Internal, fmt.Sprintf("metadata larger than %d bytes", MaxMetadataBytes))
}
