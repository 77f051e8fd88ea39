package perm_test

import (
	"runtime"
	"testing"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/perm"
)

// A large channel of a large server: 20 roles each, 50 overwrites, 100,000 members in 150 sets of roles.
const (
	manyMembers = 100_000
	bigChannel  = beep.ChannelID(1)
)

func bigServer(tb testing.TB) *perm.View {
	tb.Helper()
	v := perm.NewView(beep.ServerScope(1))
	add := func(row perm.Row) {
		if _, err := v.Apply(perm.Change{Scope: v.Scope(), Rev: v.Rev() + 1, Row: row}); err != nil {
			tb.Fatal(err)
		}
	}
	add(perm.Role{ID: everyone, Rights: perm.DefaultEveryone})
	add(perm.Channel{ID: bigChannel, Kind: perm.Text})
	for i := range 50 {
		id := beep.RoleID(i + 2)
		add(perm.Role{ID: id, Position: uint32(i + 1), Rights: 1 << (i%15 + 1)})
		add(perm.Overwrite{Channel: bigChannel, Role: id, Mask: perm.Mask{Allow: view, Deny: send}})
	}
	roles := make([]beep.RoleID, 20)
	for user := range manyMembers {
		for i := range roles {
			roles[i] = beep.RoleID(2 + (user+i*(1+user%3))%50)
		}
		add(perm.Member{User: beep.UserID(user + 1), Roles: roles})
	}
	return v
}

func TestView_HoldsAHundredThousandMembers(t *testing.T) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	v := bigServer(t)
	runtime.GC()
	runtime.ReadMemStats(&after)
	if v.MemberCount() != manyMembers {
		t.Fatalf("%d members", v.MemberCount())
	}
	each := float64(after.HeapAlloc-before.HeapAlloc) / manyMembers
	t.Logf("%.0f bytes a member", each)
	if each > 80 {
		t.Errorf("%.0f bytes a member, want at most 80", each)
	}
	n := 0
	for range v.Audience(bigChannel) {
		n++
	}
	if n != manyMembers {
		t.Errorf("an audience of %d", n)
	}
}

func BenchmarkChannelRights(b *testing.B) {
	v := bigServer(b)
	b.ReportAllocs()
	var sink perm.Rights
	for b.Loop() {
		sink |= v.ChannelRights(7, bigChannel)
	}
	runtime.KeepAlive(sink)
}

func BenchmarkAudience(b *testing.B) {
	v := bigServer(b)
	b.ReportAllocs()
	for b.Loop() {
		for user := range v.Audience(bigChannel) {
			runtime.KeepAlive(user)
		}
	}
}

func BenchmarkApplyMember(b *testing.B) {
	v := bigServer(b)
	rows := [2]perm.Row{
		perm.Member{User: 7, Roles: []beep.RoleID{2, 3, 4}},
		perm.Member{User: 7, Roles: []beep.RoleID{2, 3, 4}, Muted: true},
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := v.Apply(perm.Change{Scope: v.Scope(), Rev: v.Rev() + 1, Row: rows[i%2]}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkApplyRole(b *testing.B) {
	v := bigServer(b)
	rows := [2]perm.Row{perm.Role{ID: 2, Position: 1}, perm.Role{ID: 2, Position: 1, Rights: perm.Connect}}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := v.Apply(perm.Change{Scope: v.Scope(), Rev: v.Rev() + 1, Row: rows[i%2]}); err != nil {
			b.Fatal(err)
		}
	}
}
