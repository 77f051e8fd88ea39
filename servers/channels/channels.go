// Package channels has the use-cases of a server's channels: what there are, their order and categories, and whom each
// is for. Who belongs to the server is package community's.
//
// Start with Service.
package channels

import (
	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/servers"
)

// Service has the use-cases. Each reads: authorise, validate, change, reply. Reads go the other way round, first
// read and then authorise: what is shown is then never newer than the permissions it is shown under.
type Service struct {
	store   servers.Store
	authz   *servers.Authorizer
	changes *servers.Committer
	limits  beep.Limits
	minter  *beep.Minter
}

// New is a Service ready to be served (package grpcapi).
func New(d servers.Deps) (*Service, error) {
	if err := d.Check(); err != nil {
		return nil, err
	}
	return &Service{d.Store, servers.NewAuthorizer(d.Authz), servers.NewCommitter(d), d.Limits, d.Minter}, nil
}
