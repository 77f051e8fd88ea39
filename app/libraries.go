package app

import (
	"context"
	"log/slog"
)

// LibraryLog is what libraries that log by themselves get: their warnings, not their chatter. Our own code logs to
// the logger that it is given.
func LibraryLog(log *slog.Logger) *slog.Logger { return slog.New(warnings{log.Handler()}) }

// warnings hands on what is at least a warning.
type warnings struct{ slog.Handler }

// Enabled says so.
func (w warnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && w.Handler.Enabled(ctx, level)
}

// WithAttrs keeps to it.
func (w warnings) WithAttrs(attrs []slog.Attr) slog.Handler {
	return warnings{w.Handler.WithAttrs(attrs)}
}

// WithGroup keeps to it.
func (w warnings) WithGroup(name string) slog.Handler { return warnings{w.Handler.WithGroup(name)} }
