// Package telemetry is how an operator sees a process: structured logs, Prometheus metrics, OpenTelemetry
// traces, and whether it is alive and ready. It knows nothing of chat. Start with New.
package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Options say what a process tells.
type Options struct {
	Service  string // the name under which traces are filed
	Endpoint string // http(s)://… of an OpenTelemetry collector; empty: no traces
	// Exporter replaces the collector, for tests.
	Exporter sdktrace.SpanExporter
	Log      *slog.Logger
}

// Telemetry is what one process tells about itself.
type Telemetry struct {
	log      *slog.Logger
	registry *prometheus.Registry
	tracer   trace.TracerProvider
	stop     func(context.Context) error
	http     *prometheus.HistogramVec
	rpc      *prometheus.HistogramVec
	events   *prometheus.CounterVec

	mu     sync.Mutex // guards checks
	checks []*check
}

// New starts telling. Shutdown sends what is left.
func New(ctx context.Context, o Options) (*Telemetry, error) {
	t := &Telemetry{log: o.Log, registry: prometheus.NewRegistry(), tracer: unseen(), stop: func(context.Context) error { return nil }}
	t.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	// In seconds, from what a call within a process takes to the deadline that one gets by default.
	buckets := []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	t.http = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "beep_http_request_seconds", Help: "Time to answer an HTTP request.", Buckets: buckets,
	}, []string{"method", "status"})
	t.rpc = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "beep_rpc_seconds", Help: "Time to answer a call between services, in one process too.", Buckets: buckets,
	}, []string{"side", "method", "code"})
	t.events = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "beep_events_total", Help: "Things that happen and that someone may want to be told of.",
	}, []string{"event"})
	t.registry.MustRegister(t.http, t.rpc, t.events)
	exporter := o.Exporter
	if exporter == nil && o.Endpoint != "" {
		var err error
		if exporter, err = otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(o.Endpoint)); err != nil {
			return nil, fmt.Errorf("trace exporter: %w", err)
		}
	}
	if exporter != nil {
		p := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(resource.NewSchemaless(serviceName(o.Service))))
		t.tracer, t.stop = p, p.Shutdown
	}
	return t, nil
}

// unseen makes traces that go nowhere but have a name: it is how a person's 500 is found in the log.
func unseen() trace.TracerProvider {
	return sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample()))
}

// Shutdown sends the traces that wait.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	// A collector that is away must not hold up the end of the process.
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	return t.stop(ctx)
}

// Tracer makes spans; without a collector they hold nothing and go nowhere.
func (t *Telemetry) Tracer() trace.TracerProvider { return t.tracer }

// Registry takes further metrics.
func (t *Telemetry) Registry() prometheus.Registerer { return t.registry }

// TraceID names the trace that ctx belongs to, or "".
func (t *Telemetry) TraceID(ctx context.Context) string { return traceID(ctx) }

func traceID(ctx context.Context) string {
	if sc := trace.SpanContextFromContext(ctx); sc.HasTraceID() {
		return sc.TraceID().String()
	}
	return ""
}

// ObserveCall counts one finished call between services.
func (t *Telemetry) ObserveCall(side, method, code string, took time.Duration) {
	t.rpc.WithLabelValues(side, method, code).Observe(took.Seconds())
}

// CountEvent counts something that happened, by a name of few.
func (t *Telemetry) CountEvent(event string) { t.events.WithLabelValues(event).Inc() }

// Check adds something without which the process is not ready.
func (t *Telemetry) Check(name string, ask func(context.Context) error) {
	t.add(&check{name: name, ask: ask})
}

// Watch adds something without which the process works, if less well. /readyz names it when it is missing and stays at
// 200: were every replica taken out of service for it, all would fail for want of what none of them needs.
func (t *Telemetry) Watch(name string, ask func(context.Context) error) {
	t.add(&check{name: name, optional: true, ask: ask})
}

func (t *Telemetry) add(c *check) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.checks = append(t.checks, c)
}

var propagator = propagation.TraceContext{}

// requestContext continues the trace that a request comes with.
func requestContext(r *http.Request) context.Context {
	return propagator.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
}
