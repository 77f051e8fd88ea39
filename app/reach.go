package app

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
)

// reachWithin bounds how long a process that has started holds itself back for a peer. Without it two that wait for
// each other, behind a name that only the ready have, would wait for ever.
const reachWithin = 10 * time.Second

var errNotReached = errors.New("not connected yet")

// reached is a readiness check that holds until a peer was connected once: whoever sends requests earlier has them
// refused. A peer that goes away later is no reason to take all requests from this process: much works without it.
func reached(conn *grpc.ClientConn) func(context.Context) error {
	begun := time.Now()
	var done atomic.Bool
	return func(context.Context) error {
		if done.Load() || conn.GetState() == connectivity.Ready || time.Since(begun) > reachWithin {
			done.Store(true)
			return nil
		}
		return errNotReached
	}
}
