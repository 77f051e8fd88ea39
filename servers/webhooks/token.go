package webhooks

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/go-jose/go-jose/v4"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/servers"
)

// claims are what a token says. The random id makes its hash as hard to guess as the key: whoever reads a backup has
// the key and every other claim, and still can make no token whose hash is stored.
type claims struct {
	Webhook beep.WebhookID `json:"sub"`
	Channel beep.ChannelID `json:"channel_id"`
	Version uint32         `json:"version"`
	ID      string         `json:"jti"`
}

// keyBytes is what HS256 wants (RFC 7518, 3.2).
const keyBytes = sha256.Size

// newKey is for an installation that has none yet.
func newKey() servers.SigningKey {
	return servers.SigningKey{ID: rand.Text(), Secret: random(keyBytes), CreatedAt: beep.Now()}
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // crypto/rand.Read never fails
	return b
}

// sign makes the token of a webhook's version, a JWT (RFC 7519), and what is stored of it.
func sign(key servers.SigningKey, h servers.Webhook) (token string, hash []byte, err error) {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: key.Secret},
		(&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", key.ID))
	if err != nil {
		return "", nil, fmt.Errorf("sign with key %s: %w", key.ID, err)
	}
	payload, err := json.Marshal(claims{h.ID, h.Channel, h.Version, rand.Text()})
	if err != nil {
		return "", nil, err
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", nil, fmt.Errorf("sign with key %s: %w", key.ID, err)
	}
	if token, err = signed.CompactSerialize(); err != nil {
		return "", nil, err
	}
	sum := sha256.Sum256([]byte(token))
	return token, sum[:], nil
}

// WithoutDots is a token in letters, digits, - and _ alone, for programs that take a dot for the end of an address.
func WithoutDots(token string) string { return base64.RawURLEncoding.EncodeToString([]byte(token)) }
