// Package client speaks to Beep from outside, over REST and the socket, as docs/realtime.md tells a stranger
// to. The end-to-end tests, the fault tests and `beep bench` are built on it; it shares no code with the
// services. Start with API for REST and Socket for the log.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/beep-chat/beep"
)

// API calls the REST API of one installation as one user.
type API struct {
	Base  string // such as http://127.0.0.1:8080
	Token func(ctx context.Context) (string, error)
	HTTP  *http.Client
}

// Problem is a refusal: a problem document, with its status.
//
//nolint:errname // RFC 9457 calls it a problem
type Problem struct {
	Status     int               `json:"status"`
	Code       beep.Code         `json:"code"`
	Detail     string            `json:"detail"`
	Fields     map[string]string `json:"fields"`
	TraceID    string            `json:"trace_id"`
	RetryAfter time.Duration     `json:"-"`
}

// Error is the code and what was said to a person.
func (p *Problem) Error() string { return fmt.Sprintf("%d %s: %s", p.Status, p.Code, p.Detail) }

// CodeOf is the code of a refusal, or "" for any other error.
func CodeOf(err error) beep.Code {
	var p *Problem
	if errors.As(err, &p) {
		return p.Code
	}
	return ""
}

// Unknown says whether err leaves it open if the request had an effect: no answer, or a 503. Whoever asked asks
// again, with the same nonce.
func Unknown(err error) bool {
	var p *Problem
	return err != nil && (!errors.As(err, &p) || p.Status == http.StatusServiceUnavailable || p.Status >= 500)
}

// Call makes one request. in and out are messages of the contracts, or nil; out is what the answer's body
// holds.
func (a *API) Call(ctx context.Context, method, path string, in, out proto.Message) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = (protojson.MarshalOptions{UseProtoNames: true}).Marshal(in); err != nil {
			return err
		}
	}
	status, raw, err := a.Raw(ctx, method, path, body)
	if err != nil {
		return err
	}
	if out == nil {
		return nil
	}
	// Strictly, as no client in the wild should: in a test a field that the contract does not have is a mistake.
	if err := (protojson.UnmarshalOptions{}).Unmarshal(raw, out); err != nil {
		return fmt.Errorf("%s %s answered %d with %.200q: %w", method, path, status, raw, err)
	}
	return nil
}

// maxAnswer bounds an answer that we read.
const maxAnswer = 4 << 20

// Raw makes one request with a body as it stands; a refusal is a *Problem.
func (a *API) Raw(ctx context.Context, method, path string, body []byte) (int, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, a.Base+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if len(body) > 0 {
		r.Header.Set("Content-Type", "application/json")
	}
	// For each request: it may have been renewed since the last.
	if a.Token != nil {
		token, err := a.Token(ctx)
		if err != nil {
			return 0, nil, err
		}
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
	}
	resp, err := a.HTTP.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return resp.StatusCode, nil, err
	}
	if resp.StatusCode >= http.StatusBadRequest {
		return resp.StatusCode, raw, problemOf(resp, raw)
	}
	return resp.StatusCode, raw, nil
}

func problemOf(resp *http.Response, raw []byte) error {
	p := &Problem{}
	// Not ours then, but a proxy's, say. What it wrote is kept for whoever reads the error.
	if json.Unmarshal(raw, p) != nil || p.Code == "" {
		p.Detail = fmt.Sprintf("%.200q", raw)
	}
	p.Status = resp.StatusCode
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
		p.RetryAfter = time.Duration(s) * time.Second
	}
	return p
}
