package permify_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/beep-chat/beep"
	permifyv1 "github.com/beep-chat/beep/api/permify/v1"
	"github.com/beep-chat/beep/authz"
	"github.com/beep-chat/beep/authz/authztest"
	"github.com/beep-chat/beep/authz/permify"
	"github.com/beep-chat/beep/perm"
)

// operator is someone who changes what Permify has, past Beep.
type operator struct {
	data   permifyv1.DataClient
	tenant string
	key    string
}

func newOperator(t *testing.T, address string) *operator {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient(u.Host, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &operator{permifyv1.NewDataClient(conn), strings.Trim(u.Path, "/"), u.User.Username()}
}

// set gives an entity, such as "seat:7.2", an attribute.
func (o *operator) set(t *testing.T, entity, name string, value proto.Message) {
	t.Helper()
	packed, err := anypb.New(value)
	if err != nil {
		t.Fatal(err)
	}
	kind, id, _ := strings.Cut(entity, ":")
	_, err = o.data.Write(metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+o.key), &permifyv1.DataWriteRequest{
		TenantId: o.tenant, Metadata: &permifyv1.DataWriteRequestMetadata{},
		Attributes: []*permifyv1.Attribute{{Entity: &permifyv1.Entity{Type: kind, Id: id}, Attribute: name, Value: packed}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func yes(b bool) proto.Message           { return &permifyv1.BooleanValue{Data: b} }
func text(s string) proto.Message        { return &permifyv1.StringValue{Data: s} }
func words(list ...string) proto.Message { return &permifyv1.StringArrayValue{Data: list} }

var (
	club   = beep.ServerScope(70)
	member = authz.Query{Scope: club, User: 2, Channel: 5, Right: perm.SendMessages}
	sends  = authz.Answer{Visible: true, Allowed: true}
	sees   = authz.Answer{Visible: true}
)

// found makes a server with an owner, 1, a member, 2, and a channel, 5.
func found(log *authztest.Log) (rev uint64) {
	return log.Add(club, perm.Role{ID: 70, Rights: perm.ViewChannels | perm.SendMessages}, perm.Server{Owner: 1},
		perm.Member{User: 1}, perm.Member{User: 2}, perm.Channel{ID: 5, Kind: perm.Text})
}

func expect(t *testing.T, e authz.Engine, q authz.Query, rev uint64, want authz.Answer) {
	t.Helper()
	if got, _, err := authztest.Ask(t.Context(), e, q, rev); err != nil || got != want {
		t.Errorf("%+v (%s) at %d: got %+v, %v, want %+v", q, q.Right, rev, got, err, want)
	}
}

// TestDecide_IsWhatPermifyHas: with nothing kept and nothing compared, what an operator changes in Permify changes what
// is decided, both ways, and nothing else does.
func TestDecide_IsWhatPermifyHas(t *testing.T) {
	t.Parallel()
	at, log := address(t), authztest.NewLog()
	e := remote(t, at, log, authz.RemoteOptions{})
	authztest.RunEngine(t, e)
	rev := found(log)
	expect(t, e, member, rev, sends)
	o := newOperator(t, at)
	stranger := authz.Query{Scope: club, User: 9, Channel: 5, Right: perm.SendMessages}
	manages := authz.Query{Scope: club, User: 2, Right: perm.ManageRoles}
	for _, change := range []struct {
		entity, name string
		value        proto.Message
		q            authz.Query
		want         authz.Answer
	}{
		{"seat:70.2", "muted", yes(true), member, sees},
		{"seat:70.2", "muted", yes(false), member, sends},
		{"seat:70.2", "member", yes(false), member, authz.Answer{}},
		{"seat:70.2", "member", yes(true), member, sends},
		{"channel:70.5", "deny", words("u2:send_messages"), member, sees},
		{"channel:70.5", "allow", words("u2:send_messages"), member, sends},
		{"channel:70.5", "deny", words("r70:view_channels"), member, authz.Answer{}},
		{"channel:70.5", "place", &permifyv1.StringValue{}, authz.Query{Scope: club, User: 1, Channel: 5}, authz.Answer{}},
		{"role:70.70", "rights", words("manage_roles"), manages, sends},
		{"role:70.70", "rights", words(), manages, sees},
		{"server:70", "owner", &permifyv1.StringValue{Data: "2"}, manages, sends},
		{"seat:70.9", "member", yes(true), authz.Query{Scope: club, User: 9}, sends},
		{"server:70", "alive", yes(false), manages, authz.Answer{}},
		{"server:70", "alive", yes(true), manages, sends},
	} {
		o.set(t, change.entity, change.name, change.value)
		expect(t, e, change.q, rev, change.want)
		if t.Failed() {
			t.Fatalf("after %s of %s", change.name, change.entity)
		}
	}
	expect(t, e, stranger, rev, authz.Answer{})
}

// TestSample_TheStricterAnswerHolds, and the difference is counted.
func TestSample_TheStricterAnswerHolds(t *testing.T) {
	t.Parallel()
	at, log := address(t), authztest.NewLog()
	var alarms atomic.Int64
	e := remote(t, at, log, authz.RemoteOptions{Sample: 1, CacheTTL: time.Hour, Count: func(string) { alarms.Add(1) }})
	authztest.RunEngine(t, e)
	rev := found(log)
	manages := authz.Query{Scope: club, User: 2, Right: perm.ManageRoles}
	expect(t, e, authz.Query{Scope: club, User: 1}, rev, sends)
	o := newOperator(t, at)
	o.set(t, "role:70.70", "rights", words("manage_roles", "view_channels"))
	for n := range int64(2) { // such an answer is not kept
		expect(t, e, manages, rev, sees)
		expect(t, e, member, rev, sees)
		if got := alarms.Load(); got != 2*(n+1) {
			t.Errorf("%d alarms", got)
		}
	}
}

// gate is a way to a server that can be shut.
type gate struct {
	to  string
	lis net.Listener

	mu    sync.Mutex // guards the rest
	shut  bool
	conns []net.Conn
}

func newGate(t *testing.T, to string) *gate {
	t.Helper()
	lis, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{to: to, lis: lis}
	t.Cleanup(func() { lis.Close(); g.close(true) })
	go func() {
		for {
			in, err := lis.Accept()
			if err != nil {
				return
			}
			g.pass(in)
		}
	}()
	return g
}

func (g *gate) pass(in net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	out, err := new(net.Dialer).DialContext(context.Background(), "tcp", g.to)
	if err != nil || g.shut {
		in.Close()
		return
	}
	g.conns = append(g.conns, in, out)
	for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
		go func() {
			_, _ = io.Copy(way[0], way[1]) // it ends when either end does
			way[0].Close()
		}()
	}
}

func (g *gate) close(shut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = shut
	for _, c := range g.conns {
		c.Close()
	}
	g.conns = nil
}

// TestOutage_FailsClosed: without Permify there is no decision, soon, about anything that was not decided before; and
// with it there is again, by itself.
func TestOutage_FailsClosed(t *testing.T) {
	t.Parallel()
	at := address(t)
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	g := newGate(t, u.Host)
	u.Host = g.lis.Addr().String()
	log := authztest.NewLog()
	e := remote(t, u.String(), log, authz.RemoteOptions{})
	authztest.RunEngine(t, e)
	rev := found(log)
	expect(t, e, member, rev, sends)
	g.close(true)
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		a, _, err := e.Decide(ctx, member, rev)
		cancel()
		if beep.CodeOf(err) != beep.CodeUnavailable || a != (authz.Answer{}) {
			t.Errorf("without Permify: %+v, %v", a, err)
		}
	}
	rev = log.Add(club, perm.Member{User: 2, Muted: true})
	if a, _, err := e.Decide(t.Context(), member, rev); beep.CodeOf(err) != beep.CodeUnavailable || a != (authz.Answer{}) {
		t.Errorf("a change without Permify: %+v, %v", a, err)
	}
	g.close(false)
	expect(t, e, member, rev, sees)
}

// TestOpen_RefusesWhatIsNoPermify without repeating the key.
func TestOpen_RefusesWhatIsNoPermify(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "http://secret@host:1", "permify://", "permify://secret@host:x/%zz"} {
		if _, err := permify.Open(address); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("Open(%q) = %v", address, err)
		}
	}
}

