package permref

import "slices"

// Names is a set of rights by their names. A nil Names is an empty set.
type Names map[string]bool

// Every right, in the order in which the design lists them, then the one that exists only in overwrites.
func everyName() []string {
	return []string{
		"administrator", "manage_server", "manage_roles", "manage_channels", "view_channels", "manage_webhooks",
		"manage_nicknames", "change_nickname", "send_messages", "manage_messages", "attach_files",
		"manage_members", "manage_invitations", "connect", "speak", "mute_members", "manage_permissions",
	}
}

// inOverwrites says whether a right can be set in a channel.
func inOverwrites(name string) bool {
	switch name {
	case "view_channels", "manage_channels", "manage_webhooks", "manage_permissions", "send_messages",
		"manage_messages", "attach_files", "connect", "speak":
		return true
	}
	return false
}

// inRoles says whether a role can hold a right.
func inRoles(name string) bool {
	return slices.Contains(everyName(), name) && name != "manage_permissions"
}

// Set is the set of the names.
func Set(names ...string) Names {
	s := make(Names, len(names))
	for _, n := range names {
		s[n] = true
	}
	return s
}

// Without is the names that are not in gone. It is a new set, because worlds share theirs.
func (s Names) Without(gone Names) Names {
	left := Names{}
	for n := range s {
		if !gone[n] {
			left[n] = true
		}
	}
	return left
}

// With is the names of both.
func (s Names) With(more Names) Names {
	all := make(Names, len(s)+len(more))
	for n := range s {
		all[n] = true
	}
	for n := range more {
		all[n] = true
	}
	return all
}

// Only is the set of one name, if it is in s.
func (s Names) Only(name string) Names {
	if s[name] {
		return Set(name)
	}
	return Names{}
}
