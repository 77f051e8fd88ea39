package messages

import (
	"container/list"
	"sync"

	"github.com/beep-chat/beep"
)

// keptHeads bounds the memory of a replica: about 10 MiB. A head that was dropped is read again from the store.
const keptHeads = 1 << 16

// head is the end of a channel's log, as an append needs it.
type head struct {
	r, n   uint32
	lastID beep.MessageID
}

func headOf(e Entry) head { return head{r: e.R, n: e.N, lastID: e.LastID} }

// headCache keeps heads of the channels last used. What must stay true: a head in it means that every entry up to
// it has been applied. It may forget, it may be behind the store, it never is ahead of what was applied.
type headCache struct {
	limit int

	mu    sync.Mutex // guards what follows
	byID  map[beep.ChannelID]*list.Element
	order *list.List // of *cachedHead, the last used first
}

type cachedHead struct {
	channel beep.ChannelID
	head    head
}

// newHeadCache keeps at most limit heads.
func newHeadCache(limit int) *headCache {
	return &headCache{limit: limit, byID: map[beep.ChannelID]*list.Element{}, order: list.New()}
}

// get is a head, and whether one is known; with none, an append or a read has to look in the store.
func (c *headCache) get(channel beep.ChannelID) (h head, warm bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	el, warm := c.byID[channel]
	if !warm {
		return head{}, false
	}
	c.order.MoveToFront(el)
	return el.Value.(*cachedHead).head, true
}

// remember moves a head forward, never back: two who apply the same entries end in either order.
func (c *headCache) remember(channel beep.ChannelID, h head) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if el, ok := c.byID[channel]; ok {
		c.order.MoveToFront(el)
		if cached := el.Value.(*cachedHead); h.r > cached.head.r {
			cached.head = h
		}
		return
	}
	c.byID[channel] = c.order.PushFront(&cachedHead{channel, h})
	if c.order.Len() > c.limit {
		oldest := c.order.Back()
		delete(c.byID, c.order.Remove(oldest).(*cachedHead).channel)
	}
}
