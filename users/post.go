package users

import (
	"context"
	"crypto/rand"
	"embed"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"text/template"
	"time"

	"github.com/beep-chat/beep"
)

const (
	postEvery   = time.Second      // how soon a mail that another process posted goes out
	postLease   = 90 * time.Second // for how long a mail is one process's own; longer than sendTimeout
	sendTimeout = 60 * time.Second
	postFirst   = 10 * time.Second // pause after a failure, doubled each time
	postMost    = 10 * time.Minute
	postLife    = 2 * time.Hour // then it is given up: its code would be nearly over, and its reader elsewhere
	// Read here, where nobody throws mail away: a machine that is left on must not fill up.
	keptLetters = 200
)

// postMail puts a mail in the outbox and wakes the post.
func (s *Service) postMail(ctx context.Context, m Mail) error {
	m.ID = s.minter.Next()
	if err := s.store.PostMail(ctx, m); err != nil {
		return err
	}
	select {
	case s.post <- struct{}{}:
	default: // it has been woken already
	}
	return nil
}

// runPost sends what is due, one after the other.
func (s *Service) runPost(ctx context.Context) {
	tick := time.NewTicker(postEvery)
	defer tick.Stop()
	for {
		if err := s.sendDue(ctx); err != nil && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "post stopped", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-s.post:
		}
	}
}

