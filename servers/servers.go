// Package servers is the service that owns communities: servers, their members, roles, channels, permission
// overwrites and invitations. Every change is also a row of a scope log, written in the same transaction; authz,
// realtime and messages build their permission Views from that log.
//
// It decides nothing by itself: who may do what is asked of authz, and a change commits only if nothing
// has happened since that could have decided otherwise. It sends no messages and holds no profiles.
//
// Start with Change for what can happen, Store for what a driver promises, and Settle for how a decision (Authorizer)
// and its commit (Committer) are kept together. The use-cases are in community and channels, and grpcapi serves them.
package servers

import (
	"time"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/perm"
)

// The JSON of the types below is what rows of the log hold: fields may be added, none renamed. An absent id is none,
// since 0 is not the text of an id.

// Server is a community.
type Server struct {
	ID          beep.ServerID `json:"id,omitempty"`
	Name        string        `json:"name"`
	Description string        `json:"description,omitempty"`
	Owner       beep.UserID   `json:"owner,omitempty"`
	CreatedAt   time.Time     `json:"created_at"`

	Public        bool           `json:"public,omitempty"`         // anyone finds it and joins without an invitation
	SystemChannel beep.ChannelID `json:"system_channel,omitempty"` // where it is said who came; a text channel of it, or none

	// MemberCount is kept by the store and is no part of the log: a join is one row, not two.
	MemberCount int `json:"-"`
}

// Role is a set of rights with a place in the hierarchy. The @everyone role has its server's number and position 0.
type Role struct {
	ID       beep.RoleID   `json:"id,omitempty"`
	Server   beep.ServerID `json:"server,omitempty"`
	Name     string        `json:"name"`
	Position uint32        `json:"position"` // unique on the server
	Rights   perm.Rights   `json:"rights"`

	Color       uint32 `json:"color,omitempty"`       // 0xRRGGBB; 0 is the color of text
	Hoist       bool   `json:"hoist,omitempty"`       // the member list shows who has it as a group
	Mentionable bool   `json:"mentionable,omitempty"` // by anyone who may send
}

// Member is a user in a server.
type Member struct {
	User     beep.UserID   `json:"user,omitempty"`
	Server   beep.ServerID `json:"server,omitempty"`
	Roles    []beep.RoleID `json:"roles,omitempty"` // besides @everyone, in order of id
	JoinedAt time.Time     `json:"joined_at"`
	Nickname string        `json:"nickname,omitempty"`

	// MutedUntil is when a mute is to end, zero for none. It ends by a change that sets it to zero: whoever decides
	// looks only at whether it is set, never at a clock.
	MutedUntil time.Time `json:"muted_until,omitzero"`
}

// ChannelKind says what a channel is for.
type ChannelKind string

// The kinds of channel.
const (
	Text     ChannelKind = "text"
	Category ChannelKind = "category" // holds channels, no messages
)

// Channel is a place to talk, or a category of such.
type Channel struct {
	ID       beep.ChannelID `json:"id,omitempty"`
	Server   beep.ServerID  `json:"server,omitempty"`
	Kind     ChannelKind    `json:"kind"`
	Name     string         `json:"name"`
	Topic    string         `json:"topic,omitempty"`
	Parent   beep.ChannelID `json:"parent,omitempty"` // the category that it stands in, or none
	Position uint32         `json:"position"`         // unique within the server
	Synced   bool           `json:"synced,omitempty"` // follows the category's overwrites, not its own
}

// Thread is a conversation that hangs on a message. Its id is a channel's, and it has no overwrites: who may what in it is
// its channel's matter.
type Thread struct {
	ID        beep.ChannelID `json:"id,omitempty"`
	Server    beep.ServerID  `json:"server,omitempty"`
	Channel   beep.ChannelID `json:"channel,omitempty"` // the text channel that it is in
	Message   beep.MessageID `json:"message,omitempty"` // of that channel; it may be deleted since
	Author    beep.UserID    `json:"author,omitempty"`
	Name      string         `json:"name"`
	Archived  bool           `json:"archived,omitempty"`
	Locked    bool           `json:"locked,omitempty"`
	CreatedAt time.Time      `json:"created_at"`
}

// ThreadQuery asks for a page of a channel's threads.
type ThreadQuery struct {
	Channel  beep.ChannelID
	Archived bool           // the archived ones, or the others
	Before   beep.ChannelID // threads with a smaller id; 0 from the newest
	Limit    int
}

// DirectKind says how many a direct message is between.
type DirectKind string

// The kinds of direct message.
const (
	Pair  DirectKind = "direct" // two, for ever
	Group DirectKind = "group"  // a few, who come and go
)

// DirectMessage is a conversation outside of servers; its id is a channel's, and its scope its own.
type DirectMessage struct {
	ID        beep.ChannelID `json:"id,omitempty"`
	Kind      DirectKind     `json:"kind"`
	Name      string         `json:"name,omitempty"`
	CreatedAt time.Time      `json:"created_at"`

	// Users are who is in it, in order. They come and go by rows of their own, so none of the log's rows holds them.
	Users []beep.UserID `json:"-"`
}

// Closing says whether a user hides a direct message, and until when.
type Closing struct {
	Closed bool   `json:"closed,omitempty"`
	R      uint32 `json:"r,omitempty"` // while the channel's log does not go beyond this
}

