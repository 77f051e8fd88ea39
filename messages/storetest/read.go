package storetest

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/messages"
)

// byNonce: a nonce belongs to one actor in one channel. An append whose outcome is unknown is settled by it, so a
// driver that finds another's entry answers one person with what another said.
func byNonce(t testing.TB, s messages.Store) {
	b := newBuilder(channel)
	create := b.create(ann, "first")
	edit := b.edit(create.Mid, "second")
	put(t, s, create, edit)
	for _, want := range []messages.Entry{create, edit} {
		got, err := s.ByNonce(t.Context(), want.Key())
		if err != nil {
			t.Fatalf("ByNonce: %v", err)
		}
		same(t, "ByNonce", []messages.Entry{got}, []messages.Entry{want})
	}
	for name, key := range map[string]messages.Key{
		"another nonce":   {Channel: channel, Actor: ann, Nonce: "no"},
		"another actor":   {Channel: channel, Actor: bob, Nonce: create.Nonce},
		"another channel": {Channel: other, Actor: ann, Nonce: create.Nonce},
	} {
		if _, err := s.ByNonce(t.Context(), key); !errors.Is(err, beep.ErrNotFound) {
			t.Errorf("ByNonce of %s: %v, want %v", name, err, beep.ErrNotFound)
		}
	}
}

// rows: create entries only, of this channel only, and nothing for what is not there.
func rows(t testing.TB, s messages.Store) {
	b, elsewhere := newBuilder(channel), newBuilder(other)
	want := b.creates(3)
	put(t, s, want...)
	put(t, s, b.edit(want[1].Mid, "an edit is no row"))
	put(t, s, elsewhere.create(bob, "the same id in another channel"))

	got, err := s.Rows(t.Context(), channel, []beep.MessageID{want[2].Mid, want[0].Mid + 1, want[1].Mid, want[0].Mid})
	if err != nil {
		t.Fatalf("Rows: %v", err)
	}
	slices.SortFunc(got, func(x, y messages.Entry) int { return int(x.R) - int(y.R) })
	same(t, "Rows", got, want)
	got, err = s.Rows(t.Context(), channel, nil)
	if len(got) != 0 || err != nil {
		t.Errorf("Rows of nothing = %v, %v", got, err)
	}
}

// newestEntries: the end of the log in rising order, whatever is asked. A channel's head is taken from its end, so a
// driver that answers in falling order takes the channel back.
func newestEntries(t testing.TB, s messages.Store) {
	b := newBuilder(channel)
	all := b.creates(5)
	all = append(all, b.edit(all[0].Mid, "edits count"))
	put(t, s, all...)
	put(t, s, newBuilder(other).creates(2)...)
	for limit, want := range map[int][]messages.Entry{1: all[5:], 3: all[3:], 6: all, 100: all} {
		got, err := s.Newest(t.Context(), channel, limit)
		if err != nil {
			t.Fatalf("Newest: %v", err)
		}
		same(t, "Newest", got, want)
	}
	if got, err := s.Newest(t.Context(), other+1, 3); len(got) != 0 || err != nil {
		t.Errorf("Newest of an empty channel = %v, %v", got, err)
	}
}

// after: the log from a place on, which is not in the answer. Clients are sent what it answers: one that includes the
// place itself sends an entry again each time.
func after(t testing.TB, s messages.Store) {
	b := newBuilder(channel)
	all := b.creates(4)
	all = append(all, b.edit(all[0].Mid, "edits count"), b.create(bob, "last"))
	put(t, s, all...)
	put(t, s, newBuilder(other).creates(9)...)
	tests := []struct {
		name  string
		r     uint32
		limit int
		want  []messages.Entry
	}{
		{"everything", 0, 100, all},
		{"the first", 0, 2, all[:2]},
		{"from the middle", 3, 2, all[3:5]},
		{"the end", 4, 100, all[4:]},
		{"nothing", 6, 100, nil},
		{"beyond", 1 << 31, 100, nil},
	}
	for _, tt := range tests {
		got, err := s.After(t.Context(), channel, tt.r, tt.limit)
		if err != nil {
			t.Fatalf("After: %v", err)
		}
		same(t, "After: "+tt.name, got, tt.want)
	}
}

