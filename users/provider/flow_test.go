package provider_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/users"
	"github.com/beep-chat/beep/users/provider"
)

// The whole life of an account, as a newcomer and a client that knows only the standards see it.
func TestFlow(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	a, b := s.app(t), s.browser(t)
	var heard atomic.Int64
	t.Cleanup(s.bus.Subscribe(users.Topic, func([]byte) { heard.Add(1) }))

	// Sign-up begins at sign-in, and ends where the client waits.
	page := b.open(a.authorize()).want(http.StatusOK, "Sign in")
	up := regexpHref(page.html, "/oidc/sign-up")
	page = b.open(up).want(http.StatusOK, "Create an account").
		submit("username", "Ann", "email", "Ann@example.org", "password", password).want(http.StatusOK, "Confirm your e-mail")
	if !strings.Contains(page.text(), "Ann@example.org") {
		t.Errorf("the page does not say where the mail went: %s", page.text())
	}
	page.submit("code", "not it").want(http.StatusUnprocessableEntity, "Confirm your e-mail")
	mail := s.letters(t, "ann@example.org", 1)[0]
	token, id := a.tokens(page.submit("code", codeIn.FindString(mail)[:3]+" "+codeIn.FindString(mail)[3:]))

	var claims struct {
		Nonce, Sid, Name, Email, Azp string
		PreferredUsername            string `json:"preferred_username"`
		EmailVerified                bool   `json:"email_verified"`
		AuthTime                     int64  `json:"auth_time"`
	}
	must(t, id.Claims(&claims))
	if claims.Nonce != a.nonce || claims.Sid == "" || claims.PreferredUsername != "ann" || claims.Name != "ann" || claims.Email != "Ann@example.org" ||
		!claims.EmailVerified || time.Since(time.Unix(claims.AuthTime, 0)) > time.Minute {
		t.Errorf("ID token = %+v", claims)
	}
	if token.TokenType != "Bearer" || time.Until(token.Expiry) > 5*time.Minute || time.Until(token.Expiry) < 4*time.Minute {
		t.Errorf("token = %+v", token)
	}

	// What the token opens.
	info, err := a.provider.UserInfo(t.Context(), oauth2.StaticTokenSource(token))
	must(t, err)
	if info.Subject != id.Subject || info.Email != "Ann@example.org" || !info.EmailVerified {
		t.Errorf("userinfo = %+v", info)
	}
	seen, err := s.Introspect(t.Context(), token.AccessToken)
	must(t, err)
	if !seen.Active || seen.Subject != id.Subject || seen.Session.ID.String() != claims.Sid || seen.User.Username != "ann" || seen.Client != "beep-web" {
		t.Errorf("the access token is worth %+v", seen)
	}

	// Rotation, and the same token again from another tab.
	refresh := func(old string) (*oauth2.Token, error) {
		return a.config.TokenSource(t.Context(), &oauth2.Token{RefreshToken: old}).Token()
	}
	second, err := refresh(token.RefreshToken)
	must(t, err)
	if second.RefreshToken == token.RefreshToken || second.AccessToken == token.AccessToken || a.idToken(second).Subject != id.Subject {
		t.Errorf("refreshed = %+v", second)
	}
	_, err = refresh(token.RefreshToken)
	must(t, err)

	// A reload: the provider knows who is here and asks nothing.
	again, _ := a.tokens(b.open(a.authorize("prompt", "none")))

	// Revocation by the client ends everything that came from the session, and the feed says so.
	status, _, _ := s.post(t, "/oidc/revoke", "token", again.RefreshToken, "client_id", "beep-web")
	if status != http.StatusOK {
		t.Errorf("revoke = %d", status)
	}
	if _, err := a.provider.UserInfo(t.Context(), oauth2.StaticTokenSource(second)); err == nil {
		t.Error("userinfo for a revoked token")
	}
	if seen, err := s.Introspect(t.Context(), token.AccessToken); seen.Active || err != nil {
		t.Errorf("a revoked token is worth %+v, %v", seen, err)
	}
	if _, err := refresh(second.RefreshToken); err == nil {
		t.Error("a refresh token outlived its session")
	}
	wantFeed(t, s, claims.Sid)
	if at := b.open(a.authorize("prompt", "none")).url.Query(); at.Get("error") != "login_required" || at.Get("state") != a.state {
		t.Errorf("prompt=none after the end: %v", at)
	}

	// Signing in anew, and out at the provider.
	third, _ := a.tokens(b.signIn(a, "ann"))
	raw, _ := third.Extra("id_token").(string)
	out := b.open("/oidc/end-session?" + url.Values{
		"id_token_hint": {raw}, "post_logout_redirect_uri": {s.URL + "/"}, "state": {"bye"}, "client_id": {"beep-web"},
	}.Encode())
	if out.url.String() != s.URL+"/?state=bye" || out.header.Get("Clear-Site-Data") != `"cache"` {
		t.Errorf("end-session leads to %s, %v", out.url, out.header)
	}
	if seen, err := s.Introspect(t.Context(), third.AccessToken); seen.Active || err != nil {
		t.Errorf("after sign-out a token is worth %+v, %v", seen, err)
	}
	b.open(a.authorize()).want(http.StatusOK, "Sign in")
	if _, head, err := s.ListRevocations(t.Context(), 0, 0); err != nil || head != 2 {
		t.Errorf("feed ends at %d, %v; want 2", head, err)
	}
	eventually(t, "the bus heard of both", func() bool { return heard.Load() == 2 })
}

