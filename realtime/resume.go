package realtime

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/beep-chat/beep"
	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	realtimev1 "github.com/beep-chat/beep/api/beep/realtime/v1"
	usersv1 "github.com/beep-chat/beep/api/beep/users/v1"
	"github.com/beep-chat/beep/kit/rpc"
	"github.com/beep-chat/beep/perm"
)

// identify is rule 11: find out who it is, advance to now every scope that the personal scope names,
// register in every channel that its View shows, and only then answer what was missed since.
func (n *Node) identify(ctx context.Context, s *Session, m *realtimev1.Identify) error {
	// What is wrong with the frame itself is said before a peer is asked anything.
	status, err := statusOf(m.GetStatus())
	if err != nil {
		return err
	}
	if len(m.GetChannels()) > maxNamed {
		return beep.Invalid(beep.CodeInvalidFrame, "too many channels are named")
	}
	c, expires, err := n.peers.Tokens.Verify(ctx, m.GetToken())
	if err != nil {
		return err
	}
	// When a node goes down its clients come all at once. They wait here, and not in the stores behind the peers.
	select {
	case n.resuming <- struct{}{}:
		defer func() { <-n.resuming }()
	case <-ctx.Done():
		return beep.Unavailable(ctx.Err())
	}
	u, err := n.userOf(c.User, s)
	if err != nil {
		s.out.Close(closeFlood, "too many sessions")
		return nil
	}
	// Its client has left meanwhile, before there was a user for Leave to take it off.
	if !s.become(c, m.GetToken(), expires, status) {
		n.forget(c.User, s)
		return nil
	}
	// Once more, now that Revoked finds the session: what was revoked since the first answer, while the session waited
	// for its place, was told to nobody.
	if _, _, err := n.peers.Tokens.Verify(ctx, m.GetToken()); err != nil {
		return err
	}
	if ctx, err = rpc.WithIdentity(ctx, n.peers.Minter, c); err == nil {
		err = n.resume(ctx, s, u, m.GetChannels())
	}
	if err != nil {
		n.peers.Logger.WarnContext(ctx, "resume failed", "session", s.id, "error", err)
		s.out.Close(closeGoingAway, "try again") // half a state would look like a whole one
		return nil
	}
	// Only now: who is seen to be there can hear.
	n.announce(c.User)
	return nil
}

// maxNamed bounds the channels a client may say it has: more than it can see.
const maxNamed = 50 * 500

// resume goes by rule 11: register everywhere, say "ready" before all that was pushed since, then answer what was
// missed.
func (n *Node) resume(ctx context.Context, s *Session, u *user, named map[uint64]uint32) error {
	profile, err := n.profile(ctx, u.id)
	if err != nil {
		return err
	}
	rev, err := n.fresh.Fresh(ctx, beep.UserScope(u.id))
	if err != nil {
		return err
	}
	if err := u.reading.take(ctx); err != nil {
		return err
	}
	// Until the end: what the user joins meanwhile is read after that, and then finds the session marked as entered.
	defer u.reading.give()
	if err := n.readPersonal(ctx, u, rev); err != nil {
		return err
	}
	if err := n.warm(ctx, u.belongs); err != nil {
		return err
	}
	ready := &realtimev1.Ready{SessionId: s.id, User: profile, Closed: u.closings(), ThreadIds: u.threadIDs()}
	var in []*channel
	for _, id := range u.belongs {
		e := entry{s: s, named: named}
		if err := n.enter(ctx, id, &e); err != nil {
			return err
		}
		if e.state != nil {
			ready.Servers = append(ready.Servers, e.state)
		}
		in = append(in, e.in...)
	}
	n.dismiss(s, in, named)
	s.release(encode("ready", ready))
	n.noteEntered(u, s)
	return n.catchUp(ctx, s, in, named)
}

// dismiss tells a client about channels that it named and does not see any more.
func (n *Node) dismiss(s *Session, in []*channel, named map[uint64]uint32) {
	rest := maps.Clone(named)
	for _, ch := range in {
		delete(rest, uint64(ch.id))
	}
	for _, id := range slices.Sorted(maps.Keys(rest)) {
		s.push(encode("channel_removed", &realtimev1.ChannelRemoved{ChannelId: id}))
	}
}

