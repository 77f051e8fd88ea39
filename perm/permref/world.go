// Package permref is an independent reference for package perm: the same rules, written from the design a
// second time, over sets of names and in the most literal way. It shares no code with perm, imports nothing
// of Beep, and is not fast. Tests compare it with everything that decides: perm, and the graph in Permify.
//
// World is a server; FromBytes makes random ones. Rights and Channel are what members hold, Objections is
// what stands against a Call.
package permref

import "maps"

// World is one server with everything that permissions depend on. Ids are plain numbers; 0 is none.
type World struct {
	Owner    uint64
	Everyone Names           // what @everyone holds
	Roles    map[uint64]Role // without @everyone
	Members  map[uint64]Member
	Channels map[uint64]Channel
}

// Role is a role besides @everyone; its position is at least 1.
type Role struct {
	Position uint32
	Rights   Names
}

// Member is a user in the server.
type Member struct {
	Roles map[uint64]bool
	Muted bool
}

// Channel is a channel with its own overwrites. Kind is text, conference, category or thread.
type Channel struct {
	Kind       string
	Parent     uint64
	Synced     bool
	Archived   bool
	Locked     bool
	Overwrites map[Target]Overwrite
}

// Target is whom an overwrite is for.
type Target struct {
	Everyone bool
	Role     uint64
	Member   uint64
}

// Overwrite is what a target is allowed and denied.
type Overwrite struct{ Allow, Deny Names }

// NewWorld is a server without anything.
func NewWorld() *World {
	return &World{Roles: map[uint64]Role{}, Members: map[uint64]Member{}, Channels: map[uint64]Channel{}}
}

// RemoveRole takes the role away with its assignments and overwrites.
func (w *World) RemoveRole(id uint64) {
	delete(w.Roles, id)
	for _, m := range w.Members {
		delete(m.Roles, id)
	}
	for _, c := range w.Channels {
		delete(c.Overwrites, Target{Role: id})
	}
}

// RemoveChannel takes the channel away with its threads.
func (w *World) RemoveChannel(id uint64) {
	if _, there := w.Channels[id]; !there {
		return
	}
	delete(w.Channels, id)
	// What was in a category stays, and names one that is not there: see Holding.
	for thread, c := range w.Channels {
		if c.Kind == "thread" && c.Parent == id {
			delete(w.Channels, thread)
		}
	}
}

// SetOverwrite sets an overwrite; one without names is none.
func (w *World) SetOverwrite(channel uint64, to Target, o Overwrite) {
	c := w.Channels[channel]
	if len(o.Allow) == 0 && len(o.Deny) == 0 {
		delete(c.Overwrites, to)
		return
	}
	if c.Overwrites == nil {
		c.Overwrites = map[Target]Overwrite{}
	}
	c.Overwrites[to] = o
	w.Channels[channel] = c
}

// Clone shares nothing that the methods of World change.
func (w *World) Clone() *World {
	c := &World{Owner: w.Owner, Everyone: w.Everyone, Roles: maps.Clone(w.Roles), Members: map[uint64]Member{}, Channels: map[uint64]Channel{}}
	for id, m := range w.Members {
		m.Roles = maps.Clone(m.Roles)
		c.Members[id] = m
	}
	for id, ch := range w.Channels {
		ch.Overwrites = maps.Clone(ch.Overwrites)
		c.Channels[id] = ch
	}
	return c
}
