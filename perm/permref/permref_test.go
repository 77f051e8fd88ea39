package permref_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beep-chat/beep/perm/permref"
)

// The reference is judged by hand-made cases, sentence by sentence of the design: that perm agrees with it
// says nothing if both misread the same sentence.

const (
	owner, member, muted uint64 = 1, 2, 3
	low, high            uint64 = 1, 2 // roles; member has both, muted has low
	room, category       uint64 = 1, 2
)

func set(names ...string) permref.Names { return permref.Set(names...) }

// world is a server whose @everyone may see and send, with a room in no category, changed by change.
func world(change func(w *permref.World)) *permref.World {
	w := permref.NewWorld()
	w.Owner = owner
	w.Everyone = set("view_channels", "send_messages")
	w.Roles[low] = permref.Role{Position: 1, Rights: set()}
	w.Roles[high] = permref.Role{Position: 2, Rights: set()}
	w.Members[owner] = permref.Member{Roles: map[uint64]bool{}}
	w.Members[member] = permref.Member{Roles: map[uint64]bool{low: true, high: true}}
	w.Members[muted] = permref.Member{Roles: map[uint64]bool{low: true}, Muted: true}
	w.Channels[room] = permref.Channel{Kind: "text"}
	w.Channels[category] = permref.Channel{Kind: "category"}
	change(w)
	return w
}

func overwrite(w *permref.World, to permref.Target, allow, deny permref.Names) {
	w.SetOverwrite(room, to, permref.Overwrite{Allow: allow, Deny: deny})
}

