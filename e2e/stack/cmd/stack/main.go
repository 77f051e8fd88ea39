// Command stack runs a command with real servers beside it:
//
//	stack -postgres -redis -- go test ./messages/...
//
// Their addresses are in BEEP_TEST_POSTGRES and BEEP_TEST_REDIS. It ends them when the command ends, and with its
// exit code.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/beep-chat/beep/e2e/stack"
)

func main() {
	postgres := flag.Bool("postgres", false, "start PostgreSQL")
	redis := flag.Bool("redis", false, "start Redis")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: stack [-postgres] [-redis] -- command [argument...]")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *postgres, *redis, flag.Args())
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

// run starts what is asked for, runs the command, and ends what it started.
func run(ctx context.Context, postgres, redis bool, command []string) (err error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	// Asked to end and not killed, so that it can end what it has started itself.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.Env = os.Environ()
	if postgres {
		pg, err := stack.StartPostgres(ctx)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, pg.Close()) }()
		cmd.Env = append(cmd.Env, "BEEP_TEST_POSTGRES="+pg.URL)
	}
	if redis {
		r, err := stack.StartRedis(ctx)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, r.Close()) }()
		cmd.Env = append(cmd.Env, "BEEP_TEST_REDIS="+r.URL)
	}
	return cmd.Run()
}
