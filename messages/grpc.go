package messages

import (
	"context"

	"google.golang.org/grpc"

	"github.com/beep-chat/beep"
	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	"github.com/beep-chat/beep/scopelog"
)

// Register serves the Messages and ChannelLog contracts.
func (s *Service) Register(r grpc.ServiceRegistrar) {
	messagesv1.RegisterMessagesServer(r, messagesServer{service: s})
	messagesv1.RegisterChannelLogServer(r, channelLogServer{service: s})
}

// messagesServer and channelLogServer translate, and decide nothing.
type messagesServer struct {
	messagesv1.UnimplementedMessagesServer

	service *Service
}

// SendMessage is Service.Send.
func (g messagesServer) SendMessage(ctx context.Context, req *messagesv1.SendMessageRequest) (*messagesv1.SendMessageResponse, error) {
	e, err := g.service.Send(ctx, Target{Channel: beep.ChannelID(req.GetChannelId()), Nonce: req.GetNonce()}, req.GetContent())
	if err != nil {
		return nil, err
	}
	return &messagesv1.SendMessageResponse{Message: messageToProto(e)}, nil
}

// ListMessages is Service.List.
func (g messagesServer) ListMessages(ctx context.Context, req *messagesv1.ListMessagesRequest) (*messagesv1.ListMessagesResponse, error) {
	page, err := g.service.List(ctx, Query{
		Channel: beep.ChannelID(req.GetChannelId()), Before: beep.MessageID(req.GetBefore()),
		After: beep.MessageID(req.GetAfter()), Around: beep.MessageID(req.GetAround()), Limit: int(req.GetLimit()),
	})
	if err != nil {
		return nil, err
	}
	res := &messagesv1.ListMessagesResponse{
		Messages: make([]*messagesv1.Message, len(page.Rows)), Head: page.Head,
		HasBefore: page.HasBefore, HasAfter: page.HasAfter,
	}
	for i, row := range page.Rows {
		res.Messages[i] = messageToProto(row)
	}
	return res, nil
}

// GetMessage is Service.Get.
func (g messagesServer) GetMessage(ctx context.Context, req *messagesv1.GetMessageRequest) (*messagesv1.GetMessageResponse, error) {
	row, err := g.service.Get(ctx, beep.ChannelID(req.GetChannelId()), beep.MessageID(req.GetMessageId()))
	if err != nil {
		return nil, err
	}
	return &messagesv1.GetMessageResponse{Message: messageToProto(row)}, nil
}

// EditMessage is Service.Edit.
func (g messagesServer) EditMessage(ctx context.Context, req *messagesv1.EditMessageRequest) (*messagesv1.EditMessageResponse, error) {
	t := Target{Channel: beep.ChannelID(req.GetChannelId()), Mid: beep.MessageID(req.GetMessageId()), Nonce: req.GetNonce()}
	e, err := g.service.Edit(ctx, t, req.GetContent())
	if err != nil {
		return nil, err
	}
	return &messagesv1.EditMessageResponse{Message: messageToProto(e)}, nil
}

// DeleteMessage is Service.Delete.
func (g messagesServer) DeleteMessage(ctx context.Context, req *messagesv1.DeleteMessageRequest) (*messagesv1.DeleteMessageResponse, error) {
	t := Target{Channel: beep.ChannelID(req.GetChannelId()), Mid: beep.MessageID(req.GetMessageId()), Nonce: req.GetNonce()}
	if err := g.service.Delete(ctx, t); err != nil {
		return nil, err
	}
	return &messagesv1.DeleteMessageResponse{}, nil
}

type channelLogServer struct {
	messagesv1.UnimplementedChannelLogServer

	service *Service
}

// Since is Service.Since.
func (g channelLogServer) Since(ctx context.Context, req *messagesv1.SinceRequest) (*messagesv1.SinceResponse, error) {
	d, err := g.service.Since(ctx, beep.ChannelID(req.GetChannelId()), req.GetR())
	if err != nil {
		return nil, err
	}
	return deltaToProto(d), nil
}

// PurgeAuthor is Service.PurgeAuthor.
func (g channelLogServer) PurgeAuthor(
	ctx context.Context, req *messagesv1.PurgeAuthorRequest,
) (*messagesv1.PurgeAuthorResponse, error) {
	scope, err := scopelog.FromProto(req.GetScope())
	if err != nil {
		return nil, beep.InvalidField(beep.CodeInvalidField, "scope", err.Error())
	}
	after, more, err := g.service.PurgeAuthor(ctx, Purge{
		ID: req.GetPurgeId(), Channel: beep.ChannelID(req.GetChannelId()), Author: beep.UserID(req.GetAuthorId()),
		Actor: beep.UserID(req.GetActorId()), After: beep.MessageID(req.GetAfter()), Scope: scope, E: req.GetRev(),
	})
	return &messagesv1.PurgeAuthorResponse{After: uint64(after), More: more}, err
}

// GetHeads is Service.Heads.
func (g channelLogServer) GetHeads(ctx context.Context, req *messagesv1.GetHeadsRequest) (*messagesv1.GetHeadsResponse, error) {
	channels := make([]beep.ChannelID, len(req.GetChannelIds()))
	for i, id := range req.GetChannelIds() {
		channels[i] = beep.ChannelID(id)
	}
	heads, err := g.service.Heads(ctx, channels)
	if err != nil {
		return nil, err
	}
	return &messagesv1.GetHeadsResponse{Heads: heads}, nil
}
