package faults

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	"github.com/beep-chat/beep/client"
)

// start is when the honest race begins; its events are so many milliseconds later.
var start = time.Date(2026, time.June, 1, 12, 0, 0, 0, time.UTC)

func ms(n int) time.Time { return start.Add(time.Duration(n) * time.Millisecond) }

func span(from, to int) Span { return Span{ms(from), ms(to)} }

var (
	errGone      = &client.Problem{Status: http.StatusNotFound, Code: "channel_not_found"}
	errForbidden = &client.Problem{Status: http.StatusForbidden, Code: "forbidden"}
)

// honestRace is a race as it should be: the right is taken at 100-110 ms and given back at 200-210. Of the messages m1
// is sent before, m2 while it is taken, m3 and m4 when it is gone, m5 when it is back. Two sockets hear m1 and m2, one
// of them m2 after the answer: it was sent under the old rights. Both are told at once and in the end have all.
func honestRace() *Race {
	r := &Race{
		Kind: "a revocation", Channel: tides, Revoked: span(100, 110), Granted: span(200, 210),
		Sends: map[string]*Sent{
			"m1": {Span: span(50, 60), ID: 101}, "m2": {Span: span(105, 120), ID: 102}, "m3": {Span: span(111, 121), ID: 103},
			"m4": {Span: span(150, 160), ID: 104}, "m5": {Span: span(220, 230), ID: 106},
		},
		Reads: []Read{
			{span(70, 80), []string{"m1"}, nil},
			{span(104, 118), []string{"m2", "m1"}, nil},
			{span(104, 119), nil, errGone},
			{span(112, 120), nil, errGone},
			{span(195, 205), []string{"m4", "m3", "m2", "m1"}, nil},
		},
		Attempts: []Attempt{{span(80, 90), "x0", nil}, {span(112, 130), "x1", errGone}, {span(215, 225), "x2", nil}},
	}
	window := map[uint64]*messagesv1.Message{}
	for i, nonce := range []string{"x0", "m1", "m2", "m3", "m4", "x2", "m5"} {
		m := &messagesv1.Message{Id: uint64(100 + i), ChannelId: tides, Nonce: nonce, N: uint32(i + 1)}
		r.History = append(r.History, m)
		window[m.GetId()] = m
	}
	slices.Reverse(r.History)
	for i, name := range []string{"Bob at 0", "Bob at 1"} {
		r.Ears = append(r.Ears, Overheard{
			Name:    name,
			Words:   []Word{{ms(61), "m1"}, {ms(118 + i), "m2"}, {ms(215), "m4"}, {ms(231), "m5"}},
			Removed: []time.Time{ms(125)}, Window: maps.Clone(window),
		})
	}
	return r
}

// honestMute is one in which all is heard and read; only the sends are refused, from the answer until they are allowed.
func honestMute() *Race {
	r := honestRace()
	r.Kind = Mute
	for i := range r.Ears {
		r.Ears[i].Words = []Word{{ms(61), "m1"}, {ms(118), "m2"}, {ms(122), "m3"}, {ms(161), "m4"}, {ms(231), "m5"}}
		r.Ears[i].Removed, r.Ears[i].Silenced = nil, []time.Time{ms(125)}
	}
	for i := range r.Reads {
		r.Reads[i].Err = nil
	}
	for i := range r.Attempts {
		if r.Attempts[i].Err != nil {
			r.Attempts[i].Err = errForbidden
		}
	}
	return r
}

// honestEnd is one after which there is no channel: m3 and m4 find none, and m2 came just in time.
func honestEnd() *Race {
	r := honestRace()
	r.Kind, r.History = DeleteChannel, nil
	for _, nonce := range []string{"m3", "m4", "m5"} {
		r.Sends[nonce].ID, r.Sends[nonce].Err = 0, errGone
	}
	for i := range r.Ears {
		r.Ears[i].Words, r.Ears[i].Window = r.Ears[i].Words[:2], nil
	}
	r.Reads, r.Attempts = r.Reads[:4], r.Attempts[:2]
	return r
}

func TestJudgeRace_FindsNothingInWhatIsRight(t *testing.T) {
	t.Parallel()
	r := honestRace()
	for what, r := range map[string]*Race{"a revocation": r, "a mute": honestMute(), "an end": honestEnd()} {
		if got := JudgeRace(r); len(got) > 0 {
			t.Errorf("of %s it finds %q", what, got)
		}
	}
	if r.Before() != 1 || r.Across() != 1 || r.After() != 2 {
		t.Errorf("it counts %d sends before, %d across and %d after; want 1, 1, 2", r.Before(), r.Across(), r.After())
	}
}

