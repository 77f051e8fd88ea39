// Package direct has the use-cases of direct messages: conversations outside of servers, between two or in a group. What
// is said in them is package messages' of another service, who sees them is decided by authz like everywhere.
//
// Start with Service.Create and, for who may write to whom, Service.reachable.
package direct

import (
	"context"
	"errors"

	"github.com/beep-chat/beep"
	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	"github.com/beep-chat/beep/servers"
)

// kind is what authz calls the channel of a direct message, a pair's or a group's.
const kind = "direct"

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

// none is the answer about a direct message that the caller is not in, or that is not there.
func none() *beep.Error {
	return beep.NotFound(beep.CodeDirectNotFound, "there is no such direct message")
}

func notGroup() *beep.Error {
	return beep.Precondition(beep.CodeNotGroup, "this is no group, but a conversation between two")
}

// within authorises who is in a direct message: nobody else knows of it, and whoever is in it may do all that there is.
func (s *Service) within(ctx context.Context, user beep.UserID, id beep.ChannelID) (servers.Decision, error) {
	d, err := s.authz.InChannel(ctx, user, id, 0)
	if beep.CodeOf(err) == beep.CodeChannelNotFound || (err == nil && d.Kind != kind) {
		return d, none()
	}
	return d, err
}

// List answers up to limit (0 is 50) of the direct messages that the caller is in, with a greater id than after. It asks
// authz nothing: the rows that put the user into them, which it reads, are what authz would decide by.
func (s *Service) List(ctx context.Context, after beep.ChannelID, limit int) ([]servers.Conversation, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return nil, err
	}
	if limit, err = servers.PageSize(limit); err != nil {
		return nil, err
	}
	return s.store.DirectsOf(ctx, user, after, limit)
}

// Get answers one that the caller is in.
func (s *Service) Get(ctx context.Context, id beep.ChannelID) (servers.Conversation, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return servers.Conversation{}, err
	}
	d, missing := s.conversation(ctx, user, id)
	if _, err := s.within(ctx, user, id); err != nil {
		return servers.Conversation{}, err
	}
	return d, servers.Instead(missing, none())
}

// conversation reads a direct message as a user has it.
func (s *Service) conversation(ctx context.Context, user beep.UserID, id beep.ChannelID) (servers.Conversation, error) {
	page, err := s.store.DirectsOf(ctx, user, id-1, 1)
	if err == nil && (len(page) == 0 || page[0].ID != id) {
		err = beep.ErrNotFound
	}
	if err != nil {
		return servers.Conversation{}, err
	}
	return page[0], nil
}

// Close hides one from the caller: while its log does not go beyond r or, without one, beyond what is in it now. It is
// the reader who compares, so that whatever is said next shows it again, without anybody being told.
func (s *Service) Close(ctx context.Context, id beep.ChannelID, r *uint32) error {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return err
	}
	if _, err := s.within(ctx, user, id); err != nil {
		return err
	}
	closing := servers.Closing{Closed: true}
	if r != nil {
		closing.R = *r
	} else if closing.R, err = s.head(ctx, id); err != nil {
		return err
	}
	err = s.setClosed(ctx, user, id, closing)
	if errors.Is(err, servers.ErrMoved) {
		return none() // has left meanwhile
	}
	return err
}

// head is how far the log of a direct message goes, asked as the caller.
func (s *Service) head(ctx context.Context, id beep.ChannelID) (uint32, error) {
	page, err := s.messages.ListMessages(ctx, &messagesv1.ListMessagesRequest{ChannelId: uint64(id), Limit: 1})
	return page.GetHead(), err
}

func (s *Service) setClosed(ctx context.Context, user beep.UserID, id beep.ChannelID, closing servers.Closing) error {
	return s.changes.Commit(ctx, servers.Commit{
		Scope: beep.UserScope(user), Actor: user,
		Changes: []servers.Change{servers.DirectClosed{Channel: id, Closing: closing}},
	})
}
