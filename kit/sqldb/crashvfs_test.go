package sqldb_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// This file puts a layer between SQLite and its files that notes every write, truncation, removal and sync, in order.
// From the notes it makes the files as they could be after the power fails at any point: what was synced is there,
// of what was not any part may be, down to a sector of a torn write. It can also make syncs and writes fail.

// vfsName is the layer's name in a URL (?vfs=…). It is for files in folders that have a disk.
const vfsName = "beep-crash"

// sectorSize is what a disk writes whole.
const sectorSize = 512

type eventKind uint8

const (
	evWrite eventKind = iota
	evTruncate
	evRemove
	evSync
	evSyncDir // the folder: removals before it are kept
	evNote    // something that the test wants to find its place among the others
)

type event struct {
	kind eventKind
	file string
	off  int64 // of a write; the size of a truncation
	data []byte
	note int
}

// disk notes what SQLite does to the files of one folder.
type disk struct {
	dir string

	mu        sync.Mutex // guards the rest
	events    []event
	failSyncs bool // answer a sync with an I/O error
	full      bool // answer a write with "disk full"
}

// layer is the state behind SQLite's callbacks, which carry no pointer of ours.
type layer struct {
	mu       sync.Mutex // guards the rest
	disks    map[string]*disk
	open     map[uintptr]openFile // by SQLite's file
	patched  map[uintptr]uintptr  // methods of the system's VFS -> the same with ours in them
	original sqlite3.Tsqlite3_vfs
	err      error
}

type openFile struct {
	disk    *disk
	name    string
	methods uintptr // of the system's VFS
	// The system's VFS syncs the folder at the first sync of a journal or log that it may have made.
	syncDir bool
}

var (
	crash    = &layer{disks: map[string]*disk{}, open: map[uintptr]openFile{}, patched: map[uintptr]uintptr{}}
	register = sync.OnceFunc(func() { crash.err = crash.register() })
)

// newDisk watches the files of a fresh folder.
func newDisk(t *testing.T) *disk {
	t.Helper()
	if register(); crash.err != nil {
		t.Fatal(crash.err)
	}
	d := &disk{dir: t.TempDir()}
	crash.mu.Lock()
	defer crash.mu.Unlock()
	crash.disks[d.dir] = d
	return d
}

func (d *disk) url() string { return "sqlite://" + filepath.Join(d.dir, "test.db") + "?vfs=" + vfsName }

func (d *disk) note(n int) { d.add(event{kind: evNote, note: n}) }

func (d *disk) add(e event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.events = append(d.events, e)
}

func (d *disk) set(failSyncs, full bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failSyncs, d.full = failSyncs, full
}

// image is what the files may be when the power fails after the first n events; notes are those among them. With
// lying set, the disk had not kept what it said it had.
func (d *disk) image(r *rand.Rand, n int, lying bool) (files map[string][]byte, notes []int) {
	files = map[string][]byte{}
	pending := map[string][]event{} // since the last sync of the file
	settle := func(name string, keep func() bool) {
		for _, e := range pending[name] {
			if keep() {
				apply(files, e)
			}
		}
		delete(pending, name)
	}
	for _, e := range d.events[:n] {
		switch e.kind {
		case evNote:
			notes = append(notes, e.note)
		case evSync:
			if !lying {
				settle(e.file, func() bool { return true })
			}
		case evSyncDir:
			if !lying {
				keepRemovals(files, pending)
			}
		case evWrite:
			pending[e.file] = append(pending[e.file], sectors(e)...)
		case evTruncate, evRemove:
			pending[e.file] = append(pending[e.file], e)
		}
	}
	chance := r.Float64() // from nothing of what was not synced to nearly all of it
	// In the order of the names, so that a seed means one image.
	for _, name := range slices.Sorted(maps.Keys(pending)) {
		settle(name, func() bool { return r.Float64() < chance })
	}
	return files, notes
}

// keepRemovals makes every removal so far final, and with it what was written to the removed file.
func keepRemovals(files map[string][]byte, pending map[string][]event) {
	for name, list := range pending {
		for i, e := range slices.Backward(list) {
			if e.kind == evRemove {
				delete(files, name)
				pending[name] = list[i+1:]
				break
			}
		}
	}
}

// sectors cuts a write where a power failure can.
func sectors(e event) []event {
	var list []event
	for off, data := e.off, e.data; len(data) > 0; {
		n := min(sectorSize-int(off%sectorSize), len(data))
		list = append(list, event{kind: evWrite, file: e.file, off: off, data: data[:n]})
		off, data = off+int64(n), data[n:]
	}
	return list
}

func apply(files map[string][]byte, e event) {
	b := files[e.file]
	switch e.kind {
	case evRemove:
		delete(files, e.file)
		return
	case evTruncate:
		b = b[:min(int64(len(b)), e.off)]
	case evWrite:
		if end := int(e.off) + len(e.data); end > len(b) {
			b = append(b, make([]byte, end-len(b))...)
		}
		copy(b[e.off:], e.data)
	case evSync, evSyncDir, evNote:
	}
	files[e.file] = b
}

// save writes an image into a folder and answers the store's URL.
func save(t *testing.T, dir string, files map[string][]byte) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return "sqlite://" + filepath.Join(dir, "test.db")
}

