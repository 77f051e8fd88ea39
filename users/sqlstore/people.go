package sqlstore

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/kit/sqldb"
	"github.com/beep-chat/beep/users"
)

// userColumns name their table, since a session is read together with its user and both have an id.
const userColumns = "u.id, u.username, u.display_name, u.email, u.roles, u.created_at"

// userDest is where a row of userColumns goes; its caller makes Roles of roles.
func userDest(u *users.User, roles *string) []any {
	return []any{&u.ID, &u.Username, &u.DisplayName, &u.Email, roles, clock{&u.CreatedAt}}
}

func scanUser(s sqldb.Scanner) (users.User, error) {
	var u users.User
	var roles string
	err := s.Scan(userDest(&u, &roles)...)
	u.Roles = words(roles)
	return u, err
}

// ListUsers answers the users that exist, in the order asked.
func (s *Store) ListUsers(ctx context.Context, ids []beep.UserID) ([]users.User, error) {
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = int64(id)
	}
	found, err := sqldb.All(scanUser)(s.db.Query(ctx, "SELECT "+userColumns+" FROM users u WHERE u.id IN ("+sqldb.Marks(len(ids))+")", args...))
	if err != nil {
		return nil, err
	}
	place := make(map[beep.UserID]int, len(ids))
	// Backwards, so that the first place of an id that is asked for twice is the one that counts.
	for i, id := range slices.Backward(ids) {
		place[id] = i
	}
	slices.SortFunc(found, func(a, b users.User) int { return place[a.ID] - place[b.ID] })
	return found, nil
}

// UpdateUser lets fn change a user.
func (s *Store) UpdateUser(ctx context.Context, id beep.UserID, fn func(*users.User) error) (users.User, error) {
	var out users.User
	err := s.db.Tx(ctx, func(tx *sqldb.Tx) error {
		u, err := scanUser(tx.QueryRow(ctx, "SELECT "+userColumns+" FROM users u WHERE u.id = ? {{lock_rows}}", int64(id)))
		if err != nil {
			return err
		}
		if err := fn(&u); err != nil {
			return err
		}
		// The two columns that the port lets fn change: a username or an address would need its unique index looked
		// after.
		_, err = tx.Exec(ctx, "UPDATE users SET display_name = ?, roles = ? WHERE id = ?", u.DisplayName, strings.Join(u.Roles, " "), int64(id))
		// Assigned at the end of each run: the closure may run again.
		out = u
		return err
	})
	return out, stored(err)
}

// UsernameFree says whether no user has a username. It spares people a form that cannot succeed and decides nothing;
// CreateAccount does.
func (s *Store) UsernameFree(ctx context.Context, username string) (bool, error) {
	var n int
	err := s.db.QueryRow(ctx, "SELECT count(*) FROM users WHERE username = ?", username).Scan(&n)
	return n == 0, err
}

// CreateAccount stores a user with its identity and account in place of the sign-up. The sign-up is deleted first.
// Its row is what two confirmations of it wait for, so the second finds it used and is not told that its own name is
// taken.
func (s *Store) CreateAccount(ctx context.Context, a users.NewAccount) error {
	u, id := a.User, int64(a.User.ID)
	err := s.db.Tx(ctx, func(tx *sqldb.Tx) error {
		err := changed(tx.Exec(ctx, "DELETE FROM tickets WHERE kind = ? AND id = ?", users.TicketSignup, a.Signup[:]))
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "INSERT INTO users (id, username, display_name, email, roles, created_at) VALUES (?, ?, ?, ?, ?, ?)",
			id, u.Username, u.DisplayName, u.Email, strings.Join(u.Roles, " "), millis(u.CreatedAt))
		if err != nil {
			return taken(err, "username", users.TakenUsername)
		}
		_, err = tx.Exec(ctx, "INSERT INTO accounts (user_id, email, password, version) VALUES (?, ?, ?, ?)",
			id, a.Account.Email, a.Account.Password, a.Account.Version)
		if err != nil {
			return taken(err, "email", users.TakenEmail)
		}
		// What clashes here was minted and not typed, so it is a plain conflict and no TakenError.
		_, err = tx.Exec(ctx, "INSERT INTO identities (issuer, subject, user_id) VALUES (?, ?, ?)", a.Identity.Issuer, a.Identity.Subject, id)
		return err
	})
	return stored(err)
}

