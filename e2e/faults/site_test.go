package faults_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/client"
	"github.com/beep-chat/beep/e2e/faults"
	"github.com/beep-chat/beep/e2e/people"
	"github.com/beep-chat/beep/e2e/stack"
)

// patience is for what must happen at all; a machine that runs other suites beside this one is slow.
const patience = 30 * time.Second

// soak says whether the tests are to take hours.
func soak() bool { return os.Getenv("BEEP_SOAK") != "" }

// seed is what the choices of a test derive from; it is printed, and BEEP_SEED repeats it.
func seed(t *testing.T) uint64 {
	t.Helper()
	s := rand.Uint64()
	if given := os.Getenv("BEEP_SEED"); given != "" {
		var err error
		if s, err = strconv.ParseUint(given, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("BEEP_SEED=%d", s)
	return s
}

// install starts an installation for one test, whose people may write, and try invitations, as fast as they like. When the test fails,
// the ends of its logs are shown.
func install(t *testing.T, mode stack.Mode, env ...string) *stack.Beep {
	t.Helper()
	return installBehind(t, nil, mode, env...)
}

// installBehind is install with something between the processes, if it is not nil.
func installBehind(t *testing.T, tamper *stack.Tamper, mode stack.Mode, env ...string) *stack.Beep {
	t.Helper()
	return installAs(t, stack.Options{Mode: mode, Tamper: tamper, Env: env}, nil)
}

// installAs is install with options; prepare, if it is not nil, adds to them when the stores are there.
func installAs(t *testing.T, o stack.Options, prepare func(*stack.Options)) *stack.Beep {
	t.Helper()
	var err error
	if o.Bin, err = stack.Bin(); err != nil {
		t.Fatal(err)
	}
	o.Dir, o.Env = t.TempDir(), append(o.Env, "BEEP_MESSAGE_RATE=1000000", "BEEP_EDIT_RATE=1000000", "BEEP_INVITATION_RATE=1000000")
	if o.Mode == stack.Split {
		if o.Postgres, err = stack.StartPostgres(t.Context()); err != nil {
			needs(t, err)
		}
		t.Cleanup(func() { closed(t, o.Postgres.Close()) })
		if o.Redis, err = stack.StartRedis(t.Context()); err != nil {
			needs(t, err)
		}
		t.Cleanup(func() { closed(t, o.Redis.Close()) })
	}
	if prepare != nil {
		prepare(&o)
	}
	if o.Tamper != nil {
		t.Cleanup(func() { closed(t, o.Tamper.Close()) })
	}
	b, err := stack.StartBeep(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		closed(t, b.Stop(ctx))
		for _, name := range b.Names() {
			judgeLog(t, name, b.Processes[name].Tail(1<<30))
		}
	})
	return b
}

// needs skips where a program is not installed, unless the run is one in which a skip is a failure.
func needs(t *testing.T, err error) {
	t.Helper()
	if strings.Contains(err.Error(), "not installed") && os.Getenv("BEEP_TEST_REQUIRE_REAL") == "" {
		t.Skip(err)
	}
	t.Fatal(err)
}

func closed(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// judgeLog fails a test whose processes panicked or answered with an internal error, and shows the end of each log
// of a test that failed.
func judgeLog(t *testing.T, name, text string) {
	t.Helper()
	const most = 5
	found := 0
	for line := range strings.Lines(text) {
		for _, bad := range []string{"panic", `"msg":"request failed"`, `"msg":"frame failed"`, "DATA RACE"} {
			if strings.Contains(line, bad) {
				if found++; found <= most {
					t.Errorf("%s logged: %.2000s", name, line)
				}
			}
		}
	}
	if t.Failed() {
		t.Logf("the end of the log of %s:\n%s", name, text[max(0, len(text)-4096):])
	}
}

// eventually waits until ask answers nil, and fails the test with its last error if that takes too long.
func eventually(t *testing.T, ask func() error) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ask()
		if err == nil {
			return
		}
		select {
		case <-deadline.C:
			t.Fatalf("not within %s: %v", patience, err)
		case <-tick.C:
		}
	}
}

// crowd is n people who have just signed up.
func crowd(t *testing.T, b *stack.Beep, name string, n int) []*people.Person {
	t.Helper()
	all := make([]*people.Person, n)
	var running sync.WaitGroup
	for i := range all {
		running.Go(func() {
			var err error
			if all[i], err = people.SignUp(t.Context(), b.URL, fmt.Sprintf("%s%d", name, i)); err != nil {
				t.Error(err)
			}
		})
	}
	running.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return all
}

// call makes a request that must be answered.
func call(t *testing.T, api *client.API, method, path string, in, out proto.Message) {
	t.Helper()
	if err := api.Call(t.Context(), method, path, in, out); err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
}

// harbour is a server of the first person that the others have joined.
func harbour(t *testing.T, owner *people.Person, others ...*people.Person) *serversv1.Server {
	t.Helper()
	s, i := &serversv1.Server{}, &serversv1.Invitation{}
	call(t, owner.API(), http.MethodPost, "/api/servers", &serversv1.CreateServerRequest{Name: "Harbour"}, s)
	call(t, owner.API(), http.MethodPost, fmt.Sprintf("/api/servers/%d/invitations", s.GetId()), &serversv1.CreateInvitationRequest{}, i)
	for _, p := range others {
		call(t, p.API(), http.MethodPost, "/api/invitations/"+i.GetCode()+"/accept", nil, nil)
	}
	return s
}

func createChannel(t *testing.T, owner *people.Person, server *serversv1.Server, name string) uint64 {
	t.Helper()
	c := &serversv1.Channel{}
	call(t, owner.API(), http.MethodPost, fmt.Sprintf("/api/servers/%d/channels", server.GetId()), &serversv1.CreateChannelRequest{Kind: "text", Name: name}, c)
	return c.GetId()
}

// everywhere is a person's voice over every gateway.
func everywhere(b *stack.Beep, p *people.Person) (all []*client.API) {
	for _, base := range b.Gateways {
		all = append(all, p.At(base))
	}
	return all
}

// listener is a client of p that begins at the node with a number.
func listener(p *people.Person, nodes []string, first int) *faults.Listener {
	first %= len(nodes)
	return &faults.Listener{
		Name: fmt.Sprintf("%s at %d", p.Name, first), Socket: p.Socket(""), Nodes: slices.Concat(nodes[first:], nodes[:first]),
	}
}

// run runs a listener until it is told to leave, at the latest when the test ends.
func run(t *testing.T, l *faults.Listener) (leave func()) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { l.Run(ctx) })
	leave = sync.OnceFunc(func() { stop(); running.Wait() })
	t.Cleanup(leave)
	return leave
}
