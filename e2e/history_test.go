package e2e_test

import (
	"net/http"
	"slices"
	"strconv"
	"testing"

	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
)

// TestHistory is the past of a channel as it is read by pages.
func TestHistory(t *testing.T) {
	t.Parallel()
	ada, bob := newcomer(t, "ada"), newcomer(t, "bob")
	_, tides := harbour(t, ada, bob)
	const total = 120
	var sent []*messagesv1.Message
	for i := range total {
		sent = append(sent, at(t, ada, i).send(tides, "wave "+string(rune('a'+i%26))))
	}
	at(t, ada, 0).remove(sent[100])
	v := at(t, bob, 1)

	t.Run("the newest page comes without asking for a place", func(t *testing.T) {
		page := v.history(tides, "")
		if len(page.GetMessages()) != 50 || !page.GetHasBefore() || page.GetHasAfter() || page.GetHead() != total+1 {
			t.Errorf("%d messages, before %t, after %t, head %d", len(page.GetMessages()), page.GetHasBefore(), page.GetHasAfter(), page.GetHead())
		}
		if first := page.GetMessages()[0]; first.GetId() != sent[total-1].GetId() {
			t.Errorf("it starts with %v, want the newest", first)
		}
	})
	t.Run("walking back meets every message once, in order", func(t *testing.T) {
		walk(t, v, tides, sent)
	})
	t.Run("a deleted message keeps its place without content", func(t *testing.T) {
		page := v.history(tides, "around="+id(sent[100].GetId())+"&limit=1")
		if m := page.GetMessages()[0]; len(page.GetMessages()) != 1 || !m.GetDeleted() || m.GetContent() != "" || m.GetN() != 101 {
			t.Errorf("got %v", page.GetMessages())
		}
		v.refused(http.MethodGet, messagePath(sent[100]), nil, http.StatusNotFound, "message_not_found")
	})
	t.Run("after is the page next to a message", func(t *testing.T) {
		page := v.history(tides, "after="+id(sent[9].GetId())+"&limit=5")
		if got, want := ids(page.GetMessages()), newestFirst(sent[10:15]); !slices.Equal(got, want) || !page.GetHasAfter() || !page.GetHasBefore() {
			t.Errorf("got %v, want %v, with more on both sides", got, want)
		}
		if last := v.history(tides, "after="+id(sent[total-1].GetId())); len(last.GetMessages()) != 0 || last.GetHasAfter() {
			t.Errorf("after the newest: %v", last)
		}
	})
	t.Run("around is both sides of a message and itself", func(t *testing.T) {
		page := v.history(tides, "around="+id(sent[60].GetId())+"&limit=11")
		if got, want := ids(page.GetMessages()), newestFirst(sent[55:66]); !slices.Equal(got, want) || !page.GetHasAfter() || !page.GetHasBefore() {
			t.Errorf("got %v, want %v, with more on both sides", got, want)
		}
	})
	t.Run("a page is neither larger than 100 nor two pages", func(t *testing.T) {
		if got := len(v.history(tides, "limit=100").GetMessages()); got != 100 {
			t.Errorf("limit 100 answers %d", got)
		}
		v.refused(http.MethodGet, channelPath(tides, "/messages?limit=101"), nil, http.StatusBadRequest, "invalid_field")
		v.refused(http.MethodGet, channelPath(tides, "/messages?before=5&after=6"), nil, http.StatusBadRequest, "invalid_field")
	})
}

// walk reads a channel backwards by pages of 7 and compares it with what was sent.
func walk(t *testing.T, v voice, c *serversv1.Channel, sent []*messagesv1.Message) {
	t.Helper()
	var got []uint64
	query := "limit=7"
	for {
		page := v.history(c, query)
		got = append(got, ids(page.GetMessages())...)
		if !page.GetHasBefore() {
			break
		}
		if len(page.GetMessages()) == 0 || len(got) > len(sent) {
			t.Fatalf("the walk does not end: %d of %d", len(got), len(sent))
		}
		query = "limit=7&before=" + id(got[len(got)-1])
	}
	if want := newestFirst(sent); !slices.Equal(got, want) {
		t.Errorf("walked over %v, want %v", got, want)
	}
}

// id is an id as the API writes it.
func id(n uint64) string { return strconv.FormatUint(n, 10) }

func ids(list []*messagesv1.Message) (out []uint64) {
	for _, m := range list {
		out = append(out, m.GetId())
	}
	return out
}

func newestFirst(list []*messagesv1.Message) []uint64 {
	out := ids(list)
	slices.Reverse(out)
	return out
}
