package faults_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/client"
	"github.com/beep-chat/beep/e2e/people"
	"github.com/beep-chat/beep/e2e/stack"
)

// driftKills is how many processes are killed, and in a soak.
const driftKills, soakDriftKills = 20, 500

// TestDrift_NoneAfterKills: while someone gives and takes roles, rights and memberships, the processes between the
// commit and Permify are killed one after another: the one that commits, the one that relays, and Permify. Then nothing
// in Permify is otherwise than the log says. What repairs by itself is off, and the command that would say so repairs.
func TestDrift_NoneAfterKills(t *testing.T) {
	rng := rand.New(rand.NewPCG(seed(t), 1))
	var graph *stack.Permify
	b := installAs(t, stack.Options{Mode: stack.Split, Env: []string{
		"BEEP_AUTHZ_RECONCILE=0", "BEEP_AUTHZ_SAMPLE=0", "BEEP_INVITATION_RATE=1000000",
	}}, func(o *stack.Options) {
		var err error
		if graph, err = stack.StartPermify(t.Context(), o.Postgres); err != nil {
			needs(t, err)
		}
		t.Cleanup(func() { closed(t, graph.Close()) })
		o.Permify = graph
	})
	crowd := crowd(t, b, "member", 4)
	server := harbour(t, crowd[0], crowd[1:]...)
	c := &changer{rng: rng, owner: crowd[0], members: crowd[1:], server: server.GetId(), channel: createChannel(t, crowd[0], server, "tides")}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			c.change(ctx)
		}
	}()
	victims := []*stack.Process{b.Processes["authz-1"], graph.Process, b.Processes["servers-1"], b.Processes["authz-1"]}
	kills := driftKills
	if soak() {
		kills = soakDriftKills
	}
	for n := range kills {
		before := c.made.Load()
		eventually(t, func() error {
			if made := c.made.Load() - before; made < 10 {
				return fmt.Errorf("%d changes", made)
			}
			return nil
		})
		<-time.After(time.Duration(rng.IntN(50)) * time.Millisecond)
		p := victims[n%len(victims)]
		p.Kill()
		if err := p.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n%10 == 9 {
			c.compare(t, b)
		}
	}
	cancel()
	<-done
	c.compare(t, b)
	t.Logf("%d kills, %d changes made", kills, c.made.Load())
}

// changer changes what people may do on a server.
type changer struct {
	rng     *rand.Rand
	owner   *people.Person
	members []*people.Person
	server  uint64
	channel uint64
	roles   []uint64
	made    atomic.Int64 // changes that were answered
}

// change makes one change; it may fail, since processes die.
func (c *changer) change(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	api := c.owner.API()
	if c.try(ctx, api) == nil {
		c.made.Add(1)
	}
}

func (c *changer) try(ctx context.Context, api *client.API) error {
	base := fmt.Sprintf("/api/servers/%d", c.server)
	member := fmt.Sprintf("%s/members/%d", base, c.members[c.rng.IntN(len(c.members))].ID)
	kind := c.rng.IntN(6)
	if len(c.roles) == 0 {
		kind = 0
	}
	switch kind {
	case 0:
		if len(c.roles) > 5 {
			last := len(c.roles) - 1
			err := api.Call(ctx, http.MethodDelete, fmt.Sprintf("%s/roles/%d", base, c.roles[last]), nil, nil)
			c.roles = c.roles[:last] // gone, or in any case left alone
			return err
		}
		r := &serversv1.Role{}
		err := api.Call(ctx, http.MethodPost, base+"/roles", &serversv1.CreateRoleRequest{Name: "sailor", Rights: []string{"manage_messages"}}, r)
		if err == nil {
			c.roles = append(c.roles, r.GetId())
		}
		return err
	case 1:
		return api.Call(ctx, http.MethodPut, fmt.Sprintf("%s/roles/%d", member, c.role()), &serversv1.AssignRoleRequest{}, nil)
	case 2:
		return api.Call(ctx, http.MethodDelete, fmt.Sprintf("%s/roles/%d", member, c.role()), nil, nil)
	case 3:
		return api.Call(ctx, http.MethodPut, member+"/mute", &serversv1.MuteMemberRequest{Seconds: 3600}, nil)
	case 4:
		return api.Call(ctx, http.MethodDelete, member+"/mute", nil, nil)
	}
	deny := [][]string{{"send_messages"}, {"view_channels"}, {"attach_files"}}[c.rng.IntN(3)]
	return api.Call(ctx, http.MethodPut, fmt.Sprintf("/api/channels/%d/overwrites", c.channel),
		&serversv1.SetOverwriteRequest{RoleId: c.role(), Deny: deny}, nil)
}

func (c *changer) role() uint64 { return c.roles[c.rng.IntN(len(c.roles))] }

// compare has the operator's command say that nothing differs.
func (c *changer) compare(t *testing.T, b *stack.Beep) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out, err := b.Processes["authz-1"].Command(ctx, "authz", "reconcile")
	if err != nil || !strings.HasSuffix(out, "\n0 differences\n") && out != "0 differences\n" {
		t.Errorf("reconcile: %v\n%s", err, out)
	}
}
