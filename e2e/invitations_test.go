package e2e_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

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
