package perm_test

import (
	"errors"
	"iter"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/perm"
)

// The cast of the view tests: a server 1 of ada (owner), bob and cyn.
const (
	everyone beep.RoleID    = 1
	mods     beep.RoleID    = 2
	guests   beep.RoleID    = 3
	ada      beep.UserID    = 10
	bob      beep.UserID    = 11
	cyn      beep.UserID    = 12
	general  beep.ChannelID = 20
	staff    beep.ChannelID = 21 // a category
	plans    beep.ChannelID = 22 // in staff, follows it
	thread   beep.ChannelID = 23 // of plans
)

const view, send = perm.ViewChannels, perm.SendMessages

func apply(t *testing.T, v *perm.View, rows ...perm.Row) perm.Affects {
	t.Helper()
	var last perm.Affects
	for _, row := range rows {
		a, err := v.Apply(perm.Change{Scope: v.Scope(), Rev: v.Rev() + 1, Row: row})
		if err != nil {
			t.Fatalf("apply %#v: %v", row, err)
		}
		last = a
	}
	return last
}

func newServer(t *testing.T, rows ...perm.Row) *perm.View {
	t.Helper()
	v := perm.NewView(beep.ServerScope(1))
	apply(
		t, v,
		perm.Server{Owner: ada},
		perm.Role{ID: everyone, Rights: view | send},
		perm.Role{ID: mods, Position: 2, Rights: perm.ManageMessages | perm.ManageChannels},
		perm.Role{ID: guests, Position: 1},
		perm.Member{User: ada},
		perm.Member{User: bob, Roles: []beep.RoleID{mods}},
		perm.Member{User: cyn},
		perm.Channel{ID: general, Kind: perm.Text},
		perm.Channel{ID: staff, Kind: perm.Category},
		perm.Overwrite{Channel: staff, Role: everyone, Mask: perm.Mask{Deny: view}},
		perm.Overwrite{Channel: staff, Role: mods, Mask: perm.Mask{Allow: view}},
		perm.Channel{ID: plans, Kind: perm.Text, Parent: staff, Synced: true},
		perm.Channel{ID: thread, Kind: perm.Thread, Parent: plans},
	)
	apply(t, v, rows...)
	return v
}

func sorted[T interface{ ~uint64 }](seq iter.Seq[T]) []T { return slices.Sorted(seq) }

func wantAudience(t *testing.T, v *perm.View, ch beep.ChannelID, want ...beep.UserID) {
	t.Helper()
	if diff := cmp.Diff(want, sorted(v.Audience(ch))); diff != "" {
		t.Errorf("audience of %s (-want +got):\n%s", ch, diff)
	}
}

func TestApply_TakesOnlyTheNextRevision(t *testing.T) {
	v := newServer(t)
	rev := v.Rev()
	change := perm.Change{Scope: v.Scope(), Rev: rev, Row: perm.ServerRemoved{}}
	if a, err := v.Apply(change); err != nil || !a.None() || v.Rev() != rev || v.Owner() != ada {
		t.Errorf("an old row: %v, %v, rev %d", a, err, v.Rev())
	}
	change.Rev = rev + 2
	if _, err := v.Apply(change); !errors.Is(err, perm.ErrGap) || v.Rev() != rev || v.Owner() != ada {
		t.Errorf("a gap: %v, rev %d", err, v.Rev())
	}
	change.Rev, change.Scope = rev+1, beep.ServerScope(2)
	if _, err := v.Apply(change); !errors.Is(err, perm.ErrScope) || v.Rev() != rev {
		t.Errorf("another scope: %v, rev %d", err, v.Rev())
	}
	if a, err := v.Apply(perm.Change{Scope: v.Scope(), Rev: rev + 1}); err != nil || !a.None() || v.Rev() != rev+1 {
		t.Errorf("a row without permissions: %v, %v, rev %d", a, err, v.Rev())
	}
}