func regexpHref(page, path string) string {
	_, rest, _ := strings.Cut(page, `href="`+path)
	tail, _, _ := strings.Cut(rest, `"`)
	return path + strings.ReplaceAll(tail, "&amp;", "&")
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
		<-tick.C
	}
}

// wantFeed fails unless the newest row of the feed is of the session.
func wantFeed(t *testing.T, s *site, sid string) {
	t.Helper()
	list, _, err := s.ListRevocations(t.Context(), 0, 0)
	must(t, err)
	if len(list) == 0 || list[len(list)-1].Session.String() != sid {
		t.Errorf("feed = %+v, want the end of %s", list, sid)
	}
}

func TestRefresh_ReuseAfterTheGraceEndsTheSession(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	a, b := s.app(t), s.browser(t)
	token, id := a.tokens(b.join(a, "ann"))
	trade := func(refresh string) (int, map[string]any) {
		status, answer, _ := s.post(t, "/oidc/token", "grant_type", "refresh_token", "client_id", "beep-web", "refresh_token", refresh)
		return status, answer
	}
	_, next := trade(token.RefreshToken)
	// The grace is over, as the store remembers it.
	must(t, s.store.ChangeGrant(t.Context(), users.DigestOf(token.RefreshToken), func(g users.Grant) (users.Change, error) {
		g.Refresh.Rotated = g.Refresh.Rotated.Add(-11 * time.Second)
		return users.Change{Trade: true, Refresh: g.Refresh}, nil
	}))
	status, answer := trade(token.RefreshToken)
	if status != http.StatusBadRequest || answer["error"] != "invalid_grant" {
		t.Errorf("reuse = %d %v", status, answer)
	}
	fresh, _ := next["refresh_token"].(string)
	if status, answer := trade(fresh); status != http.StatusBadRequest || answer["error"] != "invalid_grant" {
		t.Errorf("the thief's or victim's own token = %d %v", status, answer)
	}
	var sid struct{ Sid string }
	must(t, id.Claims(&sid))
	wantFeed(t, s, sid.Sid)
}

func TestCode_ReplayEndsTheSession(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	a, b := s.app(t), s.browser(t)
	back := b.join(a, "ann")
	token, _ := a.tokens(back)
	_, err := a.config.Exchange(t.Context(), a.code(back), oauth2.VerifierOption(a.verifier))
	if err == nil || !strings.Contains(err.Error(), "invalid_grant") {
		t.Errorf("replay = %v", err)
	}
	if _, err := a.provider.UserInfo(t.Context(), oauth2.StaticTokenSource(token)); err == nil {
		t.Error("the tokens of a code used twice still work")
	}
}

