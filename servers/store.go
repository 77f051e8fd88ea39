package servers

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/beep-chat/beep"
)

// What Store.Commit answers besides beep.ErrConflict and beep.ErrNotFound.
var (
	// ErrServerLimit is for who would be in more than MaxServers servers.
	ErrServerLimit = errors.New("in too many servers")
	// ErrInvitationLimit is for an invitation that would be one more than MaxLive.
	ErrInvitationLimit = errors.New("too many invitations")
	// ErrWebhookLimit is for a webhook that would be one more than MaxPerChannel.
	ErrWebhookLimit = errors.New("too many webhooks")
	// ErrBanned is for who would become a member and is banned.
	ErrBanned = errors.New("banned from the server")
)

// Commit is one change of one scope, whole or not at all.
type Commit struct {
	// Scope is what changes.
	Scope beep.Scope
	// Expect is the revision at which the change was decided; 0 is any. Since then nothing may have happened that
	// could have changed the decision: no row but such as are about one member, who is none of Concerns. So a crowd
	// that joins does not hold up who manages a server, and who lost a right in the meantime does not get through.
	Expect uint64
	// Actor is who does it; none is the system.
	Actor beep.UserID
	// At is the time of it, for the expiry of an invitation: a store has no clock.
	At time.Time
	// Changes happen in this order, a row of the log each. There may be none: then Expect alone is checked.
	Changes []Change
	// Records are what happens besides, in this order.
	Records []Record
	// Touches are users who are in the scope before and after: a row of their personal scopes says that something
	// happened here. It is for direct messages, which nobody asks about every second.
	Touches []beep.UserID
	// MaxServers is how many servers a user who joins by this may then be in; 0 is any number.
	MaxServers int
}

// Part is what a Commit appends to the log of one scope.
type Part struct {
	Scope   beep.Scope
	Changes []Change
}

// Parts is what the Commit does to each scope that it touches: to its own, and to the personal scope of everyone who
// joins or leaves by it, or is one of Touches. Those whom a ServerRemoved puts out are not among them, since they may be very many: the driver
// finds them. The order of the parts is the order in which drivers lock scopes, so two Commits never wait
// for each other in a circle.
func (c Commit) Parts() []Part {
	parts := []Part{{c.Scope, c.Changes}}
	for _, change := range c.Changes {
		switch change := change.(type) {
		case MemberSet:
			if change.New {
				parts = append(parts, Part{beep.UserScope(change.User), []Change{ScopeJoined{Scope: c.Scope}}})
			}
		case MemberRemoved:
			parts = append(parts, Part{beep.UserScope(change.User), []Change{ScopeLeft{c.Scope}}})
		case ParticipantAdded:
			parts = append(parts, Part{beep.UserScope(change.User), []Change{ScopeJoined{Scope: c.Scope}}})
		case ParticipantRemoved:
			parts = append(parts, Part{beep.UserScope(change.User), []Change{ScopeLeft{c.Scope}}})
		}
	}
	for _, user := range c.Touches {
		parts = append(parts, Part{beep.UserScope(user), []Change{ScopeJoined{Scope: c.Scope, Again: true}}})
	}
	slices.SortFunc(parts, func(a, b Part) int {
		return cmp.Or(cmp.Compare(a.Scope.Kind, b.Scope.Kind), cmp.Compare(a.Scope.ID, b.Scope.ID))
	})
	return parts
}

// Concerns are the users by whose membership the Commit was decided: who does it, and whom it is about.
func (c Commit) Concerns() []beep.UserID {
	users := []beep.UserID{c.Actor}
	for _, change := range c.Changes {
		switch change := change.(type) {
		case OverwriteSet:
			users = append(users, change.Member)
		case ServerSet:
			users = append(users, change.Owner) // who has to be a member, to whomever it is handed over
		}
		if user := About(change); user != 0 {
			users = append(users, user)
		}
	}
	for _, record := range c.Records {
		if ban, ok := record.(BanSet); ok {
			users = append(users, ban.User)
		}
	}
	return users
}

// About is the one member whom a change is about; none for a change that is about the scope as a whole. Who is in a direct
// message is about it as a whole: they are few, and whatever is decided there depends on all of them.
func About(change Change) beep.UserID {
	switch c := change.(type) {
	case MemberSet:
		return c.User
	case MemberRemoved:
		return c.User
	}
	return 0
}

// Row is one row of a scope's log.
type Row struct {
	Rev    uint64 // its place, from 1, without holes
	Actor  beep.UserID
	Change Change
}