func TestApply_RefusesRowsThatDoNotFit(t *testing.T) {
	v := newServer(t)
	rev := v.Rev()
	for name, row := range map[string]perm.Row{
		"of a direct scope":           perm.ParticipantAdded{User: bob},
		"of a personal scope":         perm.ScopeJoined{Scope: v.Scope()},
		"role without id":             perm.Role{Position: 3},
		"role beside @everyone":       perm.Role{ID: 9, Position: 0},
		"@everyone above":             perm.Role{ID: everyone, Position: 1},
		"@everyone removed":           perm.RoleRemoved{ID: everyone},
		"member without id":           perm.Member{},
		"member with unknown role":    perm.Member{User: cyn, Roles: []beep.RoleID{mods, 99}},
		"channel without id":          perm.Channel{Kind: perm.Text},
		"channel without kind":        perm.Channel{ID: 30},
		"channel of unknown kind":     perm.Channel{ID: 30, Kind: 9},
		"channel under itself":        perm.Channel{ID: 30, Kind: perm.Thread, Parent: 30},
		"overwrite for nobody":        perm.Overwrite{Channel: general, Mask: perm.Mask{Allow: view}},
		"overwrite for two":           perm.Overwrite{Channel: general, Role: mods, Member: bob},
		"overwrite in unknown":        perm.Overwrite{Channel: 99, Role: mods, Mask: perm.Mask{Allow: view}},
		"overwrite in a thread":       perm.Overwrite{Channel: thread, Role: mods, Mask: perm.Mask{Allow: view}},
		"overwrite for unknown role":  perm.Overwrite{Channel: general, Role: 99, Mask: perm.Mask{Allow: view}},
		"overwrite removed from none": perm.OverwriteRemoved{Channel: general},
	} {
		if _, err := v.Apply(perm.Change{Scope: v.Scope(), Rev: rev + 1, Row: row}); !errors.Is(err, perm.ErrRow) {
			t.Errorf("%s: got %v, want ErrRow", name, err)
		}
	}
	if m, _ := v.Member(cyn); v.Rev() != rev || len(m.Roles) != 0 {
		t.Errorf("a refused row changed the view: rev %d, member %v", v.Rev(), m)
	}
}

func TestView_RightsFollowTheRows(t *testing.T) {
	v := newServer(t)
	wantAudience(t, v, general, ada, bob, cyn)
	wantAudience(t, v, plans, ada, bob)
	wantAudience(t, v, thread, ada, bob)
	if got := v.Rights(ada); got != perm.All {
		t.Errorf("owner: %s", got)
	}
	if got, want := v.Rights(bob), view|send|perm.ManageMessages|perm.ManageChannels; got != want {
		t.Errorf("moderator: got %s, want %s", got, want)
	}
	if got := v.Rights(99) | v.ChannelRights(99, general) | v.ChannelRights(ada, 99); got != 0 {
		t.Errorf("a stranger, or an unknown channel: %s", got)
	}
	apply(t, v, perm.Role{ID: everyone})
	wantAudience(t, v, general, ada)
	apply(t, v, perm.Role{ID: guests, Position: 1, Rights: view}, perm.Member{User: cyn, Roles: []beep.RoleID{guests}})
	wantAudience(t, v, general, ada, cyn)
	apply(t, v, perm.Server{Owner: cyn})
	if v.Rights(ada) != 0 || v.Rights(cyn) != perm.All {
		t.Errorf("handed over: old %s, new %s", v.Rights(ada), v.Rights(cyn))
	}
	apply(t, v, perm.ServerRemoved{}, perm.Member{User: cyn})
	if v.Owner() != 0 || v.MemberCount() != 0 || v.Rights(cyn) != 0 {
		t.Error("something is left of a removed server")
	}
}

func TestView_MuteLeavesLooking(t *testing.T) {
	v := newServer(t, perm.Member{User: bob, Roles: []beep.RoleID{mods}, Muted: true})
	if got := v.Rights(bob); got != view {
		t.Errorf("on the server: %s", got)
	}
	if got := v.ChannelRights(bob, plans); got != view {
		t.Errorf("in a channel: %s", got)
	}
	apply(t, v, perm.Member{User: ada, Muted: true})
	if got := v.ChannelRights(ada, plans); got != perm.All {
		t.Errorf("the owner: %s", got)
	}
}

