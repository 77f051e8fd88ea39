package permify_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/authz"
	"github.com/beep-chat/beep/authz/authztest"
	"github.com/beep-chat/beep/perm"
)

const (
	callers = 4
	users   = 1000
	places  = 200
)

// BenchmarkChecks asks as a busy server does, 1,000 users in 200 channels, both by Zipf, four callers, one change a
// second: Permify itself, and then the service in front of it. Run it with -benchtime=1x.
func BenchmarkChecks(b *testing.B) {
	log, g := authztest.NewLog(), &counting{Graph: open(b, address(b))}
	s, err := authz.New(authz.Deps{Scopes: log, Graph: g, Options: authz.RemoteOptions{CacheTTL: 10 * time.Second}})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = s.Run(ctx) })
	defer running.Wait()
	defer cancel()
	rows := []perm.Row{perm.Role{ID: 70, Rights: perm.ViewChannels | perm.SendMessages}, perm.Server{Owner: 1}}
	for user := range beep.UserID(users) {
		rows = append(rows, perm.Member{User: user + 1})
	}
	for id := range beep.ChannelID(places) {
		rows = append(rows, perm.Channel{ID: id + 1, Kind: perm.Text})
	}
	log.Add(club, rows...)
	for asked := errors.New("not yet"); asked != nil; {
		_, asked = s.Check(ctx, authz.Question{User: 2, Channel: 5, Right: perm.SendMessages})
	}
	stamps, err := g.Stamps(ctx, []beep.Scope{club})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		raw := measure(b, 10*time.Second, func(user beep.UserID, channel beep.ChannelID) error {
			_, err := g.Graph.Check(ctx, stamps[0], authz.Query{Scope: club, User: user, Channel: channel, Right: perm.SendMessages})
			return err
		})
		running.Go(func() { changeEverySecond(ctx, log) })
		cold := g.checks.Load()
		through := measure(b, 30*time.Second, func(user beep.UserID, channel beep.ChannelID) error {
			_, err := s.Check(ctx, authz.Question{User: user, Channel: channel, Right: perm.SendMessages})
			return err
		})
		cold = g.checks.Load() - cold
		b.ReportMetric(float64(len(raw))/10, "raw/s")
		b.ReportMetric(float64(raw[len(raw)/2].Microseconds()), "raw-p50-µs")
		b.ReportMetric(float64(len(through))/30, "service/s")
		b.ReportMetric(float64(through[len(through)/2].Microseconds()), "service-p50-µs")
		b.ReportMetric(100*float64(cold)/float64(len(through)), "cold-%")
	}
}

// changeEverySecond makes one change a second.
func changeEverySecond(ctx context.Context, log *authztest.Log) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for user := beep.UserID(5000); ; user++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			log.Add(club, perm.Member{User: user})
		}
	}
}

// measure has callers ask for some time and answers what each question took, sorted.
func measure(b *testing.B, last time.Duration, ask func(beep.UserID, beep.ChannelID) error) []time.Duration {
	b.Helper()
	var mu sync.Mutex
	var all []time.Duration
	var running sync.WaitGroup
	end := time.Now().Add(last)
	for seed := range uint64(callers) {
		running.Go(func() {
			rng := rand.New(rand.NewPCG(seed, 5))
			who, where := rand.NewZipf(rng, 1.1, 1, users-1), rand.NewZipf(rng, 1.1, 1, places-1)
			var took []time.Duration
			for time.Now().Before(end) {
				start := time.Now()
				if err := ask(beep.UserID(who.Uint64()+1), beep.ChannelID(where.Uint64()+1)); err != nil && beep.CodeOf(err) != beep.CodeUnavailable {
					b.Error(err)
					return
				}
				took = append(took, time.Since(start))
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, took...)
		})
	}
	running.Wait()
	slices.Sort(all)
	return all
}
