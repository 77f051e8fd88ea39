package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/client"
)

// Arena is a server in which one race is run after another: its owner sends over every gateway at once, takes from a
// member the right to see the channel, and gives it back.
type Arena struct {
	Owner, Member []*client.API // over each gateway
	MemberID      uint64
	Server        uint64
	Invitation    string // to come back after a kick
	Ears          []*Ear // of the member, on each node
	Witnesses     []*Ear // of the owner, on each node: what they have heard could have been heard by all there
	Rand          *rand.Rand
}

// The kinds of revocations.
const (
	DenyMember   = "a member's overwrite"
	DenyEveryone = "an overwrite for everyone"
	Kick         = "a kick"
	Leave        = "a leave"
)

// Kinds are the kinds of revocations.
func Kinds() []string { return []string{DenyMember, DenyEveryone, Kick, Leave} }

// raceWithin bounds one race, which takes about a second on a machine that has nothing else to do.
const raceWithin = 3 * time.Minute

var errRaceEnded = errors.New("the race came to no end")

// Race runs one race in a channel of its own. Its error is of the run itself; what is wrong with Beep is for JudgeRace.
func (a *Arena) Race(ctx context.Context, kind string) (*Race, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, raceWithin, errRaceEnded)
	defer cancel()
	c, r := &serversv1.Channel{}, &run{Arena: a, race: &Race{Kind: kind, Sends: map[string]*Sent{}}}
	err := r.ask(ctx, a.any(a.Owner), request{
		http.MethodPost, fmt.Sprintf("/api/servers/%d/channels", a.Server), &serversv1.CreateChannelRequest{Kind: "text", Name: "race"}, c,
	})
	if err != nil {
		return nil, err
	}
	r.race.Channel, r.path = c.GetId(), fmt.Sprintf("/api/channels/%d", c.GetId())
	if err := r.run(ctx); err != nil {
		return nil, fmt.Errorf("%s in channel %d: %w", kind, c.GetId(), err)
	}
	for _, w := range a.Witnesses {
		w.forget(c.GetId())
	}
	return r.race, r.ask(ctx, a.any(a.Owner), request{method: http.MethodDelete, path: r.path})
}

func (a *Arena) any(apis []*client.API) *client.API { return apis[a.Rand.IntN(len(apis))] }

// run is one race while it lasts.
type run struct {
	*Arena

	path string // of the channel

	mu   sync.Mutex // guards what is below
	race *Race
	last []*Sent // each sender's, of those that were acknowledged
	made int
	nons []string // nonces of last
}

// request is what API.Call takes.
type request struct {
	method, path string
	in, out      proto.Message
}

