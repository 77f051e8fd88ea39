package logmodel

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/beep-chat/beep"
	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
)

// members is how many people there are besides the owner.
const members = 3

// settle makes the server, its channels and its members, before anything goes wrong.
func (w *world) settle(ctx context.Context) error {
	w.calm.Store(true)
	defer w.calm.Store(false)
	admin := serversv1.NewServersClient(wire{w, edgeName, &w.servers, w.edge})
	made, err := admin.CreateServer(w.asIn(ctx, owner), &serversv1.CreateServerRequest{Name: "a schedule"})
	if err != nil {
		return fmt.Errorf("make a server: %w", err)
	}
	w.server = made.GetServer().GetId()
	if _, err := admin.CreateChannel(w.asIn(ctx, owner), &serversv1.CreateChannelRequest{ServerId: w.server, Name: "second"}); err != nil {
		return fmt.Errorf("make a channel: %w", err)
	}
	list, err := admin.ListChannels(w.asIn(ctx, owner), &serversv1.ListChannelsRequest{ServerId: w.server})
	if err != nil {
		return fmt.Errorf("list the channels: %w", err)
	}
	for _, ch := range list.GetChannels() {
		w.channels = append(w.channels, ch.GetId())
	}
	invited, err := admin.CreateInvitation(w.asIn(ctx, owner), &serversv1.CreateInvitationRequest{ServerId: w.server})
	if err != nil {
		return fmt.Errorf("invite: %w", err)
	}
	w.code = invited.GetInvitation().GetCode()
	for i := range members + 1 {
		user := owner + beep.UserID(i)
		if _, err := admin.AcceptInvitation(w.asIn(ctx, user), &serversv1.AcceptInvitationRequest{Code: w.code}); err != nil {
			return fmt.Errorf("join: %w", err)
		}
		w.ledger.moved(user, true, w.channels...)
		w.people = append(w.people, w.newMember(user))
	}
	return nil
}

// play is the schedule: things happen and go wrong at once; then nothing goes wrong any more but that the bus is dead,
// and a little more happens, which only the sweeps can bring to the clients.
func (w *world) play() {
	stay, leave := context.WithCancel(w.ctx)
	w.lives.Go(func() { <-w.ctx.Done(); leave() })
	for _, m := range w.people {
		w.lives.Go(func() { m.stay(stay) })
	}
	if w.floods && w.oneIn(10) {
		w.flood()
	}
	w.busy(6+w.upTo(14), 2+w.upTo(6), 3+w.upTo(5))
	w.calm.Store(true)
	w.bus.muted.Store(true)
	w.busy(1+w.upTo(3), w.upTo(3), 0)
}

// busy lets everyone do something, the owner change who may see what, and processes die.
func (w *world) busy(acts, changes, crashes int) {
	var all sync.WaitGroup
	for _, m := range w.people {
		all.Go(func() {
			for range acts {
				w.step(w.ctx)
				if w.oneIn(3) { // does not wait for the answer before the next
					all.Go(func() { m.act(w.ctx) })
					continue
				}
				m.act(w.ctx)
			}
		})
	}
	all.Go(func() { w.administer(changes) })
	all.Go(func() {
		for range crashes {
			wait(w.ctx, time.Duration(5+w.upTo(40))*time.Millisecond)
			w.crash()
		}
	})
	all.Wait()
}

// flood sends more than an answer of Since holds while a client is away, so that it comes back to a reset with a page.
func (w *world) flood() {
	const more = 520 // than the 500 entries that follow a client at most
	w.calm.Store(true)
	defer w.calm.Store(false)
	away := w.people[members]
	away.hangUp()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range more / 8 {
				w.people[0].say(w.ctx, w.channels[0])
			}
		})
	}
	all.Wait()
}

// administer takes rights and memberships away and gives them back.
func (w *world) administer(changes int) {
	for range changes {
		wait(w.ctx, time.Duration(w.upTo(12))*time.Millisecond)
		if w.ctx.Err() != nil {
			return
		}
		m, ch := w.people[1+w.upTo(members)], w.channels[w.upTo(len(w.channels))]
		switch {
		case m.out: // nothing else can be done to who is no member
			w.rejoin(m)
		case w.oneIn(3):
			w.kick(m)
		case m.denied[ch] != 0:
			w.allow(m, ch)
		default:
			w.deny(m, ch)
		}
	}
}

