package users

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/beep-chat/beep"
)

// Opened is a new session and the secret that its browser keeps.
type Opened struct {
	Session Session
	Secret  string
}

// open makes a session for an account whose owner has proven to be there.
func (s *Service) open(ctx context.Context, a Account, v Visitor) (Opened, error) {
	now := beep.Now()
	for try := 1; ; try++ {
		secret := newSecret()
		session := Session{
			ID: beep.SessionID(s.minter.Next()), User: a.User, Secret: DigestOf(secret), Browser: v.Browser,
			SignedIn: now, Proven: now, Seen: now, Expires: now.Add(sessionIdle),
		}
		err := s.store.CreateSession(ctx, session, a.Version)
		if err == nil {
			return Opened{session, secret}, nil
		}
		if !errors.Is(err, beep.ErrConflict) {
			return Opened{}, err
		}
		if try == mintTries {
			// Not the id then: the password was changed between the proof and here.
			return Opened{}, WrongPasswordError{}
		}
	}
}

// Session answers the living session of a browser's secret, and its user. ErrNotFound if there is none.
func (s *Service) Session(ctx context.Context, secret string) (Session, User, error) {
	// Without a cookie there is nothing to look for.
	if secret == "" {
		return Session{}, User{}, beep.ErrNotFound
	}
	session, user, err := s.store.SessionBySecret(ctx, DigestOf(secret))
	if err != nil {
		return Session{}, User{}, err
	}
	if !session.Lives(beep.Now()) {
		return Session{}, User{}, beep.ErrNotFound
	}
	return session, user, s.touch(ctx, session)
}

// touch says that a session is in use, so that it lives on; not each time, because each is a write.
func (s *Service) touch(ctx context.Context, session Session) error {
	now := beep.Now()
	if now.Sub(session.Seen) < seenEvery {
		return nil
	}
	session.Seen = now
	session.Expires = extended(session, now)
	err := s.store.TouchSession(ctx, session)
	if errors.Is(err, beep.ErrNotFound) {
		return nil // ended since; whoever asks next will see it
	}
	return err
}

// extended is when a session seen now expires: idle for a month, or half a year after its sign-in.
func extended(session Session, now time.Time) time.Time {
	expires, last := now.Add(sessionIdle), session.SignedIn.Add(SessionLife)
	if last.Before(expires) {
		return last
	}
	return expires
}

// Reprove takes the password again in a session that exists, and answers the session with its fresh proof.
// ErrNotFound if it has ended meanwhile. It counts tries as a sign-in does: a stolen session must be no place to
// guess the password in.
func (s *Service) Reprove(ctx context.Context, session Session, password string, ip netip.Addr) (Session, error) {
	account, err := s.store.AccountOf(ctx, session.User)
	if err != nil {
		return Session{}, err
	}
	if _, err := s.prove(ctx, account.Email, password, Visitor{IP: ip, Browser: session.Browser}); err != nil {
		return Session{}, err
	}
	session.Proven = beep.Now()
	session.Seen = session.Proven
	session.Expires = extended(session, session.Seen)
	return session, s.store.TouchSession(ctx, session)
}

// EndSession signs a session out, everywhere.
func (s *Service) EndSession(ctx context.Context, id beep.SessionID) error {
	ended, err := s.store.EndSession(ctx, id, beep.Now())
	if err != nil {
		return err
	}
	if ended {
		s.announce(ctx)
	}
	return nil
}
