package rpc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/peer"
)

const (
	maxStreams       = 1000 // in flight per connection; further calls wait at the client
	handshakeTimeout = 10 * time.Second
)

// Server serves calls over TCP with mutual TLS 1.3, or in plain text to a sidecar that speaks it. There is no
// reflection, and nothing but what is registered answers.
type Server struct {
	grpc  *grpc.Server
	drain time.Duration
}

var _ grpc.ServiceRegistrar = (*Server)(nil)

// NewServer serves as the service of the credentials, of which a mesh needs none. Register services, then Serve.
func NewServer(creds Credentials, o Options) *Server {
	c := newChain(o)
	s := &Server{drain: o.DrainTimeout}
	if s.drain <= 0 {
		s.drain = DefaultDrainTimeout
	}
	transport := newLiveTLS(func() *tls.Config { return creds.now().serverTLS() })
	if o.Mesh != nil {
		transport = insecure.NewCredentials()
	}
	s.grpc = grpc.NewServer(
		grpc.Creds(transport),
		grpc.UnaryInterceptor(c.unary), grpc.StreamInterceptor(c.stream),
		grpc.MaxRecvMsgSize(MaxMessageBytes), grpc.MaxSendMsgSize(MaxMessageBytes),
		grpc.MaxHeaderListSize(MaxMetadataBytes), grpc.MaxConcurrentStreams(maxStreams),
		grpc.ConnectionTimeout(handshakeTimeout),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: pingEvery, Timeout: pingTimeout}),
		// A client that pings more often than Dial's do is sent away.
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: pingEvery / 2, PermitWithoutStream: true}),
	)
	return s
}

// RegisterService adds a service; before Serve only.
func (s *Server) RegisterService(d *grpc.ServiceDesc, impl any) { s.grpc.RegisterService(d, impl) }

// Serve answers on lis, which it closes, until ctx ends; then it takes no more calls, lets those in flight
// finish for at most the drain time-out, and returns nil when the last handler has.
func (s *Server) Serve(ctx context.Context, lis net.Listener) error {
	failed := make(chan error, 1)
	go func() { failed <- s.grpc.Serve(lis) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve %s: %w", lis.Addr(), err)
	case <-ctx.Done():
	}
	// Stop ends what GracefulStop would still wait for.
	impatient := time.AfterFunc(s.drain, s.grpc.Stop)
	s.grpc.GracefulStop()
	impatient.Stop()
	if err := <-failed; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		return fmt.Errorf("serve %s: %w", lis.Addr(), err)
	}
	return nil
}

// callingService is the service that makes a call: in one process as Local.As has fixed it, over TCP as the
// verified certificate of the peer names it. Empty if neither is there.
func callingService(ctx context.Context) string {
	if lc, ok := ctx.Value(localKey{}).(*localCall); ok {
		return lc.service
	}
	p, ok := peer.FromContext(ctx)
	if !ok {
		return ""
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	// By the chain that was verified, not by what the peer has sent.
	if !ok || len(info.State.VerifiedChains) == 0 {
		return ""
	}
	service, err := serviceOf(info.State.VerifiedChains[0][0])
	if err != nil {
		return ""
	}
	return service
}
