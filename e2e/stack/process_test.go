package stack_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/beep-chat/beep/e2e/stack"
)

// TestMain lets the test binary be the programs that the tests start: BE says which, ADDR where it listens.
func TestMain(m *testing.M) {
	switch os.Getenv("BE") {
	case "":
		os.Exit(m.Run())
	case "server":
		term := make(chan os.Signal, 1)
		signal.Notify(term, syscall.SIGTERM)
		go serve()
		<-term
		os.Exit(0)
	case "deaf":
		signal.Ignore(syscall.SIGTERM)
		serve()
	case "failing":
		fmt.Fprintln(os.Stderr, "the reason why")
		os.Exit(3)
	case "parent":
		parent()
	}
}

// serve answers /readyz, and /env with its environment, until it is killed.
func serve() {
	http.HandleFunc("/readyz", func(http.ResponseWriter, *http.Request) {})
	http.HandleFunc("/env", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, strings.Join(os.Environ(), "\n"))
	})
	fmt.Fprintln(os.Stderr, "serving")
	fmt.Fprintln(os.Stderr, http.ListenAndServe(os.Getenv("ADDR"), nil))
	os.Exit(1)
}

// parent starts a server, says so by being ready itself, and waits to be killed.
func parent() {
	spec := stack.Spec{
		Name: "orphan", Path: os.Args[0], Env: []string{"BE=server", "ADDR=" + os.Getenv("CHILD")}, Log: os.Getenv("LOG"),
		Ready: stack.HTTPReady("http://" + os.Getenv("CHILD") + "/readyz"),
	}
	if _, err := stack.Start(context.Background(), spec); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	serve()
}

// program is a Spec that starts this binary as one of the programs above, listening on a free port.
func program(t *testing.T, be string) (spec stack.Spec, base string) {
	t.Helper()
	addr := freeAddr(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return stack.Spec{
		Name: be, Path: self, Env: []string{"BE=" + be, "ADDR=" + addr}, Log: filepath.Join(t.TempDir(), "log"),
		Ready: stack.HTTPReady("http://" + addr + "/readyz"),
	}, "http://" + addr
}

func freeAddr(t *testing.T) string {
	t.Helper()
	ports, err := stack.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[0]))
}

func start(t *testing.T, spec stack.Spec) *stack.Process {
	t.Helper()
	p, err := stack.Start(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p
}

// answers says whether base answers. Of one that has ended it knows at once.
func answers(t *testing.T, base string) bool {
	t.Helper()
	return stack.HTTPReady(base+"/readyz")(t.Context()) == nil
}

func TestFreePorts_AreDifferentAndFree(t *testing.T) {
	t.Parallel()
	ports, err := stack.FreePorts(50)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(ports)
	if len(slices.Compact(slices.Clone(ports))) != 50 {
		t.Errorf("ports = %v, want 50 different ones", ports)
	}
	for _, port := range ports {
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
	}
}

func TestStart_ReturnsWhenReady(t *testing.T) {
	t.Parallel()
	spec, base := program(t, "server")
	p := start(t, spec)
	if !answers(t, base) {
		t.Error("it does not answer after Start")
	}
	if got := p.Tail(100); got != "serving\n" {
		t.Errorf("Tail = %q", got)
	}
}

func TestStart_SaysWhyItEnded(t *testing.T) {
	t.Parallel()
	spec, _ := program(t, "failing")
	_, err := stack.Start(t.Context(), spec)
	if err == nil || !strings.Contains(err.Error(), "the reason why") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("Start = %v, want the exit status and the log", err)
	}
}

func TestStart_KillsWhatDoesNotBecomeReady(t *testing.T) {
	t.Parallel()
	spec, base := program(t, "server")
	asked := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	spec.Ready = func(ctx context.Context) error {
		if err := stack.HTTPReady(base + "/readyz")(ctx); err != nil {
			return err
		}
		cancel()
		close(asked)
		return errors.New("never ready")
	}
	_, err := stack.Start(ctx, spec)
	<-asked
	if err == nil || !strings.Contains(err.Error(), "never ready") {
		t.Errorf("Start = %v, want the last answer of Ready", err)
	}
	if answers(t, base) {
		t.Error("it still runs")
	}
}

func TestStart_RefusesAMissingProgram(t *testing.T) {
	t.Parallel()
	spec, _ := program(t, "server")
	spec.Path += "-missing"
	if _, err := stack.Start(t.Context(), spec); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Start = %v, want ErrNotExist", err)
	}
}

func TestStart_PassesOnlyItsOwnEnvironment(t *testing.T) {
	t.Setenv("BEEP_STRAY", "x")
	spec, base := program(t, "server")
	start(t, spec)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/env", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	env, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(env), "BEEP_STRAY") || !strings.Contains(string(env), "PATH="+os.Getenv("PATH")) {
		t.Errorf("environment = %s", env)
	}
}

func TestRestart_ComesBackOnTheSamePort(t *testing.T) {
	t.Parallel()
	spec, base := program(t, "server")
	p := start(t, spec)
	for range 3 {
		before := p.Pid()
		p.Kill()
		<-p.Done()
		if answers(t, base) {
			t.Fatal("it answers after Kill")
		}
		if err := p.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !answers(t, base) || p.Pid() == before {
			t.Errorf("pid %d → %d, answers %v; want another process that answers", before, p.Pid(), answers(t, base))
		}
	}
}

func TestPause_LeavesConnectionsOpenAndUnanswered(t *testing.T) {
	t.Parallel()
	spec, base := program(t, "server")
	p := start(t, spec)
	if err := p.Pause(t.Context()); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := stack.HTTPReady(base + "/readyz")(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while paused: %v, want no answer", err)
	}
	if err := p.Resume(); err != nil {
		t.Fatal(err)
	}
	if !answers(t, base) {
		t.Error("it does not answer when resumed")
	}
}

func TestStop_EndsItGracefully(t *testing.T) {
	t.Parallel()
	spec, _ := program(t, "server")
	p := start(t, spec)
	if err := p.Stop(t.Context()); err != nil {
		t.Errorf("Stop = %v", err)
	}
	if err := p.Stop(t.Context()); err != nil {
		t.Errorf("a second Stop = %v", err)
	}
}

func TestStop_KillsTheDeaf(t *testing.T) {
	t.Parallel()
	spec, base := program(t, "deaf")
	p := start(t, spec)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := p.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Stop = %v, want the deadline", err)
	}
	if answers(t, base) {
		t.Error("it still runs")
	}
}

// TestStart_ChildDiesWithItsParent: a test run that is killed must leave nothing behind.
func TestStart_ChildDiesWithItsParent(t *testing.T) {
	t.Parallel()
	spec, _ := program(t, "parent")
	child := freeAddr(t)
	spec.Env = append(spec.Env, "CHILD="+child, "LOG="+filepath.Join(t.TempDir(), "orphan"))
	p := start(t, spec)
	if !answers(t, "http://"+child) {
		t.Fatal("the child does not run")
	}
	p.Kill()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for answers(t, "http://"+child) {
		select {
		case <-deadline:
			t.Fatal("the child outlives its parent")
		case <-tick.C:
		}
	}
}
