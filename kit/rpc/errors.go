package rpc

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/beep-chat/beep"
)

// This file is the one mapping between beep.Error and gRPC status. The kind travels as the status code, the
// rest as google.rpc details: the code and the limit in ErrorInfo, fields in BadRequest, retry-after in RetryInfo.

// errorDomain marks an ErrorInfo as Beep's own. A status without it was made by gRPC, a proxy or a foreign
// server, and its text and code are not for a user.
const errorDomain = "beep"

// limitKey is where ErrorInfo carries the limit.
const limitKey = "limit"

// Details travel as HTTP/2 trailers, which are bounded: one oversized field must not lose the whole answer.
const (
	maxErrorText   = 512
	maxErrorFields = 16
)

const internalText = "something went wrong on our side"

// codeOf is the status code of each kind. It is its own inverse but for DeadlineExceeded and the codes that
// have no kind, which kindOf adds.
func codeOf(e *beep.Error) codes.Code {
	switch e.Kind {
	case beep.KindInvalid:
		return codes.InvalidArgument
	case beep.KindUnauthenticated:
		return codes.Unauthenticated
	case beep.KindForbidden:
		return codes.PermissionDenied
	case beep.KindNotFound:
		return codes.NotFound
	case beep.KindConflict:
		return codes.AlreadyExists
	case beep.KindPrecondition:
		return codes.FailedPrecondition
	case beep.KindLimited:
		return codes.ResourceExhausted
	case beep.KindUnavailable:
		if errors.Is(e.Err, context.DeadlineExceeded) {
			return codes.DeadlineExceeded
		}
		return codes.Unavailable
	case beep.KindInternal:
	}
	return codes.Internal
}

func kindOf(code codes.Code) beep.Kind {
	switch code {
	case codes.InvalidArgument:
		return beep.KindInvalid
	case codes.Unauthenticated:
		return beep.KindUnauthenticated
	case codes.PermissionDenied:
		return beep.KindForbidden
	case codes.NotFound:
		return beep.KindNotFound
	case codes.AlreadyExists:
		return beep.KindConflict
	case codes.FailedPrecondition:
		return beep.KindPrecondition
	case codes.ResourceExhausted:
		return beep.KindLimited
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled:
		return beep.KindUnavailable
	default:
		return beep.KindInternal
	}
}

// toStatus is what a caller may learn of an error: a beep.Error in full but for its cause, an outage as
// Unavailable or DeadlineExceeded, anything else as Internal without a word of it.
func toStatus(err error) *status.Status {
	if err == nil {
		return nil
	}
	if st, ok := unimplemented(err); ok {
		return st
	}
	e := toError(err)
	if e.Kind == beep.KindInternal {
		return encode(codes.Internal, &beep.Error{Code: beep.CodeInternal, Msg: internalText})
	}
	return encode(codeOf(e), e)
}

// toError finds the beep.Error in err, or the one that err amounts to.
func toError(err error) *beep.Error {
	var e *beep.Error
	if errors.As(err, &e) {
		return e
	}
	switch code := status.Code(err); {
	case errors.Is(err, context.DeadlineExceeded), code == codes.DeadlineExceeded:
		return beep.Unavailable(context.DeadlineExceeded)
	case errors.Is(err, context.Canceled), code == codes.Canceled, code == codes.Unavailable:
		return beep.Unavailable(err)
	}
	return &beep.Error{Code: beep.CodeInternal, Msg: internalText, Err: err}
}

// unimplemented keeps the answer of generated code for a method that a service does not have. Only an
// unwrapped one: further down it is a peer's, and a fault.
func unimplemented(err error) (*status.Status, bool) {
	s, ok := err.(interface{ GRPCStatus() *status.Status })
	if !ok {
		return nil, false
	}
	st := s.GRPCStatus()
	if _, ours := err.(*callError); ours || st.Code() != codes.Unimplemented { //nolint:errorlint // as above
		return nil, false
	}
	return st, true
}

func encode(code codes.Code, e *beep.Error) *status.Status {
	st := status.New(code, clean(e.Msg))
	info := &errdetails.ErrorInfo{Reason: string(e.Code), Domain: errorDomain}
	if e.Limit > 0 {
		info.Metadata = map[string]string{limitKey: strconv.Itoa(e.Limit)}
	}
	details := []protoadapt.MessageV1{info}
	if len(e.Fields) > 0 {
		details = append(details, encodeFields(e.Fields))
	}
	if e.RetryAfter > 0 {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(e.RetryAfter)})
	}
	detailed, err := st.WithDetails(details...)
	if err != nil {
		// Without its details it still says what kind of error it is.
		return st
	}
	return detailed
}

