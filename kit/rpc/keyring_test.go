package rpc_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/kit/rpc"
)

// journal is a log whose lines a test may read while others write.
type journal struct {
	mu  sync.Mutex // guards out
	out strings.Builder
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.out.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.out.String()
}

func watched(t *testing.T, dir, service string, log *journal) rpc.Credentials {
	t.Helper()
	c, err := rpc.WatchCredentials(dir, service, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func saved(t *testing.T, dir string) *rpc.CA {
	t.Helper()
	ca, err := rpc.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	if err := ca.Save(dir, "gateway", "messages"); err != nil {
		t.Fatal(err)
	}
	return ca
}

// until asks again and again, for as long as a process may take to see a file.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.After(10 * time.Second); !ok(); {
		select {
		case <-end:
			t.Fatal("not within 10 s: " + what)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// connected says whether a new connection is made and answers.
func connected(t *testing.T, addr string, creds rpc.Credentials) bool {
	t.Helper()
	cc, err := rpc.Dial(rpc.DialOptions{Service: "messages", Targets: []string{addr}, Credentials: creds, Timeout: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cc.Close() }()
	_, err = say(within(t), cc, "x")
	return err == nil
}

func TestWatchCredentials_UsesWhatTheFilesSayWithoutARestart(t *testing.T) {
	dir, log := t.TempDir(), new(journal)
	saved(t, dir)
	server, client := watched(t, dir, "messages", log), watched(t, dir, "gateway", log)
	addr, _ := serve(t, server, &echo{unary: upper}, rpc.Options{Policy: everyone(), Verifier: server.Verifier()})
	open := dial(t, rpc.DialOptions{Targets: []string{addr}, Credentials: client})
	if _, err := say(within(t), open, "before"); err != nil {
		t.Fatal(err)
	}

	// Everything is replaced, the CA too: the harshest rotation there is.
	saved(t, dir)
	fresh, err := rpc.LoadCredentials(dir, "gateway")
	if err != nil {
		t.Fatal(err)
	}
	until(t, "the server proves and trusts what the files say", func() bool { return connected(t, addr, fresh) })
	until(t, "the client does", func() bool { return connected(t, addr, client) })
	if _, err := say(within(t), open, "after"); err != nil {
		t.Errorf("a connection that was open is lost: %v", err)
	}
	if connected(t, addr, rpc.Credentials{Cert: client.Cert, CA: client.CA}) {
		t.Error("the replaced certificate is still taken")
	}
	minter, err := client.Minter()
	if err != nil {
		t.Fatal(err)
	}
	ctx, err := rpc.WithIdentity(within(t), minter, beep.Caller{User: 7})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := say(ctx, open, "vouched"); err != nil {
		t.Errorf("an identity signed with the new certificate: %v", err)
	}
}

func TestWatchCredentials_KeepsWhatServesWhileTheFilesDoNot(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, dir string){
		"half a file": func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "messages.pem"), []byte("-----BEGIN CERT"))
		},
		"no file": func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, "messages-key.pem")); err != nil {
				t.Fatal(err)
			}
		},
		"another CA without its certificates": func(t *testing.T, dir string) {
			elsewhere := t.TempDir()
			saved(t, elsewhere)
			b, err := os.ReadFile(filepath.Join(elsewhere, "ca.pem"))
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, "ca.pem"), b)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, log := t.TempDir(), new(journal)
			saved(t, dir)
			server := watched(t, dir, "messages", log)
			client, err := rpc.LoadCredentials(dir, "gateway")
			if err != nil {
				t.Fatal(err)
			}
			addr, _ := serve(t, server, &echo{unary: upper}, rpc.Options{Policy: everyone()})
			spoil(t, dir)
			until(t, "the operator is warned", func() bool {
				if !connected(t, addr, client) {
					t.Fatal("the certificate in memory is not used any more")
				}
				return strings.Contains(log.String(), "certificate not renewed")
			})
			saved(t, dir)
			fresh, err := rpc.LoadCredentials(dir, "gateway")
			if err != nil {
				t.Fatal(err)
			}
			until(t, "the files are whole again", func() bool { return connected(t, addr, fresh) })
		})
	}
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A process with a CA of its own runs longer than a certificate lives.
func TestCACredentials_OutliveTheirFirstCertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca, err := rpc.NewCA()
		if err != nil {
			t.Fatal(err)
		}
		creds, err := ca.Credentials("gateway")
		if err != nil {
			t.Fatal(err)
		}
		minter, err := creds.Minter()
		if err != nil {
			t.Fatal(err)
		}
		local := rpc.NewLocal(rpc.Options{Policy: everyone(), Verifier: creds.Verifier()})
		local.RegisterService(echoDesc(), &echo{unary: upper})
		conn := local.As("gateway")
		for range 30 {
			<-time.After(30 * 24 * time.Hour)
			ctx, err := rpc.WithIdentity(t.Context(), minter, beep.Caller{User: 7})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := say(ctx, conn, "still"); err != nil {
				t.Fatalf("after a month more: %v", err)
			}
		}
	})
}
