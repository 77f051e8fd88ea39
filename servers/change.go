package servers

import (
	"github.com/beep-chat/beep"
)

// Change is one thing that happens in a scope: one row of its log. "Set" changes hold the whole object, so that
// applying one twice is harmless. The log's reader sees New no more: it only says what must be true for the change
// to commit.
type Change interface {
	// RowKind is the name that the log stores; never renamed.
	RowKind() string
}

// The changes. The first group is of a server's scope, the second of a direct message's, the last of a user's personal
// scope; of those, Commit.Parts alone writes ScopeJoined and ScopeLeft.
type (
	// ServerSet makes the server, or changes it.
	ServerSet struct {
		Server
		New bool `json:"-"`
	}
	// ServerRemoved ends the server and all in it, for every member; nothing follows in its scope.
	ServerRemoved struct {
		ID beep.ServerID `json:"id,omitempty"`
	}
	// RoleSet makes a role, or changes it.
	RoleSet struct {
		Role
		New bool `json:"-"`
	}
	// RoleRemoved ends a role: no member has it any more, and its overwrites are gone.
	RoleRemoved struct {
		ID beep.RoleID `json:"id,omitempty"`
	}
	// MemberSet makes a user a member, or changes what the member is.
	MemberSet struct {
		Member
		New bool `json:"-"`
	}
	// MemberRemoved ends a membership. The member's overwrites and mute stay, so that coming back sheds neither.
	MemberRemoved struct {
		User beep.UserID `json:"user,omitempty"`
	}
	// ChannelSet makes a channel, or changes it.
	ChannelSet struct {
		Channel
		New bool `json:"-"`
	}
	// ChannelRemoved ends a channel and its overwrites. Its scope stays known for ever.
	ChannelRemoved struct {
		ID beep.ChannelID `json:"id,omitempty"`
	}
	// OverwriteSet makes an overwrite, or changes it.
	OverwriteSet struct {
		Overwrite
		New bool `json:"-"`
	}
	// OverwriteRemoved ends an overwrite; readers use its channel and target, not its rights.
	OverwriteRemoved struct{ Overwrite }

	// ThreadSet makes a thread, or changes it.
	ThreadSet struct {
		Thread
		New bool `json:"-"`
	}
	// ThreadRemoved ends a thread. With a channel its threads end too, without rows of their own.
	ThreadRemoved struct {
		ID beep.ChannelID `json:"id,omitempty"`
	}

	// DirectSet makes a direct message, or changes it. A new Pair has its two Users set.
	DirectSet struct {
		DirectMessage
		New bool `json:"-"`
	}
	// ParticipantAdded puts a user into it.
	ParticipantAdded struct {
		User beep.UserID `json:"user,omitempty"`
	}
	// ParticipantRemoved takes a user out. With the last one it is erased.
	ParticipantRemoved struct {
		User beep.UserID `json:"user,omitempty"`
	}

	// ScopeJoined says that the user now belongs to the scope. Again says that the user did before: something happened
	// there that concerns the user.
	ScopeJoined struct {
		Scope beep.Scope `json:"scope"`
		Again bool       `json:"again,omitempty"`
	}
	// ScopeLeft says that the user belongs to it no more.
	ScopeLeft struct {
		Scope beep.Scope `json:"scope"`
	}
	// DirectClosed hides a direct message that the user is in, or opens it again.
	DirectClosed struct {
		Channel beep.ChannelID `json:"channel,omitempty"`
		Closing
	}
	// ThreadJoined makes the user a member of a thread. It is of the personal scope, since nobody's rights depend on it:
	// no View of a server grows by it.
	ThreadJoined struct {
		Server beep.ServerID  `json:"server,omitempty"`
		Thread beep.ChannelID `json:"thread,omitempty"`
	}
	// ThreadLeft ends that.
	ThreadLeft struct {
		Server beep.ServerID  `json:"server,omitempty"`
		Thread beep.ChannelID `json:"thread,omitempty"`
	}
)

