package bench

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// server is a Beep of this program in a process of its own, so that its CPU and memory can be told from ours.
type server struct {
	cmd         *exec.Cmd
	url, health string
}

// start lifts the bounds on a single person. The code that counts still runs, and is measured with the rest.
func start(ctx context.Context, dir string) (*server, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	ports, err := freePorts(ctx, 2)
	if err != nil {
		return nil, err
	}
	log, err := os.Create(logFile(dir))
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	s := &server{url: "http://" + ports[0], health: "http://" + ports[1]}
	//nolint:gosec // ourselves
	s.cmd = exec.CommandContext(ctx, program, "serve", "--http="+ports[0], "--health="+ports[1], "--data="+filepath.Join(dir, "data"),
		"--message-rate=1000000000", "--user-sockets=1000000", "--log-level=warn")
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(syscall.SIGTERM) }
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	if err := s.ready(ctx); err != nil {
		tail, _ := os.ReadFile(logFile(dir))
		return nil, fmt.Errorf("%w: %s", err, bytes.TrimSpace(tail))
	}
	return s, nil
}

func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	_ = s.cmd.Wait() // how it ends says nothing about what was measured
}

// ready asks until the server answers, at most for a minute.
func (s *server) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.health+"/readyz", http.NoBody)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(r)
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the server did not become ready: %w", context.Cause(ctx))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// cpu is the processor time that the server has used, user and system.
func (s *server) cpu() (time.Duration, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	// The second field is the program's name and may hold anything; fields 14 and 15 are ticks of 10 ms.
	fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
	if len(fields) < 13 {
		return 0, fmt.Errorf("unreadable /proc stat %q", raw)
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	sys, err2 := strconv.ParseInt(fields[12], 10, 64)
	if err1 != nil || err2 != nil {
		return 0, fmt.Errorf("unreadable /proc stat %q", raw)
	}
	return time.Duration(user+sys) * 10 * time.Millisecond, nil
}

// settledRSS is the server's memory once it has not grown for a while.
func (s *server) settledRSS(ctx context.Context) (int64, error) {
	last, still := int64(0), 0
	for {
		rss, err := s.rss()
		if err != nil {
			return 0, err
		}
		// 64 KiB more is still; four times still are two seconds.
		if rss <= last+64<<10 {
			if still++; still == 4 {
				return rss, nil
			}
		} else {
			still = 0
		}
		last = rss
		select {
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-time.After(500 * time.Millisecond):
		}
	}
}

func (s *server) rss() (int64, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(raw))
	if len(fields) < 2 {
		return 0, fmt.Errorf("unreadable /proc statm %q", raw)
	}
	// The second field is what is resident, in pages.
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}

// freePorts holds each until it has all, so that none comes twice.
func freePorts(ctx context.Context, n int) ([]string, error) {
	var out []string
	for range n {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer func() { _ = l.Close() }()
		out = append(out, l.Addr().String())
	}
	return out, nil
}
