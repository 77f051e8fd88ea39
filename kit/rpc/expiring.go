package rpc

import (
	"sync"
	"time"
)

// expiring is a bounded map whose entries end. It only saves work: an entry may go at any time.
type expiring[K comparable, V any] struct {
	limit int

	mu      sync.RWMutex // guards entries
	entries map[K]entry[V]
}

type entry[V any] struct {
	value V
	until time.Time
}

func newExpiring[K comparable, V any](limit int) *expiring[K, V] {
	return &expiring[K, V]{limit: limit, entries: map[K]entry[V]{}}
}

func (x *expiring[K, V]) get(key K, now time.Time) (V, bool) {
	x.mu.RLock()
	e, ok := x.entries[key]
	x.mu.RUnlock()
	if !ok || !now.Before(e.until) {
		var none V
		return none, false
	}
	return e.value, true
}

func (x *expiring[K, V]) put(key K, value V, until, now time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.entries) >= x.limit {
		x.makeRoomLocked(now)
	}
	x.entries[key] = entry[V]{value, until}
}

// makeRoomLocked drops what has ended and, if that is too little, whatever comes first, down to three
// quarters: the whole map is then walked once per many puts, not at each.
func (x *expiring[K, V]) makeRoomLocked(now time.Time) {
	for k, e := range x.entries {
		if !now.Before(e.until) {
			delete(x.entries, k)
		}
	}
	for k := range x.entries {
		if len(x.entries) <= x.limit*3/4 {
			return
		}
		delete(x.entries, k)
	}
}
