package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/messages"
)

// insertKeepsEveryField: what comes back is what went in, of every kind of entry. Ids and revisions are large, so that a
// driver that passes them through floating point or 32 bits shows.
func insertKeepsEveryField(t testing.TB, s messages.Store) {
	b := newBuilder(channel)
	first := b.create(ann, "first")
	want := []messages.Entry{first, b.create(bob, "second"), b.edit(first.Mid, "first, better"), b.remove(first.Mid)}
	put(t, s, want...)
	same(t, "the log", log(t, s, channel), want)

	// A batch may have nothing left in it when its turn comes.
	if done, err := s.Insert(t.Context(), nil); done != 0 || err != nil {
		t.Errorf("Insert of nothing = %d, %v; want 0, nil", done, err)
	}
}

// insertKeepsText: text is bytes to a store. It is not trimmed, folded, normalised, cut or taken for a pattern.
func insertKeepsText(t testing.TB, s messages.Store) {
	b := newBuilder(channel)
	var want []messages.Entry
	for _, content := range []string{
		"plain", " \tspaces around\n\n ", "quotes ' \" ` \\ % _ ? $1 {{word}} :name @p", "é and e\u0301 are two", "\u202eright to left\u202c",
		"👩‍👩‍👧‍👦 family", "\u0001\u001f control \u007f", "\uffff\ufffd\U0010ffff edges", "İstanbul ß ﬁ", strings.Repeat("𝄞", 4000),
		"\r\n line ends \r", "null", "0",
	} {
		want = append(want, b.create(ann, content))
	}
	put(t, s, want...)
	same(t, "the log", log(t, s, channel), want)

	// Once more by way of an update, which is another statement with other ways to spoil text.
	edit := b.edit(want[0].Mid, "𝄞\x01'")
	put(t, s, edit)
	if err := s.Apply(t.Context(), []messages.Entry{edit}); err != nil {
		t.Fatalf("Apply: %v", err)
	}
	want[0] = current(want[0], edit)
	same(t, "the log after an edit", log(t, s, channel), append(want, edit))
}

// insertTakesFullBatches: statements have limits on parameters and size; the largest batch is under them.
func insertTakesFullBatches(t testing.TB, s messages.Store) {
	want := newBuilder(channel).creates(2*messages.MaxBatch + 1)
	put(t, s, want...)
	same(t, "the log", log(t, s, channel), want)
}

// insertRefusesATakenPlace: the one promise that puts racing replicas in an order. A driver that looks before it
// inserts, and has no unique key, lets two replicas acknowledge two messages at one place.
func insertRefusesATakenPlace(t testing.TB, s messages.Store) {
	b := newBuilder(channel)
	want := b.creates(2)
	put(t, s, want...)

	for _, rival := range want {
		// Another nonce, so that the place alone can be what refuses it.
		rival.Nonce = "rival-" + rival.Nonce
		refused(t, s, []messages.Entry{rival}, 0)
	}
	same(t, "the log", log(t, s, channel), want)

	next := b.create(ann, "goes on")
	put(t, s, next)
	same(t, "the log after", log(t, s, channel), append(want, next))
}

// insertRefusesATakenNonce: the promise that makes a retry safe. A driver whose key lacks the actor lets one user
// take another's nonces; one that folds case takes two requests for one.
func insertRefusesATakenNonce(t testing.TB, s messages.Store) {
	b := newBuilder(channel)
	first := b.create(ann, "first")
	put(t, s, first)

	head := b.head
	again := b.create(ann, "again")
	again.Nonce = first.Nonce
	refused(t, s, []messages.Entry{again}, 0)
	same(t, "the log", log(t, s, channel), []messages.Entry{first})

	// The same nonce of another actor, in another case, or in another channel is another nonce.
	b.head = head
	byBob := b.create(bob, "bob's")
	byBob.Nonce, byBob.State.Nonce = first.Nonce, first.Nonce
	upper := b.create(ann, "upper")
	upper.Nonce = strings.ToUpper(first.Nonce)
	upper.State.Nonce = upper.Nonce
	put(t, s, byBob, upper)
	elsewhere := newBuilder(other).create(ann, "elsewhere")
	elsewhere.Nonce, elsewhere.State.Nonce = first.Nonce, first.Nonce
	put(t, s, elsewhere)
	same(t, "the log", log(t, s, channel), []messages.Entry{first, byBob, upper})
	same(t, "the other log", log(t, s, other), []messages.Entry{elsewhere})
}

