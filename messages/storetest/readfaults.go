package storetest

import (
	"context"
	"slices"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/messages"
)

// reader wraps what reads; nil leaves a method as it is.
type reader struct {
	messages.Store
	after  func(ctx context.Context, ch beep.ChannelID, r uint32, limit int) ([]messages.Entry, error)
	newest func(ctx context.Context, ch beep.ChannelID, limit int) ([]messages.Entry, error)
	page   func(ctx context.Context, ch beep.ChannelID, rng messages.Range) ([]messages.Entry, error)
	rows   func(ctx context.Context, ch beep.ChannelID, mids []beep.MessageID) ([]messages.Entry, error)
	heads  func(ctx context.Context, channels []beep.ChannelID) ([]uint32, error)
	nonce  func(ctx context.Context, key messages.Key) (messages.Entry, error)
}

// After is wrapped.
func (s reader) After(ctx context.Context, ch beep.ChannelID, r uint32, limit int) ([]messages.Entry, error) {
	if s.after == nil {
		return s.Store.After(ctx, ch, r, limit)
	}
	return s.after(ctx, ch, r, limit)
}

// Newest is wrapped.
func (s reader) Newest(ctx context.Context, ch beep.ChannelID, limit int) ([]messages.Entry, error) {
	if s.newest == nil {
		return s.Store.Newest(ctx, ch, limit)
	}
	return s.newest(ctx, ch, limit)
}

// Page is wrapped.
func (s reader) Page(ctx context.Context, ch beep.ChannelID, rng messages.Range) ([]messages.Entry, error) {
	if s.page == nil {
		return s.Store.Page(ctx, ch, rng)
	}
	return s.page(ctx, ch, rng)
}

// Rows is wrapped.
func (s reader) Rows(ctx context.Context, ch beep.ChannelID, mids []beep.MessageID) ([]messages.Entry, error) {
	if s.rows == nil {
		return s.Store.Rows(ctx, ch, mids)
	}
	return s.rows(ctx, ch, mids)
}

// Heads is wrapped.
func (s reader) Heads(ctx context.Context, channels []beep.ChannelID) ([]uint32, error) {
	if s.heads == nil {
		return s.Store.Heads(ctx, channels)
	}
	return s.heads(ctx, channels)
}

// ByNonce is wrapped.
func (s reader) ByNonce(ctx context.Context, key messages.Key) (messages.Entry, error) {
	if s.nonce == nil {
		return s.Store.ByNonce(ctx, key)
	}
	return s.nonce(ctx, key)
}

// readFaults are mistakes in what is answered; the store beneath is sound.
func readFaults() []Fault {
	read := func(name string, wrap func(s messages.Store) reader) Fault {
		return Fault{name, func(s messages.Store) messages.Store {
			r := wrap(s)
			r.Store = s
			return r
		}}
	}
	return slices.Concat(pageFaults(read), []Fault{
		read("reads from the entry itself", func(s messages.Store) reader {
			return reader{after: func(ctx context.Context, ch beep.ChannelID, r uint32, limit int) ([]messages.Entry, error) {
				return s.After(ctx, ch, max(r, 1)-1, limit)
			}}
		}),
		read("reads without limit", func(s messages.Store) reader {
			return reader{after: func(ctx context.Context, ch beep.ChannelID, r uint32, limit int) ([]messages.Entry, error) {
				return s.After(ctx, ch, r, limit+100)
			}}
		}),
		// A head that is taken from there is the oldest.
		read("answers the newest first", func(s messages.Store) reader {
			return reader{newest: func(ctx context.Context, ch beep.ChannelID, limit int) ([]messages.Entry, error) {
				list, err := s.Newest(ctx, ch, limit)
				slices.Reverse(list)
				return list, err
			}}
		}),
		// A zero entry would pass for a message by nobody.
		read("answers rows for what is missing", func(s messages.Store) reader {
			return reader{rows: func(ctx context.Context, ch beep.ChannelID, mids []beep.MessageID) ([]messages.Entry, error) {
				list, err := s.Rows(ctx, ch, mids)
				return append(list, make([]messages.Entry, len(mids)-len(list))...), err
			}}
		}),
		// As an engine does that answers in the order of its index.
		read("sorts the heads", func(s messages.Store) reader {
			return reader{heads: func(ctx context.Context, channels []beep.ChannelID) ([]uint32, error) {
				list, err := s.Heads(ctx, channels)
				slices.Sort(list)
				return list, err
			}}
		}),
		// As one does whose lists have a limit.
		read("answers a thousand heads", func(s messages.Store) reader {
			return reader{heads: func(ctx context.Context, channels []beep.ChannelID) ([]uint32, error) {
				list, err := s.Heads(ctx, channels)
				clear(list[min(len(list), 1000):])
				return list, err
			}}
		}),
		// It would settle a request that never went in.
		read("answers a zero entry for no nonce", func(s messages.Store) reader {
			return reader{nonce: func(ctx context.Context, key messages.Key) (messages.Entry, error) {
				e, _ := s.ByNonce(ctx, key)
				return e, nil
			}}
		}),
		// It would make a second message of a retry.
		read("calls an outage an absence", func(s messages.Store) reader {
			return reader{nonce: func(ctx context.Context, key messages.Key) (messages.Entry, error) {
				e, err := s.ByNonce(ctx, key)
				if err != nil {
					err = beep.ErrNotFound
				}
				return e, err
			}}
		}),
	})
}

// pageFaults change the question or the answer of Page.
func pageFaults(read func(name string, wrap func(s messages.Store) reader) Fault) []Fault {
	page := func(name string, ask func(*messages.Range), answer func([]messages.Entry) []messages.Entry) Fault {
		return read(name, func(s messages.Store) reader {
			return reader{page: func(ctx context.Context, ch beep.ChannelID, rng messages.Range) ([]messages.Entry, error) {
				ask(&rng)
				list, err := s.Page(ctx, ch, rng)
				return answer(list), err
			}}
		})
	}
	as := func(list []messages.Entry) []messages.Entry { return list }
	asked := func(*messages.Range) {}
	return []Fault{
		page("pages without tombstones", asked, func(list []messages.Entry) []messages.Entry {
			return slices.DeleteFunc(list, func(e messages.Entry) bool { return e.State.Deleted })
		}),
		page("pages in the other order", asked, func(list []messages.Entry) []messages.Entry {
			slices.Reverse(list)
			return list
		}),
		page("pages from the message itself", func(rng *messages.Range) {
			if !rng.Newer && rng.From < beep.MaxID {
				rng.From++
			}
		}, as),
		page("pages one short", func(rng *messages.Range) { rng.Limit-- }, as),
		page("pages one way only", func(rng *messages.Range) { rng.Newer = false }, as),
	}
}
