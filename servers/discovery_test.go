package servers

import (
	"slices"
	"strings"
	"testing"
)

func TestDiscoveryTokens(t *testing.T) {
	t.Parallel()
	s := Server{Name: "Café-CAF", Description: "Été 42"}
	if got := DiscoveryTokens(s); got != nil {
		t.Errorf("one that is not public is found by %q", got)
	}
	s.Public = true
	want := []string{"", "4", "42", "c", "ca", "caf", "cafe", "e", "et", "ete"}
	if got := DiscoveryTokens(s); !slices.Equal(got, want) {
		t.Errorf("found by %q, want %q", got, want)
	}
	s = Server{Name: strings.Repeat("日", 40), Public: true}
	if got := DiscoveryTokens(s); len(got) != 1+longestToken || got[longestToken] != strings.Repeat("日", longestToken) {
		t.Errorf("a long word is found by %q", got)
	}
}

func TestQueryTokens(t *testing.T) {
	t.Parallel()
	for query, want := range map[string][]string{
		"": {""}, "  ": {""}, "- !": nil, "Straße": {"strasse"}, "ÉTÉ été": {"ete"}, "a bcd ef": {"bcd", "ef", "a"},
		"a b c d e f g": {"a", "b", "c", "d", "e"}, "ﬁn": {"fin"},
	} {
		if got := QueryTokens(query); !slices.Equal(got, want) {
			t.Errorf("%q is %q, want %q", query, got, want)
		}
	}
	for _, text := range []string{"İstanbul", "ΣΊΣΥΦΟΣ σίσυφος", "naïve Ωmega", "12:30"} {
		tokens := DiscoveryTokens(Server{Name: text, Public: true})
		for _, wanted := range QueryTokens(text) {
			if !slices.Contains(tokens, wanted) {
				t.Errorf("%q is not found by its own %q", text, wanted)
			}
		}
	}
}
