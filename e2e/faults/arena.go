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
	"github.com/beep-chat/beep/client"
)

// Arena is two servers in which one race is run after another: their owner sends over every gateway at once, takes from
// a member the right to see the channel, and gives it back. In the harbour the owner is the one who sends, on the ship
// the one who loses it. To be opened before the first race.
type Arena struct {
	Owner, Member Author
	Ears          []*Ear // of the member, on each node
	Witnesses     []*Ear // of the owner, on each node: what they have heard could have been heard by all there
	Rand          *rand.Rand

	harbour, ship home
}

// raceWithin bounds one race, which takes about a second on a machine that has nothing else to do.
const raceWithin = 3 * time.Minute

var errRaceEnded = errors.New("the race came to no end")

// Race runs one race in a channel of its own. Its error is of the run itself; what is wrong with Beep is for JudgeRace.
func (a *Arena) Race(ctx context.Context, kind string) (*Race, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, raceWithin, errRaceEnded)
	defer cancel()
	r := &run{Arena: a, deed: deeds()[kind], home: a.harbour, keeper: a.Owner, race: &Race{Kind: kind, Sends: map[string]*Sent{}}}
	stage := r.stage
	if stage == nil {
		stage = (*run).stagePlain
	}
	if err := stage(r, ctx); err != nil {
		return nil, fmt.Errorf("before %s: %w", kind, err)
	}
	if err := r.run(ctx); err != nil {
		return nil, fmt.Errorf("%s in channel %d: %w", kind, r.race.Channel, err)
	}
	for _, w := range a.Witnesses {
		w.forget(r.race.Channel)
	}
	return r.race, r.tidy(ctx)
}

func (a *Arena) any(who Author) *client.API { return who.API[a.Rand.IntN(len(who.API))] }

// run is one race while it lasts.
type run struct {
	*Arena
	deed

	home      home
	keeper    Author // who owns the home
	path      string // of the channel
	category  uint64 // beside it or around it, if any
	overwrite string // path of the one that hides it, if any

	mu   sync.Mutex // guards what is below
	race *Race
	last []*Sent // each sender's, of those that were answered
	made int
	nons []string // nonces of last
	said *Attempt // the member's last that was answered
}

// request is what API.Call takes.
type request struct {
	method, path string
	in, out      proto.Message
	// done is the status by which whoever asks again learns that it was done; 0 is that it is not there, for what deletes.
	done int
}

func (q request) wasDone(err error) bool {
	var p *client.Problem
	if !errors.As(err, &p) {
		return false
	}
	return p.Status == q.done || q.done == 0 && q.method == http.MethodDelete && p.Status == http.StatusNotFound
}

