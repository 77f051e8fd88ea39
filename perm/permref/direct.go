package permref

// Direct is a direct message or a group: who takes part, and who of a pair blocks the other.
type Direct struct {
	Participants map[uint64]bool
	Blocks       map[uint64]bool
}

// Rights is what a user holds there: everyone who takes part looks, sends, attaches and calls, and where one blocks the
// other both only look. Nothing else can be held, and nobody else holds anything.
func (d *Direct) Rights(user uint64) Names {
	switch {
	case !d.Participants[user]:
		return Names{}
	case len(d.Blocks) > 0:
		return Set("view_channels")
	}
	return Set("view_channels", "send_messages", "attach_files", "connect", "speak")
}

// Visible says whether a user may know that the conversation exists.
func (d *Direct) Visible(user uint64) bool { return d.Rights(user)["view_channels"] }
