package sqlstore

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/kit/sqldb"
	"github.com/beep-chat/beep/users"
)

// PutTicket stores a ticket.
func (s *Store) PutTicket(ctx context.Context, t users.Ticket) error {
	_, err := s.db.Exec(ctx, "INSERT INTO tickets (kind, id, session_id, data, expires_at) VALUES (?, ?, ?, ?, ?)",
		t.Kind, t.ID[:], int64(t.Session), t.Data, millis(t.Expires))
	return stored(err)
}

const ticketByID = "SELECT kind, id, session_id, data, expires_at FROM tickets WHERE kind = ? AND id = ?"

func scanTicket(row sqldb.Scanner) (t users.Ticket, err error) {
	err = row.Scan(&t.Kind, digest{&t.ID}, &t.Session, &t.Data, clock{&t.Expires})
	return t, stored(err)
}

// GetTicket answers a ticket.
func (s *Store) GetTicket(ctx context.Context, kind users.TicketKind, id users.Digest) (users.Ticket, error) {
	return scanTicket(s.db.QueryRow(ctx, ticketByID, kind, id[:]))
}

// UpdateTicket lets fn change a ticket. The row is locked from the read to the commit, so what fn counts in the data
// cannot be counted past.
func (s *Store) UpdateTicket(ctx context.Context, kind users.TicketKind, id users.Digest, fn func(*users.Ticket) error) error {
	return s.db.Tx(ctx, func(tx *sqldb.Tx) error {
		t, err := scanTicket(tx.QueryRow(ctx, ticketByID+" {{lock_rows}}", kind, id[:]))
		if err != nil {
			return err
		}
		if err := fn(&t); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "UPDATE tickets SET data = ?, expires_at = ? WHERE kind = ? AND id = ?", t.Data, millis(t.Expires), kind, id[:])
		return err
	})
}

// DeleteTicket deletes a ticket.
func (s *Store) DeleteTicket(ctx context.Context, kind users.TicketKind, id users.Digest) error {
	_, err := s.db.Exec(ctx, "DELETE FROM tickets WHERE kind = ? AND id = ?", kind, id[:])
	return err
}

