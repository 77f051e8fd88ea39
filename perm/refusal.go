package perm

import (
	"strings"

	"github.com/beep-chat/beep"
)

// Refusal is why a May… method says no. It is not an error, so that nil stays nil when it is returned as one:
// use Err.
type Refusal struct {
	Reason  Reason
	Missing Rights // with Lacks all of them, with LacksOneOf any one
}

// Reason is the kind of a Refusal.
type Reason uint8

// The reasons. The first four are about what the actor may not know to be there, and become not found.
const (
	NotMember  Reason = iota + 1 // the actor is not in the server
	NoChannel                    // it is not there, or the actor may not see it
	NoRole                       // it is not there
	NoMember                     // the target is not in the server
	Lacks                        // rights that the actor does not hold
	LacksOneOf                   // one of these rights would do
	NotBelow                     // the target is not below the actor's highest role
	IsOwner                      // nobody acts on the owner
	Follows                      // the channel follows its category
	BadRole                      // @everyone where it may not be, position 0, or a right that roles cannot hold
	BadChannel                   // a channel of a kind for which this means nothing
	BadTarget                    // not exactly one of role and member
	BadMask                      // allowed and denied at once, or a right that overwrites cannot touch
)

func refuse(reason Reason) *Refusal { return &Refusal{Reason: reason} }

// lacks is nil when nothing is missing.
func lacks(missing Rights) *Refusal {
	if missing == 0 {
		return nil
	}
	return &Refusal{Reason: Lacks, Missing: missing}
}

func lacksOneOf(rights Rights) *Refusal { return &Refusal{Reason: LacksOneOf, Missing: rights} }

// Err is a *beep.Error with a stable code and a sentence that names what is missing, or nil for no Refusal.
func (r *Refusal) Err() error {
	if r == nil {
		return nil
	}
	return r.problem()
}

func (r *Refusal) problem() *beep.Error {
	switch r.Reason {
	case NotMember:
		return beep.NotFound(beep.CodeServerNotFound, "there is no such server")
	case NoChannel:
		return beep.NotFound(beep.CodeChannelNotFound, "there is no such channel")
	case NoRole:
		return beep.NotFound(beep.CodeRoleNotFound, "there is no such role")
	case NoMember:
		return beep.NotFound(beep.CodeMemberNotFound, "there is no such member")
	case Lacks:
		return beep.Forbidden(beep.CodeForbidden, "you need "+strings.Join(r.Missing.Names(), " and "))
	case LacksOneOf:
		return beep.Forbidden(beep.CodeForbidden, "you need "+strings.Join(r.Missing.Names(), " or "))
	case NotBelow:
		return beep.Forbidden(beep.CodeHierarchy, "your highest role is not above this")
	case IsOwner:
		return beep.Forbidden(beep.CodeHierarchy, "nobody acts on the owner")
	case Follows:
		return beep.Precondition(beep.CodeChannelSynced, "the channel follows its category: end that first")
	case BadTarget:
		return beep.Invalid(beep.CodeOverwriteTarget, "give exactly one of a role and a member")
	case BadMask:
		return beep.Invalid(beep.CodeInvalidField, "a right is in both lists, or cannot be set in a channel")
	case BadChannel:
		return beep.Invalid(beep.CodeInvalidField, "this cannot be done with a channel of this kind")
	default: // BadRole
		return beep.Invalid(beep.CodeInvalidField, "a role cannot have this place or these rights")
	}
}