// insertStopsAtTheFirstDuplicate: what is before it stays, what is behind it is not there, not even under another place;
// else the log would have a hole.
func insertStopsAtTheFirstDuplicate(t testing.TB, s messages.Store) {
	b := newBuilder(channel)
	first := b.create(ann, "first")
	put(t, s, first)
	batch := b.creates(5)
	batch[2].Nonce = first.Nonce
	refused(t, s, batch, 2)
	want := append([]messages.Entry{first}, batch[:2]...)
	same(t, "the log", log(t, s, channel), want)
	if _, err := s.ByNonce(t.Context(), batch[3].Key()); !errors.Is(err, beep.ErrNotFound) {
		t.Errorf("ByNonce of an entry behind the duplicate: %v, want %v", err, beep.ErrNotFound)
	}

	// What is left goes on where the batch stopped.
	b.head = batch[1]
	rest := b.creates(3)
	put(t, s, rest...)
	same(t, "the log after", log(t, s, channel), append(want, rest...))
}

// insertRefusesADuplicateWithinTheBatch: a client that repeats quickly meets itself in one batch.
func insertRefusesADuplicateWithinTheBatch(t testing.TB, s messages.Store) {
	batch := newBuilder(channel).creates(4)
	batch[3].Nonce = batch[1].Nonce
	refused(t, s, batch, 3)
	same(t, "the log", log(t, s, channel), batch[:3])
}

// insertEndedContext: an outage must not look like an answer. Taken for a conflict it would make a retry loop, taken
// for an absence it would make a second message.
func insertEndedContext(t testing.TB, s messages.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Insert(ctx, newBuilder(channel).creates(1))
	if err == nil || errors.Is(err, beep.ErrConflict) || errors.Is(err, beep.ErrNotFound) {
		t.Errorf("Insert with an ended context: %v, want an error that says unknown", err)
	}
	if _, err := s.ByNonce(ctx, messages.Key{Channel: channel, Actor: ann, Nonce: "x"}); err == nil || errors.Is(err, beep.ErrNotFound) {
		t.Errorf("ByNonce with an ended context: %v, want an error that says unknown", err)
	}
	// For others the store goes on as before.
	put(t, s, newBuilder(other).creates(1)...)
}

// insertRacingReplicas appends from many sides at once, each going by what it reads, as replicas do. In the end the
// places have no hole and each request is in once. A driver that fills a batch behind a duplicate, or tries again by
// itself, fails one or the other.
func insertRacingReplicas(t testing.TB, s messages.Store) {
	const replicas, batches = 6, 12
	var wg sync.WaitGroup
	for replica := range replicas {
		wg.Go(func() {
			for i := range batches {
				if err := appendRacing(t, s, fmt.Sprintf("%d-%d", replica, i), 1+(replica+i)%4); err != nil {
					t.Errorf("replica %d: %v", replica, err)
					return
				}
			}
		})
	}
	wg.Wait()

	want := 0
	for replica := range replicas {
		for i := range batches {
			want += 1 + (replica+i)%4
		}
	}
	list := log(t, s, channel)
	nonces := map[string]bool{}
	for i, e := range list {
		nonces[e.Nonce] = true
		if e.R != uint32(i)+1 {
			t.Fatalf("entry %d is at %d", i, e.R)
		}
	}
	if len(list) != want || len(nonces) != want {
		t.Errorf("%d entries with %d nonces, want %d", len(list), len(nonces), want)
	}
}

// appendRacing inserts n entries behind whatever the newest is, as often as it takes.
func appendRacing(t testing.TB, s messages.Store, nonce string, n int) error {
	for done := 0; done < n; {
		b := newBuilder(channel)
		news, err := s.Newest(t.Context(), channel, 1)
		if err != nil {
			return err
		}
		if len(news) > 0 {
			b.head = news[0]
		}
		batch := b.creates(n - done)
		// By what is still to do, so that what went in is not sent again.
		for i := range batch {
			batch[i].Nonce = fmt.Sprintf("%s-%d", nonce, done+i)
		}
		k, err := s.Insert(t.Context(), batch)
		if err != nil && !errors.Is(err, beep.ErrConflict) {
			return err
		}
		done += k
	}
	return nil
}

// insertRacingNonce sends one request from many sides: it goes in once. It has one place and one nonce, as when two
// replicas try what a third has left unknown.
func insertRacingNonce(t testing.TB, s messages.Store) {
	const rivals = 8
	b := newBuilder(channel)
	put(t, s, b.creates(1)...)
	batch := []messages.Entry{b.create(ann, "once")}
	var mu sync.Mutex // guards won
	won := 0
	var wg sync.WaitGroup
	for range rivals {
		wg.Go(func() {
			done, err := s.Insert(t.Context(), batch)
			if err != nil && !errors.Is(err, beep.ErrConflict) {
				t.Errorf("Insert: %v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			won += done
		})
	}
	wg.Wait()
	if won != 1 || len(log(t, s, channel)) != 2 {
		t.Errorf("%d of %d inserts of one entry won, %d entries; want 1, 2", won, rivals, len(log(t, s, channel)))
	}
}