// ask asks until the outcome is known, and answers it. What is not there any more when it is asked again was done.
func (r *run) ask(ctx context.Context, api *client.API, q request) error {
	for tries := 0; ; tries++ {
		once, cancel := context.WithTimeout(ctx, askWithin)
		err := api.Call(once, q.method, q.path, q.in, q.out)
		cancel()
		var p *client.Problem
		switch {
		case tries > 0 && q.method == http.MethodDelete && errors.As(err, &p) && p.Status == http.StatusNotFound:
			return nil
		case !client.Unknown(err):
			return err
		}
		r.mu.Lock()
		r.race.Unknown++
		r.mu.Unlock()
		if pause(ctx, 50*time.Millisecond) != nil {
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
	}
}

func (r *run) run(ctx context.Context) error {
	if err := each(slices.Concat(r.Ears, r.Witnesses), func(e *Ear) error {
		return until(ctx, func() error { return e.follows(r.race.Channel, 1) })
	}); err != nil {
		return err
	}
	sending, stop := context.WithCancel(ctx)
	defer stop()
	r.last, r.nons = make([]*Sent, len(r.Owner)), make([]string, len(r.Owner))
	var running sync.WaitGroup
	for i, api := range r.Owner {
		running.Go(func() { r.send(sending, ctx, i, api) })
	}
	running.Go(func() { r.read(sending, ctx) })
	err := r.revokeAndGrant(ctx)
	stop()
	running.Wait()
	if err != nil {
		return err
	}
	return r.collect(ctx)
}

// revokeAndGrant goes through the race while others send and read.
func (r *run) revokeAndGrant(ctx context.Context) error {
	if err := r.sent(ctx, time.Now()); err != nil {
		return err
	}
	if err := pause(ctx, time.Duration(r.Rand.IntN(20))*time.Millisecond); err != nil {
		return err
	}
	giveBack, err := r.revoke(ctx)
	if err != nil {
		return err
	}
	if err := r.attempt(ctx); err != nil {
		return err
	}
	if err := r.sent(ctx, r.race.Revoked.To); err != nil {
		return err
	}
	if err := r.hush(ctx); err != nil {
		return err
	}
	granted := Span{From: time.Now()}
	if err := giveBack(ctx); err != nil {
		return err
	}
	granted.To = time.Now()
	r.mu.Lock()
	r.race.Granted = granted
	r.mu.Unlock()
	return r.sent(ctx, granted.To)
}

// send sends until it is told to stop; what is on its way then is answered all the same.
func (r *run) send(until, ctx context.Context, sender int, api *client.API) {
	for until.Err() == nil {
		r.mu.Lock()
		r.made++
		nonce := fmt.Sprintf("s%d-%d", sender, r.made)
		s := &Sent{}
		r.race.Sends[nonce] = s
		s.From = time.Now()
		r.mu.Unlock()
		m := &messagesv1.Message{}
		err := r.ask(ctx, api, request{http.MethodPost, r.path + "/messages", &messagesv1.SendMessageRequest{Content: "says " + nonce, Nonce: nonce}, m})
		r.mu.Lock()
		if s.To = time.Now(); err == nil {
			s.ID, r.last[sender], r.nons[sender] = m.GetId(), s, nonce
		}
		r.mu.Unlock()
		if pause(until, 2*time.Millisecond) != nil {
			return
		}
	}
}

// sent waits until each sender was answered about a message whose sending began after some moment.
func (r *run) sent(ctx context.Context, after time.Time) error {
	return until(ctx, func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		for i, s := range r.last {
			if s == nil || !s.From.After(after) {
				return fmt.Errorf("sender %d has sent nothing for %s", i, time.Since(after))
			}
		}
		return nil
	})
}

// read asks for pages as the member, over each gateway in turn.
func (r *run) read(until, ctx context.Context) {
	for n := 0; until.Err() == nil; n++ {
		p, read := &messagesv1.ListMessagesResponse{}, Read{}
		read.From = time.Now()
		read.Err = r.Member[n%len(r.Member)].Call(ctx, http.MethodGet, r.path+"/messages", nil, p)
		read.To = time.Now()
		for _, m := range p.GetMessages() {
			read.Nonces = append(read.Nonces, m.GetNonce())
		}
		r.mu.Lock()
		if r.race.Reads = append(r.race.Reads, read); client.Unknown(read.Err) {
			r.race.Unknown++
		}
		r.mu.Unlock()
		if pause(until, 5*time.Millisecond) != nil {
			return
		}
	}
}

// revoke takes the right, and says how to give it back.
func (r *run) revoke(ctx context.Context) (giveBack func(context.Context) error, err error) {
	owner, o := r.any(r.Owner), &serversv1.Overwrite{}
	revoked := Span{From: time.Now()}
	giveBack = func(ctx context.Context) error {
		return r.ask(ctx, r.any(r.Owner), request{method: http.MethodDelete, path: fmt.Sprintf("%s/overwrites/%d", r.path, o.GetId())})
	}
	comeBack := func(ctx context.Context) error {
		return r.ask(ctx, r.any(r.Member), request{method: http.MethodPost, path: "/api/invitations/" + r.Invitation + "/accept"})
	}
	deny := &serversv1.SetOverwriteRequest{MemberId: r.MemberID, Deny: []string{"view_channels"}}
	switch r.race.Kind {
	case DenyEveryone:
		deny.MemberId, deny.RoleId = 0, r.Server // the role of everyone has its server's number
		fallthrough
	case DenyMember:
		err = r.ask(ctx, owner, request{http.MethodPut, r.path + "/overwrites", deny, o})
	case Kick:
		giveBack = comeBack
		err = r.ask(ctx, owner, request{method: http.MethodDelete, path: fmt.Sprintf("/api/servers/%d/members/%d", r.Server, r.MemberID)})
	default:
		giveBack = comeBack
		err = r.ask(ctx, r.any(r.Member), request{method: http.MethodDelete, path: fmt.Sprintf("/api/users/@me/servers/%d", r.Server)})
	}
	revoked.To = time.Now()
	r.mu.Lock()
	r.race.Revoked = revoked
	r.mu.Unlock()
	return giveBack, err
}

