package authztest

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/authz"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/perm/permref"
	"github.com/beep-chat/beep/perm/permtest"
)

// world is a random server as the independent reference has it, and the names that its things have in a log.
type world struct {
	ref   *permref.World
	src   *permref.Source
	rng   *rand.Rand
	scope beep.Scope
	lives map[beep.RoleID]beep.RoleID // how often a role's number was given before
	open  bool                        // without threads that are closed
}

// newWorld is the world of a seed, and the rows that make it.
func newWorld(seed uint64, scope beep.Scope, open bool) (*world, []perm.Row) {
	rng := rand.New(rand.NewPCG(seed, 7)) //nolint:gosec // repeatable on purpose
	data := make([]byte, 600)
	for i := range data {
		data[i] = byte(rng.UintN(256))
	}
	w := &world{src: permref.NewSource(data), rng: rng, scope: scope, lives: map[beep.RoleID]beep.RoleID{}, open: open}
	w.ref = w.src.World()
	w.unclose()
	var rows []perm.Row
	for _, row := range permtest.Rows(w.ref, rng) {
		rows = append(rows, w.named(row))
	}
	return w, rows
}

// step changes the world and answers the row that says so.
func (w *world) step() perm.Row {
	row := permtest.Change(w.ref, w.src, w.rng)
	w.unclose()
	return w.named(row)
}

func (w *world) unclose() {
	for id, c := range w.ref.Channels {
		if w.open {
			c.Archived, c.Locked = false, false
			w.ref.Channels[id] = c
		}
	}
}

// named gives a row the numbers of this world's scope: servers differ, and a role's number comes never again.
func (w *world) named(row perm.Row) perm.Row {
	switch r := row.(type) {
	case perm.Role:
		r.ID = w.role(r.ID)
		return r
	case perm.RoleRemoved:
		old := r.ID
		r.ID = w.role(old)
		w.lives[old]++
		return r
	case perm.Member:
		roles := make([]beep.RoleID, len(r.Roles))
		for i, id := range r.Roles {
			roles[i] = w.role(id)
		}
		r.Roles = roles
		return r
	case perm.Channel:
		if w.open {
			r.Archived, r.Locked = false, false
		}
		return r
	case perm.Overwrite:
		r.Role = w.role(r.Role)
		return r
	case perm.OverwriteRemoved:
		r.Role = w.role(r.Role)
		return r
	}
	return row
}

func (w *world) role(id beep.RoleID) beep.RoleID {
	switch {
	case id == 0:
		return 0
	case uint64(id) == permtest.Server().ID:
		return beep.RoleID(w.scope.ID)
	}
	return id + 100*w.lives[id]
}

// question is a random one, more often about who and what is there.
func (w *world) question() authz.Query {
	q := authz.Query{Scope: w.scope, User: beep.UserID(w.pick(permref.Users, permref.Sorted(w.ref.Members)))}
	if w.rng.IntN(4) > 0 {
		q.Channel = beep.ChannelID(max(1, w.pick(permref.Channels, permref.Sorted(w.ref.Channels))))
	}
	if w.rng.IntN(8) > 0 {
		q.Right = 1 << w.rng.IntN(len(perm.All.Names()))
	}
	return q
}

func (w *world) pick(most int, there []uint64) uint64 {
	if len(there) > 0 && w.rng.IntN(8) > 0 {
		return there[w.rng.IntN(len(there))]
	}
	return uint64(w.rng.IntN(most + 2))
}

// answer is what the reference says.
func (w *world) answer(q authz.Query) authz.Answer {
	held := permtest.Rights(w.ref.Rights(uint64(q.User)))
	_, visible := w.ref.Members[uint64(q.User)]
	if q.Channel != 0 {
		held = permtest.Rights(w.ref.Channel(uint64(q.User), uint64(q.Channel)))
		visible = held.Has(perm.ViewChannels)
	}
	return authz.Answer{Visible: visible, Allowed: visible && held.Has(q.Right)}
}

// ask asks some questions side by side and fails the test unless the answers are the reference's.
func (w *world) ask(t *testing.T, questions int, answer func(authz.Query) (authz.Answer, error)) {
	t.Helper()
	var asks []func() error
	for range questions {
		q := w.question()
		want := w.answer(q)
		asks = append(asks, func() error {
			got, err := answer(q)
			if err != nil || got != want {
				return fmt.Errorf("%+v (%s): got %+v, %w, want %+v", q, q.Right, got, err, want)
			}
			return nil
		})
	}
	errs := together(asks)
	for _, err := range errs {
		t.Error(err)
	}
	if len(errs) > 0 {
		t.Fatalf("the world: %+v", w.ref)
	}
}
