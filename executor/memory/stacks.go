package memory

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// stacksLook is how often the stacks are looked at, stacksRest the longest pause
	// between two attempts to shrink them.
	stacksLook = 5 * time.Second
	stacksRest = 10 * time.Minute
	// stacksFew are stacks that are left as they are.
	stacksFew = 32 << 20
)

// ShrinkStacks gives back, until ctx ends, what connections that wait have taken
// while they were busy. Each has a goroutine, whose stack has grown to 16 kB by its
// first request; Go's garbage collection halves the stack of a goroutine that
// waits, but an executor whose requests make no garbage does not collect any. What
// does not help is tried less and less often.
func ShrinkStacks(ctx context.Context) {
	pause := stacksLook
	for next := time.Now(); ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(stacksLook):
		}
		if time.Now().Before(next) {
			continue
		}
		before := stacks()
		if before < stacksFew {
			continue
		}
		debug.FreeOSMemory() // It collects garbage first.
		if stacks() > before/4*3 {
			pause = min(2*pause, stacksRest)
		} else {
			pause = stacksLook
		}
		next = time.Now().Add(pause)
	}
}

// stacks is how much memory the stacks of goroutines have, in bytes.
func stacks() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return sample[0].Value.Uint64()
}
