package faults

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
)

// record is a small and honest record of one channel: Ada's messages 1 to 5, of which she has edited the second and
// deleted the third, and a sixth that she was never answered about, which is there. Two listeners heard it all, and
// a third came late.
type record struct {
	ledger  *Ledger
	ops     map[string]*Op // by nonce
	channel Channel
}

const (
	tides = 7
	ada   = 11
)

func honest() *record {
	r := &record{ledger: NewLedger(), ops: map[string]*Op{}, channel: Channel{ID: tides}}
	var log []*messagesv1.Entry
	entry := func(kind, nonce string, about *messagesv1.Message) {
		about.V = uint32(len(log) + 1)
		log = append(log, &messagesv1.Entry{R: about.GetV(), Kind: kind, ActorId: ada, Nonce: nonce, Message: about})
	}
	var rows []*messagesv1.Message
	for i := range 6 {
		nonce := fmt.Sprintf("s%d", i+1)
		o := r.ask(Op{Kind: create, Nonce: nonce, Content: "says " + nonce})
		m := &messagesv1.Message{Id: uint64(100 + i), ChannelId: tides, AuthorId: ada, Content: o.Content, Nonce: nonce, N: uint32(i + 1)}
		entry(create, nonce, m)
		rows = append(rows, m)
		if i < 5 {
			r.ledger.Answer(o, m.GetId())
		}
	}
	edited, deleted := r.ask(Op{Kind: edit, Nonce: "e2", Content: "says e2", Target: r.ops["s2"]}), r.ask(Op{Kind: remove, Nonce: "d3", Target: r.ops["s3"]})
	rows[1] = proto.CloneOf(rows[1])
	rows[1].Content = edited.Content
	entry(edit, "e2", rows[1])
	rows[2] = &messagesv1.Message{Id: 102, ChannelId: tides, AuthorId: ada, Nonce: "s3", N: 3, Deleted: true}
	entry(remove, "d3", rows[2])
	r.ledger.Answer(edited, 101)
	r.ledger.Answer(deleted, 102)

	r.channel.Head, r.channel.History = uint32(len(log)), rows
	slices.Reverse(r.channel.History)
	window := map[uint64]*messagesv1.Message{}
	for _, m := range rows {
		window[m.GetId()] = m
	}
	for _, name := range []string{"Bob", "Cy", "Dee"} {
		h := Heard{Name: name, R: r.channel.Head, Messages: maps.Clone(window)}
		for _, e := range log {
			h.Steps = append(h.Steps, Step{Entry: e})
		}
		if name == "Dee" {
			h.Steps = slices.Replace(h.Steps, 0, 6, Step{Reset: 6})
		}
		r.channel.Heard = append(r.channel.Heard, h)
	}
	return r
}

func (r *record) ask(o Op) *Op {
	o.Channel, o.Author = tides, ada
	asked := r.ledger.Ask(o)
	r.ops[o.Nonce] = asked
	return asked
}

// row has another message in history, and in every window, in place of the one that it changes.
func (r *record) row(id uint64, change func(*messagesv1.Message)) {
	i := slices.IndexFunc(r.channel.History, func(m *messagesv1.Message) bool { return m.GetId() == id })
	m := proto.CloneOf(r.channel.History[i])
	change(m)
	r.channel.History[i] = m
	for _, h := range r.channel.Heard {
		h.Messages[id] = m
	}
}

func TestJudge_FindsNothingInWhatIsRight(t *testing.T) {
	t.Parallel()
	r := honest()
	if got := Judge(r.ledger, r.channel); len(got) > 0 {
		t.Errorf("it finds %q", got)
	}
}

