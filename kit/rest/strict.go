package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"

	"github.com/beep-chat/beep"
)

// maxDepth bounds nesting; no contract comes near it. It bounds the recursion of the checker besides.
const maxDepth = 16

// strict refuses, before anything is decoded, what a lenient decoder would repair: the service must see
// exactly what the client wrote, or nothing.
func (e *Edge) strict(next runtime.HandlerFunc) runtime.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request, path map[string]string) {
		err := e.check(w, r, path)
		// Last, so that only what would reach its method is counted.
		if err == nil && e.opts.Admit != nil {
			err = e.opts.Admit(r, path)
		}
		if err != nil {
			e.Problem(w, r, err)
			return
		}
		next(w, r, path)
	}
}

// check refuses what it can before it reads the body: what is wrong by its path or query costs no memory.
func (e *Edge) check(w http.ResponseWriter, r *http.Request, path map[string]string) error {
	if err := checkPath(path); err != nil {
		return err
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodDelete {
		return e.checkBodyless(r)
	}
	// grpc-gateway would fill fields that the body leaves out from the query, where proxies and logs see them.
	if r.URL.RawQuery != "" {
		return beep.Invalid(beep.CodeInvalidQuery, "this method takes no query")
	}
	body, err := e.readBody(w, r)
	if err != nil {
		return err
	}
	if len(body) > 0 {
		// A field that is in the path is overwritten from there without a word: a body that names another channel than
		// its address would act on the one that its author did not mean.
		if err := CheckJSON(body, func(key string) bool { _, taken := path[key]; return !taken }); err != nil {
			return err
		}
		if route := e.routes.of(r); route.input != nil {
			// protojson takes numbers as strings, strings as numbers, and null for nothing at all.
			if err := CheckTypes(body, route.input); err != nil {
				return err
			}
		}
	}
	// The method decodes the very bytes that were checked.
	r.Body = io.NopCloser(bytes.NewReader(body))
	return nil
}

func checkPath(path map[string]string) error {
	for name, value := range path {
		// Between processes such a string is a fault of ours, in one it would get through.
		if !utf8.ValidString(value) {
			return beep.Invalid(beep.CodeInvalidID, "the path is not UTF-8")
		}
		if strings.HasSuffix(name, "_id") {
			// strconv reads "+7", "007" and "0x7" as the id 7: two addresses of one thing, of which caches, logs and
			// bans know one.
			if _, err := beep.ParseID[any](value); err != nil {
				return beep.InvalidField(beep.CodeInvalidID, name, "is not an id")
			}
		}
	}
	return nil
}

func (e *Edge) checkBodyless(r *http.Request) error {
	// It would be skipped, by us; a proxy that reads lengths otherwise takes it for the next request. Of unknown length
	// it is -1, and refused too.
	if r.ContentLength != 0 {
		return beep.Invalid(beep.CodeInvalidBody, r.Method+" takes no body")
	}
	if r.URL.RawQuery != "" && !e.routes.of(r).query {
		return beep.Invalid(beep.CodeInvalidQuery, "this method takes no query")
	}
	return nil
}

func (e *Edge) readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	// Nothing would unpack it, and if something did, the bound below would be on the small side of a bomb.
	if r.Header.Get("Content-Encoding") != "" {
		return nil, beep.Invalid(beep.CodeUnsupportedMedia, "compressed bodies are not accepted")
	}
	// It has w to close the connection with, so that the rest of a large body is not waited for.
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, e.opts.MaxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, beep.Invalid(beep.CodeBodyTooLarge, fmt.Sprintf("the body is larger than %d bytes", e.opts.MaxBody))
	case err != nil:
		return nil, beep.Invalid(beep.CodeInvalidBody, "the body ended early")
	}
	// Nothing that could be misread, so it needs no type.
	if len(body) == 0 {
		return nil, nil
	}
	// A browser sends a form of any site as text/plain without asking us first; JSON it must ask for (CORS).
	if media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" ||
		(params["charset"] != "" && !strings.EqualFold(params["charset"], "utf-8")) {
		return nil, beep.Invalid(beep.CodeUnsupportedMedia, "the body must be application/json")
	}
	return body, nil
}

// CheckJSON says why b is not one JSON object in valid UTF-8 with snake_case keys, none twice in an object,
// nested at most 16 deep; topKey may refuse a key of the outermost object. encoding/json alone would take
// the last of two keys, a key in another case, and repair bad UTF-8.
func CheckJSON(b []byte, topKey func(string) bool) error {
	if !utf8.Valid(b) {
		return beep.Invalid(beep.CodeInvalidBody, "the body is not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	// A number of any size is only a token here. CheckTypes judges it, by the field that it is for.
	dec.UseNumber()
	first, err := dec.Token()
	if err != nil || first != json.Delim('{') {
		return beep.Invalid(beep.CodeInvalidBody, "the body is not a JSON object")
	}
	c := checker{dec: dec, topKey: topKey}
	if err := c.object(1); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return beep.Invalid(beep.CodeInvalidBody, "something follows the JSON object")
	}
	return nil
}

// checker reads token by token, since a decoded value no longer shows that a key came twice.
type checker struct {
	dec    *json.Decoder
	topKey func(string) bool
}

// object reads an object whose { was read. depth is its own, 1 for the outermost.
func (c *checker) object(depth int) error {
	seen := map[string]bool{}
	for c.dec.More() {
		t, err := c.dec.Token()
		key, ok := t.(string)
		switch {
		case err != nil || !ok:
			return badJSON(err)
		case seen[key]:
			return beep.Invalid(beep.CodeInvalidBody, fmt.Sprintf("the key %.40q is there twice", key))
		case !snakeCase(key) || (depth == 1 && c.topKey != nil && !c.topKey(key)):
			return beep.Invalid(beep.CodeInvalidBody, fmt.Sprintf("the key %.40q is not known", key))
		}
		seen[key] = true
		if err := c.value(depth); err != nil {
			return err
		}
	}
	_, err := c.dec.Token()
	return badJSON(err)
}

// value reads what stands for a key or in a list; depth is that of what it stands in.
func (c *checker) value(depth int) error {
	t, err := c.dec.Token()
	if err != nil {
		return badJSON(err)
	}
	d, ok := t.(json.Delim)
	if !ok {
		return nil
	}
	if depth++; depth > maxDepth {
		return beep.Invalid(beep.CodeInvalidBody, "the JSON is nested too deep")
	}
	if d == '{' {
		return c.object(depth)
	}
	for c.dec.More() {
		if err := c.value(depth); err != nil {
			return err
		}
	}
	_, err = c.dec.Token()
	return badJSON(err)
}

func badJSON(err error) error {
	if err == nil {
		return nil
	}
	return beep.Invalid(beep.CodeInvalidBody, "the body is not JSON")
}

// snakeCase admits map keys that are ids, too.
func snakeCase(key string) bool {
	for _, r := range key {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' {
			return false
		}
	}
	return key != ""
}
