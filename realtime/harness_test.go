package realtime

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/beep-chat/beep"
	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/kit/bus"
	"github.com/beep-chat/beep/kit/rpc"
	"github.com/beep-chat/beep/scopelog"
)

// The world of these tests: one server, the guild, which Ada owns and Bob and Cyd are members of. All see #general; only
// those who hold the role mods, and Ada, see #staff. Dan is nobody's member.
const (
	ada, bob, cyd, dan = beep.UserID(1), beep.UserID(2), beep.UserID(3), beep.UserID(4)

	general, staff, lobby = beep.ChannelID(10), beep.ChannelID(11), beep.ChannelID(12) // there is no lobby at first

	guildID = 100 // of the server and so of @everyone
	modsID  = 101
)

var guild = beep.ServerScope(guildID)

// names make what clients are sent readable.
var names = map[string]string{
	"1": "ada", "2": "bob", "3": "cyd", "4": "dan", "10": "general", "11": "staff", "12": "lobby", "100": "guild", "101": "mods",
	"20": "yard", "200": "hall", "30": "tide", "31": "ebb", "40": "pair", "41": "crew",
}

// world is a node between peers that are made by hand. It lives in a synctest bubble, which cannot end before every
// goroutine of the node has: each test shows by the way that nothing is leaked.
type world struct {
	t      testing.TB
	node   *Node
	bus    *bus.Memory
	scopes *scopePeer
	log    *logPeer
	tokens *tokenPeer
	stop   func() // ends Run and waits for it
}

// inWorld runs a test in a world of its own, in which time passes only when everyone waits for it.
func inWorld(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, newWorld(t)) })
}

var minter = sync.OnceValues(func() (*rpc.Minter, error) {
	ca, err := rpc.NewCA()
	if err != nil {
		return nil, err
	}
	cert, err := ca.Issue("realtime")
	if err != nil {
		return nil, err
	}
	return rpc.NewMinter(cert)
})

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{
		t: t, bus: bus.NewMemory(), scopes: &scopePeer{rows: map[beep.Scope][]*serversv1.Change{}},
		log: &logPeer{entries: map[beep.ChannelID][]*messagesv1.LogEntry{}}, tokens: &tokenPeer{},
	}
	w.node = w.newNode(beep.DefaultLimits())
	w.commit(
		&serversv1.Change{Kind: &serversv1.Change_ServerSet{ServerSet: &serversv1.Server{Id: guildID, Name: "guild", OwnerId: uint64(ada)}}},
		role(guildID, "view_channels", "send_messages"), role(modsID, "view_channels", "send_messages"),
		channelSet(general, 1), channelSet(staff, 2),
		overwrite(&serversv1.Overwrite{ChannelId: uint64(staff), RoleId: guildID, Deny: []string{"view_channels"}}),
		overwrite(&serversv1.Overwrite{ChannelId: uint64(staff), RoleId: modsID, Allow: []string{"view_channels"}}),
	)
	for _, who := range []beep.UserID{ada, bob, cyd} {
		w.commit(member(who))
		w.scopes.add(beep.UserScope(who), joined(guild))
	}
	w.stop = w.run(w.node)
	t.Cleanup(w.stop)
	return w
}

// newNode is one more node between the same peers.
func (w *world) newNode(limits beep.Limits) *Node {
	w.t.Helper()
	m, err := minter()
	if err != nil {
		w.t.Fatal(err)
	}
	n, err := New(Deps{
		Scopes: w.scopes, Log: w.log, Users: userPeer{}, Tokens: w.tokens, Minter: m, Bus: w.bus,
		Limits: limits, Logger: slog.New(slog.NewTextHandler(w.t.Output(), nil)),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

func (w *world) run(n *Node) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.t.Context()))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = n.Run(ctx)
	}()
	return func() { cancel(); <-ended }
}

// pass lets time go by, and all that it causes happen.
func (w *world) pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// commit makes rows of the guild whose wake-up is lost; change wakes too.
func (w *world) commit(rows ...*serversv1.Change) uint64 { return w.scopes.add(guild, rows...) }

func (w *world) change(rows ...*serversv1.Change) {
	w.commit(rows...)
	w.publish(scopeTopic(guild), nil)
	synctest.Wait()
}

// personal makes a row of a user's own scope.
func (w *world) personal(who beep.UserID, row *serversv1.Change) {
	w.scopes.add(beep.UserScope(who), row)
	w.publish(scopeTopic(beep.UserScope(who)), nil)
	synctest.Wait()
}

func (w *world) publish(topic string, payload []byte) {
	w.t.Helper()
	if err := w.bus.Publish(context.WithoutCancel(w.t.Context()), topic, payload); err != nil {
		w.t.Fatal(err)
	}
}

