package realtime

import (
	"context"
	"encoding/json"
	"strconv"
	"sync"
	"time"

	"github.com/beep-chat/beep"
	realtimev1 "github.com/beep-chat/beep/api/beep/realtime/v1"
	"github.com/beep-chat/beep/perm"
)

const (
	presenceTopic = "presence"
	gossipEvery   = 15 * time.Second // a node repeats what it knows of its own users
	gossipExpires = 40 * time.Second // and is forgotten without repeating it
	// Changes are told so often and no more: what comes in between is one write.
	presenceTick = 250 * time.Millisecond
	// presenceCap is the number of sessions in a server above which presence is not pushed: in a crowd
	// everybody's coming and going would cost the square of it and tell nobody anything.
	presenceCap = 1000
)

// Statuses as others see them, the one that wins over the next first.
var shown = []string{"dnd", "online", "idle"}

func statusOf(s string) (string, error) {
	switch s {
	case "":
		return "online", nil
	case "online", "idle", "dnd", "invisible":
		return s, nil
	}
	return "", beep.InvalidField(beep.CodeInvalidField, "status", "must be online, idle, dnd or invisible")
}

// presences is what all nodes say of their users, by gossip over the bus. It is soft: whoever is not repeated is
// offline soon. What comes out of order shows a wrong status until the node that knows says it again.
type presences struct {
	self string

	mu sync.Mutex // guards everything below
	// What each node last said of a user, and whose status is another than at the last take.
	by      map[beep.UserID]map[string]sighting
	changed map[beep.UserID]struct{}
}

type sighting struct {
	status string
	at     time.Time
}

func newPresences(self string) *presences {
	return &presences{self: self, by: map[beep.UserID]map[string]sighting{}, changed: map[beep.UserID]struct{}{}}
}

// statusLocked is the first of shown that any node says: who sits at one machine and has left another is there.
func (p *presences) statusLocked(who beep.UserID) string {
	for _, want := range shown {
		for _, x := range p.by[who] {
			if x.status == want {
				return want
			}
		}
	}
	return "offline"
}

// note takes over what a node says of a user; "" and invisible are as good as not there.
func (p *presences) note(node string, who beep.UserID, status string, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.noteLocked(node, who, status, now)
}

// noteSelf takes over what this node's own sessions add up to, looked at under the lock: a look from before the last
// change must not be noted after it.
func (p *presences) noteSelf(who beep.UserID, look func(beep.UserID) string, now time.Time) (status string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	status = look(who)
	p.noteLocked(p.self, who, status, now)
	return status
}

func (p *presences) noteLocked(node string, who beep.UserID, status string, now time.Time) {
	before := p.statusLocked(who)
	if status == "" || status == "invisible" {
		delete(p.by[who], node)
		if len(p.by[who]) == 0 {
			delete(p.by, who)
		}
	} else {
		if p.by[who] == nil {
			p.by[who] = map[string]sighting{}
		}
		p.by[who][node] = sighting{status, now}
	}
	// Only what others can see is a change: "online" from a second node is none.
	if p.statusLocked(who) != before {
		p.changed[who] = struct{}{}
	}
}

// take answers who changed since the last time, dropping nodes that have fallen silent.
func (p *presences) take(now time.Time) map[beep.UserID]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	for who, nodes := range p.by {
		before := p.statusLocked(who)
		for node, x := range nodes {
			// What this node says of its own it knows, and does not repeat to itself.
			if node != p.self && now.Sub(x.at) > gossipExpires {
				delete(nodes, node)
			}
		}
		if p.statusLocked(who) != before {
			p.changed[who] = struct{}{}
		}
	}
	out := make(map[beep.UserID]string, len(p.changed))
	for who := range p.changed {
		out[who] = p.statusLocked(who)
	}
	clear(p.changed)
	return out
}

// tellAgain makes the next take answer users whose status has not changed, but their company has. Whoever is
// offline needs no telling.
func (p *presences) tellAgain(ids []beep.UserID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range ids {
		if len(p.by[id]) > 0 {
			p.changed[id] = struct{}{}
		}
	}
}

// among answers who of the users is seen as there.
func (p *presences) among(ids []beep.UserID) []*realtimev1.Presence {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []*realtimev1.Presence
	for _, id := range ids {
		if st := p.statusLocked(id); st != "offline" {
			out = append(out, &realtimev1.Presence{UserId: uint64(id), Status: st})
		}
	}
	return out
}

// whisper is what nodes tell each other on the bus.
type whisper struct {
	Node  string            `json:"node"`
	Users map[string]string `json:"users,omitempty"` // by id; "" is gone from that node
	Ask   bool              `json:"ask,omitempty"`   // tell me yours: I am new
}

