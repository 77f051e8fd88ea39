package decisions

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/beep-chat/beep"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/scopelog"
	"github.com/beep-chat/beep/servers"
)

const (
	// histories are played, of so many steps each; every few steps what is there is looked at.
	histories, steps, lookEvery = 12, 120, 8
	dan                         = 105

	mutedAndGone = "a mute of who is gone"
)

// TestHistory_TablesSayWhatTheLogSays: whatever happens to a community, who reads its tables and who reads its log see
// the same: the rows of a change and what it does to the state are two texts, and nothing but this holds them together.
func TestHistory_TablesSayWhatTheLogSays(t *testing.T) {
	each(t, func(t *testing.T, s *system) {
		t.Helper()
		running, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.run(running) }() // it ends mutes while the history goes on
		t.Cleanup(func() {
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
		did := map[string]int{}
		for seed := range uint64(histories) {
			h := &history{system: s, t: t, rng: rand.New(rand.NewPCG(seed, 0)), banned: map[beep.UserID]bool{}, did: did, follows: scopelog.New(s.log)}
			h.play()
			if t.Failed() {
				t.Fatalf("in history %d", seed)
			}
		}
		t.Log(did)
		for _, what := range append(slices.Collect(maps.Keys((&history{}).deeds())), mutedAndGone) {
			if did[what] == 0 {
				t.Errorf("in no history %s came to be: the test says nothing about it", what)
			}
		}
	})
}

// history is what happens to one community.
type history struct {
	*system

	t       *testing.T
	rng     *rand.Rand
	server  uint64
	code    string
	banned  map[beep.UserID]bool
	did     map[string]int
	follows *scopelog.Log // reads on from where it was
}

func (h *history) play() {
	h.t.Helper()
	h.server, h.code = h.community(h.t)
	for step := range steps {
		deeds := h.deeds()
		what := pick(h.rng, slices.Sorted(maps.Keys(deeds)))
		actor := value(h.store.Server(h.t.Context(), beep.ServerID(h.server)))(h.t).Owner
		if h.rng.IntN(4) == 0 { // mostly refused, and then nothing may have happened
			actor = h.person()
		}
		err := deeds[what](h.as(h.t, actor))
		var refusal *beep.Error
		switch {
		case err == nil:
			h.did[what]++
		case !errors.As(err, &refusal) || refusal.Kind == beep.KindInternal || refusal.Kind == beep.KindUnavailable:
			h.t.Fatalf("step %d, %s: %v", step, what, err)
		}
		if step%lookEvery == lookEvery-1 {
			h.look()
		}
	}
	h.look()
}

func pick[T any](rng *rand.Rand, all []T) (one T) {
	if len(all) == 0 {
		return one
	}
	return all[rng.IntN(len(all))]
}

func (h *history) person() beep.UserID { return pick(h.rng, []beep.UserID{ann, bob, cat, dan, eve}) }

func (h *history) role() uint64 {
	return uint64(pick(h.rng, value(h.store.Roles(h.t.Context(), beep.ServerID(h.server)))(h.t)).ID)
}

// channel is one of a kind, or none.
func (h *history) channel(kinds ...servers.ChannelKind) uint64 {
	all := value(h.store.Channels(h.t.Context(), beep.ServerID(h.server)))(h.t)
	all = slices.DeleteFunc(all, func(c servers.Channel) bool { return len(kinds) > 0 && !slices.Contains(kinds, c.Kind) })
	return uint64(pick(h.rng, all).ID)
}

func (h *history) rights() (names []string) {
	for n := range 16 {
		if h.rng.IntN(3) == 0 {
			names = append(names, perm.Rights(1<<n).Names()...)
		}
	}
	return names
}

// masks are rights for the two sides of an overwrite.
func (h *history) masks() (allow, deny []string) {
	for _, name := range perm.OverwriteRights.Names() {
		switch h.rng.IntN(4) {
		case 0:
			allow = append(allow, name)
		case 1:
			deny = append(deny, name)
		}
	}
	return allow, deny
}

// deeds are what may happen next.
func (h *history) deeds() map[string]func(context.Context) error {
	all := h.toRoles()
	maps.Copy(all, h.toMembers())
	maps.Copy(all, h.toChannels())
	return all
}

func (h *history) toRoles() map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"a new role": func(ctx context.Context) error {
			return second(h.CreateRole(ctx, &serversv1.CreateRoleRequest{ServerId: h.server, Name: "r", Rights: h.rights()}))
		},
		"an edit of a role": func(ctx context.Context) error {
			return second(h.UpdateRole(ctx, &serversv1.UpdateRoleRequest{ServerId: h.server, RoleId: h.role(), Rights: &serversv1.Rights{Names: h.rights()}}))
		},
		"the end of a role": func(ctx context.Context) error {
			return second(h.DeleteRole(ctx, &serversv1.DeleteRoleRequest{ServerId: h.server, RoleId: h.role()}))
		},
		"another order of roles": func(ctx context.Context) error {
			q := &serversv1.ReorderRolesRequest{ServerId: h.server}
			for _, r := range value(h.store.Roles(ctx, beep.ServerID(h.server)))(h.t) {
				if uint64(r.ID) != h.server {
					q.RoleIds = append(q.RoleIds, uint64(r.ID))
				}
			}
			h.rng.Shuffle(len(q.GetRoleIds()), func(i, j int) { q.RoleIds[i], q.RoleIds[j] = q.RoleIds[j], q.RoleIds[i] })
			return second(h.ReorderRoles(ctx, q))
		},
		"a role given": func(ctx context.Context) error {
			return second(h.AssignRole(ctx, &serversv1.AssignRoleRequest{ServerId: h.server, UserId: uint64(h.person()), RoleId: h.role()}))
		},
		"a role taken": func(ctx context.Context) error {
			return second(h.UnassignRole(ctx, &serversv1.UnassignRoleRequest{ServerId: h.server, UserId: uint64(h.person()), RoleId: h.role()}))
		},
	}
}

