package rest

import (
	"errors"
	"io"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/beep-chat/beep"
)

// codec is the one JSON form: proto names, ids as strings, every field present but absent messages.
type codec struct{}

var _ runtime.Marshaler = codec{}

// encode sends fields at their defaults too, so that an answer has one shape whatever its values.
var encode = protojson.MarshalOptions{UseProtoNames: true, EmitDefaultValues: true}

// Marshal encodes a message; nil is an empty object.
func (codec) Marshal(v any) ([]byte, error) {
	m, ok := v.(proto.Message)
	if !ok {
		return nil, errors.New("rest: only messages are encoded")
	}
	return encode.Marshal(m)
}

// Unmarshal decodes what CheckJSON has let pass.
func (codec) Unmarshal(data []byte, v any) error {
	m, ok := v.(proto.Message)
	if !ok {
		return errors.New("rest: only messages are decoded")
	}
	// DiscardUnknown stays off: a mistyped field is an error, not a change that did not happen.
	if err := (protojson.UnmarshalOptions{}).Unmarshal(data, m); err != nil {
		return beep.Invalid(beep.CodeInvalidBody, detail(err))
	}
	return nil
}

// detail keeps what helps of protojson's message; its prefix varies on purpose from build to build.
func detail(err error) string {
	msg := err.Error()
	if _, after, ok := strings.Cut(msg, "): "); ok {
		msg = after
	}
	if len(msg) > 160 || msg == "" {
		return "the body does not fit the method"
	}
	return "the body does not fit the method: " + msg
}

// NewDecoder decodes one message; an empty body is io.EOF, which the generated code takes for no fields.
func (c codec) NewDecoder(r io.Reader) runtime.Decoder {
	return runtime.DecoderFunc(func(v any) error {
		data, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		if len(data) == 0 {
			return io.EOF
		}
		return c.Unmarshal(data, v)
	})
}

// NewEncoder encodes to w.
func (c codec) NewEncoder(w io.Writer) runtime.Encoder {
	return runtime.EncoderFunc(func(v any) error {
		data, err := c.Marshal(v)
		if err != nil {
			return err
		}
		_, err = w.Write(data)
		return err
	})
}

// ContentType is always JSON.
func (codec) ContentType(any) string { return "application/json" }
