package sqlstore

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/kit/sqldb/sqltest"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/servers"
)

// TestRows_AreForEver: how each kind of row is stored. A row written by any Beep is read by every later one, so a
// change of this table that is not an addition loses somebody's log.
func TestRows_AreForEver(t *testing.T) {
	t.Parallel()
	at := time.Date(2031, 5, 17, 8, 9, 10, 123e6, time.UTC)
	overwrite := servers.Overwrite{ID: 7, Channel: 5, Role: 3, Allow: perm.SendMessages, Deny: perm.ViewChannels}
	for text, c := range map[string]servers.Change{
		`server_set {"id":"1","name":"n","description":"d","owner":"2","created_at":"2031-05-17T08:09:10.123Z"}`: servers.ServerSet{
			Server: servers.Server{ID: 1, Name: "n", Description: "d", Owner: 2, CreatedAt: at},
		},
		`server_set {"id":"1","name":"n","created_at":"2031-05-17T08:09:10.123Z","public":true,"system_channel":"5"}`: servers.ServerSet{
			Server: servers.Server{ID: 1, Name: "n", CreatedAt: at, Public: true, SystemChannel: 5},
		},
		`role_set {"id":"3","server":"1","name":"r","position":4,"rights":272}`: servers.RoleSet{Role: servers.Role{
			ID: 3, Server: 1, Name: "r", Position: 4, Rights: perm.SendMessages | perm.ViewChannels,
		}},
		`member_set {"user":"2","server":"1","roles":["3"],"joined_at":"2031-05-17T08:09:10.123Z"}`: servers.MemberSet{
			Member: servers.Member{User: 2, Server: 1, Roles: []beep.RoleID{3}, JoinedAt: at},
		},
		`role_set {"id":"3","server":"1","name":"r","position":4,"rights":0,"color":255,"hoist":true,"mentionable":true}`: servers.RoleSet{
			Role: servers.Role{ID: 3, Server: 1, Name: "r", Position: 4, Color: 255, Hoist: true, Mentionable: true},
		},
		`role_removed {"id":"3"}`:   servers.RoleRemoved{ID: 3},
		`server_removed {"id":"1"}`: servers.ServerRemoved{ID: 1},
		`member_set {"user":"2","server":"1","joined_at":"2031-05-17T08:09:10.123Z","nickname":"n","muted_until":"2031-05-17T08:09:10.123Z"}`: servers.MemberSet{
			Member: servers.Member{User: 2, Server: 1, JoinedAt: at, Nickname: "n", MutedUntil: at},
		},
		`member_removed {"user":"2"}`: servers.MemberRemoved{User: 2},
		`channel_set {"id":"5","server":"1","kind":"text","name":"c","topic":"t","parent":"6","position":8,"synced":true}`: servers.ChannelSet{
			Channel: servers.Channel{
				ID: 5, Server: 1, Kind: servers.Text, Name: "c", Topic: "t", Parent: 6, Position: 8, Synced: true,
			},
		},
		`channel_removed {"id":"5"}`: servers.ChannelRemoved{ID: 5},
		`overwrite_set {"id":7,"channel":"5","role":"3","allow":256,"deny":16}`:     servers.OverwriteSet{Overwrite: overwrite},
		`overwrite_removed {"id":7,"channel":"5","role":"3","allow":256,"deny":16}`: servers.OverwriteRemoved{Overwrite: overwrite},
		`scope_joined {"scope":{"Kind":1,"ID":1}}`:                                  servers.ScopeJoined{Scope: beep.ServerScope(1)},
		`scope_left {"scope":{"Kind":2,"ID":9223372036854775807}}`: servers.ScopeLeft{
			Scope: beep.Scope{Kind: beep.ScopeDirect, ID: beep.MaxID},
		},
		`thread_set {"id":"8","server":"1","channel":"5","message":"9","author":"2","name":"t","archived":true,"locked":true,"created_at":"2031-05-17T08:09:10.123Z"}`: servers.ThreadSet{
			Thread: servers.Thread{
				ID: 8, Server: 1, Channel: 5, Message: 9, Author: 2, Name: "t", Archived: true, Locked: true, CreatedAt: at,
			},
		},
		`thread_removed {"id":"8"}`: servers.ThreadRemoved{ID: 8},
		`direct_set {"id":"9","kind":"group","name":"n","created_at":"2031-05-17T08:09:10.123Z"}`: servers.DirectSet{
			DirectMessage: servers.DirectMessage{ID: 9, Kind: servers.Group, Name: "n", CreatedAt: at},
		},
		`participant_added {"user":"2"}`:                        servers.ParticipantAdded{User: 2},
		`participant_removed {"user":"2"}`:                      servers.ParticipantRemoved{User: 2},
		`direct_closed {"channel":"9","closed":true,"r":7}`:     servers.DirectClosed{Channel: 9, Closing: servers.Closing{Closed: true, R: 7}},
		`thread_joined {"server":"1","thread":"8"}`:             servers.ThreadJoined{Server: 1, Thread: 8},
		`thread_left {"server":"1","thread":"8"}`:               servers.ThreadLeft{Server: 1, Thread: 8},
		`scope_joined {"scope":{"Kind":2,"ID":9},"again":true}`: servers.ScopeJoined{Scope: beep.DirectScope(9), Again: true},
	} {
		stored, err := encode(c)
		if got := c.RowKind() + " " + stored; err != nil || got != text {
			t.Errorf("stored as %s, %v\nwant      %s", got, err, text)
		}
		back, err := decode(c.RowKind(), stored)
		if diff := cmp.Diff(c, back); diff != "" || err != nil {
			t.Errorf("%s comes back (-want +got): %v\n%s", c.RowKind(), err, diff)
		}
	}
}

