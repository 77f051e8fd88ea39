package messages

import (
	"strconv"
	"time"
)

// maxFrame is the largest frame that goes over the bus; who follows the channel reads a larger one from the log.
const maxFrame = 256 << 10

// appendFrame appends the "entries" frame of entries, which are of one channel: the JSON of realtime.v1.Entries, as
// protojson with UseProtoNames makes it, byte for byte but for white space (a test holds it to that). It is written
// by hand because it is encoded for every batch, and protojson costs some ten times as much.
func appendFrame(b []byte, entries []Entry) []byte {
	b = append(b, `{"op":"entries","d":{`...)
	w := jsonWriter{b: b}
	w.id("channel_id", uint64(entries[0].Channel))
	w.key("entries")
	w.b = append(w.b, '[')
	for i := range entries {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.entry(&entries[i])
	}
	return append(w.b, "]}}"...)
}

// jsonWriter writes fields; one that is empty is left out.
type jsonWriter struct {
	b []byte
}

// entry writes the fields in the order of the contract, as protojson does.
func (w *jsonWriter) entry(e *Entry) {
	w.open()
	w.number("r", e.R)
	w.text("kind", e.Kind.String())
	w.id("actor_id", uint64(e.Actor))
	w.text("nonce", e.Nonce)
	w.key("message")
	w.open()
	w.id("id", uint64(e.Mid))
	w.id("channel_id", uint64(e.Channel))
	w.id("author_id", uint64(e.State.Author))
	w.text("content", e.State.Content)
	w.time("created_at", e.State.CreatedAt)
	w.time("edited_at", e.State.EditedAt)
	w.text("nonce", e.State.Nonce)
	w.number("n", e.State.N)
	w.number("v", e.V)
	if e.State.Deleted {
		w.key("deleted")
		w.b = append(w.b, "true"...)
	}
	w.b = append(w.b, "}}"...)
}

// open begins an object; key sees by the brace that its field is the first.
func (w *jsonWriter) open() { w.b = append(w.b, '{') }

// key begins a field; names need no escaping.
func (w *jsonWriter) key(name string) {
	if w.b[len(w.b)-1] != '{' {
		w.b = append(w.b, ',')
	}
	w.b = append(w.b, '"')
	w.b = append(w.b, name...)
	w.b = append(w.b, `":`...)
}

// id writes a decimal string: a browser's numbers end at 2^53.
func (w *jsonWriter) id(name string, id uint64) {
	if id == 0 {
		return
	}
	w.key(name)
	w.b = append(w.b, '"')
	w.b = strconv.AppendUint(w.b, id, 10)
	w.b = append(w.b, '"')
}

func (w *jsonWriter) number(name string, n uint32) {
	if n == 0 {
		return
	}
	w.key(name)
	w.b = strconv.AppendUint(w.b, uint64(n), 10)
}

// time writes no fraction or three digits of it, as stored times are.
func (w *jsonWriter) time(name string, t time.Time) {
	if t.IsZero() {
		return
	}
	layout := `"2006-01-02T15:04:05.000Z"`
	if t.Nanosecond() == 0 {
		layout = `"2006-01-02T15:04:05Z"`
	}
	w.key(name)
	w.b = t.UTC().AppendFormat(w.b, layout)
}

// text takes valid UTF-8 only, which everything in the log was checked to be.
func (w *jsonWriter) text(name, s string) {
	if s == "" {
		return
	}
	w.key(name)
	w.b = append(w.b, '"')
	for len(s) > 0 {
		i := plain(s)
		w.b = append(w.b, s[:i]...)
		s = s[i:]
		if s != "" {
			w.escape(s[0])
			s = s[1:]
		}
	}
	w.b = append(w.b, '"')
}

// plain is the length of what s begins with that needs no escaping.
func plain(s string) int {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' {
			return i
		}
	}
	return len(s)
}

// escape writes what JSON must not have as it is; < > & and U+2028 may stay, since no frame is ever read as a script.
func (w *jsonWriter) escape(c byte) {
	const hex = "0123456789abcdef"
	switch c {
	case '"', '\\':
		w.b = append(w.b, '\\', c)
	case '\b':
		w.b = append(w.b, `\b`...)
	case '\f':
		w.b = append(w.b, `\f`...)
	case '\n':
		w.b = append(w.b, `\n`...)
	case '\r':
		w.b = append(w.b, `\r`...)
	case '\t':
		w.b = append(w.b, `\t`...)
	default:
		w.b = append(w.b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
	}
}
