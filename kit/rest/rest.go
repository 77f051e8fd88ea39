// Package rest is the REST edge: it transcodes the contracts' google.api.http annotations (by grpc-gateway)
// and decides everything about HTTP that a service must not know: strict decoding, problem documents,
// statuses, headers. It knows nothing of chat. Start with New.
package rest

import (
	"context"
	"net/http"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/beep-chat/beep"
)

// Options say what one edge allows.
type Options struct {
	// MaxBody bounds a request's body in bytes.
	MaxBody int64
	// TraceID names the request in problem documents and logs; may be nil.
	TraceID func(context.Context) string
	// Admit may refuse a request that is in order, before its method is called; path holds the variables of its
	// route. May be nil.
	Admit func(r *http.Request, path map[string]string) error
	// Fault is told of every answer of 500, with its cause, which is not sent; may be nil.
	Fault func(context.Context, error)
}

// Edge is a transcoding mux. Register the generated handlers on Mux, then serve Handler.
type Edge struct {
	Mux    *runtime.ServeMux
	opts   Options
	routes routes
}

// New makes an edge without routes.
func New(opts Options) *Edge {
	e := &Edge{opts: opts, routes: allRoutes()}
	e.Mux = runtime.NewServeMux(
		runtime.WithMarshalerOption(runtime.MIMEWildcard, codec{}),
		runtime.SetQueryParameterParser(queryParser{}),
		runtime.WithMiddlewares(e.strict),
		runtime.WithErrorHandler(func(ctx context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, r *http.Request, err error) {
			e.Problem(w, r.WithContext(ctx), err)
		}),
		runtime.WithRoutingErrorHandler(func(ctx context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, r *http.Request, status int) {
			e.Problem(w, r.WithContext(ctx), routingError(status))
		}),
		runtime.WithForwardResponseOption(statusOf),
		// Nothing of HTTP becomes metadata, and nothing of metadata becomes HTTP: identity is set by code.
		runtime.WithIncomingHeaderMatcher(func(string) (string, bool) { return "", false }),
		runtime.WithOutgoingHeaderMatcher(func(string) (string, bool) { return "", false }),
		runtime.WithMetadata(func(context.Context, *http.Request) metadata.MD { return nil }),
		// Otherwise a form that is posted to the path of a GET is taken for that GET.
		runtime.WithDisablePathLengthFallback(),
		// A slash that was escaped stays within its segment.
		runtime.WithUnescapingMode(runtime.UnescapingModeAllExceptReserved),
	)
	return e
}

// Handler serves the routes registered on Mux.
func (e *Edge) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// grpc-gateway turns a POST with this header into another method, behind the back of every check
		// that looks at the method.
		r.Header.Del("X-HTTP-Method-Override")
		// Its handlers copy these into metadata whatever the matchers say; who calls was settled before.
		r.Header.Del("Authorization")
		for name := range r.Header {
			if strings.HasPrefix(name, "Grpc-") {
				delete(r.Header, name)
			}
		}
		// Without a raw path grpc-gateway decodes the decoded one again, and takes a lone % for a fault of ours.
		r.URL.RawPath = r.URL.EscapedPath()
		// Every answer is somebody's and of this moment.
		w.Header().Set("Cache-Control", "no-store")
		e.Mux.ServeHTTP(&bodyless{ResponseWriter: w}, r)
	})
}

// statusOf answers 201 to what creates and 204 where there is nothing to say; all else is 200. It goes by names,
// which the OpenAPI description does as well: protobuf has no word for a status.
func statusOf(_ context.Context, w http.ResponseWriter, m proto.Message) error {
	d := m.ProtoReflect().Descriptor()
	switch name := string(d.Name()); {
	case d.Fields().Len() == 0:
		w.Header().Del("Content-Type")
		w.WriteHeader(http.StatusNoContent)
	case strings.HasPrefix(name, "Create"), strings.HasPrefix(name, "Send"):
		w.WriteHeader(http.StatusCreated)
	}
	return nil
}

// bodyless drops the "{}" that grpc-gateway writes after a 204.
type bodyless struct {
	http.ResponseWriter
	status int
}

// WriteHeader remembers the status.
func (w *bodyless) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Write writes, unless the status allows no body.
func (w *bodyless) Write(b []byte) (int, error) {
	if w.status == http.StatusNoContent {
		return len(b), nil
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap serves http.ResponseController.
func (w *bodyless) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// routingError has two answers: a path that could not be read is one that is not there.
func routingError(status int) error {
	if status == http.StatusMethodNotAllowed {
		return beep.Invalid(beep.CodeMethodNotAllowed, "this path does not take that method")
	}
	return beep.NotFound(beep.CodeRouteNotFound, "there is no such path")
}
