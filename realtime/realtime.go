// Package realtime keeps the sockets: it fans the channel logs out to sessions, keeps their permissions
// current, and lets them catch up. It stores nothing: after a crash clients resume on any other node.
//
// It implements rules 8 to 12 of the log's protocol (docs/realtime.md is the client's side): wake-ups may
// be lost, doubled and reordered, and nothing is sent under a View older than the content needs. Start
// reading with scope.go, where both are held together by one lock.
//
// What runs: for each socket a reader, and a writer while there is something to write; for each channel with something
// new one worker; and for the node its sweeps, its gossip and the police of late and silent clients. Whatever a client,
// a wake-up or the revocation feed sets going is started by start or later, which drain waits for.
package realtime

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/beep-chat/beep"
	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	realtimev1 "github.com/beep-chat/beep/api/beep/realtime/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	usersv1 "github.com/beep-chat/beep/api/beep/users/v1"
	"github.com/beep-chat/beep/kit/bus"
	"github.com/beep-chat/beep/kit/rpc"
	"github.com/beep-chat/beep/scopelog"
)

// Tokens says what an access token is worth; kit/oidc's Verifier does.
type Tokens interface {
	// Verify answers whose token it is and when it ends, or an Unauthenticated error.
	Verify(ctx context.Context, token string) (c beep.Caller, expires time.Time, err error)
}

// Deps is what a node needs.
type Deps struct {
	Scopes  serversv1.ScopeLogClient
	Log     messagesv1.ChannelLogClient
	Users   usersv1.UsersClient
	Tokens  Tokens
	Minter  *rpc.Minter // of the identities under which a session's own profile is asked for
	Bus     bus.Bus
	Limits  beep.Limits
	Logger  *slog.Logger
	Origins []string      // pages of these origins may connect besides our own
	Sweep   time.Duration // how often everything is asked for without a wake-up; 0 is 1 s
}

// Node is one process's realtime service.
type Node struct {
	peers    Deps
	name     string // of this node, in presence gossip
	limits   beep.Limits
	origins  []string
	fresh    *scopelog.Log
	present  *presences
	resuming chan struct{} // a place for each session that resumes now
	draining atomic.Bool
	wait     sync.WaitGroup // sockets' readers and writers, workers, attaches
	//nolint:containedctx // work started by a wake-up belongs to the node, not to a request
	life context.Context
	stop context.CancelFunc

	starting sync.Mutex // guards ended
	ended    bool       // nothing is started any more

	mu       sync.Mutex // guards the maps; never held over a call or while taking another lock
	sessions map[*Session]struct{}
	users    map[beep.UserID]*user
	scopes   map[beep.Scope]*scope
	channels map[beep.ChannelID]*channel
}

// resumesAtOnce bounds the sessions that load their state at the same time; the others wait.
const resumesAtOnce = 64

// New makes a node that serves as soon as Run runs.
func New(d Deps) (*Node, error) {
	if d.Scopes == nil || d.Log == nil || d.Users == nil || d.Tokens == nil || d.Minter == nil || d.Bus == nil || d.Logger == nil {
		return nil, errors.New("realtime: a dependency is missing")
	}
	if d.Sweep == 0 {
		d.Sweep = time.Second
	}
	n := &Node{
		peers: d, name: rand.Text(), limits: d.Limits, origins: d.Origins, fresh: scopelog.New(d.Scopes),
		resuming: make(chan struct{}, resumesAtOnce),
		sessions: map[*Session]struct{}{}, users: map[beep.UserID]*user{},
		scopes: map[beep.Scope]*scope{}, channels: map[beep.ChannelID]*channel{},
	}
	n.present = newPresences(n.name)
	// Ended by drain alone. What a wake-up began has no request to end with.
	n.life, n.stop = context.WithCancel(context.Background())
	return n, nil
}

// Open starts a session for a client that has connected.
func (n *Node) Open(out Outbox) *Session {
	s := &Session{id: rand.Text()[:12], out: out, limit: n.limits.SendQueueBytes, opened: time.Now()}
	// As if it had just spoken: its silence counts from here on.
	s.lastSeen.Store(s.opened.UnixMilli())
	n.mu.Lock()
	n.sessions[s] = struct{}{}
	n.mu.Unlock()
	s.push(encode("hello", &realtimev1.Hello{HeartbeatInterval: uint32(n.limits.Heartbeat.Milliseconds())}))
	// Either the drain finds it among the sessions, or it finds the drain begun: nobody waits for one that stays.
	if n.draining.Load() {
		n.sendAway(s)
	}
	return s
}

// Receive handles one frame of a client. The next frame of this client waits until it returns, and no other client's
// does.
func (n *Node) Receive(s *Session, payload []byte) {
	if s.touch(time.Now()) {
		s.out.Close(closeFlood, "too many frames")
		return
	}
	op, d, err := decode(payload)
	if err == nil {
		ctx, cancel := context.WithTimeout(n.life, callTimeout)
		defer cancel()
		err = n.handle(ctx, s, op, d)
	}
	if err != nil {
		n.refuse(s, op, d, err)
	}
}

// callTimeout bounds what one frame may cause.
const callTimeout = 10 * time.Second

