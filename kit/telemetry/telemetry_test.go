package telemetry_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/beep-chat/beep/kit/telemetry"
)

func start(t *testing.T, o telemetry.Options) *telemetry.Telemetry {
	t.Helper()
	o.Log = slog.New(slog.DiscardHandler)
	tel, err := telemetry.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return tel
}

func get(h http.Handler, path string) (int, string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, http.NoBody))
	body, _ := io.ReadAll(w.Result().Body)
	return w.Code, string(body)
}

func TestReadyz_NamesWhatIsMissing(t *testing.T) {
	tel := start(t, telemetry.Options{})
	down := errors.New("refused")
	tel.Check("messages store", func(context.Context) error { return down })
	tel.Check("redis", func(context.Context) error { return nil })
	if code, body := get(tel.Handler(), "/readyz"); code != http.StatusServiceUnavailable || strings.TrimSpace(body) != "missing: messages store" {
		t.Errorf("got %d %q", code, body)
	}
	if code, _ := get(tel.Handler(), "/healthz"); code != http.StatusOK {
		t.Errorf("a process that lacks something is not dead: %d", code)
	}
	down = nil
	if code, _ := get(tel.Handler(), "/readyz"); code != http.StatusOK {
		t.Errorf("got %d with everything there", code)
	}
}

func TestHTTP_CountsTracesAndSurvivesPanics(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	tel := start(t, telemetry.Options{Exporter: spans})
	var seen string
	h := tel.HTTP(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen = tel.TraceID(r.Context())
		if r.URL.Path == "/panic" {
			panic("boom")
		}
	}))
	r := httptest.NewRequest(http.MethodGet, "/x", http.NoBody)
	r.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	h.ServeHTTP(httptest.NewRecorder(), r)
	if seen != "0af7651916cd43dd8448eb211c80319c" {
		t.Errorf("got trace %q, want the one that the request came with", seen)
	}
	if code, _ := get(h, "/panic"); code != http.StatusInternalServerError {
		t.Errorf("a panic answered %d", code)
	}
	if _, metrics := get(tel.Handler(), "/metrics"); !strings.Contains(metrics, `beep_http_request_seconds_count{method="GET",status="500"} 1`) {
		t.Error("the request is not in the metrics")
	}
	if err := tel.Tracer().(interface{ ForceFlush(context.Context) error }).ForceFlush(t.Context()); err != nil || len(spans.GetSpans()) != 2 {
		t.Errorf("got %d spans, %v", len(spans.GetSpans()), err)
	}
	if trace.SpanContextFromContext(t.Context()).IsValid() {
		t.Error("a span outside any request")
	}
}

func TestNewLogger_BlanksSecrets(t *testing.T) {
	var out strings.Builder
	log := telemetry.NewLogger(&out, "info")
	log.Info("sign in", "email", "ada@example.org", "access_token", "eyJ", "content", "hello", "user", "42")
	log.Debug("invisible")
	got := out.String()
	for _, leak := range []string{"ada@", "eyJ", "hello", "invisible"} {
		if strings.Contains(got, leak) {
			t.Errorf("%s is in %s", leak, got)
		}
	}
	if !strings.Contains(got, `"user":"42"`) {
		t.Errorf("got %s", got)
	}
}
