package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/beep-chat/beep/client"
	"github.com/beep-chat/beep/e2e/people"
)

// misuse is a request that must be refused.
type misuse struct {
	what         string
	method, path string
	header       map[string]string // over the caller's token and application/json; "" takes one away
	body         []byte
	want         string // "400 invalid_id"; "4" is any refusal that is the caller's fault
}

// realm is what a request may name, all of it real, so that nothing but the misuse is wrong with it.
type realm struct {
	ada   voice
	names map[string]string // by placeholder
	known map[string]string // by id in the fixtures
}

func newRealm(t *testing.T, ada *people.Person) realm {
	t.Helper()
	bob := crowd(t, 1)[0]
	server, tides := harbour(t, ada, bob)
	v := at(t, ada, 0)
	m := v.send(tides, "High water at 18:20")
	o := v.deny(tides, bob, "attach_files")
	code := v.invite(server, 5, 0).GetCode()
	role := v.createRole(server, "Crew", "attach_files")
	thread := v.startThread(m, "Spring tide")
	return realm{
		ada: v,
		names: map[string]string{
			"{server_id}": id(server.GetId()), "{channel_id}": id(tides.GetId()), "{message_id}": id(m.GetId()),
			"{overwrite_id}": id(o.GetId()), "{user_id}": id(bob.ID), "{code}": code,
			"{thread_id}": id(thread.GetId()),
			"{role_id}":   id(role.GetId()), "{webhook_id}": id(v.createWebhook(tides, "Tide gauge").GetId()),
		},
		known: map[string]string{
			"1581000000000000001": id(server.GetId()), "1581000000000000003": id(tides.GetId()), "1580000000000000001": id(ada.ID),
			"1581000000000000009": id(role.GetId()), "1580000000000000002": id(bob.ID),
		},
	}
}

// TestMisuse: every route refuses what it should not be given, with the caller's fault and a code that says which,
// never with one of ours; and nothing at all comes of it.
func TestMisuse(t *testing.T) {
	t.Parallel()
	r := newRealm(t, newcomer(t, "ada"))
	before := r.snapshot(t)
	var list []misuse
	all := routes(t)
	for _, route := range all {
		list = append(list, r.inAddress(route)...)
		list = append(list, r.inToken(t, route)...)
		if route.hasBody {
			list = append(list, r.inBody(t, route)...)
			list = append(list, r.inField(t, route)...)
		}
	}
	list = append(list, r.inMethod(all)...)
	list = append(list, r.byRule()...)
	t.Logf("%d misuses of %d routes", len(list), len(all))

	next := make(chan misuse)
	var workers sync.WaitGroup
	for worker := range 8 {
		workers.Go(func() {
			for m := range next {
				r.refuses(t, site.Gateways[worker%len(site.Gateways)], m)
			}
		})
	}
	for _, m := range list {
		next <- m
	}
	close(next)
	workers.Wait()
	if after := r.snapshot(t); after != before {
		t.Errorf("something came of it:\n%s\n%s", before, after)
	}
}

// snapshot is all that there is in the realm, as its owner reads it.
func (r realm) snapshot(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, path := range []string{
		"/api/users/@me", "/api/servers", "/api/servers/{server_id}", "/api/servers/{server_id}/channels", "/api/servers/{server_id}/members",
		"/api/servers/{server_id}/roles", "/api/servers/{server_id}/bans", "/api/servers/{server_id}/audit-log?limit=100",
		"/api/servers/{server_id}/invitations", "/api/channels/{channel_id}/overwrites", "/api/channels/{channel_id}/messages", "/api/invitations/{code}",
		"/api/channels/{channel_id}/threads", "/api/threads/{thread_id}/members", "/api/direct-messages",
		"/api/channels/{channel_id}/webhooks",
	} {
		b.WriteString(body(t, r.ada, http.MethodGet, route{path: path}.at(r.names)) + "\n")
	}
	return b.String()
}

