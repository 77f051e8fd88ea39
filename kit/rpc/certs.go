package rpc

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A service is known by its certificate: the URI beep://service/<name> says who it is to those it calls,
// the DNS name <name>.beep.internal says so to those who call it, wherever it runs. Each certificate has
// exactly one of either, and serves as client's and server's.

const (
	caLife   = 10 * 365 * 24 * time.Hour
	certLife = 365 * 24 * time.Hour
	backDate = 5 * time.Minute // for clocks that are behind

	caFile = "ca.pem"
)

// CA signs the certificates of one installation. Its key never leaves memory: whoever wants another
// certificate makes a new CA and all certificates with it.
type CA struct {
	cert *x509.Certificate
	key  ed25519.PrivateKey
}

// Credentials are what a service proves itself with, and whom it trusts: as they were when they were made. Those of
// WatchCredentials and of a CA are renewed behind that, for all that is made with them.
type Credentials struct {
	Cert tls.Certificate
	CA   *x509.CertPool

	ring *keyring // nil: they stay as they are
}

// NewCA is a CA with a new key.
func NewCA() (*CA, error) {
	now := time.Now()
	// With MaxPathLenZero it signs services and no further CA.
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "Beep"}, NotBefore: now.Add(-backDate), NotAfter: now.Add(caLife),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign,
	}
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("new CA: %w", err)
	}
	der, err := sign(template, template, pub, key)
	if err != nil {
		return nil, fmt.Errorf("new CA: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("new CA: %w", err)
	}
	return &CA{cert: cert, key: key}, nil
}

// Pool trusts this CA alone.
func (ca *CA) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	return pool
}

// Issue is a new certificate of a service.
func (ca *CA) Issue(service string) (tls.Certificate, error) {
	if !validService(service) {
		return tls.Certificate{}, fmt.Errorf("issue a certificate: bad service name %q", service)
	}
	now := time.Now()
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: service}, NotBefore: now.Add(-backDate), NotAfter: now.Add(certLife),
		URIs: []*url.URL{{Scheme: "beep", Host: "service", Path: "/" + service}}, DNSNames: []string{serverName(service)},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("issue a certificate of %s: %w", service, err)
	}
	der, err := sign(template, ca.cert, pub, ca.key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("issue a certificate of %s: %w", service, err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("issue a certificate of %s: %w", service, err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, nil
}

// sign draws a serial of 127 bits, since nobody keeps a list of those that were given (RFC 5280, 4.1.2.2, allows
// 159).
func sign(template, parent *x509.Certificate, pub ed25519.PublicKey, key ed25519.PrivateKey) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	return x509.CreateCertificate(rand.Reader, template, parent, pub, key)
}

// Save writes into dir, which it makes if it must, the CA's certificate (ca.pem) and, for each service, a
// new certificate and its key (<service>.pem, <service>-key.pem, the key readable by its owner alone).
// Files of the same name are replaced.
func (ca *CA) Save(dir string, services ...string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("save certificates: %w", err)
	}
	if err := writePEM(filepath.Join(dir, caFile), "CERTIFICATE", ca.cert.Raw, 0o644); err != nil {
		return err
	}
	for _, service := range services {
		cert, err := ca.Issue(service)
		if err != nil {
			return err
		}
		key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
		if err != nil {
			return fmt.Errorf("save the key of %s: %w", service, err)
		}
		if err := writePEM(filepath.Join(dir, service+".pem"), "CERTIFICATE", cert.Certificate[0], 0o644); err != nil {
			return err
		}
		if err := writePEM(filepath.Join(dir, service+"-key.pem"), "PRIVATE KEY", key, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// writePEM replaces the file as a whole, so that its mode is the one asked for even where a file was.
func writePEM(path, kind string, der []byte, mode os.FileMode) error {
	part := path + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("save certificates: %w", err)
	}
	block := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	if err := os.WriteFile(part, block, mode); err != nil {
		return fmt.Errorf("save certificates: %w", err)
	}
	// Last, so that whoever reads meanwhile finds the old file or the new one, and never half of one.
	if err := os.Rename(part, path); err != nil {
		return fmt.Errorf("save certificates: %w", err)
	}
	return nil
}

// LoadCredentials reads what Save or any other issuer has written for a service. The certificate file may
// hold a chain, leaf first.
func LoadCredentials(dir, service string) (Credentials, error) {
	if !validService(service) {
		return Credentials{}, fmt.Errorf("load credentials: bad service name %q", service)
	}
	ca, err := os.ReadFile(filepath.Join(dir, caFile))
	if err != nil {
		return Credentials{}, fmt.Errorf("load credentials: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		return Credentials{}, fmt.Errorf("load credentials: no certificate in %s", filepath.Join(dir, caFile))
	}
	cert, err := tls.LoadX509KeyPair(filepath.Join(dir, service+".pem"), filepath.Join(dir, service+"-key.pem"))
	if err != nil {
		return Credentials{}, fmt.Errorf("load credentials: %w", err)
	}
	leaf, err := leafOf(cert)
	if err != nil {
		return Credentials{}, fmt.Errorf("load credentials: %w", err)
	}
	// Under another's name every peer would refuse it, and none could say why.
	if name, err := serviceOf(leaf); err != nil || name != service {
		return Credentials{}, fmt.Errorf("load credentials: the certificate in %s.pem is not of that service", service)
	}
	// A pair that is replaced while its CA is not yet, or the other way round, is refused here rather than by every peer.
	between := x509.NewCertPool()
	for _, der := range cert.Certificate[1:] {
		if c, err := x509.ParseCertificate(der); err == nil {
			between.AddCert(c)
		}
	}
	use := x509.VerifyOptions{Roots: pool, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}
	if _, err := leaf.Verify(use); err != nil {
		return Credentials{}, fmt.Errorf("load credentials: the certificate in %s.pem: %w", service, err)
	}
	cert.Leaf = leaf
	return Credentials{Cert: cert, CA: pool}, nil
}

func leafOf(cert tls.Certificate) (*x509.Certificate, error) {
	if cert.Leaf != nil {
		return cert.Leaf, nil
	}
	if len(cert.Certificate) == 0 {
		return nil, errors.New("no certificate")
	}
	return x509.ParseCertificate(cert.Certificate[0])
}

// serviceOf is the service that a certificate names. Whoever calls has verified the certificate.
func serviceOf(cert *x509.Certificate) (string, error) {
	// A CA's own certificate is no service's, whatever it has for a URI.
	if len(cert.URIs) != 1 || cert.IsCA {
		return "", errors.New("not the certificate of one service")
	}
	name, ok := strings.CutPrefix(cert.URIs[0].String(), "beep://service/")
	if !ok || !validService(name) {
		return "", fmt.Errorf("not a service: %s", cert.URIs[0])
	}
	return name, nil
}

func serverName(service string) string { return service + ".beep.internal" }

// validService keeps a name fit for a URI, a DNS label and a file beside the others that Save writes.
func validService(name string) bool {
	for _, r := range name {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' {
			return false
		}
	}
	if name == "" || len(name) > 40 || name[0] == '-' || name[len(name)-1] == '-' {
		return false
	}
	// "ca" would be written over the CA's file, and "x-key" over the key of x.
	return name+".pem" != caFile && !strings.HasSuffix(name, "-key")
}

// serverTLS asks every client for a certificate of this CA.
func (c Credentials) serverTLS() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{c.Cert},
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: c.CA,
	}
}

// clientTLS accepts only the named service, at whatever address.
func (c Credentials) clientTLS(service string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{c.Cert},
		RootCAs: c.CA, ServerName: serverName(service),
	}
}
