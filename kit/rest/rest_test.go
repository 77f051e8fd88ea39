package rest_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/metadata"

	"github.com/beep-chat/beep"
	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	"github.com/beep-chat/beep/kit/rest"
)

// fake answers for the messages service and remembers what reached it.
type fake struct {
	messagesv1.UnimplementedMessagesServer
	sent *messagesv1.SendMessageRequest
	list *messagesv1.ListMessagesRequest
	md   metadata.MD
	err  error
}

func (f *fake) SendMessage(ctx context.Context, r *messagesv1.SendMessageRequest) (*messagesv1.SendMessageResponse, error) {
	f.sent = r
	f.md, _ = metadata.FromIncomingContext(ctx)
	return &messagesv1.SendMessageResponse{Message: &messagesv1.Message{Id: 9, ChannelId: r.GetChannelId(), Content: r.GetContent()}}, f.err
}

func (f *fake) ListMessages(_ context.Context, r *messagesv1.ListMessagesRequest) (*messagesv1.ListMessagesResponse, error) {
	f.list = r
	return &messagesv1.ListMessagesResponse{}, f.err
}

func (f *fake) DeleteMessage(context.Context, *messagesv1.DeleteMessageRequest) (*messagesv1.DeleteMessageResponse, error) {
	return &messagesv1.DeleteMessageResponse{}, f.err
}

func serve(t *testing.T, f *fake) (http.Handler, *[]error) {
	t.Helper()
	var faults []error
	e := rest.New(rest.Options{
		MaxBody: 256, Fault: func(_ context.Context, err error) { faults = append(faults, err) },
		TraceID: func(context.Context) string { return "trace-1" },
	})
	if err := messagesv1.RegisterMessagesHandlerServer(t.Context(), e.Mux, f); err != nil {
		t.Fatal(err)
	}
	return e.CORS([]string{"https://friend.example"}, e.Handler()), &faults
}

func do(h http.Handler, method, target, body string, header ...string) (*http.Response, rest.Problem) {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	} else {
		r.Body, r.ContentLength = http.NoBody, 0
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	resp := w.Result()
	var p rest.Problem
	raw, _ := io.ReadAll(resp.Body)
	_ = json.Unmarshal(raw, &p)
	resp.Body = io.NopCloser(strings.NewReader(string(raw)))
	return resp, p
}

func TestEdge_Statuses(t *testing.T) {
	h, _ := serve(t, &fake{})
	resp, _ := do(h, "POST", "/api/channels/7/messages", `{"content":"hi"}`)
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusCreated || !strings.Contains(string(body), `"channel_id":"7"`) {
		t.Errorf("got %d %s, want 201 with ids as strings", resp.StatusCode, body)
	}
	if resp, _ := do(h, "GET", "/api/channels/7/messages?limit=3", ""); resp.StatusCode != http.StatusOK {
		t.Errorf("got %d, want 200", resp.StatusCode)
	}
	resp, _ = do(h, "DELETE", "/api/channels/7/messages/8?nonce=a", "")
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusNoContent || len(body) != 0 {
		t.Errorf("got %d %q, want 204 and nothing", resp.StatusCode, body)
	}
}

