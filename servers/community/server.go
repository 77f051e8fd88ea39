package community

import (
	"cmp"
	"context"
	"errors"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/servers"
)

// NewServer is what CreateServer takes.
type NewServer struct {
	Name, Description string
	Closed            bool // @everyone starts without any right
	Public            bool
}

// CreateServer makes a server of the caller's, with @everyone and a first channel.
func (s *Service) CreateServer(ctx context.Context, draft NewServer) (servers.Server, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return servers.Server{}, err
	}
	if draft.Name, err = servers.CheckName(draft.Name, s.limits.NameLength); err != nil {
		return servers.Server{}, err
	}
	if err := servers.CheckText("description", draft.Description, s.limits.TopicLength, "\n\t"); err != nil {
		return servers.Server{}, err
	}
	var server servers.Server
	err = servers.Settle(ctx, func() error { // again only if another process has minted the same id
		server = servers.Server{
			ID: beep.ServerID(s.minter.Next()), Name: draft.Name, Description: draft.Description, Owner: user,
			CreatedAt: beep.Now(), Public: draft.Public, SystemChannel: beep.ChannelID(s.minter.Next()), MemberCount: 1,
		}
		return s.changes.Commit(ctx, servers.Commit{
			Scope: beep.ServerScope(server.ID), Actor: user, Changes: firstRows(server, draft.Closed),
			MaxServers: s.limits.ServersPerUser,
		})
	})
	return server, tooMany(err)
}

// firstRows are the rows that every server begins with. A View takes them in this order: it wants a role before who has
// it, and the owner before anyone.
func firstRows(server servers.Server, closed bool) []servers.Change {
	everyone := servers.Role{ID: beep.RoleID(server.ID), Server: server.ID, Name: "@everyone", Rights: perm.DefaultEveryone}
	if closed {
		everyone.Rights = 0
	}
	return []servers.Change{
		servers.ServerSet{Server: server, New: true},
		servers.RoleSet{Role: everyone, New: true},
		servers.MemberSet{Member: servers.Member{User: server.Owner, Server: server.ID, JoinedAt: server.CreatedAt}, New: true},
		servers.ChannelSet{Channel: servers.Channel{
			ID: server.SystemChannel, Server: server.ID, Kind: servers.Text, Name: "general",
		}, New: true},
	}
}

// tooMany turns the store's word for the limit into the use-case's.
func tooMany(err error) error {
	if errors.Is(err, servers.ErrServerLimit) {
		return beep.Conflict(beep.CodeServerLimit, "you are in as many servers as is allowed")
	}
	return err
}

// ListServers answers what the caller belongs to.
func (s *Service) ListServers(ctx context.Context) ([]servers.Server, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return nil, err
	}
	return s.store.ServersOf(ctx, user)
}

// GetServer answers a server of the caller's.
func (s *Service) GetServer(ctx context.Context, id beep.ServerID) (servers.Server, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return servers.Server{}, err
	}
	server, err := s.store.Server(ctx, id)
	if err != nil {
		return servers.Server{}, servers.Instead(err, servers.NoServer())
	}
	if _, err := s.authz.OnServer(ctx, user, id, 0); err != nil {
		return servers.Server{}, err
	}
	return server, nil
}

// ServerUpdate is what UpdateServer changes; nil stays as it is.
type ServerUpdate struct {
	Name, Description *string
	Public            *bool
	SystemChannel     *beep.ChannelID // 0 is none
}

func (u *ServerUpdate) check(limits beep.Limits) error {
	if u.Name != nil {
		name, err := servers.CheckName(*u.Name, limits.NameLength)
		if err != nil {
			return err
		}
		u.Name = &name
	}
	if u.Description != nil {
		return servers.CheckText("description", *u.Description, limits.TopicLength, "\n\t")
	}
	return nil
}

// UpdateServer changes what a server is called and says of itself.
func (s *Service) UpdateServer(
	ctx context.Context, id beep.ServerID, u ServerUpdate, reason string,
) (server servers.Server, err error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return servers.Server{}, err
	}
	if err := cmp.Or(u.check(s.limits), servers.CheckReason(reason)); err != nil {
		return servers.Server{}, err
	}
	err = servers.Settle(ctx, func() error {
		d, before, err := s.managed(ctx, user, id)
		if err != nil {
			return err
		}
		server = before
		servers.Assign(&server.Name, u.Name)
		servers.Assign(&server.Description, u.Description)
		servers.Assign(&server.Public, u.Public)
		servers.Assign(&server.SystemChannel, u.SystemChannel)
		if server == before {
			return nil
		}
		if err := s.systemChannel(ctx, user, before, server); err != nil {
			return err
		}
		return s.changes.Commit(ctx, servers.Commit{
			Scope: beep.ServerScope(id), Expect: d.Rev, Actor: user, Changes: []servers.Change{servers.ServerSet{Server: server}},
			Records: []servers.Record{s.changes.Audited(servers.Deed{
				Server: id, Actor: user, Action: servers.AuditServerUpdate, Target: uint64(id), Reason: reason,
			}, before.ChangesTo(server)...)},
		})
	})
	return server, err
}

