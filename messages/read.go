package messages

import (
	"context"
	"slices"

	"github.com/beep-chat/beep"
)

// Every read goes: authorise at the scope as it is now, catch up, read rows, authorise again at the newest revision
// that the rows need. So a revocation that was answered before a message was sent keeps that message from a reader
// whose first check came earlier still.

// Query says which page of a channel's history.
type Query struct {
	Channel beep.ChannelID
	// At most one of them; none is the newest page.
	Before, After, Around beep.MessageID
	Limit                 int // 0 is PageSize
}

// Page is a stretch of history.
type Page struct {
	Rows                []Entry // create entries, newest first; deleted messages keep their place
	Head                uint32  // everything up to it is in the rows
	HasBefore, HasAfter bool    // whether older and newer messages exist
}

// List answers a page of history to whoever may see the channel.
func (s *Service) List(ctx context.Context, q Query) (Page, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return Page{}, err
	}
	at, err := s.authorise(ctx, question{user: user, channel: q.Channel})
	if err != nil {
		return Page{}, err
	}
	if q.Limit == 0 {
		q.Limit = PageSize
	}
	if err := q.validate(); err != nil {
		return Page{}, err
	}
	// The head before the rows: a page holds at least what its head says, perhaps more.
	h, err := s.logs.catchUp(ctx, q.Channel)
	if err != nil {
		return Page{}, err
	}
	rows, err := s.rows(ctx, q)
	if err != nil {
		return Page{}, err
	}
	if err := s.maySee(ctx, user, at, rows...); err != nil {
		return Page{}, err
	}
	p := Page{Rows: rows, Head: h.r}
	if len(rows) == 0 {
		// Whatever there is lies on the other side of the edge.
		p.HasBefore = q.After > 0 && h.n > 0
		p.HasAfter = q.Before > 0 && h.n > 0
		return p, nil
	}
	// Messages are numbered without holes, so the numbers at the edges tell.
	p.HasBefore = rows[len(rows)-1].N > 1
	p.HasAfter = rows[0].N < h.n
	return p, nil
}

// validate names the field that is wrong.
func (q Query) validate() error {
	if err := validateID("channel_id", uint64(q.Channel)); err != nil {
		return err
	}
	edges := 0
	for name, id := range map[string]beep.MessageID{"before": q.Before, "after": q.After, "around": q.Around} {
		if id == 0 {
			continue
		}
		if err := validateID(name, uint64(id)); err != nil {
			return err
		}
		if edges++; edges > 1 {
			return beep.InvalidField(beep.CodeInvalidField, name, "at most one of before, after and around")
		}
	}
	if q.Limit < 1 || q.Limit > MaxPage {
		return beep.InvalidField(beep.CodeInvalidField, "limit", "1-100")
	}
	return nil
}

// rows reads a page, newest first.
func (s *Service) rows(ctx context.Context, q Query) ([]Entry, error) {
	switch {
	case q.Around > 0:
		return s.rowsAround(ctx, q)
	case q.After > 0:
		rows, err := s.logs.page(ctx, q.Channel, Range{From: q.After, Newer: true, Limit: q.Limit})
		slices.Reverse(rows)
		return rows, err
	case q.Before > 0:
		return s.logs.page(ctx, q.Channel, Range{From: q.Before, Limit: q.Limit})
	}
	return s.logs.page(ctx, q.Channel, Range{From: newest, Limit: q.Limit})
}

// rowsAround takes half from each side, the message itself with the older, and more from one where the other ends.
func (s *Service) rowsAround(ctx context.Context, q Query) ([]Entry, error) {
	newer, err := s.logs.page(ctx, q.Channel, Range{From: q.Around, Newer: true, Limit: q.Limit})
	if err != nil {
		return nil, err
	}
	// From is not included, and the message itself is to be among the older ones.
	older, err := s.logs.page(ctx, q.Channel, Range{From: min(q.Around, newest-1) + 1, Limit: q.Limit})
	if err != nil {
		return nil, err
	}
	n := min(len(newer), max(q.Limit/2, q.Limit-len(older)))
	rows := slices.Clone(newer[:n])
	slices.Reverse(rows)
	return append(rows, older[:min(len(older), q.Limit-n)]...), nil
}

// Get answers one message to whoever may see the channel; a deleted one is not found.
func (s *Service) Get(ctx context.Context, channel beep.ChannelID, mid beep.MessageID) (Entry, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return Entry{}, err
	}
	at, err := s.authorise(ctx, question{user: user, channel: channel})
	if err != nil {
		return Entry{}, err
	}
	if err := validateID("message_id", uint64(mid)); err != nil {
		return Entry{}, err
	}
	if _, err := s.logs.catchUp(ctx, channel); err != nil {
		return Entry{}, err
	}
	row, err := s.logs.row(ctx, channel, mid)
	if err != nil {
		return Entry{}, err
	}
	if err := s.maySee(ctx, user, at, row); err != nil {
		return Entry{}, err
	}
	// After the second decision, so that who may not see does not learn that there was something.
	if row.State.Deleted {
		return Entry{}, errMessageNotFound()
	}
	return row, nil
}

// maySee authorises a reader again, where what was read is newer than the first decision.
func (s *Service) maySee(ctx context.Context, user beep.UserID, at access, rows ...Entry) error {
	var needed uint64
	for _, row := range rows {
		needed = max(needed, row.VE)
	}
	if needed <= at.rev {
		return nil
	}
	_, err := s.authorise(ctx, question{user: user, channel: rows[0].Channel, minRev: needed})
	return err
}

// Since answers what follows r in a channel's log, for realtime, which decides who is shown it.
func (s *Service) Since(ctx context.Context, channel beep.ChannelID, r uint32) (Delta, error) {
	if err := validateID("channel_id", uint64(channel)); err != nil {
		return Delta{}, err
	}
	return s.logs.since(ctx, channel, r)
}

// Heads answers the newest r of each channel, in the order asked.
func (s *Service) Heads(ctx context.Context, channels []beep.ChannelID) ([]uint32, error) {
	if len(channels) == 0 || len(channels) > MaxHeads {
		return nil, beep.InvalidField(beep.CodeInvalidField, "channel_ids", "1-10,000 ids")
	}
	for _, ch := range channels {
		if err := validateID("channel_ids", uint64(ch)); err != nil {
			return nil, err
		}
	}
	return s.logs.currentHeads(ctx, channels)
}
