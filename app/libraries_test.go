package app

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

func TestLibraryLog_KeepsWarningsOnly(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	log := LibraryLog(slog.New(slog.NewTextHandler(&b, nil)))
	log.Info("chatter")
	log.With("a", 1).WithGroup("g").Info("chatter")
	log.With("a", 1).WithGroup("g").Warn("trouble", "b", 2)
	if got := b.String(); strings.Contains(got, "chatter") || !strings.Contains(got, "trouble a=1 g.b=2") {
		t.Errorf("logged %q, want the warning alone", got)
	}
}