func (h *history) toMembers() map[string]func(context.Context) error {
	join := func(context.Context) error {
		return second(h.AcceptInvitation(h.as(h.t, h.person()), &serversv1.AcceptInvitationRequest{Code: h.code}))
	}
	return map[string]func(context.Context) error{
		"a join": join, "another join": join,
		"a leave": func(context.Context) error {
			return second(h.LeaveServer(h.as(h.t, h.person()), &serversv1.LeaveServerRequest{ServerId: h.server}))
		},
		"a kick": func(ctx context.Context) error {
			return second(h.KickMember(ctx, &serversv1.KickMemberRequest{ServerId: h.server, UserId: uint64(h.person())}))
		},
		"a ban": func(ctx context.Context) error {
			return h.bans(h.person(), true, func(user uint64) error {
				return second(h.BanUser(ctx, &serversv1.BanUserRequest{ServerId: h.server, UserId: user}))
			})
		},
		"an unban": func(ctx context.Context) error {
			user := h.person()
			if banned := slices.Sorted(maps.Keys(h.banned)); len(banned) > 0 {
				user = pick(h.rng, banned)
			}
			return h.bans(user, false, func(user uint64) error {
				return second(h.UnbanUser(ctx, &serversv1.UnbanUserRequest{ServerId: h.server, UserId: user}))
			})
		},
		"a mute": func(ctx context.Context) error {
			seconds := pick(h.rng, []uint32{1, 60, 3600})
			return second(h.MuteMember(ctx, &serversv1.MuteMemberRequest{ServerId: h.server, UserId: uint64(h.person()), Seconds: seconds}))
		},
		"the end of a mute": func(ctx context.Context) error {
			return second(h.UnmuteMember(ctx, &serversv1.UnmuteMemberRequest{ServerId: h.server, UserId: uint64(h.person())}))
		},
		"a nickname": func(ctx context.Context) error {
			return second(h.UpdateNickname(ctx, &serversv1.UpdateNicknameRequest{ServerId: h.server, UserId: uint64(h.person()), Nickname: "n"}))
		},
		"another owner": func(ctx context.Context) error {
			return second(h.TransferServer(ctx, &serversv1.TransferServerRequest{ServerId: h.server, UserId: uint64(h.person())}))
		},
	}
}

// bans remembers who is banned.
func (h *history) bans(user beep.UserID, banned bool, do func(user uint64) error) error {
	err := do(uint64(user))
	if err == nil {
		h.banned[user] = banned
	}
	return err
}

