package provider

import (
	"crypto/subtle"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/users"
)

// visit is one request for a page.
type visit struct {
	p       *Provider
	w       http.ResponseWriter
	r       *http.Request
	browser string // the browser's secret
	locale  string

	// id and request are what waits for its user, if the address names one that is this browser's.
	id      users.Digest
	request *users.Request
	// session and user are who is signed in in this browser.
	session *users.Session
	user    users.User
}

// routePages lists the pages.
func (p *Provider) routePages(mux *http.ServeMux) {
	type steps struct{ get, post func(*visit) }
	for path, s := range map[string]steps{
		"/oidc/sign-in":  {(*visit).signInPage, (*visit).signIn},
		"/oidc/sign-up":  {(*visit).signUpPage, (*visit).signUp},
		"/oidc/confirm":  {(*visit).confirmPage, (*visit).confirm},
		"/oidc/forgot":   {(*visit).forgotPage, (*visit).forgot},
		"/oidc/reset":    {(*visit).resetPage, (*visit).reset},
		"/oidc/password": {(*visit).passwordPage, (*visit).password},
		"/oidc/sign-out": {(*visit).signOutPage, (*visit).signOut},
	} {
		mux.HandleFunc("GET "+path, p.page(s.get, false))
		mux.HandleFunc("POST "+path, p.page(s.post, true))
	}
	mux.HandleFunc("GET /oidc/mailbox", p.page((*visit).mailbox, false))
	for _, file := range []string{"style.css", "inter.woff2", "inter-LICENSE.txt", "mark.svg"} {
		mux.HandleFunc("GET /oidc/"+file, p.pages.serveStatic)
	}
	mux.HandleFunc("GET /oidc/", p.page(func(v *visit) { v.problem(http.StatusNotFound, "problem.not-found") }, false))
}

// page makes a visit of a request and gives it to step. A form is looked at only if one of our own pages sent it.
func (p *Provider) page(step func(*visit), form bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := p.visit(w, r)
		// A form is judged before anything is looked up: one of a stranger's costs no read.
		if err := checkForm(r); err != nil {
			v.problem(http.StatusBadRequest, "problem.request")
			return
		}
		if form && !v.fromOurPage() {
			v.problem(http.StatusForbidden, "problem.form")
			return
		}
		if err := v.look(); err != nil {
			v.fail(err)
			return
		}
		step(v)
	}
}

func (p *Provider) visit(w http.ResponseWriter, r *http.Request) *visit {
	return &visit{p: p, w: w, r: r, browser: p.browser(w, r), locale: p.pages.match(r.Header.Get("Accept-Language"))}
}

// maxValue bounds one value of a form; no field of ours holds more.
const maxValue = 4 << 10

var errForm = errors.New("a form that none of our pages makes")

// checkForm parses the form and refuses what is no text, too long, or said twice.
func checkForm(r *http.Request) error {
	if len(r.URL.RawQuery) > maxQuery {
		return errForm
	}
	if err := r.ParseForm(); err != nil {
		return err
	}
	for name, values := range r.Form {
		// A NUL is refused because no text of PostgreSQL's can hold one.
		if len(values) > 1 || len(values[0]) > maxValue || !utf8.ValidString(values[0]) || !utf8.ValidString(name) || strings.ContainsRune(values[0], 0) {
			return errForm
		}
	}
	return nil
}

// fromOurPage says whether one of our pages in this browser sent the form: by what the browser itself says of where
// it comes from, and by the token that only such a page has.
func (v *visit) fromOurPage() bool {
	site, origin := v.r.Header.Get("Sec-Fetch-Site"), v.r.Header.Get("Origin")
	if (site != "" && site != "same-origin" && site != "none") || (origin != "" && origin != v.p.users.Issuer()) {
		return false
	}
	return subtle.ConstantTimeCompare([]byte(v.r.PostForm.Get("csrf")), []byte(csrfToken(v.browser))) == 1
}

// look finds the request that waits and who is signed in. Neither must be there.
func (v *visit) look() error {
	// An id that is no request any more, or another browser's, is as good as none.
	if raw := v.r.Form.Get("request"); raw != "" && v.id.UnmarshalText([]byte(raw)) == nil {
		request, err := v.p.users.Pending(v.r.Context(), v.id, v.visitor())
		switch {
		case err == nil:
			v.request = &request
			v.locale = v.p.pages.match(request.Locale, v.r.Header.Get("Accept-Language"))
		case !errors.Is(err, users.ErrLinkOver):
			return err
		}
	}
	session, user, err := v.p.users.Session(v.r.Context(), v.p.cookie(v.r.Header, cookieSession))
	switch {
	case err == nil:
		v.session, v.user = &session, user
	case !errors.Is(err, beep.ErrNotFound):
		return err
	}
	return nil
}

