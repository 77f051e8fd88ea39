package users_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/users"
)

func TestSignUp_RefusesWhatIsWrong(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, e *env) {
		good := users.SignUp{Visitor: visitor("b"), Username: "ann", Email: "ann@example.org", Password: password}
		tests := []struct {
			name   string
			change func(*users.SignUp)
			field  string
		}{
			{"short name", func(s *users.SignUp) { s.Username = "a" }, "username"},
			{"long name", func(s *users.SignUp) { s.Username = strings.Repeat("a", 33) }, "username"},
			{"name with a space", func(s *users.SignUp) { s.Username = "an n" }, "username"},
			{"name with a Cyrillic letter", func(s *users.SignUp) { s.Username = "аnn" }, "username"},
			{"no address", func(s *users.SignUp) { s.Email = "" }, "email"},
			{"address without a host", func(s *users.SignUp) { s.Email = "ann@" }, "email"},
			{"address with a name", func(s *users.SignUp) { s.Email = "Ann <ann@example.org>" }, "email"},
			{"two addresses", func(s *users.SignUp) { s.Email = "ann@example.org,bob@example.org" }, "email"},
			{"address with a header", func(s *users.SignUp) { s.Email = "ann@example.org\r\nBcc: x@example.org" }, "email"},
			{"long address", func(s *users.SignUp) { s.Email = "a@" + strings.Repeat("a", 260) + ".org" }, "email"},
			{"short password", func(s *users.SignUp) { s.Password = "1234567" }, "password"},
			{"seven letters in fourteen bytes", func(s *users.SignUp) { s.Password = "ééééééé" }, "password"},
			{"long password", func(s *users.SignUp) { s.Password = strings.Repeat("ab", 65) }, "password"},
			{"common password", func(s *users.SignUp) { s.Password = "Password1" }, "password"},
			{"one letter", func(s *users.SignUp) { s.Password = "aaaaaaaaaaaaaaa" }, "password"},
			{"password that is the address", func(s *users.SignUp) { s.Password = "ann@example.org" }, "password"},
			{"password that is the name", func(s *users.SignUp) { s.Username, s.Password = "annabelle", "Annabelle" }, "password"},
		}
		for _, tt := range tests {
			in := good
			tt.change(&in)
			_, err := e.SignUp(t.Context(), in)
			if got := refusal(t, err, beep.CodeInvalidField); got.Fields[tt.field] == "" || len(got.Fields) != 1 {
				t.Errorf("%s: fields = %v, want %s", tt.name, got.Fields, tt.field)
			}
		}
		_, err := e.SignUp(t.Context(), users.SignUp{Visitor: visitor("b")})
		if got := refusal(t, err, beep.CodeInvalidField); len(got.Fields) != 3 {
			t.Errorf("an empty form: fields = %v, want all three", got.Fields)
		}
		e.join(t, "bob")
		in := good
		in.Username = " BOB "
		_, err = e.SignUp(t.Context(), in)
		wantCode(t, err, beep.CodeUsernameTaken)
		for _, p := range []string{"ééééééééé", strings.Repeat("ab", 64), "        9"} {
			in := good
			in.Password = p
			if _, err := e.SignUp(t.Context(), in); err != nil {
				t.Errorf("a good password of %d bytes: %v", len(p), err)
			}
		}
	})
}

// Whoever signs up with an address that has an account sees what they would see with any other.
func TestSignUp_DoesNotTellWhoIsHere(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, e *env) {
		ann := e.join(t, "ann")
		mallory := visitor("mallory")
		handle, err := e.SignUp(t.Context(), users.SignUp{Visitor: mallory, Username: "mallory", Email: "ANN@example.org", Password: password})
		must(t, err)
		address, err := e.SignUpAddress(t.Context(), handle)
		must(t, err)
		if address != "ANN@example.org" {
			t.Errorf("the page shows %q", address)
		}
		if l := e.letter(t, "ann@example.org"); !strings.Contains(l.Subject, "have an account") {
			t.Errorf("the owner of the address got %q", l.Subject)
		}
		for i := range 5 {
			_, err = e.Confirm(t.Context(), users.Confirm{Visitor: mallory, Handle: handle, Code: fmt.Sprintf("%06d", i)})
			wantErr(t, err, users.ErrWrongCode)
		}
		_, err = e.Confirm(t.Context(), users.Confirm{Visitor: mallory, Handle: handle})
		wantErr(t, err, users.ErrLinkOver)
		// Nor does it hold the name that it asked for.
		e.join(t, "mallory")
		_, _, err = e.Session(t.Context(), ann.Secret)
		must(t, err)
	})
}

