package rpc

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
)

// DialOptions say which service to call, where it is, and who calls.
type DialOptions struct {
	// Service is the one service that may answer; a certificate of another is refused.
	Service string
	// Targets are the host:port of its replicas, called in turn. One name that stands for all of them is
	// written "dns:///host:port".
	Targets []string
	// Credentials are the calling service's.
	Credentials Credentials
	// Mesh speaks plain text to the sidecar instead, which proves who calls and tries again what may be.
	Mesh bool
	// Idempotent are the full methods that are tried again, on another replica, when one answers Unavailable.
	// Any other call is made once, save when it certainly never left.
	Idempotent []string
	// Timeout replaces DefaultTimeout.
	Timeout time.Duration
	// Observe is told of every finished unary call, for metrics. It must not block.
	Observe func(ctx context.Context, call Call)
	// Tracer makes a span per unary call.
	Tracer trace.TracerProvider
}

const (
	// A replica that is back is used again at the latest after maxBackoff.
	maxBackoff   = time.Second
	dialTimeout  = 3 * time.Second
	pingEvery    = 10 * time.Second
	pingTimeout  = 5 * time.Second
	staticScheme = "beep"
)

// Dial connects to a service in the background and for as long as the connection is open: services start in
// any order, and calls answer Unavailable while no replica is there. Close the connection after the last call.
func Dial(o DialOptions) (*grpc.ClientConn, error) {
	if !validService(o.Service) || len(o.Targets) == 0 {
		return nil, fmt.Errorf("dial %q: a service and a target are needed", o.Service)
	}
	transport := newLiveTLS(func() *tls.Config { return o.Credentials.ClientTLS(o.Service) })
	if o.Mesh {
		// Two who try again would multiply the load on a service that fails.
		transport, o.Idempotent = insecure.NewCredentials(), nil
	}
	config, err := serviceConfig(o.Idempotent)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", o.Service, err)
	}
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	d := &dialled{timeout: o.Timeout, observe: o.Observe, tracer: tracerOf(o.Tracer)}
	target, options := o.resolve()
	conn, err := grpc.NewClient(target, append(options,
		grpc.WithTransportCredentials(transport),
		// What is tried again is not for a name server to say, as gRPC would let it.
		grpc.WithDefaultServiceConfig(config), grpc.WithDisableServiceConfig(),
		grpc.WithChainUnaryInterceptor(d.unary), grpc.WithChainStreamInterceptor(d.stream),
		grpc.WithDefaultCallOptions(
			grpc.MaxCallRecvMsgSize(MaxMessageBytes), grpc.MaxCallSendMsgSize(MaxMessageBytes)),
		grpc.WithMaxHeaderListSize(MaxMetadataBytes),
		// A peer that froze, and a path that has forgotten the connection, are noticed within 15 s.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: pingEvery, Timeout: pingTimeout, PermitWithoutStream: true,
		}),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: backoff.Config{
				BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: maxBackoff,
			},
			MinConnectTimeout: dialTimeout,
		}),
	)...)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", o.Service, err)
	}
	// NewClient waits for the first call, which would then wait for the handshake.
	conn.Connect()
	return conn, nil
}

// resolve is the target in gRPC's words: the static list, or the one name that says how it is resolved.
func (o DialOptions) resolve() (string, []grpc.DialOption) {
	if len(o.Targets) == 1 && strings.Contains(o.Targets[0], "://") {
		return o.Targets[0], nil
	}
	endpoints := make([]resolver.Endpoint, len(o.Targets))
	for i, target := range o.Targets {
		endpoints[i].Addresses = []resolver.Address{{Addr: target}}
	}
	r := manual.NewBuilderWithScheme(staticScheme)
	r.InitialState(resolver.State{Endpoints: endpoints})
	return staticScheme + ":///" + o.Service, []grpc.DialOption{grpc.WithResolvers(r)}
}

// serviceConfig is gRPC's own JSON: round robin, and retries of the idempotent methods alone. Retries are
// throttled, so that they don't drown a service that fails because it is drowning.
func serviceConfig(idempotent []string) (string, error) {
	type name struct {
		Service string `json:"service"`
		Method  string `json:"method"`
	}
	names := make([]name, 0, len(idempotent))
	for _, method := range idempotent {
		service, short, ok := strings.Cut(strings.TrimPrefix(method, "/"), "/")
		if !ok || service == "" || short == "" {
			return "", errors.New("not a full method: " + method)
		}
		names = append(names, name{service, short})
	}
	config := map[string]any{
		"loadBalancingConfig": []any{map[string]any{"round_robin": map[string]any{}}},
		"retryThrottling":     map[string]any{"maxTokens": 10, "tokenRatio": 0.1},
	}
	if len(names) > 0 {
		config["methodConfig"] = []any{map[string]any{
			"name": names,
			"retryPolicy": map[string]any{
				"maxAttempts": 3, "initialBackoff": "0.02s", "maxBackoff": "0.2s", "backoffMultiplier": 2,
				"retryableStatusCodes": []string{"UNAVAILABLE"},
			},
		}}
	}
	text, err := json.Marshal(config)
	return string(text), err
}
