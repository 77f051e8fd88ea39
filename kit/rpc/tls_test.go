package rpc_test

import (
	"crypto/tls"
	"crypto/x509"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/beep-chat/beep/kit/rpc"
)

func contains(s string, parts ...string) bool {
	for _, p := range parts {
		if !strings.Contains(s, p) {
			return false
		}
	}
	return true
}

func TestServer_RefusesWhoHasNoCertificateOfOurs(t *testing.T) {
	svc := &echo{unary: upper}
	in, foreign := install(t, "gateway", "messages"), install(t, "gateway", "messages")
	addr, _ := serve(t, in.creds["messages"], svc, rpc.Options{Policy: everyone()})
	own, other := in.creds["gateway"], foreign.creds["gateway"]
	trusting := func(certs ...tls.Certificate) credentials.TransportCredentials {
		return credentials.NewTLS(&tls.Config{
			MinVersion: tls.VersionTLS13, Certificates: certs, RootCAs: own.CA, ServerName: "messages.beep.internal",
		})
	}
	old := credentials.NewTLS(&tls.Config{
		MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12, Certificates: []tls.Certificate{own.Cert}, RootCAs: own.CA,
		ServerName: "messages.beep.internal",
	})
	for _, c := range []struct {
		name  string
		creds credentials.TransportCredentials
		want  codes.Code
	}{
		{"ours", trusting(own.Cert), codes.OK},
		{"plaintext", insecure.NewCredentials(), codes.Unavailable},
		{"no certificate", trusting(), codes.Unavailable},
		{"another installation's certificate", trusting(other.Cert), codes.Unavailable},
		{"TLS 1.2", old, codes.Unavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			cc, err := grpc.NewClient(addr, grpc.WithTransportCredentials(c.creds))
			if err != nil {
				t.Fatal(err)
			}
			defer cc.Close()
			if _, err := say(within(t), cc, "x"); status.Code(err) != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestDial_RefusesAnotherServer(t *testing.T) {
	svc := &echo{unary: upper}
	in, foreign := install(t, "gateway", "messages", "users"), install(t, "gateway", "messages")
	for _, c := range []struct {
		name   string
		server rpc.Credentials
		want   codes.Code
	}{
		{"the service", in.creds["messages"], codes.OK},
		{"another service", in.creds["users"], codes.Unavailable},
		{"another installation's", foreign.creds["messages"], codes.Unavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			addr, _ := serve(t, c.server, svc, rpc.Options{Policy: everyone()})
			cc := dial(t, rpc.DialOptions{Targets: []string{addr}, Credentials: in.creds["gateway"]})
			if _, err := say(within(t), cc, "x"); status.Code(err) != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

// The path of a request is matched whole: one without its slash, or with another, is no method at all.
func TestServer_KnowsNoPathButTheExactOne(t *testing.T) {
	ran := make(chan struct{}, 10)
	svc := &echo{stream: func(grpc.ServerStream) error { ran <- struct{}{}; return nil }}
	in := install(t, "gateway", "messages")
	addr, _ := serve(t, in.creds["messages"], svc, rpc.Options{Policy: everyone()})
	for path, want := range map[string]string{
		bidiMethod:                          "0",
		strings.TrimPrefix(bidiMethod, "/"): "12",
		"/" + bidiMethod:                    "12",
		bidiMethod + "/":                    "12",
		strings.ToLower(bidiMethod):         "12",
		"/" + echoService + "%2FBidi":       "12",
		"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo":      "12",
		"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": "12",
	} {
		if got := rawStatus(t, addr, in.creds["gateway"], path); got != want {
			t.Errorf("%s: status %q, want %q", path, got, want)
		}
	}
	if len(ran) != 1 {
		t.Errorf("the handler ran %d times, want once", len(ran))
	}
}

// rawStatus sends a request with a :path of any form, which gRPC's client would not, and returns grpc-status.
func rawStatus(t *testing.T, addr string, creds rpc.Credentials, path string) string {
	t.Helper()
	conn, err := tls.Dial("tcp", addr, &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{creds.Cert}, RootCAs: creds.CA,
		ServerName: "messages.beep.internal", NextProtos: []string{"h2"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte(http2.ClientPreface)); err != nil {
		t.Fatal(err)
	}
	framer := http2.NewFramer(conn, conn)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	var block strings.Builder
	enc := hpack.NewEncoder(&block)
	for _, f := range [][2]string{
		{":method", "POST"},
		{":scheme", "https"},
		{":path", path},
		{":authority", "x"},
		{"content-type", "application/grpc"},
		{"te", "trailers"},
	} {
		if err := enc.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}); err != nil {
			t.Fatal(err)
		}
	}
	if err := framer.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	err = framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID: 1, BlockFragment: []byte(block.String()), EndHeaders: true, EndStream: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		headers, ok := frame.(*http2.MetaHeadersFrame)
		if !ok {
			continue
		}
		for _, f := range headers.Fields {
			if f.Name == "grpc-status" {
				return f.Value
			}
		}
	}
}

func TestCA_SavesWhatLoadCredentialsReads(t *testing.T) {
	ca, err := rpc.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "certs")
	for range 2 { // a second time replaces
		if err := ca.Save(dir, "gateway", "messages"); err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if key := strings.HasSuffix(path, "-key.pem"); key && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		names = append(names, d.Name())
		return nil
	})
	want := "ca.pem gateway-key.pem gateway.pem messages-key.pem messages.pem"
	if got := strings.Join(names, " "); got != want || err != nil {
		t.Errorf("got %s, %v; want %s", got, err, want)
	}

	server, err := rpc.LoadCredentials(dir, "messages")
	if err != nil {
		t.Fatal(err)
	}
	client, err := rpc.LoadCredentials(dir, "gateway")
	if err != nil {
		t.Fatal(err)
	}
	addr, _ := serve(t, server, &echo{unary: upper}, rpc.Options{Policy: everyone()})
	cc := dial(t, rpc.DialOptions{Targets: []string{addr}, Credentials: client})
	if got, err := say(within(t), cc, "saved"); got != "SAVED" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestLoadCredentials_RefusesWhatDoesNotFit(t *testing.T) {
	ca, err := rpc.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := ca.Save(dir, "gateway", "messages"); err != nil {
		t.Fatal(err)
	}
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	write := func(name string, b []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("users.pem", read("gateway.pem"))
	write("users-key.pem", read("gateway-key.pem"))
	write("authz.pem", read("gateway.pem"))
	write("authz-key.pem", read("messages-key.pem"))
	for service, why := range map[string]string{
		"users": "another service's certificate", "authz": "a key that does not fit", "social": "no files",
		"../gateway": "a path", "": "no name",
	} {
		if _, err := rpc.LoadCredentials(dir, service); err == nil {
			t.Errorf("%s: loaded", why)
		}
	}
	write("ca.pem", []byte("nothing"))
	if _, err := rpc.LoadCredentials(dir, "gateway"); err == nil {
		t.Error("loaded without a CA")
	}
}

func TestIssue_RefusesNamesThatAreNoService(t *testing.T) {
	ca, err := rpc.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", "a/b", "A", "a.b", "-a", "a-", "ca", "users-key", "../x", strings.Repeat("a", 41)} {
		if _, err := ca.Issue(name); err == nil {
			t.Errorf("issued for %q", name)
		}
	}
	cert, err := ca.Issue("users")
	if err != nil {
		t.Fatal(err)
	}
	_, err = cert.Leaf.Verify(x509.VerifyOptions{Roots: ca.Pool(), DNSName: "users.beep.internal"})
	if err != nil || len(cert.Leaf.URIs) != 1 || cert.Leaf.URIs[0].String() != "beep://service/users" {
		t.Errorf("%v, %v", cert.Leaf.URIs, err)
	}
	if ip := net.ParseIP("127.0.0.1"); cert.Leaf.VerifyHostname(ip.String()) == nil {
		t.Error("the certificate names an address")
	}
}
