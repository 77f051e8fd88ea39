package e2e_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gatewayv1 "github.com/beep-chat/beep/api/beep/gateway/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/client"
)

// TestInvitation_UsesAreExact: fifty people open an invitation for seven at the same moment.
func TestInvitation_UsesAreExact(t *testing.T) {
	t.Parallel()
	owner := newcomer(t, "ada")
	joiners := crowd(t, 50)
	const uses = 7
	v := at(t, owner, 0)
	server := v.createServer("Seven seats")
	code := v.invite(server, uses, 0).GetCode()

	var joined, refused atomic.Int32
	var wg sync.WaitGroup
	for i, p := range joiners {
		api := at(t, p, i)
		wg.Go(func() {
			err := api.Call(t.Context(), http.MethodPost, "/api/invitations/"+code+"/accept", nil, nil)
			switch {
			case err == nil:
				joined.Add(1)
			case client.CodeOf(err) == "invitation_not_found":
				refused.Add(1)
			default:
				t.Errorf("%s: %v", p.Name, err)
			}
		})
	}
	wg.Wait()
	if joined.Load() != uses || refused.Load() != 50-uses {
		t.Errorf("%d joined and %d were refused, want %d and %d", joined.Load(), refused.Load(), uses, 50-uses)
	}
	members := v.members(server)
	if len(members) != uses+1 {
		t.Errorf("the server has %d members, want %d", len(members), uses+1)
	}
	// Who is in may open the link again; it takes no use and makes no second member.
	for i, p := range joiners {
		for _, m := range members {
			if m.GetUserId() == p.ID {
				at(t, p, i).accept(code)
			}
		}
	}
	if got := len(v.members(server)); got != uses+1 {
		t.Errorf("after they came again the server has %d members", got)
	}
}

// TestInvitation_Ends: one that has expired, was revoked, is used up or never was gets one and the same answer.
func TestInvitation_Ends(t *testing.T) {
	t.Parallel()
	ada, bob := newcomer(t, "ada"), newcomer(t, "bob")
	v := at(t, ada, 0)
	server := v.createServer("Harbour")
	expired, revoked, used := v.invite(server, 0, time.Second), v.invite(server, 0, 0), v.invite(server, 1, 0)
	v.call(http.MethodDelete, "/api/invitations/"+revoked.GetCode(), nil, nil)
	at(t, newcomer(t, "eve"), 1).accept(used.GetCode())
	eventually(t, patience, func() error {
		if guest(t, 1).Call(t.Context(), http.MethodGet, "/api/invitations/"+expired.GetCode(), nil, nil) == nil {
			return errors.New("an invitation of one second still opens")
		}
		return nil
	})

	codes := map[string]string{"expired": expired.GetCode(), "revoked": revoked.GetCode(), "used up": used.GetCode(), "never was": "7Xk2mQ9tVw4B"}
	for _, ask := range []struct {
		voice        voice
		method, rest string
	}{
		{guest(t, 0), http.MethodGet, ""},
		{at(t, bob, 1), http.MethodGet, ""},
		{at(t, bob, 0), http.MethodPost, "/accept"},
		{at(t, bob, 1), http.MethodDelete, ""},
	} {
		answers := map[string]string{}
		for name, code := range codes {
			answers[name] = strings.ReplaceAll(body(t, ask.voice, ask.method, "/api/invitations/"+code+ask.rest), code, "CODE")
		}
		if len(distinct(answers)) != 1 || !strings.Contains(answers["expired"], `"invitation_not_found"`) {
			t.Errorf("%s of an invitation that has ended tells them apart: %v", ask.method, answers)
		}
	}
	if got := at(t, bob, 0).servers(); len(got) != 0 {
		t.Errorf("Bob is in %v", got)
	}
}

