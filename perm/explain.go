package perm

import (
	"cmp"
	"slices"

	"github.com/beep-chat/beep"
)

// Explanation is how it comes that a user holds a right, or does not: the lines that speak of it, in the order in which
// they are read, each overruling those before. It is for people; what decides is ChannelRights.
type Explanation struct {
	Held  bool
	Steps []Step
}

// Step is one line of an Explanation.
type Step struct {
	Kind    StepKind
	Held    bool // whether the right is held after it
	Decides bool // the last line that speaks of the right
	// Role is whose right or overwrite it is, Channel where an overwrite stands or what a signpost points to, and Right
	// the one that implies this one, or that is missing for it.
	Role    beep.RoleID
	Channel beep.ChannelID
	Right   Rights
}

// StepKind is what a Step is about.
type StepKind uint8

// The kinds of steps, in the order in which they can come.
const (
	StepNotMember     StepKind = iota + 1 // the user is not in the server, or takes no part
	StepOwner                             // the owner holds everything
	StepAdministrator                     // a role makes an administrator, who holds everything
	StepEveryone                          // @everyone holds it
	StepRole                              // a role holds it
	StepImplied                           // a right that is held implies it
	StepNothing                           // neither @everyone nor a role of the user's holds it
	StepNoChannel                         // the channel, or the thread's, is not there
	StepParent                            // a signpost: a thread is as its channel is
	StepCategory                          // a signpost: the channel follows the overwrites of this category
	StepCategoryGone                      // the channel follows a category that is gone
	StepOverwriteAll                      // what the channel says of everyone
	StepOverwriteRole                     // what it says of a role
	StepOverwriteUser                     // what it says of the user
	StepMuted                             // who is muted only looks
	StepNoView                            // who may not see the channel does nothing in it
	StepMissing                           // it needs another right, which is not held
	StepClosed                            // an archived or locked thread takes no messages
	StepParticipant                       // what everyone may in a direct message
	StepBlocked                           // one of the two blocks the other
)

// String is the stable name.
func (k StepKind) String() string {
	return [...]string{
		"none", "not_member", "owner", "administrator", "everyone", "role", "implied", "nothing", "no_channel", "parent",
		"category", "category_gone", "overwrite_everyone", "overwrite_role", "overwrite_member", "muted", "no_view",
		"missing", "closed", "participant", "blocked",
	}[min(k, StepBlocked+1)%(StepBlocked+1)]
}

// signpost says that the step says where to look, and nothing of the right.
func (k StepKind) signpost() bool { return k == StepParent || k == StepCategory }

// explainer reads the lines about one right.
type explainer struct {
	right Rights
	Explanation
}

// say adds a line. One that changes nothing about what is held is added as well: it would, if another were not there.
func (e *explainer) say(held bool, s Step) {
	s.Held, e.Held = held, held
	e.Steps = append(e.Steps, s)
}

// point adds a signpost.
func (e *explainer) point(s Step) { e.say(e.Held, s) }

// take adds a line that takes the right from who holds it.
func (e *explainer) take(s Step) {
	if e.Held {
		e.say(false, s)
	}
}

// end marks the line that decides.
func (e *explainer) end() Explanation {
	for i, s := range slices.Backward(e.Steps) {
		if !s.Kind.signpost() {
			e.Steps[i].Decides = true
			break
		}
	}
	return e.Explanation
}

// Explain says how it comes that a user holds one right on the server, as Rights has it, or does not.
func (v *View) Explain(user beep.UserID, right Rights) Explanation {
	e := &explainer{right: right}
	if m, ok := v.explainBase(e, user); ok && m.muted && right != ViewChannels {
		e.take(Step{Kind: StepMuted})
	}
	return e.end()
}

// ExplainInChannel says how it comes that a user holds one right in a channel or thread, as ChannelRights has it, or
// does not.
func (v *View) ExplainInChannel(user beep.UserID, id beep.ChannelID, right Rights) Explanation {
	e := &explainer{right: right}
	if v.scope.Kind == beep.ScopeDirect && uint64(id) != v.scope.ID {
		e.say(false, Step{Kind: StepNoChannel})
		return e.end()
	}
	at, there := v.place(id)
	if v.scope.Kind == beep.ScopeServer && !there && v.Has(user) {
		e.say(false, Step{Kind: StepNoChannel})
		return e.end()
	}
	m, ok := v.explainBase(e, user)
	if !ok {
		return e.end()
	}
	base, roles := v.base(user, m), v.sets[m.set].roles
	e.signposts(v, id)
	if at.source == nil {
		e.take(Step{Kind: StepCategoryGone})
		return e.end()
	}
	e.overwrites(at.source, user, roles, v.everyone())
	p := InChannel(base, at.source.everyone, at.source.union(roles), at.source.byMember[user])
	e.effective(p, m.muted)
	if at.closed && right.Any(SendMessages|AttachFiles) && !Effective(p, m.muted).Has(ManageMessages) {
		e.take(Step{Kind: StepClosed})
	}
	return e.end()
}

