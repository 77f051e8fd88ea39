package permtest

import (
	"fmt"
	"math/rand/v2"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/perm/permref"
)

// conversation is the number of the direct message that is looked at.
const conversation = 3

// checkDirect builds a direct message row by row, and after each compares every answer, and what the row is said to
// affect with what it did.
func checkDirect(rng *rand.Rand) error {
	v := perm.NewView(beep.DirectScope(conversation))
	d := &permref.Direct{Participants: map[uint64]bool{}, Blocks: map[uint64]bool{}}
	for range 3 + rng.IntN(8) {
		before := directAnswers(v)
		row := changeDirect(d, rng)
		affects, err := Apply(v, row)
		if err != nil {
			return fmt.Errorf("%T %+v: %w", row, row, err)
		}
		after := directAnswers(v)
		for user := range after {
			want := Rights(d.Rights(uint64(user)))
			if after[user] != want {
				return fmt.Errorf("direct message, user %d, after %T %+v: got %s, want %s", user, row, row, after[user], want)
			}
			if after[user] != before[user] && !affects.All && affects.User != beep.UserID(user) {
				return fmt.Errorf("direct message: %T %+v changed user %d and affects %+v", row, row, user, affects)
			}
		}
		if err := compareDirect(v, d); err != nil {
			return fmt.Errorf("direct message, after %T %+v: %w", row, row, err)
		}
	}
	return nil
}

// changeDirect alters the conversation and answers the row that says so.
func changeDirect(d *permref.Direct, rng *rand.Rand) perm.Row {
	id := 1 + rng.Uint64N(permref.Users)
	switch rng.IntN(6) {
	case 0:
		d.Blocks[id] = true
		return perm.BlockSet{By: beep.UserID(id)}
	case 1:
		delete(d.Blocks, id)
		return perm.BlockRemoved{By: beep.UserID(id)}
	case 2:
		delete(d.Participants, id)
		return perm.ParticipantRemoved{User: beep.UserID(id)}
	}
	d.Participants[id] = true
	return perm.ParticipantAdded{User: beep.UserID(id)}
}

// directAnswers are the rights of each user, of those who do not take part as well.
func directAnswers(v *perm.View) (a [permref.Users + 2]perm.Rights) {
	for user := range a {
		a[user] = v.Rights(beep.UserID(user))
	}
	return a
}

func compareDirect(v *perm.View, d *permref.Direct) error {
	var audience []beep.UserID
	for user := range beep.UserID(permref.Users + 2) {
		var sees []beep.ChannelID
		if d.Visible(uint64(user)) {
			audience, sees = append(audience, user), []beep.ChannelID{conversation}
		}
		if got, want := v.ChannelRights(user, conversation), v.Rights(user); got != want {
			return fmt.Errorf("user %d holds %s there and %s in its channel", user, want, got)
		}
		if got := v.ChannelRights(user, conversation+1); got != 0 {
			return fmt.Errorf("user %d holds %s in a channel of another", user, got)
		}
		if err := sameSet("channels seen", uint64(user), v.VisibleChannels(user), sees); err != nil {
			return err
		}
	}
	return sameSet("audience", conversation, v.Audience(conversation), audience)
}
