// Package limit holds how often someone may do something: at most n times in any window of a length, not in windows
// of a calendar, so that nobody passes 2n around a boundary and nobody polite is ever refused. Refused attempts are
// not counted, and the retry of an admitted one passes again.
//
// Memory counts for one process, Redis for several.
package limit

import (
	"container/list"
	"context"
	"slices"
	"sync"
	"time"
)

// Limiter admits and refuses.
type Limiter interface {
	// Allow counts one use of key and answers ok, unless n uses are counted within window: then it answers after how
	// long one would be admitted. A nonce that was admitted for this key within the last 10 minutes is admitted again
	// and not counted; an empty nonce is never remembered. Allow always answers, within 50 ms, and concurrent uses of
	// a key are counted one after the other.
	Allow(ctx context.Context, key string, n int, window time.Duration, nonce string) (ok bool, retryAfter time.Duration)
}

var (
	_ Limiter = (*Memory)(nil)
	_ Limiter = (*Redis)(nil)
)

const (
	// keepNonces is how long the retry of an admitted use passes. It is longer than any client goes on retrying.
	keepNonces = 10 * time.Minute
	// maxKeys bounds the memory of a process: those not admitted for longest are forgotten first.
	maxKeys = 100_000
)

// Memory is the limiter of one process.
type Memory struct {
	mu    sync.Mutex // guards the rest
	keys  map[string]*list.Element
	order *list.List // of *history, last admitted first
}

// history is what was admitted for one key.
type history struct {
	key    string
	log    []admission // oldest first
	nonces map[string]struct{}
}

type admission struct {
	at    time.Time
	nonce string
	keep  time.Duration
}

// NewMemory is a limiter that has counted nothing.
func NewMemory() *Memory { return &Memory{keys: map[string]*list.Element{}, order: list.New()} }

// Allow admits or refuses one use.
func (m *Memory) Allow(_ context.Context, key string, n int, window time.Duration, nonce string) (ok bool, retryAfter time.Duration) {
	return m.allow(key, n, window, nonce)
}

func (m *Memory) allow(key string, n int, window time.Duration, nonce string) (ok bool, retryAfter time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	m.forgetLocked(now)
	e := m.keys[key]
	if e == nil {
		e = m.order.PushFront(&history{key: key, nonces: map[string]struct{}{}})
		m.keys[key] = e
	}
	h, _ := e.Value.(*history)
	h.prune(now)
	if _, admitted := h.nonces[nonce]; admitted && nonce != "" {
		return true, 0
	}
	if wait := h.wait(now, n, window); wait > 0 {
		return false, wait
	}
	h.admit(now, window, nonce)
	m.order.MoveToFront(e)
	return true, 0
}

// forgetLocked drops keys that nothing is kept of, a few at each call, and the oldest when there are too many.
func (m *Memory) forgetLocked(now time.Time) {
	for range 2 {
		e := m.order.Back()
		if e == nil {
			return
		}
		h, _ := e.Value.(*history)
		if h.prune(now); len(h.log) > 0 && m.order.Len() <= maxKeys {
			return
		}
		m.order.Remove(e)
		delete(m.keys, h.key)
	}
}

// prune drops what is neither in the window nor a nonce to remember.
func (h *history) prune(now time.Time) {
	i := 0
	for ; i < len(h.log) && now.Sub(h.log[i].at) >= h.log[i].keep; i++ {
		delete(h.nonces, h.log[i].nonce)
	}
	h.log = slices.Delete(h.log, 0, i)
}

// wait is how long until fewer than n are in the window, 0 if they are.
func (h *history) wait(now time.Time, n int, window time.Duration) time.Duration {
	if n <= 0 {
		return window
	}
	if len(h.log) < n {
		return 0
	}
	// The n-th newest must have left the window.
	return max(0, window-now.Sub(h.log[len(h.log)-n].at))
}

func (h *history) admit(now time.Time, window time.Duration, nonce string) {
	keep := window
	if nonce != "" {
		keep = max(window, keepNonces)
		h.nonces[nonce] = struct{}{}
	}
	h.log = append(h.log, admission{now, nonce, keep})
}
