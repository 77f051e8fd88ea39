package servers

import (
	"context"
	"slices"
	"strconv"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/perm"
)

// reasonLength bounds what someone writes about why, in characters.
const reasonLength = 512

// done is what someone does on a server, for the audit log.
type done struct {
	server beep.ServerID
	actor  beep.UserID // none is the system
	action AuditAction
	target uint64
	reason string
}

// audited is the record of it. It is committed with the change itself: there is no change without a record, and no
// record of what did not happen.
func (s *Service) audited(d done, changes ...AuditChange) Audited {
	changes = slices.DeleteFunc(changes, func(c AuditChange) bool { return slices.Equal(c.From, c.To) })
	return Audited{AuditEntry{
		ID: s.minter.Next(), Server: d.server, Actor: d.actor, Action: d.action, Target: d.target, Changes: changes,
		Reason: d.reason, CreatedAt: beep.Now(),
	}}
}

// checkReason refuses a reason that the log does not take.
func checkReason(reason string) error { return checkText("reason", reason, reasonLength, "\n\t") }

// texts is one side of an audited change; an empty text is a side that was not there.
func texts(values ...string) []string {
	return slices.DeleteFunc(values, func(v string) bool { return v == "" })
}

func number(n uint64) []string {
	if n == 0 {
		return nil
	}
	return []string{strconv.FormatUint(n, 10)}
}

func flag(set bool) []string { return []string{strconv.FormatBool(set)} }

// changesOf compares two objects field by field; the zero value is one that was not there.
func (r Role) changesOf(to Role) []AuditChange {
	return []AuditChange{
		{"name", texts(r.Name), texts(to.Name)},
		{"color", number(uint64(r.Color)), number(uint64(to.Color))},
		{"hoist", flag(r.Hoist), flag(to.Hoist)},
		{"mentionable", flag(r.Mentionable), flag(to.Mentionable)},
		{"rights", r.Rights.Names(), to.Rights.Names()},
	}
}

func (s Server) changesOf(to Server) []AuditChange {
	return []AuditChange{
		{"name", texts(s.Name), texts(to.Name)},
		{"description", texts(s.Description), texts(to.Description)},
	}
}

func (c Channel) changesOf(to Channel) []AuditChange {
	return []AuditChange{
		{"name", texts(c.Name), texts(to.Name)},
		{"topic", texts(c.Topic), texts(to.Topic)},
		{"kind", texts(string(c.Kind)), texts(string(to.Kind))},
		{"parent_id", number(uint64(c.Parent)), number(uint64(to.Parent))},
		{"synced", flag(c.Synced), flag(to.Synced)},
	}
}

func (o Overwrite) changesOf(to Overwrite) []AuditChange {
	target := max(uint64(o.Role), uint64(o.Member), uint64(to.Role), uint64(to.Member))
	field := "member_id"
	if o.Role != 0 || to.Role != 0 {
		field = "role_id"
	}
	return []AuditChange{
		{field, nil, number(target)},
		{"allow", o.Allow.Names(), to.Allow.Names()},
		{"deny", o.Deny.Names(), to.Deny.Names()},
	}
}

// ListAuditEntries answers a page of what was done on a server, to those who manage it.
func (s *Service) ListAuditEntries(ctx context.Context, q AuditQuery) ([]AuditEntry, error) {
	user, err := beep.UserFrom(ctx)
	if err != nil {
		return nil, err
	}
	if q.Limit, err = pageSize(q.Limit); err != nil {
		return nil, err
	}
	list, err := s.store.AuditEntries(ctx, q)
	if err != nil {
		return nil, err
	}
	if _, err := s.onServer(ctx, user, q.Server, perm.ManageServer); err != nil {
		return nil, err
	}
	return list, nil
}
