// Package stack starts what the black-box tests stand on: PostgreSQL, Redis, Permify and Beep's own targets, each a real
// process on loopback ports of its own. It knows how to start, watch, kill, freeze and restart them; what Beep is
// told (its flags and variables) is the caller's business. Start at Start, StartPostgres and StartRedis.
//
// Nothing outlives the process that started it: the kernel ends the children when it dies, however it dies.
package stack

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Ports come from below the range that the kernel takes source ports from (32768 and up). Otherwise a connection
// that happens to be opened while a killed process is down takes its port, and it cannot be restarted on it.
const (
	firstPort = 15000
	lastPort  = 30000
)

// FreePorts finds n different loopback ports on which nobody listens. They are not held: start soon.
func FreePorts(n int) ([]int, error) {
	var listen net.ListenConfig
	ports := make([]int, 0, n)
	for tries := 0; len(ports) < n; tries++ {
		if tries > 100*n {
			return nil, errors.New("no free port on loopback")
		}
		port := firstPort + rand.IntN(lastPort-firstPort) //nolint:gosec // only has to differ between test runs
		l, err := listen.Listen(context.Background(), "tcp", loopback(port))
		if err != nil {
			continue
		}
		// Held until all are found, so that no port comes twice.
		defer l.Close()
		ports = append(ports, port)
	}
	return ports, nil
}

func freePort() (int, error) {
	ports, err := FreePorts(1)
	if err != nil {
		return 0, err
	}
	return ports[0], nil
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// poll calls probe every 20 ms until it answers nil; with ctx it ends in the last error of probe.
func poll(ctx context.Context, probe func(context.Context) error) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := probe(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		case <-tick.C:
		}
	}
}

// tempDir makes a folder that another user can reach too: PostgreSQL does not run as root.
func tempDir(name string) (string, error) {
	dir, err := os.MkdirTemp("", "beep-"+name+"-")
	if err != nil {
		return "", err
	}
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // see above; what is secret lies deeper
		return "", err
	}
	return filepath.EvalSymlinks(dir)
}
