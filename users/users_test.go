package users_test

import (
	"context"
	"errors"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/users"
	"github.com/beep-chat/beep/users/sqlstore"
)

// bus counts what is published on users.Topic.
type bus struct{ revocations atomic.Int64 }

func (b *bus) Publish(_ context.Context, topic string, payload []byte) error {
	if topic == users.Topic && len(payload) == 0 {
		b.revocations.Add(1)
	}
	return nil
}

// env is a running service on an embedded store, on a fake clock.
type env struct {
	*users.Service
	store *sqlstore.Store
	bus   *bus
	stop  func() error // ends Run
}

// cheap is a cost for tests that hash often.
func cheap() users.Cost { return users.Cost{MemoryKiB: 8, Passes: 1, Threads: 1} }

func open(t *testing.T, dir string, change func(*users.Deps)) *env {
	t.Helper()
	store, err := sqlstore.Open(t.Context(), "sqlite://"+filepath.Join(dir, "users.db"))
	if err != nil {
		t.Fatal(err)
	}
	e := &env{store: store, bus: &bus{}}
	deps := users.Deps{Store: store, Bus: e.bus, PublicURL: "http://127.0.0.1:8080", Cost: cheap()}
	if change != nil {
		change(&deps)
	}
	if e.Service, err = users.New(deps); err != nil {
		t.Fatal(err)
	}
	e.run(t)
	t.Cleanup(func() {
		if err := errors.Join(e.stop(), store.Close()); err != nil {
			t.Error(err)
		}
	})
	return e
}

func (e *env) run(t *testing.T) {
	t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	e.stop = func() error { stop(); return <-done }
}

// pass lets time pass while the service runs.
func pass(d time.Duration) { time.Sleep(d) }

// sleep lets time pass without the service looking up every second of it.
func (e *env) sleep(t *testing.T, d time.Duration) {
	t.Helper()
	must(t, e.stop())
	time.Sleep(d)
	e.run(t)
}

// bubble runs fn with a service on a fake clock.
func bubble(t *testing.T, change func(*users.Deps), fn func(t *testing.T, e *env)) {
	t.Helper()
	dir := t.TempDir()
	faked(t, func(t *testing.T) { fn(t, open(t, dir, change)) })
}

// faked runs fn on a fake clock that stands after the first day of ids.
func faked(t *testing.T, fn func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)))
		fn(t)
	})
}

const password = "correct horse battery"

func visitor(browser string) users.Visitor {
	return users.Visitor{IP: netip.MustParseAddr("192.0.2.7"), Browser: users.DigestOf(browser), Locale: "en"}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error = %v, want %v", err, want)
	}
}

func wantCode(t *testing.T, err error, want beep.Code) {
	t.Helper()
	_ = refusal(t, err, want)
}

// refusal is err, which must have that code.
func refusal(t *testing.T, err error, want beep.Code) *beep.Error {
	t.Helper()
	var e *beep.Error
	if !errors.As(err, &e) || e.Code != want {
		t.Fatalf("error = %v, want code %q", err, want)
	}
	return e
}

// letter is the newest letter to an address, once the post has been.
func (e *env) letter(t *testing.T, to string) users.Letter {
	t.Helper()
	synctest.Wait()
	list, err := e.Letters(t.Context(), to)
	must(t, err)
	if len(list) == 0 {
		t.Fatalf("no letter to %s", to)
	}
	return list[0]
}

var (
	codeIn = regexp.MustCompile(`\b\d{6}\b`)
	linkIn = regexp.MustCompile(`[?&]link=(\S+)`)
)

func code(l users.Letter) string { return codeIn.FindString(l.Text) }

func link(t *testing.T, l users.Letter) string {
	t.Helper()
	m := linkIn.FindStringSubmatch(l.Text)
	if m == nil {
		t.Fatalf("no link in %q", l.Text)
	}
	return m[1]
}

// join signs name up and confirms the account, in a browser of that name.
func (e *env) join(t *testing.T, name string) users.Opened {
	t.Helper()
	email := name + "@example.org"
	handle, err := e.SignUp(t.Context(), users.SignUp{Visitor: visitor(name), Username: name, Email: email, Password: password})
	must(t, err)
	got, err := e.Confirm(t.Context(), users.Confirm{Visitor: visitor(name), Handle: handle, Code: code(e.letter(t, email))})
	must(t, err)
	return got.Opened
}

