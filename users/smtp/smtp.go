// Package smtp sends letters through a mail server. It never speaks in clear text to another machine.
package smtp

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"net/url"
	"strings"
	"time"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/users"
)

// Mailer is a users.Mailer over one mail server. Each letter has a connection of its own: they are few. It keeps no
// queue and tries nothing again: that is the outbox's, which outlives this process.
type Mailer struct {
	host     string // for TLS and authentication
	address  string // host:port
	implicit bool   // TLS from the first byte; STARTTLS otherwise
	plain    bool   // the server is this machine: TLS if it offers it
	auth     smtp.Auth
	from     mail.Address
	tls      *tls.Config
}

var _ users.Mailer = (*Mailer)(nil)

// timeout bounds a conversation whose context sets no bound. The outbox sets its own.
const timeout = time.Minute

// New reads smtp://[user:password@]host[:587] (STARTTLS, required unless host is this machine) or smtps://…[:465].
// The sender is from, or without one no-reply at the host of publicURL.
func New(rawURL, from, publicURL string) (*Mailer, error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || (u.Scheme != "smtp" && u.Scheme != "smtps") {
		// Not the URL itself, which may hold a password.
		return nil, errors.New("smtp: want smtp://user:password@host:587 or smtps://user:password@host:465")
	}
	port := u.Port()
	if port == "" {
		// RFC 6409 has mail handed in at 587, RFC 8314 (3.3) at 465 where TLS comes first.
		port = map[string]string{"smtp": "587", "smtps": "465"}[u.Scheme]
	}
	m := &Mailer{
		host: u.Hostname(), address: net.JoinHostPort(u.Hostname(), port), implicit: u.Scheme == "smtps", plain: isLoopback(u.Hostname()),
	}
	// RFC 8997 allows nothing older for handing in mail.
	m.tls = &tls.Config{ServerName: m.host, MinVersion: tls.VersionTLS12}
	// PlainAuth itself keeps the password back on a connection without TLS, save to this machine.
	if password, ok := u.User.Password(); ok {
		m.auth = smtp.PlainAuth("", u.User.Username(), password, m.host)
	}
	if m.from, err = sender(from, publicURL); err != nil {
		return nil, err
	}
	return m, nil
}

// sender is who letters come from: whom the operator names, or an address at the host that people know us by.
func sender(from, publicURL string) (mail.Address, error) {
	if from == "" {
		u, err := url.Parse(publicURL)
		if err != nil {
			return mail.Address{}, fmt.Errorf("smtp: %w", err)
		}
		host := u.Hostname()
		// After the @ an IP address would have to stand in brackets (RFC 5321, 4.1.3), which few servers take.
		if net.ParseIP(host) != nil {
			host = "localhost"
		}
		return mail.Address{Name: "Beep", Address: "no-reply@" + host}, nil
	}
	a, err := mail.ParseAddress(from)
	if err != nil {
		return mail.Address{}, fmt.Errorf("smtp: from: %w", err)
	}
	return *a, nil
}

// isLoopback goes by what is written and asks no DNS: an answer from there is no promise that the bytes stay here.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// Send hands a letter to the server. When the server's last word is lost nobody knows whether it was taken: the error
// then means that it may go out twice.
func (m *Mailer) Send(ctx context.Context, l users.Letter) error {
	// In an address a line break would begin another command, in a subject another header: mail to anyone, from us.
	if strings.ContainsAny(l.To+l.Subject, "\r\n") {
		return beep.Invalid(beep.CodeInvalidField, "a line break where none may be")
	}
	c, err := m.connect(ctx)
	if err != nil {
		return fmt.Errorf("connect to mail server: %w", err)
	}
	defer func() { _ = c.Close() }() // Quit has said goodbye, or an error has been answered
	if err := c.Mail(m.from.Address); err != nil {
		return fmt.Errorf("mail server refuses the sender: %w", err)
	}
	// One recipient a letter: nobody reads another's address, and a refusal is of the one.
	if err := c.Rcpt(l.To); err != nil {
		return recipientError(err)
	}
	w, err := c.Data()
	if err != nil {
		return fmt.Errorf("mail server: %w", err)
	}
	if _, err := w.Write(m.message(l)); err != nil {
		return fmt.Errorf("mail server: %w", err)
	}
	// The server answers for the letter only after its end (RFC 5321, 4.1.1.4). Before that nothing is sent.
	if err := w.Close(); err != nil {
		return fmt.Errorf("mail server refuses the letter: %w", err)
	}
	_ = c.Quit() // the letter is taken
	return nil
}

// recipientError tells an address that will never do from one that the server does not take now. A reply of 5xx is
// for good (RFC 5321, 4.2.1), and to repeat it makes a bad name for the sender. That the server refuses ourselves is
// for its operator to mend, so it never ends a letter.
func recipientError(err error) error {
	var reply *textproto.Error
	if errors.As(err, &reply) && reply.Code >= 500 {
		return &beep.Error{Kind: beep.KindInvalid, Code: beep.CodeInvalidField, Msg: "the mail server refuses the address", Err: err}
	}
	return fmt.Errorf("mail server refuses the address for now: %w", err)
}

// connect is a conversation that has TLS, unless the server is this machine, and has said who we are.
func (m *Mailer) connect(ctx context.Context) (*smtp.Client, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", m.address)
	if err != nil {
		return nil, err
	}
	// One for the whole conversation: net/smtp knows no context, and a server that falls silent would hold up the post.
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(timeout)
	}
	if err := conn.SetDeadline(deadline); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	// It shakes hands with the first read, so within the deadline.
	if m.implicit {
		conn = tls.Client(conn, m.tls)
	}
	c, err := smtp.NewClient(conn, m.host)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if err := m.secure(c); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// secure comes before anything that is ours is said: first TLS, then the password.
func (m *Mailer) secure(c *smtp.Client) error {
	if offered, _ := c.Extension("STARTTLS"); !m.implicit && (offered || !m.plain) {
		// Where it is not offered, someone may have taken the offer out; asking then fails.
		if err := c.StartTLS(m.tls); err != nil {
			return fmt.Errorf("starttls: %w", err)
		}
	}
	if m.auth == nil {
		return nil
	}
	return c.Auth(m.auth)
}

// message is the letter as RFC 5322 wants it. Subject (RFC 2047) and text (RFC 2045) are encoded, so that no line is
// longer than the 998 octets that servers take. Auto-Submitted keeps the answers of absent people's machines away
// (RFC 3834).
func (m *Mailer) message(l users.Letter) []byte {
	var b bytes.Buffer
	for _, h := range [][2]string{
		{"From", m.from.String()},
		{"To", (&mail.Address{Address: l.To}).String()},
		{"Subject", mime.QEncoding.Encode("utf-8", l.Subject)},
		{"Date", l.At.Format(time.RFC1123Z)},
		{"Message-ID", "<" + rand.Text() + "@" + m.domain() + ">"},
		{"Auto-Submitted", "auto-generated"},
		{"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"},
		{"Content-Transfer-Encoding", "quoted-printable"},
	} {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	b.WriteString("\r\n")
	w := quotedprintable.NewWriter(&b)
	_, _ = io.WriteString(w, l.Text) // into memory
	_ = w.Close()
	return b.Bytes()
}

// domain is that of the sender, so that a Message-ID is of a name that is ours to give (RFC 5322, 3.6.4).
func (m *Mailer) domain() string {
	_, domain, _ := strings.Cut(m.from.Address, "@")
	return domain
}