// send makes the request, as the realm's owner.
func (r realm) send(t *testing.T, base string, m misuse) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), m.method, base, bytes.NewReader(m.body))
	if err != nil {
		t.Fatal(err)
	}
	path, query, _ := strings.Cut(m.path, "?")
	req.URL.Opaque, req.URL.RawQuery = path, query // as it stands, well-formed or not
	if len(m.body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	r.ada.authorize(req)
	for key, value := range m.header {
		req.Header.Set(key, value)
		if value == "" {
			req.Header.Del(key)
		}
	}
	return exchange(t, req)
}

// refuses makes the request, which must be refused as wanted, and with an answer as all refusals are.
func (r realm) refuses(t *testing.T, base string, m misuse) {
	t.Helper()
	resp, out := r.send(t, base, m)
	var p struct {
		client.Problem

		Type, Title string
	}
	err := json.Unmarshal(out, &p)
	got := fmt.Sprintf("%d %s", resp.StatusCode, p.Code)
	if !strings.HasPrefix(got, m.want) || resp.StatusCode < 400 || resp.StatusCode >= 500 {
		t.Errorf("%s: %s %.200s: got %s %.300s, want %s", m.what, m.method, m.path, got, out, m.want)
		return
	}
	if err != nil || resp.Header.Get("Content-Type") != "application/problem+json" || p.Status != resp.StatusCode || p.Title == "" || p.Type == "" ||
		!known(t, string(p.Code)) || resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s: %s %.200s: not a problem document: %v %s", m.what, m.method, m.path, resp.Header, out)
	}
	secured(t, m.what, resp)
}

// documented are the codes that a client may be told; from the list that says what they mean.
var documented = sync.OnceValues(func() (list []string, err error) {
	source, err := os.ReadFile("../codes.go")
	for _, m := range regexp.MustCompile(`Code = "([a-z_]+)"`).FindAllSubmatch(source, -1) {
		list = append(list, string(m[1]))
	}
	return list, err
})

// known says whether a code is in the list.
func known(t *testing.T, code string) bool {
	t.Helper()
	list, err := documented()
	if err != nil || len(list) < 20 {
		t.Fatalf("%d codes are documented, %v", len(list), err)
	}
	return slices.Contains(list, code)
}

