package servers

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

const (
	// longestToken is how much of a word is looked at, in characters.
	longestToken = 16
	// maxQueryTokens bounds what one search looks for.
	maxQueryTokens = 5
)

// Fold makes texts alike that people take for the same: case, accents and forms of a letter are no difference.
func Fold(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFKD.String(strings.ReplaceAll(text, "ß", "ss")))
}

// words are what a text is made of, folded and cut.
func words(text string) []string {
	list := strings.FieldsFunc(Fold(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for i, word := range list {
		if runes := []rune(word); len(runes) > longestToken {
			list[i] = string(runes[:longestToken])
		}
	}
	return list
}

// DiscoveryTokens are by what a server is found: every beginning of every word of its name and description, and the
// empty one, which all that are public have. One that is not public has none. To keep beginnings, and not words, makes
// of a search for the beginning of a word the reading of a stretch of one index, in the order of the answer.
func DiscoveryTokens(s Server) []string {
	if !s.Public {
		return nil
	}
	tokens := []string{""}
	for _, word := range words(s.Name + " " + s.Description) {
		for i := range word {
			tokens = append(tokens, word[:i])
		}
		tokens = append(tokens, word)
	}
	slices.Sort(tokens)
	return slices.Compact(tokens)
}

// QueryTokens are what a search looks for, the rarest first as far as can be told: the longest. Of an empty text it is
// every server; of one without a word, nil, it is none.
func QueryTokens(query string) []string {
	if strings.TrimSpace(query) == "" {
		return []string{""}
	}
	tokens := words(query)
	slices.SortFunc(tokens, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	tokens = slices.Compact(tokens)
	return tokens[:min(len(tokens), maxQueryTokens)]
}
