package perm_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/perm"
)

// The numbers are in databases and between processes of different versions: a test that must never change.
func TestRights_BitsAndNamesAreStable(t *testing.T) {
	want := []string{
		"administrator", "manage_server", "manage_roles", "manage_channels", "view_channels", "manage_webhooks",
		"manage_nicknames", "change_nickname", "send_messages", "manage_messages", "attach_files",
		"manage_members", "manage_invitations", "connect", "speak", "mute_members", "manage_permissions",
	}
	if diff := cmp.Diff(want, perm.All.Names()); diff != "" {
		t.Errorf("names in order of bits (-want +got):\n%s", diff)
	}
	for n, name := range want {
		got, err := perm.ParseRight(name)
		if err != nil || got != 1<<n || got.String() != name {
			t.Errorf("ParseRight(%q) = %d (%s), %v, want bit %d", name, got, got, err, n)
		}
	}
	if perm.ManagePermissions != 1<<16 || perm.ViewChannels != 1<<4 || perm.All != 1<<17-1 {
		t.Error("a constant moved")
	}
}

func TestParseRights(t *testing.T) {
	got, err := perm.ParseRights([]string{"send_messages", "view_channels", "send_messages"})
	if want := perm.SendMessages | perm.ViewChannels; err != nil || got != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
	if got, err := perm.ParseRights(nil); got != 0 || err != nil {
		t.Errorf("no names: got %s, %v", got, err)
	}
	for _, bad := range []string{"", "Send_Messages", "send messages", "everything"} {
		var e *beep.Error
		if _, err := perm.ParseRights([]string{"connect", bad}); !errors.As(err, &e) || e.Kind != beep.KindInvalid {
			t.Errorf("ParseRights(%q): got %v, want an invalid error", bad, err)
		}
	}
}

func TestRights_StringLeavesOutUnknownBits(t *testing.T) {
	for _, c := range []struct {
		in   perm.Rights
		want string
	}{
		{0, "none"},
		{1 << 60, "none"},
		{perm.Speak | perm.Connect | 1<<60, "connect,speak"},
	} {
		if got := c.in.String(); got != c.want {
			t.Errorf("%d: got %q, want %q", c.in, got, c.want)
		}
	}
}

func TestRights_HasWantsAllAndAnyWantsOne(t *testing.T) {
	set := perm.ViewChannels | perm.Connect
	if !set.Has(perm.Connect) || set.Has(perm.Connect|perm.Speak) || !set.Has(0) {
		t.Error("Has")
	}
	if !set.Any(perm.Connect|perm.Speak) || set.Any(perm.Speak) || set.Any(0) {
		t.Error("Any")
	}
}

func TestDefaultEveryone_ManagesNothing(t *testing.T) {
	manage := perm.Administrator | perm.ManageServer | perm.ManageRoles | perm.ManageChannels | perm.ManageWebhooks |
		perm.ManageNicknames | perm.ManageMessages | perm.ManageMembers | perm.ManageInvitations | perm.MuteMembers |
		perm.ManagePermissions
	if got, want := perm.DefaultEveryone, perm.All&^manage; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestParseKind(t *testing.T) {
	for k, name := range map[perm.Kind]string{
		perm.Text: "text", perm.Conference: "conference", perm.Category: "category", perm.Thread: "thread",
	} {
		if got, err := perm.ParseKind(name); got != k || err != nil || k.String() != name {
			t.Errorf("ParseKind(%q) = %v, %v", name, got, err)
		}
	}
	for _, bad := range []string{"", "none", "Text", "voice"} {
		if _, err := perm.ParseKind(bad); err == nil {
			t.Errorf("ParseKind(%q) passed", bad)
		}
	}
	if got := perm.Kind(200).String(); got != "none" {
		t.Errorf("unknown kind is %q", got)
	}
}
