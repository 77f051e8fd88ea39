// Package faults finds out whether Beep loses, doubles, reorders or leaks anything while its processes are killed
// and rights are taken away. It sees only what any client sees: what it asked for and was answered, what history
// says afterwards, and what sockets were told. It shares no code with the services.
//
// A Load writes into a Ledger what it asks for and is answered; Listeners remember what they hear; Judge holds the
// three against each other. Races do the same for revocations. What the judges are worth is tested with planted
// faults: records with something wrong in them, and installations behind a Tamper, which lies to its clients.
package faults

import (
	"fmt"
	"sync"
)

// The kinds of entries.
const (
	create = "create"
	edit   = "edit"
	remove = "delete"
)

// Op is one change that a client asks for, however often it repeats the request.
type Op struct {
	Kind            string
	Channel, Author uint64
	Nonce           string
	Content         string // what the message then says; no two ops want the same
	Target          *Op    // of an edit or a deletion: the op that created the message

	// Kept by the ledger: when it was asked for and first answered, in the order of all that the ledger was told.
	asked, answered int    // answered is 0 until it is
	message         uint64 // 0 until a creation is answered
}

// key is what Beep promises to do at most once.
type key struct {
	channel, author uint64
	nonce           string
}

func (o *Op) key() key { return key{o.Channel, o.Author, o.Nonce} }

func (o *Op) acked() bool { return o.answered > 0 }

// String is the one line that a verdict tells of it.
func (o *Op) String() string {
	return fmt.Sprintf("%s %q by %d in %d", o.Kind, o.Nonce, o.Author, o.Channel)
}

// Ledger is what was asked for and how it was answered. Safe for concurrent use.
type Ledger struct {
	mu    sync.Mutex // guards all below, and what ops keep for it
	clock int
	ops   map[key]*Op
	acks  map[string]int // by kind
	wrong []string
}

// NewLedger makes an empty ledger.
func NewLedger() *Ledger { return &Ledger{ops: map[key]*Op{}, acks: map[string]int{}} }

// Ask notes an op before its first request is made.
func (l *Ledger) Ask(o Op) *Op {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clock++
	o.asked = l.clock
	l.ops[o.key()] = &o
	return &o
}

// Answer notes that an op was acknowledged, for the first time or again; message is what the answer names.
func (l *Ledger) Answer(o *Op, message uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	about := o
	if o.Kind != create {
		about = o.Target
	}
	if about.message != 0 && about.message != message {
		l.wrong = append(l.wrong, fmt.Sprintf("%s was answered with message %d, earlier with %d", o, message, about.message))
	}
	about.message = message
	if !o.acked() {
		l.clock++
		o.answered = l.clock
		l.acks[o.Kind]++
	}
}

// Wrong notes what no client should ever see.
func (l *Ledger) Wrong(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wrong = append(l.wrong, fmt.Sprintf(format, args...))
}

// Message is the id of the message that a creation made, once it is answered.
func (l *Ledger) Message(o *Op) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return o.message
}

// Sends is how many creations were acknowledged.
func (l *Ledger) Sends() int { return l.count(create) }

func (l *Ledger) count(kind string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.acks[kind]
}

// Summary says what the ledger holds.
func (l *Ledger) Summary() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return fmt.Sprintf("%d sends, %d edits and %d deletions acknowledged, %d unknown",
		l.acks[create], l.acks[edit], l.acks[remove], len(l.ops)-l.acks[create]-l.acks[edit]-l.acks[remove])
}
