package messages_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	"github.com/beep-chat/beep/messages"
)

var errPlanted = errors.New("planted")

// sendMany sends from enough sides that the log fills quickly, and answers when all are in.
func (w *world) sendMany(t testing.TB, user beep.UserID, nonce string, n int) {
	t.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				if _, err := w.Send(as(t.Context(), user), target(0, fmt.Sprintf("%s-%d", nonce, i)), "text"); err != nil {
					t.Errorf("Send: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// TestCatchUp_RepairsWhatACrashLeft: one replica dies between insert and apply; whoever comes next applies.
func TestCatchUp_RepairsWhatACrashLeft(t *testing.T) {
	t.Parallel()
	reads := map[string]func(t *testing.T, w *world, mid beep.MessageID) (content string, deleted bool){
		"Get": func(t *testing.T, w *world, mid beep.MessageID) (string, bool) {
			t.Helper()
			row, err := w.Get(as(t.Context(), bob), channel, mid)
			return row.State.Content, errors.Is(err, beep.ErrNotFound)
		},
		"List": func(t *testing.T, w *world, _ beep.MessageID) (string, bool) {
			t.Helper()
			page, err := w.List(as(t.Context(), bob), messages.Query{Channel: channel})
			if err != nil || len(page.Rows) == 0 {
				t.Fatalf("List = %+v, %v", page, err)
			}
			row := page.Rows[len(page.Rows)-1]
			return row.State.Content, row.State.Deleted
		},
		"Since": func(t *testing.T, w *world, _ beep.MessageID) (string, bool) {
			t.Helper()
			d, err := w.Since(t.Context(), channel, 0)
			if err != nil || len(d.Entries) == 0 {
				t.Fatalf("Since = %+v, %v", d, err)
			}
			return d.Entries[0].State.Content, d.Entries[0].State.Deleted
		},
		"a send, then the row": func(t *testing.T, w *world, mid beep.MessageID) (string, bool) {
			t.Helper()
			w.send(t, bob, "", "next")
			rows, err := w.store.Rows(t.Context(), channel, []beep.MessageID{mid})
			if err != nil || len(rows) != 1 {
				t.Fatalf("Rows = %+v, %v", rows, err)
			}
			return rows[0].State.Content, rows[0].State.Deleted
		},
	}
	for name, read := range reads {
		for _, warm := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, warm %v", name, warm), func(t *testing.T) {
				t.Parallel()
				store := &hooked{Store: openStore(t)}
				dying, next := newWorldOn(t, store), newWorldOn(t, store.Store)
				first := dying.send(t, ann, "n-1", "first")
				if warm {
					if _, err := next.Since(t.Context(), channel, 0); err != nil {
						t.Fatal(err)
					}
				}
				store.set(func(h *hooked) {
					h.apply = func(context.Context, []messages.Entry) error { return errPlanted }
				})
				_, err := dying.Edit(as(t.Context(), ann), target(first.Mid, "n-2"), "second")
				refused(t, "Edit whose apply failed", err, beep.KindUnavailable, beep.CodeUnavailable)
				if content, _ := read(t, next, first.Mid); content != "second" {
					t.Errorf("the message is %q, want second", content)
				}
				// It has not died after all: it catches up like any other, and dies again over a deletion.
				store.set(func(h *hooked) { h.apply = nil })
				if content, _ := read(t, dying, first.Mid); content != "second" {
					t.Errorf("the message is %q, want second", content)
				}
				store.set(func(h *hooked) {
					h.apply = func(context.Context, []messages.Entry) error { return errPlanted }
				})
				refused(t, "Delete whose apply failed", dying.Delete(as(t.Context(), ann), target(first.Mid, "n-3")),
					beep.KindUnavailable, beep.CodeUnavailable)
				if content, deleted := read(t, next, first.Mid); !deleted || content != "" {
					t.Errorf("the message is %q, deleted %v; want it gone", content, deleted)
				}
				for _, e := range next.log(t) {
					if e.Mid == first.Mid && (e.State.Content != "" || e.Kind != messages.Delete && e.Hash != (messages.Hash{})) {
						t.Errorf("entry %d keeps %q", e.R, e.State.Content)
					}
				}
			})
		}
	}
}

