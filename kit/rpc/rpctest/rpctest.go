// Package rpctest gives the tests of a service an installation in miniature: services register on it, any
// service may call them, and a call is made for whatever user the test says. It is kit/rpc's own Local with
// real certificates and identities, so what passes here passes the same checks in the product, but for the
// call policy, which app has tests of its own for.
package rpctest

import (
	"context"
	"testing"

	"google.golang.org/grpc"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/kit/rpc"
)

// Net is where the services of one test register and call: net.As("gateway") is the connection of a caller.
type Net struct {
	*rpc.Local

	minter *rpc.Minter
}

// New is a Net for the services described; they are then registered on it.
func New(tb testing.TB, services ...*grpc.ServiceDesc) *Net {
	tb.Helper()
	ca, err := rpc.NewCA()
	if err != nil {
		tb.Fatal(err)
	}
	cert, err := ca.Issue("gateway")
	if err != nil {
		tb.Fatal(err)
	}
	minter, err := rpc.NewMinter(cert)
	if err != nil {
		tb.Fatal(err)
	}
	policy := rpc.Policy{}
	for _, s := range services {
		policy[s.ServiceName] = rpc.Rule{Callers: []string{rpc.Anyone}, Guest: true}
	}
	return &Net{rpc.NewLocal(rpc.Options{Policy: policy, Verifier: rpc.NewVerifier(ca.Pool())}), minter}
}

// Minter signs as this Net's gateway, for tests of an edge.
func (n *Net) Minter() *rpc.Minter { return n.minter }

// For makes the calls that are made with the returned context calls for the caller.
func (n *Net) For(ctx context.Context, tb testing.TB, caller beep.Caller) context.Context {
	tb.Helper()
	ctx, err := rpc.WithIdentity(ctx, n.minter, caller)
	if err != nil {
		tb.Fatal(err)
	}
	return ctx
}
