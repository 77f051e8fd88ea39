package e2e_test

import (
	"testing"
	"time"
)

// TestPresence_OfWhoJoins: a member who joins while connected is seen as there by those who were in the server
// before, and not only after the next change.
func TestPresence_OfWhoJoins(t *testing.T) {
	t.Parallel()
	ada, bob, eve := newcomer(t, "ada"), newcomer(t, "bob"), newcomer(t, "eve")
	server, _ := harbour(t, ada)
	harbour(t, eve, bob)
	adaHears, eveHears := listen(t, ada, 0), listen(t, eve, 0)
	mark := eveHears.mark()
	bobHears := listen(t, bob, 1)
	hears(t, eveHears, mark, "presence", isNow(bobHears, "online")) // so his coming is old news
	mark = adaHears.mark()
	at(t, bob, 1).accept(at(t, ada, 0).invite(server, 1, time.Hour).GetCode())
	hears(t, adaHears, mark, "presence", isNow(bobHears, "online"))
}
