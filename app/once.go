package app

import "net/http"

// once is for an answer that is handed on under headers of our own. ReverseProxy adds what the other process says to
// them, and browsers hold a page to every policy that came with it: under ours, which allows nothing, a page would
// lose its style. So of each of these headers the other process has the last word.
func once(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(onceWriter{w}, r) })
}

type onceWriter struct{ http.ResponseWriter }

// WriteHeader drops what was said before the last word.
func (w onceWriter) WriteHeader(status int) {
	h := w.Header()
	// Those that rest.Secure and the users' pages both set.
	for _, name := range []string{"Content-Security-Policy", "Referrer-Policy", "X-Content-Type-Options", "X-Frame-Options"} {
		if values := h.Values(name); len(values) > 1 {
			h.Set(name, values[len(values)-1])
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap serves http.ResponseController.
func (w onceWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
