package training

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// settling is how long the cache may take to hear of a new pod.
const settling = 2 * time.Second

// made remembers which pods were made a moment ago, by their jobs.
type made struct {
	mu   sync.Mutex
	pods map[types.UID]map[string]time.Time
}

// note remembers a pod that has just been made.
func (m *made) note(job types.UID, pod string, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.pods == nil {
		m.pods = map[types.UID]map[string]time.Time{}
	}
	if m.pods[job] == nil {
		m.pods[job] = map[string]time.Time{}
	}
	m.pods[job][pod] = now
}

// lately reports whether a pod was made so short ago that the cache may not know
// it.
func (m *made) lately(job types.UID, pod string, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	at, ok := m.pods[job][pod]
	return ok && now.Sub(at) < settling
}

// forget drops what is known of a job.
func (m *made) forget(job types.UID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.pods, job)
}
