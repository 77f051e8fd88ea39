package authz_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/authz"
)

func TestNew_WantsTheScopeLog(t *testing.T) {
	t.Parallel()
	if _, err := authz.New(authz.Deps{}); err == nil {
		t.Error("New without a scope log answers no error")
	}
}

func TestRun_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- (&authz.Service{}).Run(ctx) }()
		synctest.Wait()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestCheck(t *testing.T) {
	t.Parallel()
	scope := &serversv1.Scope{Kind: "server", Id: chess}
	text := func(allowed, visible bool) *authzv1.CheckResponse {
		c := &authzv1.CheckResponse{Allowed: allowed, Visible: visible, Scope: scope, Rev: head}
		if visible {
			c.ChannelKind = "text"
		}
		return c
	}
	plain := func(allowed, visible bool) *authzv1.CheckResponse {
		return &authzv1.CheckResponse{Allowed: allowed, Visible: visible, Scope: scope, Rev: head}
	}
	client := serve(t, club())
	for name, tt := range map[string]struct {
		q    *authzv1.CheckRequest
		want *authzv1.CheckResponse
	}{
		"the owner may":                  {onServer(ann, chess, "administrator"), plain(true, true)},
		"a role may":                     {onServer(mod, chess, "manage_members"), plain(true, true)},
		"who has no role may not":        {onServer(bob, chess, "manage_members"), plain(false, true)},
		"a member sees the server":       {onServer(bob, chess, ""), plain(true, true)},
		"a stranger does not":            {onServer(eve, chess, ""), plain(false, false)},
		"a guest does not":               {onServer(0, chess, ""), plain(false, false)},
		"a server that is not":           {onServer(ann, 99, ""), &authzv1.CheckResponse{Scope: &serversv1.Scope{Kind: "server", Id: 99}}},
		"a server that is no id":         {onServer(ann, 1<<63, ""), &authzv1.CheckResponse{}},
		"a server of no id":              {onServer(ann, 0, ""), &authzv1.CheckResponse{}},
		"send in a channel":              {inChannel(bob, lobby, "send_messages"), text(true, true)},
		"see a channel":                  {inChannel(bob, lobby, ""), text(true, true)},
		"a category":                     {inChannel(pam, games, "send_messages"), &authzv1.CheckResponse{Visible: true, Scope: scope, Rev: head, ChannelKind: "category"}},
		"what follows a category":        {inChannel(pam, table, "send_messages"), text(false, true)},
		"what follows it, for others":    {inChannel(bob, table, "send_messages"), text(true, true)},
		"a hidden channel":               {inChannel(bob, office, ""), text(false, false)},
		"a right in a hidden channel":    {inChannel(bob, office, "send_messages"), text(false, false)},
		"a hidden channel, for its role": {inChannel(mod, office, "manage_messages"), text(true, true)},
		"a stranger's view":              {inChannel(eve, lobby, ""), text(false, false)},
		"a removed channel":              {inChannel(ann, removed, ""), text(false, false)},
		"a channel that never was":       {inChannel(ann, never, "send_messages"), &authzv1.CheckResponse{}},
		"a channel of no id":             {inChannel(ann, 0, ""), &authzv1.CheckResponse{}},
		"a channel that is no id":        {inChannel(ann, 1<<64-1, ""), &authzv1.CheckResponse{}},
	} {
		got, err := client.Check(t.Context(), tt.q)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		equal(t, name, got, tt.want)
	}
	_, err := client.Check(t.Context(), inChannel(ann, lobby, "fly"))
	refused(t, "a word that is no right", err, beep.KindInvalid, beep.CodeInvalidField)
	_, err = client.Check(t.Context(), &authzv1.CheckRequest{UserId: ann})
	refused(t, "no object", err, beep.KindInvalid, beep.CodeInvalidField)
}

func TestListVisibleChannels(t *testing.T) {
	t.Parallel()
	client := serve(t, club())
	for name, tt := range map[string]struct {
		user, server uint64
		want         *authzv1.ListVisibleChannelsResponse
	}{
		"the owner":            {ann, chess, &authzv1.ListVisibleChannelsResponse{Member: true, ChannelIds: []uint64{lobby, games, table, office}, Rev: head}},
		"a member":             {bob, chess, &authzv1.ListVisibleChannelsResponse{Member: true, ChannelIds: []uint64{lobby, games, table}, Rev: head}},
		"a stranger":           {eve, chess, &authzv1.ListVisibleChannelsResponse{Rev: head}},
		"a server that is not": {ann, 99, &authzv1.ListVisibleChannelsResponse{}},
		"a server of no id":    {ann, 0, &authzv1.ListVisibleChannelsResponse{}},
	} {
		got, err := client.ListVisibleChannels(t.Context(), &authzv1.ListVisibleChannelsRequest{UserId: tt.user, ServerId: tt.server})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		equal(t, name, got, tt.want)
	}
}