// A link of the mail goes on in the browser that signed up, and asks before it does anything.
func TestConfirm_ByLink(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	a, b, phone := s.app(t), s.browser(t), s.browser(t)
	b.open(a.authorize("prompt", "create")).submit("username", "ann", "email", "ann@example.org", "password", password)
	link := linkIn.FindString(s.letters(t, "ann@example.org", 1)[0])
	for range 3 { // mail programs open links too
		phone.open(link).want(http.StatusOK, "Confirm your e-mail")
	}
	a.tokens(b.open(link).want(http.StatusOK, "Confirm your e-mail").submit())
	b.open(link).want(http.StatusGone, "This link no longer works")

	// In another browser it wants the password first: the account may be a stranger's idea.
	c := s.browser(t)
	c.open(a.authorize("prompt", "create")).submit("username", "bob", "email", "bob@example.org", "password", password)
	link = linkIn.FindString(s.letters(t, "bob@example.org", 1)[0])
	page := phone.open(link).want(http.StatusOK, "Confirm your e-mail")
	if in := page.inputs()["password"]; in["type"] != "password" || in["autocomplete"] != "current-password" {
		t.Errorf("the password is asked for with %v", in)
	}
	page = page.submit("password", "a guess at it").want(http.StatusUnprocessableEntity, "Confirm your e-mail")
	if strings.Contains(page.html, "a guess at it") || !strings.Contains(page.text(), "not the password of the sign-up") {
		t.Errorf("after a wrong password: %s", page.text())
	}
	if phone.open(a.authorize("prompt", "none")).url.Query().Get("error") != "login_required" {
		t.Error("a wrong password signed someone in")
	}
	phone.lang = "fr"
	page = phone.open(link).want(http.StatusOK, "Confirmer votre e-mail")
	page.submit("password", password).want(http.StatusOK, "Votre adresse est confirmée")
	a.tokens(phone.open(a.authorize("prompt", "none")))
}

func TestForgottenPassword(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	a, b := s.app(t), s.browser(t)
	token, _ := a.tokens(b.join(a, "ann"))
	laptop := s.browser(t)
	page := laptop.open(a.authorize()).want(http.StatusOK, "Sign in")
	page = laptop.open(regexpHref(page.html, "/oidc/forgot")).want(http.StatusOK, "Forgotten password")
	page.submit("email", "nobody@example.org").want(http.StatusOK, "Forgotten password")
	sent := page.submit("email", "ann@example.org").want(http.StatusOK, "Forgotten password")
	if !strings.Contains(sent.text(), "If that address has an account") {
		t.Errorf("the page says %s", sent.text())
	}
	reset := laptop.open(linkIn.FindString(s.letters(t, "ann@example.org", 2)[0])).want(http.StatusOK, "Set a new password")
	reset.submit("password", "short").want(http.StatusUnprocessableEntity, "Set a new password")
	in := reset.submit("password", "a better password").want(http.StatusOK, "Sign in")
	if !strings.Contains(in.text(), "Your password is set") {
		t.Errorf("the page says %s", in.text())
	}
	in.submit("email", "ann@example.org", "password", password).want(http.StatusUnprocessableEntity, "Sign in")
	a.tokens(in.submit("email", "ann@example.org", "password", "a better password"))
	if _, err := a.provider.UserInfo(t.Context(), oauth2.StaticTokenSource(token)); err == nil {
		t.Error("a session outlived the reset of its password")
	}
	reset.submit("password", "yet another one").want(http.StatusGone, "This link no longer works")
}

func TestAction_UpdatePassword(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	a, b := s.app(t), s.browser(t)
	mine, id := a.tokens(b.join(a, "ann"))
	other, _ := a.tokens(s.browser(t).signIn(a, "ann"))
	action := a.authorize("kc_action", "UPDATE_PASSWORD")

	cancelled := b.open(action).want(http.StatusOK, "Change your password").submit("do", "cancel", "password", "")
	q := cancelled.url.Query()
	a.tokens(cancelled)
	if q.Get("kc_action") != "UPDATE_PASSWORD" || q.Get("kc_action_status") != "cancelled" {
		t.Errorf("cancelled = %v", q)
	}

	page := b.open(action).want(http.StatusOK, "Change your password")
	page.submit("password", "password1").want(http.StatusUnprocessableEntity, "Change your password")
	ageProof(t, s, id.Subject)
	again := page.submit("password", "a better password").want(http.StatusOK, "Confirm that it is you")
	if in := again.inputs(); in["email"]["value"] != "ann@example.org" {
		t.Errorf("inputs = %v, want the address of who is signed in", in)
	}
	again.submit("password", "wrong password").want(http.StatusUnprocessableEntity, "Confirm that it is you")
	page = again.submit("password", password).want(http.StatusOK, "Change your password")
	done := page.submit("password", "a better password")
	q = done.url.Query()
	a.tokens(done)
	if q.Get("kc_action") != "UPDATE_PASSWORD" || q.Get("kc_action_status") != "success" {
		t.Errorf("done = %v", q)
	}
	if _, err := a.provider.UserInfo(t.Context(), oauth2.StaticTokenSource(mine)); err != nil {
		t.Errorf("the session that changed its password ended: %v", err)
	}
	if _, err := a.provider.UserInfo(t.Context(), oauth2.StaticTokenSource(other)); err == nil {
		t.Error("another session outlived the change of the password")
	}

	q = b.open(a.authorize("kc_action", "delete_account")).url.Query()
	if q.Get("kc_action_status") != "error" || q.Get("kc_action") != "delete_account" || q.Get("code") == "" {
		t.Errorf("an action that there is not = %v", q)
	}
	if got := b.open(a.authorize("kc_action", "UPDATE_PASSWORD", "prompt", "none")).url.Query().Get("error"); got != "interaction_required" {
		t.Errorf("an action without a page = %q", got)
	}
	fresh := s.browser(t)
	page = fresh.open(action).want(http.StatusOK, "Sign in")
	page.submit("email", "ann@example.org", "password", "a better password").want(http.StatusOK, "Change your password")
}

