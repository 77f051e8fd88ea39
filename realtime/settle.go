package realtime

import (
	"cmp"
	"maps"
	"slices"

	"github.com/beep-chat/beep"
	realtimev1 "github.com/beep-chat/beep/api/beep/realtime/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/perm"
)

// diff is what a page of rows can have changed, so that only that is looked at again.
type diff struct {
	whole    bool // anything of anyone
	users    []beep.UserID
	channels []beep.ChannelID // rights in these
	renamed  []beep.ChannelID // these are to be told, rights or not
	removed  []beep.ChannelID
	joined   []beep.UserID // new members, of whom the others do not know yet whether they are there
}

func (d *diff) add(a perm.Affects) {
	switch {
	case a.All:
		d.whole = true
	case a.User != 0: // in some channels or in all: one user is cheap to look at
		d.users = append(d.users, a.User)
	default:
		d.channels = append(d.channels, a.Channels...)
	}
}

// settleLocked compares what each session was told with what the View says now. Losing a channel is told
// here, before the lock is given up; gaining one needs the channel's head first and is left to the caller.
func (sc *scope) settleLocked(d *diff) (gained []gain) {
	if sc.gone {
		for s := range sc.sessions {
			sc.dropLocked(s)
			s.push(encode("server_removed", &realtimev1.ServerRemoved{ServerId: sc.id.ID}))
		}
		return nil
	}
	some := map[beep.ChannelID]struct{}{}
	for _, id := range slices.Concat(d.channels, d.renamed) {
		some[id] = struct{}{}
	}
	for s := range sc.sessions {
		who := s.identity()
		ids := maps.Keys(some)
		if d.whole || slices.Contains(d.users, who) {
			sc.settleServerLocked(s, who)
			ids = maps.Keys(sc.listed)
		}
		for id := range ids {
			gained = sc.settleChannelLocked(gained, s, who, id, d)
		}
	}
	// Last, since those who were in it are told by what is listed.
	for _, id := range d.removed {
		delete(sc.listed, id)
		delete(sc.channels, id)
	}
	return gained
}

func (sc *scope) settleServerLocked(s *Session, who beep.UserID) {
	now := sc.view.Rights(who)
	if now == sc.sessions[s] {
		return
	}
	sc.sessions[s] = now
	s.push(encode("rights_updated", &realtimev1.RightsUpdated{ServerId: sc.id.ID, Rights: now.Names()}))
}

// settleChannelLocked goes by what the client was told and not by what the rows say, so changes that undo each other
// within a page tell it nothing.
func (sc *scope) settleChannelLocked(gained []gain, s *Session, who beep.UserID, id beep.ChannelID, d *diff) []gain {
	ch := sc.channels[id]
	var was perm.Rights
	in := false
	if ch != nil {
		was, in = ch.subs[s]
	}
	now := sc.view.ChannelRights(who, id)
	switch sees := now.Has(perm.ViewChannels); {
	case in && !sees:
		ch.unregister(s)
		s.push(encode("channel_removed", &realtimev1.ChannelRemoved{ChannelId: uint64(id)}))
	case !in && sees:
		if !sc.listed[id].dormant() {
			gained = append(gained, gain{s, id})
		}
	case in && (was != now || slices.Contains(d.renamed, id)):
		ch.subs[s] = now
		s.push(sc.listed[id].updated(now))
	}
	return gained
}

// sortRoles has the highest first. They come out of a map, and two clients should see one list.
func sortRoles(roles []*serversv1.Role) {
	slices.SortFunc(roles, func(a, b *serversv1.Role) int {
		return cmp.Or(cmp.Compare(b.GetPosition(), a.GetPosition()), cmp.Compare(a.GetId(), b.GetId()))
	})
}
