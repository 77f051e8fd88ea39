package realtime

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/beep-chat/beep"
	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	realtimev1 "github.com/beep-chat/beep/api/beep/realtime/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	usersv1 "github.com/beep-chat/beep/api/beep/users/v1"
	"github.com/beep-chat/beep/scopelog"
)

// hook is a func field that a test sets while the peer is in use.
type hook[F any] struct{ f atomic.Pointer[F] }

func (h *hook[F]) set(f F) { h.f.Store(&f) }

func (h *hook[F]) get() (f F) {
	if p := h.f.Load(); p != nil {
		return *p
	}
	return f
}

// scopePeer is the servers service as realtime sees it: the rows of every scope. A func field, where it is set, runs
// before the answer and can hold it up or refuse it.
type scopePeer struct {
	serversv1.ScopeLogClient // what realtime does not call

	onRevs hook[func(ctx context.Context) error]
	onList hook[func(ctx context.Context, scope beep.Scope) error]

	mu    sync.Mutex // guards everything below
	rows  map[beep.Scope][]*serversv1.Change
	revs  []int // how many scopes each GetRevs asked for
	lists int   // calls of ListChanges
}

// add appends rows and answers the new revision.
func (p *scopePeer) add(s beep.Scope, rows ...*serversv1.Change) uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, row := range rows {
		row.Rev = uint64(len(p.rows[s])) + 1
		p.rows[s] = append(p.rows[s], row)
	}
	return uint64(len(p.rows[s]))
}

// takeBack forgets the newest row of a scope.
func (p *scopePeer) takeBack(s beep.Scope) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rows[s] = p.rows[s][:len(p.rows[s])-1]
}

func (p *scopePeer) rev(s beep.Scope) uint64 { return p.add(s) }

