package rest_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/beep-chat/beep"
	realtimev1 "github.com/beep-chat/beep/api/beep/realtime/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/kit/rest"
)

func TestCheckTypes_TakesOneFormOfEachValue(t *testing.T) {
	overwrite, invitation, identify := &serversv1.SetOverwriteRequest{}, &serversv1.CreateInvitationRequest{}, &realtimev1.Identify{}
	cases := []struct {
		name  string
		of    proto.Message
		body  string
		field string // that is refused; none when empty
	}{
		{"an id", overwrite, `{"role_id":"9223372036854775807"}`, ""},
		{"no id", overwrite, `{"role_id":"0","member_id":null}`, ""},
		{"an id as a number", overwrite, `{"role_id":7}`, "role_id"},
		{"an id with a fraction", overwrite, `{"role_id":7.0}`, "role_id"},
		{"an id with an exponent", overwrite, `{"role_id":"7e3"}`, "role_id"},
		{"an id with a zero", overwrite, `{"role_id":"07"}`, "role_id"},
		{"an id with a plus", overwrite, `{"role_id":"+7"}`, "role_id"},
		{"an id with a minus", overwrite, `{"role_id":"-7"}`, "role_id"},
		{"an id with a space", overwrite, `{"role_id":"7 "}`, "role_id"},
		{"an id with an underscore", overwrite, `{"role_id":"7_0"}`, "role_id"},
		{"an id in hex", overwrite, `{"role_id":"0x7"}`, "role_id"},
		{"an id in other digits", overwrite, `{"role_id":"٧"}`, "role_id"},
		{"an id that is empty", overwrite, `{"role_id":""}`, "role_id"},
		{"an id beyond 63 bits", overwrite, `{"role_id":"9223372036854775808"}`, "role_id"},
		{"an id that is true", overwrite, `{"role_id":true}`, "role_id"},
		{"a list", overwrite, `{"allow":["speak","connect"],"deny":[]}`, ""},
		{"a list that is a string", overwrite, `{"allow":"speak"}`, "allow"},
		{"a list with a number", overwrite, `{"allow":["speak",1]}`, "allow.1"},
		{"a list with nothing", overwrite, `{"allow":[null]}`, "allow.0"},
		{"a number", invitation, `{"max_uses":5}`, ""},
		{"a number as a string", invitation, `{"max_uses":"5"}`, "max_uses"},
		{"a number with a fraction", invitation, `{"max_uses":5.0}`, "max_uses"},
		{"a number with an exponent", invitation, `{"max_uses":5e2}`, "max_uses"},
		{"a number below zero", invitation, `{"max_uses":-0}`, "max_uses"},
		{"a string that is a number", identify, `{"token":5}`, "token"},
		{"an object", identify, `{"channels":{"7":5,"8":0}}`, ""},
		{"an object that is a list", identify, `{"channels":[]}`, "channels"},
		{"a key with a zero", identify, `{"channels":{"07":5}}`, "channels"},
		{"a key that is no number", identify, `{"channels":{"a":5}}`, "channels"},
		{"a value that is a string", identify, `{"channels":{"7":"5"}}`, "channels.7"},
		{"a field that there is not", identify, `{"surprise":5}`, "surprise"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := rest.CheckTypes([]byte(c.body), c.of.ProtoReflect().Descriptor())
			var e *beep.Error
			switch {
			case c.field == "" && err != nil:
				t.Errorf("%s: %v", c.body, err)
			case c.field != "" && (!errors.As(err, &e) || e.Code != beep.CodeInvalidBody || e.Fields[c.field] == ""):
				t.Errorf("%s: got %+v, want invalid_body that names %s", c.body, err, c.field)
			}
		})
	}
}

