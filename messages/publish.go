package messages

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/beep-chat/beep"
	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	"github.com/beep-chat/beep/scopelog"
)

const (
	publishers     = 4 // a channel's wakes all go through one of them, in order
	publishQueue   = 1024
	publishTimeout = time.Second
)

// Bus is what wakes realtime. A wake-up may get lost: whoever follows a channel asks for its head every second.
type Bus interface {
	Publish(ctx context.Context, topic string, payload []byte) error
}

// Topic is where the wakes of a channel go.
func Topic(channel beep.ChannelID) string { return "ch:" + channel.String() }

// appended is what one insert added to a channel.
type appended struct {
	scope   beep.Scope
	entries []Entry
}

// publisher tells the bus what was appended, beside the path of the requests: encoding and a slow bus never hold up
// an acknowledgement. When it cannot follow, it drops.
type publisher struct {
	bus     Bus
	log     *slog.Logger
	queues  [publishers]chan appended // written by add, which drops when full; read by run; never closed
	failing atomic.Bool               // the bus refused the last one
	dropped atomic.Uint64
}

// newPublisher is idle until run; what is added before waits.
func newPublisher(bus Bus, log *slog.Logger) *publisher {
	p := &publisher{bus: bus, log: log}
	for i := range p.queues {
		p.queues[i] = make(chan appended, publishQueue)
	}
	return p
}

// add hands a batch over and does not wait. The batches of one channel come one at a time, in order.
func (p *publisher) add(scope beep.Scope, entries []Entry) {
	// The low bits of an id are a counter that most ids have at 0; those above are of a random node.
	shard := uint64(entries[0].Channel) >> 12 % publishers
	select {
	case p.queues[shard] <- appended{scope, entries}:
	default:
		p.dropped.Add(1)
	}
}

// run publishes until ctx ends, then what was handed over by then.
func (p *publisher) run(ctx context.Context) {
	var wg sync.WaitGroup
	for _, queue := range p.queues {
		wg.Go(func() {
			for {
				select {
				case b := <-queue:
					p.publish(ctx, b)
				case <-ctx.Done():
					p.drain(ctx, queue)
					return
				}
			}
		})
	}
	wg.Wait()
}

// drain publishes what is left; nobody adds any more.
func (p *publisher) drain(ctx context.Context, queue <-chan appended) {
	for {
		select {
		case b := <-queue:
			p.publish(ctx, b)
		default:
			return
		}
	}
}

// publish has a time of its own: at shutdown ctx has ended, and what was acknowledged is still told.
func (p *publisher) publish(ctx context.Context, b appended) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), publishTimeout)
	defer cancel()
	payload, err := proto.Marshal(wake(b))
	if err == nil {
		err = p.bus.Publish(ctx, Topic(b.entries[0].Channel), payload)
	}
	// Only a change is worth a line: there may be hundreds a second.
	if was := p.failing.Swap(err != nil); was == (err != nil) {
		return
	}
	if err != nil {
		p.log.WarnContext(ctx, "wakes are not published", slog.Any("error", err), slog.Uint64("dropped", p.dropped.Load()))
		return
	}
	p.log.InfoContext(ctx, "wakes are published again", slog.Uint64("dropped", p.dropped.Load()))
}

// wake is what the bus is told of a batch. Its frame is encoded here, once, for every session on every node.
func wake(b appended) *messagesv1.Wake {
	first, last := b.entries[0], b.entries[len(b.entries)-1]
	w := &messagesv1.Wake{ChannelId: uint64(first.Channel), Scope: scopelog.ToProto(b.scope), First: first.R, Last: last.R}
	for _, e := range b.entries {
		w.E = max(w.E, e.VE)
	}
	if frame := appendFrame(nil, b.entries); len(frame) <= maxFrame {
		w.Frame = frame
	}
	return w
}
