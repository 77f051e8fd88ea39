package faults

import (
	"fmt"
	"slices"
	"time"

	"github.com/beep-chat/beep"
	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	"github.com/beep-chat/beep/client"
)

// ToldWithin is within what whoever lost a channel is told of it, and at most that times slack on a busy machine.
const (
	ToldWithin = time.Second
	slack      = 3
)

// Race is one revocation, and the return of what it took, while others send: what was asked for, answered, heard and
// read, by the one clock of the process that saw all of it. Where nothing comes back, Granted is when watching ended,
// and there is no history.
type Race struct {
	Kind             string
	Channel          uint64
	Revoked, Granted Span
	Sends            map[string]*Sent // by nonce, of those who keep their rights
	Ears             []Overheard      // of the one who lost theirs
	Reads            []Read           // by the same person, over REST
	Attempts         []Attempt        // to send, by the same person, at all times
	History          []*messagesv1.Message
	// Unknown is how many answers left it open what had become of the request: they were too busy to say.
	Unknown int
}

// Span is from when something was asked for until it was answered.
type Span struct{ From, To time.Time }

// Sent is one send; without an id it was not acknowledged.
type Sent struct {
	Span

	ID  uint64
	Err error
}

// Overheard is what one socket was told of the channel.
type Overheard struct {
	Name    string
	Words   []Word      // in the order they came
	Removed []time.Time // when it was told that the channel is gone
	// Silenced is when it was told that it may not send there.
	Silenced []time.Time
	Window   map[uint64]*messagesv1.Message // what it shows at the end, with the pages that it loaded
}

// Word is one entry as it came, whether or not a window took it in.
type Word struct {
	At    time.Time
	Nonce string
}

// Read is one page that was asked for: the nonces on it, or the refusal.
type Read struct {
	Span

	Nonces []string
	Err    error
}

// Attempt is a send by the one who loses the right: it must be refused while that is gone, and at no other time.
type Attempt struct {
	Span

	Nonce string
	Err   error
}

// JudgeRace says what of the race is against Beep's promises. The moment that counts is Revoked.To: no message whose
// sending began after it may be heard or read before Granted.From, when its reader may have it again.
func JudgeRace(r *Race) []string {
	j := &raceJudge{race: r}
	j.proves()
	for _, e := range r.Ears {
		j.told(e)
		if r.mutes() {
			j.listens(e)
		} else {
			j.overheard(e)
		}
		j.regained(e)
	}
	for _, read := range r.Reads {
		j.read(read)
	}
	if r.ends() {
		j.end()
	} else {
		j.history()
	}
	for _, a := range r.Attempts {
		j.attempt(a)
	}
	return j.wrong
}

type raceJudge struct {
	race  *Race
	wrong []string
}

func (j *raceJudge) say(format string, args ...any) {
	j.wrong = append(j.wrong, fmt.Sprintf("%s in channel %d: ", j.race.Kind, j.race.Channel)+fmt.Sprintf(format, args...))
}

// late says whether the sending of a message began after the revocation was answered, and how long after.
func (r *Race) late(nonce string) (after time.Duration, late bool) {
	s := r.Sends[nonce]
	if s == nil || !s.From.After(r.Revoked.To) {
		return 0, false
	}
	return s.From.Sub(r.Revoked.To), true
}

// Before counts the acknowledged sends that began before the revocation was asked for.
func (r *Race) Before() int {
	return r.count(func(s *Sent) bool { return s.From.Before(r.Revoked.From) })
}

// Across counts those that were on their way when the revocation was answered.
func (r *Race) Across() int {
	return r.count(func(s *Sent) bool { return s.From.Before(r.Revoked.To) && s.To.After(r.Revoked.To) })
}

// After counts those that began after it was answered and were done before the right was asked for again.
func (r *Race) After() int {
	return r.count(func(s *Sent) bool { return s.From.After(r.Revoked.To) && s.To.Before(r.Granted.From) })
}

// count counts acknowledged sends; where everything ends, a refusal is an answer as well.
func (r *Race) count(is func(*Sent) bool) (n int) {
	for _, s := range r.Sends {
		if (s.ID != 0 || r.ends() && s.Err != nil) && is(s) {
			n++
		}
	}
	return n
}

// proves refuses a race in which nothing could have leaked.
func (j *raceJudge) proves() {
	r := j.race
	if before, after := r.Before(), r.After(); before == 0 || after == 0 {
		j.say("it proves nothing: %d sends began before the revocation and %d after it", before, after)
	}
	attempts := 0
	for _, a := range r.Attempts {
		if a.From.After(r.Revoked.To) && a.To.Before(r.Granted.From) {
			attempts++
		}
	}
	if len(r.Ears) == 0 || len(r.Reads) == 0 || attempts == 0 {
		j.say("it proves nothing: %d sockets, %d pages, %d attempts to send", len(r.Ears), len(r.Reads), attempts)
	}
}

// TookToTell is how long after the answer a socket was told of it, and whether it ever was.
func (r *Race) TookToTell(e Overheard) (time.Duration, bool) {
	news := e.Removed
	if r.mutes() {
		news = e.Silenced
	}
	for _, at := range news {
		if at.After(r.Revoked.From) {
			return max(0, at.Sub(r.Revoked.To)), true
		}
	}
	return 0, false
}

func (j *raceJudge) told(e Overheard) {
	took, ok := j.race.TookToTell(e)
	switch {
	case !ok:
		j.say("%s was never told of it", e.Name)
	case took > slack*ToldWithin && j.race.Unknown == 0: // whoever is too busy to answer may be late
		j.say("%s was told of it %s after the answer, want at most %s", e.Name, took, ToldWithin)
	}
}

