package logmodel

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/messages"
	"github.com/beep-chat/beep/messages/storetest"
	"github.com/beep-chat/beep/servers"
)

// Plants are the mistakes that the judge must find, one for each promise of the protocol: each is what a careless
// implementation would do.
func Plants() []Plant {
	fault := func(name string) func(messages.Store) messages.Store { return storetest.FaultNamed(name).Wrap }
	return []Plant{
		{Name: "acknowledges before it stored", store: fault(storetest.FaultNotStored), Found: []string{ruleAck, ruleRead}},
		{Name: "forgets nonces", store: fault(storetest.FaultLostNonces), Found: []string{ruleNonce, ruleLog}},
		{Name: "applies only its own", own: storetest.ApplyOnlyOwn, late: 3, Found: []string{ruleRow, ruleRead, ruleWindow, ruleLog}},
		{Name: "keeps deleted content", store: fault(storetest.FaultNoScrub), Found: []string{ruleRow}},
		{Name: "does not apply", store: fault(storetest.FaultNoPatch), Found: []string{ruleRow, ruleRead, ruleLog}},
		{Name: "forgets what a change needs", store: fault(storetest.FaultNoRevision), Found: []string{ruleRow, ruleLeak}},
		{Name: "no wake-up and no sweep", deaf: true, sweep: time.Hour, Found: []string{ruleArrival}},
		{Name: "skips the view", since: true, sweep: time.Second, Found: []string{ruleLeak}},
		{Name: "answers stale revisions", scopes: stale, Found: []string{ruleLeak, ruleRefusal}},
	}
}

// staleFor is how old a revision may be that a stale scope log answers.
const staleFor = 150 * time.Millisecond

// stale is a scope log that answers revisions from a cache, however well meant.
func stale(s servers.Store) servers.Store {
	return &staleStore{Store: s, cached: map[beep.Scope]cachedRev{}}
}

type staleStore struct {
	servers.Store

	mu     sync.Mutex // guards cached
	cached map[beep.Scope]cachedRev
}

type cachedRev struct {
	rev uint64
	at  time.Time
}

// Revs answers what was true a moment ago.
func (s *staleStore) Revs(ctx context.Context, scopes []beep.Scope) ([]uint64, error) {
	revs, err := s.Store.Revs(ctx, scopes)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	revs = slices.Clone(revs)
	for i, scope := range scopes {
		old, known := s.cached[scope]
		if known && time.Since(old.at) < staleFor {
			revs[i] = old.rev
			continue
		}
		s.cached[scope] = cachedRev{revs[i], time.Now()}
	}
	return revs, nil
}
