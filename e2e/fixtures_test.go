package e2e_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// fixture is an example of the API, which its description shows and the client's tests read.
type fixture struct {
	Path   map[string]string `json:"path"`
	Query  string            `json:"query"`
	Body   json.RawMessage   `json:"body"`
	Answer json.RawMessage   `json:"answer"`
}

func (r route) fixture(t *testing.T) (f fixture) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "api", "fixtures", "rest", r.name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &f); err != nil {
		t.Fatalf("%s: %v", r.name, err)
	}
	return f
}
