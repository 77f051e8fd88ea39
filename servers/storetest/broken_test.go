package storetest_test

import (
	"context"
	"errors"
	"flag"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/kit/sqldb/sqltest"
	"github.com/beep-chat/beep/servers"
	"github.com/beep-chat/beep/servers/sqlstore"
	"github.com/beep-chat/beep/servers/storetest"
)

var broken = flag.String("broken", "", "the fault of the driver that TestBrokenDriver runs the suite on")

// faulty is a driver with one fault, written as what differs from a good one.
type faulty struct {
	servers.Store
	fault string
}

func (f faulty) Commit(ctx context.Context, c servers.Commit) error {
	switch f.fault {
	case "commits at any revision":
		c.Expect = 0
	case "expects the very revision":
		if revs, err := f.Revs(ctx, []beep.Scope{c.Scope}); err != nil || c.Expect != 0 && revs[0] != c.Expect {
			return errors.Join(err, beep.ErrConflict)
		}
	case "overlooks whom it is about":
		c.Expect = f.overlook(ctx, c)
	case "counts first":
		return f.countFirst(ctx, c)
	case "lets the invitation go":
		c.Records = nil
	case "checks the invitation first":
		return f.checkFirst(ctx, c)
	case "commits in pieces":
		return f.inPieces(ctx, c)
	case "lets the banned in":
		if err := f.Store.Commit(ctx, c); !errors.Is(err, servers.ErrBanned) {
			return err
		}
		return nil
	case "forgets what was done":
		c.Records = slices.DeleteFunc(slices.Clone(c.Records), func(r servers.Record) bool {
			_, is := r.(servers.Audited)
			return is
		})
	case "forgets who stays":
		c.Touches = nil
	case "forgets the actor":
		c.Actor = 0
	case "has a clock of its own":
		c.At = time.Now()
	case "hides a failure":
		if err := f.Store.Commit(ctx, c); !errors.Is(err, beep.ErrConflict) {
			return err
		}
		return nil
	}
	return f.Store.Commit(ctx, c)
}

// overlook is the newest revision, unless something since the one expected was about who does it or about nobody.
func (f faulty) overlook(ctx context.Context, c servers.Commit) uint64 {
	rows, head, err := f.Store.Log(ctx, c.Scope, c.Expect, 1000)
	if err != nil || c.Expect == 0 {
		return c.Expect
	}
	for _, row := range rows {
		if about := servers.About(row.Change); about == 0 || about == c.Actor {
			return c.Expect
		}
	}
	return head
}

// countFirst holds the limit by counting before the transaction.
func (f faulty) countFirst(ctx context.Context, c servers.Commit) error {
	for _, change := range c.Changes {
		if m, ok := change.(servers.MemberSet); ok && c.MaxServers > 0 {
			list, err := f.ServersOf(ctx, m.User)
			if err != nil {
				return err
			}
			if len(list) >= c.MaxServers {
				return servers.ErrServerLimit
			}
		}
	}
	c.MaxServers = 0
	return f.Store.Commit(ctx, c)
}

// checkFirst reads whether the invitation is live, and then joins.
func (f faulty) checkFirst(ctx context.Context, c servers.Commit) error {
	if use, ok := used(c); ok {
		i, err := f.Invitation(ctx, use.Code)
		if err != nil || !i.Live(c.At) {
			return beep.ErrNotFound
		}
		if i.MaxUses > 0 {
			c.Records = nil
		}
	}
	return f.Store.Commit(ctx, c)
}

// inPieces is a Commit per change.
func (f faulty) inPieces(ctx context.Context, c servers.Commit) error {
	for len(c.Changes) > 1 {
		first := c
		first.Changes, first.Records, first.MaxServers = c.Changes[:1], nil, 0
		if err := f.Store.Commit(ctx, first); err != nil {
			return err
		}
		c.Changes, c.Expect = c.Changes[1:], 0
	}
	return f.Store.Commit(ctx, c)
}

