package users

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/beep-chat/beep"
)

// Visitor is the browser that a page is for.
type Visitor struct {
	IP      netip.Addr
	Browser Digest // of the cookie that every browser gets
	Locale  string // "en" or "fr"
}

// SignUp is what someone asks an account for.
type SignUp struct {
	Visitor
	Username string
	Email    string
	Password string
	Request  Digest // the authorization request that goes on afterwards, or none
}

// signupData is the ticket of a sign-up. To the store it is bytes, so that it may grow; a sign-up that waits
// meanwhile lacks what is new.
type signupData struct {
	Username string `json:"username"`
	Email    string `json:"email"`
	Hash     string `json:"hash"` // of the password
	Request  Digest `json:"request"`
	Browser  Digest `json:"browser"`
	Code     Digest `json:"code"` // of the newest code sent; zero until one was
	Link     Digest `json:"link"` // of the newest link sent
	Tries    int    `json:"tries"`
	Proofs   int    `json:"proofs"` // how often the password was given in another browser
}

const (
	// codeTries is how often a six-digit code may be guessed.
	codeTries = 5
	// proofTries is how often the password may be, by who has the mail.
	proofTries = 10
	// mintTries: two ids are the same once in a very long while.
	mintTries = 3
)

// SignUp takes a request for an account and answers the handle of the page that waits for its confirmation.
//
// Whether the address has an account already is found out when the mail is written, so neither the answer nor its
// time tells. Nor does a name: it is taken only by confirmation.
func (s *Service) SignUp(ctx context.Context, in SignUp) (handle string, err error) {
	if !s.MailReady() {
		return "", ErrNoMail
	}
	username, email := FoldUsername(in.Username), in.Email
	fields := map[string]string{}
	note := func(field string, problem Problem) {
		if problem != "" {
			fields[field] = string(problem)
		}
	}
	note("username", checkUsername(username))
	note("email", checkEmail(email))
	note("password", checkPassword(in.Password, username, email))
	if len(fields) > 0 {
		return "", &beep.Error{Kind: beep.KindInvalid, Code: beep.CodeInvalidField, Msg: "something is missing or wrong", Fields: fields}
	}
	// Counted before the hash and the mail, which are what a flood would cost us.
	if err := s.attemptMail(ctx, email, in.Visitor); err != nil {
		return "", err
	}
	// Names are public, so that one is taken may be said here; addresses are not.
	free, err := s.store.UsernameFree(ctx, username)
	if err != nil {
		return "", err
	}
	if !free {
		return "", beep.InvalidField(beep.CodeUsernameTaken, "username", string(NameTaken))
	}
	hashed, err := s.hasher.Hash(ctx, in.Password)
	if err != nil {
		return "", err
	}
	handle = newSecret()
	data, err := json.Marshal(signupData{Username: username, Email: email, Hash: hashed, Request: in.Request, Browser: in.Browser})
	if err != nil {
		return "", err
	}
	now := beep.Now()
	ticket := Ticket{Kind: TicketSignup, ID: DigestOf(handle), Data: data, Expires: now.Add(signupLife)}
	if err := s.store.PutTicket(ctx, ticket); err != nil {
		return "", err
	}
	return handle, s.postMail(ctx, Mail{Kind: MailSignup, To: email, Locale: in.Locale, Ticket: ticket.ID, Created: now, Due: now})
}

// ResendSignUp sends another code and link for a sign-up; those before no longer work. It is bounded as a new one is:
// a sign-up that waits must be no way around the bound.
func (s *Service) ResendSignUp(ctx context.Context, v Visitor, handle string) error {
	data, err := s.signup(ctx, DigestOf(handle))
	if err != nil {
		return err
	}
	if err := s.attemptMail(ctx, data.Email, v); err != nil {
		return err
	}
	now := beep.Now()
	return s.postMail(ctx, Mail{Kind: MailSignup, To: data.Email, Locale: v.Locale, Ticket: DigestOf(handle), Created: now, Due: now})
}

// SignUpAddress is the address that a sign-up waits for.
func (s *Service) SignUpAddress(ctx context.Context, handle string) (string, error) {
	data, err := s.signup(ctx, DigestOf(handle))
	return data.Email, err
}

// signup answers a sign-up that has not expired.
func (s *Service) signup(ctx context.Context, id Digest) (data signupData, err error) {
	t, err := s.ticket(ctx, TicketSignup, id)
	if err != nil {
		return data, err
	}
	return data, json.Unmarshal(t.Data, &data)
}