func TestEdge_RefusesBadInputBeforeTheServiceSeesIt(t *testing.T) {
	const path = "/api/channels/7/messages"
	cases := []struct {
		name, method, path, body string
		header                   []string
		status                   int
		code                     beep.Code
	}{
		{"unknown field", "POST", path, `{"content":"x","pinned":true}`, nil, 400, beep.CodeInvalidBody},
		{"field of the path", "POST", path, `{"content":"x","channel_id":"8"}`, nil, 400, beep.CodeInvalidBody},
		{"camel case", "POST", path, `{"channelId":"8"}`, nil, 400, beep.CodeInvalidBody},
		{"duplicate", "POST", path, `{"content":"x","content":"y"}`, nil, 400, beep.CodeInvalidBody},
		{"wrong type", "POST", path, `{"content":5}`, nil, 400, beep.CodeInvalidBody},
		{"object for a string", "POST", path, `{"content":{"$ne":null}}`, nil, 400, beep.CodeInvalidBody},
		{"lone surrogate", "POST", path, `{"content":"\ud800"}`, nil, 400, beep.CodeInvalidBody},
		{"not JSON", "POST", path, `content=x`, nil, 400, beep.CodeInvalidBody},
		{"too large", "POST", path, `{"content":"` + strings.Repeat("x", 300) + `"}`, nil, 413, beep.CodeBodyTooLarge},
		{"form", "POST", path, `{"content":"x"}`, []string{"Content-Type", "text/plain"}, 415, beep.CodeUnsupportedMedia},
		{"no type", "POST", path, `{"content":"x"}`, []string{"Content-Type", ""}, 415, beep.CodeUnsupportedMedia},
		{"other charset", "POST", path, `{"content":"x"}`, []string{"Content-Type", "application/json; charset=latin1"}, 415, beep.CodeUnsupportedMedia},
		{"compressed", "POST", path, `{"content":"x"}`, []string{"Content-Encoding", "gzip"}, 415, beep.CodeUnsupportedMedia},
		{"query on a POST", "POST", path + "?content=x", `{"content":"x"}`, nil, 400, beep.CodeInvalidQuery},
		{"id with a letter", "GET", "/api/channels/7a/messages", "", nil, 400, beep.CodeInvalidID},
		{"id in hex", "GET", "/api/channels/0x7/messages", "", nil, 400, beep.CodeInvalidID},
		{"id with a zero", "GET", "/api/channels/07/messages", "", nil, 400, beep.CodeInvalidID},
		{"id out of range", "GET", "/api/channels/99999999999999999999/messages", "", nil, 400, beep.CodeInvalidID},
		{"id that is a percent sign", "GET", "/api/channels/%25/messages", "", nil, 400, beep.CodeInvalidID},
		{"id that decodes to digits only when decoded twice", "GET", "/api/channels/%2537/messages", "", nil, 400, beep.CodeInvalidID},
		{"id that is missing", "GET", "/api/channels//messages", "", nil, 400, beep.CodeInvalidID},
		{"path that is not UTF-8", "GET", "/api/channels/%ff/messages", "", nil, 400, beep.CodeInvalidID},
		{"parameter that is not UTF-8", "DELETE", path + "/8?nonce=%ff", "", nil, 400, beep.CodeInvalidQuery},
		{"unknown parameter", "GET", path + "?offset=1", "", nil, 400, beep.CodeInvalidQuery},
		{"parameter where none is taken", "GET", path + "/8?offset=1", "", nil, 400, beep.CodeInvalidQuery},
		{"parameter of the path", "GET", path + "?channel_id=8", "", nil, 400, beep.CodeInvalidQuery},
		{"parameter twice", "GET", path + "?limit=1&limit=2", "", nil, 400, beep.CodeInvalidQuery},
		{"parameter of wrong type", "GET", path + "?limit=x", "", nil, 400, beep.CodeInvalidQuery},
		{"bad id in a parameter", "GET", path + "?before=-1", "", nil, 400, beep.CodeInvalidID},
		{"body on a GET", "GET", path, `{}`, nil, 400, beep.CodeInvalidBody},
		{"unknown path", "GET", "/api/nothing", "", nil, 404, beep.CodeRouteNotFound},
		{"wrong method", "PUT", path, `{}`, nil, 405, beep.CodeMethodNotAllowed},
		{"method override", "POST", path + "/8", `{}`, []string{"X-HTTP-Method-Override", "DELETE"}, 405, beep.CodeMethodNotAllowed},
		{"foreign page", "GET", path, "", []string{"Origin", "https://evil.example"}, 403, beep.CodeOriginRefused},
		{"page without origin", "GET", path, "", []string{"Origin", "null"}, 403, beep.CodeOriginRefused},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := &fake{}
			h, faults := serve(t, f)
			resp, p := do(h, c.method, c.path, c.body, c.header...)
			if resp.StatusCode != c.status || p.Code != c.code || p.Status != c.status {
				t.Errorf("got %d %+v, want %d %s", resp.StatusCode, p, c.status, c.code)
			}
			if ct := resp.Header.Get("Content-Type"); ct != "application/problem+json" {
				t.Errorf("got type %s", ct)
			}
			if f.sent != nil || f.list != nil || len(*faults) > 0 {
				t.Errorf("the service saw it: %v %v, faults %v", f.sent, f.list, *faults)
			}
		})
	}
}

