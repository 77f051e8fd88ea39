package servers

import (
	"slices"
	"strconv"
	"time"

	"github.com/beep-chat/beep"
)

// reasonLength bounds what someone writes about why, in characters.
const reasonLength = 512

// Deed is what someone does on a server, for the audit log.
type Deed struct {
	Server beep.ServerID
	Actor  beep.UserID // none is the system
	Action AuditAction
	Target uint64
	Reason string
}

// Audited is the record of a deed. It is committed with the change itself: there is no change without a record, and no
// record of what did not happen. A field that is after the deed as it was before is left out.
func (c *Committer) Audited(d Deed, changes ...AuditChange) Audited {
	changes = slices.DeleteFunc(changes, func(f AuditChange) bool { return slices.Equal(f.From, f.To) })
	return Audited{AuditEntry{
		ID: c.minter.Next(), Server: d.Server, Actor: d.Actor, Action: d.Action, Target: d.Target, Changes: changes,
		Reason: d.Reason, CreatedAt: beep.Now(),
	}}
}

// CheckReason refuses a reason that the log does not take.
func CheckReason(reason string) error { return CheckText("reason", reason, reasonLength, "\n\t") }

// Changed is a field before and after.
func Changed(field string, from, to []string) AuditChange { return AuditChange{field, from, to} }

// Texts is one side of an audited change: an empty text is a side that was not there.
func Texts(values ...string) []string {
	return slices.DeleteFunc(values, func(v string) bool { return v == "" })
}

// Number is one side of an audited change; 0 is a side that was not there.
func Number(n uint64) []string {
	if n == 0 {
		return nil
	}
	return []string{strconv.FormatUint(n, 10)}
}

// Instant is one side of an audited change; the zero time is a side that was not there.
func Instant(t time.Time) []string {
	if t.IsZero() {
		return nil
	}
	return []string{t.Format(time.RFC3339Nano)}
}

func flag(set bool) []string { return []string{strconv.FormatBool(set)} }

// ChangesTo compares two roles field by field; the zero value is one that was not there.
func (r Role) ChangesTo(to Role) []AuditChange {
	return []AuditChange{
		{"name", Texts(r.Name), Texts(to.Name)},
		{"color", Number(uint64(r.Color)), Number(uint64(to.Color))},
		{"hoist", flag(r.Hoist), flag(to.Hoist)},
		{"mentionable", flag(r.Mentionable), flag(to.Mentionable)},
		{"rights", r.Rights.Names(), to.Rights.Names()},
	}
}

// ChangesTo compares two servers, likewise.
func (s Server) ChangesTo(to Server) []AuditChange {
	return []AuditChange{
		{"name", Texts(s.Name), Texts(to.Name)},
		{"description", Texts(s.Description), Texts(to.Description)},
		{"public", flag(s.Public), flag(to.Public)},
		{"system_channel_id", Number(uint64(s.SystemChannel)), Number(uint64(to.SystemChannel))},
	}
}

// ChangesTo compares two channels, likewise.
func (c Channel) ChangesTo(to Channel) []AuditChange {
	return []AuditChange{
		{"name", Texts(c.Name), Texts(to.Name)},
		{"topic", Texts(c.Topic), Texts(to.Topic)},
		{"kind", Texts(string(c.Kind)), Texts(string(to.Kind))},
		{"parent_id", Number(uint64(c.Parent)), Number(uint64(to.Parent))},
		{"synced", flag(c.Synced), flag(to.Synced)},
	}
}

// ChangesTo compares two threads, likewise.
func (t Thread) ChangesTo(to Thread) []AuditChange {
	return []AuditChange{
		{"name", Texts(t.Name), Texts(to.Name)},
		{"archived", flag(t.Archived), flag(to.Archived)},
		{"locked", flag(t.Locked), flag(to.Locked)},
	}
}

// ChangesTo compares two overwrites, likewise.
func (o Overwrite) ChangesTo(to Overwrite) []AuditChange {
	target := max(uint64(o.Role), uint64(o.Member), uint64(to.Role), uint64(to.Member))
	field := "member_id"
	if o.Role != 0 || to.Role != 0 {
		field = "role_id"
	}
	return []AuditChange{
		{field, nil, Number(target)},
		{"allow", o.Allow.Names(), to.Allow.Names()},
		{"deny", o.Deny.Names(), to.Deny.Names()},
	}
}
