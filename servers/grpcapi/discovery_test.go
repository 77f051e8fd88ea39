package grpcapi_test

import (
	"strings"
	"testing"

	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/servers"
)

// publish makes a server of ann's public or not.
func (w *world) publish(t *testing.T, server uint64, public bool) *serversv1.Server {
	t.Helper()
	return value(w.UpdateServer(w.as(t, ann), &serversv1.UpdateServerRequest{ServerId: server, Public: &public}))(t).GetServer()
}

func TestListPublicServers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := value(w.CreateServer(w.as(t, ann), &serversv1.CreateServerRequest{Name: "Open Sea", Description: "Wide", Public: true}))(t).GetServer()
	value(w.CreateServer(w.as(t, ann), &serversv1.CreateServerRequest{Name: "Open to none"}))(t)
	equal(t, "is public", made.GetPublic(), true)
	list := value(w.ListPublicServers(w.as(t, eve), &serversv1.ListPublicServersRequest{Query: "öpen w"}))(t)
	equal(t, "what a stranger sees", list.GetServers(), []*serversv1.PublicServer{
		{Id: made.GetId(), Name: "Open Sea", Description: "Wide", MemberCount: 1},
	})
	none := value(w.ListPublicServers(w.as(t, eve), &serversv1.ListPublicServersRequest{Query: "!?"}))(t)
	equal(t, "of no word", len(none.GetServers()), 0)
	for name, r := range map[string]*serversv1.ListPublicServersRequest{
		"too long": {Query: strings.Repeat("x", 101)}, "control": {Query: "a\x00"}, "too many": {Limit: 101},
	} {
		refused(t, name, second(w.ListPublicServers(w.as(t, eve), r)), beep.KindInvalid, beep.CodeInvalidField)
	}
	refused(t, "no id", second(w.ListPublicServers(w.as(t, eve), &serversv1.ListPublicServersRequest{After: 1 << 63})), beep.KindInvalid, beep.CodeInvalidID)
}

func TestJoinServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, _ := w.server(t)
	join := func(who beep.UserID) (*serversv1.JoinServerResponse, error) {
		return w.JoinServer(w.as(t, who), &serversv1.JoinServerRequest{ServerId: server.GetId()})
	}
	refused(t, "one that is not public", second(join(eve)), beep.KindNotFound, beep.CodeServerNotFound)
	equal(t, "a member already", value(join(bob))(t).GetServer(), server)
	open := w.publish(t, server.GetId(), true)
	rev := w.rev(t, server.GetId())
	equal(t, "joined", value(join(eve))(t).GetServer(), open)
	equal(t, "joined again", value(join(eve))(t).GetServer(), open)
	row := w.rows(t, beep.ServerScope(beep.ServerID(server.GetId())), rev)
	equal(t, "one row", kinds(row), []string{"member_set"})

	value(w.BanUser(w.as(t, ann), &serversv1.BanUserRequest{ServerId: server.GetId(), UserId: uint64(eve)}))(t)
	refused(t, "the banned", second(join(eve)), beep.KindForbidden, beep.CodeBanned)
	w.publish(t, server.GetId(), false)
	refused(t, "the banned, of what is not public", second(join(eve)), beep.KindNotFound, beep.CodeServerNotFound)
}

// TestJoinServer_NeverAfterItClosed: of many who join while it is closed nobody is in by a row after the one that closes.
func TestJoinServer_NeverAfterItClosed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 5 {
		server := value(w.CreateServer(w.as(t, ann), &serversv1.CreateServerRequest{Name: "n", Public: true}))(t).GetServer()
		calls := []func() error{func() error {
			closed := false
			return second(w.UpdateServer(w.as(t, ann), &serversv1.UpdateServerRequest{ServerId: server.GetId(), Public: &closed}))
		}}
		for i := range 8 {
			ctx := w.as(t, beep.UserID(1000+i))
			calls = append(calls, func() error {
				err := second(w.JoinServer(ctx, &serversv1.JoinServerRequest{ServerId: server.GetId()}))
				if beep.CodeOf(err) == beep.CodeServerNotFound {
					return nil
				}
				return err
			})
		}
		for _, err := range together(calls) {
			if err != nil {
				t.Error(err)
			}
		}
		closed := false
		for _, row := range w.rows(t, beep.ServerScope(beep.ServerID(server.GetId())), 4) {
			switch c := row.Change.(type) {
			case servers.ServerSet:
				closed = !c.Public
			case servers.MemberSet:
				if closed {
					t.Errorf("%s joined after it was closed", c.User)
				}
			}
		}
	}
}

func TestSystemChannel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, general := w.server(t)
	equal(t, "at first", server.GetSystemChannelId(), general.GetId())
	set := func(id uint64) error {
		return second(w.UpdateServer(w.as(t, ann), &serversv1.UpdateServerRequest{ServerId: server.GetId(), SystemChannelId: &id}))
	}
	get := func() uint64 {
		return value(w.GetServer(w.as(t, ann), &serversv1.GetServerRequest{ServerId: server.GetId()}))(t).GetServer().GetSystemChannelId()
	}
	text := w.newChannel(t, &serversv1.CreateChannelRequest{ServerId: server.GetId(), Name: "news"})
	category := w.newChannel(t, &serversv1.CreateChannelRequest{ServerId: server.GetId(), Kind: "category", Name: "c"})
	_, foreign := w.server(t)
	refused(t, "a category", set(category.GetId()), beep.KindInvalid, beep.CodeInvalidField)
	refused(t, "another server's", set(foreign.GetId()), beep.KindNotFound, beep.CodeChannelNotFound)
	refused(t, "none such", set(12345), beep.KindNotFound, beep.CodeChannelNotFound)
	refused(t, "no id", set(1<<63), beep.KindInvalid, beep.CodeInvalidID)
	w.authz.check = func(r *authzv1.CheckRequest, answer *authzv1.CheckResponse) error {
		answer.Visible = r.GetChannelId() == 0
		return nil
	}
	refused(t, "one that the caller does not see", set(text.GetId()), beep.KindNotFound, beep.CodeChannelNotFound)
	w.authz.check = nil
	equal(t, "no refusal changed it", get(), general.GetId())
	if err := set(text.GetId()); err != nil {
		t.Fatal(err)
	}
	equal(t, "the record", w.last(t, server.GetId()).GetChanges()[0].GetField(), "system_channel_id")
	rev := w.rev(t, server.GetId())
	value(w.DeleteChannel(w.as(t, ann), &serversv1.DeleteChannelRequest{ChannelId: general.GetId()}))(t)
	equal(t, "after another's end", get(), text.GetId())
	value(w.DeleteChannel(w.as(t, ann), &serversv1.DeleteChannelRequest{ChannelId: text.GetId()}))(t)
	equal(t, "after its end", get(), 0)
	equal(t, "the rows", kinds(w.rows(t, beep.ServerScope(beep.ServerID(server.GetId())), rev)), []string{"channel_removed", "server_set", "channel_removed"})
	if err := set(0); err != nil {
		t.Error(err)
	}
}