// RowKind is the name that the log stores.
func (ServerSet) RowKind() string { return "server_set" }

// RowKind is the name that the log stores.
func (ServerRemoved) RowKind() string { return "server_removed" }

// RowKind is the name that the log stores.
func (RoleRemoved) RowKind() string { return "role_removed" }

// RowKind is the name that the log stores.
func (RoleSet) RowKind() string { return "role_set" }

// RowKind is the name that the log stores.
func (MemberSet) RowKind() string { return "member_set" }

// RowKind is the name that the log stores.
func (MemberRemoved) RowKind() string { return "member_removed" }

// RowKind is the name that the log stores.
func (ChannelSet) RowKind() string { return "channel_set" }

// RowKind is the name that the log stores.
func (ChannelRemoved) RowKind() string { return "channel_removed" }

// RowKind is the name that the log stores.
func (OverwriteSet) RowKind() string { return "overwrite_set" }

// RowKind is the name that the log stores.
func (OverwriteRemoved) RowKind() string { return "overwrite_removed" }

// RowKind is the name that the log stores.
func (ThreadSet) RowKind() string { return "thread_set" }

// RowKind is the name that the log stores.
func (ThreadRemoved) RowKind() string { return "thread_removed" }

// RowKind is the name that the log stores.
func (DirectSet) RowKind() string { return "direct_set" }

// RowKind is the name that the log stores.
func (ParticipantAdded) RowKind() string { return "participant_added" }

// RowKind is the name that the log stores.
func (ParticipantRemoved) RowKind() string { return "participant_removed" }

// RowKind is the name that the log stores.
func (ScopeJoined) RowKind() string { return "scope_joined" }

// RowKind is the name that the log stores.
func (ScopeLeft) RowKind() string { return "scope_left" }

// RowKind is the name that the log stores.
func (DirectClosed) RowKind() string { return "direct_closed" }

// RowKind is the name that the log stores.
func (ThreadJoined) RowKind() string { return "thread_joined" }

// RowKind is the name that the log stores.
func (ThreadLeft) RowKind() string { return "thread_left" }

// Record is a change to what stands beside the log and is committed with it: by itself it changes nobody's rights.
type Record interface{ record() }

// The records.
type (
	// InvitationCreated stores a new one, if the server then has no more live ones than MaxLive; 0 is any number.
	InvitationCreated struct {
		Invitation
		MaxLive int
	}
	// InvitationUsed takes one use, if it is live at the Commit's time.
	InvitationUsed struct{ Code string }
	// InvitationRevoked ends it; afterwards it is as if it had never been.
	InvitationRevoked struct{ Code string }

	// BanSet keeps a user out from now on.
	BanSet struct{ Ban }
	// BanRemoved lets the user in again.
	BanRemoved struct {
		Server beep.ServerID
		User   beep.UserID
	}

	// WebhookSet stores a new one, if the channel is there and then has no more than MaxPerChannel (0 is any number), or
	// changes the one with this id and this channel, if its version is Replaces.
	WebhookSet struct {
		Webhook
		New           bool
		MaxPerChannel int
		Replaces      uint32
	}
	// WebhookRemoved ends it.
	WebhookRemoved struct {
		ID      beep.WebhookID
		Channel beep.ChannelID
	}

	// PurgeWanted keeps a purge until it is done.
	PurgeWanted struct{ Purge }
	// PurgeDone forgets it.
	PurgeDone struct{ ID uint64 }

	// Audited remembers what was done.
	Audited struct{ AuditEntry }
)

func (InvitationCreated) record() {}
func (InvitationUsed) record()    {}
func (InvitationRevoked) record() {}
func (BanSet) record()            {}
func (BanRemoved) record()        {}
func (WebhookSet) record()        {}
func (WebhookRemoved) record()    {}
func (PurgeWanted) record()       {}
func (PurgeDone) record()         {}
func (Audited) record()           {}
