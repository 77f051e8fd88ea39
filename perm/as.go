package perm

import (
	"slices"

	"github.com/beep-chat/beep"
)

// As is what a member with certain roles and nothing else would hold, for whoever sets them up and wants to see what
// comes of it: no owner, muted by nobody, named by no overwrite.
type As struct {
	view  *View
	base  Rights
	roles []beep.RoleID
}

// As is the server as someone with these roles, and @everyone, has it. All of them have to be there.
func (v *View) As(roles []beep.RoleID) (As, *Refusal) {
	a := As{view: v}
	for _, id := range roles {
		if _, ok := v.roles[id]; !ok {
			return As{}, refuse(NoRole)
		}
		if id != v.everyone() {
			a.roles = append(a.roles, id)
		}
	}
	slices.Sort(a.roles)
	a.roles = slices.Compact(a.roles)
	a.base = Base(false, v.granted(a.roles))
	return a, nil
}

// Rights are those on the server.
func (a As) Rights() Rights { return a.base }

// ChannelRights are those in a channel or thread; nothing in one that is not there.
func (a As) ChannelRights(id beep.ChannelID) Rights {
	at, ok := a.view.place(id)
	if !ok {
		return 0
	}
	return at.rights(a.base, a.roles, 0, false) // no user has the id 0
}
