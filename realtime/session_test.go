package realtime

import "testing"

// TestSession_HoldsBackNoMoreThanAQueue: what waits for "ready" is bounded like what waits for a slow client, typing
// and presence are the first to be left out, and who is sent away gets nothing from behind the gap.
func TestSession_HoldsBackNoMoreThanAQueue(t *testing.T) {
	word, ephemeral := Frame{data: make([]byte, 60)}, Frame{data: make([]byte, 60), ephemeral: true}
	for name, tt := range map[string]struct {
		frames []Frame
		code   uint16
		got    int // frames after the release, "ready" among them
	}{
		"as much as a queue takes":    {[]Frame{word, word}, 0, 3},
		"typing beyond it":            {[]Frame{word, word, ephemeral, ephemeral}, 0, 3},
		"typing among what fits":      {[]Frame{ephemeral, word}, 0, 3},
		"an entry beyond it":          {[]Frame{word, word, word}, closeTooSlow, 1},
		"and whatever comes after it": {[]Frame{word, word, word, word, ephemeral}, closeTooSlow, 1},
	} {
		t.Run(name, func(t *testing.T) {
			out := &outbox{}
			s := &Session{out: out, limit: 100}
			s.hold()
			for _, f := range tt.frames {
				s.push(f)
			}
			if len(out.frames) != 0 {
				t.Errorf("%d frames went before ready", len(out.frames))
			}
			s.release(word)
			if out.code != tt.code || len(out.frames) != tt.got {
				t.Errorf("closed with %d, %d frames; want %d, %d", out.code, len(out.frames), tt.code, tt.got)
			}
			s.push(word)
			if len(out.frames) != tt.got+1 {
				t.Error("after the release a frame is still held back")
			}
		})
	}
}
