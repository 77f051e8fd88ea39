package faults

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"

	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
)

// The kinds of revocations.
const (
	DenyMember     = "a member's overwrite"
	DenyRole       = "a role's overwrite"
	DenyEveryone   = "an overwrite for everyone"
	DenyInCategory = "an overwrite of the category"
	MoveAway       = "a move into a hidden category"
	TakeRole       = "a role taken from the member"
	EditRole       = "a right taken from the role"
	DeleteRole     = "the role's deletion"
	Mute           = "a mute"
	Kick           = "a kick"
	Ban            = "a ban"
	Leave          = "a leave"
	HandOver       = "a server handed over"
	DeleteChannel  = "the channel's deletion"
	DeleteServer   = "the server's deletion"
)

// deed is how one kind of revocation comes about.
type deed struct {
	// stage makes the channel; nil is a plain one in the arena's own server.
	stage func(*run, context.Context) error
	take  func(*run, context.Context) error
	// giveBack is nil where what was taken is gone for everyone.
	giveBack func(*run, context.Context) error
}

// deeds are all that can be raced.
func deeds() map[string]deed {
	return map[string]deed{
		DenyMember:     {take: (*run).denyMember, giveBack: (*run).clear},
		DenyRole:       {take: (*run).denyRole, giveBack: (*run).clear},
		DenyEveryone:   {take: (*run).denyEveryone, giveBack: (*run).clear},
		DenyInCategory: {stage: (*run).stageInCategory, take: (*run).denyInCategory, giveBack: (*run).clear},
		MoveAway:       {stage: (*run).stageBesideHidden, take: (*run).moveAway, giveBack: (*run).clear},
		TakeRole:       {take: (*run).takeRole, giveBack: (*run).assign},
		EditRole:       {take: (*run).editRole, giveBack: (*run).restoreRole},
		DeleteRole:     {take: (*run).deleteRole, giveBack: (*run).replaceRole},
		Mute:           {take: (*run).muteMember, giveBack: (*run).unmute},
		Kick:           {take: (*run).kick, giveBack: (*run).comeBack},
		Ban:            {take: (*run).ban, giveBack: (*run).unban},
		Leave:          {take: (*run).leave, giveBack: (*run).comeBack},
		HandOver:       {stage: (*run).stageOnShip, take: (*run).handOver, giveBack: (*run).handBack},
		DeleteChannel:  {take: (*run).deleteChannel},
		DeleteServer:   {stage: (*run).stageOnRaft, take: (*run).deleteServer},
	}
}

// Kinds are the kinds of revocations.
func Kinds() []string { return slices.Sorted(maps.Keys(deeds())) }

// ends says that what was taken is gone for everyone, those who sent there too, and nothing comes back.
func (r *Race) ends() bool { return r.Kind == DeleteChannel || r.Kind == DeleteServer }

// mutes says that only the voice was taken: who lost it goes on to hear and read all.
func (r *Race) mutes() bool { return r.Kind == Mute }

// The stages.

func (r *run) stagePlain(ctx context.Context) error { return r.createChannel(ctx, 0) }

func (r *run) stageInCategory(ctx context.Context) error {
	if err := r.createCategory(ctx); err != nil {
		return err
	}
	return r.createChannel(ctx, r.category) // which follows it
}

func (r *run) stageBesideHidden(ctx context.Context) error {
	if err := r.createCategory(ctx); err != nil {
		return err
	}
	err := r.deny(ctx, r.category, &serversv1.SetOverwriteRequest{RoleId: r.home.server})
	if err != nil {
		return err
	}
	return r.createChannel(ctx, 0)
}

func (r *run) stageOnShip(ctx context.Context) error {
	r.home, r.keeper = r.ship, r.Member
	return r.createChannel(ctx, 0)
}

// stageOnRaft: what is to be deleted is made for this one race.
func (r *run) stageOnRaft(ctx context.Context) (err error) {
	if r.home, err = r.settle(ctx, r.Owner, r.Member); err != nil {
		return err
	}
	return r.createChannel(ctx, 0)
}

func (r *run) createCategory(ctx context.Context) (err error) {
	r.category, err = r.create(ctx, &serversv1.CreateChannelRequest{Kind: "category", Name: "races"})
	return err
}

func (r *run) createChannel(ctx context.Context, category uint64) (err error) {
	r.race.Channel, err = r.create(ctx, &serversv1.CreateChannelRequest{Kind: "text", Name: "race", ParentId: category})
	r.path = channelPath(r.race.Channel)
	return err
}

func (r *run) create(ctx context.Context, q *serversv1.CreateChannelRequest) (uint64, error) {
	c := &serversv1.Channel{}
	err := r.keep(ctx, request{method: http.MethodPost, path: r.home.path() + "/channels", in: q, out: c})
	return c.GetId(), err
}

func channelPath(id uint64) string { return fmt.Sprintf("/api/channels/%d", id) }

// tidy removes what a race leaves.
func (r *run) tidy(ctx context.Context) error {
	if r.race.ends() {
		return nil
	}
	err := r.keep(ctx, request{method: http.MethodDelete, path: r.path})
	if r.category == 0 {
		return err
	}
	return errors.Join(err, r.keep(ctx, request{method: http.MethodDelete, path: channelPath(r.category)}))
}

// The deeds.

// deny sets an overwrite that hides a channel, for clear to clear.
func (r *run) deny(ctx context.Context, channel uint64, q *serversv1.SetOverwriteRequest) error {
	o := &serversv1.Overwrite{}
	q.Deny = []string{"view_channels"}
	err := r.keep(ctx, request{method: http.MethodPut, path: channelPath(channel) + "/overwrites", in: q, out: o})
	r.overwrite = fmt.Sprintf("%s/overwrites/%d", channelPath(channel), o.GetId())
	return err
}