func TestChannel_SentenceBySentence(t *testing.T) {
	everyone := permref.Target{Everyone: true}
	for name, c := range map[string]struct {
		change func(w *permref.World)
		user   uint64
		want   permref.Names
	}{
		"@everyone's rights":           {func(*permref.World) {}, member, set("view_channels", "send_messages")},
		"a stranger holds nothing":     {func(*permref.World) {}, 99, set()},
		"muted only looks":             {func(*permref.World) {}, muted, set("view_channels")},
		"roles add":                    {func(w *permref.World) { w.Roles[low] = permref.Role{Position: 1, Rights: set("connect")} }, member, set("view_channels", "send_messages", "connect")},
		"a channel's deny of send":     {func(w *permref.World) { overwrite(w, everyone, nil, set("send_messages")) }, member, set("view_channels")},
		"no view is nothing":           {func(w *permref.World) { overwrite(w, everyone, nil, set("view_channels")) }, member, set()},
		"no send, no files":            {func(w *permref.World) { overwrite(w, everyone, set("attach_files"), set("send_messages")) }, member, set("view_channels")},
		"no connect, no speech":        {func(w *permref.World) { overwrite(w, everyone, set("speak"), nil) }, member, set("view_channels", "send_messages")},
		"a role's allow beats a deny":  {func(w *permref.World) { role(w, low, set("connect"), nil); role(w, high, nil, set("connect")) }, member, set("view_channels", "send_messages", "connect")},
		"a role beats @everyone":       {func(w *permref.World) { overwrite(w, everyone, set("connect"), nil); role(w, low, nil, set("connect")) }, member, set("view_channels", "send_messages")},
		"the member beats the roles":   {func(w *permref.World) { role(w, low, set("connect"), nil); own(w, nil, set("connect")) }, member, set("view_channels", "send_messages")},
		"another's overwrite is not":   {func(w *permref.World) { own(w, nil, set("view_channels")) }, muted, set("view_channels")},
		"manage messages implies send": {func(w *permref.World) { w.Everyone = set("view_channels", "manage_messages") }, member, set("view_channels", "manage_messages", "send_messages")},
		"but not against a deny": {func(w *permref.World) {
			w.Everyone = set("view_channels", "manage_messages")
			overwrite(w, everyone, nil, set("send_messages"))
		}, member, set("view_channels", "manage_messages")},
		"nor when allowed by the channel": {func(w *permref.World) {
			w.Everyone = set("view_channels")
			overwrite(w, everyone, set("manage_messages"), nil)
		}, member, set("view_channels", "manage_messages")},
		"followed": {func(w *permref.World) {
			w.Channels[room] = permref.Channel{Kind: "text", Parent: category, Synced: true}
			w.SetOverwrite(category, everyone, permref.Overwrite{Deny: set("send_messages")})
		}, member, set("view_channels")},
		"stands in it, does not follow": {func(w *permref.World) {
			w.Channels[room] = permref.Channel{Kind: "text", Parent: category}
			w.SetOverwrite(category, everyone, permref.Overwrite{Deny: set("send_messages")})
		}, member, set("view_channels", "send_messages")},
		"follows what is gone": {func(w *permref.World) { w.Channels[room] = permref.Channel{Kind: "text", Parent: 9, Synced: true} }, member, set()},
		"a locked thread": {func(w *permref.World) {
			w.Channels[3] = w.Channels[room]
			w.Channels[room] = permref.Channel{Kind: "thread", Parent: 3, Locked: true}
		}, member, set("view_channels")},
	} {
		if diff := cmp.Diff(c.want, world(c.change).Channel(c.user, room)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func role(w *permref.World, id uint64, allow, deny permref.Names) {
	overwrite(w, permref.Target{Role: id}, allow, deny)
}

func own(w *permref.World, allow, deny permref.Names) {
	overwrite(w, permref.Target{Member: member}, allow, deny)
}

func TestChannel_OwnerAndAdministratorHoldAll(t *testing.T) {
	w := world(func(w *permref.World) {
		w.Roles[low] = permref.Role{Position: 1, Rights: set("administrator")}
		overwrite(w, permref.Target{Everyone: true}, nil, set("view_channels"))
	})
	for _, user := range []uint64{owner, member, muted} {
		if got := w.Channel(user, room); len(got) != 17 {
			t.Errorf("user %d holds %v", user, slices.Sorted(maps.Keys(got)))
		}
	}
}

func TestObjections_SentenceBySentence(t *testing.T) {
	w := world(func(w *permref.World) {
		w.Roles[high] = permref.Role{Position: 2, Rights: set("manage_roles", "manage_channels", "manage_members")}
	})
	below := permref.Target{Role: low, Member: muted}
	for name, c := range map[string]struct {
		call permref.Call
		want []string
	}{
		"create below":               {permref.Call{Op: "create_role", Actor: member, Position: 1, Rights: set("send_messages")}, nil},
		"create at one's own":        {permref.Call{Op: "create_role", Actor: member, Position: 2}, []string{"not_below"}},
		"create with what one lacks": {permref.Call{Op: "create_role", Actor: member, Position: 1, Rights: set("speak")}, []string{"lacks"}},
		"edit below":                 {permref.Call{Op: "edit_role", Actor: member, To: below}, nil},
		"assign to below":            {permref.Call{Op: "assign", Actor: member, To: below}, nil},
		"assign to oneself":          {permref.Call{Op: "assign", Actor: member, To: permref.Target{Role: low, Member: member}}, []string{"not_below"}},
		"the owner acts above":       {permref.Call{Op: "assign", Actor: owner, To: permref.Target{Role: high, Member: owner}}, nil},
		"act on the owner":           {permref.Call{Op: "kick", Actor: member, To: permref.Target{Member: owner}}, []string{"is_owner"}},
		"act on below":               {permref.Call{Op: "kick", Actor: member, To: below}, nil},
		"act without right":          {permref.Call{Op: "kick", Actor: muted, To: permref.Target{Member: member}}, []string{"lacks", "not_below"}},
		"overwrite for below":        {permref.Call{Op: "set_overwrite", Actor: member, Channel: room, To: permref.Target{Role: low}, Overwrite: permref.Overwrite{Deny: set("send_messages")}}, nil},
		"overwrite, right not held":  {permref.Call{Op: "set_overwrite", Actor: member, Channel: room, To: permref.Target{Role: low}, Overwrite: permref.Overwrite{Allow: set("speak")}}, []string{"lacks"}},
		"overwrite without right":    {permref.Call{Op: "set_overwrite", Actor: muted, Channel: room, To: permref.Target{Everyone: true}}, []string{"lacks_one_of"}},
		"as a stranger":              {permref.Call{Op: "delete_channel", Actor: 99, Channel: room}, []string{"not_member"}},
	} {
		var got []string
		for _, o := range w.Objections(c.call) {
			got = append(got, o.Reason)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Whatever the bytes are, they describe a world, and the same bytes the same one.
func TestFromBytes(t *testing.T) {
	for _, data := range [][]byte{nil, {255}, slices.Repeat([]byte{255}, 600), slices.Repeat([]byte{7, 130}, 300)} {
		a, b := permref.FromBytes(data), permref.FromBytes(data)
		if diff := cmp.Diff(a, b); diff != "" {
			t.Errorf("%d bytes, two worlds:\n%s", len(data), diff)
		}
		if diff := cmp.Diff(a, a.Clone()); diff != "" {
			t.Errorf("a clone differs:\n%s", diff)
		}
	}
}
