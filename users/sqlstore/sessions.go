package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/kit/sqldb"
	"github.com/beep-chat/beep/users"
)

const sessionColumns = "s.id, s.user_id, s.secret, s.browser, s.signed_in, s.proven_at, s.seen_at, s.expires_at, s.ended_at"

// scanSession reads sessionColumns and userColumns. They are one row, so that a session and its user are of one
// moment.
func scanSession(row sqldb.Scanner) (s users.Session, u users.User, err error) {
	var roles string
	dest := []any{
		&s.ID, &s.User,
		digest{&s.Secret},
		digest{&s.Browser},
		clock{&s.SignedIn},
		clock{&s.Proven},
		clock{&s.Seen},
		clock{&s.Expires},
		clock{&s.Ended},
	}
	err = row.Scan(append(dest, userDest(&u, &roles)...)...)
	u.Roles = words(roles)
	return s, u, stored(err)
}

// CreateSession stores a session of an account whose password is still the one that was proven.
func (s *Store) CreateSession(ctx context.Context, n users.Session, version int64) error {
	err := s.db.Tx(ctx, func(tx *sqldb.Tx) error {
		// The lock puts this before or after a change of the password, which ends the sessions that it finds.
		var now int64
		err := tx.QueryRow(ctx, "SELECT version FROM accounts WHERE user_id = ? {{lock_rows}}", int64(n.User)).Scan(&now)
		if errors.Is(err, sql.ErrNoRows) || (err == nil && now != version) {
			return beep.ErrConflict
		}
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO sessions (id, user_id, secret, browser, signed_in, proven_at, seen_at, expires_at, ended_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, int64(n.ID), int64(n.User), n.Secret[:], n.Browser[:],
			millis(n.SignedIn), millis(n.Proven), millis(n.Seen), millis(n.Expires), millis(n.Ended))
		return err
	})
	return stored(err)
}

// SessionBySecret answers the session of a browser's secret.
func (s *Store) SessionBySecret(ctx context.Context, secret users.Digest) (users.Session, users.User, error) {
	return scanSession(s.db.QueryRow(ctx, "SELECT "+sessionColumns+", "+userColumns+
		" FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.secret = ?", secret[:]))
}

// SessionOf answers a session of the user whom an identity names. The subject is looked up and not taken for a user's
// id, which it is only with the built-in provider.
func (s *Store) SessionOf(ctx context.Context, id beep.SessionID, identity users.Identity) (users.Session, users.User, error) {
	return scanSession(s.db.QueryRow(ctx, "SELECT "+sessionColumns+", "+userColumns+` FROM sessions s JOIN users u ON u.id = s.user_id
		JOIN identities i ON i.user_id = u.id WHERE s.id = ? AND i.issuer = ? AND i.subject = ?`,
		int64(id), identity.Issuer, identity.Subject))
}

