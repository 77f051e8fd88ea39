package messages_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/messages"
)

// BenchmarkSend sends as fast as it is acknowledged, durably, on SQLite: k senders in one channel and in many.
func BenchmarkSend(b *testing.B) {
	for _, channels := range []int{1, 64} {
		for _, senders := range []int{1, 8, 64} {
			b.Run(fmt.Sprintf("channels=%d/senders=%d", channels, senders), func(b *testing.B) {
				benchmarkSend(b, channels, senders)
			})
		}
	}
}

func benchmarkSend(b *testing.B, channels, senders int) {
	b.Helper()
	w := newWorld(b)
	content := strings.Repeat("a hundred bytes of text ", 5)[:100]
	ctx := as(b.Context(), ann)
	b.ResetTimer()
	cpu := cpuTime(b)
	var sent atomic.Int64
	var wg sync.WaitGroup
	for sender := range senders {
		wg.Go(func() {
			for n := sent.Add(1); n <= int64(b.N); n = sent.Add(1) {
				ch := channel + beep.ChannelID(n)%beep.ChannelID(channels)
				t := messages.Target{Channel: ch, Nonce: fmt.Sprintf("%d-%d", sender, n)}
				if _, err := w.Send(ctx, t, content); err != nil {
					b.Errorf("Send: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "acks/s")
	b.ReportMetric(float64((cpuTime(b)-cpu).Microseconds())/float64(b.N), "cpu-µs/op")
	b.ReportMetric(0, "ns/op")
}

// cpuTime is what this process has used.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
