package realtime

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/beep-chat/beep"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/scopelog"
)

// user is a user with sessions on this node: how far the personal scope was read, and what it names.
type user struct {
	id      beep.UserID
	unwatch func() // of the personal scope's wake-ups

	// sessions is guarded by Node.mu. The value says whether the session has entered what the user belongs to: it is
	// then taken into what the user joins, and before that it finds this in belongs itself.
	sessions map[*Session]bool

	cursor atomic.Uint64 // moved by the reader only

	reading turn         // of the one reader of the personal scope; guards what is below
	belongs []beep.Scope // in the order joined
	closed  map[beep.ChannelID]*serversv1.DirectClosed
	threads map[beep.ChannelID]struct{} // that the user is a member of, there or not
}

// userOf finds or makes the user of a session, which counts as one of the user's from then on.
func (n *Node) userOf(id beep.UserID, s *Session) (*user, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	u := n.users[id]
	if u == nil {
		u = &user{
			id: id, sessions: map[*Session]bool{}, reading: newTurn(), closed: map[beep.ChannelID]*serversv1.DirectClosed{},
			threads: map[beep.ChannelID]struct{}{},
		}
		n.users[id] = u
		u.unwatch = n.peers.Bus.Subscribe(scopeTopic(beep.UserScope(id)), func([]byte) { n.later(func(ctx context.Context) { n.lookAt(ctx, u) }) })
	}
	// Under the lock that the session is counted under: many that are opened at once are all counted.
	if len(u.sessions) >= n.limits.SocketsPerUser {
		return nil, beep.Limited(beep.CodeRateLimited, "too many sessions at once", floodWindow)
	}
	u.sessions[s] = false
	return u, nil
}

func (n *Node) sessionsOf(id beep.UserID) []*Session {
	n.mu.Lock()
	defer n.mu.Unlock()
	u := n.users[id]
	if u == nil {
		return nil
	}
	out := make([]*Session, 0, len(u.sessions))
	for s := range u.sessions {
		out = append(out, s)
	}
	return out
}

// noteEntered marks a session that has entered what its user belongs to, unless its client has left meanwhile.
func (n *Node) noteEntered(u *user, s *Session) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, in := u.sessions[s]; in {
		u.sessions[s] = true
	}
}

// enteredOf is the sessions of a user that noteEntered marked.
func (n *Node) enteredOf(u *user) (out []*Session) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for s, entered := range u.sessions {
		if entered {
			out = append(out, s)
		}
	}
	return out
}

// forget takes a session that is gone off its user.
func (n *Node) forget(id beep.UserID, s *Session) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.sessions, s)
	u := n.users[id]
	if u == nil {
		return
	}
	delete(u.sessions, s)
	if len(u.sessions) == 0 {
		delete(n.users, id)
		go u.unwatch() // the bus has locks of its own
	}
}

// lookAt reads what is new in a personal scope: sessions enter scopes joined, and scopes left are followed,
// which removes the sessions from them. An error is left to the next sweep.
func (n *Node) lookAt(ctx context.Context, u *user) {
	if rev, err := n.fresh.Fresh(ctx, beep.UserScope(u.id)); err == nil {
		n.lookUpTo(ctx, u, rev)
	}
}

// lookUpTo leaves to the next sweep what it gets no turn for.
func (n *Node) lookUpTo(ctx context.Context, u *user, rev uint64) {
	if u.reading.take(ctx) != nil {
		return
	}
	defer u.reading.give()
	_ = n.readPersonal(ctx, u, rev) // what an error left unread is read again by the next sweep
}

// readPersonal reads a personal scope up to rev and acts on what is new, also when it could not read all of
// it: sessions that are connected enter scopes joined, and scopes left, or named again, are followed. The turn to read is
// the caller's.
func (n *Node) readPersonal(ctx context.Context, u *user, rev uint64) error {
	joined, left, err := n.listPersonal(ctx, u, rev)
	slices.SortFunc(joined, compareScopes)
	joined = slices.Compact(joined) // named once or a hundred times since, it is as it is now
	for _, id := range left {
		if sc := n.known(id); sc != nil {
			n.followFresh(ctx, sc)
		}
	}
	for _, id := range joined {
		followed := false
		for _, s := range n.enteredOf(u) {
			switch sc := n.known(id); {
			case id.Kind != beep.ScopeDirect || !sc.has(s):
				n.enterLive(ctx, s, id)
			case !followed: // something happened there, which following tells all who are in it
				n.followFresh(ctx, sc)
				followed = true
			}
		}
	}
	return err
}

func compareScopes(a, b beep.Scope) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
}

// has says whether a session is in a scope; a scope that this node does not follow has none.
func (sc *scope) has(s *Session) bool {
	if sc == nil {
		return false
	}
	sc.mu.RLock()
	defer sc.mu.RUnlock()
	_, in := sc.sessions[s]
	return in
}

// listPersonal applies the rows of a personal scope up to rev; the turn to read is the caller's.
func (n *Node) listPersonal(ctx context.Context, u *user, rev uint64) (joined, left []beep.Scope, err error) {
	for u.cursor.Load() < rev {
		resp, err := n.peers.Scopes.ListChanges(ctx, &serversv1.ListChangesRequest{
			Scope: scopelog.ToProto(beep.UserScope(u.id)), After: u.cursor.Load(),
		})
		if err != nil || len(resp.GetChanges()) == 0 {
			return joined, left, err
		}
		for _, c := range resp.GetChanges() {
			// A log has no holes. A row that does not follow means that one was missed, and to go on would miss it for
			// ever.
			if !u.cursor.CompareAndSwap(c.GetRev()-1, c.GetRev()) {
				return joined, left, beep.Unavailable(fmt.Errorf("personal scope of %s: row %d after %d", u.id, c.GetRev(), u.cursor.Load()))
			}
			n.tellOwn(u, c)
			// A kind of scope that a newer Beep made is nothing that this one can show.
			if to, err := scopelog.FromProto(c.GetScopeJoined()); err == nil {
				joined = append(joined, u.join(to))
			}
			if from, err := scopelog.FromProto(c.GetScopeLeft()); err == nil {
				left = append(left, u.part(from))
			}
		}
	}
	return joined, left, nil
}

// tellOwn takes over what is the user's own business in a row and tells the user's sessions; the turn to read is the
// caller's. Who has not entered yet finds it in "ready".
func (n *Node) tellOwn(u *user, row *serversv1.Change) {
	f, ok := u.own(row)
	if !ok {
		return
	}
	for _, s := range n.enteredOf(u) {
		s.push(f)
	}
}

// join notes that the user belongs to a scope; the turn to read is the caller's.
func (u *user) join(id beep.Scope) beep.Scope {
	if id.Kind != beep.ScopeDirect || !slices.Contains(u.belongs, id) { // which are named again and again, and in no order
		u.belongs = append(slices.DeleteFunc(u.belongs, func(x beep.Scope) bool { return x == id }), id)
	}
	return id
}

// part notes that the user belongs to it no more; the turn to read is the caller's.
func (u *user) part(id beep.Scope) beep.Scope {
	if id.Kind == beep.ScopeDirect {
		delete(u.closed, beep.ChannelID(id.ID)) // who comes back finds it open
	}
	u.belongs = slices.DeleteFunc(u.belongs, func(x beep.Scope) bool { return x == id })
	return id
}

// scopeTopic is where servers says that a scope's log has grown.
func scopeTopic(s beep.Scope) string { return "scope:" + s.String() }
