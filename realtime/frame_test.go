package realtime

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/beep-chat/beep"
	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	realtimev1 "github.com/beep-chat/beep/api/beep/realtime/v1"
)

func TestDecode_ReadsEveryClientFixture(t *testing.T) {
	files, _ := filepath.Glob("../api/fixtures/realtime/client-*.json")
	if len(files) < 6 {
		t.Fatalf("got %d fixtures, want one for each op", len(files))
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		op, d, err := decode(raw)
		if want := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "client-"), ".json"); err != nil || op != want || d == nil {
			t.Errorf("%s: got %q %v %v", file, op, d, err)
		}
	}
}

func TestDecode_RefusesFramesThatAreNotOfTheProtocol(t *testing.T) {
	cases := map[string]struct {
		frame string
		code  beep.Code
	}{
		"not JSON":       {`hello`, beep.CodeInvalidFrame},
		"a list":         {`[]`, beep.CodeInvalidFrame},
		"unknown op":     {`{"op":"shout","d":{}}`, beep.CodeUnknownOp},
		"server's op":    {`{"op":"ready","d":{}}`, beep.CodeUnknownOp},
		"no op":          {`{"d":{}}`, beep.CodeUnknownOp},
		"no d":           {`{"op":"heartbeat"}`, beep.CodeInvalidFrame},
		"third key":      {`{"op":"heartbeat","d":{},"s":1}`, beep.CodeInvalidFrame},
		"op in capitals": {`{"OP":"heartbeat","d":{}}`, beep.CodeInvalidFrame},
		"key twice":      {`{"op":"since","d":{"r":1,"r":2}}`, beep.CodeInvalidFrame},
		"unknown field":  {`{"op":"heartbeat","d":{"x":1}}`, beep.CodeInvalidFrame},
		"wrong type":     {`{"op":"since","d":{"channel_id":"7","r":"x"}}`, beep.CodeInvalidFrame},
		"text behind it": {`{"op":"heartbeat","d":{}} x`, beep.CodeInvalidFrame},
		"two frames":     {`{"op":"heartbeat","d":{}}{"op":"heartbeat","d":{}}`, beep.CodeInvalidFrame},
		"NUL behind it":  {"{\"op\":\"heartbeat\",\"d\":{}}\x00", beep.CodeInvalidFrame},
		"d goes on":      {`{"op":"since","d":{"channel_id":"7","r":1}{}}`, beep.CodeInvalidFrame},
		"negative r":     {`{"op":"since","d":{"channel_id":"7","r":-1}}`, beep.CodeInvalidFrame},
		"id as a number": {`{"op":"since","d":{"channel_id":7,"r":1}}`, beep.CodeInvalidFrame},
		"r as a string":  {`{"op":"since","d":{"channel_id":"7","r":"1"}}`, beep.CodeInvalidFrame},
		"two forms":      {`{"op":"identify","d":{"token":"x","channels":{"7":1,"07":2}}}`, beep.CodeInvalidFrame},
		"d is a string":  {`{"op":"since","d":"x"}`, beep.CodeInvalidFrame},
		"bad UTF-8":      {"{\"op\":\"presence\",\"d\":{\"status\":\"\xff\"}}", beep.CodeInvalidFrame},
		"deep":           {`{"op":"since","d":` + strings.Repeat(`{"a":`, 40) + `1` + strings.Repeat(`}`, 40) + `}`, beep.CodeInvalidFrame},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, _, err := decode([]byte(c.frame))
			var e *beep.Error
			if !errors.As(err, &e) || e.Code != c.code {
				t.Errorf("got %v, want %s", err, c.code)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{`{"op":"since","d":{"channel_id":"7","r":1}}`, `{"op":"identify","d":{"token":"x","channels":{"1":2}}}`, `{"op":1}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		op, d, err := decode(b)
		var e *beep.Error
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("%q: %v is no Error", b, err)
		}
		if err != nil {
			return
		}
		// What was taken means one thing: written again by our own hand it is read as the same.
		again, same, err := decode(encode(op, d).Payload())
		if err != nil || again != op || !proto.Equal(d, same) {
			t.Fatalf("%q: read as %s %v, and that as %s %v, %v", b, op, d, again, same, err)
		}
	})
}

func TestEncode_FramesOfEveryLengthAreWhole(t *testing.T) {
	for _, n := range []int{0, 1, 60, 125, 126, 1000, 1<<16 - 1, 1 << 16, 1 << 17} {
		text := strings.Repeat("x", n)
		f := encode("entries", &realtimev1.Entries{Entries: []*messagesv1.Entry{{Message: &messagesv1.Message{Content: text}}}})
		if f.data[0] != 0x81 || !strings.HasPrefix(string(f.Payload()), `{"op":"entries","d":{`) || !strings.Contains(string(f.Payload()), text) {
			t.Fatalf("length %d: a broken frame", n)
		}
		if got := declared(f.data); got != len(f.Payload()) {
			t.Errorf("length %d: the header says %d, the payload has %d", n, got, len(f.Payload()))
		}
		two := Frame{data: slices.Concat(f.data, f.data)}
		if got := two.Payload(); string(got) != string(f.Payload()) {
			t.Errorf("length %d: with another frame behind it the payload has %d bytes, want %d", n, len(got), len(f.Payload()))
		}
		if string(wrap(f.Payload()).data) != string(f.data) {
			t.Errorf("length %d: wrapped again it differs", n)
		}
	}
}

func declared(frame []byte) int {
	switch frame[1] {
	case 126:
		return int(binary.BigEndian.Uint16(frame[2:]))
	case 127:
		return int(binary.BigEndian.Uint64(frame[2:]))
	}
	return int(frame[1])
}

// The client's fixtures of the server's frames are what encode writes, field by field.
func TestEncode_WritesWhatTheFixturesSay(t *testing.T) {
	in := &realtimev1.Delta{ChannelId: 7, Head: 3, Answer: true, Entries: []*messagesv1.Entry{{R: 2, Kind: "edit"}}}
	got := string(encode("delta", in).Payload())
	for _, want := range []string{`"channel_id":"7"`, `"head":3`, `"answer":true`, `"r":2`} {
		if !strings.Contains(strings.ReplaceAll(got, ": ", ":"), want) {
			t.Errorf("got %s without %s", got, want)
		}
	}
}