// ask asks until the outcome is known, and answers it. What is not there any more when it is asked again was done.
func (r *run) ask(ctx context.Context, api *client.API, q request) error {
	for tries := 0; ; tries++ {
		once, cancel := context.WithTimeout(ctx, askWithin)
		err := api.Call(once, q.method, q.path, q.in, q.out)
		cancel()
		switch {
		case tries > 0 && q.wasDone(err):
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

// keep asks as whoever owns the home.
func (r *run) keep(ctx context.Context, q request) error { return r.ask(ctx, r.any(r.keeper), q) }

func (r *run) run(ctx context.Context) error {
	if err := each(slices.Concat(r.Ears, r.Witnesses), func(e *Ear) error {
		return until(ctx, func() error { return e.follows(r.race.Channel, 1) })
	}); err != nil {
		return err
	}
	sending, stop := context.WithCancel(ctx)
	defer stop()
	r.last, r.nons = make([]*Sent, len(r.Owner.API)), make([]string, len(r.Owner.API))
	var running sync.WaitGroup
	for i, api := range r.Owner.API {
		running.Go(func() { r.send(sending, ctx, i, api) })
	}
	running.Go(func() { r.read(sending, ctx) })
	running.Go(func() { r.speak(sending, ctx) })
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
	revoked := Span{From: time.Now()}
	if err := r.take(r, ctx); err != nil {
		return err
	}
	revoked.To = time.Now()
	r.mu.Lock()
	r.race.Revoked = revoked
	r.mu.Unlock()
	if err := r.attempt(ctx); err != nil {
		return err
	}
	if err := r.sent(ctx, revoked.To); err != nil {
		return err
	}
	if err := r.hush(ctx); err != nil {
		return err
	}
	return r.grant(ctx)
}

// grant gives the right back, where that can be, and waits until it has been used.
func (r *run) grant(ctx context.Context) error {
	granted := Span{From: time.Now()}
	if r.giveBack != nil {
		if err := r.giveBack(r, ctx); err != nil {
			return err
		}
	}
	granted.To = time.Now()
	r.mu.Lock()
	r.race.Granted = granted
	r.mu.Unlock()
	if r.giveBack == nil {
		return nil
	}
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
		err := r.ask(ctx, api, request{
			method: http.MethodPost, path: r.path + "/messages", in: &messagesv1.SendMessageRequest{Content: "says " + nonce, Nonce: nonce}, out: m,
		})
		r.mu.Lock()
		s.To, s.ID, s.Err = time.Now(), m.GetId(), err
		if err == nil || r.race.ends() {
			r.last[sender], r.nons[sender] = s, nonce
		}
		r.mu.Unlock()
		if pause(until, 2*time.Millisecond) != nil {
			return
		}
	}
}

// speak sends as the member, over each gateway in turn, whether or not it is allowed.
func (r *run) speak(until, ctx context.Context) {
	for n := 0; until.Err() == nil; n++ {
		a := r.say(ctx, r.Member.API[n%len(r.Member.API)], fmt.Sprintf("v%d", n))
		r.mu.Lock()
		r.race.Attempts, r.said = append(r.race.Attempts, a), &a
		r.mu.Unlock()
		if pause(until, 20*time.Millisecond) != nil {
			return
		}
	}
}

// say sends once as the member.
func (r *run) say(ctx context.Context, api *client.API, nonce string) Attempt {
	a := Attempt{Nonce: nonce}
	a.From = time.Now()
	a.Err = r.ask(ctx, api, request{method: http.MethodPost, path: r.path + "/messages", in: &messagesv1.SendMessageRequest{Content: "psst", Nonce: a.Nonce}})
	a.To = time.Now()
	return a
}

// sent waits until each sender, and the member, was answered about a message whose sending began after some moment.
func (r *run) sent(ctx context.Context, after time.Time) error {
	return until(ctx, func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		for i, s := range r.last {
			if s == nil || !s.From.After(after) {
				return fmt.Errorf("sender %d has sent nothing for %s", i, time.Since(after))
			}
		}
		if r.said == nil || !r.said.From.After(after) {
			return fmt.Errorf("the member has tried nothing for %s", time.Since(after))
		}
		return nil
	})
}

// read asks for pages as the member, over each gateway in turn.
func (r *run) read(until, ctx context.Context) {
	for n := 0; until.Err() == nil; n++ {
		p, read := &messagesv1.ListMessagesResponse{}, Read{}
		read.From = time.Now()
		read.Err = r.Member.API[n%len(r.Member.API)].Call(ctx, http.MethodGet, r.path+"/messages", nil, p)
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

// attempt sends as the member, over every gateway at once.
func (r *run) attempt(ctx context.Context) error {
	attempts := make([]Attempt, len(r.Member.API))
	var running sync.WaitGroup
	for i, api := range r.Member.API {
		running.Go(func() { attempts[i] = r.say(ctx, api, fmt.Sprintf("x%d", i)) })
	}
	running.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.race.Attempts = append(r.race.Attempts, attempts...)
	return ctx.Err()
}

// hush waits until what was sent while the right was gone must have been heard if anyone heard it: the witnesses on
// each node have, and the member's sockets have got all that was on its way then. And it waits until they were told.
func (r *run) hush(ctx context.Context) error {
	told, cancel := context.WithTimeout(ctx, 2*slack*ToldWithin)
	defer cancel()
	tell := func(e *Ear) error {
		_ = until(told, func() error { return e.told(r.race) }) // that it was not told is for the judge to say
		return e.flush(ctx)
	}
	if r.race.ends() {
		return each(slices.Concat(r.Witnesses, r.Ears), tell)
	}
	r.mu.Lock()
	nonces := slices.Clone(r.nons)
	r.mu.Unlock()
	hears := func(ctx context.Context, e *Ear) error {
		return until(ctx, func() error {
			var errs []error
			for _, nonce := range nonces {
				errs = append(errs, e.knows(r.race.Channel, nonce))
			}
			return errors.Join(errs...)
		})
	}
	if err := each(r.Witnesses, func(w *Ear) error { return hears(ctx, w) }); err != nil {
		return err
	}
	return each(r.Ears, func(e *Ear) error {
		if r.race.mutes() {
			_ = hears(told, e) // that it heard nothing is for the judge to say
		}
		return tell(e)
	})
}

// collect is at the end: what history has, and what the sockets show when they have caught up with it.
func (r *run) collect(ctx context.Context) (err error) {
	r.race.Ears = make([]Overheard, len(r.Ears))
	if r.race.ends() {
		for i, e := range r.Ears {
			r.race.Ears[i] = e.overheard(r.race.Channel)
			e.forget(r.race.Channel)
		}
		return nil
	}
	var head uint32
	if err := known(ctx, func() error {
		head, r.race.History, err = History(ctx, r.Owner.API[0], r.race.Channel)
		return err
	}); err != nil {
		return err
	}
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
			r.race.Ears[slices.Index(r.Ears, e)], err = e.take(ctx, r.Member.API[0], r.race.Channel)
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
