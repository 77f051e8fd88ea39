package servers

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/beep-chat/beep"
)

// CheckName trims a name and says what is wrong with it. A name of nothing but space and characters without a shape is
// as good as none: nobody could find it in a list.
func CheckName(name string, limit int) (string, error) {
	name = strings.TrimSpace(name)
	shape := func(r rune) bool { return unicode.IsGraphic(r) && !unicode.IsSpace(r) }
	if !strings.ContainsFunc(name, shape) {
		return "", beep.InvalidField(beep.CodeInvalidField, "name", "is empty")
	}
	return name, CheckText("name", name, limit, "")
}

// CheckText refuses what is too long or holds control characters other than those allowed. NUL among them: PostgreSQL
// cannot store it. Length is in characters, as people count, not in bytes.
func CheckText(field, text string, limit int, allowed string) error {
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

// Sizes of a page.
const (
	defaultPage = 50
	maxPage     = 100
)

// PageSize is the number of things on a page; 0 is as many as usual.
func PageSize(limit int) (int, error) {
	switch {
	case limit == 0:
		return defaultPage, nil
	case limit < 0 || limit > maxPage:
		return 0, beep.InvalidField(beep.CodeInvalidField, "limit", "is not between 1 and 100")
	}
	return limit, nil
}

// Assign takes over a value that is given.
func Assign[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}
