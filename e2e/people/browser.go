package people

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/html"
)

// maxPage bounds a page that we read.
const maxPage = 1 << 20

// browser is a browser without scripts: it keeps cookies, follows redirects and links, and submits forms.
type browser struct {
	http *http.Client
	// home is where the provider sends people when it is done with them; a redirect there is not followed, for
	// what is there needs scripts.
	home string
}

func newBrowser(home string) (*browser, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	b := &browser{home: home}
	b.http = &http.Client{Jar: jar, Timeout: 30 * time.Second, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if b.isHome(r.URL) {
			return http.ErrUseLastResponse
		}
		// As net/http does by itself; with a CheckRedirect it leaves that to us.
		if len(via) > 10 {
			return fmt.Errorf("redirected for ever, last to %s", r.URL.Path)
		}
		return nil
	}}
	return b, nil
}

// isHome goes by the address without its query, in which the code is.
func (b *browser) isHome(u *url.URL) bool {
	return u.Scheme+"://"+u.Host+u.Path == b.home
}

// page is what a browser shows. At home there is no document.
type page struct {
	url    *url.URL
	status int
	home   bool
	doc    *html.Node
}

// open goes to an address.
func (b *browser) open(ctx context.Context, address string) (*page, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, err
	}
	return b.do(r)
}

// submit sends a form as a click on its first button does.
func (b *browser) submit(ctx context.Context, from *page, f *form) (*page, error) {
	to, err := from.url.Parse(f.action)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), strings.NewReader(f.values.Encode()))
	if err != nil {
		return nil, err
	}
	if f.method != http.MethodPost {
		to.RawQuery = f.values.Encode()
		return b.open(ctx, to.String())
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	// What browsers say of a form of their own site; a provider may insist on it.
	r.Header.Set("Origin", from.url.Scheme+"://"+from.url.Host)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.do(r)
}

// do asks in English, so that what an error quotes does not depend on the machine.
func (b *browser) do(r *http.Request) (*page, error) {
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Accept-Language", "en")
	resp, err := b.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	// A redirect home was not followed, and all that it says is in its address.
	if to, err := resp.Location(); err == nil && b.isHome(to) {
		return &page{url: to, status: resp.StatusCode, home: true}, nil
	}
	doc, err := html.Parse(io.LimitReader(resp.Body, maxPage))
	if err != nil {
		return nil, fmt.Errorf("page %s: %w", resp.Request.URL.Path, err)
	}
	return &page{url: resp.Request.URL, status: resp.StatusCode, doc: doc}, nil
}

// follow opens the first link of a page whose address holds part.
func (b *browser) follow(ctx context.Context, from *page, part string) (*page, error) {
	for n := range from.elements("a") {
		if href := attribute(n, "href"); strings.Contains(href, part) {
			to, err := from.url.Parse(href)
			if err != nil {
				return nil, err
			}
			return b.open(ctx, to.String())
		}
	}
	return nil, fmt.Errorf("no link to %s on %s", part, from)
}
