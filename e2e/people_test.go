package e2e_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

	"github.com/beep-chat/beep"
	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/client"
	"github.com/beep-chat/beep/e2e/people"
)

// newcomer is somebody who has just signed up and signed in.
func newcomer(t *testing.T, name string) *people.Person {
	t.Helper()
	return newcomerAt(t, site.URL, name)
}

func newcomerAt(t *testing.T, base, name string) *people.Person {
	t.Helper()
	p, err := people.SignUp(t.Context(), base, name)
	if err != nil {
		t.Fatal(err)
	}
	site.keepSecret(p.Secrets()...)
	t.Cleanup(func() { site.keepSecret(p.Secrets()...) }) // it has new tokens by then
	return p
}

// crowd is n people whom tests share that need many and do nothing to them that lasts but for a membership.
func crowd(t *testing.T, n int) []*people.Person {
	t.Helper()
	gathering.Lock()
	defer gathering.Unlock()
	var g errgroup.Group
	g.SetLimit(8)
	have := len(gathered)
	if n > have {
		gathered = append(gathered, make([]*people.Person, n-have)...)
	}
	for i := have; i < n; i++ {
		g.Go(func() (err error) {
			gathered[i], err = people.SignUp(t.Context(), site.URL, fmt.Sprintf("crowd%d", i))
			return err
		})
	}
	if err := g.Wait(); err != nil {
		gathered = gathered[:have]
		t.Fatal(err)
	}
	return gathered[:n]
}

var (
	gathering sync.Mutex // guards gathered
	gathered  []*people.Person
)

// voice speaks for one person over one gateway. Its methods fail the test when they are refused.
type voice struct {
	*client.API

	t *testing.T
}

// at is p's voice over the gateway with a number; there is always one, if the same for all numbers.
func at(t *testing.T, p *people.Person, gateway int) voice {
	return voice{p.At(site.Gateways[gateway%len(site.Gateways)]), t}
}

func (v voice) call(method, path string, in, out proto.Message) {
	v.t.Helper()
	if err := v.Call(v.t.Context(), method, path, in, out); err != nil {
		v.t.Fatalf("%s %s: %v", method, path, err)
	}
}

// refused makes a call that must be refused with this status and code.
func (v voice) refused(method, path string, in proto.Message, status int, code beep.Code) {
	v.t.Helper()
	p, err := v.problem(method, path, in)
	if err != nil || p.Status != status || p.Code != code {
		v.t.Fatalf("%s %s: got %v, %v; want %d %s", method, path, p, err, status, code)
	}
}

// problem is the problem document that a call is answered with.
func (v voice) problem(method, path string, in proto.Message) (*client.Problem, error) {
	err := v.Call(v.t.Context(), method, path, in, nil)
	if p, ok := err.(*client.Problem); ok { //nolint:errorlint // Call answers it as it is
		return p, nil
	}
	return nil, fmt.Errorf("not refused: %w", err)
}

func (v voice) createServer(name string) *serversv1.Server {
	v.t.Helper()
	s := &serversv1.Server{}
	v.call(http.MethodPost, "/api/servers", &serversv1.CreateServerRequest{Name: name}, s)
	return s
}

func (v voice) servers() []*serversv1.Server {
	v.t.Helper()
	list := &serversv1.ListServersResponse{}
	v.call(http.MethodGet, "/api/servers", nil, list)
	return list.GetServers()
}

func (v voice) createChannel(s *serversv1.Server, name string) *serversv1.Channel {
	v.t.Helper()
	c := &serversv1.Channel{}
	v.call(http.MethodPost, serverPath(s, "/channels"), &serversv1.CreateChannelRequest{Kind: "text", Name: name}, c)
	return c
}

func (v voice) channels(s *serversv1.Server) []*serversv1.Channel {
	v.t.Helper()
	list := &serversv1.ListChannelsResponse{}
	v.call(http.MethodGet, serverPath(s, "/channels"), nil, list)
	return list.GetChannels()
}

func (v voice) members(s *serversv1.Server) []*serversv1.Member {
	v.t.Helper()
	list := &serversv1.ListMembersResponse{}
	v.call(http.MethodGet, serverPath(s, "/members?limit=100"), nil, list)
	return list.GetMembers()
}

