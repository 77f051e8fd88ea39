package app

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"runtime/debug"

	"github.com/beep-chat/beep/kit/rpc"
	"github.com/beep-chat/beep/kit/sqldb"
	"github.com/beep-chat/beep/kit/telemetry"
	messagesql "github.com/beep-chat/beep/messages/sqlstore"
	serversql "github.com/beep-chat/beep/servers/sqlstore"
	usersql "github.com/beep-chat/beep/users/sqlstore"
)

// Logger logs JSON lines from a level up, without secrets.
func Logger(w io.Writer, level string) *slog.Logger { return telemetry.NewLogger(w, level) }

// Version is the version of this build, as the Go toolchain recorded it.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(unknown)"
	}
	return info.Main.Version
}

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
	for _, s := range []struct {
		name, url  string
		migrations fs.FS
	}{
		{targetServers, cfg.ServersStore, serversql.Migrations()}, {targetUsers, cfg.UsersStore, usersql.Migrations()},
		{targetMessages, cfg.MessagesStore, messagesql.Migrations()},
	} {
		pending, err := sqldb.Pending(ctx, s.url, s.migrations)
		if err != nil {
			return fmt.Errorf("%s store: %w", s.name, err)
		}
		missing += len(pending)
		for _, name := range pending {
			if _, err := fmt.Fprintf(out, "%s: %s\n", s.name, name); err != nil {
				return err
			}
		}
		if check || len(pending) == 0 {
			continue
		}
		if err := makeFolder(s.url); err != nil {
			return err
		}
		db, err := sqldb.Open(ctx, s.url, s.migrations)
		if err != nil {
			return fmt.Errorf("%s store: %w", s.name, err)
		}
		if err := db.Close(); err != nil {
			return err
		}
	}
	if check && missing > 0 {
		return fmt.Errorf("%d migrations are missing", missing)
	}
	return nil
}
