package logmodel

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/beep-chat/beep"
	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
)

// The rules that the judge watches, as DESIGN of the protocol puts them. They are what a verdict begins with.
const (
	ruleLog     = "log"     // entries follow each other, each asked for, each once, each what the ones before make of it
	ruleAck     = "ack"     // what was acknowledged is there for ever, what was refused for good never is
	ruleNonce   = "nonce"   // one nonce is one message
	ruleRow     = "row"     // a message is what its log makes of it, and a deleted one keeps nothing
	ruleOrder   = "order"   // everybody is told the log in its order, without holes
	ruleLeak    = "leak"    // nothing begun after a revocation was answered reaches whom it was taken from
	ruleRefusal = "refusal" // who may is not refused, who may not is
	ruleRead    = "read"    // no page shows less than was seen before
	ruleWindow  = "window"  // a client that is up to date shows what the log says
	ruleArrival = "arrival" // whatever the bus does, all arrives
)

// spot is a message of a channel, or a user in one.
type spot struct{ channel, id uint64 }

// intent is one thing that someone wants done to a message, whatever it takes.
type intent struct {
	channel uint64
	author  beep.UserID
	nonce   string
	kind    string // as the log names it
	mid     uint64 // of the message; 0 for a new one until it is acknowledged
	content string

	began   int                 // when it was first asked for
	acked   *messagesv1.Message // what the answer showed, if it showed anything
	done    bool                // it was acknowledged
	refused bool                // for good
}

// access is what a user may see of a channel, as far as anyone outside can know.
type access struct {
	allowed bool
	moving  bool // a change has been asked for and not been answered
	since   int  // when the last change was answered
}

// exposure is something that a user was shown while it was revoked to them.
type exposure struct {
	user    beep.UserID
	channel uint64
	r       uint32
	since   int
	how     string
}

// ledger is all that was asked for, answered and shown, in the order of a clock that only it has. Safe for concurrent use.
type ledger struct {
	mu        sync.Mutex // guards all below, and the fields of intents
	clock     int
	intents   map[string]*intent // by nonce: none is used twice
	access    map[spot]access
	floor     map[spot]uint32 // the newest version of a message that anyone has seen
	exposures []exposure
	wrong     []string
	stats     Stats
}

func newLedger() *ledger {
	return &ledger{intents: map[string]*intent{}, access: map[spot]access{}, floor: map[spot]uint32{}}
}

// broken notes that a rule is.
func (l *ledger) broken(rule, format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.brokenLocked(rule, format, args...)
}

// maxWrong is enough to understand what happened.
const maxWrong = 12

func (l *ledger) brokenLocked(rule, format string, args ...any) {
	if len(l.wrong) < maxWrong {
		l.wrong = append(l.wrong, rule+": "+fmt.Sprintf(format, args...))
	}
}

// fault notes that the model itself does not work.
func (l *ledger) fault(format string, args ...any) { l.broken("model", format, args...) }

func (l *ledger) count(f func(*Stats)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(&l.stats)
}

func (l *ledger) verdict() ([]string, Stats) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.wrong), l.stats
}

func (l *ledger) tickLocked() int {
	l.clock++
	return l.clock
}

// want notes an intent.
func (l *ledger) want(it *intent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	it.began = l.tickLocked()
	l.intents[it.nonce] = it
}

// request is one try of something: what was known when it began.
type request struct {
	user    beep.UserID
	channel uint64
	began   int
	access  access
	floor   map[spot]uint32
}

func (l *ledger) request(user beep.UserID, channel uint64) request {
	l.mu.Lock()
	defer l.mu.Unlock()
	return request{user, channel, l.tickLocked(), l.access[spot{channel, uint64(user)}], maps.Clone(l.floor)}
}

// judgedLocked compares how a request was answered with what its user might then do. Only where nothing changed from
// before it began until after it was answered is there one right answer.
func (l *ledger) judgedLocked(q request, answered bool, what string) {
	now := l.access[spot{q.channel, uint64(q.user)}]
	if now != q.access || now.moving || now.allowed == answered {
		return
	}
	if answered {
		l.brokenLocked(ruleLeak, "%s by %d in %d, begun at %d, was answered; it was revoked at %d", what, q.user, q.channel, q.began, now.since)
		return
	}
	l.brokenLocked(ruleRefusal, "%s by %d in %d, begun at %d, was refused; it was granted at %d", what, q.user, q.channel, q.began, now.since)
}

// denied notes that a request was refused for want of rights.
func (l *ledger) denied(q request, what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats.Refused++
	l.judgedLocked(q, false, what)
}

// acked notes that an intent was acknowledged.
func (l *ledger) acked(q request, it *intent, m *messagesv1.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats.Acks++
	l.judgedLocked(q, true, it.kind)
	if it.refused {
		l.brokenLocked(ruleAck, "%s %s was acknowledged after it was refused for good", it.kind, it.nonce)
	}
	if it.done && m.GetId() != it.acked.GetId() {
		l.brokenLocked(ruleNonce, "%s is message %d, and was %d", it.nonce, m.GetId(), it.acked.GetId())
	}
	it.done = true
	if m == nil {
		return
	}
	it.acked, it.mid = m, m.GetId()
	l.seenLocked(m)
}

// refusedForGood notes that an intent came too late: its message is gone.
func (l *ledger) refusedForGood(it *intent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if it.done {
		l.brokenLocked(ruleAck, "%s %s was refused for good after it was acknowledged", it.kind, it.nonce)
	}
	it.refused = true
}

func (l *ledger) seenLocked(m *messagesv1.Message) {
	at := spot{m.GetChannelId(), m.GetId()}
	l.floor[at] = max(l.floor[at], m.GetV())
}

// seen raises what later reads must show.
func (l *ledger) seen(m *messagesv1.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seenLocked(m)
}

// moves notes that a user's access to channels is about to change; moved, that the change was answered. Between the two
// either state is right.
func (l *ledger) moves(user beep.UserID, channels ...uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, ch := range channels {
		at := spot{ch, uint64(user)}
		was := l.access[at]
		l.access[at] = access{allowed: was.allowed, moving: true, since: was.since}
	}
}

func (l *ledger) moved(user beep.UserID, allowed bool, channels ...uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, ch := range channels {
		l.access[spot{ch, uint64(user)}] = access{allowed: allowed, since: l.tickLocked()}
	}
}

func (l *ledger) allowed(user beep.UserID, channel uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.access[spot{channel, uint64(user)}].allowed
}

// shown notes revisions that a user is being shown. What of it was begun too late is known only when the log is whole.
func (l *ledger) shown(user beep.UserID, channel uint64, how string, revisions ...uint32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := l.access[spot{channel, uint64(user)}]
	if at.allowed || at.moving {
		return
	}
	for _, r := range revisions {
		l.exposures = append(l.exposures, exposure{user, channel, r, at.since, how})
	}
}
