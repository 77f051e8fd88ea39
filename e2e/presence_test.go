package e2e_test

import (
	"testing"
	"time"
)

// TestPresence_OfWhoJoins: a member who joins while connected is seen as there by those who were in the server
// before, and not only after the next change.
func TestPresence_OfWhoJoins(t *testing.T) {
	t.Parallel()
	ada, bob := newcomer(t, "ada"), newcomer(t, "bob")
	server, _ := harbour(t, ada)
	adaHears, bobHears := listen(t, ada, 0), listen(t, bob, 1)
	mark := adaHears.mark()
	at(t, bob, 1).accept(at(t, ada, 0).invite(server, 1, time.Hour).GetCode())
	hears(t, adaHears, mark, "presence", isNow(bobHears, "online"))
}
