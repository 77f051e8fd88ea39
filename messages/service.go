package messages

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	"github.com/beep-chat/beep/scopelog"
)

// Names of the rights that messages asks for. To see a channel is not asked for by name: it is Check's visible.
const (
	rightSend   = "send_messages"
	rightManage = "manage_messages"
)

// kinds are those of the channels that messages are in.
func kinds() []string { return []string{"text", "thread", "direct"} }

// Throttle counts what users do, over all nodes.
type Throttle interface {
	// Allow counts one use of key unless n are counted within window, and then says how long until one is not. A
	// nonce that was allowed lately is allowed again and not counted.
	Allow(ctx context.Context, key string, n int, window time.Duration, nonce string) (ok bool, retryAfter time.Duration)
}

// Deps is what a Service stands on. All are needed.
type Deps struct {
	Store    Store
	Authz    authzv1.AuthzClient
	Bus      Bus
	Throttle Throttle
	Limits   beep.Limits
	Minter   *beep.Minter
	Log      *slog.Logger
}

// Service is the use-cases. Each one authorises, validates, changes and answers.
type Service struct {
	authz    authzv1.AuthzClient
	throttle Throttle
	limits   beep.Limits
	logs     *logs
	wakes    *publisher
}

// New makes a Service. Run it for its wakes to go out.
func New(d Deps) (*Service, error) {
	if d.Store == nil || d.Authz == nil || d.Bus == nil || d.Throttle == nil || d.Minter == nil || d.Log == nil {
		return nil, errors.New("messages: a dependency is missing")
	}
	wakes := newPublisher(d.Bus, d.Log)
	return &Service{
		authz: d.Authz, throttle: d.Throttle, limits: d.Limits, wakes: wakes, logs: newLogs(d.Store, d.Minter, wakes),
	}, nil
}

// Run publishes until ctx ends. Then it refuses new changes and returns once those begun are answered and published.
func (s *Service) Run(ctx context.Context) error {
	// Publishing goes on a little longer than ctx, until what was acknowledged has been told.
	publishing, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() { s.wakes.run(publishing) })
	<-ctx.Done()
	s.logs.close()
	stop()
	wg.Wait()
	return nil
}

// Target is the message that a change is about, and the nonce of the change; one is minted when it is empty.
type Target struct {
	Channel beep.ChannelID
	Mid     beep.MessageID // none for a new message
	Nonce   string
}

// Send creates a message. Needs send_messages.
func (s *Service) Send(ctx context.Context, t Target, content string) (Entry, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return Entry{}, err
	}
	at, err := s.mayChange(ctx, user, t.Channel)
	if err != nil {
		return Entry{}, err
	}
	c := t.change(Create, user, at)
	c.Content = content
	if err := c.validate(s.limits.MessageLength); err != nil {
		return Entry{}, err
	}
	// Before the throttle: the repeat of a request that has an outcome costs its user nothing.
	if e, ok, err := s.settled(ctx, t, c); ok || err != nil {
		return e, err
	}
	if err := s.slowDown(ctx, "send", s.limits.MessageRate, c.Key); err != nil {
		return Entry{}, err
	}
	return s.logs.append(ctx, c)
}

// Edit changes the content of the caller's own message. Needs send_messages.
func (s *Service) Edit(ctx context.Context, t Target, content string) (Entry, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return Entry{}, err
	}
	at, err := s.mayChange(ctx, user, t.Channel)
	if err != nil {
		return Entry{}, err
	}
	c := t.change(Edit, user, at)
	c.Content = content
	if err := c.validate(s.limits.MessageLength); err != nil {
		return Entry{}, err
	}
	if e, ok, err := s.settled(ctx, t, c); ok || err != nil {
		return e, err
	}
	// The author of a message never changes, so it does not matter how far the row is behind the log. Whether the
	// message is still there does: that is decided by the append.
	row, err := s.logs.row(ctx, c.Channel, c.Mid)
	if err != nil {
		return Entry{}, err
	}
	if row.State.Author != user {
		return Entry{}, beep.Forbidden(beep.CodeForbidden, "only its author edits a message")
	}
	if err := s.slowDown(ctx, "edit", s.limits.EditRate, c.Key); err != nil {
		return Entry{}, err
	}
	return s.logs.append(ctx, c)
}

