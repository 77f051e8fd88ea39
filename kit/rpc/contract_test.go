package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/kit/rpc"
)

// This is the one contract of a connection: every test runs in one process and over TCP with mutual TLS.

func upper(_ context.Context, in *text) (*text, error) {
	return wrapperspb.String(strings.ToUpper(in.GetValue())), nil
}

func TestUnary_Replies(t *testing.T) {
	both(t, &echo{unary: upper}, rpc.Options{}, func(t *testing.T, cc grpc.ClientConnInterface) {
		out := wrapperspb.String("left from before")
		if err := cc.Invoke(within(t), unaryMethod, wrapperspb.String("héllo"), out); err != nil {
			t.Fatal(err)
		}
		if got, want := out.GetValue(), "HÉLLO"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if err := cc.Invoke(within(t), unaryMethod, wrapperspb.String(""), out); err != nil || out.GetValue() != "" {
			t.Errorf("an empty reply left %q, %v", out.GetValue(), err)
		}
	})
}

func TestUnary_SharesNothing(t *testing.T) {
	kept := wrapperspb.String("kept by the server")
	var seen *text
	svc := &echo{unary: func(_ context.Context, in *text) (*text, error) {
		seen = in
		in.Value = "changed by the server"
		return kept, nil
	}}
	both(t, svc, rpc.Options{}, func(t *testing.T, cc grpc.ClientConnInterface) {
		in, out := wrapperspb.String("kept by the client"), new(text)
		if err := cc.Invoke(within(t), unaryMethod, in, out); err != nil {
			t.Fatal(err)
		}
		out.Value = "changed by the client"
		if kept.GetValue() != "kept by the server" || in.GetValue() != "kept by the client" || seen == in {
			t.Errorf("one side sees the other's writes: %q, %q", kept.GetValue(), in.GetValue())
		}
	})
}

