package rpc_test

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/kit/rpc"
)

// The contract of a connection, continued: streams.

// count sends as many messages as its request asks for, and then fails if the request says so.
func count(s grpc.ServerStream) error {
	in := new(text)
	if err := s.RecvMsg(in); err != nil {
		return err
	}
	n, fails := strings.CutSuffix(in.GetValue(), "!")
	many, err := strconv.Atoi(n)
	if err != nil {
		return err
	}
	for i := range many {
		if err := s.SendMsg(wrapperspb.String(strconv.Itoa(i))); err != nil {
			return err
		}
	}
	if fails {
		return beep.NotFound(beep.CodeMessageNotFound, "no more")
	}
	return nil
}

func TestServerStream_DeliversAllThenTheEnd(t *testing.T) {
	both(t, &echo{stream: count}, rpc.Options{}, func(t *testing.T, cc grpc.ClientConnInterface) {
		for _, c := range []struct {
			in    string
			many  int
			fails bool
		}{{"0", 0, false}, {"100", 100, false}, {"0!", 0, true}, {"100!", 100, true}} {
			s := open(within(t), t, cc, serverMeth)
			send(t, s, c.in)
			if err := s.CloseSend(); err != nil {
				t.Fatal(err)
			}
			got, err := drain(s)
			if len(got) != c.many || errors.Is(err, beep.ErrNotFound) != c.fails || (err != nil) != c.fails {
				t.Errorf("%s: got %d messages, %v", c.in, len(got), err)
			}
			for i, v := range got {
				if v != strconv.Itoa(i) {
					t.Fatalf("%s: message %d is %s", c.in, i, v)
				}
			}
		}
	})
}

// The last message and the end race to a client that already waits; the message comes first each time.
func TestServerStream_LosesNothingToTheEnd(t *testing.T) {
	both(t, &echo{stream: count}, rpc.Options{}, func(t *testing.T, cc grpc.ClientConnInterface) {
		for i := range 1000 {
			s := open(within(t), t, cc, serverMeth)
			send(t, s, "1")
			if got, err := drain(s); len(got) != 1 || err != nil {
				t.Fatalf("stream %d: got %v, %v", i, got, err)
			}
		}
	})
}

func TestClientStream_RepliesOnceAllIsSent(t *testing.T) {
	svc := &echo{stream: func(s grpc.ServerStream) error {
		got, err := drain(s)
		if err != nil {
			return err
		}
		all := strings.Join(got, " ")
		if all == "silent" {
			return nil
		}
		if err := s.SendMsg(wrapperspb.String(all)); err != nil {
			return err
		}
		if all == "fail" {
			return beep.Conflict(beep.CodeNonceReused, "again")
		}
		return nil
	}}
	both(t, svc, rpc.Options{}, func(t *testing.T, cc grpc.ClientConnInterface) {
		for _, c := range []struct {
			sent []string
			want codes.Code
		}{
			{nil, codes.OK},
			{strings.Fields(strings.Repeat("w ", 50)), codes.OK},
			{[]string{"fail"}, codes.AlreadyExists}, // an error counts more than the reply before it
			{[]string{"silent"}, codes.Internal},    // one reply is part of the contract
		} {
			s := open(within(t), t, cc, clientMeth)
			send(t, s, c.sent...)
			if err := s.CloseSend(); err != nil {
				t.Fatal(err)
			}
			out := new(text)
			err := s.RecvMsg(out)
			if status.Code(err) != c.want {
				t.Errorf("%v: got %v, want %s", c.sent, err, c.want)
			}
			if want := strings.Join(c.sent, " "); err == nil && out.GetValue() != want {
				t.Errorf("got %q, want %q", out.GetValue(), want)
			}
		}
	})
}

func TestBidiStream_HalfCloseLeavesTheOtherHalfOpen(t *testing.T) {
	svc := &echo{stream: func(s grpc.ServerStream) error {
		for {
			m := new(text)
			err := s.RecvMsg(m)
			if errors.Is(err, io.EOF) {
				return s.SendMsg(wrapperspb.String("bye"))
			}
			if err != nil {
				return err
			}
			if err := s.SendMsg(wrapperspb.String("re " + m.GetValue())); err != nil {
				return err
			}
		}
	}}
	both(t, svc, rpc.Options{}, func(t *testing.T, cc grpc.ClientConnInterface) {
		s := open(within(t), t, cc, bidiMethod)
		send(t, s, "a")
		out := new(text)
		if err := s.RecvMsg(out); err != nil || out.GetValue() != "re a" {
			t.Fatalf("got %q, %v", out.GetValue(), err)
		}
		send(t, s, "b", "c")
		if err := s.CloseSend(); err != nil {
			t.Fatal(err)
		}
		if err := s.SendMsg(wrapperspb.String("late")); status.Code(err) != codes.Internal {
			t.Errorf("sent after the half was closed: %v", err)
		}

		s = open(within(t), t, cc, bidiMethod)
		send(t, s, "b", "c")
		if err := s.CloseSend(); err != nil {
			t.Fatal(err)
		}
		got, err := drain(s)
		if diff := cmp.Diff([]string{"re b", "re c", "bye"}, got); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	})
}

