package community

import (
	"context"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/servers"
)

// ListAuditEntries answers a page of what was done on a server, to those who manage it.
func (s *Service) ListAuditEntries(ctx context.Context, q servers.AuditQuery) ([]servers.AuditEntry, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return nil, err
	}
	if q.Limit, err = servers.PageSize(q.Limit); err != nil {
		return nil, err
	}
	list, err := s.store.AuditEntries(ctx, q)
	if err != nil {
		return nil, err
	}
	if _, err := s.authz.OnServer(ctx, user, q.Server, perm.ManageServer); err != nil {
		return nil, err
	}
	return list, nil
}