func TestEdge_NamesTheFieldThatIsWrong(t *testing.T) {
	e := rest.New(rest.Options{MaxBody: 256})
	if err := serversv1.RegisterServersHandlerServer(t.Context(), e.Mux, serversv1.UnimplementedServersServer{}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		method, path, body string
		code               beep.Code
		field              string
	}{
		"an id in the body":     {"PUT", "/api/channels/7/overwrites", `{"role_id":1581000000000000001,"deny":["speak"]}`, beep.CodeInvalidBody, "role_id"},
		"a number in the body":  {"POST", "/api/servers/7/invitations", `{"max_uses":1e1}`, beep.CodeInvalidBody, "max_uses"},
		"an id in the path":     {"PUT", "/api/channels/+7/overwrites", `{}`, beep.CodeInvalidID, "channel_id"},
		"a space in the path":   {"PUT", "/api/channels/7%20/overwrites", `{}`, beep.CodeInvalidID, "channel_id"},
		"beyond 63 bits":        {"GET", "/api/servers/9223372036854775808", "", beep.CodeInvalidID, "server_id"},
		"zero":                  {"GET", "/api/servers/0", "", beep.CodeInvalidID, "server_id"},
		"an id in the query":    {"GET", "/api/servers/7/members?after=+7", "", beep.CodeInvalidID, ""},
		"zeros in the query":    {"GET", "/api/servers/7/members?after=007", "", beep.CodeInvalidID, ""},
		"a zero before a limit": {"GET", "/api/servers/7/members?limit=05", "", beep.CodeInvalidQuery, ""},
		"a limit with exponent": {"GET", "/api/servers/7/members?limit=1e1", "", beep.CodeInvalidQuery, ""},
		"a limit in hex":        {"GET", "/api/servers/7/members?limit=0x5", "", beep.CodeInvalidQuery, ""},
		"a limit with a space":  {"GET", "/api/servers/7/members?limit=%205", "", beep.CodeInvalidQuery, ""},
	} {
		t.Run(name, func(t *testing.T) {
			resp, p := do(e.Handler(), c.method, c.path, c.body)
			if resp.StatusCode != http.StatusBadRequest || p.Code != c.code || (c.field != "" && p.Fields[c.field] == "") {
				t.Errorf("got %d %+v, want 400 %s that names %q", resp.StatusCode, p, c.code, c.field)
			}
			if _, query, ok := strings.Cut(c.path, "?"); ok && !strings.Contains(p.Detail, query[:5]) {
				t.Errorf("got %q, which does not name the parameter", p.Detail)
			}
		})
	}
}

// What passes, and is decoded, is encoded again as it was written: no value has two forms.
func FuzzCheckTypes(f *testing.F) {
	for _, seed := range []string{
		`{"token":"a","channels":{"7":5,"0":0},"status":"idle"}`, `{"role_id":"7","allow":["speak"],"deny":[]}`, `{"role_id":7}`,
		`{"channels":{"07":5}}`, `{"channels":{"7":1e3}}`, `{"role_id":"\u0037"}`, `{"token":null}`, `{"allow":[null]}`, `{"channels":null}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, m := range []proto.Message{&realtimev1.Identify{}, &serversv1.SetOverwriteRequest{}} {
			if rest.CheckJSON(body, nil) != nil || rest.CheckTypes(body, m.ProtoReflect().Descriptor()) != nil {
				continue
			}
			if err := protojson.Unmarshal(body, m); err != nil {
				continue // as the lone half of a surrogate
			}
			out, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(said(t, body), said(t, out)); diff != "" {
				t.Errorf("%s became %s:\n%s", body, out, diff)
			}
		}
	})
}

// said is what a JSON object says beyond the default values of its fields.
func said(t *testing.T, body []byte) map[string]any {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(string(body)))
	dec.UseNumber()
	var fields map[string]any
	if err := dec.Decode(&fields); err != nil {
		t.Fatal(err)
	}
	for name, value := range fields {
		switch v := value.(type) {
		case nil:
			delete(fields, name)
		case string:
			if v == "" || v == "0" {
				delete(fields, name)
			}
		case []any:
			if len(v) == 0 {
				delete(fields, name)
			}
		case map[string]any:
			if len(v) == 0 {
				delete(fields, name)
			}
		}
	}
	return fields
}

// A query that passes says what the service sees, in one form: each parameter once, and numbers as they are written.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{"limit=5", "limit=05", "before=7&limit=3", "before=+7", "limit=1e1", "limit=0x5", "limit=1&limit=2", "a=%ff", "%zz", "before=9223372036854775808", ";", "limit"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		svc := &fake{}
		h, faults := serve(t, svc)
		r := httptest.NewRequest(http.MethodGet, "/api/channels/7/messages", http.NoBody)
		r.URL.RawQuery = query
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if len(*faults) > 0 || w.Code >= http.StatusInternalServerError {
			t.Fatalf("%q is answered %d, %v", query, w.Code, *faults)
		}
		if svc.list == nil {
			return
		}
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatalf("%q passed: %v", query, err)
		}
		got := map[string]uint64{
			"before": svc.list.GetBefore(), "after": svc.list.GetAfter(), "around": svc.list.GetAround(), "limit": uint64(svc.list.GetLimit()),
		}
		for name, list := range values {
			if n, known := got[name]; !known || len(list) != 1 || list[0] != strconv.FormatUint(n, 10) {
				t.Errorf("%q passed, and of %s the service sees %d", query, name, n)
			}
		}
	})
}
