package sqldb_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/kit/sqldb"
	"github.com/beep-chat/beep/kit/sqldb/sqltest"
)

// childVariable makes the test binary a writer: it holds the URL of the store.
const childVariable = "BEEP_SQLDB_WRITER"

const writers = 8

// firstID keeps the ids of the writers and of the rounds apart.
func firstID(round, writer int) int { return round*1_000_000 + writer*10_000 }

// addPair adds a thing and its part, which must be found together or not at all.
func addPair(t *testing.T, db *sqldb.DB, id int, data []byte) error {
	t.Helper()
	return db.Tx(t.Context(), func(tx *sqldb.Tx) error {
		if _, err := tx.Exec(t.Context(), "INSERT INTO things (id, name, data) VALUES (?, ?, ?)", id, strconv.Itoa(id), data); err != nil {
			return err
		}
		_, err := tx.Exec(t.Context(), "INSERT INTO parts (thing, pos) VALUES (?, 0)", id)
		return err
	})
}

// TestWriterChild is not a test of its own: TestAcknowledged_SurvivesKill runs it in a process that it kills.
func TestWriterChild(t *testing.T) {
	url, round := os.Getenv(childVariable), os.Getenv(childVariable+"_ROUND")
	if url == "" {
		return // not skipped: nothing is left out, and a skip here would hide among those that are
	}
	n, err := strconv.Atoi(round)
	if err != nil {
		t.Fatal(err)
	}
	db := open(t, url, schema())
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range 10_000 {
				id := firstID(n, w) + i
				if err := addPair(t, db, id, make([]byte, 700)); err != nil {
					t.Errorf("add %d: %v", id, err)
					return
				}
				// One write call, so that the parent reads it whole or not.
				if _, err := os.Stdout.WriteString("ack " + strconv.Itoa(id) + "\n"); err != nil {
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestAcknowledged_SurvivesKill(t *testing.T) {
	rounds := 25
	if testing.Short() {
		rounds = 5
	}
	url := sqltest.URLs(t)[sqltest.SQLite]
	acked := map[int]bool{}
	for round := range rounds {
		for _, id := range writeAndKill(t, url, round, rand.IntN(400)) {
			acked[id] = true
		}
		db, err := sqldb.Open(t.Context(), url, schema())
		if err != nil {
			t.Fatalf("round %d: open after the kill: %v", round, err)
		}
		compare(t, db, acked)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if t.Failed() {
			t.Fatalf("round %d", round)
		}
	}
	t.Logf("%d acknowledged over %d kills", len(acked), rounds)
}

// writeAndKill lets a child write until it has acknowledged so many, kills it, and answers all that it acknowledged.
func writeAndKill(t *testing.T, url string, round, acks int) []int {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestWriterChild$")
	cmd.Env = append(os.Environ(), childVariable+"="+url, childVariable+"_ROUND="+strconv.Itoa(round))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var ids []int
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		text, ok := strings.CutPrefix(lines.Text(), "ack ")
		id, err := strconv.Atoi(text)
		if !ok || err != nil {
			t.Errorf("the child said %q", lines.Text())
		}
		ids = append(ids, id)
		if len(ids) == acks+1 {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || len(ids) <= acks {
		t.Fatalf("the child ended by itself after %d acknowledgements: %v", len(ids), err)
	}
	return ids
}

// compare holds what is stored against what was acknowledged: all of that is there, with both its rows, and at most
// one more per writer and round that was committed while the power went.
func compare(t *testing.T, db *sqldb.DB, acked map[int]bool) {
	t.Helper()
	type pair struct{ thing, part int }
	stored, err := sqldb.All(func(s sqldb.Scanner) (p pair, err error) {
		err = s.Scan(&p.thing, &p.part)
		return p, err
	})(db.Query(t.Context(), `
		SELECT t.id, COALESCE(p.thing, -1) FROM things t LEFT JOIN parts p ON p.thing = t.id`))
	if err != nil {
		t.Fatalf("read back: %v", err)
	}
	var parts int
	if err := db.QueryRow(t.Context(), "SELECT count(*) FROM parts").Scan(&parts); err != nil {
		t.Fatalf("read back: %v", err)
	}
	found, unacked := 0, map[int]int{}
	for _, p := range stored {
		if p.thing != p.part {
			t.Errorf("half of transaction %d", p.thing)
		}
		if acked[p.thing] {
			found++
		} else {
			unacked[p.thing/10_000]++
		}
	}
	if found != len(acked) {
		t.Errorf("%d acknowledged, %d of them stored", len(acked), found)
	}
	if parts != len(stored) {
		t.Errorf("%d parts for %d things", parts, len(stored))
	}
	for writer, n := range unacked {
		if n > 1 {
			t.Errorf("writer %d has %d transactions that were never acknowledged", writer, n)
		}
	}
	var verdict string
	if err := db.QueryRow(t.Context(), "PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("integrity check: %s, %v", verdict, err)
	}
}

// fill writes to a watched disk over two openings, enough for the log to be folded into the file several times.
func fill(t *testing.T, d *disk) {
	t.Helper()
	for round := range 2 {
		db, err := sqldb.Open(t.Context(), d.url(), schema())
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for w := range 4 {
			wg.Go(func() {
				for i := range 200 {
					id := firstID(round, w) + i
					if err := addPair(t, db, id, make([]byte, 5000)); err != nil {
						t.Errorf("add %d: %v", id, err)
						return
					}
					d.note(id)
				}
			})
		}
		wg.Wait()
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAcknowledged_SurvivesPowerLoss(t *testing.T) {
	images := 60
	if testing.Short() {
		images = 20
	}
	d := newDisk(t)
	fill(t, d)
	syncs := 0
	for _, e := range d.events {
		if e.kind == evSync && e.file == "test.db" {
			syncs++
		}
	}
	if syncs < 3 {
		t.Fatalf("the file was synced %d times: no checkpoint was tried", syncs)
	}
	for i := range images {
		r := rand.New(rand.NewPCG(uint64(i), 1))
		files, notes := d.image(r, r.IntN(len(d.events)+1), false)
		dir := t.TempDir()
		db, err := sqldb.Open(t.Context(), save(t, dir, files), schema())
		if err != nil {
			t.Fatalf("image %d, %d acknowledged: open: %v", i, len(notes), err)
		}
		acked := map[int]bool{}
		for _, id := range notes {
			acked[id] = true
		}
		compare(t, db, acked)
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Fatalf("image %d", i)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAcknowledged_IsLostOnADiskThatLies shows that the test above can fail.
func TestAcknowledged_IsLostOnADiskThatLies(t *testing.T) {
	d := newDisk(t)
	fill(t, d)
	for i := range 50 {
		r := rand.New(rand.NewPCG(uint64(i), 2))
		files, notes := d.image(r, r.IntN(len(d.events)+1), true)
		db, err := sqldb.Open(t.Context(), save(t, filepath.Join(t.TempDir(), "d"), files), schema())
		if err != nil {
			return // not even a store
		}
		var n int
		err = db.QueryRow(t.Context(), "SELECT count(*) FROM things").Scan(&n)
		if cerr := db.Close(); err != nil || cerr != nil || n < len(notes) {
			return
		}
	}
	t.Error("nothing was lost although nothing was synced: the layer notes too little")
}

func TestTx_StopsForGoodAfterAFailedSync(t *testing.T) {
	d := newDisk(t)
	db := open(t, d.url(), schema())
	acked := map[int]bool{}
	for id := range 20 {
		if err := addPair(t, db, firstID(0, id), nil); err != nil {
			t.Fatal(err)
		}
		acked[firstID(0, id)] = true
	}
	d.set(true, false)
	err := addPair(t, db, firstID(1, 0), nil)
	d.set(false, false)
	var e *beep.Error
	if !errors.As(err, &e) || e.Kind != beep.KindUnavailable {
		t.Errorf("a failed sync: got %v, want Unavailable", err)
	}
	if err := addPair(t, db, firstID(2, 0), nil); err == nil {
		t.Error("a write was acknowledged after a failed sync")
	}
	if err := db.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "restart") {
		t.Errorf("ping: got %v, want it to ask for a restart", err)
	}
	var n int
	if err := db.QueryRow(t.Context(), "SELECT count(*) FROM things").Scan(&n); err != nil || n < len(acked) {
		t.Errorf("reads must go on: %d things, %v", n, err)
	}
	again := open(t, d.url(), schema())
	compare(t, again, acked)
	if err := addPair(t, again, firstID(3, 0), nil); err != nil {
		t.Errorf("after the restart: %v", err)
	}
}

func TestTx_RecoversWhenAFullDiskIsFreed(t *testing.T) {
	d := newDisk(t)
	db := open(t, d.url(), schema())
	if err := addPair(t, db, 1, nil); err != nil {
		t.Fatal(err)
	}
	d.set(false, true)
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			// Large enough to spill into the file before the COMMIT, so that SQLite gives the transaction up beneath us.
			err := addPair(t, db, 100+i, make([]byte, 1<<20))
			var e *beep.Error
			if !errors.As(err, &e) || e.Kind != beep.KindUnavailable {
				t.Errorf("on a full disk: got %v, want Unavailable", err)
			}
		})
	}
	wg.Wait()
	compare(t, db, map[int]bool{1: true})
	d.set(false, false)
	if err := addPair(t, db, 2, nil); err != nil {
		t.Errorf("after it was freed: %v", err)
	}
	compare(t, db, map[int]bool{1: true, 2: true})
}

func TestSQLite_IsOpenedToBeDurable(t *testing.T) {
	db := open(t, sqltest.URLs(t)[sqltest.SQLite], schema())
	want := map[string]string{"secure_delete": "1", "journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "mmap_size": "0"}
	for pragma, want := range want {
		var got string
		err := db.Tx(t.Context(), func(tx *sqldb.Tx) error { return tx.QueryRow(t.Context(), "PRAGMA "+pragma).Scan(&got) })
		if err != nil || got != want {
			t.Errorf("%s of the writer: got %q, %v, want %q", pragma, got, err, want)
		}
	}
}

// What was taken back is nowhere in the files, whether its row went or only became shorter, and however many pages it had.
func TestSQLite_ForgetsWhatIsDeleted(t *testing.T) {
	const deleted, cleared, kept = "canary-deleted-", "canary-cleared-", "canary-kept-"
	path := filepath.Join(t.TempDir(), "beep.db")
	db := open(t, "sqlite://"+path, schema())
	ctx := t.Context()
	exec := func(query string, args ...any) {
		t.Helper()
		if _, err := db.Exec(ctx, query, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec("CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT NOT NULL)")
	for i, repeat := range []int{1, 200, 5000} { // a part of a page, one, and many
		exec("INSERT INTO notes VALUES (?, ?)", 3*i, strings.Repeat(deleted, repeat))
		exec("INSERT INTO notes VALUES (?, ?)", 3*i+1, strings.Repeat(cleared, repeat))
		exec("INSERT INTO notes VALUES (?, ?)", 3*i+2, strings.Repeat(kept, repeat))
	}
	exec("DELETE FROM notes WHERE body LIKE ?", deleted+"%")
	exec("UPDATE notes SET body = '' WHERE body LIKE ?", cleared+"%")
	if err := db.Close(); err != nil { // which writes the log back and removes it
		t.Fatal(err)
	}
	files, err := filepath.Glob(path + "*")
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	for canary, want := range map[string]bool{deleted: false, cleared: false, kept: true} {
		if got := bytes.Contains(all, []byte(canary)); got != want {
			t.Errorf("%s is in %v: %v, want %v", canary, files, got, want)
		}
	}
}

func TestSQLite_KeepsItsFilesToTheOwner(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	db := open(t, "sqlite://"+filepath.Join(dir, "a b%20#.db"), schema())
	if err := insert(t.Context(), db, 1, "one"); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) < 2 {
		t.Fatalf("%d files, %v, want the file and its log", len(files), err)
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("%s has mode %o, want 600", f.Name(), mode)
		}
	}
}

func BenchmarkTx(b *testing.B) {
	for name, url := range sqltest.URLs(b) {
		for _, n := range []int{1, 8, 32} {
			b.Run(fmt.Sprintf("%s/writers=%d", name, n), func(b *testing.B) { benchmarkTx(b, url, n) })
		}
	}
}

func benchmarkTx(b *testing.B, url string, writers int) {
	b.Helper()
	db := open(b, url, schema())
	if _, err := db.Exec(b.Context(), "DELETE FROM things"); err != nil {
		b.Fatal(err)
	}
	before := db.Stats()
	b.ResetTimer()
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := w; i < b.N; i += writers {
				if err := insert(b.Context(), db, i, strconv.Itoa(i)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	after := db.Stats()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tx/s")
	if commits := after.Commits - before.Commits; commits > 0 {
		b.ReportMetric(float64(after.Transactions-before.Transactions)/float64(commits), "tx/commit")
	}
}
