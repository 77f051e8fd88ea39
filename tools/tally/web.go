package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// vitestReport is what we read of `vitest --reporter=json`.
type vitestReport struct {
	TestResults []struct {
		Name             string
		Status           string // of the file: failed also when it did not load
		Message          string
		AssertionResults []struct {
			FullName        string
			Status          string
			FailureMessages []string
		}
	}
}

func vitest(w io.Writer, r io.Reader) (count, error) {
	var report vitestReport
	if err := json.NewDecoder(r).Decode(&report); err != nil {
		return count{}, fmt.Errorf("vitest's report: %w", err)
	}
	var c count
	for _, file := range report.TestResults {
		before := c.failed
		for _, test := range file.AssertionResults {
			switch test.Status {
			case "passed":
				c.passed++
			case "failed":
				c.failed++
				fmt.Fprintf(w, "FAIL  %s: %s\n%s\n", file.Name, test.FullName, strings.Join(test.FailureMessages, "\n"))
			default: // pending, skipped, todo
				c.skipped++
			}
		}
		if file.Status == "failed" && c.failed == before {
			c.failed++
			fmt.Fprintf(w, "FAIL  %s\n%s\n", file.Name, file.Message)
		}
	}
	return c, nil
}

// playwrightSuite is a file or a describe block in `playwright test --reporter=json`.
type playwrightSuite struct {
	Suites []playwrightSuite
	Specs  []struct {
		Title string
		File  string
		Line  int
		Tests []struct {
			Status  string // expected, unexpected, flaky, skipped
			Results []struct {
				Error struct{ Message string }
			}
		}
	}
}

type playwrightReport struct {
	Suites []playwrightSuite
	Errors []struct{ Message string } // outside of any test: a file that does not load, a server that does not start
}

func playwright(w io.Writer, r io.Reader) (count, error) {
	var report playwrightReport
	if err := json.NewDecoder(r).Decode(&report); err != nil {
		return count{}, fmt.Errorf("playwright's report: %w", err)
	}
	var c count
	for _, e := range report.Errors {
		c.failed++
		fmt.Fprintf(w, "FAIL  %s\n", e.Message)
	}
	for _, suite := range report.Suites {
		suite.tally(w, &c)
	}
	return c, nil
}

// tally counts one test a project. A flaky one, which passed only when tried again, has failed: the second try hides
// what a user would meet at the first.
func (s playwrightSuite) tally(w io.Writer, c *count) {
	for _, inner := range s.Suites {
		inner.tally(w, c)
	}
	for _, spec := range s.Specs {
		for _, test := range spec.Tests {
			switch test.Status {
			case "expected":
				c.passed++
			case "skipped":
				c.skipped++
			default:
				c.failed++
				fmt.Fprintf(w, "FAIL  %s:%d %s (%s)\n", spec.File, spec.Line, spec.Title, test.Status)
				for _, result := range test.Results {
					fmt.Fprintln(w, result.Error.Message)
				}
			}
		}
	}
}
