// Package users says who is who: accounts, profiles, sign-in sessions and the tokens that stand for them, and the
// feed that ends those tokens before their time. It owns the rules of the built-in identity provider; the OpenID
// protocol and the pages people see are in users/provider, which holds no rule of its own.
//
// It knows nothing of servers, channels or permissions. Start with Service, then Store, the port to what is kept.
package users

import (
	"net/mail"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/beep-chat/beep"
)

// BuiltIn is the issuer of accounts that were made here. It is a name and not this installation's address, so that
// moving to another address keeps every account.
const BuiltIn = "beep"

// User is a person as Beep knows them, whoever keeps their password.
type User struct {
	ID          beep.UserID
	Username    string // unique, lower case
	DisplayName string // the username until the user sets one
	Email       string // as the user wrote it; confirmed
	// Of the whole installation; what somebody may do in a server is for servers to say.
	Roles     []string
	CreatedAt time.Time
}

// Identity is how an issuer names a person: Issuer and Subject together, and never the e-mail, which is not theirs
// for ever.
type Identity struct {
	Issuer  string
	Subject string
}

// Account is what the built-in provider keeps of a user.
type Account struct {
	User     beep.UserID
	Email    string // as FoldEmail gives it; unique
	Password string // as hashed by a Hasher
	Version  int64  // grows with each change of the password
}

// Session is one sign-in in one browser. Its id is the sid of the tokens made from it.
type Session struct {
	ID       beep.SessionID
	User     beep.UserID
	Secret   Digest // of what the browser's cookie holds
	Browser  Digest // of the browser that signed in
	SignedIn time.Time
	Proven   time.Time // when the password was last given
	Seen     time.Time
	Expires  time.Time
	Ended    time.Time // zero while it lives
}

// Lives says whether tokens of the session are good.
func (s Session) Lives(now time.Time) bool { return s.Ended.IsZero() && now.Before(s.Expires) }

// Refresh is a refresh token as it is kept. Each is traded for the next one of its family; the family begins with a
// code, whose digest names it.
type Refresh struct {
	Token   Digest
	Family  Digest
	Session beep.SessionID
	Client  string
	Scopes  []string
	Rotated time.Time // when it was first traded; zero while it is the newest
	Trades  int       // how often it was traded
	Created time.Time
	Expires time.Time
}

// Revocation ends the tokens of a session, or those of a user that were issued before an instant.
type Revocation struct {
	Seq       uint64
	Session   beep.SessionID // or none
	User      beep.UserID    // or none
	NotBefore time.Time      // with User
}

// SigningKey signs tokens. Generation 1 is the first there was; the newest that is active signs.
type SigningKey struct {
	Generation int64
	ID         string // kid
	Private    []byte // PKCS #8
	Public     []byte // a JSON Web Key
	Created    time.Time
	Active     time.Time // when it begins to sign: late enough for everyone to have heard of it
}

// Letter is an e-mail, ready to go.
type Letter struct {
	To      string
	Subject string
	Text    string
	At      time.Time
}

const (
	maxDisplayName = 100
	// RFC 5321 allows a path of 256 (4.5.3.1.3), of which two are its angle brackets.
	maxEmail = 254
)

// isUsername is what a name looks like that everyone can type, say and find.
var isUsername = regexp.MustCompile(`^[a-z0-9._-]{2,32}$`).MatchString

// isEmail is a common address: what mail systems deliver to without quoting or encoding.
var isEmail = regexp.MustCompile("^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$").MatchString

// FoldUsername is the form in which a username is unique.
func FoldUsername(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// FoldEmail is the form in which an address is unique. By RFC 5321 (2.4) case may matter before the @, and nowhere
// that people write does it: two accounts at one mailbox would be worse.
func FoldEmail(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// Problem is what is wrong with a field of a form, as an Error's Fields say it.
type Problem string

// The problems.
const (
	BadUsername Problem = "2 to 32 of a-z, 0-9, dot, hyphen and underscore"
	NameTaken   Problem = "taken"
	BadEmail    Problem = "not an e-mail address"
	TooShort    Problem = "at least 8 characters"
	TooLong     Problem = "at most 128 characters"
	TooCommon   Problem = "among the first that anyone would try"
	TooClose    Problem = "too close to your name or address"
)

func checkUsername(s string) Problem {
	if !isUsername(s) {
		return BadUsername
	}
	return ""
}

func checkEmail(s string) Problem {
	// ParseAddress takes a name before the address and a comment after it, too: the address must be all there is.
	if parsed, err := mail.ParseAddress(s); err != nil || parsed.Address != s || len(s) > maxEmail || !isEmail(s) {
		return BadEmail
	}
	return ""
}

// cleanDisplayName is what is stored of a display name, or why there is nothing to store. Control and format
// characters are refused: with them one name passes for another, or the text around it runs backwards.
func cleanDisplayName(s string) (name, problem string) {
	s = strings.TrimSpace(norm.NFC.String(s))
	if n := utf8.RuneCountInString(s); n < 1 || n > maxDisplayName {
		return "", "1 to 100 characters"
	}
	for _, r := range s {
		joiner := r == '\u200c' || r == '\u200d' // of Persian, of Indic scripts and of emoji
		if unicode.IsControl(r) || r == utf8.RuneError || (unicode.Is(unicode.Cf, r) && !joiner) || r == '\u2028' || r == '\u2029' {
			return "", "a character that cannot be shown"
		}
	}
	return s, ""
}