// ticket answers a ticket that has not expired; ErrLinkOver otherwise.
func (s *Service) ticket(ctx context.Context, kind TicketKind, id Digest) (Ticket, error) {
	t, err := s.store.GetTicket(ctx, kind, id)
	if errors.Is(err, beep.ErrNotFound) || (err == nil && !beep.Now().Before(t.Expires)) {
		return Ticket{}, ErrLinkOver
	}
	return t, err
}

// Confirm is a sign-up's confirmation, by the code or by the link of the mail.
type Confirm struct {
	Visitor
	Handle   string // with Code: of the page that waits
	Code     string
	Link     string // or the link's own part, which needs no handle
	Username string // another one, if the first was taken meanwhile
	Password string // the sign-up's, in another browser than its own
}

// Confirmed is what a confirmation comes to.
type Confirmed struct {
	Opened  Opened
	Request Digest // the authorization request that goes on, in the browser that signed up
}

// confirmLink is what the link of a mail says: which sign-up, and the secret that only its mail has.
type confirmLink struct {
	signup Digest
	secret string
}

// String is the form in a URL.
func (l confirmLink) String() string { return l.signup.String() + "." + l.secret }

// parseConfirmLink reads String's form; anything else gives a link that opens nothing.
func parseConfirmLink(s string) confirmLink {
	id, secret, _ := strings.Cut(s, ".")
	var l confirmLink
	if l.signup.UnmarshalText([]byte(id)) != nil {
		return confirmLink{}
	}
	l.secret = secret
	return l
}

// ConfirmsElsewhere says whether a link is opened in another browser than the one that signed up, where Confirm wants
// the password too.
func (s *Service) ConfirmsElsewhere(ctx context.Context, v Visitor, link string) (bool, error) {
	data, err := s.signup(ctx, parseConfirmLink(link).signup)
	return err == nil && !data.in(v), err
}

// in says whether a browser is the one that signed up.
func (d signupData) in(v Visitor) bool { return d.Browser == v.Browser && !d.Browser.IsZero() }

// Confirm makes the account and opens a session. ErrWrongCode, ErrLinkOver, ErrWrongPassword and TakenError say why
// not.
func (s *Service) Confirm(ctx context.Context, in Confirm) (Confirmed, error) {
	id, link := DigestOf(in.Handle), ""
	if in.Link != "" {
		parsed := parseConfirmLink(in.Link)
		id, link = parsed.signup, parsed.secret
		// It would count as a confirmation by code, with an id out of a link in place of the handle that only the browser
		// has.
		if link == "" {
			return Confirmed{}, ErrLinkOver
		}
	}
	data, err := s.checkConfirmation(ctx, id, in.Code, link)
	if err != nil {
		return Confirmed{}, err
	}
	if in.Username != "" {
		data.Username = FoldUsername(in.Username)
		if problem := checkUsername(data.Username); problem != "" {
			return Confirmed{}, beep.InvalidField(beep.CodeInvalidField, "username", string(problem))
		}
	}
	// The mail proves the address, not who asked for the account. Elsewhere than where that was done it may be a
	// stranger's trap: an account at the reader's address whose password the stranger chose.
	here := data.in(in.Visitor)
	if !here {
		if err := s.proveSignUp(ctx, id, in.Password); err != nil {
			return Confirmed{}, err
		}
	}
	account, err := s.createAccount(ctx, id, data)
	if err != nil {
		return Confirmed{}, err
	}
	// If no session comes of it the account is there all the same, and its owner signs in.
	opened, err := s.open(ctx, account, in.Visitor)
	if err != nil || !here {
		return Confirmed{Opened: opened}, err
	}
	return Confirmed{Opened: opened, Request: data.Request}, nil
}

// proveSignUp checks the password of a sign-up. A try is counted before it is made, as those of the code are.
func (s *Service) proveSignUp(ctx context.Context, id Digest, password string) error {
	var hash string
	left := 0
	err := s.store.UpdateTicket(ctx, TicketSignup, id, func(t *Ticket) error {
		var data signupData
		if err := json.Unmarshal(t.Data, &data); err != nil {
			return err
		}
		if data.Proofs++; data.Proofs > proofTries {
			return ErrLinkOver
		}
		hash, left = data.Hash, proofTries-data.Proofs
		var err error
		t.Data, err = json.Marshal(data)
		return err
	})
	if errors.Is(err, beep.ErrNotFound) {
		return ErrLinkOver // confirmed meanwhile
	}
	if err != nil {
		return err
	}
	ok, _, err := s.hasher.Verify(ctx, bounded(password), hash)
	if err == nil && !ok {
		err = WrongPasswordError{left}
	}
	return err
}

