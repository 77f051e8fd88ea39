package web_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/beep-chat/beep/web"
)

// A clone without a build must still compile and say so; with one, the root must be the client's page.
func TestFS_SaysWhetherTheClientWasBuilt(t *testing.T) {
	t.Parallel()
	files, built := web.FS()
	_, onDisk := os.Stat(filepath.Join("dist", "index.html"))
	if got, want := built, onDisk == nil; got != want {
		t.Fatalf("built = %t, want %t", got, want)
	}
	_, err := fs.Stat(files, "index.html")
	if got := err == nil; got != built {
		t.Errorf("index.html at the root: %t, want %t (%v)", got, built, err)
	}
	if _, err := fs.Stat(files, "dist"); err == nil {
		t.Error("the files must lie at the root, not below dist")
	}
}