// TestLog_RefusesWhatItDoesNotKnow: a row of a newer Beep, or a spoilt one, is an error and no gap.
func TestLog_RefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Helper()
		for name, row := range map[string][2]string{
			"a kind to come": {"server_painted", "{}"},
			"no JSON":        {"member_removed", "{"},
			"a wrong type":   {"member_removed", `{"user":true}`},
		} {
			s, err := Open(t.Context(), url(t))
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Commit(t.Context(), servers.Commit{Scope: beep.ServerScope(1), Changes: []servers.Change{
				servers.ServerSet{Server: servers.Server{ID: 1}, New: true}, servers.MemberSet{Member: servers.Member{User: 2, Server: 1}, New: true},
			}}); err != nil {
				t.Fatal(err)
			}
			if _, err := s.db.Exec(t.Context(), `UPDATE scope_log SET kind = ?, change = ? WHERE rev = 2`, row[0], row[1]); err != nil {
				t.Fatal(err)
			}
			if rows, _, err := s.Log(t.Context(), beep.ServerScope(1), 0, 10); err == nil {
				t.Errorf("%s: %v", name, rows)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestCommit_RefusesAChangeWithoutATable: a change that is not known here commits nothing.
func TestCommit_RefusesAChangeWithoutATable(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), "sqlite://"+t.TempDir()+"/servers.db")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	scope := beep.ServerScope(1)
	if err := s.Commit(t.Context(), servers.Commit{Scope: scope, Changes: []servers.Change{painted{}}}); err == nil {
		t.Error("it commits")
	}
	if revs, err := s.Revs(t.Context(), []beep.Scope{scope}); err != nil || revs[0] != 0 {
		t.Errorf("revision %v, %v", revs, err)
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("Ping: %v", err)
	}
}

type painted struct{}

func (painted) RowKind() string { return "server_painted" }

// TestReopening_KeepsEverything: what was answered is there when the store is opened again.
func TestReopening_KeepsEverything(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, fresh func(testing.TB) string) {
		t.Helper()
		url := fresh(t)
		for round := range uint64(3) {
			s, err := Open(t.Context(), url)
			if err != nil {
				t.Fatal(err)
			}
			rows, head, err := s.Log(t.Context(), beep.ServerScope(1), 0, 10)
			if err != nil || uint64(len(rows)) != round || head != round {
				t.Errorf("round %d: %d rows, head %d, %v", round, len(rows), head, err)
			}
			change := servers.Change(servers.ServerSet{Server: servers.Server{ID: 1}, New: round == 0})
			if err := s.Commit(t.Context(), servers.Commit{Scope: beep.ServerScope(1), Changes: []servers.Change{change}}); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestOpen_RefusesABadURL(t *testing.T) {
	t.Parallel()
	if _, err := Open(t.Context(), "mysql://localhost"); err == nil {
		t.Error("it opens")
	}
}
