package users

import (
	"context"
	"time"

	"github.com/beep-chat/beep"
)

// Store is what users keeps. Every method is one transaction: all of it is committed and on disk when it answers
// nil, none of it otherwise. Stores never ask the clock and never decide: what depends on either comes in as an
// argument. Missing is beep.ErrNotFound; a refusal by a unique key or by a condition that the method names is
// beep.ErrConflict. Times keep their milliseconds; zero times stay zero.
type Store interface {
	Profiles
	Accounts
	Sessions
	Grants
	Tickets
	Machinery
	Outbox
}

// Profiles are what is known of people, and the feed.
type Profiles interface {
	// ListUsers answers the users of ids that exist, in the order of ids, each once.
	ListUsers(ctx context.Context, ids []beep.UserID) ([]User, error)
	// UpdateUser gives the user to fn and stores what fn leaves of DisplayName and Roles; it answers that. Nothing
	// is stored if fn fails. Two updates of one user are one after the other. fn may run again.
	UpdateUser(ctx context.Context, id beep.UserID, fn func(*User) error) (User, error)
	// UsernameFree says whether no user has a username.
	UsernameFree(ctx context.Context, username string) (bool, error)
	// ListRevocations answers up to limit rows of the feed with seq > after, in its order, and its newest seq, 0 if
	// it is empty. Rows appear in order: who has seen seq n will never find a row at or below n that is new.
	ListRevocations(ctx context.Context, after uint64, limit int) (list []Revocation, head uint64, err error)
}

// Accounts are the built-in provider's.
type Accounts interface {
	// CreateAccount stores a user, the identity and the account, and deletes the ticket signup, which must be there:
	// ErrNotFound if it is not. A name or address that another has is a TakenError, which is ErrConflict.
	CreateAccount(ctx context.Context, a NewAccount) error
	// AccountByEmail answers the account of a folded address.
	AccountByEmail(ctx context.Context, email string) (Account, error)
	// AccountOf answers the account of a user.
	AccountOf(ctx context.Context, user beep.UserID) (Account, error)
	// SetPassword changes the password, raises the version by one, deletes the ticket if one is named, and ends the
	// sessions of the user but for c.Keep, each with its row in the feed. ErrConflict if the version is not
	// c.Version, ErrNotFound if the ticket is not there.
	SetPassword(ctx context.Context, c PasswordChange) (ended []beep.SessionID, err error)
	// Rehash replaces the stored form of an unchanged password; nothing happens if the version is not version.
	Rehash(ctx context.Context, user beep.UserID, version int64, password string) error
}

// NewAccount is what CreateAccount takes.
type NewAccount struct {
	User     User
	Account  Account
	Identity Identity
	Signup   Digest // the ticket that it comes from
}

// PasswordChange is what SetPassword takes.
type PasswordChange struct {
	User     beep.UserID
	Version  int64 // as it was when the change was allowed
	Password string
	Keep     beep.SessionID // or none
	Reset    Digest         // a ticket of kind TicketReset, or none
	At       time.Time
}

// Taken says which unique value is another's.
type Taken string

// What may be taken.
const (
	TakenUsername Taken = "username"
	TakenEmail    Taken = "email"
)

// TakenError is a refusal by a unique value.
type TakenError struct{ What Taken }

// Error names the value.
func (e TakenError) Error() string { return string(e.What) + " is taken" }

// Is makes it a conflict.
func (e TakenError) Is(target error) bool { return target == beep.ErrConflict }

// Sessions are the sign-ins.
type Sessions interface {
	// CreateSession stores a session if the account's version is still version; ErrConflict if not, because the
	// password that opened it no longer does; ErrConflict too if the id is another's.
	CreateSession(ctx context.Context, s Session, version int64) error
	// SessionBySecret answers the session and its user, ended or not.
	SessionBySecret(ctx context.Context, secret Digest) (Session, User, error)
	// SessionOf answers the session if it is of the user whom identity names.
	SessionOf(ctx context.Context, id beep.SessionID, identity Identity) (Session, User, error)
	// BrowserKnown says whether a session of the account of a folded address, ended or not, was opened in a browser. One
	// question for every address: that its answer takes longer where there is an account would tell that there is.
	BrowserKnown(ctx context.Context, email string, browser Digest) (bool, error)
	// TouchSession stores Proven, Seen and Expires of a session that has not ended; ErrNotFound if it has.
	TouchSession(ctx context.Context, s Session) error
	// EndSession ends a session, deletes its refresh tokens and appends to the feed; false if it had ended before or
	// never was, and then nothing happens.
	EndSession(ctx context.Context, id beep.SessionID, at time.Time) (bool, error)
}

// Grants are what tokens are made from.
type Grants interface {
	// ChangeGrant finds what a client holds: the code of that digest, or the refresh token of that digest, or, when
	// there is no such code, a token of the family that it began (so that a code used twice is seen); gives it to fn
	// with its session, and does what fn answers. Changes of one session are one after the other, EndSession among
	// them. ErrNotFound if nothing is found; fn may run again; its error is the answer, and then nothing is done.
	ChangeGrant(ctx context.Context, key Digest, fn func(Grant) (Change, error)) error
}