// TestRelays_DoNotMixWhatTheyWrite: two processes relay the same log, and each tells of it what it was.
func TestRelays_DoNotMixWhatTheyWrite(t *testing.T) {
	t.Parallel()
	at, log := address(t), authztest.NewLog()
	engines := []authz.Engine{remote(t, at, log, authz.RemoteOptions{}), remote(t, at, log, authz.RemoteOptions{})}
	for _, e := range engines {
		authztest.RunEngine(t, e)
	}
	first := found(log)
	// From here on the member is muted at every even revision, and not at an odd one.
	mute := func(rev uint64) bool { return rev > first && rev%2 == 0 }
	var running sync.WaitGroup
	var head atomic.Uint64
	head.Store(first)
	for i, e := range engines {
		running.Go(func() {
			for range 60 {
				rev := head.Load()
				if i == 0 {
					rev = log.Add(club, perm.Member{User: 2, Muted: mute(rev + 1)})
					head.Store(rev)
				}
				got, was, err := authztest.Ask(t.Context(), e, member, rev)
				if err != nil || !got.Visible || got.Allowed == mute(was) || was < rev {
					t.Errorf("relay %d: %+v at %d, %v, asked at %d", i, got, was, err, rev)
					return
				}
			}
		})
	}
	running.Wait()
}

