package cli

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// saveMemory has the garbage collector begin earlier than Go's programs have it, at 30 %
// as much garbage as there is live memory: nearly all of that is the cache, which stays,
// so that a collection finds little. GOGC counts where it is set.
func saveMemory() {
	const usual, ours = 100, 30
	if set := debug.SetGCPercent(ours); set != usual {
		debug.SetGCPercent(set)
	}
}

const (
	// restLook is how often it is looked at whether an operator has little to do: it makes
	// less garbage than restQuiet meanwhile, in bytes.
	restLook  = 10 * time.Second
	restQuiet = 8 << 20
	// restWorth is the garbage for which it is worth while.
	restWorth = 64 << 20
)

// rests decides when memory is given back that many deployments at once have taken: an
// operator that has little to do makes little garbage, and may not collect it for minutes.
type rests struct{ before, given uint64 }

// due reports whether memory is to be given back now, of a program that has allocated so
// many bytes since it began, as is told each [restLook].
func (r *rests) due(allocated uint64) bool {
	quiet := allocated-r.before < restQuiet
	r.before = allocated
	if !quiet || allocated-r.given < restWorth {
		return false
	}
	r.given = allocated
	return true
}

// giveMemoryBack does so until ctx ends.
func giveMemoryBack(ctx context.Context) {
	ticker := time.NewTicker(restLook)
	defer ticker.Stop()
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	for r := (rests{}); ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if metrics.Read(sample); sample[0].Value.Kind() == metrics.KindUint64 && r.due(sample[0].Value.Uint64()) {
			debug.FreeOSMemory() // It collects garbage first.
		}
	}
}
