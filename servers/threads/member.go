package threads

import (
	"context"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/servers"
)

// Who is a member of a thread is a row in that user's own scope. It changes nobody's rights, so the server's scope has
// none of it, and no View grows by who follows what.

// Join makes the caller a member.
func (s *Service) Join(ctx context.Context, id beep.ChannelID) error {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return err
	}
	thread, err := s.Get(ctx, id)
	if err != nil {
		return err
	}
	return s.join(ctx, user, user, thread)
}

// AddMember makes somebody else a member, by whoever may send there.
func (s *Service) AddMember(ctx context.Context, id beep.ChannelID, target beep.UserID) error {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return err
	}
	if _, err := s.in(ctx, user, id, perm.SendMessages); err != nil {
		return err
	}
	thread, err := s.store.Thread(ctx, id)
	if err != nil {
		return servers.Instead(err, none())
	}
	if _, err := s.in(ctx, target, id, 0); err != nil {
		if beep.CodeOf(err) == beep.CodeThreadNotFound {
			return beep.NotFound(beep.CodeMemberNotFound, "there is no such member who sees this thread")
		}
		return err
	}
	return s.join(ctx, user, target, thread)
}

// join makes a user a member, if the user is not one yet.
func (s *Service) join(ctx context.Context, actor, user beep.UserID, thread servers.Thread) error {
	return servers.Settle(ctx, func() error {
		if is, err := s.isMember(ctx, user, thread.ID); is || err != nil {
			return err
		}
		return s.changes.Commit(ctx, servers.Commit{
			Scope: beep.UserScope(user), Actor: actor,
			Changes: []servers.Change{servers.ThreadJoined{Server: thread.Server, Thread: thread.ID}},
		})
	})
}

// Leave ends the caller's membership.
func (s *Service) Leave(ctx context.Context, id beep.ChannelID) error {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return err
	}
	thread, err := s.Get(ctx, id)
	if err != nil {
		return err
	}
	return servers.Settle(ctx, func() error {
		if is, err := s.isMember(ctx, user, id); !is || err != nil {
			return err
		}
		return s.changes.Commit(ctx, servers.Commit{
			Scope: beep.UserScope(user), Actor: user,
			Changes: []servers.Change{servers.ThreadLeft{Server: thread.Server, Thread: id}},
		})
	})
}

func (s *Service) isMember(ctx context.Context, user beep.UserID, id beep.ChannelID) (bool, error) {
	page, err := s.store.ThreadMembers(ctx, id, user-1, 1)
	return len(page) == 1 && page[0] == user, err
}

// ListMembers answers up to limit (0 is 50) members of a thread with a greater user id than after.
func (s *Service) ListMembers(ctx context.Context, id beep.ChannelID, after beep.UserID, limit int) ([]beep.UserID, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return nil, err
	}
	if limit, err = servers.PageSize(limit); err != nil {
		return nil, err
	}
	page, err := s.store.ThreadMembers(ctx, id, after, limit)
	if err != nil {
		return nil, err
	}
	if _, err := s.in(ctx, user, id, 0); err != nil {
		return nil, err
	}
	return page, nil
}

// ListMine answers the threads of a server that the caller is a member of and may see, of a page of up to limit (0 is 50)
// with a greater id than after, and after what the next page begins; none at the end.
func (s *Service) ListMine(
	ctx context.Context, server beep.ServerID, after beep.ChannelID, limit int,
) (seen []servers.Thread, next beep.ChannelID, err error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return nil, 0, err
	}
	if limit, err = servers.PageSize(limit); err != nil {
		return nil, 0, err
	}
	page, err := s.store.ThreadsOf(ctx, server, user, after, limit)
	if err != nil {
		return nil, 0, err
	}
	visible, err := s.authz.VisibleChannels(ctx, user, server, 0)
	if err != nil {
		return nil, 0, err
	}
	for _, thread := range page {
		if visible[thread.Channel] {
			seen = append(seen, thread)
		}
	}
	if len(page) == limit {
		next = page[limit-1].ID
	}
	return seen, next, nil
}
