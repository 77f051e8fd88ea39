package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/anypb"

	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	permifyv1 "github.com/beep-chat/beep/api/permify/v1"
	"github.com/beep-chat/beep/client"
	"github.com/beep-chat/beep/e2e/people"
	"github.com/beep-chat/beep/e2e/stack"
)

// TestPermify_Decides: in an installation that keeps no answers, compares none and repairs nothing, what Permify has is
// what may be done: an operator who changes it there changes that, and without Permify nothing may be done at all. It
// ends a Permify of its own. An installation without one has nothing to show here.
func TestPermify_Decides(t *testing.T) {
	if site.permify == nil {
		for name := range site.Processes {
			if site.mode == stack.All && name != "beep" {
				t.Errorf("there is a process %s", name)
			}
		}
		return
	}
	graph, err := stack.StartPermify(t.Context(), site.postgres)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = graph.Close() })
	beep, err := site.installOn(t.Context(), graph, "graph", "BEEP_AUTHZ_CACHE_TTL=0", "BEEP_AUTHZ_SAMPLE=0", "BEEP_AUTHZ_RECONCILE=0",
		"BEEP_MESSAGE_RATE=1000000", "BEEP_INVITATION_RATE=1000000")
	if err != nil {
		t.Fatal(err)
	}
	ada, bob := newcomerAt(t, beep.URL, "ada"), newcomerAt(t, beep.URL, "bob")
	v := voice{ada.At(beep.Gateways[0]), t}
	var s *serversv1.Server
	eventually(t, patience, func() error { // the schema is written when it is first needed
		s = &serversv1.Server{}
		return v.Call(t.Context(), http.MethodPost, "/api/servers", &serversv1.CreateServerRequest{Name: "Harbour"}, s)
	})
	tides := v.createChannel(s, "tides")
	voice{bob.At(beep.Gateways[1]), t}.accept(v.invite(s, 0, 0).GetCode())

	says := func(want string) {
		t.Helper()
		eventually(t, patience, func() error { return trySend(t, bob, beep, tides, want) })
	}
	says("")
	seat := fmt.Sprintf("%d.%d", s.GetId(), bob.ID)
	muted := func(value bool) { alter(t, graph.Tenant("graph"), "seat", seat, "muted", value) }
	muted(true)
	says("forbidden")
	muted(false)
	says("")
	alter(t, graph.Tenant("graph"), "seat", seat, "member", false)
	says("channel_not_found")
	alter(t, graph.Tenant("graph"), "seat", seat, "member", true)
	says("")

	graph.Process.Kill()
	for range 3 {
		if err := trySend(t, bob, beep, tides, "unavailable"); err != nil {
			t.Error("without Permify:", err)
		}
	}
	if err := graph.Process.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	says("")
}

// trySend sends a message and is an error unless it is answered with a code, or, for "", sent.
func trySend(t *testing.T, who *people.Person, b *stack.Beep, c *serversv1.Channel, want string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	err := who.At(b.Gateways[0]).Call(ctx, http.MethodPost, channelPath(c, "/messages"),
		&messagesv1.SendMessageRequest{Content: "ahoy"}, &messagesv1.Message{})
	if got := string(client.CodeOf(err)); got != want || (want == "" && err != nil) {
		return errors.Join(fmt.Errorf("answered %q, want %q", got, want), err)
	}
	return nil
}

// alter changes an attribute in Permify, past Beep.
func alter(t *testing.T, tenant, kind, id, name string, value bool) {
	t.Helper()
	u, err := url.Parse(tenant)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient(u.Host, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	packed, err := anypb.New(&permifyv1.BooleanValue{Data: value})
	if err != nil {
		t.Fatal(err)
	}
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+u.User.Username())
	_, err = permifyv1.NewDataClient(conn).Write(ctx, &permifyv1.DataWriteRequest{
		TenantId: strings.Trim(u.Path, "/"), Metadata: &permifyv1.DataWriteRequestMetadata{},
		Attributes: []*permifyv1.Attribute{{Entity: &permifyv1.Entity{Type: kind, Id: id}, Attribute: name, Value: packed}},
	})
	if err != nil {
		t.Fatal(err)
	}
}