// attempt sends as the member, over every gateway at once.
func (r *run) attempt(ctx context.Context) error {
	attempts := make([]Attempt, len(r.Member))
	var running sync.WaitGroup
	for i, api := range r.Member {
		running.Go(func() {
			a := Attempt{Nonce: fmt.Sprintf("x%d", i)}
			a.From = time.Now()
			a.Err = r.ask(ctx, api, request{http.MethodPost, r.path + "/messages", &messagesv1.SendMessageRequest{Content: "psst", Nonce: a.Nonce}, nil})
			a.To = time.Now()
			attempts[i] = a
		})
	}
	running.Wait()
	r.race.Attempts = attempts
	return nil
}

// hush waits until what was sent while the right was gone must have been heard if anyone heard it: the witnesses on
// each node have, and the member's sockets have got all that was on its way then. And it waits until they were told.
func (r *run) hush(ctx context.Context) error {
	r.mu.Lock()
	nonces := slices.Clone(r.nons)
	r.mu.Unlock()
	if err := each(r.Witnesses, func(w *Ear) error {
		return until(ctx, func() error {
			var errs []error
			for _, nonce := range nonces {
				errs = append(errs, w.knows(r.race.Channel, nonce))
			}
			return errors.Join(errs...)
		})
	}); err != nil {
		return err
	}
	told, cancel := context.WithTimeout(ctx, 2*slack*ToldWithin)
	defer cancel()
	return each(r.Ears, func(e *Ear) error {
		_ = until(told, func() error { return e.gone(r.race.Channel) }) // that it was not told is for the judge to say
		return e.flush(ctx)
	})
}

// collect is at the end: what history has, and what the sockets show when they have caught up with it.
func (r *run) collect(ctx context.Context) (err error) {
	var head uint32
	if err := known(ctx, func() error {
		head, r.race.History, err = History(ctx, r.Owner[0], r.race.Channel)
		return err
	}); err != nil {
		return err
	}
	r.race.Ears = make([]Overheard, len(r.Ears))
	return each(r.Ears, func(e *Ear) error {
		caughtUp, cancel := context.WithTimeout(ctx, settleWithin)
		defer cancel()
		_ = until(caughtUp, func() error { // if it does not, that is for the judge to say
			if at, _ := e.At(r.race.Channel); at < head {
				return fmt.Errorf("%s is at %d of %d", e.Name, at, head)
			}
			return nil
		})
		return known(ctx, func() (err error) {
			r.race.Ears[slices.Index(r.Ears, e)], err = e.take(ctx, r.Member[0], r.race.Channel)
			return err
		})
	})
}

// known does something until its outcome is known.
func known(ctx context.Context, do func() error) error {
	var last error
	err := until(ctx, func() error {
		if last = do(); client.Unknown(last) {
			return last
		}
		return nil
	})
	return errors.Join(err, last)
}

// each does something for every ear at once.
func each(ears []*Ear, do func(*Ear) error) error {
	errs := make([]error, len(ears))
	var running sync.WaitGroup
	for i, e := range ears {
		running.Go(func() { errs[i] = do(e) })
	}
	running.Wait()
	return errors.Join(errs...)
}
