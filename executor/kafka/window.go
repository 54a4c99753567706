package kafka

import (
	"context"
	"sync"
)

// window bounds what is under way, so that a slow graph holds back the reading
// and does not fill the memory.
type window struct {
	maxRecords, maxBytes int
	freed                chan struct{}

	mu             sync.Mutex
	records, bytes int
}

func newWindow(maxRecords, maxBytes int) *window {
	return &window{maxRecords: maxRecords, maxBytes: maxBytes, freed: make(chan struct{}, 1)}
}

// room waits until there is some and returns for how many records; 0: ctx has
// ended. One caller only.
func (w *window) room(ctx context.Context) int {
	for ctx.Err() == nil {
		if n := w.free(); n > 0 {
			return n
		}
		select {
		case <-w.freed:
		case <-ctx.Done():
		}
	}
	return 0
}

func (w *window) free() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.bytes >= w.maxBytes {
		return 0
	}
	return w.maxRecords - w.records
}

// take counts records in, or out again if negative.
func (w *window) take(records, bytes int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.records += records
	w.bytes += bytes
	if records < 0 {
		select {
		case w.freed <- struct{}{}:
		default:
		}
	}
}
