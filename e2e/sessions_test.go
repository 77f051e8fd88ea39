package e2e_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/beep-chat/beep/client"
	"github.com/beep-chat/beep/e2e/people"
)

// tokenRefused is the close code of a socket whose token is not good any more.
const tokenRefused = 4401

// TestSignOut: whoever signs out is out, over every gateway and on every node, within a second; their other browser is not.
func TestSignOut(t *testing.T) {
	t.Parallel()
	ada := newcomer(t, "ada")
	other, err := ada.SignIn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stays := listen(t, ada, 0)
	var ends []*ear
	for node := range site.Sockets {
		ends = append(ends, listen(t, other, node))
	}
	for i := range site.Gateways {
		at(t, other, i).call(http.MethodGet, "/api/users/@me", nil, nil)
	}
	if err := other.SignOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	isOut(t, other, ends)
	if _, err := other.Refresh(t.Context()); !refusedGrant(err) {
		t.Errorf("after signing out a refresh token gives %v", err)
	}
	at(t, ada, 1).call(http.MethodGet, "/api/users/@me", nil, nil)
	if stays.lives() != 1 || stays.closedWith(tokenRefused) == nil {
		t.Error("the other browser's socket was closed")
	}
}

// isOut waits until nothing that the person holds is good for anything, which must not take long.
func isOut(t *testing.T, p *people.Person, sockets []*ear) {
	t.Helper()
	answered := time.Now()
	for i := range site.Gateways {
		eventually(t, patience, func() error {
			err := at(t, p, i).Call(t.Context(), http.MethodGet, "/api/users/@me", nil, nil)
			if client.CodeOf(err) != "invalid_token" {
				return fmt.Errorf("gateway %d answers %w", i, err)
			}
			return nil
		})
	}
	for _, e := range sockets {
		eventually(t, patience, func() error { return e.closedWith(tokenRefused) })
	}
	inTime(t, "out everywhere", answered, time.Now())
}

// TestNewPassword_EndsOtherSessions: whoever changes their password stays where they did it and is out everywhere else,
// within a second: over every gateway, on every node, and for good. After a reset, which anyone with their mail can
// ask for, they are out here too.
func TestNewPassword_EndsOtherSessions(t *testing.T) {
	t.Parallel()
	ada := newcomer(t, "ada")
	other, sockets := anotherBrowser(t, ada)
	stays := listen(t, ada, 0)
	old := ada.Password
	if err := ada.ChangePassword(t.Context(), "a new tide "+ada.Name[len(ada.Name)-8:]); err != nil {
		t.Fatal(err)
	}
	isOut(t, other, sockets)
	if _, err := other.Refresh(t.Context()); !refusedGrant(err) {
		t.Errorf("after the change another browser's refresh token gives %v", err)
	}
	for i := range site.Gateways {
		at(t, ada, i).call(http.MethodGet, "/api/users/@me", nil, nil)
	}
	if stays.lives() != 1 || stays.closedWith(tokenRefused) == nil {
		t.Error("the browser that changed the password lost its socket")
	}
	if _, err := other.SignIn(t.Context()); err == nil || other.Password != old {
		t.Error("the old password still opens")
	}

	other, sockets = anotherBrowser(t, ada)
	if err := ada.ResetPassword(t.Context(), "another tide "+ada.Name[len(ada.Name)-8:]); err != nil {
		t.Fatal(err)
	}
	isOut(t, other, sockets)
	isOut(t, ada, []*ear{stays})
	for what, p := range map[string]*people.Person{"another browser": other, "the first browser": ada} {
		if _, err := p.Refresh(t.Context()); !refusedGrant(err) {
			t.Errorf("after the reset the refresh token of %s gives %v", what, err)
		}
	}
	back, err := ada.SignIn(t.Context())
	if err != nil {
		t.Fatalf("with the new password: %v", err)
	}
	at(t, back, 1).call(http.MethodGet, "/api/users/@me", nil, nil)
}

// anotherBrowser is p in another browser, with a socket on every node, whose token every gateway has seen and may remember.
func anotherBrowser(t *testing.T, p *people.Person) (*people.Person, []*ear) {
	t.Helper()
	other, err := p.SignIn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var sockets []*ear
	for node := range site.Sockets {
		sockets = append(sockets, listen(t, other, node))
	}
	for i := range site.Gateways {
		at(t, other, i).call(http.MethodGet, "/api/users/@me", nil, nil)
	}
	return other, sockets
}

func refusedGrant(err error) bool {
	refused, ok := errors.AsType[*people.RefusedError](err)
	return ok && refused.Status == http.StatusBadRequest
}

// TestRefreshTokens: each is good once. Two tabs of one browser may trade the same at once; who comes again and again
// with one that was traded has stolen it, and then nobody is signed in by that session any more.
func TestRefreshTokens(t *testing.T) {
	t.Parallel()
	ada := newcomer(t, "ada")
	hears := listen(t, ada, 1)
	stolen, err := ada.Refresh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := ada.Replay(t.Context(), stolen); err != nil {
		t.Errorf("another tab, at the same time: %v", err)
	}
	for i := range site.Gateways {
		at(t, ada, i).call(http.MethodGet, "/api/users/@me", nil, nil)
	}
	for tries := 0; ; tries++ {
		err := ada.Replay(t.Context(), stolen)
		if refusedGrant(err) {
			break
		}
		if err != nil || tries > 20 {
			t.Fatalf("traded once, it was taken %d times more, %v", tries, err)
		}
	}
	isOut(t, ada, []*ear{hears})
	if _, err := ada.Refresh(t.Context()); !refusedGrant(err) {
		t.Errorf("the newest refresh token of a session that was ended gives %v", err)
	}
	if _, err := ada.SignIn(t.Context()); err != nil {
		t.Errorf("signing in again: %v", err)
	}
}

// TestToken_Confusion: only an access token opens anything, not the others that a browser holds.
func TestToken_Confusion(t *testing.T) {
	t.Parallel()
	ada := newcomer(t, "ada")
	for i := range site.Gateways {
		for what, token := range ada.OtherTokens() {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, site.Gateways[i]+"/api/users/@me", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+token)
			if resp, out := exchange(t, r); resp.StatusCode != http.StatusUnauthorized {
				t.Errorf("with the %s: got %d %s", what, resp.StatusCode, out)
			}
		}
	}
	for what, token := range ada.OtherTokens() {
		w := wireTo(t, 0)
		w.say(`{"op":"identify","d":{"token":"` + token + `"}}`)
		if got := w.outcome(); got != "closed 4401" {
			t.Errorf("a socket with the %s: %s", what, got)
		}
	}
}
