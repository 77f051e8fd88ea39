package smtp

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/users"
)

// server is a mail server that takes one letter in one conversation.
type server struct {
	listener net.Listener
	cert     tls.Certificate
	roots    *x509.CertPool
	offerTLS bool
	implicit bool
	rcpt     string // the answer to RCPT, if not 250

	got chan letter
}

type letter struct {
	tls      bool
	auth     string
	from, to string
	data     string
}

func newServer(t *testing.T) *server {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"mail.example.org"}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{cert: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots: x509.NewCertPool(), offerTLS: true, got: make(chan letter, 1)}
	s.roots.AddCert(cert)
	var lc net.ListenConfig
	if s.listener, err = lc.Listen(t.Context(), "tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.listener.Close() })
	return s
}

// serve takes one conversation; it answers when the letter is in got, or the client has gone.
func (s *server) serve() {
	conn, err := s.listener.Accept()
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	var l letter
	if s.implicit {
		conn, l.tls = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{s.cert}, MinVersion: tls.VersionTLS12}), true
	}
	s.talk(conn, &l)
	s.got <- l
}

func (s *server) talk(conn net.Conn, l *letter) {
	r := bufio.NewReader(conn)
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(conn, format+"\r\n", args...) }
	say("220 ready")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch strings.ToUpper(word) {
		case "EHLO":
			if s.offerTLS && !l.tls {
				say("250-STARTTLS")
			}
			say("250 AUTH PLAIN")
		case "STARTTLS":
			if !s.offerTLS {
				say("502 no")
				continue
			}
			say("220 go")
			conn, l.tls = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{s.cert}, MinVersion: tls.VersionTLS12}), true
			r = bufio.NewReader(conn)
		case "AUTH":
			l.auth = rest
			say("235 ok")
		case "MAIL":
			l.from = rest
			say("250 ok")
		case "RCPT":
			l.to = rest
			if s.rcpt != "" {
				say("%s", s.rcpt)
				continue
			}
			say("250 ok")
		case "DATA":
			say("354 go")
			for {
				line, err := r.ReadString('\n')
				if err != nil || line == ".\r\n" {
					break
				}
				l.data += line
			}
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		}
	}
}

// mailer speaks to s, which passes for mail.example.org.
func (s *server) mailer(t *testing.T, url, from string) *Mailer {
	t.Helper()
	m, err := New(url, from, "https://chat.example.org")
	if err != nil {
		t.Fatal(err)
	}
	m.address, m.tls.RootCAs = s.listener.Addr().String(), s.roots
	return m
}

func aLetter() users.Letter {
	return users.Letter{To: "ann@example.org", Subject: "Réinitialiser 123", Text: "Ligne 1 é\n.\n" + strings.Repeat("x", 200) + "\n", At: time.Now()}
}

func TestSend(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"smtp://user:secret@mail.example.org", "smtps://user:secret@mail.example.org"} {
		s := newServer(t)
		s.implicit = strings.HasPrefix(url, "smtps")
		go s.serve()
		want := aLetter()
		if err := s.mailer(t, url, "").Send(t.Context(), want); err != nil {
			t.Fatalf("%s: %v", url, err)
		}
		got := <-s.got
		if !got.tls || got.auth != "PLAIN AHVzZXIAc2VjcmV0" || got.from != "FROM:<no-reply@chat.example.org>" || got.to != "TO:<ann@example.org>" {
			t.Errorf("%s: the server got %+v", url, got)
		}
		msg, err := mail.ReadMessage(strings.NewReader(strings.ReplaceAll(got.data, "\r\n..", "\r\n.")))
		if err != nil {
			t.Fatal(err)
		}
		subject, err := new(mime.WordDecoder).DecodeHeader(msg.Header.Get("Subject"))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(quotedprintable.NewReader(msg.Body))
		if err != nil {
			t.Fatal(err)
		}
		if subject != want.Subject || strings.ReplaceAll(string(text), "\r\n", "\n") != want.Text || msg.Header.Get("Auto-Submitted") == "" {
			t.Errorf("%s: subject %q, text %q", url, subject, text)
		}
		for line := range strings.Lines(got.data) {
			if len(line) > 200 {
				t.Errorf("a line of %d characters", len(line))
			}
		}
	}
}

func TestSend_NeverInTheClear(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.offerTLS = false // or someone in between took the offer out
	go s.serve()
	if err := s.mailer(t, "smtp://user:secret@mail.example.org", "").Send(t.Context(), aLetter()); err == nil {
		t.Error("sent without TLS")
	}
	if got := <-s.got; got.auth != "" || got.data != "" {
		t.Errorf("said in the clear: %+v", got)
	}
	s = newServer(t)
	go s.serve()
	m := s.mailer(t, "smtp://user:secret@mail.example.org", "")
	m.tls.ServerName = "other.example.org"
	if err := m.Send(t.Context(), aLetter()); err == nil {
		t.Error("sent to a server with another's certificate")
	}
	if got := <-s.got; got.auth != "" {
		t.Errorf("said to a stranger: %+v", got)
	}
}

func TestSend_ToThisMachineNeedsNoTLS(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.offerTLS = false
	go s.serve()
	if err := s.mailer(t, "smtp://localhost", "Chat <chat@example.org>").Send(t.Context(), aLetter()); err != nil {
		t.Fatal(err)
	}
	if got := <-s.got; got.tls || got.from != "FROM:<chat@example.org>" {
		t.Errorf("the server got %+v", got)
	}
}

func TestSend_TellsWhatWillNeverDo(t *testing.T) {
	t.Parallel()
	for answer, never := range map[string]bool{"550 no such user": true, "450 greylisted": false} {
		s := newServer(t)
		s.rcpt = answer
		go s.serve()
		err := s.mailer(t, "smtp://mail.example.org", "").Send(t.Context(), aLetter())
		var e *beep.Error
		if err == nil || errors.As(err, &e) != never {
			t.Errorf("%s: %v", answer, err)
		}
	}
	m, err := New("smtp://mail.example.org", "", "https://chat.example.org")
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Send(t.Context(), users.Letter{To: "a@example.org>\r\nBcc: x", Subject: "s"}); err == nil {
		t.Error("sent a letter with a header of its own")
	}
}

func TestNew_RefusesWhatIsNoServer(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "mail.example.org", "http://mail.example.org", "smtp://", "smtp://host/path", "smtp://host?x=1", "smtp://u:hunter2@host\x7f"} {
		if _, err := New(url, "", "https://chat.example.org"); err == nil {
			t.Errorf("New(%q) = nil", url)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error tells the password: %v", err)
		}
	}
	if _, err := New("smtp://host", "nobody", "https://chat.example.org"); err == nil {
		t.Error("New took a sender that is no address")
	}
	for url, want := range map[string]string{"https://chat.example.org": "no-reply@chat.example.org", "http://127.0.0.1:8080": "no-reply@localhost"} {
		if m, err := New("smtp://host", "", url); err != nil || m.from.Address != want {
			t.Errorf("sender at %s = %+v, %v", url, m, err)
		}
	}
}
