package scopelog

import (
	"testing"

	"github.com/beep-chat/beep/perm"
)

// TestObserve_TellsOfEachRowBeforeItIsSeen, once for each time that a View is read, and Replay does so of a View that
// nobody keeps.
func TestObserve_TellsOfEachRowBeforeItIsSeen(t *testing.T) {
	t.Parallel()
	log := newFakeLog()
	log.page = 2
	log.add(server(1), owned(1), joined(1), joined(2))
	l := New(log)
	var told []uint64
	l.Observe(func(c perm.Change, a perm.Affects) {
		if c.Scope != server(1) || a.None() {
			t.Errorf("told of %+v, which affects %+v", c, a)
		}
		told = append(told, c.Rev)
	})
	at := func(rev uint64) {
		t.Helper()
		if err := l.At(t.Context(), server(1), rev, func(v *perm.View) {
			if got := told[len(told)-1]; got != v.Rev() {
				t.Errorf("told up to %d of a View at %d", got, v.Rev())
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	at(3)
	at(3)
	log.add(server(1), joined(3))
	at(4)
	if len(told) != 4 {
		t.Errorf("told of %d, want each of four once", told)
	}
	var again []uint64
	if err := l.Replay(t.Context(), server(1), 4, func(c perm.Change, _ perm.Affects) { again = append(again, c.Rev) }); err != nil {
		t.Fatal(err)
	}
	if len(again) != 4 || len(told) != 4 {
		t.Errorf("replayed %d, and told of %d besides", again, told[4:])
	}
	unavailableError(t, "Replay", l.Replay(t.Context(), server(1), 9, func(perm.Change, perm.Affects) {}))
}
