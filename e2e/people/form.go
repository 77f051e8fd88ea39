package people

import (
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// form is a form of a page with what its fields hold.
type form struct {
	method, action string
	values         url.Values
}

// String says where a page is and what it tells people, for errors.
func (p *page) String() string {
	if p.home {
		return fmt.Sprintf("the way home (%s)", p.url.Path)
	}
	var said []string
	for n := range p.elements("h1") {
		said = append(said, text(n))
	}
	// The provider's pages have what went wrong in these two classes.
	for _, class := range []string{"banner", "err"} {
		for _, tag := range []string{"p", "div", "span"} {
			for n := range p.elements(tag) {
				if strings.Contains(" "+attribute(n, "class")+" ", " "+class+" ") {
					said = append(said, text(n))
				}
			}
		}
	}
	return fmt.Sprintf("%s (%d: %s)", p.url.Path, p.status, strings.Join(said, "; "))
}

// form is the first form that has all the named fields.
func (p *page) form(fields ...string) (*form, error) {
	for n := range p.elements("form") {
		f := readForm(n)
		found := true
		for _, name := range fields {
			found = found && f.values.Has(name)
		}
		if found {
			return f, nil
		}
	}
	return nil, fmt.Errorf("no form with %s on %s", strings.Join(fields, ", "), p)
}

// has says whether form would find one.
func (p *page) has(fields ...string) bool {
	_, err := p.form(fields...)
	return err == nil
}

// readForm reads a form: fields, and the button that the Enter key presses, which is the first.
func readForm(n *html.Node) *form {
	f := &form{method: strings.ToUpper(attribute(n, "method")), action: attribute(n, "action"), values: url.Values{}}
	if f.method == "" {
		f.method = http.MethodGet
	}
	pressed := false
	for field := range elements(n, "input", "button") {
		name, kind := attribute(field, "name"), attribute(field, "type")
		button := field.Data == "button" || kind == "submit"
		switch {
		case button && (pressed || kind == "button"), (kind == "checkbox" || kind == "radio") && !hasAttribute(field, "checked"):
			continue
		case button:
			pressed = true
		}
		if name != "" {
			f.values.Add(name, attribute(field, "value"))
		}
	}
	return f
}

// elements are the elements of a page with a tag, in the order of the document.
func (p *page) elements(tags ...string) iter.Seq[*html.Node] {
	if p.doc == nil {
		return func(func(*html.Node) bool) {}
	}
	return elements(p.doc, tags...)
}

func elements(root *html.Node, tags ...string) iter.Seq[*html.Node] {
	return func(yield func(*html.Node) bool) {
		for n := range root.Descendants() {
			for _, tag := range tags {
				if n.Type == html.ElementNode && n.Data == tag && !yield(n) {
					return
				}
			}
		}
	}
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func hasAttribute(n *html.Node, key string) bool {
	for _, a := range n.Attr {
		if a.Key == key {
			return true
		}
	}
	return false
}

// text is what is written in an element, on one line.
func text(root *html.Node) string {
	var b strings.Builder
	for n := range root.Descendants() {
		if n.Type == html.TextNode {
			b.WriteString(n.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