// Store keeps the state of every scope and its log. Nothing but Commit writes, the SigningKey apart. Every read sees all
// that was committed before the read began; on a replicated database reads are of the primary. What is not there is
// beep.ErrNotFound for a read of one thing and an empty list otherwise; a removed thing is not there. Methods are safe
// for concurrent use. No method knows a rule of the product or who may do what.
type Store interface {
	// Commit applies c.Changes to the state, appends c.Parts to the logs and keeps c.Records, in one transaction: all
	// of it, durably, when it answers nil, and nothing when it answers anything else (save that a beep.Unavailable may
	// leave the outcome unknown). Each scope's revisions go up by one per row, without holes. It checks in this order:
	//
	//   - Expect: beep.ErrConflict when the log has a later row whose About is none or one of c.Concerns, or does not
	//     reach that revision.
	//   - Changes, in order: beep.ErrConflict when what is New exists (a membership, an id, an overwrite of the same
	//     target, the thread of a message, the Pair of two users, even if it was made by another Commit meanwhile), and
	//     when what is not New does not; then, for a New member, ErrBanned.
	//   - MaxServers: ErrServerLimit. The count is exact under any concurrency of Commits.
	//   - Records, in order: beep.ErrNotFound when an invitation is not live (used) or unknown (revoked), or when there
	//     is no such ban (removed); beep.ErrConflict when what is created exists, and for a ban of a member; then
	//     ErrInvitationLimit or ErrWebhookLimit. A webhook that is removed, or a purge that is
	//     done, and is not there is beep.ErrNotFound; a webhook that is changed and is not there at that version, or is for
	//     a channel that is not there, beep.ErrConflict. MaxUses, MaxLive and MaxPerChannel are exact under any
	//     concurrency, and so is that nobody is both banned and a member.
	//
	// A RoleRemoved takes the role from every member and removes its overwrites, a ChannelRemoved the channel's overwrites,
	// webhooks and threads. A ServerRemoved removes roles, channels, threads, overwrites, webhooks, members, bans, purges,
	// invitations and the audit log, and adds a ScopeLeft to the personal scope of every member. With a thread goes who is
	// a member of it. A ParticipantRemoved of the last one removes the direct message. The id of a channel, thread or
	// direct message is never given again, not even after its removal.
	Commit(ctx context.Context, c Commit) error

	CommunityReader
	DiscoveryReader
	ChannelReader
	ThreadReader
	DirectReader
	RecordReader
	WebhookReader
	LogReader
}

// CommunityReader reads servers, and who belongs to them.
type CommunityReader interface {
	// Server is one server.
	Server(ctx context.Context, id beep.ServerID) (Server, error)
	// ServersOf lists the servers that a user belongs to, in the order joined.
	ServersOf(ctx context.Context, user beep.UserID) ([]Server, error)
	// Roles lists all roles of a server, @everyone too, by falling position.
	Roles(ctx context.Context, server beep.ServerID) ([]Role, error)
	// Member is one member.
	Member(ctx context.Context, server beep.ServerID, user beep.UserID) (Member, error)
	// Members lists up to limit members with a user id greater than after, in order of user id.
	Members(ctx context.Context, server beep.ServerID, after beep.UserID, limit int) ([]Member, error)
	// MuteEnd is until when a user is muted on a server; a mute outlives the membership, and ends with a MemberSet
	// without one.
	MuteEnd(ctx context.Context, server beep.ServerID, user beep.UserID) (time.Time, error)
	// MutesEnding lists up to limit members of any server whose MutedUntil is set and not after a time, the longest
	// over first.
	MutesEnding(ctx context.Context, at time.Time, limit int) ([]Member, error)
}

// DiscoveryReader finds servers that are public.
type DiscoveryReader interface {
	// PublicServers lists up to q.Limit servers that have all of q.Tokens among their DiscoveryTokens, the greatest id
	// first. However many servers there are, one call looks at a bounded number: it may answer fewer than there are, even
	// none. next is then, and after a full page, what to ask After; 0 is the end.
	PublicServers(ctx context.Context, q DiscoveryQuery) (page []Server, next beep.ServerID, err error)
}

// ChannelReader reads channels and their overwrites.
type ChannelReader interface {
	// Channel is one channel.
	Channel(ctx context.Context, id beep.ChannelID) (Channel, error)
	// Channels lists all channels of a server in order of position.
	Channels(ctx context.Context, server beep.ServerID) ([]Channel, error)
	// Overwrites lists a channel's own overwrites in order of id.
	Overwrites(ctx context.Context, channel beep.ChannelID) ([]Overwrite, error)
}