func (h *history) toChannels() map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"a category": func(ctx context.Context) error {
			return second(h.CreateChannel(ctx, &serversv1.CreateChannelRequest{ServerId: h.server, Kind: "category", Name: "c"}))
		},
		"a channel": func(ctx context.Context) error {
			return second(h.CreateChannel(ctx, &serversv1.CreateChannelRequest{ServerId: h.server, Name: "c", ParentId: h.channel(servers.Category)}))
		},
		"a private channel": func(ctx context.Context) error {
			return second(h.CreateChannel(ctx, &serversv1.CreateChannelRequest{
				ServerId: h.server, Name: "c", ParentId: h.channel(servers.Category), Private: true, MemberIds: []uint64{bob},
			}))
		},
		"a move": func(ctx context.Context) error {
			parent, synced := h.channel(servers.Category), h.rng.IntN(2) == 0
			return second(h.UpdateChannel(ctx, &serversv1.UpdateChannelRequest{ChannelId: h.channel(servers.Text), ParentId: &parent, Synced: &synced}))
		},
		"the end of a channel": func(ctx context.Context) error {
			return second(h.DeleteChannel(ctx, &serversv1.DeleteChannelRequest{ChannelId: h.channel()}))
		},
		"an overwrite of a role": func(ctx context.Context) error {
			allow, deny := h.masks()
			return second(h.SetOverwrite(ctx, &serversv1.SetOverwriteRequest{ChannelId: h.channel(), RoleId: h.role(), Allow: allow, Deny: deny}))
		},
		"an overwrite of a member": func(ctx context.Context) error {
			allow, deny := h.masks()
			return second(h.SetOverwrite(ctx, &serversv1.SetOverwriteRequest{ChannelId: h.channel(), MemberId: uint64(h.person()), Allow: allow, Deny: deny}))
		},
		"the end of an overwrite": func(ctx context.Context) error {
			channel := h.channel()
			o := pick(h.rng, value(h.store.Overwrites(ctx, beep.ChannelID(channel)))(h.t))
			return second(h.ClearOverwrite(ctx, &serversv1.ClearOverwriteRequest{ChannelId: channel, OverwriteId: o.ID}))
		},
		"whom a channel is for": func(ctx context.Context) error {
			private := h.rng.IntN(2) == 0
			return second(h.SetChannelAccess(ctx, &serversv1.SetChannelAccessRequest{
				ChannelId: h.channel(), Private: &private, AddMemberIds: []uint64{uint64(h.person())},
			}))
		},
	}
}

// look holds the tables against the log, as one reader who was there all the time and one who begins now have it.
func (h *history) look() {
	h.t.Helper()
	scope := beep.ServerScope(beep.ServerID(h.server))
	for range 20 { // at one revision: a mute may end in between
		before := h.rev()
		want, rev := picture(h.tables()), h.rev()
		if rev != before {
			continue
		}
		for who, log := range map[string]*scopelog.Log{"who was there": h.follows, "who begins": scopelog.New(h.log)} {
			var got state
			var at uint64
			if err := log.Now(h.t.Context(), scope, func(v *perm.View) { got, at = picture(v), v.Rev() }); err != nil {
				h.t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" && at == rev {
				h.t.Fatalf("at %d the tables differ from what %s reads in the log (-tables +log):\n%s", rev, who, diff)
			}
		}
		h.records()
		return
	}
	h.t.Fatal("the scope never rests")
}

func (h *history) rev() uint64 {
	h.t.Helper()
	return value(h.store.Revs(h.t.Context(), []beep.Scope{beep.ServerScope(beep.ServerID(h.server))}))(h.t)[0]
}