// Grant is what ChangeGrant finds.
type Grant struct {
	Code    []byte    // the data of the code's ticket, if key is a code not yet traded
	Expires time.Time // of the code
	Refresh Refresh   // the token of digest key, or any of the family key
	Session Session   // of the refresh token; for a code, of the session that ChangeGrant reads from the ticket
	User    User      // the session's
}

// Change is what is to be done with a grant.
type Change struct {
	DropCode bool
	Trade    bool      // stores Rotated and Trades of Refresh
	Refresh  Refresh   // with Trade
	Issue    []Refresh // new tokens
	End      time.Time // ends the session, as EndSession does; all else is left undone
}

// TicketKind says what a ticket is for.
type TicketKind string

// The kinds of ticket.
const (
	TicketRequest TicketKind = "request" // an authorization request that waits for its user to sign in
	TicketCode    TicketKind = "code"    // an authorization code
	TicketSignup  TicketKind = "signup"  // a sign-up that waits for its address to be confirmed
	TicketReset   TicketKind = "reset"   // a password that may be set anew
)

// Ticket is something short-lived that one secret stands for.
type Ticket struct {
	Kind    TicketKind
	ID      Digest
	Session beep.SessionID // of a code
	Data    []byte
	Expires time.Time
}

// Tickets are kept until they expire or are used up.
type Tickets interface {
	// PutTicket stores a ticket; ErrConflict if there is one of that kind and id.
	PutTicket(ctx context.Context, t Ticket) error
	// GetTicket answers a ticket, expired or not.
	GetTicket(ctx context.Context, kind TicketKind, id Digest) (Ticket, error)
	// UpdateTicket gives the ticket to fn and stores what fn leaves of Data and Expires. As UpdateUser otherwise.
	UpdateTicket(ctx context.Context, kind TicketKind, id Digest, fn func(*Ticket) error) error
	// DeleteTicket deletes a ticket; one that is not there is deleted already.
	DeleteTicket(ctx context.Context, kind TicketKind, id Digest) error
}

// Attempts is how often something failed. The zero value is never.
type Attempts struct {
	Failures int
	Last     time.Time
	Until    time.Time // refused until then
}

// Machinery is what works behind the rest.
type Machinery interface {
	// UpdateAttempts gives what is known of keys (in their order) to fn and stores what fn leaves; a key left at
	// zero is forgotten. Updates that share a key are one after the other, so that a flood cannot outrun its count.
	// fn may run again; its error is the answer, and then nothing is stored.
	UpdateAttempts(ctx context.Context, keys []string, fn func([]Attempts) error) error
	// AddSigningKey stores a key; ErrConflict if there is one of that generation.
	AddSigningKey(ctx context.Context, k SigningKey) error
	// SigningKeys answers all keys, newest generation first.
	SigningKeys(ctx context.Context) ([]SigningKey, error)
	// Sweep deletes what is over: tickets and refresh tokens that expired before now; attempts last counted, sessions
	// ended or expired, feed rows appended and letters kept before old; signing keys that a newer one had replaced
	// (was active) before old.
	Sweep(ctx context.Context, now, old time.Time) error
	// Ping says whether the store can be used.
	Ping(ctx context.Context) error
}

// MailKind says what a mail is about.
type MailKind string

// The kinds of mail.
const (
	MailSignup MailKind = "signup" // confirm the address, or learn that it has an account
	MailReset  MailKind = "reset"  // set a new password
)

// Mail is a mail that has to go out. It is written when its turn comes: neither its secret nor whether its address
// has an account is known before, nor to whoever asked for it.
type Mail struct {
	ID      uint64
	Kind    MailKind
	To      string
	Locale  string
	Ticket  Digest // the sign-up, or the request that goes on after a reset
	Browser Digest // that asked for a reset
	Tries   int
	Due     time.Time
	Created time.Time
}

// Outbox holds the mails to send, and the letters kept where there is no mail server.
type Outbox interface {
	// PostMail stores a mail.
	PostMail(ctx context.Context, m Mail) error
	// ClaimMail answers a mail due at now, the longest waiting first, and makes it due again at now + lease, one try
	// later, so that it is claimed by one process only and survives its end. ErrNotFound if none is due.
	ClaimMail(ctx context.Context, now time.Time, lease time.Duration) (Mail, error)
	// DelayMail makes a mail due at due.
	DelayMail(ctx context.Context, id uint64, due time.Time) error
	// DropMail deletes a mail.
	DropMail(ctx context.Context, id uint64) error
	// KeepLetter stores a letter and deletes the oldest above keep.
	KeepLetter(ctx context.Context, id uint64, l Letter, keep int) error
	// Letters answers the newest letters first, those to a folded address or all if to is empty.
	Letters(ctx context.Context, to string, limit int) ([]Letter, error)
}