// Overwrite changes, in one channel, the rights of one role or of one member.
type Overwrite struct {
	ID      uint64         `json:"id"`
	Channel beep.ChannelID `json:"channel,omitempty"`
	Role    beep.RoleID    `json:"role,omitempty"` // exactly one of Role and Member is set
	Member  beep.UserID    `json:"member,omitempty"`
	Allow   perm.Rights    `json:"allow,omitempty"`
	Deny    perm.Rights    `json:"deny,omitempty"`
}

// Invitation lets whoever holds its code join.
type Invitation struct {
	Code      string
	Server    beep.ServerID
	Creator   beep.UserID
	MaxUses   uint32    // 0 is without end
	Uses      uint32    // how often it made a member
	ExpiresAt time.Time // zero is never
	CreatedAt time.Time
}

// Ban keeps a user out of a server. Whoever is banned is no member.
type Ban struct {
	ID        uint64 // in order of time, for paging
	Server    beep.ServerID
	User      beep.UserID
	Actor     beep.UserID
	Reason    string
	CreatedAt time.Time
}

// Purge is the deletion of what a user wrote lately on a server. It is kept until it is done.
type Purge struct {
	ID        uint64
	Server    beep.ServerID
	User      beep.UserID // whose messages
	Actor     beep.UserID // who wants them gone
	Since     time.Time
	CreatedAt time.Time
}

// Webhook is an address at which a program posts into a channel. Its token is not part of it: stored is a hash alone.
type Webhook struct {
	ID        beep.WebhookID
	Server    beep.ServerID
	Channel   beep.ChannelID
	Name      string
	Creator   beep.UserID
	CreatedAt time.Time
	Version   uint32 // how often a token was made for it
	TokenHash []byte // SHA-256 of the token of this version
}

// SigningKey is what tokens of webhooks are signed with.
type SigningKey struct {
	ID        string // the kid of the tokens
	Secret    []byte
	CreatedAt time.Time
}

// AuditEntry is one thing that was done on a server, as those who manage it may read it later.
type AuditEntry struct {
	ID        uint64 // in order of time, for paging
	Server    beep.ServerID
	Actor     beep.UserID // none is the system
	Action    AuditAction
	Target    uint64 // the id of the role, channel or user that it was done to, or none
	Changes   []AuditChange
	Reason    string
	CreatedAt time.Time
}

// AuditAction is what was done; never renamed.
type AuditAction string

// The actions.
const (
	AuditServerUpdate     AuditAction = "server_update"
	AuditServerTransfer   AuditAction = "server_transfer"
	AuditChannelCreate    AuditAction = "channel_create"
	AuditChannelUpdate    AuditAction = "channel_update"
	AuditChannelDelete    AuditAction = "channel_delete"
	AuditOverwriteSet     AuditAction = "overwrite_set"
	AuditOverwriteClear   AuditAction = "overwrite_clear"
	AuditRoleCreate       AuditAction = "role_create"
	AuditRoleUpdate       AuditAction = "role_update"
	AuditRoleDelete       AuditAction = "role_delete"
	AuditRoleReorder      AuditAction = "role_reorder"
	AuditRoleAssign       AuditAction = "role_assign"
	AuditRoleUnassign     AuditAction = "role_unassign"
	AuditMemberKick       AuditAction = "member_kick"
	AuditMemberBan        AuditAction = "member_ban"
	AuditMemberUnban      AuditAction = "member_unban"
	AuditMemberMute       AuditAction = "member_mute"
	AuditMemberUnmute     AuditAction = "member_unmute"
	AuditMemberPurge      AuditAction = "member_purge"
	AuditMemberNickname   AuditAction = "member_nickname"
	AuditInvitationCreate AuditAction = "invitation_create"
	AuditInvitationRevoke AuditAction = "invitation_revoke"
	AuditWebhookCreate    AuditAction = "webhook_create"
	AuditWebhookUpdate    AuditAction = "webhook_update"
	AuditWebhookRotate    AuditAction = "webhook_rotate"
	AuditWebhookDelete    AuditAction = "webhook_delete"
	AuditThreadUpdate     AuditAction = "thread_update"
	AuditThreadDelete     AuditAction = "thread_delete"
)

// AuditChange is one field before and after; a side without values was not there. Several values are a list.
type AuditChange struct {
	Field string   `json:"field"`
	From  []string `json:"from,omitempty"`
	To    []string `json:"to,omitempty"`
}

// DiscoveryQuery asks for a page of the public servers.
type DiscoveryQuery struct {
	Tokens []string      // QueryTokens of what is looked for; at least one
	After  beep.ServerID // servers with a smaller id; 0 from the newest
	Limit  int
}

// AuditQuery asks for a page of the audit log.
type AuditQuery struct {
	Server beep.ServerID
	Before uint64 // entries with a smaller id; 0 from the newest
	Limit  int
	// Each that is set leaves out the others' entries.
	Actor  beep.UserID
	Action AuditAction
	Target uint64
}

// Live says whether it still lets someone in at that time.
func (i Invitation) Live(at time.Time) bool {
	return (i.MaxUses == 0 || i.Uses < i.MaxUses) && (i.ExpiresAt.IsZero() || at.Before(i.ExpiresAt))
}
