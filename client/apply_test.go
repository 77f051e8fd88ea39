package client

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The frames are those of docs/realtime.md; asked is the r that the client must ask after, "none" for no question.
func TestApply_TakesFramesThatNoConnectionBrought(t *testing.T) {
	const none = ^uint32(0)
	s := &Socket{}
	for _, step := range []struct {
		name, frame    string
		asked, r, seen uint32
	}{
		{"added", `{"op":"channel_added","d":{"channel":{"id":"7","server_id":"1"}}}`, none, 0, 0},
		{"its answer", `{"op":"delta","d":{"channel_id":"7","reset":true,"head":2,"answer":true}}`, none, 2, 2},
		{"what follows", `{"op":"entries","d":{"channel_id":"7","entries":[{"r":3,"message":{"id":"30","v":3}}]}}`, none, 3, 3},
		{"the same again", `{"op":"entries","d":{"channel_id":"7","entries":[{"r":3,"message":{"id":"30","v":3}}]}}`, none, 3, 3},
		{"with a hole before it", `{"op":"entries","d":{"channel_id":"7","entries":[{"r":6,"message":{"id":"60","v":6}}]}}`, 3, 3, 6},
		{"asked already", `{"op":"entries","d":{"channel_id":"7","entries":[{"r":7,"message":{"id":"70","v":7}}]}}`, none, 3, 7},
		{"a late answer", `{"op":"delta","d":{"channel_id":"7","head":3,"answer":true,"entries":[{"r":3,"message":{"id":"30","v":3}}]}}`, 3, 3, 7},
		{"a late reset", `{"op":"delta","d":{"channel_id":"7","reset":true,"head":2}}`, none, 3, 7},
		{"of no window", `{"op":"entries","d":{"channel_id":"8","entries":[{"r":1,"message":{"id":"10","v":1}}]}}`, none, 3, 7},
	} {
		ask, err := s.Apply([]byte(step.frame))
		if err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		asked := none
		if ask != nil {
			asked = ask.GetR()
		}
		s.Windows(func(windows map[uint64]*Window) {
			w := windows[7]
			if asked != step.asked || w.R != step.r || w.Seen != step.seen || len(windows) != 1 {
				t.Errorf("%s: asks %d at r %d, seen %d of %d windows; want %d, %d, %d of 1", step.name, asked, w.R, w.Seen, len(windows), step.asked, step.r, step.seen)
			}
			if got := w.Messages[30]; step.r >= 3 && got.GetV() != 3 {
				t.Errorf("%s: message 30 is %v", step.name, got)
			}
		})
	}
	if _, err := s.Apply([]byte(`{"op":"server_removed","d":{"server_id":"1"}}`)); err != nil {
		t.Fatal(err)
	}
	s.Windows(func(windows map[uint64]*Window) {
		if diff := cmp.Diff(map[uint64]*Window{}, windows); diff != "" {
			t.Errorf("windows of a server that is gone: %s", diff)
		}
	})
}

func TestApply_RefusesWhatIsNoFrame(t *testing.T) {
	for name, frame := range map[string]string{
		"no JSON": `hello`, "two frames": `{"op":"a","d":{}}{"op":"a","d":{}}`, "wrong payload": `{"op":"entries","d":[]}`,
	} {
		var called bool
		s := &Socket{On: func(Event) { called = true }}
		if ask, err := s.Apply([]byte(frame)); err == nil || ask != nil || called {
			t.Errorf("%s: got %v, %v, told %v; want an error alone", name, ask, err, called)
		}
	}
}

// What Apply feeds and what a connection brings go through one door: the listener hears of both alike.
func TestApply_TellsTheListener(t *testing.T) {
	var got []Event
	s := &Socket{On: func(ev Event) { got = append(got, ev) }}
	for _, frame := range []string{
		`{"op":"channel_added","d":{"channel":{"id":"7"}}}`,
		`{"op":"delta","d":{"channel_id":"7","head":1,"answer":true,"entries":[{"r":1,"message":{"id":"10","v":1}}]}}`,
	} {
		if _, err := s.Apply([]byte(frame)); err != nil {
			t.Fatal(err)
		}
	}
	if len(got) != 2 || got[1].Op != "delta" || got[1].Channel != 7 || len(got[1].Applied) != 1 {
		t.Errorf("got %+v", got)
	}
}