// TestCatchUp_FarBehind: a replica whose head is older than a batch starts over, and misses nothing.
func TestCatchUp_FarBehind(t *testing.T) {
	t.Parallel()
	store := &hooked{Store: openStore(t)}
	busy, idle := newWorldOn(t, store), newWorldOn(t, store.Store)
	first := idle.send(t, ann, "n-1", "first")
	busy.sendMany(t, ann, "many", 3*messages.MaxBatch)
	store.set(func(h *hooked) { h.apply = func(context.Context, []messages.Entry) error { return errPlanted } })
	_, err := busy.Edit(as(t.Context(), ann), target(first.Mid, "n-2"), "edited")
	refused(t, "Edit whose apply failed", err, beep.KindUnavailable, beep.CodeUnavailable)

	row, err := idle.Get(as(t.Context(), bob), channel, first.Mid)
	if err != nil || row.State.Content != "edited" {
		t.Errorf("Get = %q, %v; want edited", row.State.Content, err)
	}
	if e := idle.send(t, ann, "n-3", "goes on"); e.R != 3*messages.MaxBatch+3 || e.N != 3*messages.MaxBatch+2 {
		t.Errorf("the next entry is %d, %d messages", e.R, e.N)
	}
}

func TestSince(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	empty, err := w.Since(t.Context(), channel, 0)
	if err != nil || empty.Reset || empty.Head != 0 || len(empty.Entries) > 0 {
		t.Errorf("Since in an empty channel = %+v, %v", empty, err)
	}
	const total = messages.MaxSince + 20
	w.sendMany(t, ann, "many", total-2)
	list := w.log(t)
	last := list[len(list)-1]
	if _, err := w.Edit(as(t.Context(), ann), target(last.Mid, "edit"), "edited"); err != nil {
		t.Fatalf("Edit: %v", err)
	}
	if err := w.Delete(as(t.Context(), ann), target(list[len(list)-2].Mid, "delete")); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	list = w.log(t)
	tests := []struct {
		name  string
		r     uint32
		reset bool
		n     int
	}{
		{"just little enough", total - messages.MaxSince, false, messages.MaxSince},
		{"one too many", total - messages.MaxSince - 1, true, messages.PageSize},
		{"from the start", 0, true, messages.PageSize},
		{"the last one", total - 1, false, 1},
		{"nothing", total, false, 0},
		{"from beyond the end", total + 7, false, 0},
		{"from far beyond the end", 1<<32 - 1, false, 0},
	}
	for _, tt := range tests {
		d, err := w.Since(t.Context(), channel, tt.r)
		if err != nil || d.Reset != tt.reset || len(d.Entries) != tt.n || d.Head != total {
			t.Errorf("%s: reset %v, head %d, %d entries, %v; want %v, %d, %d", tt.name, d.Reset, d.Head, len(d.Entries), err, tt.reset, total, tt.n)
			continue
		}
		for i, e := range d.Entries {
			if !tt.reset && e != list[int(tt.r)+i] {
				t.Errorf("%s: entry %d is %+v, want %+v", tt.name, i, e, list[int(tt.r)+i])
			}
		}
		if tt.reset && (d.Entries[0].State.Content != "edited" || !d.Entries[1].State.Deleted || d.Entries[0].Kind != messages.Create) {
			t.Errorf("%s: the page begins with %+v", tt.name, d.Entries[:2])
		}
	}
	_, err = w.Since(t.Context(), 0, 0)
	refused(t, "Since of no channel", err, beep.KindInvalid, beep.CodeInvalidID)
}

// TestSince_InParts: what would be too large for one answer comes in several, each of which goes on where the last ended.
func TestSince_InParts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const total = 90
	long := strings.Repeat("🌊", 4000)
	for i := range total {
		w.send(t, ann, fmt.Sprintf("n-%d", i), long)
	}
	list := w.log(t)
	parts, r := 0, uint32(0)
	for ; r < total; parts++ {
		d, err := w.Since(t.Context(), channel, r)
		if err != nil || d.Reset || len(d.Entries) == 0 || d.Head != r+uint32(len(d.Entries)) || len(d.Entries)*len(long) > messages.MaxSinceBytes {
			t.Fatalf("Since %d: reset %t, head %d, %d entries, %v", r, d.Reset, d.Head, len(d.Entries), err)
		}
		for i, e := range d.Entries {
			if e != list[int(r)+i] {
				t.Fatalf("Since %d: entry %d is %d", r, i, e.R)
			}
		}
		r = d.Head
	}
	if parts != 3 {
		t.Errorf("it came in %d parts, want 3", parts)
	}
}

