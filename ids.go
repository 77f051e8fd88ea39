package beep

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"strconv"
	"sync"
	"time"
)

// ID is a 64-bit snowflake of one kind of thing: 42 bits of milliseconds since 2015-01-01T00:00Z, 10 bits
// of node, 12 bits of counter. K only keeps a user's id from being passed for a channel's.
// The zero ID means "none". In text and JSON an ID is a decimal string.
type ID[K any] uint64

// The kinds of ID.
type (
	UserID       = ID[userKind]
	SessionID    = ID[sessionKind]
	ServerID     = ID[serverKind]
	RoleID       = ID[roleKind] // the @everyone role has its server's number
	ChannelID    = ID[channelKind]
	MessageID    = ID[messageKind] // unique within its channel, not beyond
	InvitationID = ID[invitationKind]
	WebhookID    = ID[webhookKind]
	userKind     struct{}
	sessionKind  struct{}
	serverKind   struct{}
	roleKind     struct{}
	channelKind  struct{}
	messageKind  struct{}
	webhookKind  struct{}

	invitationKind struct{}
)

// MaxID is the largest id: ids fit a signed 64-bit column.
const MaxID = 1<<63 - 1

const (
	idEpochMS   = 1420070400000 // 2015-01-01T00:00Z
	nodeBits    = 10
	counterBits = 12
)

// String is the decimal form.
func (id ID[K]) String() string { return strconv.FormatUint(uint64(id), 10) }

// MarshalText is the decimal form.
func (id ID[K]) MarshalText() ([]byte, error) { return strconv.AppendUint(nil, uint64(id), 10), nil }

// UnmarshalText accepts what ParseID accepts.
func (id *ID[K]) UnmarshalText(b []byte) error {
	parsed, err := ParseID[K](string(b))
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}

// Time is the instant in the id, for display only: nothing depends on clocks.
func (id ID[K]) Time() time.Time {
	return time.UnixMilli(int64(id>>(nodeBits+counterBits)) + idEpochMS).UTC()
}

// FirstID is the smallest number that an id of that time has; what is older is below it.
func FirstID(t time.Time) uint64 {
	return uint64(max(t.UnixMilli()-idEpochMS, 0)) << (nodeBits + counterBits)
}

// ParseID reads a decimal id between 1 and MaxID, without sign, space or leading zero.
func ParseID[K any](s string) (ID[K], error) {
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil || n == 0 || s[0] == '0' || s[0] == '+' {
		return 0, Invalid(CodeInvalidID, fmt.Sprintf("%.40q is not an id", s))
	}
	return ID[K](n), nil
}

// Minter mints ids in one process. Two processes may mint the same id: the primary key decides, and who
// loses mints again. Safe for concurrent use.
type Minter struct {
	node uint64

	mu sync.Mutex // guards last
	// last is the newest time and counter handed out, so that a clock set back never repeats an id.
	last uint64
}

// NewMinter draws its node at random.
func NewMinter() *Minter {
	var b [2]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never fails
	return &Minter{node: uint64(binary.BigEndian.Uint16(b[:])) & (1<<nodeBits - 1)}
}

// Next is the next number, greater than every earlier one of this Minter.
func (m *Minter) Next() uint64 {
	now := uint64(time.Now().UnixMilli()-idEpochMS) << counterBits
	m.mu.Lock()
	m.last = max(now, m.last+1)
	t := m.last
	m.mu.Unlock()
	return t>>counterBits<<(nodeBits+counterBits) | m.node<<counterBits | t&(1<<counterBits-1)
}

// Mint mints an id of kind K.
func Mint[K any](m *Minter) ID[K] { return ID[K](m.Next()) }
