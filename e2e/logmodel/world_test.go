package logmodel

import (
	"context"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	usersv1 "github.com/beep-chat/beep/api/beep/users/v1"
	"github.com/beep-chat/beep/authz"
	"github.com/beep-chat/beep/kit/limit"
	"github.com/beep-chat/beep/kit/rpc"
	"github.com/beep-chat/beep/messages"
	"github.com/beep-chat/beep/realtime"
	"github.com/beep-chat/beep/servers"
	"github.com/beep-chat/beep/servers/grpcapi"
)

// The names of the targets, as their certificates have them.
const (
	targetServers  = "servers"
	targetAuthz    = "authz"
	targetMessages = "messages"
	targetRealtime = "realtime"
	edgeName       = "gateway"
)

// owner is the user who owns the server; the others are members that come and go.
const owner = beep.UserID(101)

// world is one installation, its people, and what they were told.
type world struct {
	*dice

	plant  Plant
	floods bool
	ledger *ledger
	bus    *bus
	log    messages.Store // as the judge reads it
	limits beep.Limits

	roots            *rpc.Verifier
	atEdge, atSocket *rpc.Minter
	edge             *proc // of those who call from outside; never dies

	servers, deciders, replicas, sockets pool
	nodes                                sync.Map // of *proc: its *realtime.Node

	ctx   context.Context //nolint:containedctx // the life of everything in here
	end   context.CancelFunc
	lives sync.WaitGroup // of processes and people
	calls sync.WaitGroup // under way; waited for once the lives have ended
	late  sync.WaitGroup // inserts

	server   uint64
	code     string // an invitation
	channels []uint64
	people   []*member

	starting sync.Mutex // guards what follows
	broken   error      // a process that could not be made
	writers  []*proc    // every replica that there ever was
}

func newWorld(ctx context.Context, site *Site, seed uint64, plant Plant) (*world, error) {
	w := &world{
		dice: newDice(seed), plant: plant, floods: site.Floods, ledger: newLedger(), log: site.messages, limits: beep.DefaultLimits(),
		roots: rpc.NewVerifier(site.ca.Pool()),
	}
	// Nobody here is to be slowed down; that clients send much is the point.
	w.limits.MessageRate, w.limits.EditRate = 1<<20, 1<<20
	w.bus = &bus{w: w}
	w.bus.muted.Store(plant.deaf)
	w.ctx, w.end = context.WithCancel(ctx)
	var err error
	if w.atEdge, err = minter(site.ca, edgeName); err != nil {
		return nil, err
	}
	if w.atSocket, err = minter(site.ca, targetRealtime); err != nil {
		return nil, err
	}
	if plant.store != nil {
		w.log = plant.store(w.log)
	}
	var scopes servers.Store = site.servers
	if plant.scopes != nil {
		scopes = plant.scopes(scopes)
	}
	w.edge = w.proc()
	for range 2 {
		w.servers.procs = append(w.servers.procs, w.startServers(scopes))
		w.deciders.procs = append(w.deciders.procs, w.startAuthz())
		w.replicas.procs = append(w.replicas.procs, w.startMessages())
	}
	for range 3 {
		w.sockets.procs = append(w.sockets.procs, w.startRealtime())
	}
	if w.broken != nil {
		return nil, w.broken
	}
	return w, w.settle(ctx)
}

func minter(ca *rpc.CA, service string) (*rpc.Minter, error) {
	cert, err := ca.Issue(service)
	if err != nil {
		return nil, err
	}
	return rpc.NewMinter(cert)
}

// proc is a process on which nothing runs yet.
func (w *world) proc() *proc {
	local := rpc.NewLocal(rpc.Options{Verifier: w.roots, Policy: rpc.Policy{
		serversv1.Servers_ServiceDesc.ServiceName:     {Callers: []string{edgeName}},
		serversv1.Moderation_ServiceDesc.ServiceName:  {Callers: []string{edgeName}},
		serversv1.ScopeLog_ServiceDesc.ServiceName:    {Callers: []string{targetAuthz, targetRealtime}, Guest: true},
		messagesv1.Messages_ServiceDesc.ServiceName:   {Callers: []string{edgeName}},
		messagesv1.ChannelLog_ServiceDesc.ServiceName: {Callers: []string{targetRealtime}, Guest: true},
		authzv1.Authz_ServiceDesc.ServiceName:         {Callers: []string{targetServers, targetMessages}, Guest: true},
	}})
	return &proc{local: local, dead: make(chan struct{}), over: make(chan struct{}), cancel: func() {}}
}

// run is the background work of a process for as long as it lives.
func (w *world) run(p *proc, work func(context.Context) error) {
	ctx, cancel := context.WithCancel(w.ctx)
	p.cancel = cancel
	w.lives.Go(func() {
		defer close(p.over)
		_ = work(ctx)
	})
}

// begun is a process with its service on it, or notes why there is none.
func (w *world) begun(p *proc, err error, work func(context.Context) error) *proc {
	if err != nil {
		w.starting.Lock()
		defer w.starting.Unlock()
		w.broken = err
		return p
	}
	w.run(p, work)
	return p
}

