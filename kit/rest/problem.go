package rest

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/beep-chat/beep"
)

// Problem is a problem document (RFC 9457) as it is sent, application/problem+json. Clients switch on Code.
type Problem struct {
	Type    string            `json:"type"` // "about:blank": the code says all
	Title   string            `json:"title"`
	Status  int               `json:"status"`
	Detail  string            `json:"detail,omitempty"`
	Code    beep.Code         `json:"code"`
	Fields  map[string]string `json:"fields,omitempty"`
	TraceID string            `json:"trace_id,omitempty"`
}

// statuses maps a kind to its HTTP status; kit/rpc maps the same kinds to gRPC codes.
var statuses = map[beep.Kind]int{
	beep.KindInternal: http.StatusInternalServerError, beep.KindInvalid: http.StatusBadRequest,
	beep.KindUnauthenticated: http.StatusUnauthorized, beep.KindForbidden: http.StatusForbidden,
	beep.KindNotFound: http.StatusNotFound, beep.KindConflict: http.StatusConflict,
	beep.KindPrecondition: http.StatusUnprocessableEntity, beep.KindLimited: http.StatusTooManyRequests,
	beep.KindUnavailable: http.StatusServiceUnavailable,
}

// transport are the codes of HTTP itself, which have a status of their own: their kind, invalid, would be 400, and tell
// a client to look for the fault in its JSON.
var transport = map[beep.Code]int{
	beep.CodeBodyTooLarge:     http.StatusRequestEntityTooLarge,
	beep.CodeUnsupportedMedia: http.StatusUnsupportedMediaType,
	beep.CodeMethodNotAllowed: http.StatusMethodNotAllowed,
}

// Problem answers err. What is not a beep.Error is a fault: it is told to Options.Fault and answered 500
// without detail.
func (e *Edge) Problem(w http.ResponseWriter, r *http.Request, err error) {
	known := asError(err)
	// Told here and nowhere before, so that a fault is one line of the log however many hands it went through.
	if known.Kind == beep.KindInternal && e.opts.Fault != nil {
		e.opts.Fault(r.Context(), err)
	}
	p := problemOf(known)
	if e.opts.TraceID != nil {
		p.TraceID = e.opts.TraceID(r.Context())
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	// A refusal that was kept would outlive its cause.
	h.Set("Cache-Control", "no-store")
	pace(h, known)
	if known.Kind == beep.KindUnauthenticated {
		// RFC 9110 wants it in every 401 (15.5.2).
		h.Set("WWW-Authenticate", `Bearer realm="beep"`)
	}
	body, err := json.Marshal(p)
	if err != nil { // a map of strings always encodes
		body = []byte(`{}`)
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write(body) // the client is gone: nobody to tell
}

// pace says when to come back and, of a limit, how much it allows; seconds, rounded up so that who waits is admitted.
func pace(h http.Header, e *beep.Error) {
	if e.RetryAfter <= 0 {
		return
	}
	seconds := strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds())))
	h.Set("Retry-After", seconds)
	if e.Kind != beep.KindLimited {
		return
	}
	if e.Limit > 0 {
		h.Set("X-RateLimit-Limit", strconv.Itoa(e.Limit))
	}
	h.Set("X-RateLimit-Remaining", "0")
	h.Set("X-RateLimit-Reset", seconds)
}

// problemOf leaves out of a fault all but its code: what went wrong is for the log.
func problemOf(e *beep.Error) Problem {
	code := statuses[e.Kind]
	if s, ok := transport[e.Code]; ok {
		code = s
	}
	p := Problem{Type: "about:blank", Title: http.StatusText(code), Status: code, Detail: e.Msg, Code: e.Code, Fields: e.Fields}
	if e.Kind == beep.KindInternal {
		p.Detail, p.Fields = "something went wrong on our side", nil
	}
	return p
}

// asError finds the beep.Error in err, or makes one of a status that grpc-gateway itself has made.
func asError(err error) *beep.Error {
	var known *beep.Error
	if errors.As(err, &known) {
		return known
	}
	// Time that ran out, or a client that left, is nobody's bug: as a 500 it would wake somebody.
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return beep.Unavailable(err)
	}
	st, ok := status.FromError(err)
	if !ok {
		return &beep.Error{Kind: beep.KindInternal, Code: beep.CodeInternal, Msg: "internal", Err: err}
	}
	switch st.Code() { //nolint:exhaustive // the rest are faults
	case codes.InvalidArgument:
		return fromGateway(st)
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled:
		return beep.Unavailable(err)
	// From grpc-gateway alone, which found no route. A service's own not_found is a beep.Error and was taken above.
	case codes.NotFound, codes.Unimplemented:
		return beep.NotFound(beep.CodeRouteNotFound, "there is no such path")
	case codes.ResourceExhausted:
		return beep.Limited(beep.CodeRateLimited, "too much at once", time.Second)
	}
	return &beep.Error{Kind: beep.KindInternal, Code: beep.CodeInternal, Msg: "internal", Err: err}
}

// fromGateway reads grpc-gateway's own refusals, which carry the text of ours.
func fromGateway(st *status.Status) *beep.Error {
	msg := st.Message()
	// An error of codec or queryParser comes back as the text of a status of theirs, as beep.Error prints itself.
	for _, code := range []beep.Code{beep.CodeInvalidBody, beep.CodeInvalidQuery, beep.CodeInvalidID} {
		if before, ok := strings.CutSuffix(msg, " ("+string(code)+")"); ok {
			return beep.Invalid(code, before)
		}
	}
	// What grpc-gateway says of a variable in the path.
	if strings.HasPrefix(msg, "type mismatch") {
		return beep.Invalid(beep.CodeInvalidID, "the path holds something that is not an id")
	}
	return beep.Invalid(beep.CodeInvalidBody, "the request does not fit the method")
}