func TestView_RemovedRoleGoesWithAssignmentsAndOverwrites(t *testing.T) {
	v := newServer(t, perm.Member{User: cyn, Roles: []beep.RoleID{guests, mods, guests, everyone}})
	kept, _ := v.Member(cyn)
	if diff := cmp.Diff([]beep.RoleID{mods, guests}, kept.Roles); diff != "" {
		t.Errorf("roles of cyn (-want +got):\n%s", diff)
	}
	apply(t, v, perm.RoleRemoved{ID: mods})
	wantAudience(t, v, plans, ada)
	if m, _ := v.Member(cyn); !slices.Equal(m.Roles, []beep.RoleID{guests}) {
		t.Errorf("cyn has %v", m.Roles)
	}
	if !slices.Equal(kept.Roles, []beep.RoleID{mods, guests}) {
		t.Errorf("what was answered before changed to %v", kept.Roles)
	}
	// The same id again is a new role: nothing of the old one may come back.
	apply(t, v, perm.Role{ID: mods, Position: 2, Rights: perm.ManageMessages}, perm.Member{User: bob, Roles: []beep.RoleID{mods}})
	wantAudience(t, v, plans, ada)
	if got := v.Rights(cyn); got != view|send {
		t.Errorf("cyn holds %s", got)
	}
}

func TestView_OverwritesOfWhoLeftStay(t *testing.T) {
	v := newServer(t, perm.Overwrite{Channel: general, Member: cyn, Mask: perm.Mask{Deny: view}})
	wantAudience(t, v, general, ada, bob)
	apply(t, v, perm.MemberRemoved{User: cyn}, perm.Member{User: cyn})
	wantAudience(t, v, general, ada, bob)
	apply(t, v, perm.OverwriteRemoved{Channel: general, Member: cyn})
	wantAudience(t, v, general, ada, bob, cyn)
}

func TestView_SyncedChannelFollowsItsCategory(t *testing.T) {
	own := perm.Overwrite{Channel: plans, Role: everyone, Mask: perm.Mask{Allow: view}}
	v := newServer(t)
	if a := apply(t, v, own); !a.None() {
		t.Errorf("an overwrite that does not hold affects %+v", a)
	}
	wantAudience(t, v, plans, ada, bob)
	a := apply(t, v, perm.OverwriteRemoved{Channel: staff, Role: mods})
	slices.Sort(a.Channels)
	if diff := cmp.Diff(perm.Affects{Channels: []beep.ChannelID{staff, plans, thread}}, a); diff != "" {
		t.Errorf("a category's overwrite affects (-want +got):\n%s", diff)
	}
	wantAudience(t, v, thread, ada)
	apply(t, v, perm.Channel{ID: plans, Kind: perm.Text, Parent: staff})
	wantAudience(t, v, thread, ada, bob, cyn)
	// Followers of a category that is gone must not fall open.
	apply(t, v, perm.Channel{ID: plans, Kind: perm.Text, Parent: staff, Synced: true}, perm.ChannelRemoved{ID: staff})
	wantAudience(t, v, thread, ada)
}

func TestView_ThreadsLiveInTheirParent(t *testing.T) {
	v := newServer(t)
	apply(t, v, perm.Channel{ID: thread, Kind: perm.Thread, Parent: general, Archived: true})
	if got := v.ChannelRights(cyn, thread); got != view {
		t.Errorf("archived: %s", got)
	}
	apply(t, v, perm.Channel{ID: thread, Kind: perm.Thread, Parent: general, Locked: true})
	if got := v.ChannelRights(bob, thread); !got.Has(send) {
		t.Errorf("locked, for a moderator: %s", got)
	}
	a := apply(t, v, perm.ChannelRemoved{ID: general})
	slices.Sort(a.Channels)
	if diff := cmp.Diff([]beep.ChannelID{general, thread}, a.Channels); diff != "" {
		t.Errorf("removal affects (-want +got):\n%s", diff)
	}
	if _, ok := v.Channel(thread); ok || v.ChannelRights(ada, thread) != 0 {
		t.Error("a thread outlives its channel")
	}
	for _, parent := range []beep.ChannelID{0, 99, staff, 30} {
		apply(t, v, perm.Channel{ID: 30, Kind: perm.Thread, Parent: plans}, perm.Channel{ID: 31, Kind: perm.Thread, Parent: parent})
		if got := v.ChannelRights(ada, 31); got != 0 {
			t.Errorf("a thread of %s gives the owner %s", parent, got)
		}
	}
}

