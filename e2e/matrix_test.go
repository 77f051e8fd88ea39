package e2e_test

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/client"
	"github.com/beep-chat/beep/e2e/people"
)

// rights is a set of names of rights. This file knows the rules of rights by itself, from their description, and shares
// nothing with what it judges.
type rights map[string]bool

func these(names ...string) rights {
	set := rights{}
	for _, name := range names {
		set[name] = true
	}
	return set
}

func (r rights) with(names ...string) rights {
	set := these(names...)
	for name, held := range r {
		set[name] = set[name] || held
	}
	return set
}

func (r rights) without(names ...string) rights {
	set := rights{}
	for name, held := range r {
		set[name] = held && !slices.Contains(names, name)
	}
	return set
}

func (r rights) any(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return r[name] })
}

// The rights that a role can give but for all at once, those that an overwrite can give, and what everyone has.
var (
	roleRights = []string{
		"manage_server", "manage_roles", "manage_channels", "view_channels", "manage_webhooks", "manage_nicknames",
		"change_nickname", "send_messages", "manage_messages", "attach_files", "manage_members", "manage_invitations",
		"connect", "speak", "mute_members",
	}
	channelRights = []string{
		"view_channels", "manage_channels", "manage_webhooks", "manage_permissions", "send_messages", "manage_messages",
		"attach_files", "connect", "speak",
	}
	everyoneHas = these("view_channels", "send_messages", "attach_files", "change_nickname", "connect", "speak")
	every       = these(roleRights...).with("manage_permissions")
)

// actor is somebody who tries everything.
type actor struct {
	name                 string
	who                  *people.Person // nil for a guest
	member, owner, admin bool
	muted, banned        bool
	role                 string // a right that a role gives
	allow, deny          string // a right that an overwrite in the one channel gives or takes
}

// base are the rights on the server, before a mute.
func (a *actor) base() rights {
	switch {
	case !a.member:
		return nil
	case a.owner || a.admin:
		return every
	}
	held := everyoneHas
	if a.role != "" {
		held = held.with(a.role)
	}
	for right, implied := range map[string]string{
		"manage_server": "manage_channels", "manage_nicknames": "change_nickname", "manage_messages": "send_messages",
	} {
		if held[right] {
			held = held.with(implied)
		}
	}
	return held
}

// mute leaves only seeing.
func (a *actor) mute(held rights) rights {
	if a.muted && held["view_channels"] {
		return these("view_channels")
	}
	return held
}

func (a *actor) onServer() rights { return a.mute(a.base()) }

// inChannel are the rights in the channel that everyone sees, or in the hidden one.
func (a *actor) inChannel(hidden bool) rights {
	held := a.base()
	if a.owner || a.admin || !a.member {
		return held
	}
	if hidden {
		return nil
	}
	if a.deny != "" {
		held = held.without(a.deny)
	}
	if a.allow != "" {
		held = held.with(a.allow)
	}
	if !held["view_channels"] {
		return nil
	}
	if !held["send_messages"] {
		held = held.without("attach_files")
	}
	return a.mute(held)
}

// place says which of several objects of a kind a call is about.
type place string

const (
	here      place = "here"      // one that members see
	hidden    place = "hidden"    // a channel that they do not
	elsewhere place = "elsewhere" // of a server in which nobody of the actors is
	private   place = "private"   // a direct message of others
	nowhere   place = "nowhere"   // none
)

// realmOf is what the calls of some actors are about.
type realmOf struct {
	t           *testing.T
	owner       *people.Person
	target      *people.Person // a plain member, whom actions are done to
	friend      *people.Person // another, with whom the target has a direct message
	server      *serversv1.Server
	other       *serversv1.Server
	channels    map[place]*serversv1.Channel
	messages    map[place]*messagesv1.Message
	overwrites  map[place]uint64
	threads     map[place]*serversv1.Thread
	locked      *serversv1.Thread // here
	invitations map[place]string
	role, twin  *serversv1.Role // the two lowest, without rights
	roleThere   *serversv1.Role
}

const nothing = uint64(1581000000000000001)