// tables is the View that the state makes.
func (h *history) tables() *perm.View {
	h.t.Helper()
	ctx, id := h.t.Context(), beep.ServerID(h.server)
	rows := []perm.Row{perm.Server{Owner: value(h.store.Server(ctx, id))(h.t).Owner}}
	for _, r := range value(h.store.Roles(ctx, id))(h.t) {
		rows = append(rows, perm.Role{ID: r.ID, Position: r.Position, Rights: r.Rights})
	}
	channels := value(h.store.Channels(ctx, id))(h.t)
	for _, c := range channels {
		kind := value(perm.ParseKind(string(c.Kind)))(h.t)
		rows = append(rows, perm.Channel{ID: c.ID, Kind: kind, Parent: c.Parent, Synced: c.Synced})
	}
	for _, c := range channels {
		for _, o := range value(h.store.Overwrites(ctx, c.ID))(h.t) {
			rows = append(rows, perm.Overwrite{Channel: c.ID, Role: o.Role, Member: o.Member, Mask: perm.Mask{Allow: o.Allow, Deny: o.Deny}})
		}
	}
	for _, m := range value(h.store.Members(ctx, id, 0, 100))(h.t) {
		rows = append(rows, perm.Member{User: m.User, Roles: m.Roles, Muted: !m.MutedUntil.IsZero()})
	}
	v := perm.NewView(beep.ServerScope(id))
	for i, row := range rows {
		if _, err := v.Apply(perm.Change{Scope: v.Scope(), Rev: uint64(i + 1), Row: row}); err != nil {
			h.t.Fatalf("the tables have what no log can say: %+v: %v", row, err)
		}
	}
	return v
}

// state is all of a View that can be told apart.
type state struct {
	Owner      beep.UserID
	Roles      map[beep.RoleID]perm.Role
	Members    map[beep.UserID]perm.Member
	Channels   map[beep.ChannelID]perm.Channel
	Overwrites map[string]perm.Overwrite
	Rights     map[string]string
}

func picture(v *perm.View) state {
	s := state{
		Owner: v.Owner(), Roles: map[beep.RoleID]perm.Role{}, Members: map[beep.UserID]perm.Member{},
		Channels: map[beep.ChannelID]perm.Channel{}, Overwrites: map[string]perm.Overwrite{}, Rights: map[string]string{},
	}
	for r := range v.Roles() {
		s.Roles[r.ID] = r
	}
	for user := range v.Members() {
		m, _ := v.Member(user)
		m.Roles = append([]beep.RoleID(nil), m.Roles...) // none at all is nil in either
		s.Members[user] = m
		s.Rights[user.String()] = v.Rights(user).String()
	}
	for c := range v.Channels() {
		s.Channels[c.ID] = c
		for o := range v.Overwrites(c.ID) {
			s.Overwrites[fmt.Sprintf("%s for %s or %s", o.Channel, o.Role, o.Member)] = o
		}
		for user := range v.Members() {
			s.Rights[fmt.Sprintf("%s in %s", user, c.ID)] = v.ChannelRights(user, c.ID).String()
		}
	}
	return s
}

// records holds what outlives a membership against the log and against what was answered: mutes, and bans.
func (h *history) records() {
	h.t.Helper()
	ctx, id := h.t.Context(), beep.ServerID(h.server)
	before := h.rev()
	mutes, members := map[beep.UserID]time.Time{}, map[beep.UserID]bool{}
	for after := uint64(0); after < before; {
		rows, _ := pair(h.store.Log(ctx, beep.ServerScope(id), after, 100))(h.t)
		for _, row := range rows {
			after = row.Rev
			switch c := row.Change.(type) {
			case servers.MemberSet:
				mutes[c.User], members[c.User] = c.MutedUntil, true
			case servers.MemberRemoved:
				delete(members, c.User)
			}
		}
	}
	for _, user := range []beep.UserID{ann, bob, cat, dan, eve} {
		end, err := h.store.MuteEnd(ctx, id, user)
		if errors.Is(err, beep.ErrNotFound) {
			end, err = time.Time{}, nil
		}
		if err != nil {
			h.t.Fatal(err)
		}
		if h.rev() != before {
			return // a mute has just ended
		}
		if !end.Equal(mutes[user]) {
			h.t.Errorf("user %s is muted until %s, by the log until %s", user, end, mutes[user])
		}
		if !end.IsZero() && !members[user] {
			h.did[mutedAndGone]++
		}
		_, err = h.store.Ban(ctx, id, user)
		if banned := err == nil; banned != h.banned[user] || banned && members[user] {
			h.t.Errorf("user %s: banned is %t, by what was answered %t; a member: %t", user, banned, h.banned[user], members[user])
		}
	}
}

func pair[A, B any](a A, b B, err error) func(t testing.TB) (A, B) {
	return func(t testing.TB) (A, B) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return a, b
	}
}
