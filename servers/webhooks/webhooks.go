// Package webhooks has the use-cases of webhooks: the addresses at which programs post into a channel, and their
// tokens. What is posted there is taken in elsewhere.
//
// Start with Service.
package webhooks

import (
	"cmp"
	"context"
	"errors"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/perm"
	"github.com/beep-chat/beep/servers"
)

// nameLength bounds a webhook's name, in characters: as elsewhere in the field, so that tools' defaults fit.
const nameLength = 80

// Service has the use-cases, all of which need manage_webhooks in the channel.
type Service struct {
	store   servers.Store
	authz   *servers.Authorizer
	changes *servers.Committer
	limits  beep.Limits
	minter  *beep.Minter
}

// New is a Service ready to be served (package grpcapi).
func New(d servers.Deps) (*Service, error) {
	if err := d.Check(); err != nil {
		return nil, err
	}
	return &Service{d.Store, servers.NewAuthorizer(d.Authz), servers.NewCommitter(d), d.Limits, d.Minter}, nil
}

// Ref names a webhook by the channel that it posts in: who may manage it there decides, so an id from another channel
// is of nothing.
type Ref struct {
	Channel beep.ChannelID
	Webhook beep.WebhookID
}

// Create makes a webhook and its token, which is never to be had again.
func (s *Service) Create(ctx context.Context, channel beep.ChannelID, name, reason string) (servers.Webhook, string, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return servers.Webhook{}, "", err
	}
	name, err = servers.CheckName(name, nameLength)
	if err := cmp.Or(err, servers.CheckReason(reason)); err != nil {
		return servers.Webhook{}, "", err
	}
	var hook servers.Webhook
	var token string
	err = servers.Settle(ctx, func() error {
		d, err := s.authz.InChannel(ctx, user, channel, perm.ManageWebhooks)
		if err != nil {
			return err
		}
		if d.Kind != servers.Text {
			return beep.Precondition(beep.CodeNotTextChannel, "only a text channel has webhooks")
		}
		at, err := s.store.Channel(ctx, channel)
		if err != nil {
			return servers.Instead(err, servers.NoChannel())
		}
		hook = servers.Webhook{
			ID: beep.WebhookID(s.minter.Next()), Server: at.Server, Channel: channel, Name: name, Creator: user,
			CreatedAt: beep.Now(), Version: 1,
		}
		if token, hook.TokenHash, err = s.token(ctx, hook); err != nil {
			return err
		}
		return s.commit(ctx, d, servers.WebhookSet{Webhook: hook, New: true, MaxPerChannel: s.limits.WebhooksPer},
			deed(hook, user, servers.AuditWebhookCreate, reason),
			servers.Changed("name", nil, servers.Texts(name)), in(hook))
	})
	if errors.Is(err, servers.ErrWebhookLimit) {
		err = beep.Conflict(beep.CodeWebhookLimit, "the channel has as many webhooks as is allowed")
	}
	return hook, token, err
}

// List answers all webhooks of a channel, oldest first.
func (s *Service) List(ctx context.Context, channel beep.ChannelID) ([]servers.Webhook, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return nil, err
	}
	list, err := s.store.Webhooks(ctx, channel)
	if err != nil {
		return nil, err
	}
	if _, err := s.authz.InChannel(ctx, user, channel, perm.ManageWebhooks); err != nil {
		return nil, err
	}
	return list, nil
}

// Update changes a webhook's name, if one is given.
func (s *Service) Update(ctx context.Context, at Ref, name *string, reason string) (servers.Webhook, error) {
	if name != nil {
		checked, err := servers.CheckName(*name, nameLength)
		if err != nil {
			return servers.Webhook{}, err
		}
		name = &checked
	}
	return s.change(ctx, at, reason, func(hook *servers.Webhook, user beep.UserID) (servers.Deed, []servers.AuditChange, error) {
		before := hook.Name
		servers.Assign(&hook.Name, name)
		return deed(*hook, user, servers.AuditWebhookUpdate, reason), []servers.AuditChange{
			servers.Changed("name", servers.Texts(before), servers.Texts(hook.Name)), in(*hook),
		}, nil
	})
}

