package permify_test

import (
	"crypto/rand"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/beep-chat/beep/authz"
	"github.com/beep-chat/beep/authz/authztest"
	"github.com/beep-chat/beep/authz/permify"
)

// address is that of a tenant that no other test uses, of the Permify that BEEP_TEST_PERMIFY names. Without one the test
// is skipped, or with BEEP_TEST_REQUIRE_REAL=1 fails.
func address(tb testing.TB) string {
	tb.Helper()
	server := os.Getenv("BEEP_TEST_PERMIFY")
	if server == "" && os.Getenv("BEEP_TEST_REQUIRE_REAL") == "1" {
		tb.Fatal("BEEP_TEST_REQUIRE_REAL=1, and BEEP_TEST_PERMIFY is not set")
	}
	if server == "" {
		tb.Skip("BEEP_TEST_PERMIFY is not set")
	}
	return server + "/test" + strings.ToLower(rand.Text())
}

// open is a Graph that is closed when the test ends.
func open(tb testing.TB, address string) *permify.Graph {
	tb.Helper()
	g, err := permify.Open(address)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = g.Close() })
	return g
}

// remote is an engine over a Permify, as an installation has it but for the options.
func remote(tb testing.TB, address string, log *authztest.Log, o authz.RemoteOptions) *authz.Remote {
	tb.Helper()
	return authztest.Remote(open(tb, address), log, o)
}

// worlds is how many random servers are asked about: as many as an hour is long enough for with BEEP_SOAK=1.
func worlds(full int) int {
	if os.Getenv("BEEP_SOAK") != "" {
		return full * 20
	}
	if testing.Short() {
		return full / 20
	}
	return full
}

func TestGraph(t *testing.T) {
	t.Parallel()
	authztest.RunGraph(t, worlds(250), func(t *testing.T) authz.Graph { t.Helper(); return open(t, address(t)) })
}

func TestEngine(t *testing.T) {
	t.Parallel()
	authztest.Run(t, worlds(250), func(t *testing.T, log *authztest.Log) authz.Engine {
		t.Helper()
		return remote(t, address(t), log, authz.RemoteOptions{CacheTTL: 10 * time.Second, Sample: 1})
	})
}