// gossip takes in what another node says. What this one says comes back to it too, and is passed over. It is
// believed, as all that comes over the bus is: nobody but our own processes may reach it.
func (n *Node) gossip(payload []byte) {
	var w whisper
	if json.Unmarshal(payload, &w) != nil || w.Node == n.name {
		return
	}
	for id, status := range w.Users {
		if who, err := strconv.ParseUint(id, 10, 64); err == nil {
			n.present.note(w.Node, beep.UserID(who), status, time.Now())
		}
	}
	if w.Ask {
		n.later(n.announceAll)
	}
}

// askPresence spares those who come to a new node some seconds in which everybody else seems to be offline.
func (n *Node) askPresence(ctx context.Context) { n.whisper(ctx, whisper{Node: n.name, Ask: true}) }

func (n *Node) whisper(ctx context.Context, w whisper) {
	if payload, err := json.Marshal(w); err == nil {
		_ = n.peers.Bus.Publish(ctx, presenceTopic, payload) // soft: repeated soon
	}
}

// announce tells everyone what a user's sessions here add up to.
func (n *Node) announce(who beep.UserID) {
	status := n.present.noteSelf(who, n.localStatus, time.Now())
	n.later(func(ctx context.Context) {
		n.whisper(ctx, whisper{Node: n.name, Users: map[string]string{who.String(): status}})
	})
}

// localStatus is what a user's sessions here add up to, empty without any. An invisible one counts only if no other
// is seen.
func (n *Node) localStatus(who beep.UserID) string {
	best := ""
	for _, s := range n.sessionsOf(who) {
		s.mu.Lock()
		status := s.status
		s.mu.Unlock()
		if best == "" || best == "invisible" || rank(status) < rank(best) {
			best = status
		}
	}
	return best
}

// rank is the place among shown. What is not shown comes last.
func rank(status string) int {
	for i, s := range shown {
		if s == status {
			return i
		}
	}
	return len(shown)
}

// announceAll tells it in parts, so that no message grows with the node.
func (n *Node) announceAll(ctx context.Context) {
	users, _ := n.followed()
	w := whisper{Node: n.name, Users: map[string]string{}}
	for _, u := range users {
		w.Users[u.id.String()] = n.localStatus(u.id)
		if len(w.Users) == 1000 {
			n.whisper(ctx, w)
			w.Users = map[string]string{}
		}
	}
	n.whisper(ctx, w)
}

// tellPresence pushes what has changed to those who share a server, many changes in one write.
func (n *Node) tellPresence(now time.Time) {
	changed := n.present.take(now)
	if len(changed) == 0 {
		return
	}
	_, scopes := n.followed()
	for _, sc := range scopes {
		sc.tellPresence(changed)
	}
}

func (sc *scope) tellPresence(changed map[beep.UserID]string) {
	sc.mu.RLock()
	defer sc.mu.RUnlock()
	if len(sc.sessions) == 0 || len(sc.sessions) > presenceCap {
		return
	}
	// Once for everyone: the frames hold nothing that differs by who gets them.
	var all []byte
	note := func(who beep.UserID, status string) {
		all = append(all, encode("presence", &realtimev1.Presence{UserId: uint64(who), Status: status}).data...)
	}
	if sc.id.Kind == beep.ScopeDirect { // of which there are many, of a few each
		for who := range sc.view.Members() {
			if status, ok := changed[who]; ok {
				note(who, status)
			}
		}
	} else {
		for who, status := range changed {
			if sc.members[who] != nil {
				note(who, status)
			}
		}
	}
	if len(all) == 0 {
		return
	}
	for s := range sc.sessions {
		s.push(Frame{data: all, ephemeral: true})
	}
}

func (n *Node) setStatus(_ context.Context, s *Session, status string) error {
	status, err := statusOf(status)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.status = status
	s.mu.Unlock()
	n.announce(s.identity())
	return nil
}

// typing tells the others in a channel. It needs the right to send there; what comes too soon is dropped.
func (n *Node) typing(ctx context.Context, s *Session, id beep.ChannelID) error {
	ch, rights := n.registered(s, id)
	switch {
	case ch == nil:
		return beep.NotFound(beep.CodeChannelNotFound, "there is no such channel")
	case !rights.Has(perm.SendMessages):
		return beep.Forbidden(beep.CodeForbidden, "send_messages is missing in this channel")
	case !s.mayType(id, time.Now()):
		return nil
	}
	// Over the bus even to this node, which hears itself: there is one way for typing to be shown.
	return n.peers.Bus.Publish(ctx, "typing:"+id.String(), []byte(s.identity().String()))
}

// typed shows that someone types to those registered in the channel, save the one who does.
func (n *Node) typed(ch *channel, payload []byte) {
	who, err := beep.ParseID[any](string(payload))
	if err != nil {
		return
	}
	f := encode("typing", &realtimev1.Typing{ChannelId: uint64(ch.id), UserId: uint64(who)})
	f.ephemeral = true
	ch.sc.mu.RLock()
	defer ch.sc.mu.RUnlock()
	for s := range ch.subs {
		if s.identity() != beep.UserID(who) {
			s.push(f)
		}
	}
}
