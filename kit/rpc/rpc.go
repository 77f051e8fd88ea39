// Package rpc is how Beep's services call each other. A service registers on a grpc.ServiceRegistrar and
// calls its peers through a grpc.ClientConnInterface; whether they share a process is decided in app alone:
//
//   - Local is both ends in one process: no socket, one copy of each message.
//   - Server and Dial are the two ends of a TCP connection with mutual TLS, of our own or a mesh's.
//
// Both run the same chain (chain.go): deadline, call policy, identity, recovery, errors, telemetry. The one
// contract suite in contract_test.go holds for both, so a service that works in one process works apart.
//
// Start with chain.go for what happens to a call, errors.go for what becomes of its error, identity.go for
// whom it is made for, and policy.go for who may make it. Nothing here knows of chat.
package rpc

import (
	"context"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"
)

const (
	// MaxMessageBytes bounds one message, either way; above it a call answers ResourceExhausted.
	MaxMessageBytes = 4 << 20
	// MaxMetadataBytes bounds the metadata of one call, either way, counted as HTTP/2 counts headers.
	MaxMetadataBytes = 16 << 10
	// DefaultTimeout is the deadline of a unary call whose caller set none.
	DefaultTimeout = 10 * time.Second
	// DefaultMaxDeadline is how far away a server lets the deadline of a unary call be. An identity outlives
	// it: a request can pass its identity on until its own last moment.
	DefaultMaxDeadline = 25 * time.Second
	// DefaultDrainTimeout is how long a Server lets calls in flight finish once it is told to stop.
	DefaultDrainTimeout = 20 * time.Second
)

// Options are what serves calls, in one process or over TCP, needs. The zero value refuses every call,
// because no policy allows one, and is silent.
type Options struct {
	// Policy says who may call what. A method that it does not name is refused.
	Policy Policy
	// Mesh says who calls a Server that speaks plain text to its sidecar. Without one, certificates do.
	Mesh *Mesh
	// Verifier accepts the identities of users. Without one, a call that carries an identity is refused.
	Verifier *Verifier
	// Log gets one line per call, and the cause of each fault of ours. Nil logs nothing.
	Log *slog.Logger
	// AccessLevel is the level of the line of a call without a fault; the zero value is Info.
	AccessLevel slog.Level
	// Observe is told of every finished call, for metrics. It must not block.
	Observe func(ctx context.Context, call Call)
	// Tracer makes a span per call. Without one, the trace of the caller is still passed on.
	Tracer trace.TracerProvider
	// MaxDeadline replaces DefaultMaxDeadline.
	MaxDeadline time.Duration
	// DrainTimeout replaces DefaultDrainTimeout; in one process nothing drains.
	DrainTimeout time.Duration
}

// Call is what an Observe function learns of one finished call.
type Call struct {
	Side    Side
	Method  string // full, "/beep.messages.v1.MessagesService/Send"; always one that is served
	Service string // the calling service as the server knows it; empty on the client's side
	Code    codes.Code
	Stream  bool
	Took    time.Duration // of a stream: its whole life
}

// Side is which end of a call is telling.
type Side string

// The sides of a call. A call in one process tells as the server only.
const (
	SideServer Side = "server"
	SideClient Side = "client"
)
