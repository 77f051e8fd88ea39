package gateway

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
)

// policy is the web client's Content-Security-Policy: its own scripts only, and no HTML from strings (Trusted
// Types). Styles may stand inline because components set sizes and positions that way.
func (g *Gateway) policy() string {
	connect := "'self'"
	if g.deps.RealtimeURL != "" {
		connect += " " + g.deps.RealtimeURL
	}
	return "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' blob: data:; " +
		"media-src 'self' blob:; font-src 'self'; connect-src " + connect + "; worker-src 'self'; object-src 'none'; base-uri 'none'; " +
		"form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'"
}

// notBuilt is what a build without the client says of itself, rather than 404.
const notBuilt = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Beep</title>
<h1>The web client is not built</h1><p>Run <code>make web</code>, then start Beep again. The API works without it.</p></html>
`

// web serves the client. Hashed assets never change and are kept for ever; the page that names them is asked
// for each time. A path that is no file is the page, which routes by itself, but a missing asset is 404: a
// page in place of a script would only fail later and darker.
func (g *Gateway) web() http.Handler {
	policy := g.policy()
	// Once, since what is embedded stays as it is.
	index, err := fs.ReadFile(g.deps.Web, "index.html")
	if err != nil || !g.deps.WebBuilt {
		index = []byte(notBuilt)
	}
	// Of the content, since what is embedded in a binary has no time.
	sum := sha256.Sum256(index)
	etag := `"` + hex.EncodeToString(sum[:8]) + `"`
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			g.edge.Problem(w, r, methodNotAllowed())
			return
		}
		w.Header().Set("Content-Security-Policy", policy)
		// Cleaned, so that .. leads nowhere.
		name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
		if name != "" && name != "index.html" && g.asset(w, r, name) {
			return
		}
		if strings.HasPrefix(name, "assets/") || !wantsPage(r) {
			g.edge.Problem(w, r, noSuchPath())
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("ETag", etag)
		http.ServeContent(w, r, "index.html", time.Time{}, bytes.NewReader(index))
	})
}

// asset serves a file of the client, in the smallest form the browser takes; false if there is none.
func (g *Gateway) asset(w http.ResponseWriter, r *http.Request, name string) bool {
	// The packed forms are chosen by Accept-Encoding, and are no files of their own.
	if !fs.ValidPath(name) || strings.HasSuffix(name, ".br") || strings.HasSuffix(name, ".gz") {
		return false
	}
	body, err := fs.ReadFile(g.deps.Web, name)
	if err != nil {
		return false
	}
	h := w.Header()
	// A cache must not give the packed form to whom it is of no use.
	h.Set("Vary", "Accept-Encoding")
	for _, form := range []struct{ suffix, encoding string }{{".br", "br"}, {".gz", "gzip"}} {
		if !strings.Contains(r.Header.Get("Accept-Encoding"), form.encoding) {
			continue
		}
		if small, err := fs.ReadFile(g.deps.Web, name+form.suffix); err == nil {
			h.Set("Content-Encoding", form.encoding)
			body = small
			break
		}
	}
	kind := mime.TypeByExtension(path.Ext(name))
	if kind == "" {
		kind = "application/octet-stream"
	}
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", "no-cache")
	if strings.HasPrefix(name, "assets/") {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
	return true
}

// wantsPage tells a person who follows a link from a script that asks for data.
func wantsPage(r *http.Request) bool {
	accept := r.Header.Get("Accept")
	return accept == "" || strings.Contains(accept, "text/html") || strings.Contains(accept, "*/*")
}

// config is what the client must know before it can sign in.
func (g *Gateway) config() http.Handler {
	realtime := g.deps.RealtimeURL
	if realtime == "" {
		realtime = "/ws"
	}
	// The issuer is what the tokens say, to the letter: an OpenID client compares it.
	body, err := json.Marshal(map[string]string{
		"issuer": strings.TrimSuffix(g.deps.PublicURL.String(), "/"), "client_id": g.deps.ClientID, "realtime_url": realtime,
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err != nil { // a map of strings always encodes
			g.edge.Problem(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = w.Write(body)
	})
}
