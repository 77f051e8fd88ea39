package users

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/beep-chat/beep"
	usersv1 "github.com/beep-chat/beep/api/beep/users/v1"
)

// userIDs refuses what no store could hold: there an id is a signed number, and a larger one would come out negative.
func userIDs(in []uint64) ([]beep.UserID, error) {
	out := make([]beep.UserID, len(in))
	for i, id := range in {
		if id == 0 || id > beep.MaxID {
			return nil, beep.Invalid(beep.CodeInvalidID, "0 is not an id, nor is anything above 2^63-1")
		}
		out[i] = beep.UserID(id)
	}
	return out, nil
}

// profileProto is what everyone may know of a user: neither the address nor the roles.
func profileProto(u User) *usersv1.Profile {
	return &usersv1.Profile{Id: uint64(u.ID), Username: u.Username, DisplayName: u.DisplayName}
}

// userProto is for the user alone.
func userProto(u User) *usersv1.User {
	return &usersv1.User{
		Id: uint64(u.ID), Username: u.Username, DisplayName: u.DisplayName, Email: u.Email, CreatedAt: timestampProto(u.CreatedAt),
	}
}

func introspectionProto(i Introspection) *usersv1.IntrospectResponse {
	return &usersv1.IntrospectResponse{
		Active: true, UserId: uint64(i.User.ID), SessionId: uint64(i.Session.ID), Roles: i.User.Roles, ExpiresAt: timestampProto(i.Expires),
	}
}

func revocationProto(r Revocation) *usersv1.Revocation {
	return &usersv1.Revocation{
		Seq: r.Seq, SessionId: uint64(r.Session), UserId: uint64(r.User), NotBefore: timestampProto(r.NotBefore),
	}
}

// timestampProto leaves a zero time out.
func timestampProto(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}
