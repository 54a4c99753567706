package server

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/prime-radiant/radiant/scaling"
)

// wakes are the fronts that have requests waiting and no pod.
type wakes struct {
	mu      sync.Mutex
	now     map[string]scaling.Wake
	readers map[chan scaling.Wake]bool
}

func newWakes() *wakes {
	return &wakes{now: map[string]scaling.Wake{}, readers: map[chan scaling.Wake]bool{}}
}

// untold is how many wakes may wait for a reader; one that is slower begins again.
const untold = 1024

func (s *wakes) add(w scaling.Wake) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now[w.Front] = w
	for reader := range s.readers {
		select {
		case reader <- w:
		default:
			close(reader)
			delete(s.readers, reader)
		}
	}
}

func (s *wakes) remove(front string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.now, front)
}

// read returns the wakes that there are, and a channel of those that come.
func (s *wakes) read() (now []scaling.Wake, come chan scaling.Wake, stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	come = make(chan scaling.Wake, untold)
	s.readers[come] = true
	for _, front := range slices.Sorted(maps.Keys(s.now)) {
		now = append(now, s.now[front])
	}
	return now, come, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.readers, come)
	}
}

// silence is how long a reader hears nothing at most.
const silence = 10 * time.Second

// ServeHTTP tells them, one a line, for as long as there is somebody who reads.
func (s *wakes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now, come, stop := s.read()
	defer stop()
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Cache-Control", "no-store")
	lines, flush := json.NewEncoder(w), http.NewResponseController(w).Flush
	for _, one := range now {
		if lines.Encode(one) != nil {
			return
		}
	}
	ticker := time.NewTicker(silence)
	defer ticker.Stop()
	for flush() == nil {
		var err error
		select {
		case one, ok := <-come:
			if !ok {
				return
			}
			err = lines.Encode(one)
		case <-ticker.C:
			_, err = w.Write([]byte("\n"))
		case <-r.Context().Done():
			return
		}
		if err != nil {
			return
		}
	}
}
