package authz_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
)

// BenchmarkCheck asks as a busy server does: 1,000 users, 200 channels chosen by Zipf, one change a second. A check
// crosses two in-process calls (to authz, and from there to the scope log for the newest revision).
func BenchmarkCheck(b *testing.B) {
	l := club()
	for i := range uint64(1000) {
		l.add(&serversv1.Member{UserId: 1000 + i, RoleIds: []uint64{players}})
	}
	for i := range uint64(200) {
		l.add(&serversv1.Channel{Id: 3000 + i, Kind: "text"})
		if i%4 == 0 {
			l.add(&serversv1.Overwrite{Id: 5000 + i, ChannelId: 3000 + i, RoleId: players, Deny: []string{"speak"}})
		}
	}
	client := serve(b, l)
	ctx, cancel := context.WithCancel(b.Context())
	changed := make(chan struct{})
	go func() {
		defer close(changed)
		second := time.NewTicker(time.Second)
		defer second.Stop()
		for n := uint64(0); ; n++ {
			select {
			case <-second.C:
				l.add(&serversv1.Member{UserId: 9000 + n})
			case <-ctx.Done():
				return
			}
		}
	}()
	random := rand.New(rand.NewPCG(1, 2))
	channels := rand.NewZipf(random, 1.1, 1, 199)
	took := make([]time.Duration, 0, b.N)
	for b.Loop() {
		q := inChannel(1000+random.Uint64N(1000), 3000+channels.Uint64(), "send_messages")
		start := time.Now()
		answer, err := client.Check(ctx, q)
		took = append(took, time.Since(start))
		if err != nil || !answer.GetAllowed() {
			b.Fatal(answer, err)
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds()), "p50-ns")
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds()), "p99-ns")
	cancel()
	<-changed
}
