package authz

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/perm"
)

// ErrMoved is what Graph.Check answers about a scope that is at another stamp than the question names.
var ErrMoved = errors.New("the graph is at another stamp")

// Graph keeps the state of scopes outside of Beep and decides from it: the port to Permify. It is told of the state by
// a relay, and knows nothing of logs and Views. Scopes are of servers and of direct messages. An error of any method but
// ErrMoved means that no decision can be had now. Methods are safe for concurrent use.
type Graph interface {
	// Write sets the parts of a scope's state that s has, in place of what was there; the rest stays. It is one
	// transaction, or, where that is too much for one, several, between which the scope is at no stamp. When it answers
	// nil the scope is at s.Stamp; otherwise the outcome is unknown.
	Write(ctx context.Context, s State) error
	// Stamps are the stamps of the last Write of each scope, in the order asked; none for a scope that was never written,
	// or amid a Write.
	Stamps(ctx context.Context, scopes []beep.Scope) ([]Stamp, error)
	// Check decides as the scope is at a stamp; ErrMoved if it is at another. What somebody changed in the graph
	// behind the relay's back counts at once.
	Check(ctx context.Context, at Stamp, q Query) (Answer, error)
	// Get reads what there is of the parts that want has, in the same order; what is not there is as if removed.
	Get(ctx context.Context, want State) (State, error)
	// Scan calls f with parts of the state, until all that is there, of any scope, was in one. Removed things may be
	// left out.
	Scan(ctx context.Context, f func(State) error) error
	// Ping says whether the graph answers.
	Ping(ctx context.Context) error
}

// Query is a question about what a user holds in a scope.
type Query struct {
	Scope   beep.Scope
	User    beep.UserID
	Channel beep.ChannelID // or none, for the server as a whole
	Right   perm.Rights    // one right, or none to ask only whether the object is visible
}

// Answer answers a Query.
type Answer struct {
	Visible bool // the user may know of the object
	Allowed bool // and holds the right
}

// State is the state of a scope as perm has it, or part of it.
type State struct {
	Scope    beep.Scope
	Stamp    Stamp
	Top      *Top
	Roles    []perm.Role // without rights for one that was removed; positions are not kept
	Seats    []Seat
	Channels []Place
}

// Top is what is said of a scope as a whole.
type Top struct {
	Alive        bool          // the server was not removed
	Owner        beep.UserID   // of a server
	Participants []beep.UserID // of a direct message or group, sorted
	Blocked      bool          // of a direct message
}

// Seat is a user on a server.
type Seat struct {
	perm.Member
	There bool // is a member
}

// Place is a channel with its own overwrites.
type Place struct {
	perm.Channel
	There      bool
	Overwrites []perm.Overwrite // sorted by role and member
}

// size is how many things are in it.
func (s State) size() int {
	n := len(s.Roles) + len(s.Seats) + len(s.Channels)
	if s.Top != nil {
		n++
	}
	return n
}

// Stamp names a write of a relay. Two writes have never the same, so that a write which comes late, or of another relay,
// is not taken for the one that was waited for.
type Stamp struct {
	Rev   uint64 // of the scope, whose state this is
	Nonce string
}

// NewStamp is a stamp that there never was.
func NewStamp(rev uint64) Stamp { return Stamp{rev, rand.Text()} }

// String is the stamp as a graph keeps it; none for none.
func (s Stamp) String() string {
	if s == (Stamp{}) {
		return ""
	}
	return strconv.FormatUint(s.Rev, 10) + "-" + s.Nonce
}

// ParseStamp is the stamp that String wrote.
func ParseStamp(text string) (Stamp, error) {
	if text == "" {
		return Stamp{}, nil
	}
	rev, nonce, ok := strings.Cut(text, "-")
	n, err := strconv.ParseUint(rev, 10, 64)
	if err != nil || !ok || nonce == "" {
		return Stamp{}, fmt.Errorf("a stamp of a scope is %.80q", text)
	}
	return Stamp{n, nonce}, nil
}
