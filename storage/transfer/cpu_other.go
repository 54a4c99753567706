//go:build !(linux || darwin || freebsd)

package transfer

import "time"

// cpuTime is not known.
func cpuTime() time.Duration { return 0 }
