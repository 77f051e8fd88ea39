package people

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"
)

const signInPage = `<!doctype html><title>Sign in</title><h1>Sign in</h1>
<p class="banner bad">E-mail or password is wrong.</p>
<form action="/search"><input name="q"></form>
<form method="post" action="/oidc/sign-in?request=5">
	<input type="hidden" name="csrf" value="s3cret">
	<label>E-mail <input name="email" type="email" value="ada@example.org"></label>
	<label>Password <input name="password" type="password"></label>
	<input type="checkbox" name="remember" value="yes"><input type="checkbox" name="known" value="1" checked>
	<button name="do" value="go">Sign in</button><button name="do" value="cancel">Cancel</button>
</form>
<p>No account yet? <a href="/oidc/sign-up?request=5">Create one</a></p>`

func TestForm(t *testing.T) {
	t.Parallel()
	p := pageOf(t, signInPage)
	f, err := p.form("email", "password")
	if err != nil {
		t.Fatal(err)
	}
	want := &form{method: "POST", action: "/oidc/sign-in?request=5", values: url.Values{
		"csrf": {"s3cret"}, "email": {"ada@example.org"}, "password": {""}, "known": {"1"}, "do": {"go"},
	}}
	if diff := cmp.Diff(want, f, cmp.AllowUnexported(form{})); diff != "" {
		t.Errorf("the form is not what a click on its first button sends (-want +got):\n%s", diff)
	}
	if search, err := p.form("q"); err != nil || search.method != "GET" {
		t.Errorf("the form without a method is %v, %v", search, err)
	}
}

func TestForm_ThatIsNotThere(t *testing.T) {
	t.Parallel()
	p := pageOf(t, signInPage)
	if p.has("code") {
		t.Error("the page has a field for a code")
	}
	_, err := p.form("code")
	if err == nil || !strings.Contains(err.Error(), "Sign in; E-mail or password is wrong.") {
		t.Errorf("got %v, want what the page says instead", err)
	}
}

func TestPage_ThatIsHome(t *testing.T) {
	t.Parallel()
	b, err := newBrowser("http://127.0.0.1:8080/callback")
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]bool{
		"http://127.0.0.1:8080/callback?code=1": true, "http://127.0.0.1:8080/callback/": false, "http://127.0.0.1:8081/callback": false,
		"https://127.0.0.1:8080/callback": false,
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := b.isHome(u); got != want {
			t.Errorf("isHome(%s) = %t", address, got)
		}
	}
	if p := (&page{url: &url.URL{Path: "/callback"}, home: true}); p.has("code") || p.String() == "" {
		t.Error("where a browser goes home there is no form")
	}
}

func pageOf(t *testing.T, source string) *page {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(source))
	if err != nil {
		t.Fatal(err)
	}
	return &page{url: &url.URL{Scheme: "http", Host: "127.0.0.1", Path: "/oidc/sign-in"}, status: 200, doc: doc}
}
