package users

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/kit/oidc"
)

// Topic is the bus topic that says, with an empty payload, that the revocation feed grew.
const Topic = "revocations"

// Audience is what access tokens are meant for: this installation's services.
const Audience = "beep"

// Publisher is the part of kit/bus that users needs.
type Publisher interface {
	Publish(ctx context.Context, topic string, payload []byte) error
}

// Mailer sends letters. It is nil where no mail server is configured.
type Mailer interface {
	// Send answers nil when the mail server has taken the letter. An error that can't get better by waiting, such as
	// an address that does not exist, is a beep.Error of KindInvalid.
	Send(ctx context.Context, l Letter) error
}

// Deps is what a Service works with. Store, Bus and PublicURL must be set.
type Deps struct {
	Store     Store
	Bus       Publisher
	PublicURL string // the address that people type, and the issuer of tokens; without a path
	Mailer    Mailer // or none
	Log       *slog.Logger

	Cost  Cost // of a password; DefaultCost
	Slots int  // passwords hashed at once; one per processor
}

// Lifetimes of what a sign-in gives.
const (
	TokenLife   = 5 * time.Minute      // an access token
	codeLife    = time.Minute          // an authorization code, which the client trades at once
	refreshLife = 7 * 24 * time.Hour   // a refresh token that nobody trades
	sessionIdle = 30 * 24 * time.Hour  // a session in which nothing happens
	SessionLife = 180 * 24 * time.Hour // a session, however much happens in it
	requestLife = 24 * time.Hour       // an authorization request: as long as its user may take to find our mail
	signupLife  = 24 * time.Hour
	resetLife   = time.Hour
	// ProofLife is how long a password that was given counts for what asks for it again.
	ProofLife = 5 * time.Minute
	// grace is how long a traded refresh token may be traded again, because two tabs did it at once.
	grace = 10 * time.Second
	// graceTrades is how often: tabs are few, thieves are patient.
	graceTrades = 10
	// history is how long what is over is kept.
	history = 7 * 24 * time.Hour
)

const (
	sweepEvery = time.Minute
	// seenEvery bounds the writes that say a session is in use.
	seenEvery = 5 * time.Minute
	// maxRevocations is a page of the feed.
	maxRevocations = 1000
)

// What may be wrong with what someone typed. The pages have words for each; they never cross the service's edge.
var (
	ErrWrongPassword = errors.New("address and password do not match")
	ErrWrongCode     = errors.New("not the code")
	ErrLinkOver      = errors.New("the link has expired or was used")
	ErrNoMail        = errors.New("mail is not set up")

	errLocked = errors.New("locked")
)

// Service is the users service. Safe for concurrent use.
type Service struct {
	store  Store
	bus    Publisher
	mailer Mailer
	log    *slog.Logger
	hasher *Hasher
	minter *beep.Minter
	issuer string
	local  bool // nobody else can reach us

	post chan struct{} // wakes the post office; holds one, owned by the Service, never closed

	keysMu sync.Mutex // guards the three below; held over a read of the store, so that one is enough for all who wait
	keys   []SigningKey
	known  *oidc.Keys // their public halves
	read   time.Time
}

// New makes a Service. It must Run.
func New(d Deps) (*Service, error) {
	issuer, local, err := checkPublicURL(d.PublicURL)
	if err != nil {
		return nil, err
	}
	if d.Store == nil || d.Bus == nil {
		return nil, errors.New("users: no store or no bus")
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.Cost == (Cost{}) {
		d.Cost = DefaultCost()
	}
	if d.Slots <= 0 {
		d.Slots = runtime.GOMAXPROCS(0)
	}
	return &Service{
		store: d.Store, bus: d.Bus, mailer: d.Mailer, log: d.Log, hasher: NewHasher(d.Cost, d.Slots),
		minter: beep.NewMinter(), issuer: issuer, local: local, post: make(chan struct{}, 1),
	}, nil
}

// checkPublicURL answers the issuer, and whether its host is this machine as seen from itself. It is compared to the
// letter by everyone who reads our tokens (OpenID Connect Core, 3.1.3.7), so there is one form of it: lower case,
// without a slash at the end.
func checkPublicURL(raw string) (issuer string, local bool, err error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return "", false, err
	case u.Scheme != "https" && u.Scheme != "http", u.Host == "", strings.Trim(u.Path, "/") != "", u.RawQuery != "", u.Fragment != "", u.User != nil:
		return "", false, errors.New("users: the public URL must be http(s)://host[:port], without a path")
	}
	return u.Scheme + "://" + strings.ToLower(u.Host), isLoopback(u.Hostname()), nil
}