func as(t *testing.T, id beep.UserID) context.Context {
	t.Helper()
	return beep.WithCaller(t.Context(), beep.Caller{User: id})
}

func TestNew_RefusesAnAddressThatIsNone(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "chat.example.org", "ftp://chat.example.org", "https://chat.example.org/beep", "https://u:p@chat.example.org", "https://chat.example.org?x=1"} {
		if _, err := users.New(users.Deps{Store: &sqlstore.Store{}, Bus: &bus{}, PublicURL: url}); err == nil {
			t.Errorf("New took the public URL %q", url)
		}
	}
}

func TestMail_NeedsAServerWhereOthersCanCome(t *testing.T) {
	t.Parallel()
	tests := []struct {
		url           string
		local, server bool
		ready, open   bool
	}{
		{"http://127.0.0.1:8080", true, false, true, true},
		{"http://localhost:8080", true, false, true, true},
		{"http://beep.localhost", true, false, true, true},
		{"http://[::1]:8080", true, false, true, true},
		{"http://127.0.0.1:8080", true, true, true, false},
		{"https://chat.example.org", false, false, false, false},
		{"https://127.0.0.1.example.org", false, false, false, false},
		{"http://192.168.1.5", false, false, false, false},
		{"https://chat.example.org", false, true, true, false},
	}
	for _, tt := range tests {
		d := users.Deps{Store: &sqlstore.Store{}, Bus: &bus{}, PublicURL: tt.url}
		if tt.server {
			d.Mailer = mailerFunc(func(context.Context, users.Letter) error { return nil })
		}
		s, err := users.New(d)
		must(t, err)
		if s.Local() != tt.local || s.MailReady() != tt.ready || s.MailboxOpen() != tt.open {
			t.Errorf("%s with a server %v: local %v ready %v open %v", tt.url, tt.server, s.Local(), s.MailReady(), s.MailboxOpen())
		}
		if !tt.ready {
			_, err = s.SignUp(t.Context(), users.SignUp{})
			wantErr(t, err, users.ErrNoMail)
			wantErr(t, s.ForgotPassword(t.Context(), users.Visitor{}, "a@example.org", users.Digest{}), users.ErrNoMail)
		}
		if !tt.open {
			_, err = s.Letters(t.Context(), "")
			wantErr(t, err, beep.ErrNotFound)
		}
	}
}

func TestProfiles(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, e *env) {
		ann, bob := e.join(t, "ann"), e.join(t, "bob")
		me, err := e.GetMe(as(t, ann.Session.User))
		must(t, err)
		if me.Username != "ann" || me.DisplayName != "ann" || me.Email != "ann@example.org" || me.CreatedAt.IsZero() {
			t.Errorf("GetMe = %+v", me)
		}
		name := "  Ann Ó 👩🏽‍🚀 "
		me, err = e.UpdateMe(as(t, ann.Session.User), &name)
		must(t, err)
		if me.DisplayName != "Ann Ó 👩🏽‍🚀" {
			t.Errorf("display name = %q", me.DisplayName)
		}
		same, err := e.UpdateMe(as(t, ann.Session.User), nil)
		must(t, err)
		if same.DisplayName != me.DisplayName {
			t.Errorf("UpdateMe of nothing = %+v", same)
		}
		list, err := e.ListUsers(as(t, ann.Session.User), []beep.UserID{bob.Session.User, 7, ann.Session.User})
		must(t, err)
		if len(list) != 2 || list[0].Username != "bob" || list[1].Username != "ann" {
			t.Errorf("ListUsers = %+v, want bob, ann", list)
		}
		for _, bad := range []string{"", "   ", strings.Repeat("x", 101), "a\nb", "a\u202eb", "a\x00b", "a\u2028b", "\xff"} {
			_, err := e.UpdateMe(as(t, ann.Session.User), &bad)
			if got := refusal(t, err, beep.CodeInvalidField); got.Fields["display_name"] == "" {
				t.Errorf("%q: no word about display_name", bad)
			}
		}
		_, err = e.GetMe(t.Context())
		wantCode(t, err, beep.CodeUnauthenticated)
		_, err = e.UpdateMe(t.Context(), &name)
		wantCode(t, err, beep.CodeUnauthenticated)
		_, err = e.ListUsers(beep.WithCaller(t.Context(), beep.Caller{Service: "gateway"}), []beep.UserID{1})
		wantCode(t, err, beep.CodeUnauthenticated)
		_, err = e.ListUsers(as(t, 1), nil)
		wantCode(t, err, beep.CodeInvalidField)
		_, err = e.GetMe(as(t, 7))
		wantCode(t, err, beep.CodeUserNotFound)
		_, err = e.UpdateMe(as(t, 7), &name)
		wantCode(t, err, beep.CodeUserNotFound)
	})
}

