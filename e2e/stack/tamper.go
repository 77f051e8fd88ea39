package stack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/beep-chat/beep/kit/rpc"
)

// Tamper stands between the processes of the split mode: every call from one to another goes through it, and a Fault
// may change what is asked and answered. It shows that a test would notice: the services themselves have no faults to
// switch on. Without a fault it passes everything on as it is. It holds the certificates of all targets and is known
// to each by that of the one who calls.
type Tamper struct {
	fault atomic.Pointer[Fault]

	creds   map[string]rpc.Credentials // by target
	servers []*grpc.Server
	running sync.WaitGroup

	mu    sync.Mutex // guards conns
	conns map[route]*grpc.ClientConn
}

// route is from one service to one replica of another.
type route struct{ caller, service, address string }

// Call is one call on its way.
type Call struct {
	Caller string // the target that calls
	Method string // in full, as …_FullMethodName
	In     []byte // the request, encoded
	// Pass passes a request on and answers what is answered.
	Pass func(ctx context.Context, in []byte) ([]byte, error)
}

// Fault answers a call in place of the one that was called.
type Fault func(ctx context.Context, c Call) ([]byte, error)

// Plant makes every call go through f from now on; nil for none.
func (t *Tamper) Plant(f Fault) {
	if f == nil {
		t.fault.Store(nil)
		return
	}
	t.fault.Store(&f)
}

// between starts a server for each replica of each service and answers where they are, in the same order.
func (t *Tamper) between(certs string, peers map[string][]string) (map[string][]string, error) {
	t.creds, t.conns = map[string]rpc.Credentials{}, map[route]*grpc.ClientConn{}
	for _, target := range []string{"gateway", "realtime", "users", "servers", "authz", "messages"} {
		c, err := rpc.LoadCredentials(certs, target)
		if err != nil {
			return nil, err
		}
		t.creds[target] = c
	}
	out := map[string][]string{}
	for service, addresses := range peers {
		for _, address := range addresses {
			at, err := t.stand(service, address)
			if err != nil {
				return nil, err
			}
			out[service] = append(out[service], at)
		}
	}
	return out, nil
}

// stand serves in place of one replica.
func (t *Tamper) stand(service, address string) (at string, err error) {
	lis, err := net.Listen("tcp", loopback(0)) //nolint:noctx // it listens as long as the tamper is
	if err != nil {
		return "", err
	}
	all := make([]string, 0, len(t.creds))
	for target := range t.creds {
		all = append(all, target)
	}
	conf := t.creds[service].ServerTLS(all...)
	// Clients end a connection on which HTTP/2 was not agreed.
	conf.NextProtos = []string{"h2"}
	s := grpc.NewServer(
		grpc.Creds(credentials.NewTLS(conf)), grpc.ForceServerCodec(raw{}), grpc.MaxRecvMsgSize(rpc.MaxMessageBytes),
		// Peers ping as often as those that they believe to speak to allow.
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: time.Second, PermitWithoutStream: true}),
		grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error { return t.handle(stream, service, address) }))
	t.servers = append(t.servers, s)
	t.running.Go(func() { _ = s.Serve(lis) }) // it ends when it is stopped
	return lis.Addr().String(), nil
}

// handle takes one call; all of ours are unary.
func (t *Tamper) handle(stream grpc.ServerStream, service, address string) error {
	ctx := stream.Context()
	method, _ := grpc.MethodFromServerStream(stream)
	caller, err := callerOf(ctx)
	if err != nil {
		return err
	}
	conn, err := t.conn(route{caller, service, address})
	if err != nil {
		return err
	}
	var in []byte
	if err := stream.RecvMsg(&in); err != nil {
		return err
	}
	c := Call{Caller: caller, Method: method, In: in, Pass: func(ctx context.Context, in []byte) ([]byte, error) {
		var out []byte
		err := conn.Invoke(passOn(ctx), method, &in, &out, grpc.ForceCodec(raw{}))
		return out, err
	}}
	out, err := t.answer(ctx, c)
	if err != nil {
		return err
	}
	return stream.SendMsg(&out)
}

func (t *Tamper) answer(ctx context.Context, c Call) ([]byte, error) {
	if f := t.fault.Load(); f != nil {
		return (*f)(ctx, c)
	}
	return c.Pass(ctx, c.In)
}

// callerOf is the service that the certificate of the one who calls names.
func callerOf(ctx context.Context) (string, error) {
	p, ok := peer.FromContext(ctx)
	if ok {
		if info, ok := p.AuthInfo.(credentials.TLSInfo); ok && len(info.State.PeerCertificates) > 0 {
			return info.State.PeerCertificates[0].Subject.CommonName, nil
		}
	}
	return "", status.Error(codes.Unauthenticated, "no certificate")
}

// passOn has the metadata of a call that came in go out with one, save what gRPC says itself.
func passOn(ctx context.Context) context.Context {
	in, _ := metadata.FromIncomingContext(ctx)
	out := metadata.MD{}
	for key, values := range in {
		if !strings.HasPrefix(key, ":") && !strings.HasPrefix(key, "grpc-") && key != "content-type" && key != "user-agent" {
			out[key] = values
		}
	}
	return metadata.NewOutgoingContext(ctx, out)
}

// conn is the connection of a route; a caller has its own, for it is known by its certificate.
func (t *Tamper) conn(r route) (*grpc.ClientConn, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c := t.conns[r]; c != nil {
		return c, nil
	}
	creds, ok := t.creds[r.caller]
	if !ok {
		return nil, status.Errorf(codes.Unauthenticated, "%q is no target", r.caller)
	}
	c, err := grpc.NewClient("passthrough:///"+r.address, grpc.WithTransportCredentials(credentials.NewTLS(creds.ClientTLS(r.service))),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(rpc.MaxMessageBytes), grpc.MaxCallSendMsgSize(rpc.MaxMessageBytes)))
	if err == nil {
		t.conns[r] = c
	}
	return c, err
}

// Close ends every server and connection.
func (t *Tamper) Close() error {
	for _, s := range t.servers {
		s.Stop()
	}
	t.running.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	var errs []error
	for _, c := range t.conns {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// raw passes messages on as they are encoded.
type raw struct{}

// Marshal passes bytes on.
func (raw) Marshal(v any) ([]byte, error) {
	b, ok := v.(*[]byte)
	if !ok {
		return nil, fmt.Errorf("cannot pass %T on", v)
	}
	return *b, nil
}

// Unmarshal keeps bytes as they came.
func (raw) Unmarshal(data []byte, v any) error {
	b, ok := v.(*[]byte)
	if !ok {
		return fmt.Errorf("cannot take %T", v)
	}
	// A copy: gRPC takes its buffer back.
	*b = append([]byte(nil), data...)
	return nil
}

// Name is that of the codec it stands in for, so that the other side takes what it gets for a message.
func (raw) Name() string { return "proto" }