// Delete removes the caller's own message, or any with manage_messages.
func (s *Service) Delete(ctx context.Context, t Target) error {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return err
	}
	// One question for both cases: to delete one's own, being let see the channel is enough, even to who is muted.
	at, err := s.authorise(ctx, question{user: user, channel: t.Channel, right: rightManage})
	if err != nil {
		return err
	}
	c := t.change(Delete, user, at)
	if err := c.validate(s.limits.MessageLength); err != nil {
		return err
	}
	if _, ok, err := s.settled(ctx, t, c); ok || err != nil {
		return err
	}
	row, err := s.logs.row(ctx, c.Channel, c.Mid)
	if err != nil {
		return err
	}
	if row.State.Author != user && !at.allowed {
		return beep.Forbidden(beep.CodeForbidden, "deleting another's message needs "+rightManage)
	}
	if err := s.slowDown(ctx, "edit", s.limits.EditRate, c.Key); err != nil {
		return err
	}
	_, err = s.logs.append(ctx, c)
	return err
}

// change is the change of t by a user who was authorised at a revision.
func (t *Target) change(kind Kind, user beep.UserID, at access) Change {
	nonce := t.Nonce
	if nonce == "" {
		nonce = rand.Text()
	}
	return Change{
		Key: Key{Channel: t.Channel, Actor: user, Nonce: nonce}, Kind: kind, Mid: t.Mid, E: at.rev, Scope: at.scope,
	}
}

// settled answers what an earlier try of c made. A nonce that was minted just now has none.
func (s *Service) settled(ctx context.Context, t Target, c Change) (e Entry, ok bool, err error) {
	if t.Nonce == "" {
		return Entry{}, false, nil
	}
	return s.logs.settled(ctx, c)
}

// slowDown refuses a user who does too much; the retry of an admitted request is not counted.
func (s *Service) slowDown(ctx context.Context, what string, n int, key Key) error {
	ok, wait := s.throttle.Allow(ctx, what+":"+key.Actor.String(), n, s.limits.MessageWindow, key.Channel.String()+":"+key.Nonce)
	if !ok {
		return beep.LimitedTo(n, beep.CodeRateLimited, "too many messages; wait a moment", wait)
	}
	return nil
}

// question is what authz is asked about a channel.
type question struct {
	user    beep.UserID
	channel beep.ChannelID
	right   string // empty: only whether it may be seen
	minRev  uint64 // 0: as the scope is now
}

// access is its answer for a channel with messages that the user may see.
type access struct {
	allowed bool // the right
	scope   beep.Scope
	rev     uint64
}

// mayChange asks for the right to send, at a revision no older than the request.
func (s *Service) mayChange(ctx context.Context, user beep.UserID, channel beep.ChannelID) (access, error) {
	at, err := s.authorise(ctx, question{user: user, channel: channel, right: rightSend})
	if err == nil && !at.allowed {
		err = beep.Forbidden(beep.CodeForbidden, "this needs "+rightSend)
	}
	return at, err
}

// authorise answers not_found for what the user may not know of.
func (s *Service) authorise(ctx context.Context, q question) (access, error) {
	res, err := s.authz.Check(ctx, &authzv1.CheckRequest{
		UserId: uint64(q.user), Object: &authzv1.CheckRequest_ChannelId{ChannelId: uint64(q.channel)},
		Right: q.right, MinRev: q.minRev,
	})
	switch {
	case err != nil:
		return access{}, fmt.Errorf("authorise in channel %s: %w", q.channel, err)
	// Whatever else is wrong with the request, who may not see the channel learns only this.
	case !res.GetVisible():
		return access{}, beep.NotFound(beep.CodeChannelNotFound, "there is no such channel")
	case !slices.Contains(kinds(), res.GetChannelKind()):
		return access{}, beep.Precondition(beep.CodeNotTextChannel, "messages are in text channels only")
	case res.GetRev() < q.minRev:
		// A decision older than what is to be shown is none.
		return access{}, beep.Unavailable(fmt.Errorf("authz decided at %d, asked for %d", res.GetRev(), q.minRev))
	}
	scope, err := scopelog.FromProto(res.GetScope())
	if err != nil {
		return access{}, fmt.Errorf("authorise in channel %s: %w", q.channel, err)
	}
	return access{allowed: res.GetAllowed(), scope: scope, rev: res.GetRev()}, nil
}
