package stack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// startWithin bounds the wait for a process to become ready; a machine busy with other suites is slow.
const startWithin = 60 * time.Second

// Spec says how to start a process. It is kept, so that a restart finds the same ports.
type Spec struct {
	Name string   // for errors
	Path string   // the program
	Args []string // without the program's name
	Env  []string // KEY=value; of the parent's environment only PATH, HOME and TMPDIR are passed on
	Log  string   // the file that takes its output, appended to over restarts
	// Ready is asked until it answers nil; nil itself means ready at once.
	Ready func(context.Context) error

	stop   syscall.Signal      // what asks it to end; zero is SIGTERM
	orphan syscall.Signal      // what the kernel sends it when we die; zero is SIGKILL
	user   *syscall.Credential // nil is ours
}

// Process is a started program. Its methods may be called from several goroutines; Kill, Stop and Restart
// take turns.
type Process struct {
	spec Spec

	turn sync.Mutex // held by Kill, Stop and Restart for as long as they last

	mu  sync.Mutex // guards run
	run *run
}

// run is one life of the process.
type run struct {
	cmd  *exec.Cmd
	done chan struct{} // closed by the goroutine that reaps it, after err is set
	err  error
}

// Start starts a process and returns when it is ready. If it ends before that, or is not ready within a minute or
// until ctx ends, it is killed and the error holds the end of its log. A ready process lives on after ctx.
func Start(ctx context.Context, spec Spec) (*Process, error) {
	p := &Process{spec: spec}
	if err := p.start(ctx); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *Process) start(ctx context.Context) error {
	r, err := p.spec.launch()
	if err != nil {
		return fmt.Errorf("start %s: %w", p.spec.Name, err)
	}
	p.mu.Lock()
	p.run = r
	p.mu.Unlock()
	if p.spec.Ready == nil {
		return nil
	}

	ctx, cancel := context.WithTimeoutCause(ctx, startWithin, errors.New("not ready in time"))
	defer cancel()
	gone, stopWatch := context.WithCancelCause(ctx)
	defer stopWatch(nil)
	// It ends when start does, with gone.
	go func() {
		select {
		case <-r.done:
			stopWatch(fmt.Errorf("ended before it was ready (%w)", errors.Join(r.err)))
		case <-gone.Done():
		}
	}()
	if err := poll(gone, p.spec.Ready); err != nil {
		r.kill()
		return fmt.Errorf("start %s: %w\n%s", p.spec.Name, err, p.Tail(4096))
	}
	return nil
}

// launch starts one run and the goroutine that reaps it.
func (s Spec) launch() (*run, error) {
	log, err := os.OpenFile(s.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close() // the child has its own

	// Not CommandContext: the process is to outlive the context it was started under.
	cmd := &exec.Cmd{Path: s.Path, Args: append([]string{s.Path}, s.Args...), Stdout: log, Stderr: log}
	cmd.Env = s.environment()
	cmd.SysProcAttr = procAttr(s.user, s.orphan)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	r := &run{cmd: cmd, done: make(chan struct{})}
	go func() {
		r.err = cmd.Wait()
		close(r.done)
	}()
	return r, nil
}

// environment is what the process is told.
func (s Spec) environment() []string {
	env := slices.Clone(s.Env)
	for _, key := range []string{"PATH", "HOME", "TMPDIR"} {
		env = append(env, key+"="+os.Getenv(key))
	}
	return env
}

func (r *run) kill() {
	// An error says that it has ended already, which is what is wanted.
	_ = r.cmd.Process.Kill()
	<-r.done
}

func (p *Process) current() *run {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.run
}

// Pid is the id of the process as it runs now.
func (p *Process) Pid() int { return p.current().cmd.Process.Pid }

// Done is closed when the process, as it runs now, has ended. A restart has a new one.
func (p *Process) Done() <-chan struct{} { return p.current().done }

// Kill ends the process with SIGKILL and returns when it is gone. It may have ended before.
func (p *Process) Kill() {
	p.turn.Lock()
	defer p.turn.Unlock()
	p.current().kill()
}

// Stop asks the process to end and waits. It is killed, which is an error, when ctx ends first; an exit code
// other than 0 is one too.
func (p *Process) Stop(ctx context.Context) error {
	p.turn.Lock()
	defer p.turn.Unlock()
	r, sig := p.current(), p.spec.stop
	if sig == 0 {
		sig = syscall.SIGTERM
	}
	if err := r.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", p.spec.Name, err)
	}
	select {
	case <-r.done:
	case <-ctx.Done():
		r.kill()
		return fmt.Errorf("stop %s: %w\n%s", p.spec.Name, context.Cause(ctx), p.Tail(4096))
	}
	if r.err != nil {
		return fmt.Errorf("stop %s: %w\n%s", p.spec.Name, r.err, p.Tail(4096))
	}
	return nil
}

// Pause freezes the process with SIGSTOP: its connections stay open and nobody answers on them. It returns when the
// last thread has stopped, which is some time after the signal was sent.
func (p *Process) Pause(ctx context.Context) error {
	r := p.current()
	if err := r.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	return poll(ctx, func(context.Context) error { return frozen(r.cmd.Process.Pid) })
}

// Resume ends a Pause.
func (p *Process) Resume() error { return p.current().cmd.Process.Signal(syscall.SIGCONT) }

// Restart kills the process, if it still runs, and starts it again as it was started first, on the same ports.
// It returns when it is ready.
func (p *Process) Restart(ctx context.Context) error {
	p.turn.Lock()
	defer p.turn.Unlock()
	p.current().kill()
	return p.start(ctx)
}

// Command runs the program with other arguments and the same environment, as an operator does beside the process, and
// answers what it prints.
func (p *Process) Command(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, p.spec.Path, args...)
	cmd.Env = p.spec.environment()
	cmd.SysProcAttr = procAttr(p.spec.user, p.spec.orphan)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("%s %s: %w\n%s", p.spec.Name, strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

// Tail is the last n bytes of the log, for a test that failed.
func (p *Process) Tail(n int) string {
	text, err := os.ReadFile(p.spec.Log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-n):])
}

// HTTPReady is a Spec.Ready that asks url, such as http://127.0.0.1:15001/readyz, for a 200.
func HTTPReady(url string) func(context.Context) error {
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return err
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("%s answers %s", url, res.Status)
		}
		return nil
	}
}