func TestConfirm(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, e *env) {
		ctx, request := t.Context(), users.DigestOf("request")
		in := users.SignUp{Visitor: visitor("ann"), Username: "Ann", Email: "Ann@Example.org", Password: password, Request: request}
		handle, err := e.SignUp(ctx, in)
		must(t, err)
		first := e.letter(t, in.Email)
		must(t, e.ResendSignUp(ctx, in.Visitor, handle))
		second := e.letter(t, in.Email)
		try := func(c users.Confirm) (users.Confirmed, error) {
			c.Visitor = in.Visitor
			return e.Confirm(ctx, c)
		}
		wrong := "000000"
		if code(second) == wrong {
			wrong = "000001"
		}
		_, err = try(users.Confirm{Handle: handle, Code: wrong})
		wantErr(t, err, users.ErrWrongCode)
		_, err = try(users.Confirm{Handle: "made up", Code: code(second)})
		wantErr(t, err, users.ErrLinkOver)
		for _, bad := range []string{link(t, first), "x", ".", strings.TrimRight(link(t, second), "_-") + "x", strings.Split(link(t, second), ".")[0] + "."} {
			_, err = try(users.Confirm{Link: bad})
			wantErr(t, err, users.ErrLinkOver)
		}
		got, err := try(users.Confirm{Handle: handle, Code: code(second)})
		must(t, err)
		if got.Request != request {
			t.Fatalf("Confirm = %+v, want a session and the request that waits", got)
		}
		_, user, err := e.Session(ctx, got.Opened.Secret)
		must(t, err)
		if user.Username != "ann" || user.Email != "Ann@Example.org" {
			t.Errorf("user = %+v", user)
		}
		for _, again := range []users.Confirm{{Handle: handle, Code: code(second)}, {Link: link(t, second)}} {
			_, err = try(again)
			wantErr(t, err, users.ErrLinkOver)
		}
		wantErr(t, e.ResendSignUp(ctx, in.Visitor, handle), users.ErrLinkOver)
	})
}

// A link opened elsewhere than where the account was asked for may be a stranger's trap: an account at the reader's
// address whose password the stranger knows. There the password is wanted before there is any account.
func TestConfirm_InAnotherBrowserWantsThePassword(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, e *env) {
		laptop, phone := visitor("laptop"), visitor("phone")
		in := users.SignUp{Visitor: laptop, Username: "ann", Email: "ann@example.org", Password: password, Request: users.DigestOf("r")}
		handle, err := e.SignUp(t.Context(), in)
		must(t, err)
		l := e.letter(t, in.Email)
		for v, want := range map[users.Visitor]bool{laptop: false, phone: true, {}: true} {
			if got, err := e.ConfirmsElsewhere(t.Context(), v, link(t, l)); got != want || err != nil {
				t.Errorf("ConfirmsElsewhere in %v = %v, %v; want %v", v.Browser, got, err, want)
			}
		}
		for _, wrong := range []users.Confirm{
			{Link: link(t, l)},
			{Link: link(t, l), Password: "guess"},
			{Handle: handle, Code: code(l)},
			{Handle: handle, Code: code(l), Password: strings.Repeat(password, 1000)},
		} {
			wrong.Visitor = phone
			_, err := e.Confirm(t.Context(), wrong)
			wantErr(t, err, users.ErrWrongPassword)
		}
		_, err = e.SignIn(t.Context(), users.SignIn{Visitor: laptop, Email: in.Email, Password: password})
		wantErr(t, err, users.ErrWrongPassword) // there is no account yet
		got, err := e.Confirm(t.Context(), users.Confirm{Visitor: phone, Link: link(t, l), Password: password})
		must(t, err)
		if !got.Request.IsZero() {
			t.Error("the request of another browser goes on in this one")
		}
		_, user, err := e.Session(t.Context(), got.Opened.Secret)
		must(t, err)
		if user.Username != "ann" || got.Opened.Session.Browser != phone.Browser {
			t.Errorf("signed in as %+v in %v", user, got.Opened.Session.Browser)
		}
	})
}

