package beep_test

import (
	"strconv"
	"testing"

	"github.com/beep-chat/beep"
)

// FuzzParseID: an id has one form, the one in which it is written, so that two who compare texts agree with two who
// compare numbers.
func FuzzParseID(f *testing.F) {
	for _, seed := range []string{
		"1", "1581000000000000001", "9223372036854775807", "9223372036854775808", "18446744073709551616", "0", "", "01", "+1", "-1", " 1", "1 ", "1_0",
		"0x1", "1e3", "1.0", "１", "\x00", "1\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := beep.ParseID[any](s)
		if err == nil && (id.String() != s || id == 0 || uint64(id) > beep.MaxID) {
			t.Errorf("%q is taken for %d", s, id)
		}
		if n, bad := strconv.ParseUint(s, 10, 63); err != nil && bad == nil && n > 0 && strconv.FormatUint(n, 10) == s {
			t.Errorf("%q is refused: %v", s, err)
		}
	})
}

func TestParseScope(t *testing.T) {
	t.Parallel()
	for _, scope := range []beep.Scope{beep.ServerScope(1), beep.DirectScope(77), beep.UserScope(beep.MaxID)} {
		if got, err := beep.ParseScope(scope.String()); got != scope || err != nil {
			t.Errorf("ParseScope(%q) = %v, %v", scope, got, err)
		}
	}
	for _, text := range []string{"", "server", "server:", "server:01", "server:-1", "none:1", "servers:1", "server:1:1"} {
		if got, err := beep.ParseScope(text); err == nil {
			t.Errorf("ParseScope(%q) = %v", text, got)
		}
	}
}
