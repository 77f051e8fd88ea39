package beep

import "time"

// Limits are what an installation allows; they are configuration, published at /api/limits.
type Limits struct {
	MessageLength    int           // characters of a message
	MessageRate      int           // messages a user may send in MessageWindow, over all nodes
	EditRate         int           // edits and deletions in MessageWindow
	MessageWindow    time.Duration // any window of this length, not a fixed one
	InvitationRate   int           // codes of invitations that a user, and all at one address, may try in InvitationWindow
	InvitationWindow time.Duration // any window of this length, as above
	ServersPerUser   int
	RolesPerServer   int
	ChannelsPer      int // channels in one server
	WebhooksPer      int // webhooks of one channel
	ThreadsPer       int // threads in one channel, archived ones too
	GroupSize        int // users in one group of direct messages
	NameLength       int // characters of a server, channel or role name
	TopicLength      int // characters of a topic or description
	BodyBytes        int64
	FrameBytes       int // one WebSocket frame from a client
	SocketsPerUser   int
	SendQueueBytes   int // per WebSocket, before ephemeral events are dropped and then the socket
	IdentifyDeadline time.Duration
	Heartbeat        time.Duration
}

// DefaultLimits is what an installation that configures nothing allows.
func DefaultLimits() Limits {
	return Limits{
		MessageLength: 4000, MessageRate: 10, EditRate: 30, MessageWindow: 10 * time.Second,
		InvitationRate: 20, InvitationWindow: time.Minute,
		ServersPerUser: 50, RolesPerServer: 250, ChannelsPer: 500, WebhooksPer: 15, ThreadsPer: 1000, GroupSize: 10,
		NameLength: 100, TopicLength: 1024,
		BodyBytes: 64 << 10, FrameBytes: 16 << 10, SocketsPerUser: 20, SendQueueBytes: 1 << 20,
		IdentifyDeadline: 10 * time.Second, Heartbeat: 30 * time.Second,
	}
}