// systemChannel refuses what is not a text channel of the server's that who chooses it sees. Whoever removes it meanwhile
// moves the scope on, so that it is there at the commit.
func (s *Service) systemChannel(ctx context.Context, user beep.UserID, before, after servers.Server) error {
	id := after.SystemChannel
	if id == 0 || id == before.SystemChannel {
		return nil
	}
	d, err := s.authz.InChannel(ctx, user, id, 0)
	if err != nil {
		return err
	}
	channel, err := s.store.Channel(ctx, id)
	if err != nil || channel.Server != after.ID {
		return cmp.Or(servers.Instead(err, servers.NoChannel()), error(servers.NoChannel()))
	}
	if d.Kind != servers.Text {
		return beep.InvalidField(beep.CodeInvalidField, "system_channel_id", "is not a text channel")
	}
	return nil
}

// managed is a server that the caller manages.
func (s *Service) managed(ctx context.Context, user beep.UserID, id beep.ServerID) (servers.Decision, servers.Server, error) {
	d, err := s.authz.OnServer(ctx, user, id, perm.ManageServer)
	if err != nil {
		return d, servers.Server{}, err
	}
	server, err := s.store.Server(ctx, id)
	return d, server, servers.Instead(err, servers.NoServer())
}

// DeleteServer ends a server with all in it. Its name, letter for letter, says that the caller means this one.
func (s *Service) DeleteServer(ctx context.Context, id beep.ServerID, name string) error {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return err
	}
	return servers.Settle(ctx, func() error {
		d, server, err := s.managed(ctx, user, id)
		if err != nil {
			return err
		}
		if name != server.Name {
			return beep.Precondition(beep.CodeNameMismatch, "to confirm, give the server's name as it is")
		}
		return s.changes.Commit(ctx, servers.Commit{
			Scope: beep.ServerScope(id), Expect: d.Rev, Actor: user, Changes: []servers.Change{servers.ServerRemoved{ID: id}},
		})
	})
}

// TransferServer makes another member the owner.
func (s *Service) TransferServer(ctx context.Context, id beep.ServerID, to beep.UserID) (server servers.Server, err error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return servers.Server{}, err
	}
	err = servers.Settle(ctx, func() error {
		d, err := s.authz.OnServer(ctx, user, id, 0)
		if err != nil {
			return err
		}
		if server, err = s.store.Server(ctx, id); err != nil {
			return servers.Instead(err, servers.NoServer())
		}
		if server.Owner != user {
			return beep.Forbidden(beep.CodeForbidden, "only the owner hands a server over")
		}
		if _, err := s.store.Member(ctx, id, to); err != nil || to == user {
			return servers.Instead(err, servers.NoMember())
		}
		server.Owner = to
		return s.changes.Commit(ctx, servers.Commit{
			Scope: beep.ServerScope(id), Expect: d.Rev, Actor: user, Changes: []servers.Change{servers.ServerSet{Server: server}},
			Records: []servers.Record{s.changes.Audited(servers.Deed{
				Server: id, Actor: user, Action: servers.AuditServerTransfer, Target: uint64(to),
			},
				servers.Changed("owner_id", servers.Number(uint64(user)), servers.Number(uint64(to))))},
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
	return servers.Settle(ctx, func() error {
		d, err := s.authz.OnServer(ctx, user, id, 0)
		if err != nil {
			return err
		}
		server, err := s.store.Server(ctx, id)
		if err != nil {
			return servers.Instead(err, servers.NoServer())
		}
		if server.Owner == user {
			return beep.Conflict(beep.CodeOwnerCannotLeave, "the owner cannot leave")
		}
		return s.changes.Commit(ctx, servers.Commit{
			Scope: beep.ServerScope(id), Expect: d.Rev, Actor: user, Changes: []servers.Change{servers.MemberRemoved{User: user}},
		})
	})
}
