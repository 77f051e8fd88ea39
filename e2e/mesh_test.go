package e2e_test

import (
	"context"
	"crypto/tls"
	"errors"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/beep-chat/beep"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	usersv1 "github.com/beep-chat/beep/api/beep/users/v1"
	"github.com/beep-chat/beep/e2e/stack"
	"github.com/beep-chat/beep/kit/rpc"
)

// TestMesh: no one but the services themselves gets to where they meet. One process has no such place: it listens
// for browsers, and where its health is asked for, and nowhere else. Between processes it takes a certificate of the
// installation, and each service may call only what it needs.
func TestMesh(t *testing.T) {
	t.Parallel()
	if site.mode == stack.All {
		want := 2
		if got := listening(t, site.Processes["beep"].Pid()); len(got) != want {
			t.Errorf("the process listens on %v, want %d addresses", got, want)
		}
		return
	}
	t.Run("without a certificate", withoutCertificate)
	t.Run("with the certificate of another service", withAnothersCertificate)
	t.Run("without a user's identity", withoutIdentity)
	t.Run("for more than a service is there for", beyondTheContract)
}

// targetOf is the service that a process is of: "messages" for "messages-2".
func targetOf(process string) string {
	target, _, _ := strings.Cut(process, "-")
	return target
}

func withoutCertificate(t *testing.T) {
	own := credentialsOf(t, "gateway")
	foreign, err := rpc.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	forged, err := foreign.Issue("gateway")
	if err != nil {
		t.Fatal(err)
	}
	for process, addr := range site.GRPC {
		target := targetOf(process)
		trusting := func(change func(*tls.Config)) credentials.TransportCredentials {
			c := own.ClientTLS(target)
			change(c)
			return credentials.NewTLS(c)
		}
		for what, creds := range map[string]credentials.TransportCredentials{
			"plaintext":                         insecure.NewCredentials(),
			"no certificate":                    trusting(func(c *tls.Config) { c.Certificates = nil }),
			"a certificate of another CA":       trusting(func(c *tls.Config) { c.Certificates = []tls.Certificate{forged} }),
			"an older TLS":                      trusting(func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12 }),
			"a server that proves another name": credentials.NewTLS(own.ClientTLS("realtime")),
			"a server of another CA":            trusting(func(c *tls.Config) { c.RootCAs = foreign.Pool() }),
		} {
			err := invoke(t, addr, creds, "/grpc.health.v1.Health/Check")
			if status.Code(err) != codes.Unavailable {
				t.Errorf("%s with %s: got %v, want no connection", process, what, err)
			}
		}
	}
	t.Run("to the pages", func(t *testing.T) { pagesAreForTheGateway(t, forged) })
}

// pagesAreForTheGateway: where the users target serves its pages only the gateway is let in.
func pagesAreForTheGateway(t *testing.T, forged tls.Certificate) {
	t.Helper()
	get := func(c *tls.Config) error {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: c, DisableKeepAlives: true}, Timeout: patience}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+site.Pages+"/.well-known/openid-configuration", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(r)
		if err == nil {
			err = resp.Body.Close()
		}
		return err
	}
	if err := get(credentialsOf(t, "gateway").ClientTLS("users")); err != nil {
		t.Errorf("the gateway is not let in: %v", err)
	}
	none, other, foreign := credentialsOf(t, "gateway").ClientTLS("users"), credentialsOf(t, "messages").ClientTLS("users"), credentialsOf(t, "gateway").ClientTLS("users")
	none.Certificates, foreign.Certificates = nil, []tls.Certificate{forged}
	for what, c := range map[string]*tls.Config{"nobody": none, "messages": other, "a gateway of another CA": foreign} {
		if get(c) == nil {
			t.Errorf("%s is let in", what)
		}
	}
}

