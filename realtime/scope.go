package realtime

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/beep-chat/beep"
	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	realtimev1 "github.com/beep-chat/beep/api/beep/realtime/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/scopelog"
)

// scope is a server, or a direct message, as this node knows it: its View, what its rows say besides, and which sessions
// are in which of its channels.
//
// One lock makes the promise of rule 9: registrations are changed only together with the View, and frames
// are queued only under the lock that the View was looked at. So a session that is registered in a channel
// is one that the View, as it stands, lets see it, and there is no step between check and enqueue.
//
// Locks are taken in this order: scope, then channel or session, then outbox. Under Node.mu none of them is taken.
type scope struct {
	id      beep.Scope
	unwatch func()

	following turn // of the one reader of the log

	mu       sync.RWMutex // guards everything below, the channels' subs included; held for no call
	view     *perm.View
	server   *serversv1.Server
	roles    map[uint64]*serversv1.Role
	members  map[beep.UserID]*serversv1.Member
	listed   map[beep.ChannelID]listing
	channels map[beep.ChannelID]*channel
	sessions map[*Session]perm.Rights // with the rights on the server that the client was told
	gone     bool                     // the server was removed
	empty    int                      // sweeps without a session
	dropped  bool                     // this node follows it no more; another scope may have taken its place
}

func newScope(id beep.Scope) *scope {
	return &scope{
		id: id, view: perm.NewView(id), roles: map[uint64]*serversv1.Role{}, members: map[beep.UserID]*serversv1.Member{},
		listed: map[beep.ChannelID]listing{}, channels: map[beep.ChannelID]*channel{},
		sessions: map[*Session]perm.Rights{}, following: newTurn(),
	}
}

// known is a scope that this node follows, or nil.
func (n *Node) known(id beep.Scope) *scope {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.scopes[id]
}

// scope is the scope with that id, followed from now on but perhaps not loaded yet.
func (n *Node) scope(id beep.Scope) *scope {
	n.mu.Lock()
	defer n.mu.Unlock()
	sc := n.scopes[id]
	if sc == nil {
		sc = newScope(id)
		n.scopes[id] = sc
		if id.Kind == beep.ScopeDirect { // whose every change the personal scopes of all who are in it tell
			sc.unwatch = func() {}
			return sc
		}
		// A wake-up says that there is something, not what: followFresh asks how far the scope is.
		sc.unwatch = n.peers.Bus.Subscribe(scopeTopic(id), func([]byte) {
			n.later(func(ctx context.Context) { n.followFresh(ctx, sc) })
		})
	}
	return sc
}

// maxEmpty is the number of sweeps that a scope without sessions is kept warm for.
const maxEmpty = 60

// drowse says whether a scope has been without sessions for so long that the node lets go of it.
func (sc *scope) drowse() bool {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	if len(sc.sessions) > 0 {
		sc.empty = 0
		return false
	}
	sc.empty++
	sc.dropped = sc.empty > maxEmpty
	return sc.dropped
}

// release lets go of a scope that drowses.
func (n *Node) release(sc *scope) {
	n.mu.Lock()
	// Another may be in its place by now.
	if n.scopes[sc.id] == sc {
		delete(n.scopes, sc.id)
	}
	n.mu.Unlock()
	sc.unwatch()
}

func (sc *scope) rev() uint64 {
	sc.mu.RLock()
	defer sc.mu.RUnlock()
	return sc.view.Rev()
}

// followFresh advances a scope to what its rev is now. Errors are left to the next sweep.
func (n *Node) followFresh(ctx context.Context, sc *scope) {
	if rev, err := n.fresh.Fresh(ctx, sc.id); err == nil {
		_ = n.follow(ctx, sc, rev)
	}
}