// profile is who the session's user is, asked for in the user's own name.
func (n *Node) profile(ctx context.Context, id beep.UserID) (*usersv1.Profile, error) {
	resp, err := n.peers.Users.ListUsers(ctx, &usersv1.ListUsersRequest{Ids: []uint64{uint64(id)}})
	if err != nil {
		return nil, err
	}
	if len(resp.GetUsers()) != 1 {
		return nil, beep.Unauthenticated(beep.CodeInvalidToken, "there is no such user")
	}
	return resp.GetUsers()[0], nil
}

// enter makes a session a member of a scope at its revision now and registers it in every channel that it
// sees. An entry without state and channels says that the user is not a member after all.
func (n *Node) enter(ctx context.Context, id beep.Scope, e *entry) error {
	for {
		sc := n.scope(id)
		// Of a moment after the client asked, so that nothing is shown that was revoked before.
		rev, err := n.fresh.Fresh(ctx, id)
		if err != nil {
			return err
		}
		if err := n.follow(ctx, sc, rev); err != nil {
			return err
		}
		// Before admission, which happens under a lock that no call is made under.
		if e.heads, err = n.unknownHeads(ctx, sc, e); err != nil {
			return err
		}
		if sc.admit(e) {
			continue // the node let go of the scope meanwhile
		}
		// After admission, from which on changes are pushed: one in between would be told nowhere.
		e.meet(n.present.among(sc.memberIDs()))
		// After registering, or there would be nobody to wake for. What is appended before this is found by catchUp.
		for _, ch := range e.in {
			n.watchOnce(ch)
		}
		n.attachLater(sc, e.late)
		return nil
	}
}

// entry is a session on its way into a scope.
type entry struct {
	s     *Session
	named map[uint64]uint32 // the channels that its client says it has
	heads map[beep.ChannelID]uint32

	state *realtimev1.ServerState // what the client is told of a server; nil if it is no member
	in    []*channel              // registered in
	late  []gain                  // came into view since the heads were read: each is left for an attach
}

// meet tells the session who else is there. A direct message has no state of its own to hold them.
func (e *entry) meet(there []*realtimev1.Presence) {
	if e.state != nil {
		e.state.Presences = there
		return
	}
	if len(e.in) == 0 {
		return // no member after all
	}
	for _, p := range there {
		f := encode("presence", p)
		f.ephemeral = true
		e.s.push(f)
	}
}

// seesLocked says whether the session is to be in a channel, and with which rights.
func (e *entry) seesLocked(sc *scope, who beep.UserID, id beep.ChannelID) (perm.Rights, bool) {
	if _, has := e.named[uint64(id)]; !has && sc.listed[id].dormant() {
		return 0, false
	}
	rights := sc.view.ChannelRights(who, id)
	return rights, rights.Has(perm.ViewChannels)
}

// warmAtOnce is how many scopes are loaded at the same time for one session.
const warmAtOnce = 16