// counting counts the checks that are made.
type counting struct {
	authz.Graph
	checks atomic.Int64
}

func (c *counting) Check(ctx context.Context, at authz.Stamp, q authz.Query) (authz.Answer, error) {
	c.checks.Add(1)
	return c.Graph.Check(ctx, at, q)
}

// TestCache_DropsWhatARowCanChange, and nothing else.
func TestCache_DropsWhatARowCanChange(t *testing.T) {
	t.Parallel()
	log, g := authztest.NewLog(), &counting{Graph: open(t, address(t))}
	e := authztest.Remote(g, log, authz.RemoteOptions{CacheTTL: time.Hour})
	authztest.RunEngine(t, e)
	rev := found(log)
	other := member
	other.User = 1
	expect(t, e, member, rev, sends)
	expect(t, e, other, rev, sends)
	for _, change := range []struct {
		row        perm.Row
		mine, hers bool // is asked again
	}{
		{perm.Member{User: 3}, false, false},
		{perm.Member{User: 2, Muted: true}, true, false},
		{perm.Role{ID: 71, Position: 1, Rights: perm.ManageRoles}, false, false},
		{perm.Channel{ID: 6, Kind: perm.Text}, false, false},
		{perm.Overwrite{Channel: 6, Role: 70, Mask: perm.Mask{Deny: perm.ViewChannels}}, false, false},
		{perm.Overwrite{Channel: 5, Member: 1, Mask: perm.Mask{Allow: perm.Speak}}, false, true},
		{perm.Overwrite{Channel: 5, Role: 70, Mask: perm.Mask{Allow: perm.SendMessages}}, true, true},
		{perm.Role{ID: 70, Rights: perm.ViewChannels}, true, true},
	} {
		rev = log.Add(club, change.row)
		for _, who := range []struct {
			q     authz.Query
			again bool
		}{{member, change.mine}, {other, change.hers}} {
			before := g.checks.Load()
			for range 3 {
				if _, at, err := authztest.Ask(t.Context(), e, who.q, rev); err != nil || at != rev {
					t.Fatal(at, err)
				}
			}
			if asked := g.checks.Load() > before; asked != who.again {
				t.Errorf("after %T %+v user %d is asked about again: %t, want %t", change.row, change.row, who.q.User, asked, who.again)
			}
		}
	}
}

var errDied = errors.New("the process died")
