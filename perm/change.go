package perm

import (
	"errors"

	"github.com/beep-chat/beep"
)

// Why Apply refuses. The View is as it was; who sees one of them drops the View and builds it again.
var (
	ErrGap   = errors.New("scope log: a revision is missing before this one")
	ErrScope = errors.New("scope log: the row is of another scope")
	ErrRow   = errors.New("scope log: the row does not fit its scope")
)

// Change is one row of a scope log, as far as permissions depend on it.
type Change struct {
	Scope beep.Scope
	Rev   uint64 // from 1, without holes
	Row   Row    // nil for a row that permissions do not depend on
}

// Row is what a Change did: one of the types below. A row that is an object (Server, Role, Member, Channel,
// Overwrite) sets the whole object, made or changed alike.
//
// A row may name only roles and channels that are there, save Channel.Parent. Where one transaction writes
// several rows, a reader may evaluate between them, so their order must not open anything: set a channel's
// own overwrites before it stops following its category.
type Row interface{ row() }

// Rows of a server's scope.
type (
	// Server sets who owns the server.
	Server struct{ Owner beep.UserID }
	// ServerRemoved ends the server: nobody holds anything, later rows do nothing.
	ServerRemoved struct{}
	// Role sets a role; @everyone has the server's number and position 0.
	Role struct {
		ID       beep.RoleID
		Position uint32 // higher is above
		Rights   Rights
	}
	// RoleRemoved takes the role from every member and drops its overwrites.
	RoleRemoved struct{ ID beep.RoleID }
	// Member sets a member. Roles needs no order and no @everyone; what View returns is sorted and shared:
	// not to be changed.
	Member struct {
		User  beep.UserID
		Roles []beep.RoleID
		Muted bool
	}
	// MemberRemoved ends a membership. Overwrites for the user stay, so that leaving and coming back sheds
	// no deny.
	MemberRemoved struct{ User beep.UserID }
	// Channel sets a channel.
	Channel struct {
		ID     beep.ChannelID
		Kind   Kind
		Parent beep.ChannelID // a thread's channel, or the category that a channel stands in, or 0
		Synced bool           // in a category: its overwrites hold, not the channel's own
		// Archived and Locked close a thread; they mean nothing elsewhere.
		Archived, Locked bool
	}
	// ChannelRemoved ends a channel with its overwrites and threads. Channels of a category stay; those that
	// followed it are closed to all but administrators until a row gives them another place.
	ChannelRemoved struct{ ID beep.ChannelID }
	// Overwrite sets what exactly one of a role and a member is allowed and denied in a channel.
	Overwrite struct {
		Channel beep.ChannelID
		Role    beep.RoleID
		Member  beep.UserID
		Mask
	}
	// OverwriteRemoved drops an overwrite.
	OverwriteRemoved struct {
		Channel beep.ChannelID
		Role    beep.RoleID
		Member  beep.UserID
	}
)

// Rows of a direct message's or group's scope.
type (
	// ParticipantAdded makes a user one of the participants.
	ParticipantAdded struct{ User beep.UserID }
	// ParticipantRemoved ends that.
	ParticipantRemoved struct{ User beep.UserID }
	// BlockSet says that a participant of a pair blocks the other. Groups have no such rows.
	BlockSet struct{ By beep.UserID }
	// BlockRemoved ends the block set by By.
	BlockRemoved struct{ By beep.UserID }
)

// Rows of a personal scope.
type (
	// ScopeJoined says that the user now belongs to a server, direct message or group. It may come again for
	// a scope already joined, when something there concerns the user.
	ScopeJoined struct{ Scope beep.Scope }
	// ScopeLeft says that the user belongs to it no more.
	ScopeLeft struct{ Scope beep.Scope }
)

func (Server) row()             {}
func (ServerRemoved) row()      {}
func (Role) row()               {}
func (RoleRemoved) row()        {}
func (Member) row()             {}
func (MemberRemoved) row()      {}
func (Channel) row()            {}
func (ChannelRemoved) row()     {}
func (Overwrite) row()          {}
func (OverwriteRemoved) row()   {}
func (ParticipantAdded) row()   {}
func (ParticipantRemoved) row() {}
func (BlockSet) row()           {}
func (BlockRemoved) row()       {}
func (ScopeJoined) row()        {}
func (ScopeLeft) row()          {}

// Kind is what a channel is.
type Kind uint8

// The kinds of channel; the numbers are of this process only, the names are stored.
const (
	Text Kind = iota + 1
	Conference
	Category
	Thread
)

// String is the stable name: text, conference, category or thread.
func (k Kind) String() string {
	return [...]string{"none", "text", "conference", "category", "thread"}[k.known()]
}

func (k Kind) known() Kind {
	if k > Thread {
		return 0
	}
	return k
}

// ParseKind is the kind with a name.
func ParseKind(name string) (Kind, error) {
	for k := Text; k <= Thread; k++ {
		if k.String() == name {
			return k, nil
		}
	}
	return 0, beep.InvalidField(beep.CodeInvalidField, "kind", "is not a kind of channel")
}

// Affects says which answers of Rights, ChannelRights, CanView, VisibleChannels and Audience (and Scopes)
// may differ after a change; every other cached answer still holds. The zero Affects is none. Positions
// decide only the hierarchy, which is never cached: a move of roles affects nothing here.
type Affects struct {
	// All is the whole scope; User and Channels are then empty.
	All bool
	// User, alone, is one user everywhere in the scope; with Channels, that user there.
	User beep.UserID
	// Channels, alone, is everyone in these: a channel, its threads, the channels that follow it and theirs.
	Channels []beep.ChannelID
}

// None says that nothing is affected.
func (a Affects) None() bool { return !a.All && a.User == 0 && len(a.Channels) == 0 }