// ageProof lets six minutes pass since the password was given, in every session of a user.
func ageProof(t *testing.T, s *site, subject string) {
	t.Helper()
	user, err := beep.ParseID[struct{}](subject)
	must(t, err)
	db := s.store.DB()
	_, err = db.Exec(t.Context(), "UPDATE sessions SET proven_at = proven_at - ? WHERE user_id = ?", (6 * time.Minute).Milliseconds(), int64(user))
	must(t, err)
}

func TestAuthorize_AsksWhenTheClientWantsIt(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	a, b := s.app(t), s.browser(t)
	token, id := a.tokens(b.join(a, "ann"))
	raw, _ := token.Extra("id_token").(string)
	a.tokens(b.open(a.authorize("max_age", "300")))
	a.tokens(b.open(a.authorize("id_token_hint", raw)))
	a.tokens(b.open(a.authorize("response_mode", "query")))
	if at := b.open(a.authorize("response_mode", "fragment")).url; at.RawQuery != "" || !strings.Contains(at.Fragment, "code=") {
		t.Errorf("response_mode=fragment leads to %s", at)
	}
	ageProof(t, s, id.Subject)
	b.open(a.authorize("max_age", "300")).want(http.StatusOK, "Confirm that it is you").submit("password", password)
	for _, ask := range [][]string{{"prompt", "login"}, {"max_age", "0"}} {
		page := b.open(a.authorize(ask...)).want(http.StatusOK, "Confirm that it is you")
		a.tokens(page.submit("password", password))
	}
	b.open(a.authorize("prompt", "select_account")).want(http.StatusOK, "Sign in").submit().want(http.StatusUnprocessableEntity, "Sign in")

	// Someone else at the same computer: the session before ends with theirs beginning.
	page := b.open(a.authorize("prompt", "login")).want(http.StatusOK, "Confirm that it is you")
	other := s.browser(t)
	a.tokens(other.join(a, "bob"))
	page = b.open(regexpHref(page.html, "/oidc/sign-in")).want(http.StatusOK, "Sign in")
	_, bob := a.tokens(page.submit("email", "bob@example.org", "password", password))
	if bob.Subject == id.Subject {
		t.Error("still the one before")
	}
	var sid struct{ Sid string }
	must(t, id.Claims(&sid))
	wantFeed(t, s, sid.Sid)
	if got := b.open(a.authorize("prompt", "none", "id_token_hint", raw)).url.Query().Get("error"); got != "login_required" {
		t.Errorf("someone else's hint with prompt=none = %q", got)
	}
}

func TestSignOut_AsksWhoBringsNoToken(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	a, b := s.app(t), s.browser(t)
	token, _ := a.tokens(b.join(a, "ann"))
	end := "/oidc/end-session?post_logout_redirect_uri=" + url.QueryEscape(s.URL+"/") + "&client_id=beep-web&state=x"
	page := b.open(end).want(http.StatusOK, "Sign out")
	if stay := page.submit("do", "stay"); stay.url.String() != s.URL+"/" {
		t.Errorf("staying leads to %s", stay.url)
	}
	if _, err := a.provider.UserInfo(t.Context(), oauth2.StaticTokenSource(token)); err != nil {
		t.Errorf("asking signed out: %v", err)
	}
	if out := page.submit(); out.url.String() != s.URL+"/?state=x" || out.header.Get("Clear-Site-Data") != `"cache"` {
		t.Errorf("signing out leads to %s", out.url)
	}
	if _, err := a.provider.UserInfo(t.Context(), oauth2.StaticTokenSource(token)); err == nil {
		t.Error("signed out, and the token still works")
	}
	if again := b.open(end); again.url.String() != s.URL+"/?state=x" {
		t.Errorf("signing out twice leads to %s", again.url)
	}
	b.open("/oidc/end-session").want(http.StatusOK, "You are signed out")
}