func (w *world) startServers(store servers.Store) *proc {
	p := w.proc()
	s, err := grpcapi.New(servers.Deps{
		Store: store, Authz: authzv1.NewAuthzClient(wire{w, targetServers, &w.deciders, p}), ChannelLog: messagesv1.NewChannelLogClient(nil), Bus: w.bus.end(p), Limits: w.limits,
		Messages: messagesv1.NewMessagesClient(nil), // which nothing in a schedule needs
		Minter:   beep.NewMinter(), Log: discard(),
	})
	if err == nil {
		s.Register(p.local)
	}
	return w.begun(p, err, s.Run)
}

func (w *world) startAuthz() *proc {
	p := w.proc()
	s, err := authz.New(authz.Deps{Scopes: serversv1.NewScopeLogClient(wire{w, targetAuthz, &w.servers, p})})
	if err == nil {
		s.Register(p.local)
	}
	return w.begun(p, err, s.Run)
}

func (w *world) startMessages() *proc {
	p := w.proc()
	w.starting.Lock()
	w.writers = append(w.writers, p)
	w.starting.Unlock()
	store := w.log
	if w.plant.own != nil {
		store = w.plant.own(store)
	}
	s, err := messages.New(messages.Deps{
		Store: &shaky{store, w, p}, Authz: authzv1.NewAuthzClient(wire{w, targetMessages, &w.deciders, p}), Bus: w.bus.end(p),
		Throttle: limit.NewMemory(), Limits: w.limits, Minter: beep.NewMinter(), Log: discard(),
	})
	if err == nil {
		s.Register(p.local)
	}
	return w.begun(p, err, s.Run)
}

// sweepEvery is how often nodes look by themselves: often enough that a schedule has many sweeps, not so often that
// nothing is left for the wake-ups.
const sweepEvery = 100 * time.Millisecond

func (w *world) startRealtime() *proc {
	p := w.proc()
	sweep := sweepEvery
	if w.plant.sweep > 0 {
		sweep = w.plant.sweep
	}
	n, err := realtime.New(realtime.Deps{
		Scopes: serversv1.NewScopeLogClient(wire{w, targetRealtime, &w.servers, p}),
		Log:    messagesv1.NewChannelLogClient(wire{w, targetRealtime, &w.replicas, p}),
		Users:  profiles{}, Tokens: names{}, Minter: w.atSocket, Bus: w.bus.end(p), Limits: w.limits, Logger: discard(), Sweep: sweep,
	})
	w.nodes.Store(p, n)
	return w.begun(p, err, n.Run)
}

// crash ends a process at any point and starts another in its place. Those of servers stay: a change of who may see what
// that commits after its caller gave up would leave nobody who could say what is allowed.
func (w *world) crash() {
	switch w.upTo(5) {
	case 0:
		w.deciders.replace(w.upTo(2), w.startAuthz())
	case 1, 2:
		w.replicas.replace(w.upTo(2), w.startMessages())
	default:
		w.sockets.replace(w.upTo(3), w.startRealtime())
	}
	w.ledger.count(func(s *Stats) { s.Crashes++ })
}

// stop ends everything and waits until nothing of it is left.
func (w *world) stop() {
	w.end()
	for _, p := range []*pool{&w.sockets, &w.replicas, &w.deciders, &w.servers} {
		p.mu.Lock()
		for _, one := range p.procs {
			one.kill()
		}
		p.mu.Unlock()
	}
	w.lives.Wait()
	w.calls.Wait()
}

// profiles knows everyone: who people are is not what a schedule is about.
type profiles struct{ usersv1.UsersClient }

// ListUsers answers whoever is asked for.
func (profiles) ListUsers(_ context.Context, r *usersv1.ListUsersRequest, _ ...grpc.CallOption) (*usersv1.ListUsersResponse, error) {
	answer := &usersv1.ListUsersResponse{}
	for _, id := range r.GetIds() {
		answer.Users = append(answer.Users, &usersv1.Profile{Id: id, Username: "u" + strconv.FormatUint(id, 10)})
	}
	return answer, nil
}

// names takes a user's number for a token.
type names struct{}

// Verify believes everyone.
func (names) Verify(_ context.Context, token string) (beep.Caller, time.Time, error) {
	id, err := strconv.ParseUint(token, 10, 64)
	if err != nil {
		return beep.Caller{}, time.Time{}, beep.Unauthenticated(beep.CodeInvalidToken, "no number")
	}
	return beep.Caller{User: beep.UserID(id), Session: 1}, time.Now().Add(time.Hour), nil
}

// asIn is the context of a request that a user makes at the edge.
func (w *world) asIn(ctx context.Context, user beep.UserID) context.Context {
	with, err := rpc.WithIdentity(ctx, w.atEdge, beep.Caller{User: user, Session: 1})
	if err != nil {
		w.ledger.fault("an identity: %v", err)
		return ctx
	}
	return with
}
