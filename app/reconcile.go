package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/beep-chat/beep/authz"
)

// Reconcile compares all that Permify has with the scope log, repairs it and prints what differed. It runs authz, and
// servers too where that is not elsewhere, for nobody but itself.
func Reconcile(ctx context.Context, cfg Config, log *slog.Logger, out io.Writer) (err error) {
	cfg, err = cfg.resolve()
	if err != nil {
		return err
	}
	if cfg.Authz == "" {
		return errors.New("there is no Permify to reconcile: set --authz")
	}
	if !cfg.runs(targetAuthz) {
		return errors.New("this wants the settings of a process that runs authz")
	}
	cfg.Target = slices.DeleteFunc(slices.Clone(cfg.Target), func(t string) bool { return t != targetAuthz && t != targetServers })
	cfg.AuthzReconcile, cfg.Redis = 0, "" // this pass is the only one, and nobody need wake it
	p, err := newProcess(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	if _, err := p.build(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return p.authz.Run(ctx) })
	g.Go(func() error {
		defer cancel()
		return reconcile(ctx, p.authz, out)
	})
	return g.Wait()
}

func reconcile(ctx context.Context, s *authz.Service, out io.Writer) error {
	n := 0
	err := s.Reconcile(ctx, func(d authz.Drift) {
		n++
		fmt.Fprintf(out, "%s: %s was %s, is %s\n", d.Scope, d.What, d.Had, d.Want)
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%d differences\n", n)
	return err
}