// TestRevisions: without min_rev an answer is of now, with it of then or later, and one not reached yet is no answer.
func TestRevisions(t *testing.T) {
	t.Parallel()
	l := club()
	client := serve(t, l)
	check := func(minRev uint64) (*authzv1.CheckResponse, error) {
		q := inChannel(bob, lobby, "send_messages")
		q.MinRev = minRev
		return client.Check(t.Context(), q)
	}
	if got, err := check(0); err != nil || !got.GetAllowed() || got.GetRev() != head {
		t.Errorf("before: %v, %v", got, err)
	}
	l.add(left(bob))
	asked := l.asked
	if got, err := check(head); err != nil || !got.GetAllowed() || got.GetRev() != head {
		t.Errorf("at the revision before: %v, %v", got, err)
	}
	if l.asked != asked {
		t.Error("a question that names its revision asked for the newest one")
	}
	if got, err := check(head + 1); err != nil || got.GetAllowed() || got.GetVisible() || got.GetRev() != head+1 {
		t.Errorf("at the revision after: %v, %v", got, err)
	}
	if got, err := check(0); err != nil || got.GetVisible() {
		t.Errorf("now: %v, %v", got, err)
	}
	_, err := check(head + 2)
	refused(t, "a revision to come", err, beep.KindUnavailable, beep.CodeUnavailable)
	_, err = client.ListVisibleChannels(t.Context(), &authzv1.ListVisibleChannelsRequest{
		UserId: ann, ServerId: chess, MinRev: head + 2,
	})
	refused(t, "channels at a revision to come", err, beep.KindUnavailable, beep.CodeUnavailable)
}

// TestFailsClosed: without the log there is no decision, whether it answers an error, nonsense or nothing.
func TestFailsClosed(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(*scopeLog){
		"down":     func(l *scopeLog) { l.down = errors.New("no connection") },
		"hanging":  func(l *scopeLog) { l.hang = true },
		"nonsense": func(l *scopeLog) { l.rows = append(l.rows, &serversv1.Change{Rev: 18}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := club()
				client := serve(t, l)
				if _, err := client.Check(t.Context(), inChannel(bob, lobby, "")); err != nil {
					t.Fatal(err)
				}
				l.mu.Lock()
				fault(l)
				l.mu.Unlock()
				start := time.Now()
				for what, err := range map[string]error{
					"Check":                       second(client.Check(t.Context(), inChannel(bob, lobby, ""))),
					"Check in an unknown channel": second(client.Check(t.Context(), inChannel(bob, table, ""))),
					"Check on a server":           second(client.Check(t.Context(), onServer(ann, chess, ""))),
					"ListVisibleChannels": second(client.ListVisibleChannels(t.Context(), &authzv1.ListVisibleChannelsRequest{
						UserId: ann, ServerId: chess,
					})),
					"CheckActions in a channel": second(client.CheckActions(t.Context(), wants(ann, overwrite(lobby, players, 0, nil, nil)))),
					"CheckActions on a server":  second(client.CheckActions(t.Context(), wants(ann, onMember(bob)))),
				} {
					refused(t, what, err, beep.KindUnavailable, beep.CodeUnavailable)
				}
				if took := time.Since(start); took > 12*time.Second {
					t.Errorf("six answers took %s", took)
				}
			})
		})
	}
}

func second[V any](_ V, err error) error { return err }

// TestRevocation_HoldsForWhatComesAfter: from the moment a change is answered no question asked later is decided
// without it, however many ask at once.
func TestRevocation_HoldsForWhatComesAfter(t *testing.T) {
	t.Parallel()
	l := club()
	client := serve(t, l)
	var period atomic.Int64 // odd while bob is out and whoever removed him was told
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 400 {
				before := period.Load()
				got, err := client.Check(t.Context(), inChannel(bob, lobby, "send_messages"))
				if err != nil {
					t.Error(err)
					return
				}
				if before%2 == 1 && period.Load() == before && got.GetAllowed() {
					t.Errorf("allowed at revision %d after he had left", got.GetRev())
				}
			}
		})
	}
	for range 200 {
		l.add(left(bob))
		period.Add(1)
		if _, err := client.Check(t.Context(), onServer(ann, chess, "")); err != nil {
			t.Error(err)
		}
		period.Add(1)
		l.add(&serversv1.Member{UserId: bob})
	}
	wg.Wait()
}
