package authz

import (
	"context"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/perm"
)

// Explain says how it comes that a user holds a right or does not. It is false for who is no member of the server, and
// for a channel that never was: nothing is to be explained there.
func (s *Service) Explain(ctx context.Context, q Question) (e perm.Explanation, member bool, err error) {
	scope, err := s.scopeOf(ctx, q.Server, q.Channel)
	if err != nil || scope == (beep.Scope{}) {
		return perm.Explanation{}, false, err
	}
	err = s.decide(ctx, scope, q.MinRev, func(v *perm.View) {
		if member = v.Has(q.User); !member {
			return
		}
		if q.Channel == 0 {
			e = v.Explain(q.User, q.Right)
			return
		}
		e = v.ExplainInChannel(q.User, q.Channel, q.Right)
	})
	return e, member, err
}

// Sight is what someone with certain roles and nothing else would hold.
type Sight struct {
	Known    bool // all of the roles are there
	Rights   perm.Rights
	Channels map[beep.ChannelID]perm.Rights // those that would be seen
}

// ViewAs is the server as roles have it.
func (s *Service) ViewAs(ctx context.Context, server beep.ServerID, roles []beep.RoleID) (sight Sight, err error) {
	err = s.decide(ctx, beep.ServerScope(server), 0, func(v *perm.View) {
		as, refusal := v.As(roles)
		if refusal != nil {
			return
		}
		sight = Sight{Known: true, Rights: as.Rights(), Channels: map[beep.ChannelID]perm.Rights{}}
		for c := range v.Channels() {
			if held := as.ChannelRights(c.ID); held.Has(perm.ViewChannels) {
				sight.Channels[c.ID] = held
			}
		}
	})
	return sight, err
}
