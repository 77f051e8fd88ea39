package storetest

import (
	"slices"
	"sync"
	"testing"

	"github.com/beep-chat/beep/messages"
)

func apply(t testing.TB, s messages.Store, entries ...messages.Entry) {
	t.Helper()
	if err := s.Apply(t.Context(), entries); err != nil {
		t.Fatalf("Apply: %v", err)
	}
}

// applyEdits: a row follows its edits, and applying again is nothing. The edit's own entry stays as it is: a driver
// that changes it too, or instead, has no history.
func applyEdits(t testing.TB, s messages.Store) {
	b := newBuilder(channel)
	first, second := b.create(ann, "first"), b.create(ann, "second")
	edit := b.edit(first.Mid, "first, better")
	put(t, s, first, second, edit)
	want := []messages.Entry{first, second, edit}
	same(t, "the log before", log(t, s, channel), want)

	// Nothing at all, as when all that is to be applied is creates.
	apply(t, s)
	apply(t, s, first, second) // creates need nothing
	same(t, "the log after applying creates", log(t, s, channel), want)
	want[0] = current(first, edit)
	for range 2 { // and again changes nothing
		apply(t, s, edit)
		same(t, "the log after", log(t, s, channel), want)
	}
}

// applyOldNeverOverNew: a slow process applies what others have applied and gone past. A driver whose update lacks V
// < e.R takes a message back to what it was before, or back from the dead.
func applyOldNeverOverNew(t testing.TB, s messages.Store) {
	b := newBuilder(channel)
	first, second := b.create(ann, "first"), b.create(ann, "second")
	older, newer := b.edit(first.Mid, "older"), b.edit(first.Mid, "newer")
	stale, deletion := b.edit(second.Mid, "stale"), b.remove(second.Mid)
	put(t, s, first, second, older, newer, stale, deletion)
	apply(t, s, newer)
	apply(t, s, older)
	apply(t, s, deletion, stale)
	same(t, "the log", log(t, s, channel), []messages.Entry{
		current(first, newer), current(second, deletion), older, newer, scrubbed(stale, deletion), deletion,
	})
}

// applyDeletesScrub: nothing of what was said is left in any entry, nor a hash to guess it by, and a late apply of an
// edit does not bring it back. A driver that scrubs the row alone leaves the text in the edits, which Since hands to
// everyone.
func applyDeletesScrub(t testing.TB, s messages.Store) {
	b := newBuilder(channel)
	create := b.create(ann, "secret")
	edits := []messages.Entry{b.edit(create.Mid, "secret 2"), b.edit(create.Mid, "secret 3")}
	deletion := b.remove(create.Mid)
	put(t, s, create, edits[0], edits[1], deletion)
	apply(t, s, edits...)
	want := []messages.Entry{current(create, deletion), scrubbed(edits[0], deletion), scrubbed(edits[1], deletion), deletion}
	for range 2 {
		apply(t, s, deletion)
		same(t, "the log", log(t, s, channel), want)
	}
	apply(t, s, edits...) // late, by a process that was slow
	same(t, "the log after a late apply", log(t, s, channel), want)

	// The nonce still finds the request, so that a retry of it is answered and not done again.
	got, err := s.ByNonce(t.Context(), create.Key())
	if err != nil {
		t.Fatalf("ByNonce: %v", err)
	}
	same(t, "ByNonce", []messages.Entry{got}, want[:1])
}

// applyTouchesNothingElse: a message is its channel and its id, never its id alone. Replicas mint ids without knowing
// of each other, so two channels may have one in common.
func applyTouchesNothingElse(t testing.TB, s messages.Store) {
	b, elsewhere := newBuilder(channel), newBuilder(other)
	first, second := b.create(ann, "first"), b.create(bob, "second")
	edit, deletion := b.edit(second.Mid, "second, better"), b.remove(first.Mid)
	twin := elsewhere.create(ann, "the same id in another channel")
	twinEdit := elsewhere.edit(twin.Mid, "edited there")
	put(t, s, first, second, edit, deletion)
	put(t, s, twin, twinEdit)
	apply(t, s, deletion)
	same(t, "the log", log(t, s, channel), []messages.Entry{current(first, deletion), second, edit, deletion})
	same(t, "the other log", log(t, s, other), []messages.Entry{twin, twinEdit})

	apply(t, s, edit, twinEdit) // of two channels in one call
	same(t, "the log", log(t, s, channel), []messages.Entry{current(first, deletion), current(second, edit), edit, deletion})
	same(t, "the other log", log(t, s, other), []messages.Entry{current(twin, twinEdit), twinEdit})
}

// applyRacing applies one log from many sides, each in an order of its own. They have to end in the same state. A
// driver that reads a row and writes it back, in place of one conditional statement, loses what was applied between
// the two.
func applyRacing(t testing.TB, s messages.Store) {
	b := newBuilder(channel)
	kept, gone := b.create(ann, "kept"), b.create(ann, "gone")
	want := []messages.Entry{kept, gone}
	for range 4 {
		want = append(want, b.edit(kept.Mid, "kept, better"), b.edit(gone.Mid, "gone, better"))
	}
	want = append(want, b.remove(gone.Mid))
	put(t, s, want...)

	var wg sync.WaitGroup
	for side := range 6 {
		wg.Go(func() {
			mine := slices.Clone(want)
			if side%2 == 1 {
				slices.Reverse(mine)
			}
			for len(mine) > 0 {
				// In steps that differ, so that the sides meet in the middle of each other's.
				n := min(1+side, len(mine))
				if err := s.Apply(t.Context(), mine[:n]); err != nil {
					t.Errorf("Apply: %v", err)
					return
				}
				mine = mine[n:]
			}
		})
	}
	wg.Wait()
	deletion := want[len(want)-1]
	// The edits alternate, kept's first: the last of kept is third from the end, and those of gone are scrubbed.
	want[0], want[1] = current(kept, want[len(want)-3]), current(gone, deletion)
	for i := 3; i < len(want)-1; i += 2 {
		want[i] = scrubbed(want[i], deletion)
	}
	same(t, "the log", log(t, s, channel), want)
}