// post appends a message that was sent under the permissions of now; the wake-up for it is the caller's to deliver.
func (w *world) post(ch beep.ChannelID) *messagesv1.Wake {
	return w.log.add(ch, w.scopes.rev(guild), "hello")
}

// say is a message whose wake-up arrives.
func (w *world) say(ch beep.ChannelID) {
	w.t.Helper()
	w.wake(w.post(ch))
}

func (w *world) wake(wakes ...*messagesv1.Wake) {
	w.t.Helper()
	for _, x := range wakes {
		w.publish("ch:"+beep.ChannelID(x.GetChannelId()).String(), marshal(w.t, x))
	}
	synctest.Wait()
}

// client is a connected client as it sits behind its Outbox: it keeps what it is sent, as lines.
type client struct {
	t      testing.TB
	node   *Node
	onPush func(Frame)   // sees every frame whole; nil does nothing
	turn   chan struct{} // one frame is handled at a time, and leaving comes after, as on a connection

	mu       sync.Mutex // guards everything below
	s        *Session
	lines    []string
	presence []string
	bytes    map[string][]byte // the last frame of each op
	code     uint16
}

// open connects without identifying.
func (w *world) open(n *Node) *client {
	c := &client{t: w.t, node: n, turn: make(chan struct{}, 1), bytes: map[string][]byte{}}
	s := n.Open(c)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.s = s
	return c
}

// connect is a client of a user that has identified, naming no channels, and has read the beginning.
func (w *world) connect(who beep.UserID) *client {
	w.t.Helper()
	c := w.open(w.node)
	c.identify(who, nil)
	synctest.Wait()
	c.heard()
	return c
}

func tokenOf(who beep.UserID) string { return cmp.Or(names[who.String()], who.String()) }

func (c *client) identify(who beep.UserID, has map[beep.ChannelID]uint32) {
	c.t.Helper()
	named := map[uint64]uint32{}
	for ch, r := range has {
		named[uint64(ch)] = r
	}
	c.send("identify", map[string]any{"token": tokenOf(who), "channels": named})
}

// send hands the node a frame and waits until it has been handled.
func (c *client) send(op string, d any) {
	c.t.Helper()
	frame, err := json.Marshal(map[string]any{"op": op, "d": d})
	if err != nil {
		c.t.Fatal(err)
	}
	c.turn <- struct{}{}
	defer func() { <-c.turn }()
	c.node.Receive(c.session(), frame)
}

func (c *client) since(ch beep.ChannelID, r uint32) {
	c.t.Helper()
	c.send("since", map[string]any{"channel_id": ch.String(), "r": r})
}

// Push takes the frames apart and writes each as a line.
func (c *client) Push(f Frame) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.code != 0 {
		return
	}
	if c.onPush != nil {
		c.onPush(f)
	}
	for data := f.data; len(data) > 0; {
		n := declared(data)
		head := map[byte]int{126: 4, 127: 10}[data[1]]
		payload := data[max(head, 2) : max(head, 2)+n]
		data = data[max(head, 2)+n:]
		op, line := render(c.t, payload)
		c.bytes[op] = payload
		if op == "presence" {
			c.presence = append(c.presence, line)
			continue
		}
		c.lines = append(c.lines, line)
	}
}

// Close ends the connection, whose reader then leaves.
func (c *client) Close(code uint16, _ string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.code != 0 {
		return
	}
	c.code = code
	go func() {
		c.turn <- struct{}{}
		defer func() { <-c.turn }()
		c.node.Leave(c.session())
	}()
}

// hangUp is the client's own going.
func (c *client) hangUp() {
	c.Close(1000, "")
	synctest.Wait()
}

func (c *client) session() *Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.s
}

// heard is what the client was sent since it was last asked, save presence, once all is quiet.
func (c *client) heard() []string {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	lines := c.lines
	c.lines = nil
	return lines
}

// noticed is the presence that the client was sent since it was last asked, sorted.
func (c *client) noticed() []string {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	lines := slices.Sorted(slices.Values(c.presence))
	c.presence = nil
	return lines
}

// closed is the code that the connection was closed with, 0 while it lives.
func (c *client) closed() uint16 {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.code
}

// wantHeard holds what a client was sent against the lines expected.
func wantHeard(t testing.TB, who string, c *client, want ...string) {
	t.Helper()
	if diff := gocmp.Diff(want, c.heard()); diff != "" {
		t.Errorf("%s was sent something else (-want +got):\n%s", who, diff)
	}
}

func wantClosed(t testing.TB, who string, c *client, want uint16) {
	t.Helper()
	if got := c.closed(); got != want {
		t.Errorf("%s: got close code %d, want %d", who, got, want)
	}
}