// valid is a body that the route takes.
func (r realm) valid(t *testing.T, route route) map[string]any {
	t.Helper()
	text := string(route.body(t))
	for example, here := range r.known {
		text = strings.ReplaceAll(text, example, here)
	}
	var doc map[string]any
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// inAddress: ids that are none, ids of nothing, parameters that the method does not have.
func (r realm) inAddress(route route) (list []misuse) {
	add := func(what, path, want string) {
		list = append(list, misuse{what: route.name + ": " + what, method: route.method, path: path, want: want})
	}
	good := route.at(r.names)
	for _, name := range route.ids() {
		at := func(value string) string {
			names := map[string]string{}
			for key := range r.names {
				names[key] = r.names[key]
			}
			names[name] = value
			return route.at(names)
		}
		if name == "{code}" {
			for _, bad := range []string{"7Xk2mQ9tVw4B", "x", strings.Repeat("a", 2000), "%00", "%C3%A9", "%25", "..%2f..", "7Xk2mQ9tVw4%42"} {
				add("a code that leads nowhere", at(bad), "404")
			}
			add("a code that is not UTF-8", at("7Xk2mQ9tVw%ff"), "400 invalid_id")
			continue
		}
		for _, bad := range []string{
			"0", "-1", "+1", "1.0", "1e3", "0x10", "007", "abc", "%20", "1%20", "%00", "%EF%BC%91", "9223372036854775808", "99999999999999999999",
			strings.Repeat("9", 4000), "1,2", "null", "@me", "*", "'%20OR%201=1--",
		} {
			add("an id that is none", at(bad), "400 invalid_id")
		}
		add("an id that is missing", at(""), "4")
		add("an id that is not UTF-8", at("%ff"), "400 invalid_id")
		add("an id with a slash", at("1%2f2"), "4")
	}
	if route.hasBody {
		add("a query that the method does not take", good+"?limit=5", "4")
		return list
	}
	for _, query := range []string{"page=2", "limit=", "limit=x", "limit=-1", "limit=1.5", "limit=4294967296", "limit=1&limit=2", "Limit=5", "limit=%00", "limit=%ff", "%ff=1", "_method=DELETE"} {
		add("a query that is wrong", good+"?"+query, "400")
	}
	list = append(list, misuse{what: route.name + ": a body where none is taken", method: route.method, path: good, body: []byte("{}"), want: "400 invalid_body"})
	return list
}

// inToken: nobody's tokens, and none.
func (r realm) inToken(t *testing.T, route route) (list []misuse) {
	t.Helper()
	var good []byte
	if route.hasBody {
		var err error
		if good, err = json.Marshal(r.valid(t, route)); err != nil {
			t.Fatal(err)
		}
	}
	add := func(what, authorization, want string) {
		list = append(list, misuse{
			what: route.name + ": " + what, method: route.method, path: route.at(r.names), body: good,
			header: map[string]string{"Authorization": authorization}, want: want,
		})
	}
	if route.name != "Gateway_GetLimits" && route.name != "Servers_GetInvitation" { // these two are for guests as well
		add("no token", "", "401 unauthenticated")
	}
	for what, authorization := range map[string]string{
		"not a token": "Bearer x", "no token after the scheme": "Bearer ", "another scheme": "Basic YWRhOnNlY3JldA==", "two tokens": "Bearer a.b.c, Bearer d.e.f",
		"a token of no algorithm":  "Bearer eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.eyJzdWIiOiIxIn0.",
		"a token of another's key": "Bearer eyJhbGciOiJFUzI1NiIsImtpZCI6IjEiLCJ0eXAiOiJhdCtqd3QifQ.eyJzdWIiOiIxIn0.MEQCIFhdZ1Gyb0f9m8b1l8b1l8b1l8b1l8b1l8b1l8b1l8b1",
		"a huge token":             "Bearer " + strings.Repeat("a", 9<<10),
	} {
		add(what, authorization, "401 invalid_token")
	}
	return list
}

// inBody: bodies that are not one JSON object in the form that the method takes.
func (r realm) inBody(t *testing.T, route route) (list []misuse) {
	t.Helper()
	add := func(what, body, want string, header ...string) {
		m := misuse{what: route.name + ": " + what, method: route.method, path: route.at(r.names), body: []byte(body), want: want}
		if len(header) == 2 {
			m.header = map[string]string{header[0]: header[1]}
		}
		list = append(list, m)
	}
	good, err := json.Marshal(r.valid(t, route))
	if err != nil {
		t.Fatal(err)
	}
	for _, media := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json; charset=latin1", "json", ""} {
		add("a body called "+media, string(good), "415 unsupported_media", "Content-Type", media)
	}
	add("a compressed body", string(good), "415 unsupported_media", "Content-Encoding", "gzip")
	for _, bad := range []string{
		"{", "}", "[]", "null", "1", `"x"`, "{}{}", "{} x", "{'a':1}", `{"a":}`, `{"a":1,}`, "NaN", "\xff", "\xef\xbb\xbf{}", "/**/{}", " ", "\x00",
	} {
		add("a body that is not one object", bad, "400 invalid_body")
	}
	inside := string(good[1:])
	comma := ","
	if inside == "}" {
		comma = ""
	}
	for _, key := range []string{"surprise", "__proto__", "", "Name", "kindOf", "name\\u0000"} {
		add("a key that is not known", `{"`+key+`":1`+comma+inside, "400 invalid_body")
	}
	add("bad UTF-8 in a key", "{\"\xc3\x28\":1"+comma+inside, "400 invalid_body")
	add("a deep body", `{"surprise":`+strings.Repeat("[", 2000)+strings.Repeat("]", 2000)+comma+inside, "400 invalid_body")
	add("a large body", `{"surprise":"`+strings.Repeat("a", 70_000)+`"`+comma+inside, "413 body_too_large")
	for _, name := range route.ids() {
		add("a field that the path has said", `{"`+strings.Trim(name, "{}")+`":"1"`+comma+inside, "400 invalid_body")
	}
	return list
}

