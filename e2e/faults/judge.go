package faults

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
)

// Channel is one channel as it was seen from outside, after everything has come to rest.
type Channel struct {
	ID      uint64
	Head    uint32                // what the newest page said
	History []*messagesv1.Message // all of it, newest first, over REST
	Heard   []Heard
}

// Heard is what one listener was told of a channel, over any number of connections.
type Heard struct {
	Name     string
	Steps    []Step
	R        uint32                         // up to where its window is
	Messages map[uint64]*messagesv1.Message // its window
}

// Step is one move of a window: by an entry, or, without one, to a page that replaced it.
type Step struct {
	Entry *messagesv1.Entry
	Reset uint32
}

// Judge says in what the channels are not what the ledger and Beep's promises say they must be.
func Judge(l *Ledger, channels ...Channel) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	v := slices.Clone(l.wrong)
	for _, c := range channels {
		j := judge{ops: map[key]*Op{}, states: map[*Op]*fate{}, channel: c}
		for k, o := range l.ops {
			if k.channel == c.ID {
				j.ops[k] = o
			}
		}
		j.fates()
		j.history()
		j.realTime()
		j.log()
		for _, h := range c.Heard {
			j.heard(h)
		}
		v = append(v, j.wrong...)
	}
	return v
}

// judge judges one channel.
type judge struct {
	channel Channel
	ops     map[key]*Op
	states  map[*Op]*fate // of creations
	wrong   []string
}

func (j *judge) say(format string, args ...any) {
	j.wrong = append(j.wrong, fmt.Sprintf("channel %d: ", j.channel.ID)+fmt.Sprintf(format, args...))
}

// fate is what may have become of a message.
type fate struct {
	contents map[string]bool
	deleted  bool // a deletion was acknowledged
	maybe    bool // one was asked for
}

// fates derives, for each creation, what its message may look like. Ops on one message are asked for one after
// another, each when the one before was answered, and none after one whose outcome is unknown: so the last that
// was acknowledged shows, or the one that is unknown.
func (j *judge) fates() {
	last := map[*Op]*Op{}
	for _, o := range j.ops {
		if o.Kind == create {
			j.fate(o)
			continue
		}
		f := j.fate(o.Target)
		switch {
		case o.Kind == remove:
			f.maybe, f.deleted = true, f.deleted || o.acked()
		case !o.acked():
			f.contents[o.Content] = true
		case last[o.Target] == nil || last[o.Target].asked < o.asked:
			last[o.Target] = o
		}
	}
	for target, o := range last {
		f := j.states[target]
		delete(f.contents, target.Content)
		f.contents[o.Content] = true
	}
}

func (j *judge) fate(o *Op) *fate {
	if j.states[o] == nil {
		j.states[o] = &fate{contents: map[string]bool{o.Content: true}}
	}
	return j.states[o]
}

// history holds what REST says at the end against the ledger.
func (j *judge) history() {
	seen := map[key]uint64{}
	for i, m := range j.channel.History {
		if i > 0 && m.GetId() >= j.channel.History[i-1].GetId() {
			j.say("history has message %d after %d: it is not newest first", m.GetId(), j.channel.History[i-1].GetId())
		}
		if want := uint32(len(j.channel.History) - i); m.GetN() != want {
			j.say("history has message %d as the %dth, which says it is the %dth", m.GetId(), want, m.GetN())
		}
		k := key{j.channel.ID, m.GetAuthorId(), m.GetNonce()}
		if other, ok := seen[k]; ok {
			j.say("history has nonce %q twice: messages %d and %d", m.GetNonce(), other, m.GetId())
		}
		seen[k] = m.GetId()
		j.message(k, m)
	}
	for k, o := range j.ops {
		if o.Kind == create && o.acked() && seen[k] == 0 {
			j.say("history lacks %s, which was acknowledged as message %d", o, o.message)
		}
	}
}

// realTime checks that what was answered before something else was asked for comes before it.
func (j *judge) realTime() {
	var made []*Op
	for _, o := range j.ops {
		if o.Kind == create && o.acked() {
			made = append(made, o)
		}
	}
	slices.SortFunc(made, func(a, b *Op) int { return cmp.Compare(a.message, b.message) })
	var latest *Op // of those with a smaller id, the one asked for last
	for _, o := range made {
		if latest != nil && o.answered < latest.asked {
			j.say("%s became message %d, after message %d (%s), which was asked for when the first had been answered",
				o, o.message, latest.message, latest)
		}
		if latest == nil || o.asked > latest.asked {
			latest = o
		}
	}
}

