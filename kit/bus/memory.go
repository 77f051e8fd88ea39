package bus

import "context"

// Memory is the bus of one process. It works from the start and needs no Run.
type Memory struct{ hub *hub }

// NewMemory is a bus without subscribers.
func NewMemory() *Memory { return &Memory{hub: newHub(func(string) {})} }

// Publish queues payload for the topic's subscribers.
func (b *Memory) Publish(ctx context.Context, topic string, payload []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if b.hub.isClosed() {
		return ErrClosed
	}
	if !b.hub.deliver(message{topic: topic, payload: payload}) {
		return ErrFull
	}
	return nil
}

// Subscribe calls fn for what is published on topic.
func (b *Memory) Subscribe(topic string, fn func(payload []byte)) (cancel func()) {
	return b.hub.subscribe(topic, fn)
}

// Run closes the bus when ctx ends; it is there so that every Bus is run alike.
func (b *Memory) Run(ctx context.Context) error {
	<-ctx.Done()
	return b.Close()
}

// Dropped counts the payloads that outran the subscribers.
func (b *Memory) Dropped() uint64 { return b.hub.droppedSoFar() }

// Close ends delivery.
func (b *Memory) Close() error {
	b.hub.close()
	return nil
}
