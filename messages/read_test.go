package messages_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	"github.com/beep-chat/beep/messages"
)

// numbers are the places of rows in their channel, as a page has them.
func numbers(rows []messages.Entry) (ns []uint32) {
	for _, row := range rows {
		ns = append(ns, row.N)
	}
	return ns
}

func TestList_Pages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids := []beep.MessageID{0} // by number
	for i := range 10 {
		ids = append(ids, w.send(t, ann, fmt.Sprint("n-", i), "text").Mid)
	}
	if _, err := w.Edit(as(t.Context(), ann), target(ids[2], "edit"), "edited"); err != nil {
		t.Fatalf("Edit: %v", err)
	}
	if err := w.Delete(as(t.Context(), ann), target(ids[9], "delete")); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	type q = messages.Query
	tests := []struct {
		name          string
		query         q
		want          string
		before, after bool
	}{
		{"the newest, tombstones in place", q{Limit: 3}, "[10 9 8]", true, false},
		{"all", q{}, "[10 9 8 7 6 5 4 3 2 1]", false, false},
		{"before a message", q{Before: ids[5], Limit: 2}, "[4 3]", true, true},
		{"before the second", q{Before: ids[2], Limit: 2}, "[1]", false, true},
		{"before the first", q{Before: ids[1]}, "[]", false, true},
		{"before what is newer than all", q{Before: beep.MaxID, Limit: 2}, "[10 9]", true, false},
		{"after a message, the page next to it", q{After: ids[5], Limit: 2}, "[7 6]", true, true},
		{"after the last but one", q{After: ids[9], Limit: 2}, "[10]", true, false},
		{"after the last", q{After: ids[10]}, "[]", true, false},
		{"after what is older than all", q{After: 1, Limit: 2}, "[2 1]", false, true},
		{"around a message", q{Around: ids[5], Limit: 4}, "[7 6 5 4]", true, true},
		{"around, of odd size", q{Around: ids[5], Limit: 5}, "[7 6 5 4 3]", true, true},
		{"around the last", q{Around: ids[10], Limit: 4}, "[10 9 8 7]", true, false},
		{"around the first", q{Around: ids[1], Limit: 4}, "[4 3 2 1]", false, true},
		{"around one", q{Around: ids[5], Limit: 1}, "[5]", true, true},
		{"around what is older than all", q{Around: 1, Limit: 2}, "[2 1]", false, true},
		{"around everything", q{Around: ids[3], Limit: 100}, "[10 9 8 7 6 5 4 3 2 1]", false, false},
		{"around what is newer than all", q{Around: beep.MaxID, Limit: 2}, "[10 9]", true, false},
	}
	for _, tt := range tests {
		tt.query.Channel = channel
		page, err := w.List(as(t.Context(), bob), tt.query)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := fmt.Sprint(numbers(page.Rows)); got != tt.want || page.HasBefore != tt.before || page.HasAfter != tt.after || page.Head != 12 {
			t.Errorf("%s: %s, before %v, after %v, head %d; want %s, %v, %v, 12",
				tt.name, got, page.HasBefore, page.HasAfter, page.Head, tt.want, tt.before, tt.after)
		}
	}
	page, err := w.List(as(t.Context(), bob), q{Channel: channel})
	if err != nil || page.Rows[8].State.Content != "edited" || !page.Rows[1].State.Deleted || page.Rows[1].State.Content != "" {
		t.Errorf("the page is %+v, %v; want an edit and a tombstone", page, err)
	}
	page, err = w.List(as(t.Context(), bob), q{Channel: channel + 1})
	if err != nil || len(page.Rows) > 0 || page.HasBefore || page.HasAfter || page.Head != 0 {
		t.Errorf("the page of an empty channel is %+v, %v", page, err)
	}
}