func (r *run) clear(ctx context.Context) error {
	return r.keep(ctx, request{method: http.MethodDelete, path: r.overwrite})
}

func (r *run) denyMember(ctx context.Context) error {
	return r.deny(ctx, r.race.Channel, &serversv1.SetOverwriteRequest{MemberId: r.Member.ID})
}

func (r *run) denyRole(ctx context.Context) error {
	return r.deny(ctx, r.race.Channel, &serversv1.SetOverwriteRequest{RoleId: r.home.role})
}

// denyEveryone: the role of everyone has its server's number.
func (r *run) denyEveryone(ctx context.Context) error {
	return r.deny(ctx, r.race.Channel, &serversv1.SetOverwriteRequest{RoleId: r.home.server})
}

func (r *run) denyInCategory(ctx context.Context) error {
	return r.deny(ctx, r.category, &serversv1.SetOverwriteRequest{MemberId: r.Member.ID})
}

// moveAway is undone by showing the category: a channel that leaves it keeps what it hid.
func (r *run) moveAway(ctx context.Context) error {
	follows := true
	in := &serversv1.UpdateChannelRequest{ParentId: &r.category, Synced: &follows}
	return r.keep(ctx, request{method: http.MethodPatch, path: r.path, in: in})
}

func (r *run) rolePath() string { return fmt.Sprintf("%s/roles/%d", r.home.path(), r.home.role) }

func (r *run) memberRole() string {
	return fmt.Sprintf("%s/roles/%d", r.home.member(r.Member.ID), r.home.role)
}

func (r *run) takeRole(ctx context.Context) error {
	return r.keep(ctx, request{method: http.MethodDelete, path: r.memberRole()})
}

func (r *run) assign(ctx context.Context) error {
	return r.keep(ctx, request{method: http.MethodPut, path: r.memberRole()})
}

func (r *run) editRole(ctx context.Context) error {
	return r.setRights(ctx, []string{"send_messages"})
}

func (r *run) restoreRole(ctx context.Context) error { return r.setRights(ctx, rights()) }

func (r *run) setRights(ctx context.Context, names []string) error {
	return r.keep(ctx, request{method: http.MethodPatch, path: r.rolePath(), in: &serversv1.UpdateRoleRequest{Rights: &serversv1.Rights{Names: names}}})
}

func (r *run) deleteRole(ctx context.Context) error {
	return r.keep(ctx, request{method: http.MethodDelete, path: r.rolePath()})
}

// replaceRole gives the member another role like the one that is gone, for the races that follow too.
func (r *run) replaceRole(ctx context.Context) error {
	o := &serversv1.Role{}
	err := r.keep(ctx, request{method: http.MethodPost, path: r.home.path() + "/roles", in: &serversv1.CreateRoleRequest{Name: roleName, Rights: rights()}, out: o})
	if err != nil {
		return err
	}
	r.home.role, r.harbour.role = o.GetId(), o.GetId()
	return r.assign(ctx)
}

func (r *run) muteMember(ctx context.Context) error {
	const longerThanAnyRace = 3600
	return r.keep(ctx, request{method: http.MethodPut, path: r.home.member(r.Member.ID) + "/mute", in: &serversv1.MuteMemberRequest{Seconds: longerThanAnyRace}})
}

func (r *run) unmute(ctx context.Context) error {
	return r.keep(ctx, request{method: http.MethodDelete, path: r.home.member(r.Member.ID) + "/mute"})
}

func (r *run) kick(ctx context.Context) error {
	return r.keep(ctx, request{method: http.MethodDelete, path: r.home.member(r.Member.ID)})
}

func (r *run) comeBack(ctx context.Context) error {
	return r.bring(ctx, r.home, r.Owner, r.Member)
}

func (r *run) banPath() string { return fmt.Sprintf("%s/bans/%d", r.home.path(), r.Member.ID) }

func (r *run) ban(ctx context.Context) error {
	return r.keep(ctx, request{method: http.MethodPut, path: r.banPath()})
}

func (r *run) unban(ctx context.Context) error {
	if err := r.keep(ctx, request{method: http.MethodDelete, path: r.banPath()}); err != nil {
		return err
	}
	return r.comeBack(ctx)
}

func (r *run) leave(ctx context.Context) error {
	return r.ask(ctx, r.any(r.Member), request{method: http.MethodDelete, path: fmt.Sprintf("/api/users/@me/servers/%d", r.home.server)})
}

// handOver: the member owns the ship, and afterwards is somebody without a role on it.
func (r *run) handOver(ctx context.Context) error { return r.transfer(ctx, r.Member, r.Owner.ID) }

func (r *run) handBack(ctx context.Context) error { return r.transfer(ctx, r.Owner, r.Member.ID) }

func (r *run) transfer(ctx context.Context, from Author, to uint64) error {
	return r.ask(ctx, r.any(from), request{
		method: http.MethodPost, path: r.home.path() + "/transfer", in: &serversv1.TransferServerRequest{UserId: to},
		done: http.StatusForbidden, // who asks again owns it no more
	})
}

func (r *run) deleteChannel(ctx context.Context) error {
	return r.keep(ctx, request{method: http.MethodDelete, path: r.path})
}

func (r *run) deleteServer(ctx context.Context) error {
	return r.keep(ctx, request{method: http.MethodDelete, path: r.home.path() + "?name=" + url.QueryEscape(homeName)})
}
