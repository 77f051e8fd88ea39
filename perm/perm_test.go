package perm_test

import (
	"testing"

	"github.com/beep-chat/beep/perm"
)

func TestBase(t *testing.T) {
	for name, c := range map[string]struct {
		owner   bool
		granted perm.Rights
		want    perm.Rights
	}{
		"nothing":                           {false, 0, 0},
		"owner holds all with no role":      {true, 0, perm.All},
		"administrator holds all":           {false, perm.Administrator, perm.All},
		"plain rights stay":                 {false, perm.SendMessages | perm.Connect, perm.SendMessages | perm.Connect},
		"manage server implies":             {false, perm.ManageServer, perm.ManageServer | perm.ManageChannels},
		"manage nicknames implies":          {false, perm.ManageNicknames, perm.ManageNicknames | perm.ChangeNickname},
		"manage messages implies":           {false, perm.ManageMessages, perm.ManageMessages | perm.SendMessages},
		"manage channels implies nothing":   {false, perm.ManageChannels, perm.ManageChannels},
		"a role cannot give per-channel":    {false, perm.ManagePermissions | perm.Speak, perm.Speak},
		"unknown bits of a newer version":   {false, 1<<40 | perm.Speak, perm.Speak},
		"implied rights do not imply again": {false, perm.ManageServer | perm.ManageNicknames, perm.ManageServer | perm.ManageNicknames | perm.ManageChannels | perm.ChangeNickname},
	} {
		if got := perm.Base(c.owner, c.granted); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}

func TestInChannel(t *testing.T) {
	const view, send = perm.ViewChannels, perm.SendMessages
	allow := func(r perm.Rights) perm.Mask { return perm.Mask{Allow: r} }
	deny := func(r perm.Rights) perm.Mask { return perm.Mask{Deny: r} }
	none := perm.Mask{}
	for name, c := range map[string]struct {
		base                    perm.Rights
		everyone, roles, member perm.Mask
		want                    perm.Rights
	}{
		"no overwrites":              {view | send, none, none, none, view | send},
		"everyone denies":            {view | send, deny(send), none, none, view},
		"role beats everyone":        {view, deny(send), allow(send), none, view | send},
		"role denies":                {view | send, allow(send), deny(send), none, view},
		"one role's allow wins":      {view, none, allow(send).Union(deny(send)), none, view | send},
		"member beats roles":         {view | send, none, allow(send), deny(send), view},
		"member's allow":             {view, deny(send), deny(send), allow(send), view | send},
		"administrator bypasses":     {perm.All, deny(view), deny(view), deny(view), perm.All},
		"only the touchable":         {view, allow(perm.Administrator), allow(perm.ManageRoles), deny(perm.ManageMembers), view},
		"not a deny of others":       {view | perm.ManageRoles, deny(perm.ManageRoles), none, none, view | perm.ManageRoles},
		"per-channel right":          {view, none, allow(perm.ManagePermissions), none, view | perm.ManagePermissions},
		"deny of send is not undone": {perm.Base(false, view|perm.ManageMessages), deny(send), none, none, view | perm.ManageMessages},
		"no implication here":        {view, none, allow(perm.ManageMessages), none, view | perm.ManageMessages},
	} {
		if got := perm.InChannel(c.base, c.everyone, c.roles, c.member); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}

func TestEffective(t *testing.T) {
	const view = perm.ViewChannels
	for name, c := range map[string]struct {
		p     perm.Rights
		muted bool
		want  perm.Rights
	}{
		"unseen is nothing":          {perm.All &^ (perm.Administrator | view), false, 0},
		"no files without sending":   {view | perm.AttachFiles, false, view},
		"files with sending":         {view | perm.AttachFiles | perm.SendMessages, false, view | perm.AttachFiles | perm.SendMessages},
		"no speech without connect":  {view | perm.Speak | perm.MuteMembers, false, view},
		"speech":                     {view | perm.Speak | perm.Connect, false, view | perm.Speak | perm.Connect},
		"muted looks only":           {view | perm.SendMessages | perm.ManageMessages | perm.Connect, true, view},
		"muted and unseen":           {perm.SendMessages, true, 0},
		"administrator is not muted": {perm.All, true, perm.All},
	} {
		if got := perm.Effective(c.p, c.muted); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}

func TestInThread(t *testing.T) {
	const view, talk = perm.ViewChannels, perm.SendMessages | perm.AttachFiles
	for name, c := range map[string]struct {
		parent perm.Rights
		closed bool
		want   perm.Rights
	}{
		"open":              {view | talk, false, view | talk},
		"closed":            {view | talk, true, view},
		"closed, moderator": {view | talk | perm.ManageMessages, true, view | talk | perm.ManageMessages},
		"closed does not give back what the parent denies": {view | perm.ManageMessages, true, view | perm.ManageMessages},
		"unseen": {0, false, 0},
	} {
		if got := perm.InThread(c.parent, c.closed); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}

func TestInDirect(t *testing.T) {
	if got, want := perm.InDirect(false), perm.ViewChannels|perm.SendMessages|perm.AttachFiles|perm.Connect|perm.Speak; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := perm.InDirect(true); got != perm.ViewChannels {
		t.Errorf("blocked: got %s", got)
	}
}
