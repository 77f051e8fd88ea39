package users

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"github.com/beep-chat/beep"
)

const (
	minPassword = 8
	maxPassword = 128
	saltBytes   = 16
	keyBytes    = 32
	// waiting is how many more than are being hashed may wait; beyond it a flood is told to come back.
	waiting = 32
)

// bounded is a password as it is worth hashing: one longer than anybody's is none.
func bounded(password string) string {
	// No character has more than four bytes.
	if len(password) > maxPassword*4 {
		return ""
	}
	return password
}

// Cost is how dear one try of a password is.
type Cost struct {
	MemoryKiB uint32
	Passes    uint32
	Threads   uint8
}

// DefaultCost is OWASP's floor for argon2id: 19 MiB, two passes, one thread.
func DefaultCost() Cost { return Cost{MemoryKiB: 19 << 10, Passes: 2, Threads: 1} }

// Hasher hashes passwords with argon2id, a few at a time: memory is bounded by slots × Cost, whatever comes in.
type Hasher struct {
	cost  Cost
	slots chan struct{} // a place for each that runs
	queue atomic.Int64  // those that run or wait
	// dummy is what a password is held against where there is no account, so that both take as long.
	dummy func() string
}

// NewHasher makes a Hasher that runs slots hashes at once.
func NewHasher(cost Cost, slots int) *Hasher {
	h := &Hasher{cost: cost, slots: make(chan struct{}, slots)}
	// Made when it is first needed, at this Hasher's cost, so that it takes as long as a real one.
	h.dummy = sync.OnceValue(func() string { return h.encode("", make([]byte, saltBytes)) })
	return h
}

// Hash is the form to store.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	release, err := h.acquire(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	var salt [saltBytes]byte
	_, _ = rand.Read(salt[:]) // crypto/rand.Read never fails
	return h.encode(password, salt[:]), nil
}

// Verify says whether password is the one that stored was made from, and whether it should be hashed anew because
// the cost has changed. An empty stored never matches and takes as long as one that does.
func (h *Hasher) Verify(ctx context.Context, password, stored string) (ok, stale bool, err error) {
	release, err := h.acquire(ctx)
	if err != nil {
		return false, false, err
	}
	defer release()
	against := stored
	if stored == "" {
		against = h.dummy()
	}
	cost, salt, want, err := decode(against)
	if err != nil {
		return false, false, err
	}
	// At the cost that it was stored at, so a new cost locks nobody out.
	got := derive(password, salt, cost, len(want))
	same := subtle.ConstantTimeCompare(got, want) == 1
	// The dummy is made of the empty password, which is not to match either.
	return same && stored != "", cost != h.cost, nil
}

// acquire takes a slot; release gives it back. Beyond the queue it refuses at once: who waits behind a flood holds a
// request open and is told no in the end.
func (h *Hasher) acquire(ctx context.Context) (release func(), err error) {
	if h.queue.Add(1) > int64(cap(h.slots)+waiting) {
		h.queue.Add(-1)
		return nil, &beep.Error{
			Kind: beep.KindUnavailable, Code: beep.CodeUnavailable, Msg: "too many people sign in right now",
			RetryAfter: 5 * time.Second,
		}
	}
	select {
	case h.slots <- struct{}{}:
		return func() { <-h.slots; h.queue.Add(-1) }, nil
	case <-ctx.Done():
		h.queue.Add(-1)
		return nil, beep.Unavailable(ctx.Err())
	}
}

func derive(password string, salt []byte, c Cost, size int) []byte {
	// The same characters may be typed as different code points on another keyboard.
	return argon2.IDKey([]byte(norm.NFC.String(password)), salt, c.Passes, c.MemoryKiB, c.Threads, uint32(size))
}

// encode writes the common string form of argon2. It says all that Verify needs, so the cost may change at any time.
func (h *Hasher) encode(password string, salt []byte) string {
	enc := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.cost.MemoryKiB, h.cost.Passes, h.cost.Threads,
		enc(salt), enc(derive(password, salt, h.cost, keyBytes)))
}

// decode refuses what it does not know. To take it for a hash that never matches would tell its owner that they
// mistyped.
func decode(stored string) (c Cost, salt, key []byte, err error) {
	parts := strings.Split(stored, "$")
	if len(parts) != 6 || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return c, nil, nil, errors.New("stored password of an unknown form")
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.MemoryKiB, &c.Passes, &c.Threads); err != nil {
		return c, nil, nil, fmt.Errorf("stored password: %w", err)
	}
	if salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil {
		return c, nil, nil, fmt.Errorf("stored password: %w", err)
	}
	if key, err = base64.RawStdEncoding.DecodeString(parts[5]); err != nil {
		return c, nil, nil, fmt.Errorf("stored password: %w", err)
	}
	return c, salt, key, nil
}

//go:embed common-passwords.txt
var commonList string

// commonPasswords is the list as a set, made when it is first needed.
var commonPasswords = sync.OnceValue(func() map[string]struct{} {
	set := map[string]struct{}{}
	for line := range strings.Lines(commonList) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "#") {
			set[line] = struct{}{}
		}
	}
	return set
})

// checkPassword says what is wrong with a new password, or nothing. It asks for length and against the guesses that
// come first, not for digits and signs.
func checkPassword(password, username, email string) Problem {
	n := utf8.RuneCountInString(password)
	// Those who guess try capitals too.
	low := strings.ToLower(password)
	local, _, _ := strings.Cut(FoldEmail(email), "@")
	_, common := commonPasswords()[low]
	switch {
	case n < minPassword:
		return TooShort
	case n > maxPassword:
		return TooLong
	case common || strings.Count(low, low[:1]) == len(low):
		return TooCommon
	case low == username || low == FoldEmail(email) || low == local:
		return TooClose
	}
	return ""
}
