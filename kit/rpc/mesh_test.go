package rpc_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/kit/rpc"
)

const meshIdentity = "spiffe://cluster.local/ns/beep-{target}/sa/{target}"

func meshOf(t *testing.T) *rpc.Mesh {
	t.Helper()
	m, err := rpc.NewMesh(meshIdentity, "gateway", "messages")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// peerHeaders are what a sidecar may say, and who then calls.
var peerHeaders = map[string]struct {
	said    []string
	service string
}{
	"a service":                        {[]string{`By=x;Hash=y;Subject="";URI=spiffe://cluster.local/ns/beep-gateway/sa/gateway`}, "gateway"},
	"another service":                  {[]string{`URI=spiffe://cluster.local/ns/beep-messages/sa/messages`}, "messages"},
	"nobody":                           {nil, ""},
	"nothing":                          {[]string{""}, ""},
	"a service that there is not":      {[]string{`URI=spiffe://cluster.local/ns/beep-files/sa/files`}, ""},
	"an account of another namespace":  {[]string{`URI=spiffe://cluster.local/ns/default/sa/gateway`}, ""},
	"an account beside the service's":  {[]string{`URI=spiffe://cluster.local/ns/beep-gateway/sa/default`}, ""},
	"another trust domain":             {[]string{`URI=spiffe://evil.example/ns/beep-gateway/sa/gateway`}, ""},
	"more behind it":                   {[]string{`URI=spiffe://cluster.local/ns/beep-gateway/sa/gateway/x`}, ""},
	"a certificate of our own":         {[]string{`URI=beep://service/gateway`}, ""},
	"a certificate without a URI":      {[]string{`Hash=y;DNS=gateway.beep.internal`}, ""},
	"two, of which one is made up":     {[]string{`URI=spiffe://cluster.local/ns/beep-gateway/sa/gateway,URI=spiffe://cluster.local/ns/default/sa/x`}, ""},
	"two headers":                      {[]string{`URI=spiffe://cluster.local/ns/beep-gateway/sa/gateway`, `URI=spiffe://cluster.local/ns/default/sa/x`}, ""},
	"what does not parse":              {[]string{`URI=spiffe://cluster.local/ns/beep-gateway/sa/gateway;Subject="`}, ""},
	"the caller's word, in other ways": {[]string{`uri`}, ""},
}

func TestMesh_TheSidecarSaysWhoCalls(t *testing.T) {
	var called string
	svc := &echo{unary: func(ctx context.Context, in *text) (*text, error) {
		called = beep.CallerFrom(ctx).Service
		return in, nil
	}}
	addr, _ := serve(t, rpc.Credentials{}, svc, rpc.Options{Policy: callableBy(rpc.Anyone), Mesh: meshOf(t)})
	conn := dial(t, rpc.DialOptions{Service: "messages", Targets: []string{addr}, Mesh: true})
	for name, c := range peerHeaders {
		t.Run(name, func(t *testing.T) {
			ctx := metadata.NewOutgoingContext(within(t), metadata.MD{"x-forwarded-client-cert": c.said})
			called = ""
			_, err := say(ctx, conn, "x")
			if called != c.service || (err == nil) != (c.service != "") {
				t.Errorf("got %q, %v; want %q", called, err, c.service)
			}
			if c.service == "" && status.Code(err) != codes.PermissionDenied {
				t.Errorf("refused with %v, want what another service's certificate gets", err)
			}
		})
	}
}

// callableBy is the policy of everyone for one caller.
func callableBy(caller string) rpc.Policy {
	policy := rpc.Policy{}
	for key, rule := range everyone() {
		rule.Callers = []string{caller}
		policy[key] = rule
	}
	return policy
}

func TestMesh_TheTableStaysTheSame(t *testing.T) {
	addr, _ := serve(t, rpc.Credentials{}, &echo{unary: upper}, rpc.Options{Policy: callableBy("gateway"), Mesh: meshOf(t)})
	conn := dial(t, rpc.DialOptions{Service: "messages", Targets: []string{addr}, Mesh: true})
	for service, want := range map[string]codes.Code{"gateway": codes.OK, "messages": codes.PermissionDenied} {
		ctx := metadata.AppendToOutgoingContext(within(t), "x-forwarded-client-cert", "URI=spiffe://cluster.local/ns/beep-"+service+"/sa/"+service)
		if _, err := say(ctx, conn, "x"); status.Code(err) != want {
			t.Errorf("%s gets %v, want %s", service, err, want)
		}
	}
}

// Where certificates prove who calls, the header of a mesh is a word like any other.
func TestMesh_ItsHeaderMeansNothingWithoutOne(t *testing.T) {
	var called string
	svc := &echo{unary: func(ctx context.Context, in *text) (*text, error) {
		called = beep.CallerFrom(ctx).Service
		return in, nil
	}}
	both(t, svc, rpc.Options{}, func(t *testing.T, cc grpc.ClientConnInterface) {
		ctx := metadata.AppendToOutgoingContext(within(t), "x-forwarded-client-cert", "URI=spiffe://cluster.local/ns/beep-messages/sa/messages")
		if _, err := say(ctx, cc, "x"); err != nil || called == "messages" || called == "" {
			t.Errorf("got %q, %v", called, err)
		}
	})
}

func TestMesh_BelievesTheSidecarAlone(t *testing.T) {
	said := "URI=spiffe://cluster.local/ns/beep-gateway/sa/gateway"
	h := meshOf(t).Only(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Forwarded-Client-Cert") != "" {
			t.Error("it is handed on")
		}
		w.WriteHeader(http.StatusNoContent)
	}), "gateway")
	for remote, want := range map[string]int{
		"127.0.0.1:5": http.StatusNoContent, "127.0.0.6:5": http.StatusNoContent, "[::1]:5": http.StatusNoContent, "[::ffff:127.0.0.1]:5": http.StatusNoContent,
		"10.0.0.1:5": http.StatusForbidden, "[2001:db8::1]:5": http.StatusForbidden, "[::ffff:10.0.0.1]:5": http.StatusForbidden, "@": http.StatusForbidden,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.RemoteAddr = remote
		r.Header.Set("X-Forwarded-Client-Cert", said)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("from %s: got %d, want %d", remote, w.Code, want)
		}
	}
	for name, c := range peerHeaders {
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.RemoteAddr, r.Header["X-Forwarded-Client-Cert"] = "127.0.0.1:5", c.said
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if (w.Code == http.StatusNoContent) != (c.service == "gateway") {
			t.Errorf("%s: got %d", name, w.Code)
		}
	}
}