// wrong are values of other types than a field's.
func wrong(f protoreflect.FieldDescriptor) []string {
	if f.IsList() {
		return []string{`"x"`, `1`, `true`, `{}`, `[1]`, `[null]`, `[["x"]]`, `[{}]`}
	}
	switch f.Kind() { //nolint:exhaustive // bodies have no others
	case protoreflect.MessageKind:
		return []string{`1`, `"x"`, `true`, `[]`, `[{}]`, `{"surprise":1}`, `{"names":1}`, `{"names":[1]}`, `{"names":[],"names":[]}`}
	case protoreflect.StringKind:
		return []string{`1`, `1.5`, `true`, `{}`, `[]`, `["x"]`, "\"\xff\"", "\"\xed\xa0\x80\"", `"\ud800"`, `"\x"`, "\"\n\""}
	case protoreflect.BoolKind:
		return []string{`1`, `"true"`, `"yes"`, `{}`, `[]`}
	case protoreflect.Uint32Kind:
		return []string{`-1`, `1.5`, `5.0`, `1e1`, `4294967296`, `1e99`, `"5"`, `"x"`, `""`, `true`, `{}`, `[]`}
	case protoreflect.Uint64Kind:
		return []string{
			`1`, `1581000000000000001`, `-1`, `1.5`, `1.0`, `1e2`, `18446744073709551616`, `1e99`, `"x"`, `""`, `"-1"`, `" 1"`, `"1 "`, `"+1"`, `"01"`,
			`"1e2"`, `"1.0"`, `"0x1"`, `"9223372036854775808"`, `true`, `{}`, `[]`,
		}
	}
	return nil
}

// inField: in a body that is right but for one field, a value of another type, and the field twice.
func (r realm) inField(t *testing.T, route route) (list []misuse) {
	t.Helper()
	for _, f := range route.fields() {
		name := string(f.Name())
		values := wrong(f)
		if values == nil {
			t.Errorf("%s: no wrong values are known for %s", route.name, f.FullName())
		}
		valid := r.valid(t, route)
		delete(valid, name)
		rest, err := json.Marshal(valid)
		if err != nil {
			t.Fatal(err)
		}
		inside := strings.TrimSuffix(","+string(rest[1:]), ",}")
		if len(valid) == 0 {
			inside = ""
		}
		inside = strings.TrimSuffix(inside, "}")
		for _, value := range values {
			list = append(list, misuse{
				what: route.name + ": " + name + " is " + value, method: route.method, path: route.at(r.names),
				body: []byte(`{"` + name + `":` + value + inside + "}"), want: "400 invalid_body",
			})
		}
		list = append(list, misuse{
			what: route.name + ": " + name + " is there twice", method: route.method, path: route.at(r.names),
			body: []byte(`{"` + name + `":null,"` + name + `":null` + inside + "}"), want: "400 invalid_body",
		})
	}
	return list
}

// inMethod: methods that no route of the path has, and paths that no route has.
func (r realm) inMethod(all []route) (list []misuse) {
	taken := map[string][]string{}
	for _, route := range all {
		taken[route.at(r.names)] = append(taken[route.at(r.names)], route.method)
	}
	for path, methods := range taken {
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "BREW"} {
			if !slices.Contains(methods, method) {
				list = append(list, misuse{what: "a method that the path does not take", method: method, path: path, want: "405 method_not_allowed"})
			}
		}
		list = append(list, misuse{
			what: "a method behind another", method: http.MethodPost, path: path, want: "4",
			header: map[string]string{"X-HTTP-Method-Override": "DELETE", "Content-Type": "application/x-www-form-urlencoded"}, body: []byte("a=b"),
		})
		for _, way := range []string{path + "/", path + "/surprise", path + "//", strings.Replace(path, "/api/", "/api//", 1), path + ";x=1", path + "%2f"} {
			list = append(list, misuse{what: "a path that is none", method: http.MethodGet, path: way, want: "4"})
		}
	}
	for _, path := range []string{"/api", "/api/", "/api/v1/servers", "/api/../api/limits", "/api/servers/../limits", "/api//limits", "/api/%2e%2e/healthz", "/beep.servers.v1.Servers/ListServers"} {
		list = append(list, misuse{what: "a path that is none", method: http.MethodPost, path: path, want: "4"})
	}
	return list
}

