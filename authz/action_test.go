package authz_test

import (
	"testing"

	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
)

// wants is a request to do it all.
func wants(user uint64, actions ...*authzv1.Action) *authzv1.CheckActionsRequest {
	return &authzv1.CheckActionsRequest{UserId: user, Actions: actions}
}

func onMember(target uint64) *authzv1.Action {
	return &authzv1.Action{Kind: &authzv1.Action_ActOnMember{ActOnMember: &authzv1.ActOnMember{
		ServerId: chess, TargetId: target, Right: "manage_members",
	}}}
}

func ban(target uint64) *authzv1.Action {
	return &authzv1.Action{Kind: &authzv1.Action_Ban{Ban: &authzv1.MemberTarget{ServerId: chess, TargetId: target}}}
}

func rename(target uint64) *authzv1.Action {
	return &authzv1.Action{Kind: &authzv1.Action_Rename{Rename: &authzv1.MemberTarget{ServerId: chess, TargetId: target}}}
}

func role(id uint64, position uint32, rights ...string) *authzv1.RoleState {
	return &authzv1.RoleState{ServerId: chess, RoleId: id, Position: position, Rights: rights}
}

func createRole(position uint32, rights ...string) *authzv1.Action {
	return &authzv1.Action{Kind: &authzv1.Action_CreateRole{CreateRole: role(0, position, rights...)}}
}

func editRole(id uint64, rights ...string) *authzv1.Action {
	return &authzv1.Action{Kind: &authzv1.Action_EditRole{EditRole: role(id, 0, rights...)}}
}

func moveRole(id uint64, position uint32) *authzv1.Action {
	return &authzv1.Action{Kind: &authzv1.Action_MoveRole{MoveRole: role(id, position)}}
}

func deleteRole(id uint64) *authzv1.Action {
	return &authzv1.Action{Kind: &authzv1.Action_DeleteRole{DeleteRole: role(id, 0)}}
}

func assign(id, target uint64) *authzv1.Action {
	return &authzv1.Action{Kind: &authzv1.Action_AssignRole{AssignRole: &authzv1.RoleOfMember{
		ServerId: chess, RoleId: id, TargetId: target,
	}}}
}

func unassign(id, target uint64) *authzv1.Action {
	return &authzv1.Action{Kind: &authzv1.Action_UnassignRole{UnassignRole: &authzv1.RoleOfMember{
		ServerId: chess, RoleId: id, TargetId: target,
	}}}
}

func overwrite(channel, role, member uint64, allow, deny []string) *authzv1.Action {
	return &authzv1.Action{Kind: &authzv1.Action_SetOverwrite{SetOverwrite: &authzv1.OverwriteState{
		ChannelId: channel, RoleId: role, MemberId: member, Allow: allow, Deny: deny,
	}}}
}

func createChannel(category uint64) *authzv1.Action {
	return &authzv1.Action{Kind: &authzv1.Action_CreateChannel{CreateChannel: &authzv1.ChannelPlace{
		ServerId: chess, CategoryId: category,
	}}}
}

func moveChannel(channel, category uint64, synced bool) *authzv1.Action {
	return &authzv1.Action{Kind: &authzv1.Action_MoveChannel{MoveChannel: &authzv1.ChannelPlace{
		ChannelId: channel, CategoryId: category, Synced: synced,
	}}}
}