// taken names what another has, if it is the value of column.
func taken(err error, column string, what users.Taken) error {
	if slices.Equal(sqldb.UniqueColumns(err), []string{column}) {
		return users.TakenError{What: what}
	}
	return err
}

const accountColumns = "user_id, email, password, version"

func scanAccount(s sqldb.Scanner) (users.Account, error) {
	var a users.Account
	err := s.Scan(&a.User, &a.Email, &a.Password, &a.Version)
	return a, stored(err)
}

// AccountByEmail answers the account of an address.
func (s *Store) AccountByEmail(ctx context.Context, email string) (users.Account, error) {
	return scanAccount(s.db.QueryRow(ctx, "SELECT "+accountColumns+" FROM accounts WHERE email = ?", email))
}

// AccountOf answers the account of a user.
func (s *Store) AccountOf(ctx context.Context, user beep.UserID) (users.Account, error) {
	return scanAccount(s.db.QueryRow(ctx, "SELECT "+accountColumns+" FROM accounts WHERE user_id = ?", int64(user)))
}

// SetPassword changes a password and ends the sessions it does not keep. Locks are taken in the order account,
// ticket, sessions by id, feed, and CreateSession begins with the account too: whoever meets another here waits in a
// line and never in a circle.
func (s *Store) SetPassword(ctx context.Context, c users.PasswordChange) (ended []beep.SessionID, err error) {
	user := int64(c.User)
	err = s.db.Tx(ctx, func(tx *sqldb.Tx) error {
		err := changed(tx.Exec(ctx, "UPDATE accounts SET password = ?, version = version + 1 WHERE user_id = ? AND version = ?", c.Password, user, c.Version))
		// Another version, or no account any more: whoever allowed the change had seen something else.
		if errors.Is(err, beep.ErrNotFound) {
			return beep.ErrConflict
		}
		if err != nil {
			return err
		}
		// Looked for by deleting it: of two who come with one link the second finds none.
		if !c.Reset.IsZero() {
			if err := changed(tx.Exec(ctx, "DELETE FROM tickets WHERE kind = ? AND id = ?", users.TicketReset, c.Reset[:])); err != nil {
				return err
			}
		}
		ended, err = endSessionsOf(ctx, tx, c)
		return err
	})
	return ended, stored(err)
}

// endSessionsOf ends the sessions of a user but for the one to keep.
func endSessionsOf(ctx context.Context, tx *sqldb.Tx, c users.PasswordChange) ([]beep.SessionID, error) {
	// In the order of ids, as everyone who locks several does.
	ended, err := sqldb.All(scanID)(tx.Query(ctx, "SELECT id FROM sessions WHERE user_id = ? AND ended_at = 0 AND id <> ? ORDER BY id {{lock_rows}}", int64(c.User), int64(c.Keep)))
	if err != nil {
		return nil, err
	}
	for _, id := range ended {
		if _, err := endSession(ctx, tx, id, c.At); err != nil {
			return nil, err
		}
	}
	return ended, nil
}

func scanID(s sqldb.Scanner) (id beep.SessionID, err error) {
	err = s.Scan(&id)
	return id, err
}

// Rehash replaces the form of an unchanged password. That no row has the version is no error: the password was
// changed meanwhile, and the old one's hash must not return.
func (s *Store) Rehash(ctx context.Context, user beep.UserID, version int64, password string) error {
	_, err := s.db.Exec(ctx, "UPDATE accounts SET password = ? WHERE user_id = ? AND version = ?", password, int64(user), version)
	return err
}
