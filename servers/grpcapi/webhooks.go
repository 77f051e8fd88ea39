package grpcapi

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/beep-chat/beep"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/servers"
	"github.com/beep-chat/beep/servers/webhooks"
)

// webhooksServer is webhooks as gRPC sees them: decode, call, encode.
type webhooksServer struct {
	serversv1.UnimplementedWebhooksServer
	s *webhooks.Service
}

// CreateWebhook decodes, calls and encodes.
func (g *webhooksServer) CreateWebhook(
	ctx context.Context, r *serversv1.CreateWebhookRequest,
) (*serversv1.CreateWebhookResponse, error) {
	channel, err := idOf[beep.ChannelID]("channel_id", r.GetChannelId())
	if err != nil {
		return nil, err
	}
	hook, token, err := g.s.Create(ctx, channel, r.GetName(), r.GetReason())
	return &serversv1.CreateWebhookResponse{Webhook: withToken(hook, token)}, err
}

// ListWebhooks decodes, calls and encodes.
func (g *webhooksServer) ListWebhooks(
	ctx context.Context, r *serversv1.ListWebhooksRequest,
) (*serversv1.ListWebhooksResponse, error) {
	channel, err := idOf[beep.ChannelID]("channel_id", r.GetChannelId())
	if err != nil {
		return nil, err
	}
	list, err := g.s.List(ctx, channel)
	return &serversv1.ListWebhooksResponse{Webhooks: protos(list, protoWebhook)}, err
}

// UpdateWebhook decodes, calls and encodes.
func (g *webhooksServer) UpdateWebhook(
	ctx context.Context, r *serversv1.UpdateWebhookRequest,
) (*serversv1.UpdateWebhookResponse, error) {
	at, err := webhookOf(r)
	if err != nil {
		return nil, err
	}
	hook, err := g.s.Update(ctx, at, r.Name, r.GetReason())
	return &serversv1.UpdateWebhookResponse{Webhook: protoWebhook(hook)}, err
}

// RotateWebhook decodes, calls and encodes.
func (g *webhooksServer) RotateWebhook(
	ctx context.Context, r *serversv1.RotateWebhookRequest,
) (*serversv1.RotateWebhookResponse, error) {
	at, err := webhookOf(r)
	if err != nil {
		return nil, err
	}
	hook, token, err := g.s.Rotate(ctx, at, r.GetReason())
	return &serversv1.RotateWebhookResponse{Webhook: withToken(hook, token)}, err
}

// DeleteWebhook decodes, calls and encodes.
func (g *webhooksServer) DeleteWebhook(
	ctx context.Context, r *serversv1.DeleteWebhookRequest,
) (*serversv1.DeleteWebhookResponse, error) {
	at, err := webhookOf(r)
	if err != nil {
		return nil, err
	}
	return &serversv1.DeleteWebhookResponse{}, g.s.Delete(ctx, at, r.GetReason())
}

func webhookOf(r interface {
	GetChannelId() uint64
	GetWebhookId() uint64
},
) (webhooks.Ref, error) {
	channel, err := idOf[beep.ChannelID]("channel_id", r.GetChannelId())
	if err != nil {
		return webhooks.Ref{}, err
	}
	hook, err := idOf[beep.WebhookID]("webhook_id", r.GetWebhookId())
	return webhooks.Ref{Channel: channel, Webhook: hook}, err
}

func protoWebhook(h servers.Webhook) *serversv1.Webhook {
	return &serversv1.Webhook{
		Id: uint64(h.ID), ServerId: uint64(h.Server), ChannelId: uint64(h.Channel), Name: h.Name,
		CreatorId: uint64(h.Creator), CreatedAt: timestamppb.New(h.CreatedAt), Version: h.Version,
	}
}

func withToken(h servers.Webhook, token string) *serversv1.Webhook {
	p, dotless := protoWebhook(h), webhooks.WithoutDots(token)
	p.Token, p.TokenWithoutDots = &token, &dotless
	return p
}
