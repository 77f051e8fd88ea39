// Command beep is Beep: every service, in one process or each in its own.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/beep-chat/beep/app"
	"github.com/beep-chat/beep/bench"
)

const about = `Beep is a community chat that you host yourself.

Without anything else, beep runs all of it in this process, keeps its data in ./data and prints where to open it.
Every flag of serve can be set in the environment instead; docs/config.md lists them.`

// cli is what can be typed. A setting is declared once, as a field of app.Config, and from it come the flag, the
// variable and its line in docs/config.md. Serve is the default, so that beep alone is a whole installation.
type cli struct {
	Serve    app.Config     `cmd:"" default:"withargs" help:"Run Beep (the default)."`
	Migrate  migrateCommand `cmd:"" help:"Bring the stores' schemas up to date, or say what is missing."`
	Authz    authzCommand   `cmd:"" help:"What concerns who may do what."`
	DevCerts certsCommand   `cmd:"" help:"Make a CA and a certificate for each target, for tests on one machine."`
	Bench    benchCommand   `cmd:"" help:"Measure this build: start a Beep of its own, let people send, print a table."`
	Config   struct{}       `cmd:"" help:"Print every setting, as docs/config.md has it."`
	Version  struct{}       `cmd:"" help:"Print the version."`
}

func main() {
	var c cli
	k := kong.Parse(&c, kong.Name("beep"), kong.Description(about), kong.UsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	// A service manager says SIGTERM, a terminal SIGINT. Either ends ctx, and everything below drains and closes before
	// main returns.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, k.Command(), &c); err != nil {
		fmt.Fprintln(os.Stderr, "beep:", err)
		// os.Exit runs nothing that was deferred.
		stop()
		os.Exit(1)
	}
}

// run does what the command line says. The log goes to stderr, so that stdout holds what was asked for and can be
// kept.
func run(ctx context.Context, command string, c *cli) error {
	switch command {
	case "migrate":
		return c.Migrate.run(ctx)
	// Kong puts the arguments into the name of a command.
	case "authz reconcile":
		return c.Authz.Reconcile.run(ctx)
	case "dev-certs <dir>":
		return c.DevCerts.run()
	case "bench":
		return c.Bench.run(ctx)
	case "config":
		fmt.Print(app.ConfigDocs())
		return nil
	case "version":
		fmt.Println("beep", app.Version())
		return nil
	}
	// Libraries find their logger at slog's default; ours is handed down.
	log := app.Logger(os.Stderr, c.Serve.LogLevel)
	slog.SetDefault(app.LibraryLog(log))
	// The greeting comes when requests are answered, and alone on stdout: who started this may wait for it.
	return app.Run(ctx, c.Serve, log, func(greeting string) {
		fmt.Print("\n" + greeting + "\n")
	})
}

// migrateCommand takes all of Config because each service has a store of its own. With Check it is for a pipeline,
// which goes by the exit status.
type migrateCommand struct {
	app.Config `embed:""`
	Check      bool `help:"Change nothing; fail if a migration is missing."`
}

func (m migrateCommand) run(ctx context.Context) error {
	return app.Migrate(ctx, m.Config, m.Check, os.Stdout)
}

// benchCommand leaves the stores of an installation alone: what it measures, it starts.
type authzCommand struct {
	Reconcile reconcileCommand `cmd:"" help:"Compare all that Permify has with the scope log, print what differs, and repair it. Beep may run meanwhile."`
}

type reconcileCommand struct {
	app.Config `embed:""`
}

func (m reconcileCommand) run(ctx context.Context) error {
	return app.Reconcile(ctx, m.Config, app.Logger(os.Stderr, m.LogLevel), os.Stdout)
}

type benchCommand struct {
	Duration  time.Duration `default:"5s" help:"Length of each step."`
	Senders   []int         `default:"1,8" help:"Numbers of people who send, each as fast as acknowledged."`
	Listeners []int         `default:"200,1000" help:"Numbers of sockets that listen."`
	Idle      int           `default:"4000" help:"Sockets that do nothing, for the memory of one; 0 leaves that out."`
}

func (m benchCommand) run(ctx context.Context) error {
	return bench.Run(ctx, bench.Options{Duration: m.Duration, Senders: m.Senders, Listeners: m.Listeners, Idle: m.Idle, Out: os.Stdout})
}

// certsCommand is for one machine and its tests: the CA's key is not kept, so nothing can be added to the folder
// later.
type certsCommand struct {
	Dir string `arg:"" help:"Folder to write to." placeholder:"DIR"`
}

func (m certsCommand) run() error { return app.DevCerts(m.Dir) }