// byRule: values of the right type that the product does not allow.
func (r realm) byRule() (list []misuse) {
	add := func(method, path, body, want string) {
		list = append(list, misuse{what: "a value that is not allowed", method: method, path: route{path: path}.at(r.names), body: []byte(body), want: want})
	}
	text := func(key, value string) string { return `{"` + key + `":"` + value + `"}` }
	long := func(n int) string { return strings.Repeat("é", n) }
	const (
		post, put, patch       = http.MethodPost, http.MethodPut, http.MethodPatch
		messages, channels     = "/api/channels/{channel_id}/messages", "/api/servers/{server_id}/channels"
		message, invitations   = messages + "/{message_id}", "/api/servers/{server_id}/invitations"
		overwrites, channel    = "/api/channels/{channel_id}/overwrites", "/api/channels/{channel_id}"
		field, emptyT, tooLong = "400 invalid_field", "400 message_empty", "400 message_too_long"
	)
	for _, blank := range []string{"", "   ", `\n\t`, `\u200b`, `\u2800`, `\u00ad\u200d`, `\ufeff`} {
		add(post, messages, text("content", blank), emptyT)
		add(patch, message, text("content", blank), emptyT)
	}
	add(post, messages, text("content", long(4001)), tooLong)
	add(patch, message, text("content", long(4001)), tooLong)
	add(post, messages, text("content", `a\u0000b`), field)
	for _, nonce := range []string{"a b", "é", strings.Repeat("n", 65), "a/b", `a\u0000`, "a.b"} {
		add(post, messages, `{"content":"x","nonce":"`+nonce+`"}`, field)
	}
	for _, name := range []string{"", "  ", `\u200b`, long(101), `a\u0000b`, `a\u0007b`, `a\nb`} {
		add(post, "/api/servers", text("name", name), field)
		add(post, channels, `{"kind":"text","name":"`+name+`"}`, field)
		add(patch, channel, text("name", name), field)
		add(post, message+"/threads", text("name", name), field)
		add(patch, "/api/threads/{thread_id}", text("name", name), field)
		add(patch, "/api/users/@me", text("display_name", name), field)
	}
	add(post, "/api/servers", `{"name":"x","description":"`+long(1025)+`"}`, field)
	add(post, channels, `{"kind":"text","name":"x","topic":"`+long(1025)+`"}`, field)
	add(patch, channel, text("topic", long(1025)), field)
	for _, kind := range []string{"voice", "Text", "text ", "dm"} {
		add(post, channels, `{"kind":"`+kind+`","name":"x"}`, field)
	}
	add(post, channels, `{"kind":"text","name":"x","parent_id":"1581000000000000009"}`, "4")
	add(post, channels, `{"kind":"text","name":"x","parent_id":"`+r.names["{channel_id}"]+`"}`, "4") // no category
	const roles, member = "/api/servers/{server_id}/roles", "/api/servers/{server_id}/members/{user_id}"
	for _, body := range []string{
		`{"name":""}`, `{"name":"` + long(101) + `"}`, `{"name":"x","color":16777216}`, `{"name":"x","rights":["fly"]}`,
		`{"name":"x","rights":["manage_permissions"]}`, `{"name":"x","reason":"` + long(513) + `"}`, `{"name":"x","reason":"a\u0000"}`,
	} {
		add(post, roles, body, field)
	}
	add(patch, roles+"/{server_id}", `{"name":"x"}`, field) // @everyone
	add(http.MethodDelete, roles+"/{server_id}", "", field)
	for _, path := range []string{"/api/servers/{server_id}/explain", channel + "/explain"} {
		for _, query := range []string{"", "?right=", "?right=fly", "?right=speak,connect", "?right=SPEAK", "?right=speak&user_id=-1", "?right=speak&user_id=x"} {
			add(http.MethodGet, path+query, "", "400")
		}
		add(http.MethodGet, path+"?right=speak&user_id=1580000000000000009", "", "404 member_not_found")
	}
	add(http.MethodGet, "/api/servers/{server_id}/view-as?role_ids=x", "", "400")
	add(http.MethodGet, "/api/servers/{server_id}/view-as?role_ids=0", "", "400")
	add(http.MethodGet, "/api/servers/{server_id}/view-as?role_ids=1580000000000000009", "", "404 role_not_found")
	add(put, member+"/roles/{server_id}", "{}", field)
	add(put, "/api/servers/{server_id}/role-order", `{"role_ids":[]}`, "422 roles_changed")
	add(put, member+"/mute", `{"seconds":0}`, field)
	add(put, member+"/mute", `{"seconds":2419201}`, field)
	add(put, member+"/nickname", text("nickname", long(33)), field)
	add(put, member+"/nickname", text("nickname", `a\u0000b`), field)
	add(put, "/api/servers/{server_id}/bans/{user_id}", text("reason", long(513)), field)
	add(put, "/api/servers/{server_id}/bans/{user_id}", `{"purge_seconds":604801}`, field)
	add(http.MethodDelete, "/api/servers/{server_id}?name=x", "", "422 name_mismatch")
	add(http.MethodDelete, "/api/servers/{server_id}", "", "422 name_mismatch")
	add(post, "/api/servers/{server_id}/transfer", `{"user_id":"1581000000000000009"}`, "404 member_not_found")
	add(put, "/api/servers/{server_id}/channel-order", `{"channel_ids":[]}`, "422 channels_changed")
	add(put, channel+"/access", `{}`, field)
	add(put, channel+"/access", `{"add_member_ids":["`+r.names["{user_id}"]+`"],"remove_member_ids":["`+r.names["{user_id}"]+`"]}`, field)
	add(put, channel+"/access", `{"add_role_ids":["1581000000000000099"]}`, "404 role_not_found")
	add(patch, channel, `{"synced":true}`, field)
	add(patch, channel, `{"parent_id":"1581000000000000099"}`, "404 channel_not_found")
	add(patch, channel, `{"parent_id":"`+r.names["{channel_id}"]+`"}`, field)
	add(post, channels, `{"name":"x","member_ids":["`+r.names["{user_id}"]+`"]}`, field)
	add(post, channels, `{"name":"x","private":true,"role_ids":["1581000000000000099"]}`, "404 role_not_found")
	add(post, channel+"/webhooks", text("name", " "), field)
	add(post, channel+"/webhooks", text("name", long(81)), field)
	add(patch, channel+"/webhooks/1581000000000000009", text("name", "x"), "404 webhook_not_found")
	add(http.MethodDelete, channel+"/webhooks/1581000000000000009", "", "404 webhook_not_found")
	const server = "/api/servers/{server_id}"
	add(patch, server, `{"system_channel_id":"1581000000000000099"}`, "404 channel_not_found")
	add(post, server+"/join", `{"server_id":"1"}`, "400 invalid_body")
	add(post, "/api/servers/1581000000000000099/join", "{}", "404 server_not_found")
	for _, query := range []string{"query=" + url.QueryEscape(long(101)), "query=%00", "limit=101"} {
		add(http.MethodGet, "/api/discovery/servers?"+query, "", field)
	}
	add(post, message+"/threads", text("name", "x"), "409 thread_exists")
	add(post, messages+"/1582000000000000009/threads", text("name", "x"), "404 message_not_found")
	add(put, "/api/threads/{thread_id}/members/1580000000000000009", "{}", "404 member_not_found")
	const directs, user = "/api/direct-messages", `"{user_id}"`
	for _, list := range []string{"[]", "[" + user + "," + user + "]", "[" + strings.Repeat(user+",", 9) + user + "]"} {
		add(post, directs, route{path: `{"user_ids":` + list + "}"}.at(r.names), field)
	}
	add(post, directs, route{path: `{"user_ids":[` + user + `],"name":"x"}`}.at(r.names), field)
	add(post, directs, `{"user_ids":["1580000000000000009"]}`, "403 direct_message_refused")
	add(post, directs, `{"user_ids":["0"]}`, "400 invalid_id")
	add(http.MethodGet, directs+"?limit=101", "", field)
	add(http.MethodGet, "/api/channels/{channel_id}/threads?limit=101", "", field)
	add(http.MethodGet, directs+"/{channel_id}", "", "404 direct_message_not_found")
	add(http.MethodGet, "/api/threads/{channel_id}", "", "404 thread_not_found")
	add(http.MethodGet, "/api/channels/{thread_id}", "", "404 channel_not_found")
	add(post, invitations, `{"max_uses":1001}`, field)
	add(post, invitations, `{"expires_in":2592001}`, field)
	add(put, overwrites, `{"deny":["send_messages"]}`, "400 overwrite_target")
	add(put, overwrites, `{"role_id":"`+r.names["{server_id}"]+`","member_id":"`+r.names["{user_id}"]+`"}`, "400 overwrite_target")
	for _, rights := range []string{`["fly"]`, `[""]`, `["administrator"]`, `["SEND_MESSAGES"]`, `["send_messages","send_messages "]`} {
		add(put, overwrites, `{"member_id":"`+r.names["{user_id}"]+`","deny":`+rights+`}`, field)
	}
	add(put, overwrites, `{"member_id":"`+r.names["{user_id}"]+`","deny":["speak"],"allow":["speak"]}`, field)
	add(put, overwrites, `{"member_id":"1580000000000000009","deny":["speak"]}`, "404 member_not_found")
	add(put, overwrites, `{"role_id":"1580000000000000009","deny":["speak"]}`, "404 role_not_found")
	for _, query := range []string{"limit=101", "before=5&after=5", "before=x", "around=-1", "after=1&around=2"} {
		add(http.MethodGet, messages+"?"+query, "", "400")
	}
	add(http.MethodGet, "/api/servers/{server_id}/members?limit=101", "", field)
	add(http.MethodGet, "/api/users?ids="+strings.Repeat("1580000000000000001&ids=", 100)+"1580000000000000001", "", field)
	add(http.MethodGet, "/api/users?ids=abc", "", "400 invalid_id")
	add(http.MethodDelete, message+"?nonce="+url.QueryEscape("a b"), "", field)
	add(http.MethodDelete, message+"?nonce=%ff", "", "400 invalid_query")
	for _, foreign := range []string{"/api/channels/1581000000000000009", "/api/servers/1581000000000000009", "/api/channels/1581000000000000009/messages"} {
		add(http.MethodGet, foreign, "", "404")
	}
	add(http.MethodGet, messages+"/1582000000000000009", "", "404 message_not_found")
	add(http.MethodDelete, "/api/servers/{server_id}/members/1580000000000000009", "", "404 member_not_found")
	add(http.MethodDelete, overwrites+"/1581000000000000009", "", "404 overwrite_not_found")
	return list
}

