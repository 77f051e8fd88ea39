package rest_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/kit/rest"
)

func TestCheckJSON_RefusesWhatTwoReadersReadDifferently(t *testing.T) {
	cases := map[string]string{
		"not an object":        `[1]`,
		"nothing":              ``,
		"number":               `1`,
		"duplicate key":        `{"a":1,"a":2}`,
		"nested duplicate":     `{"a":{"b":1,"b":2}}`,
		"duplicate by escape":  `{"a":1,"\u0061":2}`,
		"key in another case":  `{"channelId":"1"}`,
		"upper case":           `{"CONTENT":"x"}`,
		"empty key":            `{"":1}`,
		"bad UTF-8":            "{\"a\":\"\xff\"}",
		"byte order mark":      "\ufeff{}",
		"trailing":             `{} {}`,
		"cut":                  `{"a":1`,
		"comma":                `{"a":1,}`,
		"too deep":             strings.Repeat(`{"a":`, 20) + `1` + strings.Repeat(`}`, 20),
		"too deep in an array": `{"a":` + strings.Repeat(`[`, 10_000) + strings.Repeat(`]`, 10_000) + `}`,
		"comment":              `{"a":1/*x*/}`,
		"single quotes":        `{'a':1}`,
		"not a number":         `{"a":NaN}`,
	}
	for name, body := range cases {
		t.Run(name, func(t *testing.T) {
			var e *beep.Error
			if err := rest.CheckJSON([]byte(body), nil); !errors.As(err, &e) || e.Code != beep.CodeInvalidBody {
				t.Errorf("got %v, want invalid_body", err)
			}
		})
	}
}

func TestCheckJSON_LetsPlainObjectsPass(t *testing.T) {
	for _, body := range []string{
		`{}`, `{"a":1,"b":{"a":2},"c":[{"a":1},{"a":2}]}`, ` { "content" : "été \u00e9 🎉" } `, `{"channels":{"1581000000000000002":7}}`,
	} {
		if err := rest.CheckJSON([]byte(body), nil); err != nil {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestCheckJSON_LetsTheCallerRefuseOutermostKeys(t *testing.T) {
	refuse := func(key string) bool { return key != "channel_id" }
	if err := rest.CheckJSON([]byte(`{"channel_id":"1"}`), refuse); err == nil {
		t.Error("a key that the path holds already was let pass")
	}
	if err := rest.CheckJSON([]byte(`{"a":{"channel_id":"1"}}`), refuse); err != nil {
		t.Errorf("an inner key is not the caller's: %v", err)
	}
}

// What passes is read the same by a reader that keeps the first of two keys and by one that keeps the last.
func FuzzCheckJSON(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":1,"a":2}`, `{"a":[{"b":"\ud800"}]}`, "{\"a\":\"\xff\"}", `{"a":1e309}`, `{"A":1}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if rest.CheckJSON(body, nil) != nil {
			return
		}
		if !utf8.Valid(body) || !json.Valid(body) {
			t.Fatalf("%q passed", body)
		}
		var top map[string]json.RawMessage
		if err := json.Unmarshal(body, &top); err != nil {
			t.Fatalf("%q passed: %v", body, err)
		}
		for key := range top {
			if key != strings.ToLower(key) {
				t.Fatalf("key %q passed", key)
			}
		}
	})
}
