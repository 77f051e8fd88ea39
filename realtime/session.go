package realtime

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/beep-chat/beep"
)

// Outbox takes what a session is sent, in order, without blocking, and loses nothing until it is closed.
// Production has a WebSocket behind it, the model test a client of its own.
type Outbox interface {
	// Push queues a frame. An outbox that is full closes itself.
	Push(Frame)
	// Close sends what is queued if it can, and ends the session.
	Close(code uint16, reason string)
}

// Close codes, as docs/realtime.md lists them. Those below 4000 are RFC 6455's (7.4.1) and the IANA registry's; 4000
// and above are free for applications.
const (
	closeGoingAway = 1012
	closePolicy    = 1008
	closeFault     = 1011
	closeTooSlow   = 1013
	closeToken     = 4401
	closeFlood     = 4429
)

// Session is one client that has connected. It becomes a member of scopes and channels once it has identified.
type Session struct {
	id     string
	out    Outbox
	limit  int // bytes that are held back before "ready"
	opened time.Time

	lastSeen    atomic.Int64 // unix ms of the last frame from the client
	identifying atomic.Bool  // while it is found out who it is, which is ours to hurry

	mu sync.Mutex // guards everything below
	// holding collects frames until "ready" has been queued before them.
	holding bool
	held    []Frame
	bytes   int            // of held
	user    beep.UserID    // 0 until identified
	signIn  beep.SessionID // at the OpenID Provider
	token   string
	expires time.Time
	warned  bool // token_expiring was sent for this token
	status  string
	frames  int // client frames since frameAt, against floods
	frameAt time.Time
	typedAt map[beep.ChannelID]time.Time
	scopes  []*scope // that it is a member of
	gone    bool     // its client has left
}

// push queues f for the client, behind "ready". The lock is held over Outbox.Push, which does not block, so frames
// are queued in the order of the calls. What is held back is bounded like the outbox: where a peer is slow to say what
// "ready" needs, busy channels would fill the memory of the node for every session that waits.
func (s *Session) push(f Frame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.holding:
		s.out.Push(f)
	case s.bytes <= s.limit:
		s.held = append(s.held, f)
		s.bytes += len(f.data)
	case !f.ephemeral && s.held != nil:
		s.held = nil // and stays full: nothing behind a gap is for this client
		s.out.Close(closeTooSlow, "too slow, resume")
	}
}

// hold keeps frames back until release.
func (s *Session) hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holding = true
}

// release queues first, unless it is empty, and then all that was held back for it.
func (s *Session) release(first Frame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(first.data) > 0 {
		s.out.Push(first)
	}
	for _, f := range s.held {
		s.out.Push(f)
	}
	s.holding, s.held, s.bytes = false, nil, 0
}

// become makes the session that of a user, whose frames wait for "ready" from then on. A client that has left becomes
// nobody any more: what its leaving undid would be done again, and stay.
func (s *Session) become(c beep.Caller, token string, expires time.Time, status string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return false
	}
	s.user, s.signIn, s.token, s.expires = c.User, c.Session, token, expires
	s.status, s.holding = status, true
	return true
}

func (s *Session) identity() beep.UserID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.user
}

const (
	floodFrames = 120 // frames a client may send in floodWindow
	floodWindow = 10 * time.Second
	typingEvery = 2 * time.Second // a typing frame sooner after the last one in its channel is dropped
)

// touch notes a frame from the client and says whether it is one too many.
func (s *Session) touch(now time.Time) (flood bool) {
	s.lastSeen.Store(now.UnixMilli())
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.frameAt) > floodWindow {
		s.frameAt, s.frames = now, 0
	}
	s.frames++
	return s.frames > floodFrames
}

// mayType says whether a typing frame goes out now.
func (s *Session) mayType(ch beep.ChannelID, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	// All are forgotten at once, and a frame goes out too soon at worst.
	if s.typedAt == nil || len(s.typedAt) > 32 {
		s.typedAt = map[beep.ChannelID]time.Time{}
	}
	if now.Sub(s.typedAt[ch]) < typingEvery {
		return false
	}
	s.typedAt[ch] = now
	return true
}

// stay notes that the session is in a scope; a client that has left does not enter any more.
func (s *Session) stay(sc *scope) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return false
	}
	if !slices.Contains(s.scopes, sc) {
		s.scopes = append(s.scopes, sc)
	}
	return true
}

// scopeList is a copy: a scope's lock is taken before s.mu and never under it.
func (s *Session) scopeList() []*scope {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.scopes)
}
