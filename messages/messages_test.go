package messages

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/beep-chat/beep"
)

func TestValidateContent(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, content string
		want          beep.Code
	}{
		{"plain", "hello", ""},
		{"one character", "x", ""},
		{"spaces around", "  x\n", ""},
		{"the most characters, of the widest", strings.Repeat("𝄞", 4000), ""},
		{"an emoji of many runes", "👩‍👩‍👧‍👦", ""},
		{"combining mark after a letter", "e\u0301", ""},
		{"control characters besides text", "a\x1b[0m", ""},
		{"one too many", strings.Repeat("x", 4001), beep.CodeMessageTooLong},
		{"empty", "", beep.CodeMessageEmpty},
		{"white space", " \t\r\n\u00a0\u2003\u3000", beep.CodeMessageEmpty},
		{"zero width", "\u200b\u200c\u200d\u2060\ufeff", beep.CodeMessageEmpty},
		{"soft hyphen and direction marks", "\u00ad\u200e\u202a\u061c", beep.CodeMessageEmpty},
		{"fillers", "\u115f\u1160\u3164\uffa0\u034f\u17b4\u180e", beep.CodeMessageEmpty},
		{"braille blank", "\u2800", beep.CodeMessageEmpty},
		{"variation selectors", "\ufe0f\U000e0100", beep.CodeMessageEmpty},
		{"control characters alone", "\x01\x7f\u0085", beep.CodeMessageEmpty},
		{"NUL", "a\x00b", beep.CodeInvalidField},
		{"not UTF-8", "a\xffb", beep.CodeInvalidField},
		{"surrogate half", "\xed\xa0\x80", beep.CodeInvalidField},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := codeOf(validateContent(tt.content, 4000)); got != tt.want {
				t.Errorf("validateContent(%.20q) = %q, want %q", tt.content, got, tt.want)
			}
		})
	}
}

// codeOf is the code of an error, empty for nil.
func codeOf(err error) beep.Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*beep.Error](err); ok {
		return e.Code
	}
	return "not a beep.Error"
}

func TestValidateNonce(t *testing.T) {
	t.Parallel()
	for _, nonce := range []string{"a", "Z-9_", strings.Repeat("x", 64)} {
		if err := validateNonce(nonce); err != nil {
			t.Errorf("validateNonce(%q) = %v, want nil", nonce, err)
		}
	}
	for _, nonce := range []string{"", strings.Repeat("x", 65), "a b", "sys:1", "é", "a\x00", "a/b", "ａ"} {
		if got := codeOf(validateNonce(nonce)); got != beep.CodeInvalidField {
			t.Errorf("validateNonce(%q) = %q, want %q", nonce, got, beep.CodeInvalidField)
		}
	}
}

func TestChange_ValidateIDs(t *testing.T) {
	t.Parallel()
	valid := Change{Key: Key{Channel: 1, Nonce: "n"}, Kind: Delete, Mid: 2}
	if err := valid.validate(4000); err != nil {
		t.Errorf("validate = %v, want nil", err)
	}
	for name, change := range map[string]func(*Change){
		"no channel":         func(c *Change) { c.Channel = 0 },
		"a channel too high": func(c *Change) { c.Channel = math.MaxInt64 + 1 },
		"no message":         func(c *Change) { c.Mid = 0 },
		"a message too high": func(c *Change) { c.Mid = math.MaxUint64 },
	} {
		c := valid
		change(&c)
		if got := codeOf(c.validate(4000)); got != beep.CodeInvalidID {
			t.Errorf("%s: validate = %q, want %q", name, got, beep.CodeInvalidID)
		}
	}
}

func TestChange_Made(t *testing.T) {
	t.Parallel()
	send := Change{Kind: Create, Content: "hello"}
	edit := Change{Kind: Edit, Mid: 5, Content: "hello"}
	remove := Change{Kind: Delete, Mid: 5}
	tests := []struct {
		name   string
		change Change
		entry  Entry
		want   bool
	}{
		{"the same send, whatever id it got", send, Entry{Kind: Create, Mid: 9, Hash: send.Hash()}, true},
		{"a send of other content", send, Entry{Kind: Create, Mid: 9, Hash: Change{Content: "hello!"}.Hash()}, false},
		{"a send whose message was deleted since", send, Entry{Kind: Create, Mid: 9}, true},
		{"the same edit", edit, Entry{Kind: Edit, Mid: 5, Hash: edit.Hash()}, true},
		{"an edit of another message", edit, Entry{Kind: Edit, Mid: 6, Hash: edit.Hash()}, false},
		{"an edit, but it was a send", edit, Entry{Kind: Create, Mid: 5, Hash: edit.Hash()}, false},
		{"an edit whose message was deleted since", edit, Entry{Kind: Edit, Mid: 5}, true},
		{"the same deletion", remove, Entry{Kind: Delete, Mid: 5, Hash: remove.Hash()}, true},
		{"a deletion of another message", remove, Entry{Kind: Delete, Mid: 6, Hash: remove.Hash()}, false},
	}
	for _, tt := range tests {
		if got := tt.change.made(tt.entry); got != tt.want {
			t.Errorf("%s: made = %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestChange_After(t *testing.T) {
	t.Parallel()
	now := beep.Now()
	origin := Origin{Author: 1, Nonce: "n", N: 4, CreatedAt: now.Add(-time.Hour)}
	before := State{Origin: origin, Content: "before"}
	if got, want := (Change{Kind: Edit, Content: "after"}).after(before, now), (State{Origin: origin, Content: "after", EditedAt: now}); got != want {
		t.Errorf("after an edit: %+v, want %+v", got, want)
	}
	if got, want := (Change{Kind: Delete}).after(before, now), (State{Origin: origin, Deleted: true}); got != want {
		t.Errorf("after a deletion: %+v, want %+v", got, want)
	}
}

func TestHeadCache_ForgetsTheLeastUsed(t *testing.T) {
	t.Parallel()
	c := newHeadCache(2)
	c.remember(1, head{r: 10})
	c.remember(2, head{r: 20})
	c.get(1)
	c.remember(3, head{r: 30})
	if _, warm := c.get(2); warm {
		t.Error("the least used head is still there")
	}
	for ch, want := range map[beep.ChannelID]uint32{1: 10, 3: 30} {
		if h, warm := c.get(ch); !warm || h.r != want {
			t.Errorf("get(%d) = %d, %v; want %d, true", ch, h.r, warm, want)
		}
	}
	if len(c.byID) != 2 || c.order.Len() != 2 {
		t.Errorf("%d heads in %d places, want 2 in 2", len(c.byID), c.order.Len())
	}
}

func TestHeadCache_NeverGoesBack(t *testing.T) {
	t.Parallel()
	c := newHeadCache(2)
	c.remember(1, head{r: 10, n: 9})
	c.remember(1, head{r: 8, n: 7})
	if h, _ := c.get(1); h.r != 10 || h.n != 9 {
		t.Errorf("get = %+v, want r 10, n 9", h)
	}
}

func TestContiguous(t *testing.T) {
	t.Parallel()
	list := []Entry{{R: 5}, {R: 6}, {R: 8}}
	if got := contiguous(4, list); len(got) != 2 {
		t.Errorf("after 4: %d entries, want 2", len(got))
	}
	if got := contiguous(3, list); len(got) != 0 {
		t.Errorf("after 3: %d entries, want none", len(got))
	}
	if got := contiguous(7, list[2:]); len(got) != 1 {
		t.Errorf("after 7: %d entries, want 1", len(got))
	}
}
