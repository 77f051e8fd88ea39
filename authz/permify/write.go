package permify

import (
	"context"
	"errors"

	permifyv1 "github.com/beep-chat/beep/api/permify/v1"
	"github.com/beep-chat/beep/authz"
)

// maxWrite is how many attributes Permify takes in one transaction by default.
const maxWrite = 1000

var errNoToken = errors.New("permify: a write was answered without a snapshot")

// Write sets attributes. With more than one transaction the stamp is taken away in the first and set in the last.
func (g *Graph) Write(ctx context.Context, s authz.State) error {
	rest := entities(s)
	g.writing.Lock()
	defer g.writing.Unlock()
	for {
		var batch []*permifyv1.Attribute
		for len(rest) > 0 && len(batch) < maxWrite-8 { // no entity has more
			list, err := rest[0].proto()
			if err != nil {
				return err
			}
			batch, rest = append(batch, list...), rest[1:]
		}
		stamp := s.Stamp
		if len(rest) > 0 {
			stamp = authz.Stamp{}
		}
		list, err := stampOf(s.Scope, stamp).proto()
		if err != nil {
			return err
		}
		if err := g.put(ctx, append(batch, list...)); err != nil || len(rest) == 0 {
			return err
		}
	}
}

// put is one transaction.
func (g *Graph) put(ctx context.Context, list []*permifyv1.Attribute) error {
	return g.ask(ctx, "write", func(ctx context.Context, version string) error {
		answer, err := g.data.Write(ctx, &permifyv1.DataWriteRequest{
			TenantId: g.tenant, Metadata: &permifyv1.DataWriteRequestMetadata{SchemaVersion: version}, Attributes: list,
		})
		if err == nil && answer.GetSnapToken() == "" {
			return errNoToken // its transaction failed and it did not notice
		}
		return err
	})
}
