package limit

import "time"

// Patient makes r wait for Redis as long as it takes: for tests of how it counts, on machines that are busy.
func Patient(r *Redis) *Redis {
	r.timeout = time.Minute
	return r
}
