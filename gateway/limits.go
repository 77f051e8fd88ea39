package gateway

import (
	"context"
	"math"

	"github.com/beep-chat/beep"
	gatewayv1 "github.com/beep-chat/beep/api/beep/gateway/v1"
)

// limitsServer answers the one method that the gateway owns.
type limitsServer struct {
	gatewayv1.UnimplementedGatewayServer
	limits beep.Limits
}

// GetLimits answers what this installation allows. Anyone may ask, since a client needs to know before anybody has
// signed in.
func (s limitsServer) GetLimits(context.Context, *gatewayv1.GetLimitsRequest) (*gatewayv1.GetLimitsResponse, error) {
	l := s.limits
	return &gatewayv1.GetLimitsResponse{Limits: &gatewayv1.Limits{
		MessageLength: count(l.MessageLength), MessageRate: count(l.MessageRate), EditRate: count(l.EditRate),
		MessageWindowSeconds: count(int(l.MessageWindow.Seconds())), ServersPerUser: count(l.ServersPerUser),
		ChannelsPerServer: count(l.ChannelsPer), RolesPerServer: count(l.RolesPerServer), NameLength: count(l.NameLength),
		TopicLength: count(l.TopicLength), BodyBytes: count(int(l.BodyBytes)), FrameBytes: count(l.FrameBytes),
		InvitationRate: count(l.InvitationRate), InvitationWindowSeconds: count(int(l.InvitationWindow.Seconds())),
		ThreadsPerChannel: count(l.ThreadsPer), GroupSize: count(l.GroupSize),
	}}, nil
}

// count keeps what a limit may be set to within the contract's field.
func count(n int) uint32 {
	return uint32(min(max(n, 0), math.MaxUint32))
}
