package users

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/kit/oidc"
)

const (
	keyLife = 30 * 24 * time.Hour
	// keyAnnounce is how long a new key is published before it signs. It must be longer than the oldest set that anyone
	// verifies with: keysFresh in another replica, the minute that caches may keep /oidc/keys, the minutes that kit/oidc does.
	// With less, a token signed in one process is refused by the next.
	keyAnnounce = time.Hour
	keysFresh   = 15 * time.Second
)

// renewKey makes the first key, and another when the newest is old. Of two processes that do so at once, the store
// lets one win, and both use that one's.
func (s *Service) renewKey(ctx context.Context, now time.Time) error {
	keys, err := s.store.SigningKeys(ctx)
	if err != nil {
		return err
	}
	generation, active := int64(1), now
	if len(keys) > 0 {
		if now.Sub(keys[0].Created) < keyLife {
			return nil
		}
		// The generation is what two processes collide on: a second key of the same age would be announced to nobody.
		generation, active = keys[0].Generation+1, now.Add(keyAnnounce)
	}
	if err := s.addKey(ctx, generation, now, active); err != nil {
		return err
	}
	s.keysMu.Lock()
	defer s.keysMu.Unlock()
	s.read = time.Time{} // what is known lacks the key
	return nil
}

func (s *Service) addKey(ctx context.Context, generation int64, now, active time.Time) error {
	key, err := newSigningKey(generation, now, active)
	if err != nil {
		return err
	}
	err = s.store.AddSigningKey(ctx, key)
	if errors.Is(err, beep.ErrConflict) {
		return nil // another process was first
	}
	return err
}

func newSigningKey(generation int64, now, active time.Time) (SigningKey, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return SigningKey{}, fmt.Errorf("make signing key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return SigningKey{}, fmt.Errorf("make signing key: %w", err)
	}
	point, err := private.PublicKey.Bytes() // 4, x, y
	if err != nil {
		return SigningKey{}, fmt.Errorf("make signing key: %w", err)
	}
	enc, half := base64.RawURLEncoding.EncodeToString, len(point)/2
	id := newSecret()[:16]
	// A coordinate has its full 32 bytes, zeros at its start included (RFC 7518, 6.2.1.2), as the point has it.
	public, err := json.Marshal(map[string]string{
		"kty": "EC", "crv": "P-256", "x": enc(point[1 : half+1]), "y": enc(point[half+1:]), "kid": id, "use": "sig", "alg": "ES256",
	})
	if err != nil {
		return SigningKey{}, err
	}
	return SigningKey{Generation: generation, ID: id, Private: der, Public: public, Created: now, Active: active}, nil
}

// signingKeys are the keys, newest first, not older than a few seconds. There is always one.
func (s *Service) signingKeys(ctx context.Context) ([]SigningKey, error) {
	s.keysMu.Lock()
	defer s.keysMu.Unlock()
	if time.Since(s.read) < keysFresh {
		return s.keys, nil
	}
	keys, err := s.store.SigningKeys(ctx)
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 { // the very first request to an empty store
		now := beep.Now()
		if err := s.addKey(ctx, 1, now, now); err != nil {
			return nil, err
		}
		if keys, err = s.store.SigningKeys(ctx); err != nil {
			return nil, err
		}
	}
	if s.known, err = oidc.ParseKeys(jwks(keys)); err != nil {
		return nil, err
	}
	s.keys, s.read = keys, time.Now()
	return keys, nil
}

// knownKeys are the public keys, ready to verify with.
func (s *Service) knownKeys(ctx context.Context) (*oidc.Keys, error) {
	if _, err := s.signingKeys(ctx); err != nil {
		return nil, err
	}
	s.keysMu.Lock()
	defer s.keysMu.Unlock()
	return s.known, nil
}

// SigningKey answers the key that signs now. A newer key that is published but not yet active is passed over: see
// keyAnnounce.
func (s *Service) SigningKey(ctx context.Context) (id string, private *ecdsa.PrivateKey, err error) {
	keys, err := s.signingKeys(ctx)
	if err != nil {
		return "", nil, err
	}
	now := beep.Now()
	for _, k := range keys {
		if k.Active.After(now) {
			continue
		}
		parsed, err := x509.ParsePKCS8PrivateKey(k.Private)
		if err != nil {
			return "", nil, fmt.Errorf("signing key %s: %w", k.ID, err)
		}
		private, ok := parsed.(*ecdsa.PrivateKey)
		if !ok {
			return "", nil, fmt.Errorf("signing key %s is a %T", k.ID, parsed)
		}
		return k.ID, private, nil
	}
	return "", nil, beep.Unavailable(errors.New("no signing key is active"))
}

// PublicKeys answers the JSON Web Key Set of the keys that sign, signed not long ago, or will soon.
func (s *Service) PublicKeys(ctx context.Context) ([]byte, error) {
	keys, err := s.signingKeys(ctx)
	if err != nil {
		return nil, err
	}
	return jwks(keys), nil
}

// jwks joins the keys as they were stored, each a JSON object of its own.
func jwks(keys []SigningKey) []byte {
	list := make([][]byte, len(keys))
	for i, k := range keys {
		list[i] = k.Public
	}
	return fmt.Appendf(nil, `{"keys":[%s]}`, bytes.Join(list, []byte(",")))
}
