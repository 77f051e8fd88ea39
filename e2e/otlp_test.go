package e2e_test

import (
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	collectorv1 "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
)

// collector takes traces as an OpenTelemetry collector does, over OTLP/HTTP, and keeps them.
type collector struct {
	url    string
	server *http.Server

	mu    sync.Mutex // guards spans
	spans map[string][]span
}

// span is one of a trace, with the process that made it.
type span struct {
	*tracev1.Span

	service string
}

func newCollector() (*collector, error) {
	lis, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := &collector{url: "http://" + lis.Addr().String() + "/v1/traces", spans: map[string][]span{}}
	c.server = &http.Server{Handler: http.HandlerFunc(c.take), ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = c.server.Serve(lis) }() // it ends with close
	return c, nil
}

func (c *collector) close() error { return c.server.Close() }

func (c *collector) take(w http.ResponseWriter, r *http.Request) {
	var req collectorv1.ExportTraceServiceRequest
	body, err := exported(r)
	if err == nil {
		err = proto.Unmarshal(body, &req)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, from := range req.GetResourceSpans() {
		service := ""
		for _, a := range from.GetResource().GetAttributes() {
			if a.GetKey() == "service.name" {
				service = a.GetValue().GetStringValue()
			}
		}
		for _, scope := range from.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				trace := hex.EncodeToString(s.GetTraceId())
				c.spans[trace] = append(c.spans[trace], span{s, service})
			}
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf") // an empty body is the empty answer
}

func exported(r *http.Request) ([]byte, error) {
	if r.URL.Path != "/v1/traces" || r.Method != http.MethodPost {
		return nil, fmt.Errorf("%s %s is not where traces go", r.Method, r.URL.Path)
	}
	body := r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		var err error
		if body, err = gzip.NewReader(r.Body); err != nil {
			return nil, err
		}
	}
	return io.ReadAll(body)
}

func (c *collector) trace(id string) []span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.spans[id])
}

// TestTrace: one request, however many processes it passes, is one trace, from the gateway to the decision and the
// log; and a refusal names the trace in which to look for its reason.
func TestTrace(t *testing.T) {
	t.Parallel()
	strict, err := site.strict()
	if err != nil {
		t.Fatal(err)
	}
	ada := newcomerAt(t, strict.URL, "ada")
	v := voice{ada.At(strict.Gateways[0]), t}
	tides := v.createChannel(v.createServer("Harbour"), "tides")

	// The request continues a trace of the caller's, which is how the test knows its name.
	trace, parent := randomHex(16), randomHex(8)
	resp := traced(t, v, tides, "00-"+trace+"-"+parent+"-01", `{"content":"High water at 18:20"}`)
	if resp.StatusCode != http.StatusCreated {
		t.Fatalf("the send was answered %s", resp.Status)
	}
	eventually(t, patience, func() error { return isWhole(site.traces.trace(trace), parent) })
}

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

func traced(t *testing.T, v voice, c *serversv1.Channel, parent, body string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, v.Base+channelPath(c, "/messages"), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	token, err := v.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Traceparent", parent)
	resp, err := v.HTTP.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp
}

// isWhole answers nil if the spans are one tree below parent that passes the HTTP edge, messages and authz.
func isWhole(spans []span, parent string) error {
	if len(spans) == 0 {
		return errors.New("no span of the trace has come")
	}
	known := map[string]bool{parent: true}
	var names, services []string
	for _, s := range spans {
		known[hex.EncodeToString(s.GetSpanId())] = true
		names, services = append(names, s.GetName()), append(services, s.service)
	}
	for _, s := range spans {
		if !known[hex.EncodeToString(s.GetParentSpanId())] {
			return fmt.Errorf("the parent of %s is not there; there are %v", s.GetName(), names)
		}
	}
	for _, part := range []string{"POST", "messages.v1.Messages/SendMessage", "authz.v1.Authz/"} {
		if !slices.ContainsFunc(names, func(name string) bool { return strings.Contains(name, part) }) {
			return fmt.Errorf("no span %s among %v", part, names)
		}
	}
	if site.mode == "split" {
		for _, service := range []string{"beep-gateway", "beep-messages", "beep-authz"} {
			if !slices.Contains(services, service) {
				return fmt.Errorf("no span of %s among those of %v", service, services)
			}
		}
	}
	return nil
}