// UpdateAttempts lets fn change the counts of keys. The rows stay locked while fn decides, which only counts.
func (s *Store) UpdateAttempts(ctx context.Context, keys []string, fn func([]users.Attempts) error) error {
	return s.db.Tx(ctx, func(tx *sqldb.Tx) error {
		known, err := lockAttempts(ctx, tx, keys)
		if err != nil {
			return err
		}
		if err := fn(known); err != nil {
			return err
		}
		for i, key := range keys {
			if err := storeAttempts(ctx, tx, key, known[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// lockAttempts reads the counts of keys under their locks. A row that is not there cannot be locked, so each is made
// first, in an order that all share.
func lockAttempts(ctx context.Context, tx *sqldb.Tx, keys []string) ([]users.Attempts, error) {
	known := make(map[string]users.Attempts, len(keys))
	for _, key := range slices.Sorted(slices.Values(keys)) {
		var a users.Attempts
		// Updated to what it is: DO NOTHING would neither lock the row nor answer it.
		err := tx.QueryRow(ctx, `INSERT INTO attempts (key, failures, last_at, until_at) VALUES (?, 0, 0, 0)
			ON CONFLICT (key) DO UPDATE SET failures = attempts.failures RETURNING failures, last_at, until_at`, key).
			Scan(&a.Failures, clock{&a.Last}, clock{&a.Until})
		if err != nil {
			return nil, err
		}
		known[key] = a
	}
	// The locks were taken in the order of the keys; the answer is in the caller's.
	list := make([]users.Attempts, len(keys))
	for i, key := range keys {
		list[i] = known[key]
	}
	return list, nil
}

// storeAttempts deletes what fn left at zero. Kept, there would be a row for each address that ever failed.
func storeAttempts(ctx context.Context, tx *sqldb.Tx, key string, a users.Attempts) error {
	if a == (users.Attempts{}) {
		_, err := tx.Exec(ctx, "DELETE FROM attempts WHERE key = ?", key)
		return err
	}
	_, err := tx.Exec(ctx, "UPDATE attempts SET failures = ?, last_at = ?, until_at = ? WHERE key = ?", a.Failures, millis(a.Last), millis(a.Until), key)
	return err
}

// AddSigningKey stores a key. The generation is the key of the table, so of two processes that add one the second is
// told.
func (s *Store) AddSigningKey(ctx context.Context, k users.SigningKey) error {
	_, err := s.db.Exec(ctx, "INSERT INTO signing_keys (generation, id, private, public, created_at, active_at) VALUES (?, ?, ?, ?, ?, ?)",
		k.Generation, k.ID, k.Private, k.Public, millis(k.Created), millis(k.Active))
	return stored(err)
}

// SigningKeys answers all keys, newest first.
func (s *Store) SigningKeys(ctx context.Context) ([]users.SigningKey, error) {
	return sqldb.All(func(row sqldb.Scanner) (k users.SigningKey, err error) {
		err = row.Scan(&k.Generation, &k.ID, &k.Private, &k.Public, clock{&k.Created}, clock{&k.Active})
		return k, err
	})(s.db.Query(ctx, "SELECT generation, id, private, public, created_at, active_at FROM signing_keys ORDER BY generation DESC"))
}

// Sweep deletes what is over, each kind in a transaction of its own: none waits for another's. An error of one does
// not keep the others from their turn; what it left goes with the next sweep.
func (s *Store) Sweep(ctx context.Context, now, old time.Time) error {
	n, o := millis(now), millis(old)
	var errs []error
	for _, q := range []struct {
		text string
		args []any
	}{
		{"DELETE FROM tickets WHERE expires_at < ?", []any{n}},
		{"DELETE FROM refresh_tokens WHERE expires_at < ?", []any{n}},
		// With what is left of their refresh tokens, by ON DELETE CASCADE; the feed needs no row for tokens that time has
		// ended.
		{"DELETE FROM sessions WHERE expires_at < ?", []any{o}},
		{"DELETE FROM sessions WHERE ended_at <> 0 AND ended_at < ?", []any{o}},
		{"DELETE FROM attempts WHERE last_at < ?", []any{o}},
		// Without the head, from which the feed goes on.
		{"DELETE FROM revocations WHERE appended_at < ?", []any{o}},
		{"DELETE FROM letters WHERE sent_at < ?", []any{o}},
		// The newest that signed before old took over from all before it, and what those signed has expired.
		{"DELETE FROM signing_keys WHERE generation < (SELECT max(generation) FROM signing_keys WHERE active_at < ?)", []any{o}},
	} {
		if _, err := s.db.Exec(ctx, q.text, q.args...); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// mailColumns are in the order of PostMail's arguments and of ClaimMail's Scan.
const mailColumns = "id, kind, address, locale, ticket, browser, tries, due_at, created_at"

// PostMail stores a mail.
func (s *Store) PostMail(ctx context.Context, m users.Mail) error {
	_, err := s.db.Exec(ctx, "INSERT INTO outbox ("+mailColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
		int64(m.ID), m.Kind, m.To, m.Locale, m.Ticket[:], m.Browser[:], m.Tries, millis(m.Due), millis(m.Created))
	return stored(err)
}

// ClaimMail takes a mail that is due for as long as lease.
func (s *Store) ClaimMail(ctx context.Context, now time.Time, lease time.Duration) (m users.Mail, err error) {
	// Most looks find nothing, and a look is cheaper than a turn at writing.
	var due int
	if err := s.db.QueryRow(ctx, "SELECT count(*) FROM outbox WHERE due_at <= ?", millis(now)).Scan(&due); err != nil {
		return m, err
	}
	if due == 0 {
		return m, beep.ErrNotFound
	}
	err = s.db.Tx(ctx, func(tx *sqldb.Tx) error {
		// due_at is asked for twice: who waited for another's claim on the row finds it no longer due.
		return tx.QueryRow(ctx, `UPDATE outbox SET due_at = ?, tries = tries + 1
			WHERE due_at <= ? AND id = (SELECT id FROM outbox WHERE due_at <= ? ORDER BY due_at, id LIMIT 1) RETURNING `+mailColumns,
			millis(now.Add(lease)), millis(now), millis(now)).
			Scan(&m.ID, &m.Kind, &m.To, &m.Locale, digest{&m.Ticket}, digest{&m.Browser}, &m.Tries, clock{&m.Due}, clock{&m.Created})
	})
	return m, stored(err)
}

// DelayMail makes a mail due later. One that was dropped meanwhile stays away.
func (s *Store) DelayMail(ctx context.Context, id uint64, due time.Time) error {
	return changed(s.db.Exec(ctx, "UPDATE outbox SET due_at = ? WHERE id = ?", millis(due), int64(id)))
}

// DropMail deletes a mail.
func (s *Store) DropMail(ctx context.Context, id uint64) error {
	_, err := s.db.Exec(ctx, "DELETE FROM outbox WHERE id = ?", int64(id))
	return err
}

// KeepLetter stores a letter in place of the oldest. Ids are minted in the order of time, so the highest are the
// newest; two letters may well have the same sent_at.
func (s *Store) KeepLetter(ctx context.Context, id uint64, l users.Letter, keep int) error {
	err := s.db.Tx(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.Exec(ctx, "INSERT INTO letters (id, folded, address, subject, body, sent_at) VALUES (?, ?, ?, ?, ?, ?)",
			int64(id), users.FoldEmail(l.To), l.To, l.Subject, l.Text, millis(l.At))
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "DELETE FROM letters WHERE id NOT IN (SELECT id FROM letters ORDER BY id DESC LIMIT ?)", keep)
		return err
	})
	return stored(err)
}

// Letters answers letters, newest first. The address comes folded, or empty for all.
func (s *Store) Letters(ctx context.Context, to string, limit int) ([]users.Letter, error) {
	return sqldb.All(func(row sqldb.Scanner) (l users.Letter, err error) {
		err = row.Scan(&l.To, &l.Subject, &l.Text, clock{&l.At})
		return l, err
	})(s.db.Query(ctx, "SELECT address, subject, body, sent_at FROM letters WHERE folded = ? OR ? = '' ORDER BY id DESC LIMIT ?", to, to, limit))
}