// callers is who may call what, as this page and not the program says it.
var callers = map[string][]string{
	usersv1.Users_ServiceDesc.ServiceName:         {"gateway"},
	usersv1.Users_ListUsers_FullMethodName:        {"gateway", "realtime"},
	usersv1.Identity_ServiceDesc.ServiceName:      {"gateway", "realtime"},
	serversv1.Servers_ServiceDesc.ServiceName:     {"gateway"},
	serversv1.Roles_ServiceDesc.ServiceName:       {"gateway"},
	serversv1.Moderation_ServiceDesc.ServiceName:  {"gateway"},
	serversv1.Webhooks_ServiceDesc.ServiceName:    {"gateway"},
	serversv1.Discovery_ServiceDesc.ServiceName:   {"gateway"},
	serversv1.ScopeLog_ServiceDesc.ServiceName:    {"authz", "realtime"},
	messagesv1.Messages_ServiceDesc.ServiceName:   {"gateway"},
	messagesv1.ChannelLog_ServiceDesc.ServiceName: {"realtime"},

	messagesv1.ChannelLog_PurgeAuthor_FullMethodName: {"servers"},

	serversv1.Threads_ServiceDesc.ServiceName:        {"gateway"},
	serversv1.DirectMessages_ServiceDesc.ServiceName: {"gateway"},
	messagesv1.Messages_GetMessage_FullMethodName:    {"gateway", "servers"}, // as the user who starts a thread
	messagesv1.Messages_ListMessages_FullMethodName:  {"gateway", "servers"}, // as the user who closes a direct message

	authzv1.Authz_ServiceDesc.ServiceName: {"servers", "messages"},
}

// services are what each target serves.
var services = map[string][]grpc.ServiceDesc{
	"users": {usersv1.Users_ServiceDesc, usersv1.Identity_ServiceDesc},
	"servers": {
		serversv1.Servers_ServiceDesc, serversv1.Roles_ServiceDesc, serversv1.Moderation_ServiceDesc,
		serversv1.Webhooks_ServiceDesc, serversv1.Discovery_ServiceDesc, serversv1.ScopeLog_ServiceDesc,
		serversv1.Threads_ServiceDesc, serversv1.DirectMessages_ServiceDesc,
	},
	"messages": {messagesv1.Messages_ServiceDesc, messagesv1.ChannelLog_ServiceDesc},
	"authz":    {authzv1.Authz_ServiceDesc},
}

// withAnothersCertificate makes every call as every service. Who may not is refused before anything is looked at; who
// may is not, though the empty call of nobody comes to nothing either.
func withAnothersCertificate(t *testing.T) {
	calls := 0
	for process, addr := range site.GRPC {
		for _, caller := range []string{"gateway", "realtime", "users", "servers", "messages", "authz"} {
			conn := dialAs(t, caller, process, addr)
			for _, s := range services[targetOf(process)] {
				for _, m := range s.Methods {
					method := "/" + s.ServiceName + "/" + m.MethodName
					may, ok := callers[method]
					if !ok {
						may = callers[s.ServiceName]
					}
					err := conn.Invoke(t.Context(), method, &emptypb.Empty{}, &emptypb.Empty{})
					if refused := status.Code(err) == codes.PermissionDenied; refused == slices.Contains(may, caller) {
						t.Errorf("%s calls %s: got %v", caller, method, err)
					}
					calls++
				}
			}
		}
	}
	if calls < 150 {
		t.Errorf("only %d calls were made", calls)
	}
}

// withoutIdentity calls as the gateway, but for a user whom no edge of this installation vouches for.
func withoutIdentity(t *testing.T) {
	own := credentialsOf(t, "gateway")
	conn, err := rpc.Dial(rpc.DialOptions{Service: "servers", Targets: []string{site.GRPC["servers-1"]}, Credentials: own})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	list := func(ctx context.Context) error {
		_, err := serversv1.NewServersClient(conn).ListServers(ctx, &serversv1.ListServersRequest{})
		return err
	}
	token := tokenOf(t)
	for what, pairs := range map[string][]string{
		"nobody": nil, "a user id that is only said": {"x-user-id", "1", "user", "1", "beep-user", "1"},
		"an access token": {"authorization", "Bearer " + token}, "an access token for an identity": {"beep-identity", token},
	} {
		err := list(metadata.AppendToOutgoingContext(t.Context(), pairs...))
		if k, ok := errors.AsType[*beep.Error](err); !ok || k.Kind != beep.KindUnauthenticated {
			t.Errorf("%s: got %v, want unauthenticated", what, err)
		}
	}
	foreign, err := rpc.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	forged, err := foreign.Issue("gateway")
	if err != nil {
		t.Fatal(err)
	}
	if err := list(vouchedFor(t, forged)); err == nil {
		t.Error("an identity of another CA is believed")
	}
	// The same call with what the gateway itself would say is answered: the refusals above are for their reasons.
	if err := list(vouchedFor(t, own.Cert)); err != nil {
		t.Errorf("for a user of the gateway's: %v", err)
	}
}