func TestConfirm_NameTakenMeanwhile(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, e *env) {
		in := users.SignUp{Visitor: visitor("late"), Username: "ann", Email: "late@example.org", Password: password}
		handle, err := e.SignUp(t.Context(), in)
		must(t, err)
		l := e.letter(t, in.Email)
		e.join(t, "ann")
		c := users.Confirm{Visitor: in.Visitor, Handle: handle, Code: code(l)}
		for range 7 { // a right code costs no try
			_, err = e.Confirm(t.Context(), c)
			wantErr(t, err, users.TakenError{What: users.TakenUsername})
		}
		c.Username = "A"
		_, err = e.Confirm(t.Context(), c)
		wantCode(t, err, beep.CodeInvalidField)
		c.Username = "Ann.Late"
		got, err := e.Confirm(t.Context(), c)
		must(t, err)
		_, user, err := e.Session(t.Context(), got.Opened.Secret)
		must(t, err)
		if user.Username != "ann.late" {
			t.Errorf("username = %q", user.Username)
		}
	})
}

func TestConfirm_Expires(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, e *env) {
		in := users.SignUp{Visitor: visitor("b"), Username: "ann", Email: "ann@example.org", Password: password}
		handle, err := e.SignUp(t.Context(), in)
		must(t, err)
		l := e.letter(t, in.Email)
		e.sleep(t, 25*time.Hour)
		for _, c := range []users.Confirm{{Handle: handle, Code: code(l)}, {Link: link(t, l)}} {
			_, err = e.Confirm(t.Context(), c)
			wantErr(t, err, users.ErrLinkOver)
		}
		_, err = e.SignUpAddress(t.Context(), handle)
		wantErr(t, err, users.ErrLinkOver)
	})
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, e *env) {
		e.join(t, "ann")
		opened, err := e.SignIn(t.Context(), users.SignIn{Visitor: visitor("b"), Email: " ANN@example.ORG ", Password: password})
		must(t, err)
		if _, user, err := e.Session(t.Context(), opened.Secret); err != nil || user.Username != "ann" {
			t.Errorf("Session = %+v, %v", user, err)
		}
		for _, bad := range []string{"", "x", opened.Secret + "x"} {
			_, _, err := e.Session(t.Context(), bad)
			wantErr(t, err, beep.ErrNotFound)
		}
		must(t, e.EndSession(t.Context(), opened.Session.ID))
		must(t, e.EndSession(t.Context(), opened.Session.ID))
		_, _, err = e.Session(t.Context(), opened.Secret)
		wantErr(t, err, beep.ErrNotFound)
		if got := e.bus.revocations.Load(); got != 1 {
			t.Errorf("announced %d times, want once", got)
		}
	})
}

// An address without an account is answered, counted and paused like one with: by its answers nobody can tell.
func TestSignIn_SlowsGuessingDown(t *testing.T) {
	t.Parallel()
	guess := func(t *testing.T, e *env, email string) (answers []string) {
		t.Helper()
		for range 8 {
			_, err := e.SignIn(t.Context(), users.SignIn{Visitor: visitor("b"), Email: email, Password: "wrong password"})
			var wrong users.WrongPasswordError
			var limited *beep.Error
			switch {
			case errors.As(err, &wrong):
				answers = append(answers, fmt.Sprint(wrong.Left, " left"))
			case errors.As(err, &limited) && limited.Kind == beep.KindLimited:
				answers = append(answers, "wait "+limited.RetryAfter.String())
				time.Sleep(limited.RetryAfter)
			default:
				t.Fatalf("SignIn = %v", err)
			}
		}
		return answers
	}
	bubble(t, remote, func(t *testing.T, e *env) {
		must(t, seed(t, e, "ann"))
		want := []string{"4 left", "3 left", "2 left", "1 left", "0 left", "wait 15s", "0 left", "wait 30s"}
		known, unknown := guess(t, e, "ann@example.org"), guess(t, e, "nobody@example.org")
		if !slices.Equal(known, want) || !slices.Equal(unknown, want) {
			t.Errorf("known   %v\nunknown %v\nwant    %v", known, unknown, want)
		}
		// The right password ends the pauses, and so does a day.
		_, err := e.SignIn(t.Context(), users.SignIn{Visitor: visitor("b"), Email: "ann@example.org", Password: password})
		must(t, err)
		if again := guess(t, e, "ann@example.org"); again[0] != "4 left" {
			t.Errorf("after the right password: %v", again)
		}
		e.sleep(t, 25*time.Hour)
		if again := guess(t, e, "nobody@example.org"); again[0] != "4 left" {
			t.Errorf("after a day: %v", again)
		}
	})
}

