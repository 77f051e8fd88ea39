package scopelog

import (
	"container/list"
	"sync"
)

// recent keeps the values used of late, up to a number.
type recent[K comparable, V comparable] struct {
	most int

	mu    sync.Mutex // guards the fields below
	items map[K]*list.Element
	order *list.List // of *item, last used first
}

type item[K comparable, V comparable] struct {
	key   K
	value V
}

func newRecent[K comparable, V comparable](most int) *recent[K, V] {
	return &recent[K, V]{most: most, items: map[K]*list.Element{}, order: list.New()}
}

// get is the value kept under a key.
func (r *recent[K, V]) get(key K) (value V, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.items[key]; e != nil {
		r.order.MoveToFront(e)
		return e.Value.(*item[K, V]).value, true //nolint:forcetypeassert // nothing else is in the list
	}
	return value, false
}

// getOr is the value kept under a key, made and kept if there is none. It lets go of what was not used for longest.
func (r *recent[K, V]) getOr(key K, fresh func() V) V {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.items[key]; e != nil {
		r.order.MoveToFront(e)
		return e.Value.(*item[K, V]).value //nolint:forcetypeassert // as above
	}
	value := fresh()
	r.items[key] = r.order.PushFront(&item[K, V]{key, value})
	if r.order.Len() > r.most {
		last := r.order.Back()
		r.order.Remove(last)
		delete(r.items, last.Value.(*item[K, V]).key) //nolint:forcetypeassert // as above
	}
	return value
}

// drop lets go of a value, unless another has taken its place.
func (r *recent[K, V]) drop(key K, value V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.items[key]; e != nil && e.Value.(*item[K, V]).value == value { //nolint:forcetypeassert // as above
		r.order.Remove(e)
		delete(r.items, key)
	}
}