// register copies the system's VFS under another name and opens files through ours.
func (l *layer) register() error {
	tls := libc.NewTLS()
	system := sqlite3.Xsqlite3_vfs_find(tls, 0)
	if system == 0 {
		return fmt.Errorf("no VFS of the system")
	}
	l.original = *at[sqlite3.Tsqlite3_vfs](system)
	name, err := libc.CString(vfsName)
	if err != nil {
		return err
	}
	p := libc.Xcalloc(tls, 1, libc.Tsize_t(unsafe.Sizeof(l.original)))
	vfs := at[sqlite3.Tsqlite3_vfs](p)
	*vfs = l.original
	vfs.FpNext = 0
	vfs.FzName = name
	vfs.FxOpen = function(crashOpen)
	vfs.FxDelete = function(crashDelete)
	if rc := sqlite3.Xsqlite3_vfs_register(tls, p, 0); rc != sqlite3.SQLITE_OK {
		return fmt.Errorf("register the VFS: code %d", rc)
	}
	return nil
}

func (l *layer) diskOf(path string) *disk {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.disks[filepath.Dir(path)]
}

func (l *layer) file(p uintptr) openFile {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open[p]
}

func crashOpen(tls *libc.TLS, vfs, name, file uintptr, flags int32, outFlags uintptr) int32 {
	open := call[func(*libc.TLS, uintptr, uintptr, uintptr, int32, uintptr) int32](crash.original.FxOpen)
	if rc := open(tls, vfs, name, file, flags, outFlags); rc != sqlite3.SQLITE_OK || name == 0 {
		return rc
	}
	path := libc.GoString(name)
	d := crash.diskOf(path)
	if d == nil {
		return sqlite3.SQLITE_OK
	}
	methods := at[uintptr](file) // the first field of every sqlite3_file
	crash.mu.Lock()
	defer crash.mu.Unlock()
	const journals = sqlite3.SQLITE_OPEN_MAIN_JOURNAL | sqlite3.SQLITE_OPEN_SUPER_JOURNAL | sqlite3.SQLITE_OPEN_WAL
	crash.open[file] = openFile{
		disk: d, name: filepath.Base(path), methods: *methods,
		syncDir: flags&sqlite3.SQLITE_OPEN_CREATE != 0 && flags&journals != 0,
	}
	if crash.patched[*methods] == 0 {
		p := libc.Xcalloc(tls, 1, libc.Tsize_t(unsafe.Sizeof(sqlite3.Tsqlite3_io_methods{})))
		m := at[sqlite3.Tsqlite3_io_methods](p)
		*m = *at[sqlite3.Tsqlite3_io_methods](*methods)
		m.FxClose = function(crashClose)
		m.FxWrite = function(crashWrite)
		m.FxTruncate = function(crashTruncate)
		m.FxSync = function(crashSync)
		crash.patched[*methods] = p
	}
	*methods = crash.patched[*methods]
	return sqlite3.SQLITE_OK
}

func crashClose(tls *libc.TLS, file uintptr) int32 {
	f := crash.file(file)
	crash.mu.Lock()
	delete(crash.open, file)
	crash.mu.Unlock()
	return call[func(*libc.TLS, uintptr) int32](at[sqlite3.Tsqlite3_io_methods](f.methods).FxClose)(tls, file)
}

func crashWrite(tls *libc.TLS, file, data uintptr, n int32, off int64) int32 {
	f := crash.file(file)
	f.disk.mu.Lock()
	full := f.disk.full
	f.disk.mu.Unlock()
	if full {
		return sqlite3.SQLITE_FULL
	}
	f.disk.add(event{kind: evWrite, file: f.name, off: off, data: slices.Clone(unsafe.Slice(at[byte](data), n))})
	write := call[func(*libc.TLS, uintptr, uintptr, int32, int64) int32](at[sqlite3.Tsqlite3_io_methods](f.methods).FxWrite)
	return write(tls, file, data, n, off)
}

func crashTruncate(tls *libc.TLS, file uintptr, size int64) int32 {
	f := crash.file(file)
	f.disk.add(event{kind: evTruncate, file: f.name, off: size})
	return call[func(*libc.TLS, uintptr, int64) int32](at[sqlite3.Tsqlite3_io_methods](f.methods).FxTruncate)(tls, file, size)
}

func crashSync(tls *libc.TLS, file uintptr, flags int32) int32 {
	f := crash.file(file)
	f.disk.mu.Lock()
	fail := f.disk.failSyncs
	f.disk.mu.Unlock()
	if fail {
		return sqlite3.SQLITE_IOERR_FSYNC
	}
	rc := call[func(*libc.TLS, uintptr, int32) int32](at[sqlite3.Tsqlite3_io_methods](f.methods).FxSync)(tls, file, flags)
	if rc != sqlite3.SQLITE_OK {
		return rc
	}
	f.disk.add(event{kind: evSync, file: f.name})
	if f.syncDir {
		f.disk.add(event{kind: evSyncDir})
		f.syncDir = false
		crash.mu.Lock()
		defer crash.mu.Unlock()
		crash.open[file] = f
	}
	return rc
}

func crashDelete(tls *libc.TLS, vfs, name uintptr, syncDir int32) int32 {
	path := libc.GoString(name)
	d := crash.diskOf(path)
	if d != nil {
		d.add(event{kind: evRemove, file: filepath.Base(path)})
	}
	rc := call[func(*libc.TLS, uintptr, uintptr, int32) int32](crash.original.FxDelete)(tls, vfs, name, syncDir)
	if d != nil && rc == sqlite3.SQLITE_OK && syncDir != 0 {
		d.add(event{kind: evSyncDir})
	}
	return rc
}

// at is a pointer into SQLite's memory, which Go's collector does not move.
func at[T any](p uintptr) *T { return (*T)(*(*unsafe.Pointer)(unsafe.Pointer(&p))) }

// function is a top-level function as the transpiled C holds it: the pointer that a Go function value is.
func function[F any](f F) uintptr { return *(*uintptr)(unsafe.Pointer(&f)) }

// call is the way back.
func call[F any](p uintptr) F { return *(*F)(unsafe.Pointer(&p)) }
