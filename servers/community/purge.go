package community

import (
	"context"
	"errors"
	"time"

	"github.com/beep-chat/beep"
	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/servers"
)

const (
	maxPurge   = 7 * 24 * time.Hour
	purgeEvery = 5 * time.Second
	// purgesAtOnce bounds what one look works off, those that wait for their second time included.
	purgesAtOnce  = 500
	threadsAtOnce = 100
	// purgeSettled is after how long nothing that was allowed before the ban is still on its way into a channel: a
	// request ends after 10 s, and so does an append.
	purgeSettled = 30 * time.Second
)

// A purge is committed with the ban, and worked off by whoever finds it: after a crash, by the next process. It goes
// through the channels twice: at once, and when no message can come any more that was allowed before the ban. Only then
// is it forgotten. Each deletion has a nonce of its own in the log of its channel, so that to do one again, or in two
// replicas at once, is to do it once.

// wanted are the records of a purge that somebody wants.
func (s *Service) wanted(actor beep.UserID, draft NewBan) []servers.Record {
	at := beep.Now()
	p := servers.Purge{
		ID: s.minter.Next(), Server: draft.Server, User: draft.User, Actor: actor, Since: at.Add(-draft.Purge), CreatedAt: at,
	}
	return []servers.Record{servers.PurgeWanted{Purge: p}, s.changes.Audited(servers.Deed{
		Server: draft.Server, Actor: actor, Action: servers.AuditMemberPurge, Target: uint64(draft.User), Reason: draft.Reason,
	}, servers.Changed("since", nil, servers.Instant(p.Since)))}
}

// purge works off what there is to delete. passed are the purges that this process has gone through once.
func (s *Service) purge(ctx context.Context, passed map[uint64]bool) {
	list, err := s.store.Purges(ctx, purgesAtOnce)
	if err != nil {
		s.log.WarnContext(ctx, "cannot look what is to be purged", "error", err)
		return
	}
	for _, p := range list {
		last := beep.Now().Sub(p.CreatedAt) >= purgeSettled
		if passed[p.ID] && !last {
			continue
		}
		err := s.purgeServer(ctx, p)
		if err == nil && last {
			err = s.changes.Commit(ctx, servers.Commit{
				Scope: beep.ServerScope(p.Server), Records: []servers.Record{servers.PurgeDone{ID: p.ID}},
			})
			if errors.Is(err, beep.ErrNotFound) {
				err = nil // another replica was first
			}
		}
		if err != nil {
			s.log.WarnContext(ctx, "cannot purge", "server_id", p.Server.String(), "error", err)
			continue
		}
		if passed[p.ID] = true; last {
			delete(passed, p.ID)
		}
	}
}

// purgeServer goes through every channel that the server has.
func (s *Service) purgeServer(ctx context.Context, p servers.Purge) error {
	scope := beep.ServerScope(p.Server)
	revs, err := s.store.Revs(ctx, []beep.Scope{scope})
	if err != nil {
		return err
	}
	all, err := s.store.Channels(ctx, p.Server)
	if err != nil {
		return err
	}
	for _, channel := range all {
		if channel.Kind != servers.Text {
			continue
		}
		if err := s.purgeChannel(ctx, p, channel.ID, revs[0]); err != nil {
			return err
		}
		if err := s.purgeThreads(ctx, p, channel.ID, revs[0]); err != nil {
			return err
		}
	}
	return nil
}

// purgeThreads goes through the threads of a channel, those that are archived too.
func (s *Service) purgeThreads(ctx context.Context, p servers.Purge, channel beep.ChannelID, rev uint64) error {
	for _, archived := range []bool{false, true} {
		q := servers.ThreadQuery{Channel: channel, Archived: archived, Limit: threadsAtOnce}
		for more := true; more; {
			list, err := s.store.Threads(ctx, q)
			if err != nil {
				return err
			}
			for _, thread := range list {
				if err := s.purgeChannel(ctx, p, thread.ID, rev); err != nil {
					return err
				}
				q.Before = thread.ID
			}
			more = len(list) == q.Limit
		}
	}
	return nil
}

// purgeChannel asks messages, until all of a channel is done.
func (s *Service) purgeChannel(ctx context.Context, p servers.Purge, channel beep.ChannelID, rev uint64) error {
	ask := &messagesv1.PurgeAuthorRequest{
		PurgeId: p.ID, ChannelId: uint64(channel), AuthorId: uint64(p.User), ActorId: uint64(p.Actor),
		After: beep.FirstID(p.Since) - 1, Rev: rev, Scope: &serversv1.Scope{Kind: "server", Id: uint64(p.Server)},
	}
	for more := true; more; {
		answer, err := s.messages.PurgeAuthor(ctx, ask)
		if err != nil {
			return err
		}
		ask.After, more = answer.GetAfter(), answer.GetMore()
	}
	return nil
}
