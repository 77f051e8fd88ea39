// Package permtest holds package perm against the reference in permref: worlds as log rows, and the checks
// that both agree. Tests of whatever builds on perm use Rows to make their logs.
//
// It takes no *testing.T, so that a program can run it against altered copies of perm.
package permtest

import (
	"cmp"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/perm/permref"
)

// Server is the scope that worlds are built in.
func Server() beep.Scope { return beep.ServerScope(everyone) }

// everyone is the number of the server and of its @everyone role, beyond the ids of generated worlds.
const everyone = 1000

// Rights is the set with these names.
func Rights(names permref.Names) perm.Rights {
	var set perm.Rights
	for name := range names {
		r, err := perm.ParseRight(name)
		if err != nil {
			r = 1 << 63 // equal to nothing that perm answers
		}
		set |= r
	}
	return set
}

// Rows are log rows that build a world, in an order drawn from rng: only roles come before those who have
// them, and channels and roles before overwrites.
func Rows(w *permref.World, rng *rand.Rand) []perm.Row {
	first := []perm.Row{everyoneRow(w.Everyone, rng), perm.Server{Owner: beep.UserID(w.Owner)}}
	var rest []perm.Row
	for _, id := range permref.Sorted(w.Roles) {
		first = append(first, roleRow(id, w.Roles[id], rng))
	}
	for _, id := range permref.Sorted(w.Channels) {
		c := w.Channels[id]
		first = append(first, channelRow(id, c))
		for _, to := range slices.SortedFunc(maps.Keys(c.Overwrites), byTarget) {
			rest = append(rest, overwriteRow(id, to, c.Overwrites[to], rng))
		}
	}
	for _, id := range permref.Sorted(w.Members) {
		rest = append(rest, memberRow(id, w.Members[id], rng))
	}
	shuffle(rng, first)
	shuffle(rng, rest)
	return append(first, rest...)
}

// noise are bits that must count for nothing: rights of a newer version, and those of the other kind of set.
func noise(rng *rand.Rand, ignored perm.Rights) perm.Rights {
	if rng.IntN(4) > 0 {
		return 0
	}
	return perm.Rights(rng.Uint64()) & (ignored | 1<<40)
}

// byTarget orders targets, so that the same rng gives the same rows.
func byTarget(a, b permref.Target) int {
	return cmp.Or(cmp.Compare(a.Role, b.Role), cmp.Compare(a.Member, b.Member))
}

func shuffle[T any](rng *rand.Rand, list []T) {
	rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
}

func roleID(to permref.Target) beep.RoleID {
	if to.Everyone {
		return everyone
	}
	return beep.RoleID(to.Role)
}

func everyoneRow(rights permref.Names, rng *rand.Rand) perm.Row {
	return perm.Role{ID: everyone, Rights: Rights(rights) | noise(rng, perm.ManagePermissions)}
}

func roleRow(id uint64, r permref.Role, rng *rand.Rand) perm.Row {
	return perm.Role{ID: beep.RoleID(id), Position: r.Position, Rights: Rights(r.Rights) | noise(rng, perm.ManagePermissions)}
}

func memberRow(id uint64, m permref.Member, rng *rand.Rand) perm.Row {
	roles := make([]beep.RoleID, 0, len(m.Roles))
	for _, r := range permref.Sorted(m.Roles) {
		roles = append(roles, beep.RoleID(r))
	}
	// Nothing may depend on the order.
	shuffle(rng, roles)
	return perm.Member{User: beep.UserID(id), Roles: roles, Muted: m.Muted}
}

func channelRow(id uint64, c permref.Channel) perm.Row {
	kind, err := perm.ParseKind(c.Kind)
	if err != nil {
		return nil
	}
	return perm.Channel{
		ID: beep.ChannelID(id), Kind: kind, Parent: beep.ChannelID(c.Parent), Synced: c.Synced,
		Archived: c.Archived, Locked: c.Locked,
	}
}

func overwriteRow(channel uint64, to permref.Target, o permref.Overwrite, rng *rand.Rand) perm.Row {
	return perm.Overwrite{
		Channel: beep.ChannelID(channel), Role: roleID(to), Member: beep.UserID(to.Member), Mask: maskOf(o, rng),
	}
}

// maskOf adds bits that an overwrite cannot set, whatever its row says.
func maskOf(o permref.Overwrite, rng *rand.Rand) perm.Mask {
	const ignored = perm.All &^ perm.OverwriteRights
	return perm.Mask{Allow: Rights(o.Allow) | noise(rng, ignored), Deny: Rights(o.Deny) | noise(rng, ignored)}
}

// Apply applies rows as the next of the view's scope. It answers what the last one affects.
func Apply(v *perm.View, rows ...perm.Row) (a perm.Affects, err error) {
	for _, row := range rows {
		if a, err = v.Apply(perm.Change{Scope: v.Scope(), Rev: v.Rev() + 1, Row: row}); err != nil {
			return a, err
		}
	}
	return a, nil
}
