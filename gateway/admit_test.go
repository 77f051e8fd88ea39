package gateway_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/beep-chat/beep/gateway"
	"github.com/beep-chat/beep/kit/rest"
)

// behindProxy believes the address that httptest's requests come from.
func behindProxy(d *gateway.Deps) {
	d.Proxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")}
	d.Limits.InvitationRate = 3
}

// try is the status of one request about an invitation.
func try(h http.Handler, method, code, address, token string) (int, http.Header, rest.Problem) {
	r := httptest.NewRequest(method, "https://chat.example.org/api/invitations/"+code, http.NoBody)
	r.Header.Set("X-Forwarded-For", address)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var p rest.Problem
	_ = json.Unmarshal(w.Body.Bytes(), &p)
	return w.Code, w.Header(), p
}

func TestInvitations_AreNotForGuessing(t *testing.T) {
	type attempt struct {
		method, code, address, token string
		limited                      bool
	}
	const get, remove = http.MethodGet, http.MethodDelete
	cases := map[string][]attempt{
		"a guest": {
			{get, "a", "198.51.100.1", "", false},
			{get, "b", "198.51.100.1", "", false},
			{get, "c", "198.51.100.1", "", false},
			{get, "d", "198.51.100.1", "", true},
			{get, "d", "198.51.100.2", "", false},
		},
		"one code over and over": {
			{get, "a", "198.51.100.1", "", false},
			{get, "a", "198.51.100.1", "", false},
			{get, "a", "198.51.100.1", "", false},
			{get, "a", "198.51.100.1", "", false},
			{get, "b", "198.51.100.1", "", false},
		},
		"a code that was tried before the limit": {
			{get, "a", "198.51.100.1", "", false},
			{get, "b", "198.51.100.1", "", false},
			{get, "c", "198.51.100.1", "", false},
			{get, "d", "198.51.100.1", "", true},
			{get, "b", "198.51.100.1", "", false},
		},
		"a user who moves": {
			{get, "a", "198.51.100.1", "good", false},
			{get, "b", "198.51.100.2", "good", false},
			{get, "c", "198.51.100.3", "good", false},
			{get, "d", "198.51.100.4", "good", true},
		},
		"a user and a guest at one address": {
			{get, "a", "198.51.100.1", "good", false},
			{get, "b", "198.51.100.1", "", false},
			{get, "c", "198.51.100.1", "", false},
			{get, "d", "198.51.100.1", "good", true},
			{get, "d", "198.51.100.1", "", true},
		},
		"whatever is done with it": {
			{get, "a", "198.51.100.1", "good", false},
			{remove, "b", "198.51.100.1", "good", false},
			{remove, "c", "198.51.100.1", "good", false},
			{remove, "d", "198.51.100.1", "good", true},
		},
		"one network of version 6": {
			{get, "a", "2001:db8::1", "", false},
			{get, "b", "2001:db8::2", "", false},
			{get, "c", "2001:db8::ffff:3", "", false},
			{get, "d", "2001:db8::4", "", true},
			{get, "d", "2001:db8:0:1::4", "", false},
		},
	}
	for name, attempts := range cases {
		t.Run(name, func(t *testing.T) {
			h := serve(t, behindProxy)
			for i, a := range attempts {
				status, _, _ := try(h, a.method, a.code, a.address, a.token)
				if (status == http.StatusTooManyRequests) != a.limited {
					t.Errorf("attempt %d: got %d, limited should be %v", i+1, status, a.limited)
				}
			}
		})
	}
}

func TestInvitations_TheRefusalSaysWhenToComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, behindProxy)
		for i := range 3 {
			try(h, http.MethodGet, fmt.Sprintf("code%d", i), "198.51.100.1", "")
		}
		<-time.After(20500 * time.Millisecond)
		status, header, p := try(h, http.MethodGet, "another", "198.51.100.1", "")
		if status != http.StatusTooManyRequests || p.Code != "rate_limited" {
			t.Fatalf("got %d %+v", status, p)
		}
		want := map[string]string{"Retry-After": "40", "X-Ratelimit-Limit": "3", "X-Ratelimit-Remaining": "0", "X-Ratelimit-Reset": "40"}
		got := map[string]string{}
		for name := range want {
			got[name] = header.Get(name)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("headers (-want +got):\n%s", diff)
		}
		<-time.After(39500 * time.Millisecond)
		if status, _, _ := try(h, http.MethodGet, "another", "198.51.100.1", ""); status == http.StatusTooManyRequests {
			t.Error("who has waited as long as told is refused again")
		}
	})
}