// message holds one message against the op that made it.
func (j *judge) message(k key, m *messagesv1.Message) {
	o := j.ops[k]
	if o == nil || o.Kind != create {
		j.say("history has message %d (nonce %q by %d), which nobody asked for", m.GetId(), k.nonce, k.author)
		return
	}
	if o.message != 0 && o.message != m.GetId() {
		j.say("%s was acknowledged as message %d, and history has it as %d", o, o.message, m.GetId())
	}
	f := j.states[o]
	switch {
	case m.GetDeleted() && !f.maybe:
		j.say("message %d (%s) is deleted, which nobody asked for", m.GetId(), o)
	case !m.GetDeleted() && f.deleted:
		j.say("message %d (%s) is not deleted, which was acknowledged", m.GetId(), o)
	case m.GetDeleted() && m.GetContent() != "":
		j.say("message %d (%s) is deleted and still says %q", m.GetId(), o, m.GetContent())
	case !m.GetDeleted() && !f.contents[m.GetContent()]:
		j.say("message %d (%s) says %q, want %v", m.GetId(), o, m.GetContent(), slices.Sorted(maps.Keys(f.contents)))
	}
}

// log puts together, of all that the listeners heard, the log of the channel, and says where they differ: at one r
// there is one entry, the same for everyone.
func (j *judge) log() {
	log := map[uint32]*messagesv1.Entry{}
	for _, h := range j.channel.Heard {
		for _, s := range h.Steps {
			if s.Entry == nil {
				continue
			}
			known := log[s.Entry.GetR()]
			if known == nil {
				log[s.Entry.GetR()] = s.Entry
				continue
			}
			if a, b := told(known), told(s.Entry); a != b {
				j.say("entry %d was told as %v and, to %s, as %v", s.Entry.GetR(), a, h.Name, b)
			}
		}
	}
	j.order(log)
}

// fact is what of an entry never changes.
type fact struct {
	kind           string
	actor, message uint64
	nonce          string
}

func told(e *messagesv1.Entry) fact {
	return fact{e.GetKind(), e.GetActorId(), e.GetMessage().GetId(), e.GetNonce()}
}

// order checks the log: what is acknowledged is in it, what nobody asked for is not, nothing twice, and messages in
// the order of their ids.
func (j *judge) order(log map[uint32]*messagesv1.Entry) {
	at := map[key]uint32{}
	var newest uint64
	for _, r := range slices.Sorted(maps.Keys(log)) {
		e := log[r]
		k := key{j.channel.ID, e.GetActorId(), e.GetNonce()}
		if other, ok := at[k]; ok {
			j.say("the log has nonce %q twice: entries %d and %d", k.nonce, other, r)
		}
		at[k] = r
		o := j.ops[k]
		if o == nil || o.Kind != e.GetKind() {
			j.say("the log has entry %d (%s, nonce %q by %d), which nobody asked for", r, e.GetKind(), k.nonce, k.author)
			continue
		}
		if e.GetKind() != create {
			continue
		}
		if e.GetMessage().GetId() <= newest {
			j.say("entry %d makes message %d after message %d", r, e.GetMessage().GetId(), newest)
		}
		newest = e.GetMessage().GetId()
	}
	j.nothingMissing(log, at)
}

// nothingMissing checks that what is acknowledged is in the log.
func (j *judge) nothingMissing(log map[uint32]*messagesv1.Entry, at map[key]uint32) {
	if uint32(len(log)) != j.channel.Head {
		return // a page replaced a part of it for everyone, so something may be missing here and be right
	}
	for k, o := range j.ops {
		if o.acked() && at[k] == 0 {
			j.say("the log lacks %s, which was acknowledged", o)
		}
	}
}

// heard holds one listener against history: it took entries without a hole, is as far as the log is, and shows the
// same messages.
func (j *judge) heard(h Heard) {
	var r uint32
	for _, s := range h.Steps {
		switch {
		case s.Entry == nil:
			if s.Reset <= r {
				j.say("%s went from %d back to %d", h.Name, r, s.Reset)
			}
			r = s.Reset
		case s.Entry.GetR() != r+1:
			j.say("%s took entry %d after %d", h.Name, s.Entry.GetR(), r)
			r = s.Entry.GetR()
		default:
			r++
		}
	}
	if h.R != j.channel.Head || r != h.R {
		j.say("%s is at %d (by its steps %d) and the log at %d", h.Name, h.R, r, j.channel.Head)
	}
	for _, m := range j.channel.History {
		if diff := differ(m, h.Messages[m.GetId()]); diff != "" {
			j.say("%s shows message %d (n %d) otherwise than history does: %s", h.Name, m.GetId(), m.GetN(), diff)
		}
	}
	if extra := len(h.Messages) - len(j.channel.History); extra > 0 {
		j.say("%s shows %d messages that history lacks", h.Name, extra)
	}
}

// differ says in what a listener's message is not history's.
func differ(want, got *messagesv1.Message) string {
	if got == nil {
		return "not at all"
	}
	if proto.Equal(want, got) {
		return ""
	}
	return fmt.Sprintf("it has %v, want %v", got, want)
}

// Brief is the first few of many violations, the same ones each time.
func Brief(violations []string) []string {
	const most = 20
	v := slices.SortedFunc(slices.Values(violations), cmp.Compare[string])
	if len(v) > most {
		v = append(v[:most:most], fmt.Sprintf("… and %d more", len(violations)-most))
	}
	return v
}
