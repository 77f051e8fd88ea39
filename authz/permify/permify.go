// Package permify keeps the state of scopes in Permify and has Permify decide: the driver of authz.Graph. What it decides
// and from what is in schema.perm; this package translates state into attributes (attributes.go) and a question into a
// check (check.go). It holds no state of its own but the version of the schema.
package permify

import (
	"context"
	"crypto/tls"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	permifyv1 "github.com/beep-chat/beep/api/permify/v1"
)

//go:embed schema.perm
var schema string

const (
	// tryTimeout is how long Permify may take to answer before it is asked again.
	tryTimeout = time.Second
	// maxTries bounds how often; what is asked is safe to ask again.
	maxTries = 3
	// schemaTimeout is how long it may take to write the schema.
	schemaTimeout = 10 * time.Second
	// pause is between two tries.
	pause = 20 * time.Millisecond
)

// Graph is a tenant of a Permify.
type Graph struct {
	tenant  string
	conn    *grpc.ClientConn
	checks  permifyv1.PermissionClient
	data    permifyv1.DataClient
	schemas permifyv1.SchemaClient
	tenants permifyv1.TenancyClient

	// writing keeps writes apart: Permify's newest snapshot is that of the transaction which began last, and one that
	// began earlier and ends later is not in it until the next.
	writing sync.Mutex

	ensuring chan struct{} // holds one token while the schema is being written

	mu      sync.Mutex // guards version
	version string     // of our schema there, or none
}

// Open prepares to speak to permify://KEY@HOST:PORT/TENANT, without TENANT to the one that every Permify has, and with
// ?tls=true over TLS. Nothing is said to it yet.
func Open(address string) (*Graph, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "permify" || u.Host == "" {
		// Not the cause, which repeats the URL, and with it the key.
		return nil, errors.New("the Permify URL is not permify://KEY@HOST:PORT[/TENANT][?tls=true]")
	}
	security := insecure.NewCredentials()
	if u.Query().Get("tls") == "true" {
		security = credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12})
	}
	conn, err := grpc.NewClient(u.Host,
		grpc.WithTransportCredentials(security), grpc.WithUnaryInterceptor(withKey(u.User.Username())),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 5 * time.Second}))
	if err != nil {
		return nil, fmt.Errorf("permify: %w", err)
	}
	tenant := strings.Trim(u.Path, "/")
	if tenant == "" {
		tenant = "t1"
	}
	return &Graph{
		tenant: tenant, ensuring: make(chan struct{}, 1), conn: conn, checks: permifyv1.NewPermissionClient(conn), data: permifyv1.NewDataClient(conn),
		schemas: permifyv1.NewSchemaClient(conn), tenants: permifyv1.NewTenancyClient(conn),
	}, nil
}

// Close ends the connection.
func (g *Graph) Close() error { return g.conn.Close() }

// Ping says whether Permify answers, and has our schema.
func (g *Graph) Ping(ctx context.Context) error {
	_, err := g.read(ctx, filter{kind: kindServer, ids: []string{"0"}})
	return err
}

// withKey says the key with every call.
func withKey(key string) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, in, out any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		if key != "" {
			ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+key)
		}
		return invoke(ctx, method, in, out, conn, opts...)
	}
}

// ensure makes the tenant and writes the schema, once. Each process names the version that it wrote, so that old and new
// ones can run beside each other.
func (g *Graph) ensure(ctx context.Context) (version string, err error) {
	if version := g.known(); version != "" {
		return version, nil
	}
	select {
	case g.ensuring <- struct{}{}:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	defer func() { <-g.ensuring }()
	if version := g.known(); version != "" {
		return version, nil
	}
	// Once; it takes Permify a while, perhaps longer than who happens to be the first to ask has patience.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), schemaTimeout)
	defer cancel()
	_, err = g.tenants.Create(ctx, &permifyv1.TenantCreateRequest{Id: g.tenant, Name: g.tenant})
	if err != nil && !strings.Contains(err.Error(), "UNIQUE_CONSTRAINT") { // it is there
		return "", fmt.Errorf("permify: tenant: %w", err)
	}
	written, err := g.schemas.Write(ctx, &permifyv1.SchemaWriteRequest{TenantId: g.tenant, Schema: schema})
	if err != nil {
		return "", fmt.Errorf("permify: schema: %w", err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.version = written.GetSchemaVersion()
	return g.version, nil
}

func (g *Graph) known() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.version
}

// forget has the schema written again: the Permify that had it lost its database.
func (g *Graph) forget(version string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.version == version {
		g.version = ""
	}
}

// ask calls until it is answered, at most maxTries times. An answer that would be the same the next time is final.
func (g *Graph) ask(ctx context.Context, what string, call func(ctx context.Context, version string) error) error {
	var err error
	for try := range maxTries {
		if try > 0 && !rest(ctx) {
			break
		}
		var version string
		if version, err = g.ensure(ctx); err == nil {
			bounded, cancel := context.WithTimeout(ctx, tryTimeout)
			err = call(bounded, version)
			cancel()
		}
		switch status.Code(err) {
		case codes.OK:
			return nil
		case codes.InvalidArgument, codes.Unauthenticated, codes.PermissionDenied, codes.Unimplemented:
			return fmt.Errorf("permify: %s: %w", what, err)
		case codes.NotFound:
			g.forget(version)
		default: // may be well the next time
		}
	}
	return fmt.Errorf("permify: %s: %w", what, err)
}

// rest waits a little, or says that there is no time for it.
func rest(ctx context.Context) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
