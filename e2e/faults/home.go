package faults

import (
	"context"
	"fmt"
	"net/http"

	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
)

// home is a server in which only its owner and who has its role may do anything.
type home struct {
	server, role uint64
	invitation   string // to come in, and to come back after a kick
}

const homeName, roleName = "Harbour", "mates"

// rights are what a home's role gives; without it a member of a home, save its owner, holds nothing.
func rights() []string { return []string{"view_channels", "send_messages"} }

// Open makes the servers in which the arena's races are run.
func (a *Arena) Open(ctx context.Context) (err error) {
	r := &run{Arena: a, race: &Race{}}
	if a.harbour, err = r.settle(ctx, a.Owner, a.Member); err != nil {
		return err
	}
	a.ship, err = r.settle(ctx, a.Member, a.Owner)
	return err
}

// settle makes a home of one person's in which the other has the role.
func (r *run) settle(ctx context.Context, owner, mate Author) (home, error) {
	s, i, o := &serversv1.Server{}, &serversv1.Invitation{}, &serversv1.Role{}
	if err := r.ask(ctx, r.any(owner), request{
		method: http.MethodPost, path: "/api/servers", in: &serversv1.CreateServerRequest{Name: homeName, Closed: true}, out: s,
	}); err != nil {
		return home{}, fmt.Errorf("make a server: %w", err)
	}
	h := home{server: s.GetId()}
	if err := r.ask(ctx, r.any(owner), request{
		method: http.MethodPost, path: h.path() + "/invitations", in: &serversv1.CreateInvitationRequest{}, out: i,
	}); err != nil {
		return home{}, fmt.Errorf("make an invitation: %w", err)
	}
	if err := r.ask(ctx, r.any(owner), request{
		method: http.MethodPost, path: h.path() + "/roles", in: &serversv1.CreateRoleRequest{Name: roleName, Rights: rights()}, out: o,
	}); err != nil {
		return home{}, fmt.Errorf("make a role: %w", err)
	}
	h.invitation, h.role = i.GetCode(), o.GetId()
	return h, r.bring(ctx, h, owner, mate)
}

// bring brings a person in, with the role.
func (r *run) bring(ctx context.Context, h home, owner, mate Author) error {
	err := r.ask(ctx, r.any(mate), request{method: http.MethodPost, path: "/api/invitations/" + h.invitation + "/accept"})
	if err != nil {
		return err
	}
	return r.ask(ctx, r.any(owner), request{method: http.MethodPut, path: h.member(mate.ID) + fmt.Sprintf("/roles/%d", h.role)})
}

func (h home) path() string { return fmt.Sprintf("/api/servers/%d", h.server) }

func (h home) member(id uint64) string { return fmt.Sprintf("%s/members/%d", h.path(), id) }
