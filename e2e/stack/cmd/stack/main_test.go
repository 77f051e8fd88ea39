package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestRun_TellsTheCommandTheAddresses(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	err := run(t.Context(), true, true, []string{"sh", "-c", `echo "$BEEP_TEST_POSTGRES $BEEP_TEST_REDIS" > "$0"`, out})
	if err != nil && strings.Contains(err.Error(), "not installed") && os.Getenv("BEEP_TEST_REQUIRE_REAL") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	pg, redis, _ := strings.Cut(strings.TrimSpace(string(got)), " ")
	if !strings.HasPrefix(pg, "postgres://beep@127.0.0.1:") || !strings.HasPrefix(redis, "redis://127.0.0.1:") {
		t.Errorf("the command was told %q", got)
	}
}

func TestRun_StartsOnlyWhatIsAskedFor(t *testing.T) {
	t.Setenv("BEEP_TEST_POSTGRES", "")
	t.Setenv("BEEP_TEST_REDIS", "")
	if err := run(t.Context(), false, false, []string{"sh", "-c", `test -z "$BEEP_TEST_POSTGRES$BEEP_TEST_REDIS"`}); err != nil {
		t.Errorf("run = %v", err)
	}
}

func TestRun_AnswersTheExitCode(t *testing.T) {
	t.Parallel()
	err := run(t.Context(), false, false, []string{"sh", "-c", "exit 7"})
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Errorf("run = %v, want exit code 7", err)
	}
}
