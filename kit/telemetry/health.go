package telemetry

import (
	"context"
	"errors"
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
		missing, without := t.missing(r.Context())
		switch {
		case len(missing) > 0:
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = fmt.Fprintln(w, "missing: "+strings.Join(append(missing, without...), ", "))
		case len(without) > 0:
			_, _ = fmt.Fprintln(w, "ready without: "+strings.Join(without, ", "))
		default:
			_, _ = fmt.Fprintln(w, "ready")
		}
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{}))
	return mux
}

// missing asks every check at once and names those that fail or do not answer in time: what is needed, and what the
// process works without.
func (t *Telemetry) missing(ctx context.Context) (needed, optional []string) {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	t.mu.Lock()
	checks := slices.Clone(t.checks)
	t.mu.Unlock()
	failed := make([]bool, len(checks))
	var all sync.WaitGroup
	for i, c := range checks {
		all.Go(func() {
			if err := c.answer(ctx); err != nil {
				failed[i] = true
				t.log.WarnContext(ctx, "something is missing", "missing", c.name, "ready", c.optional, "error", err)
			}
		})
	}
	all.Wait()
	for i, c := range checks {
		switch {
		case failed[i] && c.optional:
			optional = append(optional, c.name)
		case failed[i]:
			needed = append(needed, c.name)
		}
	}
	return needed, optional
}

// check is one thing that the process stands on. A client library may ignore the end of a context, so
// nobody waits for ask itself: who asks while an answer is out shares it, and at most one goroutine is ever stuck.
type check struct {
	name     string
	optional bool
	ask      func(context.Context) error

	mu  sync.Mutex // guards out
	out *answer    // nil while nobody asks
}

// answer is of one ask; err is set before done is closed.
type answer struct {
	done chan struct{}
	err  error
}

var errNoAnswer = errors.New("no answer in time")

// answer waits for the answer until ctx ends.
func (c *check) answer(ctx context.Context) error {
	a := c.begin(ctx)
	select {
	case <-a.done:
		return a.err
	case <-ctx.Done():
		return errNoAnswer
	}
}

// begin asks, unless an answer is out already.
func (c *check) begin(ctx context.Context) *answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.out != nil {
		return c.out
	}
	a := &answer{done: make(chan struct{})}
	c.out = a
	go func() {
		// Not the asker's end: another may have joined.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyTimeout)
		defer cancel()
		a.err = c.ask(ctx)
		// Before done is closed, so that who asks after this answer gets another.
		c.mu.Lock()
		c.out = nil
		c.mu.Unlock()
		close(a.done)
	}()
	return a
}

func serviceName(name string) attribute.KeyValue { return attribute.String("service.name", name) }
