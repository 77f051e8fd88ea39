// Package app is the composition root: configuration, the table of targets, who may call what, and running
// them in one process or apart. It is the only package that knows which. Start with Run and targets.go.
package app

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"

	"github.com/beep-chat/beep/kit/rpc"
	"github.com/beep-chat/beep/kit/sqldb"
	"github.com/beep-chat/beep/kit/telemetry"
	messagesql "github.com/beep-chat/beep/messages/sqlstore"
	serversql "github.com/beep-chat/beep/servers/sqlstore"
	usersql "github.com/beep-chat/beep/users/sqlstore"
)

// Logger logs JSON lines from a level up, without secrets.
func Logger(w io.Writer, level string) *slog.Logger { return telemetry.NewLogger(w, level) }

// DevCerts writes a CA and a certificate for each target to a folder, for tests: the CA's key is thrown away.
func DevCerts(dir string) error {
	ca, err := rpc.NewCA()
	if err != nil {
		return err
	}
	return ca.Save(dir, Targets()...)
}

// Migrate brings the schemas of the configured stores up to date, or, with check, only says what is missing
// and fails if anything is. A process that starts does the same by itself; this is for operators who want it
// done before.
func Migrate(ctx context.Context, cfg Config, check bool, out io.Writer) error {
	cfg, err := cfg.resolve()
	if err != nil {
		return err
	}
	missing := 0
	// Every target with a schema. One that is missing here is migrated by its own start only, and no check tells.
	for _, s := range []schema{
		{targetServers, cfg.ServersStore, serversql.Migrations()},
		{targetUsers, cfg.UsersStore, usersql.Migrations()},
		{targetMessages, cfg.MessagesStore, messagesql.Migrations()},
	} {
		n, err := s.migrate(ctx, check, out)
		if err != nil {
			return fmt.Errorf("%s store: %w", s.name, err)
		}
		missing += n
	}
	if check && missing > 0 {
		return fmt.Errorf("%d migrations are missing", missing)
	}
	return nil
}

// schema is one store's.
type schema struct {
	name, url  string
	migrations fs.FS
}

// migrate prints what is missing and, unless it only checks, applies it.
func (s schema) migrate(ctx context.Context, check bool, out io.Writer) (missing int, err error) {
	pending, err := sqldb.Pending(ctx, s.url, s.migrations)
	if err != nil {
		return 0, err
	}
	for _, name := range pending {
		if _, err := fmt.Fprintf(out, "%s: %s\n", s.name, name); err != nil {
			return 0, err
		}
	}
	if check || len(pending) == 0 {
		return len(pending), nil
	}
	// Not before: a check leaves no folder behind.
	if err := makeFolder(s.url); err != nil {
		return 0, err
	}
	db, err := sqldb.Open(ctx, s.url, s.migrations)
	if err != nil {
		return 0, err
	}
	return len(pending), db.Close()
}
