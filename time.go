package beep

import "time"

// Now is the time as it is stored: UTC, whole milliseconds.
func Now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
