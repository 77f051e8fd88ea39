package perm_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/perm/permref"
	"github.com/beep-chat/beep/perm/permtest"
)

// whyAsked is one question that is explained, in a world.
type whyAsked struct {
	w       *permref.World
	user    uint64
	channel uint64 // 0 is the server
	right   perm.Rights
}

func (q whyAsked) explain(v *perm.View) perm.Explanation {
	if q.channel == 0 {
		return v.Explain(beep.UserID(q.user), q.right)
	}
	return v.ExplainInChannel(beep.UserID(q.user), beep.ChannelID(q.channel), q.right)
}

func (q whyAsked) held(v *perm.View) bool {
	if q.channel == 0 {
		return v.Rights(beep.UserID(q.user)).Has(q.right)
	}
	return v.ChannelRights(beep.UserID(q.user), beep.ChannelID(q.channel)).Has(q.right)
}

func decider(t *testing.T, e perm.Explanation) (d perm.Step) {
	t.Helper()
	n := 0
	for i, s := range e.Steps {
		if s.Decides {
			d, n = s, n+1
		}
		if i > 0 && s.Kind < e.Steps[i-1].Kind {
			t.Errorf("a line of %s comes after one of %s", s.Kind, e.Steps[i-1].Kind)
		}
	}
	if n != 1 || d.Held != e.Held {
		t.Errorf("%d lines decide, the last says %t, and it is %t", n, d.Held, e.Held)
	}
	return d
}

// TestExplain_SaysWhatDecides: over random worlds, what is explained is what holds, and with the line that decides turned
// round it does not hold any more, or a later line decides.
func TestExplain_SaysWhatDecides(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(6, 0))
	const full = 4_000
	said, turned := map[string]int{}, map[string]int{}
	for range worlds(full) {
		w := permref.FromBytes(randomBytes(rng, 400))
		v := build(t, w, rng)
		for range 60 {
			q := whyAsked{w, 1 + rng.Uint64N(permref.Users), 1 + rng.Uint64N(permref.Channels), 1 << rng.IntN(17)}
			switch rng.IntN(5) {
			case 0: // the server, and who and what there is not
				q.user, q.channel = rng.Uint64N(permref.Users+2), (permref.Channels+1)*rng.Uint64N(2)
			case 1: // what most depends on
				q.right = []perm.Rights{perm.SendMessages, perm.AttachFiles, perm.Speak}[rng.IntN(3)]
			}
			e := q.explain(v)
			d := decider(t, e)
			said[d.Kind.String()]++
			if e.Held != q.held(v) {
				t.Fatalf("user %d, channel %d, %s: %t by %+v\n%+v", q.user, q.channel, q.right, q.held(v), e, w)
			}
			other, ok := q.turn(e, d)
			if !ok {
				continue
			}
			turned[d.Kind.String()]++
			now := whyAsked{other, q.user, q.channel, q.right}.explain(build(t, other, rng))
			if after := decider(t, now); now.Held == e.Held && after.Kind <= d.Kind {
				t.Fatalf("user %d, channel %d, %s: %+v\nand with %s turned round %+v\n%+v", q.user, q.channel, q.right, e, d.Kind, now, w)
			}
		}
	}
	t.Logf("said %v, turned round %v", said, turned)
	if worlds(full) < full {
		return // too few for what is seldom
	}
	for kind := perm.StepNotMember; kind < perm.StepParticipant; kind++ {
		if kind != perm.StepParent && kind != perm.StepCategory && said[kind.String()] == 0 {
			t.Errorf("never was it %s that decided: the test says nothing about it", kind)
		}
	}
}

// turn is the world with the line that decides turned round, if that is one thing that can be.
func (q whyAsked) turn(e perm.Explanation, d perm.Step) (*permref.World, bool) {
	w := q.w.Clone()
	name := permref.Set(q.right.Names()...)
	switch d.Kind {
	case perm.StepOwner:
		w.Owner = 0
	case perm.StepAdministrator:
		q.strip(w, permref.Set("administrator"))
	case perm.StepEveryone, perm.StepRole:
		q.strip(w, name)
	case perm.StepImplied:
		q.strip(w, permref.Set(d.Right.Names()...))
	case perm.StepNothing:
		w.Everyone = w.Everyone.With(name)
		return w, perm.RoleRights.Has(q.right)
	case perm.StepOverwriteAll:
		q.flip(w, d, permref.Target{Everyone: true})
	case perm.StepOverwriteUser:
		q.flip(w, d, permref.Target{Member: q.user})
	case perm.StepOverwriteRole:
		q.flip(w, d, permref.Target{Role: uint64(d.Role)})
		return w, !d.Held || one(e, d)
	case perm.StepMuted:
		m := w.Members[q.user]
		m.Muted = false
		w.Members[q.user] = m
	case perm.StepNoView, perm.StepMissing:
		q.allow(w, e, permref.Set(d.Right.Names()...))
	case perm.StepClosed:
		c := w.Channels[q.channel]
		c.Archived, c.Locked = false, false
		w.Channels[q.channel] = c
	default:
		return nil, false
	}
	return w, true
}

// one says that this is the only role that allows.
func one(e perm.Explanation, d perm.Step) bool {
	return !slices.ContainsFunc(e.Steps, func(s perm.Step) bool { return s.Kind == d.Kind && s.Held && s.Role != d.Role })
}

