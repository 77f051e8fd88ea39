package gateway

import (
	_ "embed" // for the style sheet
	"net/http"

	"github.com/beep-chat/beep"
)

//go:embed docs.css
var docsCSS []byte

func noSuchPath() error { return beep.NotFound(beep.CodeRouteNotFound, "there is no such path") }

func methodNotAllowed() error {
	return beep.Invalid(beep.CodeMethodNotAllowed, "this path does not take that method")
}

const openAPIPath = "/api/openapi.yaml"

// docs serves the description of the REST API: for people at /docs, for machines at /api/openapi.yaml. They need no
// sign-in: they say how to get in, not what is there.
func (g *Gateway) docs(mux *http.ServeMux) {
	page := func(kind string, body []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.Header().Set("Cache-Control", "no-cache")
			w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
			_, _ = w.Write(body)
		}
	}
	mux.Handle("GET /docs", page("text/html; charset=utf-8", g.deps.Docs))
	mux.Handle("GET /docs/docs.css", page("text/css; charset=utf-8", docsCSS))
	mux.Handle("GET "+openAPIPath, page("application/yaml", g.deps.OpenAPI))
}