// checkConfirmation counts the try before it looks, so that guesses at once are all counted.
func (s *Service) checkConfirmation(ctx context.Context, id Digest, code, link string) (data signupData, err error) {
	right := false
	err = s.store.UpdateTicket(ctx, TicketSignup, id, func(t *Ticket) error {
		data, right = signupData{}, false
		// Under the lock: of guesses at once, none sees a count that another has not seen.
		if !beep.Now().Before(t.Expires) {
			return ErrLinkOver
		}
		if err := json.Unmarshal(t.Data, &data); err != nil {
			return err
		}
		// A link has 256 random bits. Guesses at it need no count, and must not use up those of the code.
		if link != "" {
			right = !data.Link.IsZero() && DigestOf(link) == data.Link
			return nil
		}
		if data.Tries >= codeTries {
			return ErrLinkOver
		}
		if right = !data.Code.IsZero() && DigestOf(code) == data.Code; right {
			return nil
		}
		data.Tries++
		var err error
		t.Data, err = json.Marshal(data)
		return err
	})
	switch {
	case errors.Is(err, beep.ErrNotFound), err == nil && !right && link != "":
		return data, ErrLinkOver
	case err == nil && !right:
		return data, ErrWrongCode
	}
	return data, err
}

// createAccount takes the sign-up for an account. An id that exists is minted anew; that a name or an address is
// another's is for its owner to hear.
func (s *Service) createAccount(ctx context.Context, signup Digest, data signupData) (Account, error) {
	now := beep.Now()
	for try := 1; ; try++ {
		account := Account{User: beep.UserID(s.minter.Next()), Email: FoldEmail(data.Email), Password: data.Hash, Version: 1}
		err := s.store.CreateAccount(ctx, NewAccount{
			User:     User{ID: account.User, Username: data.Username, DisplayName: data.Username, Email: data.Email, CreatedAt: now},
			Account:  account,
			Identity: Identity{Issuer: BuiltIn, Subject: account.User.String()},
			Signup:   signup,
		})
		var taken TakenError
		switch {
		case err == nil:
			return account, nil
		case errors.Is(err, beep.ErrNotFound):
			return Account{}, ErrLinkOver // confirmed twice at once
		case errors.As(err, &taken), !errors.Is(err, beep.ErrConflict), try == mintTries:
			return Account{}, err
		}
	}
}

// SignIn is someone's claim to an account.
type SignIn struct {
	Visitor
	Email    string
	Password string
}

// WrongPasswordError is ErrWrongPassword with what is left.
type WrongPasswordError struct{ Left int }

// Error says no more than ErrWrongPassword.
func (e WrongPasswordError) Error() string { return ErrWrongPassword.Error() }

// Is makes it ErrWrongPassword.
func (e WrongPasswordError) Is(target error) bool { return target == ErrWrongPassword }

// SignIn opens a session. An address without an account takes as long, counts as many tries and gets the same answer
// as a wrong password.
func (s *Service) SignIn(ctx context.Context, in SignIn) (Opened, error) {
	account, err := s.prove(ctx, in.Email, in.Password, in.Visitor)
	if err != nil {
		return Opened{}, err
	}
	return s.open(ctx, account, in.Visitor)
}

// prove answers the account of an address if the password is its own. Each step is taken whether there is an account
// or not, in the same order: one left out would tell by its time.
func (s *Service) prove(ctx context.Context, email, password string, v Visitor) (Account, error) {
	t, err := s.signInTries(ctx, email, v)
	if err != nil {
		return Account{}, err
	}
	left, err := s.attempt(ctx, t)
	if err != nil {
		return Account{}, err
	}
	account, err := s.store.AccountByEmail(ctx, FoldEmail(email))
	if err != nil && !errors.Is(err, beep.ErrNotFound) {
		return Account{}, err
	}
	ok, stale, err := s.hasher.Verify(ctx, bounded(password), account.Password)
	if err != nil {
		return Account{}, err
	}
	if !ok {
		return Account{}, WrongPasswordError{left}
	}
	if err := s.forgive(ctx, t); err != nil {
		return Account{}, err
	}
	// Now the password is at hand, so now it can be hashed at today's cost.
	if stale {
		hashed, err := s.hasher.Hash(ctx, password)
		if err != nil {
			return Account{}, err
		}
		if err := s.store.Rehash(ctx, account.User, account.Version, hashed); err != nil {
			return Account{}, err
		}
	}
	return account, nil
}

