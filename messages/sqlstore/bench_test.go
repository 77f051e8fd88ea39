package sqlstore_test

import (
	"sync"
	"testing"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/kit/sqldb/sqltest"
	"github.com/beep-chat/beep/messages"
)

// BenchmarkHeads asks for as many channels as there may be in one question, as a realtime node does every second.
func BenchmarkHeads(b *testing.B) {
	for engine, url := range sqltest.URLs(b) {
		b.Run(engine, func(b *testing.B) {
			s := open(b, url)
			var wg sync.WaitGroup
			const writers = 50
			ask := make([]beep.ChannelID, messages.MaxHeads)
			for i := range ask {
				ask[i] = beep.ChannelID(i)<<22 + 1
			}
			for w := range writers {
				wg.Go(func() {
					for i := w; i < len(ask); i += writers {
						e := messages.Entry{Channel: ask[i], R: 1, N: 1, LastID: 1, Mid: 1, Kind: messages.Create, Actor: 1, Nonce: "n", V: 1, At: beep.Now()}
						if _, err := s.Insert(b.Context(), []messages.Entry{e}); err != nil {
							b.Errorf("Insert: %v", err)
							return
						}
					}
				})
			}
			wg.Wait()
			for b.Loop() {
				if _, err := s.Heads(b.Context(), ask); err != nil {
					b.Fatalf("Heads: %v", err)
				}
			}
		})
	}
}
