package scopelog

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beep-chat/beep"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/perm"
)

// TestChange_EveryKind has a case for each field of the oneof, held against the contract itself below.
func TestChange_EveryKind(t *testing.T) {
	t.Parallel()
	overwrite := &serversv1.Overwrite{
		Id: 9, ChannelId: 5, RoleId: 3, MemberId: 4, Allow: []string{"speak", "time_travel"}, Deny: []string{"connect"},
	}
	joined := &serversv1.Scope{Kind: "direct", Id: 8}
	cases := []struct {
		row  *serversv1.Change
		want perm.Row
	}{
		{&serversv1.Change{Kind: &serversv1.Change_ServerSet{ServerSet: &serversv1.Server{OwnerId: 2}}}, perm.Server{Owner: 2}},
		{&serversv1.Change{Kind: &serversv1.Change_ServerRemoved{ServerRemoved: &serversv1.Removed{Id: 1}}}, perm.ServerRemoved{}},
		{&serversv1.Change{Kind: &serversv1.Change_RoleSet{RoleSet: &serversv1.Role{
			Id: 3, Position: 4, Rights: []string{"manage_roles", "speak", "not_yet_invented"},
		}}}, perm.Role{ID: 3, Position: 4, Rights: perm.ManageRoles | perm.Speak}},
		{&serversv1.Change{Kind: &serversv1.Change_RoleRemoved{RoleRemoved: &serversv1.Removed{Id: 3}}}, perm.RoleRemoved{ID: 3}},
		{&serversv1.Change{Kind: &serversv1.Change_MemberSet{MemberSet: &serversv1.Member{
			UserId: 2, RoleIds: []uint64{3, 4},
		}}}, perm.Member{User: 2, Roles: []beep.RoleID{3, 4}}},
		{&serversv1.Change{Kind: &serversv1.Change_MemberRemoved{MemberRemoved: &serversv1.Removed{Id: 2}}}, perm.MemberRemoved{User: 2}},
		{&serversv1.Change{Kind: &serversv1.Change_ChannelSet{ChannelSet: &serversv1.Channel{
			Id: 5, Kind: "category", ParentId: 6, Synced: true,
		}}}, perm.Channel{ID: 5, Kind: perm.Category, Parent: 6, Synced: true}},
		{&serversv1.Change{Kind: &serversv1.Change_ChannelRemoved{ChannelRemoved: &serversv1.Removed{Id: 5}}}, perm.ChannelRemoved{ID: 5}},
		{&serversv1.Change{Kind: &serversv1.Change_OverwriteSet{OverwriteSet: overwrite}}, perm.Overwrite{
			Channel: 5, Role: 3, Member: 4, Mask: perm.Mask{Allow: perm.Speak, Deny: perm.Connect},
		}},
		{
			&serversv1.Change{Kind: &serversv1.Change_OverwriteRemoved{OverwriteRemoved: overwrite}},
			perm.OverwriteRemoved{Channel: 5, Role: 3, Member: 4},
		},
		{&serversv1.Change{Kind: &serversv1.Change_ScopeJoined{ScopeJoined: joined}}, perm.ScopeJoined{Scope: beep.DirectScope(8)}},
		{&serversv1.Change{Kind: &serversv1.Change_ScopeLeft{ScopeLeft: joined}}, perm.ScopeLeft{Scope: beep.DirectScope(8)}},
		{&serversv1.Change{Kind: &serversv1.Change_ThreadSet{ThreadSet: &serversv1.Thread{
			Id: 6, ChannelId: 5, Archived: true, Locked: true,
		}}}, perm.Channel{ID: 6, Kind: perm.Thread, Parent: 5, Archived: true, Locked: true}},
		{&serversv1.Change{Kind: &serversv1.Change_ThreadRemoved{ThreadRemoved: &serversv1.Removed{Id: 6}}}, perm.ChannelRemoved{ID: 6}},
		{&serversv1.Change{Kind: &serversv1.Change_ParticipantAdded{ParticipantAdded: &serversv1.Participant{UserId: 2}}}, perm.ParticipantAdded{User: 2}},
		{&serversv1.Change{Kind: &serversv1.Change_ParticipantRemoved{ParticipantRemoved: &serversv1.Participant{UserId: 2}}}, perm.ParticipantRemoved{User: 2}},
		{&serversv1.Change{Kind: &serversv1.Change_DirectSet{}}, nil},
		{&serversv1.Change{Kind: &serversv1.Change_DirectClosed{}}, nil},
		{&serversv1.Change{Kind: &serversv1.Change_ThreadJoined{}}, nil},
		{&serversv1.Change{Kind: &serversv1.Change_ThreadLeft{}}, nil},
	}
	seen := map[string]bool{}
	for _, tt := range cases {
		tt.row.Rev = 7
		got, err := Change(server(1), tt.row)
		if diff := cmp.Diff(perm.Change{Scope: server(1), Rev: 7, Row: tt.want}, got); diff != "" || err != nil {
			t.Errorf("%T: %v (-want +got):\n%s", tt.row.GetKind(), err, diff)
		}
		m := tt.row.ProtoReflect()
		seen[string(m.WhichOneof(m.Descriptor().Oneofs().ByName("kind")).Name())] = true
	}
	fields := (&serversv1.Change{}).ProtoReflect().Descriptor().Oneofs().ByName("kind").Fields()
	for i := range fields.Len() {
		if name := string(fields.Get(i).Name()); !seen[name] {
			t.Errorf("no case for %s", name)
		}
	}
}

// TestChange_RefusesWhatItDoesNotKnow: of a row that says more than is known here nothing is taken.
func TestChange_RefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]*serversv1.Change{
		"a kind of row":     {Rev: 1},
		"a kind of channel": {Kind: &serversv1.Change_ChannelSet{ChannelSet: &serversv1.Channel{Id: 1, Kind: "holodeck"}}},
		"a scope joined":    {Kind: &serversv1.Change_ScopeJoined{ScopeJoined: &serversv1.Scope{Kind: "galaxy", Id: 1}}},
		"a scope left":      {Kind: &serversv1.Change_ScopeLeft{ScopeLeft: &serversv1.Scope{Kind: "server"}}},
	} {
		if got, err := Change(server(1), row); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestScope_ThereAndBack(t *testing.T) {
	t.Parallel()
	for _, scope := range []beep.Scope{server(1), beep.DirectScope(2), beep.UserScope(3)} {
		if got, err := FromProto(ToProto(scope)); got != scope || err != nil {
			t.Errorf("%s comes back as %s, %v", scope, got, err)
		}
	}
	for _, p := range []*serversv1.Scope{nil, {}, {Kind: "", Id: 1}, {Kind: "user"}, {Kind: "channel", Id: 1}} {
		if got, err := FromProto(p); err == nil {
			t.Errorf("%v is %s", p, got)
		}
	}
}
