// Package threads has the use-cases of threads: conversations that hang on a message of a text channel. A thread is seen
// with its channel, and the same rights hold in it; to be a member of one is to be told of it, and gives none.
//
// Start with Service.Create; who may change a thread is in change.go.
package threads

import (
	"context"
	"errors"

	"github.com/beep-chat/beep"
	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/servers"
)

// kind is what authz calls a thread.
const kind servers.ChannelKind = "thread"

// Service has the use-cases. Each reads: authorise, validate, change, reply. Reads go the other way round, first
// read and then authorise.
type Service struct {
	store    servers.Store
	authz    *servers.Authorizer
	changes  *servers.Committer
	messages messagesv1.MessagesClient
	limits   beep.Limits
	minter   *beep.Minter
}

// New is a Service ready to be served (package grpcapi).
func New(d servers.Deps) (*Service, error) {
	if err := d.Check(); err != nil {
		return nil, err
	}
	return &Service{d.Store, servers.NewAuthorizer(d.Authz), servers.NewCommitter(d), d.Messages, d.Limits, d.Minter}, nil
}

// none is the answer about a thread that the caller may not see, or that is not there.
func none() *beep.Error {
	return beep.NotFound(beep.CodeThreadNotFound, "there is no such thread")
}

// in asks for a right in a thread; 0 is only to see it.
func (s *Service) in(ctx context.Context, user beep.UserID, id beep.ChannelID, right perm.Rights) (servers.Decision, error) {
	d, err := s.authz.InChannel(ctx, user, id, right)
	if beep.CodeOf(err) == beep.CodeChannelNotFound || (err == nil && d.Kind != kind) {
		return d, none()
	}
	return d, err
}

// NewThread is what Create takes.
type NewThread struct {
	Channel beep.ChannelID
	Message beep.MessageID
	Name    string
}

// Create starts the thread of a message, with its author as a member.
func (s *Service) Create(ctx context.Context, draft NewThread) (thread servers.Thread, err error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return thread, err
	}
	if draft.Name, err = servers.CheckName(draft.Name, s.limits.NameLength); err != nil {
		return thread, err
	}
	err = servers.Settle(ctx, func() (err error) {
		thread, err = s.create(ctx, user, draft)
		return err
	})
	if err != nil {
		return thread, err
	}
	return thread, s.join(ctx, user, user, thread)
}

// create is one try of Create. Whether the message is there is asked before the commit, and may be otherwise a moment
// later: a thread outlives its message anyway.
func (s *Service) create(ctx context.Context, user beep.UserID, draft NewThread) (servers.Thread, error) {
	d, err := s.authz.InChannel(ctx, user, draft.Channel, perm.SendMessages)
	if err != nil {
		return servers.Thread{}, err
	}
	if d.Kind != servers.Text {
		return servers.Thread{}, beep.Precondition(beep.CodeNotTextChannel, "threads are in text channels only")
	}
	_, err = s.messages.GetMessage(ctx, &messagesv1.GetMessageRequest{
		ChannelId: uint64(draft.Channel), MessageId: uint64(draft.Message),
	})
	if err != nil {
		return servers.Thread{}, err
	}
	if err := s.room(ctx, draft); err != nil {
		return servers.Thread{}, err
	}
	channel, err := s.store.Channel(ctx, draft.Channel)
	if err != nil {
		return servers.Thread{}, servers.Instead(err, servers.NoChannel())
	}
	thread := servers.Thread{
		ID: beep.ChannelID(s.minter.Next()), Server: channel.Server, Channel: draft.Channel, Message: draft.Message,
		Author: user, Name: draft.Name, CreatedAt: beep.Now(),
	}
	return thread, s.changes.Commit(ctx, servers.Commit{
		Scope: beep.ServerScope(channel.Server), Expect: d.Rev, Actor: user,
		Changes: []servers.Change{servers.ThreadSet{Thread: thread, New: true}},
	})
}

// room refuses a second thread of a message, and one more than a channel may have. Whoever else starts one moves the scope
// on, so what is read here still holds at the commit.
func (s *Service) room(ctx context.Context, draft NewThread) error {
	_, err := s.store.ThreadOf(ctx, draft.Channel, draft.Message)
	if err == nil {
		return beep.Conflict(beep.CodeThreadExists, "this message has a thread already")
	}
	if !errors.Is(err, beep.ErrNotFound) {
		return err
	}
	n, err := s.store.CountThreads(ctx, draft.Channel)
	if err == nil && n >= s.limits.ThreadsPer {
		err = beep.Conflict(beep.CodeThreadLimit, "the channel has as many threads as is allowed")
	}
	return err
}

// Get answers a thread that the caller may see.
func (s *Service) Get(ctx context.Context, id beep.ChannelID) (servers.Thread, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return servers.Thread{}, err
	}
	thread, missing := s.store.Thread(ctx, id)
	if _, err := s.in(ctx, user, id, 0); err != nil {
		return servers.Thread{}, err
	}
	return thread, servers.Instead(missing, none())
}

// List answers threads of a channel that the caller may see; q.Limit 0 is 50.
func (s *Service) List(ctx context.Context, q servers.ThreadQuery) ([]servers.Thread, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return nil, err
	}
	if q.Limit, err = servers.PageSize(q.Limit); err != nil {
		return nil, err
	}
	list, err := s.store.Threads(ctx, q)
	if err != nil {
		return nil, err
	}
	if _, err := s.authz.InChannel(ctx, user, q.Channel, 0); err != nil {
		return nil, err
	}
	return list, nil
}
