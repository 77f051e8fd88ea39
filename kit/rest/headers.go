package rest

import (
	"net/http"
	"slices"
	"strings"

	"github.com/beep-chat/beep"
)

// Secure sets the headers that every answer has. A page that needs more sets its own
// Content-Security-Policy over the default, which allows nothing.
func Secure(https bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		// What repeats something of its request must not be taken for a page.
		h.Set("X-Content-Type-Options", "nosniff")
		// Our paths hold codes of invitations and ids, which are nobody else's business.
		h.Set("Referrer-Policy", "no-referrer")
		// For browsers that do not know frame-ancestors.
		h.Set("X-Frame-Options", "DENY")
		// A page that opened ours, or was opened by it, keeps no hand on it.
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		// Another site must not get an answer into its own process, where rules do not hold against a processor's
		// mistakes.
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		if https {
			// Of this host alone: it may be the apex of a domain whose other hosts are not ours to speak for.
			h.Set("Strict-Transport-Security", "max-age=63072000")
		}
		next.ServeHTTP(w, r)
	})
}

// CORS lets pages of the listed origins call next, without cookies. A page of another origin that tries is
// refused before next runs; requests without Origin are not a browser's business.
func (e *Edge) CORS(origins []string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		// Also where the request has none, or a cache gives its answer to a page of another origin.
		w.Header().Add("Vary", "Origin")
		if origin == "" || SameOrigin(r) {
			next.ServeHTTP(w, r)
			return
		}
		if !slices.Contains(origins, origin) {
			e.Problem(w, r, beep.Forbidden(beep.CodeOriginRefused, "pages of that origin may not call"))
			return
		}
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", origin)
		// Otherwise a page cannot read them, and has to guess for how long to wait.
		h.Set("Access-Control-Expose-Headers", "Retry-After, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset")
		// Who may read it may embed it as well, which Secure's same-origin would not let them.
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		// A preflight. No method stands behind it, and it carries no token.
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE")
			h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
			h.Set("Access-Control-Max-Age", "600")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// SameOrigin says whether the page that sent r, if one did, is of the host that r was sent to. The scheme is not
// compared: behind a proxy that ends TLS we are never told it.
func SameOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	_, host, ok := strings.Cut(origin, "://")
	return origin == "" || (ok && strings.EqualFold(host, r.Host))
}
