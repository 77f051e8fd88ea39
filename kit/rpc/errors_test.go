package rpc

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/beep-chat/beep"
)

func TestErrorMapping_BothWays(t *testing.T) {
	secret := errors.New("secret")
	for _, c := range []struct {
		name string
		in   error
		code codes.Code
		out  *beep.Error
	}{
		{
			"invalid with fields", beep.InvalidField(beep.CodeInvalidField, "name", "too long"), codes.InvalidArgument,
			&beep.Error{
				Kind: beep.KindInvalid, Code: beep.CodeInvalidField, Msg: "name: too long",
				Fields: map[string]string{"name": "too long"},
			},
		},
		{
			"unauthenticated", beep.Unauthenticated(beep.CodeInvalidToken, "m"), codes.Unauthenticated,
			beep.Unauthenticated(beep.CodeInvalidToken, "m"),
		},
		{
			"forbidden", beep.Forbidden(beep.CodeForbidden, "m"), codes.PermissionDenied,
			beep.Forbidden(beep.CodeForbidden, "m"),
		},
		{
			"not found, wrapped", fmt.Errorf("read: %w", beep.NotFound(beep.CodeServerNotFound, "m")), codes.NotFound,
			beep.NotFound(beep.CodeServerNotFound, "m"),
		},
		{
			"conflict", beep.Conflict(beep.CodeNonceReused, "m"), codes.AlreadyExists,
			beep.Conflict(beep.CodeNonceReused, "m"),
		},
		{
			"precondition", beep.Precondition(beep.CodeNotTextChannel, "m"), codes.FailedPrecondition,
			beep.Precondition(beep.CodeNotTextChannel, "m"),
		},
		{
			"limited", beep.Limited(beep.CodeRateLimited, "m", 2500*time.Millisecond), codes.ResourceExhausted,
			beep.Limited(beep.CodeRateLimited, "m", 2500*time.Millisecond),
		},
		{"unavailable", beep.Unavailable(secret), codes.Unavailable, beep.Unavailable(nil)},
		{
			"deadline as a cause", beep.Unavailable(fmt.Errorf("query: %w", context.DeadlineExceeded)),
			codes.DeadlineExceeded, beep.Unavailable(context.DeadlineExceeded),
		},
		{
			"deadline", fmt.Errorf("query: %w", context.DeadlineExceeded), codes.DeadlineExceeded,
			beep.Unavailable(context.DeadlineExceeded),
		},
		{"cancellation", fmt.Errorf("query: %w", context.Canceled), codes.Unavailable, beep.Unavailable(nil)},
		{"a foreign outage", status.Error(codes.Unavailable, "secret"), codes.Unavailable, beep.Unavailable(nil)},
		{
			"a foreign deadline", status.Error(codes.DeadlineExceeded, "secret"), codes.DeadlineExceeded,
			beep.Unavailable(context.DeadlineExceeded),
		},
		{"a foreign refusal", status.Error(codes.NotFound, "secret"), codes.Internal, internal()},
		{
			"internal", &beep.Error{Code: "x", Msg: "secret", Fields: map[string]string{"secret": ""}}, codes.Internal,
			internal(),
		},
		{"unknown", secret, codes.Internal, internal()},
		{"a store's sentinel", beep.ErrNotFound, codes.Internal, internal()},
		{"a panic", &panicError{value: "secret"}, codes.Internal, internal()},
	} {
		t.Run(c.name, func(t *testing.T) {
			st := toStatus(c.in)
			if st.Code() != c.code {
				t.Errorf("code %s, want %s", st.Code(), c.code)
			}
			if text := st.Proto().String(); strings.Contains(text, "secret") {
				t.Errorf("the status tells too much: %s", text)
			}
			err := clientError(st.Err())
			var got *beep.Error
			if !errors.As(err, &got) {
				t.Fatalf("no beep.Error in %v", err)
			}
			if diff := cmp.Diff(*c.out, *got, cmpopts.EquateErrors()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if again := toStatus(fmt.Errorf("forward: %w", err)); again.Code() != c.code {
				t.Errorf("passed on as %s, want %s", again.Code(), c.code)
			}
		})
	}
}

func internal() *beep.Error { return &beep.Error{Code: beep.CodeInternal, Msg: internalText} }

func TestErrorMapping_OfStatusesThatBeepDidNotMake(t *testing.T) {
	pretender, err := status.New(codes.NotFound, "secret").WithDetails(
		&errdetails.ErrorInfo{Reason: "message_not_found", Domain: "elsewhere.example"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		in   *status.Status
		kind beep.Kind
		code beep.Code
		is   error
	}{
		{status.New(codes.Canceled, "secret"), beep.KindUnavailable, beep.CodeUnavailable, context.Canceled},
		{status.New(codes.DeadlineExceeded, "secret"), beep.KindUnavailable, beep.CodeUnavailable, context.DeadlineExceeded},
		{status.New(codes.Unavailable, "secret"), beep.KindUnavailable, beep.CodeUnavailable, nil},
		{status.New(codes.Unimplemented, "secret"), beep.KindInternal, beep.CodeInternal, nil},
		{status.New(codes.PermissionDenied, "secret"), beep.KindInternal, beep.CodeInternal, nil},
		{status.New(codes.ResourceExhausted, "secret"), beep.KindInternal, beep.CodeInternal, nil},
		{pretender, beep.KindInternal, beep.CodeInternal, nil},
	} {
		err := clientError(c.in.Err())
		var e *beep.Error
		if !errors.As(err, &e) || e.Kind != c.kind || e.Code != c.code {
			t.Errorf("%s: got %v", c.in.Code(), err)
		}
		if c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: not %v", c.in.Code(), c.is)
		}
		if strings.Contains(e.Msg, "secret") {
			t.Errorf("%s: the message is not for a user: %s", c.in.Code(), e.Msg)
		}
		if status.Code(err) != c.in.Code() {
			t.Errorf("%s became %s", c.in.Code(), status.Code(err))
		}
	}
}

func TestErrorMapping_IsBoundedAndValid(t *testing.T) {
	fields := map[string]string{"bad \xff": "bad \xfe"}
	for i := range 100 {
		fields[fmt.Sprint("field", i)] = strings.Repeat("x", 4000)
	}
	in := beep.Invalid(beep.CodeInvalidField, strings.Repeat("é", 4000))
	in.Fields = fields
	st := toStatus(in)
	e := fromStatus(st)
	if size := len(st.Proto().String()); size > MaxMetadataBytes {
		t.Errorf("the status has %d bytes", size)
	}
	if e.Code != beep.CodeInvalidField || len(e.Fields) != maxErrorFields || len(e.Msg) > maxErrorText {
		t.Errorf("got %s with %d fields", e.Code, len(e.Fields))
	}
	if _, ok := e.Fields["bad "]; !ok {
		t.Errorf("fields %v", slices.Sorted(maps.Keys(e.Fields)))
	}
}

func TestToStatus_KeepsUnimplementedOfGeneratedCodeOnly(t *testing.T) {
	plain := status.Error(codes.Unimplemented, "method Send not implemented")
	if got := toStatus(plain).Code(); got != codes.Unimplemented {
		t.Errorf("own: got %s", got)
	}
	if got := toStatus(clientError(plain)).Code(); got != codes.Internal {
		t.Errorf("a peer's: got %s", got)
	}
}
