package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/beep-chat/beep/kit/rpc"
)

// Run runs the configured targets until ctx ends, then drains. ready is called once, with what to tell whoever started
// it, when requests are answered.
func Run(ctx context.Context, cfg Config, log *slog.Logger, ready func(greeting string)) (err error) {
	cfg, err = cfg.resolve()
	if err != nil {
		return err
	}
	p, err := newProcess(ctx, cfg, log)
	if err != nil {
		return err
	}
	// Also when a target cannot be built: those before it have opened their stores.
	defer func() { err = errors.Join(err, p.close()) }()
	handler, err := p.build(ctx)
	if err != nil {
		return err
	}
	return p.run(ctx, handler, ready)
}

// run starts everything and ends it in order: servers and sockets drain, then the background stops, then Run closes
// what both have used.
func (p *process) run(ctx context.Context, public http.Handler, ready func(string)) error {
	// Whatever fails first ends ctx, and so everything else in the same order as a signal does.
	g, ctx := errgroup.WithContext(ctx)
	if p.cfg.Health != "" { // taken before anyone is told that the process is there: who is told may ask
		lis, err := listen(ctx, p.cfg.Health)
		if err != nil {
			return err
		}
		g.Go(func() error { return p.serveHTTP(ctx, lis, p.tel.Handler(), nil) })
	}
	// Background work ends after the servers have drained: a request in flight may need it. One that fails
	// ends the process.
	inner, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var work sync.WaitGroup
	for _, run := range p.background {
		// With room for the one error, so that the work ends whether anyone still listens or not.
		failed := make(chan error, 1)
		work.Go(func() { failed <- run(inner) })
		g.Go(func() error { return outcome(ctx, failed) })
	}
	for _, run := range p.front {
		g.Go(func() error { return run(ctx) })
	}
	for name := range p.cfg.Listen {
		g.Go(func() error { return p.serveGRPC(ctx, name) })
	}
	if public != nil {
		g.Go(func() error { return p.servePublic(ctx, public, ready) })
	}
	err := g.Wait()
	stop()
	work.Wait()
	return err
}

// outcome waits for background work to fail, or for ctx.
func outcome(ctx context.Context, failed <-chan error) error {
	select {
	case err := <-failed:
		if ctx.Err() == nil {
			return fmt.Errorf("background work ended: %w", errors.Join(err, errEnded))
		}
	case <-ctx.Done():
	}
	return nil
}

var errEnded = errors.New("it should run until the process ends")

// servePublic serves the HTTP address. Where it has the users' pages alone, they are for the gateway alone, which
// says whom a request comes from: so it has to prove itself.
func (p *process) servePublic(ctx context.Context, h http.Handler, ready func(string)) error {
	lis, err := listen(ctx, p.cfg.HTTP)
	if err != nil {
		return err
	}
	alone := !p.cfg.runs(targetGateway) && !p.cfg.runs(targetRealtime)
	switch {
	case alone && p.serve.Mesh != nil:
		h = p.serve.Mesh.Only(h, targetGateway)
	case alone:
		lis = tls.NewListener(lis, p.creds[targetUsers].ServerTLS(targetGateway))
	}
	return p.serveHTTP(ctx, lis, h, ready)
}

func listen(ctx context.Context, addr string) (net.Listener, error) {
	lis, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("serve HTTP: %w", err)
	}
	return lis, nil
}

// serveGRPC serves one target to other processes.
func (p *process) serveGRPC(ctx context.Context, name string) error {
	t := p.targets[name]
	if t.register == nil {
		return fmt.Errorf("the target %q serves no gRPC here", name)
	}
	s := rpc.NewServer(p.creds[name], p.serve)
	t.register(s)
	lis, err := new(net.ListenConfig).Listen(ctx, "tcp", p.cfg.Listen[name])
	if err != nil {
		return fmt.Errorf("serve %s over gRPC: %w", name, err)
	}
	return s.Serve(ctx, lis)
}

// serveHTTP serves until ctx ends and then lets requests in flight finish. The time-outs bound what a slow or
// silent client can hold; a WebSocket leaves them behind when it is upgraded.
func (p *process) serveHTTP(ctx context.Context, lis net.Listener, h http.Handler, ready func(string)) error {
	s := &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second,
		WriteTimeout: 60 * time.Second, IdleTimeout: 90 * time.Second, MaxHeaderBytes: 16 << 10,
		// At debug: what clients get wrong in TLS or HTTP is not for an operator to act on.
		ErrorLog: slog.NewLogLogger(p.log.Handler(), slog.LevelDebug),
	}
	done := make(chan error, 1)
	// It ends by Shutdown or Close. done has room for its error, read or not.
	go func() { done <- s.Serve(lis) }()
	// The listener has been open since before: who is told now is answered.
	if ready != nil {
		ready(p.greeting())
	}
	select {
	case err := <-done:
		return fmt.Errorf("serve HTTP: %w", err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.cfg.Drain)
	defer cancel()
	// Whatever is not done by then is cut off.
	if err := s.Shutdown(drain); err != nil {
		return errors.Join(err, s.Close())
	}
	return nil
}
