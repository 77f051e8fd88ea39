package rpc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
)

// Mesh is who calls where a service mesh proves it. Between two pods their sidecars speak mutual TLS; a sidecar and its
// own process speak plain text on loopback, and the sidecar says whose certificate it has verified, as Envoy does, in
// X-Forwarded-Client-Cert. Nobody else is on loopback of a pod, and a word from anywhere else is nobody's.
type Mesh struct {
	services map[string]string // by identity
}

// MeshTarget stands for the service in the pattern of NewMesh.
const MeshTarget = "{target}"

const certHeader = "x-forwarded-client-cert"

// NewMesh knows services by their identities: identity with each one's name in place of MeshTarget, such as
// "spiffe://cluster.local/ns/beep-{target}/sa/{target}".
func NewMesh(identity string, services ...string) (*Mesh, error) {
	if !strings.HasPrefix(identity, "spiffe://") || !strings.Contains(identity, MeshTarget) || strings.ContainsAny(identity, " \",;=") {
		return nil, fmt.Errorf("the identity %q is not spiffe://… with %s in it", identity, MeshTarget)
	}
	m := &Mesh{services: map[string]string{}}
	for _, service := range services {
		if !validService(service) {
			return nil, fmt.Errorf("mesh: bad service name %q", service)
		}
		m.services[strings.ReplaceAll(identity, MeshTarget, service)] = service
	}
	return m, nil
}

// caller is the service that said names, if it comes from the sidecar; empty if not.
func (m *Mesh) caller(from netip.Addr, said []string) string {
	if !from.Unmap().IsLoopback() || len(said) != 1 {
		return ""
	}
	identity, err := peerIdentity(said[0])
	if err != nil {
		return ""
	}
	return m.services[identity]
}

// ofCall is the service that makes a call. One within the process passes no sidecar. A nil Mesh goes by certificates.
func (m *Mesh) ofCall(ctx context.Context) string {
	if _, local := ctx.Value(localKey{}).(*localCall); m == nil || local {
		return callingService(ctx)
	}
	p, ok := peer.FromContext(ctx)
	if !ok {
		return ""
	}
	at, err := netip.ParseAddrPort(p.Addr.String())
	if err != nil {
		return ""
	}
	return m.caller(at.Addr(), metadata.ValueFromIncomingContext(ctx, certHeader))
}

// Only serves something else than gRPC to the named services, and to nobody else.
func (m *Mesh) Only(next http.Handler, clients ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil || !slices.Contains(clients, m.caller(at.Addr(), r.Header.Values(certHeader))) {
			http.Error(w, "this service may not connect", http.StatusForbidden)
			return
		}
		r.Header.Del(certHeader)
		next.ServeHTTP(w, r)
	})
}

var errNotOnePeer = errors.New("not the certificate of one peer")

// peerIdentity is the one URI of the one certificate that X-Forwarded-Client-Cert tells of: pairs of key=value between
// semicolons, values quoted where they must be, certificates between commas. A second certificate is refused rather
// than skipped: our services pass through no proxy but the two sidecars, so that it is one which the caller has made
// up. So is all that Envoy would not write, above all a quotation mark that does not end, which could swallow what
// the sidecar has said after it.
func peerIdentity(header string) (string, error) {
	identity, seen := "", false
	for rest := header; ; {
		key, after, ok := strings.Cut(rest, "=")
		if !ok || key == "" || strings.ContainsAny(key, " \",;") {
			return "", errNotOnePeer
		}
		value, left, err := pairValue(after)
		if err != nil {
			return "", err
		}
		if strings.EqualFold(key, "URI") {
			if seen {
				return "", errNotOnePeer
			}
			identity, seen = value, true
		}
		if left == "" {
			return identity, nil
		}
		if left[0] != ';' {
			return "", errNotOnePeer
		}
		rest = left[1:]
	}
}

// pairValue reads a value, quoted or not, and answers what follows it: nothing, or what begins with a separator.
func pairValue(s string) (value, left string, err error) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexAny(s, `,;"`)
		if end < 0 {
			return s, "", nil
		}
		if s[end] == '"' {
			return "", "", errNotOnePeer
		}
		return s[:end], s[end:], nil
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && s[i+1] == '"':
			i++
			b.WriteByte('"')
		case s[i] == '"':
			left = s[i+1:]
			if left != "" && left[0] != ';' && left[0] != ',' {
				return "", "", errNotOnePeer
			}
			return b.String(), left, nil
		default:
			b.WriteByte(s[i])
		}
	}
	return "", "", errNotOnePeer
}
