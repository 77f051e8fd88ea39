package realtime

import (
	"context"
	"slices"
	"time"

	"github.com/beep-chat/beep"
	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	realtimev1 "github.com/beep-chat/beep/api/beep/realtime/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/scopelog"
)

// Run does what no client and no wake-up asks for, until ctx ends; then it drains: clients are told to come
// back elsewhere and their sockets are closed.
func (n *Node) Run(ctx context.Context) error {
	defer n.drain()
	stop := n.peers.Bus.Subscribe(presenceTopic, n.gossip)
	defer stop()
	// After it has subscribed, or the answers go by.
	n.askPresence(ctx)
	n.wait.Go(func() { n.sweeps(ctx) })
	police, gossip, tick := time.NewTicker(policeEvery), time.NewTicker(gossipEvery), time.NewTicker(presenceTick)
	defer police.Stop()
	defer gossip.Stop()
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-police.C:
			n.police(time.Now())
		case <-gossip.C:
			n.announceAll(ctx)
		case <-tick.C:
			n.tellPresence(time.Now())
		}
	}
}

// policeEvery is how late a socket may be closed for what its client did not do.
const policeEvery = time.Second

// sweeps sweeps until ctx ends, apart from everything else: a peer that keeps it waiting must keep neither tokens nor
// presence waiting.
func (n *Node) sweeps(ctx context.Context) {
	tick := time.NewTicker(n.peers.Sweep)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			bounded, cancel := context.WithTimeout(ctx, callTimeout)
			n.Sweep(bounded)
			cancel()
		}
	}
}

// drainSpread is the time over which clients of a node that goes away come back.
const drainSpread = 8 * time.Second

// drain first lets nobody in, then sends everyone away, then lets nothing be started, then waits. In another order
// something could begin that nobody waits for.
func (n *Node) drain() {
	n.draining.Store(true)
	for _, s := range n.all() {
		n.sendAway(s)
	}
	n.starting.Lock()
	n.ended = true
	n.starting.Unlock()
	// Calls to peers end here. The last frames of sockets that were closed still have their second.
	n.stop()
	n.wait.Wait()
}

// sendAway sends a client to another node.
func (n *Node) sendAway(s *Session) {
	s.push(encode("drain", &realtimev1.Drain{Spread: uint32(drainSpread.Milliseconds())}))
	s.out.Close(closeGoingAway, "going away")
}

// start runs f on a goroutine that the node waits for before it ends; false if it has ended. Wake-ups and revocations
// come from others, who do not know that it does.
func (n *Node) start(f func()) bool {
	n.starting.Lock()
	defer n.starting.Unlock()
	if !n.ended {
		n.wait.Go(f)
	}
	return !n.ended
}

// later runs f on the node's own time. What comes after the end is dropped: there are no sockets any more that it
// could be for.
func (n *Node) later(f func(context.Context)) {
	n.start(func() {
		ctx, cancel := context.WithTimeout(n.life, callTimeout)
		defer cancel()
		f(ctx)
	})
}

// Sweep is rule 10: nothing waits longer than this for a wake-up that was lost. It asks for the personal
// scopes of the users here, for the scopes that their sessions belong to (whatever they see there), and for
// the heads of the channels that sessions are registered in. No clocks are compared.
func (n *Node) Sweep(ctx context.Context) {
	users, all := n.followed()
	all = n.letGo(all)
	// Of direct messages the personal scopes tell.
	scopes := slices.DeleteFunc(slices.Clone(all), func(sc *scope) bool { return sc.id.Kind == beep.ScopeDirect })
	ask := make([]*serversv1.Scope, 0, len(users)+len(scopes))
	for _, u := range users {
		ask = append(ask, scopelog.ToProto(beep.UserScope(u.id)))
	}
	for _, sc := range scopes {
		ask = append(ask, scopelog.ToProto(sc.id))
	}
	revs, err := n.revs(ctx, ask)
	if err != nil {
		return // the next sweep asks again
	}
	// Each on a goroutine of its own: one that a peer keeps waiting holds up nobody else.
	for i, u := range users {
		if revs[i] > u.cursor.Load() {
			n.later(func(ctx context.Context) { n.lookUpTo(ctx, u, revs[i]) })
		}
	}
	for i, sc := range scopes {
		if rev := revs[len(users)+i]; rev > sc.rev() {
			n.later(func(ctx context.Context) { _ = n.follow(ctx, sc, rev) })
		}
	}
	n.sweepHeads(ctx, all)
}

