package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/beep-chat/beep/e2e/people"
)

// fixture is an example of the API, which its description shows and the client's tests read.
type fixture struct {
	Path   map[string]string `json:"path"`
	Query  string            `json:"query"`
	Body   json.RawMessage   `json:"body"`
	Answer json.RawMessage   `json:"answer"`
}

func (r route) fixture(t *testing.T) (f fixture) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "api", "fixtures", "rest", r.name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &f); err != nil {
		t.Fatalf("%s: %v", r.name, err)
	}
	return f
}

// TestFixtures carries out every example of the API, in an order in which each can be, and holds what is answered
// against what the example says: the same keys, the same types and, where nobody but Beep chooses it, any value.
func TestFixtures(t *testing.T) {
	t.Parallel()
	strict, err := site.strict()
	if err != nil {
		t.Fatal(err)
	}
	ada, bob, cyd := newcomerAt(t, strict.URL, "ada"), newcomerAt(t, strict.URL, "bob"), newcomerAt(t, strict.URL, "cyd")
	s := &scenario{t: t, base: strict.URL, left: map[string]route{}, known: map[string]string{
		"1580000000000000002": id(bob.ID), "1580000000000000003": id(cyd.ID),
	}}
	for _, r := range routes(t) {
		s.left[r.name] = r
	}
	for _, act := range []struct {
		who   *people.Person
		names string
	}{
		{nil, "Gateway_GetLimits"},
		{ada, "Users_GetMe Users_UpdateMe Users_ListUsers"},
		{ada, "Servers_CreateServer Servers_ListServers Servers_GetServer Servers_ListChannels Servers_ListMembers"},
		{ada, "Servers_UpdateServer Discovery_ListPublicServers Servers_GetMember Roles_CreateRole Roles_ListRoles Roles_UpdateRole"},
		{ada, "Servers_CreateChannel Servers_GetChannel"},
		{ada, "Messages_SendMessage Messages_GetMessage Messages_ListMessages Messages_EditMessage"},
		{ada, "Threads_CreateThread Messages_DeleteMessage Threads_GetThread Threads_ListThreads Threads_ListMyThreads Threads_ListThreadMembers"},
		{ada, "Servers_UpdateChannel Servers_SetOverwrite Servers_ListOverwrites Servers_ClearOverwrite Servers_ReorderChannels"},
		{ada, "Webhooks_CreateWebhook Webhooks_ListWebhooks Webhooks_UpdateWebhook Webhooks_RotateWebhook Webhooks_DeleteWebhook"},
		{ada, "Servers_CreateInvitation Servers_ListInvitations"},
		{nil, "Servers_GetInvitation"},
		{bob, "Servers_AcceptInvitation"},
		{ada, "Threads_AddThreadMember"},
		{bob, "Threads_LeaveThread Threads_JoinThread"},
		{ada, "Threads_UpdateThread Threads_DeleteThread"},
		{cyd, "Servers_AcceptInvitation"},
		{ada, "DirectMessages_CreateDirectMessage DirectMessages_GetDirectMessage DirectMessages_ListDirectMessages"},
		{ada, "DirectMessages_AddUsers DirectMessages_RenameDirectMessage DirectMessages_LeaveDirectMessage"},
		{ada, "DirectMessages_CloseDirectMessage"},
		{cyd, "Servers_LeaveServer"},
		{ada, "Servers_SetChannelAccess"},
		{ada, "Roles_ReorderRoles Roles_AssignRole Servers_ExplainChannelRight Roles_ExplainServerRight Roles_ViewAsRoles"},
		{ada, "Roles_UnassignRole Roles_DeleteRole"},
		{ada, "Moderation_UpdateNickname Moderation_MuteMember Moderation_UnmuteMember Moderation_KickMember"},
		{bob, "Servers_AcceptInvitation"},
		{ada, "Moderation_BanUser Moderation_ListBans Moderation_UnbanUser Moderation_ListAuditEntries"},
		{bob, "Servers_AcceptInvitation Servers_LeaveServer Discovery_JoinServer"},
		{ada, "Servers_RevokeInvitation Servers_DeleteChannel Servers_TransferServer"},
		{bob, "Servers_DeleteServer"},
	} {
		for name := range strings.FieldsSeq(act.names) {
			s.play(act.who, name)
		}
	}
	for name := range s.left {
		t.Errorf("the example of %s has no place in the scenario", name)
	}
}

// scenario is what has been learned on the way.
type scenario struct {
	t     *testing.T
	base  string
	known map[string]string // what the examples' ids and codes are here
	done  []route
	left  map[string]route
}