// render is a frame as a line: its op, then the names and numbers in it.
func render(t testing.TB, payload []byte) (op, line string) {
	t.Helper()
	var f struct {
		Op string         `json:"op"`
		D  map[string]any `json:"d"`
	}
	if err := json.Unmarshal(payload, &f); err != nil {
		t.Errorf("a frame is no JSON: %v: %s", err, payload)
	}
	for op, empty := range map[string]map[string]any{"delta": {"head": 0.0}, "ready": {"servers": []any{}}} {
		for key, v := range empty { // the JSON leaves out what is empty
			if op == f.Op && f.D[key] == nil {
				f.D[key] = v
			}
		}
	}
	words := []string{f.Op}
	for _, path := range []string{
		"code", "op", "channel_id", "server_id", "role_id", "user_id", "channel.id", "thread.id", "direct_message.id", "direct_message.user_ids", "thread_id", "server.id", "role.id", "member.user_id",
		"status", "heartbeat_interval", "expires_in", "spread", "answer", "reset", "head", "entries", "servers",
	} {
		if word := wordOf(path, at(f.D, path)); word != "" {
			words = append(words, word)
		}
	}
	return f.Op, strings.Join(words, " ")
}

func at(d map[string]any, path string) any {
	first, rest, deeper := strings.Cut(path, ".")
	if !deeper {
		return d[first]
	}
	inner, _ := d[first].(map[string]any)
	return at(inner, rest)
}

func wordOf(path string, v any) string {
	switch v := v.(type) {
	case string:
		if name := names[v]; name != "" {
			return name
		}
		return v
	case bool:
		return path
	case float64:
		return fmt.Sprintf("%s=%.0f", path, v)
	case []any:
		var words []string
		for _, x := range v {
			if id, ok := x.(string); ok {
				words = append(words, names[id])
				continue
			}
			item, _ := x.(map[string]any)
			words = append(words, strings.TrimPrefix(wordOf("r", item["r"])+wordOf("", at(item, "server.id")), "r="))
		}
		return "[" + strings.Join(words, " ") + "]"
	}
	return ""
}

// Rows of the scope log.

func joined(s beep.Scope) *serversv1.Change {
	return &serversv1.Change{Kind: &serversv1.Change_ScopeJoined{ScopeJoined: scopelog.ToProto(s)}}
}

func left(s beep.Scope) *serversv1.Change {
	return &serversv1.Change{Kind: &serversv1.Change_ScopeLeft{ScopeLeft: scopelog.ToProto(s)}}
}

func member(who beep.UserID, roles ...uint64) *serversv1.Change {
	m := &serversv1.Member{UserId: uint64(who), ServerId: guildID, RoleIds: roles}
	return &serversv1.Change{Kind: &serversv1.Change_MemberSet{MemberSet: m}}
}

func memberRemoved(who beep.UserID) *serversv1.Change {
	return &serversv1.Change{Kind: &serversv1.Change_MemberRemoved{MemberRemoved: &serversv1.Removed{Id: uint64(who)}}}
}

func role(id uint64, rights ...string) *serversv1.Change {
	return &serversv1.Change{Kind: &serversv1.Change_RoleSet{RoleSet: &serversv1.Role{
		Id: id, ServerId: guildID, Position: uint32(id - guildID), Rights: rights,
	}}}
}

func channelSet(id beep.ChannelID, position uint32) *serversv1.Change {
	c := &serversv1.Channel{Id: uint64(id), ServerId: guildID, Kind: "text", Name: names[id.String()], Position: position}
	return &serversv1.Change{Kind: &serversv1.Change_ChannelSet{ChannelSet: c}}
}

func channelRemoved(id beep.ChannelID) *serversv1.Change {
	return &serversv1.Change{Kind: &serversv1.Change_ChannelRemoved{ChannelRemoved: &serversv1.Removed{Id: uint64(id)}}}
}

func overwrite(o *serversv1.Overwrite) *serversv1.Change {
	return &serversv1.Change{Kind: &serversv1.Change_OverwriteSet{OverwriteSet: o}}
}

// denied takes rights from one member in a channel.
func denied(who beep.UserID, ch beep.ChannelID, rights ...string) *serversv1.Change {
	return overwrite(&serversv1.Overwrite{ChannelId: uint64(ch), MemberId: uint64(who), Deny: rights})
}

func serverRemoved() *serversv1.Change {
	return &serversv1.Change{Kind: &serversv1.Change_ServerRemoved{ServerRemoved: &serversv1.Removed{Id: guildID}}}
}

func marshal(t testing.TB, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