func TestView_QueriesAgreeOnWhatIsThere(t *testing.T) {
	v := newServer(t)
	if diff := cmp.Diff([]beep.ChannelID{general, staff, plans, thread}, sorted(v.VisibleChannels(bob))); diff != "" {
		t.Errorf("bob sees (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]beep.ChannelID{general}, sorted(v.VisibleChannels(cyn))); diff != "" {
		t.Errorf("cyn sees (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]beep.UserID{ada, bob, cyn}, sorted(v.Members())); diff != "" || v.MemberCount() != 3 {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	roles, channels, overwrites := 0, 0, 0
	for r := range v.Roles() {
		if same, ok := v.Role(r.ID); !ok || same != r {
			t.Errorf("role %v", r)
		}
		roles++
	}
	for c := range v.Channels() {
		if same, ok := v.Channel(c.ID); !ok || same != c {
			t.Errorf("channel %v", c)
		}
		channels++
		for range v.Overwrites(c.ID) {
			overwrites++
		}
	}
	if roles != 3 || channels != 4 || overwrites != 2 {
		t.Errorf("%d roles, %d channels, %d overwrites", roles, channels, overwrites)
	}
	// Every iterator stops when it is told to.
	for range v.VisibleChannels(bob) {
		break
	}
	for range v.Audience(general) {
		break
	}
}

func TestView_DirectScope(t *testing.T) {
	v := perm.NewView(beep.DirectScope(general))
	a := apply(t, v, perm.ParticipantAdded{User: ada}, perm.ParticipantAdded{User: bob})
	if a.User != bob || a.All {
		t.Errorf("joining affects %+v", a)
	}
	wantAudience(t, v, general, ada, bob)
	if got := v.ChannelRights(ada, general); got != perm.InDirect(false) || v.Rights(ada) != got {
		t.Errorf("participant: %s", got)
	}
	if v.ChannelRights(cyn, general) != 0 || v.ChannelRights(ada, staff) != 0 || len(sorted(v.VisibleChannels(cyn))) != 0 {
		t.Error("a stranger, or another channel")
	}
	if diff := cmp.Diff([]beep.ChannelID{general}, sorted(v.VisibleChannels(bob))); diff != "" {
		t.Errorf("bob sees (-want +got):\n%s", diff)
	}
	if a := apply(t, v, perm.BlockSet{By: ada}); !a.All || v.ChannelRights(bob, general) != view || v.ChannelRights(ada, general) != view {
		t.Errorf("blocked: affects %+v, bob holds %s", a, v.ChannelRights(bob, general))
	}
	if a := apply(t, v, perm.BlockSet{By: bob}, perm.BlockRemoved{By: ada}); !a.None() || v.ChannelRights(bob, general) != view {
		t.Errorf("still blocked by the other: affects %+v", a)
	}
	if a := apply(t, v, perm.BlockRemoved{By: bob}); !a.All || !v.ChannelRights(bob, general).Has(send) {
		t.Errorf("unblocked: affects %+v", a)
	}
	apply(t, v, perm.ParticipantRemoved{User: bob})
	wantAudience(t, v, general, ada)
}

func TestView_PersonalScope(t *testing.T) {
	v := perm.NewView(beep.UserScope(ada))
	server, dm := beep.ServerScope(1), beep.DirectScope(general)
	apply(t, v, perm.ScopeJoined{Scope: server}, perm.ScopeJoined{Scope: dm})
	if a := apply(t, v, perm.ScopeJoined{Scope: dm}); !a.None() {
		t.Errorf("joined again affects %+v", a)
	}
	if a := apply(t, v, perm.ScopeLeft{Scope: server}); !a.All {
		t.Errorf("left affects %+v", a)
	}
	if got := slices.Collect(v.Scopes()); !slices.Equal(got, []beep.Scope{dm}) {
		t.Errorf("scopes %v", got)
	}
	if v.Rights(ada) != 0 || v.ChannelRights(ada, general) != 0 {
		t.Error("a personal scope gives rights")
	}
}

func TestView_EvaluationAllocatesNothing(t *testing.T) {
	v := newServer(t)
	var sink perm.Rights
	for name, f := range map[string]func(){
		"rights": func() { sink |= v.Rights(bob) },
		"thread": func() { sink |= v.ChannelRights(bob, thread) },
		"kernel": func() {
			sink |= perm.Effective(perm.InChannel(perm.Base(false, sink), perm.Mask{}, perm.Mask{}, perm.Mask{}), true)
		},
		"member":  func() { m, _ := v.Member(bob); sink |= perm.Rights(len(m.Roles)) },
		"visible": func() { _ = v.CanView(cyn, plans) },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