func (n *Node) handle(ctx context.Context, s *Session, op string, d proto.Message) error {
	identified := s.identity() != 0
	if m, ok := d.(*realtimev1.Identify); ok {
		if identified {
			s.out.Close(closePolicy, "identify comes once")
			return nil
		}
		// While this is so police does not count: it is we who take the time.
		s.identifying.Store(true)
		defer s.identifying.Store(false)
		return n.awaited(s, n.identify(ctx, s, m))
	}
	if _, ok := d.(*emptypb.Empty); ok {
		// That it came, touch has noted.
		s.push(heartbeatAck)
		return nil
	}
	if !identified {
		return beep.Invalid(beep.CodeNotIdentified, "identify comes first")
	}
	switch m := d.(type) {
	case *realtimev1.RenewToken:
		return n.renew(ctx, s, m.GetToken())
	case *realtimev1.Since:
		return n.awaited(s, n.ask(ctx, s, beep.ChannelID(m.GetChannelId()), m.GetR()))
	case *realtimev1.StartTyping:
		return n.typing(ctx, s, beep.ChannelID(m.GetChannelId()))
	case *realtimev1.SetStatus:
		return n.setStatus(ctx, s, m.GetStatus())
	}
	return beep.Invalid(beep.CodeUnknownOp, "there is no op "+op)
}

// awaited is what becomes of a frame that the client sends once and then waits for. Where it was not refused, but cannot
// be answered now, the client is sent away: it comes again and resumes, and would otherwise wait for ever.
func (n *Node) awaited(s *Session, err error) error {
	known, ok := errors.AsType[*beep.Error](err)
	if err == nil || (ok && known.Kind != beep.KindUnavailable && known.Kind != beep.KindInternal) {
		return err
	}
	n.peers.Logger.Warn("frame not answered", "session", s.id, "error", err)
	s.out.Close(closeGoingAway, "try again")
	return nil
}

// heartbeatAck is made once, since it says nothing of anybody.
var heartbeatAck = encode("heartbeat_ack", &emptypb.Empty{})

// refuse tells the client that a frame had no effect. A bad token ends the session: a client that cannot
// prove who it is has nothing to wait for.
func (n *Node) refuse(s *Session, op string, d proto.Message, err error) {
	var known *beep.Error
	if !errors.As(err, &known) {
		n.peers.Logger.Error("frame failed", "op", op, "error", err)
		// A client can do no more about a fault of ours than come again.
		known = beep.Unavailable(err)
	}
	if known.Kind == beep.KindUnauthenticated {
		s.out.Close(closeToken, string(known.Code))
		return
	}
	r := &realtimev1.Refused{Code: string(known.Code), Message: known.Msg, Op: op}
	if m, ok := d.(interface{ GetChannelId() uint64 }); ok {
		r.ChannelId = m.GetChannelId()
	}
	s.push(encode("error", r))
}

// renew replaces the token of a session; it must be the same user's.
func (n *Node) renew(ctx context.Context, s *Session, token string) error {
	c, expires, err := n.peers.Tokens.Verify(ctx, token)
	if err != nil {
		return err
	}
	// All that the session is registered in was granted to that user.
	if c.User != s.identity() {
		return beep.Unauthenticated(beep.CodeInvalidToken, "that token is somebody else's")
	}
	s.mu.Lock()
	s.signIn, s.token, s.expires, s.warned = c.Session, token, expires, false
	s.mu.Unlock()
	// Once more, as in identify: a revocation of the new token that came before the session had it looked at the old one.
	_, _, err = n.peers.Tokens.Verify(ctx, token)
	return err
}

// Revoked is told by the revocation feed that tokens of a sign-in session or of a user may have ended; the
// sockets whose token has are closed at once.
func (n *Node) Revoked(signIn beep.SessionID, who beep.UserID) {
	for _, s := range n.all() {
		s.mu.Lock()
		token, concerned := s.token, s.user != 0 && (s.user == who || (signIn != 0 && s.signIn == signIn))
		s.mu.Unlock()
		if !concerned {
			continue
		}
		// On a goroutine of its own: the feed that calls must not be held up, and Verify may ask a peer.
		n.later(func(ctx context.Context) {
			switch _, _, err := n.peers.Tokens.Verify(ctx, token); {
			case err == nil:
			case beep.CodeOf(err) == beep.CodeUnavailable: // no socket stays on a guess, and nobody is signed out by one
				s.out.Close(closeGoingAway, "try again")
			default:
				s.out.Close(closeToken, "revoked")
			}
		})
	}
}

// all is every session, identified or not.
func (n *Node) all() []*Session {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Collect(maps.Keys(n.sessions))
}

// Leave forgets a session whose client is gone. gone is set before anything is undone: whatever is on its way in sees
// it (become, stay), or is in the list below.
func (n *Node) Leave(s *Session) {
	s.mu.Lock()
	who := s.user
	s.gone = true
	s.mu.Unlock()
	n.forget(who, s)
	for _, sc := range s.scopeList() {
		sc.drop(s)
	}
	// Last, when the session counts no more for what its user is seen as.
	if who != 0 {
		n.announce(who)
	}
}
