package servers

import (
	"context"
	"errors"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/perm"
)

// NewServer is what CreateServer takes.
type NewServer struct {
	Name, Description string
	Closed            bool // @everyone starts without any right
}

// CreateServer makes a server of the caller's, with @everyone and a first channel.
func (s *Service) CreateServer(ctx context.Context, draft NewServer) (Server, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return Server{}, err
	}
	if draft.Name, err = checkName(draft.Name, s.limits.NameLength); err != nil {
		return Server{}, err
	}
	if err := checkText("description", draft.Description, s.limits.TopicLength, "\n\t"); err != nil {
		return Server{}, err
	}
	var server Server
	err = s.settle(ctx, func() error { // again only if another process has minted the same id
		server = Server{
			ID: beep.ServerID(s.minter.Next()), Name: draft.Name, Description: draft.Description, Owner: user,
			CreatedAt: beep.Now(), MemberCount: 1,
		}
		return s.commit(ctx, Commit{
			Scope: beep.ServerScope(server.ID), Actor: user, Changes: s.firstRows(server, draft.Closed),
			MaxServers: s.limits.ServersPerUser,
		})
	})
	return server, tooMany(err)
}

// firstRows are the rows that every server begins with. A View takes them in this order: it wants a role before who has
// it, and the owner before anyone.
func (s *Service) firstRows(server Server, closed bool) []Change {
	everyone := Role{ID: beep.RoleID(server.ID), Server: server.ID, Name: "@everyone", Rights: perm.DefaultEveryone}
	if closed {
		everyone.Rights = 0
	}
	return []Change{
		ServerSet{Server: server, New: true},
		RoleSet{Role: everyone, New: true},
		MemberSet{Member: Member{User: server.Owner, Server: server.ID, JoinedAt: server.CreatedAt}, New: true},
		ChannelSet{Channel: Channel{
			ID: beep.ChannelID(s.minter.Next()), Server: server.ID, Kind: Text, Name: "general",
		}, New: true},
	}
}

// tooMany turns the store's word for the limit into the use-case's.
func tooMany(err error) error {
	if errors.Is(err, ErrServerLimit) {
		return beep.Conflict(beep.CodeServerLimit, "you are in as many servers as is allowed")
	}
	return err
}

// ListServers answers what the caller belongs to.
func (s *Service) ListServers(ctx context.Context) ([]Server, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return nil, err
	}
	return s.store.ServersOf(ctx, user)
}

// GetServer answers a server of the caller's.
func (s *Service) GetServer(ctx context.Context, id beep.ServerID) (Server, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return Server{}, err
	}
	server, err := s.store.Server(ctx, id)
	if err != nil {
		return Server{}, instead(err, noServer())
	}
	if _, err := s.onServer(ctx, user, id, 0); err != nil {
		return Server{}, err
	}
	return server, nil
}

// ServerUpdate is what UpdateServer changes; nil stays as it is.
type ServerUpdate struct{ Name, Description *string }

func (u *ServerUpdate) check(limits beep.Limits) error {
	if u.Name != nil {
		name, err := checkName(*u.Name, limits.NameLength)
		if err != nil {
			return err
		}
		u.Name = &name
	}
	if u.Description != nil {
		return checkText("description", *u.Description, limits.TopicLength, "\n\t")
	}
	return nil
}

// UpdateServer changes what a server is called and says of itself.
func (s *Service) UpdateServer(
	ctx context.Context, id beep.ServerID, u ServerUpdate, reason string,
) (server Server, err error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return Server{}, err
	}
	if err := first(u.check(s.limits), checkReason(reason)); err != nil {
		return Server{}, err
	}
	err = s.settle(ctx, func() error {
		d, before, err := s.managed(ctx, user, id)
		if err != nil {
			return err
		}
		server = before
		set(&server.Name, u.Name)
		set(&server.Description, u.Description)
		if server == before {
			return nil
		}
		return s.commit(ctx, Commit{
			Scope: beep.ServerScope(id), Expect: d.rev, Actor: user, Changes: []Change{ServerSet{Server: server}},
			Records: []Record{s.audited(done{id, user, AuditServerUpdate, uint64(id), reason}, before.changesOf(server)...)},
		})
	})
	return server, err
}

// managed is a server that the caller manages.
func (s *Service) managed(ctx context.Context, user beep.UserID, id beep.ServerID) (decision, Server, error) {
	d, err := s.onServer(ctx, user, id, perm.ManageServer)
	if err != nil {
		return d, Server{}, err
	}
	server, err := s.store.Server(ctx, id)
	return d, server, instead(err, noServer())
}

// DeleteServer ends a server with all in it. Its name, letter for letter, says that the caller means this one.
func (s *Service) DeleteServer(ctx context.Context, id beep.ServerID, name string) error {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return err
	}
	return s.settle(ctx, func() error {
		d, server, err := s.managed(ctx, user, id)
		if err != nil {
			return err
		}
		if name != server.Name {
			return beep.Precondition(beep.CodeNameMismatch, "to confirm, give the server's name as it is")
		}
		return s.commit(ctx, Commit{
			Scope: beep.ServerScope(id), Expect: d.rev, Actor: user, Changes: []Change{ServerRemoved{id}},
		})
	})
}

// TransferServer makes another member the owner.
func (s *Service) TransferServer(ctx context.Context, id beep.ServerID, to beep.UserID) (server Server, err error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return Server{}, err
	}
	err = s.settle(ctx, func() error {
		d, err := s.onServer(ctx, user, id, 0)
		if err != nil {
			return err
		}
		if server, err = s.store.Server(ctx, id); err != nil {
			return instead(err, noServer())
		}
		if server.Owner != user {
			return beep.Forbidden(beep.CodeForbidden, "only the owner hands a server over")
		}
		if _, err := s.store.Member(ctx, id, to); err != nil || to == user {
			return instead(err, noMember())
		}
		server.Owner = to
		return s.commit(ctx, Commit{
			Scope: beep.ServerScope(id), Expect: d.rev, Actor: user, Changes: []Change{ServerSet{Server: server}},
			Records: []Record{s.audited(done{id, user, AuditServerTransfer, uint64(to), ""},
				AuditChange{"owner_id", number(uint64(user)), number(uint64(to))})},
		})
	})
	return server, err
}

// LeaveServer ends the caller's membership. The owner stays: a server without one could be managed by nobody.
func (s *Service) LeaveServer(ctx context.Context, id beep.ServerID) error {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return err
	}
	return s.settle(ctx, func() error {
		d, err := s.onServer(ctx, user, id, 0)
		if err != nil {
			return err
		}
		server, err := s.store.Server(ctx, id)
		if err != nil {
			return instead(err, noServer())
		}
		if server.Owner == user {
			return beep.Conflict(beep.CodeOwnerCannotLeave, "the owner cannot leave")
		}
		return s.commit(ctx, Commit{
			Scope: beep.ServerScope(id), Expect: d.rev, Actor: user, Changes: []Change{MemberRemoved{user}},
		})
	})
}