// page: history is messages as they stand, in the order of their ids, with the places of deleted ones. A driver that
// leaves tombstones out makes unread counts wrong, and one that goes by R has an edited message in another place.
func page(t testing.TB, s messages.Store) {
	b := newBuilder(channel)
	all := b.creates(6)
	edit, deletion := b.edit(all[1].Mid, "edited"), b.remove(all[4].Mid)
	put(t, s, append(slices.Clone(all), edit, deletion)...)
	put(t, s, newBuilder(other).creates(9)...)
	if err := s.Apply(t.Context(), []messages.Entry{edit, deletion}); err != nil {
		t.Fatalf("Apply: %v", err)
	}
	all[1], all[4] = current(all[1], edit), current(all[4], deletion)
	falling := slices.Clone(all)
	slices.Reverse(falling)

	tests := []struct {
		name string
		rng  messages.Range
		want []messages.Entry
	}{
		{"newest", messages.Range{From: beep.MaxID, Limit: 4}, falling[:4]},
		{"all", messages.Range{From: beep.MaxID, Limit: 100}, falling},
		{"before a message", messages.Range{From: all[3].Mid, Limit: 2}, []messages.Entry{all[2], all[1]}},
		{"before an id between", messages.Range{From: all[3].Mid + 1, Limit: 2}, []messages.Entry{all[3], all[2]}},
		{"before the first", messages.Range{From: all[0].Mid, Limit: 2}, nil},
		{"after a message", messages.Range{From: all[3].Mid, Newer: true, Limit: 1}, all[4:5]},
		{"after an id between", messages.Range{From: all[3].Mid - 1, Newer: true, Limit: 2}, all[3:5]},
		{"from the start", messages.Range{Newer: true, Limit: 3}, all[:3]},
		{"after the last", messages.Range{From: all[5].Mid, Newer: true, Limit: 3}, nil},
	}
	for _, tt := range tests {
		got, err := s.Page(t.Context(), channel, tt.rng)
		if err != nil {
			t.Fatalf("Page: %v", err)
		}
		same(t, "Page: "+tt.name, got, tt.want)
	}
}

// heads: more channels than a statement takes parameters, most of them empty, one of them twice, in no order.
func heads(t testing.TB, s messages.Store) {
	// From several goroutines only to be done sooner.
	const writers, each = 24, 50
	ask, want := []beep.ChannelID{other}, []uint32{0}
	var wg sync.WaitGroup
	for w := range writers {
		for i := range each {
			ask, want = append(ask, beep.ChannelID(w*each+i+1)), append(want, uint32(1+i%3))
		}
		wg.Go(func() {
			for i := range each {
				batch := newBuilder(beep.ChannelID(w*each + i + 1)).creates(1 + i%3)
				if done, err := s.Insert(t.Context(), batch); done != len(batch) || err != nil {
					t.Errorf("Insert = %d, %v; want %d", done, err, len(batch))
				}
			}
		})
	}
	wg.Wait()
	// As many as are ever asked for, filled up with channels that have no entry.
	for len(ask) < messages.MaxHeads {
		ask, want = append(ask, channel-beep.ChannelID(len(ask))), append(want, 0)
	}
	slices.Reverse(ask)
	slices.Reverse(want)
	ask[0], want[0] = 2, 2 // asked twice, answered twice
	got, err := s.Heads(t.Context(), ask)
	if err != nil {
		t.Fatalf("Heads: %v", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Heads differ (-want +got):\n%s", diff)
	}
	if got, err := s.Heads(t.Context(), nil); len(got) != 0 || err != nil {
		t.Errorf("Heads of nothing = %v, %v", got, err)
	}
}
