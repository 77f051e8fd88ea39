package permref

import "math"

// Call is one thing that an actor wants to do to roles, members, channels or overwrites. Each Op uses some of
// the fields.
type Call struct {
	Op    string // one of Ops
	Actor uint64

	To       Target // a role (or @everyone), a member, or for assign and unassign both
	Position uint32
	Rights   Names // what a role is to hold

	Channel   uint64
	Overwrite Overwrite // as it is to be, for To in Channel
	Category  uint64
	Synced    bool
}

// Ops are the names of what a Call can be.
func Ops() []string {
	return []string{
		"create_role", "edit_role", "move_role", "delete_role", "assign", "unassign", "kick", "ban", "rename",
		"mute_voice", "set_overwrite", "create_channel", "move_channel", "delete_channel",
	}
}

// Objection is one reason against a Call. Missing are the names that the actor does not hold: all of them are
// needed with "lacks", one with "lacks_one_of".
type Objection struct {
	Reason  string
	Missing Names
}

// objections collects what stands against one call.
type objections struct {
	w    *World
	call Call
	list []Objection
}

// Objections is everything that stands against a call: none is yes. Where there are several, an answer may
// name any one of them.
func (w *World) Objections(c Call) []Objection {
	o := &objections{w: w, call: c}
	// Who is no member is told nothing else.
	if _, member := w.Members[c.Actor]; !member {
		o.add("not_member")
		return o.list
	}
	switch c.Op {
	case "create_role", "edit_role", "move_role", "delete_role":
		o.role()
	case "assign", "unassign":
		o.assignment()
	case "kick", "ban", "rename":
		o.member()
	default:
		// Nor is who does not see the channel: to them there is none.
		if !w.Channel(c.Actor, c.Channel)["view_channels"] && c.Op != "create_channel" {
			o.add("no_channel")
			return o.list
		}
		o.channel()
	}
	return o.list
}

func (o *objections) add(reason string) { o.list = append(o.list, Objection{Reason: reason}) }

// needs objects if the actor does not hold all of the names.
func (o *objections) needs(held, names Names) {
	if missing := names.Without(held); len(missing) > 0 {
		o.list = append(o.list, Objection{"lacks", missing})
	}
}

// needsOne objects if the actor holds none of the names.
func (o *objections) needsOne(held Names, names ...string) {
	for _, n := range names {
		if held[n] {
			return
		}
	}
	o.list = append(o.list, Objection{"lacks_one_of", Set(names...)})
}

// top is the position of a member's top role: 0 for @everyone alone, beyond every role for the owner.
func (w *World) top(user uint64) uint32 {
	if user == w.Owner {
		return math.MaxUint32
	}
	var top uint32
	for role := range w.Members[user].Roles {
		top = max(top, w.Roles[role].Position)
	}
	return top
}

// below objects to a position that is not strictly below the actor's top role, unless the owner acts.
func (o *objections) below(position uint32) {
	if o.call.Actor != o.w.Owner && position >= o.w.top(o.call.Actor) {
		o.add("not_below")
	}
}

// rank objects to a member who is the owner, or whose top role is not lower than the actor's.
func (o *objections) rank(user uint64) {
	if user == o.w.Owner {
		o.add("is_owner")
		return
	}
	o.below(o.w.top(user))
}

// role: create, edit, delete, reorder roles strictly below one's own top role and with rights one holds.
func (o *objections) role() {
	w, c := o.w, o.call
	o.needs(w.Rights(c.Actor), Set("manage_roles"))
	role, there := w.Roles[c.To.Role]
	if c.To.Everyone {
		role, there = Role{Rights: w.Everyone}, true
	}
	switch {
	case c.Op == "create_role":
		o.position()
		o.rights()
		return
	case !there:
		o.add("no_role")
		return
	}
	o.below(role.Position)
	// By what it holds now as well: else one could take from others what one does not have.
	o.needs(w.Rights(c.Actor), role.Rights)
	switch {
	case c.Op == "edit_role":
		o.rights()
	case c.To.Everyone:
		o.add("bad_role") // it stays, and at the bottom
	case c.Op == "move_role":
		o.position()
	default:
		o.noGain()
	}
}

// position objects to a place that is not for this role, or not for this actor to give.
func (o *objections) position() {
	if o.call.Position == 0 {
		o.add("bad_role")
	}
	o.below(o.call.Position)
}

// rights objects to what a role cannot hold, or this actor cannot give.
func (o *objections) rights() {
	for name := range o.call.Rights {
		if !inRoles(name) {
			o.add("bad_role")
		}
	}
	o.needs(o.w.Rights(o.call.Actor), o.call.Rights)
}

// noGain objects to the removal of a role that gives the actor a right in a channel. A role may hold its member back,
// by an overwrite that denies. Without this one could get a right by deleting it.
func (o *objections) noGain() {
	after := o.w.Clone()
	after.RemoveRole(o.call.To.Role)
	gain := Names{}
	for id := range o.w.Channels {
		gain = gain.With(after.Channel(o.call.Actor, id).Without(o.w.Channel(o.call.Actor, id)))
	}
	o.needs(Names{}, gain)
}