// isLoopback says whether a host is this machine, by its name or by its address.
func isLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// Issuer is the public URL as tokens name it.
func (s *Service) Issuer() string { return s.issuer }

// Local says whether Beep is reached at a loopback address, and therefore by nobody else.
func (s *Service) Local() bool { return s.local }

// MailboxOpen says whether mail is kept here to be read, because there is no server to send it and nobody else who
// could read it.
func (s *Service) MailboxOpen() bool { return s.mailer == nil && s.local }

// MailReady says whether a mail would reach anyone. Where it would not, nobody can sign up: an address that was
// never confirmed would be an account for whoever types it.
func (s *Service) MailReady() bool { return s.mailer != nil || s.local }

// Ready says whether the service can answer.
func (s *Service) Ready(ctx context.Context) error { return s.store.Ping(ctx) }

// Run sends mail, renews the signing key and sweeps away what is over, until ctx is done. The two go on side by side,
// so that a mail server that hangs keeps no key from being renewed.
func (s *Service) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Go(func() { s.runPost(ctx) })
	s.runUpkeep(ctx)
	wg.Wait()
	return nil
}

// runUpkeep runs in every replica: what one has swept, the next does not find.
func (s *Service) runUpkeep(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if err := s.upkeep(ctx); err != nil && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "upkeep failed", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (s *Service) upkeep(ctx context.Context) error {
	now := beep.Now()
	// Joined: a failure of the one keeps the other from nothing.
	return errors.Join(s.renewKey(ctx, now), s.store.Sweep(ctx, now, now.Add(-history)))
}

// ListUsers answers the profiles of ids that exist, in the order of ids.
func (s *Service) ListUsers(ctx context.Context, ids []beep.UserID) ([]User, error) {
	// Anyone who is signed in may ask: there is nothing in a profile that a message of its owner does not show.
	if _, err := beep.UserFrom(ctx); err != nil {
		return nil, err
	}
	if len(ids) < 1 || len(ids) > 100 {
		return nil, beep.InvalidField(beep.CodeInvalidField, "ids", "1 to 100 of them")
	}
	return s.store.ListUsers(ctx, ids)
}

// GetMe answers the caller's own account.
func (s *Service) GetMe(ctx context.Context) (User, error) {
	id, err := beep.UserFrom(ctx)
	if err != nil {
		return User{}, err
	}
	list, err := s.store.ListUsers(ctx, []beep.UserID{id})
	if err != nil {
		return User{}, err
	}
	if len(list) == 0 {
		return User{}, notFound()
	}
	return list[0], nil
}

// UpdateMe changes the caller's own profile.
func (s *Service) UpdateMe(ctx context.Context, displayName *string) (User, error) {
	id, err := beep.UserFrom(ctx)
	if err != nil {
		return User{}, err
	}
	// A change that names nothing changes nothing, which is no mistake.
	if displayName == nil {
		return s.GetMe(ctx)
	}
	name, problem := cleanDisplayName(*displayName)
	if problem != "" {
		return User{}, beep.InvalidField(beep.CodeInvalidField, "display_name", problem)
	}
	u, err := s.store.UpdateUser(ctx, id, func(u *User) error {
		u.DisplayName = name
		return nil
	})
	if errors.Is(err, beep.ErrNotFound) {
		return User{}, notFound()
	}
	return u, err
}

func notFound() error { return beep.NotFound(beep.CodeUserNotFound, "no such user") }

// ListRevocations pages through the feed.
func (s *Service) ListRevocations(ctx context.Context, after uint64, limit int) ([]Revocation, uint64, error) {
	if limit == 0 {
		limit = maxRevocations
	}
	if limit < 1 || limit > maxRevocations {
		return nil, 0, beep.InvalidField(beep.CodeInvalidField, "limit", "1 to 1000")
	}
	// No feed goes beyond MaxID, and a store whose numbers are signed must not be asked for more.
	return s.store.ListRevocations(ctx, min(after, beep.MaxID), limit)
}

// announce wakes whoever follows the feed. They look by themselves too, so an error here costs a quarter of a second.
func (s *Service) announce(ctx context.Context) {
	if err := s.bus.Publish(ctx, Topic, nil); err != nil {
		s.log.WarnContext(ctx, "revocation not announced", slog.Any("error", err))
	}
}
