package realtime

import (
	"context"

	"github.com/beep-chat/beep"
)

// turn lets one at a time do what takes calls to peers. A mutex held over them would hold everyone who waits for as long
// as the calls of all before take, though nobody may want the outcome any more: a turn is waited for only as long as ctx
// lasts.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

// take waits for the turn; who has it gives it back. Who has no time left does not get one that happens to be free.
func (t turn) take(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return beep.Unavailable(err)
	}
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return beep.Unavailable(ctx.Err())
	}
}

func (t turn) give() { <-t }
