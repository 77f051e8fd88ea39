// Command tally reads what a test runner says in JSON and prints what a person wants of it: the output of what
// failed, and one closing line such as
//
//	unit: 812 passed, 0 failed
//
// It exits with 1 when a test failed, when none ran, and, with -no-skips, when one was skipped.
//
//	go test -json ./... | tally -name unit
//	tally -name web -format vitest < report.json
//	tally -name browser -format playwright < report.json
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
)

// count is what the closing line says.
type count struct{ passed, failed, skipped int }

func (c count) line(name string) string {
	line := fmt.Sprintf("%s: %d passed, %d failed", name, c.passed, c.failed)
	if c.skipped > 0 {
		line += fmt.Sprintf(", %d skipped", c.skipped)
	}
	return line
}

func main() {
	name := flag.String("name", "tests", "what the closing line begins with")
	format := flag.String("format", "go", "go, vitest or playwright")
	noSkips := flag.Bool("no-skips", false, "a skipped test is a failure")
	flag.Parse()
	ok, err := run(os.Stdout, os.Stdin, *name, *format, *noSkips)
	if err != nil {
		fmt.Fprintln(os.Stderr, "tally:", err)
	}
	if !ok || err != nil {
		os.Exit(1)
	}
}

// run reads one report and answers whether all is well. The closing line is printed whatever happens, so that a
// report that cannot be read never looks like a run without tests.
func run(w io.Writer, r io.Reader, name, format string, noSkips bool) (ok bool, err error) {
	var c count
	switch format {
	case "go":
		c, err = goTest(w, r)
	case "vitest":
		c, err = vitest(w, r)
	case "playwright":
		c, err = playwright(w, r)
	default:
		err = fmt.Errorf("no format %q", format)
	}
	if err != nil {
		c.failed++
	}
	switch {
	case c.passed+c.failed == 0:
		fmt.Fprintln(w, "no test ran")
	case noSkips && c.skipped > 0:
		fmt.Fprintln(w, "nothing may be skipped here")
	default:
		ok = c.failed == 0
	}
	fmt.Fprintln(w, c.line(name))
	return ok, err
}
