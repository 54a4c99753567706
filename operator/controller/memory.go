package controller

import (
	"crypto/sha256"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"

	v1 "github.com/prime-radiant/radiant/apis/v1"
)

// ref names an object of the cluster.
type ref struct {
	schema.GroupKind
	types.NamespacedName
}

func refOf(gk schema.GroupKind, o metav1.Object) ref {
	return ref{gk, types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}}
}

// String is the object as messages name it.
func (r ref) String() string { return r.Kind + " " + r.Name }

// written is what the API server answered to our last write of an object.
type written struct {
	hash    string
	version string
	// fields is the hash of those that we owned then.
	fields fieldsSum
	at     time.Time
}

// fieldsSum is a hash of fields in the form of managedFields.
type fieldsSum [sha256.Size]byte

func sumOf(fields []byte) fieldsSum { return sha256.Sum256(fields) }

// memoryLasts bounds how long an object that is not seen is believed to be
// there: the watch that would show it may have missed it.
const memoryLasts = 30 * time.Second

// memory knows what was written, since what is read may be older. It makes no
// difference after a restart but for a call that changes nothing.
type memory struct {
	mu      sync.Mutex
	now     func() time.Time
	objects map[ref]written
	// switched is when the traffic of a deployment was last switched, statuses
	// what was last written or read of it, and plans what it was last found to ask
	// for.
	switched map[types.NamespacedName]time.Time
	// named is when something was last made that routes of a deployment name.
	named    map[types.NamespacedName]time.Time
	statuses map[types.NamespacedName]writtenStatus
	plans    map[types.NamespacedName]*plan
	// presences are what was seen of the pods of each predictor of a deployment.
	presences map[types.NamespacedName]map[string]presence
}

type writtenStatus struct {
	status  v1.SeldonDeploymentStatus
	version string
}

func newMemory(now func() time.Time) *memory {
	return &memory{
		now: now, objects: map[ref]written{}, switched: map[types.NamespacedName]time.Time{}, named: map[types.NamespacedName]time.Time{},
		statuses: map[types.NamespacedName]writtenStatus{}, plans: map[types.NamespacedName]*plan{}, presences: map[types.NamespacedName]map[string]presence{},
	}
}

func (m *memory) remember(r ref, hash string, o metav1.Object) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.objects[r] = written{hash, o.GetResourceVersion(), sumOf(ownedFields(o)), m.now()}
}

func (m *memory) forget(r ref) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.objects, r)
}

func (m *memory) recall(r ref) (written, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w, ok := m.objects[r]
	return w, ok
}

func (m *memory) switchedTraffic(deployment types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.switched[deployment] = m.now()
}

// sinceSwitch is how long ago the traffic was switched; false if that was
// before this process.
func (m *memory) sinceSwitch(deployment types.NamespacedName) (time.Duration, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at, ok := m.switched[deployment]
	return m.now().Sub(at), ok
}

func (m *memory) madeNamed(deployment types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.named[deployment] = m.now()
}

// sinceNamed is how long ago something was made that routes name; false if that
// was before this process.
func (m *memory) sinceNamed(deployment types.NamespacedName) (time.Duration, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at, ok := m.named[deployment]
	return m.now().Sub(at), ok
}

func (m *memory) forgetDeployment(deployment types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.switched, deployment)
	delete(m.named, deployment)
	delete(m.statuses, deployment)
	delete(m.plans, deployment)
	delete(m.presences, deployment)
}

func (m *memory) rememberStatus(deployment types.NamespacedName, s v1.SeldonDeploymentStatus, version string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.statuses[deployment] = writtenStatus{s, version}
}

func (m *memory) recallStatus(deployment types.NamespacedName) (writtenStatus, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.statuses[deployment]
	return s, ok
}

// isOlder reports whether version a of an object is older than b.
func isOlder(a, b string) bool {
	order, err := resourceversion.CompareResourceVersion(a, b)
	return err == nil && order < 0
}
