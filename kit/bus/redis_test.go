package bus_test

import (
	"testing"
	"time"

	"github.com/beep-chat/beep/kit/bus"
	"github.com/beep-chat/beep/kit/redistest"
)

// slack is what a loaded machine may add to a time limit of 50 ms.
const slack = 150 * time.Millisecond

// throughProxy is a bus whose connection to Redis can be made to fail.
func throughProxy(t *testing.T) (*redistest.Proxy, ends) {
	t.Helper()
	p := redistest.NewProxy(t)
	b := bus.NewRedis(p.Client(t))
	run(t, b)
	return p, ends{b, b}
}

// timedPublish publishes and answers how long it took and whether it failed.
func timedPublish(t *testing.T, e ends) (time.Duration, error) {
	t.Helper()
	start := time.Now()
	err := e.here.Publish(t.Context(), "test:nobody", nil)
	return time.Since(start), err
}

func TestRedis_PublishIsBoundedWhenRedisIsFrozen(t *testing.T) {
	p, e := throughProxy(t)
	l := listen(t, e, redistest.Name(t))
	p.Freeze()
	d, err := timedPublish(t, e)
	if err == nil || d > 50*time.Millisecond+slack {
		t.Errorf("the first: %v after %s, want an error after 50 ms", err, d)
	}
	d, err = timedPublish(t, e)
	if err == nil || d > 50*time.Millisecond {
		t.Errorf("the next: %v after %s, want the error at once", err, d)
	}
	p.Thaw()
	await(t, "Redis to be used again", func() bool { return e.here.Publish(t.Context(), l.topic, nil) == nil })
	flush(t, e, l)
}

func TestRedis_SubscribesAgainAfterALostConnection(t *testing.T) {
	p, e := throughProxy(t)
	first := listen(t, e, redistest.Name(t))
	for range 3 {
		p.Down()
		if d, err := timedPublish(t, e); err == nil || d > 50*time.Millisecond+slack {
			t.Errorf("while it is down: %v after %s, want an error within 50 ms", err, d)
		}
		p.Up()
		await(t, "the old subscription to be heard", func() bool {
			if e.here.Publish(t.Context(), first.topic, nil) != nil {
				return false
			}
			select {
			case <-first.got:
				return true
			case <-time.After(20 * time.Millisecond):
				return false
			}
		})
	}
	listen(t, e, redistest.Name(t)) // a new one too
}

func TestRedis_NoticesAConnectionThatFellSilent(t *testing.T) {
	if testing.Short() {
		t.Skip("takes the six seconds after which a silent connection is dead")
	}
	p, e := throughProxy(t)
	l := listen(t, e, redistest.Name(t))
	p.Strand() // nothing is closed: only the missing answer to a ping tells
	await(t, "another connection to subscribe", func() bool {
		_ = e.here.Publish(t.Context(), l.topic, nil) // fails at first, its connection is stranded too
		select {
		case <-l.got:
			return true
		case <-time.After(20 * time.Millisecond):
			return false
		}
	})
}
