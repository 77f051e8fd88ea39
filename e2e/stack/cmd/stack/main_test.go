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
	all := wanted{postgres: true, redis: true, permify: true}
	err := run(t.Context(), all, []string{"sh", "-c", `echo "$BEEP_TEST_POSTGRES $BEEP_TEST_REDIS $BEEP_TEST_PERMIFY" > "$0"`, out})
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
	at := strings.Fields(string(got))
	if len(at) != 3 || !strings.HasPrefix(at[0], "postgres://beep@127.0.0.1:") || !strings.HasPrefix(at[1], "redis://127.0.0.1:") ||
		!strings.HasPrefix(at[2], "permify://") {
		t.Errorf("the command was told %q", got)
	}
}

func TestRun_StartsOnlyWhatIsAskedFor(t *testing.T) {
	t.Setenv("BEEP_TEST_POSTGRES", "")
	t.Setenv("BEEP_TEST_REDIS", "")
	t.Setenv("BEEP_TEST_PERMIFY", "")
	if err := run(t.Context(), wanted{}, []string{"sh", "-c", `test -z "$BEEP_TEST_POSTGRES$BEEP_TEST_REDIS$BEEP_TEST_PERMIFY"`}); err != nil {
		t.Errorf("run = %v", err)
	}
}

func TestRun_AnswersTheExitCode(t *testing.T) {
	t.Parallel()
	err := run(t.Context(), wanted{}, []string{"sh", "-c", "exit 7"})
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Errorf("run = %v, want exit code 7", err)
	}
}
