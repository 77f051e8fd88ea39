// Package authz is the service that decides: who may do what on which server, in which channel, to whom. It owns no
// state. A decision is package perm over the View that the scope log builds, at a revision that was current when the
// question came, or at the one that the question names.
//
// It never guesses: where the log cannot be read in time the answer is unavailable. An object that is not there, or
// that the user may not know of, is an answer like any other, not an error; the two look the same.
//
// Start with Service.Check for what someone may do now, and Service.CheckActions for what someone may change.
package authz

import (
	"errors"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/perm"
)

// Question is what Check decides.
type Question struct {
	User    beep.UserID
	Server  beep.ServerID // exactly one of Server and Channel is set
	Channel beep.ChannelID
	Right   perm.Rights // one right, or none to ask only whether the object is visible
	MinRev  uint64      // no older than this revision of the scope; 0 is no older than now
}

// Decision answers a Question.
type Decision struct {
	Allowed bool       // the user holds the right
	Visible bool       // the user may know of the object
	Scope   beep.Scope // whose permissions decided; none for a channel that never was
	Rev     uint64     // at which of its revisions
	Kind    perm.Kind  // of a visible channel of a server
}

// Action is one change that someone wants to make.
type Action struct {
	Server  beep.ServerID // exactly one of Server and Channel is set
	Channel beep.ChannelID
	// May asks perm, which looks at the state before the change.
	May func(v *perm.View, actor beep.UserID) *perm.Refusal
	// AnyOf are the rights of which it takes one, on the server or in the channel In: what a Graph is asked besides.
	AnyOf perm.Rights
	In    beep.ChannelID
}

// Verdict says whether a user may change something, or else why not.
type Verdict struct {
	Allowed bool
	Visible bool      // the user may know of the server or channel that it is about
	Code    beep.Code // with Allowed false, the stable reason
	Reason  string    // and one sentence that names what is missing
	Refused int       // and the place of the action that was refused
	Rev     uint64    // the revision of the scope that decided
}

// verdict is what a Refusal of perm comes to.
func verdict(v *perm.View, refusal *perm.Refusal) Verdict {
	if refusal == nil {
		return Verdict{Allowed: true, Visible: true, Rev: v.Rev()}
	}
	answer := Verdict{Rev: v.Rev(), Visible: refusal.Reason != perm.NotMember && refusal.Reason != perm.NoChannel}
	answer.Code, answer.Reason = beep.CodeOf(refusal.Err()), reason(refusal)
	return answer
}

// reason is the sentence of a Refusal.
func reason(refusal *perm.Refusal) string {
	var e *beep.Error
	if errors.As(refusal.Err(), &e) {
		return e.Msg
	}
	return ""
}
