package rpc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/credentials"
)

// lookEvery is how often the files of certificates are looked at, and so how late a new one is used.
const lookEvery = time.Second

// keyring is what a service proves itself with, and trusts, at present. Certificates end, and whoever issues them
// replaces them while processes run: every handshake and every identity asks the ring, so that a new certificate
// needs no restart. Connections that are open stay.
type keyring struct {
	// renewed answers new credentials, or false while those held still do. Called with mu held.
	renewed func(held Credentials, now time.Time) (Credentials, bool, error)
	log     *slog.Logger

	mu     sync.Mutex // guards what follows
	looked time.Time
	held   Credentials
}

// current is what holds now. What can't be renewed stays: a file that is half written must not cut a service off
// from its peers while the certificate in memory still serves.
func (k *keyring) current() Credentials {
	now := time.Now()
	k.mu.Lock()
	defer k.mu.Unlock()
	if now.Sub(k.looked) < lookEvery {
		return k.held
	}
	k.looked = now
	c, changed, err := k.renewed(k.held, now)
	switch {
	case err != nil:
		k.log.Warn("certificate not renewed, the one before stays", "error", err, "ends", k.held.Cert.Leaf.NotAfter)
	case changed:
		k.held = c
		k.log.Info("certificate renewed", "ends", c.Cert.Leaf.NotAfter)
	}
	return k.held
}

// WatchCredentials is LoadCredentials for as long as a process runs: files that are replaced are read again, within a
// second of their next use.
func WatchCredentials(dir, service string, log *slog.Logger) (Credentials, error) {
	seen, err := stamp(dir, service)
	if err != nil {
		return Credentials{}, fmt.Errorf("load credentials: %w", err)
	}
	c, err := LoadCredentials(dir, service)
	if err != nil {
		return Credentials{}, err
	}
	k := &keyring{log: log, held: c, looked: time.Now()}
	k.renewed = func(Credentials, time.Time) (Credentials, bool, error) {
		// Stamped before they are read: what is written meanwhile has another stamp and is read next time. What was
		// refused has been seen too, so that it is complained of once.
		at, err := stamp(dir, service)
		if err != nil {
			at = err.Error()
		}
		if at == seen {
			return Credentials{}, false, nil
		}
		seen = at
		c, err := LoadCredentials(dir, service)
		return c, err == nil, err
	}
	c.ring = k
	return c, nil
}

// stamp differs when one of a service's files has been replaced.
func stamp(dir, service string) (string, error) {
	var out strings.Builder
	for _, name := range []string{caFile, service + ".pem", service + "-key.pem"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&out, "%d %d ", info.ModTime().UnixNano(), info.Size())
	}
	return out.String(), nil
}

// Credentials are a service's in the process that holds the CA. The certificate is issued again before it ends.
func (ca *CA) Credentials(service string) (Credentials, error) {
	cert, err := ca.Issue(service)
	if err != nil {
		return Credentials{}, err
	}
	c := Credentials{Cert: cert, CA: ca.Pool()}
	k := &keyring{log: slog.New(slog.DiscardHandler), held: c, looked: time.Now()}
	k.renewed = func(held Credentials, now time.Time) (Credentials, bool, error) {
		if held.Cert.Leaf.NotAfter.Sub(now) > certLife/3 {
			return Credentials{}, false, nil
		}
		cert, err := ca.Issue(service)
		return Credentials{Cert: cert, CA: held.CA}, err == nil, err
	}
	c.ring = k
	return c, nil
}

// now are the credentials that hold at present.
func (c Credentials) now() Credentials {
	if c.ring == nil {
		return c
	}
	return c.ring.current()
}

// liveTLS makes each handshake with what holds when it is made.
type liveTLS struct {
	credentials.TransportCredentials // for what it says about itself, which never changes
	config                           func() *tls.Config
}

func newLiveTLS(config func() *tls.Config) credentials.TransportCredentials {
	return liveTLS{credentials.NewTLS(config()), config}
}

// ClientHandshake is of this moment.
func (l liveTLS) ClientHandshake(ctx context.Context, authority string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return credentials.NewTLS(l.config()).ClientHandshake(ctx, authority, conn)
}

// ServerHandshake is of this moment.
func (l liveTLS) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return credentials.NewTLS(l.config()).ServerHandshake(conn)
}

// Clone is itself: it holds nothing that changes.
func (l liveTLS) Clone() credentials.TransportCredentials { return l }

// ServerTLS serves something else than gRPC to the named services, and to nobody else.
func (c Credentials) ServerTLS(clients ...string) *tls.Config {
	conf := c.now().serverTLS()
	conf.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		conf := c.now().serverTLS()
		// Not VerifyPeerCertificate, which is passed over when a session is resumed.
		conf.VerifyConnection = func(st tls.ConnectionState) error {
			name, err := serviceOf(st.PeerCertificates[0])
			if err != nil || !slices.Contains(clients, name) {
				return errors.New("this service may not connect")
			}
			return nil
		}
		return conf, nil
	}
	return conf
}

// ClientTLS connects, for something else than gRPC, to the named service, at whatever address. It is of this moment:
// DialTLS is for connections that are made later.
func (c Credentials) ClientTLS(service string) *tls.Config { return c.now().clientTLS(service) }

// DialTLS makes connections, for something else than gRPC, to the named service, each with what holds when it is made.
func (c Credentials) DialTLS(service string) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, dialTimeout)
		defer cancel()
		return (&tls.Dialer{Config: c.ClientTLS(service)}).DialContext(ctx, network, addr)
	}
}
