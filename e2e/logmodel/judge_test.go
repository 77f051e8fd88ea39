package logmodel

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/beep-chat/beep"
	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	"github.com/beep-chat/beep/client"
	"github.com/beep-chat/beep/messages"
)

// patience is how long what the sweeps must bring may take on a machine that is busy with other things. With a plant
// it may never come, and nothing is proved by its coming.
const (
	patience        = 30 * time.Second
	patienceOfPlant = 3 * time.Second
)

// judge waits until every client is up to date and then holds all that there is against what was asked for.
func (w *world) judge(ctx context.Context) {
	w.finishWrites()
	for _, ch := range w.channels {
		w.people[0].look(ctx, ch) // who reads a channel brings its messages up to its log
	}
	late := w.arrival(ctx)
	if late != "" {
		w.ledger.broken(ruleArrival, "%s", late)
	}
	logs := map[uint64][]messages.Entry{}
	for _, ch := range w.channels {
		entries, err := w.log.After(ctx, beep.ChannelID(ch), 0, 1_000_000)
		if err != nil {
			w.ledger.fault("read the log: %v", err)
			return
		}
		logs[ch] = entries
		w.ledger.count(func(s *Stats) { s.Entries += len(entries) })
		messages := w.ledger.judgeLog(entries)
		w.ledger.judgeRows(entries, messages)
		for _, m := range w.people {
			if late == "" {
				m.judgeWindow(ch, messages)
			}
		}
	}
	w.ledger.judgeIntents(logs)
	w.ledger.judgeExposures(logs)
}

// finishWrites waits until nothing is on its way into the store any more: inserts that come late, and what replicas have
// begun, of which those that still live end in peace and others take their places.
func (w *world) finishWrites() {
	w.starting.Lock()
	all := slices.Clone(w.writers)
	w.starting.Unlock()
	for i := range w.replicas.procs {
		w.replicas.swap(i, w.startMessages()).cancel()
	}
	for _, p := range all {
		select {
		case <-p.over:
		case <-w.ctx.Done():
		}
	}
	w.late.Wait()
}

// arrival waits until every client has all that it may see, and only that. It answers what is missing in the end.
func (w *world) arrival(ctx context.Context) (missing string) {
	limit := patience
	if w.plant.Name != "" {
		limit = patienceOfPlant
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		if missing = w.missing(ctx); missing == "" || ctx.Err() != nil {
			return missing
		}
		wait(ctx, 5*time.Millisecond)
	}
}

func (w *world) missing(ctx context.Context) string {
	for _, ch := range w.channels {
		heads, err := w.log.Heads(context.WithoutCancel(ctx), []beep.ChannelID{beep.ChannelID(ch)})
		if err != nil {
			return fmt.Sprintf("the heads: %v", err)
		}
		for _, m := range w.people {
			if s := m.missing(ch, heads[0]); s != "" {
				return s
			}
		}
	}
	return ""
}

func (m *member) missing(ch uint64, head uint32) (missing string) {
	allowed := m.w.ledger.allowed(m.user, ch)
	m.socket.Windows(func(ws windows) {
		win := ws[ch]
		switch {
		case allowed && win == nil:
			missing = fmt.Sprintf("%d may see %d and has no window", m.user, ch)
		case !allowed && win != nil:
			missing = fmt.Sprintf("%d has a window of %d, which was revoked", m.user, ch)
		case allowed && (win.R != head || win.Asks || win.Seen > win.R):
			missing = fmt.Sprintf("%d is at %d/%d (seen %d, asks %v), the log at %d", m.user, ch, win.R, win.Seen, win.Asks, head)
		}
	})
	return missing
}

// message is what the log makes of a message.
type message struct {
	create  *intent
	n       uint32
	content string
	deleted bool
	v       uint32
	ve      uint64
}

// judgeLog replays the log by what was asked for, and holds each entry against it.
func (l *ledger) judgeLog(entries []messages.Entry) map[beep.MessageID]*message {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := map[beep.MessageID]*message{}
	var n uint32
	var last beep.MessageID
	for i, e := range entries {
		if e.R != uint32(i)+1 {
			l.brokenLocked(ruleLog, "entry %d/%d stands where %d is due", e.Channel, e.R, i+1)
			return all
		}
		it := l.intents[e.Nonce]
		if it == nil || it.channel != uint64(e.Channel) || it.author != e.Actor || it.kind != e.Kind.String() {
			l.brokenLocked(ruleLog, "entry %d/%d (%s %s by %d) was not asked for", e.Channel, e.R, e.Kind, e.Nonce, e.Actor)
			return all
		}
		if e.Kind == messages.Create {
			if n++; e.Mid <= last {
				l.brokenLocked(ruleLog, "entry %d/%d: message %d after %d", e.Channel, e.R, e.Mid, last)
			}
			last = e.Mid
			all[e.Mid] = &message{create: it, n: n}
		}
		l.replayLocked(all[e.Mid], it, e)
		if e.N != n || e.LastID != last {
			l.brokenLocked(ruleLog, "entry %d/%d counts %d up to %d, the log %d up to %d", e.Channel, e.R, e.N, e.LastID, n, last)
		}
	}
	return all
}

