package telemetry

import (
	"io"
	"log/slog"
	"strings"
)

// secret names of attributes: whatever they hold is not written.
var secret = []string{"token", "authorization", "password", "secret", "cookie", "content", "email"}

// NewLogger logs JSON lines from a level up ("debug", "info", "warn", "error"). Attributes whose names say
// that they hold a secret, an address or what somebody wrote are blanked, wherever they come from.
func NewLogger(w io.Writer, level string) *slog.Logger {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		l = slog.LevelInfo
	}
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: l, ReplaceAttr: blank}))
}

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
