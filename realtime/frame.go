package realtime

import (
	"encoding/binary"
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/beep-chat/beep"
	realtimev1 "github.com/beep-chat/beep/api/beep/realtime/v1"
	"github.com/beep-chat/beep/kit/rest"
)

// Frame is one or more whole WebSocket frames, ready to be written. Its bytes are shared by every session
// that is sent it and are never changed.
type Frame struct {
	data      []byte
	ephemeral bool // typing and presence: a slow client loses these first
}

// Payload is the JSON in the first frame, for tests and in-process sessions. It ends where its frame does: presences
// travel several in one Frame, and the next one's header is no JSON.
func (f Frame) Payload() []byte {
	switch n := f.data[1]; n {
	case 126:
		return f.data[4:][:binary.BigEndian.Uint16(f.data[2:])]
	case 127:
		return f.data[10:][:binary.BigEndian.Uint64(f.data[2:])]
	default:
		return f.data[2:][:n]
	}
}

// encoding leaves empty fields out: a frame is written to thousands, and clients take what is absent for empty.
var encoding = protojson.MarshalOptions{UseProtoNames: true}

// encode makes the frame {"op": op, "d": d}. Encoding a message of our own contracts cannot fail: their
// strings are valid UTF-8, checked where they came in.
func encode(op string, d proto.Message) Frame {
	// With room in front for the longest header, which is filled in when the length is known; nothing is moved for it.
	buf := append(make([]byte, 10, 512), `{"op":"`...)
	buf = append(append(buf, op...), `","d":`...)
	buf, err := encoding.MarshalAppend(buf, d)
	if err != nil {
		return encode("error", &realtimev1.Refused{Code: string(beep.CodeInternal), Message: "a frame could not be encoded"})
	}
	return Frame{data: header(append(buf, '}'))}
}

// wrap frames a payload that was encoded elsewhere.
func wrap(payload []byte) Frame {
	return Frame{data: header(append(make([]byte, 10, 10+len(payload)), payload...))}
}

// header fills in the header of an unmasked text frame (RFC 6455 §5.2) before the payload at buf[10:].
func header(buf []byte) []byte {
	const finText = 0x81
	switch n := len(buf) - 10; {
	case n < 126:
		buf[8], buf[9] = finText, byte(n)
		return buf[8:]
	case n < 1<<16:
		buf[6], buf[7] = finText, 126
		binary.BigEndian.PutUint16(buf[8:], uint16(n))
		return buf[6:]
	default:
		buf[0], buf[1] = finText, 127
		binary.BigEndian.PutUint64(buf[2:], uint64(n))
		return buf
	}
}

// decode reads a client's frame. A wrong one is an Error that the client is told, without effect.
func decode(payload []byte) (op string, d proto.Message, err error) {
	// By the code that the REST edge has: what one of them refuses the other must not take.
	if err := rest.CheckJSON(payload, func(key string) bool { return key == "op" || key == "d" }); err != nil {
		return "", nil, invalidFrame(err)
	}
	var f struct {
		Op string          `json:"op"`
		D  json.RawMessage `json:"d"`
	}
	// It would take "OP" for op too, but CheckJSON has let no such key pass.
	if err := json.Unmarshal(payload, &f); err != nil {
		return "", nil, invalidFrame(err)
	}
	if d = payloadOf(f.Op); d == nil {
		return f.Op, nil, beep.Invalid(beep.CodeUnknownOp, fmt.Sprintf("there is no op %.40q", f.Op))
	}
	if len(f.D) == 0 {
		return f.Op, nil, beep.Invalid(beep.CodeInvalidFrame, "the frame has no d")
	}
	if err := rest.CheckTypes(f.D, d.ProtoReflect().Descriptor()); err != nil {
		return f.Op, nil, invalidFrame(err)
	}
	if err := (protojson.UnmarshalOptions{}).Unmarshal(f.D, d); err != nil {
		return f.Op, nil, invalidFrame(err)
	}
	return f.Op, d, nil
}

// payloadOf is an empty payload for what a client may send, and nil for any other op.
func payloadOf(op string) proto.Message {
	switch op {
	case "identify":
		return &realtimev1.Identify{}
	case "heartbeat":
		return &emptypb.Empty{}
	case "token":
		return &realtimev1.RenewToken{}
	case "since":
		return &realtimev1.Since{}
	case "typing":
		return &realtimev1.StartTyping{}
	case "presence":
		return &realtimev1.SetStatus{}
	}
	return nil
}

// invalidFrame keeps the cause as Err, which no client is told.
func invalidFrame(err error) error {
	e := beep.Invalid(beep.CodeInvalidFrame, "the frame does not fit its op")
	e.Err = err
	return e
}