func (l *ledger) replayLocked(m *message, it *intent, e messages.Entry) {
	switch {
	case m == nil || m.deleted:
		l.brokenLocked(ruleLog, "entry %d/%d changes message %d, which is not there", e.Channel, e.R, e.Mid)
		return
	case it.kind != "create" && it.mid != uint64(e.Mid):
		l.brokenLocked(ruleLog, "entry %d/%d changes message %d, asked for was %d", e.Channel, e.R, e.Mid, it.mid)
	case it.mid != 0 && it.mid != uint64(e.Mid):
		l.brokenLocked(ruleAck, "entry %d/%d is message %d, acknowledged was %d", e.Channel, e.R, e.Mid, it.mid)
	}
	m.content, m.deleted, m.v, m.ve = it.content, it.kind == "delete", e.R, e.E
}

// judgeRows holds what each entry carries against the replay: a create entry its message as it stands in the end, any
// other what it made of it; of a deleted message no content is left anywhere, nor a hash to guess it by.
func (l *ledger) judgeRows(entries []messages.Entry, all map[beep.MessageID]*message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range entries {
		m, it := all[e.Mid], l.intents[e.Nonce]
		if m == nil || it == nil {
			return // told before
		}
		content := it.content
		if e.Kind == messages.Create {
			content = m.content
			l.judgeRowLocked(e, m)
		}
		if m.deleted {
			content = ""
		}
		if e.State.Content != content || (m.deleted && e.R < m.v && e.Hash != messages.Hash{}) {
			l.brokenLocked(ruleRow, "entry %d/%d carries %q (hash %x), want %q", e.Channel, e.R, e.State.Content, e.Hash, content)
		}
	}
}

func (l *ledger) judgeRowLocked(e messages.Entry, m *message) {
	if e.V != m.v || e.VE != m.ve || e.State.Deleted != m.deleted || e.State.N != m.n || e.State.Author != m.create.author {
		l.brokenLocked(ruleRow, "message %d/%d is at %d (needs %d, deleted %v), its log at %d (needs %d, deleted %v)",
			e.Channel, e.Mid, e.V, e.VE, e.State.Deleted, m.v, m.ve, m.deleted)
	}
}

// judgeWindow holds what a client shows against the log: what it shows is as it stands, and nothing is missing of what
// changed since the window's beginning nor between the pages that it loaded and its end.
func (m *member) judgeWindow(ch uint64, all map[beep.MessageID]*message) {
	m.socket.Windows(func(ws windows) {
		win := ws[ch]
		if win == nil {
			return
		}
		for mid, want := range all {
			m.judgeMessage(win, spot{ch, uint64(mid)}, want)
		}
		for mid := range win.Messages {
			if all[beep.MessageID(mid)] == nil {
				m.w.ledger.broken(ruleWindow, "%d shows message %d/%d, which never was", m.user, ch, mid)
			}
		}
		m.judgeNumbers(win)
	})
}

func (m *member) judgeMessage(win *client.Window, at spot, want *message) {
	low, loaded := m.low[edge{win, win.Base}]
	shown := win.Messages[at.id]
	due := want.v > win.Base || (loaded && at.id >= low)
	if (shown == nil && due) || (shown != nil && !want.is(shown)) {
		m.w.ledger.broken(ruleWindow, "%d shows %v for message %d/%d, which is at %d (%q); base %d, low %d",
			m.user, shown, at.channel, at.id, want.v, want.content, win.Base, low)
	}
}

// is says whether a client shows it as it stands.
func (m *message) is(shown *messagesv1.Message) bool {
	return shown.GetContent() == m.content && shown.GetV() == m.v && shown.GetDeleted() == m.deleted &&
		shown.GetN() == m.n && beep.UserID(shown.GetAuthorId()) == m.create.author && shown.GetNonce() == m.create.nonce
}

// judgeNumbers checks that messages are numbered in the order that a client sorts them by.
func (m *member) judgeNumbers(win *client.Window) {
	byN := map[uint32]uint64{}
	for id, shown := range win.Messages {
		if other, twice := byN[shown.GetN()]; twice {
			m.w.ledger.broken(ruleWindow, "%d shows messages %d and %d as the same, number %d", m.user, id, other, shown.GetN())
		}
		byN[shown.GetN()] = id
	}
}

// judgeIntents counts what became of all that was asked for.
func (l *ledger) judgeIntents(logs map[uint64][]messages.Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	times := map[string]int{}
	for _, entries := range logs {
		for _, e := range entries {
			times[e.Nonce]++
		}
	}
	for nonce, it := range l.intents {
		switch n := times[nonce]; {
		case n > 1:
			l.brokenLocked(ruleNonce, "%s %s is %d times in the log", it.kind, nonce, n)
		case n == 0 && it.done:
			l.brokenLocked(ruleAck, "%s %s was acknowledged and is not in the log", it.kind, nonce)
		case n > 0 && it.refused:
			l.brokenLocked(ruleAck, "%s %s was refused for good and is in the log", it.kind, nonce)
		}
	}
}

// judgeExposures finds out, now that all revisions are known, what of that which was shown to someone it was revoked to
// had been begun only after the revocation was answered.
func (l *ledger) judgeExposures(logs map[uint64][]messages.Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, x := range l.exposures {
		if x.r == 0 || int(x.r) > len(logs[x.channel]) {
			continue
		}
		it := l.intents[logs[x.channel][x.r-1].Nonce]
		if it != nil && it.began > x.since {
			l.brokenLocked(ruleLeak, "%d is shown %d/%d in %s, begun at %d, revoked at %d", x.user, x.channel, x.r, x.how, it.began, x.since)
		}
	}
}
