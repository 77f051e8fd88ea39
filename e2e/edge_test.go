package e2e_test

import (
	"io"
	"net/http"
	"testing"
)

// exchange is a request and its answer.
func exchange(t *testing.T, r *http.Request) (*http.Response, []byte) {
	t.Helper()
	resp, err := plain.Do(r)
	if err != nil {
		t.Errorf("%s %.200s: %v", r.Method, r.URL.Opaque+r.URL.Path, err)
		return &http.Response{Header: http.Header{}}, nil
	}
	defer func() { _ = resp.Body.Close() }()
	out, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Errorf("%s %.200s: %v", r.Method, r.URL.Opaque+r.URL.Path, err)
	}
	return resp, out
}

// secured: headers that every answer has, whatever it is.
func secured(t *testing.T, what string, resp *http.Response) {
	t.Helper()
	for key, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
	} {
		if got := resp.Header.Get(key); got != want {
			t.Errorf("%s: %s is %q, want %q", what, key, got, want)
		}
	}
}
