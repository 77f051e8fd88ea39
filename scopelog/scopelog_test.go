package scopelog_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"google.golang.org/grpc"

	"github.com/beep-chat/beep"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/scopelog"
)

// source is a servers service with one server, its log in memory.
type source struct {
	serversv1.ScopeLogClient

	mu       sync.Mutex
	rows     []*serversv1.Change
	page     int
	resolved int
	down     bool
}

func (s *source) add(rows ...*serversv1.Change) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range rows {
		r.Rev = uint64(len(s.rows) + 1)
		s.rows = append(s.rows, r)
	}
}

func (s *source) GetRevs(_ context.Context, r *serversv1.GetRevsRequest, _ ...grpc.CallOption) (*serversv1.GetRevsResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return nil, beep.Unavailable(nil)
	}
	out := &serversv1.GetRevsResponse{}
	for range r.GetScopes() {
		out.Revs = append(out.Revs, uint64(len(s.rows)))
	}
	return out, nil
}

func (s *source) ListChanges(_ context.Context, r *serversv1.ListChangesRequest, _ ...grpc.CallOption) (*serversv1.ListChangesResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from := min(int(r.GetAfter()), len(s.rows))
	return &serversv1.ListChangesResponse{Changes: s.rows[from:min(from+s.page, len(s.rows))], Head: uint64(len(s.rows))}, nil
}

func (s *source) ResolveChannel(_ context.Context, r *serversv1.ResolveChannelRequest, _ ...grpc.CallOption) (*serversv1.ResolveChannelResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resolved++
	if r.GetChannelId() != general {
		return nil, beep.NotFound(beep.CodeChannelNotFound, "there is no such channel")
	}
	return &serversv1.ResolveChannelResponse{Scope: &serversv1.Scope{Kind: "server", Id: server}}, nil
}

const (
	server, general = 1, 10
	ada, bob        = 100, 101
)

func change(kind any) *serversv1.Change {
	switch k := kind.(type) {
	case *serversv1.Server:
		return &serversv1.Change{Kind: &serversv1.Change_ServerSet{ServerSet: k}}
	case *serversv1.Role:
		return &serversv1.Change{Kind: &serversv1.Change_RoleSet{RoleSet: k}}
	case *serversv1.Member:
		return &serversv1.Change{Kind: &serversv1.Change_MemberSet{MemberSet: k}}
	case *serversv1.Channel:
		return &serversv1.Change{Kind: &serversv1.Change_ChannelSet{ChannelSet: k}}
	case *serversv1.Overwrite:
		return &serversv1.Change{Kind: &serversv1.Change_OverwriteSet{OverwriteSet: k}}
	}
	return &serversv1.Change{}
}

func harbour() *source {
	s := &source{page: 2}
	s.add(
		change(&serversv1.Server{Id: server, OwnerId: ada}),
		change(&serversv1.Role{Id: server, ServerId: server, Rights: []string{"view_channels", "send_messages"}}),
		change(&serversv1.Member{UserId: ada, ServerId: server}), change(&serversv1.Member{UserId: bob, ServerId: server}),
		change(&serversv1.Channel{Id: general, ServerId: server, Kind: "text"}),
	)
	return s
}

func rights(t *testing.T, l *scopelog.Log) (r perm.Rights) {
	t.Helper()
	if err := l.Now(t.Context(), beep.ServerScope(server), func(v *perm.View) { r = v.ChannelRights(bob, general) }); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestNow_FollowsTheLogPageByPage(t *testing.T) {
	s := harbour()
	l := scopelog.New(s)
	if r := rights(t, l); !r.Has(perm.ViewChannels | perm.SendMessages) {
		t.Errorf("got %v before the overwrite", r)
	}
	s.add(change(&serversv1.Overwrite{Id: 5, ChannelId: general, MemberId: bob, Deny: []string{"send_messages"}}))
	if r := rights(t, l); r.Has(perm.SendMessages) || !r.Has(perm.ViewChannels) {
		t.Errorf("got %v after the overwrite", r)
	}
}

func TestAt_IsNeverOlderThanAsked(t *testing.T) {
	s := harbour()
	l := scopelog.New(s)
	var rev uint64
	if err := l.At(t.Context(), beep.ServerScope(server), 3, func(v *perm.View) { rev = v.Rev() }); err != nil || rev < 3 {
		t.Errorf("got revision %d, %v; want at least 3", rev, err)
	}
	var e *beep.Error
	err := l.At(t.Context(), beep.ServerScope(server), 99, func(*perm.View) { t.Error("called at a revision that is not there") })
	if !errors.As(err, &e) || e.Kind != beep.KindUnavailable {
		t.Errorf("got %v, want unavailable", err)
	}
}

func TestNow_FailsClosed(t *testing.T) {
	s := harbour()
	l := scopelog.New(s)
	rights(t, l)
	s.down = true
	if err := l.Now(t.Context(), beep.ServerScope(server), func(*perm.View) { t.Error("decided without the log") }); err == nil {
		t.Error("no error")
	}
}

// A row that nobody understands must not be skipped: the View would be wrong from then on.
func TestAt_StopsAtARowItDoesNotUnderstand(t *testing.T) {
	s := harbour()
	s.add(&serversv1.Change{})
	err := scopelog.New(s).Now(t.Context(), beep.ServerScope(server), func(*perm.View) { t.Error("decided past it") })
	if err == nil {
		t.Error("no error")
	}
}

func TestChannel_IsResolvedOnce(t *testing.T) {
	s := harbour()
	l := scopelog.New(s)
	for range 3 {
		if scope, err := l.Channel(t.Context(), general); err != nil || scope != beep.ServerScope(server) {
			t.Fatalf("got %v, %v", scope, err)
		}
	}
	if s.resolved != 1 {
		t.Errorf("asked %d times", s.resolved)
	}
	if _, err := l.Channel(t.Context(), 11); err == nil {
		t.Error("an unknown channel has a scope")
	}
}

func TestNow_ManyReadersWhileTheLogGrows(t *testing.T) {
	s := harbour()
	l := scopelog.New(s)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				rights(t, l)
			}
		})
	}
	for i := range uint64(50) {
		s.add(change(&serversv1.Member{UserId: 200 + i, ServerId: server}))
	}
	all.Wait()
}