// TestMisuse_AtRandom damages good bodies byte by byte. Some stay good; of all others the caller is told what is wrong.
func TestMisuse_AtRandom(t *testing.T) {
	t.Parallel()
	r := newRealm(t, newcomer(t, "ada"))
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for _, route := range routes(t) {
		if !route.hasBody {
			continue
		}
		good, err := json.Marshal(r.valid(t, route))
		if err != nil {
			t.Fatal(err)
		}
		for range 120 {
			m := misuse{what: route.name, method: route.method, path: route.at(r.names), body: damaged(random, good)}
			resp, out := r.send(t, site.URL, m)
			var p client.Problem
			if resp.StatusCode >= 500 || (resp.StatusCode >= 400 && (json.Unmarshal(out, &p) != nil || p.Code == "")) {
				t.Errorf("%s with %q answers %d %s", route.name, m.body, resp.StatusCode, out)
			}
		}
	}
}

// damaged is b with a few bytes changed, taken away or put in.
func damaged(random *rand.Rand, b []byte) []byte {
	b = slices.Clone(b)
	spice := []byte("\x00\xff\xc3\xed\"{}[]:,\\u-0.eE9 \n")
	for range 1 + random.IntN(3) {
		if len(b) == 0 {
			return b
		}
		i := random.IntN(len(b))
		switch random.IntN(4) {
		case 0:
			b[i] = spice[random.IntN(len(spice))]
		case 1:
			b[i] ^= 1 << random.IntN(8)
		case 2:
			b = slices.Delete(b, i, i+1)
		default:
			b = slices.Insert(b, i, spice[random.IntN(len(spice))])
		}
	}
	return b
}