// BrowserKnown says whether a session of an account was opened in a browser.
func (s *Store) BrowserKnown(ctx context.Context, email string, browser users.Digest) (known bool, err error) {
	err = s.db.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM accounts a JOIN sessions s ON s.user_id = a.user_id
		WHERE a.email = ? AND s.browser = ?)`, email, browser[:]).Scan(&known)
	return known, err
}

// TouchSession stores the times of a session that lives. That it lives is a condition of the statement, so an end
// that commits first stays an end.
func (s *Store) TouchSession(ctx context.Context, n users.Session) error {
	return changed(s.db.Exec(ctx, "UPDATE sessions SET proven_at = ?, seen_at = ?, expires_at = ? WHERE id = ? AND ended_at = 0",
		millis(n.Proven), millis(n.Seen), millis(n.Expires), int64(n.ID)))
}

// EndSession ends a session once.
func (s *Store) EndSession(ctx context.Context, id beep.SessionID, at time.Time) (ended bool, err error) {
	err = s.db.Tx(ctx, func(tx *sqldb.Tx) error {
		ended, err = endSession(ctx, tx, id, at)
		return err
	})
	// A commit that failed has ended nothing, whatever the closure saw.
	return ended && err == nil, err
}

// endSession marks the session, forgets its refresh tokens and appends to the feed: the one way a session ends.
func endSession(ctx context.Context, tx *sqldb.Tx, id beep.SessionID, at time.Time) (bool, error) {
	session := int64(id)
	// Two who end it queue for its row; the second finds it ended and appends nothing.
	err := changed(tx.Exec(ctx, "UPDATE sessions SET ended_at = ? WHERE id = ? AND ended_at = 0", millis(at), session))
	if errors.Is(err, beep.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if _, err := tx.Exec(ctx, "DELETE FROM refresh_tokens WHERE session_id = ?", session); err != nil {
		return false, err
	}
	// Last, because the lock on the feed's head is everyone's. It is held until the commit, so numbers become visible
	// in their order; those of a sequence would not.
	var seq int64
	if err := tx.QueryRow(ctx, "UPDATE feed SET head = head + 1 WHERE id = 1 RETURNING head").Scan(&seq); err != nil {
		return false, err
	}
	_, err = tx.Exec(ctx, "INSERT INTO revocations (seq, session_id, user_id, not_before, appended_at) VALUES (?, ?, 0, 0, ?)", seq, session, millis(at))
	return err == nil, err
}

// ListRevocations pages through the feed. The list is read before the head, so that the head is never below it.
func (s *Store) ListRevocations(ctx context.Context, after uint64, limit int) ([]users.Revocation, uint64, error) {
	list, err := sqldb.All(func(row sqldb.Scanner) (r users.Revocation, err error) {
		err = row.Scan(&r.Seq, &r.Session, &r.User, clock{&r.NotBefore})
		return r, err
	})(s.db.Query(ctx, "SELECT seq, session_id, user_id, not_before FROM revocations WHERE seq > ? ORDER BY seq LIMIT ?", int64(after), limit))
	if err != nil {
		return nil, 0, err
	}
	var head uint64
	err = s.db.QueryRow(ctx, "SELECT head FROM feed WHERE id = 1").Scan(&head)
	return list, head, err
}

const refreshColumns = "r.token, r.family, r.session_id, r.client, r.scopes, r.rotated_at, r.trades, r.created_at, r.expires_at"

func scanRefresh(row sqldb.Scanner) (r users.Refresh, err error) {
	var scopes string
	err = row.Scan(digest{&r.Token}, digest{&r.Family}, &r.Session, &r.Client, &scopes, clock{&r.Rotated}, &r.Trades, clock{&r.Created}, clock{&r.Expires})
	r.Scopes = words(scopes)
	return r, err
}

// ChangeGrant lets fn decide over a code or a refresh token.
func (s *Store) ChangeGrant(ctx context.Context, key users.Digest, fn func(users.Grant) (users.Change, error)) error {
	err := s.db.Tx(ctx, func(tx *sqldb.Tx) error {
		g, err := lockGrant(ctx, tx, key)
		if err != nil {
			return err
		}
		c, err := fn(g)
		if err != nil {
			return err
		}
		return changeGrant(ctx, tx, key, g, c)
	})
	return stored(err)
}

// lockGrant finds a grant and locks its session, then reads all of it again under the lock. What the first look finds
// is only good for knowing which session to lock: until the lock is held the code may be traded and the session
// ended.
func lockGrant(ctx context.Context, tx *sqldb.Tx, key users.Digest) (users.Grant, error) {
	var session int64
	// All three lead to one session, so any of the rows will do.
	err := tx.QueryRow(ctx, `SELECT session_id FROM tickets WHERE kind = ? AND id = ?
		UNION ALL SELECT session_id FROM refresh_tokens WHERE token = ?
		UNION ALL SELECT session_id FROM refresh_tokens WHERE family = ? LIMIT 1`, users.TicketCode, key[:], key[:], key[:]).Scan(&session)
	if err != nil {
		return users.Grant{}, err
	}
	var g users.Grant
	if err := tx.QueryRow(ctx, "SELECT id FROM sessions WHERE id = ? {{lock_rows}}", session).Scan(&session); err != nil {
		return g, err
	}
	g.Session, g.User, err = scanSession(tx.QueryRow(ctx, "SELECT "+sessionColumns+", "+userColumns+
		" FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = ?", session))
	if err != nil {
		return g, err
	}
	// The code before its family: as long as it is there it has none.
	err = tx.QueryRow(ctx, "SELECT data, expires_at FROM tickets WHERE kind = ? AND id = ?", users.TicketCode, key[:]).Scan(&g.Code, clock{&g.Expires})
	if !errors.Is(err, sql.ErrNoRows) {
		return g, err
	}
	// By its own digest, or as one of the family that a code began, of which the oldest will do.
	g.Refresh, err = scanRefresh(tx.QueryRow(ctx, "SELECT "+refreshColumns+` FROM refresh_tokens r WHERE r.token = ? OR r.family = ?
		ORDER BY CASE WHEN r.token = ? THEN 0 ELSE 1 END, r.created_at LIMIT 1`, key[:], key[:], key[:]))
	return g, err
}

// changeGrant does what fn decided. An end comes alone: it deletes the session's tokens, and none may be issued after
// it.
func changeGrant(ctx context.Context, tx *sqldb.Tx, key users.Digest, g users.Grant, c users.Change) error {
	if !c.End.IsZero() {
		_, err := endSession(ctx, tx, g.Session.ID, c.End)
		return err
	}
	// It is there: under the session's lock nobody else has traded it since.
	if c.DropCode {
		if _, err := tx.Exec(ctx, "DELETE FROM tickets WHERE kind = ? AND id = ?", users.TicketCode, key[:]); err != nil {
			return err
		}
	}
	if c.Trade {
		// Without a condition on the count: under the session's lock it is what fn saw.
		r := c.Refresh
		if _, err := tx.Exec(ctx, "UPDATE refresh_tokens SET rotated_at = ?, trades = ? WHERE token = ?", millis(r.Rotated), r.Trades, r.Token[:]); err != nil {
			return err
		}
	}
	for _, r := range c.Issue {
		_, err := tx.Exec(ctx, `INSERT INTO refresh_tokens (token, family, session_id, client, scopes, rotated_at, trades, created_at, expires_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, r.Token[:], r.Family[:], int64(r.Session), r.Client, strings.Join(r.Scopes, " "),
			millis(r.Rotated), r.Trades, millis(r.Created), millis(r.Expires))
		if err != nil {
			return err
		}
	}
	return nil
}