// sendDue sends until nothing is due. An error is the store's, and ends the round: the next claim would meet it too.
// A mail that could not be sent is no error here, and does not hold up those behind it.
func (s *Service) sendDue(ctx context.Context) error {
	for ctx.Err() == nil {
		m, err := s.store.ClaimMail(ctx, beep.Now(), postLease)
		if errors.Is(err, beep.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.deliver(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// deliver writes a mail, sends it and drops it; one that cannot be sent now is tried again later.
//
// A mail goes out at least once. A process that dies between the server's answer and DropMail leaves it claimed, and
// after the lease it is sent again; the second has a code and a link of its own, and only those work. To drop it before
// it is sent would lose it in the same place, and whoever waits for it is locked out.
func (s *Service) deliver(ctx context.Context, m Mail) error {
	letter, err := s.write(ctx, m)
	if err != nil {
		return err
	}
	if letter.To == "" {
		return s.store.DropMail(ctx, m.ID)
	}
	err = s.send(ctx, letter)
	if err == nil {
		return s.store.DropMail(ctx, m.ID)
	}
	var refused *beep.Error
	now := beep.Now()
	if (errors.As(err, &refused) && refused.Kind == beep.KindInvalid) || now.Sub(m.Created) > postLife {
		s.log.WarnContext(ctx, "mail given up", slog.String("kind", string(m.Kind)), slog.Int("tries", m.Tries), slog.Any("error", err))
		return s.store.DropMail(ctx, m.ID)
	}
	s.log.WarnContext(ctx, "mail not sent yet", slog.String("kind", string(m.Kind)), slog.Int("tries", m.Tries), slog.Any("error", err))
	return s.store.DelayMail(ctx, m.ID, now.Add(min(postFirst<<min(m.Tries, 10), postMost)))
}

func (s *Service) send(ctx context.Context, l Letter) error {
	if s.mailer == nil {
		return s.store.KeepLetter(ctx, s.minter.Next(), l, keptLetters)
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	return s.mailer.Send(ctx, l)
}

// Letters answers the letters kept here, newest first; none where they are sent or where others could read them.
func (s *Service) Letters(ctx context.Context, to string) ([]Letter, error) {
	if !s.MailboxOpen() {
		return nil, beep.ErrNotFound
	}
	return s.store.Letters(ctx, FoldEmail(to), keptLetters)
}

// write makes the letter of a mail. Only now is it looked up whether the address has an account, and only now are
// secrets made. A letter without an address is not to be sent.
func (s *Service) write(ctx context.Context, m Mail) (Letter, error) {
	account, err := s.store.AccountByEmail(ctx, FoldEmail(m.To))
	if err != nil && !errors.Is(err, beep.ErrNotFound) {
		return Letter{}, err
	}
	known := err == nil
	switch {
	// Its owner is told that someone tried. Whoever tried is told nothing.
	case m.Kind == MailSignup && known:
		return s.compose(m, "exists", letterData{Link: s.issuer})
	case m.Kind == MailSignup:
		return s.writeConfirm(ctx, m)
	case m.Kind == MailReset && known:
		return s.writeReset(ctx, m, account)
	}
	return Letter{}, nil
}

// writeConfirm makes a code and a link. Those of an earlier mail stop working, and guesses of the code are counted
// anew: there are no more of them than mails, which are bounded, times codeTries.
func (s *Service) writeConfirm(ctx context.Context, m Mail) (Letter, error) {
	link, code := newSecret(), newCode()
	err := s.store.UpdateTicket(ctx, TicketSignup, m.Ticket, func(t *Ticket) error {
		var data signupData
		if err := json.Unmarshal(t.Data, &data); err != nil {
			return err
		}
		data.Code, data.Link, data.Tries = DigestOf(code), DigestOf(link), 0
		var err error
		t.Data, err = json.Marshal(data)
		return err
	})
	if errors.Is(err, beep.ErrNotFound) {
		return Letter{}, nil // confirmed or expired meanwhile
	}
	if err != nil {
		return Letter{}, err
	}
	return s.compose(m, "confirm", letterData{Code: code, Link: s.issuer + "/oidc/confirm?link=" + confirmLink{m.Ticket, link}.String()})
}

// writeReset binds the link to the version of the password, so that of two links the second to be used is worth
// nothing.
func (s *Service) writeReset(ctx context.Context, m Mail, a Account) (Letter, error) {
	link := newSecret()
	data, err := json.Marshal(resetData{User: a.User, Version: a.Version, Request: m.Ticket, Browser: m.Browser})
	if err != nil {
		return Letter{}, err
	}
	err = s.store.PutTicket(ctx, Ticket{Kind: TicketReset, ID: DigestOf(link), Data: data, Expires: beep.Now().Add(resetLife)})
	if err != nil {
		return Letter{}, err
	}
	return s.compose(m, "reset", letterData{Link: s.issuer + "/oidc/reset?link=" + link})
}

// newCode is six digits, none likelier than another.
func newCode() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never fails
	return fmt.Sprintf("%06d", binary.BigEndian.Uint64(b[:])%1_000_000)
}

// letterData is what a letter may say. None of it was typed by who asked for the mail: we carry no stranger's words
// to a third person.
type letterData struct{ Host, Code, Link string }

//go:embed letters/*.txt
var letterFiles embed.FS

// letterTexts are the parsed letters by "locale/name", made when they are first needed.
var letterTexts = sync.OnceValues(func() (map[string]*template.Template, error) {
	texts := map[string]*template.Template{}
	for _, locale := range []string{"en", "fr"} {
		b, err := letterFiles.ReadFile("letters/" + locale + ".txt")
		if err != nil {
			return nil, err
		}
		for part := range strings.SplitSeq(string(b), "== ") {
			name, text, _ := strings.Cut(part, "\n")
			if name == "" {
				continue
			}
			if texts[locale+"/"+name], err = template.New(name).Option("missingkey=error").Parse(text); err != nil {
				return nil, fmt.Errorf("letter %s/%s: %w", locale, name, err)
			}
		}
	}
	return texts, nil
})

// compose fills in a letter in the locale of its mail, English if there is none in that.
func (s *Service) compose(m Mail, name string, data letterData) (Letter, error) {
	texts, err := letterTexts()
	if err != nil {
		return Letter{}, err
	}
	text := texts[m.Locale+"/"+name]
	if text == nil {
		text = texts["en/"+name]
	}
	_, data.Host, _ = strings.Cut(s.issuer, "://")
	var b strings.Builder
	if err := text.Execute(&b, data); err != nil {
		return Letter{}, err
	}
	// A letter's text begins with its subject and an empty line, as a mail does.
	head, body, _ := strings.Cut(b.String(), "\n\n")
	return Letter{To: m.To, Subject: strings.TrimPrefix(head, "Subject: "), Text: strings.TrimSpace(body) + "\n", At: beep.Now()}, nil
}
