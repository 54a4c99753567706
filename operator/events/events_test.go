package events

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/record"
)

// sink keeps the events that an API server would get.
type sink struct {
	mu   sync.Mutex
	told map[string]int
}

func (s *sink) take(e *corev1.Event) (*corev1.Event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told[e.Reason]++
	return e, nil
}

func (s *sink) Create(e *corev1.Event) (*corev1.Event, error)          { return s.take(e) }
func (s *sink) Update(e *corev1.Event) (*corev1.Event, error)          { return s.take(e) }
func (s *sink) Patch(e *corev1.Event, _ []byte) (*corev1.Event, error) { return s.take(e) }

func (s *sink) of(reason string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.told[reason]
}

type manager struct{ record.EventBroadcaster }

func (m manager) GetEventRecorderFor(component string) record.EventRecorder {
	return m.NewRecorder(scheme.Scheme, corev1.EventSource{Component: component})
}

// TestManyEventsHideNoOther: an object of which much is told for one reason is not silent
// about another, and nobody is told without end.
func TestManyEventsHideNoOther(t *testing.T) {
	s, b := &sink{told: map[string]int{}}, NewBroadcaster()
	defer b.Shutdown()
	b.StartRecordingToSink(s)
	r := New(manager{b}, "operator")
	about := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "a", UID: "1"}}
	// A recorder that has much to do drops what is told it: it is told again.
	await := func(reason string, n int) {
		t.Helper()
		for end := time.Now().Add(time.Minute); s.of(reason) < n; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("of %d events %s %d were told", n, reason, s.of(reason))
			}
			r.Tell(about, corev1.EventTypeNormal, reason, fmt.Sprintf("number %d", n))
		}
	}
	for n := range burst {
		await("Woken", n)
	}
	const many = 4 * burst
	for n := range many {
		r.Tell(about, corev1.EventTypeNormal, "Woken", fmt.Sprintf("one more, %d", n))
	}
	await("VersionServing", 1)
	if n := s.of("Woken"); n >= many {
		t.Errorf("%d events were told for one reason", n)
	}
}

func TestNote(t *testing.T) {
	long := strings.Repeat("ä", mostInNote)
	got := cutNote(long)
	if len(got) > mostInNote+3 || !strings.HasSuffix(got, "ä...") || !utf8.ValidString(got) {
		t.Errorf("a long text has become %d bytes: ...%q", len(got), got[len(got)-10:])
	}
	if got := cutNote("short"); got != "short" {
		t.Errorf("a short text has become %q", got)
	}
}
