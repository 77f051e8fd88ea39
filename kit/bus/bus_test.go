package bus_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/beep-chat/beep/kit/bus"
	"github.com/beep-chat/beep/kit/redistest"
)

// patience is how long a test waits for what must happen; it ends as soon as it has.
const patience = 30 * time.Second

// ends are two places that hear each other: two processes, or the same one twice.
type ends struct{ here, there bus.Bus }

// drivers are both, each with what makes it. The contract is the same, so are the tests.
func drivers() map[string]func(t *testing.T) ends {
	return map[string]func(t *testing.T) ends{
		"memory": func(t *testing.T) ends {
			t.Helper()
			b := bus.NewMemory()
			run(t, b)
			return ends{b, b}
		},
		"redis": func(t *testing.T) ends {
			t.Helper()
			here, there := bus.NewRedis(redistest.Client(t)), bus.NewRedis(redistest.Client(t))
			run(t, here)
			run(t, there)
			return ends{here, there}
		},
	}
}

// run runs a bus until the test ends.
func run(t *testing.T, b interface {
	Run(ctx context.Context) error
},
) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
}

// listener counts what a subscription gets.
type listener struct {
	topic  string
	got    chan []byte
	cancel func()
}

// listen subscribes and waits until messages from the other end come through.
func listen(t *testing.T, e ends, topic string) *listener {
	t.Helper()
	l := &listener{topic: topic, got: make(chan []byte, 1000)}
	l.cancel = e.there.Subscribe(topic, func(payload []byte) {
		select {
		case l.got <- bytes.Clone(payload):
		default:
		}
	})
	t.Cleanup(l.cancel)
	probe := []byte("probe " + redistest.Name(t))
	await(t, "the subscription to "+topic, func() bool {
		_ = e.here.Publish(t.Context(), topic, probe) // an error shows as silence
		select {
		case got := <-l.got:
			return bytes.Equal(got, probe)
		case <-time.After(20 * time.Millisecond):
			return false
		}
	})
	// More than one probe may be on its way.
	flush(t, e, l)
	return l
}

// flush reads until a mark of its own comes, and answers what came before it.
func flush(t *testing.T, e ends, l *listener) [][]byte {
	t.Helper()
	mark := []byte("mark " + redistest.Name(t))
	publish(t, e.here, l.topic, mark)
	var before [][]byte
	for {
		select {
		case got := <-l.got:
			if bytes.Equal(got, mark) {
				return before
			}
			before = append(before, got)
		case <-time.After(patience):
			t.Fatalf("nothing more on %s after %q", l.topic, before)
		}
	}
}

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s for %s", patience, what)
		}
	}
}

func publish(t *testing.T, b bus.Bus, topic string, payload []byte) {
	t.Helper()
	if err := b.Publish(t.Context(), topic, payload); err != nil {
		t.Fatalf("publish: %v", err)
	}
}

func TestBus_DeliversToTheTopicAlone(t *testing.T) {
	for name, open := range drivers() {
		t.Run(name, func(t *testing.T) {
			e := open(t)
			one, other := listen(t, e, redistest.Name(t)), listen(t, e, redistest.Name(t))
			payloads := [][]byte{{}, {0, 255, '\r', '\n'}, bytes.Repeat([]byte("x"), 1<<16)}
			for _, p := range payloads {
				publish(t, e.here, one.topic, p)
			}
			got := flush(t, e, one)
			if len(got) != len(payloads) {
				t.Fatalf("got %d payloads, want %d", len(got), len(payloads))
			}
			for i, p := range payloads {
				if !bytes.Equal(got[i], p) {
					t.Errorf("payload %d: got %d bytes, want %d", i, len(got[i]), len(p))
				}
			}
			if got := flush(t, e, other); len(got) != 0 {
				t.Errorf("the other topic got %q", got)
			}
		})
	}
}

func TestBus_DeliversToEverySubscriber(t *testing.T) {
	for name, open := range drivers() {
		t.Run(name, func(t *testing.T) {
			e := open(t)
			topic := redistest.Name(t)
			first, second := listen(t, e, topic), listen(t, e, topic)
			flush(t, e, first) // the second's probes
			publish(t, e.here, topic, []byte("both"))
			for i, l := range []*listener{first, second} {
				if got := flush(t, e, l); !contains(got, "both") {
					t.Errorf("subscriber %d got %q", i, got)
				}
			}
			// The topic lives on while one of the two does.
			first.cancel()
			first.cancel()
			publish(t, e.here, topic, []byte("one left"))
			if got := flush(t, e, second); !contains(got, "one left") {
				t.Errorf("the one that is left got %q", got)
			}
			if len(first.got) > 1 { // at most the mark of the flush above
				t.Errorf("the cancelled one got %q", <-first.got)
			}
		})
	}
}

