// Package events tells events of the cluster.
package events

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/record"

	"github.com/prime-radiant/radiant/wording"
)

// mostInNote is what the API server takes of an event's note, and a little less.
const mostInNote = 1000

// Recorder tells events. Two events differ if their notes do: the recorder of
// k8s.io/client-go/tools/events counts all of an object that have the same reason and
// action within six minutes as one, and drops the notes of all but the first
// (client-go 0.37, the key of its cache), so that the second version of a model, or the
// second replica that failed, would not be named. That of tools/record, which this one
// uses, counts those alone that say the same, and combines those of a reason when there
// are more than ten in ten minutes; [NewBroadcaster] says how many are told.
type Recorder struct{ to record.EventRecorder }

// New makes a recorder of a manager's, whose events have a component's name.
func New(m interface {
	GetEventRecorderFor(component string) record.EventRecorder
}, component string,
) Recorder {
	return Recorder{m.GetEventRecorderFor(component)}
}

// Of events about an object for one reason burst are told at once, and perSecond in the
// long run.
const (
	burst     = 25
	perSecond = 1.0 / 30
)

// NewBroadcaster makes what a manager tells events by. That of client-go itself tells of an
// object 25 events of a type at once, whatever their reasons are, and then one in five
// minutes: a deployment that wakes and goes to rest each minute would be silent after a
// quarter of an hour, and what becomes of its new versions would not be told either.
func NewBroadcaster() record.EventBroadcaster {
	return record.NewBroadcasterWithCorrelatorOptions(record.CorrelatorOptions{
		BurstSize: burst, QPS: perSecond, SpamKeyFunc: func(e *corev1.Event) string {
			return strings.Join([]string{e.Source.Component, string(e.InvolvedObject.UID), e.InvolvedObject.Namespace, e.InvolvedObject.Name, e.Type, e.Reason}, "/")
		},
	})
}

// Tell tells an event about an object. A note that is too long is cut.
func (r Recorder) Tell(about runtime.Object, kind, reason, note string) {
	r.to.Event(about, kind, reason, cutNote(note))
}

// cutNote is a text as an event can have it.
func cutNote(text string) string { return wording.Cut(text, mostInNote) }