// ThreadReader reads threads, and who is a member of them.
type ThreadReader interface {
	// Thread is one thread.
	Thread(ctx context.Context, id beep.ChannelID) (Thread, error)
	// ThreadOf is the thread that hangs on a message.
	ThreadOf(ctx context.Context, channel beep.ChannelID, message beep.MessageID) (Thread, error)
	// Threads lists up to q.Limit threads that q lets through, greatest id first.
	Threads(ctx context.Context, q ThreadQuery) ([]Thread, error)
	// CountThreads is how many threads a channel has, archived ones too.
	CountThreads(ctx context.Context, channel beep.ChannelID) (int, error)
	// ThreadsOf lists up to limit threads of a server that a user is a member of, with an id greater than after, in order
	// of id.
	ThreadsOf(ctx context.Context, server beep.ServerID, user beep.UserID, after beep.ChannelID, limit int) ([]Thread, error)
	// ThreadMembers lists up to limit members of a thread with an id greater than after, in order.
	ThreadMembers(ctx context.Context, thread beep.ChannelID, after beep.UserID, limit int) ([]beep.UserID, error)
}

// Conversation is a direct message as one who is in it has it.
type Conversation struct {
	DirectMessage
	Closing
}

// DirectReader reads direct messages.
type DirectReader interface {
	// Direct is one direct message.
	Direct(ctx context.Context, id beep.ChannelID) (DirectMessage, error)
	// PairOf is the one between two users, in whichever order they are named.
	PairOf(ctx context.Context, one, other beep.UserID) (DirectMessage, error)
	// DirectsOf lists up to limit of those that a user is in, with an id greater than after, in order of id.
	DirectsOf(ctx context.Context, user beep.UserID, after beep.ChannelID, limit int) ([]Conversation, error)
	// Companions lists those of the others who are in a server that the user is in too, in order. There may be a few tens
	// of others.
	Companions(ctx context.Context, user beep.UserID, others []beep.UserID) ([]beep.UserID, error)
}

// RecordReader reads what stands beside the log.
type RecordReader interface {
	// Invitation is one invitation, live or not.
	Invitation(ctx context.Context, code string) (Invitation, error)
	// Invitations lists up to limit invitations of a server that are live at that time, newest first.
	Invitations(ctx context.Context, server beep.ServerID, at time.Time, limit int) ([]Invitation, error)
	// Ban is a user's ban from a server.
	Ban(ctx context.Context, server beep.ServerID, user beep.UserID) (Ban, error)
	// Bans lists up to limit bans of a server with an id smaller than before (0 is any), greatest id first.
	Bans(ctx context.Context, server beep.ServerID, before uint64, limit int) ([]Ban, error)
	// Purges lists up to limit purges of any server that are not done, in order of id.
	Purges(ctx context.Context, limit int) ([]Purge, error)
	// AuditEntries lists up to q.Limit entries that q lets through, greatest id first. It takes no longer where there
	// are many that q leaves out by their actor or their target.
	AuditEntries(ctx context.Context, q AuditQuery) ([]AuditEntry, error)
}

// WebhookReader reads webhooks, and keeps what their tokens are signed with.
type WebhookReader interface {
	// Webhook is one webhook.
	Webhook(ctx context.Context, id beep.WebhookID) (Webhook, error)
	// Webhooks lists all of a channel in order of id.
	Webhooks(ctx context.Context, channel beep.ChannelID) ([]Webhook, error)
	// SigningKey is the one key there is. Where there is none yet, it becomes fresh: of many who ask at once, all are
	// answered the same. It is the only thing that is written without a Commit.
	SigningKey(ctx context.Context, fresh SigningKey) (SigningKey, error)
}

// LogReader reads the logs of scopes.
type LogReader interface {
	// Scopes lists up to limit scopes that ever changed, in order of kind and then id, after one; none is before all.
	Scopes(ctx context.Context, after beep.Scope, limit int) ([]beep.Scope, error)
	// Revs is the newest revision of each scope, in the order asked; a scope that never changed is at 0. The queries
	// start after the call.
	Revs(ctx context.Context, scopes []beep.Scope) ([]uint64, error)
	// Log lists up to limit rows of a scope after a revision, contiguous and in order, and the scope's revision head.
	// No row is above head, and head is never amid the rows of one Commit.
	Log(ctx context.Context, scope beep.Scope, after uint64, limit int) (rows []Row, head uint64, err error)
	// ChannelScope is the scope that a channel belongs to, or belonged to: it outlives the channel.
	ChannelScope(ctx context.Context, id beep.ChannelID) (beep.Scope, error)
}