// administration is what the owner may do.
type administration struct {
	serversv1.ServersClient
	serversv1.ModerationClient
}

// change makes a change until it is answered, whatever gets lost: a second try of one that was made finds it done.
func (w *world) change(done beep.Code, try func(ctx context.Context, admin administration) error) {
	edge := wire{w, edgeName, &w.servers, w.edge}
	admin := administration{serversv1.NewServersClient(edge), serversv1.NewModerationClient(edge)}
	for w.ctx.Err() == nil {
		err := try(w.asIn(w.ctx, owner), admin)
		known, ok := errors.AsType[*beep.Error](err)
		if err == nil || (ok && known.Code == done) {
			return
		}
		if !ok || known.Kind != beep.KindUnavailable {
			w.ledger.fault("a change is answered %v", err)
			return
		}
	}
}

// behind is said at once when someone may not hear it any more: nothing is more likely to reach who should not.
func (w *world) behind(channels ...uint64) {
	for _, ch := range channels {
		w.people[0].say(w.ctx, ch)
		if w.oneIn(2) {
			w.people[0].change(w.ctx, ch, "edit")
		}
	}
}

func (w *world) deny(m *member, ch uint64) {
	w.ledger.moves(m.user, ch)
	w.change("", func(ctx context.Context, admin administration) error {
		r, err := admin.SetOverwrite(ctx, &serversv1.SetOverwriteRequest{
			ChannelId: ch, MemberId: uint64(m.user), Deny: []string{"view_channels"},
		})
		m.denied[ch] = r.GetOverwrite().GetId()
		return err
	})
	w.ledger.moved(m.user, false, ch)
	w.behind(ch)
}

func (w *world) allow(m *member, ch uint64) {
	w.ledger.moves(m.user, ch)
	w.change(beep.CodeOverwriteNotFound, func(ctx context.Context, admin administration) error {
		_, err := admin.ClearOverwrite(ctx, &serversv1.ClearOverwriteRequest{ChannelId: ch, OverwriteId: m.denied[ch]})
		return err
	})
	delete(m.denied, ch)
	w.ledger.moved(m.user, true, ch)
}

func (w *world) kick(m *member) {
	w.ledger.moves(m.user, w.channels...)
	w.change(beep.CodeMemberNotFound, func(ctx context.Context, admin administration) error {
		_, err := admin.KickMember(ctx, &serversv1.KickMemberRequest{ServerId: w.server, UserId: uint64(m.user)})
		return err
	})
	m.out = true
	w.ledger.moved(m.user, false, w.channels...)
	w.behind(w.channels...)
}

func (w *world) rejoin(m *member) {
	var back []uint64
	for _, ch := range w.channels {
		if m.denied[ch] == 0 {
			back = append(back, ch)
		}
	}
	w.ledger.moves(m.user, back...)
	w.change("", func(ctx context.Context, admin administration) error {
		_, err := admin.AcceptInvitation(w.asIn(ctx, m.user), &serversv1.AcceptInvitationRequest{Code: w.code})
		return err
	})
	m.out = false
	w.ledger.moved(m.user, true, back...)
}

// page holds a page against what was seen before it was asked for, and against who may see it.
func (l *ledger) page(q request, ask *messagesv1.ListMessagesRequest, page *messagesv1.ListMessagesResponse) {
	revisions := make([]uint32, 0, len(page.GetMessages()))
	got := map[uint64]uint32{}
	oldest := uint64(0)
	for _, m := range page.GetMessages() {
		revisions = append(revisions, m.GetV())
		got[m.GetId()] = m.GetV()
		oldest = m.GetId()
	}
	l.shown(q.user, q.channel, "a page", revisions...)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.judgedLocked(q, true, "a read")
	if !page.GetHasBefore() {
		oldest = 0
	}
	for at, v := range q.floor {
		inside := at.channel == q.channel && at.id >= oldest && (ask.GetBefore() == 0 || at.id < ask.GetBefore())
		if has, ok := got[at.id]; inside && (!ok || has < v) {
			l.brokenLocked(ruleRead, "%d reads message %d/%d at %d, seen at %d before", q.user, q.channel, at.id, has, v)
		}
	}
	for _, m := range page.GetMessages() {
		l.seenLocked(m)
	}
}
