package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	"github.com/beep-chat/beep/client"
	"github.com/beep-chat/beep/e2e/people"
	"github.com/beep-chat/beep/e2e/stack"
)

// sidecar stands in for the two between a caller and whom it calls: it takes plain text from the one and gives plain
// text to the other, and says whose certificate the caller would have shown. It answers where it listens.
func sidecar(t *testing.T, caller, to string) string {
	t.Helper()
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	only := func(h2 bool) *http.Transport {
		var p http.Protocols
		p.SetHTTP1(!h2)
		p.SetUnencryptedHTTP2(h2)
		return &http.Transport{Protocols: &p}
	}
	one, two := only(false), only(true)
	server := &http.Server{Protocols: &protocols, ReadHeaderTimeout: patience, Handler: &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: to})
			r.Out.Host = r.In.Host
			r.Out.Header.Set("X-Forwarded-Client-Cert", peerHeader(caller))
		},
		Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
				return two.RoundTrip(r)
			}
			return one.RoundTrip(r)
		}),
		FlushInterval: -1,
		ErrorHandler:  func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusServiceUnavailable) },
	}}
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(lis) }()
	t.Cleanup(func() {
		if err := errors.Join(server.Close(), <-done); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
		one.CloseIdleConnections()
		two.CloseIdleConnections()
	})
	return lis.Addr().String()
}

type roundTrip func(*http.Request) (*http.Response, error)

// RoundTrip is f.
func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// peerHeader is what a sidecar says of a caller.
func peerHeader(caller string) string {
	return fmt.Sprintf(`By=spiffe://cluster.local/ns/b/sa/b;Hash=0a;Subject="";URI=spiffe://cluster.local/ns/beep-%s/sa/%s`, caller, caller)
}

// meshed starts every target as a process of its own whose peers are reached through sidecars, and answers the
// gateway's address, the socket's, and where the servers target serves gRPC to its sidecar.
func meshed(t *testing.T) (base, socket, servers string) {
	t.Helper()
	dir := t.TempDir()
	certs := filepath.Join(dir, "certs") // for the identities of users
	if out, err := exec.CommandContext(t.Context(), site.bin, "dev-certs", certs).CombinedOutput(); err != nil {
		t.Fatalf("dev-certs: %v: %s", err, out)
	}
	targets := []string{"users", "servers", "authz", "messages", "realtime", "gateway"}
	ports, err := stack.FreePorts(3 * len(targets))
	if err != nil {
		t.Fatal(err)
	}
	at := func(target string, what int) string {
		for i, name := range targets {
			if name == target {
				return fmt.Sprintf("127.0.0.1:%d", ports[3*i+what])
			}
		}
		return ""
	}
	const web, calls, health = 0, 1, 2
	peers := map[string][]string{
		"gateway": {"users", "servers", "messages"}, "realtime": {"users", "servers", "messages"},
		"authz": {"servers"}, "servers": {"authz", "messages"}, "messages": {"authz"},
	}
	base, socket = "http://"+at("gateway", web), "ws://"+at("realtime", web)+"/ws"
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var ready []func(context.Context) error
	for _, name := range targets {
		var reached []string
		for _, peer := range peers[name] {
			reached = append(reached, peer+"="+sidecar(t, name, at(peer, calls)))
		}
		env := []string{
			"BEEP_TLS=mesh", "BEEP_CERTS=" + certs, "BEEP_TARGET=" + name, "BEEP_DATA=" + dir, "BEEP_HTTP=" + at(name, web), "BEEP_HEALTH=" + at(name, health),
			"BEEP_PUBLIC_URL=" + base, "BEEP_REALTIME_URL=" + socket, "BEEP_PEERS=" + strings.Join(reached, ";"),
		}
		if name != "gateway" && name != "realtime" {
			env = append(env, "BEEP_LISTEN="+name+"="+at(name, calls))
		}
		if name == "gateway" {
			env = append(env, "BEEP_USERS_PAGES="+sidecar(t, name, at("users", web)))
		}
		ready = append(ready, stack.HTTPReady("http://"+at(name, health)+"/readyz"))
		p, err := stack.Start(ctx, stack.Spec{
			Name: "mesh-" + name, Path: site.bin, Args: []string{"serve"}, Env: env, Log: filepath.Join(dir, name+".log"),
			Ready: func(context.Context) error { return nil }, // until its peers are there it is not
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := p.Stop(context.WithoutCancel(t.Context())); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	for _, is := range ready {
		eventually(t, patience, func() error { return is(ctx) })
	}
	return base, socket, at("servers", calls)
}

// TestServiceMesh: where a mesh proves who calls, people notice nothing, and who calls past the sidecars, or as
// another, is refused.
func TestServiceMesh(t *testing.T) {
	t.Parallel()
	base, socket, servers := meshed(t)
	ada, err := people.SignUp(t.Context(), base, "ada")
	if err != nil {
		t.Fatal(err)
	}
	v := voice{ada.At(base), t}
	tides := v.createChannel(v.createServer("Harbour"), "tides")
	hears := newEar(t, ada, []string{socket})
	eventually(t, patience, func() error { return hears.connected(1) })
	v.send(tides, "High water at 18:20")
	eventually(t, patience, func() error { return same(hears.contents(tides), []string{"High water at 18:20"}) })

	conn := dial(t, servers, insecure.NewCredentials())
	for name, c := range map[string]struct {
		said string
		want codes.Code
	}{
		"nobody":                {"", codes.PermissionDenied},
		"another service":       {peerHeader("messages"), codes.PermissionDenied},
		"a stranger":            {"URI=spiffe://cluster.local/ns/default/sa/gateway", codes.PermissionDenied},
		"who says it twice":     {"URI=spiffe://cluster.local/ns/beep-gateway/sa/gateway," + peerHeader("messages"), codes.PermissionDenied},
		"the gateway, for none": {peerHeader("gateway"), codes.Unauthenticated},
	} {
		ctx := t.Context()
		if c.said != "" {
			ctx = metadata.AppendToOutgoingContext(ctx, "x-forwarded-client-cert", c.said)
		}
		err := conn.Invoke(ctx, serversv1.Servers_ListServers_FullMethodName, &emptypb.Empty{}, &emptypb.Empty{})
		if status.Code(err) != c.want {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
	if err := v.Call(t.Context(), http.MethodGet, "/api/users/@me", nil, nil); client.CodeOf(err) != "" {
		t.Errorf("afterwards: %v", err)
	}
}
