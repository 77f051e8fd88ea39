package faults_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/e2e/faults"
	"github.com/beep-chat/beep/e2e/people"
	"github.com/beep-chat/beep/e2e/stack"
)

const (
	// plantedRaces are run at most until a planted fault has shown.
	plantedRaces = 64
	// cleanRaces are run while there is none.
	cleanRaces  = 8
	plantArenas = 4
	// everyNth request a planted fault strikes.
	everyNth = 5
	// staleFor is how long the stale reads go on about what was: long enough for a page to be asked for after a
	// revocation, and over before who was let in again asks.
	staleFor = 300 * time.Millisecond
)

// TestPlantedFaults_AreCaught plants, between processes that are as they should be, what must never happen within
// one, and wants the judges to say so. No wake-up reaches anyone here, which alone must do no harm: before, between
// and after the plants all is well.
func TestPlantedFaults_AreCaught(t *testing.T) {
	p := newPlants(t)
	t.Run("none", p.clean)
	t.Run("none, and scopes are read late by those who deliver", func(t *testing.T) {
		p.plant(t, staleRevs("realtime"))
		p.clean(t)
	})
	t.Run("the View is not advanced before content is delivered", func(t *testing.T) {
		// Content that says it needs no newer View than any is delivered under the one that is there.
		p.plant(t, both(staleRevs("realtime"), oldest()))
		p.race(t, "whose sending began")
	})
	t.Run("a check reads the scope before the request came", func(t *testing.T) {
		p.plant(t, staleRevs("authz"))
		p.race(t, "a page was given that was asked for")
	})
	t.Run("a check of a send reads the scope before the request came", func(t *testing.T) {
		p.plant(t, staleRevs("authz"))
		p.race(t, "a send that began", faults.Mute)
	})
	t.Run("a send is acknowledged before it is committed", func(t *testing.T) {
		p.plant(t, acknowledged())
		p.load(t, "which was acknowledged as message")
	})
	t.Run("a nonce is lost", func(t *testing.T) {
		p.plant(t, nonceless())
		p.load(t, "which nobody asked for")
	})
	t.Run("a send is done twice", func(t *testing.T) {
		p.plant(t, doubled())
		p.load(t, "which nobody asked for")
	})
	t.Run("wake-ups are lost and heads not read", func(t *testing.T) {
		p.plant(t, frozenHeads())
		p.load(t, "is at 0 (by its steps 0) and the log at")
	})
	t.Run("none any more", func(t *testing.T) {
		p.clean(t)
		if wrong := p.write(t); len(wrong) > 0 {
			t.Errorf("all is as it should be, and the judge says %q", faults.Brief(wrong))
		}
	})
}

// plants is an installation without a bus, with something between its processes.
type plants struct {
	*stack.Beep

	tamper   *stack.Tamper
	arenas   []*faults.Arena
	writers  []*people.Person
	listener *people.Person
	server   *serversv1.Server
	seed     uint64
}

func newPlants(t *testing.T) *plants {
	t.Helper()
	p := &plants{tamper: &stack.Tamper{}, seed: seed(t)}
	p.Beep = installBehind(t, p.tamper, stack.Split, "BEEP_REDIS=")
	p.arenas = openArenas(t, p.Beep, p.seed, plantArenas)
	p.writers = crowd(t, p.Beep, "writer", 3)
	p.listener = p.writers[2]
	p.server = harbour(t, p.writers[0], p.writers[1:]...)
	return p
}

// plant plants a fault until the test ends.
func (p *plants) plant(t *testing.T, f stack.Fault) {
	t.Helper()
	p.tamper.Plant(f)
	t.Cleanup(func() { p.tamper.Plant(nil) })
}

// clean wants nothing to be wrong.
func (p *plants) clean(t *testing.T) {
	o := p.races(t, cleanRaces, "no violation ends it")
	for _, v := range faults.Brief(o.wrong) {
		t.Error(v)
	}
	for _, err := range o.errs {
		t.Error(err)
	}
}

// race wants a judge of races to say this.
func (p *plants) race(t *testing.T, want string, kinds ...string) {
	t.Helper()
	if o := p.races(t, plantedRaces, want, kinds...); !o.says(want) {
		t.Errorf("%d races found %q and ended in %v, want %q", o.races, faults.Brief(o.wrong), o.errs, want)
	}
}

