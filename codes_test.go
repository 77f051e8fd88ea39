package beep_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Every code is produced by at least one test: one that nobody ever got is a promise nobody keeps.
func TestCodes_EachIsProducedByATest(t *testing.T) {
	codes := codesIn(t)
	if len(codes) < 30 {
		t.Fatalf("found %d codes", len(codes))
	}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && path != ".") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") || path == "codes_test.go" {
			return nil
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for name, value := range codes {
			if strings.Contains(string(raw), "beep."+name) || strings.Contains(string(raw), strconv.Quote(value)) {
				delete(codes, name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range codes {
		t.Errorf("no test produces %s (%s)", name, value)
	}
}

// codesIn reads the constants of codes.go, by name.
func codesIn(t *testing.T) map[string]string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "codes.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	codes := map[string]string{}
	ast.Inspect(f, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && len(v.Values) == 1 {
			if lit, ok := v.Values[0].(*ast.BasicLit); ok {
				codes[v.Names[0].Name], _ = strconv.Unquote(lit.Value)
			}
		}
		return true
	})
	return codes
}