// seed makes an account without the post, for services whose mail goes elsewhere.
func seed(t *testing.T, e *env, name string) error {
	t.Helper()
	hash, err := users.NewHasher(cheap(), 1).Hash(t.Context(), password)
	must(t, err)
	signup, id := users.DigestOf("signup of "+name), beep.UserID(beep.NewMinter().Next())
	must(t, e.store.PutTicket(t.Context(), users.Ticket{Kind: users.TicketSignup, ID: signup, Data: []byte("{}"), Expires: beep.Now()}))
	return e.store.CreateAccount(t.Context(), users.NewAccount{
		User:     users.User{ID: id, Username: name, DisplayName: name, Email: name + "@example.org", CreatedAt: beep.Now()},
		Account:  users.Account{User: id, Email: name + "@example.org", Password: hash, Version: 1},
		Identity: users.Identity{Issuer: users.BuiltIn, Subject: id.String()},
		Signup:   signup,
	})
}

func TestSignIn_OneAddressCannotTryEveryone(t *testing.T) {
	t.Parallel()
	remote := func(d *users.Deps) { d.PublicURL = "https://chat.example.org" }
	bubble(t, remote, func(t *testing.T, e *env) {
		try := func(i int, ip string) error {
			v := visitor("b")
			v.IP = netip.MustParseAddr(ip)
			_, err := e.SignIn(t.Context(), users.SignIn{Visitor: v, Email: fmt.Sprintf("u%d@example.org", i), Password: "wrong password"})
			return err
		}
		for i := range 50 { // one household, many addresses
			wantErr(t, try(i, fmt.Sprintf("2001:db8:0:1::%x", i+1)), users.ErrWrongPassword)
		}
		wantCode(t, try(50, "2001:db8:0:1:ffff::1"), beep.CodeRateLimited)
		wantErr(t, try(50, "2001:db8:0:2::1"), users.ErrWrongPassword)
		wantErr(t, try(51, "::ffff:192.0.2.9"), users.ErrWrongPassword)
	})
}

// A thousand guesses at once are a thousand guesses, not one.
func TestSignIn_FloodIsCounted(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, e *env) {
		var wrong, limited atomic.Int64
		var wg sync.WaitGroup
		for range 30 {
			wg.Go(func() {
				_, err := e.SignIn(t.Context(), users.SignIn{Visitor: visitor("b"), Email: "ann@example.org", Password: "wrong password"})
				if errors.Is(err, users.ErrWrongPassword) {
					wrong.Add(1)
				} else {
					limited.Add(1)
				}
			})
		}
		wg.Wait()
		if wrong.Load() != 5 || limited.Load() != 25 {
			t.Errorf("%d were tried and %d refused, want 5 and 25", wrong.Load(), limited.Load())
		}
	})
}

func TestSignIn_PausesSurviveARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in := users.SignIn{Visitor: visitor("b"), Email: "ann@example.org", Password: "wrong password"}
	faked(t, func(t *testing.T) {
		e := open(t, dir, nil)
		for range 5 {
			_, err := e.SignIn(t.Context(), in)
			wantErr(t, err, users.ErrWrongPassword)
		}
	})
	faked(t, func(t *testing.T) { // its clock begins where the other's did
		_, err := open(t, dir, nil).SignIn(t.Context(), in)
		wantCode(t, err, beep.CodeRateLimited)
	})
}

func TestSignUp_MailsAreFew(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, e *env) {
		e.join(t, "ann")
		for _, email := range []string{"ann@example.org", "nobody@example.org"} {
			var answers []bool
			for range 7 {
				err := e.ForgotPassword(t.Context(), visitor("b"), email, users.Digest{})
				answers = append(answers, err == nil)
			}
			want := []bool{true, true, true, true, true, false, false}
			if email == "ann@example.org" {
				want = want[1:] // its sign-up was one
				answers = answers[:6]
			}
			if !slices.Equal(answers, want) {
				t.Errorf("%s: %v, want %v", email, answers, want)
			}
		}
		synctest.Wait()
		list, err := e.Letters(t.Context(), "nobody@example.org")
		must(t, err)
		if len(list) != 0 {
			t.Errorf("letters to an address without an account: %+v", list)
		}
	})
}

