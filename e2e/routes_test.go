package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	_ "github.com/beep-chat/beep/api/beep/gateway/v1" // the contracts that routes reads
	_ "github.com/beep-chat/beep/api/beep/messages/v1"
	_ "github.com/beep-chat/beep/api/beep/servers/v1"
	_ "github.com/beep-chat/beep/api/beep/users/v1"
)

// route is one method of the REST API, as the contracts annotate it.
type route struct {
	name         string // as in the fixtures: Servers_CreateServer
	method, path string
	hasBody      bool
	in           protoreflect.MessageDescriptor
}

// routes are all there are, so that a test over them covers tomorrow's too.
func routes(t *testing.T) (list []route) {
	t.Helper()
	protoregistry.GlobalFiles.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			list = append(list, routesOf(f.Services().Get(i))...)
		}
		return true
	})
	slices.SortFunc(list, func(a, b route) int { return strings.Compare(a.name, b.name) })
	if len(list) < 25 {
		t.Fatalf("the contracts have %d routes", len(list))
	}
	return list
}

func routesOf(s protoreflect.ServiceDescriptor) (list []route) {
	for i := range s.Methods().Len() {
		m := s.Methods().Get(i)
		rule, ok := proto.GetExtension(m.Options(), annotations.E_Http).(*annotations.HttpRule)
		if !ok || rule == nil {
			continue
		}
		r := route{name: string(s.Name()) + "_" + string(m.Name()), hasBody: rule.GetBody() != "", in: m.Input()}
		for method, path := range map[string]string{
			http.MethodGet: rule.GetGet(), http.MethodPost: rule.GetPost(), http.MethodPut: rule.GetPut(),
			http.MethodPatch: rule.GetPatch(), http.MethodDelete: rule.GetDelete(),
		} {
			if path != "" {
				r.method, r.path = method, path
			}
		}
		list = append(list, r)
	}
	return list
}

var placeholder = regexp.MustCompile(`\{[a-z_]+\}`)

// ids are the placeholders of the path.
func (r route) ids() []string { return placeholder.FindAllString(r.path, -1) }

// in fills the placeholders of the path from what a world has.
func (r route) at(names map[string]string) string {
	return placeholder.ReplaceAllStringFunc(r.path, func(name string) string { return names[name] })
}

// fields are those that go into the body, or the query if the method takes no body.
func (r route) fields() (list []protoreflect.FieldDescriptor) {
	for i := range r.in.Fields().Len() {
		f := r.in.Fields().Get(i)
		if !strings.Contains(r.path, "{"+string(f.Name())+"}") {
			list = append(list, f)
		}
	}
	return list
}

// body is one that the method takes, from its fixture.
func (r route) body(t *testing.T) []byte {
	t.Helper()
	if !r.hasBody {
		return nil
	}
	if len(r.fixture(t).Body) > 0 {
		return r.fixture(t).Body
	}
	return []byte("{}")
}

func replace(path, name, value string) string { return strings.ReplaceAll(path, name, value) }

// raw is the whole answer to a request, without the id of its trace and with its status.
func raw(t *testing.T, v voice, method, path string, in []byte) string {
	t.Helper()
	status, out := reply(t, v, method, path, in)
	var doc map[string]any
	if err := json.Unmarshal(out, &doc); err != nil {
		return fmt.Sprintf("%d %s", status, out)
	}
	delete(doc, "trace_id")
	again, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return string(again)
}

// body is raw of a request that has none.
func body(t *testing.T, v voice, method, path string) string {
	t.Helper()
	return raw(t, v, method, path, nil)
}

// reply is the answer to a request, whatever it is.
func reply(t *testing.T, v voice, method, path string, in []byte) (int, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, v.Base+path, bytes.NewReader(in))
	if err != nil {
		t.Fatal(err)
	}
	if len(in) > 0 {
		r.Header.Set("Content-Type", "application/json")
	}
	v.authorize(r)
	return do(t, r)
}

func (v voice) authorize(r *http.Request) {
	v.t.Helper()
	if v.Token == nil {
		return
	}
	token, err := v.Token(v.t.Context())
	if err != nil {
		v.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
}

func do(t *testing.T, r *http.Request) (int, []byte) {
	t.Helper()
	resp, err := plain.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	defer func() { _ = resp.Body.Close() }()
	out, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	return resp.StatusCode, out
}

// plain follows no redirect and keeps no cookie.
var plain = &http.Client{
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Transport:     &http.Transport{MaxIdleConnsPerHost: 16},
}

func distinct(m map[string]string) map[string]bool {
	out := map[string]bool{}
	for _, v := range m {
		out[v] = true
	}
	return out
}
