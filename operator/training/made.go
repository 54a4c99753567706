package training

import (
	"maps"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// settling is how long the cache may take to hear of a new pod.
const settling = 2 * time.Second

// made remembers which pods were made a moment ago.
type made struct {
	mu   sync.Mutex
	pods map[madePod]time.Time
	// swept is when old ones were last forgotten.
	swept time.Time
}

// madePod is a pod of a job.
type madePod struct {
	job types.UID
	pod string
}

// note remembers a pod that has just been made, and once in a while forgets those
// that the cache has long heard of.
func (m *made) note(job types.UID, pod string, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.pods == nil {
		m.pods = map[madePod]time.Time{}
	}
	if now.Sub(m.swept) >= settling {
		m.swept = now
		maps.DeleteFunc(m.pods, func(_ madePod, at time.Time) bool { return now.Sub(at) >= settling })
	}
	m.pods[madePod{job, pod}] = now
}

// lately reports whether a pod was made so short ago that the cache may not know
// it.
func (m *made) lately(job types.UID, pod string, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	at, ok := m.pods[madePod{job, pod}]
	return ok && now.Sub(at) < settling
}

// once remembers of which jobs something was told, so that it is not told again.
type once struct {
	mu   sync.Mutex
	jobs map[types.NamespacedName]types.UID
}

// first reports whether it was not told yet of this job.
func (o *once) first(name types.NamespacedName, job types.UID) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.jobs == nil {
		o.jobs = map[types.NamespacedName]types.UID{}
	}
	told := o.jobs[name] == job
	o.jobs[name] = job
	return !told
}

// forget is for a job that is gone.
func (o *once) forget(name types.NamespacedName) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.jobs, name)
}