func newRealmOf(t *testing.T) *realmOf {
	t.Helper()
	owner, host, target, friend := newcomer(t, "owner"), newcomer(t, "host"), newcomer(t, "target"), newcomer(t, "friend")
	server, general := harbour(t, owner, target, friend)
	other, thereGeneral := harbour(t, host, target)
	v, h := at(t, owner, 0), at(t, host, 1)
	secret := &serversv1.Channel{}
	v.call(http.MethodPost, serverPath(server, "/channels"), &serversv1.CreateChannelRequest{Name: "secret", Private: true}, secret)
	dm := at(t, friend, 0).openDirect(target)
	w := &realmOf{
		t: t, owner: owner, target: target, friend: friend, server: server, other: other,
		channels: map[place]*serversv1.Channel{
			here: general, hidden: secret, elsewhere: thereGeneral, nowhere: {Id: nothing, ServerId: nothing},
			private: {Id: dm.GetId()},
		},
		messages: map[place]*messagesv1.Message{}, overwrites: map[place]uint64{private: nothing},
		threads: map[place]*serversv1.Thread{nowhere: {Id: nothing}, private: {Id: dm.GetId()}},
		invitations: map[place]string{
			here: v.invite(server, 0, 0).GetCode(), elsewhere: h.invite(other, 0, 0).GetCode(), nowhere: "7Xk2mQ9tVw4B",
		},
		roleThere: h.createRole(other, "Crew"),
	}
	for p, speaker := range map[place]voice{here: v, hidden: v, elsewhere: h} {
		w.messages[p] = speaker.send(w.channels[p], "the owner's")
		w.overwrites[p] = speaker.deny(w.channels[p], target, "connect").GetId()
		w.threads[p] = speaker.startThread(w.messages[p], "the owner's")
	}
	w.messages[private] = at(t, friend, 0).send(w.channels[private], "a friend's")
	w.locked = v.startThread(v.send(general, "to be locked"), "locked")
	yes := true
	v.call(http.MethodPatch, threadPath(w.locked, ""), &serversv1.UpdateThreadRequest{Locked: &yes}, nil)
	w.messages[nowhere], w.overwrites[nowhere] = &messagesv1.Message{Id: nothing, ChannelId: nothing}, nothing
	return w
}

// add brings an actor in as what it is.
func (w *realmOf) add(a *actor) {
	w.t.Helper()
	v := at(w.t, w.owner, 0)
	if a.owner {
		a.who = w.owner
		return
	}
	a.who = newcomer(w.t, "actor")
	if !a.member && !a.banned {
		return
	}
	w.enter(v, w.server, a)
	mask := &serversv1.SetOverwriteRequest{MemberId: a.who.ID}
	if a.allow != "" {
		mask.Allow = []string{a.allow}
	}
	if a.deny != "" {
		mask.Deny = []string{a.deny}
	}
	if a.allow+a.deny != "" {
		v.call(http.MethodPut, channelPath(w.channels[here], "/overwrites"), mask, nil)
	}
}

// enter makes an actor a member of a server of the owner's, with role, mute or ban.
func (w *realmOf) enter(v voice, s *serversv1.Server, a *actor) {
	w.t.Helper()
	at(w.t, a.who, 0).accept(v.invite(s, 1, 0).GetCode())
	given := a.role
	if a.admin {
		given = "administrator"
	}
	if given != "" {
		v.call(http.MethodPut, givenPath(v.createRole(s, given, given), a.who), nil, nil)
	}
	if a.muted {
		v.call(http.MethodPut, memberPath(s, a.who)+"/mute", &serversv1.MuteMemberRequest{Seconds: 3600}, nil)
	}
	if a.banned {
		v.call(http.MethodPut, serverPath(s, "/bans/"+id(a.who.ID)), &serversv1.BanUserRequest{}, nil)
	}
}

// cell is one call: somebody, a method and an object.
type cell struct {
	*realmOf

	a    *actor
	at   place
	want string // the code of a refusal; empty where it is allowed
}

// s is the server that the call is about.
func (c cell) s() *serversv1.Server {
	switch c.at { //nolint:exhaustive // servers are not hidden
	case elsewhere:
		return c.other
	case nowhere:
		return &serversv1.Server{Id: nothing}
	}
	return c.server
}

func (c cell) channel() *serversv1.Channel    { return c.channels[c.at] }
func (c cell) message() *messagesv1.Message   { return c.messages[c.at] }
func (c cell) asOwner() voice                 { return at(c.t, c.owner, 1) }
func (c cell) allowed() bool                  { return c.want == "" }
func (c cell) lowest() (role *serversv1.Role) { return c.of(c.role) }

// of is the role, or one that is as much out of reach as the server is.
func (c cell) of(role *serversv1.Role) *serversv1.Role {
	switch c.at { //nolint:exhaustive // as above
	case elsewhere:
		return c.roleThere
	case nowhere:
		return &serversv1.Role{Id: nothing, ServerId: nothing}
	}
	return role
}

// fresh is a server of the owner's in which the actor is what it is here, for what would end this one.
func (c cell) fresh() *serversv1.Server {
	v := c.asOwner()
	s := v.createServer("Harbour")
	at(c.t, c.target, 0).accept(v.invite(s, 1, 0).GetCode())
	if !c.a.owner {
		c.enter(v, s, c.a)
	}
	return s
}