func TestHeads(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sendMany(t, ann, "many", 5)
	got, err := w.Heads(t.Context(), []beep.ChannelID{channel + 1, channel, channel})
	if err != nil || fmt.Sprint(got) != "[0 5 5]" {
		t.Errorf("Heads = %v, %v; want [0 5 5]", got, err)
	}
	_, err = w.Heads(t.Context(), nil)
	refused(t, "Heads of nothing", err, beep.KindInvalid, beep.CodeInvalidField)
	_, err = w.Heads(t.Context(), make([]beep.ChannelID, messages.MaxHeads+1))
	refused(t, "Heads of too many", err, beep.KindInvalid, beep.CodeInvalidField)
	_, err = w.Heads(t.Context(), []beep.ChannelID{1, 0})
	refused(t, "Heads of no channel", err, beep.KindInvalid, beep.CodeInvalidID)
}

// TestHeads_SharesAQuery: what many nodes ask while a query runs is one query more.
func TestHeads_SharesAQuery(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &countingHeads{release: make(chan struct{})}
		w := newWorldOn(t, store)
		var wg sync.WaitGroup
		for node := range 10 {
			wg.Go(func() {
				ask := []beep.ChannelID{channel + beep.ChannelID(node), channel}
				got, err := w.Heads(t.Context(), ask)
				if err != nil || got[0] != uint32(ask[0]%1000) || got[1] != uint32(channel%1000) {
					t.Errorf("Heads of %v = %v, %v", ask, got, err)
				}
			})
			synctest.Wait()
		}
		close(store.release)
		wg.Wait()
		if len(store.asked) != 2 || len(store.asked[1]) != 10 {
			t.Errorf("the store was asked %v, want the first and the other nine together", store.asked)
		}
	})
}

// countingHeads has a head in every channel, and holds them back.
type countingHeads struct {
	messages.Store

	asked   [][]beep.ChannelID
	release chan struct{}
}

func (c *countingHeads) Heads(_ context.Context, channels []beep.ChannelID) ([]uint32, error) {
	c.asked = append(c.asked, channels)
	<-c.release
	heads := make([]uint32, len(channels))
	for i, ch := range channels {
		heads[i] = uint32(ch % 1000)
	}
	return heads, nil
}

// TestSend_Deadline: an insert that hangs is answered in time, and the retry settles it.
func TestSend_Deadline(t *testing.T) {
	t.Parallel()
	for name, stored := range map[string]bool{"and is lost": false, "and is stored": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := &hooked{Store: openStore(t)}
			w := newWorldOn(t, store)
			entered, release := make(chan struct{}), make(chan struct{})
			store.set(func(h *hooked) {
				h.insert = func(ctx context.Context, batch []messages.Entry) (int, error) {
					defer func() { <-release }()
					close(entered)
					if stored {
						if _, err := store.Store.Insert(ctx, batch); err != nil {
							t.Errorf("Insert: %v", err)
						}
					}
					return 0, errPlanted
				}
			})
			ctx, cancel := context.WithCancel(as(t.Context(), ann))
			go func() {
				<-entered
				cancel() // as a deadline does, but at a known moment
			}()
			_, err := w.Send(ctx, target(0, "n-1"), "hello")
			refused(t, "Send", err, beep.KindUnavailable, beep.CodeUnavailable)
			store.set(func(h *hooked) { h.insert = nil })
			close(release)
			if e := w.send(t, ann, "n-1", "hello"); e.R != 1 || len(w.log(t)) != 1 {
				t.Errorf("the retry is entry %d of %d, want 1 of 1", e.R, len(w.log(t)))
			}
		})
	}
}

// TestSend_UnknownOutcomes: an error says nothing about what was stored.
func TestSend_UnknownOutcomes(t *testing.T) {
	t.Parallel()
	store := &hooked{Store: openStore(t)}
	w := newWorldOn(t, store)
	var calls atomic.Int64
	store.set(func(h *hooked) {
		h.insert = func(ctx context.Context, batch []messages.Entry) (int, error) {
			switch calls.Add(1) {
			case 1: // lost
				return 0, errPlanted
			case 2: // stored, the answer lost
				_, _ = store.Store.Insert(ctx, batch)
				return 0, errPlanted
			}
			return store.Store.Insert(ctx, batch)
		}
	})
	if e := w.send(t, ann, "n-1", "hello"); e.R != 1 || len(w.log(t)) != 1 || calls.Load() != 2 {
		t.Errorf("entry %d of %d after %d inserts, want 1 of 1 after 2", e.R, len(w.log(t)), calls.Load())
	}

	// A store that only fails is not tried for ever.
	store.set(func(h *hooked) {
		h.insert = func(context.Context, []messages.Entry) (int, error) { return 0, errPlanted }
	})
	_, err := w.Send(as(t.Context(), ann), target(0, "n-2"), "hello")
	refused(t, "Send", err, beep.KindUnavailable, beep.CodeUnavailable)
	store.set(func(h *hooked) { h.insert = nil })
	if e := w.send(t, ann, "n-2", "hello"); e.R != 2 {
		t.Errorf("the retry is entry %d, want 2", e.R)
	}
}