func TestJudge_AcceptsEitherOutcomeOfWhatIsUnknown(t *testing.T) {
	t.Parallel()
	t.Run("a message", func(t *testing.T) {
		t.Parallel()
		r := honest()
		r.dropLast()
		if got := Judge(r.ledger, r.channel); len(got) > 0 {
			t.Errorf("it finds %q", got)
		}
	})
	t.Run("an edit", func(t *testing.T) {
		t.Parallel()
		r := honest()
		r.ask(Op{Kind: edit, Nonce: "e4", Content: "says e4", Target: r.ops["s4"]})
		r.ask(Op{Kind: remove, Nonce: "d5", Target: r.ops["s5"]})
		if got := Judge(r.ledger, r.channel); len(got) > 0 {
			t.Errorf("it finds %q", got)
		}
		r.row(103, func(m *messagesv1.Message) { m.Content = "says e4" })
		r.row(104, func(m *messagesv1.Message) { m.Content, m.Deleted = "", true })
		if got := Judge(r.ledger, r.channel); len(got) > 0 {
			t.Errorf("it finds %q", got)
		}
	})
}

// dropLast takes message 6, the unknown one, out of everything.
func (r *record) dropLast() {
	c := &r.channel
	c.History, c.Head = c.History[1:], c.Head-1
	for i := range c.Heard {
		h := &c.Heard[i]
		delete(h.Messages, 105)
		h.R--
		var steps []Step
		for _, s := range h.Steps {
			switch {
			case s.Entry == nil:
				s.Reset--
			case s.Entry.GetMessage().GetId() == 105:
				continue
			case s.Entry.GetR() > 6:
				s.Entry = proto.CloneOf(s.Entry)
				s.Entry.R--
			}
			steps = append(steps, s)
		}
		h.Steps = steps
	}
}

