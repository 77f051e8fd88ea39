package messages_test

import (
	"fmt"
	"testing"

	"github.com/beep-chat/beep"
	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/messages"
)

// TestPurgeAuthor: what one user wrote after a message is deleted, by whoever asked, over as many pages as it takes; all
// else stays; and a second time, at once or later, adds nothing to the log.
func TestPurgeAuthor(t *testing.T) {
	t.Parallel()
	w, r := served(t)
	old := w.send(t, bob, "old", "stays")
	const each = 120 // more than a page holds with the other's
	for i := range each {
		w.send(t, bob, fmt.Sprint("spam-", i), "spam")
		w.send(t, ann, fmt.Sprint("talk-", i), "talk")
	}
	ask := &messagesv1.PurgeAuthorRequest{
		PurgeId: 5, ChannelId: uint64(channel), AuthorId: uint64(bob), ActorId: uint64(mod), After: uint64(old.Mid), Rev: 8,
		Scope: &serversv1.Scope{Kind: "server", Id: 9},
	}
	purge := func() {
		t.Helper()
		answer, err := r.log.PurgeAuthor(t.Context(), ask)
		if err != nil {
			t.Fatalf("PurgeAuthor: %v", err)
		}
		if answer.GetMore() {
			t.Errorf("answered %v, want all of it done", answer)
		}
	}
	purge()
	list := w.log(t)
	if want := 1 + 2*each + each; len(list) != want {
		t.Fatalf("the log has %d entries, want %d", len(list), want)
	}
	for _, e := range list {
		bobs, gone := e.State.Author == bob && e.Mid != old.Mid, e.State.Deleted
		if bobs != gone || gone && e.State.Content != "" {
			t.Errorf("entry %d is %+v", e.R, e)
		}
		if e.Kind == messages.Delete && (e.Actor != mod || e.E != 8) {
			t.Errorf("deletion %d by %s under %d", e.R, e.Actor, e.E)
		}
	}
	purge()
	w.send(t, bob, "late", "spam")
	purge()
	purge()
	if got, want := len(w.log(t)), len(list)+2; got != want {
		t.Errorf("the log has %d entries after repeats, want %d", got, want)
	}
}

func TestPurgeAuthor_Refuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := messages.Purge{ID: 5, Channel: channel, Author: bob, Actor: mod, Scope: beep.ServerScope(9), E: 8}
	for name, spoil := range map[string]func(p *messages.Purge){
		"no purge":   func(p *messages.Purge) { p.ID = 0 },
		"no channel": func(p *messages.Purge) { p.Channel = 0 },
		"no author":  func(p *messages.Purge) { p.Author = 0 },
		"no actor":   func(p *messages.Purge) { p.Actor = 0 },
	} {
		p := good
		spoil(&p)
		_, _, err := w.PurgeAuthor(t.Context(), p)
		refused(t, name, err, beep.KindInvalid, beep.CodeInvalidID)
	}
}