func TestEdge_ErrorsBecomeProblems(t *testing.T) {
	cases := []struct {
		err    error
		status int
		code   beep.Code
		retry  string
	}{
		{beep.Invalid(beep.CodeMessageTooLong, "too long"), 400, beep.CodeMessageTooLong, ""},
		{beep.Unauthenticated(beep.CodeUnauthenticated, "sign in"), 401, beep.CodeUnauthenticated, ""},
		{beep.Forbidden(beep.CodeForbidden, "no"), 403, beep.CodeForbidden, ""},
		{beep.NotFound(beep.CodeChannelNotFound, "none"), 404, beep.CodeChannelNotFound, ""},
		{beep.Conflict(beep.CodeNonceReused, "used"), 409, beep.CodeNonceReused, ""},
		{beep.Precondition(beep.CodeNotTextChannel, "no"), 422, beep.CodeNotTextChannel, ""},
		{beep.Limited(beep.CodeRateLimited, "slow", 1500*time.Millisecond), 429, beep.CodeRateLimited, "2"},
		{beep.LimitedTo(10, beep.CodeRateLimited, "slow", time.Second), 429, beep.CodeRateLimited, "1"},
		{beep.Unavailable(errors.New("down")), 503, beep.CodeUnavailable, "1"},
		{context.DeadlineExceeded, 503, beep.CodeUnavailable, "1"},
		{errors.New("secret detail"), 500, beep.CodeInternal, ""},
	}
	for _, c := range cases {
		t.Run(string(c.code), func(t *testing.T) {
			h, faults := serve(t, &fake{err: c.err})
			resp, p := do(h, "GET", "/api/channels/7/messages", "")
			if resp.StatusCode != c.status || p.Code != c.code || p.TraceID != "trace-1" || resp.Header.Get("Retry-After") != c.retry {
				t.Errorf("got %d %+v retry %q, want %d %s retry %q", resp.StatusCode, p, resp.Header.Get("Retry-After"), c.status, c.code, c.retry)
			}
			limited := c.status == http.StatusTooManyRequests
			if got := resp.Header.Get("X-RateLimit-Reset"); (limited && got != c.retry) || (!limited && got != "") {
				t.Errorf("X-RateLimit-Reset is %q, want what Retry-After is, and only with 429", got)
			}
			var known *beep.Error
			if errors.As(c.err, &known) && known.Limit > 0 && resp.Header.Get("X-RateLimit-Limit") != strconv.Itoa(known.Limit) {
				t.Errorf("X-RateLimit-Limit is %q, want %d", resp.Header.Get("X-RateLimit-Limit"), known.Limit)
			}
			if strings.Contains(p.Detail, "secret") || (len(*faults) == 1) != (c.status == 500) {
				t.Errorf("got detail %q and %d faults", p.Detail, len(*faults))
			}
		})
	}
}

func TestEdge_NothingOfHTTPBecomesMetadata(t *testing.T) {
	f := &fake{}
	h, _ := serve(t, f)
	do(h, "POST", "/api/channels/7/messages", `{"content":"x"}`, "Authorization", "Bearer secret", "Grpc-Metadata-Beep-Identity", "forged",
		"Beep-Identity", "forged", "X-User-Id", "1")
	if f.sent == nil {
		t.Fatal("the request did not get through")
	}
	for name, values := range f.md {
		if strings.Contains(strings.Join(values, " "), "forged") || strings.Contains(strings.Join(values, " "), "secret") || name == "x-user-id" {
			t.Errorf("metadata %s=%v came from outside", name, values)
		}
	}
}

func TestCORS_AnswersFriendsOnly(t *testing.T) {
	h, _ := serve(t, &fake{})
	resp, _ := do(h, "OPTIONS", "/api/channels/7/messages", "", "Origin", "https://friend.example", "Access-Control-Request-Method", "POST")
	if resp.StatusCode != http.StatusNoContent || resp.Header.Get("Access-Control-Allow-Origin") != "https://friend.example" ||
		resp.Header.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("got %d %v", resp.StatusCode, resp.Header)
	}
	if resp, _ := do(h, "GET", "/api/channels/7/messages", "", "Origin", "http://example.com"); resp.StatusCode != http.StatusOK {
		t.Errorf("our own page got %d", resp.StatusCode)
	}
}