// TestInvitation_IsForThoseWhoMay: who may not manage invitations neither makes, lists nor revokes any.
func TestInvitation_IsForThoseWhoMay(t *testing.T) {
	t.Parallel()
	ada, bob := newcomer(t, "ada"), newcomer(t, "bob")
	server, _ := harbour(t, ada, bob)
	code := at(t, ada, 0).invite(server, 3, time.Hour).GetCode()
	list := &serversv1.ListInvitationsResponse{}
	at(t, ada, 1).call(http.MethodGet, serverPath(server, "/invitations"), nil, list)
	if got := list.GetInvitations(); len(got) != 2 { // this one and the one that Bob came by
		t.Errorf("Ada sees %v", got)
	}
	b := at(t, bob, 1)
	b.refused(http.MethodPost, serverPath(server, "/invitations"), &serversv1.CreateInvitationRequest{}, http.StatusForbidden, "forbidden")
	b.refused(http.MethodGet, serverPath(server, "/invitations"), nil, http.StatusForbidden, "forbidden")
	b.refused(http.MethodDelete, "/api/invitations/"+code, nil, http.StatusForbidden, "forbidden")
	guest(t, 0).refused(http.MethodPost, "/api/invitations/"+code+"/accept", nil, http.StatusUnauthorized, "unauthenticated")
}

// TestInvitation_IsNotGuessed: who tries codes is stopped after twenty different ones in a minute, over all gateways
// together, whether as a guest of one address or as a user of many, and is told when to come back. The link that
// everyone at an address opens is one code.
func TestInvitation_IsNotGuessed(t *testing.T) {
	t.Parallel()
	strict, err := site.strict()
	if err != nil {
		t.Fatal(err)
	}
	ada, bob := newcomerAt(t, strict.URL, "ada"), newcomerAt(t, strict.URL, "bob")
	owner := voice{ada.At(strict.URL), t}
	code := owner.invite(owner.createServer("Harbour"), 0, 0).GetCode()
	limits := &gatewayv1.Limits{}
	owner.call(http.MethodGet, "/api/limits", nil, limits)
	if limits.GetInvitationRate() != 20 || limits.GetInvitationWindowSeconds() != 60 {
		t.Fatalf("published: %v", limits)
	}
	token, err := bob.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range 25 { // a school opens one link
		if resp := knock(t, strict.Gateways[i%len(strict.Gateways)], code, "198.51.100.9", ""); resp.StatusCode != http.StatusOK {
			t.Fatalf("opening one link for the %dth time: %d", i+1, resp.StatusCode)
		}
	}
	for what, c := range map[string]struct {
		address func(i int) string
		token   string
	}{
		"a guest": {func(int) string { return "198.51.100.1" }, ""},
		"a user":  {func(i int) string { return fmt.Sprintf("203.0.113.%d", i) }, token},
	} {
		var missed, refused atomic.Int32
		var wg sync.WaitGroup
		for i := range 30 {
			wg.Go(func() {
				resp := knock(t, strict.Gateways[i%len(strict.Gateways)], rand.Text()[:12], c.address(i), c.token)
				switch resp.StatusCode {
				case http.StatusNotFound:
					missed.Add(1)
				case http.StatusTooManyRequests:
					refused.Add(1)
					paced(t, resp.Header)
				default:
					t.Errorf("%s gets %d", what, resp.StatusCode)
				}
			})
		}
		wg.Wait()
		if missed.Load() != 20 || refused.Load() != 10 {
			t.Errorf("%s who guesses 30 codes is told of %d that they are none and of %d to wait, want 20 and 10", what, missed.Load(), refused.Load())
		}
	}
	if resp := knock(t, strict.URL, code, "198.51.100.2", ""); resp.StatusCode != http.StatusOK {
		t.Errorf("others, elsewhere, get %d", resp.StatusCode)
	}
	if resp := knock(t, strict.URL, code, "198.51.100.1", ""); resp.StatusCode != http.StatusTooManyRequests {
		t.Errorf("the guesser's next code, which is one, is answered %d", resp.StatusCode)
	}
}

// knock asks where a code leads, from an address, as whoever the token is of.
func knock(t *testing.T, base, code, address, token string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/api/invitations/"+code, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Forwarded-For", address)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, _ := exchange(t, r)
	return resp
}

// paced checks what a refusal says of the limit.
func paced(t *testing.T, h http.Header) {
	t.Helper()
	wait, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || wait < 1 || wait > 60 || h.Get("X-RateLimit-Reset") != h.Get("Retry-After") ||
		h.Get("X-RateLimit-Limit") != "20" || h.Get("X-RateLimit-Remaining") != "0" {
		t.Errorf("a refusal says %v", h)
	}
}
