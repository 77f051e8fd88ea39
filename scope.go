package beep

import (
	"fmt"
	"strconv"
	"strings"
)

// ScopeKind says whose permissions a Scope holds.
type ScopeKind uint8

// The kinds of scope.
const (
	ScopeServer ScopeKind = iota + 1 // a server: members, roles, channels, overwrites
	ScopeDirect                      // one direct message or group; its id is the channel's
	ScopeUser                        // personal: names the scopes that its user belongs to
)

// Scope is a unit of permission with one revision counter and one log. Comparable.
type Scope struct {
	Kind ScopeKind
	ID   uint64
}

// ServerScope is the scope of a server.
func ServerScope(id ServerID) Scope { return Scope{ScopeServer, uint64(id)} }

// DirectScope is the scope of a direct message or group.
func DirectScope(id ChannelID) Scope { return Scope{ScopeDirect, uint64(id)} }

// UserScope is the personal scope of a user.
func UserScope(id UserID) Scope { return Scope{ScopeUser, uint64(id)} }

// ParseScope is the scope that String wrote.
func ParseScope(text string) (Scope, error) {
	_, number, _ := strings.Cut(text, ":")
	id, err := strconv.ParseUint(number, 10, 64)
	for kind := ScopeServer; kind <= ScopeUser; kind++ {
		if s := (Scope{kind, id}); err == nil && s.String() == text {
			return s, nil
		}
	}
	return Scope{}, fmt.Errorf("%.80q is no scope", text)
}

// String is "server:1", "direct:1" or "user:1".
func (s Scope) String() string {
	name := [...]string{"none", "server", "direct", "user"}[min(s.Kind, ScopeUser)]
	return name + ":" + strconv.FormatUint(s.ID, 10)
}