// strip takes rights from everyone and from the user's roles.
func (q whyAsked) strip(w *permref.World, names permref.Names) {
	w.Everyone = w.Everyone.Without(names)
	for id := range w.Members[q.user].Roles {
		w.Roles[id] = permref.Role{Position: w.Roles[id].Position, Rights: w.Roles[id].Rights.Without(names)}
	}
}

// flip makes the overwrite of a step say the opposite of the right.
func (q whyAsked) flip(w *permref.World, d perm.Step, to permref.Target) {
	name, old := permref.Set(q.right.Names()...), w.Channels[uint64(d.Channel)].Overwrites[to]
	o := permref.Overwrite{Allow: old.Allow.Without(name), Deny: old.Deny.Without(name)}
	if d.Held {
		o.Deny = o.Deny.With(name)
	} else {
		o.Allow = o.Allow.With(name)
	}
	w.SetOverwrite(uint64(d.Channel), to, o)
}

// allow gives the user a right by an overwrite where those stand that hold in the channel.
func (q whyAsked) allow(w *permref.World, e perm.Explanation, names permref.Names) {
	source, to := q.channel, permref.Target{Member: q.user}
	for _, s := range e.Steps {
		if s.Kind == perm.StepParent || s.Kind == perm.StepCategory {
			source = uint64(s.Channel)
		}
	}
	o := w.Channels[source].Overwrites[to]
	w.SetOverwrite(source, to, permref.Overwrite{Allow: o.Allow.With(names), Deny: o.Deny.Without(names)})
}

// TestExplain_Whole: a channel that follows a hidden category, line by line.
func TestExplain_Whole(t *testing.T) {
	v := newServer(t)
	want := perm.Explanation{Steps: []perm.Step{
		{Kind: perm.StepEveryone, Held: true, Role: everyone},
		{Kind: perm.StepParent, Held: true, Channel: plans},
		{Kind: perm.StepCategory, Held: true, Channel: staff},
		{Kind: perm.StepNoView, Decides: true, Right: view},
	}}
	if diff := cmp.Diff(want, v.ExplainInChannel(cyn, thread, send)); diff != "" {
		t.Errorf("why cyn cannot send (-want +got):\n%s", diff)
	}
	want = perm.Explanation{Held: true, Steps: []perm.Step{
		{Kind: perm.StepEveryone, Held: true, Role: everyone},
		{Kind: perm.StepCategory, Held: true, Channel: staff},
		{Kind: perm.StepOverwriteAll, Channel: staff, Role: everyone},
		{Kind: perm.StepOverwriteRole, Held: true, Decides: true, Channel: staff, Role: mods},
	}}
	if diff := cmp.Diff(want, v.ExplainInChannel(bob, plans, view)); diff != "" {
		t.Errorf("why bob sees it (-want +got):\n%s", diff)
	}
}

// TestExplain_DirectMessage: everyone there holds the same, until one blocks the other.
func TestExplain_DirectMessage(t *testing.T) {
	v := perm.NewView(beep.DirectScope(7))
	apply(t, v, perm.ParticipantAdded{User: ada}, perm.ParticipantAdded{User: bob})
	for _, block := range []bool{false, true} {
		if block {
			apply(t, v, perm.BlockSet{By: bob})
		}
		for _, user := range []beep.UserID{ada, cyn} {
			for n := range 17 {
				for _, channel := range []uint64{0, 7, 8} {
					q := whyAsked{user: uint64(user), channel: channel, right: 1 << n}
					e := q.explain(v)
					if decider(t, e); e.Held != q.held(v) {
						t.Errorf("user %s, channel %d, %s: %+v, and it is %t", user, channel, q.right, e, q.held(v))
					}
				}
			}
		}
	}
	if e := v.Explain(ada, send); e.Steps[len(e.Steps)-1].Kind != perm.StepBlocked {
		t.Errorf("a blocked one: %+v", e)
	}
}

// TestAs_IsAMemberWithThoseRoles: what is shown of roles is what a member with them and nothing else would hold.
func TestAs_IsAMemberWithThoseRoles(t *testing.T) {
	t.Parallel()
	const phantom = 77
	rng := rand.New(rand.NewPCG(7, 0))
	for range worlds(1_000) {
		w := permref.FromBytes(randomBytes(rng, 400))
		v := build(t, w, rng)
		var roles []beep.RoleID
		like := permref.Member{Roles: map[uint64]bool{}}
		for id := range w.Roles {
			if rng.IntN(2) == 0 {
				roles, like.Roles[id] = append(roles, beep.RoleID(id), beep.RoleID(permtest.Server().ID)), true
			}
		}
		other := w.Clone()
		other.Members[phantom] = like
		as, refusal := v.As(roles)
		if refusal != nil {
			t.Fatalf("%v: %v", roles, refusal.Err())
		}
		if got, want := as.Rights(), permtest.Rights(other.Rights(phantom)); got != want {
			t.Fatalf("as %v: %s, want %s\n%+v", roles, got, want, w)
		}
		for id := range uint64(permref.Channels + 2) {
			if got, want := as.ChannelRights(beep.ChannelID(id)), permtest.Rights(other.Channel(phantom, id)); got != want {
				t.Fatalf("as %v in channel %d: %s, want %s\n%+v", roles, id, got, want, w)
			}
		}
	}
	if _, refusal := newServer(t).As([]beep.RoleID{mods, 99}); refusal == nil || refusal.Reason != perm.NoRole {
		t.Errorf("of an unknown role: %v", refusal)
	}
}