func TestBidiStream_BothMaySendFirst(t *testing.T) {
	svc := &echo{stream: func(s grpc.ServerStream) error {
		for range 5 {
			if err := s.SendMsg(wrapperspb.String("hello")); err != nil {
				return err
			}
		}
		_, err := drain(s)
		return err
	}}
	both(t, svc, rpc.Options{}, func(t *testing.T, cc grpc.ClientConnInterface) {
		s := open(within(t), t, cc, bidiMethod)
		send(t, s, "1", "2", "3", "4", "5")
		if err := s.CloseSend(); err != nil {
			t.Fatal(err)
		}
		if got, err := drain(s); len(got) != 5 || err != nil {
			t.Errorf("got %v, %v", got, err)
		}
	})
}

func TestStream_SharesNothing(t *testing.T) {
	kept := wrapperspb.String("kept")
	svc := &echo{stream: func(s grpc.ServerStream) error {
		if err := s.SendMsg(kept); err != nil {
			return err
		}
		kept.Value = "changed after it was sent"
		return s.SendMsg(wrapperspb.String("second"))
	}}
	both(t, svc, rpc.Options{}, func(t *testing.T, cc grpc.ClientConnInterface) {
		kept.Value = "kept"
		s := open(within(t), t, cc, bidiMethod)
		got, err := drain(s)
		if diff := cmp.Diff([]string{"kept", "second"}, got); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	})
}

func TestStream_HeaderComesFirstTrailerLast(t *testing.T) {
	goOn := make(chan struct{})
	svc := &echo{stream: func(s grpc.ServerStream) error {
		if err := s.SetHeader(metadata.Pairs("h", "1")); err != nil {
			return err
		}
		if err := s.SendHeader(metadata.Pairs("h", "2")); err != nil {
			return err
		}
		if s.SetHeader(metadata.Pairs("h", "late")) == nil {
			return errors.New("a header could be set after it was sent")
		}
		<-goOn
		s.SetTrailer(metadata.Pairs("t", "3"))
		return beep.Precondition(beep.CodeNotTextChannel, "no")
	}}
	both(t, svc, rpc.Options{}, func(t *testing.T, cc grpc.ClientConnInterface) {
		var optHeader, optTrailer metadata.MD
		s := open(within(t), t, cc, bidiMethod, grpc.Header(&optHeader), grpc.Trailer(&optTrailer))
		header, err := s.Header() // before any message, and before the handler returns
		if got := header.Get("h"); len(got) != 2 || got[1] != "2" || err != nil {
			t.Errorf("header %v, %v", got, err)
		}
		goOn <- struct{}{}
		if _, err := drain(s); status.Code(err) != codes.FailedPrecondition {
			t.Errorf("got %v", err)
		}
		if got := s.Trailer().Get("t"); len(got) != 1 || got[0] != "3" {
			t.Errorf("trailer %v", got)
		}
		if len(optHeader.Get("h")) != 2 || len(optTrailer.Get("t")) != 1 {
			t.Errorf("by options: %v, %v", optHeader, optTrailer)
		}
	})
}

func TestStream_CancellationReachesTheHandler(t *testing.T) {
	left := make(chan error, 1)
	svc := &echo{stream: func(s grpc.ServerStream) error {
		if err := s.SendMsg(wrapperspb.String("started")); err != nil {
			return err
		}
		err := s.RecvMsg(new(text))
		<-s.Context().Done()
		left <- err
		return err
	}}
	book := &logbook{}
	both(t, svc, rpc.Options{Log: book.logger()}, func(t *testing.T, cc grpc.ClientConnInterface) {
		ctx, cancel := context.WithCancel(t.Context())
		s := open(ctx, t, cc, bidiMethod)
		if err := s.RecvMsg(new(text)); err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := wait(t, left, "the handler to hear of it"); status.Code(err) != codes.Canceled {
			t.Errorf("the handler's receive got %v", err)
		}
		if err := s.RecvMsg(new(text)); status.Code(err) != codes.Canceled || !errors.Is(err, context.Canceled) {
			t.Errorf("the client's receive got %v", err)
		}
		if log := book.take(); strings.Contains(log, "ERROR") {
			t.Errorf("a cancellation is no fault:\n%s", log)
		}
	})
}

