package permtest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/perm/permref"
)

// Coverage counts in how many of the worlds that were looked at there was what. Where a generator has gone dull every
// comparison still agrees; it shows here.
type Coverage struct {
	Worlds int

	with map[string]int
}

// Add counts in what another has counted.
func (c *Coverage) Add(other *Coverage) {
	c.Worlds += other.Worlds
	if c.with == nil {
		c.with = map[string]int{}
	}
	for what, n := range other.with {
		c.with[what] += n
	}
}

// Share is in which part of the worlds there was something.
func (c *Coverage) Share(what string) float64 {
	if c.Worlds == 0 {
		return 0
	}
	return float64(c.with[what]) / float64(c.Worlds)
}

// String is every share, in order of names.
func (c *Coverage) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d worlds", c.Worlds)
	for _, what := range slices.Sorted(maps.Keys(c.with)) {
		fmt.Fprintf(&b, "; %s %.1f %%", what, 100*c.Share(what))
	}
	return b.String()
}

// sights are what one world has, each counted once.
type sights map[string]bool

func (c *Coverage) count(s sights) {
	c.Worlds++
	if c.with == nil {
		c.with = map[string]int{}
	}
	for what, there := range s {
		if there {
			c.with[what]++
		}
	}
}

func (s sights) see(what string, there bool) { s[what] = s[what] || there }

// world notes what is in a world.
func (s sights) world(w *permref.World) {
	s.see("no owner", w.Members[w.Owner].Roles == nil)
	for id, m := range w.Members {
		base := w.Base(id)
		s.see("mutes", m.Muted)
		s.see("muted administrators", m.Muted && id != w.Owner && base["administrator"])
		s.see("administrators", id != w.Owner && base["administrator"])
		s.see("members with several roles", len(m.Roles) > 1)
	}
	for _, c := range w.Channels {
		s.channel(w, c)
		for to := range c.Overwrites {
			_, member := w.Members[to.Member]
			s.see("overwrites of everyone", to.Everyone)
			s.see("overwrites of roles", to.Role != 0)
			s.see("overwrites of members", to.Member != 0 && member)
			s.see("overwrites of who is no member", to.Member != 0 && !member)
		}
	}
}

func (s sights) channel(w *permref.World, c permref.Channel) {
	parent, there := w.Channels[c.Parent]
	if c.Kind == "thread" {
		s.see("threads", there && parent.Kind != "thread" && parent.Kind != "category")
		s.see("closed threads", there && (c.Archived || c.Locked))
		s.see("threads of followers", there && parent.Synced && w.Channels[parent.Parent].Kind == "category")
		s.see("threads of nothing", !there)
		return
	}
	if c.Kind == "category" || !c.Synced || c.Parent == 0 {
		return
	}
	follows := there && parent.Kind == "category"
	s.see("synced channels", follows)
	s.see("synced to overwrites", follows && len(parent.Overwrites) > 0)
	s.see("synced to nothing", !follows)
}

// call notes how a call ended.
func (s sights) call(r *perm.Refusal) {
	if r == nil {
		s.see("calls allowed", true)
		return
	}
	switch r.Reason {
	case perm.NotBelow, perm.IsOwner:
		s.see("refused by the hierarchy", true)
	case perm.Lacks, perm.LacksOneOf:
		s.see("refused for want of a right", true)
	case perm.NotMember, perm.NoChannel, perm.NoRole, perm.NoMember:
		s.see("refused as unknown", true)
	case perm.Follows, perm.BadRole, perm.BadChannel, perm.BadTarget, perm.BadMask:
		s.see("refused as senseless", true)
	}
}
