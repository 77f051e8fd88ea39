package servers

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/beep-chat/beep"
)

// checkName trims a name and says what is wrong with it. A name of nothing but space and characters without a shape is
// as good as none: nobody could find it in a list.
func checkName(name string, limit int) (string, error) {
	name = strings.TrimSpace(name)
	shape := func(r rune) bool { return unicode.IsGraphic(r) && !unicode.IsSpace(r) }
	if !strings.ContainsFunc(name, shape) {
		return "", beep.InvalidField(beep.CodeInvalidField, "name", "is empty")
	}
	return name, checkText("name", name, limit, "")
}

// checkText refuses what is too long or holds control characters other than those allowed. NUL among them: PostgreSQL
// cannot store it. Length is in characters, as people count, not in bytes.
func checkText(field, text string, limit int, allowed string) error {
	if utf8.RuneCountInString(text) > limit {
		return beep.InvalidField(beep.CodeInvalidField, field, "is too long")
	}
	if !utf8.ValidString(text) {
		return beep.InvalidField(beep.CodeInvalidField, field, "is not UTF-8")
	}
	for _, r := range text {
		if unicode.IsControl(r) && !strings.ContainsRune(allowed, r) {
			return beep.InvalidField(beep.CodeInvalidField, field, "has a control character")
		}
	}
	return nil
}