// mailerFunc is a mail server.
type mailerFunc func(ctx context.Context, l users.Letter) error

func (f mailerFunc) Send(ctx context.Context, l users.Letter) error { return f(ctx, l) }

// server is a mail server that fails with what it is told.
type server struct {
	mu   sync.Mutex // guards the fields below
	fail error
	sent []users.Letter
}

// Send takes a letter, or not.
func (m *server) Send(_ context.Context, l users.Letter) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail == nil {
		m.sent = append(m.sent, l)
	}
	return m.fail
}

func (m *server) set(fail error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = fail
}

func (m *server) letters() []users.Letter {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.sent)
}

// A mail that cannot be sent is tried again, one that never can is not, nor is one whose code is nearly over.
func TestPost(t *testing.T) {
	t.Parallel()
	m := &server{}
	withServer := func(d *users.Deps) { d.PublicURL, d.Mailer = "https://chat.example.org", m }
	bubble(t, withServer, func(t *testing.T, e *env) {
		up := func(name string, fail error) {
			t.Helper()
			m.set(fail)
			_, err := e.SignUp(t.Context(), users.SignUp{Visitor: visitor(name), Username: name, Email: name + "@example.org", Password: password})
			must(t, err)
			synctest.Wait()
		}
		up("ann", errors.New("greylisted"))
		pass(5 * time.Second)
		m.set(nil)
		pass(30 * time.Second)
		sent := m.letters()
		if len(sent) != 1 || sent[0].To != "ann@example.org" || !strings.Contains(sent[0].Text, "https://chat.example.org/oidc/confirm?link=") {
			t.Fatalf("sent = %+v, want one to ann", sent)
		}
		up("bob", &beep.Error{Kind: beep.KindInvalid, Code: beep.CodeInvalidField, Msg: "no such mailbox"})
		m.set(nil)
		e.sleep(t, time.Hour)
		up("cat", errors.New("down for hours"))
		pass(3 * time.Hour)
		m.set(nil)
		e.sleep(t, time.Hour)
		if sent := m.letters(); len(sent) != 1 {
			t.Errorf("sent = %+v, want nothing after the first", sent)
		}
	})
}

func TestLetters_SayTheSameInEveryLanguage(t *testing.T) {
	t.Parallel()
	for _, locale := range []string{"en", "fr", "tlh"} {
		bubble(t, nil, func(t *testing.T, e *env) {
			v := visitor("ann")
			v.Locale = locale
			in := users.SignUp{Visitor: v, Username: "ann", Email: "ann@example.org", Password: password}
			handle, err := e.SignUp(t.Context(), in)
			must(t, err)
			confirm := e.letter(t, in.Email)
			_, err = e.Confirm(t.Context(), users.Confirm{Visitor: v, Handle: handle, Code: code(confirm)})
			must(t, err)
			in.Username = "ann2"
			_, err = e.SignUp(t.Context(), in)
			must(t, err)
			exists := e.letter(t, in.Email)
			must(t, e.ForgotPassword(t.Context(), v, in.Email, users.Digest{}))
			reset := e.letter(t, in.Email)
			for _, l := range []users.Letter{confirm, exists, reset} {
				if l.Subject == "" || strings.Contains(l.Subject, "Subject") || strings.ContainsAny(l.Subject, "\r\n") ||
					!strings.Contains(l.Text, "127.0.0.1:8080") || strings.Contains(l.Text, "{{") || strings.Contains(l.Text, "<no value>") {
					t.Errorf("%s: letter %+v", locale, l)
				}
			}
			if strings.Contains(exists.Text, "link=") || code(exists) != "" {
				t.Errorf("%s: the letter to an address that has an account holds a secret: %q", locale, exists.Text)
			}
			if french := strings.Contains(confirm.Subject, "votre code"); french != (locale == "fr") {
				t.Errorf("%s: subject %q", locale, confirm.Subject)
			}
		})
	}
}
