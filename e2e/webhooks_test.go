package e2e_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/client"
)

func (v voice) createWebhook(channel *serversv1.Channel, name string) *serversv1.Webhook {
	v.t.Helper()
	hook := &serversv1.Webhook{}
	v.call(http.MethodPost, channelPath(channel, "/webhooks"), &serversv1.CreateWebhookRequest{Name: name, Reason: "Readings"}, hook)
	site.keepSecret(hook.GetToken(), hook.GetTokenWithoutDots())
	return hook
}

// TestWebhooks_TokenIsShownOnce: the token comes with the making and with each rotation, each time another, and is to
// be had nowhere else; everything done is in the audit log, without it.
func TestWebhooks_TokenIsShownOnce(t *testing.T) {
	t.Parallel()
	ada := newcomer(t, "ada")
	v, w := at(t, ada, 0), at(t, ada, 1)
	server := v.createServer("Harbour")
	tides := v.createChannel(server, "tides")

	hook := v.createWebhook(tides, "  Tide gauge ")
	if hook.GetName() != "Tide gauge" || hook.GetVersion() != 1 || hook.GetCreatorId() != ada.ID || hook.GetServerId() != server.GetId() {
		t.Errorf("made: %v", hook)
	}
	if strings.Count(hook.GetToken(), ".") != 2 || hook.GetTokenWithoutDots() == "" || strings.Contains(hook.GetTokenWithoutDots(), ".") {
		t.Errorf("token %q, without dots %q", hook.GetToken(), hook.GetTokenWithoutDots())
	}
	path := channelPath(tides, "/webhooks/"+id(hook.GetId()))
	rotated := &serversv1.Webhook{}
	w.call(http.MethodPost, path+"/token", &serversv1.RotateWebhookRequest{}, rotated)
	if rotated.GetVersion() != 2 || rotated.GetToken() == hook.GetToken() || rotated.GetToken() == "" {
		t.Errorf("rotated: %v", rotated)
	}
	name := "Gauge"
	renamed := &serversv1.Webhook{}
	w.call(http.MethodPatch, path, &serversv1.UpdateWebhookRequest{Name: &name}, renamed)
	list := &serversv1.ListWebhooksResponse{}
	v.call(http.MethodGet, channelPath(tides, "/webhooks"), nil, list)
	if len(list.GetWebhooks()) != 1 || list.GetWebhooks()[0].GetName() != name || list.GetWebhooks()[0].GetVersion() != 2 {
		t.Errorf("listed: %v", list)
	}
	if renamed.Token != nil || list.GetWebhooks()[0].Token != nil || list.GetWebhooks()[0].TokenWithoutDots != nil {
		t.Error("a token is shown again")
	}
	w.call(http.MethodDelete, path, nil, nil)
	v.refused(http.MethodDelete, path, nil, http.StatusNotFound, "webhook_not_found")
	v.refused(http.MethodPost, path+"/token", &serversv1.RotateWebhookRequest{}, http.StatusNotFound, "webhook_not_found")

	log := &serversv1.ListAuditEntriesResponse{}
	v.call(http.MethodGet, serverPath(server, "/audit-log"), nil, log)
	var done []string
	for _, e := range log.GetEntries() {
		if strings.HasPrefix(e.GetAction(), "webhook_") && e.GetTargetId() == hook.GetId() {
			done = append(done, strings.TrimPrefix(e.GetAction(), "webhook_"))
		}
	}
	if got := strings.Join(done, " "); got != "delete update rotate create" {
		t.Errorf("the audit log has %q", got)
	}
	if text := log.String(); strings.Contains(text, hook.GetToken()) || strings.Contains(text, rotated.GetToken()) {
		t.Error("the audit log has a token")
	}
}

// TestWebhooks_BelongToTheirChannel: they are managed by the channel that they are in, at most 15 to each, end with it,
// and are none of a category's.
func TestWebhooks_BelongToTheirChannel(t *testing.T) {
	t.Parallel()
	ada, bob := newcomer(t, "ada"), newcomer(t, "bob")
	v := at(t, ada, 0)
	server := v.createServer("Harbour")
	tides, quay := v.createChannel(server, "tides"), v.createChannel(server, "quay")
	at(t, bob, 0).accept(v.invite(server, 0, 0).GetCode())
	hook := v.createWebhook(tides, "Tide gauge")

	inQuay := channelPath(quay, "/webhooks/"+id(hook.GetId()))
	v.refused(http.MethodDelete, inQuay, nil, http.StatusNotFound, "webhook_not_found")
	// A right in one channel is none in another, nor over what stands there.
	v.call(http.MethodPut, channelPath(quay, "/overwrites"), &serversv1.SetOverwriteRequest{
		MemberId: bob.ID, Allow: []string{"manage_webhooks"},
	}, nil)
	b := at(t, bob, 1)
	b.refused(http.MethodDelete, inQuay, nil, http.StatusNotFound, "webhook_not_found")
	b.refused(http.MethodDelete, channelPath(tides, "/webhooks/"+id(hook.GetId())), nil, http.StatusForbidden, "forbidden")
	b.createWebhook(quay, "Bob's")

	const most, tries = 15, 24
	var full int
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range tries {
		wg.Go(func() {
			err := at(t, ada, i).Call(t.Context(), http.MethodPost, channelPath(tides, "/webhooks"), &serversv1.CreateWebhookRequest{Name: "x"}, nil)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case client.CodeOf(err) == "webhook_limit":
				full++
			case err != nil:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if want := tries + 1 - most; full != want {
		t.Errorf("%d were refused, want %d", full, want)
	}

	category := &serversv1.Channel{}
	v.call(http.MethodPost, serverPath(server, "/channels"), &serversv1.CreateChannelRequest{Name: "Docks", Kind: "category"}, category)
	v.refused(http.MethodPost, channelPath(category, "/webhooks"), &serversv1.CreateWebhookRequest{Name: "x"}, http.StatusUnprocessableEntity, "not_text_channel")
	v.call(http.MethodDelete, channelPath(tides, ""), nil, nil)
	v.refused(http.MethodGet, channelPath(tides, "/webhooks"), nil, http.StatusNotFound, "channel_not_found")
}

// TestWebhooks_TokenOpensNothingElse: to whom a webhook's token was given can do nothing by it that takes an account.
func TestWebhooks_TokenOpensNothingElse(t *testing.T) {
	t.Parallel()
	ada := newcomer(t, "ada")
	v := at(t, ada, 0)
	hook := v.createWebhook(v.createChannel(v.createServer("Harbour"), "tides"), "Gauge")
	for _, r := range routes(t) {
		if r.name == "Gateway_GetLimits" || r.name == "Servers_GetInvitation" {
			continue // open to everyone
		}
		for _, token := range []string{hook.GetToken(), hook.GetTokenWithoutDots()} {
			path := placeholder.ReplaceAllString(r.path, "1581000000000000001")
			req, err := http.NewRequestWithContext(t.Context(), r.method, v.Base+path, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+token)
			if status, answer := do(t, req); status != http.StatusUnauthorized {
				t.Errorf("%s: got %d %s, want 401", r.name, status, answer)
			}
		}
	}
}
