package telemetry

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/attribute"
)

// readyTimeout bounds one look at all dependencies.
const readyTimeout = 2 * time.Second

// Handler serves /healthz (the process runs), /readyz (so does what it needs; what does not is named) and
// /metrics. It is for operators: not on the public address.
func (t *Telemetry) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		missing := t.missing(r.Context())
		if len(missing) > 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = fmt.Fprintln(w, "missing: "+strings.Join(missing, ", "))
			return
		}
		_, _ = fmt.Fprintln(w, "ready")
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{}))
	return mux
}

// missing asks every check at once and names those that fail.
func (t *Telemetry) missing(ctx context.Context) []string {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	t.mu.Lock()
	checks := slices.Clone(t.checks)
	t.mu.Unlock()
	failed := make([]string, len(checks))
	var all sync.WaitGroup
	for i, c := range checks {
		all.Go(func() {
			if err := c.ask(ctx); err != nil {
				failed[i] = c.name
				t.log.WarnContext(ctx, "not ready", "missing", c.name, "error", err)
			}
		})
	}
	all.Wait()
	return slices.DeleteFunc(failed, func(name string) bool { return name == "" })
}

func serviceName(name string) attribute.KeyValue { return attribute.String("service.name", name) }