// races runs races until the judge says this, at most so many. Who is kicked comes back with the fault still
// planted, so only overwrites are raced where no kinds are given.
func (p *plants) races(t *testing.T, most int, until string, kinds ...string) *outcomes {
	t.Helper()
	if len(kinds) == 0 {
		kinds = []string{faults.DenyMember, faults.DenyEveryone}
	}
	o := &outcomes{kinds: map[string]int{}, of: kinds}
	began := time.Now()
	// A fault may end a race before it has begun, as where a channel that was just made is not there yet for a check
	// that looks at the past: then the next is raced.
	for tries := 0; tries < 10 && !o.says(until); tries++ {
		o.race(t, p.arenas, most, func() bool { return o.says(until) })
	}
	o.report(t, time.Since(began))
	return o
}

// load wants the judge of what was written to say this.
func (p *plants) load(t *testing.T, want string) {
	t.Helper()
	wrong := p.write(t)
	if !slices.ContainsFunc(wrong, func(v string) bool { return strings.Contains(v, want) }) {
		t.Errorf("the judge says %q, want %q", faults.Brief(wrong), want)
	}
}

// write has people write in a new channel and others listen to it on every node, and judges.
func (p *plants) write(t *testing.T) []string {
	t.Helper()
	const writing, settling = 2 * time.Second, 4 * time.Second
	id := createChannel(t, p.writers[0], p.server, "planted")
	var ears []*faults.Listener
	for i := range p.Sockets {
		ears = append(ears, listener(p.listener, p.Sockets, i))
		run(t, ears[i])
	}
	eventually(t, func() error { return follow(ears, []uint64{id}) })
	load := &faults.Load{Ledger: faults.NewLedger(), Channels: []uint64{id}, Lanes: 2, Rate: 100, Seed: p.seed}
	for _, w := range p.writers[:2] {
		load.Authors = append(load.Authors, faults.Author{ID: w.ID, API: everywhere(p.Beep, w)})
	}
	ctx, stop := context.WithTimeout(t.Context(), writing)
	defer stop()
	load.Run(ctx)

	c := faults.Channel{ID: id}
	var err error
	if c.Head, c.History, err = faults.History(t.Context(), p.writers[0].API(), id); err != nil {
		t.Fatal(err)
	}
	settled := time.Now().Add(settling)
	for _, e := range ears {
		waitFor(t, e, id, c.Head, time.Until(settled))
		heard, err := e.Heard(t.Context(), p.listener.API(), id)
		if err != nil {
			t.Fatal(err)
		}
		c.Heard = append(c.Heard, heard)
	}
	wrong := faults.Judge(load.Ledger, c)
	t.Logf("%s; %d violations", load.Ledger.Summary(), len(wrong))
	return wrong
}

// on strikes at one method, called by one target.
func on[Q, A any, PQ message[Q], PA message[A]](method, caller string, f func(q PQ, pass func(PQ) (PA, error)) (PA, error)) stack.Fault {
	return func(ctx context.Context, c stack.Call) ([]byte, error) {
		if c.Method != method || c.Caller != caller {
			return c.Pass(ctx, c.In)
		}
		q := PQ(new(Q))
		if err := proto.Unmarshal(c.In, q); err != nil {
			return nil, err
		}
		a, err := f(q, func(q PQ) (PA, error) {
			in, err := proto.Marshal(q)
			if err != nil {
				return nil, err
			}
			out, err := c.Pass(ctx, in)
			if err != nil {
				return nil, err
			}
			a := PA(new(A))
			return a, proto.Unmarshal(out, a)
		})
		if err != nil {
			return nil, err
		}
		return proto.Marshal(a)
	}
}

type message[M any] interface {
	*M
	proto.Message
}

// both strikes with two faults that strike at different methods.
func both(first, second stack.Fault) stack.Fault {
	return func(ctx context.Context, c stack.Call) ([]byte, error) {
		pass := c.Pass
		c.Pass = func(ctx context.Context, in []byte) ([]byte, error) {
			return second(ctx, stack.Call{Caller: c.Caller, Method: c.Method, In: in, Pass: pass})
		}
		return first(ctx, c)
	}
}

