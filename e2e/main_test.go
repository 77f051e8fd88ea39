// Package e2e_test is what Beep promises, told from outside: real processes, real sockets, and people who know no
// more than the documents say. Each test runs in both modes, BEEP_E2E_MODE=all (one process on embedded stores) and
// split (every target a process of its own, two gateways, two messages, three realtime, on PostgreSQL and Redis; with
// BEEP_E2E_AUTHZ=permify a Permify decides who may do what), and nothing in it knows which.
//
// Tests that stop processes run one after another, before all others; the others share the installation.
package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	realtimev1 "github.com/beep-chat/beep/api/beep/realtime/v1"
	"github.com/beep-chat/beep/client"
	"github.com/beep-chat/beep/e2e/people"
	"github.com/beep-chat/beep/e2e/stack"
)

// world is what all tests run in. It is made before them by TestMain and taken down after them.
type world struct {
	*stack.Beep // the installation that tests share; its users may send as fast as they like

	mode     stack.Mode
	bin, dir string
	postgres *stack.Postgres // split mode only, as redis
	redis    *stack.Redis
	permify  *stack.Permify // split mode with BEEP_E2E_AUTHZ=permify only
	traces   *collector
	watcher  *people.Person // of settled
	// strict is a second installation, with the limits that one has by default, which sends its traces to traces.
	// It is started when it is first asked for.
	strict func() (*stack.Beep, error)

	mu        sync.Mutex    // guards the rest
	more      []*stack.Beep // started besides
	installed int           // how many, those included that are only starting
	secrets   []string      // what must not be in any log
}

var site *world // set by TestMain before any test runs

func TestMain(m *testing.M) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code, err := run(ctx, m)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

// run runs the tests in a world of their own.
func run(ctx context.Context, m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "beep-e2e-")
	if err != nil {
		return 1, err
	}
	site = &world{mode: mode(), dir: dir}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	err = site.start(ctx)
	defer func() { err = errors.Join(err, site.close()) }()
	if err != nil {
		if strings.Contains(err.Error(), "not installed") && os.Getenv("BEEP_TEST_REQUIRE_REAL") == "" {
			fmt.Fprintln(os.Stderr, "e2e: not run:", err)
			return 0, nil
		}
		return 1, err
	}
	code = m.Run()
	if code != 0 {
		site.printLogs(os.Stderr)
	}
	return code, site.judgeLogs()
}

func mode() stack.Mode {
	if m := os.Getenv("BEEP_E2E_MODE"); m != "" {
		return stack.Mode(m)
	}
	return stack.All
}

func (w *world) start(ctx context.Context) (err error) {
	if w.mode != stack.All && w.mode != stack.Split {
		return fmt.Errorf("BEEP_E2E_MODE is %q, not all or split", w.mode)
	}
	if w.bin, err = stack.Bin(); err != nil {
		return err
	}
	if w.mode == stack.Split {
		if w.postgres, err = stack.StartPostgres(ctx); err != nil {
			return err
		}
		if w.redis, err = stack.StartRedis(ctx); err != nil {
			return err
		}
	}
	if w.mode == stack.Split && os.Getenv("BEEP_E2E_AUTHZ") == "permify" {
		if w.permify, err = stack.StartPermify(ctx, w.postgres); err != nil {
			return err
		}
	}
	if w.traces, err = newCollector(); err != nil {
		return err
	}
	w.strict = sync.OnceValues(func() (*stack.Beep, error) {
		return w.install(ctx, "strict", "BEEP_OTLP="+w.traces.url, "BEEP_ORIGINS=https://friend.example", "BEEP_PROXIES=127.0.0.0/8")
	})
	if w.Beep, err = w.install(ctx, "main", "BEEP_MESSAGE_RATE=1000000", "BEEP_EDIT_RATE=1000000", "BEEP_INVITATION_RATE=1000000"); err != nil {
		return err
	}
	w.watcher, err = people.SignUp(ctx, w.URL, "watcher")
	return errors.Join(err, w.settled(ctx))
}

// settled waits until every gateway and every node serves. After a start some may know for another second that a peer
// was not there, and tests that count connections must not begin in it.
func (w *world) settled(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := w.serving(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not everything serves: %w", err)
		case <-tick.C:
		}
	}
}