// invite makes an invitation; 0 uses or no time are without end.
func (v voice) invite(s *serversv1.Server, uses uint32, lasts time.Duration) *serversv1.Invitation {
	v.t.Helper()
	i := &serversv1.Invitation{}
	v.call(http.MethodPost, serverPath(s, "/invitations"), &serversv1.CreateInvitationRequest{MaxUses: uses, ExpiresIn: uint32(lasts.Seconds())}, i)
	return i
}

func (v voice) accept(code string) *serversv1.Server {
	v.t.Helper()
	s := &serversv1.Server{}
	v.call(http.MethodPost, "/api/invitations/"+code+"/accept", nil, s)
	return s
}

// deny takes rights from a member in one channel.
func (v voice) deny(c *serversv1.Channel, who *people.Person, rights ...string) *serversv1.Overwrite {
	v.t.Helper()
	o := &serversv1.Overwrite{}
	v.call(http.MethodPut, channelPath(c, "/overwrites"), &serversv1.SetOverwriteRequest{MemberId: who.ID, Deny: rights}, o)
	return o
}

func (v voice) send(c *serversv1.Channel, content string) *messagesv1.Message {
	v.t.Helper()
	return v.sendAs(c, content, "")
}

func (v voice) sendAs(c *serversv1.Channel, content, nonce string) *messagesv1.Message {
	v.t.Helper()
	m := &messagesv1.Message{}
	v.call(http.MethodPost, channelPath(c, "/messages"), &messagesv1.SendMessageRequest{Content: content, Nonce: nonce}, m)
	return m
}

func (v voice) edit(m *messagesv1.Message, content string) *messagesv1.Message {
	v.t.Helper()
	edited := &messagesv1.Message{}
	v.call(http.MethodPatch, messagePath(m), &messagesv1.EditMessageRequest{Content: content}, edited)
	return edited
}

func (v voice) remove(m *messagesv1.Message) {
	v.t.Helper()
	v.call(http.MethodDelete, messagePath(m), nil, nil)
}

// history is one page of a channel; query is such as "before=5&limit=10", or empty.
func (v voice) history(c *serversv1.Channel, query string) *messagesv1.ListMessagesResponse {
	v.t.Helper()
	page := &messagesv1.ListMessagesResponse{}
	path := channelPath(c, "/messages")
	if query != "" {
		path += "?" + query
	}
	v.call(http.MethodGet, path, nil, page)
	return page
}

func serverPath(s *serversv1.Server, rest string) string {
	return "/api/servers/" + strconv.FormatUint(s.GetId(), 10) + rest
}

func channelPath(c *serversv1.Channel, rest string) string {
	return "/api/channels/" + strconv.FormatUint(c.GetId(), 10) + rest
}

func messagePath(m *messagesv1.Message) string {
	return fmt.Sprintf("/api/channels/%d/messages/%d", m.GetChannelId(), m.GetId())
}

func memberPath(s *serversv1.Server, p *people.Person) string {
	return serverPath(s, "/members/"+strconv.FormatUint(p.ID, 10))
}

func leavePath(s *serversv1.Server) string {
	return "/api/users/@me/servers/" + strconv.FormatUint(s.GetId(), 10)
}

// guest is a voice without a token.
func guest(t *testing.T, gateway int) voice {
	return voice{&client.API{Base: site.Gateways[gateway%len(site.Gateways)], HTTP: http.DefaultClient}, t}
}

// harbour is a server of the first person with a channel, that the others have joined.
func harbour(t *testing.T, owner *people.Person, others ...*people.Person) (*serversv1.Server, *serversv1.Channel) {
	t.Helper()
	v := at(t, owner, 0)
	s := v.createServer("Harbour of " + owner.Name)
	c := v.createChannel(s, "tides")
	if len(others) > 0 {
		code := v.invite(s, 0, 0).GetCode()
		for i, p := range others {
			at(t, p, i+1).accept(code)
		}
	}
	return s, c
}

// hostOf is the host and port of a URL.
func hostOf(t *testing.T, raw string) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}