func TestList_Refuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.send(t, ann, "n-1", "hello")
	tests := []struct {
		name  string
		user  beep.UserID
		query messages.Query
		kind  beep.Kind
		code  beep.Code
	}{
		{"a guest", 0, messages.Query{}, beep.KindUnauthenticated, beep.CodeUnauthenticated},
		{"who may not see", mallory, messages.Query{}, beep.KindNotFound, beep.CodeChannelNotFound},
		{"two edges", ann, messages.Query{Before: 1, After: 1}, beep.KindInvalid, beep.CodeInvalidField},
		{"three edges", ann, messages.Query{Before: 1, After: 1, Around: 1}, beep.KindInvalid, beep.CodeInvalidField},
		{"an edge that is no id", ann, messages.Query{Before: 1 << 63}, beep.KindInvalid, beep.CodeInvalidID},
		{"too much", ann, messages.Query{Limit: 101}, beep.KindInvalid, beep.CodeInvalidField},
		{"less than nothing", ann, messages.Query{Limit: -1}, beep.KindInvalid, beep.CodeInvalidField},
	}
	for _, tt := range tests {
		tt.query.Channel = channel
		_, err := w.List(as(t.Context(), tt.user), tt.query)
		refused(t, tt.name, err, tt.kind, tt.code)
	}
	// Who may not send may still read.
	if page, err := w.List(as(t.Context(), eve), messages.Query{Channel: channel}); err != nil || len(page.Rows) != 1 {
		t.Errorf("List by who is muted = %+v, %v", page, err)
	}
}

func TestGet_Refuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.send(t, ann, "n-1", "hello")
	tests := []struct {
		name string
		user beep.UserID
		mid  beep.MessageID
		kind beep.Kind
		code beep.Code
	}{
		{"a guest", 0, e.Mid, beep.KindUnauthenticated, beep.CodeUnauthenticated},
		{"who may not see", mallory, e.Mid, beep.KindNotFound, beep.CodeChannelNotFound},
		{"no such message", ann, e.Mid + 1, beep.KindNotFound, beep.CodeMessageNotFound},
		{"no message", ann, 0, beep.KindInvalid, beep.CodeInvalidID},
	}
	for _, tt := range tests {
		_, err := w.Get(as(t.Context(), tt.user), channel, tt.mid)
		refused(t, tt.name, err, tt.kind, tt.code)
	}
}

// TestRead_AuthorisesAgain: a reader who was allowed when the request came is revoked, and then something is said. It
// must not be shown, though the rows were read under the first decision.
func TestRead_AuthorisesAgain(t *testing.T) {
	t.Parallel()
	reads := map[string]func(ctx context.Context, w *world, mid beep.MessageID) error{
		"List": func(ctx context.Context, w *world, _ beep.MessageID) error {
			_, err := w.List(ctx, messages.Query{Channel: channel})
			return err
		},
		"Get": func(ctx context.Context, w *world, mid beep.MessageID) error {
			_, err := w.Get(ctx, channel, mid)
			return err
		},
	}
	for name, read := range reads {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.authz.rev = 8
			e := w.send(t, ann, "n-1", "said at revision 8")
			var asked []uint64
			revoked := false
			w.authz.check = func(req *authzv1.CheckRequest) (*authzv1.CheckResponse, error) {
				asked = append(asked, req.GetMinRev())
				res := w.authz.decide(req)
				if req.GetMinRev() == 0 {
					res.Rev = 7 // the decision that the request began with
				} else {
					res.Visible = !revoked
				}
				return res, nil
			}
			if err := read(as(t.Context(), bob), w, e.Mid); err != nil || fmt.Sprint(asked) != "[0 8]" {
				t.Errorf("read = %v after checks at %v, want none, [0 8]", err, asked)
			}
			revoked = true
			refused(t, "read by who was revoked", read(as(t.Context(), bob), w, e.Mid), beep.KindNotFound, beep.CodeChannelNotFound)

			// Where the first decision is new enough, one is.
			asked, w.authz.check = nil, nil
			w.authz.asked = nil
			if err := read(as(t.Context(), bob), w, e.Mid); err != nil || len(w.authz.asked) != 1 {
				t.Errorf("read = %v after %d checks, want 1", err, len(w.authz.asked))
			}

			// A decision older than what was read is none.
			w.authz.check = func(req *authzv1.CheckRequest) (*authzv1.CheckResponse, error) {
				res := w.authz.decide(req)
				res.Rev = 7
				return res, nil
			}
			refused(t, "read under a stale decision", read(as(t.Context(), bob), w, e.Mid), beep.KindUnavailable, beep.CodeUnavailable)
		})
	}
}
