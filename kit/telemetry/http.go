package telemetry

import (
	"bufio"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// HTTP is what every public request passes: a span, a metric, the one line about it in the log, and an end to panics.
// Addresses are logged without their query, which may hold codes.
func (t *Telemetry) HTTP(next http.Handler) http.Handler {
	tracer := t.tracer.Tracer("beep/http")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		ctx, span := tracer.Start(requestContext(r), r.Method, trace.WithSpanKind(trace.SpanKindServer))
		rec := &recorder{ResponseWriter: w, status: http.StatusOK}
		defer func() {
			if p := recover(); p != nil {
				t.log.ErrorContext(ctx, "request panicked", "panic", p, "stack", string(debug.Stack()))
				if !rec.wrote {
					rec.WriteHeader(http.StatusInternalServerError)
				}
			}
			span.End()
			took := time.Since(start)
			t.http.WithLabelValues(r.Method, strconv.Itoa(rec.status)).Observe(took.Seconds())
			t.log.LogAttrs(ctx, slog.LevelInfo, "request", slog.String("method", r.Method), slog.String("path", r.URL.Path),
				slog.Int("status", rec.status), slog.Duration("took", took))
		}()
		next.ServeHTTP(rec, r.WithContext(ctx))
	})
}

// recorder remembers the status.
type recorder struct {
	http.ResponseWriter
	status int
	wrote  bool
}

// WriteHeader remembers and passes on.
func (w *recorder) WriteHeader(status int) {
	if !w.wrote {
		w.status, w.wrote = status, true
	}
	w.ResponseWriter.WriteHeader(status)
}

// Hijack hands the connection over to who speaks another protocol on it: the request ends there, and what follows is no
// part of it.
func (w *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		w.status, w.wrote = http.StatusSwitchingProtocols, true
	}
	return conn, rw, err
}

// Write passes on.
func (w *recorder) Write(b []byte) (int, error) {
	w.wrote = true
	return w.ResponseWriter.Write(b)
}

// Unwrap serves http.ResponseController.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }
