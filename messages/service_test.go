package messages_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	"github.com/beep-chat/beep/messages"
)

func TestSend_AnswersTheMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, second := w.send(t, ann, "n-1", "hello"), w.send(t, bob, "n-1", "hi")
	if first.R != 1 || first.N != 1 || first.V != 1 || first.VE != 7 || first.E != 7 || first.Kind != messages.Create {
		t.Errorf("the first entry is %+v", first)
	}
	want := messages.State{
		Content: "hello",
		Origin:  messages.Origin{Author: ann, Nonce: "n-1", N: 1, CreatedAt: first.At},
	}
	if first.State != want {
		t.Errorf("its state is %+v, want %+v", first.State, want)
	}
	if second.R != 2 || second.N != 2 || second.Mid <= first.Mid || second.LastID != second.Mid {
		t.Errorf("the second entry is %+v", second)
	}
	if stored := w.log(t); len(stored) != 2 || stored[0] != first || stored[1] != second {
		t.Errorf("the log is %+v, want what was answered", stored)
	}
	if age := time.Since(first.At); age < 0 || age > time.Minute || first.Mid.Time().Sub(first.At).Abs() > time.Minute {
		t.Errorf("sent at %v by its id and %v, want now", first.Mid.Time(), first.At)
	}
}

func TestSend_MintsANonce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, second := w.send(t, ann, "", "hello"), w.send(t, ann, "", "hello")
	if first.Nonce == "" || first.Nonce == second.Nonce || first.R == second.R {
		t.Errorf("nonces %q and %q at %d and %d, want two of two", first.Nonce, second.Nonce, first.R, second.R)
	}
}

func TestSend_Refuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		user    beep.UserID
		target  messages.Target
		content string
		kind    beep.Kind
		code    beep.Code
	}{
		{"a guest", 0, target(0, "n"), "x", beep.KindUnauthenticated, beep.CodeUnauthenticated},
		{"who may not see the channel", mallory, target(0, "n"), "x", beep.KindNotFound, beep.CodeChannelNotFound},
		{"who is muted", eve, target(0, "n"), "x", beep.KindForbidden, beep.CodeForbidden},
		{"no content", ann, target(0, "n"), "", beep.KindInvalid, beep.CodeMessageEmpty},
		{"white space", ann, target(0, "n"), " \u200b\n", beep.KindInvalid, beep.CodeMessageEmpty},
		{"too much content", ann, target(0, "n"), strings.Repeat("é", 4001), beep.KindInvalid, beep.CodeMessageTooLong},
		{"a bad nonce", ann, target(0, "n 1"), "x", beep.KindInvalid, beep.CodeInvalidField},
		{"what is not an id", ann, messages.Target{Channel: 1 << 63, Nonce: "n"}, "x", beep.KindInvalid, beep.CodeInvalidID},
		// Who may not see learns nothing, not even that the request is malformed.
		{"a malformed request to a hidden channel", mallory, target(0, "n 1"), "", beep.KindNotFound, beep.CodeChannelNotFound},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			_, err := w.Send(as(t.Context(), tt.user), tt.target, tt.content)
			refused(t, "Send", err, tt.kind, tt.code)
			if n := len(w.log(t)); n > 0 {
				t.Errorf("%d entries, want none", n)
			}
		})
	}
}

func TestService_RefusesWhatIsNoTextChannel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.authz.kind = "category"
	ctx := as(t.Context(), mod)
	_, err := w.Send(ctx, target(0, "n"), "x")
	refused(t, "Send", err, beep.KindPrecondition, beep.CodeNotTextChannel)
	_, err = w.Edit(ctx, target(5, "n"), "x")
	refused(t, "Edit", err, beep.KindPrecondition, beep.CodeNotTextChannel)
	refused(t, "Delete", w.Delete(ctx, target(5, "n")), beep.KindPrecondition, beep.CodeNotTextChannel)
	_, err = w.List(ctx, messages.Query{Channel: channel})
	refused(t, "List", err, beep.KindPrecondition, beep.CodeNotTextChannel)
	_, err = w.Get(ctx, channel, 5)
	refused(t, "Get", err, beep.KindPrecondition, beep.CodeNotTextChannel)
}

func TestService_ClosedWithoutADecision(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.authz.check = func(*authzv1.CheckRequest) (*authzv1.CheckResponse, error) {
		return nil, beep.Unavailable(errors.New("authz is down"))
	}
	ctx := as(t.Context(), ann)
	_, err := w.Send(ctx, target(0, "n"), "x")
	refused(t, "Send", err, beep.KindUnavailable, beep.CodeUnavailable)
	_, err = w.List(ctx, messages.Query{Channel: channel})
	refused(t, "List", err, beep.KindUnavailable, beep.CodeUnavailable)
}

func TestSend_RepeatsTheFirstOutcome(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.send(t, ann, "n-1", "hello")
	if again := w.send(t, ann, "n-1", "hello"); again != first {
		t.Errorf("the repeat answers %+v, want %+v", again, first)
	}
	_, err := w.Send(as(t.Context(), ann), target(0, "n-1"), "something else")
	refused(t, "Send of another content", err, beep.KindConflict, beep.CodeNonceReused)
	_, err = w.Edit(as(t.Context(), ann), target(first.Mid, "n-1"), "hello")
	refused(t, "Edit with the nonce of a send", err, beep.KindConflict, beep.CodeNonceReused)

	// After an edit the repeat answers the message as it stands, after a deletion its place.
	edited, err := w.Edit(as(t.Context(), ann), target(first.Mid, "n-2"), "better")
	if err != nil {
		t.Fatalf("Edit: %v", err)
	}
	if again := w.send(t, ann, "n-1", "hello"); again.State != edited.State || again.R != 1 || again.V != 2 {
		t.Errorf("the repeat after an edit answers %+v", again)
	}
	if err := w.Delete(as(t.Context(), ann), target(first.Mid, "n-3")); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	if again := w.send(t, ann, "n-1", "hello"); !again.State.Deleted || again.State.Content != "" || again.V != 3 {
		t.Errorf("the repeat after a deletion answers %+v", again)
	}
	if n := len(w.log(t)); n != 3 {
		t.Errorf("%d entries, want 3", n)
	}
}

func TestEdit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.send(t, ann, "n-1", "hello")
	ctx := as(t.Context(), ann)
	edited, err := w.Edit(ctx, target(first.Mid, "n-2"), "hello!")
	if err != nil {
		t.Fatalf("Edit: %v", err)
	}
	want := first.State
	want.Content, want.EditedAt = "hello!", edited.At
	if edited.R != 2 || edited.V != 2 || edited.Mid != first.Mid || edited.Kind != messages.Edit || edited.N != 1 || edited.State != want {
		t.Errorf("Edit answers %+v, want state %+v", edited, want)
	}
	if row, err := w.Get(ctx, channel, first.Mid); err != nil || row.State != want || row.V != 2 || row.R != 1 {
		t.Errorf("Get = %+v, %v", row, err)
	}
	if again, err := w.Edit(ctx, target(first.Mid, "n-2"), "hello!"); err != nil || again != edited {
		t.Errorf("the repeat answers %+v, %v; want %+v", again, err, edited)
	}
	_, err = w.Edit(ctx, target(first.Mid, "n-2"), "hello?")
	refused(t, "Edit with a used nonce", err, beep.KindConflict, beep.CodeNonceReused)
}

func TestEdit_Refuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.send(t, ann, "n-1", "hello")
	gone := w.send(t, ann, "n-2", "gone")
	if err := w.Delete(as(t.Context(), ann), target(gone.Mid, "n-3")); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	tests := []struct {
		name    string
		user    beep.UserID
		mid     beep.MessageID
		content string
		kind    beep.Kind
		code    beep.Code
	}{
		{"another's message", bob, first.Mid, "x", beep.KindForbidden, beep.CodeForbidden},
		{"another's message, by who manages messages", mod, first.Mid, "x", beep.KindForbidden, beep.CodeForbidden},
		{"who is muted", eve, first.Mid, "x", beep.KindForbidden, beep.CodeForbidden},
		{"who may not see", mallory, first.Mid, "x", beep.KindNotFound, beep.CodeChannelNotFound},
		{"no such message", ann, first.Mid + 1, "x", beep.KindNotFound, beep.CodeMessageNotFound},
		{"a deleted message", ann, gone.Mid, "x", beep.KindNotFound, beep.CodeMessageNotFound},
		{"no message", ann, 0, "x", beep.KindInvalid, beep.CodeInvalidID},
		{"nothing to show", ann, first.Mid, "\u00ad", beep.KindInvalid, beep.CodeMessageEmpty},
	}
	for _, tt := range tests {
		_, err := w.Edit(as(t.Context(), tt.user), target(tt.mid, "edit"), tt.content)
		refused(t, tt.name, err, tt.kind, tt.code)
	}
	if n := len(w.log(t)); n != 3 {
		t.Errorf("%d entries, want 3", n)
	}
}

func TestDelete_ScrubsEverywhere(t *testing.T) {
	t.Parallel()
	for name, user := range map[string]beep.UserID{"its author": ann, "who manages messages": mod} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			first := w.send(t, ann, "n-1", "secret one")
			other := w.send(t, ann, "n-2", "stays")
			if _, err := w.Edit(as(t.Context(), ann), target(first.Mid, "n-3"), "secret two"); err != nil {
				t.Fatalf("Edit: %v", err)
			}
			for range 2 { // the second is a repeat
				if err := w.Delete(as(t.Context(), user), target(first.Mid, "n-4")); err != nil {
					t.Fatalf("Delete: %v", err)
				}
			}
			list := w.log(t)
			if len(list) != 4 || list[3].Kind != messages.Delete || list[3].Actor != user || list[1] != other {
				t.Fatalf("the log is %+v", list)
			}
			place := messages.State{Origin: first.State.Origin, Deleted: true}
			for _, i := range []int{0, 2, 3} {
				if list[i].State != place {
					t.Errorf("entry %d keeps %+v, want %+v", list[i].R, list[i].State, place)
				}
			}
			if list[0].Hash != (messages.Hash{}) || list[2].Hash != (messages.Hash{}) {
				t.Error("hashes of deleted content are left")
			}
			_, err := w.Get(as(t.Context(), ann), channel, first.Mid)
			refused(t, "Get of a deleted message", err, beep.KindNotFound, beep.CodeMessageNotFound)
			refused(t, "a second deletion", w.Delete(as(t.Context(), user), target(first.Mid, "n-5")), beep.KindNotFound, beep.CodeMessageNotFound)
		})
	}
}

func TestDelete_Refuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.send(t, ann, "n-1", "hello")
	bobs := w.send(t, bob, "n-1", "hello")
	tests := []struct {
		name string
		user beep.UserID
		mid  beep.MessageID
		kind beep.Kind
		code beep.Code
	}{
		{"another's message", bob, first.Mid, beep.KindForbidden, beep.CodeForbidden},
		{"another's message, muted", eve, first.Mid, beep.KindForbidden, beep.CodeForbidden},
		{"who may not see", mallory, first.Mid, beep.KindNotFound, beep.CodeChannelNotFound},
		{"no such message", ann, bobs.Mid + 1, beep.KindNotFound, beep.CodeMessageNotFound},
		{"no message", ann, 0, beep.KindInvalid, beep.CodeInvalidID},
	}
	for _, tt := range tests {
		refused(t, tt.name, w.Delete(as(t.Context(), tt.user), target(tt.mid, "delete")), tt.kind, tt.code)
	}
	if err := w.Delete(as(t.Context(), bob), target(bobs.Mid, "delete")); err != nil {
		t.Errorf("Delete of one's own: %v", err)
	}
}

