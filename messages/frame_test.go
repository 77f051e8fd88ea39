package messages

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/beep-chat/beep"
	realtimev1 "github.com/beep-chat/beep/api/beep/realtime/v1"
)

// reference is the frame as protojson makes it, without white space.
func reference(t *testing.T, entries []Entry) []byte {
	t.Helper()
	list := &realtimev1.Entries{ChannelId: uint64(entries[0].Channel)}
	for _, e := range entries {
		list.Entries = append(list.Entries, entryToProto(e))
	}
	d, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(list)
	if err != nil {
		t.Fatalf("protojson: %v", err)
	}
	b := bytes.NewBufferString(`{"op":"entries","d":`)
	if err := json.Compact(b, d); err != nil {
		t.Fatal(err)
	}
	b.WriteByte('}')
	return b.Bytes()
}

func FuzzAppendFrame(f *testing.F) {
	f.Add("hello", "n-1", uint64(1), uint32(1), int64(1763999999123), uint8(Create), true)
	f.Add("quotes \" \\ / \b\f\n\r\t\x00\x1f\x7f <>&\u2028\ufffd\U0010ffff", "", uint64(math.MaxUint64), uint32(math.MaxUint32), int64(0), uint8(Edit), false)
	f.Add("", "x", uint64(0), uint32(0), int64(-62135596800000), uint8(Delete), true)
	f.Add("\x80", "\xc3", uint64(5), uint32(3), int64(253402300799999), uint8(0), false)
	f.Fuzz(func(t *testing.T, content, nonce string, id uint64, r uint32, ms int64, kind uint8, deleted bool) {
		// What reaches the log is UTF-8, of a known kind and within the years that a Timestamp has.
		content, nonce = strings.ToValidUTF8(content, "?"), strings.ToValidUTF8(nonce, "?")
		const first, span = -62135596800000, 315537897600000 - 1000
		at := time.UnixMilli(first + (ms%span+span)%span).UTC()
		e := Entry{
			Channel: beep.ChannelID(id), R: r, Mid: beep.MessageID(id >> 1), Kind: Kind(kind % 4), Actor: beep.UserID(id / 3),
			Nonce: nonce, V: r / 2, State: State{
				Origin:  Origin{Author: beep.UserID(id / 5), Nonce: nonce, N: r / 3, CreatedAt: at},
				Content: content, Deleted: deleted,
			},
		}
		edited := e
		edited.State.EditedAt, edited.State.Content = at.Add(time.Second/2), strings.Repeat(content, 2)
		list := []Entry{e, edited}
		if got, want := appendFrame(nil, list), reference(t, list); !bytes.Equal(got, want) {
			t.Errorf("frame\n%s\nwant\n%s", got, want)
		}
	})
}

// TestAppendFrame_EveryField fills every field of the contract, so that a field added to it is not forgotten here.
func TestAppendFrame_EveryField(t *testing.T) {
	t.Parallel()
	e := Entry{
		Channel: 1, R: 2, Mid: 3, Kind: Edit, Actor: 4, Nonce: "a", V: 5, State: State{
			Origin:  Origin{Author: 6, Nonce: "b", N: 7, CreatedAt: beep.Now()},
			Content: "c", EditedAt: beep.Now(), Deleted: true,
		},
	}
	m := entryToProto(e)
	for _, part := range []proto.Message{m, m.GetMessage()} {
		r := part.ProtoReflect()
		for i := range r.Descriptor().Fields().Len() {
			if fd := r.Descriptor().Fields().Get(i); !r.Has(fd) {
				t.Errorf("%s is not filled", fd.FullName())
			}
		}
	}
	if got, want := appendFrame(nil, []Entry{e}), reference(t, []Entry{e}); !bytes.Equal(got, want) {
		t.Errorf("frame\n%s\nwant\n%s", got, want)
	}
}

// TestAppendFrame_Fixture makes the example that the clients' tests read.
func TestAppendFrame_Fixture(t *testing.T) {
	t.Parallel()
	fixture, err := os.ReadFile("../api/fixtures/realtime/server-entries.json")
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		D json.RawMessage
	}
	if err := json.Unmarshal(fixture, &want); err != nil {
		t.Fatal(err)
	}
	list := &realtimev1.Entries{}
	if err := protojson.Unmarshal(want.D, list); err != nil {
		t.Fatal(err)
	}
	var entries []Entry
	for _, x := range list.GetEntries() {
		m := x.GetMessage()
		e := Entry{
			Channel: beep.ChannelID(list.GetChannelId()), R: x.GetR(), Kind: Create, Actor: beep.UserID(x.GetActorId()), Nonce: x.GetNonce(),
			Mid: beep.MessageID(m.GetId()), V: m.GetV(), State: State{
				Origin:  Origin{Author: beep.UserID(m.GetAuthorId()), Nonce: m.GetNonce(), N: m.GetN(), CreatedAt: m.GetCreatedAt().AsTime()},
				Content: m.GetContent(), Deleted: m.GetDeleted(),
			},
		}
		entries = append(entries, e)
	}
	var frame struct {
		Op string
		D  json.RawMessage
	}
	if err := json.Unmarshal(appendFrame(nil, entries), &frame); err != nil {
		t.Fatal(err)
	}
	got := &realtimev1.Entries{}
	if err := protojson.Unmarshal(frame.D, got); err != nil {
		t.Fatal(err)
	}
	if frame.Op != "entries" || !proto.Equal(got, list) {
		t.Errorf("frame %s is not the fixture", frame.D)
	}
}

func TestWake_LeavesALargeFrameOut(t *testing.T) {
	t.Parallel()
	list := []Entry{{Channel: 1, R: 5, VE: 9}, {Channel: 1, R: 6, VE: 8}}
	list[0].State.Content = strings.Repeat("x", maxFrame/2)
	w := wake(appended{beep.ServerScope(3), list})
	if len(w.GetFrame()) == 0 || w.GetFirst() != 5 || w.GetLast() != 6 || w.GetE() != 9 || w.GetScope().GetKind() != "server" {
		t.Errorf("wake %v, want 5 to 6 at 9 in a server, with a frame", w)
	}
	list[1].State.Content = list[0].State.Content
	if w := wake(appended{beep.ServerScope(3), list}); len(w.GetFrame()) > 0 || w.GetLast() != 6 {
		t.Errorf("a frame of %d bytes to %d, want none to 6", len(w.GetFrame()), w.GetLast())
	}
}

func TestPublisher_DropsWhenItCannotFollow(t *testing.T) {
	t.Parallel()
	p := newPublisher(nil, slog.New(slog.DiscardHandler))
	for r := range uint32(publishQueue + 5) {
		p.add(beep.ServerScope(3), []Entry{{Channel: 1, R: r + 1}})
	}
	if got := p.dropped.Load(); got != 5 {
		t.Errorf("%d dropped, want 5", got)
	}
}

func BenchmarkAppendFrame(b *testing.B) {
	e := Entry{
		Channel: 1581000000000000002, R: 2000, Mid: 1581000000000000003, Kind: Create, Actor: 1581000000000000004, Nonce: "0123456789abcdef", V: 2000,
		State: State{
			Origin:  Origin{Author: 1581000000000000004, Nonce: "0123456789abcdef", N: 7, CreatedAt: beep.Now()},
			Content: strings.Repeat("some words ", 10),
		},
	}
	var frame []byte
	for b.Loop() {
		frame = appendFrame(frame[:0], []Entry{e})
	}
}
