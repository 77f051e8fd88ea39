package rpc

import (
	"context"
	"io"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// streamWindow is how many messages a side may send before the other receives one; over TCP the window is
// counted in bytes. A full window blocks the sender.
const streamWindow = 16

// NewStream opens a stream; its handler runs on a goroutine that ends with the handler. As over TCP, the
// caller must receive to the end or cancel ctx.
func (c localConn) NewStream(
	ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	m := (*c.local.methods.Load())[method]
	if m == nil || m.stream == nil {
		return nil, clientError(unknownMethod(method))
	}
	if err := ctx.Err(); err != nil {
		return nil, clientError(err)
	}
	md := outgoing(ctx)
	if err := checkMetadata(md); err != nil {
		return nil, clientError(err)
	}
	s := newLocalStream(&localCall{Context: ctx, service: c.service, method: method}, opts)
	server := &localServerStream{localStream: s, ctx: s.call.serverContext(s.inner, md)}
	info := &grpc.StreamServerInfo{
		FullMethod: method, IsClientStream: m.stream.ClientStreams, IsServerStream: m.stream.ServerStreams,
	}
	go func() { s.finish(c.local.chain.stream(m.impl, server, info, m.stream.Handler)) }()
	return &localClientStream{localStream: s, desc: desc}, nil
}

// localStream is what the two ends share. up and down are never closed: a sender may come late.
type localStream struct {
	call   *localCall      // whose Context is the caller's
	inner  context.Context // ends with the caller's, or when the handler has returned
	cancel context.CancelFunc
	opts   []grpc.CallOption

	up, down chan proto.Message
	headed   chan struct{} // closed when the header has left, at the latest when the handler has returned
	closed   chan struct{} // closed by the client when it has sent all
	done     chan struct{} // closed by the handler's goroutine when the handler has returned; err is set before
	err      error
}

func newLocalStream(call *localCall, opts []grpc.CallOption) *localStream {
	s := &localStream{
		call: call, opts: opts,
		up: make(chan proto.Message, streamWindow), down: make(chan proto.Message, streamWindow),
		headed: make(chan struct{}), closed: make(chan struct{}), done: make(chan struct{}),
	}
	call.onHeader = func() { close(s.headed) }
	s.inner, s.cancel = context.WithCancel(call)
	return s
}

func (s *localStream) finish(err error) {
	// In this order: who is woken by done finds err, and who is woken by the cancellation finds done.
	s.call.ensureHeader()
	s.err = err
	close(s.done)
	s.cancel()
}

// receive takes the next message of from. What was sent before the end comes before the end; a request
// that is cancelled ends at once.
func (s *localStream) receive(from <-chan proto.Message, end <-chan struct{}) (proto.Message, error) {
	select {
	case m := <-from:
		return m, nil
	case <-end:
	case <-s.inner.Done():
		// The handler's return cancels the call too: then its status is the end, not the cancellation.
		select {
		case <-end:
		default:
			return nil, status.FromContextError(s.inner.Err()).Err()
		}
	}
	select {
	case m := <-from:
		return m, nil
	default:
		return nil, io.EOF
	}
}

// localClientStream is the caller's end.
type localClientStream struct {
	*localStream

	desc *grpc.StreamDesc
	half sync.Once
}

var _ grpc.ClientStream = (*localClientStream)(nil)

// Context is the caller's.
func (c *localClientStream) Context() context.Context { return c.call.Context }

// CloseSend ends the client's half.
func (c *localClientStream) CloseSend() error {
	c.half.Do(func() { close(c.closed) })
	return nil
}

// Header waits until the server has sent its header or the stream has ended.
func (c *localClientStream) Header() (metadata.MD, error) {
	select {
	case <-c.headed:
	case <-c.call.Done():
		return nil, clientError(c.call.Err())
	}
	c.call.mu.Lock()
	defer c.call.mu.Unlock()
	return c.call.header.Copy(), nil
}

// Trailer is complete once RecvMsg has returned an error.
func (c *localClientStream) Trailer() metadata.MD {
	c.call.mu.Lock()
	defer c.call.mu.Unlock()
	return c.call.trailer.Copy()
}

// SendMsg sends a copy of one message; io.EOF says that the stream has ended and RecvMsg knows why. Generated
// code for a request of one message relies on nil instead, and asks RecvMsg anyway.
func (c *localClientStream) SendMsg(m any) error {
	select {
	case <-c.closed:
		return clientError(status.Error(codes.Internal, "SendMsg after CloseSend"))
	default:
	}
	if oversize(m) {
		return tooLarge()
	}
	sent, err := cloneMessage(m)
	if err != nil {
		return clientError(err)
	}
	err = c.push(sent)
	if c.desc.ClientStreams {
		return err
	}
	return c.CloseSend()
}

func (c *localClientStream) push(m proto.Message) error {
	select {
	case c.up <- m:
		return nil
	case <-c.done:
		return io.EOF
	case <-c.call.Done():
		return clientError(c.call.Err())
	}
}

// RecvMsg receives one message; io.EOF is the end without an error.
func (c *localClientStream) RecvMsg(m any) error {
	err := c.recv(m)
	if err != nil || !c.desc.ServerStreams {
		c.call.deliver(c.opts)
	}
	return err
}

// recv lets the one reply of a stream that only the client fills count once the handler has returned without
// an error.
func (c *localClientStream) recv(m any) error {
	if err := c.call.Err(); err != nil {
		return clientError(err)
	}
	received, err := c.receive(c.down, c.done)
	if err == io.EOF { //nolint:errorlint // receive returns io.EOF itself
		return c.end()
	}
	if err != nil {
		return clientError(err)
	}
	if !c.desc.ServerStreams {
		if err := c.wait(); err != nil {
			return err
		}
	}
	return clientError(copyMessage(m, received))
}

// end is how the handler has ended the stream.
func (c *localClientStream) end() error {
	if c.err != nil {
		return clientError(c.err)
	}
	if !c.desc.ServerStreams {
		return clientError(status.Error(codes.Internal, "the handler sent no reply"))
	}
	return io.EOF
}

func (c *localClientStream) wait() error {
	select {
	case <-c.done:
		return clientError(c.err)
	case <-c.call.Done():
		return clientError(c.call.Err())
	}
}

// localServerStream is the handler's end.
type localServerStream struct {
	*localStream

	ctx context.Context // a stream is asked for its context
}

var _ grpc.ServerStream = (*localServerStream)(nil)

// Context is the request's.
func (s *localServerStream) Context() context.Context { return s.ctx }

// SetHeader adds to the header.
func (s *localServerStream) SetHeader(md metadata.MD) error { return s.call.SetHeader(md) }

// SendHeader adds to the header and sends it.
func (s *localServerStream) SendHeader(md metadata.MD) error { return s.call.SendHeader(md) }

// SetTrailer adds to the trailer.
func (s *localServerStream) SetTrailer(md metadata.MD) { _ = s.call.SetTrailer(md) }

// SendMsg sends a copy of one message.
func (s *localServerStream) SendMsg(m any) error {
	if oversize(m) {
		return status.Errorf(codes.ResourceExhausted, "message larger than %d bytes", MaxMessageBytes)
	}
	sent, err := cloneMessage(m)
	if err != nil {
		return err
	}
	s.call.ensureHeader()
	select {
	case s.down <- sent:
		return nil
	case <-s.ctx.Done():
		return status.FromContextError(s.ctx.Err()).Err()
	}
}

// RecvMsg receives one message; io.EOF is the end of the client's half.
func (s *localServerStream) RecvMsg(m any) error {
	received, err := s.receive(s.up, s.closed)
	if err != nil {
		return err
	}
	return copyMessage(m, received)
}

func cloneMessage(m any) (proto.Message, error) {
	p, ok := m.(proto.Message)
	if !ok {
		return nil, status.Errorf(codes.Internal, "not a proto message: %T", m)
	}
	return proto.Clone(p), nil
}
