package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/beep-chat/beep/e2e/stack"
)

// beepCommand is the program with arguments, in a folder of its own and with nothing in its environment that it was
// not given.
func beepCommand(t *testing.T, dir string, env []string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), site.bin, args...)
	cmd.Dir, cmd.Env = dir, append([]string{"PATH=" + os.Getenv("PATH")}, env...)
	return cmd
}

// TestStart: without anything said, beep is a whole installation that prints where it is within three seconds, keeps
// its data beside itself, fits into 150 MiB, and ends well when it is asked to.
func TestStart(t *testing.T) {
	t.Parallel()
	ports, err := stack.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cmd := beepCommand(t, dir, []string{fmt.Sprintf("BEEP_HTTP=127.0.0.1:%d", ports[0])})
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cmd.Stderr = &log
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	address := printedURL(bufio.NewScanner(out))
	took := time.Since(begun)
	if address == "" {
		t.Fatalf("it printed no address: %s", log.String())
	}
	openPage(t, address)
	rss := resident(t, cmd.Process.Pid)
	t.Logf("from start to the address %s, at rest %d MiB", took.Round(time.Millisecond), rss>>20)
	if took > slack*3*time.Second {
		t.Errorf("it took %s to print its address, want at most 3 s", took)
	}
	if rss > 150<<20 {
		t.Errorf("at rest it takes %d MiB, want at most 150", rss>>20)
	}
	if files, err := filepath.Glob(filepath.Join(dir, "data", "*.db")); err != nil || len(files) != 3 {
		t.Errorf("its data is %v, %v", files, err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("told to end: %v\n%s", err, log.String())
	}
}

// printedURL reads until the line with the address.
func printedURL(lines *bufio.Scanner) string {
	at := regexp.MustCompile(`https?://\S+`)
	for lines.Scan() {
		if address := at.FindString(lines.Text()); address != "" {
			return address
		}
	}
	return ""
}

// resident is the memory that a process holds.
func resident(t *testing.T, pid int) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(text)
	if m == nil {
		t.Fatalf("no VmRSS in %s", text)
	}
	kib, err := strconv.ParseInt(string(m[1]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}

// TestCommands: what the program says about itself, and what it says to those who ask for something that is not.
func TestCommands(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() }) // after the subtests
	for _, c := range []struct {
		args string
		ok   bool
		says []string // all of them
	}{
		{"--help", true, []string{"self", "serve", "migrate", "dev-certs", "version", "./data", "--help"}},
		{"serve --help", true, []string{"BEEP_HTTP", "BEEP_DATA", "BEEP_REDIS", "BEEP_SMTP", "default"}},
		{"migrate --help", true, []string{"--check"}},
		{"version", true, []string{"beep "}},
		{"--nonsense", false, []string{"unknown flag --nonsense", "Usage"}},
		{"nonsense", false, []string{"nonsense", "Usage"}},
		{"serve --target=voice", false, []string{`no target "voice"`, "gateway"}},
		{"serve --target=gateway", false, []string{"--certs"}},
		{"serve --target=gateway --certs=/nowhere", false, []string{"/nowhere/ca.pem"}},
		{"serve --http=8080", false, []string{"HTTP address", "8080"}},
		{"serve --http=" + taken.Addr().String(), false, []string{"address already in use"}},
		{"serve --public-url=ftp://beep.example", false, []string{"public URL", "ftp://beep.example"}},
		{"serve --origins=friend.example", false, []string{"origin", "friend.example"}},
		{"serve --otlp=collector", false, []string{"OTLP", "collector"}},
		{"serve --message-rate=-1", false, []string{"message rate"}},
		{"serve --message-rate=many", false, []string{"--message-rate", "many"}},
		{"serve --drain=soon", false, []string{"--drain", "soon"}},
		{"serve --log-level=loud", false, []string{"--log-level", "loud", "debug"}},
		{"serve --servers-store=mysql://db", false, []string{"servers", "mysql", "postgres://"}},
		{"serve --messages-store=postgres://127.0.0.1:1/beep?connect_timeout=1", false, []string{"messages"}},
		{"serve --redis=nonsense", false, []string{"Redis URL"}},
		{"serve --smtp=mail.example", false, []string{"smtp://"}},
		{"dev-certs", false, []string{"<dir>"}},
	} {
		t.Run(c.args, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			cmd := exec.CommandContext(ctx, site.bin, strings.Fields(c.args)...)
			cmd.Dir, cmd.Env = t.TempDir(), []string{"BEEP_HTTP=127.0.0.1:0"}
			out, err := cmd.CombinedOutput()
			if ctx.Err() != nil {
				t.Fatalf("it went on: %s", out)
			}
			var exit *exec.ExitError
			if (err == nil) != c.ok || (err != nil && !errors.As(err, &exit)) {
				t.Errorf("it ended with %v", err)
			}
			for _, want := range c.says {
				if !strings.Contains(string(out), want) {
					t.Errorf("it does not say %q: %s", want, out)
				}
			}
			if strings.Contains(string(out), "goroutine ") {
				t.Errorf("it panicked: %s", out)
			}
		})
	}
}

