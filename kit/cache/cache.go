// Package cache keeps what was loaded for a while: a bounded number of values, each for a time, each loaded once
// however many ask for it at the same moment. It lives in one process; what has to be the same in several has no
// place here.
package cache

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// Cache keeps values of one kind. It is safe for concurrent use. Errors are not kept.
type Cache[K comparable, V any] struct {
	size int
	ttl  time.Duration

	mu      sync.Mutex // guards the rest
	entries map[K]*list.Element
	order   *list.List // of *entry[K, V], last used first
	flights map[K]*flight[V]
}

type entry[K comparable, V any] struct {
	key     K
	value   V
	expires time.Time
}

// flight is a load in progress.
type flight[V any] struct {
	done    chan struct{} // closed when value and err are final
	value   V
	err     error
	waiting int // guarded by the cache's mu
	cancel  context.CancelFunc
}

// New is an empty cache of at most size values, each for ttl; the least used of late makes room. With a ttl or size of
// 0 nothing is kept and every Get loads.
func New[K comparable, V any](size int, ttl time.Duration) *Cache[K, V] {
	return &Cache[K, V]{
		size: size, ttl: ttl,
		entries: map[K]*list.Element{}, order: list.New(), flights: map[K]*flight[V]{},
	}
}

// Get is the value that is kept for key, or what load answers. Those who ask while a load is in progress share it:
// load runs on a goroutine of its own with the values of the first one's ctx, so it must not depend on who asks, and
// ends with the last one's. A panic in load is an error.
func (c *Cache[K, V]) Get(ctx context.Context, key K, load func(ctx context.Context) (V, error)) (V, error) {
	if c.ttl <= 0 || c.size <= 0 {
		return load(ctx)
	}
	if err := ctx.Err(); err != nil {
		var none V
		return none, err
	}
	value, f := c.join(ctx, key, load)
	if f == nil {
		return value, nil
	}
	select {
	case <-f.done:
		return f.value, f.err
	case <-ctx.Done():
		c.leave(key, f)
		return value, ctx.Err()
	}
}

// join answers the value that is kept, or else the load to wait for.
func (c *Cache[K, V]) join(ctx context.Context, key K, load func(ctx context.Context) (V, error)) (V, *flight[V]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var none V
	if e, ok := c.entries[key]; ok {
		kept, _ := e.Value.(*entry[K, V])
		if time.Now().Before(kept.expires) {
			c.order.MoveToFront(e)
			return kept.value, nil
		}
		c.removeLocked(key)
	}
	f := c.flights[key]
	if f == nil {
		loading, cancel := context.WithCancel(context.WithoutCancel(ctx)) //nolint:gosec // land and leave call it
		f = &flight[V]{done: make(chan struct{}), cancel: cancel}
		c.flights[key] = f
		go c.fly(loading, key, f, load)
	}
	f.waiting++
	return none, f
}

// leave ends a load that nobody waits for any more.
func (c *Cache[K, V]) leave(key K, f *flight[V]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.waiting--; f.waiting > 0 {
		return
	}
	f.cancel()
	if c.flights[key] == f {
		delete(c.flights, key) // the next one starts anew instead of sharing the cancellation
	}
}

func (c *Cache[K, V]) fly(ctx context.Context, key K, f *flight[V], load func(ctx context.Context) (V, error)) {
	// What load leaves unsaid, by ending its goroutine, is an error too.
	f.err = errors.New("cache: load ended without an answer")
	defer func() {
		if p := recover(); p != nil {
			f.err = fmt.Errorf("cache: panic in load: %v\n%s", p, debug.Stack())
		}
		c.land(key, f)
	}()
	f.value, f.err = load(ctx)
}

// land keeps what was loaded, unless the key was deleted meanwhile: then the load may have seen what was before.
func (c *Cache[K, V]) land(key K, f *flight[V]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer close(f.done)
	f.cancel()
	if c.flights[key] != f {
		return
	}
	delete(c.flights, key)
	if f.err != nil {
		return
	}
	c.entries[key] = c.order.PushFront(&entry[K, V]{key: key, value: f.value, expires: time.Now().Add(c.ttl)})
	for c.order.Len() > c.size {
		if oldest, ok := c.order.Back().Value.(*entry[K, V]); ok {
			c.removeLocked(oldest.key)
		}
	}
}

func (c *Cache[K, V]) removeLocked(key K) {
	if e, ok := c.entries[key]; ok {
		c.order.Remove(e)
		delete(c.entries, key)
	}
}

// Delete forgets key. Who asks from now on gets what a load that begins from now on answers.
func (c *Cache[K, V]) Delete(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.removeLocked(key)
	delete(c.flights, key)
}

// DeleteFunc is Delete for every key that del is true for; it looks at all of them.
func (c *Cache[K, V]) DeleteFunc(del func(key K) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key := range c.entries {
		if del(key) {
			c.removeLocked(key)
		}
	}
	for key := range c.flights {
		if del(key) {
			delete(c.flights, key)
		}
	}
}

// Len is how many values are kept, those included whose time is over and that nobody asked for since.
func (c *Cache[K, V]) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.order.Len()
}
