package memory

import (
	"runtime/debug"
	"sync"
)

// Of the limit of a container, budgetPercent is for messages under way, and
// processPercent for the process in all. The rest is for what the kernel holds
// of connections.
const (
	budgetPercent  = 60
	processPercent = 85
)

// DefaultBudget is the budget that fits a container with this limit; 0: no
// limit, no bound.
func DefaultBudget(limit int64) int64 { return limit / 100 * budgetPercent }

// heapStep is how much regions change before the heap is told: telling it stops
// all that runs for a moment.
const heapStep = 16 << 20

// leastHeap is what the heap may always take.
const leastHeap = 64 << 20

// BoundHeap returns what [Regions] should be watched by, so that the heap and
// they together stay within a container's limit: the collector runs earlier the
// more the regions hold. It knows nothing of them by itself.
func BoundHeap(limit int64) func(mapped int64) {
	total := limit / 100 * processPercent
	var mu sync.Mutex
	told := int64(-1)
	tell := func(mapped int64) {
		mu.Lock()
		defer mu.Unlock()
		if step := mapped / heapStep; step != told {
			told = step
			debug.SetMemoryLimit(max(total-(step+1)*heapStep, leastHeap))
		}
	}
	tell(0)
	return tell
}