func (f faulty) Log(ctx context.Context, s beep.Scope, after uint64, limit int) ([]servers.Row, uint64, error) {
	rows, head, err := f.Store.Log(ctx, s, after, limit)
	switch {
	case f.fault == "skips a row" && len(rows) > 4:
		rows = append(rows[:2:2], rows[3:]...)
	case f.fault == "answers the last row's revision as head" && len(rows) > 0:
		head = rows[len(rows)-1].Rev
	}
	return rows, head, err
}

func (f faulty) Revs(ctx context.Context, scopes []beep.Scope) ([]uint64, error) {
	if f.fault == "knows no kinds" {
		for i := range scopes {
			if scopes[i].Kind == beep.ScopeDirect {
				scopes[i].Kind = beep.ScopeServer
			}
		}
	}
	return f.Store.Revs(ctx, scopes)
}

func (f faulty) ChannelScope(ctx context.Context, id beep.ChannelID) (beep.Scope, error) {
	if _, err := f.Channel(ctx, id); err != nil && f.fault == "forgets removed channels" {
		return beep.Scope{}, err
	}
	return f.Store.ChannelScope(ctx, id)
}

func (f faulty) MuteEnd(ctx context.Context, server beep.ServerID, user beep.UserID) (time.Time, error) {
	if _, err := f.Member(ctx, server, user); err != nil && f.fault == "sheds mutes" {
		return time.Time{}, err
	}
	return f.Store.MuteEnd(ctx, server, user)
}

func (f faulty) Members(ctx context.Context, id beep.ServerID, after beep.UserID, limit int) ([]servers.Member, error) {
	if f.fault == "pages from the last one again" && after > 0 {
		after--
	}
	return f.Store.Members(ctx, id, after, limit)
}

// TestBrokenDriver runs the suite on a driver with the fault of -broken. TestRun_FindsBrokenDrivers wants it to fail.
func TestBrokenDriver(t *testing.T) {
	t.Parallel()
	if *broken == "" {
		return // not skipped: nothing is left out
	}
	sqltest.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Helper()
		storetest.Run(t, func(t *testing.T) servers.Store {
			t.Helper()
			store, err := sqlstore.Open(t.Context(), url(t))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = store.Close() })
			return faulty{store, *broken}
		})
	})
}

// TestRun_FindsBrokenDrivers: each fault is found, by a group that is named after what is wrong.
func TestRun_FindsBrokenDrivers(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for fault, group := range map[string]string{
		"":                                        "", // the wrapper alone is no fault
		"commits at any revision":                 "concurrent expectations",
		"counts first":                            "concurrent joins of a user",
		"lets the invitation go":                  "concurrent uses of an invitation",
		"checks the invitation first":             "concurrent uses of an invitation",
		"commits in pieces":                       "refusals",
		"lets the banned in":                      "bans",
		"forgets what was done":                   "audit log",
		"sheds mutes":                             "mutes",
		"forgets the actor":                       "log",
		"forgets who stays":                       "direct messages",
		"has a clock of its own":                  "invitations",
		"hides a failure":                         "refusals",
		"skips a row":                             "concurrent changes",
		"answers the last row's revision as head": "log pages",
		"knows no kinds":                          "revisions",
		"forgets removed channels":                "channels",
		"pages from the last one again":           "members",
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			// Its own process: a test that fails can't be told from one that should not have.
			flags := []string{"-test.run", "^TestBrokenDriver$/^sqlite$/^" + group + "$", "-broken", fault}
			if fault == "" {
				flags = []string{"-test.run", "^TestBrokenDriver$/^sqlite$", "-broken", "none"}
			}
			out, err := exec.CommandContext(t.Context(), self, flags...).CombinedOutput()
			if fault == "" && err != nil {
				t.Fatalf("a good driver fails: %v\n%s", err, out)
			}
			if found := strings.Contains(string(out), "--- FAIL: TestBrokenDriver/sqlite/"); fault != "" && (err == nil || !found) {
				t.Errorf("not found: %v\n%s", err, out)
			}
		})
	}
}

// used is the use of an invitation that a commit takes.
func used(c servers.Commit) (use servers.InvitationUsed, ok bool) {
	for _, record := range c.Records {
		if use, ok = record.(servers.InvitationUsed); ok {
			return use, true
		}
	}
	return use, false
}
