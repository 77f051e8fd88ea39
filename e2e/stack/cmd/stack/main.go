// Command stack runs a command with real servers beside it:
//
//	stack -postgres -redis -permify -- go test ./messages/...
//
// Their addresses are in BEEP_TEST_POSTGRES, BEEP_TEST_REDIS and BEEP_TEST_PERMIFY. It ends them when the command ends,
// and with its exit code.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"syscall"

	"github.com/beep-chat/beep/e2e/stack"
)

func main() {
	var w wanted
	flag.BoolVar(&w.postgres, "postgres", false, "start PostgreSQL")
	flag.BoolVar(&w.redis, "redis", false, "start Redis")
	flag.BoolVar(&w.permify, "permify", false, "start Permify, on the PostgreSQL that is then started too")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: stack [-postgres] [-redis] [-permify] -- command [argument...]")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, w, flag.Args())
	stop()
	var exit *exec.ExitError
	switch {
	case err == nil:
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		os.Exit(exit.ExitCode())
	default:
		fmt.Fprintln(os.Stderr, "stack:", err)
		os.Exit(1)
	}
}

// wanted says what to start.
type wanted struct{ postgres, redis, permify bool }

// run starts what is asked for, runs the command, and ends what it started.
func run(ctx context.Context, w wanted, command []string) (err error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	// Asked to end and not killed, so that it can end what it has started itself.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.Env = os.Environ()
	env, stop, err := w.start(ctx)
	defer func() { err = errors.Join(err, stop()) }()
	if err != nil {
		return err
	}
	cmd.Env = append(cmd.Env, env...)
	return cmd.Run()
}

// start starts what is asked for and answers where it is; stop ends it, also what was started before an error.
func (w wanted) start(ctx context.Context) (env []string, stop func() error, err error) {
	var closers []func() error
	stop = func() (err error) {
		for _, c := range slices.Backward(closers) {
			err = errors.Join(err, c())
		}
		return err
	}
	if w.redis {
		r, err := stack.StartRedis(ctx)
		if err != nil {
			return nil, stop, err
		}
		env, closers = append(env, "BEEP_TEST_REDIS="+r.URL), append(closers, r.Close)
	}
	if !w.postgres && !w.permify {
		return env, stop, nil
	}
	pg, err := stack.StartPostgres(ctx)
	if err != nil {
		return nil, stop, err
	}
	env, closers = append(env, "BEEP_TEST_POSTGRES="+pg.URL), append(closers, pg.Close)
	if w.permify {
		p, err := stack.StartPermify(ctx, pg)
		if err != nil {
			return nil, stop, err
		}
		env, closers = append(env, "BEEP_TEST_PERMIFY="+p.URL), append(closers, p.Close)
	}
	return env, stop, nil
}
