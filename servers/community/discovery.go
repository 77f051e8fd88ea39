package community

import (
	"context"
	"errors"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/servers"
)

// maxQuery bounds what someone looks for, in characters.
const maxQuery = 100

// ListPublicServers answers a page of the servers that whoever is signed in may join, newest first, and what to ask for
// the next by; 0 is the end. A page may be short, even empty, before that.
func (s *Service) ListPublicServers(
	ctx context.Context, query string, after beep.ServerID, limit int,
) (page []servers.Server, next beep.ServerID, err error) {
	if _, err := beep.UserFrom(ctx); err != nil {
		return nil, 0, err
	}
	if err := servers.CheckText("query", query, maxQuery, ""); err != nil {
		return nil, 0, err
	}
	if limit, err = servers.PageSize(limit); err != nil {
		return nil, 0, err
	}
	tokens := servers.QueryTokens(query)
	if len(tokens) == 0 {
		return nil, 0, nil
	}
	return s.store.PublicServers(ctx, servers.DiscoveryQuery{Tokens: tokens, After: after, Limit: limit})
}

// JoinServer makes the caller a member of a server that is public. Whoever is one already gets the server, so that a
// retry after a lost answer succeeds.
func (s *Service) JoinServer(ctx context.Context, id beep.ServerID) (server servers.Server, err error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return servers.Server{}, err
	}
	err = servers.Settle(ctx, func() error {
		// Read before the server, and at least that at the commit: who closes it meanwhile moves the scope on.
		revs, err := s.store.Revs(ctx, []beep.Scope{beep.ServerScope(id)})
		if err != nil {
			return err
		}
		if server, err = s.store.Server(ctx, id); err != nil {
			return servers.Instead(err, servers.NoServer())
		}
		switch _, err := s.store.Member(ctx, id, user); {
		case err == nil:
			return nil
		case !errors.Is(err, beep.ErrNotFound):
			return err
		case !server.Public:
			return servers.NoServer()
		}
		return s.join(ctx, servers.Member{User: user, Server: id}, revs[0])
	})
	if err != nil {
		return servers.Server{}, err
	}
	return server, nil
}
