package permtest

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/perm/permref"
)

// step changes world and view by one row, and holds what the row is said to affect against what it did.
func step(v *perm.View, w *permref.World, src *permref.Source, rng *rand.Rand) error {
	before := answersOf(v)
	row := Change(w, src, rng)
	affects, err := Apply(v, row)
	if err != nil {
		return fmt.Errorf("%T %+v: %w", row, row, err)
	}
	if err := before.changedOnly(answersOf(v), affects); err != nil {
		return fmt.Errorf("%T %+v affects %+v: %w", row, row, affects, err)
	}
	// A row that says what is so already affects nothing; else it would empty caches for nothing.
	if again, err := Apply(v, row); err != nil || !again.None() {
		return fmt.Errorf("%T %+v a second time affects %+v, %w", row, row, again, errors.Join(errAgain, err))
	}
	return nil
}

var errAgain = errors.New("want nothing")

// Change alters the world and answers the row that says so.
func Change(w *permref.World, src *permref.Source, rng *rand.Rand) perm.Row {
	switch src.Pick(10) {
	case 0:
		w.Everyone = src.Rights()
		return everyoneRow(w.Everyone, rng)
	case 1:
		id := src.ID(permref.RoleIDs)
		w.Roles[id] = src.Role()
		return roleRow(id, w.Roles[id], rng)
	case 2:
		id := src.ID(permref.RoleIDs)
		w.RemoveRole(id)
		return perm.RoleRemoved{ID: beep.RoleID(id)}
	case 3, 4:
		id := src.ID(permref.Users)
		w.Members[id] = src.Member(w)
		return memberRow(id, w.Members[id], rng)
	case 5:
		id := src.ID(permref.Users)
		delete(w.Members, id)
		return perm.MemberRemoved{User: beep.UserID(id)}
	case 6:
		w.Owner = uint64(src.Pick(permref.Users + 1))
		return perm.Server{Owner: beep.UserID(w.Owner)}
	}
	return changeChannel(w, src, rng)
}

func changeChannel(w *permref.World, src *permref.Source, rng *rand.Rand) perm.Row {
	id := src.ID(permref.Channels)
	old, there := w.Channels[id]
	switch src.Pick(5) {
	case 0:
		w.RemoveChannel(id)
		return perm.ChannelRemoved{ID: beep.ChannelID(id)}
	case 1, 2:
		if there && old.Kind != "thread" {
			to, o := src.Target(w), src.Overwrite()
			w.SetOverwrite(id, to, o)
			return overwriteRow(id, to, o, rng)
		}
	case 3:
		if there && old.Kind != "thread" {
			to := src.Target(w)
			w.SetOverwrite(id, to, permref.Overwrite{})
			return perm.OverwriteRemoved{Channel: beep.ChannelID(id), Role: roleID(to), Member: beep.UserID(to.Member)}
		}
	}
	// With the overwrites it had: a channel's own row says nothing of them.
	w.Channels[id] = src.Channel(id, old.Overwrites)
	return channelRow(id, w.Channels[id])
}