// play carries out one example.
func (s *scenario) play(who *people.Person, name string) {
	s.t.Helper()
	r, ok := s.left[name]
	if !ok {
		for _, again := range s.done {
			if again.name == name {
				r = again
			}
		}
	}
	delete(s.left, name)
	s.done = append(s.done, r)
	f := r.fixture(s.t)
	path := r.path
	for key, value := range f.Path {
		path = strings.ReplaceAll(path, "{"+key+"}", s.here(value))
	}
	if f.Query != "" {
		path += "?" + s.here(f.Query)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), r.method, s.base+path, strings.NewReader(s.here(string(f.Body))))
	if err != nil {
		s.t.Fatal(err)
	}
	if len(f.Body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	if who != nil {
		(voice{who.At(s.base), s.t}).authorize(req)
	}
	status, answer := do(s.t, req)
	if want := s.status(name, f); status != want {
		s.t.Fatalf("%s: got %d %s, want %d", name, status, answer, want)
	}
	if len(f.Answer) > 0 {
		s.compare(name, decode(s.t, f.Answer), decode(s.t, answer))
	}
}

// status is what the method answers when all is well: 201 where something new is answered, 204 where nothing is.
func (s *scenario) status(name string, f fixture) int {
	switch {
	case len(f.Answer) == 0:
		return http.StatusNoContent
	case strings.Contains(name, "_Create"), strings.Contains(name, "_Send"):
		return http.StatusCreated
	}
	return http.StatusOK
}

var (
	exampleID   = regexp.MustCompile(`\b158\d{16}\b`)
	exampleCode = "7Xk2mQ9tVw4B"
)

// here is a text of an example with the ids that have been learned.
func (s *scenario) here(text string) string {
	text = exampleID.ReplaceAllStringFunc(text, func(example string) string {
		if here := s.known[example]; here != "" {
			return here
		}
		return example
	})
	return strings.ReplaceAll(text, exampleCode, s.known[exampleCode])
}

// compare walks an example and an answer side by side.
func (s *scenario) compare(where string, example, answer any) {
	s.t.Helper()
	switch example := example.(type) {
	case map[string]any:
		got, ok := answer.(map[string]any)
		if !ok {
			s.t.Errorf("%s is %v, want an object", where, answer)
			return
		}
		for key := range example {
			if _, ok := got[key]; !ok {
				s.t.Errorf("%s has no %s", where, key)
			}
			s.compare(where+"."+key, example[key], got[key])
		}
		for key := range got {
			if _, ok := example[key]; !ok {
				s.t.Errorf("%s has %s, which the example has not", where, key)
			}
		}
	case []any:
		got, ok := answer.([]any)
		if !ok || (len(example) > 0 && len(got) == 0) {
			s.t.Errorf("%s is %v, want a list like %v", where, answer, example)
			return
		}
		for i := range got {
			if len(example) > 0 {
				s.compare(fmt.Sprintf("%s[%d]", where, i), example[min(i, len(example)-1)], got[i])
			}
		}
	default:
		s.scalar(where, example, answer)
	}
}

// scalar learns what stands for an example's id, and wants every other value to be the example's.
func (s *scenario) scalar(where string, example, answer any) {
	s.t.Helper()
	if fmt.Sprintf("%T", example) != fmt.Sprintf("%T", answer) {
		s.t.Errorf("%s is %v, a %T, want a %T", where, answer, answer, example)
		return
	}
	text, _ := example.(string)
	got, _ := answer.(string)
	switch {
	case exampleID.MatchString(text) || text == exampleCode:
		if s.known[text] == "" {
			s.known[text] = got
		}
		if s.known[text] != got && !strings.HasSuffix(where, ".user_id") {
			s.t.Errorf("%s is %s, want %s, which %s was before", where, got, s.known[text], text)
		}
	case isTime(text):
		if !isTime(got) {
			s.t.Errorf("%s is %q, want an instant such as %s", where, got, text)
		}
	case strings.HasSuffix(where, ".token"), strings.HasSuffix(where, ".token_without_dots"),
		strings.HasSuffix(where, ".username"), strings.HasSuffix(where, ".email"), strings.HasSuffix(where, ".display_name"):
		if got == "" {
			s.t.Errorf("%s is empty", where)
		}
	case example != answer:
		s.t.Errorf("%s is %v, want %v", where, answer, example)
	}
}

func isTime(s string) bool {
	_, err := time.Parse(time.RFC3339, s)
	return err == nil && strings.HasSuffix(s, "Z")
}

func decode(t *testing.T, raw []byte) (v any) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return v
}