// staleRevs answers a target, for a while, what the revision of a scope was.
func staleRevs(caller string) stack.Fault {
	type seen struct {
		rev uint64
		at  time.Time
	}
	var mu sync.Mutex // guards known
	known := map[string]seen{}
	return on(serversv1.ScopeLog_GetRevs_FullMethodName, caller, func(q *serversv1.GetRevsRequest, pass revs) (*serversv1.GetRevsResponse, error) {
		a, err := pass(q)
		mu.Lock()
		defer mu.Unlock()
		for i := range a.GetRevs() {
			key := q.GetScopes()[i].String()
			if k := known[key]; time.Since(k.at) < staleFor {
				a.Revs[i] = k.rev
			} else {
				known[key] = seen{a.GetRevs()[i], time.Now()}
			}
		}
		return a, err
	})
}

// What the faults below pass on.
type (
	revs  = func(*serversv1.GetRevsRequest) (*serversv1.GetRevsResponse, error)
	check = func(*authzv1.CheckRequest) (*authzv1.CheckResponse, error)
	send  = func(*messagesv1.SendMessageRequest) (*messagesv1.SendMessageResponse, error)
	heads = func(*messagesv1.GetHeadsRequest) (*messagesv1.GetHeadsResponse, error)
)

// oldest has messages believe that what is allowed now was allowed at all times.
func oldest() stack.Fault {
	return on(authzv1.Authz_Check_FullMethodName, "messages", func(q *authzv1.CheckRequest, pass check) (*authzv1.CheckResponse, error) {
		a, err := pass(q)
		if err == nil {
			a.Rev = min(a.GetRev(), 1)
		}
		return a, err
	})
}

// sometimes strikes at every few of the sends.
func sometimes(f func(q *messagesv1.SendMessageRequest, pass send) (*messagesv1.SendMessageResponse, error)) stack.Fault {
	var n atomic.Int64
	return on(messagesv1.Messages_SendMessage_FullMethodName, "gateway", func(q *messagesv1.SendMessageRequest, pass send) (*messagesv1.SendMessageResponse, error) {
		if n.Add(1)%everyNth != 0 {
			return pass(q)
		}
		return f(q, pass)
	})
}

// acknowledged answers for a send that then never comes to be.
func acknowledged() stack.Fault {
	ids := beep.NewMinter()
	return sometimes(func(q *messagesv1.SendMessageRequest, _ send) (*messagesv1.SendMessageResponse, error) {
		return &messagesv1.SendMessageResponse{Message: &messagesv1.Message{
			Id: ids.Next(), ChannelId: q.GetChannelId(), Content: q.GetContent(), Nonce: q.GetNonce(),
		}}, nil
	})
}

// nonceless forgets the nonce of a send.
func nonceless() stack.Fault {
	return sometimes(func(q *messagesv1.SendMessageRequest, pass send) (*messagesv1.SendMessageResponse, error) {
		q.Nonce = ""
		return pass(q)
	})
}

// doubled sends again, as if nobody had asked before.
func doubled() stack.Fault {
	return sometimes(func(q *messagesv1.SendMessageRequest, pass send) (*messagesv1.SendMessageResponse, error) {
		again := proto.CloneOf(q)
		again.Nonce += "-again"
		if _, err := pass(again); err != nil {
			return nil, err
		}
		return pass(q)
	})
}

// frozenHeads keeps from those who deliver that a log moves.
func frozenHeads() stack.Fault {
	var mu sync.Mutex // guards known
	known := map[uint64]uint32{}
	return on(messagesv1.ChannelLog_GetHeads_FullMethodName, "realtime", func(q *messagesv1.GetHeadsRequest, pass heads) (*messagesv1.GetHeadsResponse, error) {
		a, err := pass(q)
		mu.Lock()
		defer mu.Unlock()
		for i := range a.GetHeads() {
			id := q.GetChannelIds()[i]
			if _, ok := known[id]; !ok {
				known[id] = a.GetHeads()[i]
			}
			a.Heads[i] = known[id]
		}
		return a, err
	})
}
