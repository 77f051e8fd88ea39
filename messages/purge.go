package messages

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/beep-chat/beep"
)

const (
	// purgePages is how many pages of history one call looks through. Fewer would be many calls, more would run into
	// the caller's deadline where all of it is to be deleted.
	purgePages = 20
	// purgesAtOnce fills a batch of the log: what is on its way together is one commit.
	purgesAtOnce = MaxBatch
)

// Purge is the deletion of what a user wrote in a channel.
type Purge struct {
	ID            uint64 // nonces derive from it: a second time is the same deletions
	Channel       beep.ChannelID
	Author, Actor beep.UserID    // whose messages, and who deletes them
	After         beep.MessageID // only newer ones
	Scope         beep.Scope     // that decided
	E             uint64         // at a revision that was fresh when this was asked for
}

// PurgeAuthor deletes some of what there is to delete. It answers up to which message all is done, and whether newer ones
// may be left. It asks authz nothing: who calls has decided. A message that is appended meanwhile may be missed.
func (s *Service) PurgeAuthor(ctx context.Context, p Purge) (after beep.MessageID, more bool, err error) {
	for name, id := range map[string]uint64{
		"channel_id": uint64(p.Channel), "author_id": uint64(p.Author), "actor_id": uint64(p.Actor), "purge_id": p.ID,
	} {
		if err := validateID(name, id); err != nil {
			return 0, false, err
		}
	}
	if _, err := s.logs.catchUp(ctx, p.Channel); err != nil {
		return 0, false, err
	}
	after = p.After
	for range purgePages {
		rows, err := s.logs.page(ctx, p.Channel, Range{From: after, Newer: true, Limit: MaxPage})
		if err != nil {
			return 0, false, err
		}
		if err := s.purge(ctx, p, rows); err != nil {
			return 0, false, err
		}
		if len(rows) < MaxPage {
			return after, false, nil
		}
		after = rows[len(rows)-1].Mid
	}
	return after, true, nil
}

// purge deletes those rows of a page that are the author's.
func (s *Service) purge(ctx context.Context, p Purge, rows []Entry) error {
	deleting, ctx := errgroup.WithContext(ctx)
	deleting.SetLimit(purgesAtOnce)
	for _, row := range rows {
		if row.State.Author != p.Author || row.State.Deleted {
			continue
		}
		deleting.Go(func() error {
			_, err := s.logs.append(ctx, Change{
				Key:  Key{Channel: p.Channel, Actor: p.Actor, Nonce: fmt.Sprintf("purge-%d-%d", p.ID, uint64(row.Mid))},
				Kind: Delete, Mid: row.Mid, E: p.E, Scope: p.Scope,
			})
			if beep.CodeOf(err) == beep.CodeMessageNotFound {
				return nil // somebody else was first
			}
			return err
		})
	}
	return deleting.Wait()
}