// Over gRPC, too, from an address of this machine that others can reach.
func TestMesh_BelievesNoOtherAddress(t *testing.T) {
	outer := outerAddress(t)
	svc := &echo{unary: upper}
	addr, _ := serveOn(t, net.JoinHostPort(outer, "0"), rpc.Credentials{}, svc, rpc.Options{Policy: everyone(), Mesh: meshOf(t)})
	conn := dial(t, rpc.DialOptions{Service: "messages", Targets: []string{addr}, Mesh: true})
	ctx := metadata.AppendToOutgoingContext(within(t), "x-forwarded-client-cert", "URI=spiffe://cluster.local/ns/beep-gateway/sa/gateway")
	if _, err := say(ctx, conn, "x"); status.Code(err) != codes.PermissionDenied {
		t.Errorf("from %s: got %v, want a refusal", outer, err)
	}
}

// outerAddress is an address of this machine that is not loopback.
func outerAddress(t *testing.T) string {
	t.Helper()
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() && n.IP.To4() != nil {
			return n.IP.String()
		}
	}
	t.Skip("this machine is on no network")
	return ""
}

func TestNewMesh_RefusesWhatWouldMatchNobody(t *testing.T) {
	for _, identity := range []string{"", "spiffe://cluster.local/ns/beep/sa/gateway", "cluster.local/ns/{target}", "spiffe://a/{target};x", `spiffe://a/"{target}`} {
		if _, err := rpc.NewMesh(identity, "gateway"); err == nil {
			t.Errorf("%q was taken", identity)
		}
	}
}
