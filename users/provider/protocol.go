package provider

import (
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// escape is a value for a query.
func escape(s string) string { return url.QueryEscape(s) }

// cached lets what is the same for everyone be kept for a while, not so long that a new key is missed.
// users.keyAnnounce reckons with it.
func cached(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=60")
		next.ServeHTTP(w, r)
	})
}

// formOnly lets in what the standards say of requests by programs: a form in the body, each parameter once, and
// nothing in the address, where logs would keep it. So RFC 6749 has it in 3.2.
func formOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		switch {
		case err != nil || media != "application/x-www-form-urlencoded":
			refuseForm(w, http.StatusUnsupportedMediaType, "the body must be application/x-www-form-urlencoded")
		case r.URL.RawQuery != "":
			refuseForm(w, http.StatusBadRequest, "parameters belong in the body")
		case checkForm(r) != nil:
			refuseForm(w, http.StatusBadRequest, "the form is not in order")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// postOnly answers a GET where secrets are sent, which belong in no address.
func postOnly(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Allow", http.MethodPost)
	refuseForm(w, http.StatusMethodNotAllowed, "send a POST")
}

// refuseForm answers in the form that RFC 6749 has for errors (5.2).
func refuseForm(w http.ResponseWriter, status int, why string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": "invalid_request", "error_description": why}) // who has gone needs no answer
}

// bearerOnly lets in a token in the header only, and says so to whoever has none that is good. The other two ways of
// RFC 6750 are a form (2.2), which any site can send, and a query (2.3), which logs keep.
func bearerOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "" || r.ContentLength != 0 || !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
			w.Header().Set("WWW-Authenticate", "Bearer")
			refuseForm(w, http.StatusUnauthorized, "the access token belongs in the Authorization header")
			return
		}
		next.ServeHTTP(&answer{ResponseWriter: w, at: func(status int) bool {
			if status == http.StatusUnauthorized {
				w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			}
			return false
		}}, r)
	})
}

// addressHeader carries whom a request comes from through the library, which hands on nothing but the headers. What
// a client says in it is overwritten.
const addressHeader = "X-Beep-Address"

// person makes pages of the errors that the protocol has for people: those that cannot go back to the client.
func (p *Provider) person(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Made first: it gives the browser its cookie, by which the request is bound to it.
		v := p.visit(w, r)
		if checkForm(r) != nil {
			v.problem(http.StatusBadRequest, "problem.request")
			return
		}
		r.Header.Set(addressHeader, p.address(r).String())
		failed := 0
		next.ServeHTTP(&answer{ResponseWriter: w, at: func(status int) bool {
			if status >= http.StatusBadRequest {
				failed = status
			}
			return failed != 0
		}}, r)
		switch {
		case failed >= http.StatusInternalServerError:
			v.problem(failed, "problem.fault")
		case failed != 0:
			v.problem(failed, "problem.request")
		}
	})
}

// answer asks at, when the status is known, whether to swallow the answer.
type answer struct {
	http.ResponseWriter

	at      func(status int) (swallow bool)
	written bool
	swallow bool
}

// WriteHeader is where it is decided.
func (a *answer) WriteHeader(status int) {
	if a.written {
		return
	}
	a.written = true
	if a.swallow = a.at(status); !a.swallow {
		a.ResponseWriter.WriteHeader(status)
	}
}

// Write goes on or nowhere.
func (a *answer) Write(b []byte) (int, error) {
	if !a.written {
		a.WriteHeader(http.StatusOK)
	}
	if a.swallow {
		return len(b), nil
	}
	return a.ResponseWriter.Write(b)
}
