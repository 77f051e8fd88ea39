// Package storetest is the contract of messages.Store as tests: every driver passes all of it, none opts out.
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t testing.TB) messages.Store { return open(t) })
//	}
package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/messages"
)

// group is one part of the contract. It gets a store of its own, empty.
type group struct {
	name string
	test func(t testing.TB, s messages.Store)
}

// groups is the contract, named by method and promise: what fails is what the driver does not keep.
func groups() []group {
	return []group{
		{"Insert_KeepsEveryField", insertKeepsEveryField},
		{"Insert_KeepsText", insertKeepsText},
		{"Insert_TakesFullBatches", insertTakesFullBatches},
		{"Insert_RefusesATakenPlace", insertRefusesATakenPlace},
		{"Insert_RefusesATakenNonce", insertRefusesATakenNonce},
		{"Insert_StopsAtTheFirstDuplicate", insertStopsAtTheFirstDuplicate},
		{"Insert_RefusesADuplicateWithinTheBatch", insertRefusesADuplicateWithinTheBatch},
		{"Insert_EndedContext", insertEndedContext},
		{"Insert_RacingReplicas", insertRacingReplicas},
		{"Insert_RacingNonce", insertRacingNonce},
		{"ByNonce", byNonce},
		{"Rows", rows},
		{"Newest", newestEntries},
		{"After", after},
		{"Page", page},
		{"Apply_Edits", applyEdits},
		{"Apply_OldNeverOverNew", applyOldNeverOverNew},
		{"Apply_DeletesScrub", applyDeletesScrub},
		{"Apply_TouchesNothingElse", applyTouchesNothingElse},
		{"Apply_Racing", applyRacing},
		{"Heads", heads},
	}
}

// Run runs the whole contract; open makes a new and empty store and closes it when the test ends. The groups run side
// by side, so a driver with state outside its stores is seen.
func Run(t *testing.T, open func(t testing.TB) messages.Store) {
	t.Helper()
	for _, g := range groups() {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			g.test(t, open(t))
		})
	}
}

// The ids of the tests; large ones show drivers that go through floating point.
const (
	channel = beep.ChannelID(beep.MaxID - 10)
	other   = channel + 1
	ann     = beep.UserID(beep.MaxID - 20)
	bob     = ann + 1
)

// start is when the first entry of a builder was made, to the millisecond.
func start() time.Time { return time.Date(2026, 2, 3, 4, 5, 6, 789e6, time.UTC) }

// builder makes the entries of one channel, as an append does. It numbers them as a sound replica would: it is the
// driver that is tested.
type builder struct {
	head messages.Entry
	at   time.Time
	rows map[beep.MessageID]messages.Entry
}

func newBuilder(ch beep.ChannelID) *builder {
	return &builder{head: messages.Entry{Channel: ch}, at: start(), rows: map[beep.MessageID]messages.Entry{}}
}

// next is the entry after the head, filled but for its state.
func (b *builder) next(kind messages.Kind, actor beep.UserID, mid beep.MessageID) messages.Entry {
	e := b.head
	// A second and a millisecond apart: times that were cut, or taken for one another, show.
	b.at = b.at.Add(1001 * time.Millisecond)
	e.R++
	e.Kind, e.Actor, e.Mid, e.At = kind, actor, mid, b.at
	e.Nonce = fmt.Sprintf("%s-%d", kind, e.R)
	e.E = 1<<62 + uint64(e.R)
	e.Hash = messages.Hash{0: 1, 15: byte(e.R)}
	e.V, e.VE = e.R, e.E
	return e
}

// create says something new.
func (b *builder) create(actor beep.UserID, content string) messages.Entry {
	// With room between two ids, for some that are nowhere.
	e := b.next(messages.Create, actor, b.head.LastID+1000)
	e.LastID, e.N = e.Mid, e.N+1
	e.State = messages.State{
		Content: content,
		Origin:  messages.Origin{Author: e.Actor, Nonce: e.Nonce, N: e.N, CreatedAt: e.At},
	}
	b.head, b.rows[e.Mid] = e, e
	return e
}

// edit is the author's, with a later time than the message's own.
func (b *builder) edit(mid beep.MessageID, content string) messages.Entry {
	e := b.next(messages.Edit, ann, mid)
	e.State = messages.State{Origin: b.rows[mid].State.Origin, Content: content, EditedAt: e.At}
	b.head = e
	return e
}

// remove is another's, so that a driver that takes the actor for the author shows.
func (b *builder) remove(mid beep.MessageID) messages.Entry {
	e := b.next(messages.Delete, bob, mid)
	e.State = messages.State{Origin: b.rows[mid].State.Origin, Deleted: true}
	b.head = e
	return e
}

// creates is n create entries.
func (b *builder) creates(n int) []messages.Entry {
	var list []messages.Entry
	for range n {
		list = append(list, b.create(ann, fmt.Sprintf("message after %d", b.head.R)))
	}
	return list
}

// current is a create entry as it stands after a change was applied.
func current(row, change messages.Entry) messages.Entry {
	row.State, row.V, row.VE = change.State, change.R, change.E
	if change.Kind == messages.Delete {
		row.Hash = messages.Hash{}
	}
	return row
}

// scrubbed is an entry after its message's deletion was applied.
func scrubbed(e, deletion messages.Entry) messages.Entry {
	e.State, e.Hash = deletion.State, messages.Hash{}
	return e
}

// put inserts in batches of the largest size; all must go in.
func put(t testing.TB, s messages.Store, entries ...messages.Entry) {
	t.Helper()
	for len(entries) > 0 {
		batch := entries[:min(len(entries), messages.MaxBatch)]
		if done, err := s.Insert(t.Context(), batch); done != len(batch) || err != nil {
			t.Fatalf("Insert of %d after %d = %d, %v; want all", len(batch), batch[0].R-1, done, err)
		}
		entries = entries[len(batch):]
	}
}

// log is every entry of a channel.
func log(t testing.TB, s messages.Store, ch beep.ChannelID) []messages.Entry {
	t.Helper()
	list, err := s.After(t.Context(), ch, 0, 1_000_000)
	if err != nil {
		t.Fatalf("After: %v", err)
	}
	return list
}

// same compares every field, times by instant and zone.
func same(t testing.TB, what string, got, want []messages.Entry) {
	t.Helper()
	// No list and an empty one are one answer.
	if len(got) == 0 && len(want) == 0 {
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", what, diff)
	}
}

// refused checks an Insert that meets a duplicate after done entries.
func refused(t testing.TB, s messages.Store, batch []messages.Entry, want int) {
	t.Helper()
	if done, err := s.Insert(t.Context(), batch); done != want || !errors.Is(err, beep.ErrConflict) {
		t.Errorf("Insert = %d, %v; want %d, %v", done, err, want, beep.ErrConflict)
	}
}