func TestThrottle(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := as(t.Context(), ann)
	first := w.send(t, ann, "n-1", "hello")
	if _, err := w.Edit(ctx, target(first.Mid, "n-2"), "hello!"); err != nil {
		t.Fatalf("Edit: %v", err)
	}
	want := "send:101 10/10s 1581000000000000002:n-1, edit:101 30/10s 1581000000000000002:n-2"
	if got := strings.Join(w.throttle.asked, ", "); got != want {
		t.Errorf("the throttle was asked %q, want %q", got, want)
	}

	w.throttle.refuse = true
	_, err := w.Send(ctx, target(0, "n-3"), "too much")
	refused(t, "Send", err, beep.KindLimited, beep.CodeRateLimited)
	if e, ok := errors.AsType[*beep.Error](err); !ok || e.Limit != beep.DefaultLimits().MessageRate {
		t.Errorf("the refusal %+v does not say how many may be sent", err)
	}
	if e, ok := errors.AsType[*beep.Error](err); !ok || e.RetryAfter != 3*time.Second {
		t.Errorf("Send = %v, want a retry after 3 s", err)
	}
	_, err = w.Edit(ctx, target(first.Mid, "n-4"), "too much")
	refused(t, "Edit", err, beep.KindLimited, beep.CodeRateLimited)
	refused(t, "Delete", w.Delete(ctx, target(first.Mid, "n-5")), beep.KindLimited, beep.CodeRateLimited)

	// A repeat of what was done, and what is refused anyway, are not counted.
	asked := len(w.throttle.asked)
	if again := w.send(t, ann, "n-1", "hello"); again.R != first.R {
		t.Errorf("the repeat is entry %d, want %d", again.R, first.R)
	}
	_, err = w.Send(ctx, target(0, "n-6"), "")
	refused(t, "Send of nothing", err, beep.KindInvalid, beep.CodeMessageEmpty)
	if len(w.throttle.asked) != asked {
		t.Errorf("the throttle was asked %q", w.throttle.asked[asked:])
	}
	if n := len(w.log(t)); n != 2 {
		t.Errorf("%d entries, want 2", n)
	}
}

func TestNew_WantsEveryDependency(t *testing.T) {
	t.Parallel()
	if _, err := messages.New(messages.Deps{}); err == nil {
		t.Error("New of nothing answers no error")
	}
}

func TestRun_AnswersAndPublishesWhatHasBegun(t *testing.T) {
	t.Parallel()
	store := &hooked{Store: openStore(t)}
	w := newWorldOn(t, store) // another service, for its fakes
	s, err := messages.New(messages.Deps{
		Store: store, Authz: w.authz, Bus: w.bus, Throttle: w.throttle, Limits: beep.DefaultLimits(),
		Minter: beep.NewMinter(), Log: discard(),
	})
	if err != nil {
		t.Fatal(err)
	}
	entered, release := make(chan struct{}), make(chan struct{})
	store.set(func(h *hooked) {
		h.insert = func(ctx context.Context, batch []messages.Entry) (int, error) {
			close(entered)
			<-release
			return store.Store.Insert(ctx, batch)
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended, sent := make(chan error, 1), make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	go func() {
		_, err := s.Send(as(t.Context(), ann), target(0, "n-1"), "hello")
		sent <- err
	}()
	<-entered
	cancel()
	close(release)
	if err := <-sent; err != nil {
		t.Errorf("what had begun: %v", err)
	}
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
	if wakes := w.bus.await(t, 1); len(wakes) != 1 {
		t.Errorf("%d wakes, want 1", len(wakes))
	}
	_, err = s.Send(as(t.Context(), ann), target(0, "n-2"), "too late")
	refused(t, "Send after Run", err, beep.KindUnavailable, beep.CodeUnavailable)
}