// ForgotPassword sends a link to set a new password, if the address has an account; who asks does not learn which.
func (s *Service) ForgotPassword(ctx context.Context, v Visitor, email string, request Digest) error {
	if !s.MailReady() {
		return ErrNoMail
	}
	if problem := checkEmail(email); problem != "" {
		return beep.InvalidField(beep.CodeInvalidField, "email", string(problem))
	}
	if err := s.attemptMail(ctx, email, v); err != nil {
		return err
	}
	// Posted whatever the address: only when it is written does anyone learn whether it has an account.
	now := beep.Now()
	return s.postMail(ctx, Mail{Kind: MailReset, To: email, Locale: v.Locale, Ticket: request, Browser: v.Browser, Created: now, Due: now})
}

// resetData is the ticket of a reset.
type resetData struct {
	User beep.UserID `json:"user"`
	// As it was when the mail was written: once the password has changed, in whatever way, the link is worth nothing.
	Version int64  `json:"version"`
	Request Digest `json:"request"`
	Browser Digest `json:"browser"`
}

// CheckReset says whether the link of a reset still works. Looking does not use it up: mail filters open links before
// their reader does.
func (s *Service) CheckReset(ctx context.Context, link string) error {
	_, err := s.ticket(ctx, TicketReset, DigestOf(link))
	return err
}

// ResetPassword sets a new password by the link of a mail, and ends every session of the user. It answers the
// authorization request that goes on, if the browser is the one that asked.
func (s *Service) ResetPassword(ctx context.Context, v Visitor, link, password string) (request Digest, err error) {
	t, err := s.ticket(ctx, TicketReset, DigestOf(link))
	if err != nil {
		return Digest{}, err
	}
	var data resetData
	if err := json.Unmarshal(t.Data, &data); err != nil {
		return Digest{}, err
	}
	err = s.setPassword(ctx, password, PasswordChange{User: data.User, Version: data.Version, Reset: t.ID})
	if errors.Is(err, beep.ErrNotFound) || errors.Is(err, beep.ErrConflict) {
		return Digest{}, ErrLinkOver // used, or overtaken by another change
	}
	// The request that waits is in the browser that asked; in another it is not the reader's to go on with.
	if err != nil || data.Browser != v.Browser {
		return Digest{}, err
	}
	return data.Request, nil
}

// ChangePassword sets a new password in a session whose proof is fresh, and ends every other session of the user.
func (s *Service) ChangePassword(ctx context.Context, session Session, password string) error {
	if !s.Fresh(session, ProofLife) {
		return ErrWrongPassword
	}
	account, err := s.store.AccountOf(ctx, session.User)
	if err != nil {
		return err
	}
	// Looked at after the account: a reset before this has ended the session, and one from here on changes the version.
	// Else whoever is being locked out could undo it by a request that was on its way.
	known, _, err := s.store.SessionOf(ctx, session.ID, Identity{BuiltIn, session.User.String()})
	if err != nil && !errors.Is(err, beep.ErrNotFound) {
		return err
	}
	if err != nil || !known.Lives(beep.Now()) {
		return ErrWrongPassword
	}
	return s.setPassword(ctx, password, PasswordChange{User: session.User, Version: account.Version, Keep: session.ID})
}

// setPassword checks a new password against the user's names, hashes it and does c with it.
func (s *Service) setPassword(ctx context.Context, password string, c PasswordChange) error {
	list, err := s.store.ListUsers(ctx, []beep.UserID{c.User})
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return beep.ErrNotFound
	}
	if problem := checkPassword(password, list[0].Username, list[0].Email); problem != "" {
		return beep.InvalidField(beep.CodeWeakPassword, "password", string(problem))
	}
	if c.Password, err = s.hasher.Hash(ctx, password); err != nil {
		return err
	}
	c.At = beep.Now()
	ended, err := s.store.SetPassword(ctx, c)
	if err != nil {
		return err
	}
	if len(ended) > 0 {
		s.announce(ctx)
	}
	return nil
}

// Fresh says whether the session's password was given within life.
func (s *Service) Fresh(session Session, life time.Duration) bool {
	return beep.Now().Sub(session.Proven) < life
}