// follow advances the View of a scope to at least rev (rule 3). As it moves, who lost a channel is told at
// once and who gained one is attached.
func (n *Node) follow(ctx context.Context, sc *scope, rev uint64) error {
	// Without the turn: for nearly every frame the View is new enough.
	if sc.rev() >= rev {
		return nil
	}
	if err := sc.following.take(ctx); err != nil {
		return fmt.Errorf("follow scope %s to %d: %w", sc.id, rev, err)
	}
	defer sc.following.give()
	for from := sc.rev(); from < rev; from = sc.rev() {
		resp, err := n.peers.Scopes.ListChanges(ctx, &serversv1.ListChangesRequest{Scope: scopelog.ToProto(sc.id), After: from})
		if err != nil {
			return fmt.Errorf("follow scope %s from %d: %w", sc.id, from, err)
		}
		gained, joined, err := sc.advance(resp.GetChanges())
		if err != nil {
			// They would fit as little the next time.
			n.abandon(sc)
			return fmt.Errorf("follow scope %s from %d: %w", sc.id, from, err)
		}
		if from > 0 { // whoever enters a scope that is only loaded now is told of all its members
			n.present.tellAgain(joined)
		}
		n.attachLater(sc, gained)
		// The log answers less than the revision that it named. What needs that revision is not shown.
		if sc.rev() == from {
			return beep.Unavailable(fmt.Errorf("scope %s is at %d of %d", sc.id, from, rev))
		}
	}
	return nil
}

// abandon gives up a scope whose rows do not fit each other: its sessions resume, with a View built anew.
func (n *Node) abandon(sc *scope) {
	// First, so that whoever comes back from here on builds another.
	n.release(sc)
	sc.mu.Lock()
	defer sc.mu.Unlock()
	sc.dropped = true
	for s := range sc.sessions {
		s.out.Close(closeGoingAway, "try again")
	}
}

// gain is a channel that a session may see now and is not registered in.
type gain struct {
	s  *Session
	ch beep.ChannelID
}

// advance applies rows to the View and settles what they change for the sessions here, in one critical section.
func (sc *scope) advance(rows []*serversv1.Change) (gained []gain, joined []beep.UserID, err error) {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	var d diff
	for _, row := range rows {
		if row.GetRev() <= sc.view.Rev() {
			continue
		}
		change, err := scopelog.Change(sc.id, row)
		if err != nil {
			return nil, nil, err
		}
		affects, err := sc.view.Apply(change)
		if err != nil {
			return nil, nil, err
		}
		d.add(affects)
		if sc.id.Kind == beep.ScopeDirect {
			sc.mirrorDirectLocked(row, &d)
			continue
		}
		sc.mirrorLocked(row, &d)
	}
	sc.regroupLocked(&d)
	return sc.settleLocked(&d), d.joined, nil
}

// mirrorLocked takes over what a row says besides permissions, and tells those whom it concerns whatever they see.
func (sc *scope) mirrorLocked(row *serversv1.Change, d *diff) {
	switch k := row.GetKind().(type) {
	case *serversv1.Change_ServerSet:
		sc.server = k.ServerSet
		sc.tellLocked(encode("server_updated", &realtimev1.ServerUpdated{Server: k.ServerSet}))
	case *serversv1.Change_ServerRemoved:
		sc.gone = true
		d.whole = true
	case *serversv1.Change_RoleSet:
		sc.roles[k.RoleSet.GetId()] = k.RoleSet
		sc.tellLocked(encode("role_updated", &realtimev1.RoleUpdated{Role: k.RoleSet}))
	case *serversv1.Change_RoleRemoved:
		sc.forgetRoleLocked(k.RoleRemoved.GetId())
		sc.tellLocked(encode("role_removed", &realtimev1.RoleRemoved{ServerId: sc.id.ID, RoleId: k.RoleRemoved.GetId()}))
	case *serversv1.Change_MemberSet:
		who := beep.UserID(k.MemberSet.GetUserId())
		if sc.members[who] == nil {
			d.joined = append(d.joined, who)
		}
		sc.members[who] = k.MemberSet
		sc.tellLocked(encode("member_updated", &realtimev1.MemberUpdated{Member: k.MemberSet}))
	case *serversv1.Change_MemberRemoved:
		who := beep.UserID(k.MemberRemoved.GetId())
		delete(sc.members, who)
		d.users = append(d.users, who)
		// Before the others are told, so that the user is not among them.
		sc.expelLocked(who)
		sc.tellLocked(encode("member_removed", &realtimev1.MemberRemoved{ServerId: sc.id.ID, UserId: uint64(who)}))
	case *serversv1.Change_ChannelSet:
		// Told by settleLocked, which goes by who sees it.
		sc.listLocked(d, listing{channel: k.ChannelSet})
	case *serversv1.Change_ChannelRemoved:
		sc.unlistLocked(d, beep.ChannelID(k.ChannelRemoved.GetId()))
	case *serversv1.Change_ThreadSet:
		sc.listLocked(d, listing{thread: k.ThreadSet})
	case *serversv1.Change_ThreadRemoved:
		sc.unlistLocked(d, beep.ChannelID(k.ThreadRemoved.GetId()))
	}
}

