package servers

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/perm"
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
func (s *Service) CreateInvitation(ctx context.Context, draft NewInvitation) (Invitation, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return Invitation{}, err
	}
	if draft.MaxUses > maxUses {
		return Invitation{}, beep.InvalidField(beep.CodeInvalidField, "max_uses", "is more than 1000")
	}
	if draft.ExpiresIn > maxExpiry {
		return Invitation{}, beep.InvalidField(beep.CodeInvalidField, "expires_in", "is more than 30 days")
	}
	var invitation Invitation
	err = s.settle(ctx, func() error {
		d, err := s.onServer(ctx, user, draft.Server, perm.ManageInvitations)
		if err != nil {
			return err
		}
		invitation = Invitation{
			Code: newCode(), Server: draft.Server, Creator: user, MaxUses: draft.MaxUses, CreatedAt: beep.Now(),
		}
		if draft.ExpiresIn > 0 {
			invitation.ExpiresAt = invitation.CreatedAt.Add(draft.ExpiresIn)
		}
		return s.commit(ctx, Commit{
			Scope: beep.ServerScope(draft.Server), Expect: d.rev, Actor: user, Records: []Record{
				InvitationCreated{invitation, maxInvitations}, s.audited(done{draft.Server, user, AuditInvitationCreate, 0, ""},
					AuditChange{"max_uses", nil, number(uint64(invitation.MaxUses))},
					AuditChange{"expires_at", nil, instants(invitation.ExpiresAt)}),
			},
		})
	})
	if errors.Is(err, ErrInvitationLimit) {
		err = beep.Conflict(beep.CodeInviteLimit, "the server has as many invitations as is allowed: revoke one")
	}
	return invitation, err
}

// ListInvitations answers a server's live invitations. Their codes are as good as keys, which is why the right to make
// them is asked for.
func (s *Service) ListInvitations(ctx context.Context, id beep.ServerID) ([]Invitation, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return nil, err
	}
	list, err := s.store.Invitations(ctx, id, beep.Now(), maxInvitations)
	if err != nil {
		return nil, err
	}
	if _, err := s.onServer(ctx, user, id, perm.ManageInvitations); err != nil {
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
	return s.settle(ctx, func() error {
		d, err := s.onServer(ctx, user, invitation.Server, perm.ManageInvitations)
		if err != nil {
			return instead(err, noInvitation()) // to a stranger the server is as unknown as the code
		}
		err = s.commit(ctx, Commit{
			Scope: beep.ServerScope(invitation.Server), Expect: d.rev, Actor: user, Records: []Record{
				InvitationRevoked{code}, s.audited(done{invitation.Server, user, AuditInvitationRevoke, 0, ""},
					AuditChange{"creator_id", number(uint64(invitation.Creator)), nil}),
			},
		})
		return instead(err, noInvitation())
	})
}

// GetInvitation answers where a code leads, to guests too: to hold the code is enough.
func (s *Service) GetInvitation(ctx context.Context, code string) (Server, error) {
	invitation, err := s.live(ctx, code)
	if err != nil {
		return Server{}, err
	}
	server, err := s.store.Server(ctx, invitation.Server)
	return server, instead(err, noInvitation())
}

// live is the invitation with a code, if it still lets someone in.
func (s *Service) live(ctx context.Context, code string) (Invitation, error) {
	invitation, err := s.invitation(ctx, code)
	if err == nil && !invitation.Live(beep.Now()) {
		err = noInvitation()
	}
	return invitation, err
}

// invitation is the one with a code, live or not. What has not the form of a code is not looked up.
func (s *Service) invitation(ctx context.Context, code string) (Invitation, error) {
	if len(code) != codeLength {
		return Invitation{}, noInvitation()
	}
	invitation, err := s.store.Invitation(ctx, code)
	return invitation, instead(err, noInvitation())
}

// AcceptInvitation makes the caller a member. Whoever is one already gets the server and takes no use, so that a
// retry after a lost answer succeeds, though its own first try may have used the invitation up.
func (s *Service) AcceptInvitation(ctx context.Context, code string) (Server, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return Server{}, err
	}
	invitation, err := s.invitation(ctx, code)
	if err != nil {
		return Server{}, err
	}
	err = s.join(ctx, Member{User: user, Server: invitation.Server}, InvitationUsed{code})
	if err != nil && !errors.Is(err, errMoved) { // which here is: a member already
		return Server{}, instead(err, noInvitation())
	}
	server, err := s.store.Server(ctx, invitation.Server)
	return server, instead(err, noInvitation())
}
