package beep

import (
	"errors"
	"fmt"
	"time"
)

// Kind is the class of an Error; it alone decides the gRPC code and the HTTP status.
type Kind uint8

// The kinds, with the HTTP status each becomes outside.
const (
	KindInternal        Kind = iota // 500
	KindInvalid                     // 400
	KindUnauthenticated             // 401
	KindForbidden                   // 403
	KindNotFound                    // 404, also for what the caller may not know to exist
	KindConflict                    // 409
	KindPrecondition                // 422
	KindLimited                     // 429
	KindUnavailable                 // 503
)

// Error is the one error type that crosses a service's edge. Code is stable: clients switch on it.
type Error struct {
	Kind       Kind
	Code       Code
	Msg        string            // one plain sentence for a person; no secret, no content
	Fields     map[string]string // per wrong input field, what is wrong with it
	RetryAfter time.Duration     // with KindLimited and KindUnavailable
	Limit      int               // with KindLimited: how many are admitted, if it is so simple
	Err        error             // the cause; logged, never sent
}

// Error is the message and the cause.
func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s (%s): %v", e.Msg, e.Code, e.Err)
	}
	return fmt.Sprintf("%s (%s)", e.Msg, e.Code)
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is makes ErrNotFound and ErrConflict match every error of their kind.
func (e *Error) Is(target error) bool {
	return (target == ErrNotFound && e.Kind == KindNotFound) || (target == ErrConflict && e.Kind == KindConflict)
}

// What a store answers; a use-case turns them into an Error with a code of its own.
var (
	ErrNotFound = errors.New("not found")
	ErrConflict = errors.New("conflict")
)

// Invalid is bad input, 400.
func Invalid(code Code, msg string) *Error { return &Error{Kind: KindInvalid, Code: code, Msg: msg} }

// InvalidField is bad input in one field, 400.
func InvalidField(code Code, field, msg string) *Error {
	return &Error{Kind: KindInvalid, Code: code, Msg: field + ": " + msg, Fields: map[string]string{field: msg}}
}

// Unauthenticated is a missing or refused proof of who calls, 401.
func Unauthenticated(code Code, msg string) *Error {
	return &Error{Kind: KindUnauthenticated, Code: code, Msg: msg}
}

// Forbidden is a known object and a right lacking, 403.
func Forbidden(code Code, msg string) *Error {
	return &Error{Kind: KindForbidden, Code: code, Msg: msg}
}

// NotFound is an object that is not there, or that the caller may not know of, 404.
func NotFound(code Code, msg string) *Error { return &Error{Kind: KindNotFound, Code: code, Msg: msg} }

// Conflict is a state that refuses the change, 409.
func Conflict(code Code, msg string) *Error { return &Error{Kind: KindConflict, Code: code, Msg: msg} }

// Precondition is well-formed input that makes no sense here and now, 422.
func Precondition(code Code, msg string) *Error {
	return &Error{Kind: KindPrecondition, Code: code, Msg: msg}
}

// LimitedTo is one more than limit, 429; the caller may try again after retryAfter.
func LimitedTo(limit int, code Code, msg string, retryAfter time.Duration) *Error {
	return &Error{Kind: KindLimited, Code: code, Msg: msg, RetryAfter: retryAfter, Limit: limit}
}

// Limited is too much, 429; the caller may try again after retryAfter.
func Limited(code Code, msg string, retryAfter time.Duration) *Error {
	return &Error{Kind: KindLimited, Code: code, Msg: msg, RetryAfter: retryAfter}
}

// CodeOf is the code of an error, or none.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// Unavailable is a decision or a store that cannot be had now, 503. The outcome may be unknown: a retry
// with the same nonce settles it.
func Unavailable(err error) *Error {
	return &Error{Kind: KindUnavailable, Code: CodeUnavailable, Msg: "try again in a moment", RetryAfter: time.Second, Err: err}
}