// explainBase reads what decides before any channel. It is false where no channel matters: who is no member, the owner
// and administrators, and direct messages.
func (v *View) explainBase(e *explainer, user beep.UserID) (member, bool) {
	m, there := v.members[user]
	switch {
	case v.scope.Kind == beep.ScopeDirect:
		v.explainDirect(e, user)
		return m, false
	case !there:
		e.say(false, Step{Kind: StepNotMember})
		return m, false
	case user == v.owner:
		e.say(true, Step{Kind: StepOwner})
		return m, false
	}
	holders := v.holders(m)
	for _, r := range holders {
		if r.Rights.Has(Administrator) {
			e.say(true, Step{Kind: StepAdministrator, Role: r.ID})
			return m, false
		}
	}
	for _, r := range holders {
		if r.Rights&RoleRights&e.right == 0 {
			continue
		}
		kind := StepRole
		if r.ID == v.everyone() {
			kind = StepEveryone
		}
		e.say(true, Step{Kind: kind, Role: r.ID})
	}
	e.implied(holders)
	if !e.Held {
		e.say(false, Step{Kind: StepNothing})
	}
	return m, true
}

// holders are @everyone and the member's roles, lowest first.
func (v *View) holders(m member) []Role {
	list := []Role{v.roles[v.everyone()]}
	for _, id := range v.sets[m.set].roles {
		list = append(list, v.roles[id])
	}
	list[0].ID = v.everyone() // there may be no row of it yet
	slices.SortStableFunc(list[1:], func(a, b Role) int {
		return cmp.Or(cmp.Compare(a.Position, b.Position), cmp.Compare(a.ID, b.ID))
	})
	return list
}

// implied adds what gives the right by the way; what holds it outright has been said, and is enough.
func (e *explainer) implied(holders []Role) {
	if e.Held {
		return
	}
	by := map[Rights]Rights{ManageChannels: ManageServer, ChangeNickname: ManageNicknames, SendMessages: ManageMessages}[e.right]
	for _, r := range holders {
		if r.Rights.Any(by) {
			e.say(true, Step{Kind: StepImplied, Role: r.ID, Right: by})
		}
	}
}

func (v *View) explainDirect(e *explainer, user beep.UserID) {
	if _, ok := v.participants[user]; !ok {
		e.say(false, Step{Kind: StepNotMember})
		return
	}
	e.say(InDirect(false).Has(e.right), Step{Kind: StepParticipant})
	if len(v.blocks) > 0 && !InDirect(true).Has(e.right) {
		e.take(Step{Kind: StepBlocked})
	}
}

// signposts say where the overwrites come from that hold in a channel that is there.
func (e *explainer) signposts(v *View, id beep.ChannelID) {
	c := v.channels[id]
	if c.Kind == Thread {
		e.point(Step{Kind: StepParent, Channel: c.Parent})
		c = v.channels[c.Parent]
	}
	if category, ok := v.channels[c.Parent]; ok && c.follows() && category.Kind == Category {
		e.point(Step{Kind: StepCategory, Channel: c.Parent})
	}
}

// overwrites adds those of a channel that speak of the right: everyone's, then of the user's roles all that deny before
// all that allow, then the user's own.
func (e *explainer) overwrites(c *channel, user beep.UserID, roles []beep.RoleID, everyone beep.RoleID) {
	if !OverwriteRights.Has(e.right) {
		return
	}
	e.mask(c.everyone, Step{Kind: StepOverwriteAll, Channel: c.ID, Role: everyone})
	for _, side := range [...]func(Mask) Mask{
		func(m Mask) Mask { return Mask{Deny: m.Deny} },
		func(m Mask) Mask { return Mask{Allow: m.Allow} },
	} {
		for _, o := range c.byRole {
			if _, has := slices.BinarySearch(roles, o.role); has {
				e.mask(side(o.mask), Step{Kind: StepOverwriteRole, Channel: c.ID, Role: o.role})
			}
		}
	}
	e.mask(c.byMember[user], Step{Kind: StepOverwriteUser, Channel: c.ID})
}

// mask adds an overwrite that speaks of the right; what it both denies and allows it allows.
func (e *explainer) mask(m Mask, s Step) {
	switch {
	case m.Allow.Has(e.right):
		e.say(true, s)
	case m.Deny.Has(e.right):
		e.say(false, s)
	}
}

// effective adds what takes the right after the overwrites, of which p is the result.
func (e *explainer) effective(p Rights, muted bool) {
	if muted && e.right != ViewChannels {
		e.take(Step{Kind: StepMuted})
	}
	if !p.Has(ViewChannels) {
		e.take(Step{Kind: StepNoView, Right: ViewChannels})
	}
	switch {
	case e.right == AttachFiles && !p.Has(SendMessages):
		e.take(Step{Kind: StepMissing, Right: SendMessages})
	case e.right.Any(Speak|MuteMembers) && !p.Has(Connect):
		e.take(Step{Kind: StepMissing, Right: Connect})
	}
}
