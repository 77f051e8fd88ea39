package stack

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Redis is a Redis server of its own that keeps nothing on disk.
type Redis struct {
	// Process may be killed and restarted under the tests; it then starts empty.
	Process *Process
	// URL leads to its database 0.
	URL string

	dir string
}

// StartRedis starts a server; Close ends it.
func StartRedis(ctx context.Context) (*Redis, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, fmt.Errorf("redis: not installed (Debian: apt-get install redis-server): %w", err)
	}
	port, err := freePort()
	if err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	dir, err := tempDir("redis")
	if err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	process, err := Start(ctx, Spec{
		Name: "redis",
		Path: path,
		Args: []string{
			"--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", dir,
			"--save", "", "--appendonly", "no", "--maxclients", "4000",
		},
		Log:   filepath.Join(dir, "log"),
		Ready: func(ctx context.Context) error { return ping(ctx, loopback(port)) },
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("redis: %w", err), os.RemoveAll(dir))
	}
	return &Redis{Process: process, URL: "redis://" + loopback(port) + "/0", dir: dir}, nil
}

// database is the URL of one of its databases.
func (r *Redis) database(n int) string {
	return strings.TrimSuffix(r.URL, "/0") + "/" + strconv.Itoa(n)
}

// Close ends the server and removes its folder.
func (r *Redis) Close() error {
	r.Process.Kill() // there is nothing to write
	return os.RemoveAll(r.dir)
}

// ping asks a server for a sign of life in its own protocol. It is short enough to need no client of Redis's.
func ping(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return err
		}
	}
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return err
	}
	if answer != "+PONG\r\n" {
		return fmt.Errorf("ping answers %q", answer)
	}
	return nil
}
