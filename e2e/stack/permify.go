package stack

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"
)

// Permify is a Permify server of its own on a PostgreSQL that is given to it. It listens on all interfaces and cannot be
// told not to, so whoever calls it needs the key.
type Permify struct {
	// Process may be killed, paused and restarted under the tests. What was written is still there.
	Process *Process
	// URL is what BEEP_AUTHZ takes, with the key.
	URL string

	dir string
}

// permifys numbers the databases of the servers that this process starts.
var permifys atomic.Int64

// StartPermify starts a server in a new database; Close ends it.
func StartPermify(ctx context.Context, pg *Postgres) (*Permify, error) {
	path, err := permifyBin()
	if err != nil {
		return nil, fmt.Errorf("permify: %w", err)
	}
	ports, err := FreePorts(2) // it listens for others of its kind even where it is told that it is alone
	if err != nil {
		return nil, fmt.Errorf("permify: %w", err)
	}
	port := ports[0]
	url, err := pg.CreateDatabase(ctx, fmt.Sprintf("permify_%d_%d", os.Getpid(), permifys.Add(1)))
	if err != nil {
		return nil, fmt.Errorf("permify: %w", err)
	}
	dir, err := tempDir("permify")
	if err != nil {
		return nil, fmt.Errorf("permify: %w", err)
	}
	key := rand.Text()
	process, err := Start(ctx, Spec{
		Name: "permify",
		Path: path,
		Args: []string{"serve"},
		Env: []string{
			"PERMIFY_GRPC_PORT=" + strconv.Itoa(port), "PERMIFY_DISTRIBUTED_PORT=" + strconv.Itoa(ports[1]), "PERMIFY_HTTP_ENABLED=false", "PERMIFY_METER_ENABLED=false",
			"PERMIFY_AUTHN_ENABLED=true", "PERMIFY_AUTHN_METHOD=preshared", "PERMIFY_AUTHN_PRESHARED_KEYS=" + key,
			"PERMIFY_DATABASE_ENGINE=postgres", "PERMIFY_DATABASE_URI=" + url, "PERMIFY_DATABASE_AUTO_MIGRATE=true",
			"PERMIFY_RATE_LIMIT=1000000", "PERMIFY_LOG_LEVEL=error",
		},
		Log:   filepath.Join(dir, "log"),
		Ready: func(ctx context.Context) error { return accepts(ctx, loopback(port)) },
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("permify: %w", err), os.RemoveAll(dir))
	}
	return &Permify{Process: process, URL: "permify://" + key + "@" + loopback(port), dir: dir}, nil
}

// Tenant is the URL of a tenant by name, made when it is first used.
func (p *Permify) Tenant(name string) string { return p.URL + "/" + name }

// Close ends the server and removes its folder; the database goes with its PostgreSQL.
func (p *Permify) Close() error {
	p.Process.Kill() // what it has answered is committed
	return os.RemoveAll(p.dir)
}

// permifyBin finds the program that tools/permify builds.
func permifyBin() (string, error) {
	if path, err := exec.LookPath("permify"); err == nil {
		return path, nil
	}
	dir, err := os.Getwd()
	for err == nil && dir != filepath.Dir(dir) {
		if path, err := exec.LookPath(filepath.Join(dir, ".cache", "bin", "permify")); err == nil {
			return path, nil
		}
		dir = filepath.Dir(dir)
	}
	return "", errors.New("not installed (make permify)")
}

// accepts says whether anybody takes connections at an address.
func accepts(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err == nil {
		conn.Close()
	}
	return err
}