// TestJudgeRace_AllowsWhoIsBusyToBeLate: no answer is no leak, and no news within a second then is none either.
func TestJudgeRace_AllowsWhoIsBusyToBeLate(t *testing.T) {
	t.Parallel()
	r := honestRace()
	r.Unknown, r.Ears[0].Removed[0], r.Reads[3].Err = 2, ms(3200), &client.Problem{Status: http.StatusServiceUnavailable}
	if got := JudgeRace(r); len(got) > 0 {
		t.Errorf("it finds %q", got)
	}
}

// TestJudgeRace_CatchesPlantedFaults: each is one thing that must never come of a revocation.
func TestJudgeRace_CatchesPlantedFaults(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		plant func(*Race)
		want  string
	}{
		"a socket hears what was sent after": {func(r *Race) {
			r.Ears[1].Words = slices.Insert(r.Ears[1].Words, 2, Word{ms(123), "m3"})
		}, `Bob at 1 heard "m3", whose sending began 1ms after the answer`},
		"a socket hears more after it was told": {func(r *Race) {
			r.Ears[0].Words[1].At = ms(126)
		}, `Bob at 0 heard "m2" after it was told`},
		"a socket is never told": {func(r *Race) {
			r.Ears[0].Removed = nil
		}, "Bob at 0 was never told of it"},
		"a socket was told of an earlier one only": {func(r *Race) {
			r.Ears[0].Removed = []time.Time{ms(90)}
		}, "Bob at 0 was never told of it"},
		"a socket is told too late": {func(r *Race) {
			r.Ears[0].Removed[0] = ms(3200)
		}, "3.09s after the answer"},
		"a page is given after": {func(r *Race) {
			r.Reads[3] = Read{span(112, 120), []string{"m1"}, nil}
		}, "a page was given that was asked for 2ms after the answer"},
		"a page asked for before shows what was sent after": {func(r *Race) {
			r.Reads[1].Nonces = []string{"m3", "m2", "m1"}
		}, `a page shows "m3"`},
		"a page is refused before": {func(r *Race) {
			r.Reads[0] = Read{span(70, 80), nil, errGone}
		}, "a page was refused before"},
		"a page is refused in a way that tells that there is something": {func(r *Race) {
			r.Reads[3].Err = errForbidden
		}, "403 forbidden"},
		"a page fails": {func(r *Race) {
			r.Reads[3].Err = &client.Problem{Status: http.StatusBadRequest, Code: "invalid_query"}
		}, "400 invalid_query"},
		"a busy one never tells": {func(r *Race) {
			r.Unknown, r.Ears[0].Removed = 1, nil
		}, "Bob at 0 was never told of it"},
		"a send of who lost the right is taken": {func(r *Race) {
			r.Attempts[1].Err = nil
		}, "a send that began 2ms after the answer was answered with <nil>"},
		"a send is refused and there": {func(r *Race) {
			m := proto.CloneOf(r.History[0])
			m.Id, m.N, m.Nonce = 107, 8, "x1"
			r.History = slices.Insert(r.History, 0, m)
		}, `history has "x1", which was refused`},
		"a message is lost": {func(r *Race) {
			r.History = r.History[1:]
		}, `"m5" was acknowledged as message 106, and history has it as 0`},
		"a message is doubled": {func(r *Race) {
			m := proto.CloneOf(r.History[0])
			m.Id, m.N = 107, 8
			r.History = slices.Insert(r.History, 0, m)
		}, `history has nonce "m5" twice`},
		"a send is never answered": {func(r *Race) {
			r.Sends["m2"].ID = 0
		}, `"m2" was not acknowledged`},
		"what was said meanwhile stays hidden": {func(r *Race) {
			delete(r.Ears[1].Window, 103)
		}, "Bob at 1, who may see it again, shows message 103 otherwise than history does: not at all"},
		"a window shows what is not there": {func(r *Race) {
			r.Ears[1].Window[108] = r.History[0]
		}, "shows 1 messages that history lacks"},
		"nobody sends before": {func(r *Race) {
			r.Sends["m1"].From = ms(102)
		}, "it proves nothing: 0 sends"},
		"nobody sends after": {func(r *Race) {
			r.Sends["m3"].From, r.Sends["m4"].From = ms(109), ms(109)
		}, "it proves nothing"},
		"nobody listens": {func(r *Race) {
			r.Ears = nil
		}, "it proves nothing: 0 sockets"},
		"a send is refused before": {func(r *Race) {
			r.Attempts[0].Err = errGone
		}, "a send was refused before the revocation was asked for"},
		"a send is refused when the right is back": {func(r *Race) {
			r.Attempts[2].Err = errGone
		}, "a send was refused that began 5ms after the right was back"},
		"a send of before is lost": {func(r *Race) {
			r.History[6].Nonce = "m0"
		}, `history lacks "x0", which the member sent`},
		"nobody tries to send": {func(r *Race) {
			r.Attempts = slices.Delete(r.Attempts, 1, 2)
		}, "it proves nothing: 2 sockets, 5 pages, 0 attempts"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			wantFound(t, honestRace(), c.plant, c.want)
		})
	}
}