// assignment: manage roles and manage members both assign and remove; assigning a role is giving its rights.
func (o *objections) assignment() {
	w, c := o.w, o.call
	held := w.Rights(c.Actor)
	o.needsOne(held, "manage_roles", "manage_members")
	role, there := w.Roles[c.To.Role]
	if c.To.Everyone {
		o.add("bad_role")
	} else if !there {
		o.add("no_role")
	}
	o.below(role.Position)
	if _, there := w.Members[c.To.Member]; !there {
		o.add("no_member")
	} else if c.Actor != w.Owner {
		o.rank(c.To.Member)
	}
	if c.Op == "assign" {
		o.needs(held, role.Rights)
	}
}

// member is kick, ban and rename. A ban may be of someone who is not there, so that they do not come.
func (o *objections) member() {
	w, c := o.w, o.call
	held := w.Rights(c.Actor)
	_, there := w.Members[c.To.Member]
	switch {
	case c.Op == "rename" && c.To.Member == c.Actor:
		o.needs(held, Set("change_nickname"))
		return
	case c.Op == "rename":
		o.needs(held, Set("manage_nicknames"))
	default:
		o.needs(held, Set("manage_members"))
	}
	if there {
		o.rank(c.To.Member)
	} else if c.Op != "ban" {
		o.add("no_member")
	}
}

// channel asks for rights in the channel itself, as its overwrites have left them.
func (o *objections) channel() {
	w, c := o.w, o.call
	held := w.Channel(c.Actor, c.Channel)
	switch c.Op {
	case "mute_voice":
		o.needs(held, Set("mute_members"))
		if _, there := w.Members[c.To.Member]; !there {
			o.add("no_member")
		} else {
			o.rank(c.To.Member)
		}
	case "delete_channel":
		o.needs(held, Set("manage_channels"))
	case "create_channel":
		o.category()
	case "move_channel":
		o.move(held)
	case "set_overwrite":
		o.overwrite(held)
	}
}

// category: a channel is made in a category, or in none, by who manages channels there.
func (o *objections) category() {
	w, c := o.w, o.call
	if c.Category == 0 {
		o.needs(w.Rights(c.Actor), Set("manage_channels"))
		return
	}
	held := w.Channel(c.Actor, c.Category)
	if !held["view_channels"] {
		o.add("no_channel")
	} else if w.Channels[c.Category].Kind != "category" {
		o.add("bad_channel")
	}
	o.needs(held, Set("manage_channels"))
}

// move: to follow a category is to set every overwrite that differs.
func (o *objections) move(held Names) {
	w, c := o.w, o.call
	o.needs(held, Set("manage_channels"))
	channel := w.Channels[c.Channel]
	if channel.Kind == "category" || channel.Kind == "thread" || (c.Synced && c.Category == 0) {
		o.add("bad_channel")
		return
	}
	if c.Category != 0 {
		o.category()
	}
	if !c.Synced {
		return
	}
	before, _ := w.Holding(channel)
	after := w.Channels[c.Category].Overwrites
	// A target in both is looked at twice, which says the same again.
	for to := range before {
		o.replace(held, to, before[to], after[to])
	}
	for to := range after {
		o.replace(held, to, before[to], after[to])
	}
}

// overwrite: edited with manage channels, or manage permissions on that channel; only rights one holds, only
// targets below one.
func (o *objections) overwrite(held Names) {
	w, c := o.w, o.call
	channel := w.Channels[c.Channel]
	o.needsOne(held, "manage_channels", "manage_permissions")
	if channel.Kind == "thread" {
		o.add("bad_channel")
		return
	}
	// What holds there is the category's.
	if channel.Synced && channel.Parent != 0 && channel.Kind != "category" {
		o.add("follows")
	}
	for name := range c.Overwrite.Allow.With(c.Overwrite.Deny) {
		if !inOverwrites(name) || (c.Overwrite.Allow[name] && c.Overwrite.Deny[name]) {
			o.add("bad_mask")
		}
	}
	o.target(channel)
	o.replace(held, c.To, channel.Overwrites[c.To], c.Overwrite)
}

// target: exactly one of role and member, and it is there, save to clear what a member who left keeps.
func (o *objections) target(channel Channel) {
	w, c := o.w, o.call
	toRole, toMember := c.To.Everyone || c.To.Role != 0, c.To.Member != 0
	if toRole == toMember {
		o.add("bad_target")
	}
	if _, there := w.Roles[c.To.Role]; c.To.Role != 0 && !there {
		o.add("no_role")
	}
	_, had := channel.Overwrites[c.To]
	clears := had && len(c.Overwrite.Allow)+len(c.Overwrite.Deny) == 0
	if _, there := w.Members[c.To.Member]; toMember && !there && !clears {
		o.add("no_member")
	}
}

// replace objects to a target that is not below, and to rights that change and are not held.
func (o *objections) replace(held Names, to Target, before, after Overwrite) {
	changed := Names{}
	for _, name := range everyName() {
		if before.Allow[name] != after.Allow[name] || before.Deny[name] != after.Deny[name] {
			changed[name] = true
		}
	}
	// A move names no target, so it is not about those that stay as they are. An overwrite that changes nothing is
	// still one of that target.
	if len(changed) == 0 && o.call.Op == "move_channel" {
		return
	}
	switch {
	case to.Member == 0:
		o.below(o.w.Roles[to.Role].Position)
	case o.call.Actor != o.w.Owner:
		o.rank(to.Member)
	}
	o.needs(held, changed)
}
