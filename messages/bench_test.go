package messages_test

import (
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/kit/sqldb/sqltest"
	"github.com/beep-chat/beep/messages"
)

// BenchmarkSend sends as fast as it is acknowledged, durably: k senders in one channel and in many.
func BenchmarkSend(b *testing.B) {
	for engine, url := range sqltest.URLs(b) {
		store := openStoreAt(b, url)
		for _, channels := range []int{1, 64} {
			for _, senders := range []int{1, 8, 64} {
				b.Run(fmt.Sprintf("%s/channels=%d/senders=%d", engine, channels, senders), func(b *testing.B) {
					benchmarkSend(b, store, channels, senders)
				})
			}
		}
	}
}

func benchmarkSend(b *testing.B, store messages.Store, channels, senders int) {
	b.Helper()
	w := newWorldOn(b, store)
	content := strings.Repeat("a hundred bytes of text ", 5)[:100]
	ctx, run := as(b.Context(), ann), rand.Text()
	b.ResetTimer()
	cpu := cpuTime(b)
	var sent atomic.Int64
	var wg sync.WaitGroup
	for sender := range senders {
		wg.Go(func() {
			for n := sent.Add(1); n <= int64(b.N); n = sent.Add(1) {
				ch := channel + beep.ChannelID(n)%beep.ChannelID(channels)
				t := messages.Target{Channel: ch, Nonce: fmt.Sprintf("%s-%d-%d", run, sender, n)}
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

// BenchmarkList reads a page of 50 from a channel of 100,000 messages: the depth must make no difference.
func BenchmarkList(b *testing.B) {
	const total = 100_000
	w := newWorld(b)
	fill(b, w.store, total)
	ctx := as(b.Context(), bob)
	for name, from := range map[string]func(i int) beep.MessageID{
		"newest": func(int) beep.MessageID { return 0 },
		"oldest": func(int) beep.MessageID { return 100 },
		"random": func(i int) beep.MessageID { return beep.MessageID(100 + i*7919%(total-100)) },
	} {
		b.Run(name, func(b *testing.B) {
			cpu, i := cpuTime(b), 0
			for b.Loop() {
				i++
				page, err := w.List(ctx, messages.Query{Channel: channel, Before: from(i)})
				if err != nil || len(page.Rows) != messages.PageSize {
					b.Fatalf("List = %d rows, %v", len(page.Rows), err)
				}
			}
			b.ReportMetric(float64((cpuTime(b)-cpu).Microseconds())/float64(b.N), "cpu-µs/op")
		})
	}
}

// fill puts n messages of 100 bytes, with the ids 1 to n, in a channel.
func fill(b *testing.B, store messages.Store, n int) {
	b.Helper()
	content, now := strings.Repeat("a hundred bytes of text ", 5)[:100], beep.Now()
	for i := 0; i < n; {
		var batch []messages.Entry
		for ; i < n && len(batch) < messages.MaxBatch; i++ {
			at, mid := uint32(i+1), beep.MessageID(i+1)
			e := messages.Entry{
				Channel: channel, R: at, N: at, LastID: mid, Mid: mid, Kind: messages.Create, Actor: ann, Nonce: fmt.Sprint(at),
				Hash: messages.Hash{1}, E: 1, VE: 1, V: at, At: now,
			}
			e.State = messages.State{Content: content, Origin: messages.Origin{Author: ann, Nonce: e.Nonce, N: at, CreatedAt: now}}
			batch = append(batch, e)
		}
		if done, err := store.Insert(b.Context(), batch); done != len(batch) || err != nil {
			b.Fatalf("Insert = %d, %v", done, err)
		}
	}
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
