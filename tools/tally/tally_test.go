package main

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
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
		child = `{"Action":"output","Package":"p","Test":"TestChild","Output":"    a_test.go:9: run by TestKill\n"}
{"Action":"skip","Package":"p","Test":"TestChild"}
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
		{"a part of another test is no test", passes + child + end, true, true, []string{"x: 1 passed, 0 failed\n"}, "TestChild"},
		{"the process dies", passes + dies, false, false, []string{"FAIL  p TestC\npanic: test timed out\n", "x: 1 passed, 1 failed\n"}, "noise of a"},
		{"a package does not build", buildFails, false, false, []string{"a.go:1: undefined: x\n", "x: 0 passed, 1 failed\n"}, ""},
		{"no test", end, false, false, []string{"no test ran\nx: 0 passed, 0 failed\n"}, ""},
		{"nothing at all", "", false, false, []string{"no test ran\n"}, ""},
		{"the go command complains", "flag provided but not defined: -y\n", false, false, []string{"flag provided", "no test ran"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			ok, err := run(&out, strings.NewReader(tt.in), "x", tt.noSkips)
			if ok != tt.ok || err != nil {
				t.Errorf("run = %v, %v, want %v:\n%s", ok, err, tt.ok, &out)
			}
			for _, text := range tt.want {
				if !strings.Contains(out.String(), text) {
					t.Errorf("output lacks %q:\n%s", text, &out)
				}
			}
			if tt.unwanted != "" && strings.Contains(out.String(), tt.unwanted) {
				t.Errorf("output holds %q, which passed:\n%s", tt.unwanted, &out)
			}
		})
	}
}

func TestRun_SaysSoWhenTheReportBreaksOff(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	ok, err := run(&out, iotest.ErrReader(io.ErrUnexpectedEOF), "x", false)
	if ok || err == nil || out.String() != "x: 0 passed, 1 failed\n" {
		t.Errorf("run = %v, %v:\n%s", ok, err, &out)
	}
}
