package storetest

import (
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/beep-chat/beep/messages"
	"github.com/beep-chat/beep/messages/sqlstore"
)

// recorder is a testing.TB whose failures are expected.
type recorder struct {
	testing.TB

	failed atomic.Bool
}

func (r *recorder) Errorf(string, ...any) { r.failed.Store(true) }

func (r *recorder) Fatalf(string, ...any) {
	r.failed.Store(true)
	runtime.Goexit()
}

// run runs the contract on a store and answers the first group that fails, if any.
func run(t *testing.T, wrap func(messages.Store) messages.Store) string {
	t.Helper()
	for _, g := range groups() {
		s, err := sqlstore.Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "messages.db"))
		if err != nil {
			t.Fatal(err)
		}
		r := &recorder{TB: t}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			g.test(r, wrap(s))
		}()
		<-ended
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if r.failed.Load() {
			return g.name
		}
	}
	return ""
}

func TestRun_FindsPlantedFaults(t *testing.T) {
	t.Parallel()
	for _, f := range Faults() {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			failed := run(t, f.Wrap)
			if failed == "" {
				t.Error("the contract passes with the fault planted")
			}
			t.Logf("found by %s", failed)
		})
	}
}

// TestRun_PassesAsItIs shows that the recorder does not fail by itself.
func TestRun_PassesAsItIs(t *testing.T) {
	t.Parallel()
	if failed := run(t, func(s messages.Store) messages.Store { return s }); failed != "" {
		t.Errorf("%s fails without a fault", failed)
	}
}