// warm loads the direct messages that this node does not follow yet, several at a time: there may be many, and each is a
// question of its own.
func (n *Node) warm(ctx context.Context, ids []beep.Scope) error {
	cold := slices.DeleteFunc(slices.Clone(ids), func(id beep.Scope) bool {
		return id.Kind != beep.ScopeDirect || n.known(id) != nil
	})
	if len(cold) < 2 {
		return nil
	}
	revs, err := n.fresh.FreshAll(ctx, cold)
	if err != nil {
		return err
	}
	places, errs := make(chan struct{}, warmAtOnce), make([]error, len(cold))
	var wg sync.WaitGroup
	for i, id := range cold {
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			errs[i] = n.follow(ctx, n.scope(id), revs[i])
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// admit registers a session in a scope and its channels, in one critical section with the state that it is told.
func (sc *scope) admit(e *entry) (dropped bool) {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	who := e.s.identity()
	// stay is asked last, because it notes the scope in the session, which must not name one that it is not in.
	if sc.dropped || !sc.view.Has(who) || sc.gone || !e.s.stay(sc) {
		return sc.dropped
	}
	sc.sessions[e.s] = sc.view.Rights(who)
	for _, id := range sc.orderLocked() {
		rights, sees := e.seesLocked(sc, who, id)
		if !sees {
			continue
		}
		ch := sc.channelLocked(id)
		if head, asked := e.heads[id]; !ch.ensure(head, asked) {
			e.late = append(e.late, gain{e.s, id})
			continue
		}
		ch.subs[e.s] = rights
		// Under this lock, for which deliver waits: no frame of the channel can be queued before it.
		e.s.push(sc.listed[id].added(rights))
		e.in = append(e.in, ch)
	}
	if sc.id.Kind == beep.ScopeServer {
		e.state = sc.stateLocked(who)
	}
	return false
}

// unknownHeads asks, in one query, for the heads of the channels that the user sees and nobody here is
// registered in.
func (n *Node) unknownHeads(ctx context.Context, sc *scope, e *entry) (map[beep.ChannelID]uint32, error) {
	who := e.s.identity()
	sc.mu.RLock()
	var ask []beep.ChannelID
	for id := range sc.listed {
		if _, sees := e.seesLocked(sc, who, id); sees && (sc.channels[id] == nil || !sc.channels[id].isKnown()) {
			ask = append(ask, id)
		}
	}
	sc.mu.RUnlock()
	return n.heads(ctx, ask)
}

// heads asks for the newest r of channels. A question holds as many as the log takes.
func (n *Node) heads(ctx context.Context, ids []beep.ChannelID) (map[beep.ChannelID]uint32, error) {
	out := make(map[beep.ChannelID]uint32, len(ids))
	for part := range slices.Chunk(ids, 10_000) {
		req := &messagesv1.GetHeadsRequest{}
		for _, id := range part {
			req.ChannelIds = append(req.ChannelIds, uint64(id))
		}
		resp, err := n.peers.Log.GetHeads(ctx, req)
		if err != nil {
			return nil, err
		}
		// With heads missing, those that are there would go to the wrong channels.
		if len(resp.GetHeads()) != len(part) {
			return nil, beep.Unavailable(nil)
		}
		for i, id := range part {
			out[id] = resp.GetHeads()[i]
		}
	}
	return out, nil
}

// catchUp answers, after registration, what a session missed in the channels that it named, and where the
// log stands in the others.
func (n *Node) catchUp(ctx context.Context, s *Session, in []*channel, named map[uint64]uint32) error {
	ids := make([]beep.ChannelID, 0, len(in))
	for _, ch := range in {
		ids = append(ids, ch.id)
	}
	heads, err := n.heads(ctx, ids)
	if err != nil {
		return err
	}
	for _, ch := range in {
		head := heads[ch.id]
		r, has := named[uint64(ch.id)]
		if has && r != head {
			if err := n.since(ctx, s, ch, r); err != nil {
				return err
			}
			continue
		}
		// Who has all of it, or none, needs no question to the log.
		ch.sc.answer(ch, s, standing(ch.id, head, !has), 0)
	}
	return nil
}

// standing is an answer that says only where a log stands. That is no content, so no View is too old for it.
func standing(id beep.ChannelID, head uint32, reset bool) Frame {
	return encode("delta", &realtimev1.Delta{ChannelId: uint64(id), Reset_: reset, Head: head, Answer: true})
}

// since sends one session what follows r, under a View as new as that needs. Where that is only the first part, the
// answer names the head, and the client asks for the next when it has taken this in: it sets the pace.
func (n *Node) since(ctx context.Context, s *Session, ch *channel, r uint32) error {
	resp, err := n.peers.Log.Since(ctx, &messagesv1.SinceRequest{ChannelId: uint64(ch.id), R: r})
	if err != nil {
		return err
	}
	e := newest(resp.GetEntries())
	if err := n.follow(ctx, ch.sc, e); err != nil {
		return err
	}
	d := delta(ch.id, resp, true)
	if endsEarly(resp) {
		heads, err := n.heads(ctx, []beep.ChannelID{ch.id})
		if err != nil {
			return err
		}
		d.Head = max(d.Head, heads[ch.id])
	}
	ch.sc.answer(ch, s, encode("delta", d), e)
	return nil
}

// ask is the client's since. A channel that the session is not registered in does not exist for it.
func (n *Node) ask(ctx context.Context, s *Session, id beep.ChannelID, r uint32) error {
	ch, _ := n.registered(s, id)
	if ch == nil {
		return beep.NotFound(beep.CodeChannelNotFound, "there is no such channel")
	}
	return n.since(ctx, s, ch, r)
}

// registered finds a channel that a session is in, and the rights that it has there.
func (n *Node) registered(s *Session, id beep.ChannelID) (*channel, perm.Rights) {
	for _, sc := range s.scopeList() {
		sc.mu.RLock()
		ch := sc.channels[id]
		var rights perm.Rights
		in := false
		if ch != nil {
			rights, in = ch.subs[s]
		}
		sc.mu.RUnlock()
		if in {
			return ch, rights
		}
	}
	return nil, 0
}

// enterLive makes a session that is connected already a member of a scope that its user has joined.
func (n *Node) enterLive(ctx context.Context, s *Session, id beep.Scope) {
	// Whatever enter pushes has to come after "server_added".
	s.hold()
	e := entry{s: s}
	err := n.enter(ctx, id, &e)
	var first Frame
	if err == nil && e.state != nil {
		first = encode("server_added", e.state)
	}
	s.release(first)
	if err == nil {
		err = n.catchUp(ctx, s, e.in, nil)
	}
	if err != nil {
		s.out.Close(closeGoingAway, "try again")
	}
}

// attach registers sessions in channels that they have gained, unless they have lost them again meanwhile, and then
// answers where each log stands.
func (n *Node) attach(ctx context.Context, sc *scope, gained []gain) {
	if err := n.registerAll(ctx, sc, gained); err != nil {
		// Nobody would tell them later what they have gained; they resume, and are told then.
		for _, g := range gained {
			g.s.out.Close(closeGoingAway, "try again")
		}
	}
}

// attachLater leaves it to a goroutine, since heads are asked of a peer and the caller may hold the scope's lock.
func (n *Node) attachLater(sc *scope, gained []gain) {
	if len(gained) > 0 {
		n.later(func(ctx context.Context) { n.attach(ctx, sc, gained) })
	}
}

// registerAll asks two questions however many gained: a channel made in a server of thousands is one channel. The
// first answer says where have begins in channels that nobody here was in, the second where each log stands for those
// who are registered now. What comes in between is delivered to them as well.
func (n *Node) registerAll(ctx context.Context, sc *scope, gained []gain) error {
	asked := map[beep.ChannelID]struct{}{}
	for _, g := range gained {
		asked[g.ch] = struct{}{}
	}
	heads, err := n.heads(ctx, slices.Collect(maps.Keys(asked)))
	if err != nil {
		return err
	}
	in := map[*channel][]*Session{}
	for _, g := range gained {
		if ch := sc.register(g.s, g.ch, heads[g.ch]); ch != nil {
			n.watchOnce(ch)
			in[ch] = append(in[ch], g.s)
		}
	}
	if len(in) == 0 {
		return nil
	}
	if heads, err = n.heads(ctx, slices.Collect(maps.Keys(asked))); err != nil {
		return err
	}
	for ch, sessions := range in {
		f := standing(ch.id, heads[ch.id], true)
		for _, s := range sessions {
			sc.answer(ch, s, f, 0)
		}
	}
	return nil
}

// register puts a session that belongs to the scope into a channel that the View lets it see. The View is asked
// again: what was gained may have been lost since.
func (sc *scope) register(s *Session, id beep.ChannelID, head uint32) *channel {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	rights := sc.view.ChannelRights(s.identity(), id)
	l, there := sc.listed[id]
	if _, member := sc.sessions[s]; !member || !there || !rights.Has(perm.ViewChannels) {
		return nil
	}
	ch := sc.channelLocked(id)
	if _, in := ch.subs[s]; in {
		return nil
	}
	ch.ensure(head, true)
	ch.subs[s] = rights
	s.push(l.added(rights))
	return ch
}
