package app

import (
	"context"

	"google.golang.org/grpc"

	"github.com/beep-chat/beep"
	usersv1 "github.com/beep-chat/beep/api/beep/users/v1"
	"github.com/beep-chat/beep/kit/oidc"
)

// audience is whom access tokens are meant for, and the web client's id at the OpenID Provider.
const (
	audience = "beep"
	clientID = "beep-web"
)

// tokens lets kit/oidc ask the users service.
type tokens struct{ identity usersv1.IdentityClient }

var _ oidc.Source = tokens{}

// verifier is the token check that gateway and realtime share in one process; the feed wakes it over the bus.
func (p *process) verifier(conn grpc.ClientConnInterface) *oidc.Verifier {
	if p.tokens != nil {
		return p.tokens
	}
	v := oidc.NewVerifier(tokens{usersv1.NewIdentityClient(conn)}, oidc.Options{
		Audience: audience, OnError: func(err error) {
			if err != nil {
				p.log.Warn("revocation feed unreadable", "error", err)
				return
			}
			p.log.Info("revocation feed readable again")
		},
	})
	// It only hurries: without a wake-up the feed is read at the next poll.
	cancel := p.bus.Subscribe("revocations", func([]byte) { v.Wake() })
	p.background = append(p.background, v.Run)
	p.closers = append(p.closers, func() error { cancel(); return nil })
	p.tokens = v
	return v
}

// Keys answers the issuer and its keys.
func (t tokens) Keys(ctx context.Context) (string, []byte, error) {
	r, err := t.identity.GetKeys(ctx, &usersv1.GetKeysRequest{})
	return r.GetIssuer(), r.GetJwks(), err
}

// Introspect says whether a token is good now.
func (t tokens) Introspect(ctx context.Context, token string) (oidc.Introspection, error) {
	r, err := t.identity.Introspect(ctx, &usersv1.IntrospectRequest{Token: token})
	if err != nil || !r.GetActive() {
		return oidc.Introspection{}, err
	}
	return oidc.Introspection{
		Active: true, Expires: r.GetExpiresAt().AsTime(),
		Caller: beep.Caller{User: beep.UserID(r.GetUserId()), Session: beep.SessionID(r.GetSessionId()), Roles: r.GetRoles()},
	}, nil
}

// Revocations answers what follows in the feed.
func (t tokens) Revocations(ctx context.Context, after uint64) ([]oidc.Revocation, uint64, error) {
	r, err := t.identity.ListRevocations(ctx, &usersv1.ListRevocationsRequest{After: after})
	if err != nil {
		return nil, 0, err
	}
	list := make([]oidc.Revocation, 0, len(r.GetRevocations()))
	for _, x := range r.GetRevocations() {
		list = append(list, oidc.Revocation{
			Seq: x.GetSeq(), Session: beep.SessionID(x.GetSessionId()), User: beep.UserID(x.GetUserId()), NotBefore: x.GetNotBefore().AsTime(),
		})
	}
	return list, r.GetHead(), nil
}