func TestResetPassword(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, e *env) {
		ctx, request, v := t.Context(), users.DigestOf("request"), visitor("ann")
		opened := e.join(t, "ann")
		must(t, e.ForgotPassword(ctx, v, "Ann@example.org", request))
		first := link(t, e.letter(t, "ann@example.org"))
		must(t, e.ForgotPassword(ctx, visitor("other"), "ann@example.org", request))
		second := link(t, e.letter(t, "ann@example.org"))
		must(t, e.CheckReset(ctx, first))
		wantErr(t, e.CheckReset(ctx, "made up"), users.ErrLinkOver)
		_, err := e.ResetPassword(ctx, v, first, "short")
		wantCode(t, err, beep.CodeWeakPassword)
		_, err = e.ResetPassword(ctx, v, "made up", "a new password")
		wantErr(t, err, users.ErrLinkOver)
		got, err := e.ResetPassword(ctx, v, first, "a new password")
		must(t, err)
		if got != request {
			t.Error("the request that waited does not go on")
		}
		for _, used := range []string{first, second} { // the second is of the password before
			_, err = e.ResetPassword(ctx, v, used, "yet another one")
			wantErr(t, err, users.ErrLinkOver)
		}
		_, _, err = e.Session(ctx, opened.Secret)
		wantErr(t, err, beep.ErrNotFound)
		_, err = e.SignIn(ctx, users.SignIn{Visitor: v, Email: "ann@example.org", Password: password})
		wantErr(t, err, users.ErrWrongPassword)
		_, err = e.SignIn(ctx, users.SignIn{Visitor: v, Email: "ann@example.org", Password: "a new password"})
		must(t, err)
		if e.bus.revocations.Load() != 1 {
			t.Error("the end of the sessions was not announced")
		}
		must(t, e.ForgotPassword(ctx, v, "ann@example.org", request))
		third := link(t, e.letter(t, "ann@example.org"))
		got, err = e.ResetPassword(ctx, visitor("phone"), third, "one more password")
		must(t, err)
		if !got.IsZero() {
			t.Error("the request goes on in another browser")
		}
		must(t, e.ForgotPassword(ctx, v, "ann@example.org", request))
		late := link(t, e.letter(t, "ann@example.org"))
		e.sleep(t, 61*time.Minute)
		_, err = e.ResetPassword(ctx, v, late, "too late a password")
		wantErr(t, err, users.ErrLinkOver)
	})
}

func TestChangePassword(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, e *env) {
		ctx, mine := t.Context(), e.join(t, "ann")
		other, err := e.SignIn(ctx, users.SignIn{Visitor: visitor("phone"), Email: "ann@example.org", Password: password})
		must(t, err)
		wantCode(t, e.ChangePassword(ctx, mine.Session, "12345678"), beep.CodeWeakPassword)
		e.sleep(t, 6*time.Minute)
		wantErr(t, e.ChangePassword(ctx, mine.Session, "a new password"), users.ErrWrongPassword)
		_, err = e.Reprove(ctx, mine.Session, "wrong password", visitor("ann").IP)
		wantErr(t, err, users.ErrWrongPassword)
		fresh, err := e.Reprove(ctx, mine.Session, password, visitor("ann").IP)
		must(t, err)
		must(t, e.ChangePassword(ctx, fresh, "a new password"))
		_, _, err = e.Session(ctx, mine.Secret)
		must(t, err)
		_, _, err = e.Session(ctx, other.Secret)
		wantErr(t, err, beep.ErrNotFound)
		list, _, err := e.ListRevocations(ctx, 0, 0)
		must(t, err)
		if len(list) != 1 || list[0].Session != other.Session.ID {
			t.Errorf("feed = %+v, want the other session", list)
		}
	})
}

