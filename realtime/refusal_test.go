package realtime

import (
	"context"
	"errors"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/beep-chat/beep"
	realtimev1 "github.com/beep-chat/beep/api/beep/realtime/v1"
	"github.com/beep-chat/beep/kit/bus"
)

// A stranger's heartbeats keep no socket; whose identify is being answered is not sent away for our slowness.
func TestVerdict_WhoDoesNotIdentifyGoes(t *testing.T) {
	limits, start := beep.DefaultLimits(), time.Now()
	late := start.Add(limits.IdentifyDeadline + time.Second)
	for name, c := range map[string]struct {
		identifying bool
		at          time.Time
		want        uint16
	}{
		"in time":              {at: start.Add(limits.IdentifyDeadline), want: 0},
		"late":                 {at: late, want: closePolicy},
		"late, being answered": {at: late, identifying: true, want: 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := &Session{opened: start}
			s.identifying.Store(c.identifying)
			s.touch(c.at) // a heartbeat a moment ago
			if code, reason, _ := s.verdict(c.at, limits); code != c.want {
				t.Errorf("got %d (%s), want %d", code, reason, c.want)
			}
		})
	}
}

// closing notes how a session ended.
type closing struct{ code uint16 }

func (*closing) Push(Frame) {}

func (c *closing) Close(code uint16, _ string) { c.code = code }

// An upgrade that was under way when the drain looked for sessions must not outlive it.
func TestOpen_SendsAwayWhoComesDuringTheDrain(t *testing.T) {
	n, out := &Node{sessions: map[*Session]struct{}{}}, &closing{}
	n.draining.Store(true)
	n.Open(out)
	if out.code != closeGoingAway {
		t.Errorf("closed with %d, want %d", out.code, closeGoingAway)
	}
}

// revokedMeanwhile is a token that is revoked just after it was found good.
type revokedMeanwhile struct{ node *Node }

func (r *revokedMeanwhile) Verify(context.Context, string) (beep.Caller, time.Time, error) {
	if r.node == nil {
		return beep.Caller{}, time.Time{}, beep.Unauthenticated(beep.CodeInvalidToken, "revoked")
	}
	c := beep.Caller{User: 7, Session: 8}
	r.node.Revoked(c.Session, c.User)
	r.node = nil
	return c, time.Now().Add(time.Minute), nil
}

// A revocation that comes between the check of the token and the session's being known by it must not be missed.
func TestIdentify_RefusesATokenRevokedMeanwhile(t *testing.T) {
	n := &Node{
		peers: Deps{Bus: bus.NewMemory()}, limits: beep.DefaultLimits(), resuming: make(chan struct{}, 1),
		sessions: map[*Session]struct{}{}, users: map[beep.UserID]*user{},
	}
	n.peers.Tokens = &revokedMeanwhile{node: n}
	err := n.identify(t.Context(), n.Open(&closing{}), &realtimev1.Identify{Token: "good for a moment"})
	var e *beep.Error
	if !errors.As(err, &e) || e.Code != beep.CodeInvalidToken {
		t.Errorf("got %v, want invalid_token", err)
	}
}

func TestHandle_NothingButIdentifyComesFirst(t *testing.T) {
	for op, d := range map[string]proto.Message{
		"since": &realtimev1.Since{ChannelId: 7}, "typing": &realtimev1.StartTyping{ChannelId: 7},
		"presence": &realtimev1.SetStatus{}, "token": &realtimev1.RenewToken{},
	} {
		var e *beep.Error
		if err := (&Node{}).handle(t.Context(), &Session{}, op, d); !errors.As(err, &e) || e.Code != beep.CodeNotIdentified {
			t.Errorf("%s: got %v, want not_identified", op, err)
		}
	}
}
