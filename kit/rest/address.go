package rest

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// ClientAddress is whom a request comes from. Each proxy that is believed appends whom it got the request from to
// X-Forwarded-For, so the last address that is no such proxy's is the one; what stands before it is anyone's word.
// believed says that whoever sent r is one, whatever its address. The zero address is of a request without any.
func ClientAddress(r *http.Request, proxies []netip.Prefix, believed bool) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	// On a socket for both families an IPv4 client is ::ffff:a.b.c.d, which no IPv4 prefix contains.
	addr := at.Addr().Unmap()
	believed = believed || Trusted(proxies, addr)
	// A header that is there twice is one list (RFC 9110, 5.3).
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, text := range slices.Backward(hops) {
		if !believed {
			break
		}
		hop, err := netip.ParseAddr(strings.TrimSpace(text))
		// What is no address was not written by a proxy: the one before it counts.
		if err != nil {
			break
		}
		addr = hop.Unmap()
		believed = Trusted(proxies, addr)
	}
	return addr
}

// Trusted says whether an address is one of the proxies'.
func Trusted(proxies []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// Neighbourhood is an address for counting: a household or a virtual machine has a whole /64 of IPv6 to itself.
func Neighbourhood(addr netip.Addr) string {
	addr = addr.Unmap()
	if addr.Is6() {
		if prefix, err := addr.WithZone("").Prefix(64); err == nil {
			return prefix.String()
		}
	}
	return addr.String()
}
