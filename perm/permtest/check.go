package permtest

import (
	"fmt"
	"hash/fnv"
	"iter"
	"math/rand/v2"
	"slices"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/perm/permref"
)

// Check holds perm against the reference over random worlds and answers the first difference. One seed is one row of
// worlds, so that a difference can be looked at again.
func Check(seed uint64, worlds int) error {
	_, err := Survey(seed, worlds)
	return err
}

// Survey is Check, and counts what there was in the worlds.
func Survey(seed uint64, worlds int) (*Coverage, error) {
	rng := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // repeatable on purpose
	data, c := make([]byte, 512), &Coverage{}
	for i := range worlds {
		for at := range data {
			data[at] = byte(rng.UintN(256))
		}
		s := sights{}
		if err := s.check(data); err != nil {
			return c, fmt.Errorf("seed %d, world %d: %w", seed, i, err)
		}
		c.count(s)
	}
	return c, nil
}

// CheckBytes does it for the one world that data describes.
func CheckBytes(data []byte) error { return sights{}.check(data) }

// check builds the world from rows: either the pure functions are asked too, or it is first changed row by row; then
// some calls are made and every answer compared. Now and then a direct message is looked at as well.
func (s sights) check(data []byte) error {
	// The order of rows and the noise come from data too, so that what a fuzzer finds it finds again.
	sum := fnv.New64a()
	_, _ = sum.Write(data)                       // a hash never fails
	rng := rand.New(rand.NewPCG(sum.Sum64(), 0)) //nolint:gosec // repeatable on purpose

	src := permref.NewSource(data)
	w := src.World()
	v := perm.NewView(Server())
	if _, err := Apply(v, Rows(w, rng)...); err != nil {
		return err
	}
	if src.Pick(2) == 0 {
		s.see("without a view", true)
		if err := compareKernel(w, rng); err != nil {
			return err
		}
	} else {
		s.see("changed row by row", true)
		for range 8 {
			if err := step(v, w, src, rng); err != nil {
				return err
			}
		}
	}
	s.world(w)
	for range 3 {
		call := src.Call(w)
		if err := CompareCall(v, w, call); err != nil {
			return err
		}
		s.call(Ask(v, call))
	}
	if err := Compare(v, w); err != nil || rng.IntN(4) > 0 {
		return err
	}
	s.see("direct messages", true)
	return checkDirect(rng)
}

// Compare says where a view's answers differ from a world's. It asks for users and channels that are not there as
// well, who must have no right.
func Compare(v *perm.View, w *permref.World) error {
	want := answersIn(w)
	if err := answersOf(v).equal(want); err != nil {
		return err
	}
	// Audience and VisibleChannels have code of their own in perm, and have to say what the rights say.
	seen := [permref.Users + 2][]beep.ChannelID{}
	for ch := range beep.ChannelID(permref.Channels + 2) {
		var audience []beep.UserID
		for user := range want {
			if want[user].channel[ch].Has(perm.ViewChannels) {
				audience = append(audience, beep.UserID(user))
				seen[user] = append(seen[user], ch)
			}
		}
		if err := sameSet("audience", uint64(ch), v.Audience(ch), audience); err != nil {
			return err
		}
	}
	for user := range uint64(permref.Users + 2) {
		if err := sameSet("channels seen", user, v.VisibleChannels(beep.UserID(user)), seen[user]); err != nil {
			return err
		}
	}
	return compareState(v, w)
}

// sameSet asks for no order, since perm promises none; what is there twice is a difference.
func sameSet[T ~uint64](what string, of uint64, seq iter.Seq[T], want []T) error {
	got := slices.Sorted(seq)
	if !slices.Equal(got, want) {
		return fmt.Errorf("%s of %d: got %d, want %d", what, of, got, want)
	}
	return nil
}