// GetRevs answers the number of rows of each scope.
func (p *scopePeer) GetRevs(ctx context.Context, in *serversv1.GetRevsRequest, _ ...grpc.CallOption) (*serversv1.GetRevsResponse, error) {
	if before := p.onRevs.get(); before != nil {
		if err := before(ctx); err != nil {
			return nil, err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.revs = append(p.revs, len(in.GetScopes()))
	out := &serversv1.GetRevsResponse{}
	for _, s := range in.GetScopes() {
		out.Revs = append(out.Revs, uint64(len(p.rows[scopeOf(s)])))
	}
	return out, nil
}

// ListChanges answers the rows after a revision.
func (p *scopePeer) ListChanges(ctx context.Context, in *serversv1.ListChangesRequest, _ ...grpc.CallOption) (*serversv1.ListChangesResponse, error) {
	s := scopeOf(in.GetScope())
	if before := p.onList.get(); before != nil {
		if err := before(ctx, s); err != nil {
			return nil, err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lists++
	return &serversv1.ListChangesResponse{Changes: slices.Clone(p.rows[s][min(in.GetAfter(), uint64(len(p.rows[s]))):])}, nil
}

// sinceWindow is how far back the log answers with entries; further back it answers with a reset (DESIGN: 500).
const sinceWindow = 500

// logPeer is the messages service as realtime sees it: the entries of every channel.
type logPeer struct {
	messagesv1.ChannelLogClient // what realtime does not call

	onSince   hook[func(ctx context.Context, ch beep.ChannelID) error]
	onHeads   hook[func(ctx context.Context) error]
	readHeads hook[func()] // runs when the heads have been read, before they are answered

	mu      sync.Mutex // guards everything below
	entries map[beep.ChannelID][]*messagesv1.LogEntry
	part    int   // the entries of one answer of Since; 0 is all
	sinces  int   // calls of Since
	heads   []int // how many channels each GetHeads asked for
}

// inParts makes Since answer no more than n entries at once.
func (p *logPeer) inParts(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.part = n
}

// add appends a message that needs a View of at least ve, and answers the wake-up for it.
func (p *logPeer) add(ch beep.ChannelID, ve uint64, content string) *messagesv1.Wake {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := uint32(len(p.entries[ch])) + 1
	x := &messagesv1.Entry{
		R: r, Kind: "create", ActorId: uint64(ada),
		Message: &messagesv1.Message{Id: uint64(r), ChannelId: uint64(ch), AuthorId: uint64(ada), Content: content, N: r, V: r},
	}
	p.entries[ch] = append(p.entries[ch], &messagesv1.LogEntry{Entry: x, Ve: ve})
	frame := encode("entries", &realtimev1.Entries{ChannelId: uint64(ch), Entries: []*messagesv1.Entry{x}})
	return &messagesv1.Wake{ChannelId: uint64(ch), Scope: scopelog.ToProto(guild), First: r, Last: r, E: ve, Frame: frame.Payload()}
}

// Since answers the entries after r, or a reset with the newest page where they are too many.
func (p *logPeer) Since(ctx context.Context, in *messagesv1.SinceRequest, _ ...grpc.CallOption) (*messagesv1.SinceResponse, error) {
	ch := beep.ChannelID(in.GetChannelId())
	if before := p.onSince.get(); before != nil {
		if err := before(ctx, ch); err != nil {
			return nil, err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sinces++
	all := p.entries[ch]
	head := uint32(len(all))
	if r := in.GetR(); p.part > 0 && r < head {
		head = min(head, r+uint32(p.part))
		all = all[:head]
	}
	if r := in.GetR(); r <= head && head-r <= sinceWindow {
		return &messagesv1.SinceResponse{Head: head, Entries: all[r:]}, nil
	}
	return &messagesv1.SinceResponse{Reset_: true, Head: head, Entries: all[max(len(all)-50, 0):]}, nil
}

// GetHeads answers the newest r of each channel.
func (p *logPeer) GetHeads(ctx context.Context, in *messagesv1.GetHeadsRequest, _ ...grpc.CallOption) (*messagesv1.GetHeadsResponse, error) {
	if before := p.onHeads.get(); before != nil {
		if err := before(ctx); err != nil {
			return nil, err
		}
	}
	p.mu.Lock()
	p.heads = append(p.heads, len(in.GetChannelIds()))
	out := &messagesv1.GetHeadsResponse{}
	for _, id := range in.GetChannelIds() {
		out.Heads = append(out.Heads, uint32(len(p.entries[beep.ChannelID(id)])))
	}
	p.mu.Unlock()
	if after := p.readHeads.get(); after != nil {
		after()
	}
	return out, nil
}

// asked is what both logs have been asked since the last time.
func (w *world) asked() (revs, heads []int, sinces int) {
	w.scopes.mu.Lock()
	revs, w.scopes.revs = w.scopes.revs, nil
	w.scopes.mu.Unlock()
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	heads, w.log.heads = w.log.heads, nil
	sinces, w.log.sinces = w.log.sinces, 0
	return revs, heads, sinces
}

// userPeer is the users service: everyone has a profile.
type userPeer struct{ usersv1.UsersClient }

// ListUsers answers a profile for each id.
func (userPeer) ListUsers(_ context.Context, in *usersv1.ListUsersRequest, _ ...grpc.CallOption) (*usersv1.ListUsersResponse, error) {
	out := &usersv1.ListUsersResponse{}
	for _, id := range in.GetIds() {
		out.Users = append(out.Users, &usersv1.Profile{Id: id, Username: beep.UserID(id).String()})
	}
	return out, nil
}

// tokenPeer takes a user's name, or the number of one who has none, for a token that is good for an hour from now. It is
// of the one sign-in session that the user has.
type tokenPeer struct {
	verify hook[func(token string) (beep.Caller, time.Time, error)] // instead, if it is set
}

// Verify answers whose token it is.
func (p *tokenPeer) Verify(_ context.Context, token string) (beep.Caller, time.Time, error) {
	if verify := p.verify.get(); verify != nil {
		return verify(token)
	}
	for id, name := range names {
		if name == token {
			token = id
		}
	}
	if who, err := beep.ParseID[any](token); err == nil {
		return callerOf(beep.UserID(who)), time.Now().Add(time.Hour), nil
	}
	return beep.Caller{}, time.Time{}, beep.Unauthenticated(beep.CodeInvalidToken, "the token is not one")
}

func callerOf(who beep.UserID) beep.Caller {
	return beep.Caller{User: who, Session: signInOf(who)}
}

func signInOf(who beep.UserID) beep.SessionID { return beep.SessionID(1_000_000 + who) }

// scopeOf is the scope of a question that a node asks, which is always of a kind that there is.
func scopeOf(p *serversv1.Scope) beep.Scope {
	s, err := scopelog.FromProto(p)
	if err != nil {
		return beep.Scope{}
	}
	return s
}