func encodeFields(fields map[string]string) *errdetails.BadRequest {
	br := &errdetails.BadRequest{}
	// In one order, so that it is always the same fields that are left out.
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if len(br.FieldViolations) == maxErrorFields {
			break
		}
		br.FieldViolations = append(br.FieldViolations,
			&errdetails.BadRequest_FieldViolation{Field: clean(name), Description: clean(fields[name])})
	}
	return br
}

// clean makes text fit to travel: valid UTF-8 and bounded.
func clean(s string) string {
	if len(s) > maxErrorText {
		s = s[:maxErrorText]
	}
	// The cut may have gone through a character.
	return strings.ToValidUTF8(s, "")
}

// fromStatus is the inverse of toStatus. Of a status that Beep did not make only the outages keep their
// meaning; the rest is a fault between the two ends, Internal, with the status as its cause.
func fromStatus(st *status.Status) *beep.Error {
	e := &beep.Error{Kind: kindOf(st.Code()), Msg: st.Message()}
	for _, detail := range st.Details() {
		switch d := detail.(type) {
		case *errdetails.ErrorInfo:
			if d.GetDomain() == errorDomain {
				e.Code = beep.Code(d.GetReason())
				e.Limit, _ = strconv.Atoi(d.GetMetadata()[limitKey]) // without one it is 0
			}
		case *errdetails.BadRequest:
			e.Fields = make(map[string]string, len(d.GetFieldViolations()))
			for _, v := range d.GetFieldViolations() {
				e.Fields[v.GetField()] = v.GetDescription()
			}
		case *errdetails.RetryInfo:
			e.RetryAfter = d.GetRetryDelay().AsDuration()
		}
	}
	if e.Code == "" {
		return foreign(st)
	}
	e.Err = cause(st.Code())
	return e
}

// foreign is a status without our mark: gRPC's own, or of something between the two ends.
func foreign(st *status.Status) *beep.Error {
	switch st.Code() {
	case codes.DeadlineExceeded, codes.Canceled:
		return beep.Unavailable(cause(st.Code()))
	case codes.Unavailable:
		return beep.Unavailable(st.Err())
	default:
		return &beep.Error{Code: beep.CodeInternal, Msg: internalText, Err: st.Err()}
	}
}

// cause lets errors.Is tell a deadline and a cancellation from an outage, in both modes.
func cause(code codes.Code) error {
	switch code {
	case codes.DeadlineExceeded:
		return context.DeadlineExceeded
	case codes.Canceled:
		return context.Canceled
	default:
		return nil
	}
}

// callError is what every client call returns: a beep.Error for errors.As, a status for status.FromError.
type callError struct {
	status *status.Status
	err    *beep.Error
}

// Error is the text of the beep.Error.
func (e *callError) Error() string { return e.err.Error() }

// Unwrap is the beep.Error.
func (e *callError) Unwrap() error { return e.err }

// GRPCStatus is the status as it arrived.
func (e *callError) GRPCStatus() *status.Status { return e.status }

// clientError gives what a call returned its final form; nil and the io.EOF that ends a stream stay as they are.
func clientError(err error) error {
	if err == nil || err == io.EOF { //nolint:errorlint // gRPC returns io.EOF itself
		return err
	}
	if _, ok := err.(*callError); ok { //nolint:errorlint // made here, never wrapped
		return err
	}
	st, ok := status.FromError(err)
	if !ok {
		st = status.FromContextError(err)
	}
	return &callError{status: st, err: fromStatus(st)}
}

// tooLarge refuses a request before it is sent. A reply above the bound is no fault of the caller's and
// arrives as Internal; both have the status that gRPC gives them.
func tooLarge() error {
	return &callError{
		status: status.Newf(codes.ResourceExhausted, "message larger than %d bytes", MaxMessageBytes),
		err:    beep.Invalid(beep.CodeBodyTooLarge, "too large"),
	}
}

// reported tells whether err is a peer's answer that the peer itself has logged already.
func reported(err error) bool {
	var ce *callError
	return errors.As(err, &ce) && ce.err.Code == beep.CodeInternal && hasInfo(ce.status)
}

func hasInfo(st *status.Status) bool {
	for _, detail := range st.Details() {
		if d, ok := detail.(*errdetails.ErrorInfo); ok && d.GetDomain() == errorDomain {
			return true
		}
	}
	return false
}