func TestUnary_NilReplyIsEmpty(t *testing.T) {
	svc := &echo{unary: func(context.Context, *text) (*text, error) { return nil, nil }}
	both(t, svc, rpc.Options{}, func(t *testing.T, cc grpc.ClientConnInterface) {
		if got, err := say(within(t), cc, "x"); got != "" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

func TestUnary_ErrorsArriveWhole(t *testing.T) {
	sent := &beep.Error{
		Kind: beep.KindLimited, Code: beep.CodeRateLimited, Msg: "slow down", RetryAfter: 1500 * time.Millisecond, Limit: 10,
		Fields: map[string]string{"content": "too often", "nonce": "é"}, Err: errors.New("secret cause"),
	}
	svc := &echo{unary: func(context.Context, *text) (*text, error) {
		return nil, fmt.Errorf("send message 7: %w", sent)
	}}
	both(t, svc, rpc.Options{}, func(t *testing.T, cc grpc.ClientConnInterface) {
		_, err := say(within(t), cc, "x")
		var got *beep.Error
		if !errors.As(err, &got) {
			t.Fatalf("not a beep.Error: %v", err)
		}
		want := &beep.Error{
			Kind: sent.Kind, Code: sent.Code, Msg: sent.Msg, Fields: sent.Fields, RetryAfter: sent.RetryAfter, Limit: sent.Limit,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("error (-want +got):\n%s", diff)
		}
		st, ok := status.FromError(fmt.Errorf("wrapped: %w", err))
		if !ok || st.Code() != codes.ResourceExhausted {
			t.Errorf("status %v, %v", st, ok)
		}
		if strings.Contains(fmt.Sprint(err, st.Proto()), "secret") {
			t.Errorf("the cause got out: %v", err)
		}
	})
}

func TestUnary_UnknownErrorsTellNothing(t *testing.T) {
	book := &logbook{}
	svc := &echo{unary: func(context.Context, *text) (*text, error) { return nil, errors.New("secret: disk on fire") }}
	both(t, svc, rpc.Options{Log: book.logger()}, func(t *testing.T, cc grpc.ClientConnInterface) {
		_, err := say(within(t), cc, "x")
		var got *beep.Error
		if !errors.As(err, &got) || got.Kind != beep.KindInternal || got.Code != beep.CodeInternal {
			t.Fatalf("got %v", err)
		}
		if status.Code(err) != codes.Internal || strings.Contains(err.Error(), "secret") {
			t.Errorf("got %v", err)
		}
		if log := book.take(); strings.Count(log, "disk on fire") != 1 || strings.Count(log, `"level":"ERROR"`) != 1 {
			t.Errorf("want it logged once:\n%s", log)
		}
	})
}

func TestUnary_PanicsAreAnsweredAndLoggedOnce(t *testing.T) {
	book := &logbook{}
	svc := &echo{unary: func(_ context.Context, in *text) (*text, error) {
		if in.GetValue() == "boom" {
			panic("secret boom")
		}
		return in, nil
	}}
	both(t, svc, rpc.Options{Log: book.logger()}, func(t *testing.T, cc grpc.ClientConnInterface) {
		_, err := say(within(t), cc, "boom")
		if status.Code(err) != codes.Internal || strings.Contains(err.Error(), "boom") {
			t.Errorf("got %v", err)
		}
		log := book.take()
		if strings.Count(log, "panic: secret boom") != 1 || !strings.Contains(log, "contract_test.go") {
			t.Errorf("want the panic logged once, with its stack:\n%s", log)
		}
		if got, err := say(within(t), cc, "alive"); got != "alive" || err != nil {
			t.Errorf("after the panic: %q, %v", got, err)
		}
	})
}

type leakKey struct{}

func TestUnary_MetadataCrossesAndValuesDoNot(t *testing.T) {
	svc := &echo{unary: func(ctx context.Context, _ *text) (*text, error) {
		if v := ctx.Value(leakKey{}); v != nil {
			return nil, fmt.Errorf("a value crossed: %v", v)
		}
		md, _ := metadata.FromIncomingContext(ctx)
		out, _ := metadata.FromOutgoingContext(ctx)
		return wrapperspb.String(fmt.Sprintf("%v %x %d", md.Get("beep-test"), md.Get("raw-bin"), out.Len())), nil
	}}
	both(t, svc, rpc.Options{}, func(t *testing.T, cc grpc.ClientConnInterface) {
		ctx := context.WithValue(within(t), leakKey{}, "leaked")
		ctx = metadata.AppendToOutgoingContext(ctx, "Beep-Test", "a", "beep-test", "b", "raw-bin", "\x00\xff")
		got, err := say(ctx, cc, "x")
		if want := "[a b] [00ff] 0"; got != want || err != nil {
			t.Errorf("got %q, %v; want %q", got, err, want)
		}
	})
}

func TestUnary_HeaderAndTrailerComeBack(t *testing.T) {
	svc := &echo{unary: func(ctx context.Context, in *text) (*text, error) {
		err := errors.Join(
			grpc.SetHeader(ctx, metadata.Pairs("h", "1")), grpc.SendHeader(ctx, metadata.Pairs("h", "2")),
			grpc.SetTrailer(ctx, metadata.Pairs("t", "3")), grpc.SetTrailer(ctx, metadata.Pairs("t", "4")))
		if late := grpc.SetHeader(ctx, metadata.Pairs("h", "late")); late == nil {
			err = errors.Join(err, errors.New("a header could be set after it was sent"))
		}
		if in.GetValue() == "fail" {
			err = errors.Join(err, beep.NotFound(beep.CodeMessageNotFound, "no such message"))
		}
		return in, err
	}}
	both(t, svc, rpc.Options{}, func(t *testing.T, cc grpc.ClientConnInterface) {
		for _, in := range []string{"pass", "fail"} {
			var header, trailer metadata.MD
			_, err := say(within(t), cc, in, grpc.Header(&header), grpc.Trailer(&trailer))
			if want := in == "fail"; errors.Is(err, beep.ErrNotFound) != want || (err != nil) != want {
				t.Errorf("%s: got error %v", in, err)
			}
			got := fmt.Sprint(header.Get("h"), trailer.Get("t"))
			if want := "[1 2] [3 4]"; got != want {
				t.Errorf("%s: got %s, want %s", in, got, want)
			}
		}
	})
}

func TestUnary_DeadlineReachesTheHandler(t *testing.T) {
	svc := &echo{unary: func(ctx context.Context, _ *text) (*text, error) {
		at, ok := ctx.Deadline()
		if !ok {
			return nil, errors.New("no deadline")
		}
		return wrapperspb.String(time.Until(at).String()), nil
	}}
	o := rpc.Options{MaxDeadline: 15 * time.Second}
	both(t, svc, o, func(t *testing.T, cc grpc.ClientConnInterface) {
		for _, c := range []struct {
			name     string
			own      time.Duration // 0: none
			low, top time.Duration
		}{
			{"the caller's", 5 * time.Second, 0, 5 * time.Second},
			{"the default", 0, 5 * time.Second, rpc.DefaultTimeout},
			{"the server's bound", time.Hour, 5 * time.Second, 15 * time.Second},
		} {
			ctx := t.Context()
			if c.own > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, c.own)
				defer cancel()
			}
			got, err := say(ctx, cc, "x")
			left, parseErr := time.ParseDuration(got)
			if err != nil || parseErr != nil || left <= c.low || left > c.top {
				t.Errorf("%s: %q left, %v; want in (%v, %v]", c.name, got, err, c.low, c.top)
			}
		}
	})
}

func TestUnary_DeadlineEndsTheCall(t *testing.T) {
	svc := &echo{unary: func(ctx context.Context, in *text) (*text, error) {
		<-ctx.Done()
		if in.GetValue() == "own words" {
			return nil, errors.New("driver: interrupted")
		}
		return nil, ctx.Err()
	}}
	both(t, svc, rpc.Options{}, func(t *testing.T, cc grpc.ClientConnInterface) {
		for _, in := range []string{"the context's", "own words"} {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			_, err := say(ctx, cc, in)
			var e *beep.Error
			if status.Code(err) != codes.DeadlineExceeded || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: got %v", in, err)
			}
			if !errors.As(err, &e) || e.Kind != beep.KindUnavailable || e.Code != beep.CodeUnavailable {
				t.Errorf("%s: got %#v", in, e)
			}
		}
	})
}

