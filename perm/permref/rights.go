package permref

// Base is what a member holds on the server, mutes aside: the owner everything; others what @everyone and
// their roles hold, an administrator everything, with what some rights imply.
func (w *World) Base(user uint64) Names {
	m, ok := w.Members[user]
	if !ok {
		return Names{}
	}
	if user == w.Owner {
		return Set(everyName()...)
	}
	p := make(Names, len(everyName()))
	// A role in a log may say more than a role can hold. That counts for nothing.
	add := func(from Names) {
		for name := range from {
			if inRoles(name) {
				p[name] = true
			}
		}
	}
	add(w.Everyone)
	for role := range m.Roles {
		add(w.Roles[role].Rights)
	}
	if p["administrator"] {
		return Set(everyName()...)
	}
	// Before overwrites are looked at: where a channel denies sending, managing messages does not bring it back.
	if p["manage_server"] {
		p["manage_channels"] = true
	}
	if p["manage_nicknames"] {
		p["change_nickname"] = true
	}
	if p["manage_messages"] {
		p["send_messages"] = true
	}
	return p
}

// Rights is what a member may do on the server now: muted, a member who is neither owner nor administrator
// only looks.
func (w *World) Rights(user uint64) Names {
	p := w.Base(user)
	if w.Members[user].Muted && user != w.Owner && !p["administrator"] {
		return p.Only("view_channels")
	}
	return p
}

// Channel is what a member holds in a channel or thread.
func (w *World) Channel(user, channel uint64) Names {
	c, there := w.Channels[channel]
	if _, member := w.Members[user]; !there || !member {
		return Names{}
	}
	if c.Kind == "thread" {
		return w.thread(user, c)
	}
	return w.effective(user, w.overwritten(user, c))
}

// thread: its parent's result, and when it is archived or locked only those who manage messages send.
func (w *World) thread(user uint64, t Channel) Names {
	parent, there := w.Channels[t.Parent]
	// Nothing makes a thread in a thread or in a category. If a log says there is one, nobody sees it.
	if !there || parent.Kind == "thread" || parent.Kind == "category" {
		return Names{}
	}
	p := w.Channel(user, t.Parent)
	if (t.Archived || t.Locked) && !p["manage_messages"] {
		p = p.Without(Set("send_messages", "attach_files"))
	}
	return p
}

// Holding is whose overwrites hold in a channel: its category's if it follows it, else its own. False if it
// follows a category that is not there.
func (w *World) Holding(c Channel) (map[Target]Overwrite, bool) {
	if c.Kind == "category" || !c.Synced || c.Parent == 0 {
		return c.Overwrites, true
	}
	category, there := w.Channels[c.Parent]
	if !there || category.Kind != "category" {
		return nil, false
	}
	return category.Overwrites, true
}

// overwritten: one name at a time, the last of @everyone's, the roles' and the member's own overwrites that
// speaks of it decides; among the roles', one that allows is enough.
func (w *World) overwritten(user uint64, c Channel) Names {
	base := w.Base(user)
	// No overwrite binds an administrator.
	if base["administrator"] {
		return base
	}
	overwrites, known := w.Holding(c)
	if !known {
		// A category that is not there cannot say whom it keeps out.
		return Names{}
	}
	p := make(Names, len(everyName()))
	for _, name := range everyName() {
		held := base[name]
		if inOverwrites(name) {
			held = w.decide(user, name, overwrites, held)
		}
		if held {
			p[name] = true
		}
	}
	return p
}

// decide hears all of a member's roles before one of them counts, so their order makes no difference.
func (w *World) decide(user uint64, name string, overwrites map[Target]Overwrite, held bool) bool {
	speak := func(o Overwrite) {
		if o.Allow[name] {
			held = true
		} else if o.Deny[name] {
			held = false
		}
	}
	speak(overwrites[Target{Everyone: true}])
	allowed, denied := false, false
	for role := range w.Members[user].Roles {
		o := overwrites[Target{Role: role}]
		allowed = allowed || o.Allow[name]
		denied = denied || o.Deny[name]
	}
	if denied {
		held = false
	}
	if allowed {
		held = true
	}
	speak(overwrites[Target{Member: user}])
	return held
}

// effective: what mutes and missing rights leave.
func (w *World) effective(user uint64, p Names) Names {
	if w.Members[user].Muted && user != w.Owner && !p["administrator"] {
		p = p.Only("view_channels")
	}
	if !p["view_channels"] {
		return Names{}
	}
	if !p["send_messages"] {
		p = p.Without(Set("attach_files"))
	}
	if !p["connect"] {
		p = p.Without(Set("speak", "mute_members"))
	}
	return p
}

// Visible are the channels that a user may see.
func (w *World) Visible(user uint64) map[uint64]bool {
	seen := map[uint64]bool{}
	for id := range w.Channels {
		if w.Channel(user, id)["view_channels"] {
			seen[id] = true
		}
	}
	return seen
}