// Who is locked out by a reset cannot undo it by a request that was on its way.
func TestChangePassword_NotInASessionThatAResetEnded(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, e *env) {
		ctx, v := t.Context(), visitor("ann")
		thief := e.join(t, "ann")
		must(t, e.ForgotPassword(ctx, v, "ann@example.org", users.Digest{}))
		_, err := e.ResetPassword(ctx, v, link(t, e.letter(t, "ann@example.org")), "a new password")
		must(t, err)
		wantErr(t, e.ChangePassword(ctx, thief.Session, "the thief's own"), users.ErrWrongPassword)
		_, err = e.SignIn(ctx, users.SignIn{Visitor: v, Email: "ann@example.org", Password: "a new password"})
		must(t, err)
	})
}

func TestSession_Expires(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, e *env) {
		idle, used := e.join(t, "ann"), e.join(t, "bob")
		for range 20 {
			e.sleep(t, 9*24*time.Hour)
			_, _, err := e.Session(t.Context(), used.Secret)
			if age := beep.Now().Sub(used.Session.SignedIn); (err == nil) != (age < 180*24*time.Hour) {
				t.Fatalf("a session in use for %s: %v", age, err)
			}
		}
		_, _, err := e.Session(t.Context(), idle.Secret)
		wantErr(t, err, beep.ErrNotFound)
	})
}

// The memory that passwords take is bounded, and who comes when it is full is told to come back.
func TestHasher_TurnsAFloodAway(t *testing.T) {
	t.Parallel()
	h := users.NewHasher(users.Cost{MemoryKiB: 1 << 10, Passes: 1, Threads: 1}, 1)
	var done, turned atomic.Int64
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			_, err := h.Hash(t.Context(), password)
			var e *beep.Error
			switch {
			case err == nil:
				done.Add(1)
			case errors.As(err, &e) && e.Kind == beep.KindUnavailable && e.RetryAfter > 0:
				turned.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if turned.Load() == 0 || done.Load() < 1 {
		t.Errorf("%d hashed and %d turned away, want some of both", done.Load(), turned.Load())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 50 { // a free slot may win over the cancelled context now and then
		if _, err := h.Hash(ctx, password); err != nil {
			return
		}
	}
	t.Error("a cancelled caller was served 50 times")
}

func TestHasher_Verify(t *testing.T) {
	t.Parallel()
	dear, h := users.NewHasher(users.Cost{MemoryKiB: 16, Passes: 1, Threads: 1}, 1), users.NewHasher(cheap(), 1)
	stored, err := h.Hash(t.Context(), "Zoe\u0308's password")
	must(t, err)
	tests := []struct {
		name      string
		h         *users.Hasher
		password  string
		stored    string
		ok, stale bool
		err       bool
	}{
		{"the same", h, "Zoe\u0308's password", stored, true, false, false},
		{"the same, composed", h, "Zoë's password", stored, true, false, false},
		{"another", h, "Zoe's password", stored, false, false, false},
		{"a cost that has changed", dear, "Zoë's password", stored, true, true, false},
		{"no account", h, "", "", false, false, false},
		{"another form", h, "x", "$2a$10$abc", false, false, true},
		{"a broken form", h, "x", strings.Replace(stored, "m=8", "m=x", 1), false, false, true},
		{"a broken salt", h, "x", strings.Replace(stored, "$m=8,t=1,p=1$", "$m=8,t=1,p=1$*", 1), false, false, true},
	}
	for _, tt := range tests {
		ok, stale, err := tt.h.Verify(t.Context(), tt.password, tt.stored)
		if ok != tt.ok || (ok && stale != tt.stale) || (err != nil) != tt.err {
			t.Errorf("%s: Verify = %v, %v, %v", tt.name, ok, stale, err)
		}
	}
}

func TestSignIn_HashesAnewWhenTheCostRises(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	faked(t, func(t *testing.T) { open(t, dir, nil).join(t, "ann") })
	faked(t, func(t *testing.T) {
		e := open(t, dir, func(d *users.Deps) { d.Cost = users.Cost{MemoryKiB: 16, Passes: 1, Threads: 1} })
		_, err := e.SignIn(t.Context(), users.SignIn{Visitor: visitor("b"), Email: "ann@example.org", Password: password})
		must(t, err)
		account, err := e.store.AccountByEmail(t.Context(), "ann@example.org")
		must(t, err)
		if !strings.Contains(account.Password, "m=16,") || account.Version != 1 {
			t.Errorf("account = %+v, want the password at the new cost and its version kept", account)
		}
	})
}
