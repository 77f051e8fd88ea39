package client

import (
	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	realtimev1 "github.com/beep-chat/beep/api/beep/realtime/v1"
)

// Window is what a client keeps of one channel: everything up to R is in. It keeps rule 12 of the log's protocol.
type Window struct {
	R        uint32
	Base     uint32 // R at the last reset: history pages must have been read at it or later
	Seen     uint32 // the highest r heard of
	Asks     bool   // an answer is on its way
	Loaded   bool   // a page was loaded, so that Messages reaches back without a hole
	Messages map[uint64]*messagesv1.Message
}

func newWindow() *Window { return &Window{Asks: true, Messages: map[uint64]*messagesv1.Message{}} }

// live takes entries that follow each other; those that do not continue what is here are skipped, and the
// window knows that it misses some.
func (w *Window) live(entries []*messagesv1.Entry) (applied []*messagesv1.Entry) {
	for _, e := range entries {
		w.Seen = max(w.Seen, e.GetR())
		if e.GetR() == w.R+1 {
			w.R++
			w.note(e.GetMessage())
			applied = append(applied, e)
		}
	}
	return applied
}

// delta takes an answer, asked for or not, and says which entries moved the window.
func (w *Window) delta(d *realtimev1.Delta) (applied []*messagesv1.Entry) {
	switch {
	case !d.GetReset_():
		applied = w.live(d.GetEntries())
		w.Seen = max(w.Seen, d.GetHead())
	// An older one has been overtaken by what came live, and would take the window back.
	case d.GetHead() > w.R:
		*w = Window{
			R: d.GetHead(), Base: d.GetHead(), Seen: max(w.Seen, d.GetHead()), Asks: w.Asks,
			Loaded: len(d.GetEntries()) > 0, Messages: map[uint64]*messagesv1.Message{},
		}
		for _, e := range d.GetEntries() {
			w.note(e.GetMessage())
		}
	}
	if d.GetAnswer() {
		w.Asks = false
	}
	return applied
}

// note keeps the newer of two versions.
func (w *Window) note(m *messagesv1.Message) {
	if m != nil && m.GetV() > w.Messages[m.GetId()].GetV() {
		w.Messages[m.GetId()] = m
	}
}

// Page merges a page of history, unless the window has been reset to something newer than the page.
func (w *Window) Page(p *messagesv1.ListMessagesResponse) bool {
	if p.GetHead() < w.Base {
		return false
	}
	for _, m := range p.GetMessages() {
		w.note(m)
	}
	w.Loaded = true
	return true
}

// behind says whether the client must ask, and notes that it does.
func (w *Window) behind() bool {
	if w.R >= w.Seen || w.Asks {
		return false
	}
	w.Asks = true
	return true
}
