package telemetry

import (
	"context"
	"io"
	"log/slog"
	"strings"
)

// secret names of attributes: whatever they hold is not written.
var secret = []string{"token", "authorization", "password", "secret", "cookie", "content", "email"}

// NewLogger logs JSON lines from a level up ("debug", "info", "warn", "error"). Attributes whose names say
// that they hold a secret, an address or what somebody wrote are blanked, wherever they come from. A line about a
// request names its trace, so that all lines of one request, in every process, are found by what its answer said.
func NewLogger(w io.Writer, level string) *slog.Logger {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		l = slog.LevelInfo
	}
	return slog.New(traced{slog.NewJSONHandler(w, &slog.HandlerOptions{Level: l, ReplaceAttr: blank})})
}

// traced adds the trace of the context that a line is logged with.
type traced struct{ slog.Handler }

// Handle adds it.
func (h traced) Handle(ctx context.Context, r slog.Record) error {
	if id := traceID(ctx); id != "" {
		r.AddAttrs(slog.String("trace_id", id))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs keeps adding it.
func (h traced) WithAttrs(attrs []slog.Attr) slog.Handler { return traced{h.Handler.WithAttrs(attrs)} }

// WithGroup keeps adding it.
func (h traced) WithGroup(name string) slog.Handler { return traced{h.Handler.WithGroup(name)} }

// blank goes by an attribute's name, or by its last word. Numbers hold no secret.
func blank(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() != slog.KindString && a.Value.Kind() != slog.KindAny {
		return a
	}
	name := strings.ToLower(a.Key)
	for _, s := range secret {
		if name == s || strings.HasSuffix(name, "_"+s) {
			return slog.String(a.Key, "[redacted]")
		}
	}
	return a
}