func TestStream_SenderLearnsOfTheEnd(t *testing.T) {
	svc := &echo{stream: func(grpc.ServerStream) error { return beep.Forbidden(beep.CodeForbidden, "no") }}
	both(t, svc, rpc.Options{}, func(t *testing.T, cc grpc.ClientConnInterface) {
		s := open(within(t), t, cc, bidiMethod)
		var err error
		for err == nil { // what the window takes is lost, then the sender is told to look
			err = s.SendMsg(wrapperspb.String(strings.Repeat("x", 1<<10)))
		}
		if !errors.Is(err, io.EOF) {
			t.Errorf("send: got %v, want io.EOF", err)
		}
		if _, err := drain(s); status.Code(err) != codes.PermissionDenied {
			t.Errorf("receive: got %v", err)
		}
	})
}

// Generated code returns an error of the one send as that of the call, and io.EOF would say nothing.
func TestServerStream_SendSucceedsAfterTheEnd(t *testing.T) {
	svc := &echo{stream: func(grpc.ServerStream) error { return beep.Forbidden(beep.CodeForbidden, "no") }}
	both(t, svc, rpc.Options{}, func(t *testing.T, cc grpc.ClientConnInterface) {
		s := open(within(t), t, cc, serverMeth)
		_, _ = s.Header() // waits for the end
		if err := s.SendMsg(wrapperspb.String("x")); err != nil {
			t.Errorf("send: got %v", err)
		}
		if _, err := drain(s); status.Code(err) != codes.PermissionDenied {
			t.Errorf("receive: got %v", err)
		}
	})
}

func TestStream_PanicsAreAnswered(t *testing.T) {
	svc := &echo{stream: func(grpc.ServerStream) error { panic("secret boom") }}
	both(t, svc, rpc.Options{}, func(t *testing.T, cc grpc.ClientConnInterface) {
		for range 2 {
			_, err := drain(open(within(t), t, cc, bidiMethod))
			if status.Code(err) != codes.Internal || strings.Contains(err.Error(), "boom") {
				t.Errorf("got %v", err)
			}
		}
	})
}

func TestStream_ContextEndsWithTheHandler(t *testing.T) {
	ctxs := make(chan context.Context, 1)
	svc := &echo{stream: func(s grpc.ServerStream) error { ctxs <- s.Context(); return nil }}
	both(t, svc, rpc.Options{}, func(t *testing.T, cc grpc.ClientConnInterface) {
		s := open(within(t), t, cc, bidiMethod)
		wait(t, wait(t, ctxs, "the handler").Done(), "the end of the handler's context")
		if _, err := drain(s); err != nil {
			t.Errorf("got %v", err)
		}
	})
}

func TestStream_LargeMessagesAreRefused(t *testing.T) {
	large := strings.Repeat("x", rpc.MaxMessageBytes)
	svc := &echo{stream: func(s grpc.ServerStream) error {
		if err := s.RecvMsg(new(text)); err != nil {
			return err
		}
		return s.SendMsg(wrapperspb.String(large))
	}}
	both(t, svc, rpc.Options{}, func(t *testing.T, cc grpc.ClientConnInterface) {
		s := open(within(t), t, cc, bidiMethod)
		if err := s.SendMsg(wrapperspb.String(large)); status.Code(err) != codes.ResourceExhausted {
			t.Errorf("request: got %v", err)
		}
		send(t, s, "small")
		if _, err := drain(s); err == nil {
			t.Error("a reply above the bound arrived")
		}
	})
}

func TestStream_ExpiredNeverRuns(t *testing.T) {
	svc := &echo{stream: func(grpc.ServerStream) error { t.Error("the handler ran"); return nil }}
	both(t, svc, rpc.Options{}, func(t *testing.T, cc grpc.ClientConnInterface) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		desc := streamDesc("", true, true)
		s, err := cc.NewStream(ctx, &desc, bidiMethod)
		if err == nil {
			err = s.RecvMsg(new(text))
		}
		if status.Code(err) != codes.Canceled {
			t.Errorf("got %v", err)
		}
	})
}