// TestCheckActions has the rules of each kind of action, for whom it is allowed and what the others are told.
func TestCheckActions(t *testing.T) {
	t.Parallel()
	send, webhooks := []string{"send_messages"}, []string{"manage_webhooks"}
	const above = "your highest role is not above this"
	lacks := func(right string) string { return "you need " + right }
	client := serve(t, club())
	for name, tt := range map[string]struct {
		user   uint64
		action *authzv1.Action
		code   beep.Code // none: allowed
		reason string
		hidden bool // whoever asks may not know of the server or the channel
	}{
		"to a lower member":              {user: mod, action: onMember(pam)},
		"by the owner":                   {user: ann, action: onMember(mod)},
		"to the owner":                   {user: mod, action: onMember(ann), code: beep.CodeHierarchy, reason: "nobody acts on the owner"},
		"to oneself":                     {user: mod, action: onMember(mod), code: beep.CodeHierarchy, reason: above},
		"to a member, without the right": {user: bob, action: onMember(pam), code: beep.CodeForbidden, reason: lacks("manage_members")},
		"to a stranger":                  {user: mod, action: onMember(eve), code: beep.CodeMemberNotFound, reason: "there is no such member"},
		"by a stranger":                  {user: eve, action: onMember(pam), code: beep.CodeServerNotFound, reason: "there is no such server", hidden: true},

		"ban a member":             {user: mod, action: ban(pam)},
		"ban a stranger":           {user: mod, action: ban(eve)},
		"ban the owner":            {user: mod, action: ban(ann), code: beep.CodeHierarchy, reason: "nobody acts on the owner"},
		"ban, without the right":   {user: pam, action: ban(eve), code: beep.CodeForbidden, reason: lacks("manage_members")},
		"rename oneself":           {user: ann, action: rename(ann)},
		"rename without the right": {user: pam, action: rename(pam), code: beep.CodeForbidden, reason: lacks("change_nickname")},
		"rename another":           {user: mod, action: rename(pam), code: beep.CodeForbidden, reason: lacks("manage_nicknames")},

		"a role, by the owner":        {user: ann, action: createRole(9, "administrator")},
		"a role, without the right":   {user: mod, action: createRole(1, "send_messages"), code: beep.CodeForbidden, reason: lacks("manage_roles")},
		"a role at no place":          {user: ann, action: createRole(0), code: beep.CodeInvalidField, reason: "a role cannot have this place or these rights"},
		"edit a role":                 {user: ann, action: editRole(players, "connect")},
		"edit a role that is not":     {user: ann, action: editRole(99), code: beep.CodeRoleNotFound, reason: "there is no such role"},
		"edit, without the right":     {user: bob, action: editRole(players), code: beep.CodeForbidden, reason: lacks("manage_roles")},
		"move a role":                 {user: ann, action: moveRole(players, 3)},
		"move @everyone":              {user: ann, action: moveRole(chess, 3), code: beep.CodeInvalidField, reason: "a role cannot have this place or these rights"},
		"delete a role":               {user: ann, action: deleteRole(players)},
		"delete @everyone":            {user: ann, action: deleteRole(chess), code: beep.CodeInvalidField, reason: "a role cannot have this place or these rights"},
		"assign a role by the owner":  {user: ann, action: assign(moderators, bob)},
		"assign what one has not":     {user: mod, action: assign(players, bob), code: beep.CodeForbidden, reason: lacks("connect and speak")},
		"assign one's own role":       {user: mod, action: assign(moderators, bob), code: beep.CodeHierarchy, reason: above},
		"assign, without the right":   {user: bob, action: assign(players, bob), code: beep.CodeForbidden, reason: lacks("manage_roles or manage_members")},
		"take a lower role":           {user: mod, action: unassign(players, pam)},
		"take a role from a stranger": {user: mod, action: unassign(players, eve), code: beep.CodeMemberNotFound, reason: "there is no such member"},

		"an overwrite of a lower role":   {user: mod, action: overwrite(lobby, players, 0, nil, send)},
		"an overwrite of a lower member": {user: mod, action: overwrite(lobby, 0, pam, send, nil)},
		"an overwrite by the owner":      {user: ann, action: overwrite(lobby, moderators, 0, nil, []string{"connect"})},
		"an overwrite cleared":           {user: mod, action: overwrite(games, players, 0, nil, nil)},
		"a right that one has not":       {user: mod, action: overwrite(lobby, players, 0, webhooks, nil), code: beep.CodeForbidden, reason: lacks("manage_webhooks")},
		"an overwrite of one's own role": {user: mod, action: overwrite(lobby, moderators, 0, send, nil), code: beep.CodeHierarchy, reason: above},
		"an overwrite of the owner":      {user: mod, action: overwrite(lobby, 0, ann, nil, send), code: beep.CodeHierarchy, reason: "nobody acts on the owner"},
		"an overwrite of no role":        {user: mod, action: overwrite(lobby, 99, 0, send, nil), code: beep.CodeRoleNotFound, reason: "there is no such role"},
		"an overwrite of a stranger":     {user: mod, action: overwrite(lobby, 0, eve, send, nil), code: beep.CodeMemberNotFound, reason: "there is no such member"},
		"an overwrite of two targets":    {user: mod, action: overwrite(lobby, players, pam, nil, nil), code: beep.CodeOverwriteTarget, reason: "give exactly one of a role and a member"},
		"where a category decides":       {user: mod, action: overwrite(table, players, 0, nil, nil), code: beep.CodeChannelSynced, reason: "the channel follows its category: end that first"},
		"an overwrite, without a right":  {user: bob, action: overwrite(lobby, players, 0, nil, nil), code: beep.CodeForbidden, reason: lacks("manage_channels or manage_permissions")},
		"in a hidden channel":            {user: bob, action: overwrite(office, players, 0, nil, nil), code: beep.CodeChannelNotFound, reason: "there is no such channel", hidden: true},
		"by a stranger, in a channel":    {user: eve, action: overwrite(lobby, players, 0, nil, nil), code: beep.CodeServerNotFound, reason: "there is no such server", hidden: true},

		"a channel":                    {user: mod, action: createChannel(0)},
		"a channel in a category":      {user: mod, action: createChannel(games)},
		"a channel in a channel":       {user: mod, action: createChannel(lobby), code: beep.CodeInvalidField, reason: "this cannot be done with a channel of this kind"},
		"a channel, without the right": {user: bob, action: createChannel(0), code: beep.CodeForbidden, reason: lacks("manage_channels")},
		"out of a category":            {user: mod, action: moveChannel(table, 0, false)},
		"under a category":             {user: mod, action: moveChannel(lobby, games, true)},
		"a category under a category":  {user: mod, action: moveChannel(games, games, false), code: beep.CodeInvalidField, reason: "this cannot be done with a channel of this kind"},
	} {
		want := &authzv1.CheckActionsResponse{
			Allowed: tt.code == "", Visible: !tt.hidden, Code: string(tt.code), Reason: tt.reason, Rev: head,
		}
		got, err := client.CheckActions(t.Context(), wants(tt.user, tt.action))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		equal(t, name, got, want)
	}
}