func TestMailbox(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	a, b := s.app(t), s.browser(t)
	empty := b.open("/oidc/mailbox").want(http.StatusOK, "Mailbox")
	if !strings.Contains(empty.text(), "no mail server") {
		t.Errorf("the mailbox does not say why it is one: %s", empty.text())
	}
	b.join(a, "ann")
	full := b.open("/oidc/mailbox").want(http.StatusOK, "Mailbox")
	if !strings.Contains(full.html, `<a class="link" href="`+s.URL+`/oidc/confirm?link=`) {
		t.Errorf("the link of a letter cannot be followed: %s", full.html)
	}
	// A page of another site that makes its own name mean this machine.
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/oidc/mailbox?format=json", http.NoBody)
	must(t, err)
	r.Host = "rebound.example.org"
	if status, _, _ := send(t, r); status != http.StatusNotFound {
		t.Errorf("the mailbox under another name = %d", status)
	}
}

// Whoever reads the mailbox can take every account, so the name that a request gives itself must not be enough.
func TestMailbox_OnlyFromThisMachine(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	const here, elsewhere = "127.0.0.1:40000", "192.0.2.7:40000"
	for name, c := range map[string]struct {
		opts            provider.Options
		peer, forwarded string
		want            int
	}{
		"from here":                             {peer: here, want: http.StatusOK},
		"from elsewhere":                        {peer: elsewhere, want: http.StatusNotFound},
		"from elsewhere that claims to be here": {peer: elsewhere, forwarded: "127.0.0.1", want: http.StatusNotFound},
		"through a proxy here":                  {peer: here, forwarded: "127.0.0.1", want: http.StatusNotFound},
		"through a believed proxy from elsewhere": {
			opts: provider.Options{Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, peer: here, forwarded: "192.0.2.7",
			want: http.StatusNotFound,
		},
		"through the gateway from here":      {opts: provider.Options{Gateway: true}, peer: here, forwarded: "127.0.0.1", want: http.StatusOK},
		"through the gateway from elsewhere": {opts: provider.Options{Gateway: true}, peer: here, forwarded: "192.0.2.7", want: http.StatusNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := provider.New(s.Service, c.opts)
			must(t, err)
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/oidc/mailbox?format=json", http.NoBody)
			r.RemoteAddr = c.peer
			if c.forwarded != "" {
				r.Header.Set("X-Forwarded-For", c.forwarded)
			}
			w := httptest.NewRecorder()
			p.Handler().ServeHTTP(w, r)
			if w.Code != c.want {
				t.Errorf("got %d, want %d", w.Code, c.want)
			}
		})
	}
}

func TestNoMail_SaysWhatToDo(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *siteOptions) {
		o.deps = func(d *users.Deps) { d.PublicURL = "https://chat.example.org" }
	})
	b := s.browser(t)
	for _, path := range []string{"/oidc/sign-up", "/oidc/forgot"} {
		page := b.open(path).want(http.StatusServiceUnavailable, "Mail is not set up")
		if !strings.Contains(page.text(), "BEEP_SMTP") {
			t.Errorf("%s does not say what to do: %s", path, page.text())
		}
	}
	b.open("/oidc/mailbox").want(http.StatusNotFound, "There is no such page")
}

func TestDiscovery_SaysWhatThereIs(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/.well-known/openid-configuration", http.NoBody)
	must(t, err)
	_, d, _ := send(t, r)
	for name, want := range map[string]string{
		"issuer": `"` + s.URL + `"`, "response_types_supported": `["code"]`, "code_challenge_methods_supported": `["S256"]`,
		"grant_types_supported": `["authorization_code","refresh_token"]`, "token_endpoint_auth_methods_supported": `["none"]`,
		"id_token_signing_alg_values_supported": `["ES256"]`, "introspection_endpoint": `null`,
		"device_authorization_endpoint": `null`, "registration_endpoint": `null`,
	} {
		if got, err := json.Marshal(d[name]); err != nil || string(got) != want {
			t.Errorf("%s = %s, want %s", name, got, want)
		}
	}
}