// forgetRoleLocked takes a role from everyone who has it. A member's state is shared with frames in flight, so it is
// replaced, not changed.
func (sc *scope) forgetRoleLocked(id uint64) {
	delete(sc.roles, id)
	for who, m := range sc.members {
		if !slices.Contains(m.GetRoleIds(), id) {
			continue
		}
		without := proto.CloneOf(m)
		without.RoleIds = slices.DeleteFunc(without.GetRoleIds(), func(role uint64) bool { return role == id })
		sc.members[who] = without
	}
}

// tellLocked sends a frame to every session in the scope.
func (sc *scope) tellLocked(f Frame) {
	for s := range sc.sessions {
		s.push(f)
	}
}

// expelLocked takes a user's sessions out of the scope; server_removed stands for all its channels.
func (sc *scope) expelLocked(who beep.UserID) {
	gone := encode("server_removed", &realtimev1.ServerRemoved{ServerId: sc.id.ID})
	if sc.id.Kind == beep.ScopeDirect {
		gone = encode("channel_removed", &realtimev1.ChannelRemoved{ChannelId: sc.id.ID})
	}
	for s := range sc.sessions {
		if s.identity() == who {
			// Dropped first, so that nothing of the server can be queued behind the frame that takes it away.
			sc.dropLocked(s)
			s.push(gone)
		}
	}
}

// drop takes a session that is gone out of the scope and its channels.
func (sc *scope) drop(s *Session) {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	sc.dropLocked(s)
}

// dropLocked looks into every channel: what the session was registered in is written there alone.
func (sc *scope) dropLocked(s *Session) {
	delete(sc.sessions, s)
	for _, ch := range sc.channels {
		ch.unregister(s)
	}
}

// stateLocked is a server as one member sees it, presence aside.
func (sc *scope) stateLocked(who beep.UserID) *realtimev1.ServerState {
	st := &realtimev1.ServerState{Server: sc.server, Me: sc.members[who], Rights: sc.view.Rights(who).Names()}
	for _, r := range sc.roles {
		st.Roles = append(st.Roles, r)
	}
	sortRoles(st.Roles)
	return st
}

// deliver queues a frame of entries up to last for everyone registered in the channel. The View has been
// advanced to at least e; that it stands there is checked under the lock that the queueing happens under.
func (sc *scope) deliver(ch *channel, f Frame, last uint32, e uint64) bool {
	sc.mu.RLock()
	defer sc.mu.RUnlock()
	if sc.view.Rev() < e {
		return false
	}
	for s := range ch.subs {
		s.push(f)
	}
	// With the frame queued and under the same lock: whoever registers next finds have where this frame ends.
	ch.setHave(last)
	return true
}

// answer queues a frame for one session, if it is still registered in the channel under a View of at least e.
func (sc *scope) answer(ch *channel, s *Session, f Frame, e uint64) {
	sc.mu.RLock()
	defer sc.mu.RUnlock()
	if _, in := ch.subs[s]; in && sc.view.Rev() >= e {
		s.push(f)
	}
}

// newest is the revision that the entries need of a View.
func newest(entries []*messagesv1.LogEntry) (e uint64) {
	for _, x := range entries {
		e = max(e, x.GetVe())
	}
	return e
}

func (sc *scope) memberIDs() []beep.UserID {
	sc.mu.RLock()
	defer sc.mu.RUnlock()
	return slices.Collect(sc.view.Members())
}

// orderLocked is the channels as a client lists them.
func (sc *scope) orderLocked() []beep.ChannelID {
	return slices.SortedFunc(maps.Keys(sc.listed), func(a, b beep.ChannelID) int {
		return cmp.Or(cmp.Compare(sc.listed[a].position(), sc.listed[b].position()), cmp.Compare(a, b))
	})
}

func (sc *scope) channelLocked(id beep.ChannelID) *channel {
	ch := sc.channels[id]
	if ch == nil {
		ch = &channel{id: id, sc: sc, subs: map[*Session]perm.Rights{}}
		sc.channels[id] = ch
	}
	return ch
}