// TestJudge_CatchesPlantedFaults: each is one thing that Beep must never do.
func TestJudge_CatchesPlantedFaults(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		plant func(*record)
		want  string
	}{
		"an acknowledged message is lost": {func(r *record) {
			r.channel.History = slices.Delete(r.channel.History, 1, 2)
		}, `history lacks create "s5"`},
		"an acknowledged message is lost without a trace": {func(r *record) {
			r.dropLast() // leaves a record that is right
			r.ledger.Answer(r.ops["s6"], 105)
		}, `history lacks create "s6"`},
		"a message is doubled": {func(r *record) {
			twin := proto.CloneOf(r.channel.History[0])
			twin.Id, twin.N = 106, 7
			r.channel.History = slices.Insert(r.channel.History, 0, twin)
		}, `history has nonce "s6" twice: messages 106 and 105`},
		"a message is doubled under another nonce": {func(r *record) {
			twin := proto.CloneOf(r.channel.History[0])
			twin.Id, twin.N, twin.Nonce = 106, 7, "minted"
			r.channel.History = slices.Insert(r.channel.History, 0, twin)
		}, "which nobody asked for"},
		"history is out of order": {func(r *record) {
			h := r.channel.History
			h[1], h[2] = h[2], h[1]
		}, "it is not newest first"},
		"a message has another's place": {func(r *record) {
			r.row(104, func(m *messagesv1.Message) { m.N = 6 })
		}, "as the 5th, which says it is the 6th"},
		"a message comes before one that was there": {func(r *record) {
			r.ops["s1"].message, r.ops["s2"].message = 101, 100
		}, `create "s1" by 11 in 7 became message 101, after message 100`},
		"a nonce is answered twice, differently": {func(r *record) {
			r.ledger.Answer(r.ops["s1"], 105)
		}, "was answered with message 105, earlier with 100"},
		"an acknowledged edit is lost": {func(r *record) {
			r.row(101, func(m *messagesv1.Message) { m.Content = "says s2" })
		}, `says "says s2", want [says e2]`},
		"an acknowledged deletion is lost": {func(r *record) {
			r.row(102, func(m *messagesv1.Message) { m.Deleted, m.Content = false, "says s3" })
		}, "is not deleted, which was acknowledged"},
		"a deleted message still says something": {func(r *record) {
			r.row(102, func(m *messagesv1.Message) { m.Content = "says s3" })
		}, `is deleted and still says "says s3"`},
		"a message is deleted that nobody deleted": {func(r *record) {
			r.row(100, func(m *messagesv1.Message) { m.Deleted, m.Content = true, "" })
		}, "is deleted, which nobody asked for"},
		"a message says what somebody else said": {func(r *record) {
			r.row(100, func(m *messagesv1.Message) { m.Content = "says s5" })
		}, `says "says s5", want [says s1]`},
		"a message has another author": {func(r *record) {
			r.row(100, func(m *messagesv1.Message) { m.AuthorId = 12 })
		}, "which nobody asked for"},
		"a listener misses the end": {func(r *record) {
			h := &r.channel.Heard[0]
			h.R, h.Steps = 7, h.Steps[:7]
		}, "Bob is at 7 (by its steps 7) and the log at 8"},
		"a listener skips an entry": {func(r *record) {
			h := &r.channel.Heard[0]
			h.Steps = slices.Delete(slices.Clone(h.Steps), 3, 4)
		}, "Bob took entry 5 after 3"},
		"a listener is sent back": {func(r *record) {
			h := &r.channel.Heard[0]
			h.Steps = slices.Insert(slices.Clone(h.Steps), 5, Step{Reset: 4})
		}, "Bob went from 5 back to 4"},
		"a listener lacks a message": {func(r *record) {
			delete(r.channel.Heard[0].Messages, 103)
		}, "Bob shows message 103 (n 4) otherwise than history does: not at all"},
		"a listener shows an older version": {func(r *record) {
			r.channel.Heard[0].Messages[101] = r.channel.Heard[0].Steps[1].Entry.GetMessage()
		}, "Bob shows message 101 (n 2) otherwise"},
		"a listener shows what is not there": {func(r *record) {
			r.channel.Heard[0].Messages[106] = &messagesv1.Message{Id: 106}
		}, "Bob shows 1 messages that history lacks"},
		"two listeners hear different entries": {func(r *record) {
			other := proto.CloneOf(r.channel.Heard[1].Steps[3].Entry)
			other.Nonce = "s5"
			r.channel.Heard[1].Steps[3].Entry = other
		}, "entry 4 was told as"},
		"the log has a change twice": {func(r *record) {
			r.everyone(7, func(e *messagesv1.Entry) { e.Nonce = "d3" })
		}, `the log has nonce "d3" twice: entries 7 and 8`},
		"the log lacks an acknowledged change": {func(r *record) {
			r.everyone(7, func(e *messagesv1.Entry) { e.Nonce = "e9" })
		}, `the log lacks edit "e2"`},
		"the log has a message before an older one": {func(r *record) {
			r.everyone(4, func(e *messagesv1.Entry) { e.Message.Id = 99 })
		}, "entry 4 makes message 99 after message 102"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := honest()
			c.plant(r)
			got := Judge(r.ledger, r.channel)
			if !slices.ContainsFunc(got, func(v string) bool { return strings.Contains(v, c.want) }) {
				t.Errorf("it finds %q, want %q among them", got, c.want)
			}
		})
	}
}

// everyone hears the entry at r otherwise.
func (r *record) everyone(at uint32, change func(*messagesv1.Entry)) {
	for _, h := range r.channel.Heard {
		for i, s := range h.Steps {
			if s.Entry.GetR() == at {
				e := proto.CloneOf(s.Entry)
				change(e)
				h.Steps[i].Entry = e
			}
		}
	}
}

func TestBrief(t *testing.T) {
	t.Parallel()
	many := make([]string, 0, 30)
	for i := range 30 {
		many = append(many, fmt.Sprintf("%02d", 29-i))
	}
	got := Brief(many)
	if len(got) != 21 || got[0] != "00" || got[20] != "… and 10 more" {
		t.Errorf("Brief = %q", got)
	}
	if many[0] != "29" {
		t.Error("Brief sorts its argument")
	}
}
