package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/beep-chat/beep"
)

const (
	maxGroup     = 64                   // closures in one COMMIT
	maxGroupTime = 2 * time.Millisecond // a group takes no more in once it has run this long
)

// errGoexit answers a group one of whose closures ended the goroutine.
var errGoexit = errors.New("sqldb: a transaction's closure ended its goroutine")

// job is one transaction on its way to the writer. ctx is kept for the hand-over only.
type job struct {
	ctx  context.Context
	fn   func(conn execer) error
	err  error
	done chan struct{} // closed by the writer, once err is final
}

// writer is the one goroutine that writes a SQLite file. It takes the jobs that wait, runs each in a SAVEPOINT of one
// transaction, so that a failure undoes its own job only, and answers all of them after the one COMMIT, which is one
// fsync. While it commits, the next group gathers: the busier, the larger. Nobody waits for a group to fill.
type writer struct {
	pool    *sql.DB       // of one connection
	jobs    chan *job     // unbuffered: what was not taken can still be withdrawn; senders block
	closing chan struct{} // closed by close
	ended   chan struct{} // closed by the goroutine
	once    sync.Once

	transactions, commits atomic.Uint64
	failure               atomic.Pointer[error] // set once: see broken

	// Owned by the goroutine.
	conn  *sql.Conn // nil after a failure, until the next group
	group []*job
}

func startWriter(ctx context.Context, pool *sql.DB) (*writer, error) {
	w := &writer{pool: pool, jobs: make(chan *job), closing: make(chan struct{}), ended: make(chan struct{})}
	var err error
	// Opened at the start, so that a file that cannot be had is an error of Open.
	if w.conn, err = pool.Conn(ctx); err != nil {
		return nil, errors.Join(classify(err), pool.Close())
	}
	go w.run(context.WithoutCancel(ctx)) // ended by close, which waits for it
	return w, nil
}

// do waits for fn's turn and for its COMMIT.
func (w *writer) do(ctx context.Context, fn func(conn execer) error) error {
	j := &job{ctx: ctx, fn: fn, done: make(chan struct{})}
	select {
	case w.jobs <- j:
	case <-ctx.Done():
		return ctx.Err()
	case <-w.closing:
		return ErrClosed
	}
	// From here fn may be running, and it uses the caller's variables: wait whatever happens to ctx.
	<-j.done
	return classify(j.err)
}

// broken is the failed fsync after which this process writes no more. What the kernel then holds may differ from the
// disk and a second fsync may lie about it, so only a start, which reads the log anew, goes on.
func (w *writer) broken() error {
	if p := w.failure.Load(); p != nil {
		return beep.Unavailable(*p)
	}
	return nil
}

func (w *writer) close() error {
	w.once.Do(func() { close(w.closing) })
	<-w.ended
	var errs []error
	// The goroutine has ended, so its fields may be touched.
	if w.conn != nil {
		errs = append(errs, w.conn.Close())
		w.conn = nil
	}
	return errors.Join(append(errs, w.pool.Close())...)
}

// run is the goroutine. Its ctx never ends: a statement of a group is not interrupted for one of its callers.
func (w *writer) run(ctx context.Context) {
	normal := false
	defer func() {
		if normal {
			close(w.ended)
			return
		}
		// A closure ended this goroutine (runtime.Goexit, as t.Fatal does). Its group is undone, the writer goes on.
		w.discard(ctx)
		w.answer(errGoexit)
		go w.run(ctx)
	}()
	for {
		select {
		case j := <-w.jobs:
			w.runGroup(ctx, j)
		case <-w.closing:
			normal = true
			return
		}
	}
}

// runGroup commits first and those that wait behind it.
func (w *writer) runGroup(ctx context.Context, first *job) {
	w.group = append(w.group[:0], first)
	if err := w.begin(ctx); err != nil {
		w.answer(err)
		return
	}
	start := time.Now()
	for j := first; j != nil; j = w.next(start) {
		if err := w.runJob(ctx, j); err != nil {
			// The transaction itself is gone (disk full, say), and with it what the group did so far.
			w.discard(ctx)
			w.answer(fmt.Errorf("sqldb: the group's transaction: %w", err))
			return
		}
	}
	w.commit(ctx)
}

// next is one more job for the group, nil if none waits or the group is full.
func (w *writer) next(start time.Time) *job {
	if len(w.group) >= maxGroup || time.Since(start) > maxGroupTime {
		return nil
	}
	select {
	case j := <-w.jobs:
		w.group = append(w.group, j)
		return j
	default:
		return nil
	}
}

func (w *writer) begin(ctx context.Context) error {
	if err := w.broken(); err != nil {
		return err
	}
	if w.conn == nil {
		conn, err := w.pool.Conn(ctx)
		if err != nil {
			return err
		}
		w.conn = conn
	}
	// IMMEDIATE takes the lock for writing now. A transaction that took it only with its first change could find the
	// file changed since it began to read, and no wait would help it then.
	err := w.exec(ctx, "BEGIN IMMEDIATE")
	if err != nil {
		w.discard(ctx)
	}
	return err
}

// runJob runs one closure in its SAVEPOINT and keeps its error in the job; what it answers itself is the failure of
// the whole transaction.
func (w *writer) runJob(ctx context.Context, j *job) error {
	if j.err = j.ctx.Err(); j.err != nil {
		return nil //nolint:nilerr // the caller gave up; the transaction is sound
	}
	w.transactions.Add(1)
	if err := w.exec(ctx, "SAVEPOINT job"); err != nil {
		return err
	}
	if j.err = j.fn(w.conn); j.err != nil {
		// This undoes the job but leaves its SAVEPOINT open, for RELEASE below.
		if err := w.exec(ctx, "ROLLBACK TO job"); err != nil {
			return errors.Join(j.err, err)
		}
	}
	// This fails where SQLite rolled the transaction back beneath us, even if the closure swallowed that error.
	return w.exec(ctx, "RELEASE job")
}

func (w *writer) commit(ctx context.Context) {
	err := w.exec(ctx, "COMMIT")
	w.commits.Add(1)
	if err == nil {
		w.answer(nil)
		return
	}
	w.discard(ctx)
	err = fmt.Errorf("sqldb: commit: %w", err)
	if code := sqliteCode(err); code == sqlite3.SQLITE_IOERR_FSYNC || code == sqlite3.SQLITE_IOERR_DIR_FSYNC {
		failure := fmt.Errorf("sqldb: no more writes until a restart: %w", err)
		w.failure.Store(&failure)
	}
	w.answer(err)
}

// answer ends the group: err for everyone, else each its own.
func (w *writer) answer(err error) {
	for _, j := range w.group {
		if err != nil {
			j.err = err
		}
		close(j.done)
	}
	// Else the array would hold the closures, and all that they refer to, until the next group.
	clear(w.group)
	w.group = w.group[:0]
}

// discard closes the connection, which rolls back what it had begun; the next group opens another.
func (w *writer) discard(ctx context.Context) {
	if w.conn == nil {
		return
	}
	_ = w.exec(ctx, "ROLLBACK") // fails where there is nothing left to roll back
	// Raw's error makes database/sql drop the connection instead of giving it out again.
	_ = w.conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = w.conn.Close()
	w.conn = nil
}

func (w *writer) exec(ctx context.Context, statement string) error {
	_, err := w.conn.ExecContext(ctx, statement)
	return err
}