// serving asks everything once.
func (w *world) serving(ctx context.Context) error {
	for _, base := range w.Gateways {
		// A server that there is not, so that authz is asked too.
		err := w.watcher.At(base).Call(ctx, http.MethodGet, "/api/servers/1581000000000000009/members", nil, nil)
		if client.CodeOf(err) != "server_not_found" {
			return fmt.Errorf("%s: %w", base, err)
		}
		err = w.watcher.At(base).Call(ctx, http.MethodGet, "/api/channels/1581000000000000009/messages", nil, nil)
		if client.CodeOf(err) != "channel_not_found" {
			return fmt.Errorf("%s: %w", base, err)
		}
	}
	for _, node := range w.Sockets {
		once, done := context.WithCancel(ctx)
		ready := false
		err := w.watcher.Socket(node).Connect(once, func(*realtimev1.Ready) { ready = true; done() })
		done()
		if !ready {
			return fmt.Errorf("%s: %w", node, err)
		}
	}
	return nil
}

// install starts an installation in a folder of its own, which close stops.
func (w *world) install(ctx context.Context, name string, env ...string) (*stack.Beep, error) {
	return w.installOn(ctx, w.permify, name, env...)
}

// installOn is install with a Permify of its own, or none.
func (w *world) installOn(ctx context.Context, permify *stack.Permify, name string, env ...string) (*stack.Beep, error) {
	dir := filepath.Join(w.dir, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	w.mu.Lock()
	db := w.installed
	w.installed++
	w.mu.Unlock()
	b, err := stack.StartBeep(ctx, stack.Options{
		Mode: w.mode, Bin: w.bin, Dir: dir, Env: append(env, "BEEP_LOG_LEVEL=debug"), Postgres: w.postgres, Redis: w.redis, RedisDB: db,
		Permify: permify,
	})
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.more = append(w.more, b)
	return b, nil
}

// close stops all that was started; a process that does not end well fails the run.
func (w *world) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var errs []error
	for _, b := range w.more {
		errs = append(errs, b.Stop(ctx))
	}
	if w.traces != nil {
		errs = append(errs, w.traces.close())
	}
	if w.permify != nil {
		errs = append(errs, w.permify.Close())
	}
	if w.redis != nil {
		errs = append(errs, w.redis.Close())
	}
	if w.postgres != nil {
		errs = append(errs, w.postgres.Close())
	}
	return errors.Join(errs...)
}

// logs calls f with what each process of each installation has logged.
func (w *world) logs(f func(name, text string)) {
	for _, b := range w.more {
		for _, name := range b.Names() {
			f(name, b.Processes[name].Tail(1<<30))
		}
	}
}

func (w *world) printLogs(to io.Writer) {
	for _, b := range w.more {
		for _, name := range b.Names() {
			fmt.Fprintf(to, "\n--- the end of the log of %s\n%s", name, b.Processes[name].Tail(4096))
		}
	}
}

// keepSecret has judgeLogs look for what nobody may ever read in a log.
func (w *world) keepSecret(secrets ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.secrets = append(w.secrets, secrets...)
}

// judgeLogs reads, after all tests, every line that was logged at the finest level: no answer was a 500, nothing
// panicked, and no token, password, address or message is in any of them.
func (w *world) judgeLogs() error {
	var errs []error
	w.logs(func(name, text string) {
		for line := range strings.Lines(text) {
			for _, bad := range []string{"panic", `"msg":"request failed"`, `"msg":"frame failed"`, "DATA RACE", `"msg":"permission graph drifted"`, `"msg":"permission graph and perm differ"`} {
				if strings.Contains(line, bad) {
					errs = append(errs, fmt.Errorf("%s logged: %.2000s", name, line))
				}
			}
		}
		for _, secret := range w.secrets {
			if i := strings.Index(text, secret); i >= 0 {
				errs = append(errs, fmt.Errorf("%s logged a secret: …%s…", name, text[max(0, i-200):min(len(text), i+len(secret))]))
			}
		}
	})
	if len(errs) > 20 {
		errs = append(errs[:20], fmt.Errorf("and %d more", len(errs)-20))
	}
	return errors.Join(errs...)
}