// compareState is about what is there, rather than what follows from it.
func compareState(v *perm.View, w *permref.World) error {
	if v.Owner() != beep.UserID(w.Owner) || v.MemberCount() != len(w.Members) {
		return fmt.Errorf("owner %d, %d members; want %d and %d", v.Owner(), v.MemberCount(), w.Owner, len(w.Members))
	}
	for id, m := range w.Members {
		got, ok := v.Member(beep.UserID(id))
		want := make([]beep.RoleID, 0, len(m.Roles))
		for _, r := range permref.Sorted(m.Roles) {
			want = append(want, beep.RoleID(r))
		}
		if !ok || got.Muted != m.Muted || !slices.Equal(got.Roles, want) {
			return fmt.Errorf("member %d: got %+v, want roles %d, muted %v", id, got, want, m.Muted)
		}
	}
	for id, r := range w.Roles {
		want := perm.Role{ID: beep.RoleID(id), Position: r.Position, Rights: Rights(r.Rights)}
		if got, ok := v.Role(want.ID); !ok || got != want {
			return fmt.Errorf("role %d: got %+v, want %+v", id, got, want)
		}
	}
	for id, c := range w.Channels {
		if err := compareChannel(v, id, c); err != nil {
			return err
		}
	}
	return nil
}

func compareChannel(v *perm.View, id uint64, c permref.Channel) error {
	if got, ok := v.Channel(beep.ChannelID(id)); !ok || got != channelRow(id, c) {
		return fmt.Errorf("channel %d: got %+v, want %+v", id, got, c)
	}
	// How many is enough here: what they say shows in the rights.
	n := 0
	for range v.Overwrites(beep.ChannelID(id)) {
		n++
	}
	if n != len(c.Overwrites) {
		return fmt.Errorf("channel %d has %d overwrites, want %d", id, n, len(c.Overwrites))
	}
	return nil
}

// Ask is the answer of a view to a call.
func Ask(v *perm.View, c permref.Call) *perm.Refusal {
	actor, target, role := beep.UserID(c.Actor), beep.UserID(c.To.Member), roleID(c.To)
	channel, category := beep.ChannelID(c.Channel), beep.ChannelID(c.Category)
	switch c.Op {
	case "create_role":
		return v.MayCreateRole(actor, c.Position, Rights(c.Rights))
	case "edit_role":
		return v.MayEditRole(actor, role, Rights(c.Rights))
	case "move_role":
		return v.MayMoveRole(actor, role, c.Position)
	case "delete_role":
		return v.MayDeleteRole(actor, role)
	case "assign":
		return v.MayAssignRole(actor, target, role)
	case "unassign":
		return v.MayUnassignRole(actor, target, role)
	// perm has no word for a kick: it is acting on a member with that right.
	case "kick":
		return v.MayActOn(actor, target, perm.ManageMembers)
	case "ban":
		return v.MayBan(actor, target)
	case "rename":
		return v.MayRename(actor, target)
	case "mute_voice":
		return v.MayMuteVoice(actor, target, channel)
	case "set_overwrite":
		mask := perm.Mask{Allow: Rights(c.Overwrite.Allow), Deny: Rights(c.Overwrite.Deny)}
		return v.MaySetOverwrite(actor, perm.Overwrite{Channel: channel, Role: role, Member: target, Mask: mask})
	case "create_channel":
		return v.MayCreateChannel(actor, category)
	case "move_channel":
		return v.MayMoveChannel(actor, channel, category, c.Synced)
	case "delete_channel":
		return v.MayInChannel(actor, channel, perm.ManageChannels)
	}
	// Like no answer of perm's, so that an op which is missing above is seen.
	return &perm.Refusal{}
}

// CompareCall says where a view's answer to a call differs from what the reference has against it: the same
// yes or no, and a no for one of the reference's reasons with exactly its missing rights.
func CompareCall(v *perm.View, w *permref.World, c permref.Call) error {
	got, want := Ask(v, c), w.Objections(c)
	if got == nil && len(want) == 0 {
		return nil
	}
	if got != nil && slices.ContainsFunc(want, func(o permref.Objection) bool { return matches(got, o) }) {
		return nil
	}
	return fmt.Errorf("call %+v: got %v, want one of %v", c, got, want)
}

// matches has its own list of what the reasons are called, since the reference takes no word from perm.
func matches(r *perm.Refusal, o permref.Objection) bool {
	reasons := map[string]perm.Reason{
		"not_member": perm.NotMember, "no_channel": perm.NoChannel, "no_role": perm.NoRole, "no_member": perm.NoMember,
		"lacks": perm.Lacks, "lacks_one_of": perm.LacksOneOf, "not_below": perm.NotBelow, "is_owner": perm.IsOwner,
		"follows": perm.Follows, "bad_role": perm.BadRole, "bad_channel": perm.BadChannel, "bad_target": perm.BadTarget,
		"bad_mask": perm.BadMask,
	}
	return r.Reason == reasons[o.Reason] && r.Missing == Rights(o.Missing)
}
