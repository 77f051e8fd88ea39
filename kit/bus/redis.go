package bus

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// prefix keeps our topics apart from others' on a shared Redis, where channels belong to no database.
	prefix = "beep:"

	publishTimeout = 50 * time.Millisecond
	breakFor       = 500 * time.Millisecond // after a failure, answers at once instead of waiting again
	maxPipeline    = 256                    // messages published in one round trip
	maxTopics      = 1000                   // in one SUBSCRIBE

	pingAfter   = 3 * time.Second // of silence; after as long again the connection is taken for dead
	maxBackOff  = time.Second
	firstRetry  = 50 * time.Millisecond
	longSession = 10 * time.Second // after which the next failure is taken for a new one
)

// Redis is a bus over Redis' own publish and subscribe. Publishing works from the start, subscribers hear nothing
// until Run has connected; after a lost connection it subscribes again by itself, and what was published meanwhile
// is lost.
type Redis struct {
	hub       *hub
	client    redis.UniversalClient
	publisher redis.UniversalClient // the same server, with our time limits

	movedMu sync.Mutex          // guards moved; taken with the hub's lock held, so nothing is locked beneath it
	moved   map[string]struct{} // topics whose first or last subscriber came or went
	wake    chan struct{}       // of one place: moved is not empty

	mu       sync.Mutex // guards the rest
	waiting  []*publication
	flushing bool
	flushed  sync.WaitGroup // the goroutine of flush
	openTill time.Time      // until then Publish fails at once
	failure  error          // why
	closed   bool
}

// publication is one call of Publish.
type publication struct {
	message
	done chan error // of one place, so that the flush never waits for a caller who left
}

// NewRedis is a bus on the server that client is connected to: a *redis.Client or a *redis.ClusterClient, which stays
// the caller's. Each process needs one, whatever the number of topics.
func NewRedis(client redis.UniversalClient) *Redis {
	b := &Redis{
		client: client, publisher: bounded(client),
		moved: map[string]struct{}{}, wake: make(chan struct{}, 1),
	}
	b.hub = newHub(b.topicMoved)
	return b
}

// bounded is a client of its own for the same server that never retries and keeps to its context.
func bounded(client redis.UniversalClient) redis.UniversalClient {
	switch c := client.(type) {
	case *redis.Client:
		o := *c.Options()
		o.MaxRetries, o.ContextTimeoutEnabled = -1, true
		o.PushNotificationProcessor = nil // each client registers its own
		return redis.NewClient(&o)
	case *redis.ClusterClient:
		o := *c.Options()
		o.MaxRedirects, o.ContextTimeoutEnabled = 1, true
		o.PushNotificationProcessor = nil
		return redis.NewClusterClient(&o)
	}
	return client
}

// Publish sends payload with whatever else is being published, and waits for Redis to have it.
func (b *Redis) Publish(ctx context.Context, topic string, payload []byte) error {
	p := &publication{message{topic, payload}, make(chan error, 1)}
	if err := b.enqueue(ctx, p); err != nil {
		return err
	}
	timer := time.NewTimer(publishTimeout)
	defer timer.Stop()
	select {
	case err := <-p.done:
		return err
	case <-timer.C:
		return fmt.Errorf("bus: publish to %s: no answer from Redis within %s", topic, publishTimeout)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b *Redis) enqueue(ctx context.Context, p *publication) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.closed:
		return ErrClosed
	case time.Now().Before(b.openTill):
		return b.failure
	case len(b.waiting) >= maxQueue:
		return ErrFull
	}
	b.waiting = append(b.waiting, p)
	if !b.flushing {
		b.flushing = true
		// Its round trips belong to many callers, and end with none of them.
		flushCtx := context.WithoutCancel(ctx)
		b.flushed.Go(func() { b.flush(flushCtx) })
	}
	return nil
}

// flush sends what waits, one round trip after the other, until nothing does; Close waits for it.
func (b *Redis) flush(ctx context.Context) {
	for {
		b.mu.Lock()
		n := min(len(b.waiting), maxPipeline)
		batch := b.waiting[:n:n]
		b.waiting = b.waiting[n:]
		if n == 0 {
			b.waiting, b.flushing = nil, false
			b.mu.Unlock()
			return
		}
		open := time.Now().Before(b.openTill)
		err := b.failure
		b.mu.Unlock()
		if !open {
			err = b.send(ctx, batch)
		}
		for _, p := range batch {
			p.done <- err
		}
	}
}

