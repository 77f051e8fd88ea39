package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// event is one line of `go test -json` (go doc test2json).
type event struct {
	Action      string
	Package     string
	ImportPath  string // of build output
	Test        string
	Output      string
	Elapsed     float64
	FailedBuild string // on the failure of a package that did not build
}

// testKey is a test, or with an empty name all that a package says outside of one.
type testKey struct{ pkg, test string }

// goReport keeps the output of every test until it is known to have passed.
type goReport struct {
	w      io.Writer
	total  count
	failed map[string]int // failed tests, by package
	output map[testKey]*strings.Builder
	build  map[string]*strings.Builder // by import path
}

func goTest(w io.Writer, r io.Reader) (count, error) {
	report := goReport{w: w, failed: map[string]int{}, output: map[testKey]*strings.Builder{}, build: map[string]*strings.Builder{}}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			// The go command itself speaks plainly, of a bad flag or a missing package.
			fmt.Fprintln(w, lines.Text())
			continue
		}
		report.add(e)
	}
	return report.total, lines.Err()
}

func (g *goReport) add(e event) {
	key := testKey{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		keep(g.build, e.ImportPath, e.Output)
	case "output":
		keep(g.output, key, e.Output)
	case "pass", "skip", "fail":
		if e.Test == "" {
			g.endPackage(e)
		} else {
			g.endTest(e)
		}
	}
}

func keep[K comparable](m map[K]*strings.Builder, key K, text string) {
	if m[key] == nil {
		m[key] = &strings.Builder{}
	}
	m[key].WriteString(text)
}

func (g *goReport) endTest(e event) {
	key := testKey{e.Package, e.Test}
	switch e.Action {
	case "pass":
		g.total.passed++
	case "skip":
		g.total.skipped++
		fmt.Fprintf(g.w, "skip  %s %s%s", e.Package, e.Test, g.reason(key))
	case "fail":
		g.total.failed++
		g.failed[e.Package]++
		fmt.Fprintf(g.w, "FAIL  %s %s\n%s", e.Package, e.Test, g.text(key))
	}
	delete(g.output, key)
}

// endPackage prints the package's line. A package that fails although none of its tests did has not built, has
// died, or was killed: that is a failure, and whatever was not finished is shown.
func (g *goReport) endPackage(e event) {
	if e.Action == "fail" && g.failed[e.Package] == 0 {
		g.total.failed++
		if text := g.build[e.FailedBuild]; text != nil {
			fmt.Fprint(g.w, text.String())
		}
		for _, key := range g.unfinished(e.Package) {
			fmt.Fprintf(g.w, "FAIL  %s %s\n%s", e.Package, key.test, g.text(key))
		}
	}
	word := map[string]string{"pass": "ok  ", "fail": "FAIL"}[e.Action]
	if word != "" { // otherwise it has no tests
		fmt.Fprintf(g.w, "%s  %6.1fs  %s\n", word, e.Elapsed, e.Package)
	}
	for _, key := range g.unfinished(e.Package) {
		delete(g.output, key)
	}
}

// unfinished is what is kept of a package, in order of name: its own output first.
func (g *goReport) unfinished(pkg string) []testKey {
	var keys []testKey
	for key := range g.output {
		if key.pkg == pkg {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b testKey) int { return strings.Compare(a.test, b.test) })
	return keys
}

func (g *goReport) text(key testKey) string {
	if g.output[key] == nil {
		return ""
	}
	return g.output[key].String()
}

// reason is the last line that a skipped test said before go test's own.
func (g *goReport) reason(key testKey) string {
	said := ""
	for line := range strings.Lines(g.text(key)) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "---") && !strings.HasPrefix(line, "===") {
			said = ": " + line
		}
	}
	return said + "\n"
}
