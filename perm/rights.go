package perm

import (
	"fmt"
	"math/bits"
	"strings"

	"github.com/beep-chat/beep"
)

// Rights is a set of rights, one bit each. The bits are stored and sent between processes, so they never
// change their meaning; outside, a set is a list of names.
type Rights uint64

// The rights.
const (
	Administrator     Rights = 1 << iota // full access to the server; bypasses overwrites, never the hierarchy
	ManageServer                         // its settings and deletion; implies ManageChannels
	ManageRoles                          // create, edit, delete, reorder, assign roles
	ManageChannels                       // create, edit, delete channels and their overwrites; lock threads
	ViewChannels                         // without it a channel does not exist for the member
	ManageWebhooks                       // create, rotate, delete webhooks
	ManageNicknames                      // of members below; implies ChangeNickname
	ChangeNickname                       // one's own
	SendMessages                         // also react, type, and create threads
	ManageMessages                       // delete others', pin, mention everyone; implies SendMessages
	AttachFiles                          // needs SendMessages too
	ManageMembers                        // assign roles, mute, kick, ban
	ManageInvitations                    // create, list, revoke invitations
	Connect                              // join a conference
	Speak                                // needs Connect too
	MuteMembers                          // in a conference; needs Connect too
	ManagePermissions                    // edit the overwrites of one channel; exists only in overwrites

	endOfRights
)

const (
	// All is what the owner and an administrator hold.
	All = endOfRights - 1
	// RoleRights are what a role may hold; in a role's set every other bit counts for nothing.
	RoleRights = All &^ ManagePermissions
	// OverwriteRights are what an overwrite may allow or deny; every other bit in it counts for nothing.
	OverwriteRights = ViewChannels | ManageChannels | ManageWebhooks | ManagePermissions | SendMessages |
		ManageMessages | AttachFiles | Connect | Speak
	// DefaultEveryone is what @everyone of a new server holds, unless it is made closed.
	DefaultEveryone = ViewChannels | SendMessages | AttachFiles | ChangeNickname | Connect | Speak
)

// nameOf is the name of the right with bit number n, for n < bits.Len64(All): a switch, so that no table can
// be changed at run time.
func nameOf(n int) string {
	return [...]string{
		"administrator", "manage_server", "manage_roles", "manage_channels", "view_channels", "manage_webhooks",
		"manage_nicknames", "change_nickname", "send_messages", "manage_messages", "attach_files",
		"manage_members", "manage_invitations", "connect", "speak", "mute_members", "manage_permissions",
	}[n]
}

// ParseRight is the right with a name.
func ParseRight(name string) (Rights, error) {
	for n := range bits.Len64(uint64(All)) {
		if nameOf(n) == name {
			return 1 << n, nil
		}
	}
	return 0, beep.Invalid(beep.CodeInvalidField, fmt.Sprintf("%.40q is not a right", name))
}

// ParseRights is the set with these names; a name may come twice.
func ParseRights(names []string) (Rights, error) {
	var set Rights
	for _, name := range names {
		r, err := ParseRight(name)
		if err != nil {
			return 0, err
		}
		set |= r
	}
	return set, nil
}

// Names are the names of the rights in the set, in order of their bits; unknown bits have none.
func (r Rights) Names() []string {
	known := uint64(r & All)
	names := make([]string, 0, bits.OnesCount64(known))
	for ; known != 0; known &= known - 1 {
		names = append(names, nameOf(bits.TrailingZeros64(known)))
	}
	return names
}

// String is the names with commas between them, or "none".
func (r Rights) String() string {
	if r&All == 0 {
		return "none"
	}
	return strings.Join(r.Names(), ",")
}

// Has says whether every right of want is in the set.
func (r Rights) Has(want Rights) bool { return want&^r == 0 }

// Any says whether one right of want is in the set.
func (r Rights) Any(want Rights) bool { return want&r != 0 }
