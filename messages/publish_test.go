package messages_test

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/beep-chat/beep"
	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	realtimev1 "github.com/beep-chat/beep/api/beep/realtime/v1"
	"github.com/beep-chat/beep/messages"
)

// frameOf decodes a frame as a client does.
func frameOf(t *testing.T, frame []byte) *realtimev1.Entries {
	t.Helper()
	var f struct {
		Op string
		D  json.RawMessage
	}
	d := &realtimev1.Entries{}
	if err := json.Unmarshal(frame, &f); err != nil || f.Op != "entries" {
		t.Fatalf("the frame %.80s is of op %q, %v", frame, f.Op, err)
	}
	if err := protojson.Unmarshal(f.D, d); err != nil {
		t.Fatalf("the frame %.80s: %v", frame, err)
	}
	return d
}

func TestWakes_TellEveryEntryInOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const total = 300
	w.sendMany(t, ann, "many", total-2)
	first := w.log(t)[0]
	if _, err := w.Edit(as(t.Context(), ann), target(first.Mid, "edit"), "edited \"🎉\""); err != nil {
		t.Fatalf("Edit: %v", err)
	}
	w.authz.rev = 11
	if err := w.Delete(as(t.Context(), mod), target(first.Mid, "delete")); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	next := uint32(1)
	var last *messagesv1.Entry
	for i, wake := range w.bus.await(t, total) {
		d := frameOf(t, wake.GetFrame())
		if wake.GetFirst() != next || wake.GetChannelId() != uint64(channel) || d.GetChannelId() != uint64(channel) {
			t.Fatalf("wake %d begins at %d of %d, want %d of %d", i, wake.GetFirst(), wake.GetChannelId(), next, channel)
		}
		if wake.GetScope().GetKind() != "server" || wake.GetScope().GetId() != 9 || w.bus.topics[i] != fmt.Sprint("ch:", uint64(channel)) {
			t.Errorf("wake %d is of scope %v on %s", i, wake.GetScope(), w.bus.topics[i])
		}
		for _, e := range d.GetEntries() {
			if e.GetR() != next {
				t.Errorf("entry %d comes where %d was due", e.GetR(), next)
			}
			next, last = e.GetR()+1, e
		}
		if wake.GetLast() != next-1 {
			t.Errorf("wake %d ends at %d, its frame at %d", i, wake.GetLast(), next-1)
		}
		want := uint64(7)
		if wake.GetLast() == total {
			want = 11
		}
		if wake.GetE() != want {
			t.Errorf("wake %d needs revision %d, want %d", i, wake.GetE(), want)
		}
	}
	if next != total+1 || last.GetKind() != "delete" || last.GetActorId() != uint64(mod) || last.GetNonce() != "delete" ||
		!last.GetMessage().GetDeleted() || last.GetMessage().GetContent() != "" || last.GetMessage().GetAuthorId() != uint64(ann) {
		t.Errorf("%d entries, the last %v", next-1, last)
	}
}

// TestWakes_NeverHoldUpAnAnswer: a bus that hangs or refuses costs wake-ups, no acknowledgement.
func TestWakes_NeverHoldUpAnAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	release := make(chan struct{})
	w.bus.publish = func() error {
		<-release
		return nil
	}
	w.sendMany(t, ann, "many", 200)
	if n := len(w.log(t)); n != 200 {
		t.Errorf("%d entries, want 200", n)
	}
	close(release)
	w.bus.await(t, 200)

	w.bus.mu.Lock()
	failures := 0
	w.bus.publish = func() error {
		if failures++; failures < 3 {
			return errPlanted
		}
		return nil
	}
	w.bus.mu.Unlock()
	for i := range 3 {
		w.send(t, ann, fmt.Sprint("again-", i), "text")
	}
	w.bus.await(t, 203)
}

// TestWakes_OfManyChannels go to the topic of each.
func TestWakes_OfManyChannels(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const channels = 12
	var wg sync.WaitGroup
	for i := range channels {
		wg.Go(func() {
			to := messages.Target{Channel: channel + beep.ChannelID(i)<<12, Nonce: "n-1"}
			if _, err := w.Send(as(t.Context(), ann), to, "text"); err != nil {
				t.Errorf("Send: %v", err)
			}
		})
	}
	wg.Wait()
	seen := map[string]bool{}
	eventually(t, func() bool {
		w.bus.mu.Lock()
		defer w.bus.mu.Unlock()
		for i, topic := range w.bus.topics {
			if topic != messages.Topic(beep.ChannelID(w.bus.wakes[i].GetChannelId())) {
				t.Errorf("a wake of channel %d went to %s", w.bus.wakes[i].GetChannelId(), topic)
			}
			seen[topic] = true
		}
		return len(seen) == channels
	})
}
