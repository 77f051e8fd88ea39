package direct

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/servers"
)

// reachable says whom a user may write to: all of the others, or nobody. Today that is who is in a server that the user is
// in too. Friends, what people let others do, and blocks belong here as well: all that opens a direct message or adds to
// one asks this and nothing else. Whether somebody exists it does not tell: who does not is in no server.
func (s *Service) reachable(ctx context.Context, user beep.UserID, others []beep.UserID) error {
	near, err := s.store.Companions(ctx, user, others)
	if err == nil && len(near) < len(others) {
		err = beep.Forbidden(beep.CodeDirectRefused, "you share no server with somebody of them")
	}
	return err
}

// others checks whom somebody names.
func (s *Service) others(user beep.UserID, list []beep.UserID) error {
	const field = "user_ids"
	switch {
	case len(list) == 0:
		return beep.InvalidField(beep.CodeInvalidField, field, "is empty")
	case len(list) >= s.limits.GroupSize:
		return beep.InvalidField(beep.CodeInvalidField, field, fmt.Sprintf("are more than %d", s.limits.GroupSize-1))
	case slices.Contains(list, user):
		return beep.InvalidField(beep.CodeInvalidField, field, "name the caller, who is in it anyway")
	case len(slices.Compact(slices.Sorted(slices.Values(list)))) < len(list):
		return beep.InvalidField(beep.CodeInvalidField, field, "name somebody twice")
	}
	return nil
}

// name checks the name of a group; empty is none.
func (s *Service) name(name string) (string, error) {
	if name == "" {
		return "", nil
	}
	return servers.CheckName(name, s.limits.NameLength)
}

// Create opens the conversation with one user, or makes a group with several.
func (s *Service) Create(ctx context.Context, others []beep.UserID, name string) (servers.Conversation, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return servers.Conversation{}, err
	}
	if err := s.others(user, others); err != nil {
		return servers.Conversation{}, err
	}
	if name != "" && len(others) == 1 {
		return servers.Conversation{}, beep.InvalidField(beep.CodeInvalidField, "name", "is of groups only")
	}
	if name, err = s.name(name); err != nil {
		return servers.Conversation{}, err
	}
	if len(others) > 1 {
		if err := s.reachable(ctx, user, others); err != nil {
			return servers.Conversation{}, err
		}
		var d servers.DirectMessage
		err := servers.Settle(ctx, func() error {
			d = s.group(append(others, user), name)
			return s.begin(ctx, user, d)
		})
		return servers.Conversation{DirectMessage: d}, err
	}
	return s.open(ctx, user, others[0])
}

// open answers the one conversation between two, made if there is none, and open. Whoever loses a race to make it finds
// the other's when trying again.
func (s *Service) open(ctx context.Context, user, other beep.UserID) (c servers.Conversation, err error) {
	err = servers.Settle(ctx, func() error {
		d, err := s.store.PairOf(ctx, user, other)
		if errors.Is(err, beep.ErrNotFound) {
			if err := s.reachable(ctx, user, []beep.UserID{other}); err != nil {
				return err
			}
			c = servers.Conversation{DirectMessage: servers.DirectMessage{
				ID: beep.ChannelID(s.minter.Next()), Kind: servers.Pair, CreatedAt: beep.Now(),
				Users: []beep.UserID{min(user, other), max(user, other)},
			}}
			return s.begin(ctx, user, c.DirectMessage)
		}
		if err != nil {
			return err
		}
		if c, err = s.conversation(ctx, user, d.ID); err != nil || !c.Closed {
			return err
		}
		c.Closing = servers.Closing{}
		return s.setClosed(ctx, user, d.ID, c.Closing)
	})
	return c, err
}

// group is a new group of users, its maker among them.
func (s *Service) group(users []beep.UserID, name string) servers.DirectMessage {
	return servers.DirectMessage{
		ID: beep.ChannelID(s.minter.Next()), Kind: servers.Group, Name: name, CreatedAt: beep.Now(),
		Users: slices.Sorted(slices.Values(users)),
	}
}

// begin commits a new direct message, with everyone in it.
func (s *Service) begin(ctx context.Context, user beep.UserID, d servers.DirectMessage) error {
	changes := []servers.Change{servers.DirectSet{DirectMessage: d, New: true}}
	for _, u := range d.Users {
		changes = append(changes, servers.ParticipantAdded{User: u})
	}
	return s.changes.Commit(ctx, servers.Commit{Scope: beep.DirectScope(d.ID), Actor: user, Changes: changes})
}
