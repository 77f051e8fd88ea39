package telemetry_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

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

func TestReadyz_StaysWithoutWhatIsWatched(t *testing.T) {
	tel := start(t, telemetry.Options{})
	store := errors.New("refused")
	tel.Watch("redis", func(context.Context) error { return errors.New("refused") })
	tel.Check("store", func(context.Context) error { return store })
	if code, body := get(tel.Handler(), "/readyz"); code != http.StatusServiceUnavailable || body != "missing: store, redis\n" {
		t.Errorf("without both: got %d %q", code, body)
	}
	store = nil
	if code, body := get(tel.Handler(), "/readyz"); code != http.StatusOK || body != "ready without: redis\n" {
		t.Errorf("without what is watched: got %d %q", code, body)
	}
}

// TestHTTP_GivesTheConnectionAway to who asks for it, and to nobody who only says so: a request with the header of one
// that changes the protocol is logged and counted like any other.
func TestHTTP_GivesTheConnectionAway(t *testing.T) {
	tel := start(t, telemetry.Options{})
	srv := httptest.NewServer(tel.HTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/ws" {
			panic("at the disco")
		}
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n")
		_ = conn.Close()
	})))
	defer srv.Close()
	for path, want := range map[string]int{"/ws": http.StatusSwitchingProtocols, "/api": http.StatusInternalServerError} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Connection", "Upgrade")
		r.Header.Set("Upgrade", "test")
		resp, err := srv.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: got %d, want %d", path, resp.StatusCode, want)
		}
		if _, metrics := get(tel.Handler(), "/metrics"); !strings.Contains(metrics, fmt.Sprintf(`status="%d"`, want)) {
			t.Errorf("%s: %d is not counted", path, want)
		}
	}
}

// A check that does not heed its context must not make the answer wait: whoever asks, perhaps a kubelet, gives up and
// never learns what is missing.
func TestReadyz_NamesTheCheckThatDoesNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tel := start(t, telemetry.Options{})
		var asked atomic.Int32
		release := make(chan struct{})
		tel.Check("deaf", func(context.Context) error { asked.Add(1); <-release; return nil })
		tel.Check("well", func(context.Context) error { return nil })
		for range 3 {
			begun := time.Now()
			code, body := get(tel.Handler(), "/readyz")
			if code != http.StatusServiceUnavailable || strings.TrimSpace(body) != "missing: deaf" {
				t.Errorf("got %d %q, want 503 that names what does not answer", code, body)
			}
			if took := time.Since(begun); took != 2*time.Second {
				t.Errorf("it took %s, want the 2 s that an answer may take", took)
			}
		}
		if asked.Load() != 1 {
			t.Errorf("it was asked %d times while it owed an answer: each of them may be stuck for ever", asked.Load())
		}
		close(release)
		synctest.Wait()
		if code, body := get(tel.Handler(), "/readyz"); code != http.StatusOK {
			t.Errorf("it answers again, and readiness is %d %q", code, body)
		}
		if asked.Load() != 2 {
			t.Errorf("an answer that was out before was taken for one of now: asked %d times", asked.Load())
		}
	})
}

func TestReadyz_AnswersAllWhoAskAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tel := start(t, telemetry.Options{})
		tel.Check("slow", func(context.Context) error {
			<-time.After(1500 * time.Millisecond)
			return nil
		})
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() {
				if code, body := get(tel.Handler(), "/readyz"); code != http.StatusOK {
					t.Errorf("got %d %q from a check that is slow but in time", code, body)
				}
			})
		}
		all.Wait()
	})
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

// What a person sees of a fault leads to its cause, though nothing collects traces.
func TestHTTP_NamesTheRequestWithoutACollector(t *testing.T) {
	var out strings.Builder
	log := telemetry.NewLogger(&out, "info")
	tel, err := telemetry.New(t.Context(), telemetry.Options{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	h := tel.HTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, tel.TraceID(r.Context()))
		log.With("a", 1).ErrorContext(r.Context(), "request failed")
		w.WriteHeader(http.StatusInternalServerError)
	}))
	for range 2 {
		if code, _ := get(h, "/x?code=1"); code != http.StatusInternalServerError {
			t.Errorf("got %d", code)
		}
	}
	if len(seen[0]) != 32 || seen[0] == seen[1] || strings.Trim(seen[0], "0") == "" {
		t.Fatalf("two requests are called %q", seen)
	}
	var told []string
	for line := range strings.Lines(out.String()) {
		if strings.Contains(line, `"trace_id":"`+seen[0]+`"`) {
			told = append(told, line)
		}
	}
	if len(told) != 2 || !strings.Contains(told[0], "request failed") || !strings.Contains(told[1], `"level":"INFO","msg":"request","method":"GET","path":"/x","status":500`) {
		t.Errorf("got %q, want the fault and one line about the request, in\n%s", told, out.String())
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
