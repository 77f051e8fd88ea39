package threads

import (
	"context"

	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/servers"
)

// Update is what Service.Update changes; nil stays as it is.
type Update struct {
	Name             *string
	Archived, Locked *bool
}

// on is the thread after the update.
func (u Update) on(t servers.Thread) servers.Thread {
	servers.Assign(&t.Name, u.Name)
	servers.Assign(&t.Archived, u.Archived)
	servers.Assign(&t.Locked, u.Locked)
	return t
}

// Update renames, archives or locks a thread, or the opposite.
func (s *Service) Update(ctx context.Context, id beep.ChannelID, u Update, reason string) (thread servers.Thread, err error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return thread, err
	}
	if u.Name != nil {
		name, err := servers.CheckName(*u.Name, s.limits.NameLength)
		if err != nil {
			return thread, err
		}
		u.Name = &name
	}
	if err := servers.CheckReason(reason); err != nil {
		return thread, err
	}
	err = servers.Settle(ctx, func() (err error) {
		thread, err = s.update(ctx, user, id, u, reason)
		return err
	})
	return thread, err
}

// update is one try of Update. Who may is asked for what is given, whether or not it changes something.
func (s *Service) update(
	ctx context.Context, user beep.UserID, id beep.ChannelID, u Update, reason string,
) (servers.Thread, error) {
	d, err := s.in(ctx, user, id, 0)
	if err != nil {
		return servers.Thread{}, err
	}
	before, err := s.store.Thread(ctx, id)
	if err != nil {
		return servers.Thread{}, servers.Instead(err, none())
	}
	if err := s.mayUpdate(ctx, user, before, u); err != nil {
		return servers.Thread{}, err
	}
	after := u.on(before)
	if after == before {
		return after, nil
	}
	// d came first, so whatever has moved since the first of the decisions is found by the commit.
	return after, s.changes.Commit(ctx, servers.Commit{
		Scope: beep.ServerScope(after.Server), Expect: d.Rev, Actor: user,
		Changes: []servers.Change{servers.ThreadSet{Thread: after}},
		Records: []servers.Record{s.changes.Audited(servers.Deed{
			Server: after.Server, Actor: user, Action: servers.AuditThreadUpdate, Target: uint64(id), Reason: reason,
		}, before.ChangesTo(after)...)},
	})
}

func (s *Service) mayUpdate(ctx context.Context, user beep.UserID, t servers.Thread, u Update) error {
	if u.Archived != nil {
		if err := s.mayArchive(ctx, user, t); err != nil {
			return err
		}
	}
	if u.Locked != nil {
		if _, err := s.in(ctx, user, t.ID, perm.ManageChannels); err != nil {
			return err
		}
	}
	if u.Name == nil || u.Archived != nil || u.Locked != nil {
		return nil // either of those is enough for a name
	}
	err := s.mayArchive(ctx, user, t)
	if beep.CodeOf(err) == beep.CodeForbidden {
		_, err = s.oneOf(ctx, user, t.ID)
	}
	return err
}

// mayArchive asks authz, which does not know who started a thread.
func (s *Service) mayArchive(ctx context.Context, user beep.UserID, t servers.Thread) error {
	_, err := s.authz.May(ctx, user, none(), &authzv1.Action{Kind: &authzv1.Action_ArchiveThread{
		ArchiveThread: &authzv1.ThreadOf{ChannelId: uint64(t.ID), AuthorId: uint64(t.Author)},
	}})
	return err
}

// oneOf wants one of the rights by which a thread could be emptied anyway: message by message, or with its channel.
func (s *Service) oneOf(ctx context.Context, user beep.UserID, id beep.ChannelID) (servers.Decision, error) {
	d, err := s.in(ctx, user, id, perm.ManageMessages)
	if beep.CodeOf(err) == beep.CodeForbidden {
		if d, err = s.in(ctx, user, id, perm.ManageChannels); beep.CodeOf(err) == beep.CodeForbidden {
			return d, beep.Forbidden(beep.CodeForbidden, "you need manage_messages or manage_channels")
		}
	}
	return d, err
}

// Delete ends a thread for everyone. What messages are in it stay where they are; nobody is let near them.
func (s *Service) Delete(ctx context.Context, id beep.ChannelID, reason string) error {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return err
	}
	if err := servers.CheckReason(reason); err != nil {
		return err
	}
	return servers.Settle(ctx, func() error {
		d, err := s.oneOf(ctx, user, id)
		if err != nil {
			return err
		}
		thread, err := s.store.Thread(ctx, id)
		if err != nil {
			return servers.Instead(err, none())
		}
		return s.changes.Commit(ctx, servers.Commit{
			Scope: beep.ServerScope(thread.Server), Expect: d.Rev, Actor: user,
			Changes: []servers.Change{servers.ThreadRemoved{ID: id}},
			Records: []servers.Record{s.changes.Audited(servers.Deed{
				Server: thread.Server, Actor: user, Action: servers.AuditThreadDelete, Target: uint64(id), Reason: reason,
			}, thread.ChangesTo(servers.Thread{})...)},
		})
	})
}
