package rpc

import (
	"maps"
	"slices"
	"strings"

	"github.com/beep-chat/beep"
)

// Policy is the table of who may call what. A key is a method as generated code names it
// ("/beep.messages.v1.MessagesService/Send") or a service ("beep.messages.v1.MessagesService"), whose row
// holds for those of its methods that have no row of their own. What has no row is refused: the table only
// allows, so a path in an unexpected form matches nothing.
type Policy map[string]Rule

// Rule is one row of a Policy.
type Rule struct {
	// Callers are the services that may call, as in their certificates; Anyone stands for each of them.
	Callers []string
	// Guest also allows calls that are made for no user: for a guest, or by a service on its own behalf.
	Guest bool
}

// Anyone in a Rule is every service that has a certificate of this installation.
const Anyone = "*"

// Merge is one table of all rows; a later table's row replaces an earlier one's.
func Merge(tables ...Policy) Policy {
	all := Policy{}
	for _, t := range tables {
		maps.Copy(all, t)
	}
	return all
}

// Rule is the row that holds for a full method, and whether there is one.
func (p Policy) Rule(method string) (Rule, bool) {
	path, ok := strings.CutPrefix(method, "/")
	if !ok {
		return Rule{}, false
	}
	if r, ok := p[method]; ok {
		return r, true
	}
	service, name, ok := strings.Cut(path, "/")
	if !ok || name == "" {
		return Rule{}, false
	}
	r, ok := p[service]
	return r, ok
}

// check refuses a service that the table does not let call the method.
func (p Policy) check(method, service string) (Rule, error) {
	rule, ok := p.Rule(method)
	if !ok || !rule.allows(service) {
		return Rule{}, beep.Forbidden(beep.CodeCallerRefused, "this service may not call that method")
	}
	return rule, nil
}

func (r Rule) allows(service string) bool {
	return service != "" && (slices.Contains(r.Callers, service) || slices.Contains(r.Callers, Anyone))
}
