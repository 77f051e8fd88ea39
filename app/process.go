package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
	"google.golang.org/grpc"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/authz"
	"github.com/beep-chat/beep/kit/bus"
	"github.com/beep-chat/beep/kit/limit"
	"github.com/beep-chat/beep/kit/oidc"
	"github.com/beep-chat/beep/kit/rpc"
	"github.com/beep-chat/beep/kit/telemetry"
)

// process is what the targets of one process share.
type process struct {
	cfg   Config
	log   *slog.Logger
	tel   *telemetry.Telemetry
	ids   *beep.Minter
	bus   bus.Bus
	redis *redis.Client // nil without BEEP_REDIS
	local *rpc.Local
	serve rpc.Options
	creds map[string]rpc.Credentials // of each target that runs here

	authz      *authz.Service // nil unless it runs here
	tokens     *oidc.Verifier // nil until gateway or realtime has asked for it
	targets    map[string]target
	front      []func(context.Context) error // ends, and drains, before the servers do
	background []func(context.Context) error // ends after them
	closers    []func() error                // in the order opened
	mail       string                        // where it is, if nobody delivers it
}

// newProcess opens what does not depend on a target.
func newProcess(ctx context.Context, cfg Config, log *slog.Logger) (*process, error) {
	p := &process{cfg: cfg, log: log, ids: beep.NewMinter()}
	tel, err := telemetry.New(ctx, telemetry.Options{Service: "beep-" + strings.Join(cfg.Target, "-"), Endpoint: cfg.OTLP, Log: log})
	if err != nil {
		return nil, err
	}
	p.tel = tel
	// First, so that it closes last: what the others do at their end is traced too. ctx has ended by then.
	p.closers = append(p.closers, func() error { return tel.Shutdown(context.WithoutCancel(ctx)) })
	if err := p.prove(); err != nil {
		return nil, err
	}
	mesh, err := cfg.mesh()
	if err != nil {
		return nil, err
	}
	// Any target's will do, because all trust one CA.
	p.serve = rpc.Options{
		Policy: policy(), Mesh: mesh, Verifier: p.creds[cfg.Target[0]].Verifier(), Log: log, AccessLevel: slog.LevelDebug,
		Observe: p.observe, Tracer: tel.Tracer(), DrainTimeout: cfg.Drain,
	}
	// By the same options: within the process a call passes the same policy and the same checks.
	p.local = rpc.NewLocal(p.serve)
	return p, p.openBus()
}

// prove makes the credentials of the targets that run here: the installation's, from files that may be replaced while
// the process runs, or those of a CA that dies with it.
func (p *process) prove() error {
	issue := func(target string) (rpc.Credentials, error) { return rpc.WatchCredentials(p.cfg.Certs, target, p.log) }
	if p.cfg.Certs == "" {
		ca, err := rpc.NewCA()
		if err != nil {
			return err
		}
		issue = ca.Credentials
	}
	p.creds = map[string]rpc.Credentials{}
	for _, target := range p.cfg.Target {
		c, err := issue(target)
		if err != nil {
			return err
		}
		p.creds[target] = c
	}
	return nil
}

// peer is the connection over which one target calls another: direct when both run here, otherwise TCP.
// This is the only place that knows the difference.
func (p *process) peer(from, to string) (grpc.ClientConnInterface, error) {
	if p.cfg.runs(to) {
		// As whom it calls is settled here, so that no target can call as another.
		return p.local.As(from), nil
	}
	addresses := p.cfg.Peers[to]
	if addresses == "" {
		return nil, fmt.Errorf("%s needs %s: run it here too, or name its address in --peers", from, to)
	}
	conn, err := rpc.Dial(rpc.DialOptions{
		Service: to, Targets: strings.Split(addresses, ","), Credentials: p.creds[from], Mesh: p.serve.Mesh != nil, Idempotent: idempotent(),
		Observe: p.observe, Tracer: p.tel.Tracer(),
	})
	if err != nil {
		return nil, err
	}
	p.closers = append(p.closers, conn.Close)
	p.tel.Check(to, reached(conn))
	return conn, nil
}

// openBus chooses what wakes. Nothing relies on it, so the memory of one process is enough: see kit/bus.
func (p *process) openBus() error {
	if p.cfg.Redis == "" {
		m := bus.NewMemory()
		p.bus = m
		p.background = append(p.background, m.Run)
		return nil
	}
	opts, err := redis.ParseURL(p.cfg.Redis)
	if err != nil {
		// Not the cause, which repeats the URL, and with it the password.
		return errors.New("the Redis URL is not redis://[USER:PASSWORD@]HOST[:PORT][/DB]")
	}
	p.redis = redis.NewClient(opts)
	r := bus.NewRedis(p.redis)
	p.bus = r
	p.background = append(p.background, r.Run)
	p.closers = append(p.closers, p.redis.Close)
	p.tel.Watch("redis", func(ctx context.Context) error { return p.redis.Ping(ctx).Err() })
	return nil
}

// open opens a store, making the folder of an embedded one.
func open[S any](ctx context.Context, url string, open func(context.Context, string) (S, error)) (S, error) {
	if err := makeFolder(url); err != nil {
		var none S
		return none, err
	}
	return open(ctx, url)
}

// makeFolder makes the folder of an embedded store.
func makeFolder(store string) error {
	path, ok := strings.CutPrefix(store, "sqlite://")
	if !ok {
		return nil
	}
	// For the owner alone: it will hold what people write.
	return os.MkdirAll(filepath.Dir(path), 0o700)
}

// close closes everything in the opposite order. What was opened later may use what was opened before.
func (p *process) close() error {
	var errs []error
	for _, c := range slices.Backward(p.closers) {
		errs = append(errs, c())
	}
	return errors.Join(errs...)
}

// publicURL is the public URL as resolve has found it good.
func (p *process) publicURL() *url.URL {
	u, err := url.Parse(p.cfg.PublicURL) // was parsed before
	if err != nil {
		return &url.URL{}
	}
	return u
}

// keep holds a store open until the process ends and asks it whether the process is ready.
func (p *process) keep(name string, store interface {
	Ping(ctx context.Context) error
	Close() error
},
) {
	p.closers = append(p.closers, store.Close)
	p.tel.Check(name, store.Ping)
}

// observe counts a call between services.
func (p *process) observe(_ context.Context, c rpc.Call) {
	p.tel.ObserveCall(string(c.Side), c.Method, c.Code.String(), c.Took)
}

// limiter is the throttle of messages and gateway: over all processes with Redis, in this one without.
func (p *process) limiter() limit.Limiter {
	if p.redis == nil {
		return limit.NewMemory()
	}
	// Not the number of peers: a process that runs messages needs none, and would take itself for the only one; of its
	// own kind the gateway knows nothing.
	replicas := p.cfg.Replicas
	if replicas == 0 {
		replicas = defaultReplicas
	}
	return limit.NewRedis(p.redis, replicas)
}

// defaultReplicas is the default in Config: as many as a careful operator runs.
const defaultReplicas = 3
