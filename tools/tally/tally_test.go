package main

import (
	"strings"
	"testing"
)

func TestRun_Go(t *testing.T) {
	t.Parallel()
	const (
		passes = `{"Action":"output","Package":"p","Test":"TestA","Output":"noise of a\n"}
{"Action":"pass","Package":"p","Test":"TestA"}
`
		skips = `{"Action":"output","Package":"p","Test":"TestS","Output":"    a_test.go:9: no server\n"}
{"Action":"output","Package":"p","Test":"TestS","Output":"--- SKIP: TestS\n"}
{"Action":"skip","Package":"p","Test":"TestS"}
`
		fails = `{"Action":"output","Package":"p","Test":"TestB","Output":"got 1, want 2\n"}
{"Action":"fail","Package":"p","Test":"TestB"}
{"Action":"output","Package":"p","Output":"FAIL\n"}
{"Action":"fail","Package":"p"}
`
		dies = `{"Action":"output","Package":"p","Test":"TestC","Output":"panic: test timed out\n"}
{"Action":"fail","Package":"p","Elapsed":1.5}
`
		buildFails = `{"Action":"build-output","ImportPath":"p [p.test]","Output":"a.go:1: undefined: x\n"}
{"Action":"build-fail","ImportPath":"p [p.test]"}
{"Action":"fail","Package":"p","FailedBuild":"p [p.test]"}
`
		end = `{"Action":"pass","Package":"p","Elapsed":0.5}
`
	)
	tests := []struct {
		name, in string
		noSkips  bool
		ok       bool
		want     []string
		unwanted string
	}{
		{"all pass", passes + end, false, true, []string{"ok       0.5s  p\n", "\nx: 1 passed, 0 failed\n"}, "noise of a"},
		{"one fails", passes + fails, false, false, []string{"FAIL  p TestB\ngot 1, want 2\n", "x: 1 passed, 1 failed\n"}, "noise of a"},
		{"one is skipped", passes + skips + end, false, true, []string{"skip  p TestS: a_test.go:9: no server\n", "x: 1 passed, 0 failed, 1 skipped\n"}, ""},
		{"one is skipped where none may be", passes + skips + end, true, false, []string{"nothing may be skipped", "x: 1 passed, 0 failed, 1 skipped\n"}, ""},
		{"the process dies", passes + dies, false, false, []string{"FAIL  p TestC\npanic: test timed out\n", "x: 1 passed, 1 failed\n"}, "noise of a"},
		{"a package does not build", buildFails, false, false, []string{"a.go:1: undefined: x\n", "x: 0 passed, 1 failed\n"}, ""},
		{"no test", end, false, false, []string{"no test ran\nx: 0 passed, 0 failed\n"}, ""},
		{"nothing at all", "", false, false, []string{"no test ran\n"}, ""},
		{"the go command complains", "flag provided but not defined: -y\n", false, false, []string{"flag provided", "no test ran"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			expect(t, "go", tt.in, tt.noSkips, tt.ok, tt.want)
			var out strings.Builder
			_, _ = run(&out, strings.NewReader(tt.in), "x", "go", tt.noSkips)
			if tt.unwanted != "" && strings.Contains(out.String(), tt.unwanted) {
				t.Errorf("output holds %q, which passed:\n%s", tt.unwanted, &out)
			}
		})
	}
}

func TestRun_Vitest(t *testing.T) {
	t.Parallel()
	expect(t, "vitest", `{"testResults":[{"name":"a.ts","status":"passed","assertionResults":[
		{"fullName":"sends","status":"passed"},{"fullName":"waits","status":"todo"}]}]}`,
		false, true, []string{"x: 1 passed, 0 failed, 1 skipped\n"})
	expect(t, "vitest", `{"testResults":[{"name":"a.ts","status":"failed","assertionResults":[
		{"fullName":"sends","status":"failed","failureMessages":["got 1"]}]}]}`,
		false, false, []string{"FAIL  a.ts: sends\ngot 1\n", "x: 0 passed, 1 failed\n"})
	expect(t, "vitest", `{"testResults":[{"name":"a.ts","status":"failed","message":"cannot load","assertionResults":[]}]}`,
		false, false, []string{"FAIL  a.ts\ncannot load\n", "x: 0 passed, 1 failed\n"})
	expect(t, "vitest", `{"testResults":[]}`, false, false, []string{"no test ran\nx: 0 passed, 0 failed\n"})
	expect(t, "vitest", ``, false, false, []string{"x: 0 passed, 1 failed\n"})
}

func TestRun_Playwright(t *testing.T) {
	t.Parallel()
	expect(t, "playwright", `{"suites":[{"specs":[{"title":"a","tests":[{"status":"expected"}]}],
		"suites":[{"specs":[{"title":"b","tests":[{"status":"expected"},{"status":"skipped"}]}]}]}]}`,
		false, true, []string{"x: 2 passed, 0 failed, 1 skipped\n"})
	expect(t, "playwright", `{"suites":[{"specs":[{"title":"joins","file":"a.spec.ts","line":7,
		"tests":[{"status":"unexpected","results":[{"error":{"message":"not visible"}}]}]}]}]}`,
		false, false, []string{"FAIL  a.spec.ts:7 joins (unexpected)\nnot visible\n", "x: 0 passed, 1 failed\n"})
	expect(t, "playwright", `{"suites":[{"specs":[{"title":"joins","tests":[{"status":"flaky"}]}]}]}`,
		false, false, []string{"joins (flaky)", "x: 0 passed, 1 failed\n"})
	expect(t, "playwright", `{"suites":[],"errors":[{"message":"no server"}]}`,
		false, false, []string{"FAIL  no server\n", "x: 0 passed, 1 failed\n"})
}

func TestRun_RefusesAnUnknownFormat(t *testing.T) {
	t.Parallel()
	expect(t, "junit", "", false, false, []string{"x: 0 passed, 1 failed\n"})
}

func expect(t *testing.T, format, in string, noSkips, wantOK bool, want []string) {
	t.Helper()
	var out strings.Builder
	ok, _ := run(&out, strings.NewReader(in), "x", format, noSkips)
	if ok != wantOK {
		t.Errorf("ok = %v, want %v:\n%s", ok, wantOK, &out)
	}
	for _, text := range want {
		if !strings.Contains(out.String(), text) {
			t.Errorf("output lacks %q:\n%s", text, &out)
		}
	}
}
