package realtime

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/beep-chat/beep"
	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	realtimev1 "github.com/beep-chat/beep/api/beep/realtime/v1"
	"github.com/beep-chat/beep/perm"
)

// sink is an Outbox that counts.
type sink struct{ frames atomic.Int64 }

// Push counts the frame.
func (k *sink) Push(Frame) { k.frames.Add(1) }

// Close does nothing.
func (k *sink) Close(uint16, string) {}

// BenchmarkFanout is a live message from the wake-up to the queue of every session in its channel. What it reports per
// event and session is the cost of one more listener.
func BenchmarkFanout(b *testing.B) {
	for _, sessions := range []int{200, 1000} {
		b.Run(fmt.Sprintf("%d sessions", sessions), func(b *testing.B) {
			w := newWorld(b)
			sc := w.node.scope(guild)
			if err := w.node.follow(b.Context(), sc, w.scopes.rev(guild)); err != nil {
				b.Fatal(err)
			}
			out := &sink{}
			sc.mu.Lock()
			ch := sc.channelLocked(general)
			for range sessions {
				ch.subs[&Session{out: out, user: bob}] = perm.ViewChannels
			}
			sc.mu.Unlock()
			ch.ensure(0, true)
			x := w.post(general)
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				x.First, x.Last = uint32(i)+1, uint32(i)+1
				if err := w.node.serve(b.Context(), ch, x, uint32(i)); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			if got, want := out.frames.Load(), int64(b.N*sessions); got != want {
				b.Fatalf("%d frames were delivered, want %d", got, want)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*sessions), "ns/delivery")
		})
	}
}

// BenchmarkEncode is the work done once for a frame, however many are sent it: with content as long as a person writes
// in a moment, and as long as is allowed.
func BenchmarkEncode(b *testing.B) {
	for _, length := range []int{60, beep.DefaultLimits().MessageLength} {
		b.Run(fmt.Sprintf("%d characters", length), func(b *testing.B) {
			p := &logPeer{entries: map[beep.ChannelID][]*messagesv1.LogEntry{}}
			p.add(general, 1, strings.Repeat("x", length))
			d := &realtimev1.Entries{ChannelId: uint64(general), Entries: []*messagesv1.Entry{p.entries[general][0].GetEntry()}}
			b.ReportAllocs()
			for b.Loop() {
				encode("entries", d)
			}
		})
	}
}
