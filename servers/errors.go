package servers

import (
	"errors"

	"github.com/beep-chat/beep"
)

// Instead is what a use-case answers for a thing that is not there; every other error stays as it is.
func Instead(err error, missing *beep.Error) error {
	if errors.Is(err, beep.ErrNotFound) {
		return missing
	}
	return err
}

// NoServer is the answer about a server that the caller may not know of, or that is not there.
func NoServer() *beep.Error {
	return beep.NotFound(beep.CodeServerNotFound, "there is no such server")
}

// NoChannel is the answer about a channel that the caller may not know of, or that is not there.
func NoChannel() *beep.Error {
	return beep.NotFound(beep.CodeChannelNotFound, "there is no such channel")
}

// NoMember is the answer about who is no member.
func NoMember() *beep.Error {
	return beep.NotFound(beep.CodeMemberNotFound, "there is no such member")
}

// NoRole is the answer about a role that is not there.
func NoRole() *beep.Error {
	return beep.NotFound(beep.CodeRoleNotFound, "there is no such role")
}
