package app

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
)

func TestReached(t *testing.T) {
	t.Parallel()
	lis := bufconn.Listen(1 << 10)
	conn := dialled(t, func(ctx context.Context, _ string) (net.Conn, error) { return lis.DialContext(ctx) })
	ask := reached(conn)
	if err := ask(t.Context()); err == nil {
		t.Error("reached before anyone answered")
	}
	server := grpc.NewServer()
	go func() { _ = server.Serve(lis) }() // until Stop
	conn.Connect()
	for state := conn.GetState(); ask(t.Context()) != nil; state = conn.GetState() {
		if !conn.WaitForStateChange(t.Context(), state) {
			t.Fatal("never reached")
		}
	}
	server.Stop()
	if err := ask(t.Context()); err != nil {
		t.Errorf("a peer that went away later: %v", err)
	}
}

func TestReached_WaitsForNobodyForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		conn, err := grpc.NewClient("passthrough:///nowhere", grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		ask := reached(conn)
		time.Sleep(reachWithin)
		if ask(t.Context()) == nil {
			t.Error("given up too early")
		}
		time.Sleep(time.Millisecond)
		if err := ask(t.Context()); err != nil {
			t.Errorf("after %s: %v", reachWithin, err)
		}
	})
}

func dialled(t *testing.T, dial func(context.Context, string) (net.Conn, error)) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///peer", grpc.WithContextDialer(dial), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}