// TestAppend_Batches: what waits while an insert runs goes in together, in order, and a batch is never too large.
func TestAppend_Batches(t *testing.T) {
	t.Parallel()
	store := &hooked{Store: openStore(t)}
	w := newWorldOn(t, store)
	first := w.send(t, ann, "n-0", "hello")
	entered, release := make(chan struct{}), make(chan struct{})
	var mu sync.Mutex // guards sizes
	var sizes []int
	store.set(func(h *hooked) {
		h.insert = func(ctx context.Context, batch []messages.Entry) (int, error) {
			mu.Lock()
			sizes = append(sizes, len(batch))
			once := len(sizes) == 1
			mu.Unlock()
			if once {
				close(entered)
				<-release
			}
			return store.Store.Insert(ctx, batch)
		}
	})
	const waiting = 2*messages.MaxBatch + 10
	var asked atomic.Int64
	w.authz.check = func(req *authzv1.CheckRequest) (*authzv1.CheckResponse, error) {
		asked.Add(1)
		return w.authz.decide(req), nil
	}
	var wg sync.WaitGroup
	wg.Go(func() { w.send(t, ann, "n-1", "in the way") })
	<-entered
	for i := range waiting {
		wg.Go(func() {
			e, err := w.Edit(as(t.Context(), ann), target(first.Mid, fmt.Sprintf("edit-%d", i)), fmt.Sprintf("edit %d", i))
			if err != nil || e.State.Content != fmt.Sprintf("edit %d", i) {
				t.Errorf("Edit = %+v, %v", e, err)
			}
		})
	}
	eventually(t, func() bool { return asked.Load() == waiting+1 })
	close(release)
	wg.Wait()
	mu.Lock()
	defer mu.Unlock()
	if len(sizes) >= waiting/2 {
		t.Errorf("%d inserts for %d edits", len(sizes), waiting)
	}
	for _, n := range sizes {
		if n > messages.MaxBatch {
			t.Errorf("a batch of %d", n)
		}
	}
	list := w.log(t)
	if row := list[0]; len(list) != waiting+2 || row.V != waiting+2 || row.State != list[len(list)-1].State {
		t.Errorf("%d entries, the row at %d", len(list), row.V)
	}
}

// TestAppend_DeletedInTheBatch: a change behind a deletion in the same batch waits for the deletion to be in the log.
func TestAppend_DeletedInTheBatch(t *testing.T) {
	t.Parallel()
	store := &hooked{Store: openStore(t)}
	w := newWorldOn(t, store)
	first := w.send(t, ann, "n-0", "hello")
	entered, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	store.set(func(h *hooked) {
		h.insert = func(ctx context.Context, batch []messages.Entry) (int, error) {
			once.Do(func() {
				close(entered)
				<-release
			})
			return store.Store.Insert(ctx, batch)
		}
	})
	var wg sync.WaitGroup
	wg.Go(func() { w.send(t, ann, "n-1", "in the way") })
	<-entered
	var deleted, refusals atomic.Int64
	var begun sync.WaitGroup
	for i := range 8 {
		begun.Add(1)
		wg.Go(func() {
			begun.Done()
			switch err := w.Delete(as(t.Context(), ann), target(first.Mid, fmt.Sprintf("delete-%d", i))); {
			case err == nil:
				deleted.Add(1)
			case errors.Is(err, beep.ErrNotFound):
				refusals.Add(1)
			default:
				t.Errorf("Delete: %v", err)
			}
		})
	}
	begun.Wait()
	close(release)
	wg.Wait()
	if deleted.Load() != 1 || refusals.Load() != 7 || len(w.log(t)) != 3 {
		t.Errorf("%d deleted, %d refused, %d entries; want 1, 7, 3", deleted.Load(), refusals.Load(), len(w.log(t)))
	}
}

// eventually waits for what other goroutines do.
func eventually(t testing.TB, ok func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("waited too long")
		}
	}
}
