package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/beep-chat/beep"
)

const (
	acquireTimeout = 2 * time.Second // waiting for a connection of the pool; then the answer is Unavailable
	connectTimeout = 5 * time.Second
	// With the pauses between them twenty tries take most of a second; who has not come through by then is told to come
	// back.
	maxRetries = 20
	maxBackOff = 100 * time.Millisecond
)

// postgres is the pool of one server.
type postgres struct {
	pool                           *pgxpool.Pool
	db                             *sql.DB // the same pool, as database/sql shows it
	schema                         string  // search_path of the URL; empty: the server's default
	transactions, commits, retries atomic.Uint64
}

func openPostgres(ctx context.Context, rawURL string) (*DB, error) {
	cfg, err := pgxpool.ParseConfig(rawURL) // its error hides the password
	if err != nil {
		return nil, fmt.Errorf("sqldb: %w", err)
	}
	// What an operator has not set. Bounds on the server's side, because a client that is gone can't cancel: a process
	// that froze in a transaction would hold its locks, and with them everyone, until TCP gives up.
	params := cfg.ConnConfig.RuntimeParams
	for name, value := range map[string]string{
		"application_name":                    "beep",
		"statement_timeout":                   "10s",
		"lock_timeout":                        "5s",
		"idle_in_transaction_session_timeout": "30s",
	} {
		if _, set := params[name]; !set {
			params[name] = value
		}
	}
	if !strings.Contains(rawURL, "pool_max_conns") {
		// pgx goes by the processors of this machine, down to 4; what waits here is the other machine's disk.
		cfg.MaxConns = max(cfg.MaxConns, 8)
	}
	// Connections opened together, after a failover, would else end together ever after.
	cfg.MaxConnLifetimeJitter = 5 * time.Minute
	cfg.ConnConfig.ConnectTimeout = connectTimeout
	// Keep-alives find out about a server that went without a word, as in a failover.
	cfg.ConnConfig.DialFunc = (&net.Dialer{Timeout: connectTimeout, KeepAlive: 15 * time.Second}).DialContext
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("sqldb: %w", err)
	}
	p := &postgres{pool: pool, schema: params["search_path"]}
	p.db = sql.OpenDB(boundedConnector{stdlib.GetPoolConnector(pool)})
	p.db.SetMaxIdleConns(0) // the pool beneath keeps them, with their prepared statements
	db := &DB{Dialect: Postgres, reads: p.db, texts: newTextCache(Postgres), postgres: p}
	if err := db.Ping(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("sqldb: connect to %s: %w", cfg.ConnConfig.Host, err), db.Close())
	}
	return db, nil
}

// boundedConnector bounds the wait for a connection of the pool, so that an exhausted one answers instead of queueing.
type boundedConnector struct{ driver.Connector }

// Connect takes a connection out of the pool.
func (c boundedConnector) Connect(ctx context.Context) (driver.Conn, error) {
	wait, cancel := context.WithTimeout(ctx, acquireTimeout)
	defer cancel()
	conn, err := c.Connector.Connect(wait)
	// Only the wait's own end is an outage: that of ctx is its caller's affair.
	if err != nil && ctx.Err() == nil && wait.Err() != nil {
		return nil, beep.Unavailable(fmt.Errorf("sqldb: no connection within %s: %w", acquireTimeout, err))
	}
	return conn, err
}

// tx runs fn until it meets no other transaction in its way.
func (p *postgres) tx(ctx context.Context, db *DB, fn func(tx *Tx) error, opts []Option) error {
	// Said, not left to the server, whose default an operator may have changed. The stores lock the rows they decide by;
	// a transaction that decides by rows that are not there asks for Serializable.
	options := &sql.TxOptions{Isolation: sql.LevelReadCommitted}
	for _, o := range opts {
		if o == Serializable {
			options.Isolation = sql.LevelSerializable
		}
	}
	for try := 0; ; try++ {
		err := p.once(ctx, db, fn, options)
		// Only what the server says it has undone is run again: after a connection that broke in COMMIT nobody knows.
		if !retryable(err) || try == maxRetries {
			return classify(err)
		}
		p.retries.Add(1)
		if err := backOff(ctx, try); err != nil {
			return err
		}
	}
}

func (p *postgres) once(ctx context.Context, db *DB, fn func(tx *Tx) error, options *sql.TxOptions) error {
	tx, err := p.db.BeginTx(ctx, options)
	if err != nil {
		return err
	}
	// Also when fn ends the goroutine; after a COMMIT it does nothing.
	defer func() { _ = tx.Rollback() }()
	p.transactions.Add(1)
	if err := db.runTx(tx, fn); err != nil {
		return err
	}
	p.commits.Add(1)
	return tx.Commit()
}

// backOff waits a random time that doubles with each try: those that collided come back apart.
func backOff(ctx context.Context, try int) error {
	ceiling := min(time.Millisecond<<min(try, 10), maxBackOff)
	timer := time.NewTimer(rand.N(ceiling) + 1) //nolint:gosec // spreading, not a secret
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *postgres) stats() Stats {
	s := p.pool.Stat()
	return Stats{
		Transactions: p.transactions.Load(), Commits: p.commits.Load(), Retries: p.retries.Load(),
		ReadsInUse: int(s.AcquiredConns()), ReadWait: s.EmptyAcquireWaitTime(),
	}
}