// vouchedFor is a context of calls for a user whom the holder of a certificate vouches for.
func vouchedFor(t *testing.T, cert tls.Certificate) context.Context {
	t.Helper()
	m, err := rpc.NewMinter(cert)
	if err != nil {
		t.Fatal(err)
	}
	ctx, err := rpc.WithIdentity(t.Context(), m, beep.Caller{User: 1580000000000000001, Session: 1})
	if err != nil {
		t.Fatal(err)
	}
	return ctx
}

// beyondTheContract: no reflection, no method that is not in a contract, no message without bound.
func beyondTheContract(t *testing.T) {
	for process, addr := range site.GRPC {
		conn := dialAs(t, "gateway", process, addr)
		for _, method := range []string{
			"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "/grpc.health.v1.Health/Check", "/beep.servers.v1.Servers/Nothing",
			"/beep.servers.v1.Servers/", "/nothing/Nothing", "/beep.servers.v1.Servers/CreateServer/",
		} {
			err := conn.Invoke(t.Context(), method, &emptypb.Empty{}, &emptypb.Empty{})
			if code := status.Code(err); code != codes.Unimplemented && code != codes.PermissionDenied {
				t.Errorf("%s of %s: got %v", method, process, err)
			}
		}
	}
	conn := dialAs(t, "gateway", "servers-1", site.GRPC["servers-1"])
	huge := &serversv1.CreateServerRequest{Name: strings.Repeat("a", 100<<20)}
	err := conn.Invoke(t.Context(), serversv1.Servers_CreateServer_FullMethodName, huge, &emptypb.Empty{}, grpc.MaxCallSendMsgSize(200<<20))
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("a message of 100 MiB: got %v", err)
	}
}

func credentialsOf(t *testing.T, service string) rpc.Credentials {
	t.Helper()
	c, err := rpc.LoadCredentials(site.Certs, service)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// tokenOf is somebody's access token.
func tokenOf(t *testing.T) string {
	t.Helper()
	token, err := crowd(t, 1)[0].Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// dialAs connects to a process with the certificate of a service.
func dialAs(t *testing.T, service, process, addr string) *grpc.ClientConn {
	t.Helper()
	return dial(t, addr, credentials.NewTLS(credentialsOf(t, service).ClientTLS(targetOf(process))))
}

func dial(t *testing.T, addr string, creds credentials.TransportCredentials) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+addr, grpc.WithTransportCredentials(creds))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func invoke(t *testing.T, addr string, creds credentials.TransportCredentials, method string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return dial(t, addr, creds).Invoke(ctx, method, &emptypb.Empty{}, &emptypb.Empty{})
}

// listening are the TCP addresses on which a process listens, as the kernel tells.
func listening(t *testing.T, pid int) []string {
	t.Helper()
	proc := filepath.Join("/proc", strconv.Itoa(pid))
	sockets := map[string]bool{}
	fds, err := os.ReadDir(filepath.Join(proc, "fd"))
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		to, err := os.Readlink(filepath.Join(proc, "fd", fd.Name()))
		if inode, ok := strings.CutPrefix(to, "socket:["); ok && err == nil {
			sockets[strings.TrimSuffix(inode, "]")] = true
		}
	}
	found := map[string]bool{}
	for _, file := range []string{"net/tcp", "net/tcp6"} {
		text, err := os.ReadFile(filepath.Join(proc, file))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			f := strings.Fields(line)
			const listen = "0A"
			if len(f) > 9 && f[3] == listen && sockets[f[9]] {
				found[f[1]] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}
