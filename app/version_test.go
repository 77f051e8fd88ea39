package app

import (
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
)

func TestVersion_SaysWhatTheBuildWasMadeFrom(t *testing.T) {
	commit := []debug.BuildSetting{
		{Key: "vcs.revision", Value: "63709790a1b2c3d4e5f60718293a4b5c6d7e8f90"}, {Key: "vcs.time", Value: "2026-11-30T15:00:00Z"}, {Key: "vcs.modified", Value: "false"},
	}
	changed := append(commit[:2:2], debug.BuildSetting{Key: "vcs.modified", Value: "true"})
	for name, c := range map[string]struct {
		release, main string
		settings      []debug.BuildSetting
		want          string
	}{
		"a release":             {"1.4.0", "(devel)", commit, "1.4.0 (63709790a1b2, 2026-11-30T15:00:00Z)"},
		"a clone without a tag": {"", "(devel)", commit, "63709790a1b2, 2026-11-30T15:00:00Z"},
		"somebody's work":       {"", "(devel)", changed, "63709790a1b2, 2026-11-30T15:00:00Z, with changes that are not committed"},
		"installed by go":       {"", "v1.4.0", nil, "v1.4.0"},
		"a test":                {"", "", nil, "of an unknown version"},
	} {
		info := &debug.BuildInfo{Main: debug.Module{Version: c.main}, Settings: c.settings}
		if got := versionOf(c.release, info); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func TestGreeting_SaysWhereEverythingIs(t *testing.T) {
	dir := t.TempDir()
	all := Config{HTTP: "127.0.0.1:8080", Data: dir, Target: []string{"all"}}
	elsewhere := all
	elsewhere.ServersStore, elsewhere.UsersStore, elsewhere.MessagesStore = "postgres://db/beep", "postgres://db/beep", "sqlite:///var/lib/beep/messages.db"
	part := all
	part.Target, part.Certs = []string{"gateway"}, dir
	for name, c := range map[string]struct {
		in   Config
		mail string
		want []string
	}{
		"embedded":      {all, whereMail(true, "http://127.0.0.1:8080"), []string{"Beep is at http://127.0.0.1:8080", "Its data is in " + dir, "Its mail is read at http://127.0.0.1:8080/oidc/mailbox"}},
		"a database":    {elsewhere, "", []string{"Beep is at http://127.0.0.1:8080", "Its data is in " + filepath.FromSlash("/var/lib/beep")}},
		"no mail":       {all, whereMail(false, "https://chat.example.org"), []string{"Beep is at http://127.0.0.1:8080", "Its data is in " + dir, "It sends no mail, and so nobody can sign up: set BEEP_SMTP"}},
		"holds nothing": {part, "", []string{"Beep is at http://127.0.0.1:8080"}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, err := c.in.resolve()
			if err != nil {
				t.Fatal(err)
			}
			got := (&process{cfg: cfg, mail: c.mail}).greeting()
			if want := "  " + strings.Join(c.want, "\n  ") + "\n"; got != want {
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
}