// TestCheckActions_OfWhatIsNot: what there never was looks like what one may not know of.
func TestCheckActions_OfWhatIsNot(t *testing.T) {
	t.Parallel()
	client := serve(t, club())
	elsewhere := onMember(pam)
	elsewhere.GetActOnMember().ServerId = 99
	nowhere := onMember(pam)
	nowhere.GetActOnMember().ServerId = 0
	for name, tt := range map[string]struct {
		action *authzv1.Action
		want   *authzv1.CheckActionsResponse
	}{
		"a server that is not":     {elsewhere, &authzv1.CheckActionsResponse{Code: "server_not_found", Reason: "there is no such server"}},
		"a server of no id":        {nowhere, &authzv1.CheckActionsResponse{}},
		"a channel that never was": {overwrite(never, players, 0, nil, nil), &authzv1.CheckActionsResponse{}},
		"a channel of no id":       {moveChannel(0, games, false), &authzv1.CheckActionsResponse{}},
	} {
		got, err := client.CheckActions(t.Context(), wants(ann, tt.action))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		equal(t, name, got, tt.want)
	}
}

// TestCheckActions_OfSeveral: one refusal is the answer for all, and says which it was.
func TestCheckActions_OfSeveral(t *testing.T) {
	t.Parallel()
	client := serve(t, club())
	got, err := client.CheckActions(t.Context(), wants(ann, moveRole(players, 4), moveRole(moderators, 3)))
	if err != nil || !got.GetAllowed() {
		t.Errorf("all allowed: %v, %v", got, err)
	}
	got, err = client.CheckActions(t.Context(), wants(mod, onMember(pam), onMember(bob), onMember(ann), onMember(mod)))
	if err != nil || got.GetAllowed() || got.GetRefused() != 2 || got.GetCode() != "hierarchy" {
		t.Errorf("the third refused: %v, %v", got, err)
	}
}

func TestCheckActions_RefusesNonsense(t *testing.T) {
	t.Parallel()
	client := serve(t, club())
	many := make([]*authzv1.Action, 501)
	for i := range many {
		many[i] = onMember(pam)
	}
	elsewhere := ban(pam)
	elsewhere.GetBan().ServerId = 99
	wordless := onMember(pam)
	wordless.GetActOnMember().Right = ""
	for name, q := range map[string]*authzv1.CheckActionsRequest{
		"nothing":                      wants(mod),
		"too much":                     wants(mod, many...),
		"of no kind":                   wants(mod, &authzv1.Action{}),
		"of two servers":               wants(mod, onMember(pam), elsewhere),
		"no right to act by":           wants(mod, wordless),
		"allows a word that is none":   wants(mod, overwrite(lobby, players, 0, []string{"fly"}, nil)),
		"denies a word that is none":   wants(mod, overwrite(lobby, players, 0, nil, []string{"fly"})),
		"gives a role a word, not one": wants(ann, createRole(1, "fly")),
	} {
		_, err := client.CheckActions(t.Context(), q)
		refused(t, name, err, beep.KindInvalid, beep.CodeInvalidField)
	}
}