func (b *Redis) send(ctx context.Context, batch []*publication) error {
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	_, err := b.publisher.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for _, p := range batch {
			pipe.Publish(ctx, prefix+p.topic, p.payload)
		}
		return nil
	})
	if err == nil {
		return nil
	}
	err = fmt.Errorf("bus: publish: %w", err)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.openTill, b.failure = time.Now().Add(breakFor), err
	return err
}

// Subscribe calls fn for what is published on topic in any process, once Redis knows that this one listens.
func (b *Redis) Subscribe(topic string, fn func(payload []byte)) (cancel func()) {
	return b.hub.subscribe(topic, fn)
}

// topicMoved tells the connection to look at the topic; it doesn't wait for it.
func (b *Redis) topicMoved(topic string) {
	b.movedMu.Lock()
	b.moved[topic] = struct{}{}
	b.movedMu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default: // it was told already
	}
}

// Run listens until ctx ends, over one connection at a time. It answers nil then.
func (b *Redis) Run(ctx context.Context) error {
	delay := firstRetry
	for {
		start := time.Now()
		b.listen(ctx)
		if ctx.Err() != nil {
			return b.Close()
		}
		if time.Since(start) > longSession {
			delay = firstRetry
		}
		timer := time.NewTimer(delay/2 + rand.N(delay/2)) //nolint:gosec // spreading, not a secret
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		delay = min(2*delay, maxBackOff)
	}
}

// listen serves one connection until it fails or ctx ends.
func (b *Redis) listen(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	conn := b.client.Subscribe(ctx)
	// A read does not notice that ctx ended; closing ends it.
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer func() {
		if stop() {
			_ = conn.Close()
		}
	}()
	b.moveAll()
	var following sync.WaitGroup
	following.Go(func() {
		defer cancel()
		b.follow(ctx, conn)
	})
	b.receive(ctx, conn)
	cancel()
	following.Wait()
}

// moveAll makes a new connection subscribe to everything.
func (b *Redis) moveAll() {
	b.hub.mu.Lock()
	defer b.hub.mu.Unlock()
	for topic := range b.hub.topics {
		b.topicMoved(topic)
	}
}

// follow keeps the connection's subscriptions equal to the hub's topics.
func (b *Redis) follow(ctx context.Context, conn *redis.PubSub) {
	has := map[string]bool{}
	for {
		subscribe, unsubscribe := b.changes(has)
		if len(subscribe) > 0 && conn.Subscribe(ctx, subscribe...) != nil {
			return
		}
		if len(unsubscribe) > 0 && conn.Unsubscribe(ctx, unsubscribe...) != nil {
			return
		}
		if len(subscribe)+len(unsubscribe) > 0 {
			continue // there may be more than one command holds
		}
		select {
		case <-b.wake:
		case <-ctx.Done():
			return
		}
	}
}

// changes takes up to maxTopics of what moved and answers what that means for a connection that has some.
func (b *Redis) changes(has map[string]bool) (subscribe, unsubscribe []string) {
	b.hub.mu.Lock()
	defer b.hub.mu.Unlock()
	b.movedMu.Lock()
	defer b.movedMu.Unlock()
	for topic := range b.moved {
		if len(subscribe)+len(unsubscribe) == maxTopics {
			break
		}
		delete(b.moved, topic)
		wanted := len(b.hub.topics[topic]) > 0
		switch {
		case wanted && !has[topic]:
			has[topic] = true
			subscribe = append(subscribe, prefix+topic)
		case !wanted && has[topic]:
			delete(has, topic)
			unsubscribe = append(unsubscribe, prefix+topic)
		}
	}
	return subscribe, unsubscribe
}

// receive reads until the connection fails, ctx ends, or a ping stays without an answer.
func (b *Redis) receive(ctx context.Context, conn *redis.PubSub) {
	pinged := false
	for {
		m, err := conn.ReceiveTimeout(ctx, pingAfter)
		switch {
		case err == nil:
			pinged = false
			if m, ok := m.(*redis.Message); ok {
				b.hub.deliver(message{topic: m.Channel[len(prefix):], payload: []byte(m.Payload)})
			}
		case isTimeout(err) && !pinged:
			pinged = true
			if conn.Ping(ctx) != nil {
				return
			}
		default:
			return
		}
	}
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

// Dropped counts the payloads that outran the subscribers in this process.
func (b *Redis) Dropped() uint64 { return b.hub.droppedSoFar() }

// Close ends delivery and publishing; the client stays open.
func (b *Redis) Close() error {
	b.mu.Lock()
	first := !b.closed
	b.closed = true
	b.mu.Unlock()
	b.flushed.Wait()
	b.hub.close()
	if first && b.publisher != b.client {
		return b.publisher.Close()
	}
	return nil
}
