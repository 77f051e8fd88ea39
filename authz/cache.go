package authz

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/perm"
)

// maxAnswers bounds the answers kept, about 100 bytes each. Beyond it all are let go: simple, and rare.
const maxAnswers = 1_000_000

// cache keeps answers of a graph by scope and user. It follows the View of each scope row by row: what a row can have
// changed is dropped before anybody sees the View with that row, and what it cannot have changed stays. So an answer that
// is found while the View is looked at is true at the View's revision.
type cache struct {
	ttl time.Duration

	mu     sync.Mutex // guards the rest
	scopes map[beep.Scope]*answers
	count  int
}

// answers are those of one scope, all true at rev.
type answers struct {
	rev   uint64
	users map[beep.UserID]map[object]timed
}

// object is what an answer is about.
type object struct {
	channel beep.ChannelID
	right   perm.Rights
}

type timed struct {
	answer Answer
	until  time.Time
}

func newCache(ttl time.Duration) *cache { return &cache{ttl: ttl, scopes: map[beep.Scope]*answers{}} }

// get is the answer to a question, if it is kept.
func (c *cache) get(q Query) (Answer, bool) {
	if c.ttl <= 0 {
		return Answer{}, false
	}
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.scopes[q.Scope]
	if s == nil {
		return Answer{}, false
	}
	k, ok := s.users[q.User][object{q.Channel, q.Right}]
	if !ok || now.After(k.until) {
		return Answer{}, false
	}
	return k.answer, true
}

// put keeps an answer that was given at a revision, unless the scope has moved on since.
func (c *cache) put(q Query, rev uint64, a Answer) {
	if c.ttl <= 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.scopes[q.Scope]
	if s == nil || s.rev != rev {
		return
	}
	if c.count >= maxAnswers {
		for _, s := range c.scopes {
			clear(s.users)
		}
		c.count = 0
	}
	mine := s.users[q.User]
	if mine == nil {
		mine = map[object]timed{}
		s.users[q.User] = mine
	}
	if _, had := mine[object{q.Channel, q.Right}]; !had {
		c.count++
	}
	mine[object{q.Channel, q.Right}] = timed{a, time.Now().Add(c.ttl)}
}

// note drops what a row can have changed. Rows that come again, of a View that was read again, change nothing.
func (c *cache) note(row perm.Change, a perm.Affects) {
	if c.ttl <= 0 || !kept(row.Scope) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.scopes[row.Scope]
	if s == nil {
		s = &answers{users: map[beep.UserID]map[object]timed{}}
		c.scopes[row.Scope] = s
	}
	if row.Rev <= s.rev {
		return
	}
	s.rev = row.Rev
	switch {
	case a.All:
		for user := range s.users {
			c.dropLocked(s, user, nil)
		}
	case a.User != 0:
		c.dropLocked(s, a.User, a.Channels)
	case len(a.Channels) > 0:
		for user := range s.users {
			c.dropLocked(s, user, a.Channels)
		}
	}
}

// dropLocked drops a user's answers about channels, or all of them.
func (c *cache) dropLocked(s *answers, user beep.UserID, channels []beep.ChannelID) {
	mine := s.users[user]
	before := len(mine)
	maps.DeleteFunc(mine, func(o object, _ timed) bool {
		return channels == nil || slices.Contains(channels, o.channel)
	})
	c.count -= before - len(mine)
	if len(mine) == 0 {
		delete(s.users, user)
	}
}
