package community

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/servers"
)

const (
	maxUses   = 1000
	maxExpiry = 30 * 24 * time.Hour
	// maxInvitations that work, of one server, and all of them are listed: one that nobody sees nobody revokes.
	maxInvitations = 100

	// codeLength in base58 is 70 random bits: a million guesses at a million live codes find one with
	// probability 1e-9.
	codeLength   = 12
	codeAlphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
)

// newCode draws an invitation's code.
func newCode() string {
	code := make([]byte, 0, codeLength)
	var b [2 * codeLength]byte
	for {
		_, _ = rand.Read(b[:]) // crypto/rand.Read never fails
		for _, x := range b {
			// 58 of 64 values are used and the rest drawn again, so that every letter is as likely.
			if x &= 63; int(x) < len(codeAlphabet) {
				code = append(code, codeAlphabet[x])
			}
			if len(code) == codeLength {
				return string(code)
			}
		}
	}
}

// NewInvitation is what CreateInvitation takes.
type NewInvitation struct {
	Server    beep.ServerID
	MaxUses   uint32        // 0 is without end
	ExpiresIn time.Duration // 0 is never
}

// CreateInvitation makes a code that lets others in. It commits as decided, like any change: who loses the right while
// asking makes no code.
func (s *Service) CreateInvitation(ctx context.Context, draft NewInvitation) (servers.Invitation, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return servers.Invitation{}, err
	}
	if draft.MaxUses > maxUses {
		return servers.Invitation{}, beep.InvalidField(beep.CodeInvalidField, "max_uses", "is more than 1000")
	}
	if draft.ExpiresIn > maxExpiry {
		return servers.Invitation{}, beep.InvalidField(beep.CodeInvalidField, "expires_in", "is more than 30 days")
	}
	var invitation servers.Invitation
	err = servers.Settle(ctx, func() error {
		d, err := s.authz.OnServer(ctx, user, draft.Server, perm.ManageInvitations)
		if err != nil {
			return err
		}
		invitation = servers.Invitation{
			Code: newCode(), Server: draft.Server, Creator: user, MaxUses: draft.MaxUses, CreatedAt: beep.Now(),
		}
		if draft.ExpiresIn > 0 {
			invitation.ExpiresAt = invitation.CreatedAt.Add(draft.ExpiresIn)
		}
		return s.changes.Commit(ctx, servers.Commit{
			Scope: beep.ServerScope(draft.Server), Expect: d.Rev, Actor: user, Records: []servers.Record{
				servers.InvitationCreated{Invitation: invitation, MaxLive: maxInvitations}, s.changes.Audited(servers.Deed{
					Server: draft.Server, Actor: user, Action: servers.AuditInvitationCreate,
				},
					servers.Changed("max_uses", nil, servers.Number(uint64(invitation.MaxUses))),
					servers.Changed("expires_at", nil, servers.Instant(invitation.ExpiresAt))),
			},
		})
	})
	if errors.Is(err, servers.ErrInvitationLimit) {
		err = beep.Conflict(beep.CodeInviteLimit, "the server has as many invitations as is allowed: revoke one")
	}
	return invitation, err
}

// ListInvitations answers a server's live invitations. Their codes are as good as keys, which is why the right to make
// them is asked for.
func (s *Service) ListInvitations(ctx context.Context, id beep.ServerID) ([]servers.Invitation, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return nil, err
	}
	list, err := s.store.Invitations(ctx, id, beep.Now(), maxInvitations)
	if err != nil {
		return nil, err
	}
	if _, err := s.authz.OnServer(ctx, user, id, perm.ManageInvitations); err != nil {
		return nil, err
	}
	return list, nil
}

// RevokeInvitation ends an invitation.
func (s *Service) RevokeInvitation(ctx context.Context, code string) error {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return err
	}
	invitation, err := s.live(ctx, code)
	if err != nil {
		return err
	}
	return servers.Settle(ctx, func() error {
		d, err := s.authz.OnServer(ctx, user, invitation.Server, perm.ManageInvitations)
		if err != nil {
			return servers.Instead(err, noInvitation()) // to a stranger the server is as unknown as the code
		}
		err = s.changes.Commit(ctx, servers.Commit{
			Scope: beep.ServerScope(invitation.Server), Expect: d.Rev, Actor: user, Records: []servers.Record{
				servers.InvitationRevoked{Code: code}, s.changes.Audited(servers.Deed{
					Server: invitation.Server, Actor: user, Action: servers.AuditInvitationRevoke,
				},
					servers.Changed("creator_id", servers.Number(uint64(invitation.Creator)), nil)),
			},
		})
		return servers.Instead(err, noInvitation())
	})
}

// GetInvitation answers where a code leads, to guests too: to hold the code is enough.
func (s *Service) GetInvitation(ctx context.Context, code string) (servers.Server, error) {
	invitation, err := s.live(ctx, code)
	if err != nil {
		return servers.Server{}, err
	}
	server, err := s.store.Server(ctx, invitation.Server)
	return server, servers.Instead(err, noInvitation())
}

// live is the invitation with a code, if it still lets someone in.
func (s *Service) live(ctx context.Context, code string) (servers.Invitation, error) {
	invitation, err := s.invitation(ctx, code)
	if err == nil && !invitation.Live(beep.Now()) {
		err = noInvitation()
	}
	return invitation, err
}

// invitation is the one with a code, live or not. What has not the form of a code is not looked up.
func (s *Service) invitation(ctx context.Context, code string) (servers.Invitation, error) {
	if len(code) != codeLength {
		return servers.Invitation{}, noInvitation()
	}
	invitation, err := s.store.Invitation(ctx, code)
	return invitation, servers.Instead(err, noInvitation())
}

// AcceptInvitation makes the caller a member. Whoever is one already gets the server and takes no use, so that a
// retry after a lost answer succeeds, though its own first try may have used the invitation up.
func (s *Service) AcceptInvitation(ctx context.Context, code string) (servers.Server, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return servers.Server{}, err
	}
	invitation, err := s.invitation(ctx, code)
	if err != nil {
		return servers.Server{}, err
	}
	err = s.join(ctx, servers.Member{User: user, Server: invitation.Server}, 0, servers.InvitationUsed{Code: code})
	if err != nil && !errors.Is(err, servers.ErrMoved) { // which here is: a member already
		return servers.Server{}, servers.Instead(err, noInvitation())
	}
	server, err := s.store.Server(ctx, invitation.Server)
	return server, servers.Instead(err, noInvitation())
}

func noInvitation() *beep.Error {
	return beep.NotFound(beep.CodeInviteNotFound, "this invitation does not work, or no more")
}