// Rotate gives a webhook another token. The hash of the old one is overwritten in the commit that is answered, so from
// then on nobody who looks a token up finds it.
func (s *Service) Rotate(ctx context.Context, at Ref, reason string) (servers.Webhook, string, error) {
	var token string
	hook, err := s.change(ctx, at, reason, func(hook *servers.Webhook, user beep.UserID) (servers.Deed, []servers.AuditChange, error) {
		hook.Version++
		var err error
		token, hook.TokenHash, err = s.token(ctx, *hook)
		return deed(*hook, user, servers.AuditWebhookRotate, reason), []servers.AuditChange{in(*hook)}, err
	})
	return hook, token, err
}

// Delete ends a webhook.
func (s *Service) Delete(ctx context.Context, at Ref, reason string) error {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return err
	}
	if err := servers.CheckReason(reason); err != nil {
		return err
	}
	return servers.Settle(ctx, func() error {
		hook, d, err := s.find(ctx, user, at)
		if err != nil {
			return err
		}
		err = s.commit(ctx, d, servers.WebhookRemoved{ID: hook.ID, Channel: hook.Channel},
			deed(hook, user, servers.AuditWebhookDelete, reason),
			servers.Changed("name", servers.Texts(hook.Name), nil), in(hook))
		return servers.Instead(err, noWebhook())
	})
}

// change is a change of a webhook that is there. It commits only over the version that it read: a new name that was
// asked for beside a rotation would otherwise bring the old token back.
func (s *Service) change(
	ctx context.Context, at Ref, reason string,
	edit func(hook *servers.Webhook, user beep.UserID) (servers.Deed, []servers.AuditChange, error),
) (servers.Webhook, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return servers.Webhook{}, err
	}
	if err := servers.CheckReason(reason); err != nil {
		return servers.Webhook{}, err
	}
	var changed servers.Webhook
	err = servers.Settle(ctx, func() error {
		hook, d, err := s.find(ctx, user, at)
		if err != nil {
			return err
		}
		before := hook.Version
		what, fields, err := edit(&hook, user)
		if err != nil {
			return err
		}
		changed = hook
		err = s.commit(ctx, d, servers.WebhookSet{Webhook: hook, Replaces: before}, what, fields...)
		return servers.Instead(err, noWebhook())
	})
	return changed, err
}

// find is a webhook of a channel in which the user manages them. The row is read first: it is then never newer than
// the decision.
func (s *Service) find(ctx context.Context, user beep.UserID, at Ref) (servers.Webhook, servers.Decision, error) {
	hook, missing := s.store.Webhook(ctx, at.Webhook)
	if missing != nil && !errors.Is(missing, beep.ErrNotFound) {
		return servers.Webhook{}, servers.Decision{}, missing
	}
	d, err := s.authz.InChannel(ctx, user, at.Channel, perm.ManageWebhooks)
	switch {
	case err != nil:
		return servers.Webhook{}, servers.Decision{}, err
	case missing != nil || hook.Channel != at.Channel:
		return servers.Webhook{}, servers.Decision{}, noWebhook()
	}
	return hook, d, nil
}

func (s *Service) commit(
	ctx context.Context, d servers.Decision, record servers.Record, what servers.Deed, fields ...servers.AuditChange,
) error {
	return s.changes.Commit(ctx, servers.Commit{
		Scope: beep.ServerScope(what.Server), Expect: d.Rev, Actor: what.Actor,
		Records: []servers.Record{record, s.changes.Audited(what, fields...)},
	})
}

func (s *Service) token(ctx context.Context, hook servers.Webhook) (string, []byte, error) {
	key, err := s.store.SigningKey(ctx, newKey())
	if err != nil {
		return "", nil, err
	}
	return sign(key, hook)
}

func deed(hook servers.Webhook, user beep.UserID, action servers.AuditAction, reason string) servers.Deed {
	return servers.Deed{Server: hook.Server, Actor: user, Action: action, Target: uint64(hook.ID), Reason: reason}
}

// in says where it posts, for those who read the log when the webhook is gone.
func in(hook servers.Webhook) servers.AuditChange {
	return servers.Changed("channel_id", nil, servers.Number(uint64(hook.Channel)))
}

func noWebhook() *beep.Error {
	return beep.NotFound(beep.CodeWebhookNotFound, "there is no such webhook in this channel")
}
