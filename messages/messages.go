// Package messages owns what is said: it appends to and reads from the log that every channel has, and tells the
// bus that a log grew. Who may do what is decided by authz, who is connected is realtime's, channels are servers'.
//
// A channel's log is entries 1, 2, 3, … without holes; each is one change of one message, and the entry that
// created a message is also the row that holds it as it stands. Everything rests on the store doing two things:
// refusing a second entry at a place or under a nonce, and keeping what it took. So any number of replicas append
// to the same channel, none of them in charge, and may die at any point.
//
// Start with Entry, then Store (the port), Log (appending and catching up), Service (the use-cases).
package messages

import (
	"crypto/sha256"
	"math"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/beep-chat/beep"
)

// The limits of the log. A replica that starts looks at the newest MaxBatch entries only, because whoever inserted
// a batch had applied everything before it: no batch may ever be larger.
const (
	MaxBatch = 64  // entries in one Insert
	MaxSince = 500 // entries that Since answers before it says reset
	// MaxSinceBytes is about where an answer of Since ends, after one entry at least: a reply between services, and what
	// waits for one client, must hold it.
	MaxSinceBytes = 512 << 10
	PageSize      = 50  // messages in a page that does not say otherwise, and in a reset
	MaxPage       = 100 // messages in a page
	MaxHeads      = 10_000
	MaxNonce      = 64 // characters
)

// Kind is what an entry did to its message. Stored by number: never renumbered.
type Kind uint8

// The kinds of entry.
const (
	Create Kind = iota + 1
	Edit
	Delete
)

// String is the name on the wire.
func (k Kind) String() string {
	return [...]string{"none", "create", "edit", "delete"}[min(k, Delete)]
}

// Entry is one change in a channel. Nothing in it ever changes, save that the state of a create entry follows its
// message (V and VE say how far), and that a deleted message's entries lose content and hash.
type Entry struct {
	Channel beep.ChannelID
	R       uint32         // its place: 1, 2, 3, … in its channel
	N       uint32         // create entries up to here
	LastID  beep.MessageID // the newest message up to here
	Mid     beep.MessageID // the message it is about; unique in its channel only
	Kind    Kind
	Actor   beep.UserID // who did it
	Nonce   string      // unique among the actor's entries of the channel, never empty
	Hash    Hash        // of what was asked for; none once the message is deleted
	E       uint64      // the revision of the channel's scope at which the request was authorised
	At      time.Time   // for display: nothing depends on clocks
	State   State       // the whole message after it; of a create entry, as it stands
	V       uint32      // the R of the entry whose state this is
	VE      uint64      // the E of that entry: nobody is shown the state under an older View
}

// Key is the key of e's nonce.
func (e Entry) Key() Key { return Key{Channel: e.Channel, Actor: e.Actor, Nonce: e.Nonce} }

// State is a whole message.
type State struct {
	Origin
	Content  string    // empty once deleted
	EditedAt time.Time // zero if it never was
	Deleted  bool      // only its place is left
}

// Origin is what a message has from its create entry, for ever.
type Origin struct {
	Author    beep.UserID
	Nonce     string
	N         uint32
	CreatedAt time.Time
}

// Key is a nonce with the two things it is unique in.
type Key struct {
	Channel beep.ChannelID
	Actor   beep.UserID
	Nonce   string
}

// Hash tells whether two requests with one nonce ask for the same. Only with the entry itself can it be compared:
// it is cut short, and emptied when the content is, so that deleted content cannot be guessed from it.
type Hash [16]byte

// Change is a request to append: one entry to be.
type Change struct {
	Key
	Kind    Kind
	Mid     beep.MessageID // none for Create
	Content string         // none for Delete
	E       uint64         // the revision of Scope at which it was authorised, no older than the request
	Scope   beep.Scope     // the scope that decided
}

// Hash is of what c asks for besides its kind and message, which an entry tells by itself.
func (c Change) Hash() Hash {
	sum := sha256.Sum256([]byte(c.Content))
	return Hash(sum[:len(Hash{})])
}

// made says whether e is what became of c, tried earlier with the same nonce. An emptied hash fits every content:
// what was asked for cannot be told any more, and the nonce alone decides.
func (c Change) made(e Entry) bool {
	return e.Kind == c.Kind && (c.Kind == Create || e.Mid == c.Mid) && (e.Hash == Hash{} || e.Hash == c.Hash())
}

// after is the state that c makes of s.
func (c Change) after(s State, at time.Time) State {
	switch c.Kind {
	case Create:
		return State{Content: c.Content}
	case Edit:
		s.Content, s.EditedAt = c.Content, at
		return s
	default:
		return State{Origin: s.Origin, Deleted: true}
	}
}

// validate refuses what may not be stored, whoever asks.
func (c Change) validate(maxLength int) error {
	if err := validateID("channel_id", uint64(c.Channel)); err != nil {
		return err
	}
	if c.Kind != Create {
		if err := validateID("message_id", uint64(c.Mid)); err != nil {
			return err
		}
	}
	if err := validateNonce(c.Nonce); err != nil {
		return err
	}
	if c.Kind == Delete {
		return nil
	}
	return validateContent(c.Content, maxLength)
}

func validateID(field string, id uint64) error {
	if id == 0 || id > beep.MaxID {
		return beep.InvalidField(beep.CodeInvalidID, field, "not an id")
	}
	return nil
}

// validateContent: a message that shows nothing is empty, and what PostgreSQL cannot keep is refused everywhere.
func validateContent(content string, maxLength int) error {
	if !utf8.ValidString(content) {
		return beep.InvalidField(beep.CodeInvalidField, "content", "not UTF-8")
	}
	if strings.IndexByte(content, 0) >= 0 {
		return beep.InvalidField(beep.CodeInvalidField, "content", "has a NUL character")
	}
	if utf8.RuneCountInString(content) > maxLength {
		return beep.InvalidField(beep.CodeMessageTooLong, "content", "too long")
	}
	if strings.IndexFunc(content, visible) < 0 {
		return beep.InvalidField(beep.CodeMessageEmpty, "content", "empty")
	}
	return nil
}

// visible says whether r alone would leave a mark on the screen.
func visible(r rune) bool {
	const brailleBlank = '\u2800' // a symbol by its class, drawn as nothing
	return r != brailleBlank && !unicode.IsSpace(r) &&
		!unicode.In(r, unicode.Cc, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

func validateNonce(nonce string) error {
	if nonce == "" || len(nonce) > MaxNonce || strings.IndexFunc(nonce, notOfNonce) >= 0 {
		return beep.InvalidField(beep.CodeInvalidField, "nonce", "1-64 characters of A-Z, a-z, 0-9, _ and -")
	}
	return nil
}

func notOfNonce(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-'
}

// newest is above every id: what is older than it is everything.
const newest beep.MessageID = math.MaxInt64