func wantFound(t *testing.T, r *Race, plant func(*Race), want string) {
	t.Helper()
	plant(r)
	got := JudgeRace(r)
	if !slices.ContainsFunc(got, func(v string) bool { return strings.Contains(v, want) }) {
		t.Errorf("it finds %q, want %q", got, want)
	}
}

// TestJudgeRace_OfAMute: who may only not send hears and reads all, and is told.
func TestJudgeRace_OfAMute(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		plant func(*Race)
		want  string
	}{
		"a send is taken": {func(r *Race) {
			r.Attempts[1].Err = nil
		}, "a send that began 2ms after the answer was answered with <nil>"},
		"a send is refused as if there were no channel": {func(r *Race) {
			r.Attempts[1].Err = errGone
		}, "was answered with 404 channel_not_found"},
		"a send is refused and there": {func(r *Race) {
			r.History[2].Nonce = "x1"
		}, `history has "x1", which was refused`},
		"a send is refused when the mute is over": {func(r *Race) {
			r.Attempts[2].Err = errForbidden
		}, "a send was refused that began 5ms after the right was back"},
		"a socket is cut off": {func(r *Race) {
			r.Ears[0].Removed = []time.Time{ms(125)}
		}, "Bob at 0 was told that the channel is gone, and may only not send"},
		"a socket hears nothing any more": {func(r *Race) {
			r.Ears[1].Words = slices.Delete(r.Ears[1].Words, 2, 4)
		}, "Bob at 1, who may only not send, heard nothing that was sent meanwhile"},
		"a socket is never told": {func(r *Race) {
			r.Ears[1].Silenced = nil
		}, "Bob at 1 was never told of it"},
		"a socket is told too late": {func(r *Race) {
			r.Ears[1].Silenced[0] = ms(3200)
		}, "3.09s after the answer"},
		"a page is refused": {func(r *Race) {
			r.Reads[3].Err = errGone
		}, "a page was answered with 404 channel_not_found"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			wantFound(t, honestMute(), c.plant, c.want)
		})
	}
}

// TestJudgeRace_OfAnEnd: nobody's messages are taken where there is nothing any more.
func TestJudgeRace_OfAnEnd(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		plant func(*Race)
		want  string
	}{
		"a message is taken after": {func(r *Race) {
			r.Sends["m3"].ID = 103
		}, `"m3", whose sending began 1ms after the answer, was taken`},
		"a socket hears one": {func(r *Race) {
			r.Ears[1].Words = append(r.Ears[1].Words, Word{ms(123), "m3"})
		}, `Bob at 1 heard "m3", whose sending began 1ms after the answer`},
		"a page is given after": {func(r *Race) {
			r.Reads[3] = Read{span(112, 120), nil, nil}
		}, "a page was given that was asked for 2ms after the answer"},
		"a message is refused otherwise": {func(r *Race) {
			r.Sends["m3"].Err = errForbidden
		}, `"m3" was answered with 403 forbidden`},
		"a message is refused before": {func(r *Race) {
			r.Sends["m1"].ID, r.Sends["m1"].Err = 0, errGone
		}, `"m1" was refused before the revocation was asked for`},
		"a socket is never told": {func(r *Race) {
			r.Ears[0].Removed = nil
		}, "Bob at 0 was never told of it"},
		"nobody sends after": {func(r *Race) {
			r.Sends["m3"].From, r.Sends["m4"].From = ms(109), ms(109)
		}, "it proves nothing: 1 sends began before the revocation and 0 after it"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			wantFound(t, honestEnd(), c.plant, c.want)
		})
	}
}
