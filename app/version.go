package app

import (
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
)

// release is the version that a release is built with: -ldflags "-X github.com/beep-chat/beep/app.release=1.4.0".
var release string

// Version is the version of this build, and the commit that it was made from and when.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return versionOf(release, info)
}

func versionOf(release string, info *debug.BuildInfo) string {
	version := release
	// The toolchain calls what it knows no tag of (devel), which says nothing that the commit does not say better.
	if version == "" && info.Main.Version != "(devel)" {
		version = info.Main.Version
	}
	said := map[string]string{}
	for _, s := range info.Settings {
		said[s.Key] = s.Value
	}
	var from []string
	if revision := said["vcs.revision"]; revision != "" {
		// Enough of it to find the commit by.
		from = append(from, revision[:min(12, len(revision))])
	}
	if at := said["vcs.time"]; at != "" {
		from = append(from, at)
	}
	if said["vcs.modified"] == "true" {
		from = append(from, "with changes that are not committed")
	}
	switch {
	case version == "" && len(from) == 0:
		return "of an unknown version"
	case version == "":
		return strings.Join(from, ", ")
	case len(from) == 0:
		return version
	}
	return version + " (" + strings.Join(from, ", ") + ")"
}

// greeting says where Beep is, where it keeps its data, and where its mail can be read if nobody delivers it: all that
// who starts it for the first time needs.
func (p *process) greeting() string {
	lines := []string{"Beep is at " + p.cfg.PublicURL}
	var folders []string
	for _, store := range []struct{ target, url string }{
		{targetServers, p.cfg.ServersStore}, {targetUsers, p.cfg.UsersStore}, {targetMessages, p.cfg.MessagesStore},
	} {
		path, embedded := strings.CutPrefix(store.url, "sqlite://")
		if !embedded || !p.cfg.runs(store.target) {
			continue
		}
		folder, err := filepath.Abs(filepath.Dir(path))
		if err == nil && !slices.Contains(folders, folder) {
			folders = append(folders, folder)
		}
	}
	if len(folders) > 0 {
		lines = append(lines, "Its data is in "+strings.Join(folders, ", "))
	}
	if p.mail != "" {
		lines = append(lines, p.mail)
	}
	return "  " + strings.Join(lines, "\n  ") + "\n"
}

// whereMail says what becomes of mail where no server delivers it.
func whereMail(mailbox bool, publicURL string) string {
	if mailbox {
		return "Its mail is read at " + publicURL + "/oidc/mailbox"
	}
	return "It sends no mail, and so nobody can sign up: set BEEP_SMTP"
}