// The server's own bound is the end of the request, not of the caller's patience: the answer arrives.
func TestUnary_ServerBoundAnswersDeadlineExceeded(t *testing.T) {
	svc := &echo{unary: func(ctx context.Context, _ *text) (*text, error) {
		<-ctx.Done()
		return nil, errors.New("interrupted")
	}}
	o := rpc.Options{MaxDeadline: 20 * time.Millisecond}
	both(t, svc, o, func(t *testing.T, cc grpc.ClientConnInterface) {
		ctx := within(t)
		_, err := say(ctx, cc, "x")
		if status.Code(err) != codes.DeadlineExceeded || ctx.Err() != nil {
			t.Errorf("got %v, the caller's context %v", err, ctx.Err())
		}
	})
}

func TestUnary_ExpiredNeverRuns(t *testing.T) {
	svc := &echo{unary: func(context.Context, *text) (*text, error) { t.Error("the handler ran"); return nil, nil }}
	both(t, svc, rpc.Options{}, func(t *testing.T, cc grpc.ClientConnInterface) {
		late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
		defer cancel()
		if _, err := say(late, cc, "x"); status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("got %v", err)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := say(gone, cc, "x")
		if status.Code(err) != codes.Canceled || !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestUnary_CancellationReachesTheHandler(t *testing.T) {
	entered, left := make(chan struct{}), make(chan error, 1)
	svc := &echo{unary: func(ctx context.Context, _ *text) (*text, error) {
		entered <- struct{}{}
		<-ctx.Done()
		left <- ctx.Err()
		return nil, ctx.Err()
	}}
	both(t, svc, rpc.Options{}, func(t *testing.T, cc grpc.ClientConnInterface) {
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error, 1)
		go func() { _, err := say(ctx, cc, "x"); result <- err }()
		wait(t, entered, "the handler")
		cancel()
		if err := wait(t, left, "the handler to hear of it"); !errors.Is(err, context.Canceled) {
			t.Errorf("the handler saw %v", err)
		}
		err := wait(t, result, "the call")
		if status.Code(err) != codes.Canceled || !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestUnary_ContextEndsWithTheHandler(t *testing.T) {
	ctxs := make(chan context.Context, 1)
	svc := &echo{unary: func(ctx context.Context, in *text) (*text, error) { ctxs <- ctx; return in, nil }}
	both(t, svc, rpc.Options{}, func(t *testing.T, cc grpc.ClientConnInterface) {
		ctx := within(t)
		if _, err := say(ctx, cc, "x"); err != nil {
			t.Fatal(err)
		}
		wait(t, (<-ctxs).Done(), "the end of the handler's context")
		if ctx.Err() != nil {
			t.Errorf("the caller's context ended: %v", ctx.Err())
		}
	})
}

func TestUnary_LargeMessagesAreRefused(t *testing.T) {
	large := strings.Repeat("x", rpc.MaxMessageBytes)
	svc := &echo{unary: func(_ context.Context, in *text) (*text, error) {
		if in.GetValue() == "large" {
			return wrapperspb.String(large), nil
		}
		return in, nil
	}}
	both(t, svc, rpc.Options{}, func(t *testing.T, cc grpc.ClientConnInterface) {
		for _, c := range []struct {
			in   string
			kind beep.Kind
			code beep.Code
		}{{large, beep.KindInvalid, beep.CodeBodyTooLarge}, {"large", beep.KindInternal, beep.CodeInternal}} {
			_, err := say(within(t), cc, c.in)
			var e *beep.Error
			if status.Code(err) != codes.ResourceExhausted || !errors.As(err, &e) || e.Kind != c.kind || e.Code != c.code {
				t.Errorf("got %v, want %s", err, c.code)
			}
		}
		if got, err := say(within(t), cc, large[:rpc.MaxMessageBytes-8]); len(got) != rpc.MaxMessageBytes-8 || err != nil {
			t.Errorf("the largest that fits: got %d bytes, %v", len(got), err)
		}
	})
}

func TestUnary_LargeMetadataIsRefused(t *testing.T) {
	svc := &echo{unary: func(ctx context.Context, in *text) (*text, error) {
		if in.GetValue() != "warm" {
			t.Error("the handler ran")
		}
		return in, nil
	}}
	both(t, svc, rpc.Options{}, func(t *testing.T, cc grpc.ClientConnInterface) {
		if _, err := say(within(t), cc, "warm"); err != nil {
			t.Fatal(err)
		}
		ctx := metadata.AppendToOutgoingContext(within(t), "k", strings.Repeat("v", rpc.MaxMetadataBytes))
		if _, err := say(ctx, cc, "x"); status.Code(err) != codes.Internal {
			t.Errorf("got %v", err)
		}
	})
}

func TestUnknownMethods_AreUnimplemented(t *testing.T) {
	svc := &echo{
		unary:  func(context.Context, *text) (*text, error) { return nil, status.Error(codes.Unimplemented, "not here") },
		stream: func(grpc.ServerStream) error { t.Error("the handler ran"); return nil },
	}
	both(t, svc, rpc.Options{}, func(t *testing.T, cc grpc.ClientConnInterface) {
		for _, method := range []string{
			unaryMethod, "/" + echoService + "/Nope", "/beep.test.v1.Nope/Unary", "/" + echoService + "/",
		} {
			err := cc.Invoke(within(t), method, new(text), new(text))
			var e *beep.Error
			if status.Code(err) != codes.Unimplemented || !errors.As(err, &e) || e.Kind != beep.KindInternal {
				t.Errorf("%s: got %v", method, err)
			}
		}
		desc := streamDesc("", true, true)
		s, err := cc.NewStream(within(t), &desc, "/"+echoService+"/Nope")
		if err == nil {
			err = s.RecvMsg(new(text))
		}
		if status.Code(err) != codes.Unimplemented {
			t.Errorf("stream: got %v", err)
		}
	})
}

func TestConcurrentCalls_DoNotMix(t *testing.T) {
	svc := &echo{unary: upper, stream: func(s grpc.ServerStream) error {
		got, err := drain(s)
		if err != nil {
			return err
		}
		return s.SendMsg(wrapperspb.String(strings.Join(got, "")))
	}}
	both(t, svc, rpc.Options{}, func(t *testing.T, cc grpc.ClientConnInterface) {
		var wg sync.WaitGroup
		for i := range 32 {
			wg.Go(func() {
				word := fmt.Sprintf("w%d", i)
				for range 20 {
					if got, err := say(within(t), cc, word); got != strings.ToUpper(word) || err != nil {
						t.Errorf("got %q, %v; want %q", got, err, strings.ToUpper(word))
					}
					desc, out := streamDesc("", true, true), new(text)
					s, err := cc.NewStream(within(t), &desc, bidiMethod)
					if err != nil {
						t.Errorf("open: %v", err)
						return
					}
					m := wrapperspb.String(word)
					err = errors.Join(s.SendMsg(m), s.SendMsg(m), s.CloseSend(), s.RecvMsg(out))
					if end := s.RecvMsg(new(text)); err != nil || out.GetValue() != word+word || !errors.Is(end, io.EOF) {
						t.Errorf("got %q, %v, %v", out.GetValue(), err, end)
					}
				}
			})
		}
		wg.Wait()
	})
}

func BenchmarkUnary(b *testing.B) {
	svc := &echo{unary: func(_ context.Context, in *text) (*text, error) { return in, nil }}
	for _, n := range networks(b, svc, rpc.Options{}) {
		cc := n.as("gateway")
		b.Run(n.name, func(b *testing.B) { benchmarkUnary(b.Context(), b, cc) })
		b.Run(n.name+"-for-a-user", func(b *testing.B) {
			benchmarkUnary(callFor(b.Context(), b, minter(b, n.in, "gateway"), beep.Caller{User: 7, Session: 8}), b, cc)
		})
	}
}

func benchmarkUnary(ctx context.Context, b *testing.B, cc grpc.ClientConnInterface) {
	b.Helper()
	in, out := wrapperspb.String("hello"), new(text)
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	b.ReportAllocs()
	for b.Loop() {
		if err := cc.Invoke(ctx, unaryMethod, in, out); err != nil {
			b.Fatal(err)
		}
	}
}
