package provider_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/beep-chat/beep/users"
)

func locale(t *testing.T, name string) map[string]string {
	t.Helper()
	b, err := os.ReadFile("locales/" + name + ".json")
	must(t, err)
	words := map[string]string{}
	must(t, json.Unmarshal(b, &words))
	return words
}

// Every text is there in every language, with the same blanks to fill in.
func TestLocales_HaveTheSameTexts(t *testing.T) {
	t.Parallel()
	blank := regexp.MustCompile(`\{[a-z]+\}`)
	blanks := func(s string) []string { return slices.Sorted(slices.Values(blank.FindAllString(s, -1))) }
	en, fr := locale(t, "en"), locale(t, "fr")
	for key, text := range en {
		if fr[key] == "" || text == "" {
			t.Errorf("%s: %q and %q", key, text, fr[key])
		}
		if !slices.Equal(blanks(text), blanks(fr[key])) {
			t.Errorf("%s: blanks %v and %v", key, blanks(text), blanks(fr[key]))
		}
	}
	for key, text := range fr {
		if en[key] == "" {
			t.Errorf("%s is in French only", key)
		}
		if m := regexp.MustCompile(` [:;?!»]|« `).FindString(text); m != "" {
			t.Errorf("%s: an ordinary space in %q would let a line break there: %q", key, m, text)
		}
	}
}

// The pages name only texts that there are, and no text waits for a page that is gone.
func TestLocales_AreUsed(t *testing.T) {
	t.Parallel()
	texts := locale(t, "en")
	used := map[string]bool{}
	files, err := filepath.Glob("*.go")
	must(t, err)
	named := regexp.MustCompile(`\bt\("([^"]+)"|"(problem\.[a-z-]+)"`)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		b, err := os.ReadFile(file)
		must(t, err)
		for _, m := range named.FindAllStringSubmatch(string(b), -1) {
			key := m[1] + m[2]
			used[key] = true
			if _, ok := texts[key+".lead"]; ok && m[2] != "" {
				used[key+".lead"] = true
			}
		}
	}
	for _, p := range []users.Problem{
		users.BadUsername, users.NameTaken, users.BadEmail, users.TooShort, users.TooLong, users.TooCommon, users.TooClose,
	} {
		used["field.problem."+string(p)] = true
	}
	delete(used, "field.problem.")
	for key := range used {
		if texts[key] == "" {
			t.Errorf("a page says %q, which has no text", key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(texts)) {
		if !used[key] {
			t.Errorf("%q is on no page", key)
		}
	}
}