// letGo lets go of scopes without sessions and answers the others.
func (n *Node) letGo(all []*scope) []*scope {
	return slices.DeleteFunc(all, func(sc *scope) bool {
		if !sc.drowse() {
			return false
		}
		n.release(sc)
		return true
	})
}

// revs asks for the newest revision of each scope.
func (n *Node) revs(ctx context.Context, scopes []*serversv1.Scope) ([]uint64, error) {
	var out []uint64
	for part := range slices.Chunk(scopes, 10_000) {
		resp, err := n.peers.Scopes.GetRevs(ctx, &serversv1.GetRevsRequest{Scopes: part})
		if err != nil {
			return nil, err
		}
		// As in heads.
		if len(resp.GetRevs()) != len(part) {
			return nil, beep.Unavailable(nil)
		}
		out = append(out, resp.GetRevs()...)
	}
	return out, nil
}

// followed is a copy of what this node follows, because n.mu is not held over what is done with it.
func (n *Node) followed() (users []*user, scopes []*scope) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, u := range n.users {
		users = append(users, u)
	}
	for _, sc := range n.scopes {
		scopes = append(scopes, sc)
	}
	return users, scopes
}

// sweepHeads gives each channel its head as a wake-up without a frame: next drops it where nothing is missing, and
// where something is, serve reads the log.
func (n *Node) sweepHeads(ctx context.Context, scopes []*scope) {
	have := map[beep.ChannelID]*channel{}
	var ids []beep.ChannelID
	for _, sc := range scopes {
		sc.mu.RLock()
		for id, ch := range sc.channels {
			if len(ch.subs) > 0 {
				have[id] = ch
				ids = append(ids, id)
			}
		}
		sc.mu.RUnlock()
	}
	heads, err := n.heads(ctx, ids)
	if err != nil {
		return
	}
	for id, head := range heads {
		n.wake(have[id], &messagesv1.Wake{ChannelId: uint64(id), First: head, Last: head})
	}
}

// police closes what is silent, late or out of time.
func (n *Node) police(now time.Time) {
	for _, s := range n.all() {
		code, reason, warn := s.verdict(now, n.limits)
		switch {
		case code != 0:
			s.out.Close(code, reason)
		case warn > 0:
			s.push(encode("token_expiring", &realtimev1.TokenExpiring{ExpiresIn: uint32(warn.Milliseconds())}))
		}
	}
}

// tokenWarning is how long before the end of its token a client is asked for a new one.
const tokenWarning = 45 * time.Second

// verdict says what is due for a session at this moment. It notes that it has warned, so that a token is warned of
// once.
func (s *Session) verdict(now time.Time, limits beep.Limits) (code uint16, reason string, warn time.Duration) {
	silent := now.Sub(time.UnixMilli(s.lastSeen.Load()))
	s.mu.Lock()
	defer s.mu.Unlock()
	left := s.expires.Sub(now)
	switch {
	// From the opening on, not from the last frame: a stranger's heartbeats must not keep a socket for ever.
	case s.user == 0 && now.Sub(s.opened) > limits.IdentifyDeadline && !s.identifying.Load():
		return closePolicy, "no identify", 0
	case silent > 2*limits.Heartbeat:
		return closePolicy, "no heartbeat", 0
	case s.user != 0 && left <= 0:
		return closeToken, "the token has ended", 0
	case s.user != 0 && left < tokenWarning && !s.warned:
		s.warned = true
		return 0, "", left
	}
	return 0, "", 0
}
