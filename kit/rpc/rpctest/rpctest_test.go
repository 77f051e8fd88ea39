package rpctest_test

import (
	"context"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/kit/rpc/rpctest"
)

func TestNet_CallsForAUser(t *testing.T) {
	var got beep.Caller
	handler := func(
		_ any, ctx context.Context, dec func(any) error, interceptor grpc.UnaryServerInterceptor,
	) (any, error) {
		in := new(emptypb.Empty)
		if err := dec(in); err != nil {
			return nil, err
		}
		call := func(ctx context.Context, _ any) (any, error) {
			got = beep.CallerFrom(ctx)
			return in, nil
		}
		return interceptor(ctx, in, &grpc.UnaryServerInfo{FullMethod: "/beep.test.v1.Net/Call"}, call)
	}
	desc := &grpc.ServiceDesc{
		ServiceName: "beep.test.v1.Net", HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Call", Handler: handler}},
	}
	net := rpctest.New(t, desc)
	net.RegisterService(desc, nil)
	ctx := net.For(t.Context(), t, beep.Caller{User: 7, Session: 8})
	if err := net.As("realtime").Invoke(ctx, "/beep.test.v1.Net/Call", &emptypb.Empty{}, &emptypb.Empty{}); err != nil {
		t.Fatal(err)
	}
	if got.User != 7 || got.Session != 8 || got.Service != "realtime" {
		t.Errorf("got %+v", got)
	}
}
