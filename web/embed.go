// Package web holds the built browser client, so that one binary serves everything.
//
// The files come from "npm run build" in this folder and are not committed: a fresh clone compiles, and
// FS then says that there is nothing to serve yet. Start reading the client itself at src/main.tsx.
package web

import (
	"embed"
	"io/fs"
)

// dist must name a folder that exists in a fresh clone, hence the committed .gitkeep; "all:" is what lets a
// pattern match that one hidden file.
//
//go:embed all:dist
var dist embed.FS

// FS returns the client's files, with index.html at the root, and whether they were built. When they were
// not, the file system is empty but for a placeholder, and the caller should say so instead of serving it.
func FS() (files fs.FS, built bool) {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		return dist, false
	}
	_, err = fs.Stat(files, "index.html")
	return files, err == nil
}
