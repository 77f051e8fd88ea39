package provider

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/text/language"
)

//go:embed templates static locales
var files embed.FS

// pages is what all pages are made from.
type pages struct {
	tmpl   *template.Template
	words  map[string]map[string]string // by locale and key
	locale language.Matcher
	style  string // the address of the style sheet, which changes with it
	static http.Handler
}

// locales are those that we speak; the first is for everyone else.
func locales() []string { return []string{"en", "fr"} }

// loadPages reads all there is, so that a template or a locale that is broken stops the start and not a visitor.
func loadPages() (*pages, error) {
	tmpl, err := template.ParseFS(files, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("pages: %w", err)
	}
	p := &pages{tmpl: tmpl, words: map[string]map[string]string{}}
	var tags []language.Tag
	for _, locale := range locales() {
		b, err := files.ReadFile("locales/" + locale + ".json")
		if err != nil {
			return nil, fmt.Errorf("pages: %w", err)
		}
		words := map[string]string{}
		if err := json.Unmarshal(b, &words); err != nil {
			return nil, fmt.Errorf("pages: locale %s: %w", locale, err)
		}
		p.words[locale] = words
		tags = append(tags, language.Make(locale))
	}
	p.locale = language.NewMatcher(tags)
	static, err := fs.Sub(files, "static")
	if err != nil {
		return nil, fmt.Errorf("pages: %w", err)
	}
	css, err := fs.ReadFile(static, "style.css")
	if err != nil {
		return nil, fmt.Errorf("pages: %w", err)
	}
	sum := sha256.Sum256(css)
	p.style = "/oidc/style.css?v=" + hex.EncodeToString(sum[:4])
	p.static = http.StripPrefix("/oidc/", http.FileServerFS(static))
	return p, nil
}

// match is the locale that fits preferences best: those of the client first, then the browser's.
func (p *pages) match(preferences ...string) string {
	for _, preference := range preferences {
		tags, _, err := language.ParseAcceptLanguage(preference)
		if err != nil || len(tags) == 0 {
			continue
		}
		// Without any confidence it would be the first of ours, whoever asks: the next preference is heard first.
		if _, i, confidence := p.locale.Match(tags...); confidence > language.No {
			return locales()[i]
		}
	}
	return locales()[0]
}

// text is the text of a key in a locale, with {name} filled in from pairs of name and value. A key without a text
// stands for itself: that is ugly, and it is seen.
func (p *pages) text(locale, key string, pairs ...string) string {
	text, ok := p.words[locale][key]
	if !ok {
		return key
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		text = strings.ReplaceAll(text, "{"+pairs[i]+"}", pairs[i+1])
	}
	return text
}

// page is what the template shows. Empty parts are left out.
type page struct {
	Lang        string
	Style       string
	ErrorPrefix string
	CSRF        string

	Title   string
	To      string
	Problem string // what is wrong with what was sent
	Notice  string // what was done
	Lead    []string
	Action  string // where the form goes; without it there is none
	Hidden  []pair
	Fields  []field
	Submit  *button
	Second  *button
	Go      *link
	Links   []link
	Letters []letter

	status int
	target string // an address besides our own that the form may end at
}

type (
	pair   struct{ Name, Value string }
	button struct{ Label, Value string }
	link   struct {
		Lead, Text, Href string
		Tab              bool
	}
	letter struct {
		To, Subject, At string
		Text            []link
	}
)

// field is one input with its label and all that is said about it. Autocomplete is a word of the HTML standard's, by
// which password managers know the field. Max keeps people from typing in vain; what may be sent is the service's to
// bound.
type field struct {
	Name         string
	Label        string
	Type         string
	Value        string
	Autocomplete string
	Hint         string
	Error        string
	Aside        *link
	Max          int
	Plain        bool // not prose: no capitals, no spelling
	Code         bool
	ReadOnly     bool
	Focus        bool
}

// DescribedBy names the elements that explain the input. They are read out with it.
func (f field) DescribedBy() string {
	var ids []string
	if f.Hint != "" {
		ids = append(ids, f.Name+"-hint")
	}
	if f.Error != "" {
		ids = append(ids, f.Name+"-error")
	}
	return strings.Join(ids, " ")
}

// show writes a page. It is made in memory first: one that fails half-way must not have been answered with 200.
func (v *visit) show(pg page) {
	p := v.p
	pg.Lang, pg.Style, pg.ErrorPrefix = v.locale, p.pages.style, v.t("error.prefix")
	pg.CSRF = csrfToken(v.browser)
	focus(pg.Fields)
	var b bytes.Buffer
	if err := p.pages.tmpl.ExecuteTemplate(&b, "page.html", pg); err != nil {
		p.opts.Log.ErrorContext(v.r.Context(), "page failed", slog.Any("error", err))
		http.Error(v.w, v.t("problem.fault"), http.StatusInternalServerError)
		return
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", v.locale)
	h.Set("Vary", "Accept-Language, Cookie")
	h.Set("Content-Security-Policy", policy(pg.target))
	if pg.status == 0 {
		pg.status = http.StatusOK
	}
	v.w.WriteHeader(pg.status)
	_, _ = b.WriteTo(v.w) // a browser that has gone needs no page
}

// policy is what a page may do: nothing, but for its style, its font and its form. Browsers hold redirects after a
// form against form-action too, so the client's address is there where it is not ours.
func policy(target string) string {
	form := "'self'"
	if u, err := url.Parse(target); err == nil && u.Host != "" {
		form += " " + u.Scheme + "://" + u.Host
	}
	return "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self'; form-action " + form +
		"; frame-ancestors 'none'; base-uri 'none'"
}

// focus puts the cursor where someone has to type next: the first field that is wrong, else the first that is empty.
func focus(fields []field) {
	best := -1
	for i, f := range fields {
		if f.Error != "" {
			best = i
			break
		}
		if best < 0 && f.Value == "" && !f.ReadOnly {
			best = i
		}
	}
	if best >= 0 {
		fields[best].Focus = true
	}
}

// csrfToken is what a form of ours holds for a browser. Another site can neither read the cookie that it is made from
// nor set one of its own. It needs no key of ours: who knows the cookie is the browser.
func csrfToken(browser string) string {
	sum := sha256.Sum256([]byte("form\x00" + browser))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// serveStatic serves the style sheet, the font and the mark, which change with their addresses only.
func (p *pages) serveStatic(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "public, max-age=86400")
	// With the address of another build it is this build's sheet all the same, and must not be kept under that.
	if r.URL.RawQuery != "" && r.URL.Path+"?"+r.URL.RawQuery == p.style {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	p.static.ServeHTTP(w, r)
}