// overheard checks what came before the right was asked for again.
func (j *raceJudge) overheard(e Overheard) {
	r := j.race
	gone := slices.IndexFunc(e.Removed, r.Revoked.From.Before)
	for _, w := range e.Words {
		if !w.At.Before(r.Granted.From) {
			return
		}
		if after, late := r.late(w.Nonce); late {
			j.say("%s heard %q, whose sending began %s after the answer", e.Name, w.Nonce, after)
		}
		if gone >= 0 && w.At.After(e.Removed[gone]) {
			j.say("%s heard %q after it was told that the channel is gone", e.Name, w.Nonce)
		}
	}
}

// listens checks that who is only muted goes on to hear.
func (j *raceJudge) listens(e Overheard) {
	r := j.race
	if slices.ContainsFunc(e.Removed, func(at time.Time) bool { return at.After(r.Revoked.From) }) {
		j.say("%s was told that the channel is gone, and may only not send", e.Name)
	}
	if !slices.ContainsFunc(e.Words, func(w Word) bool {
		_, late := r.late(w.Nonce)
		return late && w.At.Before(r.Granted.From)
	}) {
		j.say("%s, who may only not send, heard nothing that was sent meanwhile", e.Name)
	}
}

func (j *raceJudge) read(read Read) {
	r := j.race
	if !read.To.Before(r.Granted.From) {
		return // it may hold what the reader may have again
	}
	if r.mutes() {
		if read.Err != nil && !client.Unknown(read.Err) {
			j.say("a page was answered with %v, and they may only not send", read.Err)
		}
		return
	}
	for _, nonce := range read.Nonces {
		if after, late := r.late(nonce); late {
			j.say("a page shows %q, whose sending began %s after the answer", nonce, after)
		}
	}
	if client.Unknown(read.Err) {
		return
	}
	refused := client.CodeOf(read.Err) == "channel_not_found"
	switch {
	case read.Err != nil && !refused:
		j.say("a page was answered with %v", read.Err)
	case refused && read.To.Before(r.Revoked.From):
		j.say("a page was refused before the revocation was asked for")
	case !refused && read.From.After(r.Revoked.To):
		j.say("a page was given that was asked for %s after the answer", read.From.Sub(r.Revoked.To))
	}
}

// attempt checks a send by who loses the right.
func (j *raceJudge) attempt(a Attempt) {
	r, refusal := j.race, beep.Code("channel_not_found")
	if r.mutes() {
		refusal = "forbidden"
	}
	kept := slices.ContainsFunc(r.History, func(m *messagesv1.Message) bool { return m.GetNonce() == a.Nonce })
	late := a.From.After(r.Revoked.To)
	switch {
	case a.Err == nil && late && a.To.Before(r.Granted.From), a.Err != nil && client.CodeOf(a.Err) != refusal:
		j.say("a send that began %s after the answer was answered with %v", a.From.Sub(r.Revoked.To), a.Err)
	case a.Err == nil && !kept && !r.ends():
		j.say("history lacks %q, which the member sent", a.Nonce)
	case a.Err != nil && a.To.Before(r.Revoked.From):
		j.say("a send was refused before the revocation was asked for")
	case a.Err != nil && a.From.After(r.Granted.To) && !r.ends():
		j.say("a send was refused that began %s after the right was back", a.From.Sub(r.Granted.To))
	}
	if a.Err != nil && late && kept { // an earlier one may have been taken before its answer was lost
		j.say("history has %q, which was refused", a.Nonce)
	}
}

// end checks that nobody's sends are taken any more.
func (j *raceJudge) end() {
	for nonce, s := range j.race.Sends {
		after, late := j.race.late(nonce)
		switch {
		case s.ID != 0 && late:
			j.say("%q, whose sending began %s after the answer, was taken", nonce, after)
		case s.ID == 0 && client.CodeOf(s.Err) != "channel_not_found":
			j.say("%q was answered with %v", nonce, s.Err)
		case s.ID == 0 && s.To.Before(j.race.Revoked.From):
			j.say("%q was refused before the revocation was asked for", nonce)
		}
	}
}

// history checks that what was acknowledged is there once, whoever could see it.
func (j *raceJudge) history() {
	seen := map[string]uint64{}
	for i, m := range j.race.History {
		if want := uint32(len(j.race.History) - i); m.GetN() != want {
			j.say("history has message %d as the %dth, which says it is the %dth", m.GetId(), want, m.GetN())
		}
		if other := seen[m.GetNonce()]; other != 0 {
			j.say("history has nonce %q twice: messages %d and %d", m.GetNonce(), other, m.GetId())
		}
		seen[m.GetNonce()] = m.GetId()
	}
	for nonce, s := range j.race.Sends {
		switch {
		case s.ID == 0:
			j.say("%q was not acknowledged", nonce)
		case seen[nonce] != s.ID:
			j.say("%q was acknowledged as message %d, and history has it as %d", nonce, s.ID, seen[nonce])
		}
	}
}

// regained checks that who has the right again has all of it, what was said meanwhile too.
func (j *raceJudge) regained(e Overheard) {
	for _, m := range j.race.History {
		if diff := differ(m, e.Window[m.GetId()]); diff != "" {
			j.say("%s, who may see it again, shows message %d otherwise than history does: %s", e.Name, m.GetId(), diff)
		}
	}
	if extra := len(e.Window) - len(j.race.History); extra > 0 {
		j.say("%s, who may see it again, shows %d messages that history lacks", e.Name, extra)
	}
}