// TestMigrate: what is missing is named without being changed, then brought up to date, and then nothing is missing.
func TestMigrate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	env := freshStores(t, dir)
	for _, step := range []struct {
		args string
		ok   bool
		says string
	}{
		{"migrate --check", false, "users: 0001"},
		{"migrate --check", false, "missing"},
		{"migrate", true, "messages: 0001"},
		{"migrate --check", true, ""},
		{"migrate", true, ""},
	} {
		out, err := beepCommand(t, dir, env, strings.Fields(step.args)...).CombinedOutput()
		if (err == nil) != step.ok || !strings.Contains(string(out), step.says) {
			t.Errorf("%s: %v %s, want ok %t and %q", step.args, err, out, step.ok, step.says)
		}
		if step.ok && step.says == "" && strings.Contains(string(out), "0001") {
			t.Errorf("%s still names %s", step.args, out)
		}
	}
}

// freshStores are settings of empty stores of the kind that the installation is on.
func freshStores(t *testing.T, dir string) []string {
	t.Helper()
	if site.mode == stack.All {
		return []string{"BEEP_DATA=" + filepath.Join(dir, "data")}
	}
	var env []string
	for _, name := range []string{"users", "servers", "messages"} {
		url, err := site.postgres.CreateDatabase(t.Context(), "beep_fresh_"+name)
		if err != nil {
			t.Fatal(err)
		}
		env = append(env, "BEEP_"+strings.ToUpper(name)+"_STORE="+url)
	}
	return env
}

// TestHealth: whoever runs it can ask each process if it lives, if it can serve, and how it does, and none of that is
// on the address that everyone reaches.
func TestHealth(t *testing.T) {
	t.Parallel()
	for _, base := range site.Gateways {
		for _, path := range []string{"/metrics", "/readyz", "/healthz", "/debug/pprof/", "/debug/vars"} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+path, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			_, out := exchange(t, r) // the client's page, which routes by itself
			if strings.Contains(string(out), "go_goroutines") || strings.HasPrefix(string(out), "ok") || strings.HasPrefix(string(out), "ready") {
				t.Errorf("%s is public: %.100s", path, out)
			}
		}
	}
	for name, address := range site.Health {
		for path, want := range map[string]string{"/healthz": "ok", "/readyz": "ready", "/metrics": "go_goroutines"} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			if resp, out := exchange(t, r); resp.StatusCode != http.StatusOK || !strings.Contains(string(out), want) {
				t.Errorf("%s of %s: got %d %.200s", path, name, resp.StatusCode, out)
			}
		}
	}
	if len(site.Health) != len(site.Processes) {
		t.Errorf("%d of %d processes tell of their health", len(site.Health), len(site.Processes))
	}
}

// TestHealth_OfWhatDoesNotAnswer: a server that takes connections and then says nothing must not make the answer about
// readiness wait for it; the answer names it.
func TestHealth_OfWhatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // the kernel takes the connections, nobody reads them
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	ports, err := stack.FreePorts(2)
	if err != nil {
		t.Fatal(err)
	}
	health := fmt.Sprintf("127.0.0.1:%d", ports[1])
	cmd := beepCommand(t, t.TempDir(), []string{
		fmt.Sprintf("BEEP_HTTP=127.0.0.1:%d", ports[0]), "BEEP_HEALTH=" + health, "BEEP_REDIS=redis://" + silent.Addr().String(),
	})
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() })
	if printedURL(bufio.NewScanner(out)) == "" {
		t.Fatal("it printed no address")
	}
	for path, want := range map[string]string{"/readyz": "ready without: redis\n", "/healthz": "ok\n"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+health+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		if _, body := exchange(t, r); string(body) != want {
			t.Errorf("%s answers %q, want %q", path, body, want)
		}
		if took := time.Since(begun); took > slack*2*time.Second {
			t.Errorf("%s took %s, want 2 s at most and some for the way", path, took)
		}
	}
}