func contains(list [][]byte, s string) bool {
	for _, b := range list {
		if string(b) == s {
			return true
		}
	}
	return false
}

func TestBus_SubscribesAgainAfterTheLastLeft(t *testing.T) {
	for name, open := range drivers() {
		t.Run(name, func(t *testing.T) {
			e := open(t)
			topic := redistest.Name(t)
			for range 3 {
				l := listen(t, e, topic)
				publish(t, e.here, topic, []byte("hello"))
				if got := flush(t, e, l); !contains(got, "hello") {
					t.Errorf("got %q", got)
				}
				l.cancel()
			}
		})
	}
}

func TestBus_FollowsManyTopicsComingAndGoing(t *testing.T) {
	for name, open := range drivers() {
		t.Run(name, func(t *testing.T) {
			e := open(t)
			base := redistest.Name(t)
			var heard [40]atomic.Int64
			var wg sync.WaitGroup
			for w := range heard {
				wg.Go(func() {
					topic := fmt.Sprint(base, w)
					for range 50 {
						e.there.Subscribe(topic, func([]byte) { t.Error("a cancelled subscription was called") })()
					}
					e.there.Subscribe(topic, func([]byte) { heard[w].Add(1) })
				})
			}
			wg.Wait()
			for w := range heard {
				await(t, "the topic that stayed", func() bool {
					_ = e.here.Publish(t.Context(), fmt.Sprint(base, w), nil)
					return heard[w].Load() > 0
				})
			}
		})
	}
}

func TestBus_DropsTheNewestWhenSubscribersAreSlow(t *testing.T) {
	for name, open := range drivers() {
		t.Run(name, func(t *testing.T) {
			e := open(t)
			topic, blocked := redistest.Name(t), redistest.Name(t)
			l := listen(t, e, topic)
			inside, release := make(chan struct{}), make(chan struct{})
			var once sync.Once
			cancel := e.there.Subscribe(blocked, func([]byte) {
				once.Do(func() {
					close(inside)
					<-release
				})
			})
			defer cancel()
			await(t, "the slow subscriber", func() bool {
				_ = e.here.Publish(t.Context(), blocked, nil)
				select {
				case <-inside:
					return true
				case <-time.After(time.Millisecond):
					return false
				}
			})
			dropped, ok := e.there.(interface{ Dropped() uint64 })
			if !ok {
				t.Fatal("no count of the dropped")
			}
			sent := 0
			await(t, "a drop", func() bool {
				for range 500 {
					_ = e.here.Publish(t.Context(), topic, fmt.Append(nil, sent)) // ErrFull in the end
					sent++
				}
				return dropped.Dropped() > 0
			})
			close(release)
			select {
			case got := <-l.got:
				if string(got) != "0" {
					t.Errorf("the first that was kept is %q, want the oldest", got)
				}
			case <-time.After(patience):
				t.Error("nothing of what waited was delivered")
			}
		})
	}
}

func TestBus_RefusesAfterClose(t *testing.T) {
	for name, open := range drivers() {
		t.Run(name, func(t *testing.T) {
			e := open(t)
			closer, ok := e.here.(interface{ Close() error })
			if !ok {
				t.Fatal("no Close")
			}
			if err := errors.Join(closer.Close(), closer.Close()); err != nil {
				t.Errorf("close twice: %v", err)
			}
			if err := e.here.Publish(t.Context(), "x", nil); !errors.Is(err, bus.ErrClosed) {
				t.Errorf("got %v, want %v", err, bus.ErrClosed)
			}
		})
	}
}

func TestMemory_LeavesNoGoroutineBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.NewMemory()
		n := 0
		b.Subscribe("x", func([]byte) { n++ })
		for range 100 {
			publish(t, b, "x", nil)
		}
		synctest.Wait() // and the bubble ends only when every goroutine in it has
		if n != 100 {
			t.Errorf("%d delivered, want 100", n)
		}
	})
}

func BenchmarkPublish(b *testing.B) {
	b.Run("memory", func(b *testing.B) {
		m := bus.NewMemory()
		m.Subscribe("x", func([]byte) {})
		for b.Loop() {
			if err := m.Publish(b.Context(), "x", nil); err != nil && !errors.Is(err, bus.ErrFull) {
				b.Fatal(err)
			}
		}
	})
	b.Run("redis", func(b *testing.B) {
		r := bus.NewRedis(redistest.Client(b))
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := r.Publish(b.Context(), "test:bench", []byte("twenty bytes or so..")); err != nil {
					b.Error(err)
				}
			}
		})
	})
}