// TestMatrix: every method of the API, as everyone and on everything: what is allowed works, and what is not is refused
// by the code that the rules say, whoever asks. The rules are in this file and in matrixRows; nothing is taken from Beep.
func TestMatrix(t *testing.T) {
	t.Parallel()
	rows := matrixRows()
	for _, r := range routes(t) {
		if _, ok := rows[r.name]; !ok {
			t.Errorf("%s has no row", r.name)
		}
	}
	groups := [4][]*actor{}
	for i, a := range actors() {
		groups[i%len(groups)] = append(groups[i%len(groups)], a)
	}
	var cells atomic.Int64
	var wg sync.WaitGroup
	for _, group := range groups {
		w := newRealmOf(t)
		for _, a := range group {
			if a.name != "a guest" {
				w.add(a)
			}
		}
		w.role = at(t, w.owner, 0).createRole(w.server, "lowest but one")
		w.twin = at(t, w.owner, 0).createRole(w.server, "lowest")
		wg.Go(func() {
			for _, a := range group {
				for name, row := range rows {
					cells.Add(int64(len(row.places)))
					for _, difference := range w.try(a, name, row) {
						t.Error(difference)
					}
				}
			}
		})
	}
	wg.Wait()
	if n := cells.Load(); n < 5000 {
		t.Errorf("%d cells, want 5,000", n)
	} else {
		t.Logf("%d cells", n)
	}
}

// try is an actor's calls of one method, one for each object, and where the answers are others than the rules say.
func (w *realmOf) try(a *actor, name string, r row) (differences []string) {
	for i, p := range r.places {
		c := cell{realmOf: w, a: a, at: p, want: r.want(a, p)}
		v := guest(w.t, i)
		if a.who != nil {
			v = at(w.t, a.who, i)
		}
		err := r.call(c, v)
		if got := string(client.CodeOf(err)); got != c.want || (err != nil) != (c.want != "") {
			differences = append(differences, fmt.Sprintf("%s, as %s, %s: %v, want %q", name, a.name, p, err, c.want))
		}
	}
	return differences
}

// TestMatrix_CatchesWhatIsOpen: were somebody let do more than the rules say, or less, the matrix would tell.
func TestMatrix_CatchesWhatIsOpen(t *testing.T) {
	t.Parallel()
	w := newRealmOf(t)
	more := &actor{name: "a member, as far as the rules know", member: true}
	w.add(more)
	less := &actor{name: "who has lost what the rules know", member: true, role: "manage_members"}
	w.add(less)
	w.role = at(t, w.owner, 0).createRole(w.server, "lowest but one")
	w.twin = at(t, w.owner, 0).createRole(w.server, "lowest")
	kick := moderationRows()["Moderation_KickMember"]
	read := messageRows()["Messages_ListMessages"]
	for name, tt := range map[string]struct {
		a     *actor
		row   row
		plant func(v voice)
	}{
		"a right that nobody gave": {more, kick, func(v voice) {
			v.call(http.MethodPut, givenPath(v.createRole(w.server, "planted", "manage_members"), more.who), nil, nil)
		}},
		"a hidden channel that is open": {more, read, func(v voice) {
			v.call(http.MethodPut, channelPath(w.channels[hidden], "/access"), &serversv1.SetChannelAccessRequest{AddMemberIds: []uint64{more.who.ID}}, nil)
		}},
		"a right that does not work": {less, kick, func(v voice) {
			v.call(http.MethodPut, memberPath(w.server, less.who)+"/mute", &serversv1.MuteMemberRequest{Seconds: 3600}, nil)
		}},
	} {
		if found := w.try(tt.a, name, tt.row); len(found) > 0 {
			t.Errorf("%s, before: %v", name, found)
		}
		tt.plant(at(t, w.owner, 1))
		if found := w.try(tt.a, name, tt.row); len(found) != 1 {
			t.Errorf("%s: %d differences were found, want one: %v", name, len(found), found)
		}
	}
}

// actors are all kinds of people.
func actors() []*actor {
	list := []*actor{
		{name: "a guest"},
		{name: "a stranger"},
		{name: "somebody banned", banned: true},
		{name: "a member", member: true},
		{name: "somebody muted", member: true, muted: true},
		{name: "the owner", member: true, owner: true},
		{name: "an administrator", member: true, admin: true},
	}
	for _, right := range roleRights {
		list = append(list, &actor{name: "who may " + right, member: true, role: right})
		list = append(list, &actor{name: "who might " + right + ", muted", member: true, muted: true, role: right})
	}
	for _, right := range channelRights {
		list = append(list, &actor{name: "who may " + right + " in the channel", member: true, allow: right})
		list = append(list, &actor{name: "who may not " + right + " in the channel", member: true, deny: right})
	}
	return list
}
