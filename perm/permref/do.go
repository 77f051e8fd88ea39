package permref

import "maps"

// Do is what an allowed call does to the world; id is for what it creates. Calls that change nothing that permissions
// depend on do nothing. A kick with Synced set is a mute instead. It takes the word of whoever calls for it that the
// call is allowed: see Objections.
func (w *World) Do(c Call, id uint64) {
	switch c.Op {
	case "create_role":
		w.Roles[id] = Role{Position: c.Position, Rights: c.Rights}
	case "edit_role":
		if c.To.Everyone {
			w.Everyone = c.Rights
			return
		}
		w.Roles[c.To.Role] = Role{Position: w.Roles[c.To.Role].Position, Rights: c.Rights}
	case "move_role":
		w.Roles[c.To.Role] = Role{Position: c.Position, Rights: w.Roles[c.To.Role].Rights}
	case "delete_role":
		w.RemoveRole(c.To.Role)
	case "create_channel":
		w.Channels[id] = Channel{Kind: "text", Parent: c.Category, Synced: c.Synced && c.Category != 0}
	case "move_channel":
		w.move(c)
	case "delete_channel":
		w.RemoveChannel(c.Channel)
	case "set_overwrite":
		w.SetOverwrite(c.Channel, c.To, c.Overwrite)
	default:
		w.doToMember(c)
	}
}

// doToMember has a copy of the member whose map of roles is the member's own: a change in the map need not be put
// back, one of Muted has to be.
func (w *World) doToMember(c Call) {
	m, there := w.Members[c.To.Member]
	if !there {
		return
	}
	switch c.Op {
	case "assign":
		m.Roles[c.To.Role] = true
	case "unassign":
		delete(m.Roles, c.To.Role)
	case "kick":
		if m.Muted = true; c.Synced {
			w.Members[c.To.Member] = m
			return
		}
		delete(w.Members, c.To.Member)
	case "ban":
		delete(w.Members, c.To.Member)
	}
}

// move: a channel that stops following keeps what it inherited.
func (w *World) move(c Call) {
	channel := w.Channels[c.Channel]
	held, _ := w.Holding(channel)
	channel.Parent, channel.Synced, channel.Overwrites = c.Category, c.Synced, maps.Clone(held)
	w.Channels[c.Channel] = channel
}
