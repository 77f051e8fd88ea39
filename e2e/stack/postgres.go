package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// Postgres is a PostgreSQL cluster of its own in a temporary folder.
type Postgres struct {
	// Process may be killed and restarted under the tests. What was committed is still there.
	Process *Process
	// URL leads to the database "beep", as a superuser without password.
	URL string

	bin, dir string
	port     int
	user     *syscall.Credential
}

// StartPostgres makes a cluster and starts it; Close ends it and removes its folder.
func StartPostgres(ctx context.Context) (*Postgres, error) {
	pg, err := newPostgres()
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	if err := pg.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("postgres: %w", err), pg.Close())
	}
	return pg, nil
}

func newPostgres() (*Postgres, error) {
	bin, err := postgresBin()
	if err != nil {
		return nil, err
	}
	owner, err := postgresUser()
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	dir, err := tempDir("postgres")
	if err != nil {
		return nil, err
	}
	if owner != nil {
		if err := os.Chown(dir, int(owner.Uid), int(owner.Gid)); err != nil {
			return nil, err
		}
	}
	return &Postgres{bin: bin, dir: dir, port: port, user: owner}, nil
}

func (pg *Postgres) start(ctx context.Context) error {
	data := filepath.Join(pg.dir, "data")
	// C collation and UTF-8 are what the schemas are written for; --no-sync because the folder is thrown away.
	if err := pg.command(ctx, "initdb", "-D", data, "-U", "beep", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"); err != nil {
		return err
	}
	port := strconv.Itoa(pg.port)
	process, err := Start(ctx, Spec{
		Name: "postgres",
		Path: filepath.Join(pg.bin, "postgres"),
		// Without fsync a commit survives the death of the server but not of the machine: enough for tests that
		// kill processes, and twice as fast. synchronous_commit stays on.
		Args: []string{
			"-D", data, "-k", pg.dir, "-h", "127.0.0.1", "-p", port,
			"-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=400", "-c", "shared_buffers=64MB",
		},
		Log: filepath.Join(pg.dir, "log"),
		Ready: func(ctx context.Context) error {
			return pg.command(ctx, "pg_isready", "-q", "-h", "127.0.0.1", "-p", port)
		},
		stop:   syscall.SIGINT, // fast shutdown: connections are cut, not waited for
		orphan: syscall.SIGINT,
		user:   pg.user,
	})
	if err != nil {
		return err
	}
	pg.Process = process
	pg.URL, err = pg.CreateDatabase(ctx, "beep")
	return err
}

// CreateDatabase makes an empty database and answers its URL. The name is an SQL identifier that needs no quotes.
func (pg *Postgres) CreateDatabase(ctx context.Context, name string) (url string, err error) {
	at := []string{"-h", "127.0.0.1", "-p", strconv.Itoa(pg.port), "-U", "beep"}
	if err := pg.command(ctx, "createdb", append(at, name)...); err != nil {
		return "", err
	}
	return fmt.Sprintf("postgres://beep@%s/%s?sslmode=disable", loopback(pg.port), name), nil
}

// Close stops the server and removes its folder. A server that was killed is closed the same way.
func (pg *Postgres) Close() error {
	if pg.Process != nil {
		// It may have been killed by a test, or refuse to end: what matters is that it is gone.
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = pg.Process.Stop(ctx)
	}
	return os.RemoveAll(pg.dir)
}

// command runs one of PostgreSQL's own programs to its end, as the cluster's user.
func (pg *Postgres) command(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(pg.bin, name), args...)
	cmd.Dir = pg.dir
	cmd.SysProcAttr = procAttr(pg.user, syscall.SIGKILL)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, out)
	}
	return nil
}

// postgresBin finds the folder of the server's programs: Debian keeps them off the PATH, one folder a version.
func postgresBin() (string, error) {
	folders, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", err
	}
	slices.SortFunc(folders, func(a, b string) int { return version(b) - version(a) })
	folders = append(folders, filepath.SplitList(os.Getenv("PATH"))...)
	for _, dir := range folders {
		if _, err := exec.LookPath(filepath.Join(dir, "initdb")); err == nil {
			return dir, nil
		}
	}
	return "", errors.New("not installed (Debian: apt-get install postgresql)")
}

// version is 15 for /usr/lib/postgresql/15/bin.
func version(bin string) int {
	n, err := strconv.Atoi(filepath.Base(filepath.Dir(bin)))
	if err != nil {
		return 0
	}
	return n
}

// postgresUser is whom the server runs as: ourselves, or, since it refuses to run as root, someone without rights.
func postgresUser() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil //nolint:nilnil // no other credential than ours is an answer
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(uidErr, gidErr); err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("we are root, which the server refuses, and there is neither user postgres nor nobody")
}