func (v *visit) visitor() users.Visitor {
	return users.Visitor{IP: v.p.address(v.r), Browser: users.DigestOf(v.browser), Locale: v.locale}
}

// t is a text in the visitor's language.
func (v *visit) t(key string, pairs ...string) string { return v.p.pages.text(v.locale, key, pairs...) }

// value is a field of the form. It is one of the body: an address, and what is in it, is kept by logs.
func (v *visit) value(name string) string { return v.r.PostForm.Get(name) }

// home is Beep itself.
func (v *visit) home() string { return v.p.users.Issuer() + "/" }

// host is what people call this installation.
func (v *visit) host() string {
	_, host, _ := strings.Cut(v.p.users.Issuer(), "://")
	return host
}

// at is the address of one of our pages, with the request that waits.
func (v *visit) at(path string, pairs ...string) string {
	q := url.Values{}
	if v.request != nil {
		q.Set("request", v.id.String())
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// goTo sends the browser on. 303 makes it a GET, whatever came before.
func (v *visit) goTo(address string) {
	http.Redirect(v.w, v.r, address, http.StatusSeeOther) //nolint:gosec // to our own pages, or where the client is registered
}

// target is where the client waits, for the policy of a form that ends there.
func (v *visit) target() string {
	if v.request == nil {
		return ""
	}
	return v.request.RedirectURI
}

// problem shows a page that only says what is wrong and the way back.
func (v *visit) problem(status int, key string) {
	v.show(page{
		Title: v.t(key), Lead: []string{v.t(key + ".lead")}, Go: &link{Text: v.t("continue"), Href: v.home()}, status: status,
	})
}

// fail shows what a use-case did not do. It knows the errors that can happen on any page.
func (v *visit) fail(err error) {
	var e *beep.Error
	switch {
	case errors.Is(err, users.ErrNoMail):
		v.problem(http.StatusServiceUnavailable, "problem.mail")
	case errors.Is(err, users.ErrLinkOver):
		v.problem(http.StatusGone, "problem.link")
	case errors.As(err, &e) && (e.Kind == beep.KindLimited || e.Kind == beep.KindUnavailable):
		v.refuse(e, page{Title: v.t("problem.fault"), Go: &link{Text: v.t("continue"), Href: v.home()}})
	default:
		v.p.opts.Log.ErrorContext(v.r.Context(), "page failed", slog.Any("error", err))
		v.problem(http.StatusInternalServerError, "problem.fault")
	}
}

// refuse shows a page again with what an error says of its fields or of when to come back; fail shows any other.
func (v *visit) refuse(err error, pg page) {
	var e *beep.Error
	if !errors.As(err, &e) {
		v.fail(err)
		return
	}
	switch e.Kind {
	case beep.KindInvalid:
		pg.status, pg.Problem = http.StatusUnprocessableEntity, v.t("problem.fields")
		for i, f := range pg.Fields {
			if problem := e.Fields[f.Name]; problem != "" {
				pg.Fields[i].Error = v.t("field.problem." + problem)
			}
		}
	case beep.KindLimited:
		pg.status, pg.Problem = http.StatusTooManyRequests, v.t("problem.limited", "time", v.duration(e.RetryAfter))
	case beep.KindUnavailable:
		pg.status, pg.Problem = http.StatusServiceUnavailable, v.t("problem.busy")
		v.p.opts.Log.WarnContext(v.r.Context(), "page unavailable", slog.Any("error", err))
	default:
		v.fail(err)
		return
	}
	if e.RetryAfter > 0 {
		v.w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds()))))
	}
	v.show(pg)
}

// duration is a span as people say it, rounded up: who waits that long is let in.
func (v *visit) duration(d time.Duration) string {
	if d < 90*time.Second {
		return v.t("seconds", "n", strconv.Itoa(int(math.Ceil(d.Seconds()))))
	}
	return v.t("minutes", "n", strconv.Itoa(int(math.Ceil(d.Minutes()))))
}
